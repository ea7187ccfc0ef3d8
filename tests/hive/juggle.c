/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * juggle.c - processes in a hive that run juggle.bpf.c's programs themselves: objects that they
 * allocate go through their hands, and those of who is killed.  TAP for each case.
 *
 *	juggle FILE CASE...	RUNNER_SEED, RUNNER_SECONDS as of runner.c
 */
#include "tests/hive/objects.h"
#include "tests/hive/runs.h"
#include "tests/hive/scribbler.h"

#include <signal.h>
#include <sys/wait.h>

#define PROCESSES 4
#define RUNS	  20000
#define MORTALS	  6

/* As juggle.bpf.c has it. */
struct juggler {
	uint32_t lock;
	uint64_t list[2], tree[2];
	uint64_t pushed, popped, added, removed;
};

/* --- how many there are ----------------------------------------------------------------------- */

static unsigned live(void)
{
	unsigned used;

	return count_objects(member_meta(), &used);
}

static unsigned blocks(void)
{
	unsigned used;

	count_objects(member_meta(), &used);
	return used;
}

static struct juggler juggler(void)
{
	struct juggler h = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(map("hands"), &zero, &h);
	return h;
}

static uint64_t global(size_t i)
{
	uint64_t all[2] = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(map(".bss"), &zero, all);
	return all[i];
}

/*
 * Takes everything out of list, tree and slots: true if nothing is left that somebody holds.  A run
 * that had looked an element up may have stored into it after it was deleted: that stays there, as
 * in the kernel, until the element is used again or the map goes.
 */
static bool drained(unsigned *ret_list_and_tree)
{
	uint64_t key, ret = 1;

	for (*ret_list_and_tree = 0; ret; *ret_list_and_tree += (unsigned)ret)
		if (run_n(prog("drain"), NULL, 1, &ret) != 1)
			return false;
	while (!bpf_map_get_next_key(map("slots"), NULL, &key))
		bpf_map_delete_elem(map("slots"), &key);
	while (!bpf_map_get_next_key(map("few"), NULL, &key))
		bpf_map_delete_elem(map("few"), &key);
	/* Who died just now may not be buried. */
	for (int i = 0; live() > STRAYS && i < 500; i++)
		usleep(10000);
	if (live())
		printf("# %u objects are left\n", live());
	return live() <= STRAYS;
}

/* --- exact ------------------------------------------------------------------------------------ */

/* Several processes run the program so often each: the sum of what the last runs returned. */
static bool run_all(const char *name)
{
	int status, bad = 0;
	uint64_t ret;

	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			_exit(run_n(prog(name), NULL, RUNS, &ret) != RUNS || ret != 1);
	for (int i = 0; i < PROCESSES; i++)
		bad |= wait(&status) < 0 || status;
	return !bad;
}

static int counts(void)
{
	struct juggler h;
	unsigned left;

	CHECK(live() == 0);
	CHECK(run_all("push_pop"));
	h = juggler();
	CHECK(h.pushed == PROCESSES * RUNS && h.popped == PROCESSES * RUNS);
	CHECK(run_all("add_remove"));
	h = juggler();
	CHECK(h.added == PROCESSES * RUNS && h.removed == PROCESSES * RUNS);
	CHECK(live() == 0 && !global(0) && !global(1));
	CHECK(drained(&left) && left == 0 && live() == 0);
	return 0;
}

/* What was counted in is what comes out, or out of what is left. */
static int all_of_it(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint64_t ret;
	struct juggler h;
	unsigned left;
	int status;

	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			_exit(run_n(prog("juggle"), NULL, RUNS, &ret) != RUNS);
	/* The server as well. */
	for (int i = 0; i < 1000; i++)
		CHECK(!bpf_prog_test_run_opts(prog("juggle"), &opts));
	for (int i = 0; i < PROCESSES; i++)
		CHECK(wait(&status) > 0 && status == 0);
	h = juggler();
	CHECK(drained(&left));
	CHECK(h.pushed - h.popped + h.added - h.removed == left);
	CHECK(!global(0) && !global(1) && h.pushed && h.added);
	printf("# %lu pushed, %lu added, %u were left\n", h.pushed, h.added, left);
	CHECK(gone(live));
	return 0;
}

static int maps_go(void)
{
	uint64_t ret;

	CHECK(run_n(prog("juggle"), NULL, RUNS, &ret) == RUNS && live() > 0);
	CHECK(gone(live));
	return 0;
}

/* --- deaths ----------------------------------------------------------------------------------- */

static pid_t mortal(void)
{
	const pid_t pid = fork();
	uint64_t ret;

	while (pid == 0)
		run_n(prog("juggle"), NULL, 1000, &ret);
	return pid;
}

static int deaths(void)
{
	const uint64_t end = now() + (uint64_t)seconds() * 1000000000u;
	uint64_t ret, before, longest = 0;
	unsigned left;
	pid_t pid[MORTALS];
	long died = 0, apart;
	struct juggler h;

	srand(seed_of_run());
	for (int i = 0; i < MORTALS; i++)
		pid[i] = mortal();
	for (; now() < end; died++) {
		const int i = rand() % MORTALS;

		usleep((unsigned)rand() % 3000);
		CHECK(!kill(pid[i], SIGKILL) && waitpid(pid[i], NULL, 0) == pid[i]);
		pid[i] = mortal();
		before = now();
		CHECK(run_n(prog("juggle"), NULL, 10, &ret) == 10);
		longest = MAX(longest, now() - before);
	}
	for (int i = 0; i < MORTALS; i++)
		CHECK(!kill(pid[i], SIGKILL) && waitpid(pid[i], NULL, 0) == pid[i]);
	CHECK(run_n(prog("juggle"), NULL, 1000, &ret) == 1000);
	h = juggler();
	CHECK(drained(&left));
	apart = (long)(h.pushed - h.popped + h.added - h.removed) - (long)left;
	printf("# %ld deaths, %lu pushed, %lu added, %u were left, %ld not counted; ten runs took "
	       "%.1f ms "
	       "at most; %u blocks\n",
	       died, h.pushed, h.added, left, apart, (double)longest / 1e6, blocks());
	/* Who died between a change and its count. */
	CHECK(labs(apart) <= died + MORTALS);
	CHECK(!global(0) && !global(1) && longest < HANG_NS);
	/* Blocks neither: all processes are as good as new. */
	CHECK(run_all("push_pop") && drained(&left));
	CHECK(gone(live));
	return 0;
}

/* --- one that writes where it should not ------------------------------------------------------ */

/* It may come to harm; what it must not do is ask for more. */
static pid_t victim(void)
{
	const pid_t pid = fork();
	uint64_t ret;

	if (pid == 0) {
		alarm(1);
		run_n(prog("juggle"), NULL, 100000, &ret);
		run_n(prog("drain"), NULL, 100, &ret);
		_exit(0);
	}
	return pid;
}

/* The server follows what is there: as programs do, and as elements go. */
static uint64_t ask_server(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct juggler h = { 0 };
	uint64_t key = (uint64_t)rand() % 80, slot[4] = { key }, before = now();
	uint32_t zero = 0;

	bpf_map_update_elem(map("slots"), &key, slot, BPF_ANY);
	bpf_map_delete_elem(map("slots"), &key);
	bpf_prog_test_run_opts(prog("juggle"), &opts);
	/* The list and the tree go. */
	if (rand() % 8 == 0)
		bpf_map_update_elem(map("hands"), &zero, &h, BPF_ANY);
	return now() - before;
}

static int scribble(void)
{
	const unsigned n = seed_of_run();
	const uint64_t end = now() + (uint64_t)seconds() * 1000000000u;
	const pid_t pid = scribbler(member_meta(), n);
	uint64_t longest = 0;
	int status, victims = 0, harmed = 0;
	pid_t other;

	srand(n);
	CHECK(pid > 0);
	while (now() < end) {
		other = victim();
		for (int i = 0; i < 20; i++)
			longest = MAX(longest, ask_server());
		CHECK(waitpid(other, &status, 0) == other);
		victims++;
		harmed += status != 0;
	}
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	printf("# %d of %d victims came to harm; the server took %.1f ms at most\n", harmed,
	       victims, (double)longest / 1e6);
	bpf_object__close(obj);
	sleep(3); /* what it wrote into vCPUs is found out */
	/* What is made from now on works as if nothing had been. */
	obj = bpf_object__open_file(file, NULL);
	CHECK(obj && !bpf_object__load(obj));
	CHECK(run_all("push_pop"));
	CHECK(juggler().pushed == PROCESSES * RUNS && juggler().popped == PROCESSES * RUNS);
	return longest > 6ull * HANG_NS;
}

static int cost(void)
{
	uint64_t ret, start = now();
	const long n = 2000000;

	CHECK(run_n(prog("new_drop"), NULL, n, &ret) == n);
	printf("# obj_new and drop: %.1f ns\n", (double)(now() - start) / n);
	start = now();
	CHECK(run_n(prog("push_pop"), NULL, n, &ret) == n);
	printf("# new, push, pop, drop: %.1f ns\n", (double)(now() - start) / n);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct run_case cases[] = {
		{ "counts", counts }, { "all_of_it", all_of_it }, { "maps_go", maps_go },
		{ "deaths", deaths }, { "scribble", scribble },	  { "cost", cost },
	};

	return run_cases(argv, cases, ARRAY_SIZE(cases));
}
