/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.h - the second door to objects: timers and work in values of maps (struct bpf_timer and
 * bpf_wq), as programs' helpers, maps and the kernel's thread see them.  Work is a timer that
 * expires when it is started.
 *
 * A timer is a row of a table; a field is one word that leads to its row, and the row says which
 * field that is: where they do not agree there is no timer.  The field's other word is not used.
 * What a timer calls is none of this room's matter: it keeps the numbers.
 *
 *	idle --start--> armed --the thread takes it--> running --> idle, or armed again by its
 * callback
 *	  ^---cancel------'
 *
 * In a hive the table is in data, where members write to it, and may die: a row is changed under a
 * lock that names the run, and a change that was cut short has not happened.  Which timer is the
 * next one is nothing that rows say: programs mark those that they changed, and the kernel's thread
 * takes from them what it then keeps for itself (core/timer.c).  It believes nothing of it.
 *
 * Elsewhere timers belong to the process where that thread is.
 */
#ifndef SKEP_OBJ_TIMER_H
#define SKEP_OBJ_TIMER_H

#include "obj/obj.h"

#define TIMER_CLOCKS 3
#define TIMERS_MAX   (UINT32_C(1) << 20) /* of a kernel */

struct obj_timer;

/* Where a timer lies, and how it counts: it does not change. */
struct timer_place {
	void *map, *value; /* what its callback is told */
	int clock;	   /* CLOCK_MONOTONIC, CLOCK_REALTIME or CLOCK_BOOTTIME */
};

struct timer_callback {
	uint32_t prog; /* id of the program whose it is; 0: there is none */
	uint64_t func; /* as the program's engine knows it */
};

/* When to call it. */
struct timer_start {
	uint64_t nsecs;
	bool abs;   /* of its clock; else from now */
	int32_t at; /* on that CPU; -1: anywhere */
};

/* -- helpers: -EINVAL where the field was not initialised.  cpu: of the run -- */

/** -EBUSY where it was before, -ENOMEM, -EOPNOTSUPP in a process that has no timers. */
int obj_timer_init(struct obj_store *s, void *field, const struct timer_place *place, uint32_t cpu);
/** The map that the field's timer says it is in; NULL: it has none. */
const void *obj_timer_map(const struct obj_store *s, void *field);
/** Its callback from now on. */
int obj_timer_set_callback(struct obj_store *s, void *field, const struct timer_callback *cb,
			   uint32_t cpu);
int obj_timer_start(struct obj_store *s, void *field, const struct timer_start *how, uint32_t cpu);
/** Work is to be done; where it is waiting to be done already, once is enough. */
int obj_work_start(struct obj_store *s, void *field, uint32_t cpu);
/**
 * Disarms it and takes its callback away, after the end of a call that is under way.  self: the
 * timer whose callback asks, or NULL.
 *
 * @return 1 where it was armed, 0 where not, -EDEADLK of itself
 */
int obj_timer_cancel(struct obj_store *s, void *field, const struct obj_timer *self, uint32_t cpu);

/* -- maps -- */

/** The field's timer is no more; its callback may still be running. */
void obj_timer_free(struct obj_store *s, void *field, uint32_t cpu);
/** The same of all in that map.  The kernel's process only. */
void obj_timers_release(struct obj_store *s, const void *map);

/* -- the kernel's process, whose thread calls -- */

/* A row as it stood.  All but queue and row is whatever was written there. */
struct timer_facts {
	uint32_t row;
	uint32_t state; /* for obj_timer_claim() */
	bool armed;
	uint8_t queue; /* index of its clock */
	int64_t expires;
	int32_t at; /* where it runs, -1: anywhere */
	uint64_t map, value;
	struct timer_callback callback;
};

/** Timers are this process's from now on. */
void obj_timers_own(struct obj_store *s);
/** Names every row that has changed since. */
void obj_timers_changed(struct obj_store *s, void (*fn)(void *arg, uint32_t row), void *arg);
/** False: it is being changed, and will be named then. */
bool obj_timer_look(const struct obj_store *s, uint32_t row, struct timer_facts *ret);
/** Nanoseconds until a timer of that clock expires, negative where it did. */
int64_t obj_timer_left(uint8_t queue, int64_t expires);
/** Disarms it as it is going to be called: the timer, or NULL where it has changed since. */
const struct obj_timer *obj_timer_claim(struct obj_store *s, const struct timer_facts *f);
/** The call has ended. */
void obj_timers_done(struct obj_store *s);
/** Another number whenever somebody wakes the thread. */
uint32_t obj_timers_changes(const struct obj_store *s);
/**
 * Waits until something may be due: a change, a wake since the number was `seen`, or `ns`
 * nanoseconds (INT64_MAX: no end).  first: when the first timer of each clock expires, INT64_MAX:
 * there is none.
 */
void obj_timers_wait(struct obj_store *s, uint32_t seen, const int64_t first[TIMER_CLOCKS],
		     int64_t ns);
/** Ends a wait. */
void obj_timers_wake(struct obj_store *s);
/** Rows that runs which have ended left in the middle of a change are as if it had not been. */
void obj_timers_mend(struct obj_store *s);
/** How many there are. */
uint32_t obj_timers_live(const struct obj_store *s);

#endif
