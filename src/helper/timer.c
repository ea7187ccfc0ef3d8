/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - timers in values of maps: what Linux's helpers say, and in which order; the room obj
 * does the work (kernel/bpf/helpers.c).  The verifier has seen that the field is the map's.
 */
#include "obj/timer.h"
#include "btf/btf.h"
#include "helper/helper_int.h"
#include "map/map.h"

#define TIMER_ABS     UINT64_C(1) /* BPF_F_TIMER_ABS */
#define TIMER_CPU_PIN UINT64_C(2) /* BPF_F_TIMER_CPU_PIN: headers before 6.7 lack it */

/* Maps that user space has let go would never hear that their timers have to end. */
static bool is_used(const struct skep_run *run, struct skep_map *m)
{
	return !run->env->map_used || run->env->map_used(run->env->arg, m);
}

HELPER_FN(timer_init)
{
	struct obj_store *s = run->env->objects;
	struct skep_map *m = PTR(r2);
	const struct timer_place place = {
		.list = &m->timers,
		.map = m,
		.value = (uint8_t *)PTR(r1) - m->record->timer_off,
		.clock = (int)r3,
	};
	int err;

	if (r3 != CLOCK_MONOTONIC && r3 != CLOCK_REALTIME && r3 != CLOCK_BOOTTIME)
		return RET(-EINVAL);
	err = s ? obj_timer_init(s, PTR(r1), &place) : -ENOMEM;
	if (err)
		return RET(err);
	/* Behind it: who lets the map go meanwhile finds the timer, or is seen here. */
	if (is_used(run, m))
		return 0;
	obj_timer_free(s, PTR(r1));
	return RET(-EPERM);
}

HELPER_FN(timer_set_callback)
{
	struct obj_store *s = run->env->objects;
	struct skep_map *m = s ? obj_timer_map(s, PTR(r1)) : NULL;
	/* Only how often it is held changes. */
	struct skep_prog *p = (struct skep_prog *)(uintptr_t)run->prog;
	const struct timer_callback cb = { p, &p->refs, r2 };

	if (!m)
		return RET(-EINVAL);
	return RET(is_used(run, m) ? obj_timer_set_callback(s, PTR(r1), &cb) : -EPERM);
}

HELPER_FN(timer_start)
{
	const struct run_env *env = run->env;
	int err = -EINVAL;

	if (r3 & ~(TIMER_ABS | TIMER_CPU_PIN))
		return RET(-EINVAL);
	if (env->objects && obj_timer_map(env->objects, PTR(r1)))
		err = env->timers_begin ? env->timers_begin(env->arg) : 0;
	if (err)
		return RET(err);
	return RET(obj_timer_start(env->objects, PTR(r1), r2, r3 & TIMER_ABS,
				   r3 & TIMER_CPU_PIN ? (int32_t)run->cpu : -1));
}

HELPER_FN(timer_cancel)
{
	struct obj_store *s = run->env->objects;

	return RET(s ? obj_timer_cancel(s, PTR(r1), run->timer) : -EINVAL);
}
