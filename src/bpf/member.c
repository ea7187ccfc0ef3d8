/* SPDX-License-Identifier: BSD-2-Clause */
/* member.c - see member.h */
#include "bpf/member.h"
#include "bpf/door.h"
#include "hive/layout.h"

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct agent_door *agent; /* once joined */
static pid_t joined;		       /* the process that did: a child has to join anew */

/* Where the hive lies, as its meta says. */
static int find_base(int fd, uintptr_t *ret)
{
	const struct hive_head *head = mmap(NULL, sizeof(*head), PROT_READ, MAP_SHARED, fd, 0);
	int err = 0;

	if (head == MAP_FAILED)
		return -errno;
	if (head->magic != HIVE_MEM_MAGIC || head->version != HIVE_LAYOUT)
		err = -EPROTO;
	else
		*ret = head->base;
	munmap((void *)head, sizeof(*head));
	return err;
}

static int map_part(uintptr_t base, int i, int fd)
{
	void *want = (void *)(base + hive_part[i].at), *p;

	p = mmap(want, hive_part[i].end - hive_part[i].at, hive_part[i].prot,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (p == want)
		return 0;
	munmap(p,
	       hive_part[i].end - hive_part[i].at); /* a kernel before 4.17 takes it for a hint */
	return -EEXIST;
}

/* Is the hive mapped there?  Asked of the kernel, as it may be nothing at all. */
static bool is_here(uintptr_t base)
{
	struct hive_head head;
	struct iovec to = { &head, sizeof(head) };
	struct iovec from = { (void *)(base + HIVE_META_AT), sizeof(head) };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof(head) &&
	       head.magic == HIVE_MEM_MAGIC && head.base == base;
}

/* The segments at their place, and this process's own part of text. */
static int map_hive(const int fd[_HIVE_SEGMENTS], const struct hive_meta **ret)
{
	const struct hive_meta *m;
	uintptr_t base = 0;
	int err = find_base(fd[HIVE_META], &base);

	/* The server was here, by ptrace(2), and brought the agent in. */
	if (!err && is_here(base)) {
		*ret = (const struct hive_meta *)(base + HIVE_META_AT);
		return 0;
	}
	for (int i = 0; i < _HIVE_SEGMENTS && !err; i++)
		err = map_part(base, i, fd[i]);
	if (err)
		return err;
	m = (const struct hive_meta *)(base + HIVE_META_AT);
	if (mmap((void *)(uintptr_t)m->private_at, m->private_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	*ret = m;
	return 0;
}

static int join_locked(void)
{
	int fd[_HIVE_SEGMENTS] = { -1, -1, -1 }, err = 0;
	const struct hive_meta *meta = NULL;
	struct agent_join how = { .vdso = getauxval(AT_SYSINFO_EHDR) };

	for (int i = 0; i < _HIVE_SEGMENTS && !err; i++) {
		fd[i] = (int)DOOR(ENTRY_SEGMENT, "", (uint64_t)i);
		err = MIN(fd[i], 0);
	}
	if (!err)
		err = map_hive(fd, &meta);
	if (!err && meta) {
		how.meta = meta;
		agent = (const struct agent_door *)(uintptr_t)meta->door;
	}
	for (int i = 0; i < _HIVE_SEGMENTS; i++)
		close_fd_p(&fd[i]);
	return err ? err : agent->join(&how);
}

/* In a child of fork() the memory is there, but the child is another member. */
static int join_again_locked(void)
{
	struct agent_join how = { .vdso = getauxval(AT_SYSINFO_EHDR) };

	door_knock();
	how.meta = agent->meta();
	return agent->join(&how);
}

static int join_and_unlock(const struct agent_door **ret)
{
	const pid_t pid = getpid();
	int err = 0;

	if (joined != pid)
		err = agent ? join_again_locked() : join_locked();
	if (!err)
		joined = pid;
	pthread_mutex_unlock(&lock);
	*ret = agent;
	return err;
}

int member_join(const struct agent_door **ret)
{
	pthread_mutex_lock(&lock);
	return join_and_unlock(ret);
}

int member_try_join(const struct agent_door **ret)
{
	return pthread_mutex_trylock(&lock) ? -EBUSY : join_and_unlock(ret);
}

long skep_member_run_n(int prog_fd, void *ctx, long n, uint64_t *ret)
{
	const struct agent_door *door;
	const struct skep_prog *p;
	int err = member_join(&door);
	long at, done = 0;

	at = err ? err : DOOR(ENTRY_PROG_AT, "", (uint64_t)prog_fd);
	if (at < 0)
		return at;
	p = (const struct skep_prog *)(uintptr_t)at;
	err = door->sync();
	if (err)
		return err;
	for (long i = 0; i < n; i++)
		done += !door->run(p, ctx, ret);
	return done;
}

int skep_member_run(int prog_fd, void *ctx, uint64_t *ret)
{
	const long n = skep_member_run_n(prog_fd, ctx, 1, ret);

	return n < 0 ? (int)n : n ? 0 : -EBUSY;
}

const struct hive_meta *skep_member_meta(void)
{
	const struct agent_door *door;

	return member_join(&door) || door->sync() ? NULL : door->meta();
}
