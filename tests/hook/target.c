/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target.c - a program that is probed: target CALLS [HOW [FUNCTION]]
 *
 *	wait	    says that it is ready, and begins when it is told
 *	fork	    a child does the same
 *	fork-talk   ... which speaks to bpf(2) itself
 *	fork-exec   ... while the parent becomes another program
 *	fork-wait   ... both wait; and when told once more, see whether their text is what it was
 *	threads	    four threads do the same
 *
 *	busy	    four threads do the same again and again, and see that it comes to the
 *		    same, until the process is told; then it sees whether its text is what it was
 *
 *	hop	    calls functions instead that end by a jump to others: hop()...
 *	leap	    ... leap(), every tenth of whose calls is left by longjmp()...
 *	deep	    ... and deep(), which calls itself
 *	tight	    ... and tight(), where no jump fits
 *	odd	    ... and odd(), with bytes in it that are no instruction
 *	close	    ... and close_by(), whose instructions are short
 *	ask	    ... and ask(), which makes a system call
 *	late	    ... and late(), of a library that it opens then, beside it
 *	again	    ... which it opens for each call, and closes
 *
 * `time` says what a call takes, `below` the same ten functions further down; `trap` of tight();
 * `pair` what a system call does; `kernel` the same with a uprobe of the machine's own kernel on
 * it, a counter without a program.
 */
#include "rounds.h"

#include <dlfcn.h>
#include <elf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

long work(long a, long b);

__attribute__((noinline)) long work(long a, long b)
{
	__asm__ volatile("");
	if (a % 7 == 3)
		return a - b;
	return a * 3 + b;
}

/* NAME ends where BODY does: no return of its own can be probed. */
#define JUMPS_TO(name, body)                                                  \
	long name(long a, long b);                                            \
	__asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name \
		": endbr64; jmp " #body "\n.size " #name ", . - " #name "\n")

/* a * 3 + b, where no jump fits at the beginning, for the branch into it, nor at the end. */
long tight(long a, long b);
__asm__(".text\n.globl tight\n.type tight, @function\n"
	"tight: push $3; pop %rcx\n"
	"1: add %rdi, %rsi; dec %ecx; jnz 1b; mov %rsi, %rax; ret\n"
	".size tight, . - tight\n.byte 0xf1, 0xf1, 0xf1, 0xf1, 0xf1\n");

/* a * 3 + b; as of data among code, or instructions that not all disassemblers know. */
long odd(long a, long b);
__asm__(".text\n.globl odd\n.type odd, @function\n"
	"odd: lea (%rdi,%rdi,2), %rax; add %rsi, %rax; jnc 1f; jc 1f; .byte 0x06, 0x06\n"
	"1: ret\n.size odd, . - odd\n");

/* The same; instructions begin at 0, 1, 4, 8, 11, 12. */
long close_by(long a, long b);
__asm__(".text\n.globl close_by\n.type close_by, @function\n"
	"close_by: push %rbx; mov %rdi, %rbx; lea (%rbx,%rbx,2), %rax; add %rsi, %rax\n"
	"pop %rbx; ret\n.size close_by, . - close_by\n.byte 0xf1, 0xf1, 0xf1, 0xf1, 0xf1\n");

/* The same, and getppid(2) in the midst of it: instructions begin at 0, 1, 5, 8, 13, 15, 21,
 * 24, 25. */
long ask(long a, long b);
__asm__(".text\n.globl ask\n.type ask, @function\n"
	"ask: push %rbx; lea (%rdi,%rdi,2), %rbx; add %rsi, %rbx; mov $110, %eax; syscall\n"
	"cmp $-4095, %rax; mov %rbx, %rax; pop %rbx; ret\n"
	".size ask, . - ask\n.byte 0xf1, 0xf1, 0xf1, 0xf1, 0xf1\n");

static jmp_buf out;
long leap_body(long a, long b);
long deep_body(long a, long b);
JUMPS_TO(hop, work);
JUMPS_TO(leap, leap_body);
JUMPS_TO(deep, deep_body);

long leap_body(long a, long b)
{
	if (a % 10 == 0)
		longjmp(out, 1);
	return work(a, b);
}

long deep_body(long a, long b)
{
	return a % 30 ? deep(a - 1, b) + 1 : b;
}

static long calls;
static long (*called)(long a, long b); /* instead of work() */

static long run_other(void)
{
	volatile long sum = 0;

	for (volatile long i = 0; i < calls; i++)
		if (!setjmp(out))
			sum += called(i, i / 2);
	return sum;
}

static void *run(void *arg)
{
	long sum = 0;

	if (called)
		return (void *)run_other();
	for (long i = 0; i < calls; i++)
		sum += work(i, i / 2);
	return (void *)sum;
}

static char late_path[4096]; /* of the library */
static void *library;

/* late(), of a library that comes for that and goes again. */
static long again(long a, long b)
{
	long (*late)(long, long);
	long ret;

	library = dlopen(late_path, RTLD_NOW);
	*(void **)&late = dlsym(library, "late");
	ret = late(a, b);
	dlclose(library);
	return ret;
}

static void open_late(void)
{
	ssize_t n = readlink("/proc/self/exe", late_path, sizeof(late_path) - 16);
	char *name = n > 0 ? strrchr(late_path, '/') : NULL;

	if (name)
		strcpy(name, "/late.so");
	library = dlopen(late_path, RTLD_NOW);
	if (library)
		*(void **)&called = dlsym(library, "late");
	if (!called) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
}

static void choose(const char *how)
{
	static const struct {
		const char *name;
		long (*fn)(long a, long b);
	} fns[] = { { "hop", hop }, { "leap", leap },	   { "deep", deep }, { "tight", tight },
		    { "odd", odd }, { "close", close_by }, { "ask", ask } };

	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++)
		if (!strcmp(how, fns[i].name))
			called = fns[i].fn;
	if (!strcmp(how, "late") || !strcmp(how, "again"))
		open_late();
	if (!strcmp(how, "again")) {
		dlclose(library);
		called = again;
	}
}

/* A counter of the machine's kernel at `work` in this process: 0, or -1 where that is not allowed.
 */
static int count_by_kernel(void)
{
	struct perf_event_attr a = { .size = sizeof(a) };
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	const char *base = (const char *)getauxval(AT_PHDR) - sizeof(Elf64_Ehdr);
	char path[4096] = "";

	if (!f || fscanf(f, "%u", &a.type) != 1 ||
	    readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return -1;
	fclose(f);
	a.config1 = (uintptr_t)path;
	a.config2 = (uint64_t)((const char *)(uintptr_t)work - base);
	return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Is `work` what the file says?  Probes may take a moment to go. */
static bool text_is_original(void)
{
	const char *base = (const char *)getauxval(AT_PHDR) - sizeof(Elf64_Ehdr);
	const char *text = (const char *)(uintptr_t)work;
	char file[16];
	FILE *f = fopen("/proc/self/exe", "r");

	if (!f || fseek(f, text - base, SEEK_SET) || fread(file, sizeof(file), 1, f) != 1)
		return false;
	fclose(f);
	for (int i = 0; i < 100 && memcmp(file, text, sizeof(file)); i++)
		usleep(50000);
	return !memcmp(file, text, sizeof(file));
}

static bool told(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

static void say(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

/* Both halves of fork-wait: the parent passes on what it is told. */
static int wait_in_both(void)
{
	int way[2], status = 0;
	pid_t child;

	if (pipe(way) || (child = fork()) < 0)
		return 1;
	if (child == 0) {
		if (!told(way[0]))
			_exit(1);
		run(NULL);
		_exit(told(way[0]) && text_is_original() ? 0 : 1);
	}
	say("ready");
	for (int i = 0; i < 2; i++) {
		if (!told(0) || write(way[1], "", 1) != 1)
			return 1;
		if (i == 0)
			run(NULL);
	}
	waitpid(child, &status, 0);
	say(text_is_original() && !status ? "text same" : "text changed");
	return 0;
}

static atomic_bool enough;
static _Atomic long *done; /* rounds that ended; NULL: nobody asks */

static void *run_again(void *arg)
{
	const long once = (long)run(NULL);
	long rounds = 1, wrong = 0;

	for (; !enough; rounds++) {
		wrong += (long)run(NULL) != once;
		if (done)
			atomic_fetch_add(done, 1);
	}
	return (void *)(wrong ? -1 : rounds);
}

static int be_busy(void)
{
	pthread_t t[4];
	long rounds = 0;
	void *ret;

	done = rounds_of();
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, run_again, NULL);
	say("ready");
	if (!told(0))
		return 1;
	enough = true;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		rounds = (long)ret < 0 || rounds < 0 ? -1 : rounds + (long)ret;
	}
	printf("%s after %ld rounds\n", text_is_original() ? "text same" : "text changed", rounds);
	return rounds < 0;
}

static void fork_and(const char *how)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", calls);
	if (fork() == 0) {
		if (!strcmp(how, "fork-talk"))
			syscall(SYS_bpf, 0, NULL, 0);
		if (!strcmp(how, "fork-exec"))
			usleep(300000);
		run(NULL);
		_exit(0);
	}
	if (!strcmp(how, "fork-exec"))
		execl("/proc/self/exe", "target", number, "reap", NULL);
	wait(NULL);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A system call that does next to nothing, by the C library's wrapper. */
static void run_calls(void)
{
	for (long i = 0; i < calls; i++)
		getppid();
}

static int measure(bool kernel, bool pair)
{
	double start;

	if (kernel && count_by_kernel() < 0) {
		perror("perf_event_open");
		return 1;
	}
	start = seconds();
	if (pair)
		run_calls();
	else
		run(NULL);
	printf("%.3f ns\n", (seconds() - start) * 1e9 / (double)calls);
	return 0;
}

/* From the bottom of a stack that is as deep. */
static __attribute__((noinline)) int measure_below(int depth)
{
	const int err = depth ? measure_below(depth - 1) : measure(false, false);

	__asm__ volatile("");
	return err;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	pthread_t t[4];
	void *sum;

	calls = argc > 1 ? atol(argv[1]) : 1;
	if (!strcmp(how, "trap"))
		called = tight;
	if (!strcmp(how, "below"))
		return measure_below(10);
	if (!strcmp(how, "time") || !strcmp(how, "kernel") || !strcmp(how, "pair") || called)
		return measure(*how == 'k', *how == 'p');
	choose(how);
	if (argc > 3)
		choose(argv[3]);
	if (!strcmp(how, "fork-wait"))
		return wait_in_both();
	if (!strcmp(how, "busy"))
		return be_busy();
	if (!strcmp(how, "wait")) {
		say("ready");
		if (!told(0))
			return 1;
	}
	if (!strncmp(how, "fork", 4))
		fork_and(how);
	if (!strcmp(how, "reap"))
		wait(NULL);
	for (int i = 0; i < 4 && !strcmp(how, "threads"); i++)
		pthread_create(&t[i], NULL, run, NULL);
	for (int i = 0; i < 4 && !strcmp(how, "threads"); i++)
		pthread_join(t[i], NULL);
	sum = run(NULL);
	printf("%ld\n", (long)sum);
	return 0;
}
