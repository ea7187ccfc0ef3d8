/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c - special fields: members that the kernel gives a meaning to by the name of their
 * type (struct bpf_spin_lock, struct bpf_timer, ...) or by a type tag (kptrs).
 *
 * They are looked for in map values (map.c) and, at load, in every struct that has one as a
 * direct member: a program may allocate such objects, so their layout and who owns whom must be
 * sound.  What kptrs point at in the kernel is not looked up here: only the kernel's BTF knows.
 */
#include "btf/btf_int.h"

#include "base/alloc.h"
#include "base/vec.h"

/* A type that is special by name. */
struct special {
	const char *name;
	uint32_t type; /* FIELD_* */
	uint8_t size;  /* bytes */
	uint8_t align; /* bytes; elsewhere the type is just a type */
	bool once;     /* at most one in a value */
	bool repeats;  /* arrays of it are fine */
	bool alloc;    /* also in objects that a program allocates, not in map values alone */
};

static const struct special specials[] = {
	{ "bpf_spin_lock", FIELD_SPIN_LOCK, 4, 4, .once = true, .alloc = true },
	{ "bpf_res_spin_lock", FIELD_RES_SPIN_LOCK, 4, 4, .once = true, .alloc = true },
	{ "bpf_timer", FIELD_TIMER, 16, 8, .once = true },
	{ "bpf_wq", FIELD_WORKQUEUE, 16, 8, .once = true },
	{ "bpf_task_work", FIELD_TASK_WORK, 8, 8, .once = true },
	{ "bpf_list_head", FIELD_LIST_HEAD, 16, 8, .repeats = true, .alloc = true },
	{ "bpf_list_node", FIELD_LIST_NODE, 24, 8, .alloc = true },
	{ "bpf_rb_root", FIELD_RB_ROOT, 16, 8, .repeats = true, .alloc = true },
	{ "bpf_rb_node", FIELD_RB_NODE, 32, 8, .alloc = true },
	{ "bpf_refcount", FIELD_REFCOUNT, 4, 4, .once = true, .alloc = true },
};

/* Pointers are special by their tag; this row stands for all of them. */
static const struct special kptr_special = { "kptr", FIELD_KPTR, 8, 8, .repeats = true };

static const struct {
	const char *tag;
	uint32_t type; /* FIELD_* */
} kptr_tags[] = {
	{ "kptr_untrusted", FIELD_KPTR_UNREF },
	{ "kptr", FIELD_KPTR_REF },
	{ "percpu_kptr", FIELD_KPTR_PERCPU },
	{ "uptr", FIELD_UPTR },
};

#define FIELDS_OF_OBJECT                                                             \
	(FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK | FIELD_LIST_HEAD | FIELD_LIST_NODE | \
	 FIELD_RB_ROOT | FIELD_RB_NODE | FIELD_REFCOUNT | FIELD_KPTR)

/* One search through a value or an object. */
struct search {
	const struct skep_btf *b;
	uint32_t mask;		/* FIELD_* looked for */
	uint32_t seen;		/* those of `once` that were met, well placed or not */
	uint8_t *barren;	/* [b->cnt] structs that hold nothing: each is searched once */
	struct btf_fields *out; /* found so far */
};

static const char *name_of(const struct skep_btf *b, const struct btf_type *t)
{
	return b->str + t->name_off;
}

static const struct btf_type *skip_modifiers(const struct skep_btf *b, uint32_t *id)
{
	*id = btf_resolve(b, *id);
	return b->types[*id];
}

/* 1: t is a tagged pointer, *ret tells which; 0: it is none; -EINVAL: a wrong one. */
static int find_kptr(const struct skep_btf *b, const struct btf_type *t, uint32_t mask,
		     struct btf_field *ret)
{
	uint32_t type = 0, id;

	if (type_kind(t) == BTF_KIND_VOLATILE)
		t = b->types[t->type];
	if (type_kind(t) != BTF_KIND_PTR)
		return 0;
	t = b->types[t->type];
	if (type_kind(t) != BTF_KIND_TYPE_TAG || type_kflag(t))
		return 0;
	id = t->type;
	if (type_kind(b->types[id]) == BTF_KIND_TYPE_TAG)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(kptr_tags); i++)
		if (!strcmp(name_of(b, t), kptr_tags[i].tag))
			type = kptr_tags[i].type;
	if (!type)
		return -EINVAL;
	if (!(type & mask))
		return 0;
	if (type_kind(skip_modifiers(b, &id)) != BTF_KIND_STRUCT)
		return -EINVAL;
	ret->type = type;
	ret->target = id;
	return 1;
}

/* The one declaration tag "contains:STRUCT:MEMBER" of component idx of type id, or NULL. */
static const char *find_contains(const struct skep_btf *b, uint32_t id, int32_t idx)
{
	static const char key[] = "contains:";
	const char *found = NULL;

	for (uint32_t i = 1; i < b->cnt; i++) {
		const struct btf_type *t = b->types[i];
		const struct btf_decl_tag *tag = type_tail(t);

		if (type_kind(t) != BTF_KIND_DECL_TAG || t->type != id ||
		    tag->component_idx != idx || strncmp(name_of(b, t), key, sizeof(key) - 1))
			continue;
		if (found)
			return NULL;
		found = name_of(b, t) + sizeof(key) - 1;
	}
	return found;
}

static int find_graph_root(const struct skep_btf *b, uint32_t owner, int32_t idx,
			   struct btf_field *ret)
{
	const char *value = find_contains(b, owner, idx),
		   *colon = value ? strchr(value, ':') : NULL;
	int32_t id;

	if (!colon)
		return -EINVAL;
	id = btf_find_n(b, value, (size_t)(colon - value), BTF_KIND_STRUCT);
	if (id < 0)
		return id;
	if (!colon[1])
		return -EINVAL;
	ret->target = (uint32_t)id;
	ret->node = colon + 1;
	return 1;
}

/* The row for a member of type t, or NULL for a plain one; -E2BIG for a second of `once`. */
static int classify(struct search *s, const struct btf_type *t, const struct special **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		const struct special *sp = &specials[i];

		if (!(s->mask & sp->type) || strcmp(name_of(s->b, t), sp->name))
			continue;
		if (sp->once && (s->seen & sp->type))
			return -E2BIG;
		s->seen |= sp->once ? sp->type : 0;
		*ret = sp;
		return 0;
	}
	if ((s->mask & (FIELD_KPTR | FIELD_UPTR)) && type_kind(t) != BTF_KIND_STRUCT)
		*ret = &kptr_special;
	return 0;
}

static const struct special *special_of(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (specials[i].type == type)
			return &specials[i];
	return &kptr_special;
}

/* Repeats the fields from `first` on for the further elements of an array. */
static int repeat(struct btf_fields *f, uint32_t first, uint32_t more, uint32_t elem_size)
{
	uint32_t n = f->cnt - first;

	for (uint32_t i = first; i < f->cnt; i++)
		if (!special_of(f->at[i].type)->repeats)
			return -EINVAL;
	if (((uint64_t)more + 1) * n > BTF_FIELDS_MAX - first)
		return -E2BIG;
	for (uint32_t k = 1; k <= more; k++)
		for (uint32_t i = 0; i < n; i++) {
			f->at[f->cnt] = f->at[first + i];
			f->at[f->cnt++].off += k * elem_size;
		}
	return 0;
}

static int search_struct(struct search *s, uint32_t id, uint32_t level);

/* A member or element of struct type: what is in it, shifted to where it lies. */
static int search_nested(struct search *s, uint32_t id, uint32_t off, uint32_t nelems,
			 uint32_t level)
{
	uint32_t first = s->out->cnt, seen = s->seen;
	int err;

	if (level + 1 >= BTF_RESOLVE_DEPTH)
		return -E2BIG;
	if (s->barren[id])
		return 0;
	err = search_struct(s, id, level + 1);
	if (err)
		return err;
	if (s->out->cnt == first) {
		s->barren[id] = seen == s->seen;
		return 0;
	}
	for (uint32_t i = first; i < s->out->cnt; i++)
		s->out->at[i].off += off;
	return nelems > 1 ? repeat(s->out, first, nelems - 1, s->b->types[id]->size) : 0;
}

/*
 * One member or variable of type id at off; `room` is what a section gives it, 0 in structs.
 * owner and idx are where a declaration tag about it would point.
 */
static int search_one(struct search *s, uint32_t owner, int32_t idx, uint32_t id, uint32_t off,
		      uint32_t room, uint32_t level)
{
	const struct btf_type *t = s->b->types[id];
	struct btf_field f = { .off = off };
	const struct special *sp;
	uint32_t nelems = 1, first = s->out->cnt, depth = 0;
	int r;

	for (; type_kind(t) == BTF_KIND_ARRAY && depth < BTF_RESOLVE_DEPTH; depth++) {
		const struct btf_array *a = type_tail(t);

		nelems *= a->nelems;
		id = a->type;
		t = s->b->types[id];
	}
	if (depth == BTF_RESOLVE_DEPTH)
		return -E2BIG;
	if (!nelems)
		return 0;
	r = classify(s, t, &sp);
	if (r)
		return r;
	if (!sp && type_kind(t) == BTF_KIND_STRUCT)
		return room && room != t->size * nelems ? 0
							: search_nested(s, id, off, nelems, level);
	if (!sp || (room && room != sp->size * nelems) || off % sp->align)
		return 0;
	if (sp == &kptr_special) {
		r = find_kptr(s->b, t, s->mask, &f);
	} else {
		f.type = sp->type;
		r = type_kind(t) == BTF_KIND_STRUCT && t->size == sp->size;
		if (r && (sp->type & FIELD_GRAPH_ROOT))
			r = find_graph_root(s->b, owner, idx, &f);
	}
	if (r <= 0)
		return r;
	if (s->out->cnt == BTF_FIELDS_MAX)
		return -E2BIG;
	s->out->at[s->out->cnt++] = f;
	return nelems > 1 ? repeat(s->out, first, nelems - 1, sp->size) : 0;
}

static int search_struct(struct search *s, uint32_t id, uint32_t level)
{
	const struct btf_type *t = s->b->types[id];
	const struct btf_member *m = type_tail(t);

	for (uint32_t i = 0; i < type_vlen(t); i++) {
		uint32_t off = member_bit_off(t, &m[i]);
		int err;

		if (off % 8)
			return -EINVAL;
		err = search_one(s, id, (int32_t)i, m[i].type, off / 8, 0, level);
		if (err)
			return err;
	}
	return 0;
}

static int search_datasec(struct search *s, uint32_t id)
{
	const struct btf_type *t = s->b->types[id];
	const struct btf_var_secinfo *v = type_tail(t);

	for (uint32_t i = 0; i < type_vlen(t); i++) {
		uint32_t var_type = s->b->types[v[i].type]->type;
		int err = search_one(s, v[i].type, -1, var_type, v[i].offset, v[i].size, 0);

		if (err)
			return err;
	}
	return 0;
}

/* The member of the listed struct that its list or tree goes through. */
static int check_node(const struct skep_btf *b, const struct btf_field *f)
{
	const char *want = f->type == FIELD_LIST_HEAD ? "bpf_list_node" : "bpf_rb_node";
	const struct btf_type *t = b->types[f->target], *node = NULL;
	const struct btf_member *m = type_tail(t);

	for (uint32_t i = 0; i < type_vlen(t); i++) {
		if (strcmp(b->str + m[i].name_off, f->node))
			continue;
		if (node)
			return -EINVAL;
		node = b->types[m[i].type];
		if (type_kind(node) != BTF_KIND_STRUCT || strcmp(name_of(b, node), want))
			return -EINVAL;
		/* A multiple of 8 bytes; read as the kernel does, by the node's own kind_flag. */
		if (member_bit_off(node, &m[i]) % 64)
			return -EINVAL;
	}
	return node ? 0 : -ENOENT;
}

/* Fields in order without overlap, and what they ask of each other. */
static int check_fields(const struct skep_btf *b, struct btf_fields *f, uint32_t size)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < f->cnt; i++) {
		uint32_t len = special_of(f->at[i].type)->size;
		int err = 0;

		if (f->at[i].off + len > size)
			return -EFAULT;
		if (f->at[i].off < next)
			return -EEXIST;
		next = f->at[i].off + len;
		f->mask |= f->at[i].type;
		if (f->at[i].type & FIELD_GRAPH_ROOT)
			err = check_node(b, &f->at[i]);
		if (err)
			return err;
	}
	if ((f->mask & FIELD_SPIN_LOCK) && (f->mask & FIELD_RES_SPIN_LOCK))
		return -EINVAL;
	if ((f->mask & FIELD_GRAPH_ROOT) && !(f->mask & (FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK)))
		return -EINVAL;
	if ((f->mask & FIELD_LIST_NODE) && (f->mask & FIELD_RB_NODE) && !(f->mask & FIELD_REFCOUNT))
		return -EINVAL;
	return 0;
}

int btf_find_fields(const struct skep_btf *b, uint32_t id, uint32_t mask, uint32_t size,
		    uint8_t *barren, struct btf_fields *ret)
{
	struct search s = { .b = b, .mask = mask, .barren = barren, .out = ret };
	uint32_t kind = type_kind(b->types[id]);
	int err;

	*ret = (struct btf_fields){ 0 };
	if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_DATASEC)
		return -EINVAL;
	err = kind == BTF_KIND_STRUCT ? search_struct(&s, id, 0) : search_datasec(&s, id);
	return err ? err : check_fields(b, ret, size);
}

/* --- objects that programs allocate ------------------------------------------------------- */

struct object {
	uint32_t id;		  /* of the struct */
	struct btf_fields fields; /* at least one */
};

struct objects {
	VEC(struct object);
	uint32_t *of;	  /* [b->cnt] index + 1 of a type's object, 0: none */
	uint8_t *special; /* [b->cnt] types that make a struct an object */
	uint8_t *barren;  /* [b->cnt] for btf_find_fields */
};

static void objects_free(struct objects *o)
{
	vec_free(o);
	skep_free(o->of);
	skep_free(o->special);
	skep_free(o->barren);
}

/* Marks the special types; false where the blob has none. */
static bool mark_special(const struct skep_btf *b, uint8_t *special)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		int32_t id = specials[i].alloc ? btf_find(b, specials[i].name, BTF_KIND_STRUCT)
					       : -ENOENT;

		if (id > 0) {
			special[id] = 1;
			any = true;
		}
	}
	for (uint32_t id = 1; id < b->cnt; id++) {
		struct btf_field f;

		if (find_kptr(b, b->types[id], FIELD_KPTR, &f) > 0) {
			special[id] = 1;
			any = true;
		}
	}
	return any;
}

static int collect(const struct skep_btf *b, struct objects *o, uint32_t *ret_id)
{
	for (uint32_t id = 1; id < b->cnt; id++) {
		const struct btf_type *t = b->types[id];
		const struct btf_member *m = type_tail(t);
		struct object *obj;
		bool has = false;
		int err;

		if (type_kind(t) != BTF_KIND_STRUCT)
			continue;
		for (uint32_t i = 0; i < type_vlen(t) && !has; i++)
			has = o->special[m[i].type];
		if (!has)
			continue;
		*ret_id = id;
		obj = vec_push(o);
		if (!obj)
			return -ENOMEM;
		obj->id = id;
		o->of[id] = (uint32_t)o->n;
		err = btf_find_fields(b, id, FIELDS_OF_OBJECT, t->size, o->barren, &obj->fields);
		if (err)
			return err;
		/* Special by type, but misplaced or of another size. */
		if (!obj->fields.cnt)
			return -EFAULT;
	}
	return 0;
}

/*
 * What a list or tree holds must be an object itself.  Objects that are both held and hold others
 * could own each other in a circle, so what they hold must hold nothing.
 */
static int check_ownership(const struct objects *o, const struct object *obj)
{
	for (uint32_t i = 0; i < obj->fields.cnt; i++) {
		const struct btf_field *f = &obj->fields.at[i];
		uint32_t held;

		if (!(f->type & FIELD_GRAPH_ROOT))
			continue;
		held = o->of[f->target];
		if (!held)
			return -EFAULT;
		if ((obj->fields.mask & FIELD_GRAPH_NODE) &&
		    (o->at[held - 1].fields.mask & FIELD_GRAPH_ROOT))
			return -ELOOP;
	}
	return 0;
}

int btf_check_structs(struct btf_check *c)
{
	const struct skep_btf *b = c->b;
	_cleanup_(objects_free) struct objects o = { 0 };
	uint32_t id = 0;
	int err;

	o.special = skep_alloc(b->cnt);
	if (!o.special)
		return -ENOMEM;
	if (!mark_special(b, o.special))
		return 0;
	o.of = skep_alloc_array(b->cnt, sizeof(*o.of));
	o.barren = skep_alloc(b->cnt);
	if (!o.of || !o.barren)
		return -ENOMEM;
	err = collect(b, &o, &id);
	for (size_t i = 0; !err && i < o.n; i++) {
		id = o.at[i].id;
		err = check_ownership(&o, &o.at[i]);
	}
	if (err && err != -ENOMEM)
		diag_set(c->diag, err, SKEP_AT_TYPE, id,
			 "BTF struct %s: its special fields (locks, lists, trees, kptrs) are "
			 "unsound",
			 btf_log_name(b, b->types[id]->name_off));
	return err;
}
