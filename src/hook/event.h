/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h - inside the room: programs at events of processes, in all members.
 *
 * Members tell of what they come to (agent/process.c), by jumps around the system calls that it is;
 * ends.c tells of what no member lived to tell.
 */
#ifndef SKEP_HOOK_EVENT_H
#define SKEP_HOOK_EVENT_H

#include "core/probe.h"
#include "hive/site.h"
#include "hive/space.h"

struct event_probe;

/** Once; all others with the lock of hooks. */
void events_start(struct space *space, struct vcpus *vcpus);
/** The program runs there too, wherever jumps are: 0 and *ret, or -ENOMEM. */
int events_add(const struct probe_spec *spec, struct skep_prog *prog, struct event_probe **ret);
/** No longer: when it returns, no run of it is under way there. */
void events_remove(struct event_probe *p);
/** What runs there. */
const struct skep_prog *events_prog(const struct event_probe *p);
/** All of them at once, as the hive ends; who attached them still removes each. */
void events_stop(void);

/** Does anybody look at some event? */
bool events_any(void);
/** Does somebody look at one that this system call may be? */
bool events_want(int32_t nr);
/** Which are looked at, a bit each (hive/site.h). */
uint32_t events_on(void);
/** Where their programs are. */
const struct hive_events *events_shown(void);

#endif
