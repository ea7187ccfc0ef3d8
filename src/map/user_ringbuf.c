/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * user_ringbuf.c - BPF_MAP_TYPE_USER_RINGBUF: user space produces, a program consumes
 * (bpf_user_ringbuf_drain); the layout is ringbuf.h's, with the roles of the pages exchanged.
 *
 * Nothing that stands in the ring is trusted: not the producer's position, not a record's length,
 * nor the consumer's position, of which the true copy is private.
 */
#include "map/map_int.h"
#include "map/ringbuf.h"

/* What a dynptr can hold. */
#define SAMPLE_MAX ((1u << 24) - 1)

bool user_ringbuf_begin(struct skep_map *m, uint32_t cpu)
{
	struct ringbuf *rb = m->priv;

	return lock_try(&rb->head->busy, m->vcpus, cpu);
}

static void consume(const struct ringbuf *rb, uint32_t size)
{
	rb->head->consumer_pos += ALIGN_UP((uint64_t)size + BPF_RINGBUF_HDR_SZ, 8);
	/* Release pairs with the producer's acquire: we are done with what we give back. */
	atomic_store_explicit(rb->consumer, rb->head->consumer_pos, memory_order_release);
}

long user_ringbuf_peek(struct skep_map *m, void **ret_sample)
{
	struct ringbuf *rb = m->priv;
	/* Acquire pairs with the producer's release: the header is there. */
	const uint64_t end = atomic_load_explicit(rb->producer, memory_order_acquire);
	const uint64_t pos = rb->head->consumer_pos;
	struct ringbuf_hdr *hdr = (struct ringbuf_hdr *)(rb->data + (pos & rb->mask));
	uint32_t len, size;
	uint64_t total;

	if (end % 8)
		return -EINVAL;
	if (pos >= end)
		return -ENODATA;
	len = atomic_load_explicit(&hdr->len, memory_order_acquire);
	size = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	total = ALIGN_UP((uint64_t)size + BPF_RINGBUF_HDR_SZ, 8);
	if (total > end - pos)
		return -EINVAL;
	if (total > rb->mask + 1 || size > SAMPLE_MAX)
		return -E2BIG;
	if (len & BPF_RINGBUF_DISCARD_BIT) {
		consume(rb, size);
		return -EAGAIN;
	}
	if (len & BPF_RINGBUF_BUSY_BIT)
		return -ENODATA;
	/* Behind the last header it is at the beginning again, as libbpf puts it. */
	*ret_sample = rb->data + ((pos + BPF_RINGBUF_HDR_SZ) & rb->mask);
	return size;
}

void user_ringbuf_release(struct skep_map *m, uint32_t size)
{
	consume(m->priv, size);
}

void user_ringbuf_end(struct skep_map *m, bool wake)
{
	struct ringbuf *rb = m->priv;

	spin_unlock(&rb->head->busy);
	if (wake)
		waiters_wake(&rb->wait);
}

static bool user_ringbuf_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	const struct ringbuf *rb = m->priv;
	const uint64_t off = addr - (uintptr_t)rb->data, size = 2 * (rb->mask + 1);

	return off < size && len <= size - off;
}

const struct map_ops user_ringbuf_map_ops = {
	.contains = user_ringbuf_contains,
};

const struct map_sys_ops user_ringbuf_map_sys = {
	.run = &user_ringbuf_map_ops,
	RINGBUF_OPS,
};
