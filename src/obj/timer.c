/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - see timer.h: what becomes of a timer (kernel/bpf/helpers.c), and the queues.
 *
 * Armed timers stand in a tree for each clock, the first to expire leftmost.  One lock guards all
 * timers of the store; a pool's lock may be taken under it.
 */
#include "base/sys.h"
#include "obj/obj_int.h"
#include "obj/timer.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

struct obj_timer {
	struct tree_node node; /* in the queue of its clock while it is armed; stands first */
	int64_t expires;       /* nanoseconds of its clock */
	int32_t cpu;	       /* where it runs, -1: anywhere */
	uint8_t queue;	       /* index of its clock */
	_Atomic(struct obj_timer *) *field; /* what leads here */
	struct timer_place place;
	struct timer_callback callback;
	struct obj_timer *next, **link; /* in place.list: the next one, what names this one */
};
static_assert(offsetof(struct obj_timer, node) == 0, "a node is its timer");

static const clockid_t clocks[TIMER_CLOCKS] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

/* Clocks that may jump are looked at again after a second: what the thread waits by does not. */
#define JUMP_NS 1000000000

static int64_t now(uint8_t queue)
{
	struct timespec t = { 0 };

	sys_call6(SYS_clock_gettime, clocks[queue], (long)&t, 0, 0, 0, 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Is this the process that the timers belong to?  The first that asks is. */
static bool ours(struct timers *ts)
{
	const uint32_t pid = (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	uint32_t owner = 0;

	return atomic_compare_exchange_strong_explicit(&ts->pid, &owner, pid, memory_order_relaxed,
						       memory_order_relaxed) ||
	       owner == pid;
}

static struct obj_timer *load(void *field)
{
	return atomic_load_explicit((_Atomic(struct obj_timer *) *)field, memory_order_acquire);
}

/* The field's timer, with the lock; NULL, without it: there is none. */
static struct obj_timer *find_and_lock(struct timers *ts, void *field)
{
	struct obj_timer *t;

	if (!load(field) || !ours(ts))
		return NULL;
	spin_lock(&ts->lock);
	t = load(field);
	if (!t)
		spin_unlock(&ts->lock);
	return t;
}

/* --- queues ----------------------------------------------------------------------------------- */

static bool is_armed(const struct obj_timer *t)
{
	return atomic_load_explicit(&t->node.owner, memory_order_relaxed) != NULL;
}

static bool earlier(void *arg, void *a, void *b)
{
	return ((const struct obj_timer *)a)->expires < ((const struct obj_timer *)b)->expires;
}

static bool disarm(struct timers *ts, struct obj_timer *t)
{
	return obj_tree_remove(&ts->queue[t->queue], &t->node) != NULL;
}

/* True where nothing else of its clock expires before. */
static bool arm(struct obj_store *s, struct obj_timer *t)
{
	struct tree *queue = &s->timers.queue[t->queue];

	obj_tree_add(s, queue, &t->node, earlier, NULL);
	return queue->first == &t->node;
}

void obj_timers_wake(struct obj_store *s)
{
	/* Release: who sees the change sees what there is to do. */
	atomic_fetch_add_explicit(&s->timers.changes, 1, memory_order_release);
	sys_call6(SYS_futex, (long)&s->timers.changes, FUTEX_WAKE, 1, 0, 0, 0);
}

_Atomic uint32_t *obj_timers_changes(struct obj_store *s)
{
	return &s->timers.changes;
}

/* --- callbacks -------------------------------------------------------------------------------- */

/* Never the last reference: whoever counts them has another. */
static void drop_callback(struct obj_timer *t)
{
	if (t->callback.prog)
		atomic_fetch_sub_explicit(t->callback.refs, 1, memory_order_release);
	t->callback = (struct timer_callback){ 0 };
}

int obj_timer_set_callback(struct obj_store *s, void *field, const struct timer_callback *cb)
{
	struct obj_timer *t = find_and_lock(&s->timers, field);

	if (!t)
		return -EINVAL;
	atomic_fetch_add_explicit(cb->refs, 1, memory_order_relaxed);
	drop_callback(t);
	t->callback = *cb;
	spin_unlock(&s->timers.lock);
	return 0;
}

/* --- from nothing to nothing ------------------------------------------------------------------ */

static uint8_t queue_of(int clock)
{
	uint8_t q = TIMER_CLOCKS - 1;

	while (q > 0 && clocks[q] != clock)
		q--;
	return q;
}

static struct obj_timer *timer_new(struct obj_store *s, void *field,
				   const struct timer_place *place)
{
	struct block *b = pool_take(&s->plain, sizeof(struct obj_timer));
	struct obj_timer *t = b ? block_object(b) : NULL;

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->queue = queue_of(place->clock);
	t->field = field;
	t->place = *place;
	t->next = place->list->first;
	t->link = &place->list->first;
	if (t->next)
		t->next->link = &t->next;
	place->list->first = t;
	return t;
}

/* Under the lock.  A call that is under way goes on: the memory stays until its run has ended. */
static void timer_end(struct obj_store *s, struct obj_timer *t)
{
	drop_callback(t);
	disarm(&s->timers, t);
	atomic_store_explicit(t->field, NULL, memory_order_relaxed);
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	pool_drop(&s->plain, block_of(t));
}

int obj_timer_init(struct obj_store *s, void *field, const struct timer_place *place)
{
	struct timers *ts = &s->timers;
	struct obj_timer *t = NULL;
	int err = -EBUSY;

	if (!ours(ts))
		return -EOPNOTSUPP;
	spin_lock(&ts->lock);
	if (!load(field)) {
		t = timer_new(s, field, place);
		err = t ? 0 : -ENOMEM;
	}
	/* Release pairs with load(). */
	if (t)
		atomic_store_explicit(t->field, t, memory_order_release);
	spin_unlock(&ts->lock);
	return err;
}

void *obj_timer_map(struct obj_store *s, void *field)
{
	struct obj_timer *t = find_and_lock(&s->timers, field);
	void *map = t ? t->place.map : NULL;

	if (t)
		spin_unlock(&s->timers.lock);
	return map;
}

void obj_timer_free(struct obj_store *s, void *field)
{
	struct obj_timer *t = find_and_lock(&s->timers, field);

	if (!t)
		return;
	timer_end(s, t);
	spin_unlock(&s->timers.lock);
}

void obj_timers_release(struct obj_store *s, struct timer_list *list)
{
	if (!ours(&s->timers))
		return;
	spin_lock(&s->timers.lock);
	while (list->first)
		timer_end(s, list->first);
	spin_unlock(&s->timers.lock);
}

/* --- start and cancel ------------------------------------------------------------------------- */

/* As ktime_add_safe(): what is beyond the end of time is its end. */
static int64_t from_now(uint8_t queue, uint64_t nsecs)
{
	const uint64_t begin = (uint64_t)now(queue);

	return nsecs > (uint64_t)INT64_MAX - begin ? INT64_MAX : (int64_t)(begin + nsecs);
}

/* Locks, and 0 with the timer; -EINVAL where it is not ready to be armed. */
static int ready_and_lock(struct timers *ts, void *field, struct obj_timer **ret)
{
	struct obj_timer *t = find_and_lock(ts, field);

	if (!t)
		return -EINVAL;
	if (!t->callback.prog) {
		spin_unlock(&ts->lock);
		return -EINVAL;
	}
	*ret = t;
	return 0;
}

/* Arms it, and unlocks. */
static void arm_and_unlock(struct obj_store *s, struct obj_timer *t, int64_t expires, int32_t cpu)
{
	bool first;

	disarm(&s->timers, t);
	t->expires = expires;
	t->cpu = cpu;
	first = arm(s, t);
	spin_unlock(&s->timers.lock);
	if (first)
		obj_timers_wake(s);
}

int obj_timer_start(struct obj_store *s, void *field, uint64_t nsecs, bool abs, int32_t cpu)
{
	struct obj_timer *t;
	int err = ready_and_lock(&s->timers, field, &t);

	if (!err)
		arm_and_unlock(s, t, abs ? (int64_t)nsecs : from_now(t->queue, nsecs), cpu);
	return err;
}

int obj_work_start(struct obj_store *s, void *field)
{
	struct obj_timer *t;
	int err = ready_and_lock(&s->timers, field, &t);

	if (!err)
		arm_and_unlock(s, t, is_armed(t) ? t->expires : now(t->queue), -1);
	return err;
}

int obj_timer_cancel(struct obj_store *s, void *field, const struct obj_timer *self)
{
	struct timers *ts = &s->timers;
	struct obj_timer *t = find_and_lock(ts, field);
	int ret;

	if (!t)
		return -EINVAL;
	if (t == self) {
		spin_unlock(&ts->lock);
		return -EDEADLK;
	}
	drop_callback(t);
	/* It stays in memory meanwhile, though its element may go: this is a run, too. */
	while (ts->running == t) {
		spin_unlock(&ts->lock);
		sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
		spin_lock(&ts->lock);
	}
	ret = disarm(ts, t);
	spin_unlock(&ts->lock);
	return ret;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* The one that is most overdue, else NULL and *ret_wait; the lock is held. */
static struct obj_timer *first_due(struct timers *ts, int64_t *ret_wait)
{
	struct obj_timer *due = NULL;
	int64_t wait = INT64_MAX;

	for (uint8_t q = 0; q < TIMER_CLOCKS; q++) {
		struct obj_timer *t = (struct obj_timer *)ts->queue[q].first;
		int64_t left;

		if (!t)
			continue;
		if (__builtin_sub_overflow(t->expires, now(q), &left))
			left = INT64_MIN;
		if (left <= 0 && left < wait)
			due = t;
		wait = MIN(wait,
			   left > 0 && clocks[q] != CLOCK_MONOTONIC ? MIN(left, JUMP_NS) : left);
	}
	*ret_wait = wait;
	return due;
}

bool obj_timers_due(struct obj_store *s, int32_t *ret_cpu, int64_t *ret_wait)
{
	struct timers *ts = &s->timers;
	struct obj_timer *t;

	spin_lock(&ts->lock);
	t = first_due(ts, ret_wait);
	*ret_cpu = t ? t->cpu : -1;
	spin_unlock(&ts->lock);
	return t;
}

bool obj_timers_take(struct obj_store *s, uint32_t cpu, struct timer_call *ret)
{
	struct timers *ts = &s->timers;
	struct obj_timer *t;
	int64_t wait;

	spin_lock(&ts->lock);
	t = first_due(ts, &wait);
	if (t && t->cpu >= 0 && (uint32_t)t->cpu != cpu)
		t = NULL;
	if (t) {
		disarm(ts, t);
		ts->running = t;
		*ret = (struct timer_call){
			.timer = t,
			.callback = t->callback,
			.map = t->place.map,
			.value = t->place.value,
			.list = t->place.list,
		};
	}
	spin_unlock(&ts->lock);
	return t;
}

void obj_timers_done(struct obj_store *s)
{
	spin_lock(&s->timers.lock);
	s->timers.running = NULL;
	spin_unlock(&s->timers.lock);
}
