/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - the thread that calls timers back, one a kernel, made with the first map that may have
 * timers.
 *
 * Which of them is the next, and what programs their callbacks are of, is kept here; programs only
 * say that they changed one (obj/timer.h).  In a hive a timer is what some member wrote: it is
 * called where the verifier has seen its callback set for elements of its map, and where its value
 * lies in that map.
 *
 * It holds program and map of a call before it takes a vCPU.  The table's references are the last.
 */
#include "core/core_int.h"
#include "core/timer_queue.h"
#include "obj/timer.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* Clocks that may jump are looked at again after a second: what the thread waits by does not. */
#define JUMP_NS 1000000000

/* What a timer holds, as its row said when it was looked at; all NULL where that was nonsense. */
struct hold {
	struct timer_callback callback;
	struct skep_prog *prog; /* whose callback it is, counted */
	struct skep_map *map;	/* in whose values it lies, counted: while user space holds it */
};

struct timer_thread {
	struct skep_kernel *k;
	pthread_t thread;
	pid_t pid;				/* of the process that it is a thread of */
	_Atomic bool stop;			/* it shall end */
	struct timer_thread *next;		/* of all of this process */
	pthread_mutex_t awake;			/* it holds that unless it waits; the outermost */
	pthread_mutex_t lock;			/* of what follows; k->lock may be taken under it */
	struct timer_queue queue[TIMER_CLOCKS]; /* what is armed, of each clock */
	struct hold *hold;			/* [TIMERS_MAX] by row */
	uint32_t rows;				/* those below may hold something */
};

#define HOLDS_SIZE (TIMERS_MAX * sizeof(struct hold))

/* What is to be called; program and map counted, or NULL: nothing that may be. */
struct due {
	struct timer_facts timer;
	struct skep_prog *prog;
	struct skep_map *map;
};

static bool map_used(void *arg, struct skep_map *m)
{
	return object_map_used(m);
}

/* --- what programs changed -------------------------------------------------------------------- */

/* The map of a callback that may be called, counted; NULL: the verifier has seen none such. */
static struct skep_map *map_of(struct skep_kernel *k, const struct skep_prog *p,
			       const struct timer_facts *f)
{
	struct object_ref ref = { 0 };

	for (uint32_t i = 0; i < p->later_cnt; i++) {
		const struct prog_later *l = &p->later[i];

		if (p->engine->func_of(p, l->sub) != f->callback.func)
			continue;
		if ((uintptr_t)l->map == f->map)
			return map_get(l->map);
		/* One of the maps that are values of one of the program's. */
		if (!l->map->object && !object_ref_payload(k, OBJ_MAP, f->map, &ref)) {
			if (map_meta_equal(l->map, ref.payload))
				return ref.payload;
			object_put(&ref);
		}
	}
	return NULL;
}

static void let_go(struct hold *h)
{
	map_put(h->map);
	prog_put(h->prog);
	*h = (struct hold){ 0 };
}

/* A callback keeps its program, as in Linux; of what the verifier did not see nothing is kept. */
static void hold_locked(struct timer_thread *t, const struct timer_facts *f)
{
	struct hold *h = &t->hold[f->row];
	struct object_ref ref = { 0 };

	if (h->prog ? h->callback.prog == f->callback.prog &&
			      h->callback.func == f->callback.func && (uintptr_t)h->map == f->map
		    : !f->callback.prog)
		return;
	let_go(h);
	if (object_ref_id(t->k, OBJ_PROG, f->callback.prog, &ref))
		return;
	*h = (struct hold){ f->callback, ref.payload, map_of(t->k, ref.payload, f) };
	if (!h->map)
		let_go(h);
	t->rows = MAX(t->rows, f->row + 1);
}

/* What lies in maps that user space has let go is never called again. */
static void let_go_unused_locked(struct timer_thread *t)
{
	for (uint32_t row = 0; row < t->rows; row++)
		if (t->hold[row].map && !atomic_load(&t->hold[row].map->users))
			let_go(&t->hold[row]);
}

static void look_locked(void *arg, uint32_t row)
{
	struct timer_thread *t = arg;
	struct timer_facts f;

	if (!obj_timer_look(t->k->env.objects, row, &f))
		return;
	for (uint8_t q = 0; q < TIMER_CLOCKS; q++)
		if (f.armed && q == f.queue)
			timer_queue_put(&t->queue[q], row, f.expires);
		else
			timer_queue_drop(&t->queue[q], row);
	hold_locked(t, &f);
}

void timers_look(struct skep_kernel *k)
{
	struct timer_thread *t = atomic_load(&k->timer_thread);

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	obj_timers_changed(k->env.objects, look_locked, t);
	let_go_unused_locked(t);
	pthread_mutex_unlock(&t->lock);
}

void timers_cpu_died(struct skep_kernel *k)
{
	if (atomic_load(&k->timer_thread))
		obj_timers_mend(k->env.objects);
}

/* --- one call --------------------------------------------------------------------------------- */

/* Where the element's key stands, that of an array is written to *index; NULL: it is no value. */
static void *key_of(struct skep_map *m, uint64_t value, uint32_t *index)
{
	const uint64_t key =
		m->type == BPF_MAP_TYPE_ARRAY ? value : value - ALIGN_UP(m->key_size, 8);

	if (!m->ops->contains || !m->ops->contains(m, key, value - key + m->value_size))
		return NULL;
	if (key != value)
		return (void *)(uintptr_t)key;
	*index = (uint32_t)((value - (uintptr_t)m->values) / m->elem_size);
	return index;
}

static void call_back(struct skep_kernel *k, struct vcpu *vcpu, const struct due *d,
		      const struct obj_timer *timer)
{
	uint32_t index[2] = { 0 };
	const struct later_args args = { d->map, key_of(d->map, d->timer.value, index),
					 (void *)(uintptr_t)d->timer.value };
	uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = {
		.task = task,
		.prog = d->prog,
		.vcpu = vcpu,
		.cpu = vcpu_id(k->vcpus, vcpu),
		.env = &k->env,
		.later = d->map,
		.timer = timer,
		.region = { { (uintptr_t)index, sizeof(index) } },
	};

	if (args.key)
		d->prog->engine->call_later(d->timer.callback.func, &args, &run);
}

/* On the CPU that it is pinned to, if there is such a one. */
static struct vcpu *vcpu_for(struct skep_kernel *k, int32_t at)
{
	return at >= 0 && (uint32_t)at < k->vcpus->nr ? vcpu_get_at(k->vcpus, (uint32_t)at)
						      : vcpu_get(k->vcpus);
}

static void call_one(struct skep_kernel *k, struct due *d)
{
	struct vcpu *vcpu = vcpu_for(k, d->timer.at);
	const struct obj_timer *timer = obj_timer_claim(k->env.objects, &d->timer);

	if (timer) {
		/* Nobody told us when user space let go of the map. */
		if (d->map && !object_map_used(d->map))
			obj_timers_release(k->env.objects, d->map);
		else if (d->map)
			call_back(k, vcpu, d, timer);
		obj_timers_done(k->env.objects);
	}
	vcpu_put(vcpu);
	map_put(d->map);
	prog_put(d->prog);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* The queue whose first one is most overdue, NULL: none is; *ret_wait: nanoseconds until then. */
static struct timer_queue *queue_due(struct timer_thread *t, int64_t *ret_wait)
{
	struct timer_queue *due = NULL;
	int64_t wait = INT64_MAX;

	for (uint8_t q = 0; q < TIMER_CLOCKS; q++) {
		const struct timer_entry *e = timer_queue_first(&t->queue[q]);
		const int64_t left = e ? obj_timer_left(q, e->expires) : INT64_MAX;

		if (left <= 0 && left < wait)
			due = &t->queue[q];
		wait = MIN(wait, e && left > 0 && q > 0 ? MIN(left, JUMP_NS) : left);
	}
	*ret_wait = wait;
	return due;
}

/* Takes the first one that is due out of its queue: false where none is. */
static bool take_locked(struct timer_thread *t, struct due *ret, int64_t *ret_wait)
{
	struct timer_queue *q;

	obj_timers_changed(t->k->env.objects, look_locked, t);
	while ((q = queue_due(t, ret_wait))) {
		const uint32_t row = timer_queue_first(q)->row;

		timer_queue_drop(q, row);
		/* Whoever changes it just now says so when that is done. */
		if (!obj_timer_look(t->k->env.objects, row, &ret->timer) || !ret->timer.armed)
			continue;
		hold_locked(t, &ret->timer);
		if (t->hold[row].prog) {
			ret->prog = prog_get(t->hold[row].prog);
			ret->map = map_get(t->hold[row].map);
		}
		return true;
	}
	return false;
}

static void firsts_locked(const struct timer_thread *t, int64_t ret[TIMER_CLOCKS])
{
	for (int q = 0; q < TIMER_CLOCKS; q++) {
		const struct timer_entry *e = timer_queue_first(&t->queue[q]);

		ret[q] = e ? e->expires : INT64_MAX;
	}
}

static void *timer_loop(void *arg)
{
	struct timer_thread *t = arg;
	struct obj_store *objects = t->k->env.objects;
	uint32_t seen;

	/* Before the look: what changes after it is not slept through. */
	while (seen = obj_timers_changes(objects), !atomic_load(&t->stop)) {
		int64_t first[TIMER_CLOCKS], wait;
		struct due due = { 0 };
		bool is_due;

		pthread_mutex_lock(&t->awake);
		pthread_mutex_lock(&t->lock);
		is_due = take_locked(t, &due, &wait);
		firsts_locked(t, first);
		pthread_mutex_unlock(&t->lock);
		if (is_due)
			call_one(t->k, &due);
		pthread_mutex_unlock(&t->awake);
		if (!is_due)
			obj_timers_wait(objects, seen, first, wait);
	}
	return NULL;
}

/*
 * A child of fork() has no such thread, and what one held at that moment, locks and a vCPU, nobody
 * would ever give back there: so all of them wait meanwhile.
 */
static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	struct timer_thread *first;
} threads = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_ONCE_INIT, NULL };

static void fork_begins(void)
{
	pthread_mutex_lock(&threads.lock);
	for (struct timer_thread *t = threads.first; t; t = t->next)
		pthread_mutex_lock(&t->awake);
}

static void fork_ends(void)
{
	for (struct timer_thread *t = threads.first; t; t = t->next)
		pthread_mutex_unlock(&t->awake);
	pthread_mutex_unlock(&threads.lock);
}

/* Behind the compiler's, so that fork() comes here first: we may wait for who takes its lock. */
static void watch_forks(void)
{
	pthread_atfork(fork_begins, fork_ends, fork_ends);
}

static void thread_list(struct timer_thread *t)
{
	pthread_mutex_lock(&threads.lock);
	t->next = threads.first;
	threads.first = t;
	pthread_mutex_unlock(&threads.lock);
}

static void thread_unlist(const struct timer_thread *t)
{
	struct timer_thread **at = &threads.first;

	pthread_mutex_lock(&threads.lock);
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	pthread_mutex_unlock(&threads.lock);
}

static int thread_start(struct timer_thread *t)
{
	sigset_t all, old;
	int err;

	/* Signals are the process's own matter: its threads get them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&t->thread, NULL, timer_loop, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -ENOMEM;
	pthread_setname_np(t->thread, "skep-timers");
	return 0;
}

static void thread_free(struct timer_thread *t)
{
	thread_unlist(t);
	for (uint32_t row = 0; row < t->rows; row++)
		let_go(&t->hold[row]);
	if (t->hold)
		munmap(t->hold, HOLDS_SIZE);
	for (int q = 0; q < TIMER_CLOCKS; q++)
		timer_queue_fini(&t->queue[q]);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->awake);
	skep_free(t);
}

static int thread_fill(struct timer_thread *t)
{
	int err = 0;

	for (int q = 0; q < TIMER_CLOCKS && !err; q++)
		err = timer_queue_init(&t->queue[q], TIMERS_MAX);
	if (err)
		return err;
	t->hold = mmap(NULL, HOLDS_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->hold == MAP_FAILED) {
		t->hold = NULL;
		return -ENOMEM;
	}
	return thread_start(t);
}

static int thread_new(struct skep_kernel *k)
{
	struct timer_thread *t = skep_alloc(sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	pthread_once(&threads.once, watch_forks);
	pthread_mutex_init(&t->awake, NULL);
	pthread_mutex_init(&t->lock, NULL);
	t->k = k;
	t->pid = getpid();
	obj_timers_own(k->env.objects);
	thread_list(t);
	err = thread_fill(t);
	if (err)
		thread_free(t);
	else
		atomic_store(&k->timer_thread, t);
	return err;
}

int timers_begin(struct skep_kernel *k)
{
	int err = 0;

	if (!k->env.objects)
		return 0;
	pthread_mutex_lock(&k->timer_lock);
	if (!atomic_load(&k->timer_thread))
		err = thread_new(k);
	pthread_mutex_unlock(&k->timer_lock);
	return err;
}

void timers_init(struct skep_kernel *k)
{
	pthread_mutex_init(&k->timer_lock, NULL);
	k->env.map_used = map_used;
}

void timers_fini(struct skep_kernel *k)
{
	struct timer_thread *t = k->timer_thread;

	/* After a fork the thread is the parent's. */
	if (t && t->pid == getpid()) {
		atomic_store(&t->stop, true);
		obj_timers_wake(k->env.objects);
		pthread_join(t->thread, NULL);
	}
	k->timer_thread = NULL;
	if (t)
		thread_free(t);
	pthread_mutex_destroy(&k->timer_lock);
}
