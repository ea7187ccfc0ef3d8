/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c - the four hash types (kernel/bpf/hashtab.c): creation, the bpf(2) side, and a variant
 * of the hot functions per type and common key size.  The table itself is in hash_int.h,
 * eviction in lru.c, maps as values in hash_of_maps.c, views in hash_view.c.
 */
#include "base/alloc.h"
#include "map/hash_int.h"

#define HASH_FLAGS                                                                      \
	(BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | MAP_ACCESS_FLAGS | \
	 BPF_F_ZERO_SEED)

/* The kernel's limits: one element must be kmalloc'able (4 MiB, 48 bytes of header), and the
 * bytes of all buckets a 32-bit number. */
#define HASH_ELEM_MAX	 ((4u << 20) - 48)
#define HASH_ENTRIES_MAX (1u << 27)

/* A bucket of eight is meant for up to four elements: overflow is rare. */
#define ELEMS_PER_BUCKET 4

/* enum hash_kind of the types; HASH is 0. */
static const uint8_t kinds[] = {
	[BPF_MAP_TYPE_PERCPU_HASH] = HASH_PERCPU,
	[BPF_MAP_TYPE_LRU_HASH] = HASH_LRU,
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = HASH_LRU | HASH_PERCPU,
	[BPF_MAP_TYPE_HASH_OF_MAPS] = HASH_OBJECT,
};

int hash_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	uint32_t kind = kinds[attr->map_type], flags = attr->map_flags;
	bool numa = (flags & BPF_F_NUMA_NODE) && attr->numa_node != UINT32_MAX;

	if ((flags & ~(uint32_t)HASH_FLAGS) ||
	    (!(kind & HASH_LRU) && (flags & BPF_F_NO_COMMON_LRU)))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"map_flags 0x%x are not for this type", flags);
	if (!map_access_ok(flags))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a map cannot be read-only and write-only for programs");
	if ((kind & HASH_LRU) && (flags & BPF_F_NO_PREALLOC))
		return diag_set(reterr_diag, -ENOTSUPP, SKEP_AT_NONE, 0,
				"an LRU map is always preallocated");
	if (numa && ((kind & HASH_PERCPU) || (flags & BPF_F_NO_COMMON_LRU)))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a per-CPU map has no NUMA node");
	if (attr->max_entries == 0 || attr->key_size == 0 || attr->value_size == 0)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"max_entries, key_size and value_size of a hash must not be 0");
	if ((uint64_t)attr->key_size + attr->value_size >= HASH_ELEM_MAX ||
	    ((kind & HASH_PERCPU) && attr->value_size > PERCPU_VALUE_MAX))
		return diag_set(reterr_diag, -E2BIG, SKEP_AT_NONE, 0,
				"key_size %u and value_size %u are too large", attr->key_size,
				attr->value_size);
	return 0;
}

/*
 * The area, each part on its own cache line:
 *
 *	| hash_shared, rows | buckets | elements | values of CPU 0 | of CPU 1 | ...
 */
struct parts {
	uint64_t buckets, elems, values; /* where they begin */
	uint64_t stride;		 /* between the values of two CPUs; 0: there are none */
};

static struct parts parts_of(const struct hash *h)
{
	struct parts p = {
		.buckets = ALIGN_UP(sizeof(*h->sh) + (h->nr_cpus + 1) * sizeof(h->sh->row[0]), 64),
	};

	p.elems = p.buckets + ((uint64_t)h->mask + 1) * sizeof(struct bucket);
	p.values = p.elems + ALIGN_UP(((uint64_t)h->total + 1) * h->elem_size, 4096);
	if (h->kind & HASH_PERCPU)
		p.stride = ALIGN_UP(((uint64_t)h->total + 1) * h->value_stride, 4096);
	return p;
}

uint64_t hash_size(const struct hash *h)
{
	const struct parts p = parts_of(h);

	return p.values + p.stride * h->nr_cpus;
}

void hash_place(struct hash *h, uint8_t *mem)
{
	const struct parts p = parts_of(h);

	h->sh = (struct hash_shared *)mem;
	h->buckets = (struct bucket *)(mem + p.buckets);
	h->elems = mem + p.elems;
	h->cpu_values = p.stride ? mem + p.values : NULL;
	h->cpu_stride = p.stride;
}

/* The ops for this kind and size of key. */
static const struct map_ops *ops_for(const struct map_ops *any, const struct hash *h);

/* Linux keeps a list per CPU then, all of one length, and says so in max_entries. */
static uint32_t entries_per_cpu(const struct skep_map *m)
{
	uint64_t up = ((uint64_t)m->max_entries + m->nr_cpus - 1) / m->nr_cpus * m->nr_cpus;

	return (uint32_t)(up > UINT32_MAX ? up - m->nr_cpus : up);
}

bool hash_layout(const struct skep_map *m, struct hash *h)
{
	const uint32_t kind = kinds[m->type];
	const uint64_t spares = kind & HASH_PERCPU ? 0 : m->nr_cpus + 1;

	if (m->max_entries > HASH_ENTRIES_MAX)
		return false;
	*h = (struct hash){
		.seed = m->seed,
		.mask = (uint32_t)round_up_pow2((m->max_entries + ELEMS_PER_BUCKET - 1) /
						ELEMS_PER_BUCKET) -
			1,
		.key_size = m->key_size,
		.value_off = sizeof(struct elem) + ALIGN_UP(m->key_size, 8),
		.value_stride = kind & HASH_OBJECT ? 8 : ALIGN_UP(m->value_size, 8),
		.total = m->max_entries + (uint32_t)spares,
		.nr_cpus = m->nr_cpus,
		.kind = kind,
	};
	/* Elements of 32 bytes (8-byte key and value) never straddle a cache line. */
	h->elem_size = ALIGN_UP(h->value_off + (kind & HASH_PERCPU ? 0 : h->value_stride), 16);
	h->elem_recip = UINT64_MAX / h->elem_size + 1;
	return true;
}

int hash_alloc(struct skep_map *m, const struct hash *layout, struct skep_diag *reterr_diag)
{
	const uint32_t spares = layout->kind & HASH_PERCPU ? 0 : layout->nr_cpus + 1;
	struct hash *h = map_priv_new(m, sizeof(*h));
	int err = -ENOMEM;

	m->priv = h;
	if (h) {
		*h = *layout;
		err = map_area_of(m, 0, hash_size(h));
	}
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for a hash of %u entries of %u bytes",
				layout->total - spares, layout->elem_size);
	hash_place(h, m->area.mem);
	h->vcpus = m->vcpus;
	for (uint32_t i = 0; i < spares; i++) {
		h->sh->row[i].spare = i + 1;
		atomic_store_explicit(&hash_elem(h, i + 1)->holder, 1 + i, memory_order_relaxed);
	}
	atomic_store_explicit(&h->sh->fresh, spares, memory_order_relaxed);
	return 0;
}

int hash_create(struct skep_map *m, const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	struct hash h;
	int err;

	if (m->flags & BPF_F_NO_COMMON_LRU)
		m->max_entries = entries_per_cpu(m);
	if (!hash_layout(m, &h))
		return diag_set(reterr_diag, -E2BIG, SKEP_AT_NONE, 0, "max_entries %u: at most %u",
				m->max_entries, HASH_ENTRIES_MAX);
	err = hash_alloc(m, &h, reterr_diag);
	if (!err)
		m->ops = ops_for(m->ops, m->priv);
	return err;
}

void hash_drop(const struct skep_map *m, uint32_t n, uint32_t cpu)
{
	const struct hash *h = m->priv;

	if (!(h->kind & HASH_PERCPU))
		value_drop(m, elem_value(h, hash_elem(h, n), 0), cpu);
	for (uint32_t i = 0; h->kind & HASH_PERCPU && i < h->nr_cpus; i++)
		value_drop(m, elem_cpu_value(h, n, i), cpu);
}

/* What the values of a whole table own. */
static void drop_all(const struct skep_map *m, const struct hash *h)
{
	uint32_t used;

	/* Free ones too: a run that had looked one up may have stored there since. */
	used = MIN(atomic_load_explicit(&h->sh->fresh, memory_order_relaxed), h->total);
	for (uint32_t n = 1; m->objects && n <= used; n++)
		hash_drop(m, n, HASH_USER);

	for (uint32_t i = 0; h->kind & HASH_OBJECT && i <= h->mask; i++) {
		struct hash_walk w = { 0 };
		uint32_t n;

		while ((n = hash_walk_next(h, &h->buckets[i], &w)))
			map_put(*(void **)elem_value(h, hash_elem(h, n), 0));
	}
}

void hash_destroy(struct skep_map *m)
{
	struct hash *h = m->priv;

	if (m->area.mem)
		drop_all(m, h);
	hash_lost_free(m);
	map_priv_free(m, h, sizeof(*h));
	m->priv = NULL;
}

#define LOOKS 4 /* at each list, before there is nothing */

uint32_t hash_take_slow(const struct hash *h, uint32_t cpu)
{
	const uint32_t row = hash_row_of(h, cpu);
	struct hash_shared *sh = h->sh;
	uint32_t n = 0;

	if (atomic_load_explicit(&sh->fresh, memory_order_relaxed) < h->total) {
		lock_take(&sh->lock, h->vcpus, cpu);
		n = atomic_load_explicit(&sh->fresh, memory_order_relaxed) + 1;
		if (n <= h->total) {
			hash_hold(h, n, row);
			atomic_store_explicit(&sh->fresh, n, memory_order_release);
		}
		spin_unlock(&sh->lock);
		if (n <= h->total)
			return n;
	}
	/* Again: one may have come to where we looked while we looked elsewhere. */
	for (uint32_t i = 1; i < LOOKS * (h->nr_cpus + 1); i++) {
		n = hash_take_from(h, (row + i) % (h->nr_cpus + 1), row, cpu);
		if (n)
			return n;
	}
	return 0;
}

/* The overflow chain; 0 also when the version moved on. */
static uint32_t find_overflow(const struct hash *h, const struct bucket *b, const void *key,
			      uint32_t version)
{
	uint32_t n = atomic_load_explicit(&b->overflow, memory_order_acquire), left = h->total;

	/* An element that was taken out leads anywhere: look at the version at every step. */
	while (n && left--) {
		struct elem *e = hash_elem(h, n);
		bool equal = key_equal(e, key, h->key_size);
		uint32_t next = atomic_load_explicit(&e->next, memory_order_acquire);

		if (atomic_load_explicit(&b->version, memory_order_relaxed) != version)
			return 0;
		if (equal)
			return n;
		n = next;
	}
	return 0;
}

uint32_t hash_find_slow(const struct hash *h, const void *key, uint32_t hash)
{
	const struct bucket *b = hash_bucket(h, hash);
	uint32_t version, n;

	do {
		version = atomic_load_explicit(&b->version, memory_order_acquire);
		uint64_t match = tag_match(atomic_load_explicit(&b->tags, memory_order_acquire),
					   hash_tag(hash));

		for (; match; match &= match - 1) {
			n = atomic_load_explicit(&b->slot[tag_slot(match)], memory_order_acquire);
			if (key_equal(hash_elem(h, n), key, h->key_size) &&
			    atomic_load_explicit(&b->version, memory_order_relaxed) == version)
				return n;
		}
		n = find_overflow(h, b, key, version);
		if (n)
			return n;
	} while (atomic_load_explicit(&b->version, memory_order_relaxed) != version);
	return 0;
}

void *hash_lookup_object_slow(struct skep_map *m, const void *key, uint32_t cpu)
{
	const struct hash *h = m->priv;
	uint32_t hash = hash_key(h, key, 0);
	struct bucket *b = hash_bucket(h, hash);
	struct hash_pos pos;
	void *inner = NULL;

	bucket_lock(h, b, cpu);
	pos = hash_find_locked(h, b, key, hash, 0);
	if (pos.elem)
		inner = *(void **)elem_value(h, hash_elem(h, pos.elem), 0);
	spin_unlock(&b->lock);
	return inner;
}

void hash_cpu_write(const struct skep_map *m, uint32_t n, const void *value, uint32_t cpu,
		    bool fresh)
{
	const struct hash *h = m->priv;
	const uint8_t *from = value;

	if (cpu != HASH_USER) {
		cpu_value_write(m, elem_cpu_value(h, n, cpu), value, m->value_size);
		for (uint32_t i = 0; fresh && i < h->nr_cpus; i++)
			if (i != cpu)
				cpu_value_zero(m, elem_cpu_value(h, n, i));
		return;
	}
	for (uint32_t i = 0; i < h->nr_cpus; i++, from += h->value_stride)
		cpu_value_write(m, elem_cpu_value(h, n, i), from, h->value_stride);
}

/* The value of element n as bpf(2) shows it; the bucket's lock is held. */
static void value_out(const struct skep_map *m, uint32_t n, void *value, uint64_t flags)
{
	const struct hash *h = m->priv;
	void *mem = elem_value(h, hash_elem(h, n), 0);
	uint8_t *to = value;

	if (h->kind & HASH_OBJECT) {
		const struct skep_map *inner = *(void **)mem;

		memcpy(value, &inner->id, sizeof(inner->id));
	} else if (h->kind & HASH_PERCPU) {
		for (uint32_t cpu = 0; cpu < h->nr_cpus; cpu++, to += h->value_stride)
			cpu_value_read(m, to, elem_cpu_value(h, n, cpu), h->value_stride);
	} else {
		value_read(m, value, mem, flags);
	}
}

/* Locks the bucket of key and finds it there; unlocks and -ENOENT where it is not. */
static int find_and_lock(const struct hash *h, const void *key, uint32_t cpu, struct bucket **ret_b,
			 struct hash_pos *ret_pos)
{
	uint32_t hash = hash_key(h, key, 0);
	struct bucket *b = hash_bucket(h, hash);
	struct hash_pos pos;

	bucket_lock(h, b, cpu);
	pos = hash_find_locked(h, b, key, hash, 0);
	if (!pos.elem) {
		spin_unlock(&b->lock);
		return -ENOENT;
	}
	*ret_b = b;
	*ret_pos = pos;
	return 0;
}

/* Takes the element of key out of its bucket: its number, or 0 where there is none. */
static uint32_t take_out(const struct hash *h, const void *key, uint32_t cpu)
{
	struct hash_pos pos;
	struct bucket *b;

	if (find_and_lock(h, key, cpu, &b, &pos))
		return 0;
	hash_unlink(h, b, pos, cpu);
	spin_unlock(&b->lock);
	return pos.elem;
}

/* Frees an element that is out of its bucket, and whose value is no object. */
static void plain_free(struct skep_map *m, uint32_t n, uint32_t cpu)
{
	if (unlikely(m->objects != NULL))
		hash_drop(m, n, cpu);
	hash_give(m->priv, n, cpu);
}

long hash_delete(struct skep_map *m, const void *key, uint32_t cpu)
{
	const uint32_t n = take_out(m->priv, key, cpu);

	if (!n)
		return -ENOENT;
	plain_free(m, n, cpu);
	return 0;
}

/* The same from bpf(2), where objects may be let go. */
static void element_free(struct skep_map *m, uint32_t n)
{
	const struct hash *h = m->priv;

	if (h->kind & HASH_OBJECT)
		inner_retire(m, *(void **)elem_value(h, hash_elem(h, n), 0));
	plain_free(m, n, HASH_USER);
}

int hash_sys_delete(struct skep_map *m, const void *key)
{
	const uint32_t n = take_out(m->priv, key, HASH_USER);

	if (!n)
		return -ENOENT;
	element_free(m, n);
	return 0;
}

int hash_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	struct hash_pos pos;
	struct bucket *b;

	/* Under the lock: updates wait, so the copy is one update's value. */
	if (find_and_lock(m->priv, key, HASH_USER, &b, &pos))
		return -ENOENT;
	value_out(m, pos.elem, value, flags);
	spin_unlock(&b->lock);
	return 0;
}

static int hash_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	const struct hash *h = m->priv;
	struct hash_pos pos;
	struct bucket *b;

	if (find_and_lock(h, key, HASH_USER, &b, &pos))
		return -ENOENT;
	value_out(m, pos.elem, value, flags);
	hash_unlink(h, b, pos, HASH_USER);
	spin_unlock(&b->lock);
	element_free(m, pos.elem);
	return 0;
}

/* The key of the element after the one that w stands on, in this bucket. */
static bool next_in_bucket(const struct hash *h, const struct bucket *b, struct hash_walk *w,
			   void *next)
{
	uint32_t n = hash_walk_next(h, b, w);

	if (n)
		memcpy(next, elem_key(hash_elem(h, n)), h->key_size);
	return n;
}

int hash_next_key(struct skep_map *m, const void *key, void *next)
{
	const struct hash *h = m->priv;
	struct hash_pos pos;
	struct bucket *b;
	uint32_t i = 0;
	bool found;

	/* A key that is gone begins anew. */
	if (key && !find_and_lock(h, key, HASH_USER, &b, &pos)) {
		struct hash_walk w = { .step = pos.slot + 1, .elem = pos.elem };

		found = next_in_bucket(h, b, &w, next);
		spin_unlock(&b->lock);
		if (found)
			return 0;
		i = (uint32_t)(b - h->buckets) + 1;
	}
	for (; i <= h->mask; i++) {
		struct hash_walk w = { 0 };

		b = &h->buckets[i];
		if (bucket_empty(b))
			continue;
		bucket_lock(h, b, HASH_USER);
		found = next_in_bucket(h, b, &w, next);
		spin_unlock(&b->lock);
		if (found)
			return 0;
	}
	return -ENOENT;
}

/* Takes all elements out of the bucket; they come as a list by elem.next. */
static uint32_t bucket_clear(const struct hash *h, struct bucket *b)
{
	uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed);
	uint32_t list = atomic_load_explicit(&b->overflow, memory_order_relaxed);

	for (; tags & TAG_TOPS; tags &= tags - 1) {
		uint32_t s = tag_slot(tags &= TAG_TOPS);
		uint32_t n = atomic_load_explicit(&b->slot[s], memory_order_relaxed);

		atomic_store_explicit(&hash_elem(h, n)->next, list, memory_order_relaxed);
		list = n;
	}
	atomic_store_explicit(&b->tags, 0, memory_order_relaxed);
	atomic_store_explicit(&b->overflow, 0, memory_order_relaxed);
	hash_removed(b);
	return list;
}

/* One bucket of a batch: all of it or, where it has more than room elements, -ENOSPC. */
static int batch_bucket(struct skep_map *m, struct bucket *b, uint8_t *keys, uint8_t *values,
			uint32_t room, bool del, uint64_t flags)
{
	const struct hash *h = m->priv;
	size_t value_size = map_sys_value_size(m);
	struct hash_walk w = { 0 };
	uint32_t count = 0, n, next, removed;

	if (bucket_empty(b))
		return 0;
	bucket_lock(h, b, HASH_USER);
	while (hash_walk_next(h, b, &w))
		count++;
	if (count > room) {
		spin_unlock(&b->lock);
		return -ENOSPC;
	}
	w = (struct hash_walk){ 0 };
	while ((n = hash_walk_next(h, b, &w))) {
		memcpy(keys, elem_key(hash_elem(h, n)), h->key_size);
		value_out(m, n, values, flags);
		keys += h->key_size;
		values += value_size;
	}
	removed = del ? bucket_clear(h, b) : 0;
	spin_unlock(&b->lock);
	for (; removed; removed = next) {
		next = atomic_load_explicit(&hash_elem(h, removed)->next, memory_order_relaxed);
		element_free(m, removed);
	}
	return (int)count;
}

int hash_sys_batch(struct skep_map *m, const void *in_batch, void *out_batch, void *keys,
		   void *values, uint32_t *count, bool del, uint64_t flags)
{
	const struct hash *h = m->priv;
	size_t value_size = map_sys_value_size(m);
	uint32_t room = *count, total = 0, i = 0;
	int err = 0;

	if (!room)
		return 0;
	*count = 0;
	if (in_batch)
		memcpy(&i, in_batch, sizeof(i));
	if (i > h->mask)
		return -ENOENT;
	for (; i <= h->mask; i++) {
		int n = batch_bucket(
			m, &h->buckets[i], (uint8_t *)keys + (size_t)total * h->key_size,
			(uint8_t *)values + total * value_size, room - total, del, flags);

		if (n < 0) {
			err = total ? 0 : -ENOSPC;
			break;
		}
		total += (uint32_t)n;
	}
	if (i > h->mask)
		err = -ENOENT;
	memcpy(out_batch, &i, sizeof(i));
	*count = total;
	return err;
}

bool hash_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	const struct hash *h = m->priv;
	uint64_t off = addr - (uintptr_t)hash_elem(h, 1);
	uint64_t in_cpus, cpus_size, n;

	if (h->cpu_values) {
		in_cpus = addr - (uintptr_t)elem_cpu_value(h, 1, 0);
		cpus_size = h->cpu_stride * h->nr_cpus;
		if (in_cpus < cpus_size)
			return len <= cpus_size - in_cpus;
	}
	if (off >= (uint64_t)h->total * h->elem_size)
		return false;
	/* off / elem_size, exact: off is below 2^42 (area.c), elem_size at most 2^22. */
	n = (uint64_t)((unsigned __int128)off * h->elem_recip >> 64);
	off -= n * h->elem_size;
	return off >= sizeof(struct elem) && len <= h->elem_size - off;
}

static long hash_for_each(struct skep_map *m, uint32_t cpu,
			  uint64_t (*cb)(void *arg, const void *key, void *value), void *arg)
{
	const struct hash *h = m->priv;
	long visited = 0;

	for (uint32_t i = 0; i <= h->mask; i++) {
		struct hash_walk w = { 0 };
		uint32_t n = hash_walk_next(h, &h->buckets[i], &w);

		/*
		 * The callback may delete what it sees, so the next one is fetched before.  If
		 * that one is in another bucket by then, it is skipped, and a chain ends.
		 */
		while (n) {
			uint32_t step = w.step, here = n;
			struct elem *e = hash_elem(h, here);

			if ((atomic_load_explicit(&e->hash, memory_order_relaxed) & h->mask) != i) {
				if (step > BUCKET_SLOTS)
					break;
				n = hash_walk_next(h, &h->buckets[i], &w);
				continue;
			}
			n = hash_walk_next(h, &h->buckets[i], &w);
			visited++;
			if (cb(arg, elem_key(e),
			       h->kind & HASH_PERCPU ? elem_cpu_value(h, here, cpu)
						     : elem_value(h, e, 0)))
				return visited;
		}
	}
	return visited;
}

static int hash_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	return (int)m->ops->update(m, key, value, flags, HASH_USER);
}

/* The functions of one kind for one key size, and their ops. */
#define HASH_VARIANT(name, ks, kind)                                                      \
	static void *name##_lookup(struct skep_map *m, const void *key, uint32_t cpu)     \
	{                                                                                 \
		return hash_lookup_as(m, key, cpu, ks, kind);                             \
	}                                                                                 \
	static long name##_update(struct skep_map *m, const void *key, const void *value, \
				  uint64_t flags, uint32_t cpu)                           \
	{                                                                                 \
		return hash_update_as(m, key, value, flags, cpu, ks, kind, NULL);         \
	}
#define HASH_OPS(name)                                                                   \
	{                                                                                \
		.lookup = name##_lookup, .update = name##_update, .delete = hash_delete, \
		.contains = hash_contains, .for_each = hash_for_each,                    \
	}
#define HASH_KIND(name, kind)                                                           \
	HASH_VARIANT(name, 0, kind)                                                     \
	HASH_VARIANT(name##4, 4, kind)                                                  \
	HASH_VARIANT(name##8, 8, kind)                                                  \
	HASH_VARIANT(name##16, 16, kind)                                                \
	const struct map_ops name##_map_ops = HASH_OPS(name);                           \
	const struct map_ops name##_by_size[] = { HASH_OPS(name##4), HASH_OPS(name##8), \
						  HASH_OPS(name##16) };                 \
	const struct map_sys_ops name##_map_sys = {                                     \
		.run = &name##_map_ops,                                                 \
		.check = hash_check,                                                    \
		.create = hash_create,                                                  \
		.view = hash_view,                                                      \
		.destroy = hash_destroy,                                                \
		.next_key = hash_next_key,                                              \
		.sys_lookup = hash_sys_lookup,                                          \
		.sys_update = hash_sys_update,                                          \
		.sys_lookup_delete = hash_sys_lookup_delete,                            \
		.sys_batch = hash_sys_batch,                                            \
		.cpu_died = hash_cpu_died,                                              \
		.scrub = hash_scrub,                                                    \
	};

HASH_KIND(hash, HASH_PLAIN)
HASH_KIND(percpu_hash, HASH_PERCPU)
HASH_KIND(lru_hash, HASH_LRU)
HASH_KIND(lru_percpu_hash, HASH_LRU | HASH_PERCPU)

static const struct map_ops *ops_for(const struct map_ops *any, const struct hash *h)
{
	static const struct map_ops *const by_kind[] = {
		[HASH_PLAIN] = hash_by_size,   [HASH_PERCPU] = percpu_hash_by_size,
		[HASH_LRU] = lru_hash_by_size, [HASH_LRU | HASH_PERCPU] = lru_percpu_hash_by_size,
		[HASH_OBJECT] = NULL,
	};
	static const uint32_t sizes[] = { 4, 8, 16 };

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes) && by_kind[h->kind]; i++)
		if (h->key_size == sizes[i])
			return &by_kind[h->kind][i];
	return any;
}
