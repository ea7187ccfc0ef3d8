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

/* What a file says of the function around a byte of it. */
struct facts {
	uint64_t off, size; /* of the function, in the file */
	bool known;	    /* a symbol says so; else it begins where it was asked for */
	bool again;	    /* it returns more than once for each call */
	bool go;	    /* the program is Go's */
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

/* C's functions that do, by their names without underscores in front. */
static bool returns_again(const char *name)
{
	static const char *const names[] = { "setjmp", "sigsetjmp", "getcontext", "vfork",
					     "savectx" };

	name += name ? strspn(name, "_") : 0;
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* What one table of symbols says of byte `off`; a function may have many names. */
static void search_table(Elf *elf, Elf_Scn *scn, uint64_t off, struct facts *f)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr sh;
	GElf_Sym sym;
	uint64_t at;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize ||
	    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
		return;
	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    !file_offset(elf, sym.st_value, &at) || off - at >= sym.st_size)
			continue;
		if (!f->known) {
			f->off = at;
			f->size = sym.st_size;
		}
		f->known = true;
		f->again |= returns_again(elf_strptr(elf, sh.sh_link, sym.st_name));
	}
}

/* Where Go's own runtime looks up what a return address means. */
static bool is_go(Elf *elf, Elf_Scn *scn)
{
	size_t names = 0;
	GElf_Shdr sh;
	const char *name;

	elf_getshdrstrndx(elf, &names);
	name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
	return name && strstr(name, ".gopclntab");
}

static void find_function(int fd, uint64_t off, struct facts *ret)
{
	Elf *elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;

	*ret = (struct facts){ .off = off, .size = UNKNOWN_SIZE };
	for (Elf_Scn *scn = NULL; elf && (scn = elf_nextscn(elf, scn));) {
		ret->go |= is_go(elf, scn);
		search_table(elf, scn, off, ret);
	}
	elf_end(elf);
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

/* Those that leave the entry alone: it may be probed too. */
static int returns_of(const struct func *f, struct sites *ret, struct skep_diag *diag)
{
	struct site entry;
	int err = site_returns(f, ret, diag);

	if (err || site_at(f, 0, &entry, NULL))
		return err;
	vec_foreach (s, ret)
		if (s->patch < entry.patch + entry.size)
			return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, s->at,
					"a return lies in the bytes of a jump at the entry");
	return 0;
}

static int sites_of(int fd, const struct facts *facts, uint64_t off, enum function_part part,
		    struct sites *ret, struct skep_diag *diag)
{
	_cleanup_(skep_free_p) uint8_t *text = skep_alloc(facts->size + PADDING);
	const ssize_t got = text ? pread(fd, text, facts->size + PADDING, (off_t)facts->off) : 0;
	struct func f = { .at = facts->off, .text = text };
	struct site *one;

	if (!text)
		return -ENOMEM;
	if (got <= (ssize_t)(off - facts->off))
		return diag_set(diag, got < 0 ? -errno : -EINVAL, SKEP_AT_BYTE, off,
				"the file has no text there");
	f.room = (size_t)got;
	f.size = facts->known ? MIN(facts->size, f.room) : whole(text, MIN(facts->size, f.room));
	if (part == FUNCTION_RETURNS)
		return returns_of(&f, ret, diag);
	one = vec_push(ret);
	return one ? site_at(&f, off - facts->off, one, diag) : -ENOMEM;
}

int function_sites(const char *path, uint64_t off, enum function_part part, struct sites *ret,
		   struct skep_diag *diag)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct facts facts;

	if (fd < 0)
		return diag_set(diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno));
	find_function(fd, off, &facts);
	if (part == FUNCTION_RETURNS && !facts.known)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, off,
				"no symbol says where the function ends, so its returns are not "
				"known");
	if (part == FUNCTION_ENTRY && facts.go)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, off,
				"Go moves its stacks, and reads return addresses");
	if (part == FUNCTION_ENTRY && facts.again)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, off,
				"the function returns more often than it is called");
	if (part == FUNCTION_ENTRY && facts.known && facts.off != off)
		return diag_set(diag, -EINVAL, SKEP_AT_BYTE, off,
				"the function begins elsewhere, at byte %llu",
				(unsigned long long)facts.off);
	return sites_of(fd, &facts, off, part, ret, diag);
}
