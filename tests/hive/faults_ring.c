/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_ring.c - records of a ring buffer, sent by programs that members run, and consumed by a
 * member: whoever sent a record and heard so finds it arrive, in order and whole.
 */
#include "tests/hive/faults.h"

#include <errno.h>
#include <sys/mman.h>

#define RING_BYTES (64u << 10)
#define PAGE	   4096
#define RING_OWNER (UINT64_C(1) << 41)

/* In a packet, and in a record. */
struct record {
	uint64_t slot;
	uint64_t word[2]; /* sealed */
};

static int ring, sender;
static uint64_t *consumer; /* positions */
static const uint64_t *producer;
static const uint8_t *data;
static bool resumed; /* this process has consumed nothing yet */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })

/* Outputs the packet's first bytes as a record; returns what the helper returned, or 1. */
static int load_sender(void)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, 0, 0), /* data */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0), /* data_end */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, sizeof(struct record)),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 13, 0),
		/* Helpers of ring buffers do not read packets. */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 6, 0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 1, -24, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 6, 8, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 1, -16, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 6, 16, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 1, -8, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, ring),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -24),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, sizeof(struct record)),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(insns, sizeof(insns) / sizeof(insns[0]));
}

static void ring_make(void)
{
	static const struct map_shape shape = { BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES };
	void *first, *rest;

	ring = map_make(&shape, "ring");
	first = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	rest = mmap(NULL, PAGE + 2 * RING_BYTES, PROT_READ, MAP_SHARED, ring, PAGE);
	sender = load_sender();
	if (ring < 0 || first == MAP_FAILED || rest == MAP_FAILED || sender < 0)
		wrong(&shared->slot[0], "no ring buffer, or no program: %s", strerror(errno));
	consumer = first;
	producer = rest;
	data = (const uint8_t *)rest + PAGE;
}

/* What the last one in the slot did not hear of may be there, or not. */
static void ring_begin(struct slot *s)
{
	resumed = true;
	if (s->sent.next == s->sent.done)
		return;
	if (s->nr_unsure < UNSURE_MAX)
		s->unsure[s->nr_unsure++] = s->sent.next;
	s->sent.done = s->sent.next;
}

static bool is_unsure(const struct slot *of, uint64_t serial)
{
	for (uint32_t i = of->nr_unsure; i-- > 0;)
		if (of->unsure[i] == serial)
			return true;
	return false;
}

static void send_one(struct slot *s)
{
	const uint64_t serial = s->sent.done + 1;
	union {
		struct record record;
		uint8_t bytes[64];
	} packet = { .record = { .slot = s->index } };
	uint32_t ret;

	packet.record.word[0] = seal(RING_OWNER + s->index, serial, 0);
	packet.record.word[1] = seal(RING_OWNER + s->index, serial, 1);
	s->sent.next = serial;
	atomic_signal_fence(memory_order_seq_cst);
	if (test_run(sender, packet.bytes, &ret))
		wrong(s, "ring: the run of a program: %s", strerror(errno));
	atomic_signal_fence(memory_order_seq_cst);
	if (ret == 0)
		s->sent.done = serial;
	else if ((int)ret == -EAGAIN)
		s->sent.next = s->sent.done; /* full */
	else
		wrong(s, "ring: the program returned %d", (int)ret);
}

/* None of those of which the sender heard was left out before `serial`. */
static void check_gap(struct slot *s, const struct slot *of, uint64_t serial)
{
	for (uint64_t n = shared->received[of->index] + 1; n < serial; n++)
		if (!is_unsure(of, n))
			wrong(s, "ring: record %llu of slot %u is lost", (unsigned long long)n,
			      of->index);
}

static void receive(struct slot *s, const struct record *r)
{
	const uint64_t serial = serial_of(r->word[0]);

	if (r->slot >= shared->slots || r->word[0] != seal(RING_OWNER + r->slot, serial, 0) ||
	    r->word[1] != seal(RING_OWNER + r->slot, serial, 1))
		wrong(s, "ring: a record is %llu %#llx %#llx", (unsigned long long)r->slot,
		      (unsigned long long)r->word[0], (unsigned long long)r->word[1]);
	/* Whoever consumed before may have died before it said so; senders' calls may be late. */
	if ((resumed && serial == shared->received[r->slot]) ||
	    (serial <= shared->received[r->slot] && is_unsure(&shared->slot[r->slot], serial)))
		return;
	if (serial <= shared->received[r->slot])
		wrong(s, "ring: record %llu of slot %u comes after %llu",
		      (unsigned long long)serial, (unsigned)r->slot,
		      (unsigned long long)shared->received[r->slot]);
	check_gap(s, &shared->slot[r->slot], serial);
	shared->received[r->slot] = serial;
}

/* As libbpf does, up to so many records. */
static bool consume(struct slot *s, unsigned most)
{
	uint64_t at = *consumer;

	for (; most && at < __atomic_load_n(producer, __ATOMIC_ACQUIRE); most--) {
		const uint8_t *hdr = data + (at & (RING_BYTES - 1));
		const uint32_t len = __atomic_load_n((const uint32_t *)hdr, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			return false;
		if (len != sizeof(struct record))
			wrong(s, "ring: a record has %u bytes", len);
		receive(s, (const struct record *)(hdr + BPF_RINGBUF_HDR_SZ));
		at += sizeof(struct record) + BPF_RINGBUF_HDR_SZ;
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
		resumed = false;
	}
	return true;
}

static void ring_step(struct slot *s)
{
	if (s->index == 0)
		consume(s, 100);
	else
		send_one(s);
}

static void ring_finish(struct slot *s)
{
	for (unsigned i = 0; i < shared->slots; i++)
		ring_begin(&shared->slot[i]);
	if (!consume(s, RING_BYTES))
		wrong(s, "ring: a record is never committed");
	for (unsigned i = 0; i < shared->slots; i++)
		check_gap(s, &shared->slot[i], shared->slot[i].sent.done + 1);
}

const struct work ring_work = { "ring", ring_make, ring_begin, ring_step, ring_finish };
