/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_machine.c - what the machine itself makes processes wait, while members work and die.
 *
 * A call may be slow because the machine was: two processes that send each other a byte say what a
 * question and its answer take without a kernel of ours; and one on each CPU, which wakes up every
 * BEAT_NS, says when that CPU did not run at all, because whoever runs the machine took it away.
 * What a beat waits because others have its CPU is none of that: the kernel counts it apart.
 */
#include "tests/hive/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define BEAT_NS	 UINT64_C(1000000)
#define STOOD_NS UINT64_C(2000000) /* less than that late is nothing */

static pid_t helper[2 + BEATS_MAX];

uint64_t queued_ns(pid_t pid)
{
	static pid_t of, by;
	static int fd = -1;
	unsigned long long ran, queued;
	char line[96];
	ssize_t n;

	if (of != pid || by != getpid()) {
		if (fd >= 0)
			close(fd);
		snprintf(line, sizeof(line), "/proc/%d/schedstat", (int)pid);
		fd = open(line, O_RDONLY | O_CLOEXEC);
		of = pid;
		by = getpid();
	}
	n = pread(fd, line, sizeof(line) - 1, 0);
	line[MAX(n, 0)] = 0;
	return sscanf(line, "%llu %llu", &ran, &queued) == 2 ? queued : 0;
}

/* --- questions and answers -------------------------------------------------------------------- */

/* As busy as a call keeps a member, or the server's thread. */
static void work_a_while(void)
{
	const uint64_t until = now_ns() + 20000;

	while (now_ns() < until)
		;
}

/* A byte goes to the other process, which sends it back. */
static _Noreturn void echo_calls(int to, int from)
{
	for (unsigned n = 0;; n++) {
		const uint64_t began = now_ns();
		char c = 0;

		if (write(to, &c, 1) + read(from, &c, 1) != 2)
			_exit(1);
		if (now_ns() - began > atomic_load(&shared->machine.longest))
			atomic_store(&shared->machine.longest, now_ns() - began);
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

/* --- beats ------------------------------------------------------------------------------------ */

/* The CPU did not run for that long, some time between the two. */
static void stood(unsigned cpu, uint64_t from, uint64_t to, uint64_t ns)
{
	struct stood *s = &shared->machine.cpu[cpu][shared->machine.nr[cpu] % STOODS];

	*s = (struct stood){ from, to, ns };
	shared->machine.nr[cpu]++;
}

static _Noreturn void beat(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A CPU that is not ours has no beat. */
	if (sched_setaffinity(0, sizeof(set), &set))
		pause();
	for (;;) {
		const uint64_t due = now_ns() + BEAT_NS, before = queued_ns(getpid());
		uint64_t now, queued;

		usleep(BEAT_NS / 1000);
		now = now_ns();
		queued = queued_ns(getpid()) - before;
		if (now > due + queued + STOOD_NS)
			stood(cpu, due, now, now - due - queued);
	}
}

uint64_t machine_stood(uint64_t from, uint64_t to)
{
	uint64_t most = 0;

	for (unsigned cpu = 0; cpu < BEATS_MAX; cpu++) {
		uint64_t all = 0;

		for (unsigned i = 0; i < MIN(shared->machine.nr[cpu], STOODS); i++) {
			const struct stood *s = &shared->machine.cpu[cpu][i];

			if (s->to > from && s->from < to)
				all += MIN(s->ns, MIN(s->to, to) - MAX(s->from, from));
		}
		most = MAX(most, all);
	}
	return most;
}

/* --- both ------------------------------------------------------------------------------------- */

void machine_start(void)
{
	const unsigned cpus = MIN((unsigned)sysconf(_SC_NPROCESSORS_CONF), BEATS_MAX);
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		wrong(&shared->slot[0], "pipe: %s", strerror(errno));
	for (unsigned i = 0; i < 2 + cpus; i++) {
		helper[i] = fork();
		if (helper[i] < 0)
			wrong(&shared->slot[0], "fork: %s", strerror(errno));
		if (helper[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (i == 0)
			echo_answers(there[0], back[1]);
		if (i == 1)
			echo_calls(there[1], back[0]);
		beat(i - 2);
	}
}

void machine_end(void)
{
	for (unsigned i = 0; i < 2 + BEATS_MAX; i++) {
		if (helper[i] <= 0)
			continue;
		kill(helper[i], SIGKILL);
		waitpid(helper[i], NULL, 0);
		helper[i] = 0;
	}
}
