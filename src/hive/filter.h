/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h - what a seccomp filter of a member says of the system calls that its hive makes in it.
 *
 * Of those calls number and machine are known, and few arguments (own.def).  So a filter is run
 * with values that may be unknown: where one decides, both ways are followed, and all must lead to
 * a verdict that the call survives.  Filters add up, and the strictest counts: where each lets all
 * calls pass, all of them do.
 *
 * seccomp(2), <linux/seccomp.h>, <linux/filter.h>.  Hot.
 */
#ifndef SKEP_HIVE_FILTER_H
#define SKEP_HIVE_FILTER_H

#include "base/base.h"

#include <linux/filter.h>

/* A way through a filter, from where it forks off. */
struct filter_path {
	uint32_t at;			  /* the instruction to go on with */
	uint32_t known;			  /* bits: what has a value, by its index in `value` */
	uint32_t value[BPF_MEMWORDS + 2]; /* memory, A, X */
};

/* Room for one judgement: large, so it is the caller's. */
#define FILTER_PATHS 64
struct filter_room {
	struct filter_path path[FILTER_PATHS];
};

enum filter_says {
	FILTER_LETS,	    /* all of them pass */
	FILTER_FORBIDS,	    /* one does not, or nobody knows */
	FILTER_LOOKS,	    /* it goes by where calls come from, and ours and moved ones come from
			       elsewhere */
	FILTER_IS_NONE,	    /* the kernel would not take it */
	FILTER_IS_DISPATCH, /* of no filter, but Syscall User Dispatch, which makes signals of calls
			     */
	FILTER_IS_STRICT,   /* of no filter, but strict mode, in which none of ours pass */
};

/**
 * Judges a filter of n instructions.
 *
 * @param ret_nr  FILTER_FORBIDS: which call
 */
enum filter_says filter_judge(const struct sock_filter *insn, uint32_t n, struct filter_room *room,
			      int32_t *ret_nr);

#endif
