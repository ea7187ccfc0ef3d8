/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf_walk.c - what lies at an offset of a struct of the kernel, by its BTF (btf_struct_walk of
 * the kernel).
 */
#include "verifier/verifier_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

/* A member under inspection. */
struct place {
	const char *name;
	uint32_t begin, end; /* bytes of the whole member */
	uint32_t at;	     /* where the element that holds the offset begins */
	uint32_t size;	     /* of that element */
	uint32_t id;	     /* its type, resolved */
};

/* What is wrong with the access; where it is only tried, just a line of the log. */
#define say(v, err, text, ...)                                                \
	(w->trial ? (verifier_log((v)->log, text "\n", ##__VA_ARGS__), (err)) \
		  : fail(v, err, text, ##__VA_ARGS__))

static bool is_aggregate(const struct btf_type *t)
{
	return KIND(t) == BTF_KIND_STRUCT || KIND(t) == BTF_KIND_UNION;
}

static const struct btf_member *members(const struct btf_type *t)
{
	return (const struct btf_member *)(t + 1);
}

static uint32_t bit_off(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

static uint32_t bit_size(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
}

/* Beyond the end lies the flexible array that a struct may end with: 1 go on in its element. */
static int flexible(struct verifier *v, struct btf_walk *w, const struct btf_type *t)
{
	const uint32_t n = BTF_INFO_VLEN(t->info);
	const struct btf_member *last = n ? &members(t)[n - 1] : NULL;
	const struct btf_type *array =
		last ? btf_type(w->btf, btf_resolve(w->btf, last->type)) : NULL;
	const struct btf_array *a = array ? (const struct btf_array *)(array + 1) : NULL;

	if (array && KIND(array) == BTF_KIND_ARRAY && !a->nelems && !w->closed &&
	    w->off >= bit_off(t, last) / 8) {
		const uint32_t id = btf_resolve(w->btf, a->type);
		const struct btf_type *elem = btf_type(w->btf, id);

		if (KIND(elem) == BTF_KIND_INT)
			return FOUND_SCALAR;
		if (is_aggregate(elem) && elem->size) {
			w->off = (w->off - bit_off(t, last) / 8) % elem->size;
			w->id = id;
			return -EAGAIN;
		}
	}
	return say(v, -EACCES, "access beyond struct %s at off %u size %u",
		   btf_str(w->btf, t->name_off), w->off, w->size);
}

/* Arrays, of whatever dimensions, become the element that holds the offset. */
static bool place_of(const struct btf_walk *w, const struct btf_type *t, const struct btf_member *m,
		     struct place *p)
{
	uint32_t id = btf_resolve(w->btf, m->type), n = 1;
	const int64_t size = btf_size(w->btf, id);

	*p = (struct place){ .name = btf_str(w->btf, m->name_off), .begin = bit_off(t, m) / 8 };
	if (size < 0)
		return false;
	while (KIND(btf_type(w->btf, id)) == BTF_KIND_ARRAY) {
		const struct btf_array *a = (const struct btf_array *)(btf_type(w->btf, id) + 1);

		n *= a->nelems;
		id = btf_resolve(w->btf, a->type);
	}
	p->end = p->begin + (uint32_t)size;
	p->size = n ? (uint32_t)size / n : 0;
	p->id = id;
	p->at = p->begin;
	if (p->size && w->off > p->begin)
		p->at += (w->off - p->begin) / p->size * p->size;
	return true;
}

static uint32_t pointer_flags(const struct btf_walk *w, const struct btf_type *ptr)
{
	static const struct {
		const char *tag;
		uint32_t flag;
	} tags[] = { { "user", MEM_USER }, { "percpu", MEM_PERCPU }, { "rcu", MEM_RCU } };
	const struct btf_type *t = btf_type(w->btf, ptr->type);

	for (size_t i = 0; i < ARRAY_SIZE(tags) && KIND(t) == BTF_KIND_TYPE_TAG; i++)
		if (!strcmp(btf_str(w->btf, t->name_off), tags[i].tag))
			return tags[i].flag;
	return 0;
}

/* The access lies in member p of t; -EAGAIN: go on inside it. */
static int inspect(struct verifier *v, struct btf_walk *w, const struct btf_type *t,
		   const struct place *p)
{
	const struct btf_type *m = btf_type(w->btf, p->id);
	const char *name = btf_str(w->btf, t->name_off);

	if (is_aggregate(m)) {
		if (w->off == p->at) {
			w->next = p->id;
			return FOUND_STRUCT;
		}
		w->off -= p->at;
		w->id = p->id;
		return -EAGAIN;
	}
	if (KIND(m) == BTF_KIND_PTR) {
		const uint32_t to = btf_resolve(w->btf, m->type);

		if (p->size != w->size || w->off != p->at)
			return say(v, -EACCES,
				   "cannot access ptr member %s with moff %u in struct %s with off "
				   "%u size %u",
				   p->name, p->at, name, w->off, w->size);
		if (is_aggregate(btf_type(w->btf, to))) {
			w->next = to;
			w->flags |= pointer_flags(w, m);
			w->field = p->name;
			return FOUND_PTR;
		}
		return FOUND_MEM;
	}
	if (w->off + w->size > p->end && !(w->flags & PTR_UNTRUSTED))
		return say(v, -EACCES,
			   "access beyond the end of member %s (mend:%u) in struct %s with off %u "
			   "size %u",
			   p->name, p->end, name, w->off, w->size);
	return FOUND_SCALAR;
}

static int look(struct verifier *v, struct btf_walk *w, const struct btf_type *t)
{
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		const struct btf_member *m = &members(t)[i];
		const uint32_t bits = bit_size(t, m), begin = bit_off(t, m) / 8;
		struct place p;

		if (w->off + w->size <= begin)
			break;
		if (bits) {
			if (w->off <= begin && (bit_off(t, m) + bits + 7) / 8 <= w->off + w->size)
				return FOUND_SCALAR;
			continue;
		}
		if (w->off < begin)
			break;
		if (!place_of(w, t, m, &p))
			return say(v, -EFAULT, "field %s doesn't have size", p.name);
		if (w->off < p.end)
			return inspect(v, w, t, &p);
	}
	return say(v, -EINVAL, "struct %s doesn't have field at offset %u",
		   btf_str(w->btf, t->name_off), w->off);
}

int btf_walk(struct verifier *v, struct btf_walk *w)
{
	int found;

	do {
		const struct btf_type *t;

		w->id = btf_resolve(w->btf, w->id);
		t = btf_type(w->btf, w->id);
		if (!is_aggregate(t))
			return say(v, -EINVAL, "Type '%s' is not a struct",
				   btf_str(w->btf, t->name_off));
		/* Which member of a union is meant nobody knows. */
		if (KIND(t) == BTF_KIND_UNION && BTF_INFO_VLEN(t->info) != 1)
			w->flags |= PTR_UNTRUSTED;
		found = w->off + w->size > t->size ? flexible(v, w, t) : look(v, w, t);
	} while (found == -EAGAIN);
	return found;
}
