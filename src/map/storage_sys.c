/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_sys.c - local storage as bpf(2) sees it: creation, and owners by their descriptors
 * (kernel/bpf/bpf_task_storage.c, bpf_cgrp_storage.c, bpf_inode_storage.c,
 * net/core/bpf_sk_storage.c).  Cold.
 *
 *	type	  the descriptor is	an owner's identity
 *	task	  a pidfd		thread id and the time at which it began
 *	cgroup	  of a cgroup's folder	number of its inode, device
 *	socket	  a socket		its cookie
 *	inode	  any			number, device, time of birth
 *
 * Numbers of cgroups and cookies of sockets are never used twice; for the other two a time tells
 * one owner from the next.
 */
#include "map/hash_int.h"
#include "map/storage.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Address space for the elements of a map; owners are as many as fit. */
#define STORAGE_BYTES	(UINT64_C(1) << 34)
#define STORAGE_ENTRIES (1u << 20)
#define OWNER_WORDS	3

#ifndef CGROUP_SUPER_MAGIC
#define CGROUP_SUPER_MAGIC 0x27e0eb
#endif

/* What /proc says after "Pid:" of a descriptor: -EBADF where it is none of a process. */
static int pid_of(int pidfd)
{
	char path[64], line[128];
	int pid = -EBADF;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid:\t%d", &pid) == 1)
			break;
	if (f)
		fclose(f);
	/* -1: it is gone; 0: it is none of those that this process can see. */
	return pid == -1 || !pid ? -ENOENT : pid;
}

static int task_owner(int fd, uint64_t owner[OWNER_WORDS])
{
	const int pid = pid_of(fd);

	if (pid < 0)
		return pid;
	owner[0] = storage_task((uint32_t)pid);
	/* It may have gone in between, and another have got its number. */
	return owner[0] && pid_of(fd) == pid ? 0 : -ENOENT;
}

static int cgroup_owner(int fd, uint64_t owner[OWNER_WORDS])
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) ||
	    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC) ||
	    fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return -EBADF;
	/* A folder that is open still, but was removed, is empty. */
	if (faccessat(fd, "cgroup.procs", F_OK, 0))
		return -ENOENT;
	owner[0] = st.st_ino;
	owner[1] = st.st_dev;
	return 0;
}

static int socket_owner(int fd, uint64_t owner[OWNER_WORDS])
{
	socklen_t len = sizeof(*owner);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, owner, &len) ? -errno : 0;
}

static int inode_owner(int fd, uint64_t owner[OWNER_WORDS])
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st))
		return -EBADF;
	owner[0] = st.stx_ino;
	owner[1] = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	owner[2] = st.stx_mask & STATX_BTIME
			   ? (uint64_t)st.stx_btime.tv_sec * 1000000000u + st.stx_btime.tv_nsec
			   : 0;
	return 0;
}

static const struct storage_kind {
	uint32_t type;
	uint32_t words; /* of an owner's identity */
	int (*owner)(int fd, uint64_t owner[OWNER_WORDS]);
} kinds[] = {
	{ BPF_MAP_TYPE_TASK_STORAGE, 1, task_owner },
	{ SKEP_MAP_TYPE_CGRP_STORAGE, 2, cgroup_owner },
	{ BPF_MAP_TYPE_SK_STORAGE, 1, socket_owner },
	{ BPF_MAP_TYPE_INODE_STORAGE, 3, inode_owner },
};

static const struct storage_kind *kind_of(const struct skep_map *m)
{
	const struct storage_kind *k = kinds;

	while (k->type != m->type)
		k++;
	return k;
}

static int owner_of(const struct skep_map *m, const void *key, uint64_t owner[OWNER_WORDS])
{
	return kind_of(m)->owner((int)array_index(key), owner);
}

static int storage_create(struct skep_map *m, const union bpf_attr *attr,
			  struct skep_diag *reterr_diag)
{
	const uint64_t fit = STORAGE_BYTES / ALIGN_UP(m->value_size, 16);
	const struct skep_map table = {
		.type = BPF_MAP_TYPE_HASH,
		.key_size = kind_of(m)->words * sizeof(uint64_t),
		.value_size = m->value_size,
		.max_entries = (uint32_t)MIN(fit, STORAGE_ENTRIES),
		.nr_cpus = m->nr_cpus,
		.seed = m->seed,
	};
	struct hash h;

	(void)attr;
	hash_layout(&table, &h);
	return hash_alloc(m, &h, reterr_diag);
}

static int storage_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	uint64_t owner[OWNER_WORDS];
	int err = owner_of(m, key, owner);

	return err ? err : hash_sys_lookup(m, owner, value, flags);
}

static int storage_sys_update(struct skep_map *m, const void *key, const void *value,
			      uint64_t flags)
{
	uint64_t owner[OWNER_WORDS];
	int err = owner_of(m, key, owner);

	return err ? err : (int)storage_update(m, owner, value, flags, HASH_USER);
}

static int storage_sys_delete(struct skep_map *m, const void *key)
{
	uint64_t owner[OWNER_WORDS];
	int err = owner_of(m, key, owner);

	return err ? err : (int)storage_delete(m, owner, VCPU_NONE);
}

const struct map_ops storage_map_ops = {
	.contains = hash_contains,
};

const struct map_sys_ops storage_map_sys = {
	.run = &storage_map_ops,
	.check = map_rule_check,
	.create = storage_create,
	.destroy = hash_destroy,
	.cpu_died = hash_cpu_died,
	.scrub = storage_scrub,
	.sys_lookup = storage_sys_lookup,
	.sys_update = storage_sys_update,
	.sys_delete = storage_sys_delete,
};
