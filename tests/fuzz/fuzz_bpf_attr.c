/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_bpf_attr.c - sequences of bpf(2) calls from bytes, on a kernel of their own.
 *
 * Input: calls, each {command, number of fields, fields...}; a field is {offset, length and kind,
 * value...}.  A value is a number, the descriptor that an earlier call gave, or an address in a
 * buffer that both sides write.  Programs run on the interpreter, which stops what would be wild.
 *
 * Nothing may crash; at the end the kernel goes, and LeakSanitizer sees what stayed.
 */
#include <skep/skep.h>

#include "core/attr.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CALLS_MAX  64
#define BUFFER	   4096
#define REPEAT_MAX 16 /* runs that a call may ask for */

struct input {
	const uint8_t *at, *end;
};

static uint8_t take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_bytes(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)take(in) << 8 * i;
	return v;
}

/* What calls work on: a page, with nothing before and behind it, so that a lie is -EFAULT. */
static uint8_t *buffer;

static void buffer_fill(void)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
						 { .code = BPF_JMP | BPF_EXIT } };

	if (!buffer) {
		buffer = mmap(NULL, 3 * BUFFER, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer == MAP_FAILED)
			abort();
		buffer += BUFFER;
		mprotect(buffer, BUFFER, PROT_READ | PROT_WRITE);
	}
	memset(buffer, 0, BUFFER);
	memcpy(buffer, "GPL", 4);
	memcpy(buffer + 64, insns, sizeof(insns));
	memcpy(buffer + 256, "/sys/fs/bpf/x", 14);
}

/* Limits that keep a call short: huge maps and long series of runs are only slow. */
static void tame(int cmd, union core_attr *a)
{
	if (cmd == BPF_PROG_TEST_RUN)
		a->a.test.repeat %= REPEAT_MAX;
	if (cmd == BPF_MAP_CREATE) {
		a->a.max_entries %= 1 << 16;
		a->a.value_size %= 1 << 12;
	}
	if (cmd == BPF_PROG_LOAD)
		a->a.log_size %= 1 << 16;
	if (cmd >= BPF_MAP_LOOKUP_BATCH && cmd <= BPF_MAP_DELETE_BATCH)
		a->a.batch.count %= 1 << 10;
}

/*
 * Where commands have addresses.  Numbers there must be ours, or nobody's: the sanitizer's own
 * memory is mapped, but it does not like to see it read.
 */
static void tame_addresses(int cmd, union core_attr *a)
{
	static const uint8_t at[SKEP_CMD_COUNT][8] = {
		[BPF_MAP_LOOKUP_ELEM] = { 8, 16 },
		[BPF_MAP_UPDATE_ELEM] = { 8, 16 },
		[BPF_MAP_DELETE_ELEM] = { 8 },
		[BPF_MAP_GET_NEXT_KEY] = { 8, 16 },
		[BPF_MAP_LOOKUP_AND_DELETE_ELEM] = { 8, 16 },
		[BPF_PROG_LOAD] = { 8, 16, 32, 80, 96, 120, 128 },
		[BPF_PROG_TEST_RUN] = { 16, 24, 48, 56 },
		[BPF_OBJ_GET_INFO_BY_FD] = { 8 },
		[BPF_BTF_LOAD] = { 8 },
		[BPF_MAP_LOOKUP_BATCH] = { 8, 16, 24 },
		[BPF_MAP_LOOKUP_AND_DELETE_BATCH] = { 8, 16, 24 },
		[BPF_MAP_UPDATE_BATCH] = { 16, 24 },
		[BPF_MAP_DELETE_BATCH] = { 16 },
	};
	bool first = cmd == BPF_OBJ_PIN || cmd == BPF_OBJ_GET || cmd == BPF_BTF_LOAD ||
		     cmd == BPF_RAW_TRACEPOINT_OPEN ||
		     (cmd >= BPF_MAP_LOOKUP_BATCH && cmd <= BPF_MAP_DELETE_BATCH);

	for (unsigned i = 0; cmd < SKEP_CMD_COUNT && i < 8; i++) {
		uint64_t v;

		/* Rows end with 0, which stands for the first word where that is an address. */
		memcpy(&v, a->bytes + at[cmd][i], 8);
		if ((at[cmd][i] || first) && v - (uintptr_t)buffer >= BUFFER)
			v &= 0xff00000000000fff;
		memcpy(a->bytes + at[cmd][i], &v, 8);
	}
}

static int one_call(struct skep_kernel *k, struct input *in, const int *fds, unsigned n)
{
	int cmd = take(in) % (SKEP_CMD_COUNT + 2);
	unsigned fields = take(in) % 16;
	union core_attr a;
	unsigned size;
	long ret;

	memset(&a, 0, sizeof(a));
	for (unsigned i = 0; i < fields; i++) {
		uint8_t off = take(in) % ATTR_SIZE, how = take(in);
		unsigned len = 1u << (how & 3);
		uint64_t v;

		if (off + len > ATTR_SIZE)
			continue;
		switch (how >> 2 & 3) {
		case 0:
		case 1:
			v = take_bytes(in, len);
			break;
		case 2:
			v = n ? (uint64_t)fds[take(in) % n] : 0;
			len = 4;
			break;
		default:
			v = (uintptr_t)buffer + take_bytes(in, 2) % BUFFER;
			len = 8;
			break;
		}
		if (off + len <= ATTR_SIZE)
			memcpy(a.bytes + off, &v, len);
	}
	tame(cmd, &a);
	tame_addresses(cmd, &a);
	size = take(in) % 8 ? ATTR_SIZE : take(in) % ATTR_SIZE;
	ret = skep_kernel_bpf(k, cmd, &a.a, size);
	if (ret < 0)
		skep_last_error();
	return (int)ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .engine = SKEP_ENGINE_INTERP };
	struct input in = { data, data + size };
	struct skep_kernel *k;
	int fds[CALLS_MAX];
	unsigned n = 0;

	if (skep_kernel_new(&opts, &k))
		return 0;
	buffer_fill();
	for (unsigned i = 0; i < CALLS_MAX && in.at < in.end; i++) {
		int fd = one_call(k, &in, fds, n);

		/* Some commands give 0 for success, and 0 to 2 are not ours. */
		if (fd > 2 && fcntl(fd, F_GETFD) >= 0)
			fds[n++] = fd;
	}
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	skep_kernel_free(k);
	return 0;
}
