/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_objects.c - what members that are killed do with objects and storage: they run
 * faults.bpf.c's programs themselves.
 *
 * Each object has a number and is in one place.  Who dies takes what it had in hand along, one at
 * most; all others are there in the end, once, and when they have gone too nobody holds anything.
 */
#include "tests/hive/faults_objects.h"
#include "tests/hive/faults.h"
#include "tests/hive/objects.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS   8 /* a step */
#define DRAINS 10000
#define PLACES 32	/* as faults.bpf.c has them */
#define BURIAL 5000000u /* us: who died just now may not be buried */

static long (*run_n)(int fd, void *ctx, long n, uint64_t *ret);
static const struct hive_meta *(*member_meta)(void);
static struct bpf_object *obj;
static int work_fd, drain_fd, seen_fd;

static int program(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

/* Beside this program. */
static struct bpf_object *open_object(void)
{
	char path[PATH_MAX + 16] = "";
	const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n > 0)
		snprintf(path + n, sizeof(path) - (size_t)n, ".bpf.o");
	return bpf_object__open_file(path, NULL);
}

static void objects_make(void)
{
	struct slot *s = &shared->slot[0];
	const uint64_t empty[2] = { 0 };
	int places;

	*(void **)&member_meta = dlsym(RTLD_DEFAULT, "skep_member_meta");
	*(void **)&run_n = dlsym(RTLD_DEFAULT, "skep_member_run_n");
	obj = open_object();
	if (!run_n || !member_meta || !obj || bpf_object__load(obj))
		wrong(s, "objects: faults.bpf.o cannot be loaded: %s", strerror(errno));
	work_fd = program("work");
	drain_fd = program("drain");
	seen_fd = bpf_object__find_map_fd_by_name(obj, ".bss");
	places = bpf_object__find_map_fd_by_name(obj, "places");
	for (uint32_t i = 0; i < PLACES; i++)
		if (bpf_map_update_elem(places, &i, empty, BPF_ANY))
			wrong(s, "objects: no place %u: %s", i, strerror(errno));
}

static void objects_step(struct slot *s)
{
	uint64_t ret;
	const long n = run_n(work_fd, NULL, RUNS, &ret);

	if (n != RUNS)
		wrong(s, "objects: %ld of %d runs", n, RUNS);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_numbers(struct slot *s, struct faults_objects *o)
{
	const int64_t missing = (int64_t)(o->made - o->dropped - o->nr_found);

	qsort(o->found, o->nr_found, sizeof(o->found[0]), by_number);
	for (uint64_t i = 0; i < o->nr_found; i++)
		if (!o->found[i] || o->found[i] > o->made || (i && o->found[i] == o->found[i - 1]))
			wrong(s, "objects: number %llu of %llu is there twice, or never was",
			      (unsigned long long)o->found[i], (unsigned long long)o->made);
	if (missing < 0 || missing > (int64_t)shared->deaths)
		wrong(s, "objects: %lld of %llu are missing, after %llu deaths", (long long)missing,
		      (unsigned long long)o->made, (unsigned long long)shared->deaths);
}

static void objects_finish(struct slot *s)
{
	struct faults_objects *o = calloc(1, sizeof(*o));
	const uint64_t until = now_ns() + BURIAL * UINT64_C(1000);
	unsigned blocks, left;
	uint32_t zero = 0;
	uint64_t ret;

	if (!o || run_n(drain_fd, NULL, DRAINS, &ret) != DRAINS ||
	    bpf_map_lookup_elem(seen_fd, &zero, o))
		wrong(s, "objects: what is left cannot be seen: %s", strerror(errno));
	if (o->wrong || o->out_of_memory || !o->moves || o->nr_found > FOUND_MAX)
		wrong(s, "objects: %llu wrong, %llu times no memory, %llu moves, %llu left",
		      (unsigned long long)o->wrong, (unsigned long long)o->out_of_memory,
		      (unsigned long long)o->moves, (unsigned long long)o->nr_found);
	check_numbers(s, o);
	while ((left = count_objects(member_meta(), &blocks)) && now_ns() < until)
		usleep(10000);
	if (left)
		wrong(s, "objects: somebody holds %u still", left);
	printf("# objects: %llu moves, %llu made, %llu dropped, %llu left; %u blocks\n",
	       (unsigned long long)o->moves, (unsigned long long)o->made,
	       (unsigned long long)o->dropped, (unsigned long long)o->nr_found, blocks);
	free(o);
}

const struct work objects_work = { "objects", objects_make, NULL, objects_step, objects_finish };
