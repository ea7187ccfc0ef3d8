/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - inside the room: the log buffer that PROG_LOAD and BTF_LOAD share.
 *
 * The verifier writes into memory of ours as large as the caller's; at the end it goes out in one
 * piece, so no bad address can harm in between.
 */
#ifndef SKEP_CORE_LOG_H
#define SKEP_CORE_LOG_H

#include "core/core_int.h"
#include "verifier/verifier.h"

struct call_log {
	struct verifier_log v;
	uint64_t ubuf; /* the caller's buffer, 0 for none */
};

/** Checks the three attributes (bpf_vlog_init): 0, -EINVAL, -ENOMEM; log_free is due anyway. */
int log_begin(struct call *c, struct call_log *log, uint32_t level, uint64_t ubuf, uint32_t size);
void log_free(struct call_log *log);

/**
 * Hands the log out (bpf_vlog_finalize), and its true size where the caller's attributes reach
 * beyond `true_size`, that field's offset.
 *
 * @param err  what the command would return
 * @return err, or -ENOSPC where text was lost, or -EFAULT
 */
int log_end(struct call *c, struct call_log *log, size_t true_size, int err);

#endif
