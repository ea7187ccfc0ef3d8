/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c - local storage as programs see it (kernel/bpf/bpf_local_storage.c): the table of
 * hash_int.h, with the owner's identity as key.
 *
 * Nobody tells when an owner goes.  The identity of one that is gone is never asked for again, so
 * nobody sees what it had.  A task's element is found by whoever makes the next ones, as each looks
 * at two that are there, a cgroup's by the server (storage_gone.c).  Creation, owners by
 * descriptor: storage_sys.c.
 */
#include "map/storage.h"
#include "base/proc.h"
#include "base/sys.h"
#include "map/hash_int.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#define START_TIME 22 /* the field of /proc/TID/stat */
#define SWEEP	   2  /* elements looked at for each that is made */

/* What new values are where nobody says more; never written. */
static uint8_t zeroes[STORAGE_VALUE_MAX];

/* --- tasks ------------------------------------------------------------------------------------ */

uint64_t storage_task(uint32_t tid)
{
	char text[512], path[PROC_PATH];
	int64_t start;

	proc_task_path(path, tid, "stat");
	start = proc_stat_field(text, proc_read(path, text, sizeof(text)), START_TIME);
	return start < 0 ? 0 : (uint64_t)start << STORAGE_TID_BITS | tid;
}

/* By itself, or beside those of version 1. */
long storage_cgroups(void)
{
	static const char roots[][24] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		struct statfs fs = { 0 };
		const long fd = sys_call6(SYS_openat, AT_FDCWD, (long)roots[i],
					  O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);

		if (fd < 0)
			continue;
		if (!sys_call6(SYS_fstatfs, fd, (long)&fs, 0, 0, 0, 0) &&
		    fs.f_type == CGROUP2_SUPER_MAGIC)
			return fd;
		sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	}
	return -ENOENT;
}

/* Frees what tasks had that are gone, of the elements that come next. */
static void sweep(struct skep_map *m, uint32_t cpu)
{
	const struct hash *h = m->priv;
	const uint32_t used =
		MIN(atomic_load_explicit(&h->sh->fresh, memory_order_relaxed), h->total);
	uint32_t hand = atomic_load_explicit(&h->sh->hand, memory_order_relaxed);

	for (int i = 0; i < SWEEP; i++) {
		uint64_t owner;

		hand = hand < used ? hand + 1 : 1;
		owner = __atomic_load_n((const uint64_t *)elem_key(hash_elem(h, hand)),
					__ATOMIC_ACQUIRE);
		/* One that is free has the key of who had it last: nobody's any more. */
		if (owner && storage_task((uint32_t)owner & STORAGE_TIDS) != owner)
			hash_delete(m, &owner, cpu);
	}
	/* Who does the same now looks at the same elements: no harm. */
	atomic_store_explicit(&h->sh->hand, hand, memory_order_relaxed);
}

/* --- elements --------------------------------------------------------------------------------- */

/* Tasks are what is asked for in a hurry: with a key of constant size. */
static void *find(struct skep_map *m, const uint64_t *owner)
{
	return m->type == BPF_MAP_TYPE_TASK_STORAGE ? hash_lookup_as(m, owner, 0, 8, HASH_PLAIN)
						    : hash_lookup_as(m, owner, 0, 0, HASH_PLAIN);
}

long storage_update(struct skep_map *m, const uint64_t *owner, const void *value, uint64_t flags,
		    uint32_t cpu)
{
	long err;

	if (m->type == BPF_MAP_TYPE_TASK_STORAGE)
		sweep(m, cpu);
	err = hash_update_as(m, owner, value, flags, cpu, 0, HASH_PLAIN, NULL);
	return err == -E2BIG ? -ENOMEM : err;
}

void *storage_get(struct skep_map *m, const uint64_t *owner, const void *init, bool create,
		  uint32_t cpu)
{
	void *value = find(m, owner);
	long err;

	if (value || !create)
		return value;
	err = storage_update(m, owner, init ? init : zeroes, BPF_NOEXIST, cpu);
	/* Somebody else was faster: it is theirs. */
	return err && err != -EEXIST ? NULL : find(m, owner);
}

long storage_delete(struct skep_map *m, const uint64_t *owner, uint32_t cpu)
{
	return hash_delete(m, owner, cpu);
}
