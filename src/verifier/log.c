/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - the verifier's text (kernel/bpf/log.c).
 *
 * The text is a stream of `len` bytes, its NUL the last.  With BPF_LOG_FIXED the buffer holds its
 * beginning.  Otherwise the buffer holds its end: byte p of the stream stands at
 * (p - base) % size, and finishing rotates so that the string begins at buf[0].
 */
#include "verifier/verifier_int.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024 /* BPF_VERIFIER_TMP_LOG_SIZE: longer pieces are cut */

/* BPF_LOG_* of linux/bpf_verifier.h; the UAPI has only their numbers. */
#define LOG_INSNS_FAILED 1 /* BPF_LOG_LEVEL1: instructions on the way to an error */
#define LOG_INSNS_ALL	 2 /* BPF_LOG_LEVEL2 */
#define LOG_STATS	 4
#define LOG_FIXED	 8

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
	uint32_t start, first;

	if (n > log->size) {
		pos += n - log->size;
		text += n - log->size;
		n = log->size;
	}
	start = (uint32_t)((pos - log->base) % log->size);
	first = MIN(n, log->size - start);
	memcpy(log->buf + start, text, first);
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
	if (!log->buf || !log->size)
		return;
	if (log->level & LOG_FIXED)
		write_fixed(log, pos, text, n);
	else
		write_ring(log, pos, text, n);
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
	uint32_t cut;

	if (log->level & LOG_FIXED || !log->buf || !log->size || log->len <= log->size + log->base)
		return;
	cut = (uint32_t)((log->len - log->base) % log->size);
	reverse(log->buf, 0, cut);
	reverse(log->buf, cut, log->size);
	reverse(log->buf, 0, log->size);
	log->base = log->len - log->size;
}

/* The kernel's func_id_name() and the like. */
static const char *call_name(void *arg, const struct bpf_insn *insn, char *buf, size_t n)
{
	const char *name;

	if (insn->src_reg != 0)
		return NULL;
	name = insn->imm >= 0 ? helper_name((uint32_t)insn->imm) : NULL;
	if (!name)
		return "unknown";
	snprintf(buf, n, "bpf_%s", name);
	return buf;
}

static void print_insn(struct verifier *v, uint32_t i)
{
	const struct isa_names names = { .call = call_name };
	char text[256];
	struct strbuf out = { text, sizeof(text), 0 };

	isa_disasm(&out, &v->insns[i], &names);
	verifier_log(v->log, "%u: %s\n", i, text);
}

void log_insn(struct verifier *v, uint32_t i)
{
	print_insn(v, i);
}

void log_rewind(struct verifier_log *log, uint64_t pos)
{
	if (!log->level || pos >= log->len)
		return;
	log->len = pos;
	if (!log->buf || !log->size || pos == 0)
		return;
	if (log->level & LOG_FIXED) {
		if (pos - 1 < log->size)
			log->buf[pos - 1] = '\0';
	} else if (pos > log->base) {
		log->buf[(pos - 1 - log->base) % log->size] = '\0';
	}
}

void log_stats(struct verifier *v, uint64_t ns)
{
	if (v->log->level & LOG_STATS) {
		verifier_log(v->log, "verification time %llu usec\nstack depth ",
			     (unsigned long long)ns / 1000);
		for (uint32_t s = 0; s < v->sub_cnt; s++)
			verifier_log(v->log, "%s%u", s ? "+" : "", v->depth ? v->depth[s] : 0);
		verifier_log(v->log, "\n");
	}
	verifier_log(v->log,
		     "processed %u insns (limit %d) max_states_per_insn %u total_states %u "
		     "peak_states %u mark_read 0\n",
		     v->processed, SKEP_INSNS_MAX, v->max_states_per_insn, v->total_states,
		     v->peak_states);
}

void verifier_log_unchecked(struct verifier_log *log)
{
	struct verifier v = { .log = log };

	if (log->level)
		log_stats(&v, 0);
}
