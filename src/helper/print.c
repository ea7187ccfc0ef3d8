/* SPDX-License-Identifier: BSD-2-Clause */
/* print.c - helpers that write text; the text itself is made in format.c */
#include "helper/helper_int.h"
#include "helper/process.h"
#include "helper/task.h"
#include "helper/trace.h"

void trace_line_begin(struct trace_line *l, struct skep_run *run, size_t n)
{
	struct timespec t = { 0 };

	helper_clock_gettime(CLOCK_MONOTONIC, &t);
	*l = (struct trace_line){ .ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec,
				  .tid = task_tid(run),
				  .cpu = run->cpu,
				  .len = (uint32_t)MIN(n, (size_t)TRACE_TEXT_MAX) };
	task_comm(run, l->comm);
}

static uint64_t trace(struct skep_run *run, const char *fmt, uint32_t fmt_size,
		      const uint64_t *args, uint32_t n)
{
	char line[FORMAT_LINE_MAX];
	struct format_out out = { line, sizeof(line), 0 };
	int err = format_text(run, &out, fmt, fmt_size, args, n);

	if (err)
		return RET(err);
	if (run->env->trace)
		run->env->trace(run->env->arg, run, line, MIN(out.len, sizeof(line) - 1));
	return out.len;
}

HELPER_FN(trace_printk)
{
	uint64_t args[] = { r3, r4, r5 };

	return trace(run, PTR(r1), (uint32_t)r2, args, ARRAY_SIZE(args));
}

/* Is this a list of arguments that the helpers with a list take? */
static bool args_valid(uint64_t args, uint32_t bytes)
{
	return bytes % 8 == 0 && bytes <= FORMAT_ARGS_MAX * 8 && (!bytes || args);
}

HELPER_FN(trace_vprintk)
{
	uint32_t bytes = (uint32_t)r4;

	if (!args_valid(r3, bytes))
		return RET(-EINVAL);
	return trace(run, PTR(r1), (uint32_t)r2, PTR(r3), bytes / 8);
}

HELPER_FN(snprintf)
{
	struct format_out out = { PTR(r1), (uint32_t)r2, 0 };
	uint32_t bytes = (uint32_t)r5;
	int err;

	if (!args_valid(r4, bytes))
		return RET(-EINVAL);
	err = format_text(run, &out, PTR(r3), UINT32_MAX, PTR(r4), bytes / 8);
	return err ? RET(err) : out.len + 1;
}
