/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.c - see explain.h.  The text from top to bottom:
 *
 *	error: what is wrong (advice.c)
 *	  --> the line, and a caret below the expression
 *	   = what is known of the value
 *	where the value comes from: the steps, first to last (trail.c)
 *	the way here: the last branches that decided about it
 *	what would make it safe (advice.c)
 *	kernel: the message of the kernel's verifier
 */
#include "verifier/explain.h"

#include "verifier/advice.h"
#include "verifier/source.h"

#define WAY_MAX 4 /* branches that are shown */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- values --------------------------------------------------------------------------------- */

static const char *const type_words[_REG_TYPE_MAX] = {
	[PTR_TO_CTX] = "a pointer to the context",
	[CONST_PTR_TO_MAP] = "the map",
	[PTR_TO_MAP_VALUE] = "a pointer to a value of the map",
	[PTR_TO_MAP_KEY] = "a pointer to a key of the map",
	[PTR_TO_STACK] = "a pointer to the stack",
	[PTR_TO_PACKET_META] = "a pointer to the packet's metadata",
	[PTR_TO_PACKET] = "a pointer to the packet",
	[PTR_TO_PACKET_END] = "a pointer to the end of the packet",
	[PTR_TO_MEM] = "a pointer to memory",
	[PTR_TO_BTF_ID] = "a pointer to a kernel object",
	[PTR_TO_FUNC] = "a function",
};

/* "3", "from 0 to 255", "of which nothing is known" */
static void print_number(FILE *out, const struct bounds *n, const char *what)
{
	const struct range *r = &n->full;

	if (bounds_is_const(n))
		fprintf(out, "%s %lld", what, (long long)r->smin);
	else if (r->smin >= 0 || r->umax != UINT64_MAX || r->umin)
		fprintf(out, "%s from %llu to %llu", what, (unsigned long long)r->umin,
			(unsigned long long)r->umax);
	else if (r->smin != INT64_MIN || r->smax != INT64_MAX)
		fprintf(out, "%s from %lld to %lld", what, (long long)r->smin, (long long)r->smax);
	else
		fprintf(out, "%s of which nothing is known", what);
}

static void print_value(FILE *out, const struct fault_value *v)
{
	const uint32_t base = base_type(v->type);
	const char *word = base < _REG_TYPE_MAX ? type_words[base] : NULL;

	if (v->reg < 0 || base == NOT_INIT)
		return;
	fprintf(out, "   = r%d is ", v->reg);
	if (base == SCALAR_VALUE) {
		print_number(out, &v->n, bounds_is_const(&v->n) ? "the number" : "a number");
		fputc('\n', out);
		return;
	}
	fputs(word ? word : TYPE_NAME(v->type), out);
	if (*v->map)
		fprintf(out, " '%s'", v->map);
	if (base == PTR_TO_STACK && bounds_is_const(&v->n))
		fprintf(out, ", %lld bytes below its top", -(long long)(v->off + v->n.full.smin));
	else if (v->off)
		fprintf(out, ", %d bytes from its start", v->off);
	if (!bounds_is_const(&v->n))
		print_number(out, &v->n, ", plus a number");
	fprintf(out, "%s\n", may_be_null(v->type) ? ", or NULL" : "");
}

/* --- lines and steps ------------------------------------------------------------------------ */

/* The line with a caret below its column; tabs stay tabs, so that the caret stands right. */
static void print_place(const struct explain *e)
{
	FILE *out = e->out;
	struct source_line s;

	if (e->f->insn == FAULT_NO_INSN)
		return;
	if (!source_of(e->lines, e->f->insn, &s)) {
		fprintf(out, "  --> instruction %u\n", e->f->insn);
		return;
	}
	fprintf(out, "  --> %s:%u", base_name(s.file), s.line);
	if (s.col)
		fprintf(out, ":%u", s.col);
	fprintf(out, "\n%5u | %s\n", s.line, s.text);
	if (!s.col || s.col > strlen(s.text))
		return;
	fprintf(out, "      | ");
	for (uint32_t i = 0; i + 1 < s.col; i++)
		fputc(s.text[i] == '\t' ? '\t' : ' ', out);
	fprintf(out, "^\n");
}

/* The line of a step, unless it is the one shown last. */
static void print_step_line(const struct explain *e, uint32_t insn, uint32_t *last)
{
	struct source_line s;
	char text[100];

	if (!source_of(e->lines, insn, &s)) {
		fprintf(e->out, "%5u:\n", insn);
		return;
	}
	if (s.line == *last)
		return;
	*last = s.line;
	source_trim(s.text, text, sizeof(text));
	fprintf(e->out, "%5u | %s\n", s.line, text);
}

/* The instruction without its number and opcode. */
static const char *insn_text(const struct explain *e, uint32_t i, char *buf, size_t n)
{
	struct strbuf s = { buf, n, 0 };
	const char *text;

	isa_disasm(&s, &e->prog->image.insns[i], NULL);
	text = strchr(buf, ')');
	return text && text[1] == ' ' ? text + 2 : buf;
}

static void print_load(const struct explain *e, const struct fault_step *s)
{
	const struct bpf_insn *insn = &e->prog->image.insns[s->insn];
	const char *word = s->through < _REG_TYPE_MAX ? type_words[s->through] : NULL;
	const struct ctx_field *f = NULL;

	if (s->through == PTR_TO_CTX && e->prog->kind->fields && insn->off >= 0)
		f = prog_ctx_field(e->prog->kind, (uint32_t)insn->off, 1);
	if (f && f->name)
		fprintf(e->out, "r%u is loaded from the context's field '%s'\n", s->reg, f->name);
	else if (word && strlen(word) > 13)
		fprintf(e->out, "r%u is loaded from %s\n", s->reg, word + strlen("a pointer to "));
	else
		fprintf(e->out, "r%u is loaded from memory\n", s->reg);
}

static void print_step(const struct explain *e, const struct fault_step *s)
{
	const struct bpf_insn *insn = &e->prog->image.insns[s->insn];
	char name[64], text[160], *end;

	fprintf(e->out, "        ");
	switch ((enum fault_step_kind)s->kind) {
	case FAULT_MADE:
		if (BPF_CLASS(insn->code) == BPF_LDX)
			print_load(e, s);
		else
			fprintf(e->out, "%s\n", insn_text(e, s->insn, text, sizeof(text)));
		break;
	case FAULT_RETURNED:
		fprintf(e->out, "r0 is what %s() returns\n", callee_name(e->prog, s->insn, name));
		break;
	case FAULT_INVALIDATED:
		fprintf(e->out, "%s() makes r%u void\n", callee_name(e->prog, s->insn, name),
			s->reg);
		break;
	case FAULT_OPENED:
		fprintf(e->out, "%s() begins the region\n", callee_name(e->prog, s->insn, name));
		break;
	case FAULT_PASSED:
		fprintf(e->out, "r%u is passed to the function\n", s->reg);
		break;
	case FAULT_SPILLED:
		fprintf(e->out, "r%u is kept on the stack\n", s->reg);
		break;
	case FAULT_FILLED:
		fprintf(e->out, "r%u comes back from the stack\n", s->reg);
		break;
	case FAULT_BRANCH:
		snprintf(text, sizeof(text), "%s", insn_text(e, s->insn, name, sizeof(name)));
		end = strstr(text, " goto");
		if (end)
			*end = '\0';
		fprintf(e->out, "%s is %s\n", text + (strncmp(text, "if ", 3) ? 0 : 3),
			s->taken ? "true" : "false");
		break;
	case FAULT_COPIED:
	case FAULT_CHANGED:
		fprintf(e->out, "%s\n", insn_text(e, s->insn, text, sizeof(text)));
		break;
	}
}

/* Moves between registers and to the stack are the compiler's, and say nothing by themselves. */
static bool tells(const struct explain *e, const struct fault_step *s)
{
	return s->kind != FAULT_COPIED && s->kind != FAULT_SPILLED && s->kind != FAULT_FILLED &&
	       s->kind != FAULT_BRANCH;
}

static void print_origin(const struct explain *e)
{
	const struct fault_value *v = &e->f->value;
	uint32_t last = 0;
	bool any = false;

	/* Of an address on the stack everything is said; a reference's origin is on the way. */
	if (v->reg < 0)
		return;
	if (v->type == PTR_TO_STACK && bounds_is_const(&v->n))
		return;
	for (uint32_t i = e->f->nr_steps; i-- > 0;) {
		const struct fault_step *s = &e->f->step[i];

		if (!tells(e, s))
			continue;
		if (!any)
			fprintf(e->out, "where r%d comes from:\n", v->reg);
		any = true;
		print_step_line(e, s->insn, &last);
		print_step(e, s);
	}
}

/* A step of the way: a branch, or where the reference was acquired that is at stake. */
static bool on_way(const struct explain *e, const struct fault_step *s)
{
	return s->kind == FAULT_BRANCH || e->f->value.reg < 0;
}

/* The last branches, those before the value was there left out by trail.c. */
static void print_way(const struct explain *e)
{
	uint32_t shown = 0, from = 0, last = 0;

	for (uint32_t i = 0; i < e->f->nr_steps && shown < WAY_MAX; i++)
		if (on_way(e, &e->f->step[i])) {
			from = i;
			shown++;
		}
	if (!shown)
		return;
	fprintf(e->out, "the way here:\n");
	for (uint32_t i = from + 1; i-- > 0;) {
		if (!on_way(e, &e->f->step[i]))
			continue;
		print_step_line(e, e->f->step[i].insn, &last);
		print_step(e, &e->f->step[i]);
	}
}

/* --- the variable --------------------------------------------------------------------------- */

/* The step that made the value: of a pointer's offset, the number rather than the pointer. */
static const struct fault_step *find_origin(const struct verifier_fault *f)
{
	const bool offset =
		f->value.reg >= 0 && f->value.type != SCALAR_VALUE && !bounds_is_const(&f->value.n);
	const struct fault_step *ret = NULL;

	for (uint32_t i = 0; i < f->nr_steps; i++) {
		const struct fault_step *s = &f->step[i];

		if (s->kind != FAULT_MADE && s->kind != FAULT_RETURNED)
			continue;
		if (!ret || (offset && s->kind == FAULT_MADE && ret->kind == FAULT_RETURNED))
			ret = s;
	}
	return ret;
}

/* How people call the value: by the argument that it is, or the variable that it went into. */
static void name_value(struct explain *e)
{
	const int reg = e->f->value.reg;
	struct source_line s, here;
	bool line, named = false;

	snprintf(e->var, sizeof(e->var), reg >= 0 ? "r%d" : "it", reg);
	line = source_of(e->lines, e->f->insn, &here);
	if (line && reg >= BPF_REG_1 && reg <= BPF_REG_5 &&
	    e->prog->image.insns[e->f->insn].code == (BPF_JMP | BPF_CALL))
		named = source_argument(&here, (unsigned)reg, e->var, sizeof(e->var));
	/* On the faulting line itself the value is part of an expression without a name. */
	if (!e->origin || !source_of(e->lines, e->origin->insn, &s) ||
	    (line && here.line == s.line))
		return;
	if (named || source_assigned(s.text, e->var, sizeof(e->var)))
		e->var_line = s.line;
}

void explain_fault(FILE *out, const struct skep_prog *prog, const struct verifier_lines *lines,
		   const struct verifier_fault *fault)
{
	struct explain e = { .out = out, .prog = prog, .lines = lines, .f = fault };
	const struct advice *a;

	e.origin = find_origin(fault);
	name_value(&e);
	a = advice_find(&e);
	fprintf(out, "error: ");
	advice_print(&e, a->title);
	fputc('\n', out);
	print_place(&e);
	if (!a->no_value)
		print_value(out, &fault->value);
	if (a->facts)
		a->facts(&e);
	print_origin(&e);
	print_way(&e);
	if (a->remedy) {
		fprintf(out, "what would make it safe:\n        ");
		advice_print(&e, a->remedy);
		fputc('\n', out);
	}
	fprintf(out, "kernel: %s\n", fault->msg);
}
