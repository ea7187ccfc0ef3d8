/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - the verifier's text (kernel/bpf/log.c).
 *
 * The text is a stream of `len` bytes, its NUL the last.  With BPF_LOG_FIXED the buffer holds its
 * beginning.  Otherwise the buffer holds its end, from `start` on: byte p of the stream stands at
 * (p - base) % size, and finishing rotates so that the string begins at buf[0].  The end of the
 * stream may be taken back (paths that were fine); what was overwritten meanwhile is lost.
 */
#include "verifier/verifier_int.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024 /* BPF_VERIFIER_TMP_LOG_SIZE: longer pieces are cut */

static void write_fixed(struct verifier_log *log, uint64_t pos, const char *text, uint32_t n)
{
	uint32_t room;

	if (pos >= log->size)
		return;
	room = MIN(n, (uint32_t)(log->size - pos));
	memcpy(log->buf + pos, text, room);
	log->buf[pos + room - 1] = '\0';
}

static void write_ring(struct verifier_log *log, uint64_t pos, const char *text, uint32_t n)
{
	uint32_t at, first;

	if (n > log->size) {
		pos += n - log->size;
		text += n - log->size;
		n = log->size;
	}
	at = (uint32_t)((pos - log->base) % log->size);
	first = MIN(n, log->size - at);
	memcpy(log->buf + at, text, first);
	memcpy(log->buf, text + first, n - first);
}

void verifier_log(struct verifier_log *log, const char *fmt, ...)
{
	uint64_t pos = log->len ? log->len - 1 : 0;
	char text[LINE_MAX_BYTES];
	uint32_t n;
	va_list ap;
	int len;

	if (!log->level)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = (uint32_t)MIN(len, (int)sizeof(text) - 1) + 1;

	log->len = pos + n;
	log->max = MAX(log->max, log->len);
	if (!log->buf || !log->size)
		return;
	if (log->level & LOG_FIXED)
		write_fixed(log, pos, text, n);
	else
		write_ring(log, pos, text, n);
	if (log->len > log->start + log->size)
		log->start = log->len - log->size;
}

static void reverse(char *buf, uint32_t from, uint32_t to)
{
	for (; from + 1 < to; from++, to--) {
		char c = buf[from];

		buf[from] = buf[to - 1];
		buf[to - 1] = c;
	}
}

void verifier_log_finish(struct verifier_log *log)
{
	const uint32_t cut = log->size ? (uint32_t)((log->start - log->base) % log->size) : 0;

	if (log->level & LOG_FIXED || !log->buf || !cut)
		return;
	reverse(log->buf, 0, cut);
	reverse(log->buf, cut, log->size);
	reverse(log->buf, 0, log->size);
	log->base = log->start;
}

void log_rewind(struct verifier_log *log, uint64_t pos)
{
	if (!log->level || pos >= log->len)
		return;
	log->len = MAX(pos, 1); /* the NUL stays */
	pos = log->len - 1;
	/* What was before the window is lost. */
	log->start = MIN(log->start, pos);
	if (!log->buf || !log->size)
		return;
	if (!(log->level & LOG_FIXED))
		log->buf[(pos - log->base) % log->size] = '\0';
	else if (pos < log->size)
		log->buf[pos] = '\0';
}

void verifier_log_unchecked(struct verifier_log *log)
{
	struct verifier v = { .log = log };

	if (log->level)
		log_stats(&v, 0);
}
