/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asm.c - text as instructions, by the templates of opcodes.def.
 *
 * A line is held against the template of every row (of the rows of one opcode byte where it
 * begins with "(b7)"); the first that matches to the end is the instruction.  Where none does,
 * the error tells what was expected at the furthest place that any row reached.
 *
 * Jumps to labels are patched when all lines are read.
 */
#include "isa/isa.h"

#include "base/alloc.h"
#include "base/vec.h"

#include <stdlib.h>

/* The most things that an error message says were expected. */
#define EXPECTED_MAX 3

struct name {
	const char *at; /* borrowed from the text */
	size_t n;	/* bytes */
};

struct label {
	struct name name;
	uint32_t target; /* instruction that it stands before */
	uint32_t line;
};

/* A field that waits for its label. */
struct fixup {
	struct name label;
	uint32_t at;   /* instruction */
	uint32_t line; /* for messages */
	bool in_off;   /* the distance goes to off, else to imm */
};

/* Why no row matched: the furthest place in the line, and what the rows wanted there. */
struct failure {
	const char *at;
	int err;			    /* -EINVAL or -ERANGE */
	unsigned nr;			    /* things expected there, may exceed the array */
	struct name expected[EXPECTED_MAX]; /* words, or a piece of a template */
};

struct assembler {
	const struct isa_symbols *symbols; /* may be NULL */
	struct skep_diag *diag;		   /* may be NULL */
	const char *end;		   /* of the line, comment cut off */
	uint32_t line;			   /* from 1 */
	bool prefixed;			   /* the line says its opcode byte */
	struct failure failure;
	struct {
		VEC(struct bpf_insn);
	} insns;
	struct {
		VEC(struct label);
	} labels;
	struct {
		VEC(struct fixup);
	} fixups;
};

/* One line held against one row. */
struct match {
	struct assembler *as;
	const char *at;		 /* how far the text is read */
	struct bpf_insn insn[2]; /* fields read so far */
	struct name label;	 /* label in the jump or call operand; .at NULL: none */
	bool has_dst, has_src;	 /* the register was read: a second mention must agree */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of a label or a function's name. */
static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '.' || c == '$';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

static bool name_eq(struct name a, const char *b, size_t n)
{
	return a.n == n && !memcmp(a.at, b, n);
}

/* Notes that a row wanted the n bytes of `what` at this place.  Always false. */
static bool fail(struct match *m, int err, const char *what, size_t n)
{
	struct failure *f = &m->as->failure;

	if (f->at && m->at < f->at)
		return false;
	if (!f->at || m->at > f->at)
		*f = (struct failure){ .at = m->at };
	if (err == -ERANGE || !f->err)
		f->err = err;
	for (unsigned i = 0; i < MIN(f->nr, (unsigned)EXPECTED_MAX); i++)
		if (name_eq(f->expected[i], what, n))
			return false;
	if (f->nr < EXPECTED_MAX)
		f->expected[f->nr] = (struct name){ what, n };
	f->nr++;
	return false;
}

static bool want(struct match *m, const char *what)
{
	return fail(m, -EINVAL, what, strlen(what));
}

static bool peek(const struct match *m, char c)
{
	return m->at < m->as->end && *m->at == c;
}

static bool take(struct match *m, const char *s)
{
	size_t n = strlen(s);

	if ((size_t)(m->as->end - m->at) < n || memcmp(m->at, s, n))
		return false;
	m->at += n;
	return true;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/*
 * A number with optional sign, decimal or 0x.  It lies in [min, max], where a negative value is
 * its two's complement and min <= 0.
 */
static bool read_number(struct match *m, int64_t min, uint64_t max, const char *what, uint64_t *ret)
{
	const char *start = m->at, *end = m->as->end, *p = start;
	bool negative = p < end && *p == '-';
	unsigned __int128 v = 0;
	unsigned base = 10;
	const char *digits;

	if (p < end && (*p == '-' || *p == '+'))
		p = skip_space(p + 1, end);
	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	for (digits = p; p < end && digit_value(*p) < (int)base; p++)
		if (v <= UINT64_MAX)
			v = v * base + (unsigned)digit_value(*p);
	if (p == digits || (p < end && is_word(*p)))
		return want(m, what);
	if (v > (negative ? (unsigned __int128)(-(__int128)min) : max))
		return fail(m, -ERANGE, what, strlen(what));
	m->at = p;
	*ret = negative ? -(uint64_t)v : (uint64_t)v;
	return true;
}

static bool read_reg(struct match *m, bool *seen, unsigned old, unsigned *ret)
{
	const char *start = m->at;
	uint64_t v = 0;

	/* r11 to r15 fit the field; the validity check refuses them. */
	if (!(m->at < m->as->end && is_digit(*m->at)) || !read_number(m, 0, 15, "a register", &v))
		return want(m, "a register");
	if (*seen && v != old) {
		m->at = start;
		return want(m, "the same register");
	}
	*seen = true;
	*ret = (unsigned)v;
	return true;
}

static bool read_imm(struct match *m, int32_t *ret)
{
	uint64_t v = 0;

	if (!read_number(m, INT32_MIN, UINT32_MAX, "a 32-bit number", &v))
		return false;
	*ret = (int32_t)v;
	return true;
}

static bool read_half(struct match *m, unsigned shift)
{
	uint64_t v = 0;

	if (!read_number(m, 0, UINT16_MAX, "a 16-bit number", &v))
		return false;
	m->insn->imm |= (int32_t)(v << shift);
	return true;
}

/* "+8", "- 8", or nothing. */
static bool read_off(struct match *m)
{
	uint64_t v = 0;

	m->at = skip_space(m->at, m->as->end);
	if (peek(m, ')'))
		return true;
	if (!peek(m, '+') && !peek(m, '-'))
		return want(m, "an offset");
	if (!read_number(m, INT16_MIN, INT16_MAX, "a 16-bit offset", &v))
		return false;
	m->insn->off = (int16_t)v;
	return true;
}

static struct name read_word(struct match *m)
{
	struct name w = { m->at, 0 };

	if (m->at < m->as->end && !is_digit(*m->at))
		while (m->at < m->as->end && is_word(*m->at))
			m->at++;
	w.n = (size_t)(m->at - w.at);
	return w;
}

/* "pc+3", "+3", "-3" or a label, which is left in m->label. */
static bool read_distance(struct match *m, int64_t min, uint64_t max, const char *what,
			  int64_t *ret)
{
	const char *start = m->at;
	uint64_t v = 0;

	*ret = 0;
	if (take(m, "pc") && !peek(m, '+') && !peek(m, '-'))
		m->at = start;
	if (peek(m, '+') || peek(m, '-')) {
		if (!read_number(m, min, max, what, &v))
			return false;
		*ret = (int64_t)v;
		return true;
	}
	m->label = read_word(m);
	return m->label.n ? true : want(m, what);
}

static bool read_jump(struct match *m, bool in_off)
{
	int64_t v;

	if (in_off && read_distance(m, INT16_MIN, INT16_MAX, "a jump target", &v))
		m->insn->off = (int16_t)v;
	else if (!in_off && read_distance(m, INT32_MIN, INT32_MAX, "a jump target", &v))
		m->insn->imm = (int32_t)v;
	else
		return false;
	return true;
}

/* Asks the caller for a name; fills *insn on success. */
static bool lookup(struct match *m, struct name name, struct bpf_insn *insn)
{
	const struct isa_symbols *s = m->as->symbols;

	return s && s->call && name.n && s->call(s->arg, name.at, name.n, insn);
}

/* A subprogram: as a jump target; bpftool's "#name" behind it is skipped. */
static bool read_subprog(struct match *m)
{
	struct bpf_insn known;

	if (!read_jump(m, false))
		return false;
	if (m->label.at)
		return lookup(m, m->label, &known) ? want(m, "a subprogram") : true;
	if (take(m, "#"))
		read_word(m);
	return true;
}

/*
 * The callee of a helper call (src 0) or a kfunc call (src 2): a helper's number, a name that
 * the caller knows, or NAME#number, where an unknown name is a helper's.
 */
static bool read_callee(struct match *m, unsigned src)
{
	static const char kfunc[] = "kernel-function";
	struct bpf_insn known = { .src_reg = 0 };
	struct name name;
	uint64_t v = 0;

	if (!src && m->at < m->as->end && is_digit(*m->at))
		return read_imm(m, &m->insn->imm);
	if (take(m, kfunc)) {
		known.src_reg = BPF_PSEUDO_KFUNC_CALL;
	} else {
		name = read_word(m);
		if (!lookup(m, name, &known) && !peek(m, '#'))
			return want(m, "a function");
	}
	if (known.src_reg != src)
		return want(m, "a function");
	m->insn->imm = known.imm;
	m->insn->off = known.off;
	if (take(m, "#") && !read_imm(m, &m->insn->imm))
		return false;
	if (src && take(m, "[fd:")) {
		if (!read_number(m, INT16_MIN, INT16_MAX, "an index", &v))
			return false;
		m->insn->off = (int16_t)v;
		return take(m, "]") ? true : want(m, "]");
	}
	return true;
}

/* A 64-bit immediate: marked by "ll", unless the opcode byte told already. */
static bool read_imm64(struct match *m)
{
	uint64_t v = 0;

	if (!read_number(m, INT64_MIN, UINT64_MAX, "a 64-bit number", &v))
		return false;
	m->insn[0].imm = (int32_t)v;
	m->insn[1].imm = (int32_t)(v >> 32);
	m->at = skip_space(m->at, m->as->end);
	return take(m, "ll") || m->as->prefixed ? true : want(m, "ll");
}

/* One placeholder; opcodes.def lists them. */
static bool read_field(struct match *m, char field)
{
	struct bpf_insn *i = m->insn;
	unsigned reg = 0;

	switch (field) {
	case 'd':
		if (!read_reg(m, &m->has_dst, i->dst_reg, &reg))
			return false;
		i->dst_reg = reg & 15;
		return true;
	case 's':
		if (!read_reg(m, &m->has_src, i->src_reg, &reg))
			return false;
		i->src_reg = reg & 15;
		return true;
	case 'o':
		return read_off(m);
	case 'i':
	case 'x':
	case 'u':
		return read_imm(m, &i->imm);
	case 'n':
		return read_imm(m, &i[1].imm);
	case 'U':
		return read_half(m, 16);
	case 'L':
		return read_half(m, 0);
	case 'q':
		return read_imm64(m);
	case 'j':
		return read_jump(m, true);
	case 'l':
	case 'f':
		return read_jump(m, false);
	case 'p':
		return read_subprog(m);
	case 'c':
		return read_callee(m, 0);
	case 'k':
		return read_callee(m, BPF_PSEUDO_KFUNC_CALL);
	}
	return peek(m, field) ? m->at++, true : want(m, "%");
}

/* The piece of a template up to the next blank or placeholder: what an error calls expected. */
static size_t piece(const char *text)
{
	return MAX(strcspn(text, " %"), (size_t)1);
}

/* A template's blank: any white space, at least some where two words would run together. */
static bool match_space(struct match *m)
{
	const char *p = skip_space(m->at, m->as->end);

	if (p == m->at && p < m->as->end && is_word(*p) && is_word(p[-1]))
		return want(m, "a space");
	m->at = p;
	return true;
}

static bool match_row(struct match *m, const struct insn_desc *d)
{
	const char *text = d->text, *start = text;

	m->insn->code = d->code;
	for (; *text; text++) {
		if (*text == ' ') {
			if (!match_space(m))
				return false;
			start = text + 1;
		} else if (*text == '%') {
			if (!read_field(m, *++text))
				return false;
			start = text + 1;
		} else if (peek(m, *text)) {
			m->at++;
		} else {
			m->at -= text - start;
			return fail(m, -EINVAL, start, piece(start));
		}
	}
	m->at = skip_space(m->at, m->as->end);
	if (m->at < m->as->end)
		return want(m, "the end of the line");
	if (d->src == USE_KEY)
		m->insn->src_reg = (unsigned)d->key & 15;
	if (d->off == USE_KEY)
		m->insn->off = (int16_t)d->key;
	if (d->imm == USE_KEY)
		m->insn->imm = d->key;
	return true;
}

#define AT_LINE(err, ...) diag_set(as->diag, err, SKEP_AT_LINE, as->line, __VA_ARGS__)

static int say_failure(struct assembler *as)
{
	const struct failure *f = &as->failure;
	char expected[96];
	struct strbuf s = { expected, sizeof(expected), 0 };
	int rest = (int)MIN(as->end - f->at, 40);
	int r;

	for (unsigned i = 0; i < MIN(f->nr, (unsigned)EXPECTED_MAX); i++)
		strbuf_add(&s, "%s%.*s", i ? " or " : "", (int)f->expected[i].n, f->expected[i].at);
	if (f->err == -ERANGE)
		r = AT_LINE(-ERANGE, "\"%.*s\" does not fit %s", rest, f->at, expected);
	else if (f->nr > EXPECTED_MAX)
		r = AT_LINE(-EINVAL, "unknown instruction at \"%.*s\"", rest, f->at);
	else if (!rest)
		r = AT_LINE(-EINVAL, "the line ends, expected %s", expected);
	else
		r = AT_LINE(-EINVAL, "expected %s at \"%.*s\"", expected, rest, f->at);
	if (f->err == -ERANGE)
		diag_hint(as->diag, "r1 = 0x123456789 ll loads 64 bits, gotol jumps far");
	return r;
}

/* "(b7)": the opcode byte, as verifier logs and dumps have it. */
static const char *read_prefix(const struct assembler *as, const char *p, int *ret_code)
{
	if (as->end - p < 4 || p[0] != '(' || p[3] != ')' || digit_value(p[1]) > 15 ||
	    digit_value(p[2]) > 15)
		return p;
	*ret_code = digit_value(p[1]) << 4 | digit_value(p[2]);
	return skip_space(p + 4, as->end);
}

static int push_insn(struct assembler *as, const struct match *m, const struct insn_desc *d)
{
	uint32_t at = (uint32_t)as->insns.n;

	for (int i = 0; i < (insn_is_double(d) ? 2 : 1); i++) {
		struct bpf_insn *insn;

		if (as->insns.n == SKEP_INSNS_MAX)
			return AT_LINE(-E2BIG, "more than %d instructions", SKEP_INSNS_MAX);
		insn = vec_push(&as->insns);
		if (!insn)
			return -ENOMEM;
		*insn = m->insn[i];
	}
	if (m->label.at) {
		struct fixup *f = vec_push(&as->fixups);

		if (!f)
			return -ENOMEM;
		*f = (struct fixup){ m->label, at, as->line, d->off == USE_JMP };
	}
	return 0;
}

static int read_insn(struct assembler *as, const char *p)
{
	int code = -1, op;

	p = read_prefix(as, p, &code);
	as->prefixed = code >= 0;
	as->failure = (struct failure){ 0 };
	op = code < 0 ? 1 : insn_slots[code].first;
	if (op == INSN_INVALID)
		return AT_LINE(-EINVAL, "unknown opcode %02x", code);
	for (; op < _INSN_MAX && (code < 0 || insn_descs[op].code == code); op++) {
		struct match m = { .as = as, .at = p };

		if (match_row(&m, &insn_descs[op]))
			return push_insn(as, &m, &insn_descs[op]);
	}
	return say_failure(as);
}

/* "loop:" defines a label; "12:" is an index of a dump and means nothing. */
static int read_label(struct assembler *as, const char **p)
{
	const char *q = *p;
	struct label *l;

	while (q < as->end && is_word(*q))
		q++;
	if (q == *p || q == as->end || *q != ':')
		return 0;
	if (!is_digit(**p)) {
		l = vec_push(&as->labels);
		if (!l)
			return -ENOMEM;
		*l = (struct label){ { *p, (size_t)(q - *p) }, (uint32_t)as->insns.n, as->line };
	}
	*p = skip_space(q + 1, as->end);
	return 1;
}

static int read_line(struct assembler *as, const char *p)
{
	int r;

	p = skip_space(p, as->end);
	if (p < as->end && *p == '#')
		return 0;
	for (const char *q = p; q < as->end; q++)
		if (*q == ';' || (*q == '/' && q + 1 < as->end && q[1] == '/'))
			as->end = q;
	do
		r = read_label(as, &p);
	while (r > 0);
	return r || p == as->end ? r : read_insn(as, p);
}

static int compare_names(struct name a, struct name b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return memcmp(a.at, b.at, a.n);
}

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;
	int r = compare_names(x->name, y->name);

	return r ? r : x->line < y->line ? -1 : x->line > y->line;
}

static int compare_to_label(const void *name, const void *label)
{
	return compare_names(*(const struct name *)name, ((const struct label *)label)->name);
}

static int apply_fixup(struct assembler *as, const struct fixup *f)
{
	struct bpf_insn *insn = &as->insns.at[f->at];
	const struct label *l = NULL;
	int64_t distance;

	as->line = f->line;
	if (as->labels.n)
		l = bsearch(&f->label, as->labels.at, as->labels.n, sizeof(*l), compare_to_label);
	if (!l)
		return AT_LINE(-EINVAL, "unknown label or function \"%.*s\"",
			       (int)MIN(f->label.n, (size_t)80), f->label.at);
	distance = (int64_t)l->target - f->at - 1;
	if (!f->in_off) {
		insn->imm = (int32_t)distance;
	} else if (distance >= INT16_MIN && distance <= INT16_MAX) {
		insn->off = (int16_t)distance;
	} else {
		AT_LINE(-ERANGE, "\"%.*s\" is %lld instructions away",
			(int)MIN(f->label.n, (size_t)80), f->label.at, (long long)distance);
		diag_hint(as->diag, "gotol jumps farther than 32767");
		return -ERANGE;
	}
	return 0;
}

static int apply_fixups(struct assembler *as)
{
	int r;

	if (as->labels.n)
		qsort(as->labels.at, as->labels.n, sizeof(*as->labels.at), compare_labels);
	for (size_t i = 1; i < as->labels.n; i++) {
		struct label *a = &as->labels.at[i - 1], *b = &as->labels.at[i];

		as->line = b->line;
		if (!compare_names(a->name, b->name))
			return AT_LINE(-EINVAL, "label \"%.*s\" is on line %u already",
				       (int)MIN(b->name.n, (size_t)80), b->name.at, a->line);
	}
	vec_foreach (f, &as->fixups) {
		r = apply_fixup(as, f);
		if (r)
			return r;
	}
	return 0;
}

int isa_asm(const char *text, size_t len, const struct isa_symbols *symbols,
	    struct bpf_insn **ret_insns, uint32_t *ret_cnt, struct skep_diag *diag)
{
	struct assembler as = { .symbols = symbols, .diag = diag };
	const char *end = text + len;
	int r = 0;

	for (const char *p = text; !r && p < end; p++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		as.line++;
		as.end = newline ? newline : end;
		r = read_line(&as, p);
		p = newline ? newline : end - 1;
	}
	if (!r)
		r = apply_fixups(&as);
	if (!r) {
		*ret_insns = TAKE_PTR(as.insns.at);
		*ret_cnt = (uint32_t)as.insns.n;
	} else if (r == -ENOMEM) {
		diag_set(diag, r, SKEP_AT_NONE, 0, "out of memory");
	}
	vec_free(&as.insns);
	vec_free(&as.labels);
	vec_free(&as.fixups);
	return r;
}
