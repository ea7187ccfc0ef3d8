/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_gone.c - what cgroups had that are gone.  Cold.
 *
 * Nobody tells when a cgroup goes.  So the server looks now and then: first at the owners that a
 * map has, then at all cgroups.  Whom it does not meet had gone by then, as ids are never used
 * twice.
 */
#include "base/alloc.h"
#include "map/hash_int.h"
#include "map/storage.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY 8 /* seconds */

struct owner {
	uint64_t id;
	bool met;
};

static int by_id(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Owners on that device, in order; elements that are free have the key of who had them last. */
static size_t owners_of(const struct skep_map *m, dev_t dev, struct owner **ret)
{
	const struct hash *h = m->priv;
	const uint32_t used = MIN(atomic_load(&h->sh->fresh), h->total);
	struct owner *o = skep_alloc_array(MAX(used, 1u), sizeof(*o));
	size_t n = 0;

	for (uint32_t i = 1; o && i <= used; i++) {
		const uint64_t *key = (const uint64_t *)elem_key(hash_elem(h, i));

		if (__atomic_load_n(&key[1], __ATOMIC_ACQUIRE) == dev)
			o[n++].id = __atomic_load_n(&key[0], __ATOMIC_ACQUIRE);
	}
	if (n)
		qsort(o, n, sizeof(*o), by_id);
	*ret = o;
	return n;
}

/* Marks those of n that are there; false: not all of the hierarchy could be looked at. */
static bool meet_all(int root, struct owner *o, size_t n)
{
	char path[32], *const paths[] = { path, NULL };
	bool whole = true;
	FTS *fts;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", root);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts)
		return false;
	for (FTSENT *e; (e = fts_read(fts));) {
		const struct owner key = { .id = e->fts_info == FTS_D ? e->fts_statp->st_ino : 0 };
		struct owner *at = key.id ? bsearch(&key, o, n, sizeof(*o), by_id) : NULL;

		whole &= e->fts_info != FTS_DNR && e->fts_info != FTS_ERR;
		/* An owner may stand there more than once. */
		while (at && at > o && at[-1].id == key.id)
			at--;
		for (; at && at < o + n && at->id == key.id; at++)
			at->met = true;
	}
	fts_close(fts);
	return whole;
}

void storage_forget_gone(struct skep_map *m)
{
	const int root = (int)storage_cgroups();
	struct owner *o = NULL;
	struct stat st;
	size_t n;

	if (root < 0)
		return;
	n = fstat(root, &st) ? 0 : owners_of(m, st.st_dev, &o);
	if (n && meet_all(root, o, n))
		for (size_t i = 0; i < n; i++)
			if (!o[i].met)
				hash_delete(m, (const uint64_t[]){ o[i].id, st.st_dev }, VCPU_NONE);
	skep_free(o);
	close(root);
}

bool storage_scrub(struct skep_map *m, uint64_t *pos)
{
	struct timespec now;

	/* It is called once a second. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (m->type == SKEP_MAP_TYPE_CGRP_STORAGE && now.tv_sec % LOOK_EVERY == 0)
		storage_forget_gone(m);
	return hash_scrub(m, pos);
}
