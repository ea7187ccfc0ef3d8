/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_model.h - objects of the kernel as iterators hand them to programs: the C twins of
 * model/kernel.bpf.c's types, which tests/unit/model holds together.
 */
#ifndef SKEP_CORE_ITER_MODEL_H
#define SKEP_CORE_ITER_MODEL_H

#include "base/base.h"
#include "base/uapi.h"
#include "helper/file.h"

struct skep_seq;

struct model_map {
	uint32_t map_type;
	uint32_t key_size, value_size, max_entries;
	uint64_t map_extra;
	uint32_t map_flags;
	uint32_t id;
	uint32_t btf_key_type_id, btf_value_type_id;
	char name[BPF_OBJ_NAME_LEN];
	bool frozen;
};

struct model_prog;

struct model_prog_aux {
	uint32_t used_map_cnt;
	uint32_t max_ctx_offset;
	uint32_t id;
	uint32_t func_cnt;
	uint32_t attach_btf_id;
	uint32_t verified_insns;
	uint64_t load_time;
	char name[BPF_OBJ_NAME_LEN];
	struct model_prog *prog;
};

struct model_prog {
	uint32_t type;
	uint32_t expected_attach_type;
	uint32_t len; /* instructions */
	uint32_t jited_len;
	uint8_t tag[BPF_TAG_SIZE];
	struct model_prog_aux *aux;
	struct model_prog_aux aux_mem; /* where that is: behind what BTF tells of */
};

struct model_link {
	uint32_t id;
	uint32_t type;
	struct model_prog *prog;
};

struct model_vma {
	uint64_t vm_start, vm_end;
	uint64_t vm_flags;
	uint64_t vm_pgoff; /* pages */
	struct model_file *vm_file;
};

struct model_iter_meta {
	struct skep_seq *seq;
	uint64_t session_id, seq_num;
};

#endif
