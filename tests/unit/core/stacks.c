/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stacks.c - bpf_get_stack() and bpf_get_stackid() on the stack of who runs the program, the host's
 * kernel beside: both see the same callers, but for who enters the kernel.
 */
#include "base/alloc.h"
#include "core/core.h"
#include "isa/isa.h"
#include "tests/harness/host.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/core/core_test.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define DEPTH 16

/* What the program is told, and what it saw: the value of its array. */
struct io {
	uint64_t size, stack_flags, id_flags;
	int64_t len, id;
	uint64_t ip[DEPTH];
};

static const char text[] = "r6 = r1\n"
			   "r7 = 1 ll\n"
			   "r1 = r6\n"
			   "r2 = r7\n"
			   "r2 += 40\n"
			   "r3 = *(u64 *)(r7 +0)\n"
			   "if r3 > 128 goto out\n"
			   "r4 = *(u64 *)(r7 +8)\n"
			   "call get_stack\n"
			   "*(u64 *)(r7 +24) = r0\n"
			   "r1 = r6\n"
			   "r2 = 2 ll\n"
			   "r3 = *(u64 *)(r7 +16)\n"
			   "call get_stackid\n"
			   "*(u64 *)(r7 +32) = r0\n"
			   "out:\n"
			   "r0 = 0\n"
			   "exit\n";

/* A kernel with the program and its maps. */
struct side {
	long (*enter)(int cmd, union bpf_attr *attr);
	long values, stacks, prog;
};

static long our_enter(int cmd, union bpf_attr *attr)
{
	return skep_kernel_bpf(k, cmd, attr, sizeof(*attr));
}

static long new_map(const struct side *s, uint32_t type, uint32_t value, uint32_t entries)
{
	union bpf_attr a;
	long fd;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = 4;
	a.value_size = value;
	a.max_entries = entries;
	fd = s->enter(BPF_MAP_CREATE, &a);
	ASSERT_GE(fd, 0);
	return fd;
}

static void side_begin(struct side *s)
{
	const struct isa_symbols symbols = { .call = kernel_btf_call };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	union bpf_attr a;
	uint32_t n = 0;

	s->values = new_map(s, BPF_MAP_TYPE_ARRAY, sizeof(struct io), 1);
	s->stacks = new_map(s, BPF_MAP_TYPE_STACK_TRACE, DEPTH * 8, 64);
	ASSERT_MSG(!isa_asm(text, strlen(text), &symbols, &insns, &n, &diag), "line %llu: %s",
		   (unsigned long long)diag.index, diag.msg);
	for (uint32_t i = 0; i < n; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		insns[i].src_reg = insns[i].imm == 1 ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
		insns[i].imm = (int32_t)(insns[i].imm == 1 ? s->values : s->stacks);
	}
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	a.insns = PTR(insns);
	a.insn_cnt = n;
	a.license = PTR("GPL");
	s->prog = s->enter(BPF_PROG_LOAD, &a);
	ASSERT_MSG(s->prog >= 0, "%ld", s->prog);
	skep_free(insns);
}

static int elem(const struct side *s, int cmd, long map, const void *key, void *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	a.key = PTR(key);
	a.value = PTR(value);
	return (int)s->enter(cmd, &a);
}

static void tell(const struct side *s, struct io *io)
{
	const uint32_t zero = 0;

	ASSERT_EQ(elem(s, BPF_MAP_UPDATE_ELEM, s->values, &zero, io), 0);
}

static void hear(const struct side *s, struct io *io)
{
	const uint32_t zero = 0;

	ASSERT_EQ(elem(s, BPF_MAP_LOOKUP_ELEM, s->values, &zero, io), 0);
}

/* --- who calls: two frames that have a frame pointer, as they look at it ---------------------- */

static uint64_t returns[2]; /* to whom inner() and outer() return */

/* Enters the kernel itself: what is between would be a frame more, or spoil the frame pointer. */
static __attribute__((noinline)) long inner(const struct side *s)
{
	const volatile uint64_t *fp = __builtin_frame_address(0);
	union bpf_attr a;
	long err;

	returns[0] = fp[1];
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)s->prog;
	if (s->enter == our_enter)
		err = skep_kernel_bpf(k, BPF_PROG_TEST_RUN, &a, sizeof(a));
	else
		err = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a));
	return fp[1] == returns[0] ? err : -1;
}

static __attribute__((noinline)) long outer(const struct side *s)
{
	const volatile uint64_t *fp = __builtin_frame_address(0);
	long err;

	returns[1] = fp[1];
	err = inner(s);
	return fp[1] == returns[1] ? err : -1;
}

static void run(const struct side *s, struct io *io)
{
	tell(s, io);
	ASSERT_EQ(outer(s), 0);
	hear(s, io);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void see_callers(struct side *s, const char *what)
{
	struct io io = { DEPTH * 8, BPF_F_USER_STACK, BPF_F_USER_STACK };
	uint64_t by_id[DEPTH];
	uint32_t id;

	side_begin(s);
	run(s, &io);
	ASSERT_MSG(io.len >= 24, "%s: %lld", what, (long long)io.len);
	ASSERT_EQ(io.ip[1], returns[0]);
	ASSERT_EQ(io.ip[2], returns[1]);
	ASSERT_GE(io.id, 0);
	id = (uint32_t)io.id;
	ASSERT_EQ(elem(s, BPF_MAP_LOOKUP_ELEM, s->stacks, &id, by_id), 0);
	ASSERT_MEMEQ(by_id, io.ip, (size_t)io.len);
	/* The same again, from the second on. */
	io.stack_flags = BPF_F_USER_STACK | 1;
	io.size = 16;
	run(s, &io);
	ASSERT_EQ(io.len, 16);
	ASSERT(io.ip[0] == returns[0] && io.ip[1] == returns[1]);
	/* Of no file's build id. */
	io.stack_flags = BPF_F_USER_STACK | BPF_F_USER_BUILD_ID | 255;
	run(s, &io);
}

TEST(stacks_lead_to_the_callers)
{
	static const int engines[] = { SKEP_ENGINE_INTERP, SKEP_ENGINE_DEFAULT };
	struct side s = { .enter = our_enter };

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		core_start(&(struct skep_kernel_opts){ .engine = engines[i] });
		see_callers(&s, "ours");
		core_stop();
	}
}

TEST(stacks_of_the_host_lead_to_the_same)
{
	struct side host = { .enter = host_bpf };

	host_required();
	see_callers(&host, "the host's");
}

TEST(stacks_refuse_as_the_host)
{
	static const struct io asks[] = {
		{ 8, BPF_F_USER_STACK | 1 << 12, BPF_F_USER_STACK | 1 << 12 },
		{ 12, BPF_F_USER_STACK, BPF_F_USER_STACK | 255 },
		{ 40, BPF_F_USER_STACK | BPF_F_USER_BUILD_ID,
		  BPF_F_USER_STACK | BPF_F_USER_BUILD_ID },
		{ 64, BPF_F_USER_BUILD_ID, BPF_F_USER_BUILD_ID },
		{ 64, BPF_F_USER_STACK | 255, BPF_F_USER_STACK | 254 },
		{ 0, BPF_F_USER_STACK, UINT64_C(1) << 40 },
		{ 64, UINT64_C(1) << 33, 1 << 16 },
	};
	struct side host = { .enter = host_bpf }, ours = { .enter = our_enter };

	host_required();
	core_start(NULL);
	side_begin(&host);
	side_begin(&ours);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		struct io theirs = asks[i], mine = asks[i];

		theirs.ip[0] = mine.ip[0] = 7;
		run(&host, &theirs);
		run(&ours, &mine);
		ASSERT_MSG(theirs.len == mine.len && theirs.id == mine.id,
			   "%zu: %lld and %lld, on the host %lld and %lld", i, (long long)mine.len,
			   (long long)mine.id, (long long)theirs.len, (long long)theirs.id);
		ASSERT_EQ(mine.ip[0], theirs.ip[0]);
	}
	core_stop();
}

TEST(stacks_are_not_believed)
{
	uint64_t *page =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t wild[] = { 0, 1, 8, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63, 0, 0, 0 };
	struct side s = { .enter = our_enter };
	union bpf_attr a;

	ASSERT(page != MAP_FAILED && !mprotect(page + 512, 4096, PROT_NONE));
	page[510] = PTR(page + 512); /* leads where nothing is... */
	page[511] = 2;
	page[0] = PTR(page); /* ...and round and round */
	page[1] = 3;
	wild[6] = PTR(page + 511); /* half of it is there */
	wild[7] = PTR(page + 510);
	wild[8] = PTR(page);
	core_start(NULL);
	side_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		struct io io = { DEPTH * 8, BPF_F_USER_STACK, BPF_F_USER_STACK };

		tell(&s, &io);
		memset(&a, 0, sizeof(a));
		a.test.prog_fd = (uint32_t)s.prog;
		ASSERT_EQ(core_bpf(k, BPF_PROG_TEST_RUN, PTR(&a), sizeof(a), 4711, wild[i]), 0);
		hear(&s, &io);
		ASSERT_EQ(io.ip[0], 4711);
		ASSERT_EQ(io.len, i < 7 ? 8 : i == 7 ? 16 : DEPTH * 8);
		ASSERT_EQ(io.ip[DEPTH - 1], i == 8 ? 3 : 0);
	}
	/* From nowhere, and the kernel's own: nothing. */
	for (uint64_t flags = 0; flags <= BPF_F_USER_STACK; flags += BPF_F_USER_STACK) {
		struct io io = { DEPTH * 8, flags, flags };

		tell(&s, &io);
		ASSERT_EQ(core_bpf(k, BPF_PROG_TEST_RUN, PTR(&a), sizeof(a), flags ? 0 : 4711, 0),
			  0);
		hear(&s, &io);
		ASSERT_EQ(io.len, 0);
		ASSERT_EQ(io.id, -EFAULT);
	}
	core_stop();
}
