/* SPDX-License-Identifier: BSD-2-Clause */
/* Where jumps fit, and where they do not. */
#include "inject/site.h"
#include "tests/harness/test.h"

#define AT 0x10000

/* A function of `size` bytes and what lies behind it. */
struct bytes_of {
	size_t size;
	uint8_t text[32];
};

static struct func func(const struct bytes_of *b)
{
	return (struct func){ .at = AT, .text = b->text, .size = b->size, .room = sizeof(b->text) };
}

TEST(site_is_whole_instructions)
{
	/* push %rbp; mov %rsp,%rbp; sub $16,%rsp; leave; ret */
	static const struct bytes_of b = {
		10, { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0xc9, 0xc3, 0x90 }
	};
	const struct func f = func(&b);
	struct site s;

	ASSERT_EQ(site_at(&f, 0, &s, NULL), 0);
	ASSERT_EQ(s.at, AT);
	ASSERT_EQ(s.patch, AT);
	ASSERT_EQ(s.lead, 0);
	ASSERT_EQ(s.size, 8);
	ASSERT_MEMEQ(s.text, b.text, 8);
	ASSERT_EQ(site_at(&f, 4, &s, NULL), 0);
	ASSERT_EQ(s.patch, AT + 4);
	ASSERT_EQ(s.size, 5);
	ASSERT_EQ(site_at(&f, 2, &s, NULL), -EINVAL);
	ASSERT_EQ(site_at(&f, 10, &s, NULL), -EINVAL);
}

TEST(site_refuses)
{
	static const struct {
		const char *what;
		int err;
		size_t off;
		struct bytes_of b;
	} rows[] = {
		{ "too short, another function behind it",
		  -EOPNOTSUPP,
		  0,
		  { 3, { 0x31, 0xc0, 0xc3, 0x55, 0x48, 0x89, 0xe5 } } },
		{ "a loop into it",
		  -EOPNOTSUPP,
		  0,
		  { 8, { 0x90, 0x48, 0xff, 0xc8, 0x90, 0x75, 0xfa, 0xc3 } } },
		{ "no instruction",
		  -EILSEQ,
		  0,
		  { 8, { 0x90, 0x90, 0x90, 0x90, 0x90, 0x06, 0xc3 } } },
		{ "the last one is cut",
		  -EILSEQ,
		  0,
		  { 6, { 0x90, 0x90, 0x90, 0x90, 0x90, 0x48 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct func f = func(&rows[i].b);
		struct skep_diag d = { 0 };
		struct site s;

		ASSERT_MSG(site_at(&f, rows[i].off, &s, &d) == rows[i].err, "%s: %d", rows[i].what,
			   d.err);
		ASSERT(d.msg[0]);
	}
}

/* The same places with an int3: one byte of one instruction. */
TEST(site_trap_fits_where_no_jump_does)
{
	static const struct bytes_of shorts = { 3, { 0x31, 0xc0, 0xc3, 0x55, 0x48, 0x89, 0xe5 } };
	static const struct bytes_of none = { 8, { 0x90, 0x90, 0x90, 0x90, 0x90, 0x06, 0xc3 } };
	const struct func f = func(&shorts), g = func(&none);
	struct sites returns = { 0 };
	struct site s;

	ASSERT_EQ(site_trap(&f, 0, &s, NULL), 0);
	ASSERT(s.trap && s.at == AT && s.patch == AT && !s.lead && s.size == 2);
	ASSERT_EQ(site_bytes(&s), 1);
	ASSERT_MEMEQ(s.text, shorts.text, 2);
	ASSERT_EQ(site_trap(&f, 1, &s, NULL), -EINVAL);
	/* What is behind it may be anything. */
	ASSERT_EQ(site_trap(&g, 4, &s, NULL), 0);
	ASSERT(s.trap && s.at == AT + 4 && s.size == 1);
	ASSERT_EQ(site_trap(&g, 5, &s, NULL), -EILSEQ);
	ASSERT_EQ(site_trap(&g, 6, &s, NULL), -EILSEQ);
	ASSERT_EQ(site_returns(&f, &returns, NULL), -EOPNOTSUPP);
	ASSERT_EQ(site_return_traps(&f, &returns, NULL), 0);
	ASSERT(returns.n == 1 && returns.at[0].at == AT + 2 && returns.at[0].size == 1);
	vec_free(&returns);
}

/* The instruction alone, wherever in the jump's text it is. */
TEST(site_narrow_is_one_instruction)
{
	/* push %rbp; mov %rsp,%rbp; sub $16,%rsp; leave; ret; nop */
	static const struct bytes_of b = {
		10, { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0xc9, 0xc3, 0x90 }
	};
	const struct func f = func(&b);
	struct site begin, narrow, call = { .at = AT + 8, .patch = AT + 3, .lead = 5, .size = 5 };
	struct sites returns = { 0 };

	ASSERT_EQ(site_at(&f, 0, &begin, NULL), 0);
	ASSERT_EQ(site_narrow(&begin, &narrow), 0);
	ASSERT(narrow.trap && narrow.at == AT && narrow.patch == AT && narrow.size == 1);
	ASSERT_EQ(narrow.text[0], 0x55);
	ASSERT_EQ(site_narrow(&narrow, &narrow), -EBUSY);
	ASSERT_EQ(site_returns(&f, &returns, NULL), 0);
	ASSERT(returns.at[0].lead > 0);
	ASSERT_EQ(site_narrow(&returns.at[0], &narrow), 0);
	ASSERT(narrow.at == AT + 9 && narrow.patch == AT + 9 && narrow.size == 1);
	ASSERT_EQ(narrow.text[0], 0xc3);
	/* Before a system call, which stays behind the jump. */
	ASSERT_EQ(site_narrow(&call, &narrow), 0);
	ASSERT(narrow.at == AT + 8 && narrow.size == 2 && !narrow.around);
	ASSERT(narrow.text[0] == 0x0f && narrow.text[1] == 0x05);
	call = (struct site){ .at = AT,
			      .patch = AT,
			      .size = 5,
			      .around = true,
			      .text = { 0x0f, 0x05, 0xc3, 0x90, 0x90 } };
	ASSERT_EQ(site_narrow(&call, &narrow), 0);
	ASSERT(narrow.around && narrow.size == 2);
	vec_free(&returns);
}

TEST(site_padding_behind_a_function_is_room)
{
	/* xor %eax,%eax; ret; nopl */
	static const struct bytes_of b = { 3, { 0x31, 0xc0, 0xc3, 0x0f, 0x1f, 0x00, 0x55 } };
	const struct func f = func(&b);
	struct site s;

	ASSERT_EQ(site_at(&f, 0, &s, NULL), 0);
	ASSERT_EQ(s.size, 6);
}

/* A loop to the first instruction itself is no intruder: it passes the probe again, as by a trap.
 */
TEST(site_loop_to_the_site)
{
	static const struct bytes_of b = { 7, { 0x48, 0xff, 0xc8, 0x90, 0x75, 0xfa, 0xc3 } };
	const struct func f = func(&b);
	struct site s;

	ASSERT_EQ(site_at(&f, 0, &s, NULL), 0);
}

TEST(site_returns_are_all_found)
{
	/* test; je +7; mov $1,%eax; pop %rbx; ret; xor %eax,%eax; pop %rbx; pop %rbp; ret; padding
	 */
	static const struct bytes_of b = { 16, { 0x85, 0xff, 0x74, 0x07, 0xb8, 1,    0,
						 0,    0,    0x5b, 0xc3, 0x31, 0xc0, 0x5b,
						 0x5d, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0x55 } };
	const struct func f = func(&b);
	struct sites s = { 0 };

	ASSERT_EQ(site_returns(&f, &s, NULL), 0);
	ASSERT_EQ(s.n, 2);
	ASSERT_EQ(s.at[0].at, AT + 10);
	ASSERT_EQ(s.at[0].patch, AT + 4); /* mov, pop, ret */
	ASSERT_EQ(s.at[0].lead, 6);
	ASSERT_EQ(s.at[0].size, 7);
	ASSERT_EQ(s.at[1].at, AT + 15);
	ASSERT_EQ(s.at[1].patch, AT + 15); /* ret, and padding */
	ASSERT_EQ(s.at[1].size, 5);
	vec_free(&s);
}

TEST(site_returns_that_have_no_room)
{
	static const struct {
		const char *what;
		int err;
		struct bytes_of b;
	} rows[] = {
		{ "no return", -ENOENT, { 3, { 0x90, 0xeb, 0xfd, 0x55 } } },
		{ "a jump to another",
		  -EOPNOTSUPP,
		  { 8, { 0x90, 0x90, 0xe9, 0, 0, 0, 0, 0xc3, 0x55 } } },
		/* jne to the return, between the pops */
		{ "a branch to the pops",
		  -EOPNOTSUPP,
		  { 9, { 0x85, 0xff, 0x75, 0x02, 0x31, 0xc0, 0x5b, 0x5d, 0xc3, 0x55 } } },
		{ "a call before it", -EOPNOTSUPP, { 6, { 0xe8, 0, 0, 0, 0, 0xc3, 0x55 } } },
		{ "a table may lead to the pops",
		  -EOPNOTSUPP,
		  { 10, { 0xff, 0xe0, 0x31, 0xc0, 0x31, 0xd2, 0x5b, 0x5d, 0x5e, 0xc3, 0x55 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct func f = func(&rows[i].b);
		struct skep_diag d = { 0 };
		struct sites s = { 0 };

		ASSERT_MSG(site_returns(&f, &s, &d) == rows[i].err, "%s: %d", rows[i].what, d.err);
		ASSERT_EQ(s.n, 0);
		ASSERT(d.msg[0]);
		vec_free(&s);
	}
}

TEST(site_without_memory)
{
	static const struct bytes_of b = { 10,
					   { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0xc9,
					     0xc3, 0xcc, 0xcc, 0xcc, 0xcc } };
	const struct func f = func(&b);
	int err = -ENOMEM;
	long n = 0;

	for (n = 1; err; n++) {
		struct sites s = { 0 };

		skep_alloc_fail_at(n);
		err = site_returns(&f, &s, NULL);
		ASSERT_EQ(err, skep_alloc_failed() ? -ENOMEM : 0);
		vec_free(&s);
	}
	skep_alloc_fail_at(0);
	ASSERT_GT(n, 3);
}
