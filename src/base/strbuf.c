/* SPDX-License-Identifier: BSD-2-Clause */
/* strbuf.c - see strbuf.h */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>

void strbuf_add(struct strbuf *s, const char *fmt, ...)
{
	size_t room = s->len < s->cap ? s->cap - s->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? s->buf + s->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->len += (size_t)n;
}
