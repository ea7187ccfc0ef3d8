/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_task_file.c - iterators over the open files of processes, by descriptor
 * (kernel/bpf/task_iter.c), as /proc/PID/fd has them.  Of processes that the kernel may not look at
 * there are none.
 */
#include "core/iter_int.h"
#include "helper/task.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct fd_list {
	VEC(uint32_t);
};

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int add_all(struct fd_list *l, DIR *d)
{
	const struct dirent *e;

	while ((e = readdir(d))) {
		uint32_t *to;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		to = vec_push(l);
		if (!to)
			return -ENOMEM;
		*to = (uint32_t)atoi(e->d_name);
	}
	return 0;
}

static int read_fds(struct iter *it)
{
	struct fd_list l = { 0 };
	char path[32];
	DIR *d;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/fd", it->task->pid);
	d = opendir(path);
	if (!d)
		return 0;
	err = add_all(&l, d);
	closedir(d);
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), by_number);
	it->parts = l.at;
	it->nr_parts = (uint32_t)l.n;
	return err;
}

static bool file_next(struct iter *it)
{
	char path[48];
	struct stat st;
	uint32_t i, fd;

	do {
		if (!iter_part_next(it, read_fds, &i))
			return false;
		fd = ((const uint32_t *)it->parts)[i];
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", it->task->pid, fd);
	} while (stat(path, &st)); /* closed meanwhile */
	it->mem.ctx[2] = fd;
	it->mem.ctx[3] =
		(uintptr_t)iter_fill_file(&it->mem, major(st.st_dev), minor(st.st_dev), st.st_ino);
	return true;
}

const struct iter_ops iter_task_file = {
	.target = "task_file",
	.may_sleep = true,
	.attach = iter_task_attach,
	.info = iter_task_info,
	.begin = iter_task_begin,
	.next = file_next,
};
