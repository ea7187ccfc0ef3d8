/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry.h - all that a door asks of a kernel, as one function: whether the kernel is in this
 * process (door.c) or in a hive's server (server/) makes no difference to who asks.
 */
#ifndef SKEP_BPF_ENTRY_H
#define SKEP_BPF_ENTRY_H

#include "base/base.h"

#define ENTRY_ARGS 6

enum entry {
#define ENTRY(name, function, gives) ENTRY_##name,
#include "bpf/entries.def"
#undef ENTRY
	_ENTRY_MAX,
};

/**
 * Asks bpf_kernel(), on behalf of the caller that is set (core/caller.h).
 *
 * @param nr	any number: -EINVAL where it is no entry
 * @param path	of entries that take one, else ""
 * @return what the entry says, or -errno; -ENOMEM where there is no kernel
 */
long entry_run(unsigned nr, const uint64_t a[ENTRY_ARGS], const char *path);

/** Is a result that is not negative a descriptor?  *ret_keep: the kernel keeps it. */
bool entry_gives_fd(unsigned nr, const uint64_t a[ENTRY_ARGS], bool *ret_keep);

#endif
