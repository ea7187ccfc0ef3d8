/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c - the blob (kernel.bpf.c's .BTF, embedded by tools/embed-section), and the way from
 * its FUNC types to the functions that stand for them (helper/kfuncs.def).
 */
#include "model/model.h"

#include "btf/btf.h"
#include "helper/helper.h"

extern const unsigned char model_blob[];
extern const unsigned long model_blob_size;

const void *model_btf(size_t *ret_size)
{
	*ret_size = model_blob_size;
	return model_blob;
}

const struct kfunc *model_kfunc(const struct skep_btf *vmlinux, uint32_t btf_id)
{
	const struct btf_type *t = btf_type(vmlinux, btf_id);

	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_FUNC)
		return NULL;
	return kfunc_by_name(btf_str(vmlinux, t->name_off));
}
