/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - disassembler and assembler: Linux's text, and that neither loses anything. */
#include "base/alloc.h"
#include "isa/isa.h"
#include "tests/harness/test.h"

#include <ctype.h>

static const char *text_of(const struct bpf_insn *insn, const struct isa_names *names)
{
	static char buf[256];
	struct strbuf s = { buf, sizeof(buf), 0 };

	isa_disasm(&s, insn, names);
	ASSERT(!strbuf_truncated(&s));
	return buf;
}

/* Assembles text, which must be right; the caller frees. */
static struct bpf_insn *assemble(const char *text, uint32_t *ret_cnt)
{
	struct bpf_insn *insns;
	struct skep_diag diag = { 0 };

	ASSERT_MSG(!isa_asm(text, strlen(text), NULL, &insns, ret_cnt, &diag), "%s: %s", text,
		   diag.msg);
	return insns;
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift: the same numbers in every run */
static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int32_t random_s32(void)
{
	static const int32_t edges[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 255, 0x10000 };
	uint64_t r = random_u64();

	return r % 4 ? (int32_t)(r >> 32) : edges[(r >> 8) % ARRAY_SIZE(edges)];
}

static int16_t random_s16(void)
{
	static const int16_t edges[] = { 0, 1, -1, INT16_MAX, INT16_MIN };
	uint64_t r = random_u64();

	return r % 4 ? (int16_t)(r >> 32) : edges[(r >> 8) % ARRAY_SIZE(edges)];
}

static void random_insn(const struct insn_desc *d, struct bpf_insn insn[2])
{
	memset(insn, 0, 2 * sizeof(*insn));
	insn->code = d->code;
	if (d->dst != USE_NO)
		insn->dst_reg = random_u64() % 11;
	if (d->src == USE_KEY)
		insn->src_reg = (unsigned)d->key & 15;
	else if (d->src != USE_NO)
		insn->src_reg = random_u64() % 11;
	if (d->off == USE_KEY)
		insn->off = (int16_t)d->key;
	else if (d->off != USE_NO)
		insn->off = random_s16();
	if (d->imm == USE_KEY)
		insn->imm = d->key;
	else if (d->imm != USE_NO)
		insn->imm = random_s32();
	if (d->imm == USE_IMM64 || d->imm == USE_TWO)
		insn[1].imm = random_s32();
}

TEST(bytes_to_text_to_bytes_on_every_row)
{
	for (int op = 1; op < _INSN_MAX; op++) {
		const struct insn_desc *d = insn_desc(op);
		uint32_t slots = insn_is_double(d) ? 2 : 1;

		for (int n = 0; n < 300; n++) {
			struct bpf_insn insn[2], *back;
			const char *text;
			char copy[256];
			uint32_t cnt;

			random_insn(d, insn);
			text = text_of(insn, NULL);
			back = assemble(text, &cnt);
			ASSERT_EQ(cnt, slots);
			ASSERT_MSG(!memcmp(back, insn, slots * sizeof(*insn)), "%s: %s", d->name,
				   text);
			snprintf(copy, sizeof(copy), "%s", text);
			ASSERT_STREQ(text_of(back, NULL), copy);
			skep_free(back);
			/* without "(b7)"; a 64-bit immediate then needs its "ll" */
			if (op == INSN_LD_IMM64)
				strcat(copy, " ll");
			back = assemble(copy + 5, &cnt);
			ASSERT_MSG(cnt == slots && !memcmp(back, insn, slots * sizeof(*insn)),
				   "%s: %s", d->name, copy + 5);
			skep_free(back);
		}
	}
}

/* Any white space, or none where words do not run together. */
TEST(white_space_is_free)
{
	for (int op = 1; op < _INSN_MAX; op++) {
		struct bpf_insn insn[2], *back;
		char tight[256], wide[512];
		size_t t = 0, w = 0;
		uint32_t cnt;
		const char *p;

		random_insn(insn_desc(op), insn);
		for (p = text_of(insn, NULL); *p; p++) {
			bool words = isalnum((unsigned char)p[1]) && t &&
				     isalnum((unsigned char)tight[t - 1]);

			if (*p != ' ' || words)
				tight[t++] = *p;
			w += (size_t)sprintf(wide + w, *p == ' ' ? " \t " : "%c", *p);
		}
		tight[t] = '\0';
		back = assemble(tight, &cnt);
		ASSERT_MSG(!memcmp(back, insn, cnt * sizeof(*insn)), "%s", tight);
		skep_free(back);
		back = assemble(wide, &cnt);
		ASSERT_MSG(!memcmp(back, insn, cnt * sizeof(*insn)), "%s", wide);
		skep_free(back);
	}
}

/* The template of a row and its columns speak of the same fields. */
TEST(templates_show_every_used_field)
{
	for (int op = 1; op < _INSN_MAX; op++) {
		const struct insn_desc *d = insn_desc(op);
		bool off =
			strpbrk(d->text, "oj") && (strstr(d->text, "%o") || strstr(d->text, "%j"));
		bool imm = false;

		for (const char *p = strchr(d->text, '%'); p; p = strchr(p + 2, '%'))
			imm |= strchr("ixuULqlfpck", p[1]) != NULL;
		ASSERT_MSG(!!strstr(d->text, "%d") == (d->dst != USE_NO), "%s", d->name);
		ASSERT_MSG(!!strstr(d->text, "%s") == (d->src != USE_NO && d->src != USE_KEY), "%s",
			   d->name);
		ASSERT_MSG(off == (d->off == USE_MEM || d->off == USE_JMP), "%s", d->name);
		ASSERT_MSG(imm == (d->imm != USE_NO && d->imm != USE_KEY), "%s", d->name);
		ASSERT_MSG(!!strstr(d->text, "%n") == (d->imm == USE_TWO), "%s", d->name);
	}
}

/* kernel/bpf/disasm.c, line by line. */
TEST(text_is_linux_s)
{
	static const struct {
		struct bpf_insn insn[2];
		const char *text;
	} cases[] = {
		{ { { .code = 0xb7 } }, "(b7) r0 = 0" },
		{ { { .code = 0xb4, .dst_reg = 1, .imm = -1 } }, "(b4) w1 = -1" },
		{ { { .code = 0xbf, .dst_reg = 6, .src_reg = 1 } }, "(bf) r6 = r1" },
		{ { { .code = 0xbc, .dst_reg = 6, .src_reg = 1, .off = 8 } }, "(bc) w6 = (s8)w1" },
		{ { { .code = 0xbf, .dst_reg = 6, .src_reg = 1, .off = 32 } },
		  "(bf) r6 = (s32)r1" },
		{ { { .code = 0xc4, .dst_reg = 1, .imm = 3 } }, "(c4) w1 s>>= 3" },
		{ { { .code = 0x3f, .dst_reg = 1, .src_reg = 2, .off = 1 } }, "(3f) r1 s/= r2" },
		{ { { .code = 0x97, .dst_reg = 1, .imm = 7 } }, "(97) r1 %= 7" },
		{ { { .code = 0x84, .dst_reg = 1 } }, "(84) w1 = -w1" },
		{ { { .code = 0xdc, .dst_reg = 1, .imm = 16 } }, "(dc) r1 = be16 r1" },
		{ { { .code = 0xd7, .dst_reg = 1, .imm = 64 } }, "(d7) r1 = bswap64 r1" },
		{ { { .code = 0xbf, .dst_reg = 1, .src_reg = 2, .off = 1, .imm = 0x10000 } },
		  "(bf) r1 = addr_space_cast(r2, 1, 0)" },
		{ { { .code = 0x61, .src_reg = 1, .off = 4 } }, "(61) r0 = *(u32 *)(r1 +4)" },
		{ { { .code = 0x91, .src_reg = 1, .off = -4 } }, "(91) r0 = *(s8 *)(r1 -4)" },
		{ { { .code = 0x7a, .dst_reg = 10, .off = -8, .imm = 5 } },
		  "(7a) *(u64 *)(r10 -8) = 5" },
		{ { { .code = 0x6b, .dst_reg = 10, .src_reg = 3 } }, "(6b) *(u16 *)(r10 +0) = r3" },
		{ { { .code = 0xdb, .dst_reg = 1, .src_reg = 2 } },
		  "(db) lock *(u64 *)(r1 +0) += r2" },
		{ { { .code = 0xc3, .dst_reg = 1, .src_reg = 2, .imm = 0x51 } },
		  "(c3) r2 = atomic_fetch_and((u32 *)(r1 +0), r2)" },
		{ { { .code = 0xdb, .dst_reg = 1, .src_reg = 2, .imm = 0xf1 } },
		  "(db) r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)" },
		{ { { .code = 0xc3, .dst_reg = 1, .src_reg = 2, .imm = 0xe1 } },
		  "(c3) r2 = atomic_xchg((u32 *)(r1 +0), r2)" },
		{ { { .code = 0xdb, .imm = 0x33 } }, "BUG_db" },
		{ { { .code = 0x05, .off = -2 } }, "(05) goto pc-2" },
		{ { { .code = 0x06, .imm = 70000 } }, "(06) gotol pc+70000" },
		{ { { .code = 0xe5, .off = 3 } }, "(e5) may_goto pc+3" },
		{ { { .code = 0x2d, .dst_reg = 1, .src_reg = 2, .off = 5 } },
		  "(2d) if r1 > r2 goto pc+5" },
		{ { { .code = 0xc6, .dst_reg = 1, .imm = -1, .off = 5 } },
		  "(c6) if w1 s< 0xffffffff goto pc+5" },
		{ { { .code = 0x45, .dst_reg = 1, .imm = 5, .off = 1 } },
		  "(45) if r1 & 0x5 goto pc+1" },
		{ { { .code = 0x85, .imm = 1 } }, "(85) call unknown#1" },
		{ { { .code = 0x85, .src_reg = 1, .imm = 12 } }, "(85) call pc+12" },
		{ { { .code = 0x85, .src_reg = 2, .imm = 99 } }, "(85) call kernel-function#99" },
		{ { { .code = 0x95 } }, "(95) exit" },
		{ { { .code = 0x18, .dst_reg = 1, .imm = 1 }, { .imm = 2 } },
		  "(18) r1 = 0x200000001" },
		{ { { .code = 0x18, .dst_reg = 1, .src_reg = 1, .imm = 5 } },
		  "(18) r1 = map[id:5]" },
		{ { { .code = 0x18, .dst_reg = 1, .src_reg = 2, .imm = 5 }, { .imm = 8 } },
		  "(18) r1 = map[id:5][0]+8" },
		{ { { .code = 0x18, .dst_reg = 1, .src_reg = 6, .imm = 5 }, { .imm = 8 } },
		  "(18) r1 = map[idx:5]+8" },
		{ { { .code = 0x18, .dst_reg = 1, .src_reg = 4, .imm = 5 } },
		  "(18) r1 = subprog[+5]" },
		{ { { .code = 0x30, .imm = 12 } }, "(30) r0 = *(u8 *)skb[12]" },
		{ { { .code = 0x40, .src_reg = 7, .imm = -5 } }, "(40) r0 = *(u32 *)skb[r7 + -5]" },
		{ { { .code = BPF_ST | BPF_ABS } }, "BUG_st_22" },
		{ { { .code = 0x01 } }, "BUG_ldx_01" },
		{ { { .code = 0x00 } }, "BUG_ld_00" },
	};

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++)
		ASSERT_STREQ(text_of(cases[c].insn, NULL), cases[c].text);
}

TEST(unknown_bytes_print)
{
	for (unsigned code = 0; code < 256; code++) {
		struct bpf_insn insn[2] = { { .code = (uint8_t)code, .src_reg = 15, .off = 77 } };
		char byte[8];

		sprintf(byte, "%02x", code);
		ASSERT_STRHAS(text_of(insn, NULL), byte);
	}
}

static const char *name_call(void *arg, const struct bpf_insn *insn, char *buf, size_t n)
{
	if (insn->src_reg == BPF_PSEUDO_CALL) {
		snprintf(buf, n, "%+d#%s", insn->off, (const char *)arg);
		return buf;
	}
	return insn->imm == 1 ? "bpf_map_lookup_elem" : NULL;
}

static const char *name_imm(void *arg, const struct bpf_insn *insn, uint64_t imm, char *buf,
			    size_t n)
{
	if (insn->src_reg == 0)
		return NULL;
	snprintf(buf, n, "%llu", (unsigned long long)imm);
	return buf;
}

TEST(names_come_from_the_caller)
{
	static char sub_name[] = "bpf_prog_f00";
	const struct isa_names names = { name_call, name_imm, sub_name };
	struct bpf_insn lookup = { .code = 0x85, .imm = 1 };
	struct bpf_insn other = { .code = 0x85, .imm = 2 };
	struct bpf_insn sub = { .code = 0x85, .src_reg = 1, .off = 12, .imm = 1 };
	struct bpf_insn kfunc = { .code = 0x85, .src_reg = 2, .off = 3, .imm = 7 };
	struct bpf_insn map[2] = { { .code = 0x18, .src_reg = 1, .imm = 3 }, { .imm = 1 } };
	struct bpf_insn imm[2] = { { .code = 0x18, .imm = 3 } };

	ASSERT_STREQ(text_of(&lookup, &names), "(85) call bpf_map_lookup_elem#1");
	ASSERT_STREQ(text_of(&other, &names), "(85) call unknown#2");
	ASSERT_STREQ(text_of(&sub, &names), "(85) call pc+12#bpf_prog_f00");
	ASSERT_STREQ(text_of(&kfunc, &names), "(85) call kernel-function#7");
	ASSERT_STREQ(text_of(map, &names), "(18) r0 = 4294967299");
	ASSERT_STREQ(text_of(imm, &names), "(18) r0 = 0x3");
}

static bool know_symbol(void *arg, const char *name, size_t n, struct bpf_insn *insn)
{
	if (n == 19 && !memcmp(name, "bpf_map_lookup_elem", n)) {
		insn->imm = 1;
		return true;
	}
	if (n == 12 && !memcmp(name, "bpf_iter_new", n)) {
		insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
		insn->imm = 77;
		insn->off = 1;
		return true;
	}
	return false;
}

TEST(calls_by_number_name_and_label)
{
	static const char text[] = "call 5\n"
				   "call bpf_map_lookup_elem\n"
				   "call bpf_map_lookup_elem#1\n"
				   "call bpf_unheard_of#321\n"
				   "call bpf_iter_new\n"
				   "call bpf_iter_new#78\n"
				   "call sub\n"
				   "call pc+12#bpf_prog_f00\n"
				   "r1 = subprog[sub]\n"
				   "callx r3\n"
				   "sub: exit\n";
	static const struct bpf_insn want[] = {
		{ .code = 0x85, .imm = 5 },
		{ .code = 0x85, .imm = 1 },
		{ .code = 0x85, .imm = 1 },
		{ .code = 0x85, .imm = 321 },
		{ .code = 0x85, .src_reg = 2, .off = 1, .imm = 77 },
		{ .code = 0x85, .src_reg = 2, .off = 1, .imm = 78 },
		{ .code = 0x85, .src_reg = 1, .imm = 4 },
		{ .code = 0x85, .src_reg = 1, .imm = 12 },
		{ .code = 0x18, .dst_reg = 1, .src_reg = 4, .imm = 2 },
		{ .code = 0 },
		{ .code = 0x8d, .dst_reg = 3 },
		{ .code = 0x95 },
	};
	const struct isa_symbols symbols = { know_symbol, NULL };
	struct bpf_insn *insns;
	uint32_t cnt;

	ASSERT_EQ(isa_asm(text, strlen(text), &symbols, &insns, &cnt, NULL), 0);
	ASSERT_EQ(cnt, ARRAY_SIZE(want));
	ASSERT_MEMEQ(insns, want, sizeof(want));
	skep_free(insns);
}

TEST(labels_indices_and_comments)
{
	static const char text[] = "# a verifier log, cut and pasted\n"
				   "0: (b7) r0 = 0                       ; R0_w=0\n"
				   "; for (i = 0; i < 10; i++)\n"
				   "\n"
				   "loop:\n"
				   "1: (07) r0 += 1\r\n"
				   "if r0 < 10 goto loop // comment\n"
				   "  goto end\n"
				   "  gotol end\n"
				   "  may_goto loop\n"
				   "end: other: exit";
	static const struct bpf_insn want[] = {
		{ .code = 0xb7 },
		{ .code = 0x07, .imm = 1 },
		{ .code = 0xa5, .imm = 10, .off = -2 },
		{ .code = 0x05, .off = 2 },
		{ .code = 0x06, .imm = 1 },
		{ .code = 0xe5, .off = -5 },
		{ .code = 0x95 },
	};
	uint32_t cnt;
	struct bpf_insn *insns = assemble(text, &cnt);

	ASSERT_EQ(cnt, ARRAY_SIZE(want));
	ASSERT_MEMEQ(insns, want, sizeof(want));
	skep_free(insns);
}

TEST(empty_text_is_no_instructions)
{
	uint32_t cnt = 7;

	skep_free(assemble("", &cnt));
	ASSERT_EQ(cnt, 0);
	skep_free(assemble("; nothing\n\n", &cnt));
	ASSERT_EQ(cnt, 0);
}

TEST(errors_name_line_and_place)
{
	static const struct {
		const char *text;
		int err;
		unsigned line;
		const char *msg;
	} cases[] = {
		{ "exit\nr1 ?= r2\n", -EINVAL, 2, "unknown instruction at \"?= r2\"" },
		{ "r1 += w2", -EINVAL, 1, "at \"w2\"" },
		{ "r1 = r", -EINVAL, 1, "the line ends, expected a register" },
		{ "r1 = r16", -ERANGE, 1, "\"16\" does not fit a register" },
		{ "r1 = be16 r2", -EINVAL, 1, "expected the same register at \"2\"" },
		{ "r1 += 0x123456789", -ERANGE, 1, "\"0x123456789\" does not fit a 32-bit number" },
		{ "r1 += -2147483649", -ERANGE, 1, "does not fit" },
		{ "r1 = 99999999999999999999999999 ll", -ERANGE, 1, "does not fit" },
		{ "r1 = *(u32 *)(r2 +40000)", -ERANGE, 1, "does not fit a 16-bit offset" },
		{ "r1 = *(u32 *)(r2 4)", -EINVAL, 1, "expected an offset at \"4)\"" },
		{ "goto +40000", -ERANGE, 1, "does not fit a jump target" },
		{ "\n\ngoto nowhere", -EINVAL, 3, "unknown label or function \"nowhere\"" },
		{ "a: exit\na: exit", -EINVAL, 2, "label \"a\" is on line 1 already" },
		{ "exit 5", -EINVAL, 1, "expected the end of the line at \"5\"" },
		{ "exit5", -EINVAL, 1, "at \"5\"" },
		{ "gotoend", -EINVAL, 1, "" },
		{ "(ff) exit", -EINVAL, 1, "unknown opcode ff" },
		{ "(b7) r1 = r2", -EINVAL, 1, "expected a 32-bit number at \"r2\"" },
		{ "call", -EINVAL, 1, "the line ends" },
		{ "\xff\x80", -EINVAL, 1, "unknown instruction" },
	};

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct bpf_insn *insns = NULL;
		struct skep_diag diag = { 0 };
		uint32_t cnt = 7;

		ASSERT_MSG(isa_asm(cases[c].text, strlen(cases[c].text), NULL, &insns, &cnt,
				   &diag) == cases[c].err,
			   "%s: %s", cases[c].text, diag.msg);
		ASSERT_EQ(diag.where, SKEP_AT_LINE);
		ASSERT_EQ(diag.index, cases[c].line);
		ASSERT_STRHAS(diag.msg, cases[c].msg);
		ASSERT(!insns && cnt == 7);
	}
}

/* n times the line, between head and tail. */
static char *repeated(const char *head, const char *line, unsigned n, const char *tail)
{
	size_t len = strlen(line);
	char *text = malloc(strlen(head) + n * len + strlen(tail) + 1);
	char *p = stpcpy(text, head);

	for (unsigned i = 0; i < n; i++)
		p = stpcpy(p, line);
	strcpy(p, tail);
	return text;
}

TEST(far_labels_need_gotol)
{
	char *near = repeated("goto end\n", "r0 = 0\n", INT16_MAX, "end: exit");
	char *far = repeated("goto end\n", "r0 = 0\n", INT16_MAX + 1, "end: exit");
	char *gotol = repeated("gotol end\n", "r0 = 0\n", 70000, "end: exit");
	struct skep_diag diag = { 0 };
	struct bpf_insn *insns;
	uint32_t cnt;

	insns = assemble(near, &cnt);
	ASSERT_EQ(insns[0].off, INT16_MAX);
	skep_free(insns);
	ASSERT_EQ(isa_asm(far, strlen(far), NULL, &insns, &cnt, &diag), -ERANGE);
	ASSERT_STREQ(diag.msg, "\"end\" is 32768 instructions away");
	insns = assemble(gotol, &cnt);
	ASSERT_EQ(insns[0].imm, 70000);
	skep_free(insns);
	free(near);
	free(far);
	free(gotol);
}

TEST(too_many_instructions)
{
	char *text = repeated("", "exit\n", SKEP_INSNS_MAX + 1, "");
	struct bpf_insn *insns;
	uint32_t cnt;

	ASSERT_EQ(isa_asm(text, strlen(text), NULL, &insns, &cnt, NULL), -E2BIG);
	free(text);
}

TEST(out_of_memory_leaves_nothing_behind)
{
	static const char text[] = "a: goto b\nb: r1 = 1 ll\nc: goto a\nexit\n";

	for (long n = 1;; n++) {
		struct bpf_insn *insns = NULL;
		uint32_t cnt = 0;
		int r;

		skep_alloc_fail_at(n);
		r = isa_asm(text, strlen(text), NULL, &insns, &cnt, NULL);
		if (!skep_alloc_failed()) {
			ASSERT_EQ(r, 0);
			ASSERT_EQ(cnt, 5);
			skep_free(insns);
			break;
		}
		ASSERT_EQ(r, -ENOMEM);
		ASSERT(!insns && !cnt);
	}
	skep_alloc_fail_at(0);
}
