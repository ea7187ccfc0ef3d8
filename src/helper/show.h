/* SPDX-License-Identifier: BSD-2-Clause */
/* show.h - data as text, by its type (bpf_snprintf_btf and its kin). */
#ifndef SKEP_HELPER_SHOW_H
#define SKEP_HELPER_SHOW_H

#include "helper/helper_int.h"

/**
 * Writes what `p` leads to, an object of the kernel's type p->type_id, behind what `out` has.
 *
 * @param size	bytes of *p that the caller means
 * @param flags BTF_F_*
 * @return 0; -EFAULT: some of it cannot be read, and is left out; nothing was written: -EINVAL for
 *	   wrong arguments and for types that nothing is of, -ENOENT: there is no such type.  Hot.
 */
int show_data(struct skep_run *run, struct format_out *out, const struct btf_ptr *p, uint32_t size,
	      uint64_t flags);

#endif
