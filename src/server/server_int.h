/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_int.h - inside the room: the server, and a member's end of a connection.
 */
#ifndef SKEP_SERVER_SERVER_INT_H
#define SKEP_SERVER_SERVER_INT_H

#include "base/vec.h"
#include "hive/place.h"
#include "hive/proto.h"
#include "server/server.h"

#include <pthread.h>
#include <time.h>

struct server_member {
	pid_t pid;
	int fd;	    /* its pidfd */
	bool taken; /* it was taken in */
};

struct server {
	struct skep_kernel *k;
	struct space *space; /* the hive's memory */
	char dir[PATH_MAX];
	int listener;
	bool keep;
	time_t since;
	pthread_mutex_t lock; /* of what follows */
	uint32_t peers;	      /* connections of members */
	bool stop;
	struct {
		VEC(struct server_member);
	} members; /* who knocked, or was taken in */
};

/** Answers a connection until it ends, in a thread of its own; takes the socket.  0 or -errno. */
int peer_start(struct server *s, int sock);
/** The same in this thread, and without a look into the member's memory: it is asked instead. */
int peer_serve(struct server *s, int sock);
/** A process is a member from now on, taken in or not. */
void server_member(struct server *s, pid_t pid, bool taken);
void server_status(struct server *s, struct hive_status *ret);

#endif
