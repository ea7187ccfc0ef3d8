/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynptr.c - dynptrs by themselves: what is in one, and errors; tests/unit/core/dynptrs.c has
 * whole programs, beside the host's.
 */
#include "helper/dynptr.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "tests/unit/helper/helper_test.h"

static uint8_t area[64];

static struct dynptr_kern local(uint32_t size)
{
	struct dynptr_kern d;

	for (size_t i = 0; i < sizeof(area); i++)
		area[i] = (uint8_t)(0x80 + i);
	ASSERT_EQ(CALL(dynptr_from_mem, P(area), size, 0, P(&d)), 0);
	return d;
}

static bool is_none(const struct dynptr_kern *d)
{
	static const struct dynptr_kern none;

	return !memcmp(d, &none, sizeof(none));
}

TEST(dynptr_from_mem_fills_one)
{
	struct dynptr_kern d = local(40);

	ASSERT(d.data == area && d.size == (40 | 1u << 28) && d.offset == 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 40);
	ASSERT_EQ(KCALL(bpf_dynptr_is_null, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_is_rdonly, P(&d)), 0);
	ASSERT_EQ(CALL(dynptr_from_mem, P(area), 0xffffff, 0, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 0xffffff);
}

TEST(dynptr_that_is_none)
{
	static const struct {
		uint64_t size, flags;
		int err;
	} ways[] = { { 0x1000000, 0, -E2BIG }, { 0x1000000, 1, -E2BIG }, { 8, 1, -EINVAL } };
	struct dynptr_kern d, clone;
	uint64_t word = 7;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		memset(&d, 0xff, sizeof(d));
		ASSERT_EQ(CALL(dynptr_from_mem, P(area), ways[i].size, ways[i].flags, P(&d)),
			  ways[i].err);
		ASSERT(is_none(&d));
	}
	ASSERT_EQ(KCALL(bpf_dynptr_is_null, P(&d)), 1);
	ASSERT_EQ(KCALL(bpf_dynptr_is_rdonly, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), (uint32_t)-EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 0, 0), -EINVAL);
	memset(&clone, 0xff, sizeof(clone));
	ASSERT_EQ(KCALL(bpf_dynptr_clone, P(&d), P(&clone)), -EINVAL);
	ASSERT(is_none(&clone));
	ASSERT_EQ(CALL(dynptr_read, P(&word), 8, P(&d), 0, 0), -EINVAL);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 0, P(&word), 8, 0), -EINVAL);
	ASSERT_EQ(word, 7);
	ASSERT_EQ(CALL(dynptr_data, P(&d), 0, 0), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 0, P(&word), 8), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice_rdwr, P(&d), 0, P(&word), 8), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&d), 0, P(&d), 0, 1), -E2BIG);
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 0, 1, 1), -E2BIG);
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 0, 0, 1), 0);
}

TEST(dynptr_ranges)
{
	struct dynptr_kern d = local(40);
	uint8_t got[64] = { 0 };

	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), 32, 0), 0);
	ASSERT_MEMEQ(got, area + 32, 8);
	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), 33, 0), -E2BIG);
	ASSERT_EQ(CALL(dynptr_read, P(got), 41, P(&d), 0, 0), -E2BIG);
	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), UINT32_MAX, 0), -E2BIG);
	ASSERT_EQ(CALL(dynptr_read, P(got), 0, P(&d), 40, 0), 0);
	ASSERT_EQ(CALL(dynptr_read, P(got), 0, P(&d), 41, 0), -E2BIG);
	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), 0, 1), -EINVAL);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 1, P(got), 2, 0), 0);
	ASSERT(area[0] == 0x80 && area[1] == 0xa0 && area[2] == 0xa1 && area[3] == 0x83);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 39, P(got), 2, 0), -E2BIG);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 1, P(got), 2, BPF_F_RECOMPUTE_CSUM), -EINVAL);
	ASSERT_EQ(CALL(dynptr_data, P(&d), 36, 4), P(area + 36));
	ASSERT_EQ(CALL(dynptr_data, P(&d), 36, 5), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 40, 0, 0), P(area + 40));
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 40, P(got), 1), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice_rdwr, P(&d), 1, P(got), 8), P(area + 1));
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 38, 2, 0x155), 0);
	ASSERT(area[37] == 0xa5 && area[38] == 0x55 && area[39] == 0x55 && area[40] == 0xa8);
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 38, 3, 0), -E2BIG);
}

TEST(dynptr_adjust_narrows)
{
	struct dynptr_kern d = local(40), clone, whole = d;

	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 4, 41), -ERANGE);
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 5, 4), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 41, 41), -ERANGE);
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 4, 20), 0);
	ASSERT(d.data == area && d.offset == 4 && KCALL(bpf_dynptr_size, P(&d)) == 16);
	ASSERT_EQ(KCALL(bpf_dynptr_clone, P(&d), P(&clone)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&clone), 2, 16), 0);
	ASSERT_EQ(CALL(dynptr_data, P(&clone), 0, 14), P(area + 6));
	ASSERT_EQ(CALL(dynptr_data, P(&d), 0, 16), P(area + 4));
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 16, 16), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 0);
	/* The same memory, over itself. */
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&whole), 0, P(&clone), 0, 14), 0);
	ASSERT(area[0] == 0x86 && area[13] == 0x93 && area[14] == 0x8e);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&whole), 0, P(&clone), 0, 15), -E2BIG);
}

TEST(dynptr_records)
{
	struct dynptr_kern d;
	uint64_t *record;

	ASSERT_EQ(CALL(ringbuf_reserve_dynptr, 0, 8, 1, P(&d)), -EINVAL);
	ASSERT(is_none(&d));
	ASSERT_EQ(CALL(ringbuf_reserve_dynptr, 0, 0x1000000, 0, P(&d)), -E2BIG);
	ASSERT(is_none(&d));
	/* None is given back without a word. */
	ASSERT_EQ(CALL(ringbuf_submit_dynptr, P(&d), 0), 0);

	ASSERT_EQ(CALL(ringbuf_reserve_dynptr, 0, 8, 0, P(&d)), 0);
	ASSERT(dynptr_kind(&d) == DYNPTR_RINGBUF && dynptr_size(&d) == 8);
	record = (uint64_t *)(uintptr_t)CALL(dynptr_data, P(&d), 0, 8);
	ASSERT(record == d.data);
	ASSERT_EQ(CALL(ringbuf_discard_dynptr, P(&d), 0), 0);
	ASSERT(is_none(&d));
}

/* --- packets ---------------------------------------------------------------------------------- */

static uint8_t buf[1024];

static struct skb_ctx skb(void)
{
	struct skb_ctx c;

	memset(buf, 0, sizeof(buf));
	for (uint32_t i = 14; i < 600; i++)
		buf[64 + i] = (uint8_t)i;
	ASSERT_EQ(skb_ctx_init(&c, buf, sizeof(buf), 64, 600, true), 0);
	return c;
}

TEST(dynptr_of_a_packet_that_is_cut)
{
	struct skb_ctx c = skb();
	struct dynptr_kern d, mem = local(64);
	uint8_t got[8];

	ASSERT_EQ(KCALL(bpf_dynptr_from_skb, P(&c), 1, P(&d)), -EINVAL);
	ASSERT(is_none(&d));
	ASSERT_EQ(KCALL(bpf_dynptr_from_skb, P(&c), 0, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 600);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 592, 0, 8), P(c.data + 592));
	ASSERT_EQ(CALL(skb_change_tail, P(&c), 560, 0), 0);
	/* It has the size that it had, but the bytes are gone. */
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 600);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 552, 0, 8), P(c.data + 552));
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 553, P(got), 8), 0);
	memset(got, 1, sizeof(got));
	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), 553, 0), -EFAULT);
	ASSERT(got[0] == 0 && got[7] == 0);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 553, P(got), 8, 0), -EFAULT);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&mem), 0, P(&d), 550, 20), -EFAULT);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&d), 550, P(&mem), 0, 20), -EFAULT);
	/* Piece by piece, up to the one that does not fit. */
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 100, 500, 9), -EFAULT);
	ASSERT(c.data[99] == 99 && c.data[100] == 9 && c.data[355] == 9 && c.data[356] == 100);
	/* Not memory that stays where it is. */
	ASSERT_EQ(CALL(dynptr_data, P(&d), 0, 8), 0);
}

TEST(dynptr_of_an_xdp_packet_that_is_cut)
{
	struct xdp_ctx c;
	struct dynptr_kern d, other;
	uint8_t got[8];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)i;
	xdp_ctx_init(&c, buf, sizeof(buf), 256, 100);
	ASSERT_EQ(KCALL(bpf_dynptr_from_xdp, P(&c), 8, P(&d)), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_from_xdp, P(&c), 0, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 100);
	ASSERT_EQ(KCALL(bpf_dynptr_slice_rdwr, P(&d), 92, 0, 8), P(c.data + 92));
	ASSERT_EQ(CALL(xdp_adjust_tail, P(&c), -4), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 92, 0, 8), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 92, P(got), 8), 0);
	ASSERT_EQ(CALL(dynptr_read, P(got), 8, P(&d), 92, 0), -EINVAL);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 92, P(got), 8, 0), -EINVAL);
	/* One of the packet as it is now may be copied from the other. */
	ASSERT_EQ(KCALL(bpf_dynptr_from_xdp, P(&c), 0, P(&other)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&other), 0, P(&d), 80, 16), 0);
	ASSERT_EQ(c.data[15], (uint8_t)(256 + 95));
}

TEST(dynptr_of_what_may_not_be_written)
{
	static struct skep_prog reader = { .type = BPF_PROG_TYPE_CGROUP_SKB };
	const struct skep_prog *prog = test_run()->prog;
	struct skb_ctx c = skb();
	struct dynptr_kern d, mem = local(64);
	uint64_t word = 1;

	reader.kind = prog_type(reader.type);
	test_run()->prog = &reader;
	ASSERT_EQ(KCALL(bpf_dynptr_from_skb, P(&c), 0, P(&d)), 0);
	test_run()->prog = prog;
	ASSERT_EQ(KCALL(bpf_dynptr_is_rdonly, P(&d)), 1);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 600);
	ASSERT_EQ(CALL(dynptr_read, P(&word), 8, P(&d), 0, 0), 0);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 0, P(&word), 8, 0), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 20, 0, 8), P(c.data + 20));
	ASSERT_EQ(KCALL(bpf_dynptr_slice_rdwr, P(&d), 20, P(&word), 8), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_memset, P(&d), 0, 8, 0), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&d), 0, P(&mem), 0, 8), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_copy, P(&mem), 0, P(&d), 20, 8), 0);
	ASSERT_MEMEQ(area, c.data + 20, 8);
	/* It stays so in its clones, whatever their part. */
	ASSERT_EQ(KCALL(bpf_dynptr_adjust, P(&d), 8, 16), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_clone, P(&d), P(&mem)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_is_rdonly, P(&mem)), 1);
}

TEST(dynptr_of_metadata)
{
	struct skb_ctx c = skb();
	struct dynptr_kern d;
	uint32_t word = 0x01020304;

	ASSERT_EQ(KCALL(bpf_dynptr_from_skb_meta, P(&c), 0, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 0);
	c.data_meta = c.data - 8;
	ASSERT_EQ(KCALL(bpf_dynptr_from_skb_meta, P(&c), 1, P(&d)), -EINVAL);
	ASSERT_EQ(KCALL(bpf_dynptr_from_skb_meta, P(&c), 0, P(&d)), 0);
	ASSERT_EQ(KCALL(bpf_dynptr_size, P(&d)), 8);
	ASSERT_EQ(KCALL(bpf_dynptr_slice_rdwr, P(&d), 4, 0, 4), P(c.data - 4));
	ASSERT_EQ(CALL(dynptr_write, P(&d), 4, P(&word), 4, 1), -EINVAL);
	ASSERT_EQ(CALL(dynptr_write, P(&d), 4, P(&word), 4, 0), 0);
	ASSERT_MEMEQ(c.data - 4, &word, 4);
	/* What moves the packet's beginning takes it away. */
	ASSERT_EQ(CALL(skb_change_head, P(&c), 4, 0), 0);
	ASSERT_EQ(CALL(dynptr_read, P(&word), 4, P(&d), 0, 0), -EFAULT);
	ASSERT_EQ(KCALL(bpf_dynptr_slice, P(&d), 0, P(&word), 4), 0);
}

TEST(dynptr_probes)
{
	static const char text[] = "twelve bytes";
	struct dynptr_kern d = local(64);
	struct skb_ctx c = skb();

	ASSERT_EQ(KCALL(bpf_probe_read_kernel_dynptr, P(&d), 4, 12, P(text)), 0);
	ASSERT_MEMEQ(area + 4, text, 12);
	ASSERT_EQ(area[16], 0x90);
	ASSERT_EQ(KCALL(bpf_probe_read_user_dynptr, P(&d), 60, 5, P(text)), -E2BIG);
	ASSERT_EQ((int)KCALL(bpf_probe_read_user_dynptr, P(&d), 0, 8, P(test_bad_address())),
		  -EFAULT);
	ASSERT_EQ(KCALL(bpf_probe_read_user_str_dynptr, P(&d), 0, 64, P(text)), sizeof(text));
	ASSERT_STREQ((char *)area, text);
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_str_dynptr, P(&d), 0, 5, P(text)), 5);
	ASSERT_STREQ((char *)area, "twel");
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_str_dynptr, P(&d), 0, 8, P(test_bad_address())),
		  -EFAULT);
	ASSERT_EQ(area[0], 0);
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_str_dynptr, P(&d), 0, 0, P(text)), 0);

	/* A packet that is too short now: the pieces that still fit. */
	ASSERT_EQ(KCALL(bpf_dynptr_from_skb, P(&c), 0, P(&d)), 0);
	ASSERT_EQ(CALL(skb_change_tail, P(&c), 300, 0), 0);
	memset(area, 'x', sizeof(area));
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_dynptr, P(&d), 20, 300, P(c.data)), -EFAULT);
	ASSERT(c.data[20] == 0 && c.data[19] == 19);
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_str_dynptr, P(&d), 290, 20, P(text)), -EFAULT);
	ASSERT_EQ(KCALL(bpf_probe_read_kernel_str_dynptr, P(&d), 100, 300, P(text)), sizeof(text));
	ASSERT_STREQ((char *)c.data + 100, text);
}
