/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - programs that allocate in an arena, and compute with pointers into it: on both engines
 * and, where it may be asked, on the host's kernel.
 */
#include "base/alloc.h"
#include "core/core.h"
#include "isa/isa.h"
#include "tests/harness/host.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/core/core_test.h"

#include <sys/mman.h>

#define PAGE   4096u
#define PAGES  16u
#define PLACE  (UINT64_C(0x2a) << 40 | 0xf0000000u) /* map_extra */
#define NOTES  24
#define LOG    65536
#define FLAGS_ BPF_F_MMAPABLE

/* A program's context: what it is given, and what it saw. */
struct io {
	uint64_t in[4];
	uint64_t out[NOTES];
};

#define NOTE(n, reg) "*(u64 *)(r6 +" #n ") = " reg "\n"

/* Two pages: values by both halves of what a pointer is, and what is left when they are free. */
static const char pages[] =
	"r6 = r1\n"
	"r1 = 1 ll\n"
	"r2 = 0\n"
	"r3 = 2\n"
	"r4 = -1\n"
	"r5 = 0\n"
	"call bpf_arena_alloc_pages\n" NOTE(
		32, "r0") "r7 = r0\n"
			  "r1 = addr_space_cast(r7, 0, 1)\n"
			  "r2 = 4660\n"
			  "*(u64 *)(r1 +8) = r2\n"
			  "r1 += 4096\n"
			  "*(u32 *)(r1 +0) = 77\n"
			  "r1 -= 4088\n"
			  "r3 = *(u64 *)(r1 +0)\n" NOTE(
				  40, "r3") "r2 = addr_space_cast(r1, 1, 0)\n" NOTE(48, "r2")
	/* Any arithmetic, and numbers in the upper half: only the lower one counts. */
	"r4 = 1\n"
	"r4 <<= 40\n"
	"r1 += r4\n"
	"r3 = *(u64 *)(r1 +0)\n" NOTE(56, "r3") "w1 += 4088\n"
						"r3 = *(u32 *)(r1 +0)\n" NOTE(
							64, "r3") "r1 |= 3\n"
								  "r1 &= -4\n"
								  "r3 = *(u8 *)(r1 +0)\n" NOTE(72,
											       "r3")
	/* Atomics. */
	"r1 = addr_space_cast(r7, 0, 1)\n"
	"r2 = 5\n"
	"lock *(u64 *)(r1 +16) += r2\n"
	"r2 = 3\n"
	"r2 = atomic64_fetch_add((u64 *)(r1 +16), r2)\n" NOTE(
		80, "r2") "r0 = 8\n"
			  "r2 = 9\n"
			  "r0 = atomic64_cmpxchg((u64 *)(r1 +16), r0, r2)\n" NOTE(
				  88, "r0") "r3 = *(u64 *)(r1 +16)\n" NOTE(96, "r3")
	/* NULL, and where nothing is. */
	"r1 = 0\n"
	"r2 = addr_space_cast(r1, 1, 0)\n" NOTE(
		104,
		"r2") "r1 = addr_space_cast(r1, 0, 1)\n"
		      "r2 = *(u64 *)(r1 +0)\n" NOTE(112, "r2") "r2 = *(u64 *)(r1 -32768)\n" NOTE(
			      120, "r2") "r1 = -1\n"
					 "r1 = addr_space_cast(r1, 0, 1)\n"
					 "r2 = *(u64 *)(r1 +32767)\n" NOTE(
						 128, "r2") "r1 = addr_space_cast(r7, 0, 1)\n"
							    "r2 = *(u64 *)(r1 +16384)\n" NOTE(136,
											      "r2")
	/* Freed. */
	"r1 = 1 ll\n"
	"r2 = r7\n"
	"r3 = *(u64 *)(r6 +0)\n"
	"call bpf_arena_free_pages\n"
	"r1 = addr_space_cast(r7, 0, 1)\n"
	"r2 = *(u64 *)(r1 +8)\n" NOTE(144, "r2") "r2 = *(u32 *)(r1 +4096)\n" NOTE(152,
										  "r2") "r0 = 0\n"
											"exit\n";

/* One call of each, with what the context says. */
static const char calls[] = "r6 = r1\n"
			    "r1 = 1 ll\n"
			    "r2 = *(u64 *)(r6 +0)\n"
			    "r3 = *(u64 *)(r6 +8)\n"
			    "r4 = *(u64 *)(r6 +16)\n"
			    "r5 = 0\n"
			    "call bpf_arena_alloc_pages\n" NOTE(32, "r0") "r0 = 0\n"
									  "exit\n";

/* Code that sees a pointer one time and a number the other. */
static const char mixed[] = "r6 = r1\n"
			    "r1 = 1 ll\n"
			    "r2 = *(u64 *)(r6 +0)\n"
			    "r3 = r2\n"
			    "if r2 == 0 goto add\n"
			    "r3 = addr_space_cast(r2, 0, 1)\n"
			    "add:\n"
			    "r3 += 8\n"
			    "r0 = 0\n"
			    "exit\n";

/* An atomic that would be a loop. */
static const char looping[] = "r1 = 1 ll\n"
			      "r2 = 1\n"
			      "r1 = addr_space_cast(r2, 0, 1)\n"
			      "r2 = atomic64_fetch_or((u64 *)(r1 +0), r2)\n"
			      "r0 = 0\n"
			      "exit\n";

/* --- two kernels ------------------------------------------------------------------------------ */

struct kernel {
	long (*bpf)(int cmd, union bpf_attr *attr);
	struct skep_btf *types;
	long map;
	uint8_t *mem; /* the arena, as this process has it */
};

static long our_bpf(int cmd, union bpf_attr *attr)
{
	union core_attr a = attr_zero;
	long ret;

	a.a = *attr;
	ret = bpf_call(cmd, &a);
	*attr = a.a;
	return ret;
}

static long arena_new(const struct kernel *kn, uint64_t place, uint32_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = SKEP_MAP_TYPE_ARENA;
	a.max_entries = PAGES;
	a.map_flags = flags;
	a.map_extra = place;
	return kn->bpf(BPF_MAP_CREATE, &a);
}

static void arena_map(struct kernel *kn)
{
	kn->map = arena_new(kn, PLACE, FLAGS_);
	ASSERT_GE(kn->map, 0);
	kn->mem = mmap((void *)(uintptr_t)PLACE, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED_NOREPLACE, (int)kn->map, 0);
	ASSERT_MSG(kn->mem != MAP_FAILED, "mmap: %s", strerror(errno));
}

static void arena_end(struct kernel *kn)
{
	munmap(kn->mem, (size_t)PAGES * PAGE);
	close((int)kn->map);
}

static long load(const struct kernel *kn, const char *text, const long *maps, char log[LOG])
{
	const struct isa_symbols symbols = { .call = kernel_btf_call, .arg = kn->types };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	union bpf_attr a;
	uint32_t n = 0;
	long fd;

	ASSERT_MSG(!isa_asm(text, strlen(text), &symbols, &insns, &n, &diag), "line %llu: %s",
		   (unsigned long long)diag.index, diag.msg);
	for (uint32_t i = 0; i < n; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		insns[i].src_reg = BPF_PSEUDO_MAP_FD;
		insns[i].imm = (int32_t)maps[insns[i].imm - 1];
		i++;
	}
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SYSCALL;
	a.prog_flags = BPF_F_SLEEPABLE;
	a.insns = PTR(insns);
	a.insn_cnt = n;
	a.license = PTR("GPL");
	a.log_level = 1;
	a.log_buf = PTR(log);
	a.log_size = LOG;
	log[0] = '\0';
	fd = kn->bpf(BPF_PROG_LOAD, &a);
	skep_free(insns);
	return fd;
}

static void run(const struct kernel *kn, long prog, struct io *io)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	a.test.ctx_in = PTR(io);
	a.test.ctx_size_in = sizeof(*io);
	ASSERT_EQ(kn->bpf(BPF_PROG_TEST_RUN, &a), 0);
}

static uint64_t alloc(const struct kernel *kn, long prog, uint64_t at, uint64_t cnt, int node)
{
	struct io io = { .in = { at, cnt, (uint64_t)node } };

	run(kn, prog, &io);
	return io.out[0];
}

/* --- what is compared ------------------------------------------------------------------------- */

struct seen {
	struct io io;
	uint64_t mem[3];
	uint64_t got[12];
};

/* Everything that both kernels are asked, in one order. */
static void ask(struct kernel *kn, struct seen *s)
{
	static char log[LOG];
	long prog;
	int n = 0;

	*s = (struct seen){ 0 };
	arena_map(kn);
	prog = load(kn, pages, &kn->map, log);
	ASSERT_MSG(prog >= 0, "%ld: %s", prog, log);
	run(kn, prog, &s->io); /* frees nothing */
	s->mem[0] = *(uint64_t *)(kn->mem + 8);
	s->mem[1] = *(uint32_t *)(kn->mem + PAGE);
	s->io.in[0] = 2;
	run(kn, prog, &s->io);
	arena_end(kn);

	arena_map(kn);
	prog = load(kn, calls, &kn->map, log);
	ASSERT_MSG(prog >= 0, "%ld: %s", prog, log);
	kn->mem[3 * PAGE] = 1; /* is ours from now on */
	s->got[n++] = alloc(kn, prog, PLACE + 3 * PAGE, 1, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 2 * PAGE, 2, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 2 * PAGE, 1, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 2 * PAGE, 1, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 1, 1, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 15 * PAGE, 2, -1);
	s->got[n++] = alloc(kn, prog, PLACE + 15 * PAGE, 1, 0);
	s->got[n++] = alloc(kn, prog, 0, 17, -1);
	s->got[n++] = alloc(kn, prog, 0, 12, -1);
	s->got[n++] = alloc(kn, prog, 0, 11, -1);
	s->got[n++] = alloc(kn, prog, 0, 3, 4711);
	s->got[n++] = alloc(kn, prog, 0, 3, -1);
	s->mem[2] = kn->mem[3 * PAGE];
	arena_end(kn);
}

static void check(const struct seen *s)
{
	const uint64_t *o = s->io.out;

	/* The second time: the first two pages were freed, or the next are taken. */
	ASSERT_EQ(o[1], 4660);
	ASSERT_EQ(o[2], o[0] + 8);
	ASSERT_EQ(o[3], 4660);
	ASSERT_EQ(o[4], 77);
	ASSERT_EQ(o[5], 77);
	ASSERT_EQ(o[6], 5);
	ASSERT_EQ(o[7], 8);
	ASSERT_EQ(o[8], 9);
	for (int i = 9; i < 16; i++)
		ASSERT_MSG(!o[i], "note %d: %llu", i, (unsigned long long)o[i]);
	ASSERT_EQ(s->mem[0], 4660);
	ASSERT_EQ(s->mem[1], 77);
	ASSERT_EQ(s->mem[2], 1);
}

static void ours(int engine, struct seen *s)
{
	struct kernel kn = { .bpf = our_bpf };
	const void *data;
	size_t size;

	data = skep_kernel_btf(&size);
	ASSERT_EQ(btf_new(data, (uint32_t)size, NULL, NULL, &kn.types, NULL), 0);
	core_start(&(struct skep_kernel_opts){ .engine = engine });
	ask(&kn, s);
	core_stop();
	btf_put(kn.types);
}

TEST(arenas_on_both_engines)
{
	static struct seen interp, jit;

	test_needs_addresses();
	ours(SKEP_ENGINE_INTERP, &interp);
	check(&interp);
	ours(SKEP_ENGINE_JIT, &jit);
	ASSERT_MEMEQ(&interp, &jit, sizeof(jit));
}

TEST(arenas_are_the_hosts)
{
	static struct seen theirs, mine;
	struct kernel host = { .bpf = host_bpf };

	test_needs_addresses();
	host_required();
	host.types = kernel_btf_host();
	if (!host.types || btf_find(host.types, "bpf_arena_alloc_pages", BTF_KIND_FUNC) < 0)
		test_skip("the host's kernel has no arenas, or tells no types");
	ask(&host, &theirs);
	check(&theirs);
	ours(SKEP_ENGINE_JIT, &mine);
	for (int i = 0; i < NOTES; i++)
		ASSERT_MSG(theirs.io.out[i] == mine.io.out[i],
			   "note %d: 0x%llx, on the host 0x%llx", i,
			   (unsigned long long)mine.io.out[i],
			   (unsigned long long)theirs.io.out[i]);
	for (size_t i = 0; i < ARRAY_SIZE(theirs.got); i++)
		ASSERT_MSG(theirs.got[i] == mine.got[i], "call %zu: 0x%llx, on the host 0x%llx", i,
			   (unsigned long long)mine.got[i], (unsigned long long)theirs.got[i]);
	btf_put(host.types);
}

/* --- what is refused -------------------------------------------------------------------------- */

TEST(arenas_that_cannot_be_used)
{
	struct kernel kn = { .bpf = our_bpf };
	static char log[LOG];
	long maps[2];

	core_start(NULL);
	ASSERT_EQ(arena_new(&kn, PLACE, 0), -EINVAL);
	ASSERT_EQ(arena_new(&kn, PLACE + 1, FLAGS_), -EINVAL);
	ASSERT_EQ(arena_new(&kn, (UINT64_C(1) << 32) - PAGE, FLAGS_), -ERANGE);
	maps[0] = arena_new(&kn, PLACE, FLAGS_);
	maps[1] = arena_new(&kn, 0, FLAGS_);
	ASSERT(maps[0] >= 0 && maps[1] >= 0);
	ASSERT_EQ(load(&kn, mixed, &maps[0], log), -EINVAL);
	ASSERT_STRHAS(log, "same insn cannot be used with different pointers");
	ASSERT_EQ(load(&kn, looping, &maps[0], log), -EACCES);
	ASSERT_STRHAS(log, "BPF_ATOMIC stores into R1 arena is not allowed");
	ASSERT_EQ(load(&kn, "r1 = 1 ll\nr0 = 0\nexit\n", &maps[1], log), -EINVAL);
	ASSERT_STRHAS(log, "arena's user address must be set via map_extra or mmap()");
	/* As who stands between a process and its mmap(2) tells. */
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE, PAGE * PAGES, PAGE), -EINVAL);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE, (UINT64_C(1) << 32) + PAGE, 0), -E2BIG);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], (UINT64_C(1) << 32) - PAGE, 2 * PAGE, 0),
		  -EINVAL);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE, PAGE * 4, 0), 0);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE, PAGE * 4, 0), 0);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE, PAGE * PAGES, 0), -E2BIG);
	ASSERT_EQ(core_arena_mmap(k, (int)maps[1], PLACE + PAGE, PAGE * 4, 0), -EINVAL);
	ASSERT_EQ(core_arena_mmap(k, (int)map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0), 0, PAGE, 0),
		  -ENOTTY);
	ASSERT_GE(load(&kn, "r1 = 1 ll\nr0 = 0\nexit\n", &maps[1], log), 0);
	ASSERT_EQ(load(&kn, "r1 = 1 ll\nr1 = 2 ll\nr0 = 0\nexit\n", maps, log), -EBUSY);
	ASSERT_STRHAS(log, "Only one arena per program");
	core_stop();
}
