/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * member.h - a process that runs a hive's programs itself: it maps the hive's memory and lets the
 * agent in, by the door that it has (door.h).
 */
#ifndef SKEP_BPF_MEMBER_H
#define SKEP_BPF_MEMBER_H

#include "agent/agent.h"

/**
 * The agent in this process, which joins where it had not: 0 and *ret, or -errno; -EOPNOTSUPP where
 * the kernel is in no hive, -EEXIST where something lies where the hive's memory has to.
 */
int member_join(const struct agent_door **ret);

/** The same for who must not wait, as a handler of a signal: -EBUSY where another thread is at it.
 */
int member_try_join(const struct agent_door **ret);

/**
 * Runs the program of a descriptor on ctx, here: 0 and what it returned in *ret, or -errno:
 * member_join()'s, -EBADF, -EINVAL for no program, -EOPNOTSUPP for one that only the server can
 * run, agent_door.run's.
 */
SKEP_API int skep_member_run(int prog_fd, void *ctx, uint64_t *ret);

/**
 * The same in a row, n times, the descriptor looked at once: how many runs there were.
 */
SKEP_API long skep_member_run_n(int prog_fd, void *ctx, long n, uint64_t *ret);

/** The hive's memory, which this process has mapped by now; NULL: it cannot. */
SKEP_API const struct hive_meta *skep_member_meta(void);

#endif
