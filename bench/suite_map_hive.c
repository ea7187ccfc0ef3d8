/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_map_hive.c - what an element costs a member of a hive: bpf(2) as the preload library
 * answers it, on a kernel that is in a server's process, beside the host kernel's.
 *
 * The bench founds the hive and is its only member; it has no kernel of its own behind the door.
 */
#include "bench/suite_map.h"

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/calls_int.h"
#include "server/server.h"

#define KEYS	1024
#define REPEAT	2000
#define BATCHES 6

struct real_calls bpf_real; /* nothing here goes on to the C library */

struct skep_kernel *bpf_kernel_default(void)
{
	return NULL;
}

typedef long (*bpf_fn)(int cmd, union bpf_attr *attr, unsigned size);

static long hive_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	const long r = call_syscall(SYS_bpf, cmd, (long)(uintptr_t)attr, size, 0, 0, 0);

	return r < 0 ? -errno : r;
}

static const struct {
	const char *name;
	uint32_t type;
	int cmd;
} cases[] = {
	{ "hive_lookup_array", BPF_MAP_TYPE_ARRAY, BPF_MAP_LOOKUP_ELEM },
	{ "hive_lookup_percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_LOOKUP_ELEM },
	{ "hive_lookup_hash", BPF_MAP_TYPE_HASH, BPF_MAP_LOOKUP_ELEM },
	{ "hive_update_array", BPF_MAP_TYPE_ARRAY, BPF_MAP_UPDATE_ELEM },
	{ "hive_update_hash", BPF_MAP_TYPE_HASH, BPF_MAP_UPDATE_ELEM },
};

/* A map with all its keys in, for every CPU: its descriptor, or -errno. */
static int fill(bpf_fn bpf, uint32_t type, uint64_t *value)
{
	union bpf_attr attr;
	uint32_t key = 0;
	int fd;
	long r;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = sizeof(key);
	attr.value_size = sizeof(*value);
	attr.max_entries = KEYS;
	fd = (int)bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	for (r = fd; key < KEYS && r >= 0; key++) {
		*value = key * 3;
		r = bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
	}
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? (int)r : fd;
}

/* ns of a command, the best of some batches; each writes what is there already, or reads it. */
static int commands(bpf_fn bpf, int cmd, int fd, uint64_t *value, double *ns)
{
	union bpf_attr attr;
	uint32_t key = 0;
	long r = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	*ns = 1e18;
	for (unsigned b = 0; b < BATCHES && r == 0; b++) {
		uint64_t start = now_ns();

		for (unsigned i = 0; i < REPEAT && r == 0; i++) {
			key = i * 7 % KEYS;
			*value = cmd == BPF_MAP_UPDATE_ELEM ? (uint64_t)key * 3 : 0;
			r = bpf(cmd, &attr, sizeof(attr));
		}
		*ns = fmin(*ns, (double)(now_ns() - start) / REPEAT);
	}
	if (r == 0 && *value != (uint64_t)key * 3)
		r = -EILSEQ;
	return (int)r;
}

static int measure(bpf_fn bpf, uint32_t type, int cmd, struct series *s)
{
	uint64_t value[1024]; /* of so many CPUs */
	double ns = 0;
	int fd, r;

	memset(value, 0, sizeof(value));
	fd = fill(bpf, type, value);
	if (fd < 0)
		return fd;
	r = commands(bpf, cmd, fd, value, &ns);
	close(fd);
	if (r == 0)
		series_add(s, ns);
	return r;
}

static int bench_case(const struct bench_opts *o, unsigned i)
{
	struct report_row row = { .suite = "map", .name = cases[i].name, .unit = "ns" };
	struct series s[_TARGET_MAX] = { 0 };
	int r = 0;

	target_use(TARGET_KERNEL);
	for (unsigned round = 0; round < o->rounds && r == 0; round++) {
		r = measure(hive_bpf, cases[i].type, cases[i].cmd, &s[TARGET_JIT]);
		if (r == 0 && target_available(TARGET_KERNEL))
			r = measure(target_bpf, cases[i].type, cases[i].cmd, &s[TARGET_KERNEL]);
	}
	if (r)
		fprintf(stderr, "bench: %s: %s\n", cases[i].name, strerror(-r));
	else
		report_add_targets(&row, s);
	return r;
}

int suite_map_hive(const struct bench_opts *o)
{
	const struct server_opts opts = { .first = getpid() };
	char dir[PATH_MAX];
	int r = 0;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]) && r == 0; i++) {
		if (o->only && strcmp(o->only, cases[i].name))
			continue;
		if (!getenv("SKEP_HIVE")) {
			r = server_start(&opts, dir);
			if (r == 0 && setenv("SKEP_HIVE", dir, 1))
				r = -ENOMEM;
		}
		r = r ?: bench_case(o, i);
	}
	return r;
}
