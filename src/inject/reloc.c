/* SPDX-License-Identifier: BSD-2-Clause */
/* reloc.c - see reloc.h */
#include "inject/reloc.h"

#include "inject/emit_int.h"
#include "inject/insn.h"

/* Pushes `ret` from behind `rest` bytes of code that follow and go elsewhere. */
static void push_return(struct emit *e, uint64_t ret, size_t rest)
{
	EMIT(e, 0xff, 0x35); /* push rel32(%rip) */
	emit_rel32(e, e->at + e->n + 4 + rest, 0);
}

static void move_call(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next)
{
	push_return(e, next, 5);
	EMIT(e, 0xe9);
	emit_rel32(e, in->target, 0);
	emit_u64(e, next);
}

/* As it is, but for its displacement. */
static void move_plain(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next)
{
	if (!in->disp_at) {
		emit_bytes(e, text, in->size);
		return;
	}
	emit_bytes(e, text, in->disp_at);
	emit_rel32(e, in->target, in->size - in->disp_at - 4u);
	emit_bytes(e, text + in->disp_at + 4, in->size - in->disp_at - 4u);
}

/* call *X is push, jmp *X: the same but for three bits of ModRM. */
static void move_call_ind(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next)
{
	uint8_t jmp[INSN_MAX];

	memcpy(jmp, text, in->size);
	jmp[in->modrm] = (uint8_t)((jmp[in->modrm] & 0xc7) | 4 << 3);
	push_return(e, next, in->size);
	move_plain(e, in, jmp, next);
	emit_u64(e, next);
}

static void move_jmp(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next)
{
	EMIT(e, 0xe9);
	emit_rel32(e, in->target, 0);
}

static void move_jcc(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next)
{
	EMIT(e, 0x0f, 0x80 | in->cc);
	emit_rel32(e, in->target, 0);
}

typedef void (*move_fn)(struct emit *e, const struct insn *in, const uint8_t *text, uint64_t next);

static const move_fn moves[] = {
	[INSN_PLAIN] = move_plain, [INSN_PAD] = move_plain,	    [INSN_JMP] = move_jmp,
	[INSN_JCC] = move_jcc,	   [INSN_CALL] = move_call,	    [INSN_JMP_IND] = move_plain,
	[INSN_RET] = move_plain,   [INSN_CALL_IND] = move_call_ind, [INSN_SYSCALL] = move_plain,
	[INSN_BOUND] = NULL,
};

/* What of this instruction cannot be at another place, or NULL. */
static const char *objection(const struct insn *in, uint64_t from, size_t end, size_t forbidden)
{
	const bool call = in->kind == INSN_CALL || in->kind == INSN_CALL_IND;

	if (in->kind == INSN_BOUND)
		return "this instruction does not work from another place";
	if (in->branches && in->target > from && in->target < from + forbidden)
		return "this branch leads into the bytes that a jump replaces";
	if (call && end < forbidden)
		return "this call would return into the bytes that a jump replaces";
	if (in->kind == INSN_CALL_IND && in->rsp)
		return "this call goes through the stack pointer";
	return NULL;
}

int reloc_insns(struct reloc *ret, const uint8_t *text, size_t n, uint64_t from, uint64_t to,
		size_t least, size_t forbidden, struct skep_diag *reterr_diag)
{
	struct reloc r = { 0 };
	struct emit e = { .code = r.code, .cap = sizeof(r.code), .at = to };
	struct insn in;
	const char *why;
	size_t off = 0;

	for (; off < least; off += in.size) {
		if (r.n == RELOC_INSNS || insn_decode(text + off, n - off, from + off, &in))
			return diag_set(reterr_diag, -EILSEQ, SKEP_AT_BYTE, off,
					"no instruction is here");
		why = objection(&in, from, off + in.size, forbidden);
		if (why)
			return diag_set(reterr_diag, -EOPNOTSUPP, SKEP_AT_BYTE, off, "%s", why);
		r.step[r.n++] = (struct reloc_step){ (uint16_t)off, (uint16_t)e.n };
		moves[in.kind](&e, &in, text + off, from + off + in.size);
		r.calls = in.kind == INSN_CALL || in.kind == INSN_CALL_IND;
		if (e.err)
			return diag_set(reterr_diag, e.err, SKEP_AT_BYTE, off,
					"what this instruction refers to is too far away");
	}
	r.step[r.n] = (struct reloc_step){ (uint16_t)off, (uint16_t)e.n };
	r.covered = (uint16_t)off;
	r.size = (uint16_t)e.n;
	*ret = r;
	return 0;
}
