/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * case.h - one body, compiled for every engine.
 *
 * A case is a C file: `#define CASE_NAME x`, this header, and one `CASE { ... return u32; }`.
 * clang makes it a TC program; gcc makes it a native function in two flavours, scalar and default
 * (bench/meson.build).  All work on a `struct bench_data data` of their own that the harness fills
 * alike, and all must return the same.
 */
#ifndef SKEP_BENCH_CASE_H
#define SKEP_BENCH_CASE_H

#define WORDS 1024
#define BYTES 8192

#ifdef __bpf__
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

/* What a case works on: not static, so that no compiler may guess the contents. */
struct bench_data {
	u64 w[WORDS];
	u8 b[BYTES];
};

/* A native case as the harness finds it: symbol NAME_FLAVOUR. */
struct bench_native {
	u32 (*fn)(void);
	struct bench_data *data;
};

/* A function of its own, called and not inlined. */
#define SUBPROG __attribute__((noinline)) static

/* Hides a value's origin from the compiler. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

#ifdef __bpf__

struct bench_data data SEC(".data");

#define CASE                                   \
	char LICENSE[] SEC("license") = "GPL"; \
	SEC("tc") int body(struct __sk_buff *skb)

#elif defined(CASE_NAME)

#define CASE_PASTE(name, flavour)  name##_##flavour
#define CASE_SYMBOL(name, flavour) CASE_PASTE(name, flavour)
#define data			   CASE_SYMBOL(data, CASE_SYMBOL(CASE_NAME, FLAVOUR))

struct bench_data data = { .w = { 1 } };

#define CASE                                                                         \
	static u32 body(void);                                                       \
	extern const struct bench_native CASE_SYMBOL(CASE_NAME, FLAVOUR);            \
	const struct bench_native CASE_SYMBOL(CASE_NAME, FLAVOUR) = { body, &data }; \
	static u32 body(void)

#endif

#ifdef CASE_NAME

static inline __attribute__((always_inline)) u32 rol32(u32 x, u32 n)
{
	return x << n | x >> (32 - n);
}

static inline __attribute__((always_inline)) u64 rol64(u64 x, u32 n)
{
	return x << n | x >> (64 - n);
}

#endif

#endif
