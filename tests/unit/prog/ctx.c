/* SPDX-License-Identifier: BSD-2-Clause */
/* ctx.c - context tables beside the host's verifier, and contexts beside its test runs */
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "prog/prog.h"
#include "tests/harness/host.h"
#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <unistd.h>

/* The kinds of access that a program can make. */
enum { LOAD, LOAD_SIGNED, STORE, _KINDS };

static const uint8_t size_code[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };

/* A type whose table is compared, over which offsets. */
struct judged {
	uint32_t type, attach, flags;
	uint32_t from, to;
	int32_t ret;	/* what the type lets a program return */
	bool no_stores; /* the host's kernel is newer and lets programs write here */
};

static bool host_accepts(const struct judged *j, int kind, uint32_t off, uint32_t size)
{
	struct bpf_insn insns[] = {
		I_MOV_IMM(2, 0),
		I_LDX(size_code[size], 3, 1, (int16_t)off),
		I_MOV_IMM(0, j->ret),
		I_EXIT,
	};
	struct host_prog p = { j->type, j->attach, j->flags, insns, ARRAY_SIZE(insns) };
	int fd;

	if (kind == LOAD_SIGNED)
		insns[1] = (struct bpf_insn)I_LDSX(size_code[size], 3, 1, (int16_t)off);
	else if (kind == STORE)
		insns[1] = (struct bpf_insn)I_STX(size_code[size], 1, 2, (int16_t)off);
	fd = host_load(&p);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool we_accept(const struct judged *j, int kind, uint32_t off, uint32_t size)
{
	struct skep_prog p = {
		.type = j->type,
		.expected_attach_type = j->attach,
		.kind = prog_type(j->type),
	};

	return prog_ctx_access(&p, &(struct ctx_access){ .off = off,
							 .size = size,
							 .write = kind == STORE,
							 .sign = kind == LOAD_SIGNED });
}

static void compare(const struct judged *j)
{
	static const char *const words[] = { "load", "signed load", "store" };

	host_required();
	for (uint32_t off = j->from; off < j->to; off++) {
		for (uint32_t size = 1; size <= 8; size *= 2) {
			for (int kind = 0; kind < _KINDS; kind++) {
				bool host, ours;

				if ((kind == LOAD_SIGNED && size == 8) ||
				    (kind == STORE && j->no_stores))
					continue;
				host = host_accepts(j, kind, off, size);
				ours = we_accept(j, kind, off, size);
				ASSERT_MSG(host == ours,
					   "%s: %s of %u bytes at %u: host %d, ours %d",
					   prog_type(j->type)->name, words[kind], size, off, host,
					   ours);
			}
		}
	}
}

#define SKB_END (sizeof(struct __sk_buff) + 8)

TEST_LIMIT(ctx_of_socket_filter_is_the_hosts, 120)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SOCKET_FILTER, .to = SKB_END });
}

TEST_LIMIT(ctx_of_sched_cls_is_the_hosts, 120)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SCHED_CLS, .to = SKB_END });
}

TEST_LIMIT(ctx_of_cgroup_skb_is_the_hosts, 120)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_CGROUP_SKB, .to = SKB_END });
}

TEST(ctx_of_xdp_is_the_hosts)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_XDP, .to = 32 });
}

TEST(ctx_of_xdp_behind_a_devmap_is_the_hosts)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_XDP, .attach = BPF_XDP_DEVMAP, .to = 32 });
}

TEST(ctx_of_raw_tracepoint_is_the_hosts)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .to = 104 });
}

TEST(ctx_of_tracing_types_is_the_hosts)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_KPROBE, .to = 180, .no_stores = true });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_TRACEPOINT, .to = 24 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_TRACEPOINT, .from = 8180, .to = 8200 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_PERF_EVENT, .to = 200 });
}

/* Types that are judged only. */
TEST_LIMIT(ctx_of_skbs_elsewhere_is_the_hosts, 120)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_LWT_IN, .to = SKB_END });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_LWT_XMIT, .to = SKB_END });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SK_SKB, .to = SKB_END });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_FLOW_DISSECTOR, .to = SKB_END });
}

TEST(ctx_of_sockets_is_the_hosts)
{
	static const uint32_t hooks[] = { BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET4_POST_BIND,
					  BPF_CGROUP_INET6_POST_BIND,
					  BPF_CGROUP_INET_SOCK_RELEASE };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		compare(&(struct judged){
			.type = BPF_PROG_TYPE_CGROUP_SOCK, .attach = hooks[i], .to = 84 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SOCK_OPS, .to = 232 });
	compare(&(struct judged){
		.type = BPF_PROG_TYPE_SK_LOOKUP, .attach = BPF_SK_LOOKUP, .to = 76 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SK_MSG, .to = 88 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_SK_REUSEPORT, .to = 64 });
}

TEST(ctx_of_addresses_is_the_hosts)
{
	static const uint32_t hooks[] = { BPF_CGROUP_INET4_BIND,   BPF_CGROUP_INET6_CONNECT,
					  BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG,
					  BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_INET4_GETPEERNAME };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		compare(&(struct judged){ .type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
					  .attach = hooks[i],
					  .to = 76,
					  .ret = 1 });
}

TEST(ctx_of_cgroups_is_the_hosts)
{
	compare(&(struct judged){ .type = BPF_PROG_TYPE_CGROUP_DEVICE, .to = 16 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_CGROUP_SYSCTL, .to = 12 });
	compare(&(struct judged){
		.type = BPF_PROG_TYPE_CGROUP_SOCKOPT, .attach = BPF_CGROUP_GETSOCKOPT, .to = 44 });
	compare(&(struct judged){
		.type = BPF_PROG_TYPE_CGROUP_SOCKOPT, .attach = BPF_CGROUP_SETSOCKOPT, .to = 44 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_NETFILTER, .attach = 45, .to = 20 });
	compare(&(struct judged){ .type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, .to = 104 });
}

TEST(ctx_of_syscall_is_the_hosts)
{
	compare(&(struct judged){
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE, .to = 24 });
}

/* --- contexts themselves ---------------------------------------------------------------------- */

struct frame {
	uint8_t buf[512];
	size_t len;
};

static void frame_make(struct frame *f, const uint8_t dst[6], uint16_t type, size_t payload)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->buf + SKB_HEADROOM, dst, 6);
	f->buf[SKB_HEADROOM + 12] = (uint8_t)(type >> 8);
	f->buf[SKB_HEADROOM + 13] = (uint8_t)type;
	for (size_t i = 0; i < payload; i++)
		f->buf[SKB_HEADROOM + 14 + i] = (uint8_t)(i + 1);
	f->len = 14 + payload;
}

static const uint8_t unicast[6] = { 2, 0, 0, 0, 0, 1 }, nobody[6],
		     broadcast[6] = { 255, 255, 255, 255, 255, 255 },
		     multicast[6] = { 1, 0, 0x5e, 0, 0, 1 };

/* What a program of that type reads from a field on the host. */
static uint32_t host_field(uint32_t type, const struct ctx_field *fld, const struct frame *f)
{
	uint8_t code = fld->size == 8 ? BPF_DW : fld->size == 1 ? BPF_B : BPF_W;
	const struct bpf_insn insns[] = { I_LDX(code, 0, 1, (int16_t)fld->off), I_EXIT };
	struct host_run r = { .in = f->buf + SKB_HEADROOM, .n_in = (uint32_t)f->len };
	int fd = host_load(&(struct host_prog){ type, 0, 0, insns, 2 });

	ASSERT_GE(fd, 0);
	ASSERT_EQ(host_run(fd, type, &r), 0);
	close(fd);
	return r.retval;
}

static void fields_are_the_hosts(uint32_t type, struct frame *f)
{
	const struct prog_type *t = prog_type(type);
	struct skb_ctx c;

	ASSERT_EQ(skb_ctx_init(&c, f->buf, sizeof(f->buf), SKB_HEADROOM, f->len,
			       type == BPF_PROG_TYPE_SCHED_CLS),
		  0);
	for (uint32_t i = 0; i < t->nr_fields; i++) {
		const struct ctx_field *fld = &t->fields[i];
		uint32_t ours = 0, host;

		if (fld->kind != CTX_SCALAR && fld->kind != CTX_EXACT)
			continue;
		/* PROG_TEST_RUN leaves it 0 where no context is given; a device sets it. */
		if (!strcmp(fld->name, "wire_len"))
			continue;
		memcpy(&ours, (uint8_t *)&c + fld->real_off, fld->size < 4 ? fld->size : 4);
		host = host_field(type, fld, f);
		ASSERT_MSG(ours == host, "%s %s: host %#x, ours %#x", t->name, fld->name, host,
			   ours);
	}
}

TEST(skb_fields_hold_what_the_host_shows)
{
	static const struct {
		const uint8_t *dst;
		uint16_t type;
	} frames[] = {
		{ nobody, 0x0800 },    { unicast, 0x86dd },   { broadcast, 0x0806 },
		{ multicast, 0x0800 }, { multicast, 0x002a }, { unicast, 0x8100 },
	};
	struct frame f;

	host_required();
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		frame_make(&f, frames[i].dst, frames[i].type, 60);
		fields_are_the_hosts(BPF_PROG_TYPE_SCHED_CLS, &f);
		fields_are_the_hosts(BPF_PROG_TYPE_SOCKET_FILTER, &f);
	}
}

TEST(skb_init_knows_headers_and_refuses_short_frames)
{
	struct skb_ctx c;
	struct frame f;

	frame_make(&f, unicast, 0x0800, 20);
	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, f.len, true), 0);
	ASSERT(c.data == f.buf + SKB_HEADROOM && c.data == c.mac && c.data_meta == c.data);
	ASSERT(c.data_end == c.data + 34 && c.network == c.mac + 14);
	ASSERT(c.head == f.buf && c.end == f.buf + sizeof(f.buf));
	ASSERT_EQ(c.len, 34);
	ASSERT_EQ(c.pkt_type, PACKET_OTHERHOST);
	ASSERT_EQ(c.protocol, htons(0x0800));

	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, f.len, false), 0);
	ASSERT(c.data == c.network && c.len == 20);

	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, 13, true), -EINVAL);
	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, 33, true), -EINVAL);
	frame_make(&f, unicast, 0x86dd, 39);
	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, f.len, true), -EINVAL);
	/* Raw 802.3: a length, and a payload of ones. */
	frame_make(&f, unicast, 40, 40);
	memset(f.buf + SKB_HEADROOM + 14, 0xff, 2);
	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, f.len, true), 0);
	ASSERT_EQ(c.protocol, htons(ETH_P_802_3));
}

TEST(skb_import_takes_what_ctx_in_may_set_and_nothing_else)
{
	struct __sk_buff in = {
		.mark = 1,
		.priority = 2,
		.ingress_ifindex = 3,
		.ifindex = 1,
		.cb = { 5, 6, 7, 8, 9 },
		.tstamp = 10,
		.wire_len = 100,
		.gso_segs = 11,
		.gso_size = 12,
		.hwtstamp = 13,
	};
	struct __sk_buff out = { 0 }, bad;
	struct skb_ctx c;
	struct frame f;

	frame_make(&f, unicast, 0x0800, 60);
	ASSERT_EQ(skb_ctx_init(&c, f.buf, sizeof(f.buf), SKB_HEADROOM, f.len, true), 0);
	ASSERT_EQ(skb_ctx_import(&c, &in), 0);
	ASSERT_EQ(c.gso_size, 12);
	skb_ctx_export(&c, &out);
	in.gso_size = 0; /* Linux does not give it back */
	ASSERT_MEMEQ(&in, &out, sizeof(in));

	for (size_t off = 0; off < sizeof(bad); off++) {
		const struct ctx_field *fld;
		bool taken;

		memset(&bad, 0, sizeof(bad));
		((uint8_t *)&bad)[off] = 1;
		fld = prog_ctx_field(prog_type(BPF_PROG_TYPE_SCHED_CLS), (uint32_t)off, 1);
		taken = fld && (strstr("mark priority ingress_ifindex ifindex cb tstamp gso_segs "
				       "gso_size hwtstamp",
				       fld->name) ||
				!strcmp(fld->name, "wire_len"));
		if (fld && !strcmp(fld->name, "wire_len"))
			continue;
		if (fld && !strcmp(fld->name, "gso_segs") && off >= fld->off + 2u)
			taken = false; /* beyond GSO_MAX_SEGS */
		ASSERT_MSG(skb_ctx_import(&c, &bad) == (taken ? 0 : -EINVAL), "byte %zu", off);
	}
	memset(&bad, 0, sizeof(bad));
	bad.wire_len = c.len - 1;
	ASSERT_EQ(skb_ctx_import(&c, &bad), -EINVAL);
	bad.wire_len = 65537;
	ASSERT_EQ(skb_ctx_import(&c, &bad), -EINVAL);
}

TEST(xdp_init_describes_the_frame)
{
	uint8_t buf[XDP_FRAME_SIZE - XDP_TAILROOM];
	struct xdp_ctx c;

	xdp_ctx_init(&c, buf, sizeof(buf), XDP_HEADROOM, 60);
	ASSERT(c.data == buf + 256 && c.data_end == c.data + 60 && c.data_meta == c.data);
	ASSERT(c.hard_start == buf && c.hard_end == buf + sizeof(buf));
	ASSERT_EQ(c.ingress_ifindex, 1);
	ASSERT_EQ(c.rx_queue_index, 0);
}
