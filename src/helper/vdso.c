/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso.c - functions of the image that the kernel maps into every process. */
#include "helper/helper_int.h"

#include <elf.h>
#include <link.h>

#if defined(__aarch64__)
#define CLOCK_GETTIME "__kernel_clock_gettime"
#else
#define CLOCK_GETTIME "__vdso_clock_gettime"
#endif

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

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static uintptr_t find_symbol(const struct symbols *s, const char *name)
{
	for (size_t i = 0; s->sym && s->str && i < s->nr; i++)
		if (s->sym[i].st_shndx != SHN_UNDEF && same_name(s->str + s->sym[i].st_name, name))
			return s->bias + s->sym[i].st_value;
	return 0;
}

clock_fn vdso_clock_gettime(uintptr_t base)
{
	const ElfW(Ehdr) *eh = (const void *)base;
	const ElfW(Phdr) * ph, *dynamic = NULL;
	struct symbols s = { 0 };

	if (!base)
		return NULL;
	ph = (const void *)(base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !s.bias)
			s.bias = base + ph[i].p_offset - ph[i].p_vaddr;
		else if (ph[i].p_type == PT_DYNAMIC)
			dynamic = &ph[i];
	}
	if (!dynamic)
		return NULL;
	read_dynamic(&s, (const void *)(s.bias + dynamic->p_vaddr));
	return (clock_fn)find_symbol(&s, CLOCK_GETTIME);
}
