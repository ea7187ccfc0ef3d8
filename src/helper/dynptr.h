/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynptr.h - a dynptr as it lies on a program's stack (struct bpf_dynptr_kern of Linux).
 *
 * Programs never look into one: the verifier sees to it, and the interpreter to the verifier.
 */
#ifndef SKEP_HELPER_DYNPTR_H
#define SKEP_HELPER_DYNPTR_H

#include "base/base.h"

/* What a dynptr stands for (enum bpf_dynptr_type). */
enum dynptr_kind {
	DYNPTR_NONE,
	DYNPTR_LOCAL,	/* memory of the program's own */
	DYNPTR_RINGBUF, /* a record: a reference, given back when it is submitted or discarded */
	DYNPTR_SKB,	/* a packet... */
	DYNPTR_XDP,
	DYNPTR_SKB_META, /* ...and what stands before it */
	_DYNPTR_MAX,
};

#define DYNPTR_MAX_SIZE	  ((1u << 24) - 1)
#define DYNPTR_KIND_SHIFT 28
#define DYNPTR_RDONLY	  (1u << 31)

struct dynptr_kern {
	void *data;	 /* the memory, or the context of the packet; NULL: there is none */
	uint32_t size;	 /* of the part that it stands for; kind and DYNPTR_RDONLY above */
	uint32_t offset; /* of that part, from data or from where packet or metadata begin */
};
static_assert(sizeof(struct dynptr_kern) == 16, "struct bpf_dynptr of the UAPI");

static inline void dynptr_make(struct dynptr_kern *d, enum dynptr_kind kind, void *data,
			       uint32_t size)
{
	*d = (struct dynptr_kern){ data, size | (uint32_t)kind << DYNPTR_KIND_SHIFT, 0 };
}

static inline enum dynptr_kind dynptr_kind(const struct dynptr_kern *d)
{
	return (enum dynptr_kind)(d->size >> DYNPTR_KIND_SHIFT & 7);
}

static inline uint32_t dynptr_size(const struct dynptr_kern *d)
{
	return d->size & DYNPTR_MAX_SIZE;
}

/** data is the memory itself. */
static inline bool dynptr_is_memory(const struct dynptr_kern *d)
{
	return dynptr_kind(d) == DYNPTR_LOCAL || dynptr_kind(d) == DYNPTR_RINGBUF;
}

#endif
