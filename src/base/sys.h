/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys.h - bare system calls for hot rooms: no libc, no errno, no cancellation point.
 */
#ifndef SKEP_BASE_SYS_H
#define SKEP_BASE_SYS_H

#include "base/base.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

/** The system call nr; -errno on failure. */
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "no system call stub for this architecture"
#endif
}

/**
 * Lets others run for a moment, some 70 microseconds with Linux's timer slack.  Not sched_yield(2):
 * since 6.18 each yield costs a thread a slice (sched/fair.c, yield_task_fair), so that who waited
 * for long gets no CPU for a tenth of a second beside a busy one.  futex(2), as filters allow it.
 */
static inline void sys_rest(void)
{
	const struct timespec moment = { .tv_nsec = 20000 };
	uint32_t word = 0;

	sys_call6(SYS_futex, (long)&word, FUTEX_WAIT_PRIVATE, 0, (long)&moment, 0, 0);
}

/** Another description of process pid's descriptor, by /proc: it, close-on-exec, or -errno. */
int sys_open_of(uint32_t pid, int fd, int flags);

/** A descriptor that is readable once process pid has ended, pidfd_open(2); negative without one.
 */
static inline int sys_pidfd(int pid)
{
	return pid > 0 ? (int)sys_call6(SYS_pidfd_open, pid, 0, 0, 0, 0, 0) : -1;
}

#endif
