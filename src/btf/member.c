/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * member.c - members held against the struct that they are in: alignment, bitfields, extent.
 *
 * A struct without kind_flag gives plain bit offsets; with it, the upper 8 bits of a member's
 * offset are the size of its bitfield (0: none).  Arithmetic is of 32 bits and wraps, as the
 * kernel's does: verdicts must agree on hostile input too.
 */
#include "btf/btf_int.h"

static bool exceeds(const struct btf_type *st, uint32_t byte_off, uint32_t bytes)
{
	return st->size < byte_off || st->size - byte_off < bytes;
}

bool type_int_is_regular(const struct btf_type *t)
{
	uint32_t data = type_int(t), bits = BTF_INT_BITS(data);

	return bits >= 8 && bits <= 128 && IS_POW2(bits) && !BTF_INT_OFFSET(data);
}

/* `bits` of an int that begin at bit `off` of the struct. */
static int check_int_bits(struct btf_check *c, const struct btf_type *st,
			  const struct btf_member *m, uint32_t off, uint32_t bits)
{
	uint32_t copied = bits + off % 8;

	if (copied > 128)
		return btf_fail_member(c, st, m, "nr_copy_bits exceeds 128");
	if (exceeds(st, off / 8, (copied + 7) / 8))
		return btf_fail_member(c, st, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_int(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		   const struct btf_type *mt)
{
	uint32_t data = type_int(mt);

	if (UINT32_MAX - m->offset < BTF_INT_OFFSET(data))
		return btf_fail_member(c, st, m, "bits_offset exceeds U32_MAX");
	return check_int_bits(c, st, m, m->offset + BTF_INT_OFFSET(data), BTF_INT_BITS(data));
}

int btf_member_int_kflag(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
			 const struct btf_type *mt)
{
	uint32_t off = BTF_MEMBER_BIT_OFFSET(m->offset), bits = BTF_MEMBER_BITFIELD_SIZE(m->offset);
	uint32_t whole = BTF_INT_BITS(type_int(mt));

	if (!type_int_is_regular(mt))
		return btf_fail_member(c, st, m, "Invalid member base type");
	if (!bits && off % 8)
		return btf_fail_member(c, st, m, "Invalid member offset");
	if (bits > whole)
		return btf_fail_member(c, st, m, "Invalid member bitfield_size");
	return check_int_bits(c, st, m, off, bits ? bits : whole);
}

int btf_member_sized(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt)
{
	uint32_t id = m->type, size = 0;

	btf_sized(c->b, &id, &size);
	if (m->offset % 8)
		return btf_fail_member(c, st, m, "Member is not byte aligned");
	if (st->size - m->offset / 8 < size)
		return btf_fail_member(c, st, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_enum_kflag(struct btf_check *c, const struct btf_type *st,
			  const struct btf_member *m, const struct btf_type *mt)
{
	uint32_t off = BTF_MEMBER_BIT_OFFSET(m->offset), bits = BTF_MEMBER_BITFIELD_SIZE(m->offset);
	uint32_t end;

	if (!bits && off % 8)
		return btf_fail_member(c, st, m, "Member is not byte aligned");
	if (bits > 32)
		return btf_fail_member(c, st, m, "Invalid member bitfield_size");
	end = off + (bits ? bits : 32);
	if (st->size < end / 8 + !!(end % 8))
		return btf_fail_member(c, st, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_float(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt)
{
	if (m->offset % (MIN((uint32_t)BTF_PTR_SIZE, mt->size) * 8))
		return btf_fail_member(c, st, m, "Member is not properly aligned");
	if ((uint64_t)m->offset / 8 + mt->size > st->size)
		return btf_fail_member(c, st, m, "Member exceeds struct_size");
	return 0;
}

/* Kinds that no bitfield can have: without one, the offset is a plain one. */
int btf_member_plain_kflag(struct btf_check *c, const struct btf_type *st,
			   const struct btf_member *m, const struct btf_type *mt)
{
	if (BTF_MEMBER_BITFIELD_SIZE(m->offset))
		return btf_fail_member(c, st, m, "Invalid member bitfield_size");
	return btf_kinds[type_kind(mt)].member(c, st, m, mt);
}

/* Typedefs and qualifiers: the same member, of the type behind them. */
int btf_member_ref(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		   const struct btf_type *mt)
{
	struct btf_member real = *m;

	mt = btf_sized(c->b, &real.type, NULL);
	if (!mt)
		return btf_fail_member(c, st, m, "Invalid member");
	return btf_check_member(c, st, &real, mt);
}

int btf_check_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt)
{
	const struct btf_kind *k = &btf_kinds[type_kind(mt)];
	bool kflag = type_kflag(st);
	btf_member_fn check = kflag ? k->member_kflag : k->member;

	if (!check)
		return btf_fail_basic(c, -EINVAL, st, "Unsupported check_%smember",
				      kflag ? "kflag_" : "");
	return check(c, st, m, mt);
}
