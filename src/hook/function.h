/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * function.h - inside the room: where in a file the jumps of a probe go.
 */
#ifndef SKEP_HOOK_FUNCTION_H
#define SKEP_HOOK_FUNCTION_H

#include "inject/site.h"

/* Which instructions a probe of byte `off` of a file is at, by what it is to see. */
enum function_part {
	FUNCTION_HERE,	  /* that instruction */
	FUNCTION_RETURNS, /* the returns of the function that it is in */
	FUNCTION_ENTRY,	  /* itself, to see returns by the return address (agent/ret.c) */
};

/**
 * Their sites, whose addresses are offsets in the file.
 *
 * @return the errors of site_at() and site_returns(); -EOPNOTSUPP also for returns where no symbol
 *	says how long the function is, and for the entry of one that returns again, as setjmp(),
 *	or is Go's, whose runtime reads return addresses; -EINVAL: the file ends before, or the
 *	function begins elsewhere; -errno of open(2)
 */
int function_sites(const char *path, uint64_t off, enum function_part part, struct sites *ret,
		   struct skep_diag *reterr_diag);

#endif
