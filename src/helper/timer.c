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
		.map = m,
		.value = (uint8_t *)field - off,
		.clock = clock,
	};
	int err = s ? obj_timer_init(s, field, &place, run->cpu) : -ENOMEM;

	/* Behind it: who lets the map go meanwhile finds the timer, or is seen here. */
	if (err || is_used(run, m))
		return err;
	obj_timer_free(s, field, run->cpu);
	return -EPERM;
}

/* What the timer says of its map is only believed where the program has such a map. */
static bool is_let_go(const struct skep_run *run, const void *map)
{
	const struct skep_prog *p = run->prog;

	for (uint32_t i = 0; run->env->map_used && i < p->map_cnt; i++)
		if (p->maps[i] == map)
			return !is_used(run, p->maps[i]);
	return false;
}

static long set_callback(const struct skep_run *run, void *field, uint64_t func)
{
	const struct timer_callback cb = { run->prog->id, func };
	struct obj_store *s = run->env->objects;
	const void *map = s ? obj_timer_map(s, field) : NULL;

	if (!map)
		return -EINVAL;
	return is_let_go(run, map) ? -EPERM : obj_timer_set_callback(s, field, &cb, run->cpu);
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
	struct obj_store *s = run->env->objects;
	const struct timer_start how = {
		.nsecs = r2,
		.abs = r3 & TIMER_ABS,
		.at = r3 & TIMER_CPU_PIN ? (int32_t)run->cpu : -1,
	};

	if (!s || r3 & ~(TIMER_ABS | TIMER_CPU_PIN))
		return RET(-EINVAL);
	return RET(obj_timer_start(s, PTR(r1), &how, run->cpu));
}

HELPER_FN(timer_cancel)
{
	struct obj_store *s = run->env->objects;

	return RET(s ? obj_timer_cancel(s, PTR(r1), run->timer, run->cpu) : -EINVAL);
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
	struct obj_store *s = run->env->objects;

	return RET(!s || (uint32_t)r2 ? -EINVAL : obj_work_start(s, PTR(r1), run->cpu));
}
