/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - timers and work queues in values of maps: what Linux's helpers say, and in which order;
 * the room obj does the work (kernel/bpf/helpers.c).  The verifier has seen that the field is the
 * map's.
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

static long init(const struct skep_run *run, void *field, struct skep_map *m, int32_t off,
		 int clock)
{
	struct obj_store *s = run->env->objects;
	const struct timer_place place = {
		.list = &m->timers,
		.map = m,
		.value = (uint8_t *)field - off,
		.clock = clock,
	};
	int err = s ? obj_timer_init(s, field, &place) : -ENOMEM;

	/* Behind it: who lets the map go meanwhile finds the timer, or is seen here. */
	if (err || is_used(run, m))
		return err;
	obj_timer_free(s, field);
	return -EPERM;
}

static long set_callback(const struct skep_run *run, void *field, uint64_t func)
{
	struct obj_store *s = run->env->objects;
	struct skep_map *m = s ? obj_timer_map(s, field) : NULL;
	/* Only how often it is held changes. */
	struct skep_prog *p = (struct skep_prog *)(uintptr_t)run->prog;
	const struct timer_callback cb = { p, &p->refs, func };

	if (!m)
		return -EINVAL;
	return is_used(run, m) ? obj_timer_set_callback(s, field, &cb) : -EPERM;
}

/* Before it is armed; -EINVAL where there is nothing to arm. */
static long begin(const struct skep_run *run, void *field)
{
	const struct run_env *env = run->env;

	if (!env->objects || !obj_timer_map(env->objects, field))
		return -EINVAL;
	return env->timers_begin ? env->timers_begin(env->arg) : 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

HELPER_FN(timer_init)
{
	struct skep_map *m = PTR(r2);

	if (r3 != CLOCK_MONOTONIC && r3 != CLOCK_REALTIME && r3 != CLOCK_BOOTTIME)
		return RET(-EINVAL);
	return RET(init(run, PTR(r1), m, m->record->timer_off, (int)r3));
}

HELPER_FN(timer_set_callback)
{
	return RET(set_callback(run, PTR(r1), r2));
}

HELPER_FN(timer_start)
{
	long err = r3 & ~(TIMER_ABS | TIMER_CPU_PIN) ? -EINVAL : begin(run, PTR(r1));

	if (err)
		return RET(err);
	return RET(obj_timer_start(run->env->objects, PTR(r1), r2, r3 & TIMER_ABS,
				   r3 & TIMER_CPU_PIN ? (int32_t)run->cpu : -1));
}

HELPER_FN(timer_cancel)
{
	struct obj_store *s = run->env->objects;

	return RET(s ? obj_timer_cancel(s, PTR(r1), run->timer) : -EINVAL);
}

/* --- work queues: flags are for later --------------------------------------------------------- */

KFUNC_FN(bpf_wq_init)
{
	struct skep_map *m = PTR(r2);

	return RET((uint32_t)r3 ? -EINVAL
				: init(run, PTR(r1), m, m->record->wq_off, CLOCK_MONOTONIC));
}

KFUNC_FN(bpf_wq_set_callback_impl)
{
	return RET((uint32_t)r3 ? -EINVAL : set_callback(run, PTR(r1), r2));
}

KFUNC_FN(bpf_wq_start)
{
	long err = (uint32_t)r2 ? -EINVAL : begin(run, PTR(r1));

	return RET(err ? err : obj_work_start(run->env->objects, PTR(r1)));
}
