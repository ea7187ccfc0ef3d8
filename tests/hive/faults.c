/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c - members of a hive die at any instant, and the others notice nothing.
 *
 *	skep run -- faults [--seed S] [--seconds T] [--members N] [--work NAME] [--print]
 *
 * Members do random work on maps, ring buffers and objects that they share (faults_maps.c,
 * faults_ring.c, faults_objects.c), and each checks what it finds.  Meanwhile one after the other
 *is killed, and a new one takes its slot.  What must hold:
 *
 * No call takes longer than LIMIT_NS, but for what its own process waits for a CPU, as the kernel
 * says, and what the machine makes those wait whom it asks: that is measured by two that send each
 * other a byte, and are not killed.  No element is lost or
 * corrupted, but that a change whose author died may happen or not.  No record of a ring buffer is
 * lost of whose sending somebody heard.  Afterwards maps have as much room as new ones, and there
 * are as many as before.
 *
 * What is wrong is said on standard output, with the seed, and the end is 1.  The moments of death
 * are the machine's own; the seed stands for what members do, and in which order they die.
 */
#include "tests/hive/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define LIMIT_NS UINT64_C(100000000)
#define ROUNDS	 8 /* that a call may wait for the machine: questions about it, locks */
#define STUCK_NS UINT64_C(20000000000)
#define PAUSE_US 20000 /* at most, between two deaths */

static const struct work *const works[] = {
	&keyed_work,   &queue_work, &ring_work,
	&objects_work, &churn_work, /* it counts maps: from here on there are no more */
};
#define NR_WORKS (sizeof(works) / sizeof(works[0]))

struct common *shared;
static pid_t driver, echo[2];

static struct {
	uint64_t seed;
	unsigned seconds, members;
	const char *work; /* NULL: all */
	bool print;
} opt = { .seed = 1, .seconds = 10, .members = 6 };

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool chosen(const struct work *w)
{
	return !opt.work || !strcmp(opt.work, w->name);
}

/* --- members ---------------------------------------------------------------------------------- */

static void kill_all(void)
{
	for (unsigned i = 0; i < SLOTS_MAX + 2; i++) {
		pid_t *pid = i < SLOTS_MAX ? &shared->slot[i].pid : &echo[i - SLOTS_MAX];

		if (*pid > 0) {
			kill(*pid, SIGKILL);
			waitpid(*pid, NULL, 0);
		}
		*pid = 0;
	}
}

void wrong(struct slot *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->said, sizeof(s->said), fmt, ap);
	va_end(ap);
	if (getpid() == driver) {
		kill_all();
		printf("seed %llu: %s\n", (unsigned long long)opt.seed, s->said);
		fflush(stdout);
	}
	_exit(1);
}

/* How long the process was ready to run and had no CPU, ever; 0 where the kernel does not say. */
static uint64_t queued_ns(void)
{
	static int fd = -1;
	static pid_t of;
	unsigned long long ran, queued;
	char line[96];
	ssize_t n;

	if (of != getpid()) {
		fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
		of = getpid();
	}
	n = pread(fd, line, sizeof(line) - 1, 0);
	line[MAX(n, 0)] = 0;
	return sscanf(line, "%llu %llu", &ran, &queued) == 2 ? queued : 0;
}

static void begin_call(struct slot *s)
{
	s->queued = queued_ns();
	atomic_store(&s->began, now_ns());
}

/* Keeps the longest. */
static void end_call(struct slot *s)
{
	const uint64_t took = now_ns() - atomic_load(&s->began);
	const uint64_t waited = queued_ns() - s->queued, queued = MIN(waited, took);

	atomic_store(&s->began, 0);
	if (took - queued <= atomic_load(&s->longest))
		return;
	s->longest_work = s->work;
	s->longest_queued = queued;
	atomic_store(&s->longest, took - queued);
}

void next_call(struct slot *s)
{
	end_call(s);
	begin_call(s);
}

/* Until it is killed. */
static _Noreturn void live(struct slot *s)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned w = 0; w < NR_WORKS; w++)
		if (chosen(works[w]) && works[w]->begin)
			works[w]->begin(s);
	for (;;) {
		const struct work *w = works[below(s, NR_WORKS)];

		if (!chosen(w))
			continue;
		s->work = w->name;
		begin_call(s);
		w->step(s);
		end_call(s);
		atomic_fetch_add(&s->steps, 1);
	}
}

static void start(struct slot *s)
{
	const pid_t pid = fork();

	if (pid == 0) {
		s->pid = getpid();
		live(s);
	}
	if (pid < 0)
		wrong(s, "fork: %s", strerror(errno));
	s->pid = pid;
}

/* Kills a member, which must have lived until then. */
static void end(struct slot *s)
{
	int status;

	kill(s->pid, SIGKILL);
	if (waitpid(s->pid, &status, 0) != s->pid)
		status = 0;
	s->pid = 0;
	shared->deaths++;
	atomic_store(&s->began, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		wrong(s, "%s", s->said[0] ? strdupa(s->said) : "a member ended by itself");
}

/* --- the machine ------------------------------------------------------------------------------ */

/* As busy as a call keeps a member, or the server's thread. */
static void work_a_while(void)
{
	const uint64_t until = now_ns() + 20000;

	while (now_ns() < until)
		;
}

/* A byte goes to the other process, which sends it back: a call without a kernel. */
static _Noreturn void echo_calls(int to, int from)
{
	for (unsigned n = 0;; n++) {
		const uint64_t began = now_ns();
		char c = 0;

		if (write(to, &c, 1) + read(from, &c, 1) != 2)
			_exit(1);
		if (now_ns() - began > atomic_load(&shared->machine))
			atomic_store(&shared->machine, now_ns() - began);
		work_a_while();
		/* In bursts: there should be time for the others. */
		if (n % 50 == 0)
			usleep(3000);
	}
}

static _Noreturn void echo_answers(int from, int to)
{
	char c;

	while (read(from, &c, 1) == 1) {
		work_a_while();
		if (write(to, &c, 1) != 1)
			break;
	}
	_exit(1);
}

static void start_echo(void)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		wrong(&shared->slot[0], "pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		echo[i] = fork();
		if (echo[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (i)
			echo_calls(there[1], back[0]);
		echo_answers(there[0], back[1]);
	}
}

/* Nobody is in a step that does not end. */
static void check_stuck(void)
{
	const uint64_t now = now_ns();

	for (unsigned i = 0; i < opt.members; i++) {
		const uint64_t began = atomic_load(&shared->slot[i].began);

		if (began && now > began + STUCK_NS)
			wrong(&shared->slot[i], "member %u hangs", i);
	}
}

static void check_longest(const struct slot *s)
{
	const uint64_t machine = atomic_load(&shared->machine);

	if (s->longest > LIMIT_NS + ROUNDS * machine)
		wrong(&shared->slot[0], "%s took %llu ms (the machine alone makes wait %llu ms)",
		      s->longest_work, (unsigned long long)s->longest / 1000000,
		      (unsigned long long)machine / 1000000);
}

/* --- the run ---------------------------------------------------------------------------------- */

/* The slot with the longest step. */
static const struct slot *slowest(void)
{
	const struct slot *s = &shared->slot[0];

	for (unsigned i = 1; i < opt.members; i++)
		if (shared->slot[i].longest > s->longest)
			s = &shared->slot[i];
	return s;
}

/* How many died. */
static uint64_t kill_for(unsigned seconds)
{
	const uint64_t until = now_ns() + seconds * UINT64_C(1000000000);
	struct slot random = { .random = opt.seed };
	uint64_t deaths = 0;

	for (; now_ns() < until; deaths++) {
		struct slot *s = &shared->slot[below(&random, opt.members)];

		usleep(below(&random, PAUSE_US));
		check_stuck();
		end(s);
		if (opt.print)
			printf("member %u dies\n", s->index);
		start(s);
	}
	return deaths;
}

static void run(void)
{
	const struct slot *slow;
	uint64_t deaths, steps = 0;

	for (unsigned w = 0; w < NR_WORKS; w++)
		if (chosen(works[w]))
			works[w]->make();
	start_echo();
	for (unsigned i = 0; i < opt.members; i++) {
		shared->slot[i].index = i;
		shared->slot[i].random = opt.seed * SLOTS_MAX + i;
		start(&shared->slot[i]);
	}
	deaths = kill_for(opt.seconds);
	for (unsigned i = 0; i < opt.members; i++) {
		end(&shared->slot[i]);
		steps += atomic_load(&shared->slot[i].steps);
	}
	slow = slowest();
	check_longest(slow);
	kill_all();
	usleep(LATE_NS / 1000);
	for (unsigned w = 0; w < NR_WORKS; w++)
		if (chosen(works[w]))
			works[w]->finish(&shared->slot[0]);
	printf("seed %llu: %u members, %llu deaths, %llu steps, the longest %llu ms and %llu ms "
	       "for "
	       "a CPU (%s; the machine's %llu ms), nothing wrong\n",
	       (unsigned long long)opt.seed, opt.members, (unsigned long long)deaths,
	       (unsigned long long)steps, (unsigned long long)slow->longest / 1000000,
	       (unsigned long long)slow->longest_queued / 1000000, slow->longest_work,
	       (unsigned long long)atomic_load(&shared->machine) / 1000000);
}

static int usage(void)
{
	fprintf(stderr, "usage: skep run -- faults [--seed S] [--seconds T] [--members N] "
			"[--work NAME] [--print]\n  works:");
	for (unsigned w = 0; w < NR_WORKS; w++)
		fprintf(stderr, " %s", works[w]->name);
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "members", required_argument, NULL, 'm' },
		{ "work", required_argument, NULL, 'w' },
		{ "print", no_argument, NULL, 'p' },
		{ 0 },
	};
	bool known = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			opt.seed = strtoull(optarg, NULL, 10);
		else if (c == 't')
			opt.seconds = (unsigned)atoi(optarg);
		else if (c == 'm')
			opt.members = (unsigned)atoi(optarg);
		else if (c == 'w')
			opt.work = optarg;
		else if (c == 'p')
			opt.print = true;
		else
			return usage();
	}
	for (unsigned w = 0; w < NR_WORKS; w++)
		known |= chosen(works[w]);
	if (!known || !opt.members || opt.members > SLOTS_MAX)
		return usage();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	driver = getpid();
	shared->slots = opt.members;
	printf("# seed %llu\n", (unsigned long long)opt.seed);
	fflush(stdout);
	run();
	return 0;
}
