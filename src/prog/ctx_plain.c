/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_plain.c - contexts that programs see as they are: registers, records, arguments.
 *
 * Nothing moves (real_off == off); the tables say what may be touched, as kernel/trace/bpf_trace.c
 * and kernel/bpf/syscall.c do.
 */
#include "prog/ctx_int.h"

#include <linux/bpf_perf_event.h>

#define RAW_TP_ARGS	   12	/* MAX_BPF_FUNC_ARGS */
#define TRACE_RECORD_BYTES 8192 /* PERF_MAX_TRACE_SIZE */

#define PLAIN(n, o, bytes, k, w)                                                                 \
	{                                                                                        \
		.name = (n), .off = (o), .size = (bytes), .real_off = (o), .real_size = (bytes), \
		.kind = (k), .writable = (w),                                                    \
	}

const struct ctx_field kprobe_fields[1] = {
	PLAIN("regs", 0, sizeof(bpf_user_pt_regs_t), CTX_ARRAY, false),
};
const struct ctx_field tracepoint_fields[1] = {
	/* The first word is the kernel's pointer to the registers. */
	PLAIN("record", 8, TRACE_RECORD_BYTES - 8, CTX_ARRAY, false),
};
const struct ctx_field perf_event_fields[PERF_EVENT_FIELDS] = {
	PLAIN("regs", 0, sizeof(bpf_user_pt_regs_t), CTX_WORDS, false),
	PLAIN("sample_period", offsetof(struct bpf_perf_event_data, sample_period), 8, CTX_SCALAR,
	      false),
	PLAIN("addr", offsetof(struct bpf_perf_event_data, addr), 8, CTX_SCALAR, false),
};
const struct ctx_field raw_tracepoint_fields[1] = {
	PLAIN("args", 0, RAW_TP_ARGS * 8, CTX_ARRAY, false),
};
const struct ctx_field syscall_fields[1] = {
	PLAIN("args", 0, UINT16_MAX, CTX_ARRAY, true),
};

/* Judged, not run. */
#define OBJECT_AT(n, o, type)                                                        \
	{                                                                            \
		.name = (n), .off = (o), .size = 8, .real_off = (o), .real_size = 8, \
		.kind = CTX_OBJECT, .object = (type),                                \
	}

const struct ctx_field netfilter_fields[NETFILTER_FIELDS] = {
	OBJECT_AT("state", 0, "nf_hook_state"),
	OBJECT_AT("skb", 8, "sk_buff"),
};
const struct ctx_field lirc_fields[1] = {
	PLAIN("sample", 0, 4, CTX_EXACT, false),
};
const struct ctx_field raw_tracepoint_writable_fields[2] = {
	PLAIN("buffer", 0, 8, CTX_TP_BUFFER, false),
	PLAIN("args", 8, RAW_TP_ARGS * 8 - 8, CTX_ARRAY, false),
};
