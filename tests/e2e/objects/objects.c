/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs objects.bpf.c step by step and prints what every program returned and saw: whatever kernel
 * is below, the text is to be the same.  An ordinary user of libbpf, built twice: with libbpf.so,
 * for any kernel, and with the wrap, to see that nothing leaks in Skep.
 *
 * usage: objects OBJECT
 */
#ifdef LEAKS
#include <skep/skep.h>

#include "core/core.h"
#include "obj/obj.h"
#endif

#include "tests/e2e/notes.h"

#define CPUS_MAX 512

/* The words of a value, summed over the CPUs that have one. */
static void look(const char *map, __u32 key, int words)
{
	static __u64 value[CPUS_MAX * 3], sum[3];
	const int cpus = strncmp(map, "percpu", 6) ? 1 : libbpf_num_possible_cpus();
	const int err = bpf_map_lookup_elem(map_fd(map), &key, value);

	memset(sum, 0, sizeof(sum));
	for (int i = 0; i < cpus * words; i++)
		sum[i % words] += value[i];
	printf("%s[%u]: %d", map, key, err);
	for (int i = 0; i < words; i++)
		printf(" %llu", (unsigned long long)sum[i]);
	printf("\n");
}

static int put(const char *map, __u32 key)
{
	static __u64 value[CPUS_MAX * 3];

	for (int i = 0; i < CPUS_MAX * 3; i++)
		value[i] = 0x55 + i % 3;
	return bpf_map_update_elem(map_fd(map), &key, value, BPF_ANY);
}

static int drop(const char *map, __u32 key)
{
	return bpf_map_delete_elem(map_fd(map), &key);
}

/* From outside, elements are written and deleted that hold objects. */
static void change(void)
{
	__u64 value[3];
	__u32 key = 5;

	printf("hash: %d %d", put("hash", 1), drop("hash", 3));
	printf(" %d", bpf_map_lookup_and_delete_elem(map_fd("hash"), &key, value));
	printf(" %llu %llu %llu\n", (unsigned long long)value[0], (unsigned long long)value[1],
	       (unsigned long long)value[2]);
	printf("others: %d %d %d %d %d %d\n", put("stashes", 1), put("branches", 1),
	       put("percpu_hash", 1), put("percpu_array", 1), drop("percpu_hash", 2),
	       drop("lru", 0));
	look("stashes", 1, 3);
	look("percpu_hash", 1, 3);
	look("percpu_array", 1, 3);
	look("percpu_array", 2, 3);
}

/* All at once. */
static void clear_hash(void)
{
	static __u64 values[64 * 3];
	__u32 out, n = 64, keys[64];
	const int err =
		bpf_map_lookup_and_delete_batch(map_fd("hash"), NULL, &out, keys, values, &n, NULL);

	printf("batch: %d, %u\n", err, n);
}

static void steps(void)
{
	static const char *const before[] = {
		"list_order",
		"list_peek",
		"list_is_left",
		"tree_sorts",
		"tree_search",
		"tree_is_left",
		"shared_by_three",
		"shared_by_three",
		"nodes_at_their_place",
		"nodes_at_their_place",
		"stash_hash",
		"read_hash",
		"restash_hash",
		"read_hash",
		"delete_hash",
		"read_hash",
		"stash_lru",
		"stash_lru",
		"stash_percpu_hash",
		"stash_percpu_array",
		"grow_branches",
		"cut_branch",
		"cut_branch",
		"grow_branches",
		"count_per_cpu",
		"count_per_cpu",
		"lock_twice",
		"lock_with_flags",
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		run(before[i]);
	change();
	run("read_hash");
	clear_hash();
	run("read_hash");
	run("stash_hash");
	run("count_per_cpu");
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int main(int argc, char **argv)
{
#ifdef LEAKS
	__u32 id;

#endif
	if (argc != 2)
		return 2;
	libbpf_set_print(say_nothing);
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj)) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return errno == EPERM ? 77 : 1;
	}
	share_bss();
	steps();
	bpf_object__close(obj);
#ifdef LEAKS
	/* Nobody tells the kernel of close(2): who asks for a list lets it look. */
	if (!bpf_map_get_next_id(0, &id))
		printf("there is still a map: %u\n", id);
	printf("left: %u\n", obj_live(core_run_env(skep_kernel_self())->objects));
#endif
	return 0;
}
