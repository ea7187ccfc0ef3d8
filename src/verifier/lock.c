/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - bpf_spin_lock and bpf_res_spin_lock: which is held, and what it guards.
 *
 * A lock guards the lists and trees that lie beside it, in the same value of a map or in the same
 * object (an allocation).  Which allocation is told by the map, or the BTF of the object, and by
 * the id of the pointer, which pointers keep where there is a lock (reg_has_lock).  The one value
 * of a map of global data has no id: there is no other.
 */
#include "verifier/verifier_int.h"

/* What tells allocations apart, beside the id. */
static const void *place_of(const struct reg *r)
{
	return r->type == PTR_TO_MAP_VALUE ? (const void *)r->map : r->btf;
}

static bool is_held(const struct vstate *st, uint32_t kinds, uint32_t id, const void *ptr)
{
	for (size_t i = 0; i < st->refs.n; i++) {
		const struct ref *r = &st->refs.at[i];

		if (r->kind & kinds && r->id == id && r->ptr == ptr)
			return true;
	}
	return false;
}

bool lock_guards(struct verifier *v, const struct reg *r)
{
	if (!v->st->locks)
		return false;
	if (is_held(v->st, REF_LOCKS, r->id, place_of(r)))
		return true;
	verifier_log(v->log, "held lock and object are not in the same allocation\n");
	return false;
}

/* The last lock that was taken. */
static size_t last_lock(const struct vstate *st)
{
	size_t i = st->refs.n;

	while (!(st->refs.at[i - 1].kind & REF_LOCKS))
		i--;
	return i - 1;
}

/* What a lock is called, and where it is in a value. */
struct lock_words {
	const char *name; /* "bpf_spin": of the struct _lock, and of the functions */
	uint32_t field;	  /* FIELD_* */
};

static const struct lock_words *words_of(enum ref_kind kind)
{
	static const struct lock_words plain = { "bpf_spin", FIELD_SPIN_LOCK };
	static const struct lock_words resilient = { "bpf_res_spin", FIELD_RES_SPIN_LOCK };

	return kind == REF_LOCK ? &plain : &resilient;
}

/* Register n points to a lock of that kind. */
static int find(struct verifier *v, uint32_t n, const struct lock_words *w)
{
	const struct reg *r = &cur_regs(v)[n];
	const struct skep_map *map = r->type == PTR_TO_MAP_VALUE ? r->map : NULL;
	const struct btf_record *rec = reg_record(r);
	const int64_t at = r->off + (int64_t)r->n.bits.value;
	int32_t off;

	if (!bounds_is_const(&r->n))
		return fail(v, -EINVAL,
			    "R%u doesn't have constant offset. %s_lock has to be at the constant "
			    "offset",
			    n, w->name);
	if (map && !map->btf)
		return fail(v, -EINVAL, "map '%s' has to have BTF in order to use %s_lock",
			    map->name, w->name);
	if (!btf_record_has(rec, w->field))
		return fail(v, -EINVAL, "%s '%s' has no valid %s_lock", map ? "map" : "local",
			    map ? map->name : "kptr", w->name);
	off = w->field == FIELD_SPIN_LOCK ? rec->spin_lock_off : rec->res_spin_lock_off;
	if (off != at)
		return fail(v, -EINVAL, "off %lld doesn't point to 'struct %s_lock' that is at %d",
			    (long long)at, w->name, off);
	return 0;
}

static int give_back(struct verifier *v, const struct reg *r, enum ref_kind kind, const char *name)
{
	struct vstate *st = v->st;
	const struct ref *last;

	if (!st->locks)
		return fail(v, -EINVAL, "%s_unlock without taking a lock", name);
	if (!is_held(st, kind, r->id, place_of(r)))
		return fail(v, -EINVAL, "%s_unlock of different lock", name);
	last = &st->refs.at[last_lock(st)];
	if (last->id != r->id || last->ptr != place_of(r))
		return fail(v, -EINVAL, "%s_unlock cannot be out of order", name);
	ref_remove(st, last_lock(st));
	alloc_ptr_unborrow(v);
	return 0;
}

int lock_step(struct verifier *v, uint32_t n, enum ref_kind kind, bool take)
{
	const struct lock_words *w = words_of(kind);
	const struct reg *r = &cur_regs(v)[n];
	int err = find(v, n, w);

	if (err)
		return err;
	if (!take)
		return give_back(v, r, kind, w->name);
	if (kind != REF_LOCK && is_held(v->st, REF_RES_LOCK | REF_RES_LOCK_IRQ, r->id, place_of(r)))
		return fail(v, -EINVAL, "Acquiring the same lock again, AA deadlock detected");
	return ref_lock(v, kind, r->id, place_of(r));
}

/* Functions that work on what a lock guards, or that cannot wait for one. */
bool lock_allows_call(const struct verifier *v)
{
	static const char *const prefixes[] = { "bpf_list_", "bpf_rbtree_",
						"bpf_refcount_acquire_impl", "bpf_iter_num_",
						"bpf_res_spin_" };
	const struct bpf_insn *insn = &v->insns[v->i];
	const char *name;

	if (insn->src_reg == 0)
		return insn->imm == BPF_FUNC_spin_unlock;
	if (insn->src_reg == BPF_PSEUDO_CALL)
		return true;
	name = kfunc_name(v, v->i);
	for (size_t i = 0; name && i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}
