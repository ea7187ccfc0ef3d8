/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.c - what maps of sockets ask of the machine: which socket a descriptor is of, whether it
 * may be in a map, and whether it is still open.  Cold.
 *
 * A socket is named by its cookie, which no other one ever has; a map keeps none open.  An epoll
 * instance of the map tells which are: it watches a socket until its last descriptor anywhere is
 * closed, and /proc lists what it watches.
 *
 *	tfd:        7 events:        0 data:             102c  pos:0 ino:31dd sdev:9
 */
#include "map/socket.h"
#include "map/map_int.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TCP_ESTABLISHED_ 1 /* of enum in <netinet/tcp.h>, where the C library has it */
#define TCP_LISTEN_	 10

/* --- which socket it is ----------------------------------------------------------------------- */

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -errno : value;
}

int socket_find(const struct skep_map *m, const void *value, struct socket_facts *ret)
{
	socklen_t len = sizeof(ret->cookie);
	uint64_t fd = 0;
	int domain;

	memcpy(&fd, value, m->value_size);
	if (m->value_size == sizeof(fd) && fd > INT32_MAX)
		return -EINVAL;
	domain = option((int)fd, SO_DOMAIN);
	if (domain < 0)
		return domain;
	*ret = (struct socket_facts){
		.fd = (int)fd,
		.domain = domain,
		.type = option((int)fd, SO_TYPE),
		.protocol = option((int)fd, SO_PROTOCOL),
		.reuseport = option((int)fd, SO_REUSEPORT) > 0,
	};
	return getsockopt((int)fd, SOL_SOCKET, SO_COOKIE, &ret->cookie, &len) ? -errno : 0;
}

static bool is_inet(const struct socket_facts *s)
{
	return s->domain == AF_INET || s->domain == AF_INET6;
}

bool socket_is_tcp(const struct socket_facts *s)
{
	return is_inet(s) && s->type == SOCK_STREAM && s->protocol == IPPROTO_TCP;
}

bool socket_is_udp(const struct socket_facts *s)
{
	return is_inet(s) && s->type == SOCK_DGRAM && s->protocol == IPPROTO_UDP;
}

static int tcp_state(const struct socket_facts *s)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_state;
}

bool socket_listens(const struct socket_facts *s)
{
	return tcp_state(s) == TCP_LISTEN_;
}

bool socket_is_bound(const struct socket_facts *s)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in; /* the port is at the same place in both */
		struct sockaddr_in6 in6;
	} a = { 0 };
	socklen_t len = sizeof(a);

	return !getsockname(s->fd, &a.any, &len) && a.in.sin_port;
}

static bool is_connected(const struct socket_facts *s)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return !getpeername(s->fd, (struct sockaddr *)&a, &len);
}

bool socket_is_ready(const struct socket_facts *s)
{
	const bool stream = s->type == SOCK_STREAM;
	const int state = socket_is_tcp(s) ? tcp_state(s) : 0;

	if (socket_is_tcp(s))
		return state == TCP_ESTABLISHED_ || state == TCP_LISTEN_;
	if (socket_is_udp(s))
		return socket_is_bound(s);
	if (s->domain == AF_UNIX)
		return !stream || is_connected(s);
	return s->domain == AF_VSOCK && ((!stream && s->type != SOCK_SEQPACKET) || is_connected(s));
}

bool socket_has_hooks(const struct socket_facts *s)
{
	return s->domain != AF_UNIX || s->type != SOCK_SEQPACKET;
}

/* --- whether it is open ----------------------------------------------------------------------- */

void socket_watch_begin(struct socket_watch *w)
{
	pthread_mutex_init(&w->lock, NULL);
	w->fd = -1;
}

void socket_watch_end(struct socket_watch *w)
{
	pthread_mutex_destroy(&w->lock);
	close_fd_p(&w->fd);
}

void socket_watch_lock(struct socket_watch *w)
{
	pthread_mutex_lock(&w->lock);
}

void socket_watch_unlock(struct socket_watch *w)
{
	pthread_mutex_unlock(&w->lock);
}

int socket_watch(struct socket_watch *w, const struct socket_facts *s)
{
	struct epoll_event e = { .data.u64 = s->cookie };

	if (w->fd < 0)
		w->fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->fd < 0)
		return -ENOMEM;
	if (!epoll_ctl(w->fd, EPOLL_CTL_ADD, s->fd, &e) || errno == EEXIST)
		return 0;
	return -ENOMEM;
}

bool socket_is_open(const struct socket_watch *w, uint64_t cookie)
{
	unsigned long long data;
	char path[64], line[160];
	bool open = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", w->fd);
	f = fopen(path, "re");
	while (f && !open && fgets(line, sizeof(line), f))
		open = sscanf(line, "tfd: %*d events: %*x data: %llx", &data) == 1 &&
		       data == cookie;
	if (f)
		fclose(f);
	return open;
}
