/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_int.h - inside PROG_TEST_RUN: one run under way, and the program types' halves of it.
 */
#ifndef SKEP_CORE_TEST_INT_H
#define SKEP_CORE_TEST_INT_H

#include "core/core_int.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"

struct test_run {
	struct call *c;
	struct skep_prog *p;	      /* borrowed */
	void *ctx;		      /* r1: points into the union, or at mem */
	struct run_region ctx_region; /* what of it the program may reach */
	struct run_region data;	      /* packet memory that it may reach */
	struct run_region more;	      /* and what its context leads to besides */
	union {
		struct xdp_ctx xdp;
		struct skb_ctx skb;
	};
	struct skb_sock sock; /* of an skb */
	union {		      /* ctx_in, and what becomes ctx_out */
		struct xdp_md md;
		struct __sk_buff uskb;
	};
	bool has_ctx;	/* the caller gave ctx_in or wants ctx_out */
	uint8_t *mem;	/* packet frame or context; freed at the end */
	uint8_t *frags; /* XDP: what does not fit into the frame, behind it; freed at the end */
	uint32_t frags_size;
	int32_t cpu;	   /* the slot that it must run in, -1: any */
	uint32_t retval;   /* of the last run */
	uint32_t duration; /* ns a run, on average */
};

/* A program type's half.  setup: attributes to context; finish: results to the caller. */
struct test_kind {
	uint32_t prog_type;
	int (*setup)(struct test_run *t);
	int (*finish)(struct test_run *t);
};

int test_xdp_setup(struct test_run *t);
int test_xdp_finish(struct test_run *t);
int test_skb_setup(struct test_run *t);
int test_skb_finish(struct test_run *t);

#endif
