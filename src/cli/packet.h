/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - runs a program over packets, one after the other, as a device would.
 *
 * BPF_PROG_TEST_RUN takes frames of a page at most and answers one system call a packet; this
 * takes frames of any size and holds its vCPU and its buffer from packet to packet.
 */
#ifndef SKEP_CLI_PACKET_H
#define SKEP_CLI_PACKET_H

#include "core/core.h"
#include "net/net.h"

/* A verdict by its name; `passes`: the packet goes on. */
struct verdict {
	int32_t value;
	const char *name;
	bool passes;
};

struct packet_runner;

/**
 * Prepares to run prog on frames of up to max_len bytes.
 *
 * @return 0; -EOPNOTSUPP where programs of this type do not run on packets; -ENOMEM
 */
int packet_runner_new(struct skep_kernel *k, struct skep_prog *prog, uint32_t max_len,
		      struct packet_runner **ret);
/** Accepts NULL. */
void packet_runner_free(struct packet_runner *r);
DEFINE_CLEANUP(struct packet_runner, packet_runner_free)

/**
 * Runs the program on one packet.
 *
 * @param ret_verdict  what the program returned
 * @param ret_out      the packet as the program left it; borrowed until the next run
 * @return 0; -EINVAL where the frame is too short for a device to deliver it; -EFAULT where the
 *         interpreter stopped the program at a bad access (the diagnostic says where)
 */
int packet_run(struct packet_runner *r, const struct net_packet *p, int32_t *ret_verdict,
	       struct net_packet *ret_out, struct skep_diag *reterr_diag);

/** The name of a verdict of this program's type; NULL for a value without one. */
const struct verdict *packet_verdict(const struct packet_runner *r, int32_t value);

#endif
