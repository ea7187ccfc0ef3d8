/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - see log.h.  The callback is the library's one process-wide setting. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static skep_log_fn log_fn;
static enum skep_log_level log_max;

void skep_log_set(skep_log_fn fn, enum skep_log_level max_level)
{
	log_fn = fn;
	log_max = max_level;
}

void log_line(enum skep_log_level level, const char *room, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (!log_fn || level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	log_fn(level, room, msg);
}
