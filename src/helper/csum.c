/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csum.c - the Internet checksum (RFC 1071): sums, differences, and their use in packets
 * (net/core/filter.c, include/net/checksum.h).
 *
 * Sums are ones' complement, in memory order, and stay 32 bits wide until they go into a header.
 */
#include "helper/helper_int.h"
#include "prog/ctx_skb.h"

#define DIFF_MAX       512 /* bytes that csum_diff takes: struct bpf_scratchpad */
#define CSUM_MANGLED_0 0xffff
#define F_IPV6	       (1u << 7) /* BPF_F_IPV6, which older headers lack */
#define CSUM_LEVEL_MAX 3	 /* SKB_MAX_CSUM_LEVEL */

static uint64_t add64(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < b);
}

static uint32_t add32(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return sum + (sum < b);
}

static uint32_t sub32(uint32_t a, uint32_t b)
{
	return add32(a, ~b);
}

static uint32_t fold64(uint64_t sum)
{
	return add32((uint32_t)sum, (uint32_t)(sum >> 32));
}

/* To the 16 bits that stand in a header. */
static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t csum_bytes(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *c = p;
	uint64_t acc = sum;

	for (; n; n -= MIN(n, 8), c += 8) {
		uint64_t word = 0;

		memcpy(&word, c, MIN(n, 8));
		acc = add64(acc, word);
	}
	return fold64(acc);
}

/* A block at an odd offset is summed with its bytes in each other's place. */
static uint32_t block(const void *p, size_t n, size_t off)
{
	uint32_t sum = csum_bytes(p, n, 0);

	return off & 1 ? sum << 8 | sum >> 24 : sum;
}

void csum_take(uint32_t *sum, const void *p, size_t n, size_t off)
{
	*sum = sub32(*sum, block(p, n, off));
}

void csum_put(uint32_t *sum, const void *p, size_t n, size_t off)
{
	*sum = add32(*sum, block(p, n, off));
}

HELPER_FN(csum_diff)
{
	const uint8_t *side[2] = { PTR(r1), PTR(r3) };
	uint32_t size[2] = { (uint32_t)r2, (uint32_t)r4 };
	uint64_t acc = (uint32_t)r5;
	unsigned words = 0;

	if ((size[0] | size[1]) % 4 || size[0] + size[1] > DIFF_MAX)
		return RET(-EINVAL);
	/* Summed as one row of 8-byte words, as csum_partial does: its very 32 bits come out. */
	for (int to = 0; to < 2; to++) {
		for (uint32_t i = 0; i < size[to]; i += 4, words++) {
			uint32_t w;

			memcpy(&w, side[to] + i, sizeof(w));
			acc = add64(acc, (uint64_t)(to ? w : ~w) << (words % 2 * 32));
		}
	}
	return fold64(acc);
}

HELPER_FN(csum_update)
{
	struct skb_ctx *c = PTR(r1);

	if (c->ip_summed != SKB_CSUM_COMPLETE)
		return RET(-ENOTSUPP_KERNEL);
	c->csum = add32(c->csum, (uint32_t)r2);
	return c->csum;
}

HELPER_FN(csum_level)
{
	struct skb_ctx *c = PTR(r1);

	switch (r2) {
	case BPF_CSUM_LEVEL_INC:
		if (c->ip_summed == SKB_CSUM_NONE) {
			c->ip_summed = SKB_CSUM_UNNECESSARY;
			c->csum_level = 0;
		} else if (c->ip_summed == SKB_CSUM_UNNECESSARY && c->csum_level < CSUM_LEVEL_MAX) {
			c->csum_level++;
		}
		return 0;
	case BPF_CSUM_LEVEL_DEC:
		if (c->ip_summed != SKB_CSUM_UNNECESSARY)
			return 0;
		if (c->csum_level == 0)
			c->ip_summed = SKB_CSUM_NONE;
		else
			c->csum_level--;
		return 0;
	case BPF_CSUM_LEVEL_RESET:
		if (c->ip_summed == SKB_CSUM_UNNECESSARY) {
			c->ip_summed = SKB_CSUM_NONE;
			c->csum_level = 0;
		}
		return 0;
	case BPF_CSUM_LEVEL_QUERY:
		return c->ip_summed == SKB_CSUM_UNNECESSARY ? c->csum_level : RET(-EACCES);
	default:
		return RET(-EINVAL);
	}
}

/* The checksum field at offset off, or NULL where it is not in the packet. */
static uint8_t *csum_field(struct skb_ctx *c, uint32_t off)
{
	return off <= 0xffff && off % 2 == 0 && off + 2 <= c->len ? c->data + off : NULL;
}

static uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void store16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

/*
 * Replaces `from` by `to` in the checksum at field: by difference (width 0), or values of 2 or 4
 * bytes.  -EINVAL for anything else.
 */
static int replace(uint8_t *field, uint64_t from, uint64_t to, uint64_t width)
{
	uint32_t sum = (uint16_t)~load16(field);

	switch (width) {
	case 0:
		if (from)
			return -EINVAL;
		/* As the kernel: the complement of the 32-bit word, not of the field. */
		sum = add32((uint32_t)to, ~(uint32_t)load16(field));
		break;
	case 2:
		sum = add32(sum, (uint16_t)~from);
		sum = add32((sum & 0xffff) + (sum >> 16), (uint16_t)to);
		break;
	case 4:
		sum = add32(sub32(~(uint32_t)load16(field), (uint32_t)from), (uint32_t)to);
		break;
	default:
		return -EINVAL;
	}
	store16(field, fold(sum));
	return 0;
}

HELPER_FN(l3_csum_replace)
{
	struct skb_ctx *c = PTR(r1);
	uint8_t *field;

	if (r5 & ~(uint64_t)BPF_F_HDR_FIELD_MASK)
		return RET(-EINVAL);
	field = csum_field(c, (uint32_t)r2);
	if (!field)
		return RET(-EFAULT);
	return RET(replace(field, r3, r4, r5));
}

/* What a change of the pseudo header does to the sum that the device made of the packet. */
static void replace_complete(struct skb_ctx *c, uint64_t from, uint64_t to, uint64_t flags)
{
	uint64_t width = flags & BPF_F_HDR_FIELD_MASK;

	if (c->ip_summed != SKB_CSUM_COMPLETE || !(flags & BPF_F_PSEUDO_HDR))
		return;
	if (width == 0 && flags & F_IPV6)
		return; /* the address' change is in the packet's own sum already */
	if (width == 0)
		c->csum = ~sub32((uint32_t)to, c->csum);
	else if (width == 2)
		c->csum = ~add32(sub32(~c->csum, (uint16_t)from), (uint16_t)to);
	else
		c->csum = ~add32(sub32(~c->csum, (uint32_t)from), (uint32_t)to);
}

HELPER_FN(l4_csum_replace)
{
	const uint64_t known = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR |
			       BPF_F_HDR_FIELD_MASK | F_IPV6;
	struct skb_ctx *c = PTR(r1);
	bool mangled_0 = r5 & BPF_F_MARK_MANGLED_0;
	uint8_t *field;
	int err;

	if (r5 & ~known)
		return RET(-EINVAL);
	field = csum_field(c, (uint32_t)r2);
	if (!field)
		return RET(-EFAULT);
	/* No checksum at all (UDP): nothing to keep in step. */
	if (mangled_0 && !(r5 & BPF_F_MARK_ENFORCE) && !load16(field))
		return 0;
	err = replace(field, r3, r4, r5 & BPF_F_HDR_FIELD_MASK);
	if (err)
		return RET(err);
	replace_complete(c, r3, r4, r5);
	if (mangled_0 && !load16(field))
		store16(field, CSUM_MANGLED_0);
	return 0;
}
