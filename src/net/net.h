/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.h - the door to packets: where they come from and where they go.
 *
 * A port is a source or a sink of Ethernet frames with time stamps.  Its kind is a row of ops;
 * capture files are the first, devices (AF_PACKET, AF_XDP, TAP) join as further rows.
 */
#ifndef SKEP_NET_NET_H
#define SKEP_NET_NET_H

#include "base/base.h"
#include "base/diag.h"

struct net_port;

struct net_packet {
	const uint8_t *data; /* from the Ethernet header on; borrowed until the next call */
	uint32_t len;	     /* bytes at data */
	uint32_t wire_len;   /* bytes that it had on the wire, at least len */
	uint64_t time;	     /* ns since 1970 */
};

struct net_ops {
	const char *name; /* of the kind, as in "pcap" */
	/* Opens `what` for reading into *ret_priv; 0 or -errno. */
	int (*open_source)(const char *what, void **ret_priv, struct skep_diag *reterr_diag);
	/* Opens `what` for writing. */
	int (*open_sink)(const char *what, void **ret_priv, struct skep_diag *reterr_diag);
	/* 1 and the next packet, 0 at the end, -errno. */
	int (*next)(void *priv, struct net_packet *ret, struct skep_diag *reterr_diag);
	/* Takes one packet; 0 or -errno. */
	int (*put)(void *priv, const struct net_packet *p, struct skep_diag *reterr_diag);
	/* Pushes out what is buffered; 0 or -errno. */
	int (*flush)(void *priv, struct skep_diag *reterr_diag);
	void (*close)(void *priv);
};

extern const struct net_ops net_pcap_ops;

/**
 * Opens a source, or a sink, of the kind `ops`; the caller frees it with net_close.
 *
 * Returns 0, -ENOMEM, -EOPNOTSUPP (link type), -EINVAL (not such a file), or why the system
 * could not open it.
 */
int net_open_source(const struct net_ops *ops, const char *what, struct net_port **ret,
		    struct skep_diag *reterr_diag);
int net_open_sink(const struct net_ops *ops, const char *what, struct net_port **ret,
		  struct skep_diag *reterr_diag);

/** 1 and a packet, 0 at the end, -errno; what was read before an error stays good. */
int net_next(struct net_port *p, struct net_packet *ret, struct skep_diag *reterr_diag);
int net_put(struct net_port *p, const struct net_packet *pkt, struct skep_diag *reterr_diag);
/** A sink's packets are safe only after this returned 0. */
int net_flush(struct net_port *p, struct skep_diag *reterr_diag);

/** Accepts NULL. */
void net_close(struct net_port *p);
DEFINE_CLEANUP(struct net_port, net_close)

#endif
