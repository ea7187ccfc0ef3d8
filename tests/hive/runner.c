/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.c - a process in a hive that runs the hive's programs itself: TAP for each of its cases.
 * The programs are runner.bpf.c's; what runs them here comes from the preload library.
 */
#include "obj/timer_int.h"
#include "tests/hive/runs.h"
#include "tests/hive/scribbler.h"

#include <bpf/btf.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int cpus; /* possible ones */

/* As runner.bpf.c has it. */
struct said {
	uint64_t ids, ns;
	char comm[16];
	uint64_t word;
	int64_t bad;
	uint64_t looped, old;
	uint32_t cpu, tail_calls;
	uint64_t torn;
};

static const struct said *said(void)
{
	static struct said s;
	uint32_t zero = 0;

	return bpf_map_lookup_elem(map(".bss"), &zero, &s) ? NULL : &s;
}

/* --- one process ------------------------------------------------------------------------------ */

static int everything(void)
{
	uint64_t good = 0x1122334455667788, ret = 0, v, before = now();
	uint64_t args[2] = { (uintptr_t)&good, 8 };
	const struct said *s;
	uint32_t zero = 0;

	CHECK(run_n(prog("everything"), args, 1, &ret) == 1);
	s = said();
	CHECK(s);
	CHECK(ret == 7 && s->tail_calls == 1);
	CHECK(s->ids == ((uint64_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid)));
	CHECK(s->ns >= before && s->ns <= now());
	CHECK(!strcmp(s->comm, "runner"));
	CHECK(s->word == good && s->bad == -EFAULT);
	CHECK(s->looped == 45 && s->old == 45);
	CHECK(s->cpu < (uint32_t)cpus);
	CHECK(!bpf_map_lookup_and_delete_elem(map("line"), NULL, &v) && v == 45);
	CHECK(!bpf_map_lookup_elem(map("inner"), &zero, &v) && v == 1);
	args[0] = 24 | 10ull << 32;
	CHECK(!bpf_map_lookup_elem(map("routes"), args, &v) && v == 45);
	return 0;
}

/* A map that came after the process had joined. */
static int later_maps(void)
{
	uint64_t args[2] = { 8, 8 }, ret, v;
	uint32_t zero = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "later", 4, 8, 1, NULL);

	CHECK(fd >= 0 && !bpf_map_update_elem(map("outer"), &zero, &fd, BPF_ANY));
	CHECK(run_n(prog("everything"), args, 3, &ret) == 3);
	CHECK(!bpf_map_lookup_elem(fd, &zero, &v) && v == 3);
	close(fd);
	return 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

/* As runner.bpf.c has them. */
struct clock_args {
	uint64_t key, nsecs, again, cancels;
	int64_t init, set, start, cancel;
};
struct alarm {
	uint64_t again, timer[2], work[2], rung, worked, wrong, keys;
};

static struct alarm alarm_of(const char *name, uint64_t key)
{
	struct alarm a = { 0 };

	if (bpf_map_lookup_elem(map(name), &key, &a))
		memset(&a, 0xff, sizeof(a));
	return a;
}

/* Arms the timer of a key: what its program heard. */
static struct clock_args set_alarm(uint64_t key, uint64_t nsecs, uint64_t again)
{
	struct clock_args c = { .key = key, .nsecs = nsecs, .again = again, .init = 1 };
	uint64_t ret;

	if (run_n(prog("alarm"), &c, 1, &ret) != 1 || ret)
		c.init = -ENOENT;
	return c;
}

static int64_t cancel_alarm(uint64_t key)
{
	struct clock_args c = { .key = key, .cancels = 1, .cancel = -ENOENT };
	uint64_t ret;

	return run_n(prog("alarm"), &c, 1, &ret) == 1 ? c.cancel : -ENOENT;
}

/* The time limit of the test ends it where that never comes. */
static void wait_rung(const char *name, uint64_t key, uint64_t n)
{
	while (alarm_of(name, key).rung < n)
		usleep(1000);
}

static unsigned timers_used(void)
{
	const struct obj_store *s = (const struct obj_store *)member_meta()->objects;
	unsigned n = 0;

	for (size_t i = 0; i < TIMER_WORDS; i++)
		n += (unsigned)__builtin_popcountll(s->timers.table->used[i]);
	return n;
}

/* What a member arms, the server calls; another member finds the same timer. */
static int alarms(void)
{
	struct alarm fresh = { 0 };
	struct clock_args c;
	uint64_t began = now(), ret, key;
	int status;

	for (key = 0; key < 4; key++)
		CHECK(!bpf_map_update_elem(map("alarms"), &key, &fresh, BPF_ANY));
	c = set_alarm(0, 20 * MS, 0);
	CHECK(!c.init && !c.set && !c.start);
	wait_rung("alarms", 0, 1);
	CHECK(now() - began >= 20 * MS);
	c = set_alarm(0, 0, 20);
	CHECK(c.init == -EBUSY && !c.set && !c.start);
	wait_rung("alarms", 0, 22);
	/* Neither what is cancelled nor what goes with its element. */
	CHECK(!set_alarm(1, 100 * MS, 0).start && !set_alarm(2, 100 * MS, 0).start);
	CHECK(!set_alarm(3, 100 * MS, 0).start);
	CHECK(cancel_alarm(1) == 1 && cancel_alarm(1) == 0);
	if (fork() == 0)
		_exit(cancel_alarm(2) != 1);
	CHECK(wait(&status) > 0 && status == 0);
	key = 3;
	CHECK(!bpf_map_delete_elem(map("alarms"), &key));
	CHECK(!bpf_map_update_elem(map("alarms"), &key, &fresh, BPF_ANY));
	CHECK(cancel_alarm(3) == -EINVAL);
	usleep(200000);
	for (key = 0; key < 4; key++) {
		CHECK(alarm_of("alarms", key).rung == (key ? 0 : 22));
		CHECK(!alarm_of("alarms", key).wrong);
	}
	/* Of an array; and work. */
	c = (struct clock_args){ .key = 3, .nsecs = MS };
	CHECK(run_n(prog("clock"), &c, 1, &ret) == 1 && !ret);
	wait_rung("clocks", 3, 1);
	while (!alarm_of("clocks", 3).worked)
		usleep(1000);
	CHECK(!alarm_of("clocks", 3).wrong);
	return 0;
}

/* What a process armed is called when it has long ended, and its program, whoever closes it. */
static int alarms_stay(void)
{
	struct alarm fresh = { 0 };
	const uint64_t key = 7;
	struct bpf_object *other;
	int fd;

	CHECK(!bpf_map_update_elem(map("alarms"), &key, &fresh, BPF_ANY));
	fd = dup(map("alarms"));
	if (fork() == 0)
		_exit(set_alarm(7, 300 * MS, 3).start != 0);
	CHECK(wait(NULL) > 0);
	other = obj;
	bpf_object__close(other);
	obj = bpf_object__open_file(file, NULL);
	CHECK(obj && !bpf_object__load(obj));
	do {
		usleep(1000);
		CHECK(!bpf_map_lookup_elem(fd, &key, &fresh));
	} while (fresh.rung < 4);
	CHECK(!fresh.wrong);
	close(fd);
	return 0;
}

/* --- what tasks own ----------------------------------------------------------------------------
 */

/* What bpf(2) says of the process: its count, or -errno. */
static int64_t count_of(pid_t pid)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int64_t v = 0;

	if (bpf_map_lookup_elem(map("own"), &pidfd, &v))
		v = -errno;
	close(pidfd);
	return v;
}

/* Members' programs make it, and bpf(2) finds it. */
static int storage(void)
{
	uint64_t ret = 0;
	int ready[2], go[2];
	pid_t pid;
	char c = 0;

	CHECK(!pipe(ready) && !pipe(go));
	CHECK(count_of(getpid()) == -ENOENT);
	CHECK(run_n(prog("mine"), NULL, 3, &ret) == 3 && ret == 3);
	pid = fork();
	if (pid == 0) {
		c = run_n(prog("mine"), NULL, 5, &ret) == 5 && ret == 5;
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	CHECK(read(ready[0], &c, 1) == 1 && c);
	CHECK(count_of(getpid()) == 3 && count_of(pid) == 5);
	CHECK(write(go[1], &c, 1) == 1 && waitpid(pid, NULL, 0) == pid);
	CHECK(run_n(prog("no_more"), NULL, 1, &ret) == 1 && (int32_t)ret == 0);
	CHECK(count_of(getpid()) == -ENOENT);
	CHECK(run_n(prog("no_more"), NULL, 1, &ret) == 1 && (int32_t)ret == -ENOENT);
	return 0;
}

/* Programs on maps that own objects run here as they do in the server; juggle.c has more. */
static int objects(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint64_t ret = 0;

	CHECK(run_n(prog("owns"), NULL, 1, &ret) == 1 && ret == 1);
	CHECK(run_n(prog("owns_inside"), NULL, 1, &ret) == 1 && ret == 0);
	CHECK(!bpf_prog_test_run_opts(prog("owns"), &opts) && opts.retval == 1);
	return 0;
}

/* --- arenas ----------------------------------------------------------------------------------- */

#define ARENA_PAGES 256
#define PAGE	    4096ul

static uint64_t *arena; /* as this process has it */

static int arena_new(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	const int fd = bpf_map_create(33 /* BPF_MAP_TYPE_ARENA: older headers lack it */, "arena",
				      0, 0, ARENA_PAGES, &opts);
	void *at =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	arena = at == MAP_FAILED ? NULL : at;
	return arena ? fd : -1;
}

/* What an arena's program is told, and says. */
struct arena_args {
	uint64_t word;
	uint64_t page; /* where it is now, as processes see it; 0: there was none */
	uint64_t read; /* the word behind it, as the program sees it */
};

/*
 * Allocates a page and writes the word to it; with `frees` it gives it back, else it counts at
 * `counter` in the arena.
 */
static int arena_prog(int fd, bool frees, const uint64_t *counter)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	const int alloc = btf__find_by_name_kind(kernel, "bpf_arena_alloc_pages", BTF_KIND_FUNC);
	const int free = btf__find_by_name_kind(kernel, "bpf_arena_free_pages", BTF_KIND_FUNC);
	const uint64_t at = (uintptr_t)counter;
	const struct bpf_insn insns[] = {
		{ .code = 0xbf, .dst_reg = 6, .src_reg = 1 },
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = fd },
		{ 0 },
		{ .code = 0xb7, .dst_reg = 2 },
		{ .code = 0xb7, .dst_reg = 3, .imm = 1 },
		{ .code = 0xb7, .dst_reg = 4, .imm = -1 },
		{ .code = 0xb7, .dst_reg = 5 },
		{ .code = 0x85, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = alloc },
		{ .code = 0x7b, .dst_reg = 6, .src_reg = 0, .off = 8 },
		{ .code = 0x15, .dst_reg = 0, .off = 11 },
		{ .code = 0xbf, .dst_reg = 7, .src_reg = 0 },
		{ .code = 0xbf, .dst_reg = 1, .src_reg = 0, .off = 1, .imm = 1 }, /* the cast */
		{ .code = 0x79, .dst_reg = 2, .src_reg = 6 },
		{ .code = 0x7b, .dst_reg = 1, .src_reg = 2 },
		{ .code = 0x79, .dst_reg = 2, .src_reg = 1 },
		{ .code = 0x7b, .dst_reg = 6, .src_reg = 2, .off = 16 },
		/* It counts. */
		{ .code = 0x18, .dst_reg = 1, .imm = (int)(uint32_t)at },
		{ .imm = (int)(at >> 32) },
		{ .code = 0xbf, .dst_reg = 1, .src_reg = 1, .off = 1, .imm = 1 },
		{ .code = 0xb7, .dst_reg = 2, .imm = 1 },
		{ .code = 0xdb, .dst_reg = 1, .src_reg = 2 },
		{ .code = 0xb7, .dst_reg = 0 },
		{ .code = 0x95 },
	};
	const struct bpf_insn freeing[] = {
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = fd },
		{ 0 },
		{ .code = 0xbf, .dst_reg = 2, .src_reg = 7 },
		{ .code = 0xb7, .dst_reg = 3, .imm = 1 },
		{ .code = 0x85, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = free },
		{ .code = 0xb7, .dst_reg = 0 },
		{ .code = 0x95 },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	struct bpf_insn all[40];
	size_t n = sizeof(insns) / sizeof(insns[0]);

	memcpy(all, insns, sizeof(insns));
	if (frees) {
		n = 16 + sizeof(freeing) / sizeof(freeing[0]);
		memcpy(&all[16], freeing, sizeof(freeing));
	}
	btf__free(kernel);
	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "arena", "GPL", all, n, &opts);
}

/* Pages that members' programs allocate are theirs alone, and others see what is in there. */
static int arenas(void)
{
	const int fd = arena_new();
	const int use = fd < 0 ? -1 : arena_prog(fd, false, arena);
	uint64_t ret, pages = 0;
	int status;

	CHECK(fd >= 0 && use >= 0);
	arena[0] = 0; /* touched: this page is taken */
	for (uint64_t who = 1; who <= 5; who++)
		if (fork() == 0) {
			struct arena_args a = { 0 };

			for (int i = 0; i < 50; i++) {
				a.word = who << 32 | (unsigned)i;
				if (run_n(use, &a, 1, &ret) != 1 || !a.page || a.read != a.word)
					_exit(1);
			}
			_exit(0);
		}
	for (int i = 0; i < 5; i++)
		CHECK(wait(&status) > 0 && status == 0);
	CHECK(arena[0] == 250);
	for (size_t i = 1; i < ARENA_PAGES; i++)
		pages += arena[i * PAGE / 8] != 0;
	CHECK(pages == 250);
	close(use);
	close(fd);
	munmap(arena, ARENA_PAGES * PAGE);
	return 0;
}

/* Who dies as it allocates or frees takes one page along, no more. */
static int arena_deaths(void)
{
	const int fd = arena_new();
	const int use = fd < 0 ? -1 : arena_prog(fd, false, arena);
	const int frees = fd < 0 ? -1 : arena_prog(fd, true, arena);
	struct arena_args a = { .word = 1 };
	uint64_t ret, pages = 0;
	pid_t pid;

	CHECK(use >= 0 && frees >= 0);
	arena[0] = 0;
	for (int i = 0; i < 100; i++) {
		pid = fork();
		while (pid == 0)
			run_n(frees, &a, 100, &ret);
		usleep(2000 + (unsigned)rand() % 3000);
		CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	}
	usleep(300000); /* the last one is buried */
	do {
		CHECK(run_n(use, &a, 1, &ret) == 1);
		pages += a.page != 0;
	} while (a.page);
	printf("# %lu pages of %d are left after 100 deaths\n", pages, ARENA_PAGES - 1);
	CHECK(pages >= ARENA_PAGES - 1 - 100 && pages <= ARENA_PAGES - 1);
	close(fd);
	munmap(arena, ARENA_PAGES * PAGE);
	return 0;
}

/* --- many ------------------------------------------------------------------------------------- */

#define CPUS_MAX  1024
#define PROCESSES 6
#define RUNS	  20000

static uint64_t sum_of_cpus(const uint64_t *v)
{
	uint64_t sum = 0;

	for (int i = 0; i < cpus; i++)
		sum += v[i];
	return sum;
}

/* The sum over all elements, and CPUs. */
static uint64_t sum_of(int fd, bool percpu)
{
	uint64_t key, *prev = NULL, v[CPUS_MAX], sum = 0;

	for (; !bpf_map_get_next_key(fd, prev, &key); prev = &key)
		if (!bpf_map_lookup_elem(fd, &key, v))
			sum += percpu ? sum_of_cpus(v) : v[0];
	return sum;
}

/* As runner.bpf.c has them. */
enum { BUMPS, STARTED, FINISHED, SENT };
struct locked {
	uint32_t lock, pad;
	uint64_t n;
};

static uint64_t counted(uint32_t index)
{
	uint64_t v[CPUS_MAX];

	return bpf_map_lookup_elem(map("per_cpu"), &index, v) ? 0 : sum_of_cpus(v);
}

static int records, wrong;

static int record(void *arg, void *data, size_t size)
{
	const uint64_t *r = data;

	if (size == 16 && r[0] == ~r[1])
		records++;
	else if (size != 8)
		wrong++;
	return 0;
}

/* Every record that a ring had room for is there, whole; what they are is counted. */
static int drain(struct ring_buffer *rb)
{
	return ring_buffer__consume(rb) >= 0 && !wrong;
}

static int many(void)
{
	uint64_t ret;
	struct locked locked;
	struct ring_buffer *rb = ring_buffer__new(map("ring"), record, NULL, NULL);
	uint32_t zero = 0;
	int status, left = PROCESSES;

	records = wrong = 0;
	CHECK(rb);
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			const long n = run_n(prog("count"), NULL, RUNS, &ret);

			if (n != RUNS)
				dprintf(1, "# %ld runs\n", n);
			_exit(n != RUNS);
		}
	while (left) {
		CHECK(drain(rb));
		while (left && waitpid(-1, &status, WNOHANG) > 0) {
			CHECK(status == 0);
			left--;
		}
	}
	CHECK(drain(rb));
	CHECK(counted(STARTED) == PROCESSES * RUNS && counted(FINISHED) == PROCESSES * RUNS);
	CHECK(counted(SENT) == (uint64_t)records);
	CHECK(!bpf_map_lookup_elem(map("guarded"), &zero, &locked));
	CHECK(locked.n == PROCESSES * RUNS);
	CHECK(sum_of(map("table"), false) == PROCESSES * RUNS);
	CHECK(sum_of(map("per_cpu_table"), true) == PROCESSES * RUNS);
	CHECK(records > 0);
	printf("# %d of %d records found room\n", records, PROCESSES * RUNS);
	ring_buffer__free(rb);
	return 0;
}

/* --- and some die ------------------------------------------------------------------------------
 */

#define MORTALS 6

/* Until somebody ends it. */
static pid_t mortal(int kind)
{
	static const char *const kinds[] = { "count", "change", "tick" };
	const pid_t pid = fork();
	uint64_t ret;

	while (pid == 0)
		run_n(prog(kinds[kind % 3]), NULL, 1000, &ret);
	return pid;
}

/* All that fits can be put in, so nothing has been lost. */
static int fits(const char *name, uint64_t n, const char *what)
{
	uint64_t key, *prev = NULL, v[CPUS_MAX] = { 0 };
	const int fd = map(name);

	for (uint64_t i = 0; !bpf_map_get_next_key(fd, prev, &key); i++)
		CHECK(i < 2 * n && !bpf_map_delete_elem(fd, &key));
	for (uint64_t i = 0; i < n; i++) {
		key = 1000000 + i;
		if (bpf_map_update_elem(fd, &key, v, BPF_ANY)) {
			printf("# %s: %lu of %lu\n", name, i, n);
			return 1;
		}
	}
	key = 1;
	CHECK(!strcmp(what, "evicts") || bpf_map_update_elem(fd, &key, v, BPF_ANY));
	return 0;
}

static int all_fit(void)
{
	return fits("table", 4096, "refuses") || fits("busy", 256, "refuses") ||
	       fits("per_cpu_table", 1024, "refuses") || fits("recent", 64, "evicts");
}

static int kill_some(struct ring_buffer *rb, long *ret_deaths)
{
	const uint64_t end = now() + (uint64_t)seconds() * 1000000000u;
	uint64_t before, longest = 0, ret;
	pid_t pid[MORTALS];

	for (int i = 0; i < MORTALS; i++)
		pid[i] = mortal(i);
	while (now() < end) {
		const int i = rand() % MORTALS;

		usleep((unsigned)rand() % 3000);
		CHECK(!kill(pid[i], SIGKILL) && waitpid(pid[i], NULL, 0) == pid[i]);
		++*ret_deaths;
		pid[i] = mortal(i);
		before = now();
		CHECK(run_n(prog("count"), NULL, 10, &ret) == 10);
		CHECK(run_n(prog("change"), NULL, 10, &ret) == 10);
		CHECK(run_n(prog("tick"), NULL, 10, &ret) == 10);
		longest = now() - before > longest ? now() - before : longest;
		CHECK(drain(rb));
	}
	for (int i = 0; i < MORTALS; i++) {
		CHECK(!kill(pid[i], SIGKILL) && waitpid(pid[i], NULL, 0) == pid[i]);
		++*ret_deaths;
	}
	printf("# %ld deaths; thirty runs took %.1f ms at most\n", *ret_deaths,
	       (double)longest / 1e6);
	return longest > HANG_NS;
}

/* Timers work, and there are as many free as ever, but for strays: none is lost with who died. */
static int timers_left(void)
{
	struct alarm fresh = { 0 };
	uint64_t key = 0;

	for (; key < 100; key++) {
		struct alarm a = alarm_of("alarms", key);

		CHECK(a.keys == UINT64_MAX || !a.wrong);
		bpf_map_delete_elem(map("alarms"), &key);
		CHECK(!bpf_map_update_elem(map("alarms"), &key, &fresh, BPF_ANY));
		CHECK(!set_alarm(key, MS, 0).init);
	}
	for (key = 0; key < 100; key++)
		wait_rung("alarms", key, 1);
	while (key-- > 0)
		CHECK(!bpf_map_delete_elem(map("alarms"), &key));
	if (timers_used())
		printf("# %u timers are left\n", timers_used());
	CHECK(timers_used() <= STRAYS);
	return 0;
}

static int deaths(void)
{
	struct ring_buffer *rb = ring_buffer__new(map("ring"), record, NULL, NULL);
	const unsigned seed = seed_of_run();
	uint64_t sum, ret, v;
	struct locked locked;
	uint32_t zero = 0;
	long died = 0;

	srand(seed);
	records = wrong = 0;
	CHECK(rb && !kill_some(rb, &died));
	usleep(500000); /* the last ones are buried */
	CHECK(run_n(prog("count"), NULL, 1000, &ret) == 1000 && drain(rb));

	/* What a run did is there, but for the runs that did not end. */
	CHECK(counted(FINISHED) <= counted(STARTED));
	CHECK(counted(STARTED) <= counted(FINISHED) + (uint64_t)died);
	sum = sum_of(map("table"), false);
	CHECK(sum >= counted(FINISHED) && sum <= counted(STARTED));
	sum = sum_of(map("per_cpu_table"), true);
	CHECK(sum >= counted(FINISHED) && sum <= counted(STARTED));
	CHECK(!bpf_map_lookup_elem(map("guarded"), &zero, &locked));
	CHECK(locked.n >= counted(FINISHED) && locked.n <= counted(STARTED));
	CHECK((uint64_t)records >= counted(SENT));
	CHECK((uint64_t)records <= counted(SENT) + (uint64_t)died);
	CHECK(said() && !said()->torn);
	CHECK(!timers_left());

	CHECK(!all_fit());
	for (int i = 0; i < 64; i++)
		bpf_map_lookup_and_delete_elem(map("line"), NULL, &v);
	for (v = 0; v < 64; v++)
		CHECK(!bpf_map_update_elem(map("line"), NULL, &v, 0));
	CHECK(bpf_map_update_elem(map("line"), NULL, &v, 0));
	ring_buffer__free(rb);
	CHECK(gone(timers_used));
	return 0;
}

/* --- one that writes where it should not -------------------------------------------------------
 */

/* Runs programs amid that.  It may come to harm; what it must not do is ask for more. */
static pid_t victim(void)
{
	const pid_t pid = fork();
	uint64_t ret;

	if (pid == 0) {
		alarm(1);
		run_n(prog("count"), NULL, 100000, &ret);
		run_n(prog("change"), NULL, 100000, &ret);
		run_n(prog("tick"), NULL, 100000, &ret);
		_exit(0);
	}
	return pid;
}

/* The longest command, and on what. */
struct longest {
	uint64_t ns;
	const char *map, *what;
};

static void note(struct longest *l, const struct bpf_map *m, const char *what, uint64_t *began)
{
	const uint64_t end = now();

	if (getenv("RUNNER_SLOW") && end - *began > 50 * MS)
		printf("# %s %s: %.1f ms\n", bpf_map__name(m), what, (double)(end - *began) / 1e6);
	if (end - *began > l->ns)
		*l = (struct longest){ end - *began, bpf_map__name(m), what };
	*began = end;
}

/* Every command on every map: the answer may be anything, but it comes. */
static void use_all(struct longest *l)
{
	struct bpf_map *m;
	uint64_t key, next, v[CPUS_MAX], began;

	bpf_object__for_each_map(m, obj)
	{
		const int fd = bpf_map__fd(m);

		began = now();
		key = (uint64_t)rand() % 300;
		bpf_map_lookup_elem(fd, &key, v);
		note(l, m, "lookup", &began);
		bpf_map_update_elem(fd, &key, v, BPF_ANY);
		note(l, m, "update", &began);
		bpf_map_delete_elem(fd, &key);
		note(l, m, "delete", &began);
		bpf_map_lookup_and_delete_elem(fd, &key, v);
		note(l, m, "lookup and delete", &began);
		for (int i = 0; i < 300 && !bpf_map_get_next_key(fd, i ? &key : NULL, &next); i++) {
			note(l, m, "next key", &began);
			key = next;
		}
	}
}

static int scribble(void)
{
	const unsigned seed = seed_of_run();
	const uint64_t end = now() + (uint64_t)seconds() * 1000000000u;
	int status, victims = 0, harmed = 0;
	struct longest longest = { 0 };
	pid_t pid, other;

	pid = scribbler(member_meta(), seed);
	while (now() < end) {
		other = victim();
		use_all(&longest);
		CHECK(waitpid(other, &status, 0) == other);
		victims++;
		harmed += status != 0;
		CHECK(waitpid(pid, NULL, WNOHANG) == 0);
	}
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	printf("# %d of %d victims came to harm; the longest command: %s of %s, %.1f ms\n", harmed,
	       victims, longest.what, longest.map, (double)longest.ns / 1e6);
	sleep(3); /* what it wrote into vCPUs is found out */
	for (int i = 0; i < 30 && all_fit(); i++)
		sleep(1); /* ...and into maps, but not at once: locks that nobody holds take longest
			   */
	CHECK(!all_fit());
	bpf_object__close(obj);
	/* What is made from now on works as if nothing had been. */
	obj = bpf_object__open_file(file, NULL);
	CHECK(obj && !bpf_object__load(obj));
	return many() || longest.ns > 6 * HANG_NS;
}

/* --- how long --------------------------------------------------------------------------------- */

static int cost(void)
{
	uint64_t ret, start = now();
	const long n = 5000000;

	CHECK(run_n(prog("bump"), NULL, n, &ret) == n);
	printf("# a run of bump: %.1f ns\n", (double)(now() - start) / n);
	return 0;
}

/* runner FILE CASE... */
int main(int argc, char **argv)
{
	static const struct run_case cases[] = {
		{ "everything", everything },
		{ "later_maps", later_maps },
		{ "many", many },
		{ "alarms", alarms },
		{ "alarms_stay", alarms_stay },
		{ "storage", storage },
		{ "objects", objects },
		{ "arenas", arenas },
		{ "arena_deaths", arena_deaths },
		{ "deaths", deaths },
		{ "scribble", scribble },
		{ "cost", cost },
	};

	cpus = libbpf_num_possible_cpus();
	if (cpus <= 0 || cpus > CPUS_MAX)
		return 1;
	return run_cases(argv, cases, ARRAY_SIZE(cases));
}
