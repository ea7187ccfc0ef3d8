/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_trie.c - BPF_MAP_TYPE_LPM_TRIE (kernel/bpf/lpm_trie.c): the longest prefix that covers a
 * key.  Creation, lookup and the operations; the trie is drawn in lpm_int.h.
 */
#include "base/alloc.h"
#include "hive/vcpu.h"
#include "map/lpm_int.h"

/*
 * Beyond max_entries, for what was taken out while runs may still see it: as many again, and what
 * is replaced during one long run, but no more bytes than that.  Reserved, not committed.
 */
#define SPARE_MIN	(1u << 20)
#define SPARE_BYTES	(UINT64_C(1) << 36)
#define SOUND_MORE	(1u << 14) /* see lpm_repair.c */
#define ELEMS_BYTES_MAX (UINT64_C(1) << 40)

/* How many elements there are room for, so that max_entries can be in the trie. */
static uint32_t total_of(const struct lpm *t, uint32_t max_entries)
{
	const uint64_t spare = MIN((uint64_t)max_entries + SPARE_MIN, SPARE_BYTES / t->elem_size);
	const uint64_t total = MIN(max_entries + spare, ELEMS_BYTES_MAX / t->elem_size);

	return (uint32_t)MIN(total, LPM_MAX);
}

/*
 * The area, each part on its own page:
 *
 *	| lpm_shared | index | elements | nodes | links of nodes |
 */
static int lpm_area(struct skep_map *m, struct lpm *t)
{
	const uint32_t cpus = m->vcpus ? m->vcpus->nr : 0;
	const uint64_t n = (uint64_t)t->total + 1;
	const uint64_t shared = ALIGN_UP(sizeof(*t->sh) + cpus * sizeof(t->sh->seen[0]), 4096);
	const uint64_t cells = t->index_steps ? UINT64_C(1) << t->index_steps * LPM_STEP : 0;
	const uint64_t index = ALIGN_UP(cells * sizeof(*t->index), 4096);
	const uint64_t elems = ALIGN_UP(n * t->elem_size, 4096);
	const uint64_t nodes = ALIGN_UP(n * sizeof(struct lpm_node), 4096);
	int err = map_area_of(m, 0, shared + index + elems + nodes + n * 4);

	if (err)
		return err;
	t->sh = (struct lpm_shared *)m->area.mem;
	t->index = cells ? (_Atomic lpm_slot *)(m->area.mem + shared) : NULL;
	t->elems = m->area.mem + shared + index;
	t->nodes = (struct lpm_node *)(t->elems + elems);
	t->node_link = (uint32_t *)((uint8_t *)t->nodes + nodes);
	return 0;
}

static int lpm_create(struct skep_map *m, const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	struct lpm *t = map_priv_new(m, sizeof(*t));
	int err;

	if (!t)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "no memory for a trie");
	m->priv = t;
	t->vcpus = m->vcpus;
	t->key_size = attr->key_size;
	t->bits = (attr->key_size - offsetof(struct bpf_lpm_trie_key, data)) * 8;
	t->value_off = ALIGN_UP(offsetof(struct lpm_elem, prefixlen) + attr->key_size, 8);
	/* Elements of 32 bytes (IPv4 and 8 bytes) never straddle a cache line. */
	t->elem_size = ALIGN_UP(t->value_off + ALIGN_UP(attr->value_size, 8), 16);
	t->index_steps = lpm_index_steps(t->bits, attr->max_entries);
	t->total = total_of(t, attr->max_entries);
	t->sound = (uint32_t)MIN(2 * (uint64_t)attr->max_entries + SOUND_MORE, t->total);
	err = lpm_area(m, t);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for %u prefixes of %u bytes", attr->max_entries,
				t->elem_size);
	return 0;
}

static void lpm_destroy(struct skep_map *m)
{
	map_priv_free(m, m->priv, sizeof(struct lpm));
	m->priv = NULL;
}

/* --- lookup ----------------------------------------------------------------------------------- */

/* Of the chain from e on, the first that is not longer than limit. */
static uint32_t not_longer(const struct lpm *t, uint32_t e, uint32_t limit)
{
	for (uint32_t left = LPM_CHAIN; e && lpm_len(t, e) > limit; e = lpm_up(t, e))
		if (!left--)
			return 0;
	return e;
}

/* Where the way down to prefixes of at most limit bits begins: the cell of data, or the root. */
MAP_ALWAYS_INLINE lpm_slot begin(const struct lpm *t, const uint8_t *data, uint32_t limit)
{
	const bool indexed = t->index && limit >= t->index_steps * LPM_STEP;

	return slot_get(indexed ? &t->index[lpm_cell(t, data)] : &t->sh->root);
}

/*
 * The longest prefix of at most limit bits that covers data on the way down from s, or 0.  Every
 * candidate is compared: each is a prefix of those that come after it, so the first that does not
 * cover ends it.
 */
static uint32_t find_checked(const struct lpm *t, lpm_slot s, const uint8_t *data, uint32_t limit)
{
	uint32_t found = slot_best(s), next = 0, e;

	while (lpm_goes_down(t, s, next) && slot_step(s) * LPM_STEP < limit) {
		const struct lpm_node *node = lpm_node(t, slot_name(s));

		next = slot_step(s) + 1;
		s = slot_get(&node->slot[lpm_digit(data, slot_step(s))]);
		e = not_longer(t, slot_best(s), limit);
		if (e && !lpm_covers(t, e, data))
			return found;
		found = e ? e : found;
	}
	if (slot_kind(s) == LPM_LEAF && lpm_len(t, slot_name(s)) <= limit &&
	    lpm_covers(t, slot_name(s), data))
		return slot_name(s);
	return found;
}

/*
 * The same for a key of full length, without a look at elements as far as the way down alone
 * proves what it finds: until the first gap.
 */
MAP_ALWAYS_INLINE uint32_t find(const struct lpm *t, const uint8_t *data)
{
	lpm_slot s = begin(t, data, t->bits);
	uint32_t found = slot_best(s), proven = 0, next = t->index_steps;
	bool gap = false;

	while (lpm_goes_down(t, s, next)) {
		const uint32_t step = slot_step(s);

		if (unlikely(step != next) && !gap) {
			gap = true;
			proven = found;
			found = 0;
		}
		s = slot_get(&lpm_node(t, slot_name(s))->slot[lpm_digit(data, step)]);
		found = slot_best(s) ? slot_best(s) : found;
		next = step + 1;
	}
	if (slot_kind(s) == LPM_LEAF && slot_hints_at(s, data, next) &&
	    lpm_covers(t, slot_name(s), data))
		return slot_name(s);
	if (likely(!gap))
		return found;
	if (!found)
		return proven;
	if (lpm_covers(t, found, data))
		return found;
	return find_checked(t, begin(t, data, t->bits), data, t->bits);
}

static void *lpm_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	const struct lpm *t = m->priv;
	const struct bpf_lpm_trie_key *k = key;
	const uint32_t len = lpm_key_len(k);
	uint32_t e;

	(void)cpu;
	if (unlikely(len > t->bits))
		return NULL;
	if (likely(len == t->bits))
		e = find(t, k->data);
	else
		e = find_checked(t, begin(t, k->data, len), k->data, len);
	if (unlikely(!e) && t->index)
		e = find_checked(t, slot_get(&t->sh->root), k->data, MIN(len, lpm_unindexed(t)));
	return e ? lpm_value(t, e) : NULL;
}

/* --- update, delete --------------------------------------------------------------------------- */

/* May a new prefix be added, or the one that is there be replaced? */
static long may_put(const struct skep_map *m, const struct bpf_lpm_trie_key *key, uint64_t flags)
{
	const struct lpm *t = m->priv;
	const bool full = t->sh->entries >= m->max_entries;

	if (likely(flags == BPF_ANY && !full))
		return 0;
	if (lpm_exact(t, key))
		return flags == BPF_NOEXIST ? -EEXIST : 0;
	return flags == BPF_EXIST ? -ENOENT : full ? -ENOSPC : 0;
}

static long lpm_put_locked(struct skep_map *m, const struct bpf_lpm_trie_key *key,
			   const void *value, uint64_t flags)
{
	const struct lpm *t = m->priv;
	long err = may_put(m, key, flags);
	uint32_t e, old;

	if (err)
		return err;
	e = lpm_take_elem(t);
	if (!e)
		return -ENOMEM;
	memcpy(&lpm_elem(t, e)->prefixlen, key, t->key_size);
	value_put(lpm_value(t, e), value, m->value_size);
	lpm_elem(t, e)->link = LPM_IN;
	err = lpm_insert(t, e, &old);
	if (err) {
		lpm_untake_elem(t, e);
		return err;
	}
	lpm_index_update(t, key);
	if (old)
		lpm_drop_elem(t, old);
	else
		t->sh->entries++;
	return 0;
}

static long lpm_update(struct skep_map *m, const void *key, const void *value, uint64_t flags,
		       uint32_t cpu)
{
	const struct lpm *t = m->priv;
	const struct bpf_lpm_trie_key *k = key;
	long err;

	if (unlikely(flags > BPF_EXIST || lpm_key_len(k) > t->bits))
		return -EINVAL;
	lpm_lock(t, cpu);
	err = lpm_put_locked(m, k, value, flags);
	spin_unlock(&t->sh->lock);
	return err;
}

static long lpm_delete(struct skep_map *m, const void *key, uint32_t cpu)
{
	const struct lpm *t = m->priv;
	const struct bpf_lpm_trie_key *k = key;
	uint32_t e;

	if (unlikely(lpm_key_len(k) > t->bits))
		return -EINVAL;
	lpm_lock(t, cpu);
	e = lpm_remove(t, k);
	if (e) {
		lpm_index_update(t, k);
		lpm_drop_elem(t, e);
		t->sh->entries--;
	}
	spin_unlock(&t->sh->lock);
	return e ? 0 : -ENOENT;
}

/* --- bpf(2) ------------------------------------------------------------------------------------
 */

static int lpm_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	const struct lpm *t = m->priv;
	void *mem;

	(void)flags;
	lpm_lock(t, VCPU_NONE);
	mem = lpm_lookup(m, key, 0);
	if (mem)
		value_get(value, mem, m->value_size);
	spin_unlock(&t->sh->lock);
	return mem ? 0 : -ENOENT;
}

static int lpm_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	long err = lpm_update(m, key, value, flags, VCPU_NONE);

	/* Programs have to live with it that all memory waits for runs to end; here we wait too:
	 * for the group that is closed, then for the other. */
	for (int i = 0; unlikely(err == -ENOMEM) && m->vcpus && i < 2; i++) {
		vcpus_synchronize(m->vcpus);
		err = lpm_update(m, key, value, flags, VCPU_NONE);
	}
	return (int)err;
}

static int lpm_next_key(struct skep_map *m, const void *key, void *next)
{
	const struct lpm *t = m->priv;
	const struct bpf_lpm_trie_key *k = key;
	uint32_t e;

	lpm_lock(t, VCPU_NONE);
	/* A key that is not there begins anew. */
	e = k && lpm_key_len(k) <= t->bits ? lpm_exact(t, k) : 0;
	e = e ? lpm_next(t, e) : lpm_first(t);
	if (e)
		memcpy(next, &lpm_elem(t, e)->prefixlen, t->key_size);
	spin_unlock(&t->sh->lock);
	return e ? 0 : -ENOENT;
}

static bool lpm_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	const struct lpm *t = m->priv;
	uint64_t off = addr - (uintptr_t)lpm_elem(t, 1);

	if (off >= (uint64_t)t->total * t->elem_size)
		return false;
	off %= t->elem_size;
	return off >= t->value_off && len <= t->elem_size - off;
}

const struct map_ops lpm_trie_map_ops = {
	.lookup = lpm_lookup,
	.update = lpm_update,
	.delete = lpm_delete,
	.contains = lpm_contains,
};

const struct map_sys_ops lpm_trie_map_sys = {
	.run = &lpm_trie_map_ops,
	.check = map_rule_check,
	.create = lpm_create,
	.view = far_view,
	.destroy = lpm_destroy,
	.next_key = lpm_next_key,
	.sys_lookup = lpm_sys_lookup,
	.sys_update = lpm_sys_update,
	.scrub = lpm_scrub,
};
