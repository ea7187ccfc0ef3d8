/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - the stack as memory: spills and fills, and what else is stored there.
 *
 * Offsets count from r10 and are negative.  Byte b of slot n, n = (-off - 1) / 8, is at kind[b];
 * within a slot, byte -off - 1 grows downwards, so that the byte at r10 - 8 * n - 8 is kind[7]
 * and a spill of four bytes to r10 - 8 fills kind[7] to kind[4]:
 *
 *	off    -8   -7   -6   -5   -4   -3   -2   -1
 *	kind    7    6    5    4    3    2    1    0
 */
#include "verifier/objects.h"

static struct frame *frame_of(struct verifier *v, const struct reg *ptr)
{
	return v->st->frame[ptr->frame];
}

static unsigned slot_no(int off)
{
	return (unsigned)(-off - 1) / 8;
}

static uint8_t *byte_kind(struct frame *f, int off)
{
	return &f->slot[slot_no(off)].kind[(unsigned)(-off - 1) % 8];
}

static bool slot_is_spill(const struct slot *s)
{
	return s->kind[7] == STACK_SPILL;
}

/* Bytes of the spill, counted from the top. */
static unsigned spill_size(const struct slot *s)
{
	unsigned n = 0;

	while (n < 8 && s->kind[7 - n] == STACK_SPILL)
		n++;
	return n;
}

/* Do size bytes hold all of the number? */
static bool fits_in(const struct reg *r, unsigned size)
{
	return size >= 8 || r->n.full.umax >> size * 8 == 0;
}

/* Nothing of a spill or of an object is left once part of it is overwritten. */
static void scrub(struct slot *s)
{
	for (unsigned b = 0; b < 8; b++)
		if (s->kind[b] == STACK_SPILL || s->kind[b] >= STACK_ITER)
			s->kind[b] = STACK_MISC;
}

static void note_depth(struct verifier *v, const struct frame *f, int64_t off)
{
	if (v->depth[f->sub] < -off)
		v->depth[f->sub] = (uint16_t)-off;
}

int stack_bounds(struct verifier *v, uint32_t n, int off, int size, enum access rw)
{
	const char *what = rw == ACCESS_READ ? "read from" : "write to";
	const struct reg *r = &cur_regs(v)[n];
	const bool fixed = bounds_is_const(&r->n);
	int64_t min = r->n.full.smin + off, max = r->n.full.smax + off + size;
	const int64_t limit = rw == ACCESS_WRITE || v->opts->rights.allow_uninit_stack
				      ? -SKEP_STACK_MAX
				      : -(int64_t)frame_of(v, r)->nr_slots * 8;

	if (!fixed && (r->n.full.smax >= VAR_OFF_MAX || r->n.full.smin <= -VAR_OFF_MAX))
		return fail(v, -EACCES, "invalid unbounded variable-offset %s stack R%u", what, n);
	if (min < limit || max > 0) {
		const int err = min < limit || min >= 0 ? -EACCES : -EINVAL;

		if (fixed)
			return fail(v, err, "invalid %s stack R%u off=%lld size=%d", what, n,
				    (long long)r->n.full.smin + off, size);
		return fail(v, err,
			    "invalid variable-offset %s stack R%u var_off=%s off=%d size=%d", what,
			    n, TNUM_TEXT(r->n.bits), off, size);
	}
	note_depth(v, frame_of(v, r), min);
	return frame_grow(frame_of(v, r), (uint32_t)-min);
}

/* --- stores --------------------------------------------------------------------------------- */

/* Puts r, cut to size bytes, into the slot whose top bytes these are. */
static void spill(struct slot *s, const struct reg *r, unsigned size)
{
	scrub(s);
	s->reg = *r;
	memset(&s->kind[8 - size], STACK_SPILL, size);
	if (size < 8)
		bounds_zext(&s->reg.n, size * 8);
}

/* What the store instruction at hand stores: a register, or its immediate. */
static const struct reg *stored(struct verifier *v, int value, struct reg *imm)
{
	const struct bpf_insn *insn = &v->insns[v->i];

	if (value >= 0)
		return &cur_regs(v)[value];
	if (BPF_CLASS(insn->code) != BPF_ST)
		return NULL;
	reg_known(imm, (uint64_t)(int64_t)insn->imm);
	return imm;
}

static int spill_value(struct verifier *v, struct frame *f, int off, unsigned size, int value,
		       const struct reg *r)
{
	struct slot *s = &f->slot[slot_no(off)];
	const bool fits = fits_in(r, size);

	if (value >= 0 && fits)
		reg_link(v, &cur_regs(v)[value]);
	spill(s, r, size);
	if (!fits)
		s->reg.id = 0;
	return hist_push(v, v->st, HIST_STACK, f->no, slot_no(off), 0);
}

/* Bytes that are not a register: zero where that is known. */
static int write_bytes(struct verifier *v, struct frame *f, int off, unsigned size, int value,
		       const struct reg *r)
{
	struct slot *s = &f->slot[slot_no(off)];
	const bool zero = r && reg_is_null(r);

	scrub(s);
	for (unsigned b = 0; b < size; b++)
		*byte_kind(f, off + (int)b) = zero ? STACK_ZERO : STACK_MISC;
	/* Zero bytes are not followed back: the number must be right from here on. */
	return zero && value >= 0 ? precise_mark(v, (uint32_t)value) : 0;
}

/* A load of what the slot held before could overtake this store. */
static bool overtaken(const struct verifier *v, struct frame *f, int off, unsigned size,
		      const struct reg *r)
{
	bool plain = !r || r->type == SCALAR_VALUE;

	if (v->opts->rights.bypass_spec_v4)
		return false;
	for (unsigned b = 0; b < size && plain; b++) {
		const uint8_t kind = *byte_kind(f, off + (int)b);

		plain = kind == STACK_MISC || kind == STACK_ZERO;
	}
	return !plain;
}

static int write_fixed(struct verifier *v, struct frame *f, int off, unsigned size, int value)
{
	struct slot *s = &f->slot[slot_no(off)];
	struct reg imm;
	const struct reg *r = stored(v, value, &imm);
	const bool aligned = off % 8 == 0;
	int err;

	if (!v->opts->rights.allow_ptr_leaks && slot_is_spill(s) && s->reg.type != SCALAR_VALUE &&
	    size != 8)
		return fail(v, -EACCES, "attempt to corrupt spilled pointer on stack");
	v->aux[v->i].barrier_after |= overtaken(v, f, off, size, r);
	err = dynptr_overwrite(v, f, slot_no(off));
	if (err)
		return err;
	touch_slot(v, slot_no(off));
	fastcall_access(v, f->sub, off);
	if (r && aligned && r->type == SCALAR_VALUE && v->opts->rights.bpf_capable)
		return spill_value(v, f, off, size, value, r);
	if (!r || r->type == SCALAR_VALUE)
		return write_bytes(v, f, off, size, value, r);
	if (size != 8)
		return fail(v, -EACCES, "invalid size of register spill");
	if (f != cur_frame(v) && r->type == PTR_TO_STACK)
		return fail(v, -EINVAL,
			    "cannot spill pointers to stack into stack frame of the caller");
	return spill_value(v, f, off, size, value, r);
}

/* Any of a range of bytes may be written: what is known of each must hold either way. */
static int write_variable(struct verifier *v, struct frame *f, const struct reg *ptr, int off,
			  unsigned size, int value)
{
	struct reg imm;
	const struct reg *r = stored(v, value, &imm);
	const bool zero = r && reg_is_null(r);
	const int64_t from = ptr->n.full.smin + off, to = ptr->n.full.smax + off + (int)size;
	bool zero_used = false;
	int err = 0;

	for (int64_t o = from; o < to && !err; o++)
		err = dynptr_overwrite(v, f, slot_no((int)o));
	if (err)
		return err;
	fastcall_access(v, f->sub, (int)from);
	for (int64_t o = from; o < to; o++) {
		struct slot *s = &f->slot[slot_no((int)o)];
		uint8_t *kind = byte_kind(f, (int)o);

		touch_slot(v, slot_no((int)o));
		if (!v->opts->rights.allow_ptr_leaks && *kind != STACK_MISC &&
		    *kind != STACK_ZERO) {
			if (*kind == STACK_INVALID)
				return fail(v, -EINVAL,
					    "uninit stack in range of var-offset write prohibited "
					    "for !root; insn %u, off: %lld",
					    v->i, (long long)o);
			return fail(v, -EINVAL,
				    "spilled ptr in range of var-offset stack write; insn %u, ptr "
				    "off: %lld",
				    v->i, (long long)o);
		}
		if (zero && *kind == STACK_SPILL && reg_is_null(&s->reg)) {
			zero_used = true;
			continue;
		}
		if (slot_is_spill(s) || slot_is_object(s))
			scrub(s);
		zero_used |= zero && *kind == STACK_ZERO;
		*kind = zero && *kind == STACK_ZERO ? STACK_ZERO : STACK_MISC;
	}
	return zero_used && value >= 0 ? precise_mark(v, (uint32_t)value) : 0;
}

int stack_write(struct verifier *v, uint32_t n, int off, unsigned size, int value)
{
	const struct reg *ptr = &cur_regs(v)[n];
	struct frame *f = frame_of(v, ptr);

	if (bounds_is_const(&ptr->n))
		return write_fixed(v, f, off + (int)ptr->n.full.smin, size, value);
	return write_variable(v, f, ptr, off, size, value);
}

/* --- loads ---------------------------------------------------------------------------------- */

/* May the byte be read as a number? */
static bool readable(const struct verifier *v, uint8_t kind)
{
	return kind == STACK_MISC || kind == STACK_ZERO ||
	       (kind == STACK_INVALID && v->opts->rights.allow_uninit_stack);
}

/* A register from bytes that are no spill. */
static void load_bytes(struct verifier *v, struct frame *f, int64_t from, int64_t to, int value)
{
	bool zero = true;

	for (int64_t o = from; o < to && zero; o++)
		zero = *byte_kind(f, (int)o) == STACK_ZERO;
	if (zero)
		reg_known(&cur_regs(v)[value], 0);
	else
		reg_unknown(v, &cur_regs(v)[value]);
}

/* A fill of another size than the spill: of its lowest bytes, or of a mixture. */
static int fill_part(struct verifier *v, struct frame *f, int off, unsigned size, int value)
{
	struct slot *s = &f->slot[slot_no(off)];
	const unsigned spilled = spill_size(s);
	unsigned from_spill = 0, zero = 0;
	struct reg *d;

	if (s->reg.type != SCALAR_VALUE)
		return fail(v, -EACCES, "invalid size of register fill");
	if (value < 0)
		return 0;
	d = &cur_regs(v)[value];
	if (size <= spilled && off % 8 == 0) {
		const bool fits = fits_in(&s->reg, size);

		*d = s->reg;
		if (!fits)
			d->id = d->off = 0;
		return hist_push(v, v->st, HIST_STACK, f->no, slot_no(off), 0);
	}
	for (unsigned b = 0; b < size; b++) {
		const uint8_t kind = *byte_kind(f, off + (int)b);

		from_spill += kind == STACK_SPILL;
		zero += kind == STACK_ZERO;
		if (kind != STACK_SPILL && !readable(v, kind))
			return fail(v, -EACCES, "invalid read from stack off %d+%u size %u", off, b,
				    size);
	}
	if (from_spill == size && reg_is_null(&s->reg)) {
		reg_known(d, 0);
		return hist_push(v, v->st, HIST_STACK, f->no, slot_no(off), 0);
	}
	if (zero == size)
		reg_known(d, 0);
	else
		reg_unknown(v, d);
	return 0;
}

static int read_fixed(struct verifier *v, struct frame *f, int off, unsigned size, int value)
{
	struct slot *s = &f->slot[slot_no(off)];

	touch_slot(v, slot_no(off));
	fastcall_access(v, f->sub, off);
	if (slot_is_spill(s)) {
		if (size != 8 || spill_size(s) != 8)
			return fill_part(v, f, off, size, value);
		if (value < 0)
			return reg_is_secret(v, &s->reg)
				       ? fail(v, -EACCES, "leaking pointer from stack off %d", off)
				       : 0;
		cur_regs(v)[value] = s->reg;
		return hist_push(v, v->st, HIST_STACK, f->no, slot_no(off), 0);
	}
	for (unsigned b = 0; b < size; b++)
		if (!readable(v, *byte_kind(f, off + (int)b)))
			return fail(v, -EACCES, "invalid read from stack off %d+%u size %u", off, b,
				    size);
	if (value >= 0)
		load_bytes(v, f, off, off + (int)size, value);
	return 0;
}

int stack_read(struct verifier *v, uint32_t n, int off, unsigned size, int value)
{
	const struct reg ptr = cur_regs(v)[n];
	int err;

	if (bounds_is_const(&ptr.n))
		return read_fixed(v, frame_of(v, &ptr), off + (int)ptr.n.full.smin, size, value);
	if (value < 0)
		return fail(v, -EACCES,
			    "variable offset stack pointer cannot be passed into helper function; "
			    "var_off=%s off=%d size=%u",
			    TNUM_TEXT(ptr.n.bits), off, size);
	fastcall_access(v, frame_of(v, &ptr)->sub, (int)ptr.n.full.smin + off);
	err = stack_range(v, n, off, (int)size, ACCESS_READ, false, NULL);
	if (!err)
		load_bytes(v, frame_of(v, &ptr), ptr.n.full.smin + off,
			   ptr.n.full.smax + off + (int)size, value);
	return err;
}

/* --- helpers -------------------------------------------------------------------------------- */

/* One byte that is read, or also written. */
static bool range_byte(struct verifier *v, struct frame *f, int off, bool written)
{
	struct slot *s = &f->slot[slot_no(off)];
	uint8_t *kind = byte_kind(f, off);

	if (*kind == STACK_MISC)
		return true;
	if (readable(v, *kind)) {
		if (written)
			*kind = STACK_MISC;
		return true;
	}
	if (*kind != STACK_SPILL ||
	    (s->reg.type != SCALAR_VALUE && !v->opts->rights.allow_ptr_leaks))
		return false;
	if (written) {
		reg_unknown(v, &s->reg);
		scrub(s);
	}
	return true;
}

/* A helper that fills memory byte by byte must not meet a dynptr, perhaps its own argument. */
static int raw_range(struct verifier *v, const struct reg *r, int off, int size)
{
	struct frame *f = frame_of(v, r);
	const int from = (int)r->n.full.smin + off;

	for (int o = from; o < from + size; o++)
		if (*byte_kind(f, o) == STACK_DYNPTR)
			return fail(v, -EACCES, "potential write to dynptr at off=%d disallowed",
				    o);
	return 0;
}

int stack_range(struct verifier *v, uint32_t n, int off, int size, enum access rw, bool zero_ok,
		bool *raw)
{
	const struct reg *r = &cur_regs(v)[n];
	const bool fixed = bounds_is_const(&r->n);
	int err;

	if (size == 0 && !zero_ok)
		return fail(v, -EACCES, "invalid zero-sized read");
	err = stack_bounds(v, n, off, size, rw);
	if (err)
		return err;
	if (!fixed && !v->opts->rights.bypass_spec_v1)
		return fail(v, -EACCES,
			    "R%u variable offset stack access prohibited for !root, var_off=%s", n,
			    TNUM_TEXT(r->n.bits));
	if (raw && *raw && fixed)
		return raw_range(v, r, off, size);
	if (raw)
		*raw = false;
	for (int64_t o = r->n.full.smin + off; o < r->n.full.smax + off + size; o++) {
		const int at = (int)(o - r->n.full.smin - off);

		if (range_byte(v, frame_of(v, r), (int)o, rw == ACCESS_WRITE))
			continue;
		if (fixed)
			return fail(v, -EACCES, "invalid read from stack R%u off %lld+%d size %d",
				    n, (long long)r->n.full.smin + off, at, size);
		return fail(v, -EACCES, "invalid read from stack R%u var_off %s+%d size %d", n,
			    TNUM_TEXT(r->n.bits), at, size);
	}
	return 0;
}
