/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.c - from the draft to the image: forms of jumps, alignment, distances.
 *
 *	draft	| bytes of frag 0 | bytes of frag 1 | ...
 *	image	| bytes of frag 0 | jump | nops | bytes of frag 1 | jump | ...
 *
 * A small loop is kept within one line of the caches of code and of decoded code: one that crosses
 * into a second takes up to twice as long.
 *
 * Every jump starts short and is made near when it does not reach; none is made short again, so
 * the search ends.  Where it has not ended after a few rounds, all become near.
 */
#include "jit/jit_int.h"

#define ROUNDS_MAX 8

uint32_t jit_begin_frag(struct jit *j, uint8_t align)
{
	uint32_t start = jit_here(j);
	struct jit_frag *f;

	if (j->nr_frags == 0 || j->frag[j->nr_frags - 1].start != start ||
	    j->frag[j->nr_frags - 1].cc != JIT_NO_JUMP)
		j->frag[j->nr_frags++] = (struct jit_frag){ .start = start, .cc = JIT_NO_JUMP };
	f = &j->frag[j->nr_frags - 1];
	f->align = MAX(f->align, align);
	return j->nr_frags - 1;
}

void jit_end_frag(struct jit *j, uint8_t cc, uint32_t target, uint8_t fused)
{
	struct jit_frag *f = &j->frag[j->nr_frags - 1];

	f->cc = cc;
	f->target = target;
	f->fused = fused;
	j->frag[j->nr_frags++] = (struct jit_frag){
		.start = jit_here(j),
		.cc = JIT_NO_JUMP,
	};
}

static uint32_t jump_bytes(const struct jit_target *t, const struct jit_frag *f)
{
	if (f->cc == JIT_NO_JUMP)
		return 0;
	if (f->cc == JIT_ALWAYS)
		return f->near ? t->jump_near : t->jump_short;
	return f->near ? t->jcc_near : t->jcc_short;
}

/* Bytes to put before the jump (and its compare) at the end of f, which is placed at f->pos. */
static uint32_t jump_pad(const struct jit_target *t, const struct jit_frag *f)
{
	uint32_t window = t->jump_window;
	uint32_t start = f->pos + (f[1].start - f[0].start) - f->fused;
	uint32_t end = start + f->fused + jump_bytes(t, f);

	if (window == 0 || f->cc == JIT_NO_JUMP || !((start ^ end) & ~(window - 1)))
		return 0;
	return ALIGN_UP(start, window) - start;
}

static uint32_t frag_end(const struct jit_target *t, const struct jit_frag *f)
{
	return f->pos + (f[1].start - f[0].start) + jump_pad(t, f) + jump_bytes(t, f);
}

/* Does the loop at f, were it placed at pos, cross a line into which it would fit? */
static bool loop_crosses(const struct jit *j, const struct jit_frag *f, uint32_t pos)
{
	const struct jit_frag *end = f + f->loop;
	uint32_t line = j->target->loop_line, size = 0;

	for (; f < end && size <= line; f++)
		size += f[1].start - f[0].start + jump_bytes(j->target, f);
	return line && size <= line && pos % line + size > line;
}

static void place(struct jit *j)
{
	uint32_t pos = 0;

	for (struct jit_frag *f = j->frag; f < j->frag + j->nr_frags; f++) {
		f->pos = f->align > 1 ? ALIGN_UP(pos, f->align) : pos;
		if (f->loop && loop_crosses(j, f, f->pos))
			f->pos = ALIGN_UP(f->pos, j->target->loop_line);
		pos = frag_end(j->target, f);
	}
	j->size = pos;
}

/* Makes jumps near that do not reach, or all; false: there was nothing to do. */
static bool widen(struct jit *j, bool all)
{
	const struct jit_target *t = j->target;
	bool changed = false;

	for (struct jit_frag *f = j->frag; f < j->frag + j->nr_frags; f++) {
		int64_t distance;

		if (f->cc == JIT_NO_JUMP || f->near)
			continue;
		distance = (int64_t)j->frag[f->target].pos - frag_end(t, f);
		if (all || distance < t->short_min || distance > t->short_max)
			f->near = changed = true;
	}
	return changed;
}

void jit_layout(struct jit *j)
{
	j->frag[j->nr_frags].start = jit_here(j);
	for (uint32_t i = 0; i < j->nr_frags; i++) {
		struct jit_frag *f = &j->frag[i];

		if (f->cc == JIT_NO_JUMP)
			continue;
		f->target = j->label[f->target];
		if (f->target <= i)
			j->frag[f->target].loop = i + 1 - f->target;
	}
	place(j);
	for (int round = 0; widen(j, round == ROUNDS_MAX); round++)
		place(j);
}

static void put_distance(uint8_t *p, int64_t distance)
{
	int32_t d = (int32_t)distance;

	assert(d == distance);
	memcpy(p, &d, sizeof(d));
}

static uint64_t reloc_address(const struct jit *j, const struct jit_reloc *r, const uint8_t *rx)
{
	uint32_t frag;

	if (r->to == JIT_TO_ADDR)
		return r->value;
	frag = r->to == JIT_TO_SUB ? j->sub[r->value].frag : j->sub[r->value].thunk;
	return (uintptr_t)rx + j->frag[frag].pos;
}

/* Writes the relocations of fragment f from *next on; `out` is where its bytes went. */
static void relocate(const struct jit *j, const struct jit_frag *f, const struct jit_reloc **next,
		     uint8_t *out, const uint8_t *rx)
{
	const struct jit_reloc *end = j->reloc + j->nr_relocs;

	for (; *next < end && (*next)->at < f[1].start; (*next)++) {
		const struct jit_reloc *r = *next;
		uint32_t at = r->at - f->start;
		uint64_t from = (uintptr_t)rx + f->pos + at + 4;

		put_distance(out + at, (int64_t)(reloc_address(j, r, rx) - from));
	}
}

void jit_copy(const struct jit *j, uint8_t *rw, const uint8_t *rx)
{
	const struct jit_target *t = j->target;
	const struct jit_reloc *next = j->reloc;
	uint32_t pos = 0;

	for (const struct jit_frag *f = j->frag; f < j->frag + j->nr_frags; f++) {
		const uint8_t *from = j->draft + f->start;
		uint32_t len = f[1].start - f[0].start, pad = jump_pad(t, f);
		uint32_t end = frag_end(t, f), jump = jump_bytes(t, f);

		if (f->pos > pos)
			t->put_nops(rw + pos, f->pos - pos);
		memcpy(rw + f->pos, from, len - f->fused);
		if (pad)
			t->put_nops(rw + f->pos + len - f->fused, pad);
		memcpy(rw + f->pos + len - f->fused + pad, from + len - f->fused, f->fused);
		relocate(j, f, &next, rw + f->pos, rx);
		if (jump)
			t->put_jump(rw + end - jump, f->cc, f->near,
				    (int32_t)(j->frag[f->target].pos - end));
		pos = end;
	}
}
