/* SPDX-License-Identifier: BSD-2-Clause */
/* user.c - see user.h */
#include "core/user.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/sys.h"
#include "core/caller.h"

#include <pthread.h>
#include <sys/syscall.h>

#define PAGE 4096u /* no machine has smaller ones: more questions than needed elsewhere */

/* The calling thread's stack; hi is 0 before it was asked for, 1 where it is not known. */
static _Thread_local struct {
	uintptr_t lo, hi;
} stack;

static void stack_learn(void)
{
	pthread_attr_t attr;
	void *base;
	size_t size;

	stack.hi = 1;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (pthread_attr_getstack(&attr, &base, &size) == 0) {
		stack.lo = (uintptr_t)base;
		stack.hi = (uintptr_t)base + size;
	}
	pthread_attr_destroy(&attr);
}

/*
 * Is the range between our frame and the end of this thread's stack?  What our frame stands on
 * is mapped, and the caller's buffers there are younger than the stack's end.  Not on a signal
 * stack or a coroutine's: then our frame is elsewhere.
 */
static bool on_stack(uint64_t addr, size_t n)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (unlikely(stack.hi == 0))
		stack_learn();
	return frame >= stack.lo && addr >= frame && addr < stack.hi && n <= stack.hi - addr;
}

/* Asks the kernel to read the eight bytes around addr; `how` is none, so nothing happens. */
static bool page_readable(uint64_t addr)
{
	return sys_call6(SYS_rt_sigprocmask, -1, (long)(addr & ~UINT64_C(7)), 0, 8, 0, 0) !=
	       -EFAULT;
}

/* Lets the kernel write the byte at addr, which is about to be overwritten anyway. */
static bool page_writable(uint64_t addr)
{
	return sys_call6(SYS_rt_sigpending, (long)addr, 1, 0, 0, 0, 0) != -EFAULT;
}

static inline __attribute__((always_inline)) bool range_ok(uint64_t addr, size_t n,
							   bool (*page_ok)(uint64_t addr))
{
	uint64_t end = addr + n;

	if (on_stack(addr, n))
		return true;
	/* Page zero is nobody's; to rt_sigprocmask it means no address at all. */
	if (end < addr || addr < PAGE)
		return false;
	for (; addr < end; addr = (addr | (PAGE - 1)) + 1)
		if (!page_ok(addr))
			return false;
	return true;
}

int user_read(void *dst, uint64_t src, size_t n)
{
	struct caller *far = caller_memory();

	if (n == 0)
		return 0;
	if (unlikely(far != NULL))
		return far->ops->read(far, dst, src, n);
	if (!range_ok(src, n, page_readable))
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, n);
	return 0;
}

int user_write(uint64_t dst, const void *src, size_t n)
{
	struct caller *far = caller_memory();

	if (n == 0)
		return 0;
	if (unlikely(far != NULL))
		return far->ops->write(far, dst, src, n);
	if (!range_ok(dst, n, page_writable))
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, n);
	return 0;
}

/* As memccpy to a NUL, of `take` bytes of one page; NULL and -EFAULT in *err where it is not there.
 */
static const char *string_part(char *dst, uint64_t src, size_t take, int *err)
{
	struct caller *far = caller_memory();

	*err = 0;
	if (far)
		*err = far->ops->read(far, dst, src, take);
	else if (!range_ok(src, 1, page_readable))
		*err = -EFAULT;
	if (*err)
		return NULL;
	return far ? memchr(dst, '\0', take)
		   : memccpy(dst, (const char *)(uintptr_t)src, '\0', take);
}

long user_string(char *dst, uint64_t src, size_t n)
{
	size_t len = 0;

	while (len < n) {
		/* To the end of the page at most: the string may end before the next one. */
		size_t take = MIN(n - len, PAGE - (src + len) % PAGE);
		int err;
		const char *nul = string_part(dst + len, src + len, take, &err);

		if (err)
			return err;
		if (nul)
			return strlen(dst);
		len += take;
	}
	return (long)len;
}

int user_tail_zero(uint64_t src, size_t known, size_t given)
{
	uint8_t tail[PAGE];

	if (given > PAGE)
		return -E2BIG;
	if (given <= known)
		return 0;
	if (user_read(tail, src + known, given - known))
		return -EFAULT;
	return bytes_zero(tail, given - known) ? 0 : -E2BIG;
}

void *scratch_get(struct scratch *s, size_t n)
{
	s->p = n <= sizeof(s->small) ? s->small : skep_alloc(n);
	return s->p;
}

void scratch_free(struct scratch *s)
{
	if (s->p != s->small)
		skep_free(s->p);
}
