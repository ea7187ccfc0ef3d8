/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_task_vma.c - iterators over the mappings of processes, by address (kernel/bpf/task_iter.c),
 * as /proc/PID/maps has them.  Of processes that the kernel may not look at there are none.
 */
#include "core/iter_int.h"
#include "helper/task.h"

#include <stdio.h>

struct vma {
	uint64_t start, end, off, ino;
	uint32_t flags; /* VM_* of the kernel's */
	uint32_t major, minor;
};

struct vma_list {
	VEC(struct vma);
};

/* VM_READ, VM_WRITE, VM_EXEC, VM_SHARED: where "rwxs" stands, in that order. */
static uint32_t flags_of(const char perms[5])
{
	uint32_t flags = 0;

	for (int i = 0; i < 4; i++)
		flags |= perms[i] == "rwxs"[i] ? 1u << i : 0;
	return flags;
}

/* "START-END PERMS OFFSET MAJOR:MINOR INODE PATH" */
static bool parse(const char *line, struct vma *v)
{
	char perms[5] = "";

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &v->start, &v->end, perms, &v->off, &v->major,
		   &v->minor, &v->ino) != 7)
		return false;
	v->flags = flags_of(perms);
	/* What the machine's own kernel has up there is no mapping of the process. */
	return !(v->start >> 63);
}

static int add_all(struct vma_list *l, FILE *f)
{
	char line[512];
	bool begins = true;

	while (fgets(line, sizeof(line), f)) {
		struct vma v;

		/* Paths may be longer than that. */
		if (begins && parse(line, &v)) {
			struct vma *to = vec_push(l);

			if (!to)
				return -ENOMEM;
			*to = v;
		}
		begins = strchr(line, '\n');
	}
	return 0;
}

static int read_vmas(struct iter *it)
{
	struct vma_list l = { 0 };
	char path[32];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", it->task->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	err = add_all(&l, f);
	fclose(f);
	it->parts = l.at;
	it->nr_parts = (uint32_t)l.n;
	return err;
}

static bool vma_next(struct iter *it)
{
	const struct vma *v;
	uint32_t i;

	if (!iter_part_next(it, read_vmas, &i))
		return false;
	v = (const struct vma *)it->parts + i;
	it->mem.vma = (struct model_vma){
		.vm_start = v->start,
		.vm_end = v->end,
		.vm_flags = v->flags,
		.vm_pgoff = v->off / 4096,
		.vm_file = v->ino ? iter_fill_file(&it->mem, v->major, v->minor, v->ino) : NULL,
	};
	it->mem.ctx[2] = (uintptr_t)&it->mem.vma;
	return true;
}

const struct iter_ops iter_task_vma = {
	.target = "task_vma",
	.may_sleep = true,
	.attach = iter_task_attach,
	.info = iter_task_info,
	.begin = iter_task_begin,
	.next = vma_next,
};
