/* SPDX-License-Identifier: BSD-2-Clause */
/* proc.c - what /proc says of tasks */
#include "base/proc.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <unistd.h>

static int64_t field(const char *text, int n)
{
	return proc_stat_field(text, (long)strlen(text), n);
}

TEST(fields_are_counted_behind_the_name)
{
	static const char stat[] = "7 (a) b) (c 9 (8) R 11 12 -1 18446744073709551615 0 16\n";

	ASSERT_EQ(field(stat, 4), 11);
	ASSERT_EQ(field(stat, 5), 12);
	ASSERT_EQ(field(stat, 8), 0);
	ASSERT_EQ(field(stat, 9), 16);
	ASSERT_EQ(field(stat, 10), -1);
	ASSERT_EQ(field(stat, 51), -1);
}

TEST(a_number_that_is_cut_off_is_none)
{
	ASSERT_EQ(field("7 (a) R 11 12", 4), 11);
	ASSERT_EQ(field("7 (a) R 11 12", 5), -1);
	ASSERT_EQ(field("7 (a) R 11 ", 5), -1);
	ASSERT_EQ(field("7 (a", 4), -1);
	ASSERT_EQ(field("", 4), -1);
	ASSERT_EQ(proc_stat_field(NULL, -ENOENT, 4), -1);
}

TEST(a_file_of_proc_is_read)
{
	char text[1024], few[4];
	const long n = proc_read("/proc/self/stat", text, sizeof(text));

	ASSERT_GT(n, 0);
	ASSERT_LT(n, (long)sizeof(text));
	ASSERT_EQ(proc_stat_field(text, n, 4), getppid());
	ASSERT_EQ(proc_read("/proc/self/stat", few, sizeof(few)), sizeof(few));
	ASSERT_EQ(proc_read("/proc/self/nothing", few, sizeof(few)), -ENOENT);
}
