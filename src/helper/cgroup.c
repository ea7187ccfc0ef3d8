/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cgroup.c - the cgroup of the task that a program runs for: task->cgroups->dfl_cgrp, and helpers
 * that ask for it (kernel/bpf/helpers.c, kernel/trace/bpf_trace.c).
 *
 * /proc/TID/cgroup names it by its path below the root that the process sees, as whose inode it has
 * its number.  That takes tens of microseconds, so numbers are asked for once a second, and the
 * structs are made as they are read:
 *
 *	CGROUPS_AT	struct css_set
 *	 + NODES	struct node[CGROUP_LEVELS], NODE_ROOM bytes each: the one of that level
 */
#include "helper/cgroup.h"
#include "base/proc.h"
#include "helper/helper_int.h"
#include "helper/task.h"
#include "map/storage.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define NODES	  UINT64_C(0x1000)
#define NODE_ROOM UINT64_C(1024)
static_assert(NODES + CGROUP_LEVELS * NODE_ROOM <= CGROUPS_SIZE, "nodes are the last");

/* A cgroup and what it leads to. */
struct node {
	struct model_cgroup cgroup;
	struct model_kernfs_node kn;
	char name[256]; /* NAME_MAX and a NUL */
};
static_assert(sizeof(struct node) <= NODE_ROOM, "one cgroup's room");

/* Which one it is; as words of a row that a process remembers, too. */
struct which {
	uint64_t ino, dev;
	uint32_t level;
};
#define WHICH_WORDS 5
static_assert(WHICH_WORDS <= OWN_WORDS, "it fits a row");

/* --- paths ------------------------------------------------------------------------------------ */

/* Where a task is below the root: "user.slice/me"; of the root "". */
struct place {
	char text[PATH_MAX];
	char *path; /* in text, NUL-terminated */
	uint32_t level;
};

/* The line "0::/PATH" of the file; NULL: there is none, or it does not end. */
static char *unified_line(char *text, size_t len)
{
	char *end = text + len;

	for (char *at = text, *next; at < end; at = next + 1) {
		next = at;
		while (next < end && *next != '\n')
			next++;
		if (next < end && next - at >= 4 && !memcmp(at, "0::/", 4)) {
			*next = '\0';
			return at + 4;
		}
	}
	return NULL;
}

/* tid 0: of this thread. */
static bool find_place(uint32_t tid, struct place *p)
{
	char file[PROC_PATH];
	long len;

	proc_task_path(file, tid, "cgroup");
	len = proc_read(tid ? file : "/proc/thread-self/cgroup", p->text, sizeof(p->text));
	p->path = len > 0 ? unified_line(p->text, (size_t)len) : NULL;
	/* Above the root that this process sees: it has no name here. */
	if (!p->path || !memcmp(p->path, "..", 2))
		return false;
	p->level = *p->path != '\0';
	for (const char *c = p->path; *c; c++)
		p->level += *c == '/';
	return p->level < CGROUP_LEVELS;
}

/* Ends the path at that level, at most its own; its last part. */
static const char *cut(struct place *p, uint32_t level)
{
	char *c = p->path, *name = c;
	uint32_t seen = 0;

	for (; *c && level; c++) {
		if (*c != '/')
			continue;
		if (++seen == level)
			break;
		name = c + 1;
	}
	*c = '\0';
	p->level = level;
	return name;
}

static bool which_is(const struct place *p, struct which *ret)
{
	struct stat st = { 0 };
	const long root = storage_cgroups();
	long err = root;

	if (root >= 0) {
		err = sys_call6(SYS_newfstatat, root, (long)(*p->path ? p->path : "."), (long)&st,
				0, 0, 0);
		sys_call6(SYS_close, root, 0, 0, 0, 0, 0);
	}
	*ret = (struct which){ st.st_ino, st.st_dev, p->level };
	return !err;
}

/* --- whose run it is -------------------------------------------------------------------------- */

/* The task for /proc; 0: this thread. */
static uint32_t asked(const struct skep_run *run)
{
	return run->as ? run->as->tid : 0;
}

static bool ask_own(const struct skep_run *run, struct which *ret)
{
	struct place p;

	return find_place(asked(run), &p) && which_is(&p, ret);
}

/* The one of the run's task, a second old at most. */
static bool own(struct skep_run *run, struct which *ret)
{
	const uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
	const uint32_t tid = task_tid(run);
	struct own_row *row =
		helper_process && !run->as ? &helper_process->cgroups[tid % OWN_TASKS] : NULL;
	uint32_t word[WHICH_WORDS];

	if (row && own_recall(row, tid, now, word, WHICH_WORDS)) {
		memcpy(&ret->ino, word, 8);
		memcpy(&ret->dev, word + 2, 8);
		ret->level = word[4];
		return true;
	}
	if (!ask_own(run, ret))
		return false;
	memcpy(word, &ret->ino, 8);
	memcpy(word + 2, &ret->dev, 8);
	word[4] = ret->level;
	if (row)
		own_keep(row, tid, now, word, WHICH_WORDS);
	return true;
}

/* The one at that level on the way from the root to a task's (0: this thread's). */
static bool above(uint32_t tid, uint32_t level, struct which *ret)
{
	struct place p;

	if (!find_place(tid, &p) || level > p.level)
		return false;
	cut(&p, level);
	return which_is(&p, ret);
}

static bool at_level(struct skep_run *run, uint32_t level, struct which *ret)
{
	return own(run, ret) && (level == ret->level || above(asked(run), level, ret));
}

/* --- structs ---------------------------------------------------------------------------------- */

static uint64_t node_at(uint32_t level)
{
	return CGROUPS_AT + NODES + level * NODE_ROOM;
}

static bool level_of(uint64_t addr, uint32_t *ret)
{
	const uint64_t off = addr - node_at(0);

	*ret = (uint32_t)(off / NODE_ROOM);
	return off % NODE_ROOM == 0 && off / NODE_ROOM < CGROUP_LEVELS;
}

static bool fill_name(struct node *to, const struct skep_run *run, uint32_t level)
{
	const char *name;
	struct place p;

	if (!find_place(asked(run), &p) || level > p.level)
		return false;
	name = cut(&p, level);
	for (size_t i = 0; i < sizeof(to->name) - 1 && name[i]; i++)
		to->name[i] = name[i];
	return true;
}

/* What the n bytes from off on are of it, and more. */
static bool fill_node(struct node *to, struct skep_run *run, uint32_t level, size_t off, size_t n)
{
	const struct node *there = PTR(node_at(level));
	struct which w;

	to->cgroup.kn = (struct model_kernfs_node *)&there->kn;
	to->cgroup.level = (int32_t)level;
	for (uint32_t i = 0; i <= level; i++)
		to->cgroup.ancestors[i] = PTR(node_at(i));
	to->kn.name = there->name;
	if (level)
		to->kn.parent = PTR(node_at(level - 1) + offsetof(struct node, kn));
	if (off < offsetof(struct node, kn.name) && off + n > offsetof(struct node, kn.id)) {
		if (!at_level(run, level, &w))
			return false;
		to->kn.id = w.ino;
	}
	return off + n <= offsetof(struct node, name) || fill_name(to, run, level);
}

long cgroups_read(struct skep_run *run, void *to, uint64_t addr, size_t n)
{
	const uint64_t off = addr - CGROUPS_AT, in = (off - NODES) % NODE_ROOM;
	const uint32_t level = (uint32_t)((off - NODES) / NODE_ROOM);
	struct model_css_set set = { 0 };
	struct node node = { 0 };
	struct which w;

	if (off >= CGROUPS_SIZE || (off >= NODES && level >= CGROUP_LEVELS))
		return -EFAULT;
	if (off < NODES) {
		if (own(run, &w))
			set.dfl_cgrp = PTR(node_at(w.level));
		return made_bytes(to, n, &set, sizeof(set), off) ? 0 : -EFAULT;
	}
	return made_bytes(to, n, &node, sizeof(node), in) && fill_node(&node, run, level, in, n) &&
			       made_bytes(to, n, &node, sizeof(node), in)
		       ? 0
		       : -EFAULT;
}

bool cgroup_owner(struct skep_run *run, uint64_t addr, uint64_t owner[2])
{
	struct which w;
	uint32_t level;

	if (!level_of(addr, &level) || !at_level(run, level, &w))
		return false;
	owner[0] = w.ino;
	owner[1] = w.dev;
	return true;
}

/* --- helpers ---------------------------------------------------------------------------------- */

HELPER_FN(get_current_cgroup_id)
{
	struct which w;

	return own(run, &w) ? w.ino : 0;
}

HELPER_FN(get_current_ancestor_cgroup_id)
{
	const int32_t level = (int32_t)r1;
	struct which w;

	return level >= 0 && at_level(run, (uint32_t)level, &w) ? w.ino : 0;
}

/* The level at which the run's task is in the cgroup with that id; -1: it is not in it. */
static int64_t level_with(struct skep_run *run, uint64_t id)
{
	struct which w;
	uint32_t level;

	if (!own(run, &w))
		return -1;
	/* From itself on upwards: who asks mostly asks for that. */
	for (level = w.level; w.ino != id; level--)
		if (!level || !above(asked(run), level - 1, &w))
			return -1;
	return level;
}

HELPER_FN(current_task_under_cgroup)
{
	const struct skep_map *m = PTR(r1);
	const uint32_t index = (uint32_t)r2;
	uint64_t id;

	if (index >= m->max_entries)
		return RET(-E2BIG);
	id = atomic_load_explicit((_Atomic uint64_t *)m->values + index, memory_order_acquire);
	return id ? level_with(run, id) >= 0 : RET(-EAGAIN);
}

/* --- kfuncs ----------------------------------------------------------------------------------- */

/* Its address stays what it is as long as the run. */
KFUNC_FN(bpf_cgroup_acquire)
{
	return r1;
}

KFUNC_FN(bpf_cgroup_release)
{
	return 0;
}

KFUNC_FN(bpf_cgroup_ancestor)
{
	const int32_t wanted = (int32_t)r2;
	uint32_t level;

	return level_of(r1, &level) && wanted >= 0 && (uint32_t)wanted <= level
		       ? node_at((uint32_t)wanted)
		       : 0;
}

KFUNC_FN(bpf_cgroup_from_id)
{
	const int64_t level = level_with(run, r1);

	return level < 0 ? 0 : node_at((uint32_t)level);
}

KFUNC_FN(bpf_task_under_cgroup)
{
	const struct skep_task *t = PTR(r1);
	struct which w, other;
	uint32_t level;

	if (!level_of(r2, &level) || !at_level(run, level, &w))
		return 0;
	return above((uint32_t)t->pid, level, &other) && other.ino == w.ino;
}
