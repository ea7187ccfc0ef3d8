/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - the process that a hive's kernel is in.
 *
 * It founds the hive's door (hive/place.h) and answers members, a thread for each (hive/proto.h).
 * It lives while one of these does: a process that ever knocked, a pin, an object that some process
 * has a descriptor of; or until it is told to stop.
 */
#ifndef SKEP_SERVER_SERVER_H
#define SKEP_SERVER_SERVER_H

#include "base/base.h"

#include <limits.h>
#include <sys/types.h>

#include <skep/skep.h>

struct server_opts {
	const char *name;		       /* of the hive; NULL: a number */
	bool keep;			       /* it lives until it is told to stop */
	bool talk;			       /* standard error stays open, for trace lines */
	pid_t first;			       /* its first member; 0: none */
	const struct skep_kernel_opts *kernel; /* NULL: the defaults */
};

/**
 * Starts a server in the background, as nobody's child.
 *
 * @param ret_dir  the hive's folder
 * @return 0 once it listens; -EEXIST where that hive runs, -EINVAL for the name, -errno
 */
int server_start(const struct server_opts *o, char ret_dir[PATH_MAX]);

#endif
