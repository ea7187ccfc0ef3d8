/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.h - inside the room: sockets, as maps of sockets see them (socket.c).  Cold.
 */
#ifndef SKEP_MAP_SOCKET_H
#define SKEP_MAP_SOCKET_H

#include "map/map.h"

#include <pthread.h>

#define SOCKHASH_KEY_MAX 512 /* MAX_BPF_STACK */

/* A socket at the time at which it was looked at. */
struct socket_facts {
	int fd; /* the descriptor that was given; the caller's */
	int domain, type, protocol;
	bool reuseport;	 /* SO_REUSEPORT is set */
	uint64_t cookie; /* SO_COOKIE: its name, never another's */
};

/* Tells which of the sockets that were ever in a map are open. */
struct socket_watch {
	pthread_mutex_t lock; /* what bpf(2) does to the map's elements */
	int fd;		      /* epoll; -1: nothing was in it yet */
};

/** The socket that a value of m names: -EINVAL for no number of a descriptor, -EBADF, -ENOTSOCK. */
int socket_find(const struct skep_map *m, const void *value, struct socket_facts *ret);
bool socket_is_tcp(const struct socket_facts *s);
bool socket_is_udp(const struct socket_facts *s);
/** TCP: it waits for connections. */
bool socket_listens(const struct socket_facts *s);
/** TCP, UDP: it has a port. */
bool socket_is_bound(const struct socket_facts *s);
/** Of a kind and in a state in which packets can be redirected to it. */
bool socket_is_ready(const struct socket_facts *s);
/** Programs can be called for it: Linux asks that last. */
bool socket_has_hooks(const struct socket_facts *s);

void socket_watch_begin(struct socket_watch *w);
void socket_watch_end(struct socket_watch *w);
/** Not from programs: who holds it opens files. */
void socket_watch_lock(struct socket_watch *w);
void socket_watch_unlock(struct socket_watch *w);
/** From now on w knows it; 0 or -ENOMEM. */
int socket_watch(struct socket_watch *w, const struct socket_facts *s);
/** Has it a descriptor anywhere?  Reads a line for each socket that w knows. */
bool socket_is_open(const struct socket_watch *w, uint64_t cookie);

#endif
