/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's end of connections: many at once, ends in the middle of a call, and members that
 * keep to no protocol.  The members are threads of this process that speak hive/proto.h by
 * themselves.
 */
#include "bpf/calls_int.h"
#include "bpf/entry.h"
#include "bpf/glue.h"
#include "core/core.h"
#include "server/server_int.h"
#include "tests/harness/test.h"

#include <linux/bpf.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct real_calls bpf_real; /* nothing here goes on to the C library */

struct skep_kernel *bpf_kernel_default(void)
{
	return NULL;
}

static struct server server = { .lock = PTHREAD_MUTEX_INITIALIZER };
static char dir[] = "/tmp/skep-peers-XXXXXX";

static void server_begin(void)
{
	ASSERT_EQ(skep_kernel_new(NULL, &server.k), 0);
	ASSERT(mkdtemp(dir));
	ASSERT_EQ(core_pins_in(server.k, dir), 0);
	bpf_kernel_set(server.k);
}

static uint32_t peers(void)
{
	uint32_t n;

	pthread_mutex_lock(&server.lock);
	n = server.peers;
	pthread_mutex_unlock(&server.lock);
	return n;
}

/* All connections are gone, and what they made with them. */
static void server_end(void)
{
	const struct timespec moment = { 0, 1000000 };
	struct core_counts counts = { 0 };

	for (int i = 0; i < 5000; i++) {
		core_count(server.k, &counts);
		if (!peers() && !counts.maps && !counts.pins)
			break;
		nanosleep(&moment, NULL);
	}
	ASSERT_EQ(peers(), 0);
	ASSERT_EQ(counts.maps, 0);
	ASSERT_EQ(counts.pins, 0);
	ASSERT_EQ(rmdir(dir), 0);
	/* A thread may still be on its way out: the kernel stays, as in a server. */
}

/* --- a member --------------------------------------------------------------------------------- */

struct client {
	int sock;
	int64_t lie; /* what is added to the length of an answer to READ */
	struct hive_packet p;
};

static struct client *client_new(void)
{
	struct client *c = calloc(1, sizeof(*c));
	int pair[2];

	ASSERT(c);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ASSERT_EQ(peer_start(&server, pair[0]), 0);
	c->sock = pair[1];
	return c;
}

static void client_free(struct client *c)
{
	close(c->sock);
	free(c);
}

static void client_answer(struct client *c, int *fd)
{
	const uint64_t a = c->p.msg.arg[0], n = c->p.msg.arg[1];
	const enum hive_op op = c->p.msg.op;
	int64_t ret = 0, len = 0;

	if (op == HIVE_READ) {
		memcpy(c->p.data, (const void *)(uintptr_t)a, n);
		len = (int64_t)n + c->lie;
	} else if (op == HIVE_WRITE) {
		memcpy((void *)(uintptr_t)a, c->p.data, c->p.msg.len);
	} else if (op == HIVE_POSITION) {
		ret = lseek((int)a, 0, SEEK_CUR);
	} else if (op == HIVE_TAKE) {
		*fd = (int)a;
	} else if (op == HIVE_GIVE) {
		ret = *fd;
		*fd = -1;
	} else {
		ret = close((int)a);
	}
	hive_begin(&c->p, HIVE_ANSWER);
	c->p.msg.arg[0] = (uint64_t)ret;
	c->p.msg.len = (uint32_t)len;
}

/* What the call that is in the packet says; -EPIPE where the server has closed. */
static int64_t client_call(struct client *c)
{
	int fd = -1;

	if (hive_send(c->sock, &c->p, -1))
		return -EPIPE;
	for (;;) {
		if (hive_recv(c->sock, &c->p, &fd))
			return -EPIPE;
		if (c->p.msg.op == HIVE_DONE)
			return fd >= 0 ? fd : (int64_t)c->p.msg.arg[0];
		client_answer(c, &fd);
		if (hive_send(c->sock, &c->p, fd))
			return -EPIPE;
	}
}

static int64_t client_hello(struct client *c, uint64_t version)
{
	hive_begin(&c->p, HIVE_HELLO);
	c->p.msg.arg[0] = version;
	return client_call(c);
}

static void begin_bpf(struct client *c, int cmd, const union bpf_attr *a)
{
	hive_begin(&c->p, HIVE_ENTER);
	c->p.msg.nr = ENTRY_BPF;
	c->p.msg.fd = -1;
	c->p.msg.arg[0] = (uint64_t)cmd;
	c->p.msg.arg[1] = (uintptr_t)a;
	c->p.msg.arg[2] = sizeof(*a);
}

static int64_t client_bpf(struct client *c, int cmd, const union bpf_attr *a)
{
	begin_bpf(c, cmd, a);
	return client_call(c);
}

static int client_map(struct client *c)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 16
	};
	const int64_t fd = client_bpf(c, BPF_MAP_CREATE, &a);

	ASSERT_GE(fd, 0);
	return (int)fd;
}

static int64_t client_element(struct client *c, int cmd, int fd, uint32_t key, uint64_t *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)&key;
	a.value = (uintptr_t)value;
	return client_bpf(c, cmd, &a);
}

/* --- cases ------------------------------------------------------------------------------------ */

#define THREADS 4
#define ROUNDS	150

/* Whatever maps there are, some of them the others'. */
static void visit_ids(struct client *c)
{
	union bpf_attr a;
	int64_t fd;

	memset(&a, 0, sizeof(a));
	while (!client_bpf(c, BPF_MAP_GET_NEXT_ID, &a)) {
		a.start_id = a.next_id;
		a.next_id = 0;
		fd = client_bpf(c, BPF_MAP_GET_FD_BY_ID, &a);
		ASSERT(fd >= 0 || fd == -ENOENT);
		if (fd >= 0)
			close((int)fd);
	}
}

static void pin_and_forget(struct client *c, int fd, unsigned who)
{
	char path[64], place[64];
	union bpf_attr a;
	int64_t again;

	snprintf(path, sizeof(path), "/sys/fs/bpf/of%u", who);
	snprintf(place, sizeof(place), "%s/of%u", dir, who);
	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)path;
	a.bpf_fd = (uint32_t)fd;
	ASSERT_EQ(client_bpf(c, BPF_OBJ_PIN, &a), 0);
	a.bpf_fd = 0;
	again = client_bpf(c, BPF_OBJ_GET, &a);
	ASSERT_GE(again, 0);
	close((int)again);
	ASSERT_EQ(unlink(place), 0);
	ASSERT_EQ(client_bpf(c, BPF_OBJ_GET, &a), -ENOENT);
}

static void *work(void *arg)
{
	const unsigned who = (unsigned)(uintptr_t)arg;
	struct client *c = client_new();

	ASSERT_EQ(client_hello(c, HIVE_VERSION), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		const int fd = client_map(c);
		uint64_t in = i * 100 + who, out = 0;

		ASSERT_EQ(client_element(c, BPF_MAP_UPDATE_ELEM, fd, who, &in), 0);
		ASSERT_EQ(client_element(c, BPF_MAP_LOOKUP_ELEM, fd, who, &out), 0);
		ASSERT_EQ(in, out);
		pin_and_forget(c, fd, who);
		if (i % 8 == 0)
			visit_ids(c);
		close(fd);
	}
	client_free(c);
	return NULL;
}

TEST(server_answers_many_at_once)
{
	pthread_t t[THREADS];
	struct hive_status st;

	server_begin();
	for (uintptr_t i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, work, (void *)i), 0);
	/* Meanwhile it looks who lives, as it always does. */
	for (int i = 0; i < 200; i++) {
		core_pins_look(server.k);
		server_status(&server, &st);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	server_end();
}

/* Connections that end at every point of a call. */
static void *vanish(void *arg)
{
	const unsigned who = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
				     .key_size = 4,
				     .value_size = 8,
				     .max_entries = 1 };
		struct client *c = client_new();
		int fd = -1;

		if ((i + who) % 3)
			ASSERT_EQ(client_hello(c, HIVE_VERSION), 0);
		begin_bpf(c, BPF_MAP_CREATE, &a);
		ASSERT_EQ(hive_send(c->sock, &c->p, -1), 0);
		/* It waits for an answer, or is about to. */
		if (i % 2 && !hive_recv(c->sock, &c->p, &fd))
			close_fd_p(&fd);
		client_free(c);
	}
	return NULL;
}

TEST(server_outlives_who_vanishes)
{
	pthread_t t[THREADS];

	server_begin();
	for (uintptr_t i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, i % 2 ? work : vanish, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	server_end();
}

/* The server has closed. */
static bool is_over(struct client *c)
{
	char byte;

	return recv(c->sock, &byte, 1, 0) <= 0;
}

TEST(server_ends_what_is_no_protocol)
{
	static const uint16_t ops[] = { 0, HIVE_READ, HIVE_ANSWER, HIVE_DONE, 77 };
	struct client *c;

	server_begin();
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		c = client_new();
		hive_begin(&c->p, ops[i]);
		ASSERT_EQ(hive_send(c->sock, &c->p, -1), 0);
		ASSERT(is_over(c));
		client_free(c);
	}
	c = client_new();
	ASSERT_EQ(client_hello(c, HIVE_VERSION + 1), -EPROTO);
	ASSERT_EQ(client_hello(c, HIVE_VERSION), 0);
	ASSERT_EQ(send(c->sock, "short", 5, 0), 5);
	ASSERT(is_over(c));
	client_free(c);
	server_end();
}

static void *serve(void *arg)
{
	ASSERT_EQ(peer_serve(&server, (int)(uintptr_t)arg), 0);
	return NULL;
}

/* A member whose memory is out of reach answers for it; to one that lies it is not there. */
TEST(server_asks_for_memory)
{
	struct client *c = calloc(1, sizeof(*c));
	uint64_t in = 7, out = 0;
	int pair[2], fd;
	pthread_t t;

	ASSERT(c);
	server_begin();
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ASSERT_EQ(pthread_create(&t, NULL, serve, (void *)(uintptr_t)pair[0]), 0);
	c->sock = pair[1];
	fd = client_map(c);
	ASSERT_EQ(client_element(c, BPF_MAP_UPDATE_ELEM, fd, 1, &in), 0);
	ASSERT_EQ(client_element(c, BPF_MAP_LOOKUP_ELEM, fd, 1, &out), 0);
	ASSERT_EQ(out, 7);
	c->lie = 1;
	ASSERT_EQ(client_element(c, BPF_MAP_LOOKUP_ELEM, fd, 1, &out), -EFAULT);
	close(fd);
	client_free(c);
	pthread_join(t, NULL);
	server_end();
}
