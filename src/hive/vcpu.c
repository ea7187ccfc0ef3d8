/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu.c - slots at work, see vcpu.h.  Hot; their making is vcpus.c's. */
#include "hive/vcpu.h"
#include "base/sys.h"

#include <linux/futex.h>
#include <sys/syscall.h>

uint32_t vcpu_kernel;

#define SPINS	   128
#define ASKS_EVERY 128 /* rounds: some ten milliseconds */

/* Who holds slots is looked at. */
static void ask(const struct vcpus *v)
{
	atomic_fetch_add(v->asked, 1);
	atomic_fetch_add(v->bell, 1);
	sys_call6(SYS_futex, (long)v->bell, FUTEX_WAKE, 1, 0, 0, 0);
}

/*
 * One round of a wait for others; rounds counts them.  Runs are short, but their threads may have
 * no CPU.  In a hive it may be for nobody: a run that died, or what a member wrote into a slot.
 */
static void wait_on(const struct vcpus *v, uint32_t *rounds)
{
	if (++*rounds < SPINS) {
		cpu_relax();
		return;
	}
	if (*rounds % ASKS_EVERY == 0 && v->bell)
		ask(v);
	sys_rest();
}

/* --- who, and where --------------------------------------------------------------------------- */

uint64_t vcpu_thread_asked(void)
{
	return (uint64_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

uint32_t vcpu_cpu_asked(void)
{
	uint32_t cpu = 0;

	sys_call6(SYS_getcpu, (long)&cpu, 0, 0, 0, 0, 0);
	return cpu;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* A free slot, from i on; NULL: there is none by now. */
static struct vcpu *take_free(struct vcpus *v, uint32_t i, uint64_t who)
{
	for (uint32_t tries = 0; tries < v->nr; tries++) {
		if (vcpu_try(&v->slot[i], who))
			return &v->slot[i];
		i = i + 1 < v->nr ? i + 1 : 0;
	}
	return NULL;
}

static struct vcpu *take_any(struct vcpus *v, uint32_t i, uint64_t who)
{
	uint32_t rounds = 0;
	struct vcpu *c;

	while (!(c = take_free(v, i, who)))
		wait_on(v, &rounds);
	return c;
}

/* A thread is not called the same all its life: whether it is asked for its number may change. */
bool vcpu_is_same(const struct vcpus *v, uint64_t owner, uint64_t who)
{
	const uint32_t member = vcpu_who_member(who);

	return owner == who || (owner && vcpu_who_member(owner) == member &&
				(owner == vcpu_who(v, member) || owner == vcpu_who_asked(member)));
}

static bool holds(const struct vcpus *v, const struct vcpu *c, uint64_t who)
{
	return vcpu_is_same(v, atomic_load_explicit(&c->owner, memory_order_relaxed), who);
}

static bool holds_any(const struct vcpus *v, uint64_t who)
{
	for (uint32_t i = 0; i < v->nr; i++)
		if (holds(v, &v->slot[i], who))
			return true;
	return false;
}

void vcpu_abandon(struct vcpus *v, struct vcpu *c, uint64_t who)
{
	/* No member has the number 0. */
	if (v->bell && atomic_compare_exchange_strong(&c->owner, &who, vcpu_who_thread(who)))
		ask(v);
}

struct vcpu *vcpu_get(struct vcpus *v)
{
	return take_any(v, vcpu_home(v), vcpu_who(v, vcpu_kernel));
}

struct vcpu *vcpu_get_at(struct vcpus *v, uint32_t id)
{
	const uint64_t who = vcpu_who(v, vcpu_kernel);
	uint32_t rounds = 0;

	while (!vcpu_try(&v->slot[id], who))
		wait_on(v, &rounds);
	return &v->slot[id];
}

struct vcpu *vcpu_enter_elsewhere(struct vcpus *v, uint32_t i, uint64_t who)
{
	uint32_t rounds = 0;
	struct vcpu *c;

	if (holds(v, &v->slot[i], who))
		return NULL;
	/* Two that hold what the other one waits for would wait for ever. */
	while (!(c = take_free(v, i, who)) && !holds_any(v, who))
		wait_on(v, &rounds);
	return c;
}

void vcpu_quiesce(struct vcpu *c)
{
	atomic_fetch_add(&c->epoch, 2);
}

struct vcpu *vcpu_mine(struct vcpus *v)
{
	const uint64_t who = vcpu_who(v, vcpu_kernel);
	struct vcpu *c = v->slot;

	while (atomic_load_explicit(&c->owner, memory_order_relaxed) != who)
		c++;
	return c;
}

void vcpu_pause(struct vcpu *c)
{
	atomic_fetch_add_explicit(&c->epoch, 1, memory_order_release);
}

void vcpu_resume(struct vcpu *c)
{
	/* As when a run begins: either we are seen, or we see what was unpublished. */
	atomic_fetch_add(&c->epoch, 1);
}

void vcpus_synchronize(struct vcpus *v)
{
	uint32_t rounds = 0;

	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < v->nr; i++) {
		const uint64_t run = vcpu_run(&v->slot[i]);

		/* This very run; later ones do not concern us. */
		while (!vcpu_run_over(&v->slot[i], run))
			wait_on(v, &rounds);
	}
}
