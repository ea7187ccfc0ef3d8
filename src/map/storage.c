/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c - local storage as programs see it (kernel/bpf/bpf_local_storage.c): the table of
 * hash_int.h, with the owner's identity as key.
 *
 * Nobody tells when an owner goes.  The identity of a task that is gone is never asked for again,
 * so nobody sees what it had; its element is found by whoever makes the next ones, as each looks
 * at two that are there.  Creation, owners by descriptor: storage_sys.c.
 */
#include "map/storage.h"
#include "base/proc.h"
#include "map/hash_int.h"

#define START_TIME 22 /* the field of /proc/TID/stat */
#define SWEEP	   2  /* elements looked at for each that is made */

/* What new values are where nobody says more; never written. */
static uint8_t zeroes[STORAGE_VALUE_MAX];

/* --- tasks ------------------------------------------------------------------------------------ */

/* "/proc/TID/stat" */
static void stat_path(char path[32], uint32_t tid)
{
	static const char before[] = "/proc/", after[] = "/stat";
	char digits[10], *to = path + sizeof(before) - 1;
	uint32_t n = 0;

	do
		digits[n++] = (char)('0' + tid % 10);
	while (tid /= 10);
	memcpy(path, before, sizeof(before));
	while (n)
		*to++ = digits[--n];
	memcpy(to, after, sizeof(after));
}

uint64_t storage_task(uint32_t tid)
{
	char text[512], path[32];
	int64_t start;

	stat_path(path, tid);
	start = proc_stat_field(text, proc_read(path, text, sizeof(text)), START_TIME);
	return start < 0 ? 0 : (uint64_t)start << STORAGE_TID_BITS | tid;
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
