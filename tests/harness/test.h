/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test.h - the test harness: TEST(name) { ... } registers itself; every test runs in a process of
 * its own with a time limit; output is TAP.
 *
 *	TEST(hash_full_map_gives_e2big)
 *	{
 *		ASSERT_EQ(map_sys_update(m, &k, &v, BPF_ANY), -E2BIG);
 *	}
 *
 * Run one: ./binary NAME...; --list names them; --no-fork stays in one process (for gdb).
 */
#ifndef SKEP_TESTS_TEST_H
#define SKEP_TESTS_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*fn)(void);
	unsigned seconds; /* time limit */
	struct test_case *next;
};

void test_register(struct test_case *t);

#define TEST_LIMIT(ident, limit)                                                   \
	static void test_##ident(void);                                            \
	__attribute__((constructor)) static void register_##ident(void)            \
	{                                                                          \
		static struct test_case t = { #ident, test_##ident, limit, NULL }; \
		test_register(&t);                                                 \
	}                                                                          \
	static void test_##ident(void)
#define TEST(ident) TEST_LIMIT(ident, 60)

/** Registers a case at run time (one per data file): fn(arg). Call from a constructor or TEST_MAIN
 * hook. */
void test_register_arg(const char *name, void (*fn)(void *arg), void *arg, unsigned seconds);

/** Ends the test as failed, or as skipped with its reason printed. */
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Skips the case where a sanitizer has taken the addresses that it maps something at. */
static inline void test_needs_addresses(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	test_skip("ThreadSanitizer takes the addresses that this needs");
#endif
#endif
}

/** A folder or file of the source tree, from SKEP_SOURCE_ROOT or the build's own knowledge. */
const char *test_source_path(const char *relative);
/** The same in the build tree. */
const char *test_build_path(const char *relative);

#define ASSERT(cond)                                                \
	do {                                                        \
		if (!(cond))                                        \
			test_fail(__FILE__, __LINE__, "%s", #cond); \
	} while (0)
#define ASSERT_MSG(cond, ...)                                       \
	do {                                                        \
		if (!(cond))                                        \
			test_fail(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)
#define ASSERT_CMP(a, op, b)                                                                    \
	do {                                                                                    \
		long long _a = (long long)(a), _b = (long long)(b);                             \
		if (!(_a op _b))                                                                \
			test_fail(__FILE__, __LINE__,                                           \
				  "%s " #op " %s: %lld (0x%llx) and %lld (0x%llx)", #a, #b, _a, \
				  _a, _b, _b);                                                  \
	} while (0)
#define ASSERT_EQ(a, b) ASSERT_CMP(a, ==, b)
#define ASSERT_NE(a, b) ASSERT_CMP(a, !=, b)
#define ASSERT_GT(a, b) ASSERT_CMP(a, >, b)
#define ASSERT_GE(a, b) ASSERT_CMP(a, >=, b)
#define ASSERT_LT(a, b) ASSERT_CMP(a, <, b)
#define ASSERT_LE(a, b) ASSERT_CMP(a, <=, b)
#define ASSERT_STREQ(a, b)                                                                     \
	do {                                                                                   \
		const char *_a = (a), *_b = (b);                                               \
		if (!_a || !_b || strcmp(_a, _b))                                              \
			test_fail(__FILE__, __LINE__, "%s == %s:\n  \"%s\"\n  \"%s\"", #a, #b, \
				  _a ? _a : "(null)", _b ? _b : "(null)");                     \
	} while (0)
#define ASSERT_STRHAS(hay, needle)                                                    \
	do {                                                                          \
		const char *_a = (hay), *_b = (needle);                               \
		if (!_a || !strstr(_a, _b))                                           \
			test_fail(__FILE__, __LINE__, "%s has \"%s\":\n%s", #hay, _b, \
				  _a ? _a : "(null)");                                \
	} while (0)
#define ASSERT_MEMEQ(a, b, n)                                                      \
	do {                                                                       \
		if (memcmp(a, b, n))                                               \
			test_fail(__FILE__, __LINE__, "%s and %s differ", #a, #b); \
	} while (0)

#endif
