/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attr.h - union bpf_attr as Linux 6.12 has it.
 *
 * The installed <linux/bpf.h> may be older, so the fields that came later are laid over the union
 * here, at the offsets that the ABI fixed.  The size of the union is Linux 6.12's whatever the
 * header says: it decides which tails bpf(2) answers with -E2BIG.
 */
#ifndef SKEP_CORE_ATTR_H
#define SKEP_CORE_ATTR_H

#include "base/base.h"
#include "base/uapi.h"

#define ATTR_SIZE 152 /* sizeof(union bpf_attr) */

/* LINK_CREATE's, for BPF_TRACE_UPROBE_MULTI. */
struct core_uprobe_multi {
	uint8_t common[16];
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, flags, pid;
};

union core_attr {
	union bpf_attr a; /* what every header knows */
	uint8_t bytes[ATTR_SIZE];
	struct {
		uint8_t known[72];
		int32_t value_type_btf_obj_fd;
		int32_t token_fd;
	} map_create;
	struct {
		uint8_t known[140];
		uint32_t log_true_size;
		int32_t token_fd;
	} prog_load;
	struct {
		uint8_t known[28];
		uint32_t log_true_size;
		uint32_t flags;
		int32_t token_fd;
	} btf_load;
	struct {
		uint8_t known[16];
		int32_t path_fd;
	} obj;
	struct {
		uint8_t known[24];
		uint64_t expected_revision;
	} attach;
	struct {
		uint8_t known[56];
		uint64_t revision;
	} query;
	struct {
		uint8_t known[16];
		uint64_t cookie;
	} raw_tracepoint;
	struct core_uprobe_multi uprobe_multi;
	struct {
		uint32_t flags;
		uint32_t bpffs_fd;
	} token_create;
};
static_assert(offsetof(union core_attr, map_create.value_type_btf_obj_fd) ==
		      offsetofend(union bpf_attr, map_extra),
	      "MAP_CREATE goes on where the old header ends");
static_assert(offsetof(union core_attr, prog_load.log_true_size) ==
		      offsetofend(union bpf_attr, core_relo_rec_size),
	      "PROG_LOAD goes on where the old header ends");
static_assert(offsetof(union core_attr, btf_load.log_true_size) ==
		      offsetofend(union bpf_attr, btf_log_level),
	      "BTF_LOAD goes on where the old header ends");

#endif
