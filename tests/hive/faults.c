/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c - members of a hive die at any instant, and the others notice nothing.
 *
 *	skep run -- faults [--seed S] [--seconds T] [--members N] [--work NAME] [--print]
 *
 * Members do random work on maps, ring buffers and objects that they share (faults_maps.c,
 * faults_ring.c, faults_objects.c), and each checks what it finds.  Meanwhile one after the
 * other is killed, and a new one takes its slot.  What must hold:
 *
 * No call takes longer than LIMIT_NS, ended or not, but for what its own process waits for a CPU,
 * as the kernel says, and what the machine makes it wait (faults_machine.c).  No element is lost or
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
#define SLOW_NS	 UINT64_C(25000000) /* from there on calls are kept */
#define ROUNDS	 8 /* that a call may wait for the machine: questions about it, locks */
#define STUCK_NS UINT64_C(20000000000)
#define PAUSE_US 20000 /* at most, between two deaths */

static const struct work *const works[] = {
	&keyed_work,   &queue_work, &ring_work,
	&objects_work, &churn_work, /* it counts maps: from here on there are no more */
};
#define NR_WORKS (sizeof(works) / sizeof(works[0]))

struct common *shared;
static pid_t driver;

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

static unsigned long long ms(uint64_t ns)
{
	return ns / 1000000;
}

static bool chosen(const struct work *w)
{
	return !opt.work || !strcmp(opt.work, w->name);
}

/* --- members ---------------------------------------------------------------------------------- */

static void kill_all(void)
{
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		pid_t *pid = &shared->slot[i].pid;

		if (*pid > 0) {
			kill(*pid, SIGKILL);
			waitpid(*pid, NULL, 0);
		}
		*pid = 0;
	}
	machine_end();
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

static void begin_call(struct slot *s)
{
	s->queued = queued_ns(s->pid);
	atomic_store(&s->began, now_ns());
}

/* The call is over, or its process will be: one that took long is kept. */
static void end_call(struct slot *s)
{
	const uint64_t from = atomic_exchange(&s->began, 0), to = now_ns();
	unsigned i;

	if (!from || to - from < SLOW_NS)
		return;
	i = atomic_fetch_add(&shared->nr_slow, 1);
	if (i < SLOWS)
		shared->slow[i] = (struct slow){ s->work, s->nr_call, from, to,
						 queued_ns(s->pid) - s->queued };
}

void next_call(struct slot *s)
{
	end_call(s);
	s->nr_call++;
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
		s->nr_call = 0;
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

	end_call(s);
	kill(s->pid, SIGKILL);
	if (waitpid(s->pid, &status, 0) != s->pid)
		status = 0;
	s->pid = 0;
	shared->deaths++;
	atomic_store(&s->began, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		wrong(s, "%s", s->said[0] ? strdupa(s->said) : "a member ended by itself");
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

/* Of a call, what neither its own process waited for a CPU, nor who took CPUs away. */
static uint64_t own_ns(const struct slow *c)
{
	const uint64_t others = c->queued + machine_stood(c->from, c->to);

	return c->to - c->from - MIN(others, c->to - c->from);
}

static const struct slow *slowest(void)
{
	static const struct slow none = { "none" };
	const struct slow *ret = &none;

	for (unsigned i = 0; i < MIN(atomic_load(&shared->nr_slow), SLOWS); i++)
		if (own_ns(&shared->slow[i]) > own_ns(ret))
			ret = &shared->slow[i];
	return ret;
}

static void check_slowest(const struct slow *c)
{
	const uint64_t machine = atomic_load(&shared->machine.longest);

	if (atomic_load(&shared->nr_slow) > SLOWS)
		wrong(&shared->slot[0], "%u calls took more than %llu ms",
		      atomic_load(&shared->nr_slow), ms(SLOW_NS));
	if (own_ns(c) > LIMIT_NS + ROUNDS * machine)
		wrong(&shared->slot[0],
		      "call %u of %s took %llu ms (the machine alone makes wait %llu ms)",
		      c->nr_call, c->work, ms(own_ns(c)), ms(machine));
}

/* --- the run ---------------------------------------------------------------------------------- */

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
	const struct slow *slow;
	uint64_t deaths, steps = 0;

	for (unsigned w = 0; w < NR_WORKS; w++)
		if (chosen(works[w]))
			works[w]->make();
	machine_start();
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
	usleep(5000); /* the last beats */
	slow = slowest();
	check_slowest(slow);
	kill_all();
	usleep(LATE_NS / 1000);
	for (unsigned w = 0; w < NR_WORKS; w++)
		if (chosen(works[w]))
			works[w]->finish(&shared->slot[0]);
	printf("seed %llu: %u members, %llu deaths, %llu steps, nothing wrong; the longest call "
	       "%llu "
	       "ms (%u of %s; besides %llu for a CPU, %llu when one stood; the machine's %llu)\n",
	       (unsigned long long)opt.seed, opt.members, (unsigned long long)deaths,
	       (unsigned long long)steps, ms(own_ns(slow)), slow->nr_call, slow->work,
	       ms(slow->queued), ms(machine_stood(slow->from, slow->to)),
	       ms(atomic_load(&shared->machine.longest)));
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
