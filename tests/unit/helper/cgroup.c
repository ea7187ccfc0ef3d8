/* SPDX-License-Identifier: BSD-2-Clause */
/* cgroup.c - the cgroup that a task is in, as its structs are made and as helpers say */
#include "helper/cgroup.h"
#include "helper/task.h"
#include "map/storage.h"
#include "tests/unit/helper/helper_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stand-in: where the machine has its hierarchy. */
long storage_cgroups(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	long fd = -1;

	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(roots); i++)
		fd = open(roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* This process's path below the root: "" for the root. */
static const char *own_path(void)
{
	static char line[4096];
	FILE *f = fopen("/proc/self/cgroup", "r");
	bool found = false;

	while (!found && f && fgets(line, sizeof(line), f))
		found = !strncmp(line, "0::/", 4);
	if (f)
		fclose(f);
	if (!found || !strncmp(line + 4, "..", 2))
		test_skip("this process is in no cgroup of version 2 that it can see");
	line[strcspn(line, "\n")] = '\0';
	return line + 4;
}

static uint64_t id_of(const char *path)
{
	const int root = (int)storage_cgroups();
	struct stat st;

	if (fstatat(root, *path ? path : ".", &st, 0))
		test_skip("the hierarchy of cgroups is not where it is looked for");
	close(root);
	return st.st_ino;
}

/* A word, or a byte, at an address that only helpers can read. */
static uint64_t peek(const void *at, size_t n)
{
	uint64_t v = 0;

	ASSERT_EQ(CALL(probe_read_kernel, P(&v), n, P(at)), 0);
	return v;
}
#define PEEK(p, field) ((__typeof__((p)->field))peek(&(p)->field, sizeof((p)->field)))

static struct model_cgroup *own_cgroup(void)
{
	const struct skep_task *t = (const struct skep_task *)(uintptr_t)CALL(get_current_task);

	return PEEK(t->cgroups, dfl_cgrp);
}

TEST(a_cgroup_is_what_proc_and_stat_say)
{
	const char *path = own_path(), *slash = strrchr(path, '/'),
		   *name = slash ? slash + 1 : path;
	const uint64_t id = id_of(path), root = id_of("");
	struct model_cgroup *c = own_cgroup(), *top;
	uint64_t owner[2] = { 0 };
	char text[256];
	int level = *path != '\0';

	for (const char *p = path; *p; p++)
		level += *p == '/';
	ASSERT_EQ(PEEK(c, level), level);
	ASSERT_EQ(PEEK(PEEK(c, kn), id), id);
	ASSERT_EQ(CALL(probe_read_kernel_str, P(text), sizeof(text), P(PEEK(PEEK(c, kn), name))),
		  strlen(name) + 1);
	ASSERT_STREQ(text, name);
	ASSERT_EQ(CALL(get_current_cgroup_id), id);
	ASSERT_EQ(CALL(get_current_ancestor_cgroup_id, level), id);
	ASSERT_EQ(CALL(get_current_ancestor_cgroup_id, 0), root);
	ASSERT_EQ(CALL(get_current_ancestor_cgroup_id, level + 1), 0);
	ASSERT_EQ(CALL(get_current_ancestor_cgroup_id, (uint32_t)-1), 0);
	top = PEEK(c, ancestors[0]);
	ASSERT_EQ(PEEK(top, level), 0);
	ASSERT_EQ(PEEK(PEEK(top, kn), id), root);
	ASSERT_EQ(PEEK(PEEK(top, kn), parent), (struct model_kernfs_node *)NULL);
	ASSERT(cgroup_owner(test_run(), P(c), owner));
	ASSERT_EQ(owner[0], id);
}

TEST(what_is_no_cgroup)
{
	struct model_cgroup *c = own_cgroup();
	uint64_t owner[2], v;

	own_path();
	ASSERT(!cgroup_owner(test_run(), 0, owner));
	ASSERT(!cgroup_owner(test_run(), P(c) + 8, owner));
	ASSERT(!cgroup_owner(test_run(), P(&v), owner));
	ASSERT(!cgroup_owner(test_run(), CGROUPS_AT, owner));
	for (uint64_t at = CGROUPS_AT + CGROUPS_SIZE; at > CGROUPS_AT; at /= 2)
		CALL(probe_read_kernel, P(&v), 8, at);
	ASSERT_EQ(CALL(probe_read_kernel, P(&v), 8, CGROUPS_AT + CGROUPS_SIZE), -EFAULT);
	ASSERT_EQ(CALL(probe_read_kernel, P(&v), 8, CGROUPS_AT + CGROUPS_SIZE - 4), -EFAULT);
	ASSERT_EQ(CALL(probe_read_kernel, P(&v), 8, CGROUPS_AT + 8), -EFAULT);
	/* Below every cgroup that this task is in. */
	ASSERT_EQ(CALL(probe_read_kernel, P(&v), 8,
		       CGROUPS_AT + 0x1000 + (CGROUP_LEVELS - 1) * 1024 +
			       sizeof(struct model_cgroup)),
		  -EFAULT);
}

TEST(a_task_is_under_what_is_above_it)
{
	const char *path = own_path();
	uint64_t ids[4] = { id_of(path), id_of(""), UINT64_C(1) << 60, 0 };
	struct skep_map m = { .values = (uint8_t *)ids, .max_entries = 4 };
	const uint64_t c = P(own_cgroup()), task = CALL(get_current_task);
	const uint64_t root = KCALL(bpf_cgroup_ancestor, c, 0);
	const int level = PEEK((struct model_cgroup *)(uintptr_t)c, level);

	ASSERT_EQ(CALL(current_task_under_cgroup, P(&m), 0), 1);
	ASSERT_EQ(CALL(current_task_under_cgroup, P(&m), 1), 1);
	ASSERT_EQ(CALL(current_task_under_cgroup, P(&m), 2), 0);
	ASSERT_EQ(CALL(current_task_under_cgroup, P(&m), 3), -EAGAIN);
	ASSERT_EQ(CALL(current_task_under_cgroup, P(&m), 4), -E2BIG);

	ASSERT_EQ(KCALL(bpf_cgroup_acquire, c), c);
	ASSERT_EQ(KCALL(bpf_cgroup_ancestor, c, level), c);
	ASSERT_EQ(KCALL(bpf_cgroup_ancestor, c, level + 1), 0);
	ASSERT_EQ(KCALL(bpf_cgroup_ancestor, c, (uint32_t)-1), 0);
	ASSERT_EQ(KCALL(bpf_cgroup_from_id, ids[0]), c);
	ASSERT_EQ(KCALL(bpf_cgroup_from_id, ids[1]), root);
	ASSERT_EQ(KCALL(bpf_cgroup_from_id, ids[2]), 0);
	ASSERT_EQ(KCALL(bpf_task_under_cgroup, task, c), 1);
	ASSERT_EQ(KCALL(bpf_task_under_cgroup, task, root), 1);
	ASSERT_EQ(KCALL(bpf_task_under_cgroup, task, 0), 0);
}

TEST(a_task_elsewhere_is_asked_for)
{
	const struct run_task other = { .tid = (uint32_t)getppid(), .tgid = (uint32_t)getppid() };
	const struct run_task nobody = { .tid = UINT32_MAX, .tgid = UINT32_MAX };

	own_path();
	test_run()->as = &other;
	ASSERT_EQ(CALL(get_current_cgroup_id), id_of(own_path())); /* as its child, this one */
	test_run()->as = &nobody;
	ASSERT_EQ(CALL(get_current_cgroup_id), 0);
	ASSERT_EQ(CALL(get_current_ancestor_cgroup_id, 0), 0);
}
