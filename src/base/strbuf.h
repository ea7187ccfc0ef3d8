/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strbuf.h - text into a fixed buffer: never overflows, always terminated, remembers what did
 * not fit.
 */
#ifndef SKEP_BASE_STRBUF_H
#define SKEP_BASE_STRBUF_H

#include "base/base.h"

struct strbuf {
	char *buf;  /* borrowed */
	size_t cap; /* bytes in buf, with the NUL; 0 is allowed */
	size_t len; /* length that the text would have, without the NUL */
};

/** Appends as printf does. */
void strbuf_add(struct strbuf *s, const char *fmt, ...) __printf(2, 3);

static inline bool strbuf_truncated(const struct strbuf *s)
{
	return s->len >= s->cap;
}

#endif
