/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slice.c - the server's place among those that want a CPU.  A file of its own, as the C library's
 * <sched.h> does not go with the kernel's.
 */
#include "server/slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the shortest that the kernel gives */

void slice_take_short(void)
{
	struct sched_attr a = { 0 };

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) || a.sched_policy != SCHED_NORMAL)
		return;
	a.sched_runtime = SLICE_NS;
	syscall(SYS_sched_setattr, 0, &a, 0);
}
