/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cfi.c - see cfi.h: runs the instructions of each function (DWARF 5, 6.4.2), and writes a row
 * wherever what they say has changed.
 *
 * Three things are of interest: the CFA, the caller's %rbp, the return address.  What is said of
 * them in a way that no row has ends the stack there.
 */
#include "hook/cfi.h"
#include "hook/eh.h"

#define PADDING 16 /* bytes between functions that nobody runs */
#define DEPTH	8  /* states that are remembered */
#define WORD	8

/* DWARF's numbers of registers (System V ABI for AMD64, figure 3.36). */
enum { REG_FP = 6, REG_SP = 7, REG_RA = 16 };

/* Where a register's old value is. */
struct rule {
	enum { IN_PLACE, NOWHERE, AT_CFA, AT_EXPRESSION, ELSEWHERE } is;
	int64_t off; /* AT_CFA: from it, bytes */
	struct bytes expression;
};

struct state {
	uint64_t reg;		 /* the CFA is that one's value... */
	int64_t off;		 /* ...and so many bytes */
	struct bytes expression; /* or what this says, where it is not empty */
	struct rule fp, ra;
};

struct machine {
	const struct eh_function *f;
	struct state now;
	struct state first; /* behind the common instructions */
	struct state kept[DEPTH];
	uint32_t nr_kept;
	uint64_t off; /* in the file, where it is */
	bool lost;    /* nothing can be said from here on */
	struct cfi *rows;
	int err;
};

/* --- rows ------------------------------------------------------------------------------------- */

/* A multiple of words in [1, max], or 0. */
static uint32_t words(int64_t bytes, uint32_t max)
{
	return bytes > 0 && bytes % WORD == 0 && bytes / WORD <= max ? (uint32_t)(bytes / WORD) : 0;
}

/* The least number stays as it is. */
static int64_t negative(int64_t n)
{
	return (int64_t)(0 - (uint64_t)n);
}

/* The few that linkers and assemblers write (DWARF 5, 2.5). */
enum { OP_DEREF = 0x06, OP_PLUS = 0x23, OP_LIT0 = 0x30, OP_BREG0 = 0x70 };

/* %rsp + 8 + ((%rip & 15) >= n) * 8, of a procedure linkage table. */
static bool is_plt(struct bytes e, struct unwind_row *row)
{
	static const uint8_t usual[] = { OP_BREG0 + REG_SP, 8,	  0x80, 0,    0x3f, 0x1a,
					 OP_LIT0,	    0x2a, 0x33, 0x24, 0x22 };
	uint8_t there[sizeof(usual)];

	if (e.size != sizeof(usual))
		return false;
	memcpy(there, e.data, sizeof(there));
	row->cfa = (uint16_t)(there[6] - OP_LIT0);
	there[6] = OP_LIT0;
	row->kind = UNWIND_PLT;
	return row->cfa < 16 && !memcmp(there, usual, sizeof(usual));
}

/* *(register + at) + plus */
static bool is_word(struct bytes e, struct unwind_row *row)
{
	struct eh_reader r = { e };
	const uint64_t reg = (uint64_t)eh_byte(&r) - OP_BREG0;
	const int64_t off = eh_sleb(&r);
	const int64_t up = reg == REG_FP ? negative(off) : off;
	const uint32_t at = words(up, (1u << UNWIND_AT_BITS) - 1);
	uint32_t plus = 0;

	if ((reg != REG_FP && reg != REG_SP) || eh_byte(&r) != OP_DEREF || (up && !at))
		return false;
	if (!r.bad && r.at < e.size) {
		if (eh_byte(&r) != OP_PLUS)
			return false;
		plus = words((int64_t)eh_uleb(&r), (1u << (16 - UNWIND_AT_BITS)) - 1);
		if (!plus)
			return false;
	}
	row->kind = reg == REG_FP ? UNWIND_FP_AT : UNWIND_SP_AT;
	row->cfa = (uint16_t)(at | plus << UNWIND_AT_BITS);
	return !r.bad && r.at == e.size;
}

static bool say_cfa(const struct state *s, struct unwind_row *row)
{
	if (s->expression.size)
		return is_plt(s->expression, row) || is_word(s->expression, row);
	row->kind = s->reg == REG_SP ? UNWIND_SP : UNWIND_FP;
	row->cfa = (uint16_t)words(s->off, UINT16_MAX);
	return (s->reg == REG_SP || s->reg == REG_FP) && row->cfa;
}

/* At %rbp, where a function with a stack of its own alignment keeps it. */
static bool is_here(struct bytes e)
{
	static const uint8_t usual[] = { OP_BREG0 + REG_FP, 0 };

	return e.size == sizeof(usual) && !memcmp(e.data, usual, sizeof(usual));
}

static bool say_fp(const struct rule *r, struct unwind_row *row)
{
	if (r->is == AT_CFA)
		row->fp = (uint8_t)words(negative(r->off), UNWIND_FP_MAX);
	else if (r->is == AT_EXPRESSION && is_here(r->expression))
		row->fp = UNWIND_FP_HERE;
	return row->fp || r->is == IN_PLACE || r->is == NOWHERE;
}

static struct unwind_row row_of(const struct machine *m)
{
	const struct unwind_row end = { .off = (uint32_t)m->off, .kind = UNWIND_END };
	struct unwind_row row = { .off = (uint32_t)m->off };

	if (m->f->signal)
		return (struct unwind_row){ .off = (uint32_t)m->off, .kind = UNWIND_SIGNAL };
	if (m->lost || m->now.ra.is != AT_CFA || m->now.ra.off != -WORD ||
	    !say_cfa(&m->now, &row) || !say_fp(&m->now.fp, &row))
		return end;
	return row;
}

static bool says_the_same(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->kind == b->kind && a->cfa == b->cfa && a->fp == b->fp;
}

static int put(struct cfi *rows, struct unwind_row row)
{
	struct unwind_row *to;

	if (rows->n && says_the_same(&rows->at[rows->n - 1], &row))
		return 0;
	if (rows->n >= CFI_ROWS_MAX)
		return -E2BIG;
	to = vec_push(rows);
	if (!to)
		return -ENOMEM;
	*to = row;
	return 0;
}

/* --- instructions ----------------------------------------------------------------------------- */

/* What an instruction is given. */
union arg {
	uint64_t u;
	int64_t s;
	struct bytes block;
};

static void set_rule(struct machine *m, uint64_t reg, struct rule rule)
{
	if (reg == REG_FP)
		m->now.fp = rule;
	else if (reg == REG_RA)
		m->now.ra = rule;
}

/* What was true until here is a row. */
static void advance(struct machine *m, const union arg *a)
{
	const uint64_t end = m->f->off + m->f->size;
	uint64_t by;

	if (__builtin_mul_overflow(a[0].u, m->f->code_align, &by))
		by = UINT64_MAX;
	if (by && m->off < end && !m->err)
		m->err = put(m->rows, row_of(m));
	m->off = by < end - m->off ? m->off + by : end;
}

static void lose(struct machine *m, const union arg *a)
{
	m->lost = true;
}

static void nothing(struct machine *m, const union arg *a)
{
}

static int64_t scaled(const struct machine *m, int64_t n)
{
	int64_t ret;

	return __builtin_mul_overflow(n, m->f->data_align, &ret) ? INT64_MAX : ret;
}

static void offset(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = AT_CFA, .off = scaled(m, a[1].s) });
}

static void negative_offset(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = AT_CFA, .off = negative(scaled(m, a[1].s)) });
}

static void restore(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, a[0].u == REG_FP ? m->first.fp : m->first.ra);
}

static void undefined(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = NOWHERE });
}

static void same_value(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = IN_PLACE });
}

static void elsewhere(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = ELSEWHERE });
}

static void expression(struct machine *m, const union arg *a)
{
	set_rule(m, a[0].u, (struct rule){ .is = AT_EXPRESSION, .expression = a[1].block });
}

static void remember(struct machine *m, const union arg *a)
{
	if (m->nr_kept == DEPTH)
		m->lost = true;
	else
		m->kept[m->nr_kept++] = m->now;
}

static void restore_state(struct machine *m, const union arg *a)
{
	if (!m->nr_kept)
		m->lost = true;
	else
		m->now = m->kept[--m->nr_kept];
}

static void cfa(struct machine *m, const union arg *a)
{
	m->now.reg = a[0].u;
	m->now.off = a[1].s;
	m->now.expression.size = 0;
}

static void cfa_scaled(struct machine *m, const union arg *a)
{
	cfa(m, (union arg[]){ a[0], { .s = scaled(m, a[1].s) } });
}

static void cfa_register(struct machine *m, const union arg *a)
{
	cfa(m, (union arg[]){ a[0], { .s = m->now.off } });
}

static void cfa_offset(struct machine *m, const union arg *a)
{
	cfa(m, (union arg[]){ { .u = m->now.reg }, a[0] });
}

static void cfa_offset_scaled(struct machine *m, const union arg *a)
{
	cfa(m, (union arg[]){ { .u = m->now.reg }, { .s = scaled(m, a[0].s) } });
}

static void cfa_expression(struct machine *m, const union arg *a)
{
	m->now.expression = a[0].block;
	m->lost |= !a[0].block.size;
}

/* What stands behind the byte: numbers of so many bytes, or of any length, or a block of bytes. */
enum arg_kind { NONE, U1 = 1, U2 = 2, U4 = 4, U8 = 8, ULEB, SLEB, BLOCK };

/* DW_CFA_*; three have the first argument in the low six bits of the byte. */
static const struct op {
	void (*run)(struct machine *m, const union arg *a);
	uint8_t args[2];
} ops[0x40] = {
	[0x00] = { nothing },
	[0x01] = { lose, { U8 } }, /* set_loc: of a place, by its address */
	[0x02] = { advance, { U1 } },
	[0x03] = { advance, { U2 } },
	[0x04] = { advance, { U4 } },
	[0x05] = { offset, { ULEB, ULEB } },
	[0x06] = { restore, { ULEB } },
	[0x07] = { undefined, { ULEB } },
	[0x08] = { same_value, { ULEB } },
	[0x09] = { elsewhere, { ULEB, ULEB } },
	[0x0a] = { remember },
	[0x0b] = { restore_state },
	[0x0c] = { cfa, { ULEB, ULEB } },
	[0x0d] = { cfa_register, { ULEB } },
	[0x0e] = { cfa_offset, { ULEB } },
	[0x0f] = { cfa_expression, { BLOCK } },
	[0x10] = { expression, { ULEB, BLOCK } },
	[0x11] = { offset, { ULEB, SLEB } },
	[0x12] = { cfa_scaled, { ULEB, SLEB } },
	[0x13] = { cfa_offset_scaled, { SLEB } },
	[0x14] = { elsewhere, { ULEB, ULEB } }, /* val_offset */
	[0x15] = { elsewhere, { ULEB, SLEB } },
	[0x16] = { elsewhere, { ULEB, BLOCK } },
	[0x2e] = { nothing, { ULEB } },		      /* GNU_args_size */
	[0x2f] = { negative_offset, { ULEB, ULEB } }, /* GNU_negative_offset_extended */
};

static const struct op low_ops[4] = {
	[1] = { advance },
	[2] = { offset, { NONE, ULEB } },
	[3] = { restore },
};

static union arg read_arg(struct eh_reader *r, uint8_t kind)
{
	union arg a = { 0 };

	if (kind == ULEB)
		a.u = eh_uleb(r);
	else if (kind == SLEB)
		a.s = eh_sleb(r);
	else if (kind == BLOCK)
		a.block = eh_take(r, eh_uleb(r));
	else if (kind != NONE)
		a.u = eh_uint(r, kind);
	return a;
}

static void run(struct machine *m, struct bytes instructions)
{
	struct eh_reader r = { instructions };

	while (r.at < r.b.size && !m->lost && !m->err) {
		const uint8_t byte = eh_byte(&r);
		const struct op *op = byte >> 6 ? &low_ops[byte >> 6] : &ops[byte];
		union arg a[2];

		if (!op->run) {
			m->lost = true;
			return;
		}
		for (int i = 0; i < 2; i++)
			a[i] = read_arg(&r, op->args[i]);
		if (byte >> 6)
			a[0].u = byte & 0x3f;
		if (r.bad)
			m->lost = true;
		else
			op->run(m, a);
	}
}

/* --- functions -------------------------------------------------------------------------------- */

/* *budget: bytes of instructions that are run yet, as rows may lead to one place again and again.
 */
static int read_function(const struct eh_function *f, struct cfi *rows, uint64_t *budget)
{
	struct machine m = { .f = f, .rows = rows, .off = f->off };
	const uint64_t end = f->off + f->size;

	if (end > UINT32_MAX)
		return 0;
	if (f->common.size + f->own.size > *budget)
		return -E2BIG;
	*budget -= f->common.size + f->own.size;
	run(&m, f->common);
	m.first = m.now;
	run(&m, f->own);
	advance(&m, &(union arg){ .u = UINT32_MAX });
	return m.err;
}

/* Nothing is known of what lies between two, but that nobody runs padding. */
static int put_gap(struct cfi *rows, uint64_t end, uint64_t next)
{
	if (end > UINT32_MAX || !rows->n || next <= end || next - end < PADDING)
		return 0;
	return put(rows, (struct unwind_row){ .off = (uint32_t)end, .kind = UNWIND_UNKNOWN });
}

int cfi_read(struct bytes file, struct cfi *ret)
{
	struct cfi rows = { 0 };
	uint64_t end = 0, budget = file.size;
	struct eh_function f;
	struct eh eh;
	int err = eh_open(&eh, file);

	if (err)
		return err;
	for (uint32_t i = 0; i < eh.n && !err; i++) {
		if (!eh_function(&eh, i, &f) || f.off < end)
			continue;
		err = put_gap(&rows, end, f.off);
		if (!err)
			err = read_function(&f, &rows, &budget);
		end = f.off + f.size;
	}
	if (!err)
		err = put_gap(&rows, end, UINT64_MAX);
	if (err) {
		vec_free(&rows);
		return err;
	}
	rows.build_id = eh.build_id;
	*ret = rows;
	return 0;
}
