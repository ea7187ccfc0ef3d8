/* SPDX-License-Identifier: BSD-2-Clause */
/* report.c - what a verification leaves for tools: costs, the fault, the way to it */
#include "tests/unit/program.h"
#include "verifier/explain.h"
#include "verifier/verifier_int.h"

#define XDP BPF_PROG_TYPE_XDP

static int check(struct skep_prog *p, struct verifier_report *r)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL, .report = r };
	struct verifier_log log = { 0 };

	return verifier_check(p, &opts, &log, NULL);
}

static const struct fault_step *step(const struct verifier_report *r, uint32_t insn)
{
	for (uint32_t i = 0; i < r->fault.nr_steps; i++)
		if (r->fault.step[i].insn == insn)
			return &r->fault.step[i];
	return NULL;
}

TEST(report_of_an_accepted_program)
{
	struct skep_prog *p =
		program(XDP, "r1 = *(u32 *)(r1 +16)\n"
			     "r0 = 0\n"
			     "if r1 == 0 goto +1\n" /* both ways: 3 is walked once, 4 twice */
			     "r0 = 1\n"
			     "exit");
	struct verifier_report r = { .count = true };

	ASSERT_EQ(check(p, &r), 0);
	ASSERT_EQ(r.fault.err, 0);
	ASSERT_EQ(r.processed, 6);
	ASSERT_EQ(r.walk[2].visits, 1);
	ASSERT_EQ(r.walk[2].forks, 1);
	ASSERT_EQ(r.walk[3].visits, 1);
	ASSERT_EQ(r.walk[4].visits, 2);
	verifier_report_fini(&r);
	prog_put(p);
}

TEST(report_of_a_value_through_register_stack_and_branch)
{
	struct skep_prog *p = program(XDP, "r2 = *(u32 *)(r1 +16)\n" /* 0: made */
					   "r3 = r2\n"		     /* 1: copied */
					   "r3 += 8\n"		     /* 2: changed */
					   "*(u64 *)(r10 -8) = r3\n" /* 3: spilled */
					   "if r2 > 7 goto +2\n"     /* 4: not taken */
					   "r4 = *(u64 *)(r10 -8)\n" /* 5: filled */
					   "r0 = *(u8 *)(r4 +0)\n"   /* 6: a number as pointer */
					   "r0 = 0\n"
					   "exit");
	static const struct {
		uint32_t insn;
		enum fault_step_kind kind;
		uint8_t reg;
	} wanted[] = {
		{ 5, FAULT_FILLED, 4 },	 { 4, FAULT_BRANCH, 2 }, { 3, FAULT_SPILLED, 3 },
		{ 2, FAULT_CHANGED, 3 }, { 1, FAULT_COPIED, 3 }, { 0, FAULT_MADE, 2 },
	};
	struct verifier_report r = { 0 };

	ASSERT_EQ(check(p, &r), -EACCES);
	ASSERT_EQ(r.fault.err, -EACCES);
	ASSERT_STREQ(r.fault.msg, "R4 invalid mem access 'scalar'");
	ASSERT_EQ(r.fault.insn, 6);
	ASSERT_EQ(r.fault.value.reg, 4);
	/* r3 is r2 plus 8; what the branch tells of r2 does not reach the stack. */
	ASSERT_EQ(r.fault.value.n.full.umin, 8);
	ASSERT_EQ(r.fault.value.n.full.umax, UINT32_MAX + 8ull);
	ASSERT_EQ(r.fault.nr_steps, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		ASSERT_EQ(r.fault.step[i].insn, wanted[i].insn);
		ASSERT_EQ(r.fault.step[i].kind, wanted[i].kind);
		ASSERT_EQ(r.fault.step[i].reg, wanted[i].reg);
	}
	ASSERT(!step(&r, 4)->taken);
	ASSERT_EQ(step(&r, 0)->through, PTR_TO_CTX);
	ASSERT(!r.walk);
	verifier_report_fini(&r);
	prog_put(p);
}

TEST(report_of_a_message_with_numbers)
{
	struct skep_prog *p = program(XDP, "r2 = *(u32 *)(r1 +4)\n"
					   "r1 = *(u32 *)(r1 +0)\n"
					   "r3 = r1\n"
					   "r3 += 14\n"
					   "r0 = 0\n"
					   "if r3 > r2 goto +1\n"
					   "r0 = *(u32 *)(r1 +12)\n" /* 6: two bytes too far */
					   "exit");
	struct verifier_report r = { 0 };
	const struct fault_fact *off = NULL, *size = NULL;

	ASSERT_EQ(check(p, &r), -EACCES);
	for (uint32_t i = 0; i < r.fault.nr_facts; i++) {
		if (!off && !strcmp(r.fault.fact[i].name, "off"))
			off = &r.fault.fact[i];
		if (!strcmp(r.fault.fact[i].name, "size"))
			size = &r.fault.fact[i];
	}
	ASSERT(off && off->value == 12);
	ASSERT(size && size->value == 4);
	ASSERT_EQ(r.fault.value.room, 14);
	verifier_report_fini(&r);
	prog_put(p);
}

TEST(report_through_a_call)
{
	struct skep_prog *p = program(XDP, "r1 = 5\n"
					   "call +1\n" /* 1 */
					   "exit\n"
					   "r0 = *(u8 *)(r1 +0)\n" /* 3 */
					   "exit");
	struct verifier_report r = { 0 };

	ASSERT_EQ(check(p, &r), -EACCES);
	ASSERT_EQ(r.fault.insn, 3);
	ASSERT_EQ(r.fault.nr_steps, 2);
	ASSERT_EQ(step(&r, 1)->kind, FAULT_PASSED);
	ASSERT_EQ(step(&r, 0)->kind, FAULT_MADE);
	verifier_report_fini(&r);
	prog_put(p);
}

TEST(report_of_a_loop_says_each_step_once)
{
	struct skep_prog *p = program(XDP, "r6 = *(u32 *)(r1 +16)\n"
					   "r7 = 0\n"
					   "r7 += 1\n" /* 2 */
					   "r6 += 1\n" /* 3 */
					   "if r7 != 10 goto -3\n"
					   "r0 = *(u8 *)(r6 +0)\n"
					   "exit");
	struct verifier_report r = { 0 };
	uint32_t changed = 0;

	ASSERT_EQ(check(p, &r), -EACCES);
	for (uint32_t i = 0; i < r.fault.nr_steps; i++)
		changed += r.fault.step[i].insn == 3;
	ASSERT_EQ(changed, 1);
	ASSERT_EQ(step(&r, 0)->kind, FAULT_MADE);
	verifier_report_fini(&r);
	prog_put(p);
}

/* Whatever line_info says, nothing is read that is not there. */
TEST(report_explains_without_source)
{
	struct skep_prog *p = program(XDP, "r0 = *(u64 *)(r1 +400)\n"
					   "exit");
	const struct verifier_lines lines = { 0 };
	struct verifier_report r = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ASSERT(out);
	ASSERT_EQ(check(p, &r), -EACCES);
	explain_fault(out, p, &lines, &r.fault);
	fclose(out);
	ASSERT(strstr(text, "--> instruction 0"));
	ASSERT(strstr(text, "kernel: invalid bpf_context access off=400 size=8"));
	free(text);
	verifier_report_fini(&r);
	prog_put(p);
}

TEST(report_with_memory_running_out)
{
	for (uint64_t n = 1;; n++) {
		struct skep_prog *p = program(XDP, "r2 = *(u32 *)(r1 +16)\n"
						   "r0 = *(u8 *)(r2 +0)\n"
						   "exit");
		struct verifier_report r = { .count = true };
		int err;

		skep_alloc_fail_at(n);
		err = check(p, &r);
		skep_alloc_fail_at(0);
		verifier_report_fini(&r);
		prog_put(p);
		if (err == -EACCES)
			break;
		ASSERT_EQ(err, -ENOMEM);
	}
}
