/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objcheck.h - looks at an object file before libbpf does.
 */
#ifndef SKEP_CLI_OBJCHECK_H
#define SKEP_CLI_OBJCHECK_H

#include "base/diag.h"

/**
 * Is this a BPF object whose structure can be followed?  -EINVAL with the place where not,
 * or why the file could not be read.
 */
int objcheck(const char *path, struct skep_diag *reterr_diag);

/** The same for a file that holds BTF: any ELF file, or BTF alone. */
int objcheck_btf(const char *path, struct skep_diag *reterr_diag);

#endif
