/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - the kernel that programs see, described by BTF.
 *
 * kernel.bpf.c holds C types and function prototypes of the emulated kernel; the build compiles
 * it with clang -target bpf and embeds its .BTF.  That blob is what /sys/kernel/btf/vmlinux is
 * to libbpf, so CO-RE relocates onto our types and kfuncs resolve to our functions.
 */
#ifndef SKEP_MODEL_MODEL_H
#define SKEP_MODEL_MODEL_H

#include "base/base.h"

struct skep_btf;
struct kfunc;

/** The model's raw BTF; static. */
const void *model_btf(size_t *ret_size);

/** The kfunc that FUNC `btf_id` of the model's BTF names, or NULL. */
const struct kfunc *model_kfunc(const struct skep_btf *vmlinux, uint32_t btf_id);

/* The release that the model pretends to be: "6.12.0-skep". */
#define MODEL_RELEASE "6.12.0-skep"

#endif
