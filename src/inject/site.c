/* SPDX-License-Identifier: BSD-2-Clause */
/* site.c - see site.h */
#include "inject/site_int.h"

int site_decode(const struct func *f, struct rows *ret, struct skep_diag *reterr_diag)
{
	struct row *r, one = { 0 };

	for (; one.at < f->size; one.at += one.in.size) {
		if (insn_decode(f->text + one.at, f->size - one.at, f->at + one.at, &one.in))
			return diag_set(reterr_diag, -EILSEQ, SKEP_AT_BYTE, one.at,
					"no instruction is here in the function");
		r = vec_push(ret);
		if (!r)
			return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
		*r = one;
	}
	return 0;
}

static bool ends_flow(enum insn_kind kind)
{
	return kind == INSN_RET || kind == INSN_JMP || kind == INSN_JMP_IND;
}

/*
 * The end of whole instructions from row `first` to row i, or further on if that is no room for a
 * jump: offset in the function, 0: there is none.  Behind an end of the flow only padding is room.
 */
static size_t end_of_room(const struct func *f, const struct rows *rows, size_t first, size_t i)
{
	const size_t want =
		MAX(rows->at[first].at + JUMP_SIZE, rows->at[i].at + rows->at[i].in.size);
	size_t end = rows->at[first].at;
	bool over = false;
	struct insn in;

	for (; first < rows->n && end < want; first++) {
		if (over && rows->at[first].in.kind != INSN_PAD)
			return 0;
		over |= ends_flow(rows->at[first].in.kind);
		end += rows->at[first].in.size;
	}
	while (end < want) {
		if (insn_decode(f->text + end, f->room - end, f->at + end, &in) ||
		    in.kind != INSN_PAD)
			return 0;
		end += in.size;
	}
	return end;
}

const struct row *site_intruder(const struct func *f, const struct rows *rows, size_t patch,
				size_t at)
{
	const uint64_t begin = f->at + patch, end = f->at + MAX(patch + JUMP_SIZE, at + 1);

	vec_foreach (r, rows)
		if (r->in.branches && r->in.target > begin && r->in.target < end)
			return r;
	return NULL;
}

int site_of(const struct func *f, const struct rows *rows, size_t first, size_t i, struct site *ret,
	    struct skep_diag *d)
{
	const size_t patch = rows->at[first].at, at = rows->at[i].at;
	const size_t end = end_of_room(f, rows, first, i);
	const struct row *r = site_intruder(f, rows, patch, at);

	if (!end)
		return diag_set(d, -EOPNOTSUPP, SKEP_AT_BYTE, at,
				"no room for a jump of %u bytes here", JUMP_SIZE);
	if (r)
		return diag_set(d, -EOPNOTSUPP, SKEP_AT_BYTE, at,
				"the branch at byte %zu leads into the bytes of a jump here",
				r->at);
	*ret = (struct site){ .at = f->at + at,
			      .patch = f->at + patch,
			      .lead = (uint8_t)(at - patch),
			      .size = (uint8_t)(end - patch) };
	memcpy(ret->text, f->text + patch, ret->size);
	return 0;
}

int site_trap_of(const struct func *f, const struct rows *rows, size_t i, struct site *ret,
		 struct skep_diag *d)
{
	const struct row *r = &rows->at[i];

	*ret = (struct site){
		.at = f->at + r->at, .patch = f->at + r->at, .size = r->in.size, .trap = true
	};
	memcpy(ret->text, f->text + r->at, ret->size);
	return 0;
}

typedef int (*of_fn)(const struct func *f, const struct rows *rows, size_t i, struct site *ret,
		     struct skep_diag *d);

/* Of a function that can be read, or of the part up to there. */
static int at(const struct func *f, size_t off, of_fn of, bool part, struct site *ret,
	      struct skep_diag *d)
{
	struct rows rows = { 0 };
	size_t i = 0;
	int err = site_decode(f, &rows, d);

	if (err == -EILSEQ && part && rows.n && off <= rows.at[rows.n - 1].at)
		err = 0;
	while (!err && i < rows.n && rows.at[i].at < off)
		i++;
	if (!err && (i == rows.n || rows.at[i].at != off))
		err = diag_set(d, -EINVAL, SKEP_AT_BYTE, off,
			       "no instruction of the function begins here");
	if (!err)
		err = of(f, &rows, i, ret, d);
	vec_free(&rows);
	return err;
}

static int site_jump_of(const struct func *f, const struct rows *rows, size_t i, struct site *ret,
			struct skep_diag *d)
{
	return site_of(f, rows, i, i, ret, d);
}

int site_at(const struct func *f, size_t off, struct site *ret, struct skep_diag *reterr_diag)
{
	return at(f, off, site_jump_of, false, ret, reterr_diag);
}

int site_trap(const struct func *f, size_t off, struct site *ret, struct skep_diag *reterr_diag)
{
	return at(f, off, site_trap_of, true, ret, reterr_diag);
}

int site_narrow(const struct site *site, struct site *ret)
{
	static const uint8_t syscall[SYSCALL_SIZE] = { 0x0f, 0x05 };
	struct insn in = { .size = SYSCALL_SIZE };

	if (site->trap)
		return -EBUSY;
	*ret = (struct site){
		.at = site->at, .patch = site->at, .trap = true, .around = site->around
	};
	if (site_leads_to_call(site)) {
		memcpy(ret->text, syscall, sizeof(syscall));
	} else {
		insn_decode(site->text + site->lead, site->size - site->lead, site->at, &in);
		memcpy(ret->text, site->text + site->lead, in.size);
	}
	ret->size = in.size;
	return 0;
}

/*
 * The return of row i: at itself, where padding follows, else with as many of the instructions
 * before it as a jump takes.  These run in the stub before the probe, so they must lead to it.
 */
static int site_of_return(const struct func *f, const struct rows *rows, size_t i, struct site *ret,
			  struct skep_diag *d)
{
	struct skep_diag why = { 0 };
	size_t first = i;
	int err = site_of(f, rows, i, i, ret, &why);

	while (err && first &&
	       rows->at[i].at - rows->at[first].at + rows->at[i].in.size < JUMP_SIZE) {
		const enum insn_kind kind = rows->at[first - 1].in.kind;

		if (kind != INSN_PLAIN && kind != INSN_PAD)
			break;
		first--;
	}
	if (err && first < i)
		err = site_of(f, rows, first, i, ret, d);
	else if (err)
		err = diag_set(d, err, why.where, why.index, "%s", why.msg);
	return err;
}

/* Who jumps out of the function, or may, has others return for it. */
static int stays_inside(const struct func *f, const struct rows *rows, struct skep_diag *d)
{
	vec_foreach (r, rows) {
		const bool calls = r->in.kind == INSN_CALL;

		if ((r->in.kind == INSN_JMP_IND && !f->stays) ||
		    (r->in.branches && !calls && r->in.target - f->at >= f->size))
			return diag_set(d, -EOPNOTSUPP, SKEP_AT_BYTE, r->at,
					"the jump at byte %zu may leave the function", r->at);
	}
	return 0;
}

static int returns(const struct func *f, of_fn of, struct sites *ret, struct skep_diag *reterr_diag)
{
	struct rows rows = { 0 };
	const size_t before = ret->n;
	struct site *s;
	int err = site_decode(f, &rows, reterr_diag);

	if (!err)
		err = stays_inside(f, &rows, reterr_diag);
	for (size_t i = 0; i < rows.n && !err; i++) {
		if (rows.at[i].in.kind != INSN_RET)
			continue;
		s = vec_push(ret);
		err = s ? of(f, &rows, i, s, reterr_diag)
			: diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	}
	if (!err && ret->n == before)
		err = diag_set(reterr_diag, -ENOENT, SKEP_AT_NONE, 0,
			       "the function has no return instruction");
	if (err)
		ret->n = before;
	vec_free(&rows);
	return err;
}

int site_returns(const struct func *f, struct sites *ret, struct skep_diag *reterr_diag)
{
	return returns(f, site_of_return, ret, reterr_diag);
}

int site_return_traps(const struct func *f, struct sites *ret, struct skep_diag *reterr_diag)
{
	return returns(f, site_trap_of, ret, reterr_diag);
}
