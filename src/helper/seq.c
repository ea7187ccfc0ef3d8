/* SPDX-License-Identifier: BSD-2-Clause */
/* seq.c - what iterators write (bpf_seq_printf and its kin of kernel/trace/bpf_trace.c). */
#include "helper/seq.h"
#include "helper/helper_int.h"
#include "helper/show.h"

/* The run's own, if that is what the program passed. */
static struct skep_seq *seq_of(const struct skep_run *run, uint64_t r1)
{
	return run->seq && r1 == (uintptr_t)run->seq ? run->seq : NULL;
}

HELPER_FN(seq_printf)
{
	struct skep_seq *s = seq_of(run, r1);
	const uint32_t bytes = (uint32_t)r5;
	struct format_out out;
	int err;

	if (!s || bytes % 8 || bytes > FORMAT_ARGS_MAX * 8 || (bytes && !r4))
		return RET(-EINVAL);
	out = (struct format_out){ s->buf + s->count, s->size - s->count, 0 };
	err = format_text(run, &out, PTR(r2), (uint32_t)r3, PTR(r4), bytes / 8);
	if (err)
		return RET(err);
	/* The NUL must fit too. */
	s->count = out.len < out.size ? s->count + out.len : s->size;
	return seq_is_full(s) ? RET(-EOVERFLOW) : 0;
}

HELPER_FN(seq_printf_btf)
{
	struct skep_seq *s = seq_of(run, r1);
	struct format_out out;
	int err;

	if (!s)
		return RET(-EINVAL);
	out = (struct format_out){ s->buf + s->count, s->size - s->count, 0 };
	err = show_data(run, &out, PTR(r2), (uint32_t)r3, r4);
	/* Who wants to know whether it fits asks the whole: Linux does not say it here. */
	s->count = out.len < out.size ? s->count + out.len : s->size;
	return RET(err);
}

HELPER_FN(seq_write)
{
	struct skep_seq *s = seq_of(run, r1);
	const uint32_t n = (uint32_t)r3;

	if (!s)
		return RET(-EINVAL);
	if (n >= s->size - s->count) {
		s->count = s->size;
		return RET(-EOVERFLOW);
	}
	memcpy(s->buf + s->count, PTR(r2), n);
	s->count += n;
	return 0;
}
