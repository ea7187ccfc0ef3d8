/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walked.c - ways to mark(), through code without frame pointers: walked LIBRARY
 *
 *	expect NUMBER PID ADDRESS...	by backtrace(3), which is libgcc's: return addresses alone
 *	map START-END OFFSET PATH	what it has of files
 *
 * backtrace() says nothing of what was made at run time; by_jit() is compared with a way beside
 * it.
 */
#include "walked.h"

#include <alloca.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DEPTH 80
#define WAY   static __attribute__((noinline, noclone)) /* a frame of its own */

static volatile long one = 1;

/* From the caller's frame on, or from that of who was interrupted. */
static void say(long n, int skip)
{
	void *ip[DEPTH];
	const int nr = backtrace(ip, DEPTH);
	char line[DEPTH * 20];
	int len = sprintf(line, "expect %ld %d", n, getpid());

	for (int i = skip; i < nr; i++)
		len += sprintf(line + len, " %lx", (long)ip[i]);
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		abort();
}

__attribute__((noinline)) long mark(long n)
{
	say(n, 2);
	return n * one;
}

WAY long by_recursion(long n, long depth)
{
	return depth ? by_recursion(n, depth - one) + 1 : mark(n) + 1;
}

static int compare(const void *a, const void *b)
{
	static int told;

	if (!told++)
		mark(2);
	return *(const int *)a - *(const int *)b;
}

WAY long by_qsort(void)
{
	int all[] = { 3, 1, 2, 9, 7, 8 };

	qsort(all, 6, sizeof(all[0]), compare);
	return all[0];
}

/* A frame whose size nobody knows before. */
WAY long by_alloca(long n)
{
	char *room = alloca((size_t)(n * 100 * one));

	memset(room, 1, (size_t)n);
	return mark(n) + room[one];
}

/* A stack that has to be aligned, in a frame like that: its CFA is kept beside it. */
WAY long by_aligned(long n, long a, long b, long c, long d, long e, long on_stack)
{
	_Alignas(64) volatile char wide[128];
	char *room = alloca((size_t)(n * 10 * one));

	wide[n] = (char)on_stack;
	memset(room, 1, (size_t)n);
	return mark(n) + room[one] + wide[n] + on_stack + a + b + c + d + e;
}

static ssize_t write_cookie(void *cookie, const char *text, size_t n)
{
	mark(5);
	return (ssize_t)n;
}

/* The C library's own functions between. */
WAY long by_stdio(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_cookie });

	fprintf(f, "%d%s", 77, "text");
	return fclose(f);
}

static long of_handler;

static void handler(int sig)
{
	mark(of_handler);
}

static void set_handler(int sig, int flags, long n)
{
	const struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	of_handler = n;
	sigaction(sig, &act, NULL);
}

WAY long by_signal(long n, int flags)
{
	set_handler(SIGUSR1, flags, n);
	return (n == 6 ? raise(SIGUSR1) : kill(getpid(), SIGUSR1)) + one;
}

/* Which the agent sees first. */
static void after_fault(int sig, siginfo_t *info, void *context)
{
	mark(8);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}

WAY long by_fault(void)
{
	const struct sigaction act = { .sa_sigaction = after_fault, .sa_flags = SA_SIGINFO };
	long ret = 5;

	sigaction(SIGSEGV, &act, NULL);
	__asm__ volatile("movq (%1), %0" : "+r"(ret) : "r"(8L) : "memory");
	signal(SIGSEGV, SIG_DFL);
	return ret + one;
}

static void *in_thread(void *arg)
{
	return (void *)(mark((long)arg) * one);
}

WAY long by_thread(void)
{
	pthread_t t;
	void *ret = NULL;

	pthread_create(&t, NULL, in_thread, (void *)9L);
	pthread_join(t, &ret);
	return (long)ret;
}

/* Every instruction is probed; %rbp is no frame pointer. */
long leaf(long n);
__asm__(".text\n.globl leaf\n.type leaf, @function\nleaf:\n.cfi_startproc\n"
	"push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
	"push %rbx\n.cfi_adjust_cfa_offset 8\n"
	"mov $12345, %ebp\n"
	"sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"
	"call mark\n"
	"lea 24(%rsp), %rsp\n.cfi_adjust_cfa_offset -24\n"
	"mov %ebp, %ebx\n"
	"pop %rbx\n.cfi_adjust_cfa_offset -8\n"
	"pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
	"ret\n.cfi_endproc\n.size leaf, . - leaf\n");

WAY long by_leaf(void)
{
	return leaf(10) + one;
}

long pass(long n);
long land(long n);

__attribute__((noinline, noclone)) long pass(long n)
{
	return n * one + 2;
}

__attribute__((noinline, noclone)) long land(long n)
{
	return pass(n) + 1;
}

/* Ends by a call that does not return; behind it begins another function. */
void ends(long n);
void never(long n);
__asm__(".text\n.globl ends\n.type ends, @function\nends: .cfi_startproc\n"
	"sub $40, %rsp\n.cfi_adjust_cfa_offset 40\ncall never\n"
	".cfi_endproc\n.size ends, . - ends\n"
	".type behind, @function\nbehind: .cfi_startproc\nret\n.cfi_endproc\n"
	".size behind, . - behind\n");

static jmp_buf out;

__attribute__((noinline, noclone)) void never(long n)
{
	longjmp(out, (int)(mark(n) * one));
}

WAY long by_no_return(void)
{
	if (!setjmp(out))
		ends(12);
	return one;
}

/* Ends by a jump: its return can be seen by its return address alone, which is another one then. */
long hop(long n);
__asm__(".text\n.globl hop\n.type hop, @function\nhop: .cfi_startproc\nendbr64; jmp land\n"
	".cfi_endproc\n.size hop, . - hop\n");

WAY long by_hop(void)
{
	const long ret = hop(11);

	say(11, 1);
	return ret + one;
}

/* push %rbp; mov %rsp,%rbp; mov %rsi,%rax; call *%rax; pop %rbp; ret */
static const unsigned char made[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x89,
				      0xf0, 0xff, 0xd0, 0x5d, 0xc3 };

WAY long by_jit(void)
{
	long (*fn)(long n, way_fn then);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	memcpy(at, made, sizeof(made));
	memcpy(&fn, &at, sizeof(fn));
	mark(13);
	return fn(14, mark) + one;
}

static void interrupts(int sig)
{
	say(91, 3);
}

/* Who waits is interrupted, and the handler says where it was. */
WAY long by_call(void)
{
	const struct sigaction act = { .sa_handler = interrupts };
	const struct itimerval soon = { .it_value.tv_usec = 100000 };
	int ends[2];
	FILE *f = pipe(ends) ? NULL : fdopen(ends[0], "r");

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	return f ? getc(f) + one : 0;
}

static void print_maps(void)
{
	char line[1024], rights[5], path[512];
	unsigned long start, end, off;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %511s", &start, &end, rights, &off,
			   path) == 5 &&
		    rights[2] == 'x')
			printf("map %lx-%lx %lx %s\n", start, end, off, path);
	if (f)
		fclose(f);
}

static long by_late_library(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW);
	long (*fn)(way_fn then, long n) = NULL;

	if (!lib)
		abort();
	*(void **)&fn = dlsym(lib, "by_library");
	return fn(mark, 15);
}

static int by_child(void)
{
	int status = 0;
	const pid_t pid = fork();

	if (!pid) {
		by_recursion(17, 3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	static char other[65536];
	const stack_t stack = { .ss_sp = other, .ss_size = sizeof(other) };

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	sigaltstack(&stack, NULL);
	by_recursion(1, 10);
	by_qsort();
	by_alloca(3);
	by_aligned(4, 1, 2, 3, 4, 5, 6);
	by_stdio();
	by_signal(6, 0);
	by_signal(7, SA_ONSTACK);
	by_fault();
	by_thread();
	by_leaf();
	by_hop();
	by_no_return();
	by_jit();
	by_late_library(argv[1]);
	by_exception(18);
	by_child();
	by_recursion(90, 2);
	by_call();
	print_maps();
	return 0;
}
