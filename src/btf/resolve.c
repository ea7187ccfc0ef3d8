/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resolve.c - follows references: every chain of modifiers ends, every array and struct has a
 * finite size, nothing contains itself.
 *
 * One walk starts at each type that is not done yet and goes depth first over an explicit stack
 * of BTF_RESOLVE_DEPTH vertices.  A vertex is visited again and again: each time it either pushes
 * what must be resolved before it, or is popped as done.
 *
 *	VISIT_NOT ──push──▶ VISIT_OPEN ──pop──▶ VISIT_DONE      push of an open one: a loop
 *
 * Where a walk may stop depends on what it is for (enum btf_walk): a pointer needs no layout of
 * what it points at, a layout needs no target of its pointers.  Two kinds of walk cannot meet in
 * a loop that either would miss: kernel/bpf/btf.c explains why; the rules here are the same.
 */
#include "btf/btf_int.h"

#include "base/alloc.h"

static bool needs_resolve(const struct btf_type *t)
{
	return btf_kinds[type_kind(t)].resolve;
}

/* True where the current walk need not go into t. */
static bool is_sink(const struct btf_check *c, const struct btf_type *t)
{
	switch (c->walk) {
	case WALK_PTR:
		return !type_in(t, KINDS_MODIFIER | BIT_OF(BTF_KIND_PTR));
	case WALK_AGGR:
		return !type_in(t, KINDS_MODIFIER | KINDS_AGGR | BIT_OF(BTF_KIND_ARRAY));
	default:
		return !needs_resolve(t);
	}
}

static bool must_push(const struct btf_check *c, const struct btf_type *t, uint32_t id)
{
	return !is_sink(c, t) && c->visit[id] != VISIT_DONE;
}

static int push(struct btf_check *c, const struct btf_type *t, uint32_t id)
{
	if (c->depth == BTF_RESOLVE_DEPTH)
		return -E2BIG;
	if (c->visit[id] != VISIT_NOT)
		return -EEXIST;
	c->visit[id] = VISIT_OPEN;
	c->open[c->depth++] = (struct btf_vertex){ t, id, 0 };
	if (c->walk == WALK_ANY) {
		if (type_kind(t) == BTF_KIND_PTR)
			c->walk = WALK_PTR;
		else if (type_in(t, KINDS_AGGR | BIT_OF(BTF_KIND_ARRAY)))
			c->walk = WALK_AGGR;
	}
	return 0;
}

/* Pushes member `next - 1` of the vertex on top; the walk comes back to it at `next`. */
static int push_member(struct btf_check *c, uint32_t next, const struct btf_type *t, uint32_t id)
{
	c->open[c->depth - 1].next = (uint16_t)next;
	return push(c, t, id);
}

static int pop_done(struct btf_check *c, uint32_t to_id, uint32_t to_size)
{
	uint32_t id = c->open[--c->depth].id;

	c->b->to_id[id] = to_id;
	c->b->to_size[id] = to_size;
	c->visit[id] = VISIT_DONE;
	return 0;
}

const struct btf_type *btf_sized(const struct skep_btf *b, uint32_t *id, uint32_t *ret_size)
{
	const struct btf_type *t = btf_type(b, *id);
	uint32_t at = *id, size;

	if (t && type_in(t, KINDS_MODIFIER | BIT_OF(BTF_KIND_VAR))) {
		at = b->to_id[at];
		t = btf_type(b, at);
	}
	if (!t)
		return NULL;
	if (type_in(t, KINDS_SIZED))
		size = t->size;
	else if (type_kind(t) == BTF_KIND_ARRAY)
		size = b->to_size[at];
	else if (type_kind(t) == BTF_KIND_PTR)
		size = BTF_PTR_SIZE;
	else
		return NULL;
	*id = at;
	if (ret_size)
		*ret_size = size;
	return t;
}

/* What a reference may point at: nothing that is a mere source of references. */
static const struct btf_type *target(const struct btf_check *c, uint32_t id)
{
	const struct btf_type *t = btf_type(c->b, id);

	return t && !type_in(t, KINDS_SOURCE) ? t : NULL;
}

/*
 * A modifier that was done during a layout walk may have stopped at a pointer; a walk for
 * pointers must go on from there, lest the pointer lead back.  NULL where there is none to push.
 */
static const struct btf_type *last_ptr(const struct btf_check *c, const struct btf_type *t,
				       uint32_t *id)
{
	const struct btf_type *p;
	uint32_t to;

	if (!type_in(t, KINDS_MODIFIER))
		return NULL;
	to = c->b->to_id[*id];
	p = btf_type(c->b, to);
	if (type_kind(p) != BTF_KIND_PTR || !must_push(c, p, to))
		return NULL;
	*id = to;
	return p;
}

/* Ends a reference to `id`, whose target may be without size only where C allows it. */
static int end_ref(struct btf_check *c, const struct btf_vertex *v, const struct btf_type *next,
		   uint32_t id)
{
	if (!btf_sized(c->b, &id, NULL)) {
		if (c->visit[id] == VISIT_DONE) {
			id = c->b->to_id[id];
			next = btf_type(c->b, id);
		}
		if (!next || !type_in(next, BIT_OF(BTF_KIND_UNKN) | BIT_OF(BTF_KIND_FWD) |
						    BIT_OF(BTF_KIND_FUNC_PROTO)))
			return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	}
	return pop_done(c, id, 0);
}

int btf_resolve_modifier(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *next = target(c, v->t->type);

	if (!next)
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	if (must_push(c, next, v->t->type))
		return push(c, next, v->t->type);
	return end_ref(c, v, next, v->t->type);
}

int btf_resolve_ptr(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *next = target(c, v->t->type), *p;
	uint32_t id = v->t->type;

	if (!next)
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	if (must_push(c, next, id))
		return push(c, next, id);
	p = last_ptr(c, next, &id);
	return p ? push(c, p, id) : end_ref(c, v, next, id);
}

int btf_resolve_var(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *next = target(c, v->t->type), *p;
	uint32_t id = v->t->type;

	if (!next)
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	if (must_push(c, next, id))
		return push(c, next, id);
	p = last_ptr(c, next, &id);
	if (p)
		return push(c, p, id);
	/* A variable takes room: its type must be complete. */
	if (!btf_sized(c->b, &id, NULL))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	return pop_done(c, id, 0);
}

int btf_resolve_array(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_array *a = type_tail(v->t);
	const struct btf_type *index = target(c, a->index_type), *elem = target(c, a->type);
	uint32_t id = a->index_type, size;

	if (!index || type_in(index, KINDS_NO_SIZE))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid index");
	if (must_push(c, index, id))
		return push(c, index, id);
	index = btf_sized(c->b, &id, NULL);
	if (!index || type_kind(index) != BTF_KIND_INT || !type_int_is_regular(index))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid index");

	id = a->type;
	if (!elem || type_in(elem, KINDS_NO_SIZE))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid elem");
	if (must_push(c, elem, id))
		return push(c, elem, id);
	elem = btf_sized(c->b, &id, &size);
	if (!elem)
		return btf_fail_type(c, -EINVAL, v->t, "Invalid elem");
	if (type_kind(elem) == BTF_KIND_INT && !type_int_is_regular(elem))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid array of int");
	if (a->nelems && size > UINT32_MAX / a->nelems)
		return btf_fail_type(c, -EINVAL, v->t, "Array size overflows U32_MAX");
	return pop_done(c, id, size * a->nelems);
}

int btf_resolve_struct(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_member *m = type_tail(v->t);

	/* The member that was pushed last is done now; it is yet to be held against the struct. */
	for (uint32_t i = v->next ? v->next - 1 : 0; i < type_vlen(v->t); i++) {
		const struct btf_type *t = target(c, m[i].type);
		int err;

		if (!t || type_in(t, KINDS_NO_SIZE))
			return btf_fail_member(c, v->t, &m[i], "Invalid member");
		if (must_push(c, t, m[i].type))
			return push_member(c, i + 1, t, m[i].type);
		err = btf_check_member(c, v->t, &m[i], t);
		if (err)
			return err;
	}
	return pop_done(c, 0, 0);
}

int btf_resolve_func(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *proto = btf_type(c->b, v->t->type);
	const struct btf_param *p;

	if (!proto || type_kind(proto) != BTF_KIND_FUNC_PROTO)
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	p = type_tail(proto);
	for (uint32_t i = 0; i < type_vlen(proto); i++)
		if (!p[i].name_off && p[i].type)
			return btf_fail_type(c, -EINVAL, v->t, "Invalid arg#%u", i + 1);
	return pop_done(c, v->t->type, 0);
}

int btf_resolve_datasec(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_var_secinfo *s = type_tail(v->t);

	c->walk = WALK_ANY;
	/* Unlike a struct's member, a variable that was pushed is not held against its room: as
	 * Linux, which must not be stricter today than it was yesterday. */
	for (uint32_t i = v->next; i < type_vlen(v->t); i++) {
		const struct btf_type *var = btf_type(c->b, s[i].type);
		uint32_t id, size;

		if (!var || type_kind(var) != BTF_KIND_VAR)
			return btf_fail_vsi(c, v->t, &s[i], "Not a VAR kind member");
		if (must_push(c, var, s[i].type))
			return push_member(c, i + 1, var, s[i].type);
		id = var->type;
		if (!btf_sized(c->b, &id, &size))
			return btf_fail_vsi(c, v->t, &s[i], "Invalid type");
		if (s[i].size < size)
			return btf_fail_vsi(c, v->t, &s[i], "Invalid size");
	}
	return pop_done(c, 0, 0);
}

int btf_resolve_decl_tag(struct btf_check *c, const struct btf_vertex *v)
{
	const uint32_t targets = KINDS_AGGR | BIT_OF(BTF_KIND_FUNC) | BIT_OF(BTF_KIND_VAR) |
				 BIT_OF(BTF_KIND_TYPEDEF);
	int32_t part = ((const struct btf_decl_tag *)type_tail(v->t))->component_idx;
	const struct btf_type *next = btf_type(c->b, v->t->type);

	if (!next || !type_in(next, targets))
		return btf_fail_type(c, -EINVAL, v->t, "Invalid type_id");
	if (must_push(c, next, v->t->type))
		return push(c, next, v->t->type);
	if (part != -1) {
		const struct btf_type *list = type_in(next, KINDS_AGGR) ? next
					      : type_kind(next) == BTF_KIND_FUNC
						      ? btf_type(c->b, next->type)
						      : NULL;

		if (!list || (uint32_t)part >= type_vlen(list))
			return btf_fail_type(c, -EINVAL, v->t, "Invalid component_idx");
	}
	return pop_done(c, v->t->type, 0);
}

/* One walk from t.  The log's lines are about the vertex that is worked on. */
static int resolve(struct btf_check *c, const struct btf_type *t, uint32_t id)
{
	uint32_t outer = c->id;
	int err;

	c->walk = WALK_ANY;
	err = push(c, t, id);
	while (!err && c->depth) {
		const struct btf_vertex *v = &c->open[c->depth - 1];

		c->id = v->id;
		err = btf_kinds[type_kind(v->t)].resolve(c, v);
	}
	c->id = id;
	if (err == -E2BIG)
		btf_fail_type(c, err, t, "Exceeded max resolving depth:%u", BTF_RESOLVE_DEPTH);
	else if (err == -EEXIST)
		btf_fail_type(c, err, t, "Loop detected");
	c->id = outer;
	return err;
}

/* A type by value in a prototype: resolved, and of some size. */
static bool by_value_ok(struct btf_check *c, uint32_t id, int *ret_err)
{
	const struct btf_type *t = target(c, id);

	*ret_err = 0;
	if (!t)
		return false;
	if (needs_resolve(t) && c->visit[id] != VISIT_DONE) {
		*ret_err = resolve(c, t, id);
		if (*ret_err)
			return false;
	}
	return btf_sized(c->b, &id, NULL);
}

static int check_func_proto(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_param *p = type_tail(t);
	uint32_t n = type_vlen(t);
	int err;

	if (t->type && !by_value_ok(c, t->type, &err))
		return err ? err : btf_fail_type(c, -EINVAL, t, "Invalid return type");
	/* A last parameter of no type stands for "...", and has no name. */
	if (n && !p[n - 1].type) {
		if (p[n - 1].name_off)
			return btf_fail_type(c, -EINVAL, t, "Invalid arg#%u", n);
		n--;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool named = !p[i].name_off || (btf_name_off_valid(c->b, p[i].name_off) &&
						btf_name_is_ident(c->b, p[i].name_off));

		if (!target(c, p[i].type) || !named)
			return btf_fail_type(c, -EINVAL, t, "Invalid arg#%u", i + 1);
		if (!by_value_ok(c, p[i].type, &err))
			return err ? err : btf_fail_type(c, -EINVAL, t, "Invalid arg#%u", i + 1);
	}
	return 0;
}

int btf_resolve_all(struct btf_check *c)
{
	struct skep_btf *b = c->b;

	b->to_id = skep_alloc_array(b->cnt, sizeof(*b->to_id));
	b->to_size = skep_alloc_array(b->cnt, sizeof(*b->to_size));
	c->visit = skep_alloc(b->cnt);
	if (!b->to_id || !b->to_size || !c->visit)
		return -ENOMEM;
	c->resolving = true;
	for (uint32_t id = 1; id < b->cnt; id++) {
		const struct btf_type *t = b->types[id];
		int err = 0;

		c->id = id;
		if (needs_resolve(t) && c->visit[id] != VISIT_DONE)
			err = resolve(c, t, id);
		if (!err && type_kind(t) == BTF_KIND_FUNC_PROTO)
			err = check_func_proto(c, t);
		if (err)
			return err;
	}
	return 0;
}

int btf_check_type_tags(struct btf_check *c)
{
	const struct skep_btf *b = c->b;

	for (uint32_t id = 1, good = 0; id < b->cnt; id++) {
		const struct btf_type *t = b->types[id];
		bool in_tags = type_kind(t) == BTF_KIND_TYPE_TAG;

		if (!type_in(t, KINDS_MODIFIER))
			continue;
		for (uint32_t at = id, left = 32; type_in(t, KINDS_MODIFIER); left--) {
			if (!left)
				return btf_fail_at(c, -ELOOP, SKEP_AT_NONE, id,
						   "Max chain length or cycle detected");
			if (type_kind(t) != BTF_KIND_TYPE_TAG)
				in_tags = false;
			else if (!in_tags)
				return btf_fail_at(c, -EINVAL, SKEP_AT_NONE, id,
						   "Type tags don't precede modifiers");
			if (at <= good)
				break;
			at = t->type;
			t = b->types[at];
		}
		good = id;
	}
	return 0;
}
