/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spot.h - inside the room: instructions of files at which programs run, in whichever processes
 * have a jump there.
 */
#ifndef SKEP_HOOK_SPOT_H
#define SKEP_HOOK_SPOT_H

#include "base/vec.h"
#include "hive/site.h"
#include "hive/space.h"
#include "inject/image.h"

struct spot {
	struct spot *next;
	struct image_file file;
	uint64_t off;		/* of the instruction in the file */
	uint64_t ref_ctr;	/* in the file, a counter of who probes it; 0: there is none */
	struct hive_site *site; /* what jumps lead to; stays (hive/site.h) */
	struct {
		VEC(const struct hive_probe *);
	} probes[_HIVE_WHEN]; /* who runs there, borrowed */
};

#define SPOT_BUCKETS 1024

struct spots {
	struct space *space;
	struct vcpus *vcpus;
	struct spot *bucket[SPOT_BUCKETS]; /* by offset */
};

/** The spot of that instruction, made where there was none; NULL: out of memory. */
struct spot *spot_of(struct spots *s, const struct image_file *file, uint64_t off);
/** The probe runs there too, until spot_remove(): 0 or -ENOMEM. */
int spot_add(struct spots *s, struct spot *spot, enum hive_when when,
	     const struct hive_probe *probe);
/**
 * No longer: when it returns, no run of it is under way.  Whether somebody still runs there, at any
 * time.
 */
bool spot_remove(struct spots *s, struct spot *spot, enum hive_when when,
		 const struct hive_probe *probe);

#endif
