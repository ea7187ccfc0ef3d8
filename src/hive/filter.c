/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c - see filter.h */
#include "hive/filter.h"

#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* --- ours ------------------------------------------------------------------------------------- */

struct own_call {
	int32_t nr;
	bool may_fail;
	int8_t arg; /* the argument that is known; -1: none */
	uint64_t value;
};

static const struct own_call own[] = {
#define OWN_CALL(name, may_fail)		  { SYS_##name, may_fail, -1, 0 },
#define OWN_CALL_WITH(name, may_fail, arg, value) { SYS_##name, may_fail, arg, value },
#include "hive/own.def"
#undef OWN_CALL
#undef OWN_CALL_WITH
};

/* --- would the kernel take it? ---------------------------------------------------------------- */

/* Operations that a filter may have, as the kernel's check lists them; sources are bits of these.
 */
static bool is_alu(uint16_t op)
{
	return op <= BPF_XOR && op != BPF_MOD;
}

static bool is_load(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return i->k < sizeof(struct seccomp_data) && i->k % 4 == 0;
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

static bool is_computed(const struct sock_filter *i)
{
	const uint16_t op = BPF_OP(i->code);
	const bool by_k = BPF_SRC(i->code) == BPF_K;

	if (i->code & ~(BPF_ALU | 0xf0 | BPF_X) || !is_alu(op))
		return false;
	if (op == BPF_NEG)
		return by_k;
	if (by_k && op == BPF_DIV)
		return i->k != 0;
	return !(by_k && (op == BPF_LSH || op == BPF_RSH)) || i->k < 32;
}

/* Jumps lead forward, and not out of it. */
static bool is_jump(const struct sock_filter *i, uint32_t left)
{
	const uint16_t op = BPF_OP(i->code);

	if (i->code == (BPF_JMP | BPF_JA))
		return i->k < left;
	return !(i->code & ~(BPF_JMP | 0xf0 | BPF_X)) && op >= BPF_JEQ && op <= BPF_JSET &&
	       i->jt < left && i->jf < left;
}

static bool is_return(const struct sock_filter *i)
{
	return i->code == (BPF_RET | BPF_K) || i->code == (BPF_RET | BPF_A);
}

static bool is_taken(const struct sock_filter *insn, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct sock_filter *s = &insn[i];
		bool ok;

		switch (BPF_CLASS(s->code)) {
		case BPF_ALU:
			ok = is_computed(s);
			break;
		case BPF_JMP:
			ok = is_jump(s, n - i - 1);
			break;
		case BPF_RET:
			ok = is_return(s);
			break;
		case BPF_MISC:
			ok = s->code == (BPF_MISC | BPF_TAX) || s->code == (BPF_MISC | BPF_TXA);
			break;
		default:
			ok = is_load(s);
			break;
		}
		if (!ok)
			return false;
	}
	return n && n <= BPF_MAXINSNS && is_return(&insn[n - 1]);
}

static bool looks_from_where(const struct sock_filter *insn, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (insn[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
		    insn[i].k >= offsetof(struct seccomp_data, instruction_pointer) &&
		    insn[i].k < offsetof(struct seccomp_data, args))
			return true;
	return false;
}

/* --- what it says of one ---------------------------------------------------------------------- */

/* Indices in filter_path.value. */
#define A BPF_MEMWORDS
#define X (BPF_MEMWORDS + 1)

static bool knows(const struct filter_path *p, uint32_t i)
{
	return p->known >> i & 1;
}

static void set(struct filter_path *p, uint32_t i, uint32_t value)
{
	p->value[i] = value;
	p->known |= 1u << i;
}

static void move(struct filter_path *p, uint32_t to, uint32_t from)
{
	p->known &= ~(1u << to);
	if (knows(p, from))
		set(p, to, p->value[from]);
}

static void load(struct filter_path *p, const struct own_call *c, uint32_t off)
{
	const uint32_t args = offsetof(struct seccomp_data, args);

	p->known &= ~(1u << A);
	if (off == offsetof(struct seccomp_data, nr))
		set(p, A, (uint32_t)c->nr);
	else if (off == offsetof(struct seccomp_data, arch))
		set(p, A, AUDIT_ARCH_X86_64);
	else if (off >= args && c->arg >= 0 && (off - args) / 8 == (uint32_t)c->arg)
		set(p, A, (uint32_t)(c->value >> (off % 8 * 8)));
}

/* Divisions by zero end a filter, with the verdict 0. */
static bool compute(struct filter_path *p, const struct sock_filter *i)
{
	const bool by_k = BPF_SRC(i->code) == BPF_K;
	const uint32_t a = p->value[A], b = by_k ? i->k : p->value[X];
	const bool known = knows(p, A) && (by_k || knows(p, X));

	p->known &= ~(1u << A);
	if (BPF_OP(i->code) == BPF_DIV && (!known || !b))
		return by_k;
	if (!known)
		return true;
	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		set(p, A, a + b);
		break;
	case BPF_SUB:
		set(p, A, a - b);
		break;
	case BPF_MUL:
		set(p, A, a * b);
		break;
	case BPF_DIV:
		set(p, A, a / b);
		break;
	case BPF_OR:
		set(p, A, a | b);
		break;
	case BPF_AND:
		set(p, A, a & b);
		break;
	case BPF_XOR:
		set(p, A, a ^ b);
		break;
	case BPF_LSH:
		set(p, A, a << (b & 31));
		break;
	case BPF_RSH:
		set(p, A, a >> (b & 31));
		break;
	default:
		set(p, A, -a);
		break;
	}
	return true;
}

static bool is_true(uint16_t op, uint32_t a, uint32_t b)
{
	return op == BPF_JEQ   ? a == b
	       : op == BPF_JGT ? a > b
	       : op == BPF_JGE ? a >= b
			       : (a & b) != 0;
}

/* Where it goes on; where that is not known the other way is left for later.  False: no room. */
static bool jump(struct filter_path *p, const struct sock_filter *i, struct filter_room *room,
		 uint32_t *left)
{
	const bool by_k = BPF_SRC(i->code) == BPF_K;

	if (BPF_OP(i->code) == BPF_JA) {
		p->at += i->k;
		return true;
	}
	if (knows(p, A) && (by_k || knows(p, X))) {
		p->at += is_true(BPF_OP(i->code), p->value[A], by_k ? i->k : p->value[X]) ? i->jt
											  : i->jf;
		return true;
	}
	if (*left == FILTER_PATHS)
		return false;
	room->path[*left] = *p;
	room->path[(*left)++].at += i->jf;
	p->at += i->jt;
	return true;
}

/* One instruction that neither ends it nor jumps. */
static bool step(struct filter_path *p, const struct own_call *c, const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		load(p, c, i->k);
		return true;
	case BPF_LD | BPF_W | BPF_LEN:
		set(p, A, sizeof(struct seccomp_data));
		return true;
	case BPF_LDX | BPF_W | BPF_LEN:
		set(p, X, sizeof(struct seccomp_data));
		return true;
	case BPF_LD | BPF_IMM:
		set(p, A, i->k);
		return true;
	case BPF_LDX | BPF_IMM:
		set(p, X, i->k);
		return true;
	case BPF_LD | BPF_MEM:
		move(p, A, i->k);
		return true;
	case BPF_LDX | BPF_MEM:
		move(p, X, i->k);
		return true;
	case BPF_ST:
		move(p, i->k, A);
		return true;
	case BPF_STX:
		move(p, i->k, X);
		return true;
	case BPF_MISC | BPF_TAX:
		move(p, X, A);
		return true;
	case BPF_MISC | BPF_TXA:
		move(p, A, X);
		return true;
	default:
		return compute(p, i);
	}
}

/* Does the call survive that verdict? */
static bool passes(const struct own_call *c, uint32_t verdict)
{
	const uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW ||
	       (c->may_fail && action == SECCOMP_RET_ERRNO && verdict & SECCOMP_RET_DATA);
}

#define STEPS_MAX (16u * BPF_MAXINSNS) /* of all ways of a call */

static bool lets(const struct sock_filter *insn, const struct own_call *c, struct filter_room *room)
{
	struct filter_path p = { .known = 1u << A | 1u << X };
	uint32_t left = 0, steps = 0;

	for (;;) {
		const struct sock_filter *i = &insn[p.at++];

		if (++steps > STEPS_MAX)
			return false;
		if (BPF_CLASS(i->code) == BPF_RET) {
			if (i->code == (BPF_RET | BPF_A) && !knows(&p, A))
				return false;
			if (!passes(c, i->code == (BPF_RET | BPF_K) ? i->k : p.value[A]))
				return false;
			if (!left)
				return true;
			p = room->path[--left];
		} else if (BPF_CLASS(i->code) == BPF_JMP ? !jump(&p, i, room, &left)
							 : !step(&p, c, i)) {
			return false;
		}
	}
}

enum filter_says filter_judge(const struct sock_filter *insn, uint32_t n, struct filter_room *room,
			      int32_t *ret_nr)
{
	if (!is_taken(insn, n))
		return FILTER_IS_NONE;
	if (looks_from_where(insn, n))
		return FILTER_LOOKS;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!lets(insn, &own[i], room)) {
			*ret_nr = own[i].nr;
			return FILTER_FORBIDS;
		}
	return FILTER_LETS;
}
