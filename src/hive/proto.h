/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto.h - what a member of a hive and its server say to each other.
 *
 * A connection is a sequenced-packet socket, one for each process, with one call under way at a
 * time:
 *
 *	member				server
 *	request (HELLO, ENTER, ...) ->
 *				    <-	question: READ, WRITE, POSITION, TAKE, GIVE, CLOSE
 *	ANSWER			    ->		  ...as many as it takes
 *				    <-	DONE
 *
 * Each packet is a struct hive_msg, then `len` bytes, and may carry one descriptor.  Neither side
 * believes the other: lengths are checked against what came, and whatever is out of turn ends the
 * connection.
 */
#ifndef SKEP_HIVE_PROTO_H
#define SKEP_HIVE_PROTO_H

#include "base/base.h"

#define HIVE_MAGIC   0x76696853u /* "Shiv" */
#define HIVE_VERSION 3

/* Bytes after the header at most: well below what a socket's buffer takes at once. */
#define HIVE_DATA_MAX (64u << 10)

enum hive_op {
	/* requests: DONE's arg[0] is what the call returns */
	HIVE_HELLO = 1, /* arg[0] HIVE_VERSION, [1] 1: a program that begins, not a child of
			   fork() in one; DONE's data is the release's name */
	HIVE_ENTER,	/* number of bpf/entries.def in `nr`, its arguments, data: the path */
	HIVE_STATUS,	/* DONE's data is a struct hive_status */
	HIVE_STOP,	/* the server ends */
	HIVE_TAKE_IN, /* carries a pidfd; arg[0] 1: by force; DONE's data is a struct hive_taken_in
		       */
	/* questions, each answered by ANSWER with a result in arg[0] */
	HIVE_READ,     /* arg[0] address, [1] bytes; the answer's data */
	HIVE_WRITE,    /* arg[0] address; data */
	HIVE_POSITION, /* arg[0] descriptor */
	HIVE_TAKE,     /* arg[0] descriptor; the answer carries a copy */
	HIVE_GIVE,     /* carries a descriptor; its number there */
	HIVE_CLOSE,    /* arg[0] descriptor */
	/* replies */
	HIVE_ANSWER,
	HIVE_DONE, /* carries the descriptor where the result is one */
};

#define HIVE_ARGS 6

struct hive_msg {
	uint32_t magic; /* HIVE_MAGIC */
	uint16_t op;	/* enum hive_op */
	uint16_t nr;	/* ENTER: which */
	uint32_t len;	/* bytes of data behind it */
	uint32_t tid;	/* the calling thread, as the member sees it */
	int32_t fd;	/* ENTER: a descriptor that the server will ask for, by guess... */
	uint32_t cpu;	/* where that thread runs */
	int64_t pos;	/* ...and its file position, -EBADF where it is none */
	uint64_t arg[HIVE_ARGS];
};
static_assert(sizeof(struct hive_msg) == 80, "the message is the same for all builds");

/* What `skep hive list` shows. */
struct hive_status {
	uint32_t pid;	  /* of the server */
	uint32_t members; /* processes that are known to live */
	uint32_t taken;	  /* those of them that were taken in */
	uint32_t progs, maps, links, pins;
	uint32_t pad;
	uint64_t since; /* seconds since the Epoch */
};

/* What came of HIVE_TAKE_IN. */
struct hive_taken_in {
	uint64_t stop_ns; /* how long the process stood still at most */
	uint32_t threads; /* that it has */
	uint32_t known;	  /* 1: it was in the hive already */
	char msg[256];	  /* where it failed: why, and what would mend it */
	char hint[160];
};

/* A packet with room for its data; large, so that a thread has one and keeps it. */
struct hive_packet {
	struct hive_msg msg;
	uint8_t data[HIVE_DATA_MAX];
};

/**
 * Sends a packet (msg.len bytes of data), and a copy of fd unless it is negative.  0 or -errno;
 * no signal is sent for a peer that is gone (-EPIPE).  No cancellation point.
 */
int hive_send(int sock, struct hive_packet *p, int fd);
/**
 * Waits for a packet; *ret_fd is the descriptor that came with it, close-on-exec, or -1.
 * 0, -EPIPE at the end, -EPROTO for what is no packet, -errno.
 */
int hive_recv(int sock, struct hive_packet *p, int *ret_fd);

/** Begins a packet without data. */
static inline void hive_begin(struct hive_packet *p, enum hive_op op)
{
	p->msg = (struct hive_msg){ .magic = HIVE_MAGIC, .op = (uint16_t)op };
}

#endif
