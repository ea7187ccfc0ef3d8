/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syscall.h - inside the room: programs before and behind system calls, in all members.
 *
 * Every system call's instruction in the text of a member gets jumps around it (inject/site.h), as
 * far as somebody wants to see its number, or no one can say which it is.
 */
#ifndef SKEP_HOOK_SYSCALL_H
#define SKEP_HOOK_SYSCALL_H

#include "core/probe.h"
#include "hook/process.h"

struct syscall_probe;

/** Once; all others with the lock of hooks. */
void syscalls_start(struct space *space, struct vcpus *vcpus);
/** The program runs there too, wherever jumps are: 0 and *ret, or -ENOMEM. */
int syscalls_add(const struct probe_spec *spec, struct skep_prog *prog, struct syscall_probe **ret);
/** No longer: when it returns, no run of it is under way there. */
void syscalls_remove(struct syscall_probe *p);
/** What runs there. */
const struct skep_prog *syscalls_prog(const struct syscall_probe *p);
/** All of them at once, as the hive ends; who attached them still removes each. */
void syscalls_stop(void);

/** Events of processes come by other system calls than before (event.h). */
void syscalls_changed(void);
/** Is there anybody at all, events of processes included? */
bool syscalls_any(void);
/** Does anybody want to see that process? */
bool syscalls_concern(pid_t pid);
/** Says whether some of its text cannot be read (struct process). */
void syscalls_look(struct still *s);
/**
 * Puts the jumps that are wanted and not there, those by which programs are followed included
 * (follow.h), or takes all of them.  What has no room goes on without.
 */
void syscalls_put(struct still *s);
void syscalls_undo(struct still *s);

#endif
