/* SPDX-License-Identifier: BSD-2-Clause */
/* tracee_int.h - inside the room: how a thread comes to its next stop. */
#ifndef SKEP_INJECT_TRACEE_INT_H
#define SKEP_INJECT_TRACEE_INT_H

#include "inject/tracee.h"

/* What a stop is, as waitid(2) has it in si_status: the signal, and the event above it. */
#define STOP_SYSCALL   (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define STOP_EVENT(st) ((st) >> 8)

/* All threads have been let go of: signals that were held are sent again. */
void tracee_end(struct tracee *t);
/* Writes what is held, and forgets all of it: 0 or -EFAULT. */
int memory_flush(struct tracee *t);
/* Through what is held. */
int memory_read(const struct tracee *t, uint64_t at, void *to, size_t n);
int memory_write(const struct tracee *t, uint64_t at, const void *from, size_t n);

/* A point in time, in nanoseconds of CLOCK_MONOTONIC, `ms` from now. */
uint64_t tracee_deadline(unsigned int ms);
/* The thread's next stop: what it is, -ESRCH, or -ETIMEDOUT. */
int tracee_await(const struct tracee *t, struct tracee_thread *th, uint64_t deadline);
/* A thread that PTRACE_INTERRUPT was for stops for it, whatever stops it before; 0 or these errors.
 */
int tracee_settle(const struct tracee *t, struct tracee_thread *th, uint64_t deadline);

typedef int (*borrowed_fn)(struct tracee *t, struct tracee_thread *th, void *arg,
			   struct skep_diag *d);

/** fn(arg) with the first thread, which is afterwards what it was; its error, said in words. */
int tracee_borrowed(struct tracee *t, borrowed_fn fn, void *arg, struct skep_diag *d);
/** The borrowed thread goes on until it comes to that int3: 0, -EFAULT, -ESRCH, -ETIMEDOUT. */
int tracee_to_trap(struct tracee *t, struct tracee_thread *th, uint64_t trap, struct skep_diag *d);
/** The top of its stack for a call. */
uint64_t tracee_stack(const struct tracee *t, const struct tracee_thread *th);
/** -EOPNOTSUPP, where return addresses are the CPU's business. */
int tracee_may_call(const struct tracee *t, struct skep_diag *d);
/** Is tracee_run()'s code there? */
bool tracee_has_desk(const struct tracee *t);
/** tracee_syscall() without a desk. */
int tracee_syscall_alone(struct tracee *t, long nr, const uint64_t args[6], int64_t *ret,
			 struct skep_diag *d);

#endif
