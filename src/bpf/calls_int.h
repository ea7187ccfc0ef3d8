/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_int.h - what the two doors of this room share: call_NAME() answers a call of calls.def,
 * bpf_real.NAME is the C library's own.
 */
#ifndef SKEP_BPF_CALLS_INT_H
#define SKEP_BPF_CALLS_INT_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "base/base.h"

/* The C library's own calls; each door fills in its rows, others are NULL. */
struct real_calls {
#define CALL_BOTH(ret, name, params, args)    ret(*name) params;
#define CALL_WRAP(ret, name, params, args)    ret(*name) params;
#define CALL_PRELOAD(ret, name, params, args) ret(*name) params;
#include "bpf/calls.def"
};

extern struct real_calls bpf_real;

#define CALL_BOTH(ret, name, params, args)    ret call_##name params;
#define CALL_WRAP(ret, name, params, args)    ret call_##name params;
#define CALL_PRELOAD(ret, name, params, args) ret call_##name params;
#include "bpf/calls.def"

/** The kernel that answers where bpf_kernel_set() chose none; each door has its own. */
struct skep_kernel *bpf_kernel_default(void);

/** True at and below the root of pins (pins.c). */
bool pins_path(const char *path);
/** Makes *path the place of a pin, in `place`, if it is one's; false with errno: it may not be. */
bool pins_place(const char **path, char place[PATH_MAX]);
/** A descriptor of an iterator's text, where path is the pin of one that may be opened so; < 0. */
int pins_iter(const char *path, int flags);
/** The same for open(2), relative to dir. */
bool pins_open(int dir, const char **path, int flags, char place[PATH_MAX]);

/** True where the path is a file that files.c holds. */
bool bpf_file_is(const char *path);
/** A new descriptor, at offset 0, of such a file; -ENOENT for others, or -errno. */
int bpf_file_open(const char *path);

#endif
