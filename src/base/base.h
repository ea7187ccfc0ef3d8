/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base.h - the words that every room speaks.  Knows nothing of BPF.
 */
#ifndef SKEP_BASE_BASE_H
#define SKEP_BASE_BASE_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Exported from libskep.so; everything else is hidden. */
#ifndef SKEP_API /* <skep/skep.h> has it too */
#define SKEP_API __attribute__((visibility("default")))
#endif

#define ARRAY_SIZE(a)	      (sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define likely(x)	      __builtin_expect(!!(x), 1)
#define unlikely(x)	      __builtin_expect(!!(x), 0)
#define sizeof_field(t, m)    sizeof(((t *)0)->m)
#define offsetofend(t, m)     (offsetof(t, m) + sizeof_field(t, m))
#define ALIGN_UP(x, a)	      (((x) + (__typeof__(x))((a)-1)) & ~(__typeof__(x))((a)-1))
#define IS_POW2(x)	      ((x) != 0 && ((x) & ((x)-1)) == 0)
#define MIN(a, b)	      ((a) < (b) ? (a) : (b))
#define MAX(a, b)	      ((a) > (b) ? (a) : (b))
#define __printf(f, a)	      __attribute__((format(printf, f, a)))

/*
 * Cleanup by scope.  _cleanup_(f) runs f on the variable's address at the end of its scope;
 * TAKE_PTR hands the value on and disarms it.  DEFINE_CLEANUP makes the adapter for a _free or
 * _put function that takes the pointer itself (and accepts NULL, as all of ours do).
 */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define DEFINE_CLEANUP(type, func)            \
	static inline void func##_p(type **p) \
	{                                     \
		func(*p);                     \
	}
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

/* Closes *fd unless it is negative; keeps errno.  For _cleanup_(close_fd_p) int fd = -1. */
void close_fd_p(int *fd);

/* The power of two at or above x; 0 for x above 2^63. */
static inline uint64_t round_up_pow2(uint64_t x)
{
	return x <= 1			 ? 1
	       : x > (UINT64_C(1) << 63) ? 0
					 : UINT64_C(1) << (64 - __builtin_clzll(x - 1));
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" ::: "memory");
#endif
}

#endif
