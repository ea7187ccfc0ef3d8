/* SPDX-License-Identifier: BSD-2-Clause */
/* diag.c - see diag.h */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const where_names[] = {
	[SKEP_AT_NONE] = NULL,	 [SKEP_AT_INSN] = "insn", [SKEP_AT_BYTE] = "byte",
	[SKEP_AT_LINE] = "line", [SKEP_AT_TYPE] = "type", [SKEP_AT_SYMBOL] = "symbol",
};
static_assert(ARRAY_SIZE(where_names) == _SKEP_AT_MAX, "a name for every kind of place");

int diag_set(struct skep_diag *d, int err, enum skep_where where, uint64_t index, const char *fmt,
	     ...)
{
	va_list ap;

	if (!d || d->err)
		return err;
	d->err = err;
	d->where = where;
	d->index = index;
	d->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(d->msg, sizeof(d->msg), fmt, ap);
	va_end(ap);
	return err;
}

void diag_hint(struct skep_diag *d, const char *fmt, ...)
{
	va_list ap;

	if (!d || !d->err || d->hint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(d->hint, sizeof(d->hint), fmt, ap);
	va_end(ap);
}

int diag_format(const struct skep_diag *d, char *buf, size_t n)
{
	char place[48] = "";

	if (where_names[d->where])
		snprintf(place, sizeof(place), "%s %llu: ", where_names[d->where],
			 (unsigned long long)d->index);
	return snprintf(buf, n, "%s%s%s%s%s", place, d->msg, d->hint[0] ? " (" : "", d->hint,
			d->hint[0] ? ")" : "");
}
