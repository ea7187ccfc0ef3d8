/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper_int.h - what the families of helpers share among themselves.
 */
#ifndef SKEP_HELPER_HELPER_INT_H
#define SKEP_HELPER_HELPER_INT_H

#include "base/sys.h"
#include "helper/helper.h"
#include "helper/process.h"
#include "prog/prog.h"

#include <time.h>

/* Every helper has the one shape of skep_call_fn; arguments narrower than 64 bits it cuts itself.
 */
#define HELPER_FN(name)                                                                         \
	uint64_t helper_##name(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, \
			       struct skep_run *run)
#define KFUNC_FN(name)                                                                         \
	uint64_t kfunc_##name(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, \
			      struct skep_run *run)

#define HELPER(id, fn, ret, args, sets, flags) HELPER_FN(fn);
#include "helper/helpers.def"
#undef HELPER
#define KFUNC(name, args) KFUNC_FN(name);
#include "helper/kfuncs.def"
#undef KFUNC

/* ARGS(MEM, SIZE) of a row: { ARG_MEM, ARG_SIZE } */
#define ARGS(...)			       ARGS_PICK(0, ##__VA_ARGS__, 5, 4, 3, 2, 1, 0)(__VA_ARGS__)
#define ARGS_PICK(zero, a, b, c, d, e, n, ...) ARGS_N(n)
#define ARGS_N(n)			       ARGS_##n
#define ARGS_0()         \
	{                \
		ARG_NONE \
	}
#define ARGS_1(a)       \
	{               \
		ARG_##a \
	}
#define ARGS_2(a, b)             \
	{                        \
		ARG_##a, ARG_##b \
	}
#define ARGS_3(a, b, c)                   \
	{                                 \
		ARG_##a, ARG_##b, ARG_##c \
	}
#define ARGS_4(a, b, c, d)                         \
	{                                          \
		ARG_##a, ARG_##b, ARG_##c, ARG_##d \
	}
#define ARGS_5(a, b, c, d, e)                               \
	{                                                   \
		ARG_##a, ARG_##b, ARG_##c, ARG_##d, ARG_##e \
	}

/* A pointer that the program passed. */
#define PTR(r) ((void *)(uintptr_t)(r))
/* -errno as r0 holds it. */
#define RET(x)		((uint64_t)(int64_t)(x))

#define ENOTSUPP_KERNEL 524 /* the kernel's ENOTSUPP, which user space has no name for */

/** The time of a clock in nanoseconds. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	helper_clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** getpid() of the thread that runs, without a system call where its process asked before. */
uint32_t task_tgid(struct skep_run *run);

/**
 * Reads n bytes at addr, which may be any number at all: 0, or -EFAULT with dst not specified.
 * The string variant stops behind the first NUL: its length with the NUL, at most n, of which
 * the last byte written is always NUL; 0 for n == 0.
 */
long probe_copy(struct skep_run *run, void *dst, uint64_t addr, size_t n);
long probe_string(struct skep_run *run, char *dst, uint64_t addr, size_t n);

/** Of a struct that is made as it is read: its n bytes from `off` on; false: it is shorter. */
static inline bool made_bytes(void *to, size_t n, const void *from, size_t size, uint64_t off)
{
	if (off > size || n > size - off)
		return false;
	memcpy(to, (const uint8_t *)from + off, n);
	return true;
}

/* format.c: the kernel's printf for programs. */
#define FORMAT_ARGS_MAX 12   /* MAX_BPRINTF_VARARGS */
#define FORMAT_LINE_MAX 1024 /* MAX_BPRINTF_BUF */

/* Where text goes: counts beyond the end, as snprintf. */
struct format_out {
	char *buf; /* size bytes; may be NULL where size is 0 */
	size_t size;
	size_t len; /* of the whole text */
};

/**
 * Formats fmt (NUL-terminated within fmt_size) with n raw arguments, terminates the text.
 *
 * @return 0 and out->len, or without a byte written -EINVAL for what bpf_bprintf_prepare refuses,
 *	   -ENOSPC where the arguments' strings exceed 512 bytes
 */
int format_text(struct skep_run *run, struct format_out *out, const char *fmt, size_t fmt_size,
		const uint64_t *args, uint32_t n);

/** Bytes; digits of v, at least `min` of them.  What has no room is only counted. */
void format_bytes(struct format_out *o, const char *s, size_t n);
void format_digits(struct format_out *o, uint64_t v, unsigned base, int min, bool upper);

/* The kernel's character classes: Latin-1, as lib/ctype.c. */
static inline bool char_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool char_is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

static inline bool char_is_alnum(unsigned char c)
{
	unsigned char low = c | 0x20;

	return char_is_digit(c) || (low >= 'a' && low <= 'z' && c < 0x80) ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static inline bool char_is_punct(unsigned char c)
{
	return c < 0x80 ? c > ' ' && c < 0x7f && !char_is_alnum(c) : c > 0xa0 && !char_is_alnum(c);
}

struct skb_ctx;
struct xdp_ctx;
/** The n bytes at off of the packet in *ret: 0, or -EFAULT where they are not the packet's... */
int skb_bytes(const struct skb_ctx *c, uint32_t off, uint32_t n, uint8_t **ret);
/** ...or -EINVAL where they could be a packet's. */
int xdp_bytes(const struct xdp_ctx *c, uint32_t off, uint32_t n, uint8_t **ret);

/** 32-bit ones' complement sum of n bytes on top of sum, not folded (csum_partial). */
uint32_t csum_bytes(const void *p, size_t n, uint32_t sum);
/** csum_block_sub, csum_block_add: takes the n bytes at p out of *sum, or puts them in, where the
 *  block stands at offset off of what is summed. */
void csum_take(uint32_t *sum, const void *p, size_t n, size_t off);
void csum_put(uint32_t *sum, const void *p, size_t n, size_t off);

#endif
