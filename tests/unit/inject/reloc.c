/* SPDX-License-Identifier: BSD-2-Clause */
/* Relocated instructions do what the original ones do. */
#include "inject/reloc.h"
#include "tests/harness/test.h"
#include "tests/unit/inject/child.h"

#include <sys/mman.h>

/* Data and functions that the cases refer to. */
__asm__(".pushsection .data\n"
	"reloc_word: .quad 0x1122334455667788\n"
	"reloc_ptr: .quad reloc_where\n"
	".popsection\n"
	".pushsection .text\n"
	"reloc_where: mov (%rsp), %rax; ret\n" /* where it was called from */
	"reloc_twice: lea (%rdi,%rdi), %rax; ret\n"
	".popsection\n");

/* Each takes two numbers and returns one; its first instructions are moved, the others stay. */
#define CASES(X)                                                                                   \
	X(plain, "mov %rdi, %rax; add %rsi, %rax; ret")                                            \
	X(frame, "push %rbp; mov %rsp, %rbp; lea 1(%rdi), %rax; pop %rbp; ret")                    \
	X(load, "mov reloc_word(%rip), %rax; xor %rdi, %rax; ret")                                 \
	X(load_imm, "xor %eax, %eax; cmpl $0x55667788, reloc_word(%rip); sete %al; ret")           \
	X(load_imm8, "xor %eax, %eax; cmpb $0x12, reloc_word(%rip); seta %al; ret")                \
	X(address, "lea reloc_word(%rip), %rax; ret")                                              \
	X(vector, "movq reloc_word(%rip), %xmm1; movq %xmm1, %rax; ret")                           \
	X(jump, "jmp 1f; ud2; ud2; ud2; 1: lea 7(%rdi), %rax; ret")                                \
	X(jump_far, "jmp reloc_twice; nop; nop")                                                   \
	X(jump_table, "lea reloc_twice(%rip), %rax; jmp *%rax")                                    \
	X(branch, "cmp %rsi, %rdi; jb 1f; mov %rdi, %rax; ret; nop; 1: mov %rsi, %rax; ret")       \
	X(branch_sign, "test %rdi, %rdi; js 1f; mov $1, %eax; ret; 1: mov $2, %eax; ret")          \
	X(branch_far, "test %edi, %edi; mov $5, %eax; {disp32} jne reloc_twice; nop; nop; ret")    \
	X(call, "call reloc_twice; inc %rax; ret")                                                 \
	X(call_from, "call reloc_where; nop; ret")                                                 \
	X(call_late, "push %rbx; mov %rdi, %rbx; call reloc_twice; add %rbx, %rax; pop %rbx; ret") \
	X(call_ptr, "sub $8, %rsp; call *reloc_ptr(%rip); add $8, %rsp; ret")                      \
	X(call_reg, "lea reloc_where(%rip), %r11; call *%r11; ret")                                \
	X(call_reg8, "lea reloc_twice(%rip), %r8; push %r8; call *%r8; pop %rdx; ret")             \
	X(endbr, "endbr64; mov %esi, %eax; ret")                                                   \
	X(prefix, "lock incq reloc_word(%rip); lock decq reloc_word(%rip); mov %rdi, %rax; ret")

#define DEFINE(name, body)                 \
	ASM_FUNC(reloc_case_##name, body); \
	FUNC(reloc_case_##name);
CASES(DEFINE)

static const struct {
	const char *name;
	const uint8_t *at, *end;
} cases[] = {
#define ROW(name, body) { #name, reloc_case_##name, reloc_case_##name##_end },
	CASES(ROW)
};

typedef uint64_t (*case_fn)(uint64_t a, uint64_t b);

/* Writable and executable, near enough for what the cases refer to, yet out of reach of rel8. */
static uint8_t *near_page(void)
{
	for (uintptr_t at = (uintptr_t)reloc_case_plain & ~UINT64_C(4095);; at -= 1 << 20) {
		void *p = mmap((void *)at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (p == (void *)at)
			return p;
		if (p != MAP_FAILED)
			munmap(p, 4096);
	}
}

/* As a stub has it: the copy, and a jump to what follows the original. */
static case_fn copy_of(uint8_t *to, const uint8_t *at, const uint8_t *end, size_t least)
{
	struct skep_diag d = { 0 };
	struct reloc r;
	int32_t rel;
	const int err = reloc_insns(&r, at, (size_t)(end - at), (uintptr_t)at, (uintptr_t)to, least,
				    JUMP_SIZE, &d);

	if (err)
		return NULL;
	ASSERT_GE(r.covered, least);
	memcpy(to, r.code, r.size);
	rel = (int32_t)(at + r.covered - (to + r.size + 5));
	to[r.size] = 0xe9;
	memcpy(to + r.size + 1, &rel, 4);
	return (case_fn)(uintptr_t)to;
}

TEST(reloc_copies_do_the_same)
{
	static const uint64_t values[] = { 0, 1, 2, 5, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63 };
	uint8_t *to = near_page();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const case_fn original = (case_fn)(uintptr_t)cases[i].at;
		const case_fn copy = copy_of(to, cases[i].at, cases[i].end, JUMP_SIZE);

		ASSERT_MSG(copy, "%s", cases[i].name);
		for (size_t a = 0; a < ARRAY_SIZE(values); a++)
			for (size_t b = 0; b < ARRAY_SIZE(values); b++)
				ASSERT_MSG(original(values[a], values[b]) ==
						   copy(values[a], values[b]),
					   "%s(%" PRIx64 ", %" PRIx64 "): %" PRIx64
					   ", the copy %" PRIx64,
					   cases[i].name, values[a], values[b],
					   original(values[a], values[b]),
					   copy(values[a], values[b]));
	}
}

TEST(reloc_says_where_each_instruction_went)
{
	/* push %rbp; je +0x10; nop; mov %rsp,%rbp */
	static const uint8_t text[] = { 0x55, 0x74, 0x10, 0x90, 0x48, 0x89, 0xe5 };
	static const struct reloc_step want[] = {
		{ 0, 0 }, { 1, 1 }, { 3, 7 }, { 4, 8 }, { 7, 11 }
	};
	struct reloc r;

	ASSERT_EQ(reloc_insns(&r, text, sizeof(text), 0x1000, 0x2000, 5, 5, NULL), 0);
	ASSERT_EQ(r.n, 4);
	ASSERT_EQ(r.covered, 7);
	ASSERT_EQ(r.size, 11);
	ASSERT_MEMEQ(r.step, want, sizeof(want));
}

TEST(reloc_refuses)
{
	static const struct {
		const char *what;
		int err;
		uint64_t place;
		uint8_t text[16];
	} rows[] = {
		{ "loop", -EOPNOTSUPP, 1, { 0x90, 0xe2, 0x10, 0x90, 0x90 } },
		{ "jrcxz", -EOPNOTSUPP, 0, { 0xe3, 0x10, 0x90, 0x90, 0x90 } },
		{ "xbegin", -EOPNOTSUPP, 0, { 0xc7, 0xf8, 0, 0, 0, 0 } },
		{ "load by %eip", -EOPNOTSUPP, 0, { 0x67, 0x8b, 0x05, 0, 0, 0, 0 } },
		{ "branch into it", -EOPNOTSUPP, 2, { 0x90, 0x90, 0x75, 0xfd, 0x90 } },
		{ "branch behind itself", -EOPNOTSUPP, 0, { 0x75, 0x01, 0x90, 0x90, 0x90 } },
		{ "call that returns into it", -EOPNOTSUPP, 0, { 0xff, 0xd0, 0x90, 0x90, 0x90 } },
		{ "call *%rsp", -EOPNOTSUPP, 3, { 0x90, 0x90, 0x90, 0xff, 0xd4 } },
		{ "call *8(%rsp)", -EOPNOTSUPP, 1, { 0x90, 0xff, 0x54, 0x24, 0x08 } },
		{ "no instruction", -EILSEQ, 1, { 0x90, 0x06, 0x06, 0x06, 0x06 } },
		{ "load from afar", -ERANGE, 0, { 0x48, 0x8b, 0x05, 0, 0, 0, 0 } },
		{ "call of afar", -ERANGE, 0, { 0xe8, 0, 0, 0, 0 } },
		{ "jump to afar", -ERANGE, 0, { 0xe9, 0, 0, 0, 0 } },
		{ "branch to afar", -ERANGE, 1, { 0x90, 0x75, 0x10, 0x90, 0x90 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint64_t to = rows[i].err == -ERANGE ? UINT64_C(3) << 30 : 0x20000;
		struct skep_diag d = { 0 };
		struct reloc r;

		ASSERT_MSG(reloc_insns(&r, rows[i].text, 16, 0x10000, to, 5, 5, &d) == rows[i].err,
			   "%s: %d: %s", rows[i].what, d.err, d.msg);
		ASSERT_EQ(d.index, rows[i].place);
	}
}

TEST(reloc_ends_with_the_text)
{
	static const uint8_t nops[] = { 0x90, 0x90, 0x90 };
	struct reloc r;

	ASSERT_EQ(reloc_insns(&r, nops, sizeof(nops), 0, 64, 5, 5, NULL), -EILSEQ);
}
