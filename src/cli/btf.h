/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.h - type information as text, for whoever needs a vmlinux.h.
 */
#ifndef SKEP_CLI_BTF_H
#define SKEP_CLI_BTF_H

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

/** The types as a C header, as bpftool's `format c`. 0 or -errno. */
int btf_write_c(FILE *out, const struct btf *btf);

/** The types that programs see in our kernel; the caller frees. NULL with errno. */
struct btf *btf_of_kernel(void);

#endif
