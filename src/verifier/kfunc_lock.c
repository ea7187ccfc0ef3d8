/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_lock.c - bpf_res_spin_lock and its kin: locks that may not be had, because they would
 * never be, so that taking one is a fork.  What locks guard is in lock.c.
 */
#include "verifier/kfunc_int.h"

#define ERRNO_MAX 4095 /* MAX_ERRNO */

int lock_arg(struct kcall *k, uint32_t a)
{
	const uint32_t n = BPF_REG_1 + a;
	const uint32_t type = cur_regs(k->v)[n].type;
	const bool take = !strncmp(k->name, "bpf_res_spin_lock", 17);
	const bool irq = k->arg_cnt > 1;

	if (type != PTR_TO_MAP_VALUE && type != (PTR_TO_BTF_ID | MEM_ALLOC))
		return fail(k->v, -EINVAL, "arg#%u doesn't point to map value or allocated object",
			    a);
	return lock_step(k->v, n, irq ? REF_RES_LOCK_IRQ : REF_RES_LOCK, take);
}

int lock_fork(struct kcall *k)
{
	struct verifier *v = k->v;
	struct vstate *without;
	struct reg *regs;
	int err;

	without = state_push(v, v->i + 1, v->i, false, &err);
	if (!without)
		return err;
	regs = without->frame[without->cur]->reg;
	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	reg_unknown(v, &regs[BPF_REG_0]);
	regs[BPF_REG_0].n.full.smin = regs[BPF_REG_0].n.low.smin = -ERRNO_MAX;
	regs[BPF_REG_0].n.full.smax = regs[BPF_REG_0].n.low.smax = -1;
	bounds_sync(&regs[BPF_REG_0].n);
	return 0;
}

int lock_result(struct kcall *k)
{
	reg_known(&cur_regs(k->v)[BPF_REG_0], 0);
	return 0;
}
