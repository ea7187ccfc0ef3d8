/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - runs a program over packets, one after the other, as a device would.
 *
 * BPF_PROG_TEST_RUN takes frames of a page at most, one a call; this takes frames of any size in
 * batches, and holds its vCPU and its buffers from batch to batch.
 */
#ifndef SKEP_CLI_PACKET_H
#define SKEP_CLI_PACKET_H

#include "core/core.h"
#include "net/net.h"

/* A verdict by its name; `passes`: the packet goes on. */
struct verdict {
	const char *name;
	int32_t value;
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

/* What became of one packet. */
struct packet_result {
	int err;	       /* 0, or -EINVAL: too short for a device to deliver it */
	int32_t verdict;       /* what the program returned */
	struct net_packet out; /* as the program left it; borrowed until the next call */
};

#define PACKET_BATCH 64 /* packets at most that packet_run() takes in one call */

/**
 * Runs the program on n packets, n <= PACKET_BATCH.
 *
 * @param ret_ns  the runs' time is added to it; copying packets in and out is not in it
 * @return 0, or -EFAULT where the interpreter stopped the program at a bad access (the diagnostic
 *         says where)
 */
int packet_run(struct packet_runner *r, const struct net_packet *p, uint32_t n,
	       struct packet_result *ret, uint64_t *ret_ns, struct skep_diag *reterr_diag);

/** The name of a verdict of this program's type; NULL for a value without one. */
const struct verdict *packet_verdict(const struct packet_runner *r, int32_t value);

#endif
