/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * symbols.h - what an address in a process is called: by /proc/PID/maps, which is to be read while
 * the process lives, and the symbols of its files.
 */
#ifndef EXAMPLES_SYMBOLS_H
#define EXAMPLES_SYMBOLS_H

#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAPS_MAX 1024 /* files' parts that are executed */

struct map_line {
	unsigned long begin, end, off;
	char path[256];
};

struct maps {
	unsigned n;
	struct map_line line[MAPS_MAX];
};

/*
 * Reads them anew; what was read before stays where the process has none any more: who ends
 * meanwhile has none from there on.
 */
static inline void maps_read(struct maps *m, int pid)
{
	static struct map_line line[MAPS_MAX];
	char path[64], text[512], rights[5];
	struct map_line l;
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f)) {
		l.path[0] = 0;
		if (n < MAPS_MAX &&
		    sscanf(text, "%lx-%lx %4s %lx %*s %*s %255s", &l.begin, &l.end, rights, &l.off,
			   l.path) >= 4 &&
		    rights[2] == 'x')
			line[n++] = l;
	}
	if (!f)
		return;
	rewind(f);
	if (fgetc(f) != EOF) {
		memcpy(m->line, line, n * sizeof(line[0]));
		m->n = n;
	}
	fclose(f);
}

/* The address that a byte of an ELF file has in it; 0: none. */
static inline unsigned long elf_address(Elf *elf, unsigned long off)
{
	GElf_Phdr p;
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && off >= p.p_offset &&
		    off - p.p_offset < p.p_filesz)
			return off - p.p_offset + p.p_vaddr;
	return 0;
}

/* The function of a table that has it; *past is how far behind its beginning that is. */
static inline const char *find_in(Elf *elf, Elf_Scn *scn, unsigned long addr, unsigned long *past)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr sh;
	GElf_Sym s;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize)
		return NULL;
	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++)
		if (gelf_getsym(data, (int)i, &s) && GELF_ST_TYPE(s.st_info) == STT_FUNC &&
		    s.st_shndx != SHN_UNDEF && addr - s.st_value < s.st_size) {
			*past = addr - s.st_value;
			return elf_strptr(elf, sh.sh_link, s.st_name);
		}
	return NULL;
}

/* The name of what is at a byte of a file; false: no symbol says. */
static inline bool symbol_of(const char *path, unsigned long off, char *ret, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned long addr, past = 0;
	const char *name = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	addr = elf ? elf_address(elf, off) : 0;
	while (addr && !name && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) &&
		    (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM))
			name = find_in(elf, scn, addr, &past);
	if (name)
		snprintf(ret, size, "%s+0x%lx", name, past);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	return name != NULL;
}

/* FUNCTION+BYTES (FILE), or as much of it as is known. */
static inline void symbol_print(const struct maps *m, unsigned long ip)
{
	char name[256];

	for (unsigned i = 0; i < m->n; i++) {
		const struct map_line *l = &m->line[i];
		const unsigned long off = ip - l->begin + l->off;
		const char *file = strrchr(l->path, '/') ? strrchr(l->path, '/') + 1 : l->path;

		if (ip < l->begin || ip >= l->end)
			continue;
		if (symbol_of(l->path, off, name, sizeof(name)))
			printf("%s (%s)\n", name, file);
		else
			printf("%s+0x%lx\n", *file ? file : "anonymous", off);
		return;
	}
	printf("0x%lx\n", ip);
}

#endif
