/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * function.h - inside the room: where in a file the jumps of a probe go.
 */
#ifndef SKEP_HOOK_FUNCTION_H
#define SKEP_HOOK_FUNCTION_H

#include "inject/site.h"

/**
 * The site of the instruction at byte `off` of the file, or those of the returns of the function
 * that it is in.  Addresses in them are offsets in the file.
 *
 * @return the errors of site_at() and site_returns(); -EOPNOTSUPP also for returns where no symbol
 *	says how long the function is; -EINVAL: the file ends before; -errno of open(2)
 */
int function_sites(const char *path, uint64_t off, bool returns, struct sites *ret,
		   struct skep_diag *reterr_diag);

#endif
