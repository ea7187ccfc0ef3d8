/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringbuf.h - the memory of a ring buffer as programs, user space and the kernel's ABI see it
 * (kernel/bpf/ringbuf.c, libbpf ringbuf.c).
 *
 *	 head                   the map's memfd
 *	| struct ring_head     | consumer page | producer page | data .......... | data again .... |
 *	 -4096                   0               4096            8192              8192 + size
 *
 * Linux maps the data pages twice, so a record that wraps is contiguous.  Consumers read
 * linearly from position & mask, so here a record that wraps simply runs on into the second
 * copy: no aliasing is needed, and nobody reads the start of the first copy for it.
 */
#ifndef SKEP_MAP_RINGBUF_H
#define SKEP_MAP_RINGBUF_H

#include "map/map.h"

#define RINGBUF_PAGE 4096u

/* Before every record; 8-byte aligned, never split. */
struct ringbuf_hdr {
	_Atomic uint32_t len; /* bytes of the record, BPF_RINGBUF_BUSY_BIT, _DISCARD_BIT */
	uint32_t pg_off;      /* nobody else's business: see RING_PAGES_BITS */
};
static_assert(sizeof(struct ringbuf_hdr) == BPF_RINGBUF_HDR_SZ, "the header is ABI");

struct ringbuf;

/* What runs change, in the page before the memfd's: no consumer can reach it, but members can. */
struct ring_head {
	const struct ringbuf *rb; /* whose it is */
	struct spinlock lock;	  /* reservations */
	uint64_t producer_pos;	  /* the true copy of *producer */
	uint64_t pending_pos;	  /* oldest record that was not committed when last looked */
	/* USER_RINGBUF: */
	struct spinlock busy;  /* held by the run that drains it */
	uint64_t consumer_pos; /* the true copy of *consumer; whoever is busy */
	/* In a hive: */
	_Atomic uint32_t rung; /* see struct waiters */
};

/* What does not change, for programs to read: m->priv. */
struct ringbuf {
	uint64_t mask;	     /* bytes of data - 1 */
	struct waiters wait; /* the consumer; of a user ring buffer, the producer */
	struct ring_head *head;
	_Atomic uint64_t *consumer; /* position in the consumer page: any value may stand there */
	_Atomic uint64_t *producer; /* position in the producer page */
	uint8_t *data;		    /* 2 * size bytes */
};

/* hdr.pg_off: pages from the head in the low bits; above them, while it is busy, the record's CPU.
 */
#define RING_PAGES_BITS 20

/* What both kinds of ring buffers are to bpf(2). */
int ringbuf_check(const union bpf_attr *attr, struct skep_diag *reterr_diag);
int ringbuf_create(struct skep_map *m, const union bpf_attr *attr, struct skep_diag *reterr_diag);
void ringbuf_destroy(struct skep_map *m);
void ringbuf_cpu_died(struct skep_map *m, uint32_t cpu);
int ringbuf_next_key(struct skep_map *m, const void *key, void *next);
int ringbuf_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags);
int ringbuf_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags);
int ringbuf_sys_delete(struct skep_map *m, const void *key);

#define RINGBUF_OPS                                                                   \
	.check = ringbuf_check, .create = ringbuf_create, .destroy = ringbuf_destroy, \
	.next_key = ringbuf_next_key, .sys_lookup = ringbuf_sys_lookup,               \
	.sys_update = ringbuf_sys_update, .sys_delete = ringbuf_sys_delete,           \
	.cpu_died = ringbuf_cpu_died

#endif
