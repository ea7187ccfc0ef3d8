/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.h - inside the room: the tag of a program.
 */
#ifndef SKEP_CORE_TAG_H
#define SKEP_CORE_TAG_H

#include "base/base.h"
#include "base/uapi.h"

/** SHA-1 of the instructions with map descriptors zeroed, its first 8 bytes (bpf_prog_calc_tag). */
void tag_calc(const struct bpf_insn *insns, uint32_t cnt, uint8_t ret[BPF_TAG_SIZE]);

#endif
