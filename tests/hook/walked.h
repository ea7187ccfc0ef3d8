/* SPDX-License-Identifier: BSD-2-Clause */
/* walked.h - ways that lead to mark(). */
#ifndef TESTS_HOOK_WALKED_H
#define TESTS_HOOK_WALKED_H

#ifdef __cplusplus
extern "C" {
#endif

typedef long (*way_fn)(long n);

/* Says by which ways it was come to, as the compiler's own library sees them: see walked.c. */
long mark(long n);
/* Calls it as an exception passes, and where it is caught (walked_cc.cc). */
long by_exception(long n);
/* Of a library that comes later (walked_lib.c). */
long by_library(way_fn fn, long n);

#ifdef __cplusplus
}
#endif
#endif
