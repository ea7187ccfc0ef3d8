/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c - helpers on packets: the same calls on the same packet here and in a program of the
 * host; results, memory and packet must be equal.
 */
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "tests/harness/host.h"
#include "tests/unit/helper/helper_test.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#define STEPS	 4
#define MEM_SIZE 64
#define BUF_SIZE 40000
#define OUT_SIZE 20000

/* One call: arguments 2 to 5; mem: which of them is an offset into the memory, 0 for none. */
struct step {
	uint32_t id;
	int mem;
	uint64_t a[4];
};

/* What calls read, write and give back: the value of the host's map. */
struct io {
	int64_t ret[STEPS];
	uint8_t mem[MEM_SIZE];
};

struct outcome {
	struct io io;
	uint32_t len;
	uint8_t packet[OUT_SIZE];
};

struct packet {
	uint32_t len;
	uint8_t data[1600];
};

/* IPv4/TCP with checksums that are not right; nobody looks at them but our differences. */
static void make_packet(struct packet *p, uint32_t len)
{
	static const uint8_t head[] = {
		2, 0,	 0, 0,	0, 1,	 2,    0,  0, 0, 0, 2,	8, 0, 0x45, 0,	  0,	60, 1,
		2, 0x40, 0, 64, 6, 0xab, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2,    0x12, 0x34, 0,  80,
	};

	memset(p, 0, sizeof(*p));
	for (uint32_t i = 0; i < len; i++)
		p->data[i] = (uint8_t)(i * 7);
	memcpy(p->data, head, MIN(len, sizeof(head)));
	p->len = len;
}

static void init_io(struct io *io)
{
	memset(io, 0, sizeof(*io));
	for (int i = 0; i < MEM_SIZE; i++)
		io->mem[i] = (uint8_t)(0x80 + i);
}

static int emit(struct bpf_insn *out, const struct step *s, int i)
{
	int n = 0;

	out[n++] = (struct bpf_insn)I_MOV_REG(1, 6);
	for (int arg = 2; arg <= 5; arg++) {
		uint64_t v = s->a[arg - 2];

		if (arg == s->mem) {
			out[n++] = (struct bpf_insn)I_MOV_REG((uint8_t)arg, 7);
			out[n++] = (struct bpf_insn)I_ALU_IMM(
				BPF_ADD, (uint8_t)arg, (int32_t)(offsetof(struct io, mem) + v));
		} else {
			out[n++] = (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW,
						      .dst_reg = (uint8_t)arg,
						      .imm = (int32_t)v };
			out[n++] = (struct bpf_insn){ .imm = (int32_t)(v >> 32) };
		}
	}
	out[n++] = (struct bpf_insn)I_CALL((int32_t)s->id);
	out[n++] = (struct bpf_insn)I_STX(BPF_DW, 7, 0, (int16_t)(i * 8));
	return n;
}

static void by_host(uint32_t type, const struct packet *p, const struct step *s, int steps,
		    struct outcome *o)
{
	struct host_run r = { .in = p->data, .n_in = p->len, .out = o->packet, .n_out = OUT_SIZE };
	int map = host_array(sizeof(struct io), 0), n = 0, fd;
	struct bpf_insn insns[16 * STEPS] = { I_MOV_REG(6, 1), I_MAP_VALUE(7, map) };

	memset(o, 0, sizeof(*o));
	init_io(&o->io);
	host_write(map, &o->io);
	n = 3;
	for (int i = 0; i < steps; i++)
		n += emit(insns + n, &s[i], i);
	insns[n++] = (struct bpf_insn)I_MOV_IMM(0, 0);
	insns[n++] = (struct bpf_insn)I_EXIT;
	fd = host_load(&(struct host_prog){ type, 0, 0, insns, (uint32_t)n });
	ASSERT_MSG(fd >= 0, "helper %u: %s", s->id, strerror(-fd));
	ASSERT_EQ(host_run(fd, type, &r), 0);
	host_read(map, &o->io);
	o->len = r.n_out;
	close(fd);
	close(map);
}

static void calls(void *ctx, const struct step *s, int steps, struct outcome *o)
{
	test_run()->ctx = ctx;
	memset(o, 0, sizeof(*o));
	init_io(&o->io);
	for (int i = 0; i < steps; i++) {
		uint64_t a[4];

		memcpy(a, s[i].a, sizeof(a));
		if (s[i].mem)
			a[s[i].mem - 2] = P(o->io.mem + a[s[i].mem - 2]);
		o->io.ret[i] = (int64_t)test_call(s[i].id, P(ctx), a[0], a[1], a[2], a[3]);
	}
}

static void by_us(uint32_t type, const struct packet *p, const struct step *s, int steps,
		  struct outcome *o)
{
	static uint8_t buf[BUF_SIZE];
	struct skb_ctx skb;
	struct xdp_ctx xdp;

	memset(buf, 0, sizeof(buf)); /* as the host gives its headroom */
	if (type == BPF_PROG_TYPE_XDP) {
		memcpy(buf + XDP_HEADROOM, p->data, p->len);
		xdp_ctx_init(&xdp, buf, XDP_FRAME_SIZE - XDP_TAILROOM, XDP_HEADROOM, p->len);
		calls(&xdp, s, steps, o);
		ASSERT(xdp.data_meta >= buf && xdp.data_end <= xdp.hard_end);
		o->len = (uint32_t)(xdp.data_end - xdp.data_meta);
		memcpy(o->packet, xdp.data_meta, o->len);
	} else {
		memcpy(buf + BUF_SIZE / 2, p->data, p->len);
		ASSERT_EQ(skb_ctx_init(&skb, buf, BUF_SIZE, BUF_SIZE / 2, p->len, true), 0);
		calls(&skb, s, steps, o);
		ASSERT(skb.len == skb.data_end - skb.data && skb.data >= skb.head &&
		       skb.data_end <= skb.end);
		o->len = skb.len;
		memcpy(o->packet, skb.data, o->len);
	}
}

static void compare(uint32_t type, const struct packet *p, const struct step *s, int steps)
{
	static struct outcome host, ours;

	by_host(type, p, s, steps, &host);
	by_us(type, p, s, steps, &ours);
	for (int i = 0; i < steps; i++)
		ASSERT_MSG(host.io.ret[i] == ours.io.ret[i],
			   "step %d, %s(%#llx, %#llx, %#llx, %#llx): host %lld, ours %lld", i,
			   helper_name(s[i].id), (unsigned long long)s[i].a[0],
			   (unsigned long long)s[i].a[1], (unsigned long long)s[i].a[2],
			   (unsigned long long)s[i].a[3], (long long)host.io.ret[i],
			   (long long)ours.io.ret[i]);
	ASSERT_MSG(host.len == ours.len, "%s: host leaves %u bytes, we %u", helper_name(s->id),
		   host.len, ours.len);
	for (uint32_t i = 0; i < host.len; i++)
		ASSERT_MSG(host.packet[i] == ours.packet[i],
			   "%s(%#llx, ...): byte %u: host %#x, ours %#x", helper_name(s->id),
			   (unsigned long long)s->a[0], i, host.packet[i], ours.packet[i]);
	ASSERT_MEMEQ(host.io.mem, ours.io.mem, MEM_SIZE);
}

#define S(...) (uint64_t)(int64_t)(__VA_ARGS__)
#define STEP(helper, m, ...)                                              \
	{                                                                 \
		.id = BPF_FUNC_##helper, .mem = (m), .a = { __VA_ARGS__ } \
	}

static void compare_all(uint32_t type, const struct step (*rows)[STEPS], size_t n)
{
	struct packet p;

	host_required();
	make_packet(&p, 98);
	for (size_t i = 0; i < n; i++) {
		int steps = 0;

		while (steps < STEPS && rows[i][steps].id)
			steps++;
		compare(type, &p, rows[i], steps);
	}
}

static const struct step xdp_rows[][STEPS] = {
	{ STEP(xdp_adjust_head, 0, 14) },
	{ STEP(xdp_adjust_head, 0, S(-14)) },
	{ STEP(xdp_adjust_head, 0, 84) },
	{ STEP(xdp_adjust_head, 0, 85) },
	{ STEP(xdp_adjust_head, 0, S(-216)) },
	{ STEP(xdp_adjust_head, 0, S(-217)) },
	{ STEP(xdp_adjust_head, 0, S(INT32_MIN)) },
	{ STEP(xdp_adjust_head, 0, INT32_MAX) },
	{ STEP(xdp_adjust_tail, 0, S(-84)) },
	{ STEP(xdp_adjust_tail, 0, S(-85)) },
	{ STEP(xdp_adjust_tail, 0, 100), STEP(xdp_get_buff_len, 0) },
	{ STEP(xdp_adjust_tail, 0, 3422) },
	{ STEP(xdp_adjust_tail, 0, 3423) },
	{ STEP(xdp_adjust_tail, 0, S(INT32_MIN)) },
	{ STEP(xdp_adjust_tail, 0, INT32_MAX) },
	{ STEP(xdp_adjust_tail, 0, S(-20)), STEP(xdp_adjust_tail, 0, 20) },
	{ STEP(xdp_adjust_meta, 0, S(-16)) },
	{ STEP(xdp_adjust_meta, 0, S(-17)) },
	{ STEP(xdp_adjust_meta, 0, 4) },
	{ STEP(xdp_adjust_meta, 0, S(-220)) },
	{ STEP(xdp_adjust_meta, 0, S(INT32_MIN)) },
	{ STEP(xdp_adjust_meta, 0, S(-8)), STEP(xdp_adjust_head, 0, S(-20)) },
	{ STEP(xdp_adjust_meta, 0, S(-8)), STEP(xdp_adjust_head, 0, S(-209)) },
	{ STEP(xdp_adjust_meta, 0, S(-8)), STEP(xdp_adjust_head, 0, S(-208)) },
	{ STEP(xdp_adjust_meta, 0, S(-32)), STEP(xdp_adjust_meta, 0, 32) },
	{ STEP(xdp_load_bytes, 3, 12, 0, 8) },
	{ STEP(xdp_load_bytes, 3, 90, 0, 8) },
	{ STEP(xdp_load_bytes, 3, 91, 0, 8) },
	{ STEP(xdp_load_bytes, 3, 0xffff, 0, 8) },
	{ STEP(xdp_load_bytes, 3, 0x10000, 0, 8) },
	{ STEP(xdp_load_bytes, 3, S(-1), 0, 8) },
	{ STEP(xdp_store_bytes, 3, 12, 8, 16) },
	{ STEP(xdp_store_bytes, 3, 97, 8, 1) },
	{ STEP(xdp_store_bytes, 3, 97, 8, 2) },
	{ STEP(xdp_get_buff_len, 0) },
};

TEST(xdp_helpers_are_the_hosts)
{
	compare_all(BPF_PROG_TYPE_XDP, xdp_rows, ARRAY_SIZE(xdp_rows));
}

/* 24: the IPv4 checksum; 50: where TCP has its own. */
static const struct step skb_rows[][STEPS] = {
	{ STEP(skb_load_bytes, 3, 12, 0, 8) },
	{ STEP(skb_load_bytes, 3, 90, 0, 8) },
	{ STEP(skb_load_bytes, 3, 91, 0, 8) },
	{ STEP(skb_load_bytes, 3, S(-1), 0, 8) },
	{ STEP(skb_load_bytes, 3, INT32_MAX, 0, 8) },
	{ STEP(skb_load_bytes_relative, 3, 0, 0, 8, BPF_HDR_START_MAC) },
	{ STEP(skb_load_bytes_relative, 3, 0, 0, 8, BPF_HDR_START_NET) },
	{ STEP(skb_load_bytes_relative, 3, 76, 0, 8, BPF_HDR_START_NET) },
	{ STEP(skb_load_bytes_relative, 3, 77, 0, 8, BPF_HDR_START_NET) },
	{ STEP(skb_load_bytes_relative, 3, 0x10000, 0, 8, BPF_HDR_START_MAC) },
	{ STEP(skb_load_bytes_relative, 3, 0, 0, 8, 2) },
	{ STEP(skb_store_bytes, 3, 12, 8, 16, 0) },
	{ STEP(skb_store_bytes, 3, 12, 8, 16, BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH) },
	{ STEP(skb_store_bytes, 3, 12, 8, 16, 4) },
	{ STEP(skb_store_bytes, 3, 96, 8, 2, 0) },
	{ STEP(skb_store_bytes, 3, 96, 8, 3, 0) },
	{ STEP(skb_store_bytes, 3, S(-1), 8, 3, 0) },
	{ STEP(l3_csum_replace, 0, 24, 0x1234, 0x4321, 2) },
	{ STEP(l3_csum_replace, 0, 24, 0x12345678, 0x87654321, 4) },
	{ STEP(l3_csum_replace, 0, 24, 0, 0x87654321, 0) },
	{ STEP(l3_csum_replace, 0, 24, 1, 0x87654321, 0) },
	{ STEP(l3_csum_replace, 0, 24, 0, 1, 3) },
	{ STEP(l3_csum_replace, 0, 24, 0, 1, 16) },
	{ STEP(l3_csum_replace, 0, 25, 0, 1, 2) },
	{ STEP(l3_csum_replace, 0, 96, 0, 1, 2) },
	{ STEP(l3_csum_replace, 0, 98, 0, 1, 2) },
	{ STEP(l3_csum_replace, 0, 0x10000, 0, 1, 2) },
	{ STEP(l4_csum_replace, 0, 50, 0x1234, 0x4321, 2) },
	{ STEP(l4_csum_replace, 0, 50, 0x12345678, 0x87654321, 4 | BPF_F_PSEUDO_HDR) },
	{ STEP(l4_csum_replace, 0, 50, 0, 0x87654321, BPF_F_PSEUDO_HDR) },
	{ STEP(l4_csum_replace, 0, 50, 0, 1, 5) },
	{ STEP(l4_csum_replace, 0, 50, 0, 1, 1u << 16) },
	{ STEP(l4_csum_replace, 0, 51, 0, 1, 2) },
	/* A checksum of zero: there is none, unless told otherwise. */
	{ STEP(skb_store_bytes, 3, 0, 0, 2, 0), STEP(l4_csum_replace, 0, 50, 1, 2, 2) },
	{ STEP(skb_pull_data, 0, 0) },
	{ STEP(skb_pull_data, 0, 98) },
	{ STEP(skb_pull_data, 0, 99) },
	{ STEP(skb_change_tail, 0, 60, 0) },
	{ STEP(skb_change_tail, 0, 200, 0) },
	{ STEP(skb_change_tail, 0, 14, 0) },
	{ STEP(skb_change_tail, 0, 13, 0) },
	{ STEP(skb_change_tail, 0, 60, 1) },
	{ STEP(skb_change_tail, 0, 16064, 0) },
	{ STEP(skb_change_tail, 0, 16065, 0) },
	{ STEP(skb_change_tail, 0, S(-1), 0) },
	{ STEP(skb_change_tail, 0, 60, 0), STEP(skb_change_tail, 0, 98, 0) },
	{ STEP(skb_change_head, 0, 14, 0) },
	{ STEP(skb_change_head, 0, 14, 1) },
	{ STEP(skb_change_head, 0, 15966, 0) },
	{ STEP(skb_change_head, 0, 15967, 0) },
	{ STEP(skb_change_head, 0, S(-1), 0) },
	{ STEP(skb_change_type, 0, 1) },
	{ STEP(skb_change_type, 0, 3), STEP(skb_change_type, 0, 0) },
	{ STEP(skb_change_type, 0, 4) },
	{ STEP(skb_vlan_push, 0, 0x0081, 100) },
	{ STEP(skb_vlan_push, 0, 0x0081, 100), STEP(skb_vlan_pop, 0) },
	{ STEP(skb_vlan_push, 0, 0x0081, 100), STEP(skb_vlan_push, 0, 0xa888, 0x2abc) },
	{ STEP(skb_vlan_push, 0, 0x0081, 100), STEP(skb_vlan_push, 0, 0x1234, 7),
	  STEP(skb_vlan_pop, 0), STEP(skb_vlan_pop, 0) },
	{ STEP(skb_vlan_push, 0, 0x0081, 100), STEP(skb_vlan_push, 0, 0x1234, 7),
	  STEP(skb_vlan_push, 0, 0x0081, 8), STEP(skb_vlan_pop, 0) },
	{ STEP(skb_vlan_pop, 0) },
	{ STEP(csum_update, 0, 1) },
	{ STEP(csum_level, 0, BPF_CSUM_LEVEL_QUERY) },
	{ STEP(csum_level, 0, BPF_CSUM_LEVEL_INC), STEP(csum_level, 0, BPF_CSUM_LEVEL_QUERY),
	  STEP(csum_level, 0, BPF_CSUM_LEVEL_INC), STEP(csum_level, 0, BPF_CSUM_LEVEL_QUERY) },
	{ STEP(csum_level, 0, BPF_CSUM_LEVEL_INC), STEP(csum_level, 0, BPF_CSUM_LEVEL_DEC),
	  STEP(csum_level, 0, BPF_CSUM_LEVEL_QUERY) },
	{ STEP(csum_level, 0, BPF_CSUM_LEVEL_INC), STEP(csum_level, 0, BPF_CSUM_LEVEL_RESET),
	  STEP(csum_level, 0, BPF_CSUM_LEVEL_QUERY) },
	{ STEP(csum_level, 0, 9) },
	{ STEP(set_hash, 0, 1234), STEP(get_hash_recalc, 0) },
	{ STEP(set_hash, 0, 0), STEP(get_hash_recalc, 0) },
	{ STEP(set_hash_invalid, 0) },
};

TEST(skb_helpers_are_the_hosts)
{
	compare_all(BPF_PROG_TYPE_SCHED_CLS, skb_rows, ARRAY_SIZE(skb_rows));
}

static uint64_t rnd_state = 0xbee;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rnd_state >> 33) % below;
}

TEST(random_checksum_changes_are_the_hosts)
{
	static const uint8_t widths[] = { 0, 2, 4, 2 | BPF_F_PSEUDO_HDR, 4 | BPF_F_MARK_MANGLED_0 };
	struct packet p;

	host_required();
	make_packet(&p, 98);
	for (int i = 0; i < 300; i++) {
		struct step s[STEPS] = { 0 };
		uint32_t l4 = rnd(2);

		for (int k = 0; k < STEPS; k++) {
			uint8_t flags = widths[rnd(l4 ? 5 : 3)];

			s[k].id = l4 ? BPF_FUNC_l4_csum_replace : BPF_FUNC_l3_csum_replace;
			s[k].a[0] = 24;
			s[k].a[1] = flags ? (uint64_t)rnd(UINT32_MAX) << rnd(16) : 0;
			s[k].a[2] = rnd(4) ? (uint64_t)rnd(UINT32_MAX) << rnd(16) : s[k].a[1];
			s[k].a[3] = flags;
		}
		compare(BPF_PROG_TYPE_SCHED_CLS, &p, s, STEPS);
	}
}

/* Any helper with any arguments, likely ones among them. */
static void random_step(struct step *s, const struct step (*rows)[STEPS], size_t n)
{
	static const uint64_t values[] = { 0,	    1,	       2,      4,      12,
					   14,	    60,	       97,     98,     99,
					   200,	    S(-1),     S(-4),  S(-14), 0xffff,
					   0x10000, INT32_MAX, 0x8100, 0x0081, 1500 };

	*s = rows[rnd((uint32_t)n)][0];
	for (int i = 0; i < 4; i++) {
		bool is_size = s->mem && (i == s->mem - 2 || i == s->mem - 1);

		if (!is_size && rnd(2))
			s->a[i] = rnd(8) ? values[rnd(ARRAY_SIZE(values))] : rnd(UINT32_MAX);
	}
	/* Where the host reallocates the head, a header that was never set comes to look set, and
	 * change_tail's least length is any number. */
	if (s->id == BPF_FUNC_skb_change_head && s->a[0] > 14)
		s->a[0] = 14;
}

static void random_calls(uint32_t type, const struct step (*rows)[STEPS], size_t n)
{
	struct packet p;

	host_required();
	for (int i = 0; i < 1500; i++) {
		struct step s[STEPS] = { 0 };

		make_packet(&p, 40 + rnd(100));
		for (int k = 0; k < STEPS; k++) {
			do
				random_step(&s[k], rows, n);
			while (s[k].id == BPF_FUNC_get_hash_recalc);
		}
		compare(type, &p, s, STEPS);
	}
}

TEST(random_calls_on_xdp_packets_are_the_hosts)
{
	random_calls(BPF_PROG_TYPE_XDP, xdp_rows, ARRAY_SIZE(xdp_rows));
}

TEST(random_calls_on_skb_packets_are_the_hosts)
{
	random_calls(BPF_PROG_TYPE_SCHED_CLS, skb_rows, ARRAY_SIZE(skb_rows));
}

static uint16_t fold(uint32_t v)
{
	v = (v & 0xffff) + (v >> 16);
	return (uint16_t)((v & 0xffff) + (v >> 16));
}

TEST(csum_diff_is_the_hosts)
{
	static const uint32_t sizes[] = { 0, 4, 8, 12, 20 };
	struct packet p;

	host_required();
	make_packet(&p, 98);
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(sizes); i++) {
		uint32_t from = sizes[i % 5], to = sizes[i / 5], seed = rnd(UINT32_MAX);
		int map = host_array(MEM_SIZE, 0), fd;
		const struct bpf_insn insns[] = {
			I_MAP_VALUE(1, map),
			I_MOV_IMM(2, (int32_t)from),
			I_MOV_REG(3, 1),
			I_ALU_IMM(BPF_ADD, 3, 32),
			I_MOV_IMM(4, (int32_t)to),
			I_MOV_IMM(5, (int32_t)seed),
			I_CALL(BPF_FUNC_csum_diff),
			I_EXIT,
		};
		struct host_run r = { .in = p.data, .n_in = p.len };
		struct io io;
		uint32_t sum;

		init_io(&io);
		for (int k = 0; k < MEM_SIZE; k++)
			io.mem[k] = (uint8_t)rnd(256);
		host_write(map, io.mem);
		fd = host_load(
			&(struct host_prog){ BPF_PROG_TYPE_XDP, 0, 0, insns, ARRAY_SIZE(insns) });
		ASSERT_GE(fd, 0);
		ASSERT_EQ(host_run(fd, BPF_PROG_TYPE_XDP, &r), 0);
		sum = (uint32_t)CALL(csum_diff, P(io.mem), from, P(io.mem + 32), to, seed);
		/* A newer host folds it to 16 bits: compare what goes into a header. */
		ASSERT_EQ(fold(sum), fold(r.retval));
		close(fd);
		close(map);
	}
}

TEST(csum_diff_checks_sizes)
{
	static uint8_t mem[516];

	ASSERT_EQ(CALL(csum_diff, P(mem), 3, 0, 0, 0), -EINVAL);
	ASSERT_EQ(CALL(csum_diff, 0, 0, P(mem), 6, 0), -EINVAL);
	ASSERT_EQ(CALL(csum_diff, P(mem), 512, P(mem), 4, 0), -EINVAL);
	ASSERT_EQ(CALL(csum_diff, 0, 0, P(mem), 512, 77), 77);
	ASSERT_EQ(CALL(csum_diff, 0, 0, 0, 0, 77), 77);
	/* Taking out what is put in changes nothing but the form of zero. */
	memset(mem, 0x5a, sizeof(mem));
	ASSERT_EQ((uint32_t)CALL(csum_diff, P(mem), 8, P(mem), 8, 0), UINT32_MAX);
}

/* A checksum that the device made stays right through changes. */
TEST(complete_checksums_follow_the_packet)
{
	static uint8_t buf[4096];
	uint8_t from[7] = { 9, 8, 7, 6, 5, 4, 3 };
	struct packet p;
	struct skb_ctx c;

	make_packet(&p, 98);
	memcpy(buf + 256, p.data, p.len);
	ASSERT_EQ(skb_ctx_init(&c, buf, sizeof(buf), 256, p.len, true), 0);
	c.ip_summed = SKB_CSUM_COMPLETE;
	c.csum = (uint32_t)CALL(csum_diff, 0, 0, P(c.network), 84, 0);
	ASSERT_EQ(CALL(skb_store_bytes, P(&c), 21, P(from), 7, BPF_F_RECOMPUTE_CSUM), 0);
	ASSERT_EQ(fold(c.csum), fold((uint32_t)CALL(csum_diff, 0, 0, P(c.network), 84, 0)));
	ASSERT_EQ(CALL(skb_change_tail, P(&c), 90, 0), 0);
	ASSERT_EQ(fold(c.csum), fold((uint32_t)CALL(csum_diff, 0, 0, P(c.network), 76, 0)));
	ASSERT_EQ(CALL(skb_vlan_push, P(&c), 0x0081, 5), 0);
	ASSERT_EQ(CALL(skb_vlan_push, P(&c), 0x0081, 6), 0);
	ASSERT_EQ(CALL(skb_vlan_pop, P(&c)), 0);
	ASSERT_EQ(fold(c.csum), fold((uint32_t)CALL(csum_diff, 0, 0, P(c.network), 76, 0)));
	ASSERT_EQ(CALL(csum_update, P(&c), 5), c.csum);
}

TEST(skb_helpers_stop_at_the_buffers_end)
{
	static uint8_t buf[200];
	struct packet p;
	struct skb_ctx c;

	make_packet(&p, 98);
	memcpy(buf + 10, p.data, p.len);
	ASSERT_EQ(skb_ctx_init(&c, buf, sizeof(buf), 10, p.len, true), 0);
	ASSERT_EQ(CALL(skb_change_head, P(&c), 11, 0), -ENOMEM);
	ASSERT_EQ(CALL(skb_change_tail, P(&c), 191, 0), -ENOMEM);
	ASSERT_EQ(CALL(skb_change_tail, P(&c), 190, 0), 0);
	ASSERT_EQ(CALL(skb_change_head, P(&c), 10, 0), 0);
	ASSERT_EQ(CALL(skb_vlan_push, P(&c), 0x0081, 5), 0);
	ASSERT_EQ(CALL(skb_vlan_push, P(&c), 0x0081, 6), -ENOMEM);
	ASSERT_EQ(c.len, 200);
}

TEST(flow_hash_is_of_the_flow)
{
	static uint8_t buf[512];
	struct packet p;
	struct skb_ctx c;
	uint32_t there, back;
	uint8_t ip[4], port[2];

	make_packet(&p, 98);
	memcpy(buf, p.data, p.len);
	ASSERT_EQ(skb_ctx_init(&c, buf, sizeof(buf), 0, p.len, true), 0);
	there = (uint32_t)CALL(get_hash_recalc, P(&c));
	ASSERT(there && c.hash == there);
	/* The answer. */
	memcpy(ip, buf + 26, 4);
	memcpy(buf + 26, buf + 30, 4);
	memcpy(buf + 30, ip, 4);
	memcpy(port, buf + 34, 2);
	memcpy(buf + 34, buf + 36, 2);
	memcpy(buf + 36, port, 2);
	ASSERT_EQ(CALL(get_hash_recalc, P(&c)), there); /* remembered */
	CALL(set_hash_invalid, P(&c));
	back = (uint32_t)CALL(get_hash_recalc, P(&c));
	ASSERT_EQ(there, back);
	buf[37] ^= 1;
	CALL(skb_store_bytes, P(&c), 0, P(buf), 1, BPF_F_INVALIDATE_HASH);
	ASSERT_NE(CALL(get_hash_recalc, P(&c)), there);
}

TEST(redirect_records_where_to)
{
	struct skep_prog tc = { .type = BPF_PROG_TYPE_SCHED_CLS };
	struct xdp_ctx x = { 0 };
	struct skb_ctx c = { 0 };

	test_run()->ctx = &x;
	ASSERT_EQ(CALL(redirect, 7, 0), XDP_REDIRECT);
	ASSERT_EQ(x.redirect_ifindex, 7);
	ASSERT_EQ(CALL(redirect, 8, 1), XDP_ABORTED);
	ASSERT_EQ(x.redirect_ifindex, 7);
	test_run()->prog = &tc;
	test_run()->ctx = &c;
	ASSERT_EQ(CALL(redirect, 7, BPF_F_INGRESS), TC_ACT_REDIRECT);
	ASSERT(c.redirect_ifindex == 7 && c.redirect_flags == BPF_F_INGRESS);
	ASSERT_EQ(CALL(redirect, 8, 2), TC_ACT_SHOT);
}

/* --- LD_ABS ------------------------------------------------------------------------------------
 */

static void ld_abs(uint32_t type, int32_t off, uint32_t size)
{
	static const uint8_t code[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W };
	const struct bpf_insn insns[] = {
		I_MOV_REG(6, 1),
		{ .code = BPF_LD | BPF_ABS | code[size], .imm = off },
		I_EXIT,
	};
	static uint8_t buf[512];
	struct host_run r = { 0 };
	struct packet p;
	struct skb_ctx c;
	uint64_t v = 0;
	int fd;

	make_packet(&p, 98);
	memcpy(buf + 64, p.data, p.len);
	ASSERT_EQ(skb_ctx_init(&c, buf, sizeof(buf), 64, p.len, type == BPF_PROG_TYPE_SCHED_CLS),
		  0);
	r.in = p.data;
	r.n_in = p.len;
	fd = host_load(&(struct host_prog){ type, 0, 0, insns, 3 });
	ASSERT_GE(fd, 0);
	ASSERT_EQ(host_run(fd, type, &r), 0);
	close(fd);
	if (!helper_ld_abs(test_run(), &c, off, size, &v))
		ASSERT_EQ(v, 0);
	ASSERT_MSG(v == r.retval, "type %u, %u bytes at %d: host %#x, ours %#llx", type, size, off,
		   r.retval, (unsigned long long)v);
}

TEST(ld_abs_is_the_hosts)
{
	static const int32_t offs[] = {
		0,
		1,
		12,
		80,
		82,
		83,
		84,
		94,
		95,
		96,
		97,
		98,
		99,
		INT32_MAX,
		INT32_MIN,
		-1,
		-0x1000,
		-0x100000,
		-0x100000 + 9,
		-0x100000 + 83,
		-0x100000 + 84,
		-0x100001,
		-0x200000,
		-0x200000 + 12,
		-0x200000 + 97,
		-0x200000 + 98,
		-0x200001,
	};

	host_required();
	for (size_t i = 0; i < ARRAY_SIZE(offs); i++) {
		for (uint32_t size = 1; size <= 4; size *= 2) {
			ld_abs(BPF_PROG_TYPE_SCHED_CLS, offs[i], size);
			ld_abs(BPF_PROG_TYPE_SOCKET_FILTER, offs[i], size);
		}
	}
}
