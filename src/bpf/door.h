/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * door.h - inside the room: the way to the kernel, which is in this process, or in the hive's
 * server where the environment names one (SKEP_HIVE, the hive's folder).
 */
#ifndef SKEP_BPF_DOOR_H
#define SKEP_BPF_DOOR_H

#include "bpf/entry.h"

/** The folder of the hive that this process is in, as the environment said; NULL: there is none. */
const char *door_hive(void);

/** entry_run() wherever the kernel is; -ENODEV where the hive is gone. */
long door_enter(enum entry nr, const uint64_t a[ENTRY_ARGS], const char *path);
#define DOOR(nr, path, ...) door_enter(nr, (const uint64_t[ENTRY_ARGS]){ __VA_ARGS__ }, path)

/** What uname(2) says of the kernel; NULL where there is none. */
const char *door_release(void);

/**
 * A descriptor of an object was closed.  What it may have held ends at once, where this process
 * has a connection; else when the server looks.
 */
void door_closed(void);

/**
 * The number by which a descriptor of a ring buffer is waited on: the same at every call.
 * -EPERM for others.
 */
int door_wait_fd(int fd);

/** Lets the hive know of this process: it is a member from now on. */
void door_knock(void);

#endif
