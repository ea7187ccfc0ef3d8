/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - line_info as the caller gave it, looked at without trusting it.
 */
#include "verifier/source.h"

#include <ctype.h>
#include <stdio.h>

#include "btf/btf.h"

static bool record_at(const struct verifier_lines *lines, uint32_t n, struct bpf_line_info *ret)
{
	if (n >= lines->cnt || lines->size < sizeof(*ret))
		return false;
	memcpy(ret, (const uint8_t *)lines->at + (size_t)n * lines->size, sizeof(*ret));
	return true;
}

bool source_of(const struct verifier_lines *lines, uint32_t i, struct source_line *ret)
{
	uint32_t from = 0, to = lines->btf ? lines->cnt : 0;
	struct bpf_line_info rec;

	/* The last record at or before i: they are in order, and where not, no harm is done. */
	while (from < to) {
		const uint32_t mid = from + (to - from) / 2;

		if (!record_at(lines, mid, &rec))
			return false;
		if (rec.insn_off <= i)
			from = mid + 1;
		else
			to = mid;
	}
	if (!from || !record_at(lines, from - 1, &rec))
		return false;
	ret->file = btf_str(lines->btf, rec.file_name_off);
	ret->text = btf_str(lines->btf, rec.line_off);
	ret->line = BPF_LINE_INFO_LINE_NUM(rec.line_col);
	ret->col = BPF_LINE_INFO_LINE_COL(rec.line_col);
	return ret->file && ret->text && *ret->text;
}

void source_trim(const char *text, char *ret, size_t n)
{
	const char *end;

	text += strspn(text, " \t");
	end = strstr(text, "/*");
	if (!end)
		end = strstr(text, "//");
	if (!end)
		end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	snprintf(ret, n, "%.*s", (int)(end - text), text);
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

bool source_assigned(const char *text, char *ret, size_t n)
{
	const char *eq = text, *end, *start;

	/* A sign before it makes it a comparison. */
	while ((eq = strchr(eq, '=')) && (eq[1] == '=' || (eq > text && strchr("=<>!", eq[-1]))))
		eq += eq[1] == '=' ? 2 : 1;
	if (!eq)
		return false;
	end = eq;
	while (end > text && (end[-1] == ' ' || strchr("+-*/%&|^", end[-1])))
		end--;
	start = end;
	while (start > text && is_name_char(start[-1]))
		start--;
	if (start == end || isdigit((unsigned char)*start))
		return false;
	snprintf(ret, n, "%.*s", (int)(end - start), start);
	return true;
}

/* The end of the argument that begins at text: the comma or the bracket behind it. */
static const char *argument_end(const char *text)
{
	unsigned depth = 0;

	for (; *text; text++) {
		if (!depth && (*text == ',' || *text == ')'))
			break;
		depth += *text == '(';
		depth -= *text == ')';
	}
	return text;
}

bool source_argument(const struct source_line *s, unsigned nr, char *ret, size_t n)
{
	const char *at = s->col && s->col <= strlen(s->text) ? s->text + s->col - 1 : s->text;
	const char *end;

	at = strchr(at, '(');
	for (; at && nr > 1; nr--) {
		at = argument_end(at + 1);
		if (*at != ',')
			return false;
	}
	if (!at)
		return false;
	at++;
	end = argument_end(at);
	at += strspn(at, " &");
	while (end > at && end[-1] == ' ')
		end--;
	if (at == end || isdigit((unsigned char)*at))
		return false;
	for (const char *c = at; c < end; c++)
		if (!is_name_char(*c))
			return false;
	snprintf(ret, n, "%.*s", (int)(end - at), at);
	return true;
}
