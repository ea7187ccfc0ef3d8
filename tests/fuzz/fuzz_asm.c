/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_asm.c - assembler and disassembler on foreign bytes.
 *
 * The input is taken twice, as text and as instructions.  What assembles, and what is a valid
 * instruction, must survive the way to text and back.
 */
#include "base/alloc.h"
#include "isa/isa.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what, const char *text)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

/* The instruction at insn, of that many slots, to text and back. */
static void round_trip(const struct bpf_insn *insn, uint32_t slots)
{
	char text[256];
	struct strbuf s = { text, sizeof(text), 0 };
	struct bpf_insn *back;
	uint32_t cnt;

	isa_disasm(&s, insn, NULL);
	must(!strbuf_truncated(&s), "long text", text);
	must(!isa_asm(text, s.len, NULL, &back, &cnt, NULL), "does not assemble", text);
	must(cnt == slots && !memcmp(back, insn, slots * sizeof(*insn)), "other bytes", text);
	skep_free(back);
}

static void as_text(const uint8_t *data, size_t size)
{
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	uint32_t cnt = 0;

	if (isa_asm((const char *)data, size, NULL, &insns, &cnt, &diag)) {
		must(diag.err && diag.msg[0], "fails without a word", "");
		return;
	}
	for (uint32_t i = 0, slots; i < cnt; i += slots) {
		slots = insn_is_double(insn_desc(insn_decode(&insns[i]))) ? 2 : 1;
		round_trip(&insns[i], slots);
	}
	skep_free(insns);
}

static void as_insns(const uint8_t *data, size_t size)
{
	uint32_t cnt = (uint32_t)(size / sizeof(struct bpf_insn));
	struct bpf_insn *insns = skep_memdup(data, size);

	if (!insns)
		return;
	for (uint32_t i = 0; i < cnt; i++) {
		/* the printer wants the second slot, be it what it may */
		struct bpf_insn two[2] = { insns[i] };
		char text[256];
		struct strbuf s = { text, sizeof(text), 0 };
		int slots = insn_valid(insns, cnt, i, ISA_ALL, NULL);

		if (i + 1 < cnt)
			two[1] = insns[i + 1];
		isa_disasm(&s, two, NULL);
		/* Linux takes any upper half for a function's address, and ignores it */
		if (slots > 0 && !(insn_decode(two) == INSN_LD_FUNC && two[1].imm))
			round_trip(two, (uint32_t)slots);
		i += slots == 2;
	}
	skep_free(insns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_text(data, size);
	as_insns(data, size);
	return 0;
}
