/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - a tool that reads what a uprobe's program keeps in an arena by looking at its own
 * memory: arena OBJECT TARGET CALLS HOW
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 8192

/* As arena.bpf.c has it. */
struct kept {
	unsigned long calls, sum;
};

/* Before programs are loaded, as they are told where it is. */
static struct kept *map_arena(struct bpf_object *obj)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, "arena");
	void *at = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long *place;
	size_t size;

	place = (unsigned long *)bpf_map__initial_value(
		bpf_object__find_map_by_name(obj, ".rodata"), &size);
	if (at == MAP_FAILED || !place || bpf_map__set_map_extra(m, (unsigned long)at))
		return NULL;
	*place = (unsigned long)at + 4096;
	if (bpf_object__load(obj))
		return NULL;
	at = mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, bpf_map__fd(m), 0);
	return at == MAP_FAILED ? NULL : (struct kept *)*place;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "work");
	struct bpf_object *obj = argc > 4 ? bpf_object__open_file(argv[1], NULL) : NULL;
	const struct kept *k = obj ? map_arena(obj) : NULL;
	int status = 0;

	if (!k || !bpf_program__attach_uprobe_opts(bpf_object__find_program_by_name(obj, "keep"),
						   -1, argv[2], 0, &opts)) {
		fprintf(stderr, "arena: %s\n", strerror(errno));
		return 1;
	}
	if (fork() == 0) {
		execl(argv[2], "target", argv[3], argv[4], NULL);
		_exit(127);
	}
	wait(&status);
	printf("kept %lu sum %lu status %d\n", k->calls, k->sum, status);
	return 0;
}
