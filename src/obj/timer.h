/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.h - the second door to objects: timers and work in values of maps (struct bpf_timer and
 * bpf_wq), as programs' helpers, maps and the kernel's thread see them.  Hot.  Work is a timer that
 * expires when it is started.
 *
 * A field is one word that leads to its timer, NULL before it is initialised; the other word is
 * not used.  Timers are objects of the store, so one that a run still looks at stays as it is.
 * What a timer calls is none of this room's matter: it keeps the numbers.
 *
 *	idle --start--> armed --the thread takes it--> running --> idle, or armed again by its
 *callback
 *	  ^---cancel------'
 *
 * Timers belong to the process that made the first one: only there is somebody who looks at them.
 */
#ifndef SKEP_OBJ_TIMER_H
#define SKEP_OBJ_TIMER_H

#include "obj/obj.h"

struct obj_timer;

/* The timers of one map: zero, there are none. */
struct timer_list {
	struct obj_timer *first;
};

/* Where a timer lies, and how it counts: it does not change. */
struct timer_place {
	struct timer_list *list; /* of its map */
	void *map, *value;	 /* what its callback is told */
	int clock;		 /* CLOCK_MONOTONIC, CLOCK_REALTIME or CLOCK_BOOTTIME */
};

/* A callback.  Who counts `refs` has one more of its own as long as there are timers. */
struct timer_callback {
	const void *prog;	/* whose it is; NULL: there is none */
	_Atomic uint32_t *refs; /* how prog is counted */
	uint64_t func;		/* as the program's engine knows it */
};

/* What is to be called. */
struct timer_call {
	struct obj_timer *timer;
	struct timer_callback callback; /* not counted for the call */
	void *map, *value;
	struct timer_list *list; /* of the map's timers */
};

/* -- helpers: -EINVAL where the field was not initialised -- */

/** -EBUSY where it was before, -ENOMEM, -EOPNOTSUPP in a process that has no timers. */
int obj_timer_init(struct obj_store *s, void *field, const struct timer_place *place);
/** The map of the field's timer; NULL: it has none. */
void *obj_timer_map(struct obj_store *s, void *field);
/** Its callback from now on, which counts the program. */
int obj_timer_set_callback(struct obj_store *s, void *field, const struct timer_callback *cb);
/** Arms it for nsecs from now, or at nsecs of its clock; cpu: where it runs, -1: anywhere. */
int obj_timer_start(struct obj_store *s, void *field, uint64_t nsecs, bool abs, int32_t cpu);
/** Work is to be done; where it is waiting to be done already, once is enough. */
int obj_work_start(struct obj_store *s, void *field);
/**
 * Disarms it and takes its callback away, after the end of a call that is under way.  self: the
 * timer whose callback asks, or NULL.
 *
 * @return 1 where it was armed, 0 where not, -EDEADLK of itself
 */
int obj_timer_cancel(struct obj_store *s, void *field, const struct obj_timer *self);

/* -- maps -- */

/** The field's timer is no more; its callback may still be running. */
void obj_timer_free(struct obj_store *s, void *field);
/** The same of all in the list. */
void obj_timers_release(struct obj_store *s, struct timer_list *list);

/* -- the thread that calls: one at a time -- */

/** Has a timer expired?  *ret_cpu: where it runs, or -1.  Else *ret_wait: nanoseconds until then.
 */
bool obj_timers_due(struct obj_store *s, int32_t *ret_cpu, int64_t *ret_wait);
/** Takes the one that expired first, on that CPU: false where there is none any more. */
bool obj_timers_take(struct obj_store *s, uint32_t cpu, struct timer_call *ret);
/** The call has ended. */
void obj_timers_done(struct obj_store *s);
/** Changes whenever obj_timers_due() may have another answer; a futex that is woken then. */
_Atomic uint32_t *obj_timers_changes(struct obj_store *s);
/** Changes it. */
void obj_timers_wake(struct obj_store *s);

#endif
