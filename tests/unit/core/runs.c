/* SPDX-License-Identifier: BSD-2-Clause */
/* PROG_TEST_RUN: data, contexts, results. */
#include "tests/unit/core/core_test.h"

#include <net/ethernet.h>
#include <netinet/ip.h>

static long run(union core_attr *a, long prog)
{
	a->a.test.prog_fd = (uint32_t)prog;
	return bpf_call(BPF_PROG_TEST_RUN, a);
}

TEST(run_checks_attributes)
{
	uint8_t data[64] = { 0 };
	union core_attr a = attr_zero;
	long xdp, probe;

	a.a.test.data_in = PTR(data);
	a.a.test.data_size_in = 64;
	core_start(NULL);
	xdp = prog_return(BPF_PROG_TYPE_XDP, XDP_PASS);
	probe = prog_return(BPF_PROG_TYPE_KPROBE, 0);
	ASSERT_EQ(run(&a, xdp), 0);
	ASSERT_EQ(a.a.test.retval, XDP_PASS);
	ASSERT_EQ(a.a.test.data_size_out, 64);
	ASSERT_EQ(run(&a, probe), -ENOTSUPP);
	ASSERT_EQ(run(&a, 999), -EBADF);
	ASSERT_EQ(run(&a, map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0)), -EINVAL);
	a.a.test.ctx_size_in = 4;
	ASSERT_EQ(run(&a, xdp), -EINVAL);
	a.a.test.ctx_size_in = 0;
	a.a.test.data_size_in = 13;
	ASSERT_EQ(run(&a, xdp), -EINVAL);
	a.a.test.data_size_in = 64;
	a.a.test.data_in = 8;
	ASSERT_EQ(run(&a, xdp), -EFAULT);
	a.a.test.data_in = PTR(data);
	a.a.test.flags = 1;
	ASSERT_EQ(run(&a, xdp), -EINVAL);
	a.a.test.flags = 0;
	a.a.test.batch_size = 1;
	ASSERT_EQ(run(&a, xdp), -EINVAL);
	a.a.test.batch_size = 0;
	a.a.test.repeat = 1000;
	ASSERT_EQ(run(&a, xdp), 0);
	core_stop();
}

/* data[0] = 0xab, after a look at data_end. */
static long xdp_writer(void)
{
	const struct bpf_insn insns[] = {
		LDX(BPF_W, 2, 1, offsetof(struct xdp_md, data)),
		LDX(BPF_W, 3, 1, offsetof(struct xdp_md, data_end)),
		MOVR(4, 2),
		ADD(4, 1),
		MOV(0, XDP_DROP),
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 2 },
		ST(BPF_B, 2, 0, 0xab),
		MOV(0, XDP_TX),
		EXIT,
	};

	return prog_load(BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
}

TEST(run_xdp_gives_the_packet_back)
{
	uint8_t in[64], out[80];
	union core_attr a = attr_zero;
	long prog;

	a.a.test.data_in = PTR(in);
	a.a.test.data_size_in = 64;
	a.a.test.data_out = PTR(out);
	a.a.test.data_size_out = 80;
	core_start(NULL);
	prog = xdp_writer();
	ASSERT_GE(prog, 0);
	memset(in, 0x11, sizeof(in));
	memset(out, 0xee, sizeof(out));
	ASSERT_EQ(run(&a, prog), 0);
	ASSERT_EQ(a.a.test.retval, XDP_TX);
	ASSERT_EQ(a.a.test.data_size_out, 64);
	ASSERT_EQ(out[0], 0xab);
	ASSERT_EQ(out[1], 0x11);
	ASSERT_EQ(out[64], 0xee);
	/* Too little room: as much as fits, the true size, and -ENOSPC. */
	memset(out, 0xee, sizeof(out));
	a.a.test.data_size_out = 32;
	ASSERT_EQ(run(&a, prog), -ENOSPC);
	ASSERT_EQ(a.a.test.data_size_out, 64);
	ASSERT_EQ(a.a.test.retval, XDP_TX);
	ASSERT_EQ(out[31], 0x11);
	ASSERT_EQ(out[32], 0xee);
	core_stop();
}

TEST(run_xdp_context)
{
	uint8_t in[64] = { 0 };
	struct xdp_md md = { .data = 8, .data_end = 64 }, out = { 0 };
	const struct bpf_insn insns[] = {
		/* The first byte of the metadata. */
		LDX(BPF_W, 2, 1, offsetof(struct xdp_md, data_meta)),
		LDX(BPF_W, 3, 1, offsetof(struct xdp_md, data)),
		MOVR(4, 2),
		ADD(4, 1),
		MOV(0, 0),
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 1 },
		LDX(BPF_B, 0, 2, 0),
		EXIT,
	};
	union core_attr a = attr_zero;
	long prog;

	a.a.test.data_in = PTR(in);
	a.a.test.data_size_in = 64;
	a.a.test.ctx_in = PTR(&md);
	a.a.test.ctx_size_in = sizeof(md);
	a.a.test.ctx_out = PTR(&out);
	a.a.test.ctx_size_out = sizeof(out);
	core_start(NULL);
	prog = prog_load(BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	ASSERT_GE(prog, 0);
	in[0] = 99;
	ASSERT_EQ(run(&a, prog), 0);
	ASSERT_EQ(a.a.test.retval, 99);
	ASSERT_EQ(out.data, 8);
	ASSERT_EQ(out.data_end, 64);
	ASSERT_EQ(a.a.test.ctx_size_out, sizeof(out));
	md.data = 6;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	md.data = 0;
	md.data_meta = 4;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	md.data_meta = 0;
	md.data_end = 65;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	md.data_end = 64;
	md.egress_ifindex = 1;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	md.egress_ifindex = 0;
	md.ingress_ifindex = 0x7ffffff0;
	ASSERT_EQ(run(&a, prog), -ENODEV);
	md.ingress_ifindex = 1;
	ASSERT_EQ(run(&a, prog), 0);
	md.rx_queue_index = 5;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	core_stop();
}

TEST(run_xdp_long_packets_travel_behind)
{
	static uint8_t in[20000], out[20000];
	union core_attr a = attr_zero;
	long prog;

	a.a.test.data_in = PTR(in);
	a.a.test.data_size_in = sizeof(in);
	a.a.test.data_out = PTR(out);
	a.a.test.data_size_out = sizeof(out);
	core_start(NULL);
	prog = xdp_writer();
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	ASSERT_EQ(run(&a, prog), 0);
	ASSERT_EQ(a.a.test.data_size_out, sizeof(in));
	ASSERT_EQ(out[0], 0xab);
	ASSERT_MEMEQ(in + 1, out + 1, sizeof(in) - 1);
	a.a.test.data_size_in = 4096 * 19;
	a.a.test.data_in = PTR(in); /* far too long, but never read */
	ASSERT(run(&a, prog) < 0);
	core_stop();
}

/* --- skb ---------------------------------------------------------------------------------------
 */

static void ipv4_packet(uint8_t p[64])
{
	struct ether_header eth = { .ether_type = htons(ETHERTYPE_IP) };
	struct iphdr ip = { .version = 4, .ihl = 5, .tot_len = htons(50), .protocol = 17 };

	memset(p, 0, 64);
	memcpy(p, &eth, sizeof(eth));
	memcpy(p + 14, &ip, sizeof(ip));
	for (int i = 34; i < 64; i++)
		p[i] = (uint8_t)i;
}

TEST(run_tc_and_socket_filters)
{
	uint8_t in[64], out[64];
	const struct bpf_insn len[] = { LDX(BPF_W, 0, 1, offsetof(struct __sk_buff, len)), EXIT };
	union core_attr a = attr_zero;

	a.a.test.data_in = PTR(in);
	a.a.test.data_size_in = 64;
	a.a.test.data_out = PTR(out);
	a.a.test.data_size_out = 64;
	core_start(NULL);
	ipv4_packet(in);
	ASSERT_EQ(run(&a, prog_load(BPF_PROG_TYPE_SCHED_CLS, len, 2)), 0);
	ASSERT_EQ(a.a.test.retval, 64);
	ASSERT_MEMEQ(in, out, 64);
	/* A socket filter does not see the Ethernet header; it comes back empty. */
	ASSERT_EQ(run(&a, prog_load(BPF_PROG_TYPE_SOCKET_FILTER, len, 2)), 0);
	ASSERT_EQ(a.a.test.retval, 50);
	ASSERT_EQ(a.a.test.data_size_out, 64);
	ASSERT_EQ(out[12], 0);
	ASSERT_MEMEQ(in + 14, out + 14, 50);
	/* An IPv4 packet that ends within its header. */
	a.a.test.data_size_in = 20;
	ASSERT_EQ(run(&a, prog_load(BPF_PROG_TYPE_SCHED_CLS, len, 2)), -EINVAL);
	core_stop();
}

TEST(run_skb_context)
{
	uint8_t in[64];
	struct __sk_buff ctx = { .mark = 5, .priority = 7 }, out = { 0 };
	const struct bpf_insn insns[] = {
		LDX(BPF_W, 0, 1, offsetof(struct __sk_buff, mark)),
		MOV(2, 9),
		STX(BPF_W, 1, 2, offsetof(struct __sk_buff, mark)),
		EXIT,
	};
	union core_attr a = attr_zero;
	long prog;

	a.a.test.data_in = PTR(in);
	a.a.test.data_size_in = 64;
	a.a.test.ctx_in = PTR(&ctx);
	a.a.test.ctx_size_in = sizeof(ctx);
	a.a.test.ctx_out = PTR(&out);
	a.a.test.ctx_size_out = sizeof(out);
	core_start(NULL);
	ipv4_packet(in);
	prog = prog_load(BPF_PROG_TYPE_SCHED_CLS, insns, ARRAY_SIZE(insns));
	ASSERT_GE(prog, 0);
	ASSERT_EQ(run(&a, prog), 0);
	ASSERT_EQ(a.a.test.retval, 5);
	ASSERT_EQ(out.mark, 9);
	ASSERT_EQ(out.priority, 7);
	a.a.test.ctx_size_out = 8;
	ASSERT_EQ(run(&a, prog), -ENOSPC);
	ASSERT_EQ(a.a.test.ctx_size_out, sizeof(out));
	a.a.test.ctx_size_out = sizeof(out);
	ctx.len = 1;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	ctx.len = 0;
	ctx.ifindex = 0x7ffffff0;
	ASSERT_EQ(run(&a, prog), -ENODEV);
	core_stop();
}

/* --- contexts that are plain memory ------------------------------------------------------------
 */

TEST(run_raw_tracepoint)
{
	uint64_t args[12] = { 3, 40 };
	const struct bpf_insn insns[] = {
		LDX(BPF_DW, 0, 1, 0),
		LDX(BPF_DW, 2, 1, 8),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 0, .src_reg = 2 },
		EXIT,
	};
	const struct bpf_insn cpu[] = { CALL(BPF_FUNC_get_smp_processor_id), EXIT };
	union core_attr a = attr_zero;
	long prog, on_cpu;

	a.a.test.ctx_in = PTR(args);
	a.a.test.ctx_size_in = 16;
	core_start(NULL);
	prog = prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, ARRAY_SIZE(insns));
	ASSERT_GE(prog, 0);
	ASSERT_EQ(run(&a, prog), 0);
	ASSERT_EQ(a.a.test.retval, 43);
	a.a.test.ctx_size_in = 8; /* the program reads 16 */
	ASSERT_EQ(run(&a, prog), -EINVAL);
	a.a.test.ctx_size_in = 97;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	a.a.test.ctx_size_in = 96;
	ASSERT_EQ(run(&a, prog), 0);
	a.a.test.repeat = 2;
	ASSERT_EQ(run(&a, prog), -EINVAL);
	a.a.test.repeat = 0;
	a.a.test.cpu = 1;
	ASSERT_EQ(run(&a, prog), -EINVAL);

	on_cpu = prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, cpu, ARRAY_SIZE(cpu));
	a.a.test.flags = BPF_F_TEST_RUN_ON_CPU;
	for (uint32_t i = 0; i < (uint32_t)sysconf(_SC_NPROCESSORS_CONF); i++) {
		a.a.test.cpu = i;
		ASSERT_EQ(run(&a, on_cpu), 0);
		ASSERT_EQ(a.a.test.retval, i);
	}
	a.a.test.cpu = 100000;
	ASSERT_EQ(run(&a, on_cpu), -ENXIO);
	core_stop();
}

TEST(run_syscall_programs_make_maps)
{
	struct {
		uint64_t in, out;
	} ctx = { 5, 0 };
	union core_attr create = attr_zero;
	long map, prog;
	uint32_t key = 0;
	uint64_t value = 0;

	create.a.map_type = BPF_MAP_TYPE_ARRAY;
	create.a.key_size = 4;
	create.a.value_size = 8;
	create.a.max_entries = 1;
	core_start(NULL);
	/* The attributes lie in a map, where the program finds them. */
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, ATTR_SIZE, 1, 0);
	ASSERT_EQ(map_update(map, &key, &create, 0), 0);
	{
		const struct bpf_insn insns[] = {
			MOVR(6, 1),
			MOV(1, BPF_MAP_CREATE),
			LD_PSEUDO(2, BPF_PSEUDO_MAP_VALUE, (int32_t)map, 0),
			MOV(3, ATTR_SIZE),
			CALL(BPF_FUNC_sys_bpf),
			STX(BPF_DW, 6, 0, 8),
			MOV(0, 0),
			EXIT,
		};
		union core_attr a = attr_zero;

		a.a.test.ctx_in = PTR(&ctx);
		a.a.test.ctx_size_in = sizeof(ctx);
		prog = prog_load(BPF_PROG_TYPE_SYSCALL, insns, ARRAY_SIZE(insns));
		ASSERT_GE(prog, 0);
		ASSERT_EQ(run(&a, prog), 0);
		ASSERT_GT((int64_t)ctx.out, 0);
		ASSERT_EQ(map_lookup((long)ctx.out, &key, &value, 0), 0);
		a.a.test.repeat = 1;
		ASSERT_EQ(run(&a, prog), -EINVAL);
		a.a.test.repeat = 0;
		a.a.test.ctx_size_in = 8;
		ASSERT_EQ(run(&a, prog), -EINVAL);
	}
	core_stop();
}

/* --- the interpreter's checks ------------------------------------------------------------------
 */

TEST(run_never_leaves_the_programs_memory)
{
	struct skep_kernel_opts opts = { .engine = SKEP_ENGINE_INTERP };
	const struct bpf_insn insns[] = {
		/* 100 bytes beyond the packet's end: only the abstract verifier would see it. */
		LDX(BPF_W, 2, 1, offsetof(struct xdp_md, data_end)),
		LDX(BPF_W, 3, 1, offsetof(struct xdp_md, data)),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = 65536 },
		LDX(BPF_B, 0, 2, 0),
		EXIT,
	};
	uint32_t ret;
	long prog;

	core_start(&opts);
	prog = prog_load(BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	/* The verifier refuses it, or the interpreter stops it: there is no third way. */
	if (prog >= 0) {
		ASSERT_EQ(prog_run_once(prog, &ret), -EFAULT);
		ASSERT_STRHAS(skep_last_error(), "insn 3: address 0x");
	} else {
		ASSERT_EQ(prog, -EACCES);
	}
	core_stop();
}

static size_t traced;

static void on_trace(void *arg, const char *line, size_t n)
{
	ASSERT_STRHAS(line, "bpf_trace_printk: hi");
	traced += n;
}

TEST(run_prints_lines)
{
	struct skep_kernel_opts opts = { .trace = on_trace };
	const struct bpf_insn insns[] = {
		ST(BPF_DW, 10, -8, 'h' | 'i' << 8 | '\n' << 16),
		MOVR(1, 10),
		ADD(1, -8),
		MOV(2, 4),
		CALL(BPF_FUNC_trace_printk),
		EXIT,
	};
	uint32_t ret;
	long prog;

	core_start(&opts);
	prog = prog_load(BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	ASSERT_MSG(prog >= 0, "%ld: %s", prog, skep_last_error());
	ASSERT_EQ(prog_run_once(prog, &ret), 0);
	ASSERT_GT(traced, 0);
	core_stop();
}
