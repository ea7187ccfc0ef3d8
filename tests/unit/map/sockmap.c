/* SPDX-License-Identifier: BSD-2-Clause */
/* SOCKMAP, SOCKHASH, REUSEPORT_SOCKARRAY: which sockets they take, the host kernel beside. */
#include "tests/unit/map/pair.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int tcp_listener(bool reuseport)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = reuseport;

	ASSERT(!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	ASSERT(!bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 128));
	return fd;
}

static int tcp_connected(int listener)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ASSERT(!getsockname(listener, (struct sockaddr *)&a, &len));
	ASSERT(!connect(fd, (struct sockaddr *)&a, len));
	return fd;
}

static int udp(bool bound, bool reuseport)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), one = reuseport;

	ASSERT(!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	if (bound)
		ASSERT(!bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static int unix_half(int type)
{
	int fd[2];

	ASSERT(!socketpair(AF_UNIX, type, 0, fd));
	return fd[0];
}

#define KINDS 16

/* The i-th kind of descriptor; each call a new one. */
static int descriptor(uint32_t i)
{
	static int listener = -1;

	if (listener < 0)
		listener = tcp_listener(false);
	switch (i) {
	case 0:
		return tcp_listener(false);
	case 1:
		return tcp_listener(true);
	case 2:
		return tcp_connected(listener);
	case 3:
		return socket(AF_INET, SOCK_STREAM, 0);
	case 4:
		return udp(false, true);
	case 5:
		return udp(true, true);
	case 6:
		return udp(true, false);
	case 7:
		return unix_half(SOCK_STREAM);
	case 8:
		return unix_half(SOCK_DGRAM);
	case 9:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case 10:
		return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	case 11:
		return socket(AF_NETLINK, SOCK_RAW, 0);
	case 12:
		return socket(AF_UNIX, SOCK_SEQPACKET, 0);
	case 13:
		return unix_half(SOCK_SEQPACKET);
	case 14:
		return dup(0);
	default:
		return 9999;
	}
}

/* Of each kind one for the host, and another for us: a socket is in one map of this type. */
static int host_fd[KINDS], our_fd[KINDS];

static void kinds_open(void)
{
	for (uint32_t i = 0; i < KINDS; i++) {
		host_fd[i] = descriptor(i);
		our_fd[i] = descriptor(i);
	}
}

static uint64_t cookie(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t c = 0;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c, &len);
	return c;
}

/* Which of them it is; KINDS: none. */
static uint32_t of(const int fd[KINDS], uint64_t c)
{
	for (uint32_t i = 0; i < KINDS; i++)
		if (c == cookie(fd[i]))
			return i;
	return KINDS;
}

static void random_op(struct pair *p)
{
	static const uint32_t keys[] = { 0, 1, 2, 3, 4, 5, 0xffffffff };
	const uint64_t flags = below(3) ? 0 : below(4) ? 1 + below(2) : 4;
	const uint32_t key = ONE_OF(keys), op = below(10), kind = below(KINDS);
	const uint64_t high = below(10) ? 0 : UINT64_C(1) << 33;
	uint64_t host_value = high | (uint32_t)host_fd[kind],
		 our_value = high | (uint32_t)our_fd[kind];
	int host, ours;

	if (op < 5) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, &key, &host_value, flags);
		ours = map_sys_update(p->ours, &key, &our_value, flags);
	} else if (op < 8) {
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, &key, &host_value, 0);
		ours = map_sys_lookup(p->ours, &key, &our_value, 0);
		if (!host && !ours)
			ASSERT_EQ(of(our_fd, our_value), of(host_fd, host_value));
	} else if (op < 9) {
		host = host_elem(BPF_MAP_DELETE_ELEM, p, &key, NULL, 0);
		ours = map_sys_delete(p->ours, &key);
	} else {
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, &key, &host_value, 0);
		ours = map_sys_lookup_delete(p->ours, &key, &our_value, 0);
	}
	ASSERT_MSG(host == ours,
		   "%s: op %u key %u kind %u value 0x%" PRIx64 " flags %" PRIu64
		   ": host %d, ours %d",
		   p->what, op, key, kind, our_value, flags, host, ours);
}

static const struct {
	struct map_args a;
	const char *what;
} cases[] = {
	{ { BPF_MAP_TYPE_SOCKMAP, 4, 8, 5 }, "sockmap" },
	{ { BPF_MAP_TYPE_SOCKMAP, 4, 4, 5 }, "sockmap of numbers" },
	{ { BPF_MAP_TYPE_SOCKHASH, 4, 8, 4 }, "sockhash" },
	{ { BPF_MAP_TYPE_SOCKHASH, 4, 4, 7 }, "sockhash of numbers" },
	{ { BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 5 }, "reuseport array" },
	{ { BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 4, 5 }, "reuseport array of numbers" },
};

TEST(maps_of_sockets_agree_with_the_host)
{
	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p = pair_make(&cases[i].a, cases[i].what);

		kinds_open();
		for (int op = 0; op < 1000; op++)
			random_op(&p);
		pair_close(&p);
	}
}

TEST(closed_sockets_leave_their_maps)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct skep_map *m = map_make(&cases[i].a);
		int fd = tcp_listener(true), other = tcp_listener(true), copy = dup(fd), child;
		uint32_t key = 0, next = 0;

		ASSERT_EQ(up(m, 1, (uint32_t)fd, BPF_ANY), 0);
		ASSERT_EQ(up(m, 2, (uint32_t)other, BPF_NOEXIST), 0);
		close(fd);
		ASSERT_EQ(up(m, 1, (uint32_t)copy, BPF_NOEXIST), -EEXIST);
		/* Another process has it still. */
		child = fork();
		if (!child) {
			close(other);
			pause();
		}
		close(copy);
		ASSERT_EQ(up(m, 1, (uint32_t)other, BPF_NOEXIST), -EEXIST);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		ASSERT_EQ(del(m, 1), m->type == BPF_MAP_TYPE_SOCKMAP ? -EINVAL : -ENOENT);
		if (m->value_size == 8) {
			ASSERT_EQ(get(m, 1), -ENOENT);
			ASSERT_EQ(get(m, 2), (int64_t)cookie(other));
		}
		if (m->type == BPF_MAP_TYPE_SOCKHASH) {
			ASSERT_EQ(map_sys_next_key(m, NULL, &key), 0);
			ASSERT_EQ(key, 2);
			ASSERT_EQ(map_sys_next_key(m, &key, &next), -ENOENT);
		}
		close(other);
		map_put(m);
	}
}

TEST(a_full_sockhash_has_room_for_the_closed)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_SOCKHASH, 8, 8, 3);
	int fd[4];

	for (uint64_t i = 0; i < 4; i++) {
		fd[i] = unix_half(SOCK_DGRAM);
		ASSERT_EQ(up(m, i, (uint32_t)fd[i], 0), i < 3 ? 0 : -E2BIG);
	}
	/* A key that is there needs no room. */
	ASSERT_EQ(up(m, 1, (uint32_t)fd[3], 0), 0);
	close(fd[2]);
	ASSERT_EQ(up(m, 7, (uint32_t)fd[3], 0), 0);
	ASSERT_EQ(up(m, 8, (uint32_t)fd[3], 0), -E2BIG);
	ASSERT_EQ(get(m, 2), -ENOENT);
	ASSERT_EQ(get(m, 7), (int64_t)cookie(fd[3]));
	map_put(m);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_SOCKHASH, 513, 8, 3), -E2BIG);
}
