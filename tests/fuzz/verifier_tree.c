/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_tree.c - see verifier_tree.h
 */
#include "tests/fuzz/verifier_tree.h"

#include "base/alloc.h"
#include "tests/harness/eval.h"
#include "verifier/verifier_int.h"

#include <stdio.h>
#include <stdlib.h>

#define TREE_BYTES ((size_t)48 << 20)

void machine_start(struct machine *m, const struct xdp_ctx *ctx, const struct skep_prog *p)
{
	memset(m, 0, offsetof(struct machine, frame[1]));
	memset(m->frame[0].stack, 0xa5, sizeof(m->frame[0].stack));
	m->cur = m->pc = m->nr_values = 0;
	m->ctx = ctx;
	m->frame[0].reg[1] = (uintptr_t)ctx;
	m->frame[0].reg[10] = (uintptr_t)m->frame[0].stack + SKEP_STACK_MAX;
	for (unsigned r = 2; r < 10; r++)
		m->frame[0].reg[r] = r * UINT64_C(0x123456789abcdef);
}

void machine_value(struct machine *m, uint64_t at, const struct skep_map *map)
{
	for (uint32_t i = 0; i < m->nr_values; i++)
		if (m->value[i].at == at)
			return;
	if (m->nr_values == MACHINE_VALUES)
		abort();
	m->value[m->nr_values].at = at;
	m->value[m->nr_values++].map = map;
}

/* --- the tree --------------------------------------------------------------------------------- */

void tree_reset(struct tree *t, const struct bpf_insn *insns, uint32_t max)
{
	if (!t->mem) {
		t->mem = malloc(TREE_BYTES);
		t->node = calloc(max + 1, sizeof(*t->node));
		if (!t->mem || !t->node)
			abort();
	}
	t->max = max;
	t->node[0] = (struct node){ .insn = NOWHERE };
	t->nr = 1;
	t->used = 0;
	t->empty = t->leaks = false;
	t->insns = insns;
}

static void keep(struct tree *t, const void *what, size_t n)
{
	if (n)
		memcpy(t->mem + t->used, what, n);
	t->used += n;
}

/* The ranges agree with one another, and with the bits. */
static bool feasible(const struct reg *r)
{
	struct bounds b = r->n;

	bounds_sync(&b);
	return r->type != SCALAR_VALUE || bounds_sane(&b);
}

static bool is_pointer(const struct reg *r)
{
	return r->type != SCALAR_VALUE && r->type != NOT_INIT;
}

/* A helper gets a pointer to bytes of stack that hold an address. */
static bool passes_address(const struct vstate *st)
{
	for (unsigned n = BPF_REG_1; n <= BPF_REG_5; n++) {
		const struct reg *r = &st->frame[st->cur]->reg[n];
		const struct frame *f = r->type == PTR_TO_STACK ? st->frame[r->frame] : NULL;

		for (uint32_t s = 0; f && s < f->nr_slots; s++)
			if (f->slot[s].kind[7] == STACK_SPILL && is_pointer(&f->slot[s].reg))
				return true;
	}
	return false;
}

/*
 * Bytes of the stack that were never written: compiled code runs on the machine's, where helpers
 * that were called before left what they had.
 */
static bool reads_unwritten(const struct vstate *st, const struct reg *r, int off, unsigned n)
{
	const struct frame *f = st->frame[r->frame];

	if (r->type != PTR_TO_STACK || !bounds_is_const(&r->n))
		return r->type == PTR_TO_STACK;
	for (unsigned i = 0; i < n; i++) {
		const int64_t at = -(r->n.full.smin + r->off + off + (int64_t)i) - 1;

		if (at < 0 || (uint64_t)at / 8 >= f->nr_slots ||
		    f->slot[at / 8].kind[at % 8] == STACK_INVALID)
			return true;
	}
	return false;
}

/* The instruction makes a number of an address: elsewhere, or in another engine, another one. */
static bool leaks(const struct vstate *st, const struct bpf_insn *in)
{
	const struct reg *dst = &st->frame[st->cur]->reg[in->dst_reg];
	const struct reg *src = &st->frame[st->cur]->reg[in->src_reg];
	const bool uses_src = BPF_SRC(in->code) == BPF_X && is_pointer(src);

	switch (BPF_CLASS(in->code)) {
	case BPF_LDX:
		return reads_unwritten(st, src, in->off, insn_mem_size(in->code));
	case BPF_STX:
		return is_pointer(src) &&
		       (dst->type != PTR_TO_STACK || BPF_SIZE(in->code) != BPF_DW);
	case BPF_ALU:
		return is_pointer(dst) || uses_src;
	case BPF_ALU64:
		if (BPF_OP(in->code) == BPF_MOV)
			return uses_src && in->off; /* its sign is extended */
		return ((is_pointer(dst) && uses_src) ||
			((is_pointer(dst) || uses_src) && BPF_OP(in->code) != BPF_ADD &&
			 BPF_OP(in->code) != BPF_SUB));
	case BPF_JMP:
		if (BPF_OP(in->code) == BPF_CALL)
			return in->src_reg == 0 && passes_address(st);
		if (BPF_OP(in->code) == BPF_EXIT)
			return is_pointer(&st->frame[st->cur]->reg[BPF_REG_0]);
		/* Where a packet ends and what is NULL is the same everywhere. */
		return (is_pointer(dst) || uses_src) && !(is_pointer(dst) && uses_src) &&
		       !(BPF_SRC(in->code) == BPF_K && in->imm == 0);
	default:
		return false;
	}
}

static bool splits(const struct bpf_insn *in)
{
	const uint8_t op = BPF_OP(in->code);

	return (BPF_CLASS(in->code) == BPF_JMP || BPF_CLASS(in->code) == BPF_JMP32) &&
	       op != BPF_JA && op != BPF_CALL && op != BPF_EXIT && op != BPF_JCOND && in->off;
}

/* A number is known now that it could not be before the jump; a link to another may teach so. */
static bool is_new(const struct tree *t, const struct vstate *st, const struct node *from)
{
	const struct frame *was = (const void *)(t->mem + from->frames);
	const struct reg *now = st->frame[0]->reg;

	for (unsigned r = 0; r < SKEP_REG_CNT && !from->cur; r++)
		if (was->reg[r].type == SCALAR_VALUE && now[r].type == SCALAR_VALUE &&
		    bounds_is_const(&now[r].n) &&
		    !bounds_contain(&was->reg[r].n, now[r].n.full.umin))
			return true;
	return false;
}

/*
 * What is known behind a jump says that it went the other way, or could not be: no machine gets
 * here.  (Where bits and ranges have no number in common, the kernel goes on with one of them.)
 */
static bool contradicts(const struct tree *t, const struct vstate *st, uint32_t from, uint32_t at)
{
	const struct bpf_insn *in = &t->insns[t->node[from].insn];
	const struct reg *reg = st->frame[st->cur]->reg, *d, *s;
	uint64_t regs[SKEP_REG_CNT];

	if (t->node[from].insn == NOWHERE || !splits(in))
		return false;
	if (is_new(t, st, &t->node[from]))
		return true;
	d = &reg[in->dst_reg];
	s = &reg[in->src_reg];

	if (d->type != SCALAR_VALUE || !bounds_is_const(&d->n) ||
	    (BPF_SRC(in->code) == BPF_X && (s->type != SCALAR_VALUE || !bounds_is_const(&s->n))))
		return false;
	regs[in->src_reg] = s->n.full.umin;
	regs[in->dst_reg] = d->n.full.umin;
	return eval_taken(in, regs) != (at != t->node[from].insn + 1);
}

uint32_t tree_observe(void *tree, const struct vstate *st, uint32_t insn, uint32_t from)
{
	struct tree *t = tree;
	struct node *node = &t->node[t->nr];

	if (t->nr == t->max || TREE_BYTES - t->used < SKEP_FRAMES_MAX * 64 * sizeof(struct slot))
		return OBSERVED_ENOUGH;
	*node = (struct node){
		.insn = insn,
		.next = t->node[from].first,
		.cur = st->cur,
		.frames = (uint32_t)t->used,
	};
	t->node[from].first = t->nr;
	t->leaks |= leaks(st, &t->insns[insn]);
	for (unsigned r = 0; r < SKEP_REG_CNT; r++)
		t->empty |= !feasible(&st->frame[st->cur]->reg[r]);
	t->empty |= contradicts(t, st, from, insn);
	for (uint32_t f = 0; f <= st->cur; f++) {
		keep(t, st->frame[f], sizeof(*st->frame[f]));
		keep(t, st->frame[f]->slot, st->frame[f]->nr_slots * sizeof(struct slot));
	}
	return t->nr++;
}

/* --- does a state allow the machine? ---------------------------------------------------------- */

#define LINKS 64

struct fit {
	const struct machine *m;
	char *why;
	size_t n;
	uint32_t nr_links;
	struct {
		uint32_t id;
		uint64_t value; /* of what the registers with this id share */
	} link[LINKS];
};

/* In another object of the kind: where it begins. */
static bool offset_fits(const struct reg *r, uint64_t value, uint64_t base)
{
	return bounds_contain(&r->n, value - base - (uint64_t)(int64_t)r->off);
}

static bool packet_fits(const struct fit *f, const struct reg *r, uint64_t value)
{
	const uint64_t data = (uintptr_t)f->m->ctx->data, end = (uintptr_t)f->m->ctx->data_end;

	if (!offset_fits(r, value, data))
		return false;
	if (r->range < 0)
		return r->range == AT_PKT_END ? value >= end : value > end;
	return r->range == 0 || value - (uint64_t)(int64_t)r->off + (uint64_t)r->range <= end;
}

static bool value_fits(const struct fit *f, const struct reg *r, uint64_t value)
{
	for (uint32_t i = 0; i < f->m->nr_values; i++)
		if (f->m->value[i].map == r->map && offset_fits(r, value, f->m->value[i].at))
			return true;
	return false;
}

static bool link_fits(struct fit *f, const struct reg *r, uint64_t value)
{
	const uint32_t id = r->id & ~ID_ADD_CONST;

	if (r->id & ID_ADD_CONST)
		value -= (uint64_t)(int64_t)r->off;
	if (r->id & ID_ADD_32)
		value = (uint32_t)value;
	for (uint32_t i = 0; id && i < f->nr_links; i++)
		if (f->link[i].id == id)
			return f->link[i].value == value;
	if (id && f->nr_links < LINKS) {
		f->link[f->nr_links].id = id;
		f->link[f->nr_links++].value = value;
	}
	return true;
}

static bool reg_fits(struct fit *f, const struct reg *r, uint64_t value)
{
	if (may_be_null(r->type) && value == 0)
		return true;
	switch (base_type(r->type)) {
	case SCALAR_VALUE:
		return bounds_contain(&r->n, value) && link_fits(f, r, value);
	case PTR_TO_CTX:
		return offset_fits(r, value, (uintptr_t)f->m->ctx);
	case CONST_PTR_TO_MAP:
		return offset_fits(r, value, (uintptr_t)r->map);
	case PTR_TO_MAP_VALUE:
		return value_fits(f, r, value);
	case PTR_TO_STACK:
		return offset_fits(r, value, f->m->frame[r->frame].reg[10]);
	case PTR_TO_PACKET:
		return packet_fits(f, r, value);
	case PTR_TO_PACKET_END:
		return value == (uintptr_t)f->m->ctx->data_end;
	default:
		return true;
	}
}

/* A dynptr of that kind, or none. */
static bool dynptr_fits(const struct reg *r, const uint8_t *bytes)
{
	struct dynptr_kern d;

	memcpy(&d, bytes, sizeof(d));
	return !r->first || !d.data || dynptr_kind(&d) == r->dynptr;
}

static bool slot_fits(struct fit *f, const struct slot *s, const uint8_t *bytes)
{
	uint64_t value = 0;
	unsigned n = 0;

	for (unsigned b = 0; b < 8; b++)
		if (s->kind[7 - b] == STACK_ZERO && bytes[b])
			return false;
	while (n < 8 && s->kind[7 - n] == STACK_SPILL)
		n++;
	memcpy(&value, bytes, n);
	if (s->kind[7] == STACK_DYNPTR)
		return dynptr_fits(&s->reg, bytes);
	if (n == 0 || n == 8 || s->reg.type != SCALAR_VALUE)
		return n == 0 || reg_fits(f, &s->reg, value);

	/* The slot knows the whole register; its memory has the low bytes. */
	struct reg low = s->reg;

	bounds_zext(&low.n, n * 8);
	return reg_fits(f, &low, value);
}

static void say(const struct fit *f, uint32_t frame, const char *what, uint32_t n,
		const struct reg *r, uint64_t value)
{
	snprintf(f->why, f->n,
		 "frame %u %s%u is %#llx; known: %s off %d range %d id %#x bits (%#llx; %#llx) "
		 "u [%#llx, %#llx] s [%lld, %lld] u32 [%#llx, %#llx] s32 [%lld, %lld]",
		 frame, what, n, (long long)value, TYPE_NAME(r->type), r->off, r->range, r->id,
		 (long long)r->n.bits.value, (long long)r->n.bits.mask, (long long)r->n.full.umin,
		 (long long)r->n.full.umax, (long long)r->n.full.smin, (long long)r->n.full.smax,
		 (long long)r->n.low.umin, (long long)r->n.low.umax, (long long)r->n.low.smin,
		 (long long)r->n.low.smax);
}

static bool frame_fits(struct fit *fit, const struct frame *f, const struct slot *slot)
{
	const struct mframe *mf = &fit->m->frame[f->no];

	if (f->no && (f->callsite != mf->callsite || f->sub != mf->sub)) {
		snprintf(fit->why, fit->n, "called from %u, known: %u", mf->callsite, f->callsite);
		return false;
	}
	for (unsigned r = 0; r < SKEP_REG_CNT; r++) {
		if (reg_fits(fit, &f->reg[r], mf->reg[r]))
			continue;
		say(fit, f->no, "r", r, &f->reg[r], mf->reg[r]);
		return false;
	}
	for (uint32_t n = 0; n < f->nr_slots; n++) {
		const uint8_t *bytes = mf->stack + SKEP_STACK_MAX - 8 * (n + 1);
		uint64_t value;

		if (slot_fits(fit, &slot[n], bytes))
			continue;
		memcpy(&value, bytes, 8);
		say(fit, f->no, "fp-", 8 * (n + 1), &slot[n].reg, value);
		return false;
	}
	return true;
}

static bool node_fits(const struct tree *t, const struct node *node, const struct machine *m,
		      char *why, size_t n)
{
	struct fit fit = { .m = m, .why = why, .n = n };
	const uint8_t *at = t->mem + node->frames;

	if (node->cur != m->cur) {
		snprintf(why, n, "in frame %u, known: %u", m->cur, node->cur);
		return false;
	}
	for (uint32_t i = 0; i <= node->cur; i++) {
		struct frame f;

		memcpy(&f, at, sizeof(f));
		at += sizeof(f);
		if (!frame_fits(&fit, &f, (const struct slot *)(const void *)at))
			return false;
		at += f.nr_slots * sizeof(struct slot);
	}
	return true;
}

void tree_start(struct tree *t)
{
	t->at[0] = 0;
	t->nr_at = 1;
}

/* The paths that the verifier makes of one where an instruction is taken twice: fork_sign(). */
static uint32_t follow_forks(const struct tree *t, const struct machine *m, uint32_t *at,
			     uint32_t nr, char *why, size_t n)
{
	const uint8_t class = BPF_CLASS(t->insns[m->pc].code);

	for (uint32_t i = 0; i < nr && (class == BPF_ALU || class == BPF_ALU64); i++)
		for (uint32_t c = t->node[at[i]].first; c; c = t->node[c].next)
			if (t->node[c].insn == m->pc && nr < TREE_AT &&
			    node_fits(t, &t->node[c], m, why, n))
				at[nr++] = c;
	return nr;
}

bool tree_follow(struct tree *t, const struct machine *m, char *why, size_t n)
{
	uint32_t at[TREE_AT], nr = 0;

	snprintf(why, n, "no path leads here");
	for (uint32_t i = 0; i < t->nr_at; i++)
		for (uint32_t c = t->node[t->at[i]].first; c; c = t->node[c].next)
			if (t->node[c].insn == m->pc && nr < TREE_AT &&
			    node_fits(t, &t->node[c], m, why, n))
				at[nr++] = c;
	nr = follow_forks(t, m, at, nr, why, n);
	memcpy(t->at, at, nr * sizeof(*at));
	t->nr_at = nr;
	return nr > 0;
}
