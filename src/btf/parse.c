/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.c - from bytes to a validated struct skep_btf: header, sections, strings, the walk over
 * the type section, the name index.  Follows btf_parse of kernel/bpf/btf.c.
 *
 *	raw ┌────────┬───────────────────┬─────────────────┐
 *	    │ header │ types (aligned 4) │ strings         │   sections in either order, no gaps,
 *	    └────────┴───────────────────┴─────────────────┘   strings must be the last
 *	    0        hdr_len + type_off    hdr_len + str_off
 *
 * hdr_len may be odd, so raw is placed in its allocation such that what follows the header is
 * aligned; the header itself is copied out.
 */
#include "btf/btf_int.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hash.h"

static const uint8_t *body(const struct skep_btf *b)
{
	return b->raw + b->hdr.hdr_len;
}

static void log_header(struct btf_check *c)
{
	const struct btf_header *h = &c->b->hdr;

	btf_logf(c, "magic: 0x%x\nversion: %u\nflags: 0x%x\nhdr_len: %u\n", h->magic, h->version,
		 h->flags, h->hdr_len);
	btf_logf(c, "type_off: %u\ntype_len: %u\nstr_off: %u\nstr_len: %u\nbtf_total_size: %u\n",
		 h->type_off, h->type_len, h->str_off, h->str_len, c->b->size);
}

/* The two sections must fill the rest of the blob without gap or overlap. */
static int check_sections(struct btf_check *c)
{
	const struct btf_header *h = &c->b->hdr;
	struct {
		uint32_t off, len;
	} sec[2] = { { h->type_off, h->type_len }, { h->str_off, h->str_len } };
	uint32_t room = c->b->size - h->hdr_len, used = 0;

	/* Offsets compare as the kernel does, by the sign of a 32-bit difference. */
	if ((int32_t)(sec[0].off - sec[1].off) > 0 ||
	    (sec[0].off == sec[1].off && (int32_t)(sec[0].len - sec[1].len) > 0)) {
		__typeof__(sec[0]) first = sec[1];

		sec[1] = sec[0];
		sec[0] = first;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sec); i++) {
		const char *text = room < sec[i].off	      ? "Invalid section offset"
				   : used < sec[i].off	      ? "Unsupported section found"
				   : used > sec[i].off	      ? "Section overlap found"
				   : room - used < sec[i].len ? "Total section length too long"
							      : NULL;

		if (text)
			return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, h->hdr_len + sec[i].off, "%s",
					   text);
		used += sec[i].len;
	}
	if (used != room)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, h->hdr_len + used,
				   "Unsupported section found");
	return 0;
}

static int check_header(struct btf_check *c, struct bytes in)
{
	struct btf_header *h = &c->b->hdr;
	uint32_t len;

	if (in.size < offsetofend(struct btf_header, hdr_len))
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, 0, "hdr_len not found");
	memcpy(&len, in.data + offsetof(struct btf_header, hdr_len), sizeof(len));
	if (in.size < len)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, 0, "btf_header not found");
	if (len > sizeof(*h) && !bytes_zero(in.data + sizeof(*h), len - sizeof(*h)))
		return btf_fail_at(c, -E2BIG, SKEP_AT_BYTE, sizeof(*h), "Unsupported btf_header");
	memcpy(h, in.data, MIN(len, sizeof(*h)));

	log_header(c);
	if (h->magic != BTF_MAGIC)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, 0, "Invalid magic");
	if (h->version != BTF_VERSION)
		return btf_fail_at(c, -ENOTSUPP, SKEP_AT_BYTE, 2, "Unsupported version");
	if (h->flags)
		return btf_fail_at(c, -ENOTSUPP, SKEP_AT_BYTE, 3, "Unsupported flags");
	if (in.size == h->hdr_len)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, in.size, "No data");
	return check_sections(c);
}

/* Copies the blob so that types come to lie on 4 bytes. */
static int copy_blob(struct skep_btf *b, struct bytes in)
{
	uint32_t pad = -b->hdr.hdr_len & 7u;

	b->mem = skep_alloc(in.size + pad);
	if (!b->mem)
		return -ENOMEM;
	memcpy((uint8_t *)b->mem + pad, in.data, in.size);
	b->raw = (uint8_t *)b->mem + pad;
	return 0;
}

static int check_strings(struct btf_check *c)
{
	struct skep_btf *b = c->b;
	const struct btf_header *h = &b->hdr;
	uint32_t at = h->hdr_len + h->str_off;

	if (at + h->str_len != b->size)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, at,
				   "String section is not at the end");
	b->str = (const char *)body(b) + h->str_off;
	if (!h->str_len || h->str_len - 1 > BTF_MAX_NAME_OFFSET || b->str[h->str_len - 1] ||
	    b->str[0])
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, at, "Invalid string section");
	return 0;
}

/* Room for one more type.  Types beyond the limit are left out, but checked: so does Linux. */
static int add_type(struct btf_check *c, const struct btf_type *t, uint32_t *cap)
{
	struct skep_btf *b = c->b;

	if (b->cnt == BTF_MAX_TYPE) {
		btf_logf(c, "Exceeded max num of types");
		return 0;
	}
	if (b->cnt == *cap) {
		uint32_t want = MIN(*cap * 2, BTF_MAX_TYPE);
		void *p = skep_realloc_array(b->types, want, sizeof(*b->types));

		if (!p)
			return -ENOMEM;
		b->types = p;
		*cap = want;
	}
	b->types[b->cnt++] = t;
	return 0;
}

static int walk_types(struct btf_check *c)
{
	static const struct btf_type void_type;
	struct skep_btf *b = c->b;
	const uint8_t *at = body(b) + b->hdr.type_off;
	uint32_t left = b->hdr.type_len, cap = 64;

	if (b->hdr.type_off & 3)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, b->hdr.hdr_len, "Unaligned type_off");
	if (!left)
		return btf_fail_at(c, -EINVAL, SKEP_AT_BYTE, b->hdr.hdr_len, "No type found");
	b->types = skep_alloc_array(cap, sizeof(*b->types));
	if (!b->types)
		return -ENOMEM;
	b->types[b->cnt++] = &void_type;
	for (c->id = 1; left; c->id++) {
		const struct btf_type *t = (const void *)at;
		int64_t n = btf_check_meta(c, t, left);
		int err;

		if (n < 0)
			return (int)n;
		err = add_type(c, t, &cap);
		if (err)
			return err;
		at += n;
		left -= (uint32_t)n;
	}
	return 0;
}

/* Length of a name without the "___flavour" that it may end with. */
static size_t essential_len(const char *name, size_t n)
{
	for (size_t i = 1; i + 3 < n; i++)
		if (name[i - 1] != '_' && !memcmp(name + i, "___", 3) && name[i + 3] != '_')
			return i;
	return n;
}

/* Where types of that kind stand whose names are alike but for a flavour. */
static uint32_t *index_slot(const struct skep_btf *b, const char *name, size_t n, uint32_t kind)
{
	uint32_t i = hash_bytes(name, n, kind) & b->index_mask;

	for (;; i = (i + 1) & b->index_mask) {
		const struct btf_type *t = b->types[b->index[i]];
		const char *has = b->str + t->name_off;

		if (!b->index[i] || (type_kind(t) == kind && !strncmp(has, name, n) &&
				     essential_len(has, strlen(has)) == n))
			return &b->index[i];
	}
}

/* At most half full, so that a free slot ends every search; lists are in the order of ids. */
static int build_index(struct skep_btf *b)
{
	b->index_mask = (uint32_t)round_up_pow2((uint64_t)b->cnt * 2) - 1;
	b->index = skep_alloc_array((size_t)b->index_mask + 1, sizeof(*b->index));
	b->alike = skep_alloc_array(b->cnt, sizeof(*b->alike));
	if (!b->index || !b->alike)
		return -ENOMEM;
	for (uint32_t id = b->cnt - 1; id > 0; id--) {
		const char *name = b->str + b->types[id]->name_off;
		uint32_t *slot = index_slot(b, name, essential_len(name, strlen(name)),
					    type_kind(b->types[id]));

		b->alike[id] = *slot;
		*slot = id;
	}
	return 0;
}

int32_t btf_find_n(const struct skep_btf *b, const char *name, size_t n, uint32_t kind)
{
	uint32_t id = *index_slot(b, name, essential_len(name, n), kind);

	for (; id; id = b->alike[id]) {
		const char *has = b->str + b->types[id]->name_off;

		if (!strncmp(has, name, n) && !has[n])
			return (int32_t)id;
	}
	return -ENOENT;
}

int32_t btf_find(const struct skep_btf *b, const char *name, uint32_t kind)
{
	return btf_find_n(b, name, strlen(name), kind);
}

int32_t btf_find_alike(const struct skep_btf *b, const char *name, uint32_t kind)
{
	const size_t n = essential_len(name, strlen(name));
	const uint32_t id = n ? *index_slot(b, name, n, kind) : 0;

	if (!id)
		return -ENOENT;
	return b->alike[id] ? -ESRCH : (int32_t)id;
}

static int check_all(struct btf_check *c, struct bytes in)
{
	static int (*const phases[])(struct btf_check * c) = {
		check_strings,
		walk_types,
		btf_resolve_all,
		btf_check_type_tags,
	};
	int err;

	err = check_header(c, in);
	if (!err)
		err = copy_blob(c->b, in);
	for (size_t i = 0; !err && i < ARRAY_SIZE(phases); i++)
		err = phases[i](c);
	if (!err)
		err = build_index(c->b);
	return err ? err : btf_check_structs(c);
}

int btf_new(const void *data, uint32_t size, const struct skep_btf *kernel,
	    const struct btf_log *log, struct skep_btf **ret, struct skep_diag *reterr_diag)
{
	_cleanup_(btf_put_p) struct skep_btf *b = NULL;
	struct btf_check c = { .kernel = kernel, .log = log, .diag = reterr_diag };
	int err;

	if (size > BTF_SIZE_MAX)
		return diag_set(reterr_diag, -E2BIG, SKEP_AT_NONE, 0,
				"BTF of %u bytes: at most 16 MiB are allowed", size);
	b = skep_alloc(sizeof(*b));
	if (!b)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "no memory for BTF");
	b->refs = 1;
	b->size = size;
	c.b = b;
	err = check_all(&c, (struct bytes){ data, size });
	skep_free(c.visit);
	if (err == -ENOMEM)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for BTF");
	if (err)
		return err;
	*ret = TAKE_PTR(b);
	return 0;
}

struct skep_btf *btf_get(struct skep_btf *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

uint32_t btf_refs(const struct skep_btf *b)
{
	return atomic_load_explicit(&b->refs, memory_order_acquire);
}

void btf_put(struct skep_btf *b)
{
	/* Release orders this owner's reads before the free; acquire pairs with it. */
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < b->object_cnt; i++)
		skep_free(b->object[i].record);
	skep_free(b->object);
	skep_free(b->mem);
	skep_free(b->types);
	skep_free(b->to_id);
	skep_free(b->to_size);
	skep_free(b->index);
	skep_free(b->alike);
	skep_free(b);
}
