/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/diag.h"
#include "tests/harness/test.h"

TEST(diag_first_cause_wins)
{
	struct skep_diag d = { 0 };
	char buf[512];

	ASSERT_EQ(diag_set(&d, -EINVAL, SKEP_AT_INSN, 12, "bad register r%d", 11), -EINVAL);
	diag_hint(&d, "registers are r0 to r10");
	ASSERT_EQ(diag_set(&d, -ENOMEM, SKEP_AT_NONE, 0, "later"), -ENOMEM);
	diag_hint(&d, "later");
	diag_format(&d, buf, sizeof(buf));
	ASSERT_STREQ(buf, "insn 12: bad register r11 (registers are r0 to r10)");
}

TEST(diag_null_passes_the_error_through)
{
	ASSERT_EQ(diag_set(NULL, -EPERM, SKEP_AT_NONE, 0, "x"), -EPERM);
	diag_hint(NULL, "x");
}
