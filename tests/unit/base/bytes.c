/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"
#include "base/strbuf.h"
#include "tests/harness/test.h"

TEST(bytes_at_checks_without_overflow)
{
	struct bytes b = { (const uint8_t *)"abc", 3 };

	ASSERT(bytes_at(b, 0, 3) && bytes_at(b, 3, 0));
	ASSERT(!bytes_at(b, 1, 3) && !bytes_at(b, 4, 0));
	ASSERT(!bytes_at(b, SIZE_MAX, 2) && !bytes_at(b, 1, SIZE_MAX));
	ASSERT(!bytes_str(b, 0));
}

TEST(strbuf_truncates_and_counts)
{
	char buf[8];
	struct strbuf s = { buf, sizeof(buf), 0 };

	strbuf_add(&s, "%s", "hello");
	ASSERT(!strbuf_truncated(&s));
	strbuf_add(&s, " %s", "world");
	ASSERT(strbuf_truncated(&s));
	ASSERT_STREQ(buf, "hello w");
	ASSERT_EQ(s.len, 11);
}
