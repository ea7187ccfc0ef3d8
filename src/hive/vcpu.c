/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu.c - see vcpu.h */
#include "hive/vcpu.h"
#include "base/alloc.h"
#include "base/sys.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t vcpus_possible(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	unsigned first = 0, last = 0;
	uint32_t nr = 0;

	/* A list of ranges such as "0-1" or "0,2-3". */
	while (f && fscanf(f, "%u", &first) == 1) {
		last = first;
		if (fscanf(f, "-%u", &last) < 0)
			last = first;
		nr = last + 1;
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
	if (nr == 0) {
		long n = sysconf(_SC_NPROCESSORS_CONF);

		nr = n > 0 ? (uint32_t)n : 1;
	}
	return nr;
}

int vcpus_init(struct vcpus *v, uint32_t nr)
{
	struct vcpu *slot = aligned_alloc(_Alignof(struct vcpu), nr * sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	memset(slot, 0, nr * sizeof(*slot));
	for (uint32_t i = 0; i < nr; i++) {
		slot[i].id = i;
		slot[i].prandom[0] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
		slot[i].prandom[1] = (uint64_t)(uintptr_t)&slot[i] | 1;
	}
	v->slot = slot;
	v->nr = nr;
	return 0;
}

void vcpus_fini(struct vcpus *v)
{
	free(v->slot);
	v->slot = NULL;
	v->nr = 0;
}

static bool vcpu_try(struct vcpu *c, uint32_t tid)
{
	uint32_t unowned = 0;

	/* Acquire pairs with the release in vcpu_put: the last run's writes are seen. */
	return atomic_load_explicit(&c->owner, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&c->owner, &unowned, tid,
						       memory_order_acquire, memory_order_relaxed);
}

struct vcpu *vcpu_get(struct vcpus *v)
{
	uint32_t tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	int cpu = sched_getcpu();
	uint32_t i = cpu < 0 ? 0 : (uint32_t)cpu % v->nr;

	for (uint32_t tries = 0; !vcpu_try(&v->slot[i], tid); i = (i + 1) % v->nr)
		if (++tries % v->nr == 0)
			sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);

	/* Odd: a run is under way.  Sequentially consistent, so that a synchronize that does not
	 * see this run is seen by it: the run then finds what that caller has unpublished gone. */
	atomic_fetch_add(&v->slot[i].epoch, 1);
	return &v->slot[i];
}

struct vcpu *vcpu_get_at(struct vcpus *v, uint32_t id)
{
	uint32_t tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);

	while (!vcpu_try(&v->slot[id], tid))
		sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	atomic_fetch_add(&v->slot[id].epoch, 1); /* as in vcpu_get */
	return &v->slot[id];
}

void vcpu_put(struct vcpu *c)
{
	atomic_fetch_add_explicit(&c->epoch, 1, memory_order_release);
	atomic_store_explicit(&c->owner, 0, memory_order_release);
}

void vcpu_quiesce(struct vcpu *c)
{
	atomic_fetch_add(&c->epoch, 2);
}

struct vcpu *vcpu_mine(struct vcpus *v)
{
	uint32_t tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	struct vcpu *c = v->slot;

	while (atomic_load_explicit(&c->owner, memory_order_relaxed) != tid)
		c++;
	return c;
}

void vcpu_pause(struct vcpu *c)
{
	atomic_fetch_add_explicit(&c->epoch, 1, memory_order_release);
}

void vcpu_resume(struct vcpu *c)
{
	/* As in vcpu_get: either we are seen, or we see what was unpublished. */
	atomic_fetch_add(&c->epoch, 1);
}

void vcpus_synchronize(struct vcpus *v)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < v->nr; i++) {
		uint64_t seen = atomic_load(&v->slot[i].epoch);

		/* Even: idle.  Otherwise wait for this very run; later ones do not concern us. */
		while (seen % 2 &&
		       atomic_load_explicit(&v->slot[i].epoch, memory_order_acquire) == seen)
			sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
}
