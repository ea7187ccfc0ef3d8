/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringbuf.c - BPF_MAP_TYPE_RINGBUF: many producers, one consumer in user space; layout in
 * ringbuf.h, behaviour of kernel/bpf/ringbuf.c.
 *
 * The consumer's position is only compared, never used as an offset, and lengths that are read
 * back from the data are checked: a consumer that scribbles over the ring loses its own records.
 */
#include "map/ringbuf.h"
#include "map/map_int.h"

/* The largest record (the kernel's RINGBUF_MAX_RECORD_SZ). */
#define RECORD_MAX (UINT32_MAX / 4)

int ringbuf_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	if (attr->map_flags & ~(uint32_t)BPF_F_NUMA_NODE)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"map_flags 0x%x are not for this type", attr->map_flags);
	if (attr->key_size || attr->value_size)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a ring buffer has key_size 0 and value_size 0");
	if (!IS_POW2(attr->max_entries) || attr->max_entries % RINGBUF_PAGE) {
		diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
			 "max_entries %u of a ring buffer is not a power of two of whole pages",
			 attr->max_entries);
		diag_hint(reterr_diag, "max_entries is its size in bytes: 4096, 8192, 16384, ...");
		return -EINVAL;
	}
	return 0;
}

int ringbuf_create(struct skep_map *m, const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	uint64_t size = attr->max_entries;
	struct ringbuf *rb = map_priv_new(m, sizeof(*rb));
	int err = -ENOMEM;

	m->priv = rb;
	if (rb)
		err = map_area_of(m, RINGBUF_PAGE, 2 * RINGBUF_PAGE + 2 * size);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for a ring buffer of %u bytes", attr->max_entries);
	rb->mask = size - 1;
	rb->head = (struct ring_head *)(m->area.mem - RINGBUF_PAGE);
	rb->head->rb = rb;
	rb->consumer = (_Atomic uint64_t *)m->area.mem;
	rb->producer = (_Atomic uint64_t *)(m->area.mem + RINGBUF_PAGE);
	rb->data = m->area.mem + 2 * RINGBUF_PAGE;
	waiters_init(&rb->wait, m->space, &rb->head->rung);
	return 0;
}

void ringbuf_destroy(struct skep_map *m)
{
	struct ringbuf *rb = m->priv;

	if (rb && rb->head)
		waiters_fini(&rb->wait);
	map_priv_free(m, rb, sizeof(*rb));
}

int ringbuf_wait_fd(struct skep_map *m)
{
	struct ringbuf *rb = m->priv;
	bool first;
	int fd = waiters_fd(&rb->wait, &first);

	/* What came before there was anybody to wake: records, or room for them. */
	if (first && (m->type == BPF_MAP_TYPE_USER_RINGBUF ||
		      atomic_load(rb->producer) != atomic_load(rb->consumer)))
		waiters_wake(&rb->wait);
	return fd;
}

/* How far records are committed, starting from where we last looked.  Under the lock. */
static uint64_t pending(const struct ringbuf *rb)
{
	const struct ring_head *h = rb->head;
	uint64_t pos = h->pending_pos;

	if (unlikely(h->producer_pos - pos > rb->mask + 1))
		return h->producer_pos; /* somebody else wrote there */
	while (pos != h->producer_pos) {
		struct ringbuf_hdr *hdr = (struct ringbuf_hdr *)(rb->data + (pos & rb->mask));
		uint64_t len = atomic_load_explicit(&hdr->len, memory_order_relaxed);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		len &= ~(uint64_t)BPF_RINGBUF_DISCARD_BIT;
		len = ALIGN_UP(len + BPF_RINGBUF_HDR_SZ, 8);
		if (unlikely(len > h->producer_pos - pos))
			break; /* not what we wrote */
		pos += len;
	}
	return pos;
}

static void ring_lock(struct skep_map *m, struct ringbuf *rb, uint32_t cpu)
{
	if (likely(!map_lock(m, &rb->head->lock, cpu)))
		return;
	/* What was reserved by who left it, and maybe not shown, is a record that is discarded. */
	atomic_store_explicit(rb->producer, rb->head->producer_pos, memory_order_release);
}

static void *reserve(struct skep_map *m, uint64_t size, uint32_t cpu)
{
	struct ringbuf *rb = m->priv;
	struct ring_head *h = rb->head;
	uint64_t len = ALIGN_UP(size + BPF_RINGBUF_HDR_SZ, 8), consumer, end;
	struct ringbuf_hdr *hdr;
	uint32_t pages;

	if (unlikely(size > RECORD_MAX || len > rb->mask + 1))
		return NULL;
	/* Acquire pairs with the consumer's release: it is done with what it gives back. */
	consumer = atomic_load_explicit(rb->consumer, memory_order_acquire);
	ring_lock(m, rb, cpu);
	h->pending_pos = pending(rb);
	end = h->producer_pos + len;
	/* Neither over what is unread, nor over what is uncommitted. */
	if (unlikely(end - consumer > rb->mask || end - h->pending_pos > rb->mask)) {
		spin_unlock(&h->lock);
		return NULL;
	}
	hdr = (struct ringbuf_hdr *)(rb->data + (h->producer_pos & rb->mask));
	pages = (uint32_t)(((uintptr_t)hdr - (uintptr_t)h) / RINGBUF_PAGE);
	hdr->pg_off = pages | cpu << RING_PAGES_BITS;
	/* Release: who finds the header busy knows by whom. */
	atomic_store_explicit(&hdr->len, (uint32_t)size | BPF_RINGBUF_BUSY_BIT,
			      memory_order_release);
	h->producer_pos = end;
	/* Release pairs with the consumer's acquire: it finds the header busy. */
	atomic_store_explicit(rb->producer, end, memory_order_release);
	spin_unlock(&h->lock);
	return hdr + 1;
}

void *ringbuf_reserve(struct skep_map *m, uint64_t size, uint64_t flags, uint32_t cpu)
{
	return unlikely(flags) ? NULL : reserve(m, size, cpu);
}

static void commit(const struct ringbuf *rb, struct ringbuf_hdr *hdr, uint64_t flags, bool discard)
{
	uint32_t len = atomic_load_explicit(&hdr->len, memory_order_relaxed);
	uint64_t at = (uint64_t)((uint8_t *)hdr - rb->data);

	hdr->pg_off %= 1u << RING_PAGES_BITS; /* as Linux leaves it */
	len ^= BPF_RINGBUF_BUSY_BIT;
	if (discard)
		len |= BPF_RINGBUF_DISCARD_BIT;
	/* A full barrier: the record is complete, and the consumer's position is read after. */
	atomic_exchange(&hdr->len, len);

	/* A consumer that has caught up to this very record waits for it. */
	if (unlikely(flags & BPF_RB_FORCE_WAKEUP) ||
	    ((atomic_load_explicit(rb->consumer, memory_order_acquire) & rb->mask) == at &&
	     !(flags & BPF_RB_NO_WAKEUP)))
		waiters_wake(&rb->wait);
}

/* The ring that a record is of, by what stands before it. */
static const struct ringbuf *ring_of(struct ringbuf_hdr *hdr)
{
	const uintptr_t page = (uintptr_t)hdr & ~(uintptr_t)(RINGBUF_PAGE - 1);
	const uint32_t pages = hdr->pg_off % (1u << RING_PAGES_BITS);

	return ((struct ring_head *)(page - (uintptr_t)pages * RINGBUF_PAGE))->rb;
}

void ringbuf_commit(struct skep_map *m, void *sample, uint64_t flags, bool discard)
{
	const struct ringbuf *rb = m ? m->priv : NULL;
	struct ringbuf_hdr *hdr = (struct ringbuf_hdr *)sample - 1;

	/* Where it is known it is not read from memory that others write. */
	if (unlikely(!rb || (uint64_t)((uint8_t *)hdr - rb->data) > 2 * rb->mask))
		rb = ring_of(hdr);
	commit(rb, hdr, flags, discard);
}

long ringbuf_output(struct skep_map *m, const void *data, uint64_t size, uint64_t flags,
		    uint32_t cpu)
{
	void *sample;

	if (unlikely(flags & ~(uint64_t)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP)))
		return -EINVAL;
	sample = reserve(m, size, cpu);
	if (unlikely(!sample))
		return -EAGAIN;
	memcpy(sample, data, size);
	commit(m->priv, (struct ringbuf_hdr *)sample - 1, flags, false);
	return 0;
}

uint64_t ringbuf_query(struct skep_map *m, uint64_t flags)
{
	const struct ringbuf *rb = m->priv;
	uint64_t consumer = atomic_load_explicit(rb->consumer, memory_order_acquire);
	uint64_t producer = atomic_load_explicit(rb->producer, memory_order_acquire);

	switch (flags) {
	case BPF_RB_AVAIL_DATA:
		return producer - consumer;
	case BPF_RB_RING_SIZE:
		return rb->mask + 1;
	case BPF_RB_CONS_POS:
		return consumer;
	case BPF_RB_PROD_POS:
		return producer;
	default:
		return 0;
	}
}

int ringbuf_next_key(struct skep_map *m, const void *key, void *next)
{
	(void)m, (void)key, (void)next;
	return -ENOTSUPP;
}

int ringbuf_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -ENOTSUPP;
}

int ringbuf_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -ENOTSUPP;
}

int ringbuf_sys_delete(struct skep_map *m, const void *key)
{
	(void)m, (void)key;
	return -ENOTSUPP;
}

/* Records that a dead run reserved are discarded, or consumers would wait for ever. */
void ringbuf_cpu_died(struct skep_map *m, uint32_t cpu)
{
	struct ringbuf *rb = m->priv;
	struct ring_head *h = rb->head;
	uint64_t step;

	ring_lock(m, rb, VCPU_NONE);
	for (uint64_t pos = pending(rb); pos != h->producer_pos; pos += step) {
		struct ringbuf_hdr *hdr = (struct ringbuf_hdr *)(rb->data + (pos & rb->mask));
		const uint32_t len = atomic_load(&hdr->len);

		step = ALIGN_UP(
			(uint64_t)(len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT)) +
				BPF_RINGBUF_HDR_SZ,
			8);
		if (step > h->producer_pos - pos)
			break; /* not what we wrote */
		if (len & BPF_RINGBUF_BUSY_BIT && hdr->pg_off >> RING_PAGES_BITS == cpu)
			commit(rb, hdr, 0, true);
	}
	spin_unlock(&h->lock);
}

/* --- for the interpreter: which memory is a program's ------------------------------------------
 */

/* The record that is reserved and has byte `off` of the data, its bytes in *ret; NULL: none. */
static const uint8_t *find_record(struct skep_map *m, uint64_t off, uint64_t *ret)
{
	struct ringbuf *rb = m->priv;
	struct ring_head *h = rb->head;
	const uint8_t *found = NULL;

	ring_lock(m, rb, VCPU_NONE);
	for (uint64_t pos = pending(rb), step; pos != h->producer_pos && !found; pos += step) {
		const uint64_t at = pos & rb->mask;
		struct ringbuf_hdr *hdr = (struct ringbuf_hdr *)(rb->data + at);
		const uint32_t len = atomic_load_explicit(&hdr->len, memory_order_relaxed);

		*ret = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		step = ALIGN_UP(*ret + BPF_RINGBUF_HDR_SZ, 8);
		if (step > h->producer_pos - pos)
			break; /* not what we wrote */
		if (len & BPF_RINGBUF_BUSY_BIT && off - at - BPF_RINGBUF_HDR_SZ < MAX(*ret, 1))
			found = rb->data + at + BPF_RINGBUF_HDR_SZ;
	}
	spin_unlock(&h->lock);
	return found;
}

bool ringbuf_reserved(struct skep_map *m, const void *sample, uint64_t size)
{
	struct ringbuf *rb = m->priv;
	uint64_t has;

	return find_record(m, (uint64_t)((const uint8_t *)sample - rb->data), &has) == sample &&
	       size <= has;
}

static bool ringbuf_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	struct ringbuf *rb = m->priv;
	uint64_t has;
	const uint8_t *record = find_record(m, addr - (uintptr_t)rb->data, &has);

	return record && len <= has - (addr - (uintptr_t)record);
}

const struct map_ops ringbuf_map_ops = {
	.contains = ringbuf_contains,
};

const struct map_sys_ops ringbuf_map_sys = {
	.run = &ringbuf_map_ops,
	RINGBUF_OPS,
};
