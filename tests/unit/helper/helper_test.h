/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper_test.h - a run to call helpers in, without core: slots, an environment that records.
 */
#ifndef SKEP_TESTS_HELPER_TEST_H
#define SKEP_TESTS_HELPER_TEST_H

#include "helper/helper.h"
#include "map/map.h"
#include "prog/prog.h"
#include "tests/harness/test.h"

/* The run of the calling thread; its slot is held from the first call on, until test_run_end(). */
struct skep_run *test_run(void);
void test_run_end(void);
/* The last line that a helper traced, NUL-terminated; how many there were. */
extern char traced[2048];
extern int traced_lines;

/* Calls a helper by its number, through its row. */
#define CALL_PICK(id, a, b, c, d, e, ...) test_call(id, a, b, c, d, e)
#define CALL(id, ...)			  CALL_PICK(BPF_FUNC_##id, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
uint64_t test_call(uint32_t id, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
/* The same for a kfunc, by name. */
#define KCALL_PICK(name, a, b, c, d, e, ...) test_kfunc(name, a, b, c, d, e)
#define KCALL(name, ...)		     KCALL_PICK(#name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
uint64_t test_kfunc(const char *name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
#define P(x) ((uint64_t)(uintptr_t)(x))

/* An address that cannot be read, and a page's end behind which nothing is mapped. */
void *test_bad_address(void);
char *test_page_end(void);

#endif
