/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disasm.c - instructions as text, by the templates of opcodes.def.
 *
 * The text is that of Linux's print_bpf_insn (kernel/bpf/disasm.c).  Where Linux prints an operand
 * without saying what it is (pseudo sources, the BTF of a kfunc), bpftool's words are used, and
 * words in its style where it has none, so that nothing is lost.
 */
#include "isa/isa.h"

struct printer {
	struct strbuf *out;
	const struct bpf_insn *insn;
	const struct isa_names *names; /* never NULL */
	char scratch[128];	       /* for the callbacks */
};

/* What the caller calls the callee, or NULL. */
static const char *callee(struct printer *p)
{
	if (!p->names->call)
		return NULL;
	return p->names->call(p->names->arg, p->insn, p->scratch, sizeof(p->scratch));
}

static void put_call(struct printer *p, const char *unnamed)
{
	const char *name = callee(p);

	strbuf_add(p->out, "%s#%d", name ? name : unnamed, p->insn->imm);
	/* Linux does not print it: only where the text is all that is left of the instruction */
	if (p->insn->off && !p->names->call)
		strbuf_add(p->out, "[fd:%d]", p->insn->off);
}

static void put_subprog(struct printer *p)
{
	const char *name = callee(p);

	if (name)
		strbuf_add(p->out, "pc%s", name);
	else
		strbuf_add(p->out, "pc%+d", p->insn->imm);
}

/* One placeholder; opcodes.def lists them. */
static void put_field(struct printer *p, char field)
{
	const struct bpf_insn *i = p->insn;

	switch (field) {
	case 'd':
		strbuf_add(p->out, "%d", i->dst_reg);
		break;
	case 's':
		strbuf_add(p->out, "%d", i->src_reg);
		break;
	case 'o':
		strbuf_add(p->out, "%+d", i->off);
		break;
	case 'i':
		strbuf_add(p->out, "%d", i->imm);
		break;
	case 'x':
		strbuf_add(p->out, "0x%x", (uint32_t)i->imm);
		break;
	case 'u':
		strbuf_add(p->out, "%u", (uint32_t)i->imm);
		break;
	case 'n':
		strbuf_add(p->out, "%u", (uint32_t)i[1].imm);
		break;
	case 'U':
		strbuf_add(p->out, "%u", (uint32_t)i->imm >> 16);
		break;
	case 'L':
		strbuf_add(p->out, "%u", (uint16_t)i->imm);
		break;
	case 'q':
		strbuf_add(p->out, "0x%llx",
			   (unsigned long long)(uint32_t)i->imm |
				   (unsigned long long)(uint32_t)i[1].imm << 32);
		break;
	case 'j':
		strbuf_add(p->out, "pc%+d", i->off);
		break;
	case 'l':
		strbuf_add(p->out, "pc%+d", i->imm);
		break;
	case 'f':
		strbuf_add(p->out, "%+d", i->imm);
		break;
	case 'p':
		put_subprog(p);
		break;
	case 'c':
		put_call(p, "unknown");
		break;
	case 'k':
		put_call(p, "kernel-function");
		break;
	default:
		strbuf_add(p->out, "%c", field);
	}
}

static void put_text(struct printer *p, const char *text)
{
	for (; *text; text++) {
		if (*text == '%')
			put_field(p, *++text);
		else
			strbuf_add(p->out, "%c", *text);
	}
}

/* The caller's words for the operand of an LD_IMM64; false where it has none. */
static bool put_imm64(struct printer *p)
{
	uint64_t imm = (uint32_t)p->insn[0].imm | (uint64_t)(uint32_t)p->insn[1].imm << 32;
	const char *s = NULL;

	if (p->names->imm)
		s = p->names->imm(p->names->arg, p->insn, imm, p->scratch, sizeof(p->scratch));
	if (s)
		strbuf_add(p->out, "r%d = %s", p->insn->dst_reg, s);
	return s != NULL;
}

/* What Linux prints for what it cannot name. */
static void put_unknown(struct printer *p)
{
	static const char *const word[8] = { "ld_",  "ldx_", "st_",  "",
					     "alu_", "jmp_", "jmp_", "alu_" };
	uint8_t code = p->insn->code;

	strbuf_add(p->out, "BUG_%s%02x", word[BPF_CLASS(code)], code);
}

void isa_disasm(struct strbuf *out, const struct bpf_insn *insn, const struct isa_names *names)
{
	static const struct isa_names none = { 0 };
	struct printer p = { .out = out, .insn = insn, .names = names ? names : &none };
	enum insn_op op = insn_decode(insn);
	const struct insn_desc *d = insn_desc(op);

	/* A malformed instruction of a known byte still reads best as its plain form. */
	if (op == INSN_INVALID)
		d = insn_desc((enum insn_op)insn_slots[insn->code].first);
	if (!d->name || (op == INSN_INVALID && d->group == INSN_GROUP_ATOMIC)) {
		put_unknown(&p);
		return;
	}
	strbuf_add(out, "(%02x) ", insn->code);
	if (!insn_is_double(d) || !put_imm64(&p))
		put_text(&p, d->text);
}
