/* SPDX-License-Identifier: BSD-2-Clause */
/* eh.c - see eh.h */
#include "hook/eh.h"

#include <elf.h>

#define HDR_SIZE 12 /* bytes before the rows */
#define ROW_SIZE 8

/* --- reading ---------------------------------------------------------------------------------- */

struct bytes eh_take(struct eh_reader *r, uint64_t n)
{
	const void *p = r->bad ? NULL : bytes_at(r->b, r->at, n);

	r->bad |= !p;
	if (!p)
		return (struct bytes){ 0 };
	r->at += n;
	return (struct bytes){ p, n };
}

uint64_t eh_uint(struct eh_reader *r, size_t size)
{
	const struct bytes b = eh_take(r, size);
	uint64_t v = 0;

	if (b.size)
		memcpy(&v, b.data, b.size);
	return v;
}

/* 7 bits a byte; *ret_bits is how many there were. */
static uint64_t leb(struct eh_reader *r, uint32_t *ret_bits, uint8_t *ret_last)
{
	uint64_t v = 0;
	uint32_t bits = 0;
	uint8_t byte;

	do {
		byte = eh_byte(r);
		if (bits < 64)
			v |= (uint64_t)(byte & 0x7f) << bits;
		bits += 7;
	} while (byte & 0x80);
	*ret_bits = bits;
	*ret_last = byte;
	return v;
}

uint64_t eh_uleb(struct eh_reader *r)
{
	uint32_t bits;
	uint8_t last;

	return leb(r, &bits, &last);
}

int64_t eh_sleb(struct eh_reader *r)
{
	uint32_t bits;
	uint8_t last;
	uint64_t v = leb(r, &bits, &last);

	if (bits < 64 && last & 0x40)
		v |= ~UINT64_C(0) << bits;
	return (int64_t)v;
}

/* --- the file --------------------------------------------------------------------------------- */

/* The bytes from that address to the end of its part; *ret_off is where in the file. */
static bool at_address(const struct eh *eh, uint64_t addr, uint64_t *ret_off, struct bytes *ret)
{
	for (uint32_t i = 0; i < eh->parts; i++) {
		const struct eh_part *p = &eh->part[i];

		if (addr - p->addr >= p->size)
			continue;
		*ret_off = p->off + (addr - p->addr);
		*ret = (struct bytes){ eh->file.data + *ret_off, p->size - (addr - p->addr) };
		return true;
	}
	return false;
}

/* A row is two offsets from the head: of a function and of its FDE. */
static uint64_t row_address(const struct eh *eh, uint32_t row, size_t which)
{
	int32_t rel;

	memcpy(&rel, eh->table.data + (size_t)row * ROW_SIZE + which * sizeof(rel), sizeof(rel));
	return eh->hdr + (uint64_t)(int64_t)rel;
}

bool eh_begin(const struct eh *eh, uint32_t row, uint64_t *ret_off)
{
	struct bytes rest;

	return at_address(eh, row_address(eh, row, 0), ret_off, &rest);
}

/* A head says how what follows is written; what is not as every linker writes it is left alone. */
static void read_hdr(struct eh *eh, const Elf64_Phdr *ph)
{
	static const uint8_t usual[4] = { 1, 0x1b, 0x03, 0x3b };
	const uint8_t *hdr = bytes_at(eh->file, ph->p_offset, ph->p_filesz);
	uint32_t n;

	if (!hdr || ph->p_filesz < HDR_SIZE || memcmp(hdr, usual, sizeof(usual)) != 0)
		return;
	memcpy(&n, hdr + 8, sizeof(n));
	eh->hdr = ph->p_vaddr;
	eh->table = (struct bytes){ hdr + HDR_SIZE, ph->p_filesz - HDR_SIZE };
	eh->n = (uint32_t)MIN((uint64_t)n, eh->table.size / ROW_SIZE);
}

/* Notes are a head, a name and what it is about, each a multiple of four bytes. */
static void read_notes(struct eh *eh, const Elf64_Phdr *ph)
{
	const void *notes = bytes_at(eh->file, ph->p_offset, ph->p_filesz);
	struct eh_reader r = { { notes, notes ? ph->p_filesz : 0 } };

	while (!r.bad && r.at < r.b.size) {
		const uint64_t name_size = eh_uint(&r, 4), size = eh_uint(&r, 4),
			       type = eh_uint(&r, 4);
		const struct bytes name = eh_take(&r, ALIGN_UP(name_size, 4));
		const struct bytes about = eh_take(&r, ALIGN_UP(size, 4));

		if (!r.bad && type == NT_GNU_BUILD_ID && name_size == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(name.data, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) && size)
			eh->build_id = (struct bytes){ about.data, size };
	}
}

static void read_part(struct eh *eh, const Elf64_Phdr *ph)
{
	if (eh->parts < EH_PARTS && bytes_at(eh->file, ph->p_offset, ph->p_filesz))
		eh->part[eh->parts++] = (struct eh_part){ ph->p_vaddr, ph->p_offset, ph->p_filesz };
}

static void read_header(struct eh *eh, const Elf64_Phdr *ph)
{
	if (ph->p_type == PT_LOAD)
		read_part(eh, ph);
	else if (ph->p_type == PT_GNU_EH_FRAME)
		read_hdr(eh, ph);
	else if (ph->p_type == PT_NOTE)
		read_notes(eh, ph);
}

int eh_open(struct eh *ret, struct bytes file)
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB };
	const void *head = bytes_at(file, 0, sizeof(Elf64_Ehdr));
	struct eh eh = { .file = file };
	Elf64_Ehdr h;

	if (!head)
		return -ENOEXEC;
	memcpy(&h, head, sizeof(h));
	if (memcmp(h.e_ident, ident, sizeof(ident)) != 0 || h.e_machine != EM_X86_64 ||
	    h.e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	for (uint32_t i = 0; i < h.e_phnum; i++) {
		const uint64_t at = h.e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
		const void *p = at >= h.e_phoff ? bytes_at(file, at, sizeof(Elf64_Phdr)) : NULL;
		Elf64_Phdr ph;

		if (!p)
			return -ENOEXEC;
		memcpy(&ph, p, sizeof(ph));
		read_header(&eh, &ph);
	}
	*ret = eh;
	return 0;
}

/* --- functions -------------------------------------------------------------------------------- */

/* How a pointer is written (DW_EH_PE_*): the low four bits say how long it is. */
static size_t pointer_size(uint8_t how)
{
	static const uint8_t size[] = {
		[0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8
	};

	return (how & 0xf) < ARRAY_SIZE(size) ? size[how & 0xf] : 0;
}

/* What a CIE says of its FDEs. */
struct cie {
	uint8_t pointer; /* how their addresses are written */
	bool augmented;	 /* they have bytes for others, with their length */
};

/* What is behind a 'z' has its length, so what is not known does not matter. */
static bool read_augmentation(struct eh_reader *r, const char *how, struct cie *cie,
			      struct eh_function *f)
{
	struct eh_reader a = { eh_take(r, eh_uleb(r)) };

	cie->augmented = true;
	for (how++; *how && !a.bad; how++) {
		if (*how == 'R')
			cie->pointer = eh_byte(&a);
		else if (*how == 'P')
			eh_take(&a, pointer_size(eh_byte(&a)));
		else if (*how == 'L')
			eh_byte(&a);
		else if (*how == 'S')
			f->signal = true;
		else if (*how != 'B')
			return false;
	}
	return !a.bad;
}

/* CIE and FDE begin alike: the bytes behind the length; empty: there is no such thing. */
static struct eh_reader open_entry(struct bytes b)
{
	struct eh_reader r = { b };
	const uint64_t size = eh_uint(&r, 4);

	/* The 64-bit form is for sections of 4 GiB. */
	return (struct eh_reader){ size < UINT32_MAX ? eh_take(&r, size) : (struct bytes){ 0 } };
}

static bool read_cie(struct bytes b, struct cie *cie, struct eh_function *f)
{
	struct eh_reader r = open_entry(b);
	const uint64_t id = eh_uint(&r, 4), version = eh_byte(&r);
	const char *how = r.bad ? NULL : bytes_str(r.b, r.at);

	if (!how || id || (version != 1 && version != 3) || (*how && *how != 'z'))
		return false;
	r.at += strlen(how) + 1;
	f->code_align = eh_uleb(&r);
	f->data_align = eh_sleb(&r);
	/* The return address is in register 16, and there is no other way on this machine. */
	if ((version == 1 ? eh_byte(&r) : eh_uleb(&r)) != 16 || r.bad)
		return false;
	if (*how && !read_augmentation(&r, how, cie, f))
		return false;
	f->common = eh_take(&r, r.b.size - r.at);
	return !r.bad;
}

bool eh_function(const struct eh *eh, uint32_t row, struct eh_function *ret)
{
	struct cie cie = { 0 };
	const uint64_t addr = row_address(eh, row, 1);
	struct eh_function f = { 0 };
	struct bytes begin, fde, common;
	struct eh_reader r;
	uint64_t off, back;

	if (!at_address(eh, row_address(eh, row, 0), &f.off, &begin) ||
	    !at_address(eh, addr, &off, &fde))
		return false;
	r = open_entry(fde);
	back = eh_uint(&r, 4);
	if (r.bad || !back || !at_address(eh, addr + 4 - back, &off, &common) ||
	    !read_cie(common, &cie, &f))
		return false;
	eh_take(&r, pointer_size(cie.pointer)); /* where it begins, which the row says */
	f.size = eh_uint(&r, pointer_size(cie.pointer));
	f.size = MIN(f.size, begin.size);
	if (cie.augmented)
		eh_take(&r, eh_uleb(&r));
	if (r.bad)
		return false;
	f.own = eh_take(&r, r.b.size - r.at);
	*ret = f;
	return true;
}
