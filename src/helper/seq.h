/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seq.h - what an iterator writes into: struct seq_file of the model.
 *
 * A run has one (run->seq), and helpers take no other.  What does not fit marks the whole as full:
 * count == size, as in Linux.
 */
#ifndef SKEP_HELPER_SEQ_H
#define SKEP_HELPER_SEQ_H

#include "base/base.h"

struct skep_seq {
	char *buf;     /* size bytes */
	size_t size;   /* bytes */
	size_t count;  /* bytes written; all of them: something did not fit */
	int64_t index; /* elements that were shown */
};

static inline bool seq_is_full(const struct skep_seq *s)
{
	return s->count == s->size;
}

#endif
