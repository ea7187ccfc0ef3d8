/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print_state.c - states as text, in the kernel's words (print_verifier_state() of
 * kernel/bpf/log.c).
 *
 * A state is one line: registers that were written, stack slots, references.  Behind an
 * instruction only what it touched is printed (v->touched); the line of the instruction is then
 * continued, at a column of its own.
 */
#include "verifier/objects.h"

#define COLUMN	   40 /* where the state behind an instruction begins at the earliest... */
#define COLUMN_MIN 8  /* ...and the step in which it moves on */

/* Numbers beyond 16 bits are easier to read in hexadecimal. */
static void put_unsigned(struct verifier_log *log, uint64_t n)
{
	verifier_log(log, n <= UINT16_MAX ? "%llu" : "%#llx", (unsigned long long)n);
}

static bool is_short(int64_t n)
{
	return n >= INT16_MIN && n <= INT16_MAX;
}

static void put_signed(struct verifier_log *log, int64_t n)
{
	verifier_log(log, is_short(n) ? "%lld" : "%#llx", (long long)n);
}

/* A 32-bit bound: negative ones are not extended in hexadecimal. */
static uint64_t low_bound(int64_t n)
{
	return is_short(n) ? (uint64_t)n : (uint32_t)n;
}

/* "smin=umin=1,smax=.." : bounds that say something, equal ones together. */
static void put_ranges(struct verifier_log *log, const struct bounds *n, const char **sep)
{
	struct {
		const char *name;
		uint64_t value;
		bool skip;
	} b[] = {
		{ "smin", (uint64_t)n->full.smin, n->full.smin == INT64_MIN },
		{ "smax", (uint64_t)n->full.smax, n->full.smax == INT64_MAX },
		{ "umin", n->full.umin, n->full.umin == 0 },
		{ "umax", n->full.umax, n->full.umax == UINT64_MAX },
		{ "smin32", low_bound(n->low.smin), n->low.smin == INT32_MIN },
		{ "smax32", low_bound(n->low.smax), n->low.smax == INT32_MAX },
		{ "umin32", n->low.umin, n->low.umin == 0 },
		{ "umax32", n->low.umax, n->low.umax == UINT32_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		const bool sign = b[i].name[0] == 's';
		const bool negative = sign && (int64_t)b[i].value < 0;

		if (b[i].skip)
			continue;
		verifier_log(log, "%s%s=", *sep, b[i].name);
		*sep = ",";
		for (size_t k = i + 2; k < ARRAY_SIZE(b); k += 2) {
			if (b[k].skip || b[k].value != b[i].value ||
			    negative != (b[k].name[0] == 's' && (int64_t)b[k].value < 0))
				continue;
			b[k].skip = true;
			verifier_log(log, "%s=", b[k].name);
		}
		if (sign)
			put_signed(log, (int64_t)b[i].value);
		else
			put_unsigned(log, b[i].value);
	}
}

/* "id=1,map=m,ks=4,vs=8,": what a pointer points to. */
static void put_target(struct verifier_log *log, const struct reg *r, const char **sep)
{
	const uint32_t type = base_type(r->type);

	if (type == CONST_PTR_TO_MAP || type == PTR_TO_MAP_KEY || type == PTR_TO_MAP_VALUE) {
		if (r->map->name[0])
			verifier_log(log, "%smap=%s", *sep, r->map->name);
		verifier_log(log, "%sks=%u,vs=%u", r->map->name[0] ? "," : *sep, r->map->key_size,
			     r->map->value_size);
		*sep = ",";
	}
	if (type != SCALAR_VALUE && r->off) {
		verifier_log(log, "%soff=", *sep);
		put_signed(log, r->off);
		*sep = ",";
	}
	if (reg_is_pkt(r)) {
		verifier_log(log, "%sr=", *sep);
		put_unsigned(log, (uint64_t)(int64_t)r->range);
		*sep = ",";
	}
	if (type == PTR_TO_MEM) {
		verifier_log(log, "%ssz=", *sep);
		put_unsigned(log, r->mem_size);
		*sep = ",";
	}
	if (type == CONST_PTR_TO_DYNPTR) {
		verifier_log(log, "%stype=%s", *sep, dynptr_text((enum dynptr_kind)r->dynptr));
		*sep = ",";
	}
}

static void put_reg(struct verifier *v, const struct frame *f, const struct reg *r)
{
	const bool scalar = r->type == SCALAR_VALUE, known = bounds_is_const(&r->n);
	struct verifier_log *log = v->log;
	const char *sep = "";

	verifier_log(log, "%s", scalar && r->precise ? "P" : "");
	if (scalar && known) {
		put_signed(log, (int64_t)r->n.bits.value);
		return;
	}
	verifier_log(log, "%s", TYPE_NAME(r->type));
	if (r->type == PTR_TO_ARENA)
		return;
	if (r->type == PTR_TO_STACK) {
		if (r->frame != f->no)
			verifier_log(log, "[%u]", r->frame);
		if (known) {
			put_signed(log, (int64_t)r->n.bits.value + r->off);
			return;
		}
	}
	if (base_type(r->type) == PTR_TO_BTF_ID)
		verifier_log(log, "%s", btf_ptr_reg_name(v, r));
	verifier_log(log, "(");
	if (r->id) {
		verifier_log(log, "id=%u", r->id & ~ID_ADD_CONST);
		sep = ",";
	}
	if (r->id & ID_ADD_CONST && scalar)
		verifier_log(log, "%+d", r->off);
	if (r->ref_id) {
		verifier_log(log, "%sref_obj_id=%u", sep, r->ref_id);
		sep = ",";
	}
	if (type_is_borrowed(r->type)) {
		verifier_log(log, "%snon_own_ref", sep);
		sep = ",";
	}
	put_target(log, r, &sep);
	if (known && r->n.bits.value) {
		verifier_log(log, "%simm=", sep);
		put_signed(log, (int64_t)r->n.bits.value);
	} else if (!known) {
		put_ranges(log, &r->n, &sep);
		if (!tnum_is_unknown(r->n.bits))
			verifier_log(log, "%svar_off=%s", sep, TNUM_TEXT(r->n.bits));
	}
	verifier_log(log, ")");
}

/* The letters of a slot's bytes, from the highest address down. */
static const char kind_letters[] = {
	[STACK_INVALID] = '?', [STACK_SPILL] = 'r',  [STACK_MISC] = 'm', [STACK_ZERO] = '0',
	[STACK_ITER] = 'i',    [STACK_DYNPTR] = 'd', [STACK_IRQ] = 'f',
};

/* An object is told of once, at its first slot. */
static void put_object(struct verifier *v, const struct slot *s, uint32_t n)
{
	const struct reg *r = &s->reg;
	const int off = -8 * (int)(n + 1);

	if (s->kind[7] == STACK_ITER && r->ref_id)
		verifier_log(v->log, " fp%d=iter_%s(ref_id=%u,state=%s,depth=%u)", off,
			     iter_text(v, r->btf_id), r->ref_id,
			     r->iter == ITER_ACTIVE ? "active" : "drained", r->iter_depth);
	if (s->kind[7] != STACK_DYNPTR || !r->first)
		return;
	verifier_log(v->log, " fp%d=dynptr_%s(", off, dynptr_text((enum dynptr_kind)r->dynptr));
	verifier_log(v->log, "id=%u", r->id);
	if (r->ref_id)
		verifier_log(v->log, ",ref_id=%u", r->ref_id);
	/* The kernel takes the mark of a first slot for an id. */
	verifier_log(v->log, ",dynptr_id=1)");
}

static void put_slot(struct verifier *v, const struct frame *f, uint32_t n)
{
	const struct slot *s = &f->slot[n];
	char bytes[9] = "";
	bool any = false;

	for (unsigned b = 0; b < 8; b++) {
		/* Of a spill, only what lies above it. */
		if (s->kind[b] == STACK_SPILL && s->kind[7] == STACK_SPILL)
			break;
		bytes[b] = kind_letters[s->kind[b]];
		any |= s->kind[b] != STACK_INVALID;
	}
	if (!any && s->kind[7] != STACK_SPILL)
		return;
	if (s->kind[7] == STACK_ITER || s->kind[7] == STACK_DYNPTR) {
		put_object(v, s, n);
		return;
	}
	verifier_log(v->log, " fp%d=%s", -8 * (int)(n + 1), bytes);
	if (s->kind[7] == STACK_SPILL)
		put_reg(v, f, &s->reg);
}

void print_frame(struct verifier *v, const struct vstate *st, uint32_t no, bool all)
{
	const struct frame *f = st->frame[no];

	if (no)
		verifier_log(v->log, " frame%u:", no);
	for (unsigned r = 0; r < SKEP_REG_CNT; r++) {
		if (f->reg[r].type == NOT_INIT || !(all || v->touched.regs >> r & 1))
			continue;
		verifier_log(v->log, " R%u=", r);
		put_reg(v, f, &f->reg[r]);
	}
	for (uint32_t n = 0; n < f->nr_slots; n++)
		if (all || v->touched.slots >> n & 1)
			put_slot(v, f, n);
	/* Locks of the one value of a map have no id; one that comes first hides the others. */
	for (size_t i = 0; i < st->refs.n && st->refs.at[0].id; i++)
		if (st->refs.at[i].id)
			verifier_log(v->log, "%s%u", i ? "," : " refs=", st->refs.at[i].id);
	verifier_log(v->log, f->callback ? " cb\n" : f->async ? " async_cb\n" : "\n");
	if (!all)
		v->touched.regs = v->touched.slots = 0;
}

void print_touched(struct verifier *v)
{
	const uint32_t line = v->insn_bytes;

	if (v->insn_end && v->insn_end == v->log->len) {
		const uint32_t at = MAX(line + COLUMN_MIN / 2, COLUMN);

		/* Nothing was said since: go on behind the instruction. */
		log_rewind(v->log, v->insn_end - 1);
		verifier_log(v->log, "%*c;", (int)(ALIGN_UP(at, COLUMN_MIN) - line - 1), ' ');
	} else {
		verifier_log(v->log, "%u:", v->i);
	}
	print_frame(v, v->st, v->st->cur, false);
}
