/* SPDX-License-Identifier: BSD-2-Clause */
/* timer.c - see timer.h: what programs do to timers (kernel/bpf/helpers.c).  Hot. */
#include "base/sys.h"
#include "obj/timer_int.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

static const clockid_t clocks[TIMER_CLOCKS] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

static int64_t now(uint32_t queue)
{
	struct timespec t = { 0 };

	sys_call6(SYS_clock_gettime, clocks[queue % TIMER_CLOCKS], (long)&t, 0, 0, 0, 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t obj_timer_left(uint8_t queue, int64_t expires)
{
	int64_t left;

	return __builtin_sub_overflow(expires, now(queue), &left) ? INT64_MIN : left;
}

/* Does somebody call this process's timers? */
static bool ours(const struct timers *ts)
{
	return ts->shared || atomic_load_explicit(&ts->pid, memory_order_relaxed) ==
				     (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/* --- rows ------------------------------------------------------------------------------------- */

static uint64_t load(void *field)
{
	return atomic_load_explicit((_Atomic uint64_t *)field, memory_order_acquire);
}

/* The timer that such a word in that field leads to, and that says so too; else NULL. */
static struct obj_timer *timer_at(const struct timers *ts, uint64_t word, const void *field)
{
	const uint64_t off = word - (uintptr_t)ts->table->row;
	struct obj_timer *t;

	if (off % sizeof(*t) || off / sizeof(*t) >= TIMERS_MAX)
		return NULL;
	t = &ts->table->row[off / sizeof(*t)];
	return atomic_load_explicit(&t->field, memory_order_relaxed) == (uintptr_t)field ? t : NULL;
}

void timer_mark(struct timers *ts, const struct obj_timer *t)
{
	struct timer_table *table = ts->table;
	const uint32_t row = timer_row(ts, t), word = row / WORD_BITS;

	/* In this order, and before who marks looks at `first`: see obj_timers_wait(). */
	atomic_fetch_or(&table->dirty[word], UINT64_C(1) << row % WORD_BITS);
	atomic_fetch_or(&table->dirty_words[word / WORD_BITS], UINT64_C(1) << word % WORD_BITS);
}

/* The row is being changed, and is not armed meanwhile: was it? */
static bool change_begin(struct obj_timer *t)
{
	uint32_t was = atomic_load_explicit(&t->state, memory_order_relaxed);

	/* The kernel's thread may disarm it just now. */
	while (!atomic_compare_exchange_weak(&t->state, &was,
					     ((was & ~TIMER_ARMED) | TIMER_WRITES) + TIMER_STEP))
		;
	atomic_thread_fence(memory_order_release);
	return was & TIMER_ARMED;
}

static void change_end(struct obj_timer *t, uint32_t flags)
{
	const uint32_t state = atomic_load_explicit(&t->state, memory_order_relaxed);

	/* Release pairs with obj_timer_look(). */
	atomic_store_explicit(&t->state, (state & ~TIMER_WRITES) | flags, memory_order_release);
}

void obj_timers_wake(struct obj_store *s)
{
	atomic_fetch_add(&s->timers.table->changes, 1);
	sys_call6(SYS_futex, (long)&s->timers.table->changes, FUTEX_WAKE, 1, 0, 0, 0);
}

static void drop_callback(struct obj_timer *t)
{
	atomic_store_explicit(&t->prog, 0, memory_order_relaxed);
	atomic_store_explicit(&t->func, 0, memory_order_relaxed);
}

/* In an order that leaves, wherever it ends, a row that timer_mend() tells from others. */
void timer_give(struct timers *ts, struct obj_timer *t, void *field)
{
	const uint32_t row = timer_row(ts, t);

	change_begin(t);
	atomic_fetch_and(&t->state, ~TIMER_LINKED);
	if (field)
		atomic_store_explicit((_Atomic uint64_t *)field, 0, memory_order_release);
	atomic_store_explicit(&t->field, 0, memory_order_release);
	drop_callback(t);
	change_end(t, 0);
	timer_mark(ts, t);
	atomic_fetch_and(&ts->table->used[row / WORD_BITS], ~(UINT64_C(1) << row % WORD_BITS));
	spin_unlock(&t->lock);
}

void timer_mend(struct timers *ts, struct obj_timer *t)
{
	if (!(atomic_load_explicit(&t->state, memory_order_relaxed) & TIMER_WRITES))
		return;
	drop_callback(t);
	change_end(t, 0);
	timer_mark(ts, t);
}

/* The field's timer, locked; NULL: there is none. */
static struct obj_timer *hold(struct obj_store *s, void *field, uint32_t cpu)
{
	struct timers *ts = &s->timers;
	struct obj_timer *t = ours(ts) ? timer_at(ts, load(field), field) : NULL;

	if (!t)
		return NULL;
	if (lock_take(&t->lock, s->vcpus, cpu))
		timer_mend(ts, t);
	if (timer_at(ts, load(field), field) == t) {
		atomic_fetch_or_explicit(&t->state, TIMER_LINKED, memory_order_relaxed);
		return t;
	}
	spin_unlock(&t->lock);
	return NULL;
}

/* --- from nothing to nothing ------------------------------------------------------------------ */

static uint8_t queue_of(int clock)
{
	uint8_t q = TIMER_CLOCKS - 1;

	while (q > 0 && clocks[q] != clock)
		q--;
	return q;
}

/* Is the row free?  Then it is not any more, and locked. */
static bool row_try(struct obj_store *s, uint32_t row, uint32_t cpu)
{
	struct timer_table *table = s->timers.table;
	const uint64_t bit = UINT64_C(1) << row % WORD_BITS;
	struct obj_timer *t = &table->row[row];

	/* A callback under way may still ask whether a timer is its own. */
	if (row + 1 == atomic_load_explicit(&s->timers.running, memory_order_relaxed) ||
	    !lock_try(&t->lock, s->vcpus, cpu))
		return false;
	if (!(atomic_fetch_or_explicit(&table->used[row / WORD_BITS], bit, memory_order_relaxed) &
	      bit))
		return true;
	spin_unlock(&t->lock);
	return false;
}

static struct obj_timer *row_take(struct obj_store *s, uint32_t cpu)
{
	struct timer_table *table = s->timers.table;
	const uint32_t hint = atomic_load_explicit(&table->hint, memory_order_relaxed);

	for (uint32_t i = 0; i < TIMER_WORDS; i++) {
		const uint32_t word = (hint + i) % TIMER_WORDS;
		uint64_t free = ~atomic_load_explicit(&table->used[word], memory_order_relaxed);

		for (; free; free &= free - 1) {
			const uint32_t row = word * WORD_BITS + (uint32_t)__builtin_ctzll(free);

			if (!row_try(s, row, cpu))
				continue;
			atomic_store_explicit(&table->hint, word, memory_order_relaxed);
			return &table->row[row];
		}
	}
	return NULL;
}

int obj_timer_init(struct obj_store *s, void *field, const struct timer_place *place, uint32_t cpu)
{
	uint64_t there = load(field);
	struct obj_timer *t;

	if (!ours(&s->timers))
		return -EOPNOTSUPP;
	/* What leads nowhere is as good as nothing: its timer went with the map's last user. */
	if (timer_at(&s->timers, there, field))
		return -EBUSY;
	t = row_take(s, cpu);
	if (!t)
		return -ENOMEM;
	change_begin(t);
	drop_callback(t);
	atomic_store_explicit(&t->map, (uintptr_t)place->map, memory_order_relaxed);
	atomic_store_explicit(&t->value, (uintptr_t)place->value, memory_order_relaxed);
	atomic_store_explicit(&t->queue, queue_of(place->clock), memory_order_relaxed);
	atomic_store_explicit(&t->field, (uintptr_t)field, memory_order_relaxed);
	/* Release pairs with load(). */
	if (!atomic_compare_exchange_strong_explicit((_Atomic uint64_t *)field, &there,
						     (uintptr_t)t, memory_order_release,
						     memory_order_relaxed)) {
		timer_give(&s->timers, t, NULL);
		return -EBUSY;
	}
	change_end(t, TIMER_LINKED);
	spin_unlock(&t->lock);
	return 0;
}

const void *obj_timer_map(const struct obj_store *s, void *field)
{
	const struct obj_timer *t = timer_at(&s->timers, load(field), field);

	return t ? (const void *)(uintptr_t)atomic_load_explicit(&t->map, memory_order_relaxed)
		 : NULL;
}

int obj_timer_set_callback(struct obj_store *s, void *field, const struct timer_callback *cb,
			   uint32_t cpu)
{
	struct obj_timer *t = hold(s, field, cpu);
	bool armed;

	if (!t)
		return -EINVAL;
	armed = change_begin(t);
	atomic_store_explicit(&t->prog, cb->prog, memory_order_relaxed);
	atomic_store_explicit(&t->func, cb->func, memory_order_relaxed);
	change_end(t, armed ? TIMER_ARMED : 0);
	timer_mark(&s->timers, t);
	spin_unlock(&t->lock);
	return 0;
}

void obj_timer_free(struct obj_store *s, void *field, uint32_t cpu)
{
	struct obj_timer *t = hold(s, field, cpu);

	if (t)
		timer_give(&s->timers, t, field);
}

/* --- start and cancel ------------------------------------------------------------------------- */

/* As ktime_add_safe(): what is beyond the end of time is its end. */
static int64_t from_now(uint32_t queue, uint64_t nsecs)
{
	const uint64_t begin = (uint64_t)now(queue);

	return nsecs > (uint64_t)INT64_MAX - begin ? INT64_MAX : (int64_t)(begin + nsecs);
}

/* The field's timer, locked; NULL where it is not ready to be armed. */
static struct obj_timer *hold_ready(struct obj_store *s, void *field, uint32_t cpu)
{
	struct obj_timer *t = hold(s, field, cpu);

	if (!t || atomic_load_explicit(&t->prog, memory_order_relaxed))
		return t;
	spin_unlock(&t->lock);
	return NULL;
}

/* Arms it, and unlocks. */
static void arm(struct obj_store *s, struct obj_timer *t, int64_t expires, int32_t at)
{
	struct timers *ts = &s->timers;
	const uint32_t queue = atomic_load_explicit(&t->queue, memory_order_relaxed);

	change_begin(t);
	atomic_store_explicit(&t->expires, expires, memory_order_relaxed);
	atomic_store_explicit(&t->at, at, memory_order_relaxed);
	change_end(t, TIMER_ARMED);
	timer_mark(ts, t);
	spin_unlock(&t->lock);
	if (expires < atomic_load(&ts->first[queue % TIMER_CLOCKS]))
		obj_timers_wake(s);
}

int obj_timer_start(struct obj_store *s, void *field, const struct timer_start *how, uint32_t cpu)
{
	struct obj_timer *t = hold_ready(s, field, cpu);

	if (!t)
		return -EINVAL;
	arm(s, t,
	    how->abs ? (int64_t)how->nsecs
		     : from_now(atomic_load_explicit(&t->queue, memory_order_relaxed), how->nsecs),
	    how->at);
	return 0;
}

int obj_work_start(struct obj_store *s, void *field, uint32_t cpu)
{
	struct obj_timer *t = hold_ready(s, field, cpu);

	if (!t)
		return -EINVAL;
	if (atomic_load_explicit(&t->state, memory_order_relaxed) & TIMER_ARMED)
		spin_unlock(&t->lock);
	else
		arm(s, t, now(0), -1);
	return 0;
}

int obj_timer_cancel(struct obj_store *s, void *field, const struct obj_timer *self, uint32_t cpu)
{
	struct obj_timer *t = hold(s, field, cpu);
	const uint32_t row = t ? timer_row(&s->timers, t) : 0;
	bool armed;

	if (!t)
		return -EINVAL;
	if (t == self) {
		spin_unlock(&t->lock);
		return -EDEADLK;
	}
	armed = change_begin(t);
	drop_callback(t);
	change_end(t, 0);
	timer_mark(&s->timers, t);
	spin_unlock(&t->lock);
	/* Who calls says so before it takes the timer, which it did before we disarmed it. */
	while (atomic_load(&s->timers.running) == row + 1)
		sys_rest();
	return armed;
}
