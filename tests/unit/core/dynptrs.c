/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynptrs.c - programs on dynptrs: the same text on the host and here, in both engines; results,
 * memory and packet must be equal.
 *
 * Each program has four dynptrs, LOCAL over the map's value, PACKET, RECORD of a ring buffer, and
 * CLONE, which other dynptrs are copied to, and does a few steps of random arguments with them.
 */
#include "tests/harness/host.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/core/core_test.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

#define STEPS	    8
#define PACKET_SIZE 300
#define OUT_SIZE    1024
#define LOCAL_SIZE  64
#define RECORD_SIZE 600 /* more than what is copied at once */

/* What a program reads, writes and notes: the value of its map, r7. */
struct io {
	int64_t ret[STEPS];
	uint8_t local[LOCAL_SIZE]; /* LOCAL's */
	uint8_t mem[64];	   /* what is read to, and written from */
};

struct outcome {
	struct io io;
	uint32_t retval, len;
	uint8_t packet[OUT_SIZE];
};

/* Types of programs, and what they may do. */
struct kind {
	uint32_t type;
	const char *make;   /* the kfunc that makes PACKET */
	const char *shrink; /* cuts the packet; NULL: it may not */
	bool writes;	    /* the packet, through slices */
};

/* Linux looks for an skb's slice behind its end, when the skb was cut since: not followed. */
static const struct kind xdp = { BPF_PROG_TYPE_XDP, "bpf_dynptr_from_xdp",
				 "r1 = r6\nr2 = -%u\ncall xdp_adjust_tail\n", true },
			 tc = { BPF_PROG_TYPE_SCHED_CLS, "bpf_dynptr_from_skb", NULL, true },
			 reader = { BPF_PROG_TYPE_CGROUP_SKB, "bpf_dynptr_from_skb", NULL, false };

/* --- texts ------------------------------------------------------------------------------------ */

struct text {
	char buf[16384];
	size_t n;
	const struct kind *kind;
	bool shrunk;
};

static void __printf(2, 3) put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->buf + t->n, sizeof(t->buf) - t->n, fmt, ap);
	va_end(ap);
	ASSERT_LT(t->n, sizeof(t->buf));
}

static uint32_t rnd(uint32_t below)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

enum { LOCAL = -16, PACKET = -32, RECORD = -48, CLONE = -64, BUFFER = -80 };

/* Puts a dynptr's address into the register. */
static void dynptr(struct text *t, int reg)
{
	static const int all[] = { LOCAL, PACKET, RECORD, CLONE };

	put(t, "r%d = r10\nr%d += %d\n", reg, reg, all[rnd(ARRAY_SIZE(all))]);
}

static void mem(struct text *t, int reg)
{
	put(t, "r%d = r7\nr%d += %zu\n", reg, reg, offsetof(struct io, mem) + rnd(32));
}

/* Kfuncs give as many bits as their type has; what is above them in r0 is anything. */
static void narrow(struct text *t, int bits)
{
	put(t, "r0 <<= %d\nr0 s>>= %d\n", 64 - bits, 64 - bits);
}

/* A number that is an offset or a size of something, or nearly. */
static uint32_t any(void)
{
	static const uint32_t likely[] = { 0,	14,  31,  32,  63,  64,	 65,  255,   256,
					   257, 299, 300, 301, 599, 600, 601, 0xffff };

	return rnd(3) ? likely[rnd(ARRAY_SIZE(likely))] : rnd(80);
}

static uint32_t any_flags(void)
{
	return rnd(6) ? 0 : 1u << rnd(3);
}

static void step_read(struct text *t)
{
	mem(t, 1);
	dynptr(t, 3);
	put(t, "r2 = %u\nr4 = %u\nr5 = %u\ncall dynptr_read\n", rnd(32), any(), any_flags());
}

static void step_write(struct text *t)
{
	dynptr(t, 1);
	mem(t, 3);
	put(t, "r2 = %u\nr4 = %u\nr5 = %u\ncall dynptr_write\n", any(), rnd(32), any_flags());
}

/* What is at the pointer in r0, last byte of n; -1 where it is NULL; and perhaps a store. */
static void look(struct text *t, uint32_t n, bool write)
{
	put(t, "r1 = -1\nif r0 == 0 goto +%d\nr1 = *(u8 *)(r0 +%u)\n", 1 + write, n - 1);
	if (write)
		put(t, "*(u8 *)(r0 +0) = 90\n");
	put(t, "r0 = r1\n");
}

static void step_data(struct text *t)
{
	const uint32_t n = 1 + rnd(20);

	dynptr(t, 1);
	put(t, "r2 = %u\nr3 = %u\ncall dynptr_data\n", any(), n);
	look(t, n, rnd(2));
}

static void step_slice(struct text *t)
{
	const bool write = t->kind->writes && rnd(2);
	const uint32_t n = 1 + rnd(16);

	dynptr(t, 1);
	/* Linux gives the buffer back where the packet was longer; Skep never does. */
	if (!t->shrunk && rnd(3))
		put(t, "r3 = r10\nr3 += %d\n", BUFFER);
	else
		put(t, "r3 = 0\n");
	put(t, "r2 = %u\nr4 = %u\ncall bpf_dynptr_slice%s\n", any(), n, write ? "_rdwr" : "");
	look(t, n, write);
}

static void step_adjust(struct text *t)
{
	const uint32_t start = rnd(4) ? rnd(8) : any();

	dynptr(t, 1);
	put(t, "r2 = %u\nr3 = %u\ncall bpf_dynptr_adjust\n", start, start + any());
	narrow(t, 32);
}

static void step_ask(struct text *t)
{
	static const char *const what[] = { "is_null", "is_rdonly", "size" };
	const uint32_t i = rnd(ARRAY_SIZE(what));

	dynptr(t, 1);
	put(t, "call bpf_dynptr_%s\n", what[i]);
	narrow(t, i == 2 ? 32 : 8);
}

/* Not of RECORD: what shares a record cannot be overwritten. */
static void step_clone(struct text *t)
{
	put(t, "r1 = r10\nr1 += %d\nr2 = r10\nr2 += %d\ncall bpf_dynptr_clone\n",
	    rnd(2) ? LOCAL : PACKET, CLONE);
	narrow(t, 32);
}

/* LOCAL again, sometimes not at all. */
static void step_remake(struct text *t)
{
	put(t, "r1 = r7\nr1 += %zu\nr2 = %u\nr3 = %u\nr4 = r10\nr4 += %d\ncall dynptr_from_mem\n",
	    offsetof(struct io, local), rnd(LOCAL_SIZE + 1), any_flags(), LOCAL);
}

static void step_copy(struct text *t)
{
	dynptr(t, 1);
	dynptr(t, 3);
	put(t, "r2 = %u\nr4 = %u\nr5 = %u\ncall bpf_dynptr_copy\n", any(), any(), any());
	narrow(t, 32);
}

static void step_set(struct text *t)
{
	dynptr(t, 1);
	put(t, "r2 = %u\nr3 = %u\nr4 = %u\ncall bpf_dynptr_memset\n", any(), any(), rnd(1000));
	narrow(t, 32);
}

/* From memory that is there: what is left where it is not, the host does not say. */
static void step_probe(struct text *t)
{
	dynptr(t, 1);
	mem(t, 4);
	put(t, "r2 = %u\nr3 = %u\ncall bpf_probe_read_kernel%s_dynptr\n", any(), rnd(32),
	    rnd(2) ? "_str" : "");
	narrow(t, 32);
}

static void step_shrink(struct text *t)
{
	if (t->kind->shrink)
		put(t, t->kind->shrink, 60 + rnd(200));
	else
		step_ask(t);
	t->shrunk |= t->kind->shrink != NULL;
}

static void make(struct text *t, const struct kind *kind)
{
	static void (*const steps[])(struct text *) = {
		step_read, step_write,	step_data, step_slice, step_slice, step_adjust, step_ask,
		step_ask,  step_remake, step_copy, step_clone, step_set,   step_probe,	step_shrink,
	};

	*t = (struct text){ .kind = kind };
	put(t, "r6 = r1\nr7 = 1 ll\n");
	put(t, "r1 = r7\nr1 += %zu\nr2 = %u\nr3 = 0\nr4 = r10\nr4 += %d\ncall dynptr_from_mem\n",
	    offsetof(struct io, local), LOCAL_SIZE, LOCAL);
	put(t, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += %d\ncall %s\n", PACKET, kind->make);
	put(t, "r1 = 2 ll\nr2 = %u\nr3 = 0\nr4 = r10\nr4 += %d\ncall ringbuf_reserve_dynptr\n",
	    rnd(8) ? RECORD_SIZE : 1 << 20, RECORD);
	put(t, "*(u64 *)(r10 %d) = 0\n*(u64 *)(r10 %d) = 0\n", BUFFER, BUFFER + 8);
	step_clone(t);
	for (uint32_t i = 0; i < STEPS; i++) {
		steps[rnd(ARRAY_SIZE(steps))](t);
		put(t, "*(u64 *)(r7 +%u) = r0\n", i * 8);
	}
	put(t, "r1 = r10\nr1 += %d\nr2 = 0\ncall ringbuf_%s_dynptr\n", RECORD,
	    rnd(2) ? "submit" : "discard");
	put(t, "r1 = r10\nr1 += %d\ncall bpf_dynptr_size\nr0 &= 1\nexit\n", PACKET);
}

/* Instructions, with the maps in place of 1 and 2. */
static struct bpf_insn *assemble(const struct text *t, struct skep_btf *kernel, long value,
				 long ring, uint32_t *n)
{
	const struct isa_symbols symbols = { .call = kernel_btf_call, .arg = kernel };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };

	ASSERT_MSG(!isa_asm(t->buf, t->n, &symbols, &insns, n, &diag), "line %llu: %s\n%s",
		   (unsigned long long)diag.index, diag.msg, t->buf);
	for (uint32_t i = 0; i < *n; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		insns[i].src_reg = insns[i].imm == 1 ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
		insns[i].imm = (int32_t)(insns[i].imm == 1 ? value : ring);
	}
	return insns;
}

/* --- runs ------------------------------------------------------------------------------------- */

static void begin(struct io *io, uint8_t *packet)
{
	static const uint8_t eth[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45 };

	*io = (struct io){ 0 };
	for (uint32_t i = 0; i < sizeof(io->local); i++)
		io->local[i] = (uint8_t)(0x40 + i);
	for (uint32_t i = 0; i < sizeof(io->mem); i++)
		io->mem[i] = (uint8_t)(i % 24 ? 0x80 + i : 0);
	for (uint32_t i = 0; i < PACKET_SIZE; i++)
		packet[i] = (uint8_t)(i * 7);
	memcpy(packet, eth, sizeof(eth));
}

static void by_host(const struct text *t, struct skep_btf *kernel, struct outcome *o)
{
	uint8_t packet[PACKET_SIZE];
	struct host_run r = { packet, PACKET_SIZE, o->packet, OUT_SIZE, 0 };
	union bpf_attr ring = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096 };
	const int value_fd = host_array(sizeof(struct io), 0);
	const int ring_fd = (int)host_bpf(BPF_MAP_CREATE, &ring);
	char log[65536] = "";
	uint32_t n;
	struct bpf_insn *insns = assemble(t, kernel, value_fd, ring_fd, &n);
	int fd;

	begin(&o->io, packet);
	host_write(value_fd, &o->io);
	fd = host_load(&(struct host_prog){ .type = t->kind->type,
					    .insns = insns,
					    .n = n,
					    .log = log,
					    .log_size = sizeof(log) });
	ASSERT_MSG(fd >= 0, "the host: %s\n%s\n%s", strerror(-fd), t->buf, log);
	ASSERT_EQ(host_run(fd, t->kind->type, &r), 0);
	host_read(value_fd, &o->io);
	o->len = r.n_out;
	o->retval = r.retval;
	close(fd);
	close(ring_fd);
	close(value_fd);
	skep_free(insns);
}

static void by_us(const struct text *t, struct skep_btf *kernel, struct outcome *o)
{
	uint8_t packet[PACKET_SIZE];
	union core_attr run = attr_zero;
	const long value = map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct io), 1, 0);
	const long ring = map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	const uint32_t key = 0;
	uint32_t n;
	struct bpf_insn *insns = assemble(t, kernel, value, ring, &n);
	const long fd = prog_load(t->kind->type, insns, n);

	ASSERT_MSG(fd >= 0, "%s\n%s", strerror((int)-fd), t->buf);
	begin(&o->io, packet);
	ASSERT_EQ(map_update(value, &key, &o->io, 0), 0);
	run.a.test.prog_fd = (uint32_t)fd;
	run.a.test.data_in = PTR(packet);
	run.a.test.data_size_in = PACKET_SIZE;
	run.a.test.data_out = PTR(o->packet);
	run.a.test.data_size_out = OUT_SIZE;
	ASSERT_MSG(!bpf_call(BPF_PROG_TEST_RUN, &run), "%s", t->buf);
	ASSERT_EQ(map_lookup(value, &key, &o->io, 0), 0);
	o->len = run.a.test.data_size_out;
	o->retval = run.a.test.retval;
	close((int)fd);
	close((int)ring);
	close((int)value);
	skep_free(insns);
}

static void compare(const struct text *t, const struct outcome *host, const struct outcome *ours,
		    const char *engine)
{
	for (int i = 0; i < STEPS; i++)
		ASSERT_MSG(host->io.ret[i] == ours->io.ret[i],
			   "%s: step %d: %lld, on the host %lld\n%s", engine, i,
			   (long long)ours->io.ret[i], (long long)host->io.ret[i], t->buf);
	ASSERT_MSG(!memcmp(&host->io, &ours->io, sizeof(host->io)), "%s: memory\n%s", engine,
		   t->buf);
	ASSERT_MSG(host->len == ours->len && host->retval == ours->retval &&
			   !memcmp(host->packet, ours->packet, host->len),
		   "%s: packet of %u bytes (%u), on the host %u (%u)\n%s", engine, ours->len,
		   ours->retval, host->len, host->retval, t->buf);
}

static void programs_of(const struct kind *kind, int count)
{
	static const int engines[] = { SKEP_ENGINE_INTERP, SKEP_ENGINE_DEFAULT };
	static const char *const names[] = { "interpreter", "compiler" };
	static struct text t;
	static struct outcome host, ours;
	struct skep_btf *theirs, *model = NULL;
	const void *data;
	size_t size;

	host_required();
	theirs = kernel_btf_host();
	if (!theirs)
		test_skip("the host's kernel tells no types");
	if (btf_find(theirs, "bpf_dynptr_memset", BTF_KIND_FUNC) < 0)
		test_skip("the host's kernel has no bpf_dynptr_memset()");
	data = skep_kernel_btf(&size);
	ASSERT_EQ(btf_new(data, (uint32_t)size, NULL, NULL, &model, NULL), 0);
	for (int i = 0; i < count; i++) {
		make(&t, kind);
		by_host(&t, theirs, &host);
		for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
			core_start(&(struct skep_kernel_opts){ .engine = engines[e] });
			by_us(&t, model, &ours);
			compare(&t, &host, &ours, names[e]);
			core_stop();
		}
	}
	btf_put(model);
	btf_put(theirs);
}

TEST(dynptrs_in_xdp_programs_are_the_hosts)
{
	programs_of(&xdp, 300);
}

TEST(dynptrs_in_tc_programs_are_the_hosts)
{
	programs_of(&tc, 300);
}

TEST(dynptrs_of_readers_are_the_hosts)
{
	programs_of(&reader, 300);
}
