/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * landmark.h - inside the room: places in well-known libraries at which the agent has to do
 * something itself (hive/site.h), as long as anything is attached.
 */
#ifndef SKEP_HOOK_LANDMARK_H
#define SKEP_HOOK_LANDMARK_H

#include "hook/function.h"

struct landmark {
	uint32_t means; /* HIVE_* */
	struct image_file file;
	uint64_t off; /* in it */
	struct sites sites;
};

struct landmarks {
	VEC(struct landmark);
};

/** Those of the libraries that are installed here; what is not there, or has no room, is left out.
 */
void landmarks_find(struct landmarks *ret);

#endif
