/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/vec.h"
#include "tests/harness/test.h"

TEST(alloc_is_zeroed_and_checked)
{
	_cleanup_(skep_free_p) uint8_t *p = skep_alloc(4096);
	volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler would warn */

	ASSERT(p);
	for (int i = 0; i < 4096; i++)
		ASSERT_EQ(p[i], 0);
	ASSERT(!skep_realloc_array(p, huge, 4));
}

TEST(alloc_fails_where_told)
{
	void *p, *q;

	skep_alloc_fail_at(2);
	p = skep_alloc(1);
	ASSERT(p && !skep_alloc_failed());
	ASSERT(!skep_alloc(1) && skep_alloc_failed());
	q = skep_alloc(1);
	ASSERT(q);
	skep_free(p);
	skep_free(q);
}

TEST(vec_grows_and_survives_failure)
{
	struct {
		VEC(int);
	} v = { 0 };

	for (int i = 0; i < 100; i++)
		*vec_push(&v) = i;
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(v.at[i], i);
	skep_alloc_fail_at(1);
	while (v.n < v.cap)
		ASSERT(vec_push(&v));
	ASSERT(!vec_push(&v));
	ASSERT_EQ(v.at[99], 99);
	vec_free(&v);
}
