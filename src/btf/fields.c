/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c - finding special fields: members that the kernel gives a meaning to by the name of
 * their type (struct bpf_spin_lock, struct bpf_timer, ...) or by a type tag (kptrs).
 *
 * They are looked for in map values (map.c) and, at load, in every struct that has one as a
 * direct member (objects.c).  Questions on a finished struct btf_record are answered in record.c.
 */
#include "btf/btf_int.h"

#include "base/alloc.h"

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

/* Found in place, not checked yet. */
struct found {
	struct btf_field f;
	const char *node; /* lists and trees: name of the node's member in the target */
};

/* One search through a value or an object. */
struct search {
	const struct btf_seek *in;
	const struct skep_btf *b; /* of it */
	uint32_t seen;		  /* those of `once` that were met, well placed or not */
	uint32_t cnt;		  /* found so far */
	struct found at[BTF_FIELDS_MAX];
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

int btf_find_kptr(const struct skep_btf *b, const struct btf_type *t, uint32_t mask,
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

static int find_graph_root(const struct skep_btf *b, uint32_t owner, int32_t idx, struct found *ret)
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
	ret->f.target = (uint32_t)id;
	ret->node = colon + 1;
	return 1;
}

/* The row for a member of type t, or NULL for a plain one; -E2BIG for a second of `once`. */
static int classify(struct search *s, const struct btf_type *t, const struct special **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		const struct special *sp = &specials[i];

		if (!(s->in->mask & sp->type) || strcmp(name_of(s->b, t), sp->name))
			continue;
		if (sp->once && (s->seen & sp->type))
			return -E2BIG;
		s->seen |= sp->once ? sp->type : 0;
		*ret = sp;
		return 0;
	}
	if ((s->in->mask & (FIELD_KPTR | FIELD_UPTR)) && type_kind(t) != BTF_KIND_STRUCT)
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
static int repeat(struct search *s, uint32_t first, uint32_t more, uint32_t elem_size)
{
	uint32_t n = s->cnt - first;

	for (uint32_t i = first; i < s->cnt; i++)
		if (!special_of(s->at[i].f.type)->repeats)
			return -EINVAL;
	if (((uint64_t)more + 1) * n > BTF_FIELDS_MAX - first)
		return -E2BIG;
	for (uint32_t k = 1; k <= more; k++)
		for (uint32_t i = 0; i < n; i++) {
			s->at[s->cnt] = s->at[first + i];
			s->at[s->cnt++].f.off += k * elem_size;
		}
	return 0;
}

static int search_struct(struct search *s, uint32_t id, uint32_t level);

/* A member or element of struct type: what is in it, shifted to where it lies. */
static int search_nested(struct search *s, uint32_t id, uint32_t off, uint32_t nelems,
			 uint32_t level)
{
	uint32_t first = s->cnt, seen = s->seen;
	int err;

	if (level + 1 >= BTF_RESOLVE_DEPTH)
		return -E2BIG;
	if (s->in->barren[id])
		return 0;
	err = search_struct(s, id, level + 1);
	if (err)
		return err;
	if (s->cnt == first) {
		s->in->barren[id] = seen == s->seen;
		return 0;
	}
	for (uint32_t i = first; i < s->cnt; i++)
		s->at[i].f.off += off;
	return nelems > 1 ? repeat(s, first, nelems - 1, s->b->types[id]->size) : 0;
}

/*
 * One member or variable of type id at off; `room` is what a section gives it, 0 in structs.
 * owner and idx are where a declaration tag about it would point.
 */
static int search_one(struct search *s, uint32_t owner, int32_t idx, uint32_t id, uint32_t off,
		      uint32_t room, uint32_t level)
{
	const struct btf_type *t = s->b->types[id];
	struct found new = { .f.off = off };
	const struct special *sp;
	uint32_t nelems = 1, first = s->cnt, depth = 0;
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
		r = btf_find_kptr(s->b, t, s->in->mask, &new.f);
	} else {
		new.f.type = sp->type;
		r = type_kind(t) == BTF_KIND_STRUCT && t->size == sp->size;
		if (r && (sp->type & FIELD_GRAPH_ROOT))
			r = find_graph_root(s->b, owner, idx, &new);
	}
	if (r <= 0)
		return r;
	if (s->cnt == BTF_FIELDS_MAX)
		return -E2BIG;
	new.f.size = sp->size;
	new.f.btf = s->b;
	s->at[s->cnt++] = new;
	return nelems > 1 ? repeat(s, first, nelems - 1, sp->size) : 0;
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

/* --- what was found, checked ---------------------------------------------------------------- */

/*
 * Objects of the kernel that may be kept in a map and outlive it there: it has a function to
 * drop the last reference, by which a kernel says that it can.
 */
static bool has_dtor(const struct skep_btf *kernel, const char *name)
{
	static const struct {
		const char *name, *dtor;
	} dtors[] = {
		{ "task_struct", "bpf_task_release_dtor" },
		{ "cgroup", "bpf_cgroup_release_dtor" },
		{ "bpf_cpumask", "bpf_cpumask_release_dtor" },
		{ "bpf_crypto_ctx", "bpf_crypto_ctx_release_dtor" },
		{ "prog_test_ref_kfunc", "bpf_kfunc_call_test_release_dtor" },
		{ "prog_test_member", "bpf_kfunc_call_memb_release_dtor" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(dtors); i++)
		if (!strcmp(dtors[i].name, name))
			return btf_find(kernel, dtors[i].dtor, BTF_KIND_FUNC) > 0;
	return false;
}

/* A kptr points at the kernel's type of that name, where there is one, else at the program's. */
static int check_kptr(const struct search *s, struct found *at)
{
	struct btf_field *f = &at->f;
	const char *name = name_of(s->b, s->b->types[f->target]);
	int32_t id;

	if (!s->in->kernel)
		return -EINVAL;
	id = btf_find(s->in->kernel, name, BTF_KIND_STRUCT);
	if (id < 0)
		return 0;
	if (f->type == FIELD_KPTR_REF && !has_dtor(s->in->kernel, name))
		return -ENOENT;
	f->btf = NULL;
	f->target = (uint32_t)id;
	return 0;
}

/* The member of the listed struct that its list or tree goes through. */
static int check_root(const struct search *s, struct found *at)
{
	const struct skep_btf *b = s->b;
	const char *want = at->f.type == FIELD_LIST_HEAD ? "bpf_list_node" : "bpf_rb_node";
	const struct btf_type *t = b->types[at->f.target], *node = NULL;
	const struct btf_member *m = type_tail(t);

	for (uint32_t i = 0; i < type_vlen(t); i++) {
		if (strcmp(b->str + m[i].name_off, at->node))
			continue;
		if (node)
			return -EINVAL;
		node = b->types[m[i].type];
		if (type_kind(node) != BTF_KIND_STRUCT || strcmp(name_of(b, node), want))
			return -EINVAL;
		/* A multiple of 8 bytes; read as the kernel does, by the node's own kind_flag. */
		if (member_bit_off(node, &m[i]) % 64)
			return -EINVAL;
		at->f.node_off = member_bit_off(node, &m[i]) / 8;
	}
	return node ? 0 : -ENOENT;
}

/* Fields in order without overlap, and what they ask of each other. */
static int check_fields(struct search *s, uint32_t size, uint32_t *ret_mask)
{
	uint32_t next = 0, mask = 0;

	for (uint32_t i = 0; i < s->cnt; i++) {
		const struct btf_field *f = &s->at[i].f;
		int err = 0;

		if (f->off + f->size > size)
			return -EFAULT;
		if (f->off < next)
			return -EEXIST;
		next = f->off + f->size;
		mask |= f->type;
		if (f->type & (FIELD_KPTR | FIELD_UPTR))
			err = check_kptr(s, &s->at[i]);
		if (f->type & FIELD_GRAPH_ROOT)
			err = check_root(s, &s->at[i]);
		if (err)
			return err;
	}
	if ((mask & FIELD_SPIN_LOCK) && (mask & FIELD_RES_SPIN_LOCK))
		return -EINVAL;
	if ((mask & FIELD_GRAPH_ROOT) && !(mask & (FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK)))
		return -EINVAL;
	if ((mask & FIELD_LIST_NODE) && (mask & FIELD_RB_NODE) && !(mask & FIELD_REFCOUNT))
		return -EINVAL;
	*ret_mask = mask;
	return 0;
}

static int make_record(const struct search *s, uint32_t mask, struct btf_record **ret)
{
	struct btf_record *r = skep_alloc(sizeof(*r) + s->cnt * sizeof(r->field[0]));
	static const struct {
		uint32_t type;
		size_t off; /* of the member of *ret that says where it is */
	} single[] = {
		{ FIELD_SPIN_LOCK, offsetof(struct btf_record, spin_lock_off) },
		{ FIELD_RES_SPIN_LOCK, offsetof(struct btf_record, res_spin_lock_off) },
		{ FIELD_TIMER, offsetof(struct btf_record, timer_off) },
		{ FIELD_WORKQUEUE, offsetof(struct btf_record, wq_off) },
		{ FIELD_TASK_WORK, offsetof(struct btf_record, task_work_off) },
		{ FIELD_REFCOUNT, offsetof(struct btf_record, refcount_off) },
	};

	if (!r)
		return -ENOMEM;
	r->cnt = s->cnt;
	r->mask = mask;
	for (size_t k = 0; k < ARRAY_SIZE(single); k++) {
		int32_t *off = (int32_t *)((char *)r + single[k].off);

		*off = -EINVAL;
		for (uint32_t i = 0; i < s->cnt; i++)
			if (s->at[i].f.type == single[k].type)
				*off = (int32_t)s->at[i].f.off;
	}
	for (uint32_t i = 0; i < s->cnt; i++)
		r->field[i] = s->at[i].f;
	*ret = r;
	return 0;
}

int btf_find_fields(const struct btf_seek *in, uint32_t id, uint32_t size, struct btf_record **ret)
{
	struct search s = { .in = in, .b = in->b };
	const uint32_t kind = type_kind(in->b->types[id]);
	uint32_t mask;
	int err;

	*ret = NULL;
	if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_DATASEC)
		return -EINVAL;
	err = kind == BTF_KIND_STRUCT ? search_struct(&s, id, 0) : search_datasec(&s, id);
	err = err ? err : check_fields(&s, size, &mask);
	return err || !s.cnt ? err : make_record(&s, mask, ret);
}

bool btf_special_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (specials[i].alloc && !strcmp(specials[i].name, name))
			return true;
	return false;
}
