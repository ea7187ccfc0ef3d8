/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_int.h - the table behind HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH and HASH_OF_MAPS.
 *
 * Elements live in one array and are named by their number, from 1.  A bucket is one cache line
 * with eight slots, each a tag (7 bits of the hash; one word holds all eight, so one compare
 * finds the candidates) and an element.  What does not fit hangs on `overflow`.
 *
 *	bucket  | lock | version | tag tag tag . . . . . | 17 4 9 . . . . . | overflow -> 31 -> 12 |
 *	element | next hash ref | key, padded to 8 | value, padded to 8 |
 *	per-CPU types: the values of CPU c stand at cpu_values + c * cpu_stride
 *
 * Writers hold the bucket's lock.  An element never moves within its bucket; an update puts
 * another element into its place with one store.  A removed element may be used again at once,
 * for any key, so readers (lock-free) work like this:
 *
 *   - A writer that takes an element out of a bucket adds one to `version` before the element
 *     can be used again.  Key words are stored with release and loaded with acquire; therefore
 *     who has seen a word of a later use also sees the new version.
 *   - What a search found, or that it found nothing, counts only if the version is still what it
 *     was before the search.  An element may have left the bucket and be on its way back in: with
 *     its key already and another's value.
 *
 * Free elements: a list for each CPU, and a fresh tail of the array that was never used (its memory
 * is not committed).  A CPU takes from its own list, then from the tail, then from the others'.  An
 * update of an existing key takes no free element: it swaps with the spare of its CPU, as the
 * kernel does, so it never fails in a full map.
 *
 *	in a bucket: holder 0 --unlink--> in a run's hands: holder 1 + CPU --give--> free: holder 0
 *		      ^--link-------------------------------'		^--take-----'
 *
 * `holder` changes under the lock of what the element leaves or enters, and each CPU notes what it
 * has in hand: when a run dies (hash_repair.c), what it held is found there, and given back unless
 * it had arrived.
 *
 * Locks: a bucket's, then the map's own for the last spare, or a list's; never two of a kind.
 * Members of a hive may write to all of this: numbers of elements are looked at before they are
 * followed, and chains end.
 */
#ifndef SKEP_MAP_HASH_INT_H
#define SKEP_MAP_HASH_INT_H

#include "base/hash.h"
#include "map/map_int.h"

/* How the variants differ. */
enum hash_kind {
	HASH_PLAIN = 0,
	HASH_LRU = 1u << 0,    /* a full map evicts */
	HASH_PERCPU = 1u << 1, /* values outside the element, updated in place */
	HASH_OBJECT = 1u << 2, /* values are struct skep_map *, reached only through lookup */
};

#define BUCKET_SLOTS 8
#define TAG_ONES     UINT64_C(0x0101010101010101)
#define TAG_TOPS     UINT64_C(0x8080808080808080)

struct bucket {
	struct spinlock lock;		     /* writers */
	_Atomic uint32_t version;	     /* counts removals */
	_Atomic uint64_t tags;		     /* byte s: 0 free, else 0x80 | top bits of the hash */
	_Atomic uint32_t slot[BUCKET_SLOTS]; /* elements; garbage where the tag is 0 */
	_Atomic uint32_t overflow;	     /* first of the chain by elem.next, 0: empty */
	uint32_t pad[3];		     /* to a cache line */
};
static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

struct elem {
	_Atomic uint32_t next; /* in an overflow chain or the free list; 0 ends */
	_Atomic uint32_t hash; /* of the key; stale while the element is free */
	_Atomic uint8_t ref;   /* LRU: a program looked it up since the hand last passed */
	uint8_t pad[3];
	_Atomic uint32_t holder; /* 1 + the row whose run has it in hand, or as spare; 0: nobody */
};
/* Nobody either: marks of a search (hash_lost.c), which whoever takes the element writes over. */
#define HASH_LOST  UINT32_MAX
#define HASH_RESTS (UINT32_MAX - 1)
static_assert(sizeof(struct elem) == 16, "the key follows at 16");

/* What the runs of one CPU have; the last row is bpf(2)'s. */
struct hash_row {
	struct spinlock lock;  /* of free */
	_Atomic uint32_t free; /* first free element, by elem.next; 0 ends */
	uint32_t spare;
	_Atomic uint32_t
		taken; /* last element that became ours from a list, the tail or by eviction */
	_Atomic uint32_t removed; /* the same from a bucket */
	uint32_t pad[11];	  /* to a cache line */
};
static_assert(sizeof(struct hash_row) == 64, "a row is one cache line");

/* What all users of a table change; stands at the start of the area. */
struct hash_shared {
	struct spinlock lock;	/* of fresh */
	_Atomic uint32_t fresh; /* elements that were ever taken from the tail */
	_Atomic uint32_t hand;	/* LRU: the element that eviction looked at last */
	struct hash_row row[] __attribute__((aligned(64)));
};

/* The geometry: m->priv, immutable. */
struct hash {
	struct bucket *buckets;
	uint8_t *elems;		/* element n is at elems + n * elem_size; 0 is nobody's */
	uint8_t *cpu_values;	/* as elems, for value_stride and CPU 0; NULL unless per-CPU */
	uint64_t cpu_stride;	/* bytes between the values of two CPUs */
	uint64_t seed;		/* of the hash function */
	uint32_t mask;		/* buckets - 1 */
	uint32_t elem_size;	/* bytes */
	uint32_t key_size;	/* bytes */
	uint32_t value_off;	/* of the value in the element */
	uint32_t value_stride;	/* value_size padded to 8 */
	uint32_t total;		/* elements, spares included */
	uint32_t nr_cpus;	/* rows, without the last */
	uint32_t kind;		/* enum hash_kind */
	struct vcpus *vcpus;	/* whose runs lock buckets; may be NULL */
	uint64_t elem_recip;	/* 2^64 / elem_size, rounded up: for divisions in contains */
	struct hash_shared *sh; /* in the area */
};

/* The `cpu` of callers from bpf(2). */
#define HASH_USER VCPU_NONE

/* Where an element hangs; the bucket's lock is held. */
struct hash_pos {
	uint32_t elem;		/* 0: not there */
	uint32_t slot;		/* BUCKET_SLOTS: in the overflow chain */
	_Atomic uint32_t *link; /* what names it */
};

/* Position of a walk over one bucket; starts as zeroes. */
struct hash_walk {
	uint32_t step; /* slots seen; beyond BUCKET_SLOTS the chain */
	uint32_t elem; /* the last one given out */
};

MAP_ALWAYS_INLINE struct elem *hash_elem(const struct hash *h, uint32_t n)
{
	return (struct elem *)(h->elems + (size_t)(n <= h->total ? n : 0) * h->elem_size);
}

MAP_ALWAYS_INLINE uint8_t *elem_key(const struct elem *e)
{
	return (uint8_t *)(e + 1);
}

/* With the size of the key known at compile time this is a constant offset. */
MAP_ALWAYS_INLINE void *elem_value(const struct hash *h, const struct elem *e, uint32_t ks)
{
	return (uint8_t *)e + (ks ? sizeof(*e) + ALIGN_UP(ks, 8) : h->value_off);
}

MAP_ALWAYS_INLINE uint8_t *elem_cpu_value(const struct hash *h, uint32_t n, uint32_t cpu)
{
	return h->cpu_values + cpu * h->cpu_stride +
	       (uint64_t)(n <= h->total ? n : 0) * h->value_stride;
}

/* The last n % 8 bytes of a key of n bytes as a word. */
MAP_ALWAYS_INLINE uint64_t key_tail(const uint8_t *key, uint32_t n)
{
	if (n < 8)
		return hash_load(key, n);
	return hash_load(key + n - 8, 8) >> (64 - n % 8 * 8);
}

MAP_ALWAYS_INLINE bool key_equal(const struct elem *e, const void *key, uint32_t n)
{
	const uint8_t *have = elem_key(e), *want = key;
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
		if (__atomic_load_n((const uint64_t *)(have + i), __ATOMIC_ACQUIRE) !=
		    hash_load(want + i, 8))
			return false;
	return n % 8 == 0 ||
	       __atomic_load_n((const uint64_t *)(have + i), __ATOMIC_ACQUIRE) == key_tail(want, n);
}

MAP_ALWAYS_INLINE void key_put(struct elem *e, const void *key, uint32_t n)
{
	uint8_t *to = elem_key(e);
	const uint8_t *from = key;
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
		__atomic_store_n((uint64_t *)(to + i), hash_load(from + i, 8), __ATOMIC_RELEASE);
	if (n % 8)
		__atomic_store_n((uint64_t *)(to + i), key_tail(from, n), __ATOMIC_RELEASE);
}

MAP_ALWAYS_INLINE uint32_t hash_key(const struct hash *h, const void *key, uint32_t ks)
{
	return hash_bytes(key, ks ? ks : h->key_size, h->seed);
}

MAP_ALWAYS_INLINE struct bucket *hash_bucket(const struct hash *h, uint32_t hash)
{
	return &h->buckets[hash & h->mask];
}

MAP_ALWAYS_INLINE uint64_t hash_tag(uint32_t hash)
{
	return hash >> 25 | 0x80;
}

/* The top bit of each byte that may equal tag: exact for the lowest, a superset above. */
MAP_ALWAYS_INLINE uint64_t tag_match(uint64_t tags, uint64_t tag)
{
	uint64_t x = tags ^ tag * TAG_ONES;

	return (x - TAG_ONES) & ~x & TAG_TOPS;
}

MAP_ALWAYS_INLINE uint32_t tag_slot(uint64_t match)
{
	return (uint32_t)__builtin_ctzll(match) / 8;
}

/* An element that a search found. */
struct hash_hit {
	struct elem *e; /* garbage where n is 0 */
	uint32_t n;	/* its number; 0: there is none */
};

/* The whole search: all candidates, the overflow chain, again when the version moves on. */
uint32_t hash_find_slow(const struct hash *h, const void *key, uint32_t hash);

/*
 * The element of key, without a lock.  ks as in hash_lookup_as.  In here is what nearly always
 * decides: the first candidate has the key, or there is no candidate.
 */
MAP_ALWAYS_INLINE struct hash_hit hash_find(const struct hash *h, const void *key, uint32_t ks)
{
	uint32_t hash = hash_key(h, key, ks), size = ks ? ks : h->key_size, n;
	struct bucket *b = hash_bucket(h, hash);
	uint32_t version = atomic_load_explicit(&b->version, memory_order_acquire);
	/* Acquire pairs with hash_link: the elements behind the tags are complete. */
	uint64_t tags = atomic_load_explicit(&b->tags, memory_order_acquire);
	uint64_t match = tag_match(tags, hash_tag(hash));
	struct elem *e;

	if (match) {
		/* Acquire pairs with hash_replace. */
		n = atomic_load_explicit(&b->slot[tag_slot(match)], memory_order_acquire);
		e = hash_elem(h, n);
		if (likely(key_equal(e, key, size)) &&
		    likely(atomic_load_explicit(&b->version, memory_order_relaxed) == version))
			return (struct hash_hit){ e, n };
	} else if (likely(!atomic_load_explicit(&b->overflow, memory_order_acquire) &&
			  atomic_load_explicit(&b->version, memory_order_relaxed) == version)) {
		return (struct hash_hit){ NULL, 0 };
	}
	n = hash_find_slow(h, key, hash);
	return (struct hash_hit){ hash_elem(h, n), n };
}

/* The same under the bucket's lock, with the place. */
MAP_ALWAYS_INLINE struct hash_pos hash_find_locked(const struct hash *h, struct bucket *b,
						   const void *key, uint32_t hash, uint32_t ks)
{
	uint64_t match =
		tag_match(atomic_load_explicit(&b->tags, memory_order_relaxed), hash_tag(hash));
	uint32_t n = ks ? ks : h->key_size, left = h->total, e, s;
	_Atomic uint32_t *link;

	for (; match; match &= match - 1) {
		s = tag_slot(match);
		e = atomic_load_explicit(&b->slot[s], memory_order_relaxed);
		if (likely(key_equal(hash_elem(h, e), key, n)))
			return (struct hash_pos){ e, s, &b->slot[s] };
	}
	for (link = &b->overflow; (e = atomic_load_explicit(link, memory_order_relaxed)) && left--;
	     link = &hash_elem(h, e)->next)
		if (key_equal(hash_elem(h, e), key, n))
			return (struct hash_pos){ e, BUCKET_SLOTS, link };
	return (struct hash_pos){ 0 };
}

static inline void hash_removed(struct bucket *b);

/* For the run on that vCPU, HASH_USER for bpf(2). */
MAP_ALWAYS_INLINE void bucket_lock(const struct hash *h, struct bucket *b, uint32_t cpu)
{
	/* Each change of a bucket is one store; who left it may not have counted it. */
	if (unlikely(lock_take(&b->lock, h->vcpus, cpu)))
		hash_removed(b);
}

/* After an element left the bucket, before it can be used again. */
static inline void hash_removed(struct bucket *b)
{
	uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);

	atomic_store_explicit(&b->version, version + 1, memory_order_release);
}

static inline uint32_t hash_row_of(const struct hash *h, uint32_t cpu)
{
	return cpu == HASH_USER ? h->nr_cpus : cpu;
}

/* It is in no one's hands any more: under the lock of where it is now. */
static inline void hash_settle(const struct hash *h, uint32_t e)
{
	atomic_store_explicit(&hash_elem(h, e)->holder, 0, memory_order_release);
}

/* The element is about to leave the bucket, into our hands. */
static inline void hash_grab(const struct hash *h, uint32_t e, uint32_t cpu)
{
	const uint32_t row = hash_row_of(h, cpu);

	atomic_store_explicit(&h->sh->row[row].removed, e, memory_order_relaxed);
	atomic_store_explicit(&hash_elem(h, e)->holder, 1 + row, memory_order_release);
}

/* Puts a complete element, which is in our hands, into the bucket. */
MAP_ALWAYS_INLINE void hash_link(const struct hash *h, struct bucket *b, uint32_t e, uint32_t hash)
{
	uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed);
	uint64_t room = ~tags & TAG_TOPS;
	uint32_t s;

	atomic_store_explicit(&hash_elem(h, e)->hash, hash, memory_order_relaxed);
	if (unlikely(!room)) {
		atomic_store_explicit(&hash_elem(h, e)->next,
				      atomic_load_explicit(&b->overflow, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store_explicit(&b->overflow, e, memory_order_release);
		hash_settle(h, e);
		return;
	}
	s = tag_slot(room);
	atomic_store_explicit(&b->slot[s], e, memory_order_relaxed);
	atomic_store_explicit(&b->tags, tags | hash_tag(hash) << s * 8, memory_order_release);
	hash_settle(h, e);
}

/* Puts the complete element e where pos is; pos.elem is out then, and in our hands. */
MAP_ALWAYS_INLINE void hash_replace(const struct hash *h, struct bucket *b, struct hash_pos pos,
				    uint32_t e, uint32_t hash, uint32_t cpu)
{
	hash_grab(h, pos.elem, cpu);
	atomic_store_explicit(&hash_elem(h, e)->hash, hash, memory_order_relaxed);
	if (unlikely(pos.slot == BUCKET_SLOTS))
		atomic_store_explicit(
			&hash_elem(h, e)->next,
			atomic_load_explicit(&hash_elem(h, pos.elem)->next, memory_order_relaxed),
			memory_order_relaxed);
	atomic_store_explicit(pos.link, e, memory_order_release);
	hash_removed(b);
	hash_settle(h, e);
}

/* Takes pos.elem out, into our hands. */
MAP_ALWAYS_INLINE void hash_unlink(const struct hash *h, struct bucket *b, struct hash_pos pos,
				   uint32_t cpu)
{
	hash_grab(h, pos.elem, cpu);
	if (unlikely(pos.slot == BUCKET_SLOTS))
		atomic_store_explicit(
			pos.link,
			atomic_load_explicit(&hash_elem(h, pos.elem)->next, memory_order_relaxed),
			memory_order_release);
	else
		atomic_store_explicit(&b->tags,
				      atomic_load_explicit(&b->tags, memory_order_relaxed) &
					      ~(UINT64_C(0xff) << pos.slot * 8),
				      memory_order_release);
	hash_removed(b);
}

static inline bool bucket_empty(const struct bucket *b)
{
	return !atomic_load_explicit(&b->tags, memory_order_relaxed) &&
	       !atomic_load_explicit(&b->overflow, memory_order_relaxed);
}

/* The next element of the bucket; 0 at its end. */
static inline uint32_t hash_walk_next(const struct hash *h, const struct bucket *b,
				      struct hash_walk *w)
{
	uint64_t tags = atomic_load_explicit(&b->tags, memory_order_acquire);

	while (w->step < BUCKET_SLOTS) {
		uint32_t s = w->step++;

		if (tags >> s * 8 & 0xff)
			return w->elem = atomic_load_explicit(&b->slot[s], memory_order_acquire);
	}
	if (w->step++ == BUCKET_SLOTS)
		return w->elem = atomic_load_explicit(&b->overflow, memory_order_acquire);
	return w->elem = atomic_load_explicit(&hash_elem(h, w->elem)->next, memory_order_acquire);
}

/* Under the lock of a list, or of the tail: n is ours before it is no longer there. */
MAP_ALWAYS_INLINE void hash_hold(const struct hash *h, uint32_t n, uint32_t row)
{
	atomic_store_explicit(&h->sh->row[row].taken, n, memory_order_relaxed);
	atomic_store_explicit(&hash_elem(h, n)->holder, 1 + row, memory_order_release);
}

/* From the list of row `from` for row `row`: 0 where it is empty. */
MAP_ALWAYS_INLINE uint32_t hash_take_from(const struct hash *h, uint32_t from, uint32_t row,
					  uint32_t cpu)
{
	struct hash_row *r = &h->sh->row[from];
	uint32_t n;

	if (!atomic_load_explicit(&r->free, memory_order_relaxed))
		return 0;
	lock_take(&r->lock, h->vcpus, cpu);
	n = atomic_load_explicit(&r->free, memory_order_relaxed);
	if (likely(n)) {
		hash_hold(h, n, row);
		atomic_store_explicit(
			&r->free,
			atomic_load_explicit(&hash_elem(h, n)->next, memory_order_relaxed),
			memory_order_release);
	}
	spin_unlock(&r->lock);
	return n <= h->total ? n : 0;
}

/* From the tail, or from others: 0 where nothing is free (hash.c). */
uint32_t hash_take_slow(const struct hash *h, uint32_t cpu);

/* A free element, or 0; what it held before is garbage. */
MAP_ALWAYS_INLINE uint32_t hash_take(const struct hash *h, uint32_t cpu)
{
	const uint32_t row = hash_row_of(h, cpu), n = hash_take_from(h, row, row, cpu);

	return likely(n) ? n : hash_take_slow(h, cpu);
}

/* Gives back an element that is in no bucket, and in our hands. */
MAP_ALWAYS_INLINE void hash_give(const struct hash *h, uint32_t e, uint32_t cpu)
{
	struct hash_row *r = &h->sh->row[hash_row_of(h, cpu)];

	lock_take(&r->lock, h->vcpus, cpu);
	atomic_store_explicit(&hash_elem(h, e)->next,
			      atomic_load_explicit(&r->free, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&r->free, e, memory_order_release);
	hash_settle(h, e);
	spin_unlock(&r->lock);
}

/* LRU (lru.c): makes an element free, evicting one if need be; 0: cannot.  Holds no bucket. */
uint32_t lru_take(struct hash *h, uint32_t cpu);
/* Takes element e out of b, whose lock is held; false where it is not in there. */
bool hash_unlink_elem(const struct hash *h, struct bucket *b, uint32_t e, uint32_t cpu);

/* The inner map of key under the bucket's lock, for the reader that raced with a reuse. */
void *hash_lookup_object_slow(struct skep_map *m, const void *key, uint32_t cpu);

/* Values of a per-CPU element: of all CPUs for HASH_USER; others become zero in a new one. */
void hash_cpu_write(const struct skep_map *m, uint32_t n, const void *value, uint32_t cpu,
		    bool fresh);

/* Drops what the special fields of an element own that is in no bucket. */
void hash_drop(const struct skep_map *m, uint32_t n, uint32_t cpu);

/* Fills an element that no bucket holds. */
MAP_ALWAYS_INLINE void hash_fill(struct skep_map *m, uint32_t n, const void *key, const void *value,
				 uint32_t cpu, uint32_t ks, uint32_t kind, bool ref)
{
	const struct hash *h = m->priv;
	struct elem *e = hash_elem(h, n);
	void *inner;

	key_put(e, key, ks ? ks : h->key_size);
	if (kind & HASH_PERCPU) {
		hash_cpu_write(m, n, value, cpu, true);
	} else if (kind & HASH_OBJECT) {
		/* Release pairs with hash_lookup_as: who sees the pointer sees the key. */
		memcpy(&inner, value, sizeof(inner));
		__atomic_store_n((void **)elem_value(h, e, ks), inner, __ATOMIC_RELEASE);
	} else {
		value_write(m, elem_value(h, e, ks), value, 0, cpu);
	}
	if (kind & HASH_LRU)
		atomic_store_explicit(&e->ref, ref, memory_order_relaxed);
}

/* Puts a new element into the place of pos.elem, which becomes the caller's spare. */
MAP_ALWAYS_INLINE void hash_swap(struct skep_map *m, struct bucket *b, struct hash_pos pos,
				 const void *key, const void *value, uint32_t hash, uint32_t cpu,
				 uint32_t ks, uint32_t kind)
{
	struct hash *h = m->priv;
	uint32_t *spare = &h->sh->row[hash_row_of(h, cpu)].spare;

	if (cpu == HASH_USER)
		spin_lock(&m->lock);
	hash_fill(m, *spare, key, value, cpu, ks, kind, true);
	hash_replace(h, b, pos, *spare, hash, cpu);
	/* Before it can be used again. */
	if (unlikely(m->objects != NULL))
		hash_drop(m, pos.elem, cpu);
	*spare = pos.elem;
	if (cpu == HASH_USER)
		spin_unlock(&m->lock);
}

/*
 * The lookup of all variants.  ks is the key size as a constant, 0: as the map says; kind is a
 * constant: each combination becomes a function of its own (hash.c).
 */
MAP_ALWAYS_INLINE void *hash_lookup_as(struct skep_map *m, const void *key, uint32_t cpu,
				       uint32_t ks, uint32_t kind)
{
	const struct hash *h = m->priv;
	struct hash_hit hit = hash_find(h, key, ks);
	struct elem *e = hit.e;
	void *inner;

	if (!hit.n)
		return NULL;
	/* Look first: most elements are marked already, and the line stays shared. */
	if ((kind & HASH_LRU) && !atomic_load_explicit(&e->ref, memory_order_relaxed))
		atomic_store_explicit(&e->ref, 1, memory_order_relaxed);
	if (kind & HASH_PERCPU)
		return elem_cpu_value(h, hit.n, cpu);
	if (kind & HASH_OBJECT) {
		/* The element may have got another key before its pointer was read. */
		inner = __atomic_load_n((void **)elem_value(h, e, ks), __ATOMIC_ACQUIRE);
		return likely(key_equal(e, key, ks ? ks : h->key_size))
			       ? inner
			       : hash_lookup_object_slow(m, key, cpu);
	}
	return elem_value(h, e, ks);
}

/* What an update does to a key that is there. */
MAP_ALWAYS_INLINE long hash_change(struct skep_map *m, struct bucket *b, struct hash_pos pos,
				   const void *key, const void *value, uint64_t flags,
				   uint32_t hash, uint32_t cpu, uint32_t ks, uint32_t kind,
				   void **ret_old)
{
	struct hash *h = m->priv;
	struct elem *e = hash_elem(h, pos.elem);

	if (unlikely(flags & BPF_NOEXIST))
		return -EEXIST;
	if (kind & HASH_PERCPU) {
		hash_cpu_write(m, pos.elem, value, cpu, false);
		if (kind & HASH_LRU)
			atomic_store_explicit(&e->ref, 1, memory_order_relaxed);
	} else if (unlikely(flags & BPF_F_LOCK)) {
		value_write(m, elem_value(h, e, ks), value, flags, cpu);
	} else {
		if (kind & HASH_OBJECT)
			memcpy(ret_old, elem_value(h, e, ks), sizeof(void *));
		hash_swap(m, b, pos, key, value, hash, cpu, ks, kind);
	}
	return 0;
}

/*
 * The update of all variants, see hash_lookup_as.  HASH_OBJECT: value points at the pointer, and
 * *ret_old is the one that it replaced (untouched where there was none).
 */
MAP_ALWAYS_INLINE long hash_update_as(struct skep_map *m, const void *key, const void *value,
				      uint64_t flags, uint32_t cpu, uint32_t ks, uint32_t kind,
				      void **ret_old)
{
	struct hash *h = m->priv;
	uint32_t hash = hash_key(h, key, ks), e = 0;
	struct bucket *b = hash_bucket(h, hash);
	struct hash_pos pos;
	long err = 0;

	if (unlikely((flags & ~(uint64_t)BPF_F_LOCK) > BPF_EXIST ||
		     ((flags & BPF_F_LOCK) && !value_has_lock(m))))
		return -EINVAL;
	for (;;) {
		bucket_lock(h, b, cpu);
		pos = hash_find_locked(h, b, key, hash, ks);
		if (pos.elem) {
			err = hash_change(m, b, pos, key, value, flags, hash, cpu, ks, kind,
					  ret_old);
			break;
		}
		err = flags & BPF_EXIST ? -ENOENT : -E2BIG;
		if (unlikely(flags & BPF_EXIST))
			break;
		if (!(kind & HASH_LRU) || !e)
			e = hash_take(h, cpu);
		if (likely(e)) {
			hash_fill(m, e, key, value, cpu, ks, kind, false);
			hash_link(h, b, e, hash);
			e = 0;
			err = 0;
			break;
		}
		if (!(kind & HASH_LRU))
			break;
		/* Eviction takes another bucket's lock: let go of ours, and look again. */
		spin_unlock(&b->lock);
		e = lru_take(h, cpu);
		if (unlikely(!e))
			return -ENOMEM;
		if (unlikely(m->objects != NULL))
			hash_drop(m, e, cpu);
	}
	spin_unlock(&b->lock);
	if ((kind & HASH_LRU) && unlikely(e))
		hash_give(h, e, cpu);
	return err;
}

/* The geometry of a map of these facts (all but where it lies); false: too many entries. */
bool hash_layout(const struct skep_map *m, struct hash *h);
/* Bytes that its area needs; and, once it is there, where the parts lie in it. */
uint64_t hash_size(const struct hash *h);
void hash_place(struct hash *h, uint8_t *mem);
/* The table of that geometry: m->priv and m->area. */
int hash_alloc(struct skep_map *m, const struct hash *layout, struct skep_diag *reterr_diag);
/* map_view()'s part for maps that are only looked up (hash_view.c). */
int hash_view(struct skep_map *m, int fd, bool write);

/* The run of that CPU has died: what it held comes back (hash_repair.c). */
void hash_cpu_died(struct skep_map *m, uint32_t cpu);

/* Looks whether it is what it must be (hash_scrub.c). */
bool hash_scrub(struct skep_map *m, uint64_t *pos);

/*
 * Looks for elements that are nowhere, in rounds (hash_lost.c): a round begins, meets what buckets
 * have, then walks through lists, some at a time: true when it is over.  Without memory it is at
 * once.
 */
void hash_lost_begin(struct skep_map *m);
void hash_lost_meet(struct skep_map *m, uint32_t n);
bool hash_lost_lists(struct skep_map *m);
/* Ends it, whatever it found. */
void hash_lost_free(struct skep_map *m);

/* The cold operations do not need a variant each (hash.c). */
int hash_check(const union bpf_attr *attr, struct skep_diag *reterr_diag);
int hash_create(struct skep_map *m, const union bpf_attr *attr, struct skep_diag *reterr_diag);
void hash_destroy(struct skep_map *m);
int hash_sys_delete(struct skep_map *m, const void *key);
long hash_delete(struct skep_map *m, const void *key, uint32_t cpu);
bool hash_contains(struct skep_map *m, uintptr_t addr, size_t len);
int hash_next_key(struct skep_map *m, const void *key, void *next);
int hash_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags);
int hash_sys_batch(struct skep_map *m, const void *in_batch, void *out_batch, void *keys,
		   void *values, uint32_t *count, bool del, uint64_t flags);

#endif
