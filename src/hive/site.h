/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * site.h - the probed instructions of members, as the agent sees them: in meta, one for each place
 * in each process.
 */
#ifndef SKEP_HIVE_SITE_H
#define SKEP_HIVE_SITE_H

#include "base/base.h"

#include <stdatomic.h>

struct skep_prog;

struct hive_probe {
	const struct skep_prog *prog;
	uint64_t cookie; /* bpf_get_attach_cookie() */
};

/* Who runs there, in the order in which they came; replaced as a whole. */
struct hive_probes {
	uint32_t n;
	uint32_t pad;
	struct hive_probe probe[];
};

struct hive_site {
	_Atomic(const struct hive_probes *) probes; /* NULL: nobody */
};

#endif
