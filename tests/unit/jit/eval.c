/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eval.c - runs a program by what its instructions mean (tests/harness/eval.h): the judge of the
 * compiler's tests.  Knows subprograms and plain helper calls.
 */
#include "tests/harness/eval.h"
#include "tests/unit/jit/jit_test.h"

static uint64_t eval_sub(const struct skep_prog *p, uint32_t pc, uint64_t *r);

static uint64_t eval_call(const struct skep_prog *p, uint32_t pc, uint64_t *r)
{
	const struct insn_aux *aux = &p->image.aux[pc];
	struct skep_run run = { .cpu = 3 };
	uint64_t callee[11] = { 0 };

	if (aux->ref == INSN_REF_HELPER)
		return aux->helper->fn(r[1], r[2], r[3], r[4], r[5], &run);
	memcpy(callee + 1, r + 1, 5 * sizeof(*r));
	return eval_sub(p, p->image.sub[aux->sub].start, callee);
}

static uint64_t eval_sub(const struct skep_prog *p, uint32_t pc, uint64_t *r)
{
	uint8_t stack[SKEP_STACK_MAX] __attribute__((aligned(16))) = { 0 };

	r[10] = (uintptr_t)stack + sizeof(stack);
	for (;; pc++) {
		const struct bpf_insn *in = &p->image.insns[pc];
		unsigned class = BPF_CLASS(in->code);

		if (class == BPF_ALU || class == BPF_ALU64) {
			eval_alu_insn(in, r);
		} else if (class == BPF_LD) {
			r[in->dst_reg] = insn_imm64(in);
			pc++;
		} else if (class != BPF_JMP && class != BPF_JMP32) {
			eval_mem(in, r);
		} else if (in->code == (BPF_JMP | BPF_EXIT)) {
			return r[0];
		} else if (in->code == (BPF_JMP | BPF_CALL)) {
			r[0] = eval_call(p, pc, r);
		} else if (BPF_OP(in->code) == BPF_JA) {
			pc += (uint32_t)(class == BPF_JMP ? in->off : in->imm);
		} else if (eval_taken(in, r)) {
			pc += (uint32_t)in->off;
		}
	}
}

uint64_t jt_eval(const struct skep_prog *p, void *ctx)
{
	uint64_t r[11] = { 0 };

	r[1] = (uintptr_t)ctx;
	return eval_sub(p, 0, r);
}
