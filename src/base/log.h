/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - the library is silent; who wants to hear it sets one callback.
 */
#ifndef SKEP_BASE_LOG_H
#define SKEP_BASE_LOG_H

#include "base/base.h"

enum skep_log_level { SKEP_LOG_ERROR, SKEP_LOG_WARN, SKEP_LOG_INFO, SKEP_LOG_DEBUG };

typedef void (*skep_log_fn)(enum skep_log_level level, const char *room, const char *msg);

/** Sets the process's log callback; NULL is silence, the default. */
SKEP_API void skep_log_set(skep_log_fn fn, enum skep_log_level max_level);

/** Logs one line without a newline.  Cold code only. */
void log_line(enum skep_log_level level, const char *room, const char *fmt, ...) __printf(3, 4);

#endif
