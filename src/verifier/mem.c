/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.c - loads and stores, by what the base register is: the context goes to ctx.c, the stack
 * to the slots; constant memory gives constants.
 */
#include "map/map.h"
#include "verifier/verifier_int.h"

/* Who accesses what. */
struct access {
	const struct val *base;
	unsigned reg;  /* that holds it */
	int off;       /* of the instruction */
	unsigned size; /* bytes */
	bool write;
};

/* What comes out of memory that nothing is known of. */
static struct val loaded(unsigned size)
{
	return val_of(size == 8 ? VAL_ANY : VAL_SCALAR);
}

void mem_stack_use(struct walk *w, const struct val *v, int64_t off)
{
	uint16_t *depth = &w->v->depth[v->sub];

	if (off < 0 && off >= -SKEP_STACK_MAX && -off > *depth)
		*depth = (uint16_t)-off;
}

/* The slots that [off, off + size) touches, both ends inside the frame, as bits. */
static uint64_t slots_of(int64_t off, unsigned size)
{
	unsigned first = (unsigned)(-off - 1) / 8;	       /* of the lowest byte */
	unsigned last = (unsigned)(-(off + size - 1) - 1) / 8; /* of the highest */

	return (first == SLOTS - 1 ? ~UINT64_C(0) : (UINT64_C(1) << (first + 1)) - 1) &
	       ~((UINT64_C(1) << last) - 1);
}

/* 0, or the kernel's error for a constant address: outside the frame, or not aligned. */
static int check_stack(struct walk *w, const struct access *a)
{
	int64_t low = a->base->off + a->off;

	if (low % (int64_t)a->size)
		return step_fail(w, -EACCES,
				 "misaligned stack access off (0x0; 0x0)+%lld+%d size %u",
				 (long long)a->base->off, a->off, a->size);
	if (low < -SKEP_STACK_MAX || low >= 0)
		return step_fail(w, -EACCES, "invalid %s stack R%u off=%lld size=%u",
				 a->write ? "write to" : "read from", a->reg, (long long)low,
				 a->size);
	mem_stack_use(w, a->base, low);
	return 0;
}

/* The slot that an aligned 8-byte access is, or -1. */
static int whole_slot(const struct access *a)
{
	int64_t low = a->base->off + a->off;

	return a->size == 8 && low % 8 == 0 ? (int)(-low / 8) - 1 : -1;
}

static int load_stack(struct walk *w, const struct access *a, struct val *ret)
{
	int slot = whole_slot(a);
	struct frame *f;
	int err = check_stack(w, a);

	if (err)
		return err;
	*ret = loaded(a->size);
	if (slot < 0)
		return 0;
	if (a->base->sub == w->sub) {
		*ret = slots_get(&w->st.slots, (unsigned)slot);
	} else {
		f = walk_frame(w, a->base->sub);
		if (!f)
			return -ENOMEM;
		*ret = slots_get(&f->in, (unsigned)slot);
	}
	if (ret->kind == VAL_UNINIT)
		ret->kind = VAL_ANY; /* the privileged may read what was never written */
	return 0;
}

static void forget(struct slots *s, uint64_t bits)
{
	s->written |= bits;
	s->tracked &= ~bits;
}

/* A callee stores into a frame of a caller. */
static int store_outer(struct walk *w, uint16_t sub, int slot, const struct val *v)
{
	struct frame *f = walk_frame(w, sub);
	struct slots now = { 0 };

	if (!f)
		return -ENOMEM;
	slots_set(&now, (unsigned)slot, v);
	if (now.tracked && slots_join(&f->out, &now))
		walk_frames_changed(w);
	return 0;
}

static int store_stack(struct walk *w, const struct access *a, const struct val *v)
{
	int slot = whole_slot(a);
	int err = check_stack(w, a);

	if (err)
		return err;
	if (a->base->sub != w->sub)
		return slot < 0 ? 0 : store_outer(w, a->base->sub, slot, v);
	if (slot < 0)
		forget(&w->st.slots, slots_of(a->base->off + a->off, a->size));
	else
		slots_set(&w->st.slots, (unsigned)slot, v);
	return 0;
}

void mem_clobber(struct walk *w, const struct val *v, uint32_t n)
{
	if (v->kind != VAL_STACK || v->sub != w->sub || v->off >= 0 || v->off < -SKEP_STACK_MAX ||
	    n == 0)
		return;
	forget(&w->st.slots, slots_of(v->off, MIN(n, (uint32_t)-v->off)));
}

/* A constant out of a map that nobody can write any more, as the kernel's bpf_map_is_rdonly(). */
static bool load_const(struct walk *w, const struct access *a, struct val *ret)
{
	struct skep_map *map = w->v->aux[a->base->insn].map;
	uint64_t addr = a->base->v + (uint64_t)(int64_t)a->off, v = 0;

	if (!map || !(map->flags & BPF_F_RDONLY_PROG) || !map->ops->contains ||
	    !atomic_load_explicit(&map->frozen, memory_order_acquire) ||
	    atomic_load_explicit(&map->writers, memory_order_acquire) ||
	    !map->ops->contains(map, addr, a->size))
		return false;
	memcpy(&v, (const void *)(uintptr_t)addr, a->size);
	if (BPF_MODE(w->v->insns[w->i].code) == BPF_MEMSX) {
		unsigned unused = 64 - 8 * a->size;

		v = (uint64_t)((int64_t)(v << unused) >> unused);
	}
	*ret = val_const(v);
	return true;
}

/* The context is only used as it came: r1 of the program, unmoved. */
static int check_ctx(struct walk *w, const struct access *a, const struct ctx_field **ret_field)
{
	int err;

	if (a->base->off == CTX_VAR)
		return step_fail(
			w, -EACCES,
			"variable ctx access var_off=(0x0; 0xffffffffffffffff) disallowed");
	if (a->base->off)
		return step_fail(w, -EACCES, "%s ptr R%u off=%lld disallowed",
				 a->base->off < 0 ? "negative offset ctx"
						  : "dereference of modified ctx",
				 a->reg, (long long)a->base->off);
	err = ctx_check(w->v, w->i, ret_field);
	if (!err)
		w->v->mark[w->i] |= MARK_CTX;
	return err;
}

static int load_ctx(struct walk *w, const struct access *a, struct val *ret)
{
	const struct ctx_field *field;
	int err = check_ctx(w, a, &field);

	if (err)
		return err;
	*ret = field->kind == CTX_SCALAR || field->kind == CTX_EXACT  ? val_of(VAL_SCALAR)
	       : field->kind == CTX_ARRAY || field->kind == CTX_WORDS ? loaded(a->size)
								      : val_of(VAL_ANY);
	return 0;
}

/* Kinds of base that need no more than a complaint or an error. */
static int check_other(struct walk *w, const struct access *a)
{
	if (a->base->kind == VAL_MIXED)
		return step_fail(w, -EINVAL, "same insn cannot be used with different pointers");
	if (val_is_number(a->base))
		step_complain(w, BAD_DEREF, a->reg);
	else if (a->base->kind == VAL_STACK_VAR)
		mem_stack_use(w, a->base, a->base->off + a->off);
	return 0;
}

static int load(struct walk *w, const struct access *a, struct val *ret)
{
	*ret = loaded(a->size);
	if (a->base->kind == VAL_CTX)
		return load_ctx(w, a, ret);
	if (a->base->kind == VAL_STACK)
		return load_stack(w, a, ret);
	if (a->base->kind == VAL_MEM && load_const(w, a, ret))
		return 0;
	return check_other(w, a);
}

static int store(struct walk *w, const struct access *a, const struct val *v)
{
	const struct ctx_field *field;

	if (a->base->kind == VAL_CTX)
		return check_ctx(w, a, &field);
	if (a->base->kind == VAL_STACK)
		return store_stack(w, a, v);
	return check_other(w, a);
}

int mem_load(struct walk *w)
{
	const struct bpf_insn *insn = &w->v->insns[w->i];
	const struct access a = {
		.base = step_read(w, insn->src_reg),
		.reg = insn->src_reg,
		.off = insn->off,
		.size = insn_mem_size(insn->code),
	};
	struct val v;
	int err = load(w, &a, &v);

	if (!err)
		step_write(w, insn->dst_reg, v);
	return err;
}

int mem_store(struct walk *w)
{
	const struct bpf_insn *insn = &w->v->insns[w->i];
	const struct val v = BPF_CLASS(insn->code) == BPF_STX
				     ? *step_read(w, insn->src_reg)
				     : val_const((uint64_t)(int64_t)insn->imm);
	const struct access a = {
		.base = step_read(w, insn->dst_reg),
		.reg = insn->dst_reg,
		.off = insn->off,
		.size = insn_mem_size(insn->code),
		.write = true,
	};

	return store(w, &a, &v);
}

int mem_atomic(struct walk *w)
{
	const struct bpf_insn *insn = &w->v->insns[w->i];
	const bool acquire = insn->imm == BPF_LOAD_ACQ, release = insn->imm == BPF_STORE_REL;
	const struct access a = {
		.reg = acquire ? insn->src_reg : insn->dst_reg,
		.base = step_read(w, acquire ? insn->src_reg : insn->dst_reg),
		.off = insn->off,
		.size = insn_mem_size(insn->code),
		.write = !acquire,
	};
	struct val v = val_of(VAL_ANY);
	int err;

	if (a.base->kind == VAL_CTX)
		return step_fail(w, -EACCES, "BPF_ATOMIC %s R%u ctx is not allowed",
				 acquire ? "loads from" : "stores into", a.reg);
	if (!acquire)
		v = *step_read(w, insn->src_reg);
	if (insn->imm == BPF_CMPXCHG)
		step_read(w, BPF_REG_0);
	if (acquire) {
		err = load(w, &a, &v);
	} else {
		if (!release)
			v = loaded(a.size);
		err = store(w, &a, &v);
		v = loaded(a.size);
	}
	if (err || release)
		return err;
	if (acquire)
		step_write(w, insn->dst_reg, v);
	else if (insn->imm == BPF_CMPXCHG)
		step_write(w, BPF_REG_0, v);
	else if (insn->imm & BPF_FETCH)
		step_write(w, insn->src_reg, v);
	return 0;
}
