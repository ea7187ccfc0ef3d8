/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * info.c - func_info, line_info and core_relo records of a program against its BTF and its
 * instructions: check_btf_func, check_btf_line and check_core_relo of kernel/bpf/verifier.c.
 *
 * Records may be longer than ours; what lies beyond must be zero.  The messages are the
 * kernel's, newlines included or left out as there.
 */
#include "btf/btf_int.h"

#include "base/bytes.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define REC_SIZE_MAX 252

/* Logs a line and sets the diagnostic. */
__attribute__((format(printf, 4, 5))) static int fail(const struct btf_info *in, int err,
						      uint64_t insn, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && in->log)
		in->log->write(in->log->arg, text, (size_t)n);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return diag_set(in->diag, err, SKEP_AT_INSN, insn, "%s", text);
}

/* Copies record i, whose known part is `known` bytes; false where unknown bytes are not zero. */
static bool record(const struct btf_recs *r, uint32_t i, void *ret, uint32_t known)
{
	const uint8_t *p = (const uint8_t *)r->at + (size_t)i * r->size;

	memset(ret, 0, known);
	memcpy(ret, p, MIN(known, r->size));
	return r->size <= known || bytes_zero(p + known, r->size - known);
}

static bool rec_size_ok(const struct btf_recs *r, uint32_t min)
{
	return r->size >= min && r->size <= REC_SIZE_MAX && r->size % 4 == 0;
}

/* Without func_info nothing says that a subprogram returns an int. */
static int check_without(const struct btf_info *in)
{
	for (uint32_t i = 1; i < in->sub_cnt; i++) {
		const char *what = in->sub[i].ld_abs	  ? "LD_ABS"
				   : in->sub[i].tail_call ? "tail_call"
							  : NULL;

		if (what)
			return fail(in, -EINVAL, in->sub[i].start,
				    "%s is not allowed in subprogs without BTF\n", what);
	}
	return 0;
}

static int check_func_record(const struct btf_info *in, uint32_t i, uint32_t prev,
			     const struct bpf_func_info *f)
{
	const struct btf_type *t = btf_type(in->btf, f->type_id);

	if (!i && f->insn_off)
		return fail(in, -EINVAL, f->insn_off,
			    "nonzero insn_off %u for the first func info record", f->insn_off);
	if (i && f->insn_off <= prev)
		return fail(in, -EINVAL, f->insn_off,
			    "same or smaller insn offset (%u) than previous func info record (%u)",
			    f->insn_off, prev);
	if (!t || type_kind(t) != BTF_KIND_FUNC)
		return fail(in, -EINVAL, f->insn_off, "invalid type id %d in func info",
			    f->type_id);
	return 0;
}

/* LD_ABS and tail calls may end a subprogram early, with r0 = 0: it must return an int. */
static int check_func_sub(const struct btf_info *in, uint32_t i, const struct bpf_func_info *f)
{
	const struct btf_sub *sub = &in->sub[i];
	const struct btf_type *func = btf_type(in->btf, f->type_id);
	const struct btf_type *proto = btf_type(in->btf, func->type);
	const struct btf_type *ret = btf_type(in->btf, btf_resolve(in->btf, proto->type));
	bool scalar = type_in(ret, BIT_OF(BTF_KIND_ENUM) | BIT_OF(BTF_KIND_ENUM64)) ||
		      (type_kind(ret) == BTF_KIND_INT && ret->size <= 8);
	const char *what = sub->ld_abs ? "LD_ABS" : sub->tail_call ? "tail_call" : NULL;

	if (sub->start != f->insn_off)
		return fail(in, -EINVAL, f->insn_off,
			    "func_info BTF section doesn't match subprog layout in BPF program\n");
	if (i && !scalar && what)
		return fail(in, -EINVAL, sub->start,
			    "%s is only allowed in functions that return 'int'.\n", what);
	return 0;
}

int btf_check_func_info(const struct btf_info *in, const struct btf_recs *r)
{
	uint32_t prev = 0;

	if (!r->cnt)
		return check_without(in);
	if (!rec_size_ok(r, sizeof(struct bpf_func_info)))
		return fail(in, -EINVAL, 0, "invalid func info rec size %u\n", r->size);
	for (uint32_t i = 0; i < r->cnt; i++) {
		struct bpf_func_info f;
		int err;

		if (!record(r, i, &f, sizeof(f)))
			return fail(in, -E2BIG, 0, "nonzero tailing record in func info");
		err = check_func_record(in, i, prev, &f);
		if (err)
			return err;
		prev = f.insn_off;
	}
	if (!in->sub)
		return 0;
	if (r->cnt != in->sub_cnt)
		return fail(in, -EINVAL, 0,
			    "number of funcs in func_info doesn't match number of subprogs\n");
	for (uint32_t i = 0; i < r->cnt; i++) {
		struct bpf_func_info f;
		int err;

		record(r, i, &f, sizeof(f));
		err = check_func_sub(in, i, &f);
		if (err)
			return err;
	}
	return 0;
}

static int check_line_record(const struct btf_info *in, uint32_t i, uint32_t prev,
			     const struct bpf_line_info *l)
{
	if ((i && l->insn_off <= prev) || l->insn_off >= in->insn_cnt)
		return fail(in, -EINVAL, l->insn_off,
			    "Invalid line_info[%u].insn_off:%u (prev_offset:%u prog->len:%u)\n", i,
			    l->insn_off, prev, in->insn_cnt);
	/* The second half of a LD_IMM64 has opcode 0. */
	if (!in->insns[l->insn_off].code)
		return fail(in, -EINVAL, l->insn_off,
			    "Invalid insn code at line_info[%u].insn_off\n", i);
	if (!btf_str(in->btf, l->line_off) || !btf_str(in->btf, l->file_name_off))
		return fail(in, -EINVAL, l->insn_off,
			    "Invalid line_info[%u].line_off or .file_name_off\n", i);
	return 0;
}

int btf_check_line_info(const struct btf_info *in, const struct btf_recs *r)
{
	uint32_t prev = 0, s = 0;

	if (!r->cnt)
		return 0;
	if (r->cnt > INT_MAX / sizeof(struct bpf_line_info) ||
	    !rec_size_ok(r, offsetofend(struct bpf_line_info, line_col)))
		return diag_set(in->diag, -EINVAL, SKEP_AT_NONE, 0,
				"line_info: %u records of %u bytes", r->cnt, r->size);
	for (uint32_t i = 0; i < r->cnt; i++) {
		struct bpf_line_info l;
		int err;

		if (!record(r, i, &l, sizeof(l)))
			return fail(in, -E2BIG, 0, "nonzero tailing record in line_info");
		err = check_line_record(in, i, prev, &l);
		if (err)
			return err;
		/* Each subprogram begins with a line of its own. */
		if (s < in->sub_cnt && l.insn_off == in->sub[s].start)
			s++;
		else if (s < in->sub_cnt && l.insn_off > in->sub[s].start)
			return fail(in, -EINVAL, l.insn_off, "missing bpf_line_info for func#%u\n",
				    s);
		prev = l.insn_off;
	}
	if (s != in->sub_cnt)
		return fail(in, -EINVAL, in->sub[s].start,
			    "missing bpf_line_info for %u funcs starting from func#%u\n",
			    in->sub_cnt - s, s);
	return 0;
}

int btf_check_core_relo(const struct btf_info *in, const struct btf_recs *r)
{
	if (!r->cnt)
		return 0;
	if (r->cnt > INT_MAX / sizeof(struct bpf_core_relo) ||
	    !rec_size_ok(r, sizeof(struct bpf_core_relo)))
		return diag_set(in->diag, -EINVAL, SKEP_AT_NONE, 0,
				"core_relo: %u records of %u bytes", r->cnt, r->size);
	for (uint32_t i = 0; i < r->cnt; i++) {
		struct bpf_core_relo c;

		if (!record(r, i, &c, sizeof(c)))
			return fail(in, -E2BIG, 0, "nonzero tailing record in core_relo");
		if (c.insn_off % 8 || c.insn_off / 8 >= in->insn_cnt)
			return fail(in, -EINVAL, c.insn_off / 8,
				    "Invalid core_relo[%u].insn_off:%u prog->len:%u\n", i,
				    c.insn_off, in->insn_cnt);
	}
	return 0;
}
