/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - the text of BTF_LOAD's log, worded and laid out as the kernel's, and the diagnostic
 * that says the same to people.
 *
 * A line is "[id] KIND name details complaint"; members and variables are indented below it.
 */
#include "btf/btf_int.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024 /* the kernel formats into as much; the rest of a piece is lost */

static void vlog(struct btf_check *c, const char *fmt, va_list ap)
{
	char buf[LINE_MAX_BYTES];
	int n;

	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	if (n > 0)
		c->log->write(c->log->arg, buf, MIN((size_t)n, sizeof(buf) - 1));
}

void btf_logf(struct btf_check *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->log)
		return;
	va_start(ap, fmt);
	vlog(c, fmt, ap);
	va_end(ap);
}

const char *btf_log_name(const struct skep_btf *b, uint32_t off)
{
	const char *s = off ? btf_str(b, off) : "(anon)";

	return s ? s : "(invalid-name-offset)";
}

/* The line of t; text NULL is a line without complaint. */
static void log_line_type(struct btf_check *c, const struct btf_type *t, bool details,
			  const char *text)
{
	const struct btf_kind *k = &btf_kinds[type_kind(t)];

	if (!c->log)
		return;
	btf_logf(c, "[%u] %s %s%s", c->id, k->name, btf_log_name(c->b, t->name_off),
		 details ? " " : "");
	if (details)
		k->log(c, t);
	btf_logf(c, text ? " %s\n" : "\n", text);
}

static void log_line_member(struct btf_check *c, const struct btf_type *st,
			    const struct btf_member *m, const char *text)
{
	if (!c->log)
		return;
	/* In the second phase the struct's own line is far above. */
	if (c->resolving)
		log_line_type(c, st, true, NULL);
	btf_logf(c, "\t%s type_id=%u", btf_log_name(c->b, m->name_off), m->type);
	if (type_kflag(st))
		btf_logf(c, " bitfield_size=%u", BTF_MEMBER_BITFIELD_SIZE(m->offset));
	btf_logf(c, " bits_offset=%u", member_bit_off(st, m));
	btf_logf(c, text ? " %s\n" : "\n", text);
}

static void log_line_vsi(struct btf_check *c, const struct btf_type *sec,
			 const struct btf_var_secinfo *v, const char *text)
{
	if (!c->log)
		return;
	if (c->resolving)
		log_line_type(c, sec, true, NULL);
	btf_logf(c, "\t type_id=%u offset=%u size=%u", v->type, v->offset, v->size);
	btf_logf(c, text ? " %s\n" : "\n", text);
}

void btf_log_type(struct btf_check *c, const struct btf_type *t)
{
	log_line_type(c, t, true, NULL);
}

void btf_log_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m)
{
	log_line_member(c, st, m, NULL);
}

void btf_log_vsi(struct btf_check *c, const struct btf_type *sec, const struct btf_var_secinfo *v)
{
	log_line_vsi(c, sec, v, NULL);
}

static int vfail_type(struct btf_check *c, int err, const struct btf_type *t, bool details,
		      const char *fmt, va_list ap)
{
	char text[160];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_line_type(c, t, details, text);
	return diag_set(c->diag, err, SKEP_AT_TYPE, c->id, "BTF %s %s: %s",
			btf_kinds[type_kind(t)].name, btf_log_name(c->b, t->name_off), text);
}

int btf_fail_type(struct btf_check *c, int err, const struct btf_type *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err = vfail_type(c, err, t, true, fmt, ap);
	va_end(ap);
	return err;
}

int btf_fail_basic(struct btf_check *c, int err, const struct btf_type *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err = vfail_type(c, err, t, false, fmt, ap);
	va_end(ap);
	return err;
}

int btf_fail_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		    const char *text)
{
	log_line_member(c, st, m, text);
	return diag_set(c->diag, -EINVAL, SKEP_AT_TYPE, c->id, "BTF %s %s, member %s: %s",
			btf_kinds[type_kind(st)].name, btf_log_name(c->b, st->name_off),
			btf_log_name(c->b, m->name_off), text);
}

int btf_fail_vsi(struct btf_check *c, const struct btf_type *sec, const struct btf_var_secinfo *v,
		 const char *text)
{
	log_line_vsi(c, sec, v, text);
	return diag_set(c->diag, -EINVAL, SKEP_AT_TYPE, c->id, "BTF DATASEC %s, variable %u: %s",
			btf_log_name(c->b, sec->name_off), v->type, text);
}

int btf_fail_at(struct btf_check *c, int err, enum skep_where where, uint64_t index,
		const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (where == SKEP_AT_TYPE)
		btf_logf(c, "[%u] ", (unsigned)index);
	btf_logf(c, "%s", text);
	return diag_set(c->diag, err, where, index, "BTF: %s", text);
}
