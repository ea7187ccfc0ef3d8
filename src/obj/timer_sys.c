/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer_sys.c - see timer.h: what the kernel's own process does to timers.  Cold.
 *
 * Whatever stands in a row, and which rows are used, members of a hive may have written.
 */
#include "base/sys.h"
#include "obj/timer_int.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#define TRIES 100 /* to get a lock that somebody may have written for ever */

static uint32_t own_pid(void)
{
	return (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

void obj_timers_own(struct obj_store *s)
{
	atomic_store(&s->timers.pid, own_pid());
}

/* fn for each bit of the word, which becomes zero. */
static void take_bits(_Atomic uint64_t *word, uint32_t base, void (*fn)(void *arg, uint32_t at),
		      void *arg)
{
	for (uint64_t bits = atomic_exchange(word, 0); bits; bits &= bits - 1)
		fn(arg, base + (uint32_t)__builtin_ctzll(bits));
}

struct changed {
	struct timer_table *table;
	void (*fn)(void *arg, uint32_t row);
	void *arg;
};

static void changed_word(void *arg, uint32_t word)
{
	const struct changed *c = arg;

	take_bits(&c->table->dirty[word], word * WORD_BITS, c->fn, c->arg);
}

void obj_timers_changed(struct obj_store *s, void (*fn)(void *arg, uint32_t row), void *arg)
{
	struct timer_table *table = s->timers.table;
	struct changed c = { table, fn, arg };

	for (uint32_t i = 0; i < ARRAY_SIZE(table->dirty_words); i++)
		if (atomic_load_explicit(&table->dirty_words[i], memory_order_relaxed))
			take_bits(&table->dirty_words[i], i * WORD_BITS, changed_word, &c);
}

static bool any_changed(struct timer_table *table)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(table->dirty_words); i++)
		if (atomic_load(&table->dirty_words[i]))
			return true;
	return false;
}

bool obj_timer_look(const struct obj_store *s, uint32_t row, struct timer_facts *ret)
{
	struct obj_timer *t = &s->timers.table->row[row];
	const uint32_t state = atomic_load_explicit(&t->state, memory_order_acquire);

	if (state & TIMER_WRITES)
		return false;
	*ret = (struct timer_facts){
		.row = row,
		.state = state,
		.armed = state & TIMER_ARMED,
		.queue = (uint8_t)(atomic_load_explicit(&t->queue, memory_order_relaxed) %
				   TIMER_CLOCKS),
		.expires = atomic_load_explicit(&t->expires, memory_order_relaxed),
		.at = atomic_load_explicit(&t->at, memory_order_relaxed),
		.map = atomic_load_explicit(&t->map, memory_order_relaxed),
		.value = atomic_load_explicit(&t->value, memory_order_relaxed),
		.callback = { atomic_load_explicit(&t->prog, memory_order_relaxed),
			      atomic_load_explicit(&t->func, memory_order_relaxed) },
	};
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&t->state, memory_order_relaxed) == state;
}

const struct obj_timer *obj_timer_claim(struct obj_store *s, const struct timer_facts *f)
{
	struct obj_timer *t = &s->timers.table->row[f->row];
	uint32_t state = f->state;

	/* First: who disarms it, and finds that it was not armed any more, waits for the call. */
	atomic_store(&s->timers.running, f->row + 1);
	if (atomic_compare_exchange_strong(&t->state, &state, (state & ~TIMER_ARMED) + TIMER_STEP))
		return t;
	obj_timers_done(s);
	return NULL;
}

void obj_timers_done(struct obj_store *s)
{
	atomic_store(&s->timers.running, 0);
}

uint32_t obj_timers_changes(const struct obj_store *s)
{
	return atomic_load(&s->timers.table->changes);
}

void obj_timers_wait(struct obj_store *s, uint32_t seen, const int64_t first[TIMER_CLOCKS],
		     int64_t ns)
{
	struct timers *ts = &s->timers;
	const struct timespec t = { ns / 1000000000, ns % 1000000000 };

	for (int q = 0; q < TIMER_CLOCKS; q++)
		atomic_store(&ts->first[q], first[q]);
	/* Who arms a timer marks it, then looks at `first`: we see the mark, or are woken. */
	if (!any_changed(ts->table))
		sys_call6(SYS_futex, (long)&ts->table->changes, FUTEX_WAIT, seen,
			  ns == INT64_MAX ? 0 : (long)&t, 0, 0);
	/* Nobody needs to wake who is awake. */
	for (int q = 0; q < TIMER_CLOCKS; q++)
		atomic_store(&ts->first[q], INT64_MIN);
}

/* --- what goes -------------------------------------------------------------------------------- */

/* Tries a while. */
static bool lock_row(const struct obj_store *s, struct obj_timer *t)
{
	for (int i = 0; i < TRIES; i++) {
		if (lock_try(&t->lock, s->vcpus, VCPU_NONE))
			return true;
		sys_rest();
	}
	return false;
}

static void for_each(struct obj_store *s,
		     void (*fn)(struct obj_store *s, struct obj_timer *t, const void *arg),
		     const void *arg)
{
	struct timer_table *table = s->timers.table;

	for (uint32_t word = 0; word < TIMER_WORDS; word++)
		for (uint64_t bits = atomic_load(&table->used[word]); bits; bits &= bits - 1)
			fn(s, &table->row[word * WORD_BITS + (uint32_t)__builtin_ctzll(bits)], arg);
}

static void release(struct obj_store *s, struct obj_timer *t, const void *map)
{
	if (atomic_load_explicit(&t->map, memory_order_relaxed) != (uintptr_t)map ||
	    !lock_row(s, t))
		return;
	if (atomic_load_explicit(&t->map, memory_order_relaxed) == (uintptr_t)map)
		timer_give(&s->timers, t, NULL);
	else
		spin_unlock(&t->lock);
}

void obj_timers_release(struct obj_store *s, const void *map)
{
	if (s->timers.shared || atomic_load(&s->timers.pid) == own_pid())
		for_each(s, release, map);
}

static void mend(struct obj_store *s, struct obj_timer *t, const void *arg)
{
	if (!lock_is_left(s->vcpus, atomic_load_explicit(&t->lock.word, memory_order_relaxed)) ||
	    !lock_row(s, t))
		return;
	timer_mend(&s->timers, t);
	/* The run may have ended before it could mark it. */
	timer_mark(&s->timers, t);
	if (atomic_load_explicit(&t->state, memory_order_relaxed) & TIMER_LINKED)
		spin_unlock(&t->lock);
	else
		timer_give(&s->timers, t, NULL);
}

void obj_timers_mend(struct obj_store *s)
{
	for_each(s, mend, NULL);
	obj_timers_wake(s);
}

static void count(struct obj_store *s, struct obj_timer *t, const void *arg)
{
	++*(uint32_t *)(uintptr_t)arg;
}

uint32_t obj_timers_live(const struct obj_store *s)
{
	uint32_t n = 0;

	for_each((struct obj_store *)(uintptr_t)s, count, &n);
	return n;
}
