/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_int.h - the context tables, as the files ctx_*.c hand them to types.c.
 *
 * Their lengths stand here so that the rows of types.def are constants.
 */
#ifndef SKEP_PROG_CTX_INT_H
#define SKEP_PROG_CTX_INT_H

#include "prog/prog.h"

enum {
	XDP_FIELDS = 6,
	PERF_EVENT_FIELDS = 3,
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup) +1
	SKB_FIELDS = 0
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

extern const struct ctx_field xdp_fields[XDP_FIELDS];
extern const struct ctx_field socket_fields[SKB_FIELDS];
extern const struct ctx_field tc_fields[SKB_FIELDS];
extern const struct ctx_field cgroup_fields[SKB_FIELDS];
extern const struct ctx_field kprobe_fields[1];
extern const struct ctx_field tracepoint_fields[1];
extern const struct ctx_field perf_event_fields[PERF_EVENT_FIELDS];
extern const struct ctx_field raw_tracepoint_fields[1];
extern const struct ctx_field syscall_fields[1];

#endif
