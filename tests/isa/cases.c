/* SPDX-License-Identifier: BSD-2-Clause */
/* cases.c - reads tests/isa/NAME.t; see cases.h for the format. */
#include "tests/isa/cases.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "isa/isa.h"

#define FORMS_MAX 4

struct reader {
	const char *path;
	unsigned line;
	struct isa_cases *cases;
	size_t cap;		  /* of cases->at */
	bool in_table;		  /* tabbed lines are a table's rows */
	char form[FORMS_MAX][64]; /* of the table: "rD += rS" */
	unsigned nr_forms;
	unsigned rows; /* of all tables: says which registers come next */
};

struct directive {
	const char *word;
	void (*read)(struct reader *r, struct isa_case *c, char *rest);
};

static void __attribute__((noreturn, format(printf, 2, 3)))
die(const struct reader *r, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", r->path, r->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static char *copy(const char *s)
{
	char *p = strdup(s);

	if (!p)
		abort();
	return p;
}

static struct isa_case *new_case(struct reader *r, const char *name)
{
	struct isa_case *c;

	if (r->cases->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->cases->at = realloc(r->cases->at, r->cap * sizeof(*c));
		if (!r->cases->at)
			abort();
	}
	c = &r->cases->at[r->cases->n++];
	*c = (struct isa_case){
		.name = copy(name),
		.line = r->line,
		.text = copy(""),
		.prog_type = BPF_PROG_TYPE_SYSCALL,
	};
	return c;
}

static void append(char **text, const char *more)
{
	char *joined;

	if (asprintf(&joined, "%s%s\n", *text, more) < 0)
		abort();
	free(*text);
	*text = joined;
}

static uint64_t number(const struct reader *r, const char *s, char **ret_end)
{
	uint64_t v;

	errno = 0;
	v = *s == '-' ? (uint64_t)strtoll(s, ret_end, 0) : strtoull(s, ret_end, 0);
	if (errno || *ret_end == s)
		die(r, "expected a number: \"%s\"", s);
	*ret_end += strspn(*ret_end, " \t");
	return v;
}

static uint64_t only_number(const struct reader *r, const char *s)
{
	char *end;
	uint64_t v = number(r, s, &end);

	if (*end)
		die(r, "\"%s\" behind the number", end);
	return v;
}

static void hex_bytes(const struct reader *r, const char *s, uint8_t *buf, size_t *size)
{
	unsigned byte;
	int n;

	for (; sscanf(s, " %2x%n", &byte, &n) == 1; s += n) {
		if (*size == CASE_MEM_MAX)
			die(r, "more than %d bytes", CASE_MEM_MAX);
		buf[(*size)++] = (uint8_t)byte;
	}
	if (*s)
		die(r, "expected hex bytes: \"%s\"", s);
}

/* -- tables -- */

static void read_table(struct reader *r, struct isa_case *c, char *rest)
{
	r->in_table = true;
	for (r->nr_forms = 0; rest; r->nr_forms++) {
		char *next = strstr(rest, " | ");

		if (r->nr_forms == FORMS_MAX)
			die(r, "more than %d forms", FORMS_MAX);
		if (next)
			*next = '\0';
		if (snprintf(r->form[r->nr_forms], sizeof(r->form[0]), "%s", rest) >=
		    (int)sizeof(r->form[0]))
			die(r, "too long: %s", rest);
		rest = next ? next + 3 : NULL;
	}
}

/* "rD s/= I" becomes "r3 s/= -1". */
static void substitute(struct strbuf *out, const char *form, unsigned d, unsigned s, uint64_t b)
{
	for (; *form; form++) {
		if (*form == 'D')
			strbuf_add(out, "%u", d);
		else if (*form == 'S')
			strbuf_add(out, "%u", s);
		else if (*form == 'I')
			strbuf_add(out, "%d", (int32_t)b);
		else
			strbuf_add(out, "%c", *form);
	}
}

/* Whether b can be the immediate of this form, and Linux takes it there. */
static bool takes_immediate(const char *form, uint64_t b)
{
	char text[128];
	struct strbuf buf = { text, sizeof(text), 0 };
	struct bpf_insn *insns;
	uint32_t cnt;
	bool ok;

	if (!strchr(form, 'w') && (uint64_t)(int32_t)b != b)
		return false;
	substitute(&buf, form, 0, 1, b);
	if (!strncmp(form, "if", 2))
		strbuf_add(&buf, " goto +0");
	if (isa_asm(text, buf.len, NULL, &insns, &cnt, NULL))
		return true; /* the runner will show what is wrong with it */
	ok = insn_valid(insns, cnt, 0, ISA_LINUX_LATEST, NULL) > 0;
	skep_free(insns);
	return ok;
}

/* One small program: operands from memory into registers, the form, its result. */
static void table_case(struct reader *r, const char *form, uint64_t a, uint64_t b, uint64_t want)
{
	/* All of r0 to r9 take their turn in both places. */
	unsigned d = r->rows % 10, s = (d + 1 + r->rows / 10 % 9) % 10;
	char text[512] = "";
	struct strbuf buf = { text, sizeof(text), 0 };
	struct isa_case *c;
	size_t size = 0;

	substitute(&buf, form, d, s, b);
	c = new_case(r, text);
	buf = (struct strbuf){ text, sizeof(text), 0 };
	/* r1 is the address: whoever is r1 is loaded last */
	if (s != 1)
		strbuf_add(&buf, "\tr%u = *(u64 *)(r1 +8)\n", s);
	strbuf_add(&buf, "\tr%u = *(u64 *)(r1 +0)\n", d);
	if (s == 1)
		strbuf_add(&buf, "\tr1 = *(u64 *)(r1 +8)\n");
	strbuf_add(&buf, "\t");
	substitute(&buf, form, d, s, b);
	if (!strncmp(form, "if", 2))
		strbuf_add(&buf, " goto +2\n\tr0 = 0\n\texit\n\tr0 = 1\n");
	else if (d)
		strbuf_add(&buf, "\n\tr0 = r%u\n", d);
	strbuf_add(&buf, "\n\texit");
	append(&c->text, text);
	for (; size < 8; size++)
		c->mem[size] = (uint8_t)(a >> 8 * size);
	for (; size < 16; size++)
		c->mem[size] = (uint8_t)(b >> 8 * (size - 8));
	c->mem_size = size;
	c->want = want;
	c->whole_r0 = true;
}

static void table_row(struct reader *r, const char *line)
{
	uint64_t a, b = 0, want;
	char *end;

	a = number(r, line + strspn(line, " \t"), &end);
	if (*end != '=')
		b = number(r, end, &end);
	if (*end != '=')
		die(r, "expected operands = result");
	want = only_number(r, end + 1 + strspn(end + 1, " "));
	for (unsigned i = 0; i < r->nr_forms; i++)
		if (!strchr(r->form[i], 'I') || takes_immediate(r->form[i], b))
			table_case(r, r->form[i], a, b, want);
	r->rows++;
}

/* -- cases -- */

static void read_case(struct reader *r, struct isa_case *c, char *rest)
{
	r->in_table = false;
	new_case(r, rest);
}

static void read_mem(struct reader *r, struct isa_case *c, char *rest)
{
	hex_bytes(r, rest, c->mem, &c->mem_size);
}

static void read_after(struct reader *r, struct isa_case *c, char *rest)
{
	hex_bytes(r, rest, c->after, &c->after_size);
}

static void read_r0(struct reader *r, struct isa_case *c, char *rest)
{
	c->want = only_number(r, rest);
	c->whole_r0 = true;
}

static void read_ret(struct reader *r, struct isa_case *c, char *rest)
{
	c->want = (uint32_t)only_number(r, rest);
}

static void read_reject(struct reader *r, struct isa_case *c, char *rest)
{
	static const struct {
		const char *name;
		int err;
	} names[] = { { "EINVAL", EINVAL }, { "EACCES", EACCES }, { "E2BIG", E2BIG },
		      { "EFAULT", EFAULT }, { "EPERM", EPERM },	  { "EBADF", EBADF },
		      { "ENOENT", ENOENT }, { "EPROTO", EPROTO } };
	const char *name = strsep(&rest, " ");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, name))
			c->reject = names[i].err;
	if (!c->reject)
		die(r, "unknown errno \"%s\"", name);
	c->reject_text = copy(rest ? rest : "");
}

static void read_type(struct reader *r, struct isa_case *c, char *rest)
{
	if (strcmp(rest, "sched_cls"))
		die(r, "unknown program type \"%s\"", rest);
	c->prog_type = BPF_PROG_TYPE_SCHED_CLS;
}

static void read_map(struct reader *r, struct isa_case *c, char *rest)
{
	static const struct {
		const char *name;
		uint32_t type;
	} names[] = { { "array", BPF_MAP_TYPE_ARRAY },
		      { "hash", BPF_MAP_TYPE_HASH },
		      { "prog_array", BPF_MAP_TYPE_PROG_ARRAY } };
	struct case_map *m = &c->map[c->nr_maps];
	const char *name = strsep(&rest, " ");
	char self[8] = "";

	if (c->nr_maps++ == CASE_MAPS_MAX)
		die(r, "more than %d maps", CASE_MAPS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, name))
			m->type = names[i].type;
	if (!m->type || !rest || sscanf(rest, "%u %u %u %7s", &m->key, &m->value, &m->n, self) < 3)
		die(r, "expected map TYPE KEY VALUE N [self]");
	m->self = !strcmp(self, "self");
}

static void read_ksym(struct reader *r, struct isa_case *c, char *rest)
{
	c->ksym = copy(rest);
}

static void read_host(struct reader *r, struct isa_case *c, char *rest)
{
	const char *word = strsep(&rest, " ");

	if (!rest)
		die(r, "expected the reason");
	if (!strcmp(word, "skip")) {
		c->host = HOST_SKIPPED;
		c->host_why = copy(rest);
	} else if (!strcmp(word, "reject")) {
		c->host = HOST_REJECTS;
		c->host_text = copy(strsep(&rest, ":"));
		c->host_why = rest ? copy(rest + strspn(rest, " ")) : NULL;
	}
	if (!c->host_why)
		die(r, "expected skip WHY or reject TEXT: WHY");
}

static const struct directive directives[] = {
	{ "case", read_case },	   { "table", read_table }, { "mem", read_mem },
	{ "after", read_after },   { "r0", read_r0 },	    { "ret", read_ret },
	{ "reject", read_reject }, { "type", read_type },   { "map", read_map },
	{ "ksym", read_ksym },	   { "host", read_host },
};

/* A line of assembly; "repeat N LINE" is N of them. */
static void read_text(const struct reader *r, struct isa_case *c, const char *line)
{
	unsigned n = 1;
	int at = 0;
	size_t size = 0;
	char *text;

	if (sscanf(line, " repeat %u %n", &n, &at) == 1 && at)
		line += at;
	text = malloc(n * (strlen(line) + 1) + 1);
	if (!text)
		abort();
	for (unsigned i = 0; i < n; i++)
		size += (size_t)sprintf(text + size, "%s%s", i ? "\n" : "", line);
	append(&c->text, text);
	free(text);
}

static void read_line(struct reader *r, char *line)
{
	struct isa_case *c = r->cases->n ? &r->cases->at[r->cases->n - 1] : NULL;
	char *rest = line;
	const char *word;

	if (!*line || *line == '#')
		return;
	if (*line == '\t' && r->in_table) {
		table_row(r, line);
		return;
	}
	if (*line == '\t' || line[strlen(line) - 1] == ':') {
		if (!c)
			die(r, "assembly before the first case");
		read_text(r, c, line);
		return;
	}
	word = strsep(&rest, " ");
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
		if (strcmp(directives[i].word, word))
			continue;
		if (!rest)
			die(r, "%s wants something behind it", word);
		directives[i].read(r, c, rest);
		return;
	}
	die(r, "unknown word \"%s\"", word);
}

struct isa_cases *cases_read(const char *path)
{
	struct reader r = { .path = path, .cases = calloc(1, sizeof(*r.cases)) };
	FILE *f = fopen(path, "re");
	char line[4096];
	const char *base = strrchr(path, '/');

	if (!f || !r.cases) {
		perror(path);
		exit(1);
	}
	base = base ? base + 1 : path;
	snprintf(r.cases->name, sizeof(r.cases->name), "%.*s", (int)strcspn(base, "."), base);
	while (fgets(line, sizeof(line), f)) {
		r.line++;
		line[strcspn(line, "\n")] = '\0';
		read_line(&r, line);
	}
	fclose(f);
	return r.cases;
}
