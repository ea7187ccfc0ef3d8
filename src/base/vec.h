/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vec.h - a growing array of any type, for cold code.
 *
 *	struct { VEC(struct edge); } edges = { 0 };
 *	struct edge *e = vec_push(&edges);	NULL when memory is out; zeroed otherwise
 *	vec_free(&edges);
 */
#ifndef SKEP_BASE_VEC_H
#define SKEP_BASE_VEC_H

#include "base/alloc.h"

#define VEC(type)                     \
	type *at;  /* the elements */ \
	size_t n;  /* how many */     \
	size_t cap /* how many fit */

/* Makes room for one more; 0 or -ENOMEM. */
static inline int vec_grow(void *at, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *p;

	if (n < *cap)
		return 0;
	p = skep_realloc_array(*(void **)at, want, size);
	if (!p)
		return -ENOMEM;
	*(void **)at = p;
	*cap = want;
	return 0;
}

#define vec_push(v)                                              \
	(vec_grow(&(v)->at, (v)->n, &(v)->cap, sizeof(*(v)->at)) \
		 ? NULL                                          \
		 : (__typeof__((v)->at))memset(&(v)->at[(v)->n++], 0, sizeof(*(v)->at)))

#define vec_foreach(p, v) for (__typeof__(&*(v)->at) p = (v)->at; p && p < (v)->at + (v)->n; p++)

#define vec_free(v)                    \
	do {                           \
		skep_free((v)->at);    \
		(v)->at = NULL;        \
		(v)->n = (v)->cap = 0; \
	} while (0)

#endif
