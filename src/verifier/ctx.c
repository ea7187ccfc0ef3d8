/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx.c - accesses of the context: may the program make them, and where does the field really
 * stand?  The program type's table answers both (prog/types.def), so a context is described in
 * one place.
 *
 * Every access becomes one access: a load of a pointer loads 8 bytes where the UAPI has 4, a
 * store of a field stores as many bytes as hold it.
 */
#include "verifier/verifier_int.h"

#define SIZE_MASK 0x18 /* what BPF_SIZE() keeps */

static struct ctx_access access_of(const struct bpf_insn *insn)
{
	return (struct ctx_access){
		.off = (uint32_t)(int32_t)insn->off,
		.size = insn_mem_size(insn->code),
		.write = BPF_CLASS(insn->code) != BPF_LDX,
		.sign = BPF_MODE(insn->code) == BPF_MEMSX,
	};
}

int ctx_check(struct verifier *v, int off, unsigned size, bool write, bool sign,
	      const struct ctx_field **ret_field)
{
	const struct ctx_access access = {
		.off = (uint32_t)off, .size = size, .write = write, .sign = sign
	};
	const struct ctx_field *field = prog_ctx_access(v->prog, &access);

	if (!field)
		return fail(v, -EACCES, "invalid bpf_context access off=%d size=%u", off, size);
	*ret_field = field;
	return 0;
}

static uint8_t size_code(unsigned bytes)
{
	return bytes == 8 ? BPF_DW : bytes == 4 ? BPF_W : bytes == 2 ? BPF_H : BPF_B;
}

int ctx_rewrite(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt && !v->target.name; i++) {
		struct bpf_insn *insn = &v->insns[i];
		const struct ctx_field *field;
		struct ctx_access access;

		if (v->info[i].ptr_type != PTR_TO_CTX)
			continue;
		access = access_of(insn);
		field = prog_ctx_access(v->prog, &access);
		v->prog->max_ctx_off = MAX(v->prog->max_ctx_off, access.off + access.size);
		insn->off = (int16_t)(field->real_off + (access.off - field->off));
		if (access.size == field->size)
			insn->code =
				(uint8_t)((insn->code & ~SIZE_MASK) | size_code(field->real_size));
	}
	return 0;
}
