/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_dynptr.c - kfuncs on dynptrs: which kind they make, and the slices that they give.
 */
#include "verifier/kfunc_int.h"

/* Kfuncs that make a dynptr (an argument whose name ends in __uninit); others make none. */
static const struct {
	const char *name;
	uint8_t kind; /* enum dynptr_kind; DYNPTR_NONE: that of the argument before */
} makers[] = {
	{ "bpf_dynptr_from_skb", DYNPTR_SKB },
	{ "bpf_dynptr_from_xdp", DYNPTR_XDP },
	{ "bpf_dynptr_from_skb_meta", DYNPTR_SKB_META },
	{ "bpf_dynptr_clone", DYNPTR_NONE },
};

bool kfunc_is_dynptr(const struct karg *a)
{
	return kfunc_arg_points_to(a, "bpf_dynptr");
}

int kfunc_check_dynptr(struct karg *a)
{
	struct kcall *k = a->k;
	size_t i = 0;
	int err;

	if (!kfunc_arg_has(k, a->a, "__uninit")) {
		err = dynptr_arg(a->v, a->n, DYNPTR_READ, DYNPTR_NONE, 0);
		if (!err)
			k->dynptr = dynptr_at(a->v, a->n);
		return err;
	}
	while (i < ARRAY_SIZE(makers) && strcmp(makers[i].name, k->name))
		i++;
	if (i == ARRAY_SIZE(makers))
		return fail(a->v, -EINVAL, "kernel function %s makes no dynptr that is known here",
			    k->name);
	return dynptr_arg(a->v, a->n, DYNPTR_MAKE,
			  makers[i].kind ? (enum dynptr_kind)makers[i].kind : k->dynptr.kind,
			  makers[i].kind ? 0 : k->dynptr.ref_id);
}

int kfunc_slice(struct kcall *k)
{
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	reg_pointer(r0, PTR_TO_MEM | MEM_RDONLY | MEM_DYNPTR(k->dynptr.kind));
	r0->mem_size = (uint32_t)k->value;
	r0->dynptr_id = k->dynptr.id;
	/* Linux lets a record's slice outlive the record. */
	if (!k->v->opts->judge)
		r0->ref_id = k->dynptr.ref_id;
	return 0;
}

int kfunc_slice_rdwr(struct kcall *k)
{
	if (!k->v->prog->kind->pkt_write)
		return fail(k->v, -EINVAL, "the prog does not allow writes to packet data");
	kfunc_slice(k);
	cur_regs(k->v)[BPF_REG_0].type &= ~MEM_RDONLY;
	return 0;
}
