/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - reading foreign bytes with bounds.
 *
 * A struct bytes is a borrowed window.  bytes_at() is the only way to a pointer into it, and it
 * checks offset and length without overflow.
 */
#ifndef SKEP_BASE_BYTES_H
#define SKEP_BASE_BYTES_H

#include "base/base.h"

struct bytes {
	const uint8_t *data; /* borrowed; may be NULL when size is 0 */
	size_t size;	     /* bytes */
};

/** The len bytes at off, or NULL where they are not all inside. */
static inline const void *bytes_at(struct bytes b, size_t off, size_t len)
{
	return off <= b.size && len <= b.size - off ? b.data + off : NULL;
}

/** The NUL-terminated string at off, or NULL where no NUL follows inside. */
static inline const char *bytes_str(struct bytes b, size_t off)
{
	if (off >= b.size || !memchr(b.data + off, '\0', b.size - off))
		return NULL;
	return (const char *)b.data + off;
}

/** True when all n bytes at p are zero. */
static inline bool bytes_zero(const void *p, size_t n)
{
	const uint8_t *c = p;

	/* Each byte equals the one before it, and the first is zero. */
	return n == 0 || (c[0] == 0 && memcmp(c, c + 1, n - 1) == 0);
}

#endif
