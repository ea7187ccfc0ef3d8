/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_btf.h - the types of a kernel, and what programs call in it by name.
 */
#ifndef SKEP_TESTS_KERNEL_BTF_H
#define SKEP_TESTS_KERNEL_BTF_H

#include "btf/btf.h"
#include "isa/isa.h"

/** The host's, or NULL where it cannot be read. */
struct skep_btf *kernel_btf_host(void);
/** For struct isa_symbols: a helper's number, or a kfunc's id in the struct skep_btf `btf`. */
bool kernel_btf_call(void *btf, const char *name, size_t n, struct bpf_insn *insn);

#endif
