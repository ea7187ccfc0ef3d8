/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.c - see explain.h
 */
#include "verifier/explain.h"

#include "verifier/source.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The line with a caret below its column; tabs stay tabs, so that the caret stands right. */
static void print_line(FILE *out, const struct source_line *s, uint32_t insn)
{
	fprintf(out, "  --> %s:%u:%u (instruction %u)\n", base_name(s->file), s->line, s->col,
		insn);
	fprintf(out, "%5u | %s\n", s->line, s->text);
	if (!s->col || s->col > strlen(s->text))
		return;
	fprintf(out, "      | ");
	for (uint32_t i = 0; i + 1 < s->col; i++)
		fputc(s->text[i] == '\t' ? '\t' : ' ', out);
	fprintf(out, "^\n");
}

void explain_fault(FILE *out, const struct skep_prog *prog, const struct verifier_lines *lines,
		   const struct verifier_fault *f)
{
	struct source_line s;

	if (f->insn != FAULT_NO_INSN && source_of(lines, f->insn, &s))
		print_line(out, &s, f->insn);
	fprintf(out, "kernel: %s\n", f->msg);
}
