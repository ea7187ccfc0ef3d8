/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.h - what the programs of suite "map" and their harness share. */
#ifndef SKEP_BENCH_MAPS_MAPS_H
#define SKEP_BENCH_MAPS_MAPS_H

#include <linux/types.h>

#define OPS	   1024	      /* operations in a run */
#define RING_BYTES (4u << 20) /* of the ring buffer */
#define TAIL_CALLS 32	      /* hops in a run of tail_call */
#define STATE_CPUS 4	      /* rows of bench_state; CPU n uses row n modulo this */

/* Where the random numbers of the programs stand, one cache line apart. */
struct bench_state {
	struct {
		__u64 x;       /* the last number */
		__u64 pad[15]; /* to two lines: they are fetched in pairs */
	} cpu[STATE_CPUS];
};

/* A key of an LPM_TRIE of IPv4 addresses. */
struct bench_prefix {
	__u32 bits; /* of the prefix */
	__u32 addr; /* bytes as they are sent */
};

/* The address that key k asks for; prefix k covers it, and others may. */
#define PREFIX_ADDR(k) ((__u32)((k)*2654435761u))
#define PREFIX_BITS(k) ((__u32)(16 + (k) % 17))

#endif
