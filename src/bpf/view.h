/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h - inside the room: maps of a hive that this process reads and writes itself (core/view.h).
 */
#ifndef SKEP_BPF_VIEW_H
#define SKEP_BPF_VIEW_H

#include "base/base.h"

/** Answers a command of bpf(2) by a view: true and *ret; false: the kernel is to be asked. */
bool view_answer(int cmd, uint64_t uattr, uint32_t size, long *ret);

/**
 * The hive's kernel has answered a command that a view helps with: makes a view of the map once it
 * is worth it.
 *
 * @param position  of the descriptor fd, when the kernel was asked
 */
void view_consider(int fd, int64_t position);

#endif
