/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c - see image.h */
#include "inject/image.h"

#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- /proc/PID/maps --------------------------------------------------------------------------- */

/* The most that the kernel gives at once, of what it walks for each read. */
#define READ_SIZE 4096

static bool parse_line(const char *line, struct image *ret)
{
	unsigned int major, minor;
	char prot[5];
	int path = 0;

	*ret = (struct image){ 0 };
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &ret->start, &ret->end, prot, &ret->off, &major, &minor, &ret->file.ino,
		   &path) != 7)
		return false;
	ret->file.dev = (uint64_t)major << 32 | minor;
	ret->write = prot[1] == 'w';
	ret->exec = prot[2] == 'x';
	ret->shared = prot[3] == 's';
	if (line[path] == '[')
		snprintf(ret->name, sizeof(ret->name), "%.*s", (int)strcspn(line + path, "\n"),
			 line + path);
	return true;
}

static int read_lines(FILE *f, struct images *m)
{
	struct image row, *to;
	char *line = NULL;
	size_t cap = 0;
	int err = 0;

	while (!err && getline(&line, &cap, f) > 0) {
		if (!parse_line(line, &row))
			continue;
		to = vec_push(m);
		if (to)
			*to = row;
		else
			err = -ENOMEM;
	}
	free(line);
	return err;
}

int images_read(struct images *ret, pid_t pid, struct skep_diag *reterr_diag)
{
	struct images m = { 0 };
	char path[32], buf[READ_SIZE];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return diag_set(reterr_diag, errno == ENOENT ? -ESRCH : -errno, SKEP_AT_NONE, 0,
				"%s: %s", path, strerror(errno));
	setvbuf(f, buf, _IOFBF, sizeof(buf));
	err = read_lines(f, &m);
	fclose(f);
	if (err) {
		images_fini(&m);
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "out of memory");
	}
	*ret = m;
	return 0;
}

void images_fini(struct images *m)
{
	vec_free(m);
}

struct image *images_at(const struct images *m, uint64_t at)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (m->at[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->n && m->at[low].start <= at ? &m->at[low] : NULL;
}

static bool same_file(const struct image_file *a, const struct image_file *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

bool images_next(const struct images *m, const struct image_file *file, uint64_t off, uint64_t *at)
{
	vec_foreach (i, m) {
		if (!i->exec || !same_file(&i->file, file) || off < i->off ||
		    off - i->off >= i->end - i->start || i->start + (off - i->off) <= *at)
			continue;
		*at = i->start + (off - i->off);
		return true;
	}
	return false;
}

uint64_t images_data(const struct images *m, const struct image_file *file, uint64_t off)
{
	vec_foreach (i, m)
		if (i->write && same_file(&i->file, file) && off >= i->off &&
		    off - i->off < i->end - i->start)
			return i->start + (off - i->off);
	return 0;
}

int image_file(const char *path, struct image_file *ret, struct skep_diag *reterr_diag)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct images m = { 0 };
	int err = -ENOENT;
	void *p;

	if (fd < 0)
		return diag_set(reterr_diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path,
				strerror(errno));
	p = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return diag_set(reterr_diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path,
				strerror(errno));
	err = images_read(&m, getpid(), reterr_diag);
	vec_foreach (i, &m)
		if (i->start <= (uintptr_t)p && (uintptr_t)p < i->end)
			*ret = i->file;
	images_fini(&m);
	munmap(p, 1);
	return err;
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* "name" or, in symbol tables, "name@VERSION". */
static bool is_named(const char *symbol, const char *name)
{
	const size_t n = strlen(name);

	return symbol && !strncmp(symbol, name, n) && (!symbol[n] || symbol[n] == '@');
}

/* A defined function of that name in one table. */
static bool find_in(Elf_Scn *scn, const char *name, Elf *elf, GElf_Sym *ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr shdr;

	if (!data || !gelf_getshdr(scn, &shdr) || !shdr.sh_entsize)
		return false;
	for (size_t i = 0; i < shdr.sh_size / shdr.sh_entsize; i++) {
		const int n = (int)i;
		int type;

		if (!gelf_getsym(data, n, ret) || ret->st_shndx == SHN_UNDEF)
			continue;
		type = GELF_ST_TYPE(ret->st_info);
		if ((type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC) &&
		    is_named(elf_strptr(elf, shdr.sh_link, ret->st_name), name))
			return true;
	}
	return false;
}

static bool find_symbol(Elf *elf, const char *name, GElf_Sym *ret)
{
	static const GElf_Word tables[] = { SHT_DYNSYM, SHT_SYMTAB };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		Elf_Scn *scn = NULL;
		GElf_Shdr shdr;

		while ((scn = elf_nextscn(elf, scn)))
			if (gelf_getshdr(scn, &shdr) && shdr.sh_type == tables[i] &&
			    find_in(scn, name, elf, ret))
				return true;
	}
	return false;
}

/* Where in the file an address is that the file's code is meant for. */
static bool offset_of(Elf *elf, uint64_t addr, uint64_t *ret)
{
	GElf_Phdr ph;
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const int nr = (int)i;

		if (!gelf_getphdr(elf, nr, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) ||
		    addr < ph.p_vaddr || addr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*ret = ph.p_offset + (addr - ph.p_vaddr);
		return true;
	}
	return false;
}

static int symbol_of(Elf *elf, const char *path, const char *name, struct image_symbol *ret,
		     struct skep_diag *d)
{
	GElf_Ehdr eh;
	GElf_Sym sym;
	uint64_t off;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) ||
	    eh.e_machine != EM_X86_64)
		return diag_set(d, -ENOEXEC, SKEP_AT_NONE, 0, "%s: no ELF file for x86-64", path);
	if (!find_symbol(elf, name, &sym)) {
		diag_set(d, -ENOENT, SKEP_AT_NONE, 0, "%s: no function %s", path, name);
		diag_hint(d, "a stripped file has only the functions that it exports");
		return -ENOENT;
	}
	if (GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC)
		return diag_set(d, -EOPNOTSUPP, SKEP_AT_NONE, 0,
				"%s: %s is chosen when the program starts", path, name);
	if (!offset_of(elf, sym.st_value, &off))
		return diag_set(d, -ENOENT, SKEP_AT_NONE, 0, "%s: %s is not in its code", path,
				name);
	*ret = (struct image_symbol){ .off = off, .size = sym.st_size };
	return 0;
}

int image_symbol(const char *path, const char *name, struct image_symbol *ret,
		 struct skep_diag *reterr_diag)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int err;

	if (fd < 0)
		return diag_set(reterr_diag, -errno, SKEP_AT_NONE, 0, "%s: %s", path,
				strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	err = symbol_of(elf, path, name, ret, reterr_diag);
	elf_end(elf);
	return err;
}

bool image_path(pid_t pid, uint64_t start, char ret[PATH_MAX])
{
	char line[PATH_MAX + 128], path[64];
	unsigned long long at;
	bool found = false;
	int name = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%llx-%*x %*s %*x %*x:%*x %*u %n", &at, &name) == 1 &&
			at == start;
	if (f)
		fclose(f);
	n = found ? strcspn(line + name, "\n") : 0;
	line[name + (int)n] = '\0';
	if (!n || line[name] != '/')
		return false;
	return snprintf(ret, PATH_MAX, "/proc/%d/root%s", (int)pid, line + name) < PATH_MAX;
}
