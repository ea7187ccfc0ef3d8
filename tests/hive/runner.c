/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.c - a process in a hive that runs the hive's programs itself: TAP for each of its cases.
 * The programs are runner.bpf.c's; what runs them here comes from the preload library.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("# %s:%d: %s (%s)\n", __func__, __LINE__, #cond, strerror(errno)); \
			return 1;                                                                 \
		}                                                                                 \
	} while (0)

static long (*run_n)(int fd, void *ctx, long n, uint64_t *ret);
static struct bpf_object *obj;
static int cpus; /* possible ones */

static int prog(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

static int map(const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(obj, name));
}

/* As runner.bpf.c has it. */
struct said {
	uint64_t ids, ns;
	char comm[16];
	uint64_t word;
	int64_t bad;
	uint64_t looped, old;
	uint32_t cpu, tail_calls;
};

static const struct said *said(void)
{
	static struct said s;
	uint32_t zero = 0;

	return bpf_map_lookup_elem(map(".bss"), &zero, &s) ? NULL : &s;
}

/* --- one process ------------------------------------------------------------------------------ */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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
	uint64_t v[CPUS_MAX], ret;
	struct {
		uint32_t lock, pad;
		uint64_t n;
	} locked;
	struct ring_buffer *rb = ring_buffer__new(map("ring"), record, NULL, NULL);
	uint32_t zero = 0;
	int status, left = PROCESSES;

	CHECK(rb);
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			_exit(run_n(prog("count"), NULL, RUNS, &ret) != RUNS);
	while (left) {
		CHECK(drain(rb));
		while (left && waitpid(-1, &status, WNOHANG) > 0) {
			CHECK(status == 0);
			left--;
		}
	}
	CHECK(drain(rb));
	CHECK(!bpf_map_lookup_elem(map("per_cpu"), &zero, v));
	CHECK(sum_of_cpus(v) == PROCESSES * RUNS);
	CHECK(!bpf_map_lookup_elem(map("guarded"), &zero, &locked));
	CHECK(locked.n == PROCESSES * RUNS);
	CHECK(sum_of(map("table"), false) == PROCESSES * RUNS);
	CHECK(sum_of(map("per_cpu_table"), true) == PROCESSES * RUNS);
	CHECK(records > 0);
	printf("# %d of %d records found room\n", records, PROCESSES * RUNS);
	ring_buffer__free(rb);
	return 0;
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

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = { { "everything", everything },
	      { "later_maps", later_maps },
	      { "many", many },
	      { "cost", cost } };

static int prepare(const char *file)
{
	*(void **)&run_n = dlsym(RTLD_DEFAULT, "skep_member_run_n");
	cpus = libbpf_num_possible_cpus();
	CHECK(run_n && cpus > 0 && cpus <= CPUS_MAX);
	obj = bpf_object__open_file(file, NULL);
	CHECK(obj && !bpf_object__load(obj));
	return 0;
}

/* runner FILE CASE... */
int main(int argc, char **argv)
{
	int bad = 0;

	printf("1..%d\n", argc - 2);
	for (int i = 2; i < argc; i++) {
		int failed = prepare(argv[1]);

		for (size_t c = 0; !failed && c < sizeof(cases) / sizeof(cases[0]); c++)
			if (!strcmp(argv[i], cases[c].name))
				failed = cases[c].run();
		printf("%s %d %s\n", failed ? "not ok" : "ok", i - 1, argv[i]);
		bad |= failed;
		bpf_object__close(obj);
	}
	return bad;
}
