/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes in a process that runs: each execution is seen once, and nothing else is changed. */
#include "inject/patch.h"
#include "tests/harness/test.h"
#include "tests/unit/inject/child.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Handlers; the cookie is the address of what they write to. */
typedef void (*handler_fn)(struct pt_regs *regs, uint64_t cookie);
void probe_count(struct pt_regs *regs, uint64_t counter);
void probe_look(struct pt_regs *regs, uint64_t shared);
void probe_answer(struct pt_regs *regs, uint64_t value);

/* Counts; copies what it is given and spoils what it may; makes the function return the cookie. */
__asm__(".pushsection .text\n"
	".globl probe_count\nprobe_count: lock incq (%rsi); ret\n"
	".globl probe_answer\nprobe_answer: mov %rsi, 80(%rdi); ret\n"
	".popsection\n");

/* --- registers -------------------------------------------------------------------------------- */

/* All registers from in, the site, all of them to out: rdi rsi ... r15 in Linux's order; flags. */
#define LOAD(reg, n)  "mov 8*" #n "(%rsi), %" #reg "\n"
#define STORE(reg, n) "mov %" #reg ", probe_out + 8*" #n "(%rip)\n"
#define RED(n)	      "mov %r9, -8*" #n "(%rsp)\ninc %r9\n"
#define RED_OUT(n)    "mov -8*" #n "(%rsp), %rax\nmov %rax, probe_red + 8*" #n " - 8(%rip)\n"
#define HALF(X)	      X(r15, 0) X(r14, 1) X(r13, 2) X(r12, 3) X(rbp, 4) X(rbx, 5) X(r11, 6)
#define REST(X)	      X(r10, 7) X(r9, 8) X(r8, 9) X(rax, 10) X(rcx, 11) X(rdx, 12) X(rdi, 14)
#define ALL(X)	      HALF(X) REST(X) X(rsi, 13)
#define EACH16(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)

uint64_t probe_out[18], probe_red[16];
void probe_regs(uint64_t zero, const uint64_t *in);
extern const uint8_t probe_regs_site[], probe_regs_site_end[];

/* clang-format off */
__asm__(".pushsection .text\n"
	".globl probe_regs, probe_regs_site, probe_regs_site_end\n"
	"probe_regs:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov $100, %r9d\n"
	EACH16(RED)
	"sub $256, %rsp; pushq 8*15(%rsi); popfq; lea 256(%rsp), %rsp\n"
	ALL(LOAD)
	"probe_regs_site: .byte 0x0f, 0x1f, 0x44, 0, 0\n"
	"probe_regs_site_end:\n"
	ALL(STORE)
	"mov %rsp, probe_out + 8*16(%rip)\n"
	"lea -128(%rsp), %rsp; pushfq; popq probe_out + 8*15(%rip); lea 128(%rsp), %rsp; cld\n"
	EACH16(RED_OUT)
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
	".popsection\n");
/* clang-format on */

/* What a handler may spoil, it does. */
__asm__(".pushsection .text\n"
	".globl probe_look\nprobe_look:\n"
	"mov %rsp, %rax; mov %rax, (%rsi); add $8, %rsi\n"
	"mov $21, %ecx; xchg %rdi, %rsi; cld; rep movsq\n"
	"mov $-1, %rax; mov %rax, %rcx; mov %rax, %rdx; mov %rax, %rsi; mov %rax, %rdi\n"
	"mov %rax, %r8; mov %rax, %r9; mov %rax, %r10; mov %rax, %r11; test %rax, %rax; stc; ret\n"
	".popsection\n");

static void run_regs(struct shared *s)
{
	uint32_t seen = 0;

	while (child_told(s, &seen)) {
		probe_regs(0, s->in);
		memcpy(s->out, probe_out, sizeof(s->out));
		memcpy(s->red_zone, probe_red, sizeof(s->red_zone));
	}
}

#define counts(n) ((const struct stub_calls){ (uintptr_t)probe_count, 0, (uintptr_t)(n) })

static void put(struct patches *ps, pid_t pid, const struct site *site, void *handler,
		uint64_t cookie, struct patch **ret)
{
	const struct stub_calls calls = { (uintptr_t)handler, 0, cookie };
	struct skep_diag d = { 0 };
	struct tracee t;
	int err;

	child_stop(&t, pid);
	err = patch_put(ps, &t, site, &calls, ret, &d);
	tracee_go(&t);
	ASSERT_MSG(!err, "%d: %s", err, d.msg);
}

static void undo(pid_t pid, struct patch *p)
{
	struct tracee t;
	int err;

	child_stop(&t, pid);
	err = patch_undo(&t, p, NULL);
	tracee_go(&t);
	ASSERT_EQ(err, 0);
}

static void read_text(pid_t pid, const void *at, void *to, size_t n)
{
	struct tracee t;

	child_stop(&t, pid);
	ASSERT_EQ(tracee_read(&t, (uintptr_t)at, to, n), 0);
	tracee_go(&t);
}

/* How many of the 16 numbers are in the red zone: 100, 101, ... */
static int red_zone_kept(const struct shared *s)
{
	int n = 0;

	for (int i = 0; i < 16; i++)
		n += s->red_zone[i] == 100u + (uint64_t)i;
	return n;
}

TEST(patch_shows_and_keeps_all_registers)
{
	/* CF PF AF ZF SF DF OF, one by one and together; 2 and IF are always set. */
	static const uint64_t flags[] = { 0, 1, 4, 0x10, 0x40, 0x80, 0x400, 0x800, 0xcd5 };
	const struct func f = func_of(probe_regs_site, probe_regs_site_end);
	struct patches ps = { 0 };
	struct patch *p;
	struct site site;
	pid_t pid;
	struct shared *s = child_start(run_regs, &pid);
	uint64_t *seen = (uint64_t *)&s->regs;

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	put(&ps, pid, &site, probe_look, (uintptr_t)&s->align, &p);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		memset(&s->regs, 0, sizeof(s->regs));
		for (uint64_t k = 0; k < 15; k++)
			s->in[k] = UINT64_C(0x0101010101010101) * (k + 1) + i;
		s->in[15] = flags[i] | 0x202;
		child_do(s);
		ASSERT_MEMEQ(s->out, s->in, 16 * sizeof(uint64_t));
		ASSERT_EQ(red_zone_kept(s), 16);
		ASSERT_MEMEQ(seen, s->in, 15 * sizeof(uint64_t));
		ASSERT_EQ(s->regs.eflags, s->in[15]);
		ASSERT_EQ(s->regs.rip, (uintptr_t)probe_regs_site);
		ASSERT_EQ(s->regs.rsp, s->out[16]);
		ASSERT_EQ(s->regs.cs, 0x33);
		ASSERT_EQ(s->regs.ss, 0x2b);
		ASSERT_EQ(s->regs.orig_rax, UINT64_MAX);
		ASSERT_EQ(s->align % 16, 8); /* as at the beginning of any function */
	}
	patches_fini(&ps);
	child_end(pid);
}

/* --- counting --------------------------------------------------------------------------------- */

/* Its first bytes are many instructions, so threads are often among them. */
uint64_t probe_busy(uint64_t a, uint64_t b);
extern const uint8_t probe_busy_end[];
ASM_FUNC(probe_busy, "push %rbx; push %rbp; push %rdi; pop %rbx; push %rsi; pop %rbp\n"
		     "lea (%rbx,%rbp), %rax; test $1, %al; je 1f\n"
		     "add $1000, %rax; pop %rbp; pop %rbx; ret\n"
		     "1: add $2000, %rax; pop %rbp; pop %rbx; ret");
#define BUSY func_of((const uint8_t *)(uintptr_t)probe_busy, probe_busy_end)

static struct shared *of_threads;

static void busy_round(struct shared *s, uint64_t i)
{
	if (probe_busy(i, 3) != i + 3 + ((i + 3) % 2 ? 1000 : 2000))
		s->wrong++;
}

static void run_counted(struct shared *s)
{
	uint32_t seen = 0;

	while (child_told(s, &seen))
		for (uint64_t i = 0; i < 10000; i++)
			busy_round(s, i);
}

/* The sites of the two returns; the first is of sums that are odd. */
static void returns_of_busy(struct sites *ret)
{
	const struct func f = BUSY;

	ASSERT_EQ(site_returns(&f, ret, NULL), 0);
	ASSERT_EQ(ret->n, 2);
}

TEST(patch_counts_each_execution_once)
{
	const struct func f = BUSY;
	struct sites returns = { 0 };
	struct patches ps = { 0 };
	struct patch *p, *r[2];
	struct site site;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	put(&ps, pid, &site, probe_count, (uintptr_t)&s->hits, &p);
	child_do(s);
	ASSERT_EQ(s->hits, 10000);
	returns_of_busy(&returns);
	for (int i = 0; i < 2; i++)
		put(&ps, pid, &returns.at[i], probe_count, (uintptr_t)&s->in[i], &r[i]);
	child_do(s);
	ASSERT_EQ(s->hits, 20000);
	ASSERT_EQ(s->in[0], 5000);
	ASSERT_EQ(s->in[1], 5000);
	undo(pid, p);
	child_do(s);
	ASSERT_EQ(s->hits, 20000);
	ASSERT_EQ(s->in[0], 10000);
	ASSERT_EQ(s->wrong, 0);
	vec_free(&returns);
	patches_fini(&ps);
	child_end(pid);
}

TEST(patch_of_a_return_sees_the_result)
{
	struct sites returns = { 0 };
	struct patches ps = { 0 };
	struct patch *p;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	returns_of_busy(&returns);
	for (size_t i = 0; i < returns.n; i++) {
		put(&ps, pid, &returns.at[i], probe_look, (uintptr_t)&s->align, &p);
		child_do(s);
		/* Of the last round that came here, as the function's end leaves it. */
		ASSERT_EQ(s->regs.rax, i ? 9999 + 3 + 2000 : 9998 + 3 + 1000);
		ASSERT_EQ(s->regs.rip, returns.at[i].at);
		ASSERT_EQ(*(const uint8_t *)(uintptr_t)s->regs.rip, 0xc3);
		undo(pid, p);
	}
	ASSERT_EQ(s->wrong, 0);
	vec_free(&returns);
	patches_fini(&ps);
	child_end(pid);
}

TEST(patch_lets_a_handler_change_registers)
{
	struct sites returns = { 0 };
	struct patches ps = { 0 };
	struct patch *p;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	returns_of_busy(&returns);
	put(&ps, pid, &returns.at[1], probe_answer, 77, &p);
	child_do(s);
	ASSERT_EQ(s->wrong, 5000); /* all that return there */
	vec_free(&returns);
	patches_fini(&ps);
	child_end(pid);
}

/* --- int3 ------------------------------------------------------------------------------------- */

static struct {
	uint64_t at, to;
} traps[8];

/* As the agent does. */
static void on_trap(int sig, siginfo_t *info, void *where)
{
	greg_t *rip = &((ucontext_t *)where)->uc_mcontext.gregs[REG_RIP];

	for (size_t i = 0; i < ARRAY_SIZE(traps); i++)
		if (traps[i].at == (uint64_t)*rip - 1) {
			*rip = (greg_t)traps[i].to;
			return;
		}
	_exit(1);
}

static void run_trapped(struct shared *s)
{
	const struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	uint32_t seen = 0;

	sigaction(SIGTRAP, &sa, NULL);
	while (child_told(s, &seen))
		for (uint64_t i = 0; i < 1000; i++)
			busy_round(s, i);
}

/* At every instruction of a function that has one of them: each is executed once where it was. */
TEST(patch_by_int3_at_any_instruction)
{
	const struct func f = BUSY;
	struct patches ps = { 0 };
	size_t n = 0;
	pid_t pid;
	struct shared *s = child_start(run_trapped, &pid);

	child_do(s);
	for (size_t off = 0; off < f.size; off++) {
		const struct stub_calls calls = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits };
		struct site site;
		struct patch *p;
		struct tracee t;
		uint64_t row[2];
		uint8_t text;

		if (site_trap(&f, off, &site, NULL))
			continue;
		n++;
		s->hits = 0;
		child_stop(&t, pid);
		ASSERT_EQ(patch_put(&ps, &t, &site, &calls, &p, NULL), 0);
		row[0] = site.at;
		row[1] = p->at;
		ASSERT_EQ(tracee_write(&t, (uintptr_t)&traps[0], row, sizeof(row)), 0);
		ASSERT_EQ(tracee_read(&t, site.at, &text, 1), 0);
		ASSERT_EQ(text, 0xcc);
		tracee_go(&t);
		child_do(s);
		ASSERT_MSG(s->hits == 1000 || s->hits == 500, "at %zu: %llu", off,
			   (unsigned long long)s->hits);
		undo(pid, p);
		read_text(pid, (const void *)(uintptr_t)site.at, &text, 1);
		ASSERT_EQ(text, *(const uint8_t *)(uintptr_t)site.at);
	}
	ASSERT_EQ(s->wrong, 0);
	ASSERT_EQ(n, 17); /* instructions of BUSY */
	patches_fini(&ps);
	child_end(pid);
}

/* It goes on as if nothing had been. */
static void both_end(struct tracee *t, struct shared *s, struct patches *made, struct patches *heir,
		     pid_t pid)
{
	tracee_go(t);
	child_do(s);
	ASSERT_EQ(s->wrong, 0);
	patches_fini(made);
	patches_fini(heir);
	child_end(pid);
}

TEST(patch_by_int3_is_adopted_by_its_stub)
{
	const struct func f = BUSY;
	struct patches made = { 0 }, heir = { 0 };
	struct patch *p;
	struct site site;
	struct tracee t;
	pid_t pid;
	struct shared *s = child_start(run_trapped, &pid);
	const struct stub_calls calls = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits };

	ASSERT_EQ(site_trap(&f, 0, &site, NULL), 0);
	child_stop(&t, pid);
	ASSERT_EQ(patch_put(&made, &t, &site, &calls, &p, NULL), 0);
	ASSERT(!patch_adopt(&heir, &t, &site, &calls, 0));
	ASSERT(!patch_adopt(&heir, &t, &site, &calls, p->at + 64));
	ASSERT(patch_adopt(&heir, &t, &site, &calls, p->at));
	ASSERT_EQ(patch_undo(&t, p, NULL), 0);
	both_end(&t, s, &made, &heir, pid);
}

/* It is asked for as the jump that it stands for, by who made it and by who comes later. */
TEST(patch_narrow_stands_for_its_jump)
{
	const struct func f = BUSY;
	struct patches made = { 0 }, heir = { 0 };
	struct patch *p, *q;
	struct site site;
	struct tracee t;
	uint8_t byte;
	pid_t pid;
	struct shared *s = child_start(run_trapped, &pid);
	const struct stub_calls calls = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits };

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	child_stop(&t, pid);
	ASSERT_EQ(patch_put_narrow(&made, &t, &site, &calls, &p, NULL), 0);
	ASSERT(p->site.trap && p->site.size < site.size);
	ASSERT_EQ(tracee_read(&t, site.at, &byte, 1), 0);
	ASSERT_EQ(byte, 0xcc);
	ASSERT(patch_find(&made, &site, &calls) == p);
	ASSERT(patch_in_way(&made, &site) == p);
	/* What it stands for was asked for already; a jump of another one does not fit. */
	ASSERT_EQ(patch_put(&made, &t, &site, &calls, &q, NULL), -EBUSY);
	ASSERT(!patch_adopt(&heir, &t, &site, &calls, 0));
	q = patch_adopt(&heir, &t, &site, &calls, p->at);
	ASSERT(q && q->site.trap && patch_find(&heir, &site, &calls) == q);
	ASSERT_EQ(patch_undo(&t, q, NULL), 0);
	ASSERT_EQ(tracee_read(&t, site.at, &byte, 1), 0);
	ASSERT_EQ(byte, *(const uint8_t *)(uintptr_t)site.at);
	ASSERT_EQ(patch_undo(&t, p, NULL), 0);
	/* And the jump again, where there is room. */
	ASSERT(!patch_in_way(&made, &site));
	ASSERT_EQ(patch_put(&made, &t, &site, &calls, &q, NULL), 0);
	ASSERT(!q->site.trap && q != p);
	ASSERT_EQ(patch_undo(&t, q, NULL), 0);
	both_end(&t, s, &made, &heir, pid);
}

/* Of text that was mapped anew they are forgotten, and of text that is gone. */
TEST(patches_of_other_text_are_forgotten)
{
	const struct func f = BUSY;
	struct patches ps = { 0 };
	struct images m, none = { 0 };
	struct site site;
	struct patch *p;
	struct tracee t;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);
	const struct stub_calls calls = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits };

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	child_stop(&t, pid);
	ASSERT_EQ(images_read(&m, pid, NULL), 0);
	for (int gone = 0; gone <= 1; gone++) {
		ASSERT_EQ(patch_put(&ps, &t, &site, &calls, &p, NULL), 0);
		patches_look(&ps, &t, &m);
		ASSERT(p->on && !images_at(&m, site.at)->fresh);
		ASSERT_EQ(tracee_write(&t, site.patch, site.text, site.size), 0);
		images_at(&m, site.at)->looked = false;
		patches_look(&ps, &t, gone ? &none : &m);
		ASSERT(!p->on && !patch_find(&ps, &site, &calls));
		ASSERT(gone || images_at(&m, site.at)->fresh);
		images_at(&m, site.at)->looked = false;
	}
	tracee_go(&t);
	child_do(s);
	ASSERT_EQ(s->hits, 0);
	images_fini(&m);
	patches_fini(&ps);
	child_end(pid);
}

/* As a server does that did not know of a child when it was forked. */
TEST(patch_is_adopted_only_as_it_would_be_made)
{
	const struct func f = BUSY;
	struct patches made = { 0 }, heir = { 0 };
	struct patch *p, *same;
	struct site site;
	struct tracee t;
	uint8_t after[64];
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);
	const struct stub_calls calls = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits };
	const struct stub_calls later = { (uintptr_t)probe_count, 0, (uintptr_t)&s->hits + 8 };
	const struct stub_calls other = { (uintptr_t)probe_look, 0, (uintptr_t)&s->hits };

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	child_stop(&t, pid);
	ASSERT(!patch_adopt(&heir, &t, &site, &calls, 0)); /* no jump is there */
	ASSERT_EQ(patch_put(&made, &t, &site, &calls, &p, NULL), 0);
	ASSERT(patch_find(&made, &site, &calls) == p);
	ASSERT(!patch_find(&heir, &site, &calls));
	ASSERT(!patch_adopt(&heir, &t, &site, &later, 0));
	ASSERT(!patch_adopt(&heir, &t, &site, &other, 0));
	same = patch_adopt(&heir, &t, &site, &calls, 0);
	ASSERT(same);
	ASSERT(patch_find(&heir, &site, &calls) == same);
	ASSERT_EQ(patch_undo(&t, same, NULL), 0);
	ASSERT(!patch_find(&heir, &site, &calls));
	tracee_go(&t);
	read_text(pid, f.text, after, f.size);
	ASSERT_MEMEQ(after, f.text, f.size);
	child_do(s);
	ASSERT_EQ(s->hits, 0);
	patches_fini(&made);
	patches_fini(&heir);
	child_end(pid);
}

/* --- many threads ----------------------------------------------------------------------------- */

static void *hammer(void *arg)
{
	struct shared *s = of_threads;

	s->ready++;
	for (uint64_t i = 0; !s->stop; i++) {
		busy_round(s, i);
		s->calls++;
	}
	return arg;
}

static void run_threads(struct shared *s)
{
	pthread_t t[CHILD_THREADS];

	of_threads = s;
	for (int i = 0; i < CHILD_THREADS; i++)
		pthread_create(&t[i], NULL, hammer, NULL);
	for (int i = 0; i < CHILD_THREADS; i++)
		pthread_join(t[i], NULL);
	s->done = 1;
	for (;;)
		pause();
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#define ROUNDS 200

/* What a round took, in nanoseconds, in and out: until all stood, the patches, until all went. */
struct took {
	uint64_t stop[2], patch[2], go[2];
};

/* One round: all sites in, a while, out. */
static struct took in_and_out(struct patches *ps, pid_t pid, const struct sites *sites,
			      struct shared *s)
{
	struct took took;
	struct patch *p[4];
	struct tracee t;

	for (int out = 0; out < 2; out++) {
		const uint64_t begin = now_ns();
		uint64_t stopped, patched;

		child_stop(&t, pid);
		stopped = now_ns();
		for (size_t i = 0; i < sites->n; i++)
			ASSERT_EQ(out ? patch_undo(&t, p[i], NULL)
				      : patch_put(ps, &t, &sites->at[i], &counts(&s->hits), &p[i],
						  NULL),
				  0);
		patched = now_ns();
		tracee_go(&t);
		took.stop[out] = stopped - begin;
		took.patch[out] = patched - stopped;
		took.go[out] = now_ns() - patched;
		usleep(500);
	}
	return took;
}

/* In microseconds, the median of one of the numbers; offset in struct took. */
static uint64_t median(const struct took *took, size_t off)
{
	uint64_t all[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		memcpy(&all[i], (const char *)&took[i] + off, sizeof(all[i]));
	qsort(all, ROUNDS, sizeof(all[0]), by_value);
	return all[ROUNDS / 2] / 1000;
}

static void print_times(const char *what, const struct took *took)
{
	printf("# %s: us to stop %" PRIu64 ", to patch %" PRIu64 " (the first time %" PRIu64
	       "), to go %" PRIu64 "; back: %" PRIu64 ", %" PRIu64 ", %" PRIu64 "\n",
	       what, median(took, offsetof(struct took, stop[0])),
	       median(took, offsetof(struct took, patch[0])), took[0].patch[0] / 1000,
	       median(took, offsetof(struct took, go[0])),
	       median(took, offsetof(struct took, stop[1])),
	       median(took, offsetof(struct took, patch[1])),
	       median(took, offsetof(struct took, go[1])));
}

TEST_LIMIT(patch_under_threads_that_do_not_wait, 120)
{
	const struct func f = BUSY;
	struct sites sites = { 0 };
	struct patches ps = { 0 };
	struct took took[ROUNDS];
	uint64_t calls;
	uint8_t after[64];
	pid_t pid;
	struct shared *s = child_start(run_threads, &pid);

	ASSERT_EQ(site_at(&f, 0, vec_push(&sites), NULL), 0);
	ASSERT_EQ(site_returns(&f, &sites, NULL), 0);
	while (s->ready < CHILD_THREADS)
		usleep(100);
	for (int i = 0; i < ROUNDS; i++)
		took[i] = in_and_out(&ps, pid, &sites, s);
	read_text(pid, f.text, after, f.size);
	ASSERT_MEMEQ(after, f.text, f.size);
	ASSERT_LE(ps.n, sites.n * 20); /* stubs are used again */
	calls = s->calls;
	while (s->calls < calls + 10000)
		usleep(100);
	s->stop = 1;
	while (!s->done)
		usleep(100);
	ASSERT_EQ(s->wrong, 0);
	ASSERT_GT(s->hits, 0);
	ASSERT_LE(s->hits, 2 * s->calls);
	print_times("9 threads, 3 probes", took);
	vec_free(&sites);
	patches_fini(&ps);
	child_end(pid);
}

TEST(patch_of_one_thread_takes_little)
{
	const struct func f = BUSY;
	struct patches ps = { 0 };
	struct took took[ROUNDS];
	struct sites sites = { 0 };
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	ASSERT_EQ(site_at(&f, 0, vec_push(&sites), NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		took[i] = in_and_out(&ps, pid, &sites, s);
	ASSERT_EQ(ps.n, 1);
	ASSERT_EQ(ps.pools.n, 1);
	print_times("1 thread, 1 probe", took);
	vec_free(&sites);
	patches_fini(&ps);
	child_end(pid);
}

/* --- threads inside --------------------------------------------------------------------------- */

/* Exactly a jump's size; who waits in it stands behind the system call. */
int64_t probe_read(int fd, void *to, size_t n);
extern const uint8_t probe_read_end[];
ASM_FUNC(probe_read, "xor %eax, %eax; syscall; ret");

static void run_read(struct shared *s)
{
	uint32_t seen = 0;
	char c[8] = "";

	while (child_told(s, &seen))
		s->result = probe_read(s->fd[0], c, sizeof(c)) * 1000 + c[0];
}

static uint64_t rip_of(pid_t pid)
{
	struct tracee t;
	uint64_t rip;

	child_stop(&t, pid);
	rip = t.at[0].regs.rip;
	tracee_go(&t);
	return rip;
}

TEST(patch_moves_a_thread_that_waits_inside)
{
	const uint8_t *text = (const uint8_t *)(uintptr_t)probe_read;
	const struct func f = func_of(text, probe_read_end);
	struct patches ps = { 0 };
	struct patch *p;
	struct site site;
	pid_t pid;
	struct shared *s = child_start(run_read, &pid);

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	s->go = 1;
	usleep(50000);
	ASSERT_EQ(rip_of(pid), f.at + 4);
	put(&ps, pid, &site, probe_count, (uintptr_t)&s->hits, &p);
	usleep(10000);
	ASSERT_EQ(rip_of(pid), p->at + p->stub.rest + 4);
	ASSERT_EQ(write(s->fd[1], "a", 1), 1); /* the call began again in the stub */
	while (s->done != 1)
		usleep(100);
	ASSERT_EQ(s->result, 1000 + 'a');
	ASSERT_EQ(s->hits, 0);

	s->go = 2;
	usleep(50000);
	ASSERT_EQ(s->hits, 1);
	ASSERT_EQ(rip_of(pid), p->at + p->stub.rest + 4);
	undo(pid, p);
	usleep(10000);
	ASSERT_EQ(rip_of(pid), f.at + 4);
	ASSERT_EQ(write(s->fd[1], "b", 1), 1);
	while (s->done != 2)
		usleep(100);
	ASSERT_EQ(s->result, 1000 + 'b');
	ASSERT_EQ(s->hits, 1);
	patches_fini(&ps);
	child_end(pid);
}

TEST(patch_says_what_is_in_the_way)
{
	const struct func f = BUSY;
	struct skep_diag d = { 0 };
	struct patches ps = { 0 };
	struct patch *p, *q;
	struct site site, other;
	struct tracee t;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	put(&ps, pid, &site, probe_count, (uintptr_t)&s->hits, &p);
	child_stop(&t, pid);
	ASSERT_EQ(patch_put(&ps, &t, &site, &counts(NULL), &q, &d), -EBUSY);
	ASSERT_STRHAS(d.msg, "another probe");
	ASSERT_EQ(site_at(&f, 1, &other, NULL), 0);
	ASSERT_EQ(patch_put(&ps, &t, &other, &counts(NULL), &q, NULL), -EBUSY);
	ASSERT_EQ(patch_undo(&t, p, NULL), 0);
	site.text[0] ^= 1;
	ASSERT_EQ(patch_put(&ps, &t, &site, &counts(NULL), &q, NULL), -ESTALE);
	tracee_go(&t);
	patches_fini(&ps);
	child_end(pid);
}

TEST(patch_without_memory)
{
	const struct func f = BUSY;
	struct site site;
	int err = -ENOMEM;
	pid_t pid;
	struct shared *s = child_start(run_counted, &pid);

	ASSERT_EQ(site_at(&f, 0, &site, NULL), 0);
	for (long n = 1; err; n++) {
		struct patches ps = { 0 };
		struct patch *p;
		struct tracee t;

		skep_alloc_fail_at(n);
		err = tracee_stop(&t, pid, 5000, NULL);
		if (!err) {
			err = patch_put(&ps, &t, &site, &counts(&s->hits), &p, NULL);
			tracee_go(&t);
		}
		ASSERT_EQ(err, skep_alloc_failed() ? -ENOMEM : 0);
		patches_fini(&ps);
	}
	skep_alloc_fail_at(0);
	child_do(s);
	ASSERT_EQ(s->hits, 10000);
	ASSERT_EQ(s->wrong, 0);
	child_end(pid);
}

/* --- around system calls ---------------------------------------------------------------------- */

/* read(2) of a descriptor, as a wrapper makes it: moved into the stub with what is behind it. */
int64_t probe_read_sys(int fd, void *to, size_t n);
extern const uint8_t probe_read_sys_end[];
ASM_FUNC(probe_read_sys, "xor %eax, %eax; syscall; cmp $-4096, %rax; ret");

/* Reads as many bytes as it is told to. */
static void run_reads(struct shared *s)
{
	uint32_t seen = 0;

	while (child_told(s, &seen))
		for (uint64_t i = 0; i < s->in[2]; i++) {
			char c = 0;

			if (probe_read_sys(s->fd[0], &c, 1) != 1 || c != 'x')
				s->wrong++;
		}
}

static void site_of_reads(struct site *ret)
{
	const struct func f =
		func_of((const uint8_t *)(uintptr_t)probe_read_sys, probe_read_sys_end);
	struct sys_sites sites = { 0 };
	unsigned int missed = 0;

	ASSERT_EQ(site_syscalls(&f, &sites, &missed), 0);
	ASSERT_EQ(sites.n, 1);
	ASSERT_EQ(sites.at[0].nr, 0);
	ASSERT(sites.at[0].before.around);
	*ret = sites.at[0].before;
	vec_free(&sites);
}

static void give(const struct shared *s, int n)
{
	for (int i = 0; i < n; i++)
		ASSERT_EQ(write(s->fd[1], "x", 1), 1);
}

/* Lets the child read n bytes. */
static void reads(struct shared *s, uint64_t n)
{
	s->in[2] = n;
	give(s, (int)n);
	child_do(s);
}

static void put_around(struct patches *ps, pid_t pid, struct shared *s, const struct site *site,
		       struct patch **ret)
{
	const struct stub_calls calls = { (uintptr_t)probe_count, (uintptr_t)probe_count,
					  (uintptr_t)&s->hits };
	struct tracee t;

	child_stop(&t, pid);
	ASSERT_EQ(patch_put(ps, &t, site, &calls, ret, NULL), 0);
	tracee_go(&t);
}

TEST(patch_around_a_system_call)
{
	struct patches ps = { 0 };
	struct patch *p;
	struct site site;
	struct shared *s;
	pid_t pid;

	s = child_start(run_reads, &pid);
	site_of_reads(&site);
	put_around(&ps, pid, s, &site, &p);
	reads(s, 100);
	ASSERT_EQ(s->hits, 200); /* before it and behind it */
	undo(pid, p);
	reads(s, 100);
	ASSERT_EQ(s->hits, 200);
	ASSERT_EQ(s->wrong, 0);
	patches_fini(&ps);
	child_end(pid);
}

/* A thread that waits in the call as the jump comes, and as it goes, ends it where it is by then.
 */
TEST(patch_around_a_system_call_that_waits)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	struct patches ps = { 0 };
	struct patch *p;
	struct site site;
	struct shared *s;
	uint32_t want;
	pid_t pid;

	s = child_start(run_reads, &pid);
	site_of_reads(&site);
	s->in[2] = 3;
	want = atomic_fetch_add(&s->go, 1) + 1;
	nanosleep(&moment, NULL);
	put_around(&ps, pid, s, &site, &p);
	give(s, 1);
	nanosleep(&moment, NULL);
	ASSERT_EQ(s->hits, 2); /* behind the first one, before the second */
	undo(pid, p);
	give(s, 2);
	while (s->done != want)
		nanosleep(&moment, NULL);
	ASSERT_EQ(s->hits, 2);
	ASSERT_EQ(s->wrong, 0);
	patches_fini(&ps);
	child_end(pid);
}
