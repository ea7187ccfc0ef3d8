/* SPDX-License-Identifier: BSD-2-Clause */
/* run.c - see run.h; calls, tail calls, callbacks, budgets, packet loads */
#include "tests/unit/interp/run.h"
#include "prog/ctx_skb.h"

struct run_area run_area;
struct skep_run run_last;

static struct vcpu slot;
static const struct run_env env;

uint64_t run_prog(struct skep_prog *p, size_t size)
{
	run_last = (struct skep_run){ .vcpu = &slot, .ctx = run_mem, .env = &env };
	run_last.region[2] = (struct run_region){ (uintptr_t)run_mem, size };
	return prog_run(p, run_mem, &run_last);
}

uint64_t run_text(const char *text)
{
	struct skep_prog *p = interp(text);
	uint64_t r0 = run_prog(p, sizeof(run_mem));

	ASSERT_MSG(!run_last.fault, "fault at %u, address %#lx\n%s", run_last.fault_insn,
		   (unsigned long)run_last.fault_addr, text);
	ASSERT(run_last.callback == NULL && run_last.frame == NULL);
	prog_put(p);
	return r0;
}

bool run_faults(const char *text, size_t size, uint32_t insn)
{
	struct skep_prog *p = interp(text);
	uint64_t r0 = run_prog(p, size);

	prog_put(p);
	return run_last.fault == -EFAULT && run_last.fault_insn == insn && r0 == 0;
}

TEST(run_saved_registers_survive_calls)
{
	ASSERT_EQ(run_text("r6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\nr1 = 40\ncall +6\n"
			   "r0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\n*(u64 *)(r10 -8) = r0\nexit\n"
			   "r6 = r1\nr7 = 0\nr8 = 0\nr9 = 0\n*(u64 *)(r10 -8) = 1\nr0 = r6\nexit"),
		  70);
}

TEST(run_frames_are_their_own)
{
	ASSERT_EQ(run_text("*(u64 *)(r10 -8) = 5\nr1 = r10\nr1 += -8\ncall +2\n"
			   "r0 = *(u64 *)(r10 -8)\nexit\n"
			   "*(u64 *)(r10 -8) = 99\nr2 = *(u64 *)(r1 +0)\nr2 += 1\n"
			   "*(u64 *)(r1 +0) = r2\nr0 = 0\nexit"),
		  6);
}

TEST(run_eight_frames)
{
	ASSERT_EQ(
		run_text("r1 = 0\ncall +1\nexit\nr1 += 1\ncall +1\nexit\nr1 += 1\ncall +1\nexit\n"
			 "r1 += 1\ncall +1\nexit\nr1 += 1\ncall +1\nexit\nr1 += 1\ncall +1\nexit\n"
			 "r1 += 1\ncall +1\nexit\nr1 += 1\nr0 = r1\nexit"),
		7);
}

TEST(run_may_goto_ends_a_loop)
{
	ASSERT_EQ(run_text("r0 = 0\nr0 += 1\nmay_goto +1\ngoto -3\nexit"), SKEP_MAY_GOTO_MAX + 1);
	/* a jump back to the first instruction is not a new entry */
	memset(run_mem, 0, 8);
	ASSERT_EQ(run_text("r0 = *(u64 *)(r1 +0)\nr0 += 1\n*(u64 *)(r1 +0) = r0\n"
			   "may_goto +1\ngoto -5\nexit"),
		  SKEP_MAY_GOTO_MAX + 1);
	/* every frame has a budget of its own */
	ASSERT_EQ(run_text("call +4\nr6 = r0\ncall +2\nr0 += r6\nexit\n"
			   "r0 = 0\nr0 += 1\nmay_goto +1\ngoto -3\nexit"),
		  2 * (SKEP_MAY_GOTO_MAX + 1));
}

TEST(run_callbacks)
{
	/* bpf_loop(10, add, &sum, 0): adds its index, stops at 6 */
	static const char loop[] = "*(u64 *)(r10 -8) = 0\nr6 = 77\nr1 = 10\nr2 = subprog[add]\n"
				   "r3 = r10\nr3 += -8\nr4 = 0\ncall 181\nr7 = r0\n"
				   "r0 = *(u64 *)(r10 -8)\nr7 *= 1000\nr0 += r7\nr0 += r6\nexit\n"
				   "add: r6 = *(u64 *)(r2 +0)\nr6 += r1\n*(u64 *)(r2 +0) = r6\n"
				   "r0 = 0\nif r1 != 6 goto +1\nr0 = 1\nexit";

	ASSERT_EQ(run_text(loop), 7 * 1000 + 21 + 77);
	ASSERT_EQ(run_text("r1 = 9000000\nr2 = subprog[none]\nr3 = 0\nr4 = 0\ncall 181\nr0 = -r0\n"
			   "exit\nnone: r0 = 0\nexit"),
		  E2BIG);
}

/* A callback that loops with callbacks, down the stack until it ends. */
TEST(run_callbacks_nest)
{
	ASSERT_EQ(
		run_text(
			"r1 = 3\nr2 = subprog[outer]\nr3 = r10\nr3 += -8\n*(u64 *)(r10 -8) = 0\n"
			"r4 = 0\ncall 181\nr0 = *(u64 *)(r10 -8)\nexit\n"
			"outer: r3 = r2\nr1 = 5\nr2 = subprog[inner]\nr4 = 0\ncall 181\nr0 = 0\n"
			"exit\n"
			"inner: r3 = *(u64 *)(r2 +0)\nr3 += 1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nexit"),
		15);
}

TEST(run_callback_faults_end_the_run)
{
	ASSERT(run_faults("r3 = *(u64 *)(r1 +0)\nr1 = 3\nr2 = subprog[bad]\nr4 = 0\ncall 181\n"
			  "r0 = 5\nexit\nbad: r3 = *(u64 *)(r2 +0)\nr0 = 0\nexit",
			  64, 8));
}

TEST(run_callx)
{
	ASSERT_EQ(run_text("r2 = 8\ncallx r2\nexit"), 0); /* get_smp_processor_id */
	ASSERT(run_faults("r2 = 100000\ncallx r2\nexit", 64, 1));
	ASSERT(run_faults("r2 = 0x100000008 ll\ncallx r2\nexit", 64, 2));
}

/* -- tail calls */

static struct skep_map *array_of(struct skep_prog **progs, uint32_t n)
{
	static const struct map_prog_ops ops;
	const struct map_deps deps = { .nr_cpus = 1, .progs = &ops };
	union bpf_attr attr;
	struct skep_map *m;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_PROG_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = n;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	/* Borrowed for the test: nobody counts. */
	memcpy(m->values, progs, n * sizeof(*progs));
	return m;
}

static void drop_array(struct skep_map *m)
{
	memset(m->values, 0, m->max_entries * sizeof(void *));
	map_put(m);
}

#define COUNT "r2 = *(u64 *)(r1 +0)\nr2 += 1\n*(u64 *)(r1 +0) = r2\n"

TEST(run_tail_calls_end_after_33)
{
	struct skep_prog *p =
		program(BPF_PROG_TYPE_SYSCALL, "r6 = r1\n" COUNT "r2 = 0 ll\nr3 = 0\ncall 12\n"
					       "r0 = *(u64 *)(r6 +0)\nexit");
	struct skep_map *m = array_of(&p, 1);

	program_map(p, 4, m);
	program_ready(p, &interp_engine);
	memset(run_mem, 0, sizeof(run_mem));
	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 34);
	ASSERT_EQ(run_last.tail_calls, 33);
	drop_array(m);
	prog_put(p);
}

TEST(run_tail_calls_that_are_not_taken)
{
	struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL,
				      "r0 = 7\nr6 = *(u64 *)(r1 +0)\nr2 = 0 ll\nr3 = r6\ncall 12\n"
				      "r0 = 7\nexit");
	struct skep_prog *none = NULL;
	struct skep_map *m = array_of(&none, 1);

	program_map(p, 2, m);
	program_ready(p, &interp_engine);
	for (uint64_t index = 0; index < 3; index++) { /* empty, beyond, beyond */
		memcpy(run_mem, &index, sizeof(index));
		ASSERT_EQ(run_prog(p, sizeof(run_mem)), 7);
		ASSERT_EQ(run_last.tail_calls, 0);
	}
	drop_array(m);
	prog_put(p);
}

/* A tail call takes the place of the subprogram's frame: its exit returns to the caller. */
TEST(run_tail_calls_from_subprograms)
{
	struct skep_prog *target = interp("r6 = 1\n*(u64 *)(r10 -512) = 3\nr0 = 40\nexit");
	struct skep_prog *p =
		program(BPF_PROG_TYPE_SYSCALL, "r6 = 2\n*(u64 *)(r10 -8) = 100\ncall +4\nr0 += r6\n"
					       "r1 = *(u64 *)(r10 -8)\nr0 += r1\nexit\n"
					       "r2 = 0 ll\nr3 = 0\ncall 12\nr0 = 1\nexit");
	struct skep_map *m = array_of(&target, 1);

	program_map(p, 7, m);
	program_ready(p, &interp_engine);
	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 142);
	ASSERT_EQ(run_last.tail_calls, 1);
	ASSERT(run_last.prog == p);
	drop_array(m);
	prog_put(p);
	prog_put(target);
}

/* Each tail call from a subprogram leaves a frame behind: deeper than any call chain. */
TEST(run_tail_calls_nest_frames)
{
	struct skep_prog *p =
		program(BPF_PROG_TYPE_SYSCALL,
			"*(u64 *)(r10 -8) = 1\ncall +3\nr1 = *(u64 *)(r10 -8)\nr0 += r1\nexit\n"
			"r2 = 0 ll\nr3 = 0\ncall 12\nr0 = 0\nexit");
	struct skep_map *m = array_of(&p, 1);

	program_map(p, 5, m);
	program_ready(p, &interp_engine);
	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 34);
	ASSERT_EQ(run_last.fault, 0);
	drop_array(m);
	prog_put(p);
}

/* -- packet loads */

TEST(run_packet_loads)
{
	struct skep_prog *p =
		program(BPF_PROG_TYPE_SOCKET_FILTER,
			"r6 = r1\nr7 = 2\nr0 = *(u16 *)skb[r7 + 10]\nr8 = r0\nr1 = r6\n"
			"call +2\nr0 += r8\nexit\nr6 = r1\nr0 = *(u32 *)skb[100]\n"
			"r0 = 5\nexit");
	uint8_t packet[64] = { [12] = 0x12, [13] = 0x34 };
	struct skb_ctx ctx;

	program_ready(p, &interp_engine);
	ASSERT_EQ(skb_ctx_init(&ctx, packet, sizeof(packet), 0, sizeof(packet), true), 0);
	run_last = (struct skep_run){ .vcpu = &slot, .ctx = &ctx, .env = &env };
	/* the load beyond the packet ends the callee with 0, not the program */
	ASSERT_EQ(prog_run(p, &ctx, &run_last), 0x1234);
	prog_put(p);
}

/* -- runs that become one instruction */

TEST(run_fused)
{
	/* rotates to both sides, of both widths, the copy kept */
	ASSERT_EQ(run_text("r1 = 0x8000000000000001 ll\nr2 = r1\nr2 >>= 60\nr1 <<= 4\nr1 |= r2\n"
			   "r0 = r1\nr0 <<= 8\nr0 |= r2\nexit"),
		  0x1808);
	ASSERT_EQ(run_text("r1 = 0x80000001\nw2 = w1\nw2 <<= 4\nw1 >>= 28\nw1 |= w2\nr0 = r1\n"
			   "r0 <<= 32\nr0 |= r2\nexit"),
		  0x1800000010);
	/* almost a rotate: the distances do not add up */
	ASSERT_EQ(run_text("r1 = 1\nr2 = r1\nr2 >>= 60\nr1 <<= 5\nr1 |= r2\nr0 = r1\nexit"), 32);
	/* a copy that is its own operand */
	ASSERT_EQ(run_text("r1 = 5\nr2 = 9\nr2 = r1\nr2 += r2\nr0 = r2\nexit"), 10);
	/* narrow moves cut before wide operations */
	ASSERT_EQ(run_text("r1 = 0x1ffffffff ll\nw2 = w1\nr2 += 1\nr0 = r2\nexit"), 0x100000000);
	ASSERT_EQ(run_text("r1 = 0x1ffffffff ll\nr2 = r1\nw2 += 1\nr0 = r2\nexit"), 0);
	ASSERT_EQ(run_text("r1 = -8\nr0 = r1\nr0 s>>= 1\nexit"), (uint64_t)-4);
	/* into the middle of a run */
	memset(run_mem, 0, sizeof(run_mem));
	ASSERT_EQ(run_text("r1 = *(u64 *)(r1 +0)\nr0 = 3\nif r1 == 0 goto +1\nr0 = r1\nr0 += 100\n"
			   "exit"),
		  103);
	/* counting loops, around a goto and not */
	ASSERT_EQ(run_text("r0 = 0\nr1 = -4\nr0 += r1\nr1 += 1\nif r1 s< -1 goto -3\nexit"),
		  (uint64_t)-9);
	ASSERT_EQ(run_text("r0 = 0\nr1 = 0\nr0 += r1\nr1 += 2\nif r1 == 10 goto +1\ngoto -4\nexit"),
		  20);
	ASSERT_EQ(run_text("r0 = 0\nr1 = 10\nr0 += 3\nr1 += -1\nif w1 == 0 goto +1\ngoto -4\nexit"),
		  30);
	/* the second part of a run begins one itself */
	ASSERT_EQ(run_text("r1 = 9\nr0 = r1\nr0 += -4\nif r0 > 16 goto +0\nexit"), 5);
	/* an element of an array */
	ASSERT_EQ(run_text("r6 = r10\nr6 += -16\n*(u64 *)(r10 -16) = 0x11223344\nr7 = 1\nr3 = r6\n"
			   "r3 += r7\nr0 = *(u8 *)(r3 +1)\nexit"),
		  0x22);
}

TEST(run_compile_out_of_memory)
{
	int err = -ENOMEM;

	for (long n = 1; err; n++) {
		struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, "r0 = 0\nexit");

		program_check(p);
		skep_alloc_fail_at(n);
		err = interp_engine.compile(p, NULL);
		skep_alloc_fail_at(0);
		ASSERT(err == 0 || (err == -ENOMEM && !p->engine_priv && !p->entry));
		interp_engine.release(p);
		prog_put(p);
	}
}
