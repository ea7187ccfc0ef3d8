/* SPDX-License-Identifier: BSD-2-Clause */
/* memory.c - every access is checked: loads, stores, what helpers are handed */
#include "helper/helper.h"
#include "tests/unit/interp/run.h"

/* The context's address as a plain number that the verifier does not know: *ctx. */
#define BASE "r6 = *(u64 *)(r1 +0)\n"

static void base_at(const void *p)
{
	uint64_t v = (uintptr_t)p;

	memcpy(run_mem, &v, sizeof(v));
}

static bool in_bounds(const char *access, int off, size_t size)
{
	struct skep_prog *p;
	char text[128];

	snprintf(text, sizeof(text), BASE "r2 = 0\nr6 += %d\n%s\nr0 = 1\nexit", off, access);
	p = interp(text);
	base_at(run_mem);
	run_prog(p, size);
	prog_put(p);
	if (run_last.fault)
		ASSERT(run_last.fault_insn == 3 &&
		       run_last.fault_addr == (uintptr_t)run_mem + (uintptr_t)off);
	return !run_last.fault;
}

TEST(memory_bounds_are_exact)
{
	static const struct {
		const char *access;
		int size;
	} ways[] = {
		{ "r3 = *(u8 *)(r6 +0)", 1 },
		{ "r3 = *(u16 *)(r6 +0)", 2 },
		{ "r3 = *(u32 *)(r6 +0)", 4 },
		{ "r3 = *(u64 *)(r6 +0)", 8 },
		{ "r3 = *(s8 *)(r6 +0)", 1 },
		{ "r3 = *(s32 *)(r6 +0)", 4 },
		{ "*(u8 *)(r6 +0) = 1", 1 },
		{ "*(u64 *)(r6 +0) = 1", 8 },
		{ "*(u16 *)(r6 +0) = r2", 2 },
		{ "*(u32 *)(r6 +0) = r2", 4 },
		{ "lock *(u32 *)(r6 +0) += r2", 4 },
		{ "r2 = atomic64_xchg((u64 *)(r6 +0), r2)", 8 },
		{ "r3 = load_acquire((u16 *)(r6 +0))", 2 },
		{ "store_release((u8 *)(r6 +0), r2)", 1 },
	};
	/* regions at least as large as a window, and smaller ones */
	static const size_t sizes[] = { 64, 33, 9, 8 };

	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			const int last = (int)sizes[s] - ways[w].size;

			ASSERT_MSG(in_bounds(ways[w].access, 0, sizes[s]), "%s", ways[w].access);
			ASSERT_MSG(in_bounds(ways[w].access, last, sizes[s]), "%s", ways[w].access);
			ASSERT(!in_bounds(ways[w].access, last + 1, sizes[s]));
			ASSERT(!in_bounds(ways[w].access, -1, sizes[s]));
			ASSERT(!in_bounds(ways[w].access, INT32_MIN, sizes[s]));
		}
	}
}

TEST(memory_small_regions)
{
	/* the context's first word is needed for the address: a second region of 3 bytes */
	struct skep_prog *p = interp(BASE "r0 = *(u16 *)(r6 +1)\nexit");
	struct skep_prog *over = interp(BASE "r0 = *(u16 *)(r6 +2)\nexit");
	uint8_t three[3] = { 1, 2, 3 };

	base_at(three);
	run_prog(p, sizeof(run_mem));
	ASSERT_EQ(run_last.fault, -EFAULT); /* nobody said that it may */
	run_last.region[7] = (struct run_region){ (uintptr_t)three, sizeof(three) };
	ASSERT_EQ(prog_run(p, run_mem, &run_last), 0x0302);
	ASSERT_EQ(run_last.fault, 0);
	prog_run(over, run_mem, &run_last);
	ASSERT_EQ(run_last.fault, -EFAULT);
	prog_put(p);
	prog_put(over);
}

TEST(memory_wild_addresses)
{
	static const uint64_t wild[] = { 0, 1, 8, 0x1000, UINT64_MAX, UINT64_MAX - 7, INT64_MAX };
	struct skep_prog *load = interp(BASE "r0 = *(u64 *)(r6 +0)\nexit");
	struct skep_prog *store = interp(BASE "*(u8 *)(r6 +0) = 1\nr0 = 0\nexit");
	struct skep_prog *indexed =
		interp(BASE "r7 = 0\nr3 = r6\nr3 += r7\nr0 = *(u32 *)(r3 +0)\nexit");

	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		memcpy(run_mem, &wild[i], 8);
		run_prog(load, sizeof(run_mem));
		ASSERT(run_last.fault == -EFAULT && run_last.fault_insn == 1);
		ASSERT_EQ(run_last.fault_addr, wild[i]);
		run_prog(store, sizeof(run_mem));
		ASSERT(run_last.fault == -EFAULT && run_last.fault_insn == 1);
		run_prog(indexed, sizeof(run_mem));
		ASSERT(run_last.fault == -EFAULT && run_last.fault_insn == 4);
	}
	prog_put(load);
	prog_put(store);
	prog_put(indexed);
}

/* The next run starts clean. */
TEST(memory_faults_do_not_last)
{
	struct skep_prog *p = interp(BASE "r0 = *(u8 *)(r6 +0)\nexit");

	memset(run_mem, 0, sizeof(run_mem));
	run_prog(p, sizeof(run_mem));
	ASSERT_EQ(run_last.fault, -EFAULT);
	base_at(run_mem + 1);
	run_mem[1] = 0;
	base_at(run_mem);
	ASSERT_EQ(prog_run(p, run_mem, &run_last), run_mem[0]);
	ASSERT_EQ(run_last.fault, 0);
	prog_put(p);
}

static struct skep_prog *with_map(const char *text, uint32_t at, struct skep_map *m)
{
	struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, text);

	program_map(p, at, m);
	return program_trusted(p, &interp_engine);
}

/* Looks up key 0 and reads a byte at `off` of the value. */
static int value_access(struct skep_map *m, int off)
{
	struct skep_prog *p;
	char text[256];

	snprintf(text, sizeof(text),
		 "*(u64 *)(r10 -8) = 0\nr1 = 0 ll\nr2 = r10\nr2 += -8\ncall 1\n"
		 "if r0 == 0 goto +3\nr7 = r0\nr0 = *(u8 *)(r7 %+d)\nexit\nr0 = 99\nexit",
		 off);
	p = with_map(text, 1, m);
	run_prog(p, sizeof(run_mem));
	prog_put(p);
	return run_last.fault;
}

TEST(memory_map_values)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH,
					  BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
					  BPF_MAP_TYPE_LRU_HASH };
	const uint8_t value[2 * 24] = { 42 };
	const uint32_t key = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = program_new_map(types[i], 4, 24, 2, 0);

		ASSERT_EQ(map_sys_update(m, &key, value, BPF_ANY), 0);
		ASSERT_EQ(value_access(m, 0), 0);
		ASSERT_EQ(value_access(m, 23), 0);
		ASSERT_EQ(value_access(m, 32767), -EFAULT);
		ASSERT_EQ(value_access(m, -32768), -EFAULT);
		map_put(m);
	}
}

TEST(memory_inner_maps)
{
	struct skep_map *inner = program_new_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	const struct map_deps deps = { .nr_cpus = 1, .inner = inner };
	struct skep_map *outer;
	const uint32_t key = 0;
	const uint64_t value = 1234;
	struct skep_prog *p;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	ASSERT_EQ(map_new(&attr, &deps, &outer, NULL), 0);
	ASSERT_EQ(map_sys_update(outer, &key, &inner, BPF_ANY), 0);
	ASSERT_EQ(map_sys_update(inner, &key, &value, BPF_ANY), 0);
	p = with_map("*(u64 *)(r10 -8) = 0\nr1 = 0 ll\nr2 = r10\nr2 += -8\ncall 1\n"
		     "if r0 == 0 goto +6\nr1 = r0\nr2 = r10\nr2 += -8\ncall 1\nif r0 == 0 goto +1\n"
		     "r0 = *(u64 *)(r0 +0)\nexit",
		     1, outer);
	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 1234);
	ASSERT_EQ(run_last.fault, 0);
	prog_put(p);
	map_put(outer);
	map_put(inner);
}

TEST(memory_reservations)
{
	struct skep_map *m = program_new_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	/* reserve 16 bytes, write the last, give back */
	struct skep_prog *p = with_map("r1 = 0 ll\nr2 = 16\nr3 = 0\ncall 131\nr6 = r0\n"
				       "if r6 == 0 goto +5\n*(u64 *)(r6 +8) = 7\nr1 = r6\nr2 = 0\n"
				       "call 132\nr0 = 1\nexit",
				       0, m);
	/* the same, given back twice */
	struct skep_prog *twice = with_map("r1 = 0 ll\nr2 = 16\nr3 = 0\ncall 131\nr6 = r0\n"
					   "r1 = r6\nr2 = 0\ncall 133\nr1 = r6\nr2 = 0\ncall 133\n"
					   "r0 = 1\nexit",
					   0, m);
	/* something else is given back */
	struct skep_prog *other =
		with_map("r1 = 0 ll\nr1 = r10\nr1 += -64\nr2 = 0\ncall 132\nr0 = 1\n"
			 "exit",
			 0, m);

	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 1);
	ASSERT_EQ(run_prog(twice, sizeof(run_mem)), 0);
	ASSERT(run_last.fault == -EFAULT && run_last.fault_insn == 11);
	ASSERT_EQ(run_prog(other, sizeof(run_mem)), 0);
	ASSERT(run_last.fault == -EFAULT && run_last.fault_insn == 5);
	prog_put(p);
	prog_put(twice);
	prog_put(other);
	map_put(m);
}

/*
 * Runs the text, where 0 ll is a ring buffer, and the context holds run_mem + 56: the last 8 bytes.
 * The instruction where it faulted, or -1.
 */
static int ring_run(const char *text)
{
	struct skep_map *m = program_new_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, text);

	for (uint32_t i = 0; i < p->image.insn_cnt; i++)
		if (insn_is_ld_imm64(&p->image.insns[i]) && !p->image.insns[i].imm)
			program_map(p, i, m);
	program_trusted(p, &interp_engine);
	base_at(run_mem + 56);
	run_prog(p, sizeof(run_mem));
	prog_put(p);
	map_put(m);
	return run_last.fault ? (int)run_last.fault_insn : -1;
}

TEST(memory_records_end)
{
#define RESERVE "r1 = 0 ll\nr2 = 16\nr3 = 0\ncall 131\nr6 = r0\n" /* 6 slots */
#define SUBMIT	"r1 = r6\nr2 = 0\ncall 132\n"
	ASSERT_EQ(ring_run(RESERVE SUBMIT "r0 = *(u64 *)(r6 +0)\nexit"), 9);
	ASSERT_EQ(ring_run(RESERVE "r0 = *(u64 *)(r6 +0)\n" SUBMIT "*(u8 *)(r6 +0) = 1\nexit"), 10);
	ASSERT_EQ(ring_run(RESERVE "r7 = r6\nr7 += 3\nr0 = *(u8 *)(r7 +0)\n" SUBMIT
				   "r0 = *(u8 *)(r7 +0)\nexit"),
		  12);
	ASSERT_EQ(ring_run(RESERVE "r1 = r6\nr1 += 8\nr2 = 0\ncall 132\nexit"), 9);
	/* Not one record into another. */
	ASSERT_EQ(ring_run(RESERVE "r0 = *(u64 *)(r6 +16)\nexit"), 6);
#undef RESERVE
#undef SUBMIT
}

/* What a dynptr stands for is looked at whenever it is handed to somebody. */
TEST(memory_dynptrs)
{
#define MAKE(data, size)                                             \
	"r6 = r1\nr7 = " data "\n*(u64 *)(r10 -16) = r7\nr8 = " size \
	" ll\n*(u64 *)(r10 -8) = r8\nr1 = r10\nr1 += -16\n" /* 8 slots */
#define RESERVE \
	"r1 = 0 ll\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall 198\nr1 = r10\nr1 += -16\n" /* 9 */
#define COPY                                                                                    \
	"r2 = *(u64 *)(r1 +0)\nr3 = *(u64 *)(r1 +8)\n*(u64 *)(r1 -16) = r2\n*(u64 *)(r1 -8) = " \
	"r3\n"
#define DATA "r2 = 0\nr3 = 4\ncall 203\n"
	static const struct {
		const char *text;
		int fault;
	} ways[] = {
		{ MAKE("*(u64 *)(r6 +0)", "0x10000008") DATA "r0 = *(u32 *)(r0 +0)\nexit", -1 },
		{ MAKE("*(u64 *)(r6 +0)", "0x10000009") DATA "exit", 10 },
		{ MAKE("*(u64 *)(r6 +0)", "0x110000008") DATA "exit", 10 },
		{ MAKE("*(u64 *)(r6 +0)", "0x410000004") DATA "r0 = *(u32 *)(r0 +0)\nexit", -1 },
		{ MAKE("0", "0x10000009") DATA "exit", -1 },
		/* a record that is none, a packet that is another's */
		{ MAKE("*(u64 *)(r6 +0)", "0x20000004") DATA "exit", 10 },
		{ MAKE("*(u64 *)(r6 +0)", "0x30000004") DATA "exit", 10 },
		{ MAKE("r6", "0x40000004") DATA "exit", -1 },
		/* no room for one */
		{ "r4 = *(u64 *)(r1 +0)\nr1 = 0\nr2 = 0\nr3 = 0\ncall 197\nexit", 4 },
		{ "r1 = *(u64 *)(r1 +0)\n" DATA "exit", 3 },
		/* records are given back once, and what was of them is not any more */
		{ RESERVE "r2 = 0\ncall 199\nr0 = 1\nexit", -1 },
		{ RESERVE COPY "r2 = 0\ncall 199\nr1 = r10\nr1 += -32\nr2 = 0\ncall 200\nexit",
		  18 },
		{ RESERVE COPY "r2 = 0\ncall 199\nr1 = r10\nr1 += -32\n" DATA "exit", 19 },
		{ RESERVE DATA
		  "r6 = r0\n*(u32 *)(r6 +0) = 1\nr1 = r10\nr1 += -16\nr2 = 0\ncall 199\n"
		  "r0 = *(u32 *)(r6 +0)\nexit",
		  18 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const int at = ring_run(ways[i].text);

		ASSERT_MSG(at == ways[i].fault, "%zu: fault at %d", i, at);
	}
}

/* A reservation is not forgotten over what else helpers hand out. */
TEST(memory_reservation_among_values)
{
	struct skep_map *ring = program_new_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	struct skep_map *hash = program_new_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL,
				      "r1 = 0 ll\nr2 = 16\nr3 = 0\ncall 131\nr6 = r0\n"
				      "*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -16) = 0\n"
				      "r1 = 1 ll\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -16\n"
				      "r4 = 0\ncall 2\nr7 = 20\n"
				      "r1 = 1 ll\nr2 = r10\nr2 += -8\ncall 1\nr7 += -1\n"
				      "if r7 != 0 goto -7\n"
				      "*(u64 *)(r6 +8) = 7\nr1 = r6\nr2 = 0\ncall 132\n"
				      "r0 = 1\nexit");

	for (uint32_t i = 0; i < p->image.insn_cnt; i++)
		if (insn_is_ld_imm64(&p->image.insns[i]))
			program_map(p, i, p->image.insns[i].imm ? hash : ring);
	program_trusted(p, &interp_engine);
	ASSERT_EQ(run_prog(p, sizeof(run_mem)), 1);
	prog_put(p);
	map_put(ring);
	map_put(hash);
}

/* Helpers never see what is not the program's. */
TEST(memory_helper_arguments)
{
	static const struct {
		const char *text; /* instruction 0 loads the map, the context holds run_mem + 60 */
		int fault;	  /* where, or -1 */
	} ways[] = {
		/* a map that is a number */
		{ "r1 = 0 ll\nr2 = r10\nr2 += -8\nr1 = r2\ncall 1\nr0 = 1\nexit", 5 },
		/* a key beyond the region: 4 bytes at 60, at 61 */
		{ "r6 = r1\nr1 = 0 ll\nr2 = *(u64 *)(r6 +0)\ncall 1\nr0 = 1\nexit", -1 },
		{ "r6 = r1\nr1 = 0 ll\nr2 = *(u64 *)(r6 +0)\nr2 += 1\ncall 1\nr0 = 1\nexit", 5 },
		/* a value beyond */
		{ "r6 = r1\nr1 = 0 ll\nr3 = *(u64 *)(r6 +0)\n*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += "
		  "-8\n"
		  "r4 = 0\ncall 2\nr0 = 1\nexit",
		  8 },
		/* memory with its size: 4 bytes at 60 are fine, 5 are not; nothing at NULL is */
		{ "r1 = *(u64 *)(r1 +0)\nr2 = 4\nr3 = 0\ncall 4\nr0 = 1\nexit", -1 },
		{ "r1 = *(u64 *)(r1 +0)\nr2 = 5\nr3 = 0\ncall 4\nr0 = 1\nexit", 3 },
		{ "r1 = 0\nr2 = 0\nr3 = 0\ncall 4\nr0 = 1\nexit", -1 },
		{ "r1 = 0\nr2 = -1\nr3 = 0\ncall 4\nr0 = 1\nexit", 3 },
		/* a long where there is none */
		{ "r6 = *(u64 *)(r1 +0)\nr1 = r10\nr1 += -8\n*(u64 *)(r1 +0) = 0x31\nr2 = 8\nr3 = "
		  "0\n"
		  "r4 = r6\ncall 105\nr0 = 1\nexit",
		  7 },
		/* a string that does not end in what is the program's */
		{ "r6 = *(u64 *)(r1 +0)\nr1 = r10\nr1 += -8\n*(u64 *)(r1 +0) = 0x31\nr2 = 8\n"
		  "r3 = r6\ncall 182\nr0 = 1\nexit",
		  6 },
	};
	struct skep_map *m = program_new_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, ways[i].text);

		for (uint32_t n = 0; n < p->image.insn_cnt; n++)
			if (insn_is_ld_imm64(&p->image.insns[n]))
				program_map(p, n, m);
		program_trusted(p, &interp_engine);
		memset(run_mem, 'x', sizeof(run_mem));
		base_at(run_mem + 60);
		run_prog(p, sizeof(run_mem));
		if (ways[i].fault < 0)
			ASSERT_MSG(!run_last.fault, "%zu: fault at %u", i, run_last.fault_insn);
		else
			ASSERT_MSG(run_last.fault == -EFAULT &&
					   run_last.fault_insn == (uint32_t)ways[i].fault,
				   "%zu: %d at %u", i, run_last.fault, run_last.fault_insn);
		prog_put(p);
	}
	map_put(m);
}

TEST(memory_kfunc_arguments)
{
	static const struct {
		const char *kfunc, *text;
		int fault;
	} ways[] = {
		{ "bpf_dynptr_size", "r1 = 8\ncall 1\nexit", 1 },
		{ "bpf_dynptr_is_null", "r1 = r10\nr1 += -16\ncall 1\nexit", -1 },
		{ "bpf_dynptr_is_null", "r1 = r10\nr1 += -8\ncall 1\nexit", 2 },
		{ "bpf_iter_num_new", "r2 = 0\nr3 = 1\nr1 = r10\ncall 1\nexit", 3 },
		{ "bpf_iter_num_new", "r2 = 0\nr3 = 1\nr1 = r10\nr1 += -8\ncall 1\nexit", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, ways[i].text);
		const uint32_t at = p->image.insn_cnt - 2;

		p->image.insns[at].src_reg = BPF_PSEUDO_KFUNC_CALL;
		p->image.aux[at].ref = INSN_REF_KFUNC;
		p->image.aux[at].kfunc = kfunc_by_name(ways[i].kfunc);
		program_trusted(p, &interp_engine);
		run_prog(p, sizeof(run_mem));
		ASSERT_MSG((run_last.fault ? (int)run_last.fault_insn : -1) == ways[i].fault,
			   "%zu: %d at %u", i, run_last.fault, run_last.fault_insn);
		prog_put(p);
	}
}
