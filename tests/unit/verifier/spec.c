/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spec.c - callers with CAP_BPF alone: what leaks, what may be guessed at.  The host kernel is
 * asked with the same rights; barriers reach the compiled code.
 */
#include "interp/interp.h"
#include "jit/jit.h"
#include "tests/harness/host.h"
#include "tests/unit/program.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SF BPF_PROG_TYPE_SOCKET_FILTER

static const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_BPF };

static const struct rule {
	const char *name;
	int err;
	const char *msg; /* the last of the log; NULL: accepted */
	const char *text;
} rules[] = {
	{ "nothing to hide", 0, NULL, "r0 = 0\nexit" },
	{ "an address is returned", -EACCES, "R0 leaks addr as return value", "r0 = r1\nexit" },
	{ "addresses are compared", -EACCES, "R10 pointer comparison prohibited",
	  "r0 = 0\nif r1 == r10 goto +0\nexit" },
	{ "r10 is compared with 0", -EACCES, "R10 pointer comparison prohibited",
	  "r0 = 0\nif r10 == 0 goto +1\nr0 = 1\nexit" },
	{ "addresses are subtracted", -EACCES, "R0 pointer -= pointer prohibited",
	  "r0 = r10\nr0 -= r1\nr0 = 0\nexit" },
	{ "half an address", -EACCES, "R1 partial copy of pointer", "w0 = w1\nr0 = 0\nexit" },
	{ "stack that was never written", -EACCES, "invalid read from stack R10 off=-8 size=8",
	  "r0 = *(u64 *)(r10 -8)\nexit" },
	{ "stack that was half written", -EACCES, "invalid read from stack off -8+4 size 8",
	  "w2 = 0\n*(u32 *)(r10 -8) = r2\nr0 = *(u64 *)(r10 -8)\nexit" },
	{ "half of a spilled address", -EACCES, "attempt to corrupt spilled pointer on stack",
	  "*(u64 *)(r10 -8) = r1\nw2 = 0\n*(u32 *)(r10 -8) = r2\nr0 = 0\nexit" },
	{ "a stack pointer above the stack", -EACCES,
	  "R1 stack pointer arithmetic goes out of range, prohibited for !root; off=8",
	  "r1 = r10\nr1 += 8\nr0 = 0\nexit" },
	{ "the context is moved by a number", -EACCES,
	  "R1 has pointer with unsupported alu operation, pointer arithmetic with it prohibited "
	  "for !root",
	  "r2 = *(u32 *)(r1 +0)\nr2 &= 7\nr1 += r2\nr0 = 0\nexit" },
	{ "a number that may be negative", -EACCES,
	  "R2 has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited "
	  "for !root",
	  "r2 = *(u32 *)(r1 +0)\nr2 &= 7\nr2 += -4\nr3 = r10\nr3 += -16\nr3 += r2\nr0 = 0\nexit" },
	{ "an unknown place in the stack", -EACCES,
	  "R3 variable stack access prohibited for !root, "
	  "var_off=(0xfffffffffffffff0; 0x7) off=-16",
	  "r2 = *(u32 *)(r1 +0)\nr2 &= 7\nr2 += -16\nr3 = r10\nr3 += r2\nr0 = 0\nexit" },
	{ "one addition, two limits", -EACCES,
	  "R4 tried to add from different maps, paths or scalars, pointer arithmetic with it "
	  "prohibited for !root",
	  "r2 = *(u32 *)(r1 +0)\nr3 = -8\nif r2 == 0 goto +1\nr3 = -16\nr4 = r10\nr4 += r3\n"
	  "r0 = 0\nexit" },
	{ "an error that only misprediction reaches", 0, NULL,
	  "r0 = 0\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 +0)\nexit" },
	{ "an error behind what only misprediction reaches", 0, NULL,
	  "r2 = 0\nr0 = *(u32 *)(r1 +0)\nif r2 == 0 goto +1\nr1 = 0\nr0 = *(u32 *)(r1 +0)\nexit" },
	{ "a helper for CAP_PERFMON", -EINVAL,
	  "program of this type cannot use helper bpf_get_current_task#35",
	  "call 35\nr0 = 0\nexit" },
};

static int ours(const struct rule *r, char *text, uint32_t size)
{
	struct verifier_log log = { .level = 1, .buf = text, .size = size };
	struct skep_prog *p = program(SF, r->text);
	int err;

	p->gpl_compatible = true;
	err = verifier_check(p, &opts, &log, NULL);
	prog_put(p);
	return err;
}

static int host(const struct rule *r, char *text, uint32_t size)
{
	struct skep_prog *p = program(SF, r->text);
	int fd;

	fd = host_load(&(struct host_prog){ .type = SF,
					    .insns = p->image.insns,
					    .n = p->image.insn_cnt,
					    .log = text,
					    .log_size = size });
	prog_put(p);
	return MIN(fd, 0);
}

static void judge(int (*verifier)(const struct rule *, char *, uint32_t))
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		char text[16384] = "";
		int err = verifier(r, text, sizeof(text));

		ASSERT_MSG(err == r->err, "%s: %d instead of %d\n%s", r->name, err, r->err, text);
		if (r->msg)
			ASSERT_MSG(strstr(text, r->msg), "%s: no \"%s\" in\n%s", r->name, r->msg,
				   text);
	}
}

TEST(cap_bpf_rules)
{
	judge(ours);
}

TEST(cap_bpf_rules_are_the_hosts)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	host_required();
	ASSERT_EQ(syscall(SYS_capget, &head, data), 0);
	if (!(data[1].effective & 1u << (39 - 32)))
		test_skip("the test has no CAP_BPF to keep");
	data[0].effective &= ~(1u << CAP_SYS_ADMIN | 1u << CAP_NET_ADMIN);
	data[1].effective &= ~(1u << (38 - 32)); /* CAP_PERFMON */
	ASSERT_EQ(syscall(SYS_capset, &head, data), 0);
	judge(host);
}

/* A first store to the stack could be overtaken by a load of what was there. */
TEST(barriers_reach_the_code)
{
	static const uint8_t lfence[] = { 0x0f, 0xae, 0xe8 };
	struct skep_prog *p = program(SF, "*(u64 *)(r10 -8) = 7\nr0 = *(u64 *)(r10 -8)\nexit");
	struct verifier_log log = { 0 };
	struct skep_diag diag = { 0 };
	static struct vcpu vcpu;
	static uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = { .task = task, .vcpu = &vcpu };

	ASSERT_EQ(verifier_check(p, &opts, &log, NULL), 0);
	ASSERT(p->image.barriers);
	ASSERT(p->image.aux[0].barrier_after);
	ASSERT(!p->image.aux[1].barrier_after && !p->image.aux[1].barrier);
	ASSERT_EQ(interp_engine.compile(p, &diag), -EOPNOTSUPP);
	if (jit_engine.compile(p, &diag) == -EOPNOTSUPP)
		test_skip("no compiler for this machine");
	p->engine = &jit_engine;
	ASSERT(memmem(p->jited, p->jited_len, lfence, sizeof(lfence)));
	ASSERT_EQ(prog_run(p, &run, &run), 7);
	prog_put(p);
}

/* Whoever may learn addresses pays nothing. */
TEST(barriers_are_for_the_unprivileged)
{
	struct skep_prog *p = program(SF, "*(u64 *)(r10 -8) = 7\nr0 = *(u64 *)(r10 -8)\nexit");

	program_check(p);
	ASSERT(!p->image.barriers);
	prog_put(p);
}
