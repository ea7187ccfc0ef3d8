/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * user.h - the caller's memory: copies that answer -EFAULT instead of faulting.
 *
 * bpf(2) takes pointers from whoever calls, and a library must not die of a bad one.  Memory of
 * the calling thread's own stack above our frame is known to be there and costs nothing; any
 * other page is asked for with one cheap system call that reads, or writes, a byte of it
 * (rt_sigprocmask, rt_sigpending: about 100 ns).  A range that another thread unmaps between the
 * question and the copy still faults, as it would under any function of libc.
 */
#ifndef SKEP_CORE_USER_H
#define SKEP_CORE_USER_H

#include "base/base.h"

/** Copies n bytes from the caller's address; 0 or -EFAULT. */
int user_read(void *dst, uint64_t src, size_t n);

/** Copies n bytes to the caller's address; 0 or -EFAULT. */
int user_write(uint64_t dst, const void *src, size_t n);

/**
 * Copies a string as strncpy_from_user does: up to its NUL or n bytes, then not terminated.
 *
 * @return its length, n where no NUL was found, or -EFAULT
 */
long user_string(char *dst, uint64_t src, size_t n);

/**
 * The kernel's bpf_check_uarg_tail_zero: what lies in [src + known, src + given) must be zero.
 *
 * @return 0, -E2BIG where it is not or given exceeds a page, -EFAULT
 */
int user_tail_zero(uint64_t src, size_t known, size_t given);

/* n bytes of scratch memory: on the stack where they are few. */
#define SCRATCH_SMALL 512
struct scratch {
	void *p; /* the memory; NULL before scratch_get */
	uint8_t small[SCRATCH_SMALL] __attribute__((aligned(8)));
};

/** Memory of n bytes, not zeroed, or NULL.  For one call per scratch. */
void *scratch_get(struct scratch *s, size_t n);
/** Frees what scratch_get gave: for _cleanup_(scratch_free) struct scratch s; s.p = NULL; */
void scratch_free(struct scratch *s);

#endif
