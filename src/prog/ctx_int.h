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
	SOCK_ADDR_FIELDS = 10,
	SOCK_OPS_FIELDS = 12,
	SOCK_LOOKUP_FIELDS = 16,
	SK_MSG_FIELDS = 7,
	REUSEPORT_FIELDS = 9,
	DISSECTOR_FIELDS = 3,
	DEVICE_FIELDS = 2,
	SYSCTL_FIELDS = 2,
	SOCKOPT_FIELDS = 7,
	NETFILTER_FIELDS = 2,
#define SOCK_FIELD(f, bytes, k, read_by, write_by) +1
	SOCK_FIELDS = 0
#include "prog/ctx_sock.def"
	,
#undef SOCK_FIELD
	PERF_EVENT_FIELDS = 3,
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) +1
	SKB_FIELDS = 0
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

extern const struct ctx_field xdp_fields[XDP_FIELDS];
extern const struct ctx_field socket_fields[SKB_FIELDS];
extern const struct ctx_field tc_fields[SKB_FIELDS];
extern const struct ctx_field cgroup_fields[SKB_FIELDS];
extern const struct ctx_field lwt_fields[SKB_FIELDS];
extern const struct ctx_field stream_fields[SKB_FIELDS]; /* sk_skb */
/* Judged, not run: real_off and real_size are the UAPI's. */
extern const struct ctx_field sock_fields[SOCK_FIELDS]; /* cgroup_sock */
extern const struct ctx_field sock_addr_fields[SOCK_ADDR_FIELDS];
extern const struct ctx_field sock_ops_fields[SOCK_OPS_FIELDS];
extern const struct ctx_field sk_lookup_fields[SOCK_LOOKUP_FIELDS];
extern const struct ctx_field sk_msg_fields[SK_MSG_FIELDS];
extern const struct ctx_field reuseport_fields[REUSEPORT_FIELDS];
extern const struct ctx_field dissector_fields[DISSECTOR_FIELDS];
extern const struct ctx_field device_fields[DEVICE_FIELDS];
extern const struct ctx_field sysctl_fields[SYSCTL_FIELDS];
extern const struct ctx_field sockopt_fields[SOCKOPT_FIELDS];
extern const struct ctx_field netfilter_fields[NETFILTER_FIELDS];
/* What context fields and helpers point to. */
extern const struct ctx_field socket_object_fields[SOCK_FIELDS];
extern const struct ctx_field sock_common_fields[SOCK_FIELDS];
extern const struct ctx_field tcp_sock_fields[4];
extern const struct ctx_field xdp_sock_fields[1];
extern const struct ctx_field lirc_fields[1];
extern const struct ctx_field raw_tracepoint_writable_fields[2];

extern const struct ctx_field kprobe_fields[1];
extern const struct ctx_field tracepoint_fields[1];
extern const struct ctx_field perf_event_fields[PERF_EVENT_FIELDS];
extern const struct ctx_field raw_tracepoint_fields[1];
extern const struct ctx_field syscall_fields[1];

#endif
