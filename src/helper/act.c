/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * act.c - what programs do to the task that they run in (kernel/trace/bpf_trace.c, bpf_helpers(7)).
 *
 * Signals are sent, and results replaced, by whoever runs the program, when it is over: as Linux
 * does on the way back to user space.
 */
#include "helper/helper_int.h"
#include "helper/task.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#define SIGNALS 64

/* The process that the run is for. */
static uint32_t process_of(struct skep_run *run)
{
	return run->as ? run->as->tgid : task_tgid(run);
}

static long send_now(struct skep_run *run, uint32_t sig, bool thread)
{
	if (thread)
		return sys_call6(SYS_tgkill, process_of(run), task_tid(run), sig, 0, 0, 0);
	return sys_call6(SYS_kill, process_of(run), sig, 0, 0, 0, 0);
}

static long send(struct skep_run *run, uint32_t sig, bool thread)
{
	if (sig > SIGNALS)
		return -EINVAL;
	if (process_of(run) == 1)
		return -EPERM;
	if (!run->acts)
		return send_now(run, sig, thread);
	if (sig)
		*(thread ? &run->acts->to_thread : &run->acts->to_process) |= UINT64_C(1)
									      << (sig - 1);
	return 0;
}

HELPER_FN(send_signal)
{
	return RET(send(run, (uint32_t)r1, false));
}

HELPER_FN(send_signal_thread)
{
	return RET(send(run, (uint32_t)r1, true));
}

/* As any program: what is not writable is not written. */
HELPER_FN(probe_write_user)
{
	const copy_fn copy = atomic_load_explicit(&helper_copy, memory_order_relaxed);
	const size_t n = (uint32_t)r3;
	const struct iovec from = { PTR(r2), n }, to = { PTR(r1), n };
	long err = copy ? copy(run, PTR(r1), PTR(r2), n) : -EAGAIN;

	if (err == -EAGAIN)
		err = sys_call6(SYS_process_vm_writev, process_of(run), (long)&from, 1, (long)&to,
				1, 0) == (long)n
			      ? 0
			      : -EFAULT;
	return RET(err);
}

HELPER_FN(override_return)
{
	if (!run->acts || !run->acts->may_override)
		return RET(-EOPNOTSUPP);
	run->acts->overrides = true;
	run->acts->result = r2;
	return 0;
}
