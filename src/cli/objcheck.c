/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objcheck.c - libbpf 1.1 follows the type ids and string offsets of an object without looking,
 * and a damaged file leads it out of bounds.  So they are looked at here first.
 *
 * Only what must hold for following: the kernel's own, stricter rules (sizes, names, linkage) are
 * BTF_LOAD's matter, and libbpf mends some of what clang leaves open before it asks.
 */
#include "cli/objcheck.h"

#include <fcntl.h>
#include <gelf.h>
#include <linux/btf.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"

struct btf_walk {
	struct bytes types, strings;  /* the two parts of .BTF */
	const struct btf_type **type; /* [n] by id; [0] is void, NULL */
	uint32_t n;		      /* ids run below this */
	struct skep_diag *diag;
};

/* What follows a struct btf_type: bytes once, and bytes for each of vlen. */
static const struct kind_tail {
	bool known;
	uint8_t once, each;
	bool names;	/* each begins with a name's offset */
	int8_t type_at; /* each has a type id at this byte, -1: none */
	bool refers;	/* struct btf_type's own `type` is an id */
	bool chained;	/* ... of the same thing under another name: no circles */
} tails[] = {
	[BTF_KIND_INT] = { true, 4, 0, false, -1, false, false },
	[BTF_KIND_PTR] = { true, 0, 0, false, -1, true, false },
	[BTF_KIND_ARRAY] = { true, 12, 0, false, -1, false, false },
	[BTF_KIND_STRUCT] = { true, 0, 12, true, 4, false, false },
	[BTF_KIND_UNION] = { true, 0, 12, true, 4, false, false },
	[BTF_KIND_ENUM] = { true, 0, 8, true, -1, false, false },
	[BTF_KIND_FWD] = { true, 0, 0, false, -1, false, false },
	[BTF_KIND_TYPEDEF] = { true, 0, 0, false, -1, true, true },
	[BTF_KIND_VOLATILE] = { true, 0, 0, false, -1, true, true },
	[BTF_KIND_CONST] = { true, 0, 0, false, -1, true, true },
	[BTF_KIND_RESTRICT] = { true, 0, 0, false, -1, true, true },
	[BTF_KIND_FUNC] = { true, 0, 0, false, -1, true, false },
	[BTF_KIND_FUNC_PROTO] = { true, 0, 8, true, 4, true, false },
	[BTF_KIND_VAR] = { true, 4, 0, false, -1, true, false },
	[BTF_KIND_DATASEC] = { true, 0, 12, false, 0, false, false },
	[BTF_KIND_FLOAT] = { true, 0, 0, false, -1, false, false },
	[BTF_KIND_DECL_TAG] = { true, 4, 0, false, -1, true, false },
	[BTF_KIND_TYPE_TAG] = { true, 0, 0, false, -1, true, true },
	[BTF_KIND_ENUM64] = { true, 0, 12, true, -1, false, false },
};

static const struct kind_tail *tail_of(const struct btf_type *t)
{
	uint32_t kind = BTF_INFO_KIND(t->info);

	return kind < ARRAY_SIZE(tails) && tails[kind].known ? &tails[kind] : NULL;
}

static uint32_t kind_of(const struct btf_walk *w, uint32_t id)
{
	return id && id < w->n ? BTF_INFO_KIND(w->type[id]->info) : BTF_KIND_UNKN;
}

static int bad_type(struct btf_walk *w, uint32_t id, const char *why)
{
	return diag_set(w->diag, -EINVAL, SKEP_AT_TYPE, id, "damaged BTF: %s", why);
}

/* Splits the section into header, types, strings. */
static int open_btf(struct btf_walk *w, struct bytes section)
{
	const struct btf_header *h = bytes_at(section, 0, sizeof(*h));
	struct bytes body;

	if (!h || h->magic != BTF_MAGIC || h->version != 1 || h->hdr_len < sizeof(*h) ||
	    h->hdr_len > section.size)
		return diag_set(w->diag, -EINVAL, SKEP_AT_BYTE, 0, "damaged BTF: header");
	body = (struct bytes){ section.data + h->hdr_len, section.size - h->hdr_len };
	w->types = (struct bytes){ bytes_at(body, h->type_off, h->type_len), h->type_len };
	w->strings = (struct bytes){ bytes_at(body, h->str_off, h->str_len), h->str_len };
	if (!w->types.data || !w->strings.data || !h->str_len || h->type_off % 4 ||
	    w->strings.data[0] || w->strings.data[h->str_len - 1])
		return diag_set(w->diag, -EINVAL, SKEP_AT_BYTE, 0, "damaged BTF: sections");
	return 0;
}

/* Finds where each type begins. */
static int index_types(struct btf_walk *w)
{
	size_t at = 0;

	/* No type is smaller than its head. */
	w->type = skep_alloc_array(w->types.size / sizeof(struct btf_type) + 1, sizeof(*w->type));
	if (!w->type)
		return diag_set(w->diag, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	w->n = 1;
	while (at < w->types.size) {
		const struct btf_type *t = bytes_at(w->types, at, sizeof(*t));
		const struct kind_tail *k = t ? tail_of(t) : NULL;
		size_t tail = k ? k->once + (size_t)k->each * BTF_INFO_VLEN(t->info) : 0;

		if (!k || !bytes_at(w->types, at, sizeof(*t) + tail))
			return bad_type(w, w->n, k ? "cut off" : "unknown kind");
		w->type[w->n++] = t;
		at += sizeof(*t) + tail;
	}
	return 0;
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Members, values, parameters, variables. */
static int check_tail(struct btf_walk *w, uint32_t id, const struct kind_tail *k)
{
	const struct btf_type *t = w->type[id];
	const uint8_t *p = (const uint8_t *)(t + 1) + k->once;
	bool section = BTF_INFO_KIND(t->info) == BTF_KIND_DATASEC;

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info) && k->each; i++, p += k->each) {
		uint32_t ref = k->type_at >= 0 ? word_at(p + k->type_at) : 0;

		if (k->names && word_at(p) >= w->strings.size)
			return bad_type(w, id, "a member's name");
		if (ref >= w->n)
			return bad_type(w, id, "a member's type");
		if (section && kind_of(w, ref) != BTF_KIND_VAR && kind_of(w, ref) != BTF_KIND_FUNC)
			return bad_type(w, id, "a section holds what is no variable");
	}
	return 0;
}

static int check_type(struct btf_walk *w, uint32_t id)
{
	const struct btf_type *t = w->type[id];
	const struct kind_tail *k = tail_of(t);
	uint32_t kind = BTF_INFO_KIND(t->info), next = id;

	if (t->name_off >= w->strings.size)
		return bad_type(w, id, "its name");
	if (k->refers && t->type >= w->n)
		return bad_type(w, id, "the type that it refers to");
	if (kind == BTF_KIND_FUNC && kind_of(w, t->type) != BTF_KIND_FUNC_PROTO)
		return bad_type(w, id, "a function without a prototype");
	if (kind == BTF_KIND_ARRAY) {
		const struct btf_array *a = (const void *)(t + 1);

		if (!a->type || a->type >= w->n || a->index_type >= w->n)
			return bad_type(w, id, "an array's types");
	}
	for (uint32_t steps = 0; next && tail_of(w->type[next])->chained; steps++) {
		next = w->type[next]->type;
		if (next >= w->n || steps == w->n)
			return bad_type(w, id, "refers to itself");
	}
	return check_tail(w, id, k);
}

static int check_btf(struct bytes section, struct skep_diag *d)
{
	struct btf_walk w = { .diag = d };
	int r = open_btf(&w, section);

	if (!r)
		r = index_types(&w);
	for (uint32_t id = 1; !r && id < w.n; id++)
		r = check_type(&w, id);
	skep_free(w.type);
	return r;
}

/* The section called .BTF, where there is one. */
static int check_sections(Elf *elf, struct skep_diag *d)
{
	Elf_Scn *scn = NULL;
	size_t names;
	int r = 0;

	if (elf_getshdrstrndx(elf, &names))
		return diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "damaged ELF: %s", elf_errmsg(-1));
	while (!r && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		const char *name =
			gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;
		Elf_Data *data;

		if (!name || strcmp(name, ".BTF") || shdr.sh_type == SHT_NOBITS)
			continue;
		data = elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			r = check_btf((struct bytes){ data->d_buf, data->d_size }, d);
	}
	return r;
}

static int check_object(Elf *elf, const char *path, struct skep_diag *d)
{
	GElf_Ehdr ehdr;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr)) {
		diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "%s: no ELF object, or a damaged one", path);
		diag_hint(d, "skep cc compiles C to BPF");
		return -EINVAL;
	}
	if (ehdr.e_machine != EM_BPF && ehdr.e_machine != EM_NONE) {
		diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "%s: an ELF file, but not for BPF", path);
		diag_hint(d, "compile with clang -target bpf, or skep cc");
		return -EINVAL;
	}
	return check_sections(elf, d);
}

static int check_btf_file(Elf *elf, const char *path, struct skep_diag *d)
{
	struct bytes all = { 0 };

	if (elf_kind(elf) == ELF_K_ELF)
		return check_sections(elf, d);
	all.data = (const uint8_t *)elf_rawfile(elf, &all.size);
	return all.data ? check_btf(all, d)
			: diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "%s: an empty file", path);
}

static int with_elf(const char *path, struct skep_diag *d,
		    int (*check)(Elf *elf, const char *path, struct skep_diag *d))
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int r;

	if (fd < 0)
		return diag_set(d, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "%s: %s", path, elf_errmsg(-1));
	r = check(elf, path, d);
	elf_end(elf);
	return r;
}

int objcheck(const char *path, struct skep_diag *reterr_diag)
{
	return with_elf(path, reterr_diag, check_object);
}

int objcheck_btf(const char *path, struct skep_diag *reterr_diag)
{
	return with_elf(path, reterr_diag, check_btf_file);
}
