/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proc.h - what /proc says of tasks, for hot rooms: no libc, no allocation.
 */
#ifndef SKEP_BASE_PROC_H
#define SKEP_BASE_PROC_H

#include "base/base.h"

#define PROC_PATH 32

/** "/proc/TID/FILE"; the file's name has at most 14 characters.  Hot. */
void proc_task_path(char path[PROC_PATH], uint32_t tid, const char *file);
/** Reads a file, at most size bytes of it: how many, or -errno.  Three system calls.  Hot. */
long proc_read(const char *path, char *text, size_t size);
/**
 * The number that is a field of /proc/TID/stat, as proc(5) counts them, from 4 on; -1: there is
 * none, or the text ends with it.  Hot.
 */
int64_t proc_stat_field(const char *text, long len, int field);

#endif
