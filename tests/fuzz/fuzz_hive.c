/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_hive.c - what a hive's server is sent: packets from bytes, on a kernel of their own.
 *
 * Input: packets, each {kind, ...}: any bytes; a header that is one, with fields from the input; a
 * call of bpf(2), whose attributes follow as the answer to the first question; an answer, with or
 * without a descriptor.  All of them are sent before the server reads the first, so a run is the
 * same each time: what the server asks is answered by whatever comes next.
 *
 * The server cannot reach into this member's memory, so no address means anything.  Nothing may
 * crash or wait; at the end the kernel goes, and LeakSanitizer sees what stayed.
 */
#include "bpf/calls_int.h"
#include "bpf/entry.h"
#include "bpf/glue.h"
#include "core/attr.h"
#include "server/server_int.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKETS_MAX 48
#define DATA_MAX    2000 /* so that all packets fit the socket */

struct real_calls bpf_real; /* nothing here goes on to the C library */

struct skep_kernel *bpf_kernel_default(void)
{
	return NULL;
}

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n && in->at < in->end; i++)
		v |= (uint64_t)*in->at++ << 8 * i;
	return v;
}

/* Some of the input as it stands; how much there was. */
static uint32_t take_data(struct input *in, uint8_t *to, uint32_t most)
{
	const uint32_t n = (uint32_t)MIN(most, (size_t)(in->end - in->at));

	memcpy(to, in->at, n);
	in->at += n;
	return n;
}

/*
 * Limits that keep a call short, whatever command the bytes will be attributes of: sizes of maps
 * and of logs, counts of batches, repetitions of runs.
 */
static void tame(struct hive_packet *p)
{
	static const struct {
		uint8_t at;
		uint32_t mask;
	} limits[] = { { 8, 0xfff }, { 12, 0xffff }, { 28, 0xffff }, { 32, 15 } };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		uint32_t v;

		if (p->msg.len < limits[i].at + sizeof(v))
			continue;
		memcpy(&v, p->data + limits[i].at, sizeof(v));
		v &= limits[i].mask;
		memcpy(p->data + limits[i].at, &v, sizeof(v));
	}
}

static void send_answer(int sock, struct hive_packet *p, struct input *in, uint32_t n, int fd)
{
	hive_begin(p, HIVE_ANSWER);
	p->msg.arg[0] = take(in, 2) % 1024; /* a position, among others */
	if (p->msg.arg[0] == 1023)
		p->msg.arg[0] = (uint64_t)-EBADF;
	p->msg.len = take_data(in, p->data, n);
	memset(p->data + p->msg.len, 0, n - p->msg.len);
	p->msg.len = n;
	tame(p);
	hive_send(sock, p, fd);
}

static void send_header(int sock, struct hive_packet *p, struct input *in)
{
	hive_begin(p, (enum hive_op)(take(in, 1) % (HIVE_DONE + 2)));
	p->msg.nr = (uint16_t)(take(in, 1) % (_ENTRY_MAX + 1));
	p->msg.fd = (int8_t)take(in, 1);
	p->msg.pos = (int64_t)take(in, 2);
	for (unsigned i = 0; i < HIVE_ARGS; i++)
		p->msg.arg[i] = take(in, 2);
	p->msg.len = take_data(in, p->data, (uint32_t)take(in, 1));
	/* The end of a server. */
	if (p->msg.op != HIVE_STOP)
		hive_send(sock, p, -1);
}

static void send_bpf(int sock, struct hive_packet *p, struct input *in)
{
	const uint32_t size = (uint32_t)take(in, 1) % (ATTR_SIZE + 8);

	hive_begin(p, HIVE_ENTER);
	p->msg.nr = ENTRY_BPF;
	p->msg.fd = (int8_t)take(in, 1);
	p->msg.pos = (int64_t)take(in, 2);
	p->msg.arg[0] = take(in, 1) % (SKEP_CMD_COUNT + 1);
	p->msg.arg[1] = 0x10000;
	p->msg.arg[2] = size;
	hive_send(sock, p, -1);
	send_answer(sock, p, in, size, -1);
}

static void send_one(int sock, struct hive_packet *p, struct input *in)
{
	switch (take(in, 1) % 8) {
	case 0: {
		const uint32_t n = take_data(in, p->data, (uint32_t)take(in, 1));

		if (n)
			send(sock, p->data, n, MSG_NOSIGNAL);
		break;
	}
	case 1:
		send_header(sock, p, in);
		break;
	case 2:
	case 3:
	case 4:
		send_bpf(sock, p, in);
		break;
	case 5:
		send_answer(sock, p, in, (uint32_t)take(in, 2) % DATA_MAX, STDIN_FILENO);
		break;
	default:
		send_answer(sock, p, in, (uint32_t)take(in, 1), -1);
	}
}

/* Both directions have room for everything, and nobody waits for long where they do not. */
static bool make_pair(int pair[2])
{
	const struct timeval moment = { 0, 20000 };
	const int size = 400000;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	for (int i = 0; i < 2; i++) {
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(pair[i], SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	static struct hive_packet p;
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .engine = SKEP_ENGINE_INTERP };
	struct input in = { data, data + size };
	int pair[2];

	if (skep_kernel_new(&opts, &s.k))
		return 0;
	bpf_kernel_set(s.k);
	if (make_pair(pair)) {
		for (unsigned i = 0; i < PACKETS_MAX && in.at < in.end; i++)
			send_one(pair[1], &p, &in);
		shutdown(pair[1], SHUT_WR);
		peer_serve(&s, pair[0]);
		close(pair[1]);
	}
	vec_foreach (m, &s.members)
		close(m->fd);
	vec_free(&s.members);
	bpf_kernel_set(NULL);
	skep_kernel_free(s.k);
	return 0;
}
