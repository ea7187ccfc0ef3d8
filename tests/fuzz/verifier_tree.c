/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_tree.c - see verifier_tree.h
 */
#include "tests/fuzz/verifier_tree.h"

#include "base/alloc.h"
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

void tree_reset(struct tree *t, uint32_t max)
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
	t->empty = false;
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
	for (unsigned r = 0; r < SKEP_REG_CNT; r++)
		t->empty |= !feasible(&st->frame[st->cur]->reg[r]);
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
	return n == 0 || reg_fits(f, &s->reg, value);
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

bool tree_follow(struct tree *t, const struct machine *m, char *why, size_t n)
{
	uint32_t at[TREE_AT], nr = 0;

	snprintf(why, n, "no path leads here");
	for (uint32_t i = 0; i < t->nr_at; i++)
		for (uint32_t c = t->node[t->at[i]].first; c; c = t->node[c].next)
			if (t->node[c].insn == m->pc && nr < TREE_AT &&
			    node_fits(t, &t->node[c], m, why, n))
				at[nr++] = c;
	memcpy(t->at, at, nr * sizeof(*at));
	t->nr_at = nr;
	return nr > 0;
}
