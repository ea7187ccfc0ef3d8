/* SPDX-License-Identifier: BSD-2-Clause */
/* function.c - see function.h */
#include "hook/function.h"
#include "base/alloc.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNKNOWN_SIZE 64 /* bytes that are looked at where no symbol says how long a function is */
#define NOP	     0x90
#define FUNCTION_MAX (1u << 24) /* bytes, of any function */
#define PADDING	     16		/* bytes behind a function that may be its own */

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

/* Without underscores in front. */
static bool is_among(const char *name, const char *const names[], size_t n)
{
	if (!name)
		return false;
	name += strspn(name, "_");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* C's functions that do. */
static bool returns_again(const char *name)
{
	static const char *const names[] = { "setjmp", "sigsetjmp", "getcontext",
					     "vfork",  "savectx",   "mcount" };

	return is_among(name, names, ARRAY_SIZE(names));
}

/*
 * C's functions that look at who called them.  Their jumps through a register are to what nobody
 * puts there but a C library that is linked statically and has loaded another one.
 */
static bool looks_back(const char *name)
{
	static const char *const names[] = { "dlopen", "dlmopen", "dlsym", "dlvsym" };

	return is_among(name, names, ARRAY_SIZE(names));
}

/* All functions of one table of symbols. */
static int read_table(Elf *elf, Elf_Scn *scn, struct function_file *f)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	struct function *fn;
	GElf_Shdr sh;
	const char *name;
	GElf_Sym sym;
	uint64_t at;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize ||
	    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
		return 0;
	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    !sym.st_size || sym.st_size > FUNCTION_MAX ||
		    !file_offset(elf, sym.st_value, &at))
			continue;
		fn = vec_push(&f->functions);
		if (!fn)
			return -ENOMEM;
		name = elf_strptr(elf, sh.sh_link, sym.st_name);
		*fn = (struct function){ at, sym.st_size, returns_again(name), looks_back(name) };
	}
	return 0;
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

static int by_offset(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->off != y->off ? (x->off > y->off) - (x->off < y->off)
				: (x->size > y->size) - (x->size < y->size);
}

/* In order, and one for all names. */
static void sort(struct function_file *f)
{
	struct function *to = f->functions.at;

	if (!f->functions.n)
		return;
	qsort(f->functions.at, f->functions.n, sizeof(*f->functions.at), by_offset);
	vec_foreach (fn, &f->functions) {
		if (fn->off != to->off)
			*++to = *fn;
		to->size = fn->size;
		to->again |= fn->again;
		to->looks |= fn->looks;
	}
	f->functions.n = (size_t)(to - f->functions.at) + 1;
}

int function_symbols(Elf *elf, struct function_file *f)
{
	int err = 0;

	for (Elf_Scn *scn = NULL; elf && !err && (scn = elf_nextscn(elf, scn));) {
		f->go |= is_go(elf, scn);
		err = read_table(elf, scn, f);
	}
	sort(f);
	return err;
}

static int read_symbols(struct function_file *f)
{
	Elf *elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(f->fd, ELF_C_READ, NULL) : NULL;
	const int err = function_symbols(elf, f);

	elf_end(elf);
	return err;
}

void function_file_close(struct function_file *f)
{
	close_fd_p(&f->fd);
	vec_free(&f->functions);
	*f = (struct function_file){ .fd = -1 };
}

int function_file_open(struct function_file *ret, const char *path, struct skep_diag *diag)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st, known;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return diag_set(diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno));
	if (ret->id.ino && !fstat(ret->fd, &known) && known.st_dev == st.st_dev &&
	    known.st_ino == st.st_ino && ret->changed.tv_sec == st.st_mtim.tv_sec &&
	    ret->changed.tv_nsec == st.st_mtim.tv_nsec)
		return 0;
	if (ret->id.ino)
		function_file_close(ret);
	ret->fd = TAKE_FD(fd);
	ret->changed = st.st_mtim;
	err = image_file(path, &ret->id, diag);
	if (!err)
		err = read_symbols(ret);
	if (err)
		function_file_close(ret);
	return err;
}

/* The function around byte `off`; NULL: no symbol says. */
static const struct function *function_at(const struct function_file *f, uint64_t off)
{
	size_t low = 0, high = f->functions.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (f->functions.at[mid].off <= off)
			low = mid + 1;
		else
			high = mid;
	}
	/* Functions may lie in others: the innermost, which begins last, of those around it. */
	while (low-- > 0 && off - f->functions.at[low].off < FUNCTION_MAX)
		if (off - f->functions.at[low].off < f->functions.at[low].size)
			return &f->functions.at[low];
	return NULL;
}

bool function_begins(const struct function_file *file, uint64_t off)
{
	const struct function *fn = function_at(file, off);

	return fn && fn->off == off;
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
static int returns_of(const struct func *f, enum function_part part, struct sites *ret,
		      struct skep_diag *diag)
{
	struct site entry;
	int err = part == FUNCTION_RETURNS ? site_returns(f, ret, diag)
					   : site_return_traps(f, ret, diag);

	if (err || site_at(f, 0, &entry, NULL))
		return err;
	vec_foreach (s, ret)
		if (s->patch < entry.patch + entry.size)
			return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, s->at,
					"a return lies in the bytes of a jump at the entry");
	return 0;
}

/* Every goroutine returns behind the nop that runtime.goexit begins with. */
static bool is_returned_to(const struct function_file *file, const struct func *f)
{
	return file->go && f->text[0] == NOP;
}

/* A jump there, or an int3 where none fits. */
static int site_here(const struct function_file *file, const struct func *f, size_t off,
		     struct site *ret, struct skep_diag *diag)
{
	const int err = !off && is_returned_to(file, f) ? -EOPNOTSUPP : site_at(f, off, ret, diag);

	return err == -EOPNOTSUPP || err == -EILSEQ ? site_trap(f, off, ret, diag) : err;
}

static bool is_of_returns(enum function_part part)
{
	return part == FUNCTION_RETURNS || part == FUNCTION_RETURN_TRAPS;
}

static int sites_of(const struct function_file *file, const struct function *fn, uint64_t off,
		    enum function_part part, struct sites *ret, struct skep_diag *diag)
{
	const uint64_t begin = fn ? fn->off : off, size = fn ? fn->size : UNKNOWN_SIZE;
	_cleanup_(skep_free_p) uint8_t *text = skep_alloc(size + PADDING);
	const ssize_t got = text ? pread(file->fd, text, size + PADDING, (off_t)begin) : 0;
	struct func f = { .at = begin, .text = text, .stays = fn && fn->looks };
	struct site *one;

	if (!text)
		return -ENOMEM;
	if (got <= (ssize_t)(off - begin))
		return diag_set(diag, got < 0 ? -errno : -EINVAL, SKEP_AT_BYTE, off,
				"the file has no text there");
	f.room = (size_t)got;
	f.size = fn ? MIN(size, f.room) : whole(text, MIN(size, f.room));
	if (is_of_returns(part))
		return returns_of(&f, part, ret, diag);
	one = vec_push(ret);
	return one ? site_here(file, &f, off - begin, one, diag) : -ENOMEM;
}

/* Why returns cannot be seen in that way; NULL: they can. */
static const char *refusal(const struct function_file *file, const struct function *fn,
			   uint64_t off, enum function_part part)
{
	if (is_of_returns(part) && !fn)
		return "no symbol says where the function ends, so its returns are not known";
	if (part != FUNCTION_ENTRY)
		return NULL;
	if (file->go)
		return "Go moves its stacks, and reads return addresses";
	if (fn && (fn->again || fn->looks))
		return "the function returns more often than it is called, or looks at who called "
		       "it";
	return fn && fn->off != off ? "the function begins elsewhere" : NULL;
}

int function_sites(const struct function_file *file, uint64_t off, enum function_part part,
		   struct sites *ret, struct skep_diag *diag)
{
	const struct function *fn = function_at(file, off);
	const char *why = refusal(file, fn, off, part);
	int err;

	if (why)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_BYTE, off, "%s", why);
	err = sites_of(file, fn, off, part, ret, diag);
	return err == -EILSEQ ? -ENOEXEC : err; /* as Linux has it (uprobe_init_insn) */
}
