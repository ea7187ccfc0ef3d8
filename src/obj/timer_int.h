/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer_int.h - how timers lie in memory, for timer.c, which programs run, and timer_sys.c, which
 * the kernel does.
 *
 *	state:	WRITES	somebody is changing the row, under its lock
 *		ARMED	it waits to be called
 *		LINKED	its field leads here
 *		the rest counts changes: who read the same before and after read a row as it was
 */
#ifndef SKEP_OBJ_TIMER_INT_H
#define SKEP_OBJ_TIMER_INT_H

#include "hive/lock.h"
#include "obj/obj_int.h"
#include "obj/timer.h"

#define TIMER_WRITES UINT32_C(1)
#define TIMER_ARMED  UINT32_C(2)
#define TIMER_LINKED UINT32_C(4)
#define TIMER_STEP   UINT32_C(8)

#define WORD_BITS    64u
#define TIMER_WORDS  (TIMERS_MAX / WORD_BITS)

struct obj_timer {
	struct spinlock lock;	/* of who changes it (hive/lock.h) */
	_Atomic uint32_t state; /* see above */
	_Atomic uint64_t field; /* what leads here; 0: nothing does */
	_Atomic uint64_t map, value;
	_Atomic uint64_t func;
	_Atomic int64_t expires; /* nanoseconds of its clock */
	_Atomic uint32_t prog;
	_Atomic int32_t at;	/* where it runs, -1: anywhere */
	_Atomic uint32_t queue; /* index of its clock */
	uint32_t pad;
};
static_assert(sizeof(struct obj_timer) == 64, "a row is a cache line");

/* In a hive members write to all of it. */
struct timer_table {
	_Atomic uint32_t changes; /* a futex: there is something to look at */
	_Atomic uint32_t hint;	  /* the word of `used` where the search for a row begins */
	_Atomic uint64_t used[TIMER_WORDS];  /* a bit for each row, changed under its lock */
	_Atomic uint64_t dirty[TIMER_WORDS]; /* a bit for each row that changed... */
	_Atomic uint64_t dirty_words[TIMER_WORDS / WORD_BITS]; /* ...and for each word of those */
	struct obj_timer row[TIMERS_MAX] __attribute__((aligned(64)));
};

static inline uint32_t timer_row(const struct timers *ts, const struct obj_timer *t)
{
	return (uint32_t)(t - ts->table->row);
}

/* -- timer.c: with the row's lock -- */
void timer_mark(struct timers *ts, const struct obj_timer *t);
/* What a run that ended left there; the row stays locked. */
void timer_mend(struct timers *ts, struct obj_timer *t);
/* It is nobody's from now on, and unlocked; field: what led there, or NULL. */
void timer_give(struct timers *ts, struct obj_timer *t, void *field);

#endif
