/* SPDX-License-Identifier: BSD-2-Clause */
/* site_sys.c - where jumps around system calls can be; see site.h. */
#include "inject/site_int.h"

#include <sys/syscall.h>

/* May be executed before the system call although a jump has brought us there. */
static bool leads_on(const struct row *r)
{
	return r->in.kind == INSN_PLAIN || r->in.kind == INSN_PAD;
}

/*
 * A jump through a table may lead anywhere: then only what one instruction covers is replaced,
 * behind whose beginning nobody arrives.
 */
static bool has_tables(const struct rows *rows)
{
	vec_foreach (r, rows)
		if (r->in.kind == INSN_JMP_IND)
			return true;
	return false;
}

static bool is_target(const struct func *f, const struct rows *rows, size_t off)
{
	vec_foreach (r, rows)
		if (r->in.branches && r->in.target == f->at + off)
			return true;
	return false;
}

/* What is in %rax at row i, where all who arrive there come from above. */
static int32_t number_at(const struct func *f, const struct rows *rows, size_t i)
{
	while (i > 0 && !is_target(f, rows, rows->at[i].at) && leads_on(&rows->at[i - 1]))
		if (rows->at[--i].in.sets_ax)
			return rows->at[i].in.ax;
	return -1;
}

/*
 * The last row that whole instructions before row i can begin with, to have so many bytes of a
 * jump; or i.
 */
static size_t before(const struct rows *rows, size_t i, bool tables, size_t bytes)
{
	size_t first = i;

	while (first > 0 && rows->at[i].at - rows->at[first].at < bytes) {
		if (!leads_on(&rows->at[first - 1]))
			return i;
		first--;
	}
	return tables && rows->at[first].in.size < JUMP_SIZE ? i : first;
}

static void set(struct site *ret, const struct func *f, size_t patch, size_t at, size_t end)
{
	*ret = (struct site){ .at = f->at + at,
			      .patch = f->at + patch,
			      .lead = (uint8_t)(at - patch),
			      .size = (uint8_t)(end - patch) };
	memcpy(ret->text, f->text + patch, ret->size);
}

/* A jump at row i, in whose bytes is no other system call. */
static bool fits_behind(const struct func *f, const struct rows *rows, size_t i, size_t at,
			struct site *ret)
{
	if (i >= rows->n || site_of(f, rows, at, at, ret, NULL))
		return false;
	for (; i < rows->n && rows->at[i].at + f->at < ret->patch + ret->size; i++)
		if (rows->at[i].in.kind == INSN_SYSCALL)
			return false;
	return true;
}

/* Jumps before and behind it. */
static bool stays(const struct func *f, const struct rows *rows, size_t i, bool tables,
		  struct sys_site *ret)
{
	const size_t at = rows->at[i].at, first = before(rows, i, tables, JUMP_SIZE);
	const size_t patch = rows->at[first].at;

	/* A probe of the function's first instruction would be in the way. */
	if (first == i || patch < JUMP_SIZE || site_intruder(f, rows, patch, at) ||
	    is_target(f, rows, at + SYSCALL_SIZE) ||
	    !fits_behind(f, rows, i + 1, i + 1, &ret->after) ||
	    (tables && rows->at[i + 1].in.size < JUMP_SIZE))
		return false;
	set(&ret->before, f, patch, at, at);
	return true;
}

/* An int3 instead of it. */
void site_sys_trap(struct sys_site *s)
{
	static const uint8_t syscall[SYSCALL_SIZE] = { 0x0f, 0x05 };

	s->before = (struct site){ .at = s->before.at,
				   .patch = s->before.at,
				   .size = SYSCALL_SIZE,
				   .trap = true,
				   .around = true };
	memcpy(s->before.text, syscall, sizeof(syscall));
	s->after.size = 0;
}

/* Behind these is another function, or nothing. */
static bool ends_there(int32_t nr)
{
	return nr == SYS_rt_sigreturn || nr == SYS_exit || nr == SYS_exit_group;
}

/*
 * A thread that unmaps its own stack makes one system call after the other: stubs would push
 * registers where nothing is.  The row of the second one; 0: it is none such.
 */
static size_t without_stack(const struct func *f, const struct rows *rows, size_t i)
{
	if (number_at(f, rows, i) != SYS_munmap)
		return 0;
	for (i++; i < rows->n && leads_on(&rows->at[i]); i++)
		;
	return i < rows->n && rows->at[i].in.kind == INSN_SYSCALL ? i : 0;
}

/* Both at the first one; false: the second one is not the end. */
static bool set_last(const struct func *f, const struct rows *rows, size_t i, size_t second,
		     struct sys_site *ret)
{
	const size_t bytes = rows->at[second].at - rows->at[i].at;

	if (number_at(f, rows, second) != SYS_exit || bytes > UINT8_MAX)
		return false;
	*ret = (struct sys_site){ .nr = SYS_munmap, .last = (uint8_t)bytes };
	return !site_trap_of(f, rows, i, &ret->before, NULL);
}

/* With so many bytes of the jump before it. */
static bool moves_with(const struct func *f, const struct rows *rows, size_t i, bool tables,
		       size_t bytes, struct sys_site *ret)
{
	const size_t at = rows->at[i].at, first = before(rows, i, tables, bytes);

	if (first == i || site_intruder(f, rows, rows->at[first].at, at))
		return false;
	set(&ret->before, f, rows->at[first].at, at, at + SYSCALL_SIZE);
	return ret->before.around = true;
}

/* One jump, to where the system call is as well: with what is behind it, or before. */
static bool moves(const struct func *f, const struct rows *rows, size_t i, bool tables,
		  struct sys_site *ret)
{
	ret->after.size = 0;
	if (!tables && !ends_there(ret->nr) && fits_behind(f, rows, i + 1, i, &ret->before))
		return ret->before.around = true;
	/* Its own bytes are the jump's too, where others are not enough. */
	return moves_with(f, rows, i, tables, JUMP_SIZE, ret) ||
	       moves_with(f, rows, i, tables, JUMP_SIZE - SYSCALL_SIZE, ret);
}

/* What it is at row i, and takes no byte before `taken`; an int3 always does. */
static void choose(const struct func *f, const struct rows *rows, size_t i, bool tables,
		   uint64_t taken, struct sys_site *ret)
{
	ret->nr = number_at(f, rows, i);
	ret->last = 0;
	if (!ends_there(ret->nr) && stays(f, rows, i, tables, ret) && ret->before.patch >= taken)
		return;
	if (moves(f, rows, i, tables, ret) && ret->before.patch >= taken)
		return;
	ret->before.at = f->at + rows->at[i].at;
	site_sys_trap(ret);
}

int site_syscalls(const struct func *f, struct sys_sites *ret, unsigned int *ret_missed)
{
	struct rows rows = { 0 };
	struct sys_site one, *row;
	const struct site *last;
	uint64_t taken = 0; /* the end of the last one */
	int err = site_decode(f, &rows, NULL);
	const bool tables = has_tables(&rows);

	for (size_t i = 0, second; i < rows.n && err != -ENOMEM; i++) {
		if (rows.at[i].in.kind != INSN_SYSCALL)
			continue;
		second = without_stack(f, &rows, i);
		if (second && !set_last(f, &rows, i, second, &one)) {
			*ret_missed += 2;
			i = second;
			continue;
		}
		if (!second)
			choose(f, &rows, i, tables, taken, &one);
		i = MAX(i, second);
		last = one.after.size ? &one.after : &one.before;
		taken = last->patch + last->size;
		row = vec_push(ret);
		err = row ? err : -ENOMEM;
		if (row)
			*row = one;
	}
	vec_free(&rows);
	return err;
}
