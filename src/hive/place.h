/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - where a user's hives are: $XDG_RUNTIME_DIR/skep/NAME/, or, where there is no such
 * folder, /tmp/skep-UID/NAME/.  The folder is the user's alone, and what is in it are the hive's
 * pins; the socket stands beside it, as `.NAME`, where no `rm -r` of pins comes by.
 */
#ifndef SKEP_HIVE_PLACE_H
#define SKEP_HIVE_PLACE_H

#include "base/base.h"

#include <limits.h>

#define HIVE_NAME_MAX 31

/** True for 1 to HIVE_NAME_MAX letters, digits, '-', '_' and '.', not beginning with '.'. */
bool hive_name_ok(const char *name);

/** The folder that hives are in; made where it is not there.  -errno, -EPERM: another's. */
int hive_root(char ret[PATH_MAX]);

/**
 * A listening door of a new hive.
 *
 * @param name  NULL: the first number that is free, as text
 * @param dir	is where it is, or would be
 * @return the socket, -EEXIST where that hive runs, -EINVAL for the name, -errno
 */
int hive_found(const char *name, char dir[PATH_MAX]);
/** False where somebody removed the door: nobody can come in any more. */
bool hive_has_door(const char *dir);
/** Takes the door away again, and the folder with all that is in it. */
void hive_leave(const char *dir);

/** A connection to the door in a hive's folder; -errno: -ECONNREFUSED, -ENOENT: nobody is there. */
int hive_connect(const char *dir);
/** The folder of a hive by name. */
int hive_find(const char *name, char dir[PATH_MAX]);

/** The name of the hive that process is the server of: 0 or -ENOENT. */
int hive_name_of(int server, char ret[HIVE_NAME_MAX + 1]);

#endif
