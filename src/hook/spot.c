/* SPDX-License-Identifier: BSD-2-Clause */
/* spot.c - see spot.h */
#include "hook/spot.h"

static size_t bytes_of(size_t n)
{
	return sizeof(struct hive_probes) + n * sizeof(struct hive_probe);
}

/* Shows the agents who runs there, and frees the list before when no run can see it. */
static int publish(struct spots *s, struct spot *spot, enum hive_when when)
{
	const struct hive_probes *old = atomic_load(&spot->site->probes[when]);
	const size_t n = spot->probes[when].n;
	struct hive_probes *new = NULL;

	if (n) {
		new = space_alloc(s->space, HIVE_META, bytes_of(n));
		if (!new)
			return -ENOMEM;
		new->n = (uint32_t)n;
		for (size_t i = 0; i < n; i++)
			memcpy(&new->probe[i], spot->probes[when].at[i], sizeof(new->probe[i]));
	}
	atomic_store(&spot->site->probes[when], new);
	if (!old)
		return 0;
	vcpus_synchronize(s->vcpus);
	space_give(s->space, HIVE_META, (void *)old, bytes_of(old->n));
	return 0;
}

/* The same without memory: it stays in the list, and is nobody's. */
static void disown(struct spots *s, struct spot *spot, enum hive_when when,
		   const struct hive_probe *probe)
{
	struct hive_probes *list = (struct hive_probes *)atomic_load(&spot->site->probes[when]);

	for (uint32_t i = 0; i < list->n; i++)
		if (list->probe[i].prog == probe->prog && list->probe[i].cookie == probe->cookie &&
		    list->probe[i].pid == probe->pid) {
			atomic_store(&list->probe[i].pid, HIVE_NOBODY);
			break;
		}
	vcpus_synchronize(s->vcpus);
}

struct spot *spot_of(struct spots *s, const struct image_file *file, uint64_t off)
{
	struct spot **first = &s->bucket[off / 16 % SPOT_BUCKETS], *spot = *first;

	while (spot &&
	       (spot->off != off || spot->file.dev != file->dev || spot->file.ino != file->ino))
		spot = spot->next;
	if (spot)
		return spot;
	spot = skep_alloc(sizeof(*spot));
	if (!spot)
		return NULL;
	spot->site = space_alloc(s->space, HIVE_META, sizeof(*spot->site));
	if (!spot->site) {
		skep_free(spot);
		return NULL;
	}
	spot->site->at = off;
	spot->file = *file;
	spot->off = off;
	spot->next = *first;
	return *first = spot;
}

int spot_add(struct spots *s, struct spot *spot, enum hive_when when,
	     const struct hive_probe *probe)
{
	const struct hive_probe **row = vec_push(&spot->probes[when]);
	int err;

	if (!row)
		return -ENOMEM;
	*row = probe;
	err = publish(s, spot, when);
	if (err)
		spot->probes[when].n--;
	return err;
}

bool spot_remove(struct spots *s, struct spot *spot, enum hive_when when,
		 const struct hive_probe *probe)
{
	size_t n = 0;

	vec_foreach (p, &spot->probes[when])
		if (*p != probe)
			spot->probes[when].at[n++] = *p;
	if (n != spot->probes[when].n) {
		spot->probes[when].n = n;
		if (publish(s, spot, when))
			disown(s, spot, when, probe);
	}
	return spot->probes[HIVE_HERE].n || spot->probes[HIVE_RETURNS].n;
}
