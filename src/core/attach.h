/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach.h - inside the room: which attach types go with which program types.
 */
#ifndef SKEP_CORE_ATTACH_H
#define SKEP_CORE_ATTACH_H

#include "core/core_int.h"

/** The attach type that PROG_LOAD takes for 0 (bpf_prog_load_fixup_attach_type). */
uint32_t attach_default(uint32_t prog_type, uint32_t attach_type);
/** May a program of that type be loaded for that attach type (bpf_prog_load_check_attach)? */
bool attach_loadable(uint32_t prog_type, uint32_t attach_type);
/** The type of programs that attach there; BPF_PROG_TYPE_UNSPEC: none (attach_type_to_prog_type).
 */
uint32_t attach_prog_type(uint32_t attach_type);
/** May p be attached there (bpf_prog_attach_check_attach_type)? 0, -EINVAL, -EPERM. */
int attach_check_link(const struct skep_prog *p, uint32_t attach_type, bool net_admin);

#endif
