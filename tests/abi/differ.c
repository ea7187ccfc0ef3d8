/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differ.c - the same bpf(2) calls on Skep and on the host kernel, compared.
 *
 * Both sides have the same objects and the same buffers.  A row of cases.def is one call; its
 * result, what it wrote to the attributes and what it wrote to the buffers must be the same.
 * The host gets no call that could attach anything, pin anything or change a setting.
 */
#include <skep/skep.h>

#include "base/uapi.h"
#include "core/attr.h"
#include "tests/harness/host.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the two sides --------------------------------------------------------------------------- */

enum object {
	O_ARRAY,   /* 4 elements of 8 bytes, the first is 0x1111 */
	O_HASH,	   /* 4 elements of 8 bytes; key 0 holds 0x1111 */
	O_PERCPU,  /* per-CPU array of 2 */
	O_LRU,	   /* LRU hash */
	O_PROGS,   /* program array of 2 */
	O_RING,	   /* ring buffer */
	O_QUEUE,   /* queue of 2, one value in it */
	O_STACK,   /* stack of 2, empty */
	O_TRIE,	   /* LPM trie of 4 IPv4 prefixes, one in it: B_NET */
	O_BLOOM,   /* bloom filter for 8 bytes, one value in it */
	O_STACKS,  /* stack traces, empty */
	O_EVENTS,  /* perf event array, empty */
	O_DEVICES, /* devmap, empty */
	O_CPUS,	   /* cpumap, empty */
	O_OUTER,   /* array of maps like O_ARRAY */
	O_RDONLY,  /* array, descriptor read-only */
	O_WRONLY,  /* array, descriptor write-only */
	O_FROZEN,  /* array, frozen */
	O_XDP,	   /* r0 = 2 */
	O_FILTER,  /* socket filter, r0 = len */
	O_TC,	   /* r0 = len */
	O_RAW,	   /* raw tracepoint, r0 = args[0] + args[1] */
	O_SYSCALL, /* r0 = 0 */
	O_PROBE,   /* kprobe: cannot be run */
	O_BTF,	   /* one int */
	_O_MAX,
};

enum buffer {
	B_KEY,	       /* 0 */
	B_KEY2,	       /* 2 */
	B_KEY_FAR,     /* 0xffffffff */
	B_NONE,	       /* a key that no hash has */
	B_VALUE,       /* zeroes */
	B_1111,	       /* 0x1111 in 8 bytes */
	B_NET,	       /* 10.0.0.0/8 */
	B_NET_FAR,     /* 10.0.0.0/33 */
	B_KEYS,	       /* 0, 1, 2, 3 */
	B_TOKEN,       /* of batches */
	B_PACKET,      /* IPv4 */
	B_OUT,	       /* zeroes */
	B_ARGS,	       /* 3, 40 */
	B_MD,	       /* struct xdp_md: 0..64 */
	B_MD_BAD,      /* the same with metadata of 6 */
	B_SKB,	       /* struct __sk_buff: mark */
	B_SKB_BAD,     /* the same with a length */
	B_INFO,	       /* zeroes */
	B_INFO_BAD,    /* not zeroes at the end */
	B_LOG,	       /* zeroes */
	B_GPL,	       /* "GPL" */
	B_INSNS,       /* r0 = 0; exit */
	B_INSNS_BAD,   /* r0 = r5; exit */
	B_INSNS_MAP,   /* r1 = map 999; r0 = 0; exit */
	B_INSNS_OP,    /* an opcode that does not exist */
	B_INSNS_TRUNC, /* LD_IMM64's first half */
	B_BTF,	       /* one int */
	B_BTF_BAD,     /* the same with an unknown kind */
	B_PATH,	       /* "/tmp/skep-abi-none/x" */
	B_PATH_TMP,    /* "/tmp/skep-abi-not-a-bpffs" */
	_B_MAX,
};

#define BUFFER_SIZE 512

struct side {
	const char *name;
	struct skep_kernel *k; /* NULL: the host */
	int fd[_O_MAX];
	uint8_t buf[_B_MAX][BUFFER_SIZE] __attribute__((aligned(8)));
};

static struct side ours = { .name = "skep" }, host = { .name = "host" };

static long call(struct side *s, int cmd, void *attr, uint32_t size)
{
	long r;

	if (s->k)
		return skep_kernel_bpf(s->k, cmd, attr, size);
	r = syscall(SYS_bpf, cmd, attr, size);
	return r < 0 ? -errno : r;
}

/* --- objects --------------------------------------------------------------------------------- */

static int must(struct side *s, int cmd, union core_attr *attr)
{
	long r = call(s, cmd, attr, ATTR_SIZE);

	ASSERT_MSG(r >= 0, "%s: command %d: %ld %s", s->name, cmd, r, skep_last_error());
	return (int)r;
}

static int make_map(struct side *s, uint32_t type, uint32_t key, uint32_t value, uint32_t max,
		    uint32_t flags, int inner)
{
	union core_attr a;

	memset(&a, 0, sizeof(a));
	a.a.map_type = type;
	a.a.key_size = key;
	a.a.value_size = value;
	a.a.max_entries = max;
	a.a.map_flags = flags;
	a.a.inner_map_fd = (uint32_t)inner;
	return must(s, BPF_MAP_CREATE, &a);
}

static void put(struct side *s, int map, const void *key)
{
	static const uint64_t value = 0x1111;
	union core_attr a;

	memset(&a, 0, sizeof(a));
	a.a.map_fd = (uint32_t)map;
	a.a.key = (uintptr_t)key;
	a.a.value = (uintptr_t)&value;
	must(s, BPF_MAP_UPDATE_ELEM, &a);
}

static int make_prog(struct side *s, uint32_t type, const struct bpf_insn *insns, uint32_t cnt)
{
	union core_attr a;

	memset(&a, 0, sizeof(a));
	a.a.prog_type = type;
	a.a.insns = (uintptr_t)insns;
	a.a.insn_cnt = cnt;
	a.a.license = (uintptr_t) "GPL";
	a.a.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	return must(s, BPF_PROG_LOAD, &a);
}

static void make_objects(struct side *s)
{
	static const struct bpf_insn two[] = { I_MOV_IMM(0, 2), I_EXIT };
	static const struct bpf_insn zero[] = { I_MOV_IMM(0, 0), I_EXIT };
	static const struct bpf_insn len[] = { I_LDX(BPF_W, 0, 1, offsetof(struct __sk_buff, len)),
					       I_EXIT };
	static const struct bpf_insn sum[] = {
		I_LDX(BPF_DW, 0, 1, 0),
		I_LDX(BPF_DW, 2, 1, 8),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 0, .src_reg = 2 },
		I_EXIT
	};
	union core_attr a;

	s->fd[O_ARRAY] = make_map(s, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0, 0);
	s->fd[O_HASH] = make_map(s, BPF_MAP_TYPE_HASH, 4, 8, 4, 0, 0);
	put(s, s->fd[O_ARRAY], s->buf[B_KEY]);
	put(s, s->fd[O_HASH], s->buf[B_KEY]);
	s->fd[O_PERCPU] = make_map(s, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2, 0, 0);
	s->fd[O_LRU] = make_map(s, BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0, 0);
	s->fd[O_PROGS] = make_map(s, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0, 0);
	s->fd[O_RING] = make_map(s, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, 0);
	s->fd[O_QUEUE] = make_map(s, BPF_MAP_TYPE_QUEUE, 0, 8, 2, 0, 0);
	s->fd[O_STACK] = make_map(s, BPF_MAP_TYPE_STACK, 0, 8, 2, 0, 0);
	s->fd[O_BLOOM] = make_map(s, BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 1000, 0, 0);
	s->fd[O_TRIE] = make_map(s, BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, BPF_F_NO_PREALLOC, 0);
	s->fd[O_STACKS] = make_map(s, BPF_MAP_TYPE_STACK_TRACE, 4, 8, 4, 0, 0);
	s->fd[O_EVENTS] = make_map(s, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0, 0);
	s->fd[O_DEVICES] = make_map(s, BPF_MAP_TYPE_DEVMAP, 4, 8, 4, 0, 0);
	s->fd[O_CPUS] = make_map(s, BPF_MAP_TYPE_CPUMAP, 4, 8, 4, 0, 0);
	put(s, s->fd[O_QUEUE], NULL);
	put(s, s->fd[O_BLOOM], NULL);
	put(s, s->fd[O_TRIE], s->buf[B_NET]);
	s->fd[O_OUTER] = make_map(s, BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, 0, s->fd[O_ARRAY]);
	s->fd[O_RDONLY] = make_map(s, BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_RDONLY, 0);
	s->fd[O_WRONLY] = make_map(s, BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_WRONLY, 0);
	s->fd[O_FROZEN] = make_map(s, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0, 0);
	memset(&a, 0, sizeof(a));
	a.a.map_fd = (uint32_t)s->fd[O_FROZEN];
	must(s, BPF_MAP_FREEZE, &a);
	s->fd[O_XDP] = make_prog(s, BPF_PROG_TYPE_XDP, two, 2);
	s->fd[O_FILTER] = make_prog(s, BPF_PROG_TYPE_SOCKET_FILTER, len, 2);
	s->fd[O_TC] = make_prog(s, BPF_PROG_TYPE_SCHED_CLS, len, 2);
	s->fd[O_RAW] = make_prog(s, BPF_PROG_TYPE_RAW_TRACEPOINT, sum, 4);
	s->fd[O_SYSCALL] = make_prog(s, BPF_PROG_TYPE_SYSCALL, zero, 2);
	s->fd[O_PROBE] = make_prog(s, BPF_PROG_TYPE_KPROBE, zero, 2);
	memset(&a, 0, sizeof(a));
	a.a.btf = (uintptr_t)s->buf[B_BTF];
	a.a.btf_size = 24 + 16 + 5;
	s->fd[O_BTF] = must(s, BPF_BTF_LOAD, &a);
}

/* --- buffers --------------------------------------------------------------------------------- */

static void fill(struct side *s)
{
	static const struct {
		struct btf_header hdr;
		uint32_t types[4];
		char strings[5];
	} btf = { .hdr = { .magic = BTF_MAGIC,
			   .version = 1,
			   .hdr_len = sizeof(struct btf_header),
			   .type_len = 16,
			   .str_off = 16,
			   .str_len = 5 },
		  .types = { 1, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32 },
		  .strings = "\0int" };
	static const struct bpf_insn good[] = { I_MOV_IMM(0, 0), I_EXIT };
	static const struct bpf_insn bad[] = { I_MOV_REG(0, 5), I_EXIT };
	static const struct bpf_insn map[] = { { .code = BPF_LD | BPF_IMM | BPF_DW,
						 .dst_reg = 1,
						 .src_reg = BPF_PSEUDO_MAP_FD,
						 .imm = 999 },
					       { 0 },
					       I_MOV_IMM(0, 0),
					       I_EXIT };
	static const uint32_t keys[] = { 0, 1, 2, 3 };
	static const uint8_t net[] = { 8, 0, 0, 0, 10, 0, 0, 0 };
	static const uint64_t args[] = { 3, 40 };
	static const struct xdp_md md = { .data_end = 64 }, md_bad = { .data = 6, .data_end = 64 };
	static const struct __sk_buff skb = { .mark = 7 }, skb_bad = { .len = 7 };

	memset(s->buf, 0, sizeof(s->buf));
	s->buf[B_KEY2][0] = 2;
	memset(s->buf[B_KEY_FAR], 0xff, 4);
	s->buf[B_NONE][0] = 77;
	memset(s->buf[B_1111], 0x11, 2);
	memcpy(s->buf[B_NET], net, sizeof(net));
	memcpy(s->buf[B_NET_FAR], net, sizeof(net));
	s->buf[B_NET_FAR][0] = 33;
	memcpy(s->buf[B_KEYS], keys, sizeof(keys));
	s->buf[B_PACKET][12] = 8; /* ETH_P_IP */
	s->buf[B_PACKET][14] = 0x45;
	memcpy(s->buf[B_ARGS], args, sizeof(args));
	memcpy(s->buf[B_MD], &md, sizeof(md));
	memcpy(s->buf[B_MD_BAD], &md_bad, sizeof(md_bad));
	memcpy(s->buf[B_SKB], &skb, sizeof(skb));
	memcpy(s->buf[B_SKB_BAD], &skb_bad, sizeof(skb_bad));
	s->buf[B_INFO_BAD][BUFFER_SIZE - 1] = 1;
	memcpy(s->buf[B_GPL], "GPL", 4);
	memcpy(s->buf[B_INSNS], good, sizeof(good));
	memcpy(s->buf[B_INSNS_BAD], bad, sizeof(bad));
	memcpy(s->buf[B_INSNS_MAP], map, sizeof(map));
	s->buf[B_INSNS_OP][0] = 0xff;
	s->buf[B_INSNS_TRUNC][0] = BPF_LD | BPF_IMM | BPF_DW;
	memcpy(s->buf[B_BTF], &btf, sizeof(btf));
	memcpy(s->buf[B_BTF_BAD], &btf, sizeof(btf));
	s->buf[B_BTF_BAD][24 + 7] = 30;
	strcpy((char *)s->buf[B_PATH], "/tmp/skep-abi-none/x");
	strcpy((char *)s->buf[B_PATH_TMP], "/tmp/skep-abi-not-a-bpffs");
}

/* --- cases ----------------------------------------------------------------------------------- */

enum set_kind { SET_END, SET_NUM, SET_FD, SET_PTR };

struct set {
	enum set_kind kind;
	uint32_t off, len; /* in the attributes */
	uint64_t v;	   /* number, enum object, enum buffer */
};

#define SETS_MAX 14

struct test {
	const char *name;
	int cmd;
	uint32_t size;	/* bytes of attributes, 0: all */
	uint32_t flags; /* LOOSE, OPAQUE */
	struct set set[SETS_MAX];
};

#define OPAQUE 2 /* the batch's token means something to its kernel alone */
#define LOOSE \
	1 /* only the result is compared: outputs differ for good reason (ids, times, texts) */

#define AT(field) offsetof(union core_attr, field), sizeof_field(union core_attr, field)
#define N(field, n)                               \
	{                                         \
		SET_NUM, AT(field), (uint64_t)(n) \
	}
#define F(field, o)                    \
	{                              \
		SET_FD, AT(field), (o) \
	}
#define P(field, b)                     \
	{                               \
		SET_PTR, AT(field), (b) \
	}
#define RAW(off, len, n)                   \
	{                                  \
		SET_NUM, (off), (len), (n) \
	}

#define CASE(name, cmd, size, flags, ...) { name, cmd, size, flags, { __VA_ARGS__ } },
static const struct test tests[] = {
#include "tests/abi/cases.def"
};
#undef CASE

static void build(const struct test *t, struct side *s, uint8_t attr[4096])
{
	memset(attr, 0, 4096);
	for (const struct set *f = t->set; f < t->set + SETS_MAX && f->kind != SET_END; f++) {
		uint64_t v = f->kind == SET_FD	  ? (uint64_t)s->fd[f->v]
			     : f->kind == SET_PTR ? (uintptr_t)s->buf[f->v]
						  : f->v;

		memcpy(attr + f->off, &v, f->len);
	}
}

/* Fields that differ by nature: what held a descriptor or an address, and durations. */
static void blank(const struct test *t, uint8_t *attr)
{
	for (const struct set *f = t->set; f < t->set + SETS_MAX && f->kind != SET_END; f++)
		if (f->kind != SET_NUM)
			memset(attr + f->off, 0, f->len);
	if (t->cmd == BPF_PROG_TEST_RUN)
		memset(attr + offsetof(union bpf_attr, test.duration), 0, 4);
}

static void run_case(void *arg)
{
	const struct test *t = arg;
	uint8_t mine[4096], theirs[4096];
	uint32_t size = t->size ? t->size : ATTR_SIZE;
	long a, b;

	host_required();
	ASSERT_EQ(skep_kernel_new(NULL, &ours.k), 0);
	fill(&ours);
	fill(&host);
	make_objects(&ours);
	make_objects(&host);
	build(t, &ours, mine);
	build(t, &host, theirs);
	a = call(&ours, t->cmd, mine, size);
	b = call(&host, t->cmd, theirs, size);
	ASSERT_MSG(a == b || (a >= 0 && b >= 0), "skep %ld (%s), host %ld", a, skep_last_error(),
		   b);
	if (t->flags & OPAQUE)
		memcpy(ours.buf[B_TOKEN], host.buf[B_TOKEN], BUFFER_SIZE);
	if (!(t->flags & LOOSE)) {
		blank(t, mine);
		blank(t, theirs);
		for (uint32_t i = 0; i < size; i++)
			ASSERT_MSG(mine[i] == theirs[i],
				   "attributes, byte %u: skep %02x, host %02x", i, mine[i],
				   theirs[i]);
		for (int i = 0; i < _B_MAX; i++)
			for (int n = 0; n < BUFFER_SIZE; n++)
				ASSERT_MSG(ours.buf[i][n] == host.buf[i][n],
					   "buffer %d, byte %d: skep %02x, host %02x", i, n,
					   ours.buf[i][n], host.buf[i][n]);
	}
	skep_kernel_free(ours.k);
}

/* Commands that the host must not get, whatever their attributes. */
static bool forbidden(int cmd)
{
	return cmd == BPF_PROG_ATTACH || cmd == BPF_PROG_DETACH || cmd == BPF_RAW_TRACEPOINT_OPEN ||
	       cmd == BPF_LINK_CREATE || cmd == BPF_LINK_UPDATE || cmd == BPF_LINK_DETACH ||
	       cmd == BPF_ITER_CREATE || cmd == BPF_ENABLE_STATS;
}

/* Every command with a byte set where none is used, and too long. */
static void run_tails(void *arg)
{
	uint8_t attr[8192];

	host_required();
	ASSERT_EQ(skep_kernel_new(NULL, &ours.k), 0);
	for (int cmd = 0; cmd < SKEP_CMD_COUNT + 3; cmd++) {
		static const struct {
			uint32_t at, size;
		} tail[] = { { 143, 144 }, { 4000, 4096 }, { 0, 4097 }, { 0, 8192 } };

		/* Newer hosts use byte 143 of PROG_LOAD, and commands after ours. */
		if (forbidden(cmd) || cmd >= SKEP_CMD_COUNT)
			continue;
		for (size_t i = cmd == BPF_PROG_LOAD; i < 4; i++) {
			long a, b;

			memset(attr, 0, sizeof(attr));
			attr[tail[i].at] = 1;
			a = call(&ours, cmd, attr, tail[i].size);
			b = call(&host, cmd, attr, tail[i].size);
			ASSERT_MSG(a == b, "command %d, byte %u of %u: skep %ld, host %ld", cmd,
				   tail[i].at, tail[i].size, a, b);
		}
	}
	skep_kernel_free(ours.k);
}

__attribute__((constructor)) static void register_all(void)
{
	test_register_arg("tails_of_all_commands", run_tails, NULL, 60);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		ASSERT(!forbidden(tests[i].cmd));
		test_register_arg(tests[i].name, run_case, (void *)&tests[i], 60);
	}
}
