/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rights.c - what a caller of bpf(2) may do.
 *
 * A kernel belongs to who made it, who is root in it.  With SKEP_RIGHTS_CALLER the calling thread's
 * effective capabilities decide instead, as on Linux; they are read anew for every question.
 */
#include "core/core_int.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of linux/capability.h; older headers lack the last two. */
static const uint8_t caps[] = {
	[RIGHT_BPF] = 39,
	[RIGHT_PERFMON] = 38,
	[RIGHT_NET] = CAP_NET_ADMIN,
	[RIGHT_ADMIN] = CAP_SYS_ADMIN,
};

static uint64_t effective(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
						 caller_is_far() ? caller_pid() : 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

bool core_may(const struct call *c, enum core_right right)
{
	const uint64_t either = UINT64_C(1) << caps[right] | UINT64_C(1) << CAP_SYS_ADMIN;

	switch ((enum skep_rights)c->k->rights) {
	case SKEP_RIGHTS_ALL:
		return true;
	case SKEP_RIGHTS_CALLER:
		return effective() & either;
	case SKEP_RIGHTS_BPF:
		return right == RIGHT_BPF || right == RIGHT_NET;
	default:
		return false;
	}
}
