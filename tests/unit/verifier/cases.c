/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cases.c - every rule, a program that keeps it and one that breaks it; errno and message are
 * compared with the host kernel, which has the last word.
 */
#include "tests/harness/host.h"
#include "tests/unit/program.h"

#define STATS 4 /* BPF_LOG_STATS, which the UAPI does not name */

#define SF    BPF_PROG_TYPE_SOCKET_FILTER
#define TC    BPF_PROG_TYPE_SCHED_CLS
#define XDP   BPF_PROG_TYPE_XDP
#define RAW   BPF_PROG_TYPE_RAW_TRACEPOINT

/* What the case is good for. */
enum {
	NOT_GPL = 1,	    /* the license is proprietary */
	UNPRIVILEGED = 2,   /* cannot be put to the host: tests are privileged there */
	HOST_DIFFERS = 4,   /* the host goes further than structure: only errno is compared */
	HOST_NOT_ASKED = 8, /* the host's order of checks, or its version, has another answer */
};

static const struct rule {
	const char *name;
	uint32_t type;
	int err;
	const char *msg; /* NULL for a program that is accepted */
	const char *text;
	unsigned flags;
} rules[] = {
	{ "the smallest program", SF, 0, NULL, "r0 = 0\nexit" },

	/* opcodes and fields */
	{ "a register beyond r10", SF, -EINVAL, "R11 is invalid", "r11 = 0\nexit" },
	{ "r10 is read", SF, 0, NULL, "r0 = r10\nr0 = 0\nexit" },
	{ "r10 is written", SF, -EACCES, "frame pointer is read only", "r10 = 0\nexit" },
	{ "division by zero", SF, -EINVAL, "div by zero", "r0 = 0\nr0 /= 0\nexit" },
	{ "shift too far", SF, -EINVAL, "invalid shift 64", "r0 = 0\nr0 <<= 64\nexit" },
	{ "callx", SF, -EINVAL, "unknown opcode 8d", "r2 = 1\ncallx r2\nexit" },

	/* jumps */
	{ "a jump to the end", SF, 0, NULL, "r0 = 0\nif r0 == 1 goto +1\nr0 = 1\nexit" },
	{ "a jump beyond the end", SF, -EINVAL, "jump out of range from insn 0 to 6",
	  "goto +5\nexit" },
	{ "a jump before the start", SF, -EINVAL, "jump out of range from insn 1 to -1",
	  "r0 = 0\nif r0 == 0 goto -3\nexit" },
	{ "the end is run into", SF, -EINVAL, "last insn is not an exit or jmp", "r0 = 0" },
	{ "a jump back ends it", SF, 0, NULL,
	  "r0 = 0\nif r0 == 0 goto +1\ngoto +1\ngoto +1\nexit\ngoto -2" },
	{ "a jump into a subprogram", SF, -EINVAL, "jump out of range from insn 1 to 3",
	  "call +2\nif r0 == 0 goto +1\nexit\nr0 = 0\nexit" },
	{ "a subprogram runs into the next", SF, -EINVAL, "last insn is not an exit or jmp",
	  "call +1\nr0 = 0\nr0 = 1\nexit" },

	/* reachability */
	{ "code behind the exit", SF, -EINVAL, "unreachable insn 2", "r0 = 0\nexit\nexit" },
	{ "a subprogram reached by a call", SF, 0, NULL, "call +1\nexit\nr0 = 0\nexit" },
	{ "into the middle of a 64-bit load", SF, -EINVAL, "jump into the middle of ldimm64 insn 1",
	  "if r1 == 0 goto +1\nr0 = 1 ll\nr0 = 0\nexit" },
	{ "a loop that ends", SF, 0, NULL, "r0 = 9\nr0 += -1\nif r0 != 0 goto -2\nexit" },
	{ "a loop of the unprivileged", SF, -EINVAL, "back-edge from insn 2 to 1",
	  "r0 = 9\nr0 += -1\nif r0 != 0 goto -2\nexit", UNPRIVILEGED },
	{ "two ways to one place, unprivileged", SF, 0, NULL,
	  "r0 = 9\nr2 = *(u32 *)(r1 +0)\nif r2 == 0 goto +1\nr0 = 1\nexit", UNPRIVILEGED },
	{ "a call of the unprivileged", SF, -EPERM, "loading/calling other bpf or kernel functions",
	  "call +1\nexit\nr0 = 0\nexit", UNPRIVILEGED },

	/* calls */
	{ "a call to nowhere", SF, -EINVAL, "call to invalid destination", "call +9\nexit" },
	{ "no such helper", SF, -EINVAL, "invalid func unknown#195896080", "call 195896080\nexit" },
	{ "no such helper, where nothing leads", SF, 0, NULL,
	  "r0 = 0\nif r0 == 0 goto +1\ncall 195896080\nexit" },
	{ "helper 0", SF, -EINVAL, "program of this type cannot use helper bpf_unspec#0",
	  "call 0\nexit" },
	{ "a helper of another type", SF, -EINVAL,
	  "program of this type cannot use helper bpf_xdp_adjust_head#44", "call 44\nexit" },
	{ "a helper of this type", XDP, 0, NULL, "r2 = 0\ncall 44\nr0 = 2\nexit" },
	{ "a GPL helper", SF, 0, NULL, "call 35\nr0 = 0\nexit" },
	{ "a GPL helper from others", SF, -EINVAL,
	  "cannot call GPL-restricted function from non-GPL compatible program",
	  "call 35\nr0 = 0\nexit", NOT_GPL },
	{ "recursion", SF, -E2BIG, "the call stack of", "call +1\nexit\ncall -1\nexit",
	  HOST_DIFFERS },
	{ "eight frames", SF, 0, NULL,
	  "call +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\n"
	  "exit\ncall +1\nexit\nr0 = 0\nexit" },
	{ "nine frames", SF, -E2BIG, "the call stack of",
	  "call +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\nexit\ncall +1\n"
	  "exit\ncall +1\nexit\ncall +1\nexit\nr0 = 0\nexit",
	  HOST_DIFFERS },
	{ "a callback without BTF", SF, -EINVAL, "missing btf func_info",
	  "r1 = 4\nr2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall 181\nr0 = 0\nexit\nr0 = 0\nexit" },
	{ "a number for a callback", SF, -EACCES, "R2 type=scalar expected=func",
	  "r1 = 4\nr2 = 7\nr3 = 0\nr4 = 0\ncall 181\nr0 = 0\nexit" },

	/* what was never written */
	{ "r0 at the exit", SF, -EACCES, "R0 !read_ok", "exit" },
	{ "an argument after a call", SF, -EACCES, "R1 !read_ok", "call 7\nr0 = r1\nexit" },
	{ "a saved register after a call", SF, 0, NULL,
	  "r6 = r1\ncall 7\nr0 = *(u32 *)(r6 +0)\nexit" },
	{ "r6 in a callee", SF, -EACCES, "R6 !read_ok", "r6 = 0\ncall +1\nexit\nr0 = r6\nexit" },
	{ "one path writes, the same path reads", SF, 0, NULL,
	  "r2 = *(u32 *)(r1 +0)\nif r2 != 0 goto +1\nr3 = 1\nr0 = 0\nif r2 != 0 goto +1\n"
	  "r0 = r3\nexit" },

	/* the stack */
	{ "512 bytes", SF, 0, NULL, "*(u64 *)(r10 -512) = 0\nr0 = 0\nexit" },
	{ "below the stack", SF, -EACCES, "invalid write to stack R10 off=-520 size=8",
	  "*(u64 *)(r10 -520) = 0\nr0 = 0\nexit" },
	{ "above the stack", SF, -EACCES, "invalid write to stack R10 off=0 size=8",
	  "*(u64 *)(r10 +0) = 0\nr0 = 0\nexit" },
	{ "misaligned on the stack", SF, -EACCES, "misaligned stack access off ",
	  "*(u64 *)(r10 -12) = 0\nr0 = 0\nexit" },
	{ "below the stack by a pointer", SF, -EACCES, "invalid read from stack R2 off=-516 size=4",
	  "r2 = r10\nr2 += -500\nr0 = *(u32 *)(r2 -16)\nexit" },
	{ "two frames of 512 together", SF, 0, NULL,
	  "*(u64 *)(r10 -256) = 0\ncall +1\nexit\n*(u64 *)(r10 -256) = 0\nr0 = 0\nexit" },
	{ "two frames of more", SF, -EACCES, "combined stack size of 2 calls is 528. Too large",
	  "*(u64 *)(r10 -504) = 0\ncall +1\nexit\n*(u64 *)(r10 -16) = 0\nr0 = 0\nexit" },

	/* numbers are no addresses */
	{ "a constant is dereferenced", SF, -EACCES, "R1 invalid mem access 'scalar'",
	  "r1 = 0\nr0 = *(u32 *)(r1 +0)\nexit" },
	{ "a result is dereferenced", SF, -EACCES, "R2 invalid mem access 'scalar'",
	  "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r2 +0)\nexit" },

	/* the context */
	{ "a field", TC, 0, NULL, "r0 = *(u32 *)(r1 +0)\nexit" },
	{ "beyond the fields", TC, -EACCES, "invalid bpf_context access off=400 size=4",
	  "r0 = *(u32 *)(r1 +400)\nexit" },
	{ "before the fields", TC, -EACCES, "invalid bpf_context access off=-8 size=4",
	  "r0 = *(u32 *)(r1 -8)\nexit" },
	{ "a byte of a field", TC, 0, NULL, "r0 = *(u8 *)(r1 +1)\nexit" },
	{ "a byte of a pointer", TC, -EACCES, "invalid bpf_context access off=76 size=1",
	  "r0 = *(u8 *)(r1 +76)\nexit" },
	{ "a misaligned field", TC, -EACCES, "invalid bpf_context access off=2 size=4",
	  "r0 = *(u32 *)(r1 +2)\nexit" },
	{ "a field is written", TC, 0, NULL, "r2 = 0\n*(u32 *)(r1 +8) = r2\nr0 = 0\nexit" },
	{ "a read-only field is written", TC, -EACCES, "invalid bpf_context access off=0 size=4",
	  "r2 = 0\n*(u32 *)(r1 +0) = r2\nr0 = 0\nexit" },
	{ "the context is moved", TC, -EACCES,
	  "dereference of modified ctx ptr R1 off=4 disallowed",
	  "r1 += 4\nr0 = *(u32 *)(r1 +0)\nexit" },
	{ "the context is moved back", TC, 0, NULL,
	  "r1 += 4\nr1 += -4\nr0 = *(u32 *)(r1 +0)\nexit" },
	{ "the context is moved down", TC, -EACCES, "negative offset ctx ptr R1 off=-4 disallowed",
	  "r1 += -4\nr0 = *(u32 *)(r1 +4)\nexit" },
	{ "the context and an unknown number", TC, -EACCES, "variable ctx access var_off=",
	  "r2 = *(u32 *)(r1 +0)\nr1 += r2\nr0 = *(u32 *)(r1 +0)\nexit", HOST_DIFFERS },
	{ "an atomic on the context", TC, -EACCES, "BPF_ATOMIC stores into R1 ctx is not allowed",
	  "r2 = 0\nlock *(u64 *)(r1 +0) += r2\nr0 = 0\nexit" },
	{ "context and stack by one instruction", TC, -EINVAL,
	  "same insn cannot be used with different pointers",
	  "r2 = *(u32 *)(r1 +0)\n*(u64 *)(r10 -8) = 0\nr3 = r10\nr3 += -8\nif r2 == 0 goto +1\n"
	  "r3 = r1\nr0 = *(u32 *)(r3 +0)\nexit" },
	{ "context and stack by one register", TC, 0, NULL,
	  "r2 = *(u32 *)(r1 +0)\nr3 = r10\nif r2 == 0 goto +1\nr3 = r1\nr0 = 0\nexit" },
	{ "the context over the stack", TC, 0, NULL,
	  "*(u64 *)(r10 -8) = r1\nr2 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r2 +0)\nexit" },
	{ "arguments of a tracepoint are written", RAW, -EACCES,
	  "invalid bpf_context access off=0 size=8", "*(u64 *)(r1 +0) = 0\nr0 = 0\nexit" },

	/* LD_ABS */
	{ "a packet load", SF, 0, NULL, "r6 = r1\nr0 = *(u8 *)skb[0]\nexit" },
	{ "a packet load elsewhere", XDP, -EINVAL,
	  "BPF_LD_[ABS|IND] instructions not allowed for this program type",
	  "r6 = r1\nr0 = *(u8 *)skb[0]\nexit" },
	{ "a packet load without the packet", SF, -EINVAL,
	  "at the time of BPF_LD_ABS|IND R6 != pointer to skb",
	  "r6 = 0\nr0 = *(u8 *)skb[0]\nexit" },
	{ "a packet load takes the arguments", SF, -EACCES, "R2 !read_ok",
	  "r6 = r1\nr2 = 0\nr0 = *(u8 *)skb[0]\nr0 = r2\nexit" },
};

static int ours(const struct rule *r, char *text, uint32_t size)
{
	static const struct verifier_rights all = VERIFIER_RIGHTS_ALL, none = VERIFIER_RIGHTS_NONE;
	const struct verifier_opts opts = { .rights = r->flags & UNPRIVILEGED ? none : all };
	struct verifier_log log = { .level = 1 | STATS, .buf = text, .size = size };
	struct skep_prog *p = program(r->type, r->text);
	struct skep_diag diag = { 0 };
	int err;

	p->gpl_compatible = !(r->flags & NOT_GPL);
	err = verifier_check(p, &opts, &log, &diag);
	ASSERT_MSG(err == diag.err, "%s: %d, but the diagnostic has %d", r->name, err, diag.err);
	ASSERT_MSG(!err || strstr(text, diag.msg), "%s: the log lacks \"%s\"", r->name, diag.msg);
	prog_put(p);
	return err;
}

static int host(const struct rule *r, char *text, uint32_t size)
{
	struct skep_prog *p = program(r->type, r->text);
	int fd;

	fd = host_load(&(struct host_prog){ .type = r->type,
					    .insns = p->image.insns,
					    .n = p->image.insn_cnt,
					    .license = r->flags & NOT_GPL ? "proprietary" : NULL,
					    .log = text,
					    .log_size = size });
	prog_put(p);
	return MIN(fd, 0);
}

static void judge(int (*verifier)(const struct rule *, char *, uint32_t), unsigned not_these,
		  unsigned errno_only)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		char text[16384] = "";
		int err;

		if (r->flags & not_these)
			continue;
		err = verifier(r, text, sizeof(text));
		ASSERT_MSG(err == r->err, "%s: %d instead of %d\n%s", r->name, err, r->err, text);
		if (r->msg && !(r->flags & errno_only))
			ASSERT_MSG(strstr(text, r->msg), "%s: no \"%s\" in\n%s", r->name, r->msg,
				   text);
	}
}

TEST(verifier_rules)
{
	judge(ours, 0, 0);
}

TEST(verifier_rules_are_the_hosts)
{
	host_required();
	judge(host, UNPRIVILEGED | HOST_NOT_ASKED, HOST_DIFFERS);
}

static int too_long(uint32_t n, bool bpf_capable)
{
	const struct verifier_opts opts = { .rights.bpf_capable = bpf_capable };
	struct bpf_insn *insns = skep_alloc_array(n, sizeof(*insns));
	struct verifier_log log = { 0 };
	struct skep_prog *p;
	int err;

	ASSERT(insns);
	for (uint32_t i = 0; i < n; i++)
		insns[i] = (struct bpf_insn)I_MOV_IMM(0, 0);
	insns[n - 1] = (struct bpf_insn)I_EXIT;
	p = program_of(SF, insns, n);
	err = verifier_check(p, &opts, &log, NULL);
	prog_put(p);
	skep_free(insns);
	return err;
}

TEST(verifier_length_limits)
{
	ASSERT_EQ(too_long(BPF_MAXINSNS, false), 0);
	ASSERT_EQ(too_long(BPF_MAXINSNS + 1, false), -E2BIG);
	ASSERT_EQ(too_long(BPF_MAXINSNS + 1, true), 0);
	ASSERT_EQ(too_long(SKEP_INSNS_MAX, true), 0);
	ASSERT_EQ(too_long(SKEP_INSNS_MAX + 1, true), -E2BIG);
}

/* Every allocation fails once; nothing is left behind, and -ENOMEM comes back. */
TEST(verifier_out_of_memory)
{
	static const char text[] =
		"r2 = r10\nr2 += -8\n*(u64 *)(r10 -8) = r1\nr6 = 9\nr6 += -1\n"
		"if r6 != 0 goto -2\nr1 = r2\ncall +1\nexit\nr1 = *(u64 *)(r1 +0)\n"
		"r0 = *(u32 *)(r1 +0)\nexit";
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL };
	int err = -ENOMEM;

	for (long n = 1; err; n++) {
		struct skep_prog *p = program(TC, text);
		struct verifier_log log = { 0 };

		skep_alloc_fail_at(n);
		err = verifier_check(p, &opts, &log, NULL);
		ASSERT(!err || (err == -ENOMEM && skep_alloc_failed()));
		skep_alloc_fail_at(0);
		prog_put(p);
	}
}
