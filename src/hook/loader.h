/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader.h - inside the room: the place that a dynamic linker comes to whenever it has mapped
 * libraries, or unmapped some, so that debuggers notice (r_brk of <link.h>).
 */
#ifndef SKEP_HOOK_LOADER_H
#define SKEP_HOOK_LOADER_H

#include "hive/space.h"
#include "hook/function.h"

struct loader {
	struct image_file file; /* the linker's; ino 0: not known */
	uint64_t off;		/* of that place in it */
	struct sites sites;	/* one */
};

/**
 * Looks for it, of the C library that is installed here, and starts a thread that calls look(pid)
 * when a process has come there and waits (struct hive_data's `loads`): once, for each server.
 * Where that cannot be, file.ino is 0, and libraries that come later are not probed.
 */
void loader_start(struct loader *l, struct space *space, void (*look)(pid_t pid));

#endif
