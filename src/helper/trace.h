/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - a line of bpf_trace_printk() on its way from a member of a hive to the server: a record
 * of a ring buffer that no program knows (struct hive_meta's `trace`).
 */
#ifndef SKEP_HELPER_TRACE_H
#define SKEP_HELPER_TRACE_H

#include "base/base.h"

struct skep_run;

struct trace_line {
	uint64_t ns;   /* of CLOCK_MONOTONIC */
	uint32_t tid;  /* the thread, as it sees itself */
	uint32_t cpu;  /* its vCPU */
	char comm[16]; /* its name; need not end */
	uint32_t len;  /* bytes of text */
	uint32_t pad;
	char text[]; /* without a prefix, not terminated */
};
#define TRACE_TEXT_MAX 1024

/** Who writes a line, and when; the text is the caller's to fill.  Hot. */
void trace_line_begin(struct trace_line *l, struct skep_run *run, size_t n);

#endif
