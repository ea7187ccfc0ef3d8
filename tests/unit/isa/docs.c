/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs.c - docs/isa.md is what opcodes.def says.
 *
 * SKEP_UPDATE_DOCS=1 writes the file anew.
 */
#include "isa/isa.h"
#include "tests/harness/test.h"

static const char *const head =
	"# The instruction set\n"
	"\n"
	"One row per instruction of [src/isa/opcodes.def](../src/isa/opcodes.def), from which this "
	"page is\n"
	"generated (`SKEP_UPDATE_DOCS=1 build/tests/unit/unit-isa docs_are_the_rows`; the tests "
	"compare it).\n"
	"RFC 9669 describes the encoding. \"told by\" is the field that tells instructions of one "
	"opcode byte\n"
	"apart, \"since\" the Linux version that first took it.\n"
	"\n"
	"In the syntax `%d` and `%s` are register numbers, `%o` is off, `%i %x %u` are imm, `%j "
	"%l` jump\n"
	"targets, `%c %k %p %f` callees; opcodes.def lists them all. Values are unsigned, an "
	"operator with s\n"
	"is signed.\n"
	"\n"
	"| opcode | told by | name | syntax | semantics | since |\n"
	"|---|---|---|---|---|---|\n";

/* A table's cell: '|' would end it. */
static void add_code(struct strbuf *s, const char *text)
{
	strbuf_add(s, "`");
	for (; *text; text++) {
		if (text[0] == '%' && text[1] == '%')
			text++;
		strbuf_add(s, *text == '|' ? "\\|" : "%c", *text);
	}
	strbuf_add(s, "` | ");
}

static void add_row(struct strbuf *s, const struct insn_desc *d)
{
	const char *field = d->src == USE_KEY ? "src" : d->off == USE_KEY ? "off" : "imm";

	strbuf_add(s, "| %02x | ", d->code);
	if (d->src == USE_KEY || d->off == USE_KEY || d->imm == USE_KEY)
		strbuf_add(s, d->group == INSN_GROUP_ATOMIC ? "%s 0x%02x" : "%s %d", field, d->key);
	strbuf_add(s, " | %s | ", d->name);
	add_code(s, d->text);
	add_code(s, d->semantics);
	if (d->since == ISA_ALL)
		strbuf_add(s, "never |\n");
	else
		strbuf_add(s, "%d.%d |\n", d->since >> 8, d->since & 255);
}

TEST(docs_are_the_rows)
{
	static char want[65536], have[65536];
	struct strbuf s = { want, sizeof(want), 0 };
	const char *path = test_source_path("docs/isa.md");
	FILE *f;

	strbuf_add(&s, "%s", head);
	for (int op = 1; op < _INSN_MAX; op++)
		add_row(&s, insn_desc(op));
	ASSERT(!strbuf_truncated(&s));
	if (getenv("SKEP_UPDATE_DOCS")) {
		f = fopen(path, "we");
		ASSERT(f && fwrite(want, 1, s.len, f) == s.len && !fclose(f));
	}
	f = fopen(path, "re");
	ASSERT_MSG(f != NULL, "%s", path);
	have[fread(have, 1, sizeof(have) - 1, f)] = '\0';
	fclose(f);
	ASSERT_MSG(!strcmp(want, have), "docs/isa.md is not what opcodes.def says: "
					"run this test with SKEP_UPDATE_DOCS=1");
}
