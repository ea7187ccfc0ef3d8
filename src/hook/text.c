/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - see text.h */
#include "hook/text.h"
#include "base/alloc.h"
#include "base/file.h"
#include "hook/eh.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <sys/auxv.h>

#define RANGE_MAX (UINT64_C(1) << 26) /* bytes between two beginnings that are decoded */
#define PADDING	  16

struct begins {
	VEC(uint64_t); /* offsets in the file */
};

/* --- where functions begin -------------------------------------------------------------------- */

static int add(struct begins *b, uint64_t off)
{
	uint64_t *row = vec_push(b);

	if (!row)
		return -ENOMEM;
	*row = off;
	return 0;
}

/* What the unwind table (eh.h) says. */
static int add_unwind(struct bytes v, struct begins *b)
{
	struct eh eh;
	uint64_t off;
	int err = 0;

	if (eh_open(&eh, v))
		return 0;
	for (uint32_t i = 0; i < eh.n && !err; i++)
		if (eh_begin(&eh, i, &off))
			err = add(b, off);
	return err;
}

static int add_sections(Elf *elf, struct begins *b)
{
	int err = 0;
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; !err && (scn = elf_nextscn(elf, scn));)
		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR &&
		    sh.sh_type == SHT_PROGBITS)
			err = add(b, sh.sh_offset);
	return err;
}

static int add_symbols(const struct function_file *f, struct begins *b)
{
	int err = 0;

	vec_foreach (fn, &f->functions)
		err = err ? err : add(b, fn->off);
	return err;
}

static int in_order(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int find_begins(Elf *elf, struct bytes v, const struct function_file *f, struct begins *b)
{
	int err = add_symbols(f, b);

	if (!err)
		err = add_unwind(v, b);
	if (!err)
		err = add_sections(elf, b);
	if (!err && b->n)
		qsort(b->at, b->n, sizeof(*b->at), in_order);
	return err;
}

/* --- system calls ----------------------------------------------------------------------------- */

/* The row of the last beginning that is not behind `off`; b->n: there is none. */
static size_t row_of(const struct begins *b, uint64_t off)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (b->at[mid] <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? low - 1 : b->n;
}

/* Those of the function around `off`, whose end is where to look on. */
static int look_around(struct bytes v, const struct begins *b, uint64_t off, uint64_t limit,
		       struct text *t, uint64_t *ret_end)
{
	size_t row = row_of(b, off);
	struct func f;
	int err;

	*ret_end = off + 2;
	if (row >= b->n || !b->at)
		return 0;
	f.at = b->at[row];
	while (row < b->n && b->at[row] <= off)
		row++;
	*ret_end = MIN(row < b->n ? b->at[row] : limit, limit);
	if (*ret_end <= off || *ret_end - f.at > RANGE_MAX) {
		*ret_end = off + 2;
		return 0;
	}
	f.text = v.data + f.at;
	f.size = *ret_end - f.at;
	f.room = MIN(f.size + PADDING, v.size - f.at);
	err = site_syscalls(&f, &t->sites, &t->missed);
	return err == -ENOMEM ? err : 0; /* in front of data there was all that is code */
}

static int scan(struct bytes v, const struct begins *b, uint64_t from, uint64_t limit,
		struct text *t)
{
	static const uint8_t syscall[SYSCALL_SIZE] = { 0x0f, 0x05 };
	const uint8_t *hit;
	int err = 0;

	while (!err && from < limit &&
	       (hit = memmem(v.data + from, limit - from, syscall, sizeof(syscall))))
		err = look_around(v, b, (uint64_t)(hit - v.data), limit, t, &from);
	return err;
}

/* --- who comes from elsewhere ----------------------------------------------------------------- */

/* Would who comes there arrive in a jump, or between the jumps and the system call? */
static bool is_within(const struct sys_site *s, uint64_t target)
{
	const struct site *b = &s->before, *a = &s->after;

	return (target > b->patch && target < MAX(b->patch + site_bytes(b), b->at + 1)) ||
	       (a->size && target >= a->patch && target < a->patch + JUMP_SIZE);
}

/* The last site that does not begin behind the target; NULL. */
static struct sys_site *site_near(const struct text *t, uint64_t target)
{
	size_t low = 0, high = t->sites.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (t->sites.at[mid].before.patch <= target)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &t->sites.at[low - 1] : NULL;
}

/*
 * Parts of functions that compilers have put elsewhere, and functions that nothing tells of, are
 * reached by branches from other rows.  What looks like one anywhere is taken for one.
 */
static void find_branches(struct bytes v, uint64_t from, uint64_t limit, struct text *t)
{
	for (uint64_t at = from; at + 6 <= limit; at++) {
		const uint8_t *p = v.data + at;
		const bool jcc = p[0] == 0x0f && (p[1] & 0xf0) == 0x80;
		struct sys_site *s;
		uint64_t target;
		int32_t rel;

		if (!jcc && p[0] != 0xe8 && p[0] != 0xe9)
			continue;
		memcpy(&rel, p + 1 + jcc, sizeof(rel));
		target = at + 5 + jcc + (uint64_t)(int64_t)rel;
		s = target >= from && target < limit ? site_near(t, target) : NULL;
		if (s && is_within(s, target))
			site_sys_trap(s);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct sys_site *x = a, *y = b;

	return (x->before.patch > y->before.patch) - (x->before.patch < y->before.patch);
}

/* --- the file --------------------------------------------------------------------------------- */

typedef int (*part_fn)(struct bytes v, const struct begins *b, uint64_t from, uint64_t limit,
		       struct text *t);

static int check(struct bytes v, const struct begins *b, uint64_t from, uint64_t limit,
		 struct text *t)
{
	find_branches(v, from, limit, t);
	return 0;
}

static int each_part(Elf *elf, struct bytes v, const struct begins *b, struct text *t, part_fn fn)
{
	size_t n = 0;
	GElf_Phdr ph;
	int err = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n && !err; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X &&
		    ph.p_offset <= v.size && ph.p_filesz <= v.size - ph.p_offset)
			err = fn(v, b, ph.p_offset, ph.p_offset + ph.p_filesz, t);
	return err;
}

static int scan_all(Elf *elf, struct bytes v, const struct begins *b, struct text *t)
{
	const int err = each_part(elf, v, b, t, scan);

	if (err || !t->sites.n)
		return err;
	qsort(t->sites.at, t->sites.n, sizeof(*t->sites.at), by_place);
	each_part(elf, v, b, t, check);
	return 0;
}

static int read_elf(Elf *elf, const struct function_file *f, struct bytes v, struct text *t)
{
	struct begins b = { 0 };
	int err = elf ? find_begins(elf, v, f, &b) : 0;

	if (elf && !err)
		err = scan_all(elf, v, &b, t);
	elf_end(elf);
	vec_free(&b);
	return err;
}

int text_read(const char *path, struct text **ret, struct skep_diag *reterr_diag)
{
	struct function_file f = { 0 };
	_cleanup_(skep_free_p) struct text *t = skep_alloc(sizeof(*t));
	struct bytes v = { 0 };
	int err = t ? function_file_open(&f, path, reterr_diag) : -ENOMEM;

	if (err)
		return err;
	t->file = f.id;
	t->changed = f.changed;
	err = file_read(f.fd, &v);
	if (!err)
		err = read_elf(elf_begin(f.fd, ELF_C_READ, NULL), &f, v, t);
	file_free(&v);
	function_file_close(&f);
	if (err)
		vec_free(&t->sites);
	else
		*ret = TAKE_PTR(t);
	return err;
}

int text_vdso(struct text **ret)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_(skep_free_p) struct text *t = head ? skep_alloc(sizeof(*t)) : NULL;
	struct function_file f = { .fd = -1 };
	struct bytes v;
	Elf *elf;
	int err;

	if (!t || elf_version(EV_CURRENT) == EV_NONE)
		return head ? -ENOMEM : -ENOENT;
	/* Section headers are the end of it, as linkers leave it. */
	v.data = (const uint8_t *)head;
	v.size = head->e_shoff + (size_t)head->e_shentsize * head->e_shnum;
	elf = elf_memory((char *)head, v.size);
	err = function_symbols(elf, &f);
	if (!err)
		err = read_elf(elf, &f, v, t);
	else
		elf_end(elf);
	vec_free(&f.functions);
	if (err)
		vec_free(&t->sites);
	else
		*ret = TAKE_PTR(t);
	return err;
}

void text_free(struct text *t)
{
	if (!t)
		return;
	vec_free(&t->sites);
	skep_free(t);
}
