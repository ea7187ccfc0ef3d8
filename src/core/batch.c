/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c - the four batch commands (bpf_map_do_batch and generic_map_*_batch of
 * kernel/bpf/syscall.c).
 *
 * Lookups go through memory of ours, a batch at a time; updates and deletions element by element,
 * each as its own command would, so that what was done before an error stays done and is counted.
 */
#include "core/mapcall.h"

/* What all four begin with; *ret_end: there is nothing to do, or an error. */
static int batch_begin(struct mapcall *mc, struct call *c, unsigned need, uint32_t trait)
{
	const union bpf_attr *a = &c->attr.a;
	int err = mapcall_begin(mc, c, a->batch.map_fd, need, 0, false);

	if (err)
		return err;
	if (!(mc->m->kind->traits & trait))
		return FAIL(c, -ENOTSUPP, "%s maps do not take this batch", mc->m->kind->name);
	if (a->batch.elem_flags & ~(uint64_t)BPF_F_LOCK ||
	    (a->batch.elem_flags & BPF_F_LOCK && !btf_record_has(mc->m->record, FIELD_SPIN_LOCK)))
		return FAIL(c, -EINVAL, "elem_flags 0x%llx do not fit the map",
			    (unsigned long long)a->batch.elem_flags);
	/* The kernel's hashes look at batch.flags, its other types do not. */
	if (a->batch.flags && trait != MAP_BATCH_UPDATE && mc->m->sys->sys_batch)
		return FAIL(c, -EINVAL, "batch.flags must be 0");
	if (a->batch.count == 0)
		return 0;
	return CALL_PUT(c, a.batch.count, 0);
}

/* --- lookups --------------------------------------------------------------------------------- */

struct lookups {
	uint8_t *keys, *values; /* [n] */
	uint8_t *in, *out;	/* the tokens, token bytes each */
	uint32_t n;		/* room, then how many were found */
	uint32_t token;		/* bytes of a token: 4 for hashes, a key otherwise */
	size_t value_size;
};

static void lookups_free(struct lookups *l)
{
	skep_free(l->keys);
	skep_free(l->values);
	skep_free(l->in);
	skep_free(l->out);
}

static int lookups_alloc(struct lookups *l, const struct skep_map *m, uint32_t count)
{
	l->token = m->sys->sys_batch ? sizeof(uint32_t) : m->key_size;
	l->value_size = map_sys_value_size(m);
	/* One more than there can be, so that the end shows. */
	l->n = MIN(count, MIN(m->max_entries, UINT32_MAX - 1) + 1);
	l->keys = skep_alloc_array(l->n, m->key_size);
	l->values = skep_alloc_array(l->n, l->value_size);
	l->in = skep_alloc(l->token);
	l->out = skep_alloc(l->token);
	return l->keys && l->values && l->in && l->out ? 0 : -ENOMEM;
}

static long lookup_batch(struct call *c, bool del)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(lookups_free) struct lookups l = { 0 };
	_cleanup_(mapcall_end) struct mapcall mc;
	int err = batch_begin(&mc, c, del ? MAP_READ | MAP_WRITE : MAP_READ,
			      del ? MAP_BATCH_TAKE : MAP_BATCH_LOOKUP);

	if (err || a->batch.count == 0)
		return err;
	if (lookups_alloc(&l, mc.m, a->batch.count))
		return -ENOMEM;
	if (a->batch.in_batch && user_read(l.in, a->batch.in_batch, l.token))
		return -EFAULT;
	err = map_sys_batch_lookup(mc.m, a->batch.in_batch ? l.in : NULL, l.out, l.keys, l.values,
				   &l.n, del, a->batch.elem_flags);
	if (err && err != -ENOENT && err != -ENOSPC)
		return err;
	if (user_write(a->batch.keys, l.keys, (size_t)l.n * mc.m->key_size) ||
	    user_write(a->batch.values, l.values, l.n * l.value_size) ||
	    (l.n && user_write(a->batch.out_batch, l.out, l.token)) ||
	    CALL_PUT(c, a.batch.count, l.n))
		return -EFAULT;
	return err;
}

long core_map_lookup_batch(struct call *c)
{
	return lookup_batch(c, false);
}

long core_map_lookup_delete_batch(struct call *c)
{
	return lookup_batch(c, true);
}

/* --- updates and deletions ------------------------------------------------------------------- */

/* One element each; i counts. */
static int update_one(struct mapcall *mc, struct call *c, uint32_t i)
{
	const union bpf_attr *a = &c->attr.a;
	size_t n = map_sys_value_size(mc->m);

	if (user_read(mc->key.p, a->batch.keys + (uint64_t)i * mc->m->key_size, mc->m->key_size) ||
	    user_read(mc->value.p, a->batch.values + i * n, n))
		return -EFAULT;
	return mapcall_update(mc, c, a->batch.elem_flags);
}

static int delete_one(struct mapcall *mc, struct call *c, uint32_t i)
{
	const union bpf_attr *a = &c->attr.a;

	if (user_read(mc->key.p, a->batch.keys + (uint64_t)i * mc->m->key_size, mc->m->key_size))
		return -EFAULT;
	return map_sys_delete(mc->m, mc->key.p);
}

static long each_batch(struct call *c, uint32_t trait,
		       int (*one)(struct mapcall *mc, struct call *c, uint32_t i))
{
	_cleanup_(mapcall_end) struct mapcall mc;
	uint32_t i, count = c->attr.a.batch.count;
	int err = batch_begin(&mc, c, MAP_WRITE, trait);

	if (err || count == 0)
		return err;
	if (!scratch_get(&mc.key, mc.m->key_size) ||
	    !scratch_get(&mc.value, map_sys_value_size(mc.m)))
		return -ENOMEM;
	for (i = 0; i < count && !err; i += !err)
		err = one(&mc, c, i);
	return CALL_PUT(c, a.batch.count, i) ? -EFAULT : err;
}

long core_map_update_batch(struct call *c)
{
	return each_batch(c, MAP_BATCH_UPDATE, update_one);
}

long core_map_delete_batch(struct call *c)
{
	return each_batch(c, MAP_BATCH_DELETE, delete_one);
}
