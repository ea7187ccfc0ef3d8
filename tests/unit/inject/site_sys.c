/* SPDX-License-Identifier: BSD-2-Clause */
/* Where jumps around system calls fit, and which calls these are. */
#include "base/alloc.h"
#include "inject/site.h"
#include "tests/harness/test.h"

#define AT	0x10000

#define ENDBR	0xf3, 0x0f, 0x1e, 0xfa
#define MOV_EAX 0xb8, 0x27, 0x01, 0x00, 0x00 /* mov $0x127,%eax */
#define SYSCALL 0x0f, 0x05
#define CMP	0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff /* cmp $-4095,%rax */
#define RET	0xc3
#define PUSHES	0x41, 0x54, 0x55, 0x53, 0x90 /* five bytes */

/* One system call: what it becomes. */
static const struct {
	const char *what;
	uint8_t text[32];
	uint8_t size;
	bool trap;
	bool around;		   /* it is moved... */
	uint8_t patch, lead, n;	   /* ...or the jump before it */
	uint8_t after, after_size; /* the jump behind it; 0: none */
	int32_t nr;
} rows[] = {
	{ "it stays",
	  { PUSHES, MOV_EAX, SYSCALL, CMP, RET },
	  19,
	  false,
	  false,
	  5,
	  5,
	  5,
	  12,
	  6,
	  0x127 },
	{ "a wrapper, whose first bytes others probe",
	  { MOV_EAX, SYSCALL, CMP, RET },
	  14,
	  false,
	  true,
	  5,
	  0,
	  8,
	  0,
	  0,
	  0x127 },
	{ "no room behind it",
	  { PUSHES, MOV_EAX, SYSCALL, RET, 0x55 },
	  13,
	  false,
	  true,
	  5,
	  5,
	  7,
	  0,
	  0,
	  0x127 },
	{ "no room before it: who returns here jumps over that",
	  { PUSHES, 0x31, 0xc0, 0x75, 0x00, SYSCALL, CMP, RET },
	  18,
	  false,
	  true,
	  9,
	  0,
	  8,
	  0,
	  0,
	  -1 },
	{ "a loop that has room with the system call's own bytes",
	  { PUSHES, 0x31, 0xff, 0x89, 0xd0, SYSCALL, 0xeb, 0xf8, RET },
	  14,
	  false,
	  true,
	  5,
	  4,
	  6,
	  0,
	  0,
	  -1 },
	{ "xor",
	  { PUSHES, 0x31, 0xc0, 0x66, 0x90, 0x90, SYSCALL, CMP, RET },
	  19,
	  false,
	  false,
	  5,
	  5,
	  5,
	  12,
	  6,
	  0 },
	{ "any number",
	  { PUSHES, 0x4c, 0x8b, 0x4c, 0x24, 0x08, SYSCALL, CMP, RET },
	  19,
	  false,
	  false,
	  5,
	  5,
	  5,
	  12,
	  6,
	  -1 },
	{ "a branch between the number and the call",
	  { 0xeb, 0x08, 0x90, 0x90, 0x90, MOV_EAX, 0x90, 0x90, 0x90, SYSCALL, CMP, RET },
	  22,
	  false,
	  true,
	  13,
	  0,
	  8,
	  0,
	  0,
	  -1 },
	{ "a branch to what is behind it",
	  { 0xeb, 0x0a, 0x90, 0x90, 0x90, MOV_EAX, SYSCALL, CMP, RET },
	  19,
	  false,
	  true,
	  5,
	  5,
	  7,
	  0,
	  0,
	  0x127 },
	{ "nothing fits", { PUSHES, 0x75, 0x00, SYSCALL, RET, 0x55 }, 10, true },
	{ "a table may lead anywhere",
	  { 0xff, 0xe0, 0x90, 0x90, 0x90, 0x31, 0xc0, 0x90, 0x90, 0x90, SYSCALL, 0x31, 0xd2, RET },
	  15,
	  true },
};

TEST(site_syscalls_by_what_is_around)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct func f = { .at = AT,
					.text = rows[i].text,
					.size = rows[i].size,
					.room = rows[i].size + 1 };
		struct sys_sites s = { 0 };
		unsigned int missed = 0;
		const struct site *b, *a;

		ASSERT_EQ(site_syscalls(&f, &s, &missed), 0);
		ASSERT_MSG(!missed && s.n == 1, "%s: %zu, %u", rows[i].what, s.n, missed);
		b = &s.at[0].before;
		a = &s.at[0].after;
		ASSERT_EQ(rows[i].text[b->at - AT], 0x0f);
		ASSERT_EQ(rows[i].text[b->at - AT + 1], 0x05);
		ASSERT_MSG(b->trap == rows[i].trap, "%s: %d", rows[i].what, b->trap);
		if (b->trap) {
			ASSERT(b->around && b->patch == b->at && b->size == SYSCALL_SIZE);
			ASSERT(site_bytes(b) == 1 && !a->size);
		} else {
			ASSERT_MSG(b->around == rows[i].around && b->patch - AT == rows[i].patch &&
					   b->lead == rows[i].lead && b->size == rows[i].n,
				   "%s: %d %llx %d %d", rows[i].what, b->around,
				   (unsigned long long)b->patch, b->lead, b->size);
			ASSERT_MSG(a->size == rows[i].after_size &&
					   (!a->size || a->patch - AT == rows[i].after),
				   "%s: behind it", rows[i].what);
			ASSERT_MSG(s.at[0].nr == rows[i].nr, "%s: %d", rows[i].what, s.at[0].nr);
		}
		vec_free(&s);
	}
}

TEST(site_syscalls_leave_each_other_alone)
{
	static const uint8_t text[] = { PUSHES,	 MOV_EAX, SYSCALL, MOV_EAX, SYSCALL,
					MOV_EAX, SYSCALL, CMP,	   RET };
	const struct func f = {
		.at = AT, .text = text, .size = sizeof(text), .room = sizeof(text)
	};
	struct sys_sites s = { 0 };
	unsigned int missed = 0;
	uint64_t end = 0;

	ASSERT_EQ(site_syscalls(&f, &s, &missed), 0);
	ASSERT_EQ(missed, 0);
	ASSERT_EQ(s.n, 3);
	vec_foreach (one, &s) {
		const struct site *last = one->after.size ? &one->after : &one->before;

		ASSERT(one->before.patch >= end);
		ASSERT(!one->after.size ||
		       one->after.patch >= one->before.patch + one->before.size);
		end = last->patch + last->size;
	}
	vec_free(&s);
}

/* musl's __unmapself; and one that does something else than to end then. */
TEST(site_syscalls_without_a_stack)
{
	static const uint8_t text[] = { 0xb8, 0x0b, 0,	  0, 0, 0x0f, 0x05, 0x48, 0x31,
					0xff, 0xb8, 0x3c, 0, 0, 0,    0x0f, 0x05 };
	uint8_t other[sizeof(text)];
	struct func f = { .at = AT, .text = text, .size = sizeof(text), .room = sizeof(text) };
	struct sys_sites s = { 0 };
	unsigned int missed = 0;
	const struct site *b;

	ASSERT_EQ(site_syscalls(&f, &s, &missed), 0);
	ASSERT_EQ(missed, 0);
	ASSERT_EQ(s.n, 1);
	ASSERT_EQ(s.at[0].nr, 11);
	ASSERT_EQ(s.at[0].last, 10);
	b = &s.at[0].before;
	ASSERT(b->trap && !b->around && !s.at[0].after.size);
	ASSERT_EQ(b->at, AT + 5);
	ASSERT_EQ(b->patch, AT + 5);
	ASSERT_EQ(b->size, SYSCALL_SIZE);
	vec_free(&s);

	memcpy(other, text, sizeof(other));
	other[11] = 0x27;
	f.text = other;
	ASSERT_EQ(site_syscalls(&f, &s, &missed), 0);
	ASSERT_EQ(missed, 2);
	ASSERT_EQ(s.n, 0);
	vec_free(&s);
}

TEST(site_syscalls_before_what_is_no_code)
{
	static const uint8_t text[] = { PUSHES, MOV_EAX, SYSCALL, CMP, RET, 0x06, 0x06 };
	const struct func f = {
		.at = AT, .text = text, .size = sizeof(text), .room = sizeof(text)
	};
	struct sys_sites s = { 0 };
	unsigned int missed = 0;

	ASSERT_EQ(site_syscalls(&f, &s, &missed), -EILSEQ);
	ASSERT_EQ(s.n, 1);
	vec_free(&s);
}

TEST(site_syscalls_out_of_memory)
{
	static const uint8_t text[] = { PUSHES, MOV_EAX, SYSCALL, CMP, RET };
	const struct func f = {
		.at = AT, .text = text, .size = sizeof(text), .room = sizeof(text)
	};

	for (unsigned n = 0;; n++) {
		struct sys_sites s = { 0 };
		unsigned int missed = 0;
		int err;
		bool failed;

		skep_alloc_fail_at(n);
		err = site_syscalls(&f, &s, &missed);
		failed = skep_alloc_failed();
		skep_alloc_fail_at(-1);
		ASSERT_EQ(err, failed ? -ENOMEM : 0);
		vec_free(&s);
		if (!failed)
			break;
	}
}
