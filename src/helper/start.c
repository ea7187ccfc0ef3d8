/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start.c - what helpers ask the kernel for once, before main: the vDSO's clock, and memory that a
 * fork empties.  Cold.
 *
 * Hot code must not enter libc, not even for the time: it may run inside malloc, or in a process
 * whose libc is another one.  The vDSO is mapped by the kernel and needs nothing.  In members of a
 * hive, agent/ is what this file is elsewhere.
 */
#include "helper/helper_int.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#if defined(__aarch64__)
#define CLOCK_GETTIME "__kernel_clock_gettime"
#else
#define CLOCK_GETTIME "__vdso_clock_gettime"
#endif

static long clock_by_syscall(clockid_t clock, struct timespec *ts)
{
	return sys_call6(SYS_clock_gettime, clock, (long)ts, 0, 0, 0, 0);
}

long (*helper_clock_gettime)(clockid_t, struct timespec *) = clock_by_syscall;

/* The dynamic symbol table of a loaded image. */
struct symbols {
	uintptr_t bias;	       /* what addresses in the file are short of */
	const ElfW(Sym) * sym; /* [nr] */
	const char *str;       /* their names */
	size_t nr;
};

static void read_dynamic(struct symbols *s, const ElfW(Dyn) * d)
{
	const uint32_t *hash = NULL;

	for (; d->d_tag != DT_NULL; d++) {
		const void *p = (const void *)(s->bias + d->d_un.d_ptr);

		if (d->d_tag == DT_SYMTAB)
			s->sym = p;
		else if (d->d_tag == DT_STRTAB)
			s->str = p;
		else if (d->d_tag == DT_HASH)
			hash = p;
	}
	/* The number of chains is that of symbols; the vDSO keeps DT_HASH for readers like us. */
	s->nr = hash ? hash[1] : 0;
}

static uintptr_t find_symbol(const struct symbols *s, const char *name)
{
	for (size_t i = 0; s->sym && s->str && i < s->nr; i++)
		if (s->sym[i].st_shndx != SHN_UNDEF && !strcmp(s->str + s->sym[i].st_name, name))
			return s->bias + s->sym[i].st_value;
	return 0;
}

__attribute__((constructor)) static void find_clock(void)
{
	uintptr_t base = getauxval(AT_SYSINFO_EHDR);
	const ElfW(Ehdr) *eh = (const void *)base;
	const ElfW(Phdr) * ph, *dynamic = NULL;
	struct symbols s = { 0 };
	uintptr_t found;

	if (!base)
		return;
	ph = (const void *)(base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !s.bias)
			s.bias = base + ph[i].p_offset - ph[i].p_vaddr;
		else if (ph[i].p_type == PT_DYNAMIC)
			dynamic = &ph[i];
	}
	if (!dynamic)
		return;
	read_dynamic(&s, (const void *)(s.bias + dynamic->p_vaddr));
	found = find_symbol(&s, CLOCK_GETTIME);
	if (found)
		helper_clock_gettime = (long (*)(clockid_t, struct timespec *))found;
}

_Atomic uint32_t *helper_tgid;

__attribute__((constructor)) static void map_tgid(void)
{
	const size_t size = sizeof(*helper_tgid);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	if (madvise(p, size, MADV_WIPEONFORK))
		munmap(p, size);
	else
		helper_tgid = p;
}
