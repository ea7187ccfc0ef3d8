/* SPDX-License-Identifier: BSD-2-Clause */
/* guard.c - see guard.h */
#include "hook/guard.h"
#include "agent/agent.h"
#include "hook/filter.h"

#include <signal.h>

/* A thread that holds them back would be ended by the first one. */
static void let_through(struct still *s)
{
	static const int faults[] = { SIGTRAP, SIGBUS, SIGSEGV, SIGSYS };
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		mask |= UINT64_C(1) << (faults[i] - 1);
	vec_foreach (th, &s->t)
		tracee_unblock(th, mask);
}

void still_guard(struct still *s)
{
	uint64_t ret = 0;

	if (s->p->guarded || s->p->unseen)
		return;
	let_through(s);
	s->p->guarded =
		!tracee_call(&s->t, (uintptr_t)agent_of(s->space)->guard, 0, 0, &ret, NULL) && !ret;
}

/*
 * A thread on its way through a system call has an argument of the agent's, the row or a part of
 * it, which the jump behind the call would have taken back.
 */
static void give_back(struct still *s, const struct agent_swap *row, uint64_t at)
{
	uint64_t now;

	vec_foreach (th, &s->t) {
		if (th->regs.rsp != atomic_load(&row->sp) || row->arg >= SWAP_RESULT)
			continue;
		memcpy(&now, (uint8_t *)&th->regs + agent_arg_at(row->arg), sizeof(now));
		if (now - at >= sizeof(*row))
			continue;
		memcpy((uint8_t *)&th->regs + agent_arg_at(row->arg), &row->was, sizeof(row->was));
		tracee_set(&s->t, th);
	}
}

static void give_all_back(struct still *s, const struct agent_swap *rows)
{
	struct agent_swap row;

	for (size_t i = 0; i < AGENT_SWAPS; i++)
		if (!tracee_read(&s->t, (uintptr_t)&rows[i], &row, sizeof(row)) &&
		    atomic_load(&row.sp))
			give_back(s, &row, (uintptr_t)&rows[i]);
}

void still_unguard(struct still *s)
{
	uint64_t ret;

	if (!s->p->guarded)
		return;
	/* What its filters may forbid it keeps: nothing is lost by that. */
	if (filters_permit(s->p, NULL))
		return;
	tracee_hold(&s->t);
	give_all_back(s, agent_of(s->space)->swaps);
	tracee_release(&s->t);
	tracee_call(&s->t, (uintptr_t)agent_of(s->space)->unguard, 0, 0, &ret, NULL);
	s->p->guarded = false;
}

/* The address of the row of an int3 there, or of the first free one; 0: all are others'. */
static uint64_t row_of(const struct still *s, uint64_t at, struct agent_trap *ret)
{
	const struct agent_trap *rows = agent_of(s->space)->traps;
	uint32_t i = agent_trap_row(at);

	for (uint32_t n = 0; n < AGENT_TRAPS; n++, i = (i + 1) % AGENT_TRAPS) {
		if (tracee_read(&s->t, (uintptr_t)&rows[i], ret, sizeof(*ret)))
			return 0;
		if (!ret->at || ret->at == at)
			return (uintptr_t)&rows[i];
	}
	return 0;
}

int still_trap(struct still *s, uint64_t at, uint64_t to)
{
	const struct agent_trap trap = { at, to };
	struct agent_trap there;
	const uint64_t row = row_of(s, at, &there);

	return row && !tracee_write(&s->t, row, &trap, sizeof(trap)) ? 0 : -ENOSPC;
}

uint64_t still_trapped(const struct still *s, uint64_t at)
{
	struct agent_trap there;

	return row_of(s, at, &there) && there.at == at ? there.to : 0;
}
