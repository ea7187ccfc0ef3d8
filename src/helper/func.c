/* SPDX-License-Identifier: BSD-2-Clause */
/* func.c - arguments of the function that a program is at (kernel/trace/bpf_trace.c) */
#include "helper/func.h"
#include "helper/helper_int.h"

static const struct func_args *args_of(uint64_t ctx)
{
	return PTR(ctx - offsetof(struct func_args, arg));
}

HELPER_FN(get_func_arg_cnt)
{
	return args_of(r1)->n;
}

HELPER_FN(get_func_arg)
{
	const struct func_args *a = args_of(r1);
	uint64_t *to = PTR(r3);

	if (r2 >= a->n)
		return RET(-EINVAL);
	*to = a->arg[r2];
	return 0;
}

HELPER_FN(get_func_ret)
{
	const struct func_args *a = args_of(r1);
	uint64_t *to = PTR(r2);

	if (run->prog->expected_attach_type == BPF_TRACE_FENTRY)
		return RET(-EOPNOTSUPP);
	*to = a->arg[a->n];
	return 0;
}
