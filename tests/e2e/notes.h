/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notes.h - for programs that leave in out[] what they saw, nr_out words of it: libbpf's side,
 * which runs and prints them.
 */
#ifndef SKEP_TESTS_E2E_NOTES_H
#define SKEP_TESTS_E2E_NOTES_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct bpf_object *obj;

/* Of the programs' .bss. */
static inline __u64 *variable(const char *name)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, ".bss");
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(m));
	const struct btf_var_secinfo *v = btf_var_secinfos(sec);
	size_t size;

	for (int i = 0; i < btf_vlen(sec); i++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, v[i].type)->name_off),
			    name))
			return (__u64 *)((char *)bpf_map__initial_value(m, &size) + v[i].offset);
	abort();
}

/* What skeletons do after a load: the initial value of .bss becomes a window onto its map. */
static inline void share_bss(void)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, ".bss");
	size_t size;
	void *at = (void *)bpf_map__initial_value(m, &size);

	if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, bpf_map__fd(m), 0) ==
	    MAP_FAILED)
		abort();
}

/* Loads the object that the command line names. */
static inline bool load_notes(int argc, char **argv)
{
	libbpf_set_print(NULL);
	obj = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!obj || bpf_object__load(obj)) {
		fprintf(stderr, "cannot load: %s\n", strerror(errno));
		return false;
	}
	share_bss();
	return true;
}

/* Runs a program once, and prints what it returned and noted. */
static inline void run(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
	__u32 *nr = (__u32 *)variable("nr_out");
	__u64 *out = variable("out");
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err;

	*nr = 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(p), &opts);
	printf("%s: %d, returned %d", name, err, (int)opts.retval);
	for (__u32 i = 0; i < *nr; i++)
		printf("%s %lld", i % 16 ? "" : "\n\t", (long long)out[i]);
	printf("\n");
}

static inline int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

#endif
