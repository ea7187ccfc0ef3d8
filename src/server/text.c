/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - see text.h.
 *
 * The image is what a linker makes of agent/: a shared object that needs nothing, whose only
 * relocations are addresses of its own.  As it lies at one address everywhere, they are applied
 * once.  Pages that stay as they are then (RELRO) are part of text; what is written, zeroes all of
 * it, each process has for itself.
 */
#include "server/text.h"
#include "agent/agent.h"
#include "base/alloc.h"
#include "hive/text.h"
#include "jit/mcode.h"

#include <elf.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define PAGE ((uintptr_t)4096)

/* The image on its way into text. */
struct image {
	const uint8_t *file;
	size_t size;	      /* bytes of the file */
	const Elf64_Phdr *ph; /* [ph_cnt] in the file */
	uint32_t ph_cnt;
	uintptr_t base;			   /* where it will lie */
	uint8_t *alias;			   /* where it is written */
	uintptr_t end;			   /* bytes it takes, private ones included */
	uintptr_t private_at, private_end; /* what each process has for itself */
};

static int image_open(struct image *im, struct space *s)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)agent_image;

	*im = (struct image){
		.file = agent_image,
		.size = (size_t)(agent_image_end - agent_image),
		.base = space_base(s) + HIVE_TEXT_AT,
		.alias = space_text_alias(s),
	};
	if (im->size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_phentsize != sizeof(Elf64_Phdr) ||
	    eh->e_phoff + (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr) > im->size)
		return -ENOEXEC;
	im->ph = (const Elf64_Phdr *)(im->file + eh->e_phoff);
	im->ph_cnt = eh->e_phnum;
	return 0;
}

static const Elf64_Phdr *find_header(const struct image *im, uint32_t type)
{
	for (uint32_t i = 0; i < im->ph_cnt; i++)
		if (im->ph[i].p_type == type)
			return &im->ph[i];
	return NULL;
}

/* Copies what is loaded; behind it begins what is private. */
static int image_copy(struct image *im)
{
	const Elf64_Phdr *relro = find_header(im, PT_GNU_RELRO);

	for (uint32_t i = 0; i < im->ph_cnt; i++) {
		const Elf64_Phdr *ph = &im->ph[i];

		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_offset + ph->p_filesz > im->size ||
		    ph->p_vaddr + ph->p_memsz > HIVE_META_AT / 2)
			return -ENOEXEC;
		memcpy(im->alias + ph->p_vaddr, im->file + ph->p_offset, ph->p_filesz);
		im->end = MAX(im->end, ph->p_vaddr + ph->p_memsz);
		if (!(ph->p_flags & PF_W))
			continue;
		/* Nothing in the file may lie where each process begins with zeroes. */
		im->private_at = relro ? relro->p_vaddr + relro->p_memsz : ph->p_vaddr;
		if (im->private_at % PAGE || ph->p_vaddr + ph->p_filesz > im->private_at)
			return -ENOEXEC;
	}
	im->end = ALIGN_UP(im->end, PAGE);
	im->private_end = im->end;
	return im->private_at ? 0 : -ENOEXEC;
}

static int image_relocate(const struct image *im)
{
	const Elf64_Phdr *ph = find_header(im, PT_DYNAMIC);
	const Elf64_Dyn *d = ph ? (const Elf64_Dyn *)(im->file + ph->p_offset) : NULL;
	const Elf64_Rela *rela = NULL;
	size_t n = 0;

	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_RELA) /* the first segment lies in memory as in the file */
			rela = (const Elf64_Rela *)(im->file + d->d_un.d_ptr);
		else if (d->d_tag == DT_RELASZ)
			n = d->d_un.d_val / sizeof(*rela);
		else if (d->d_tag == DT_JMPREL || d->d_tag == DT_NEEDED)
			return -ENOEXEC;
	}
	for (size_t i = 0; rela && i < n; i++) {
		const uint64_t value = im->base + (uint64_t)rela[i].r_addend;

		if (ELF64_R_TYPE(rela[i].r_info) != R_X86_64_RELATIVE ||
		    rela[i].r_offset > im->private_at - sizeof(value))
			return -ENOEXEC;
		memcpy(im->alias + rela[i].r_offset, &value, sizeof(value));
	}
	return 0;
}

/* This process's own part, and the way in. */
static int image_enter(const struct image *im, struct space *s)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)im->file;
	const struct agent_door *door = (const struct agent_door *)(im->base + eh->e_entry);
	struct hive_meta *meta = space_meta(s);
	const struct agent_join how = { .meta = meta,
					.vdso = getauxval(AT_SYSINFO_EHDR),
					.server = true };
	void *p = mmap((void *)(im->base + im->private_at), im->private_end - im->private_at,
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	if (door->version != AGENT_VERSION || door->size != sizeof(*door))
		return -ENOEXEC;
	meta->door = (uintptr_t)door;
	meta->private_at = im->base + im->private_at;
	meta->private_size = im->private_end - im->private_at;
	return door->join(&how);
}

/* --- what refers to it ------------------------------------------------------------------------ */

#define PAIRS_MAX 1024

struct pairs {
	size_t n;
	struct text_pair at[PAIRS_MAX];
};

static void pair(struct pairs *p, const void *here, const void *there)
{
	if (p->n < PAIRS_MAX)
		p->at[p->n++] = (struct text_pair){ here, there };
}

#define PAIR_FN(p, here, there) \
	pair(p, (const void *)(uintptr_t)(here), (const void *)(uintptr_t)(there))

static int by_here(const void *a, const void *b)
{
	const struct text_pair *x = a, *y = b;

	return x->here < y->here ? -1 : x->here > y->here;
}

static int settle_references(const struct agent_door *door)
{
	static struct pairs p; /* text_settle() keeps it */

	for (uint32_t id = 0; id < helper_id_count(); id++) {
		const struct helper_proto *h = helper_by_id(id);

		if (h)
			PAIR_FN(&p, h->fn, door->helper_by_id(id)->fn);
	}
	for (uint32_t i = 0; kfunc_at(i); i++)
		PAIR_FN(&p, kfunc_at(i)->fn, door->kfunc_at(i)->fn);
	for (uint32_t i = 0; map_ops_at(i); i++)
		pair(&p, map_ops_at(i), door->map_ops_at(i));
	PAIR_FN(&p, helper_target, door->helper_target);
	PAIR_FN(&p, helper_ld_abs, door->helper_ld_abs);
	PAIR_FN(&p, helper_probe_load, door->helper_probe_load);
	PAIR_FN(&p, helper_kptr_load, door->helper_kptr_load);
	if (p.n == PAIRS_MAX)
		return -ENOMEM;
	qsort(p.at, p.n, sizeof(p.at[0]), by_here);
	text_settle(p.at, p.n);
	return 0;
}

static int settle_code(const struct image *im, struct space *s)
{
	const uintptr_t at = ALIGN_UP(im->end, (uintptr_t)64 << 10);
	const struct mcode_home home = {
		.fd = space_fd(s, HIVE_TEXT),
		.off = at,
		.size = HIVE_META_AT - at,
		.rx = (uint8_t *)im->base + at,
		.rw = im->alias + at,
		.text = (const uint8_t *)im->base,
	};

	return mcode_settle(&home);
}

int text_load(struct space *s)
{
	struct image im;
	int err = image_open(&im, s);

	if (!err)
		err = image_copy(&im);
	if (!err)
		err = image_relocate(&im);
	if (!err)
		err = image_enter(&im, s);
	if (!err)
		err = settle_references((const struct agent_door *)(uintptr_t)space_meta(s)->door);
	return err ? err : settle_code(&im, s);
}
