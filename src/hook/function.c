/* SPDX-License-Identifier: BSD-2-Clause */
/* function.c - see function.h */
#include "hook/function.h"
#include "base/alloc.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#define UNKNOWN_SIZE 64 /* bytes that are looked at where no symbol says how long a function is */
#define PADDING	     16 /* bytes behind a function that may be its own */

struct extent {
	uint64_t off, size; /* in the file */
};

/* Where in the file the address of a symbol is; false: in no part of it that is loaded. */
static bool file_offset(Elf *elf, uint64_t addr, uint64_t *ret)
{
	size_t n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD ||
		    addr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*ret = addr - ph.p_vaddr + ph.p_offset;
		return true;
	}
	return false;
}

/* Looks through one table of symbols for the function that byte `off` is in. */
static bool search_table(Elf *elf, Elf_Scn *scn, uint64_t off, struct extent *ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr sh;
	GElf_Sym sym;
	uint64_t at;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize ||
	    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
		return false;
	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    !file_offset(elf, sym.st_value, &at) || off - at >= sym.st_size)
			continue;
		*ret = (struct extent){ at, sym.st_size };
		return true;
	}
	return false;
}

/* The function around byte `off`; false: no symbol says. */
static bool find_function(int fd, uint64_t off, struct extent *ret)
{
	Elf *elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	bool found = false;

	for (Elf_Scn *scn = NULL; elf && !found && (scn = elf_nextscn(elf, scn));)
		found = search_table(elf, scn, off, ret);
	elf_end(elf);
	return found;
}

/* Of n bytes those that are whole instructions. */
static size_t whole(const uint8_t *text, size_t n)
{
	struct insn in;
	size_t at = 0;

	while (at < n && !insn_decode(text + at, n - at, at, &in))
		at += in.size;
	return at;
}

static int sites_of(int fd, const struct extent *e, uint64_t off, bool known, bool returns,
		    struct sites *ret, struct skep_diag *diag)
{
	_cleanup_(skep_free_p) uint8_t *text = skep_alloc(e->size + PADDING);
	const ssize_t got = text ? pread(fd, text, e->size + PADDING, (off_t)e->off) : 0;
	struct func f = { .at = e->off, .text = text };
	struct site *one;

	if (!text)
		return -ENOMEM;
	if (got <= (ssize_t)(off - e->off))
		return diag_set(diag, got < 0 ? -errno : -EINVAL, SKEP_AT_BYTE, off,
				"the file has no text there");
	f.room = (size_t)got;
	f.size = known ? MIN(e->size, f.room) : whole(text, MIN(e->size, f.room));
	if (returns)
		return site_returns(&f, ret, diag);
	one = vec_push(ret);
	return one ? site_at(&f, off - e->off, one, diag) : -ENOMEM;
}

int function_sites(const char *path, uint64_t off, bool returns, struct sites *ret,
		   struct skep_diag *diag)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct extent e = { off, UNKNOWN_SIZE };
	bool known;

	if (fd < 0)
		return diag_set(diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno));
	known = find_function(fd, off, &e);
	if (returns && !known)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, off,
				"no symbol says where the function ends, so its returns are not "
				"known");
	return sites_of(fd, &e, off, known, returns, ret, diag);
}
