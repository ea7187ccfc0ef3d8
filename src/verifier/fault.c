/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c - what is kept of a broken rule: its numbers, the value it is about, the way there.
 *
 * A rule is known by the format of its message, which names the register ("R%u") and its numbers
 * ("size=%d"): so every rule leaves its facts, and who writes a rule need not know of reports.
 */
#include "verifier/verifier_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the message ---------------------------------------------------------------------------- */

/* The word before a conversion, without "=" or a blank: the name of its number. */
static void fact_name(const char *fmt, const char *at, char *ret, size_t n)
{
	const char *end = at > fmt && (at[-1] == '=' || at[-1] == ' ') ? at - 1 : at;
	const char *start = end;

	while (start > fmt && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
		start--;
	snprintf(ret, n, "%.*s", (int)(end - start), start);
}

/* One conversion of fmt, from its '%' on; *ret_end stands behind it.  False: it is no number. */
static bool take_number(const char *fmt, va_list *ap, int64_t *ret, const char **ret_end)
{
	unsigned longs = 0;
	bool is_signed;

	fmt += 1 + strspn(fmt + 1, "0123456789#-+ .");
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		longs++;
	*ret_end = fmt + 1;
	is_signed = *fmt == 'd' || *fmt == 'i';
	switch (*fmt) {
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'c':
		if (longs)
			*ret = va_arg(*ap, long long);
		else
			*ret = is_signed ? va_arg(*ap, int) : (int64_t)va_arg(*ap, unsigned);
		return *fmt != 'c';
	case 's':
	case 'p':
		(void)va_arg(*ap, void *);
		return false;
	default: /* "%%" */
		return false;
	}
}

void fault_note(struct verifier *v, uint32_t insn, const char *fmt, va_list ap)
{
	struct verifier_fault *f = &v->report->fault;
	const char *at = fmt, *end;
	int64_t value;
	va_list args;

	/* Messages in a row belong together; of an older complaint nothing is kept. */
	if (f->insn != insn || !f->rule) {
		memset(f, 0, sizeof(*f));
		f->value.reg = -1;
	}
	f->rule = fmt;
	f->insn = insn;
	va_copy(args, ap);
	vsnprintf(f->msg, sizeof(f->msg), fmt, ap);
	for (; (at = strchr(at, '%')); at = end) {
		struct fault_fact fact = { .name = "" };

		if (!take_number(at, &args, &value, &end))
			continue;
		fact_name(fmt, at, fact.name, sizeof(fact.name));
		fact.value = value;
		if (!strcmp(fact.name, "R") && value >= 0 && value < SKEP_REG_CNT)
			f->value.reg = (int)value;
		else if (f->nr_facts < ARRAY_SIZE(f->fact))
			f->fact[f->nr_facts++] = fact;
	}
	va_end(args);
}

/* --- the value ------------------------------------------------------------------------------ */

/* Bytes from the pointer to the end of what it points into, at the least. */
static int64_t room_behind(const struct reg *r)
{
	const int64_t at = r->off + (r->n.full.smax >= 0 ? r->n.full.smax : 0);

	switch (base_type(r->type)) {
	case PTR_TO_STACK:
		return bounds_is_const(&r->n) ? -(r->off + r->n.full.smin) : -1;
	case PTR_TO_MAP_VALUE:
		return r->map ? r->map->value_size - at : -1;
	case PTR_TO_MAP_KEY:
		return r->map ? r->map->key_size - at : -1;
	case PTR_TO_MEM:
		return r->mem_size - at;
	case PTR_TO_PACKET:
		return r->range > 0 ? r->range - r->off : -1;
	default:
		return -1;
	}
}

static void take_value(const struct reg *r, int reg, struct fault_value *ret)
{
	*ret = (struct fault_value){
		.reg = reg, .type = r->type, .off = r->off, .n = r->n, .room = room_behind(r)
	};
	switch (base_type(r->type)) {
	case CONST_PTR_TO_MAP:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
		if (r->map)
			snprintf(ret->map, sizeof(ret->map), "%s", r->map->name);
		break;
	default:
		break;
	}
}

void fault_finish(struct verifier *v, int err)
{
	struct verifier_fault *f = &v->report->fault;

	f->err = err;
	if (!f->rule) {
		f->value.reg = -1;
		f->insn = v->diag->where == SKEP_AT_INSN ? (uint32_t)v->diag->index : FAULT_NO_INSN;
		snprintf(f->msg, sizeof(f->msg), "%s", v->diag->msg);
	}
	f->base.reg = -1;
	f->ref_insn = FAULT_NO_INSN;
	if (!v->st || !v->st->frame[0] || f->insn == FAULT_NO_INSN)
		return;
	f->in_region = v->st->rcu || v->st->preempt || v->st->locks || v->st->irq_id;
	if (v->st->refs.n)
		f->ref_insn = v->st->refs.at[v->st->refs.n - 1].insn;
	if (f->value.reg >= 0) {
		const int reg = f->value.reg;

		take_value(&cur_regs(v)[reg], reg, &f->value);
		/* A size follows the pointer to what it is the size of. */
		if (f->value.type == SCALAR_VALUE && reg > BPF_REG_1 && reg <= BPF_REG_5)
			take_value(&cur_regs(v)[reg - 1], reg - 1, &f->base);
	}
	trail_walk(v, f);
}
