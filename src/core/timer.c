/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - the thread that calls timers back, one a kernel, made when the first one is armed.
 *
 * It takes a vCPU before it takes a timer: a map, or a program, that goes waits for that run.
 */
#include "base/sys.h"
#include "core/core_int.h"
#include "obj/timer.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct timer_thread {
	struct skep_kernel *k;
	pthread_t thread;
	pid_t pid;	   /* of the process that it is a thread of */
	_Atomic bool stop; /* it shall end */
};

static bool map_used(void *arg, struct skep_map *m)
{
	return object_map_used(m);
}

/* Where the element's key stands; that of an array is written to *index. */
static void *key_of(const struct skep_map *m, uint8_t *value, uint32_t *index)
{
	if (m->type != BPF_MAP_TYPE_ARRAY)
		return value - ALIGN_UP(m->key_size, 8);
	*index = (uint32_t)((size_t)(value - m->values) / m->elem_size);
	return index;
}

static void call_back(struct skep_kernel *k, struct vcpu *vcpu, const struct timer_call *call)
{
	const struct skep_prog *p = call->callback.prog;
	struct skep_map *m = call->map;
	uint32_t index[2] = { 0 };
	const struct later_args args = { m, key_of(m, call->value, index), call->value };
	uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = {
		.task = task,
		.prog = p,
		.vcpu = vcpu,
		.cpu = vcpu_id(k->vcpus, vcpu),
		.env = &k->env,
		.later = m,
		.timer = call->timer,
		.region = { { (uintptr_t)index, sizeof(index) } },
	};

	p->engine->call_later(call->callback.func, &args, &run);
}

/* Work may sleep, and nobody waits for its run meanwhile.  The table's references are the last. */
static void hold_and_call(struct skep_kernel *k, struct vcpu *vcpu, const struct timer_call *call)
{
	struct skep_prog *p = prog_get((struct skep_prog *)(uintptr_t)call->callback.prog);
	struct skep_map *m = map_get(call->map);

	call_back(k, vcpu, call);
	map_put(m);
	prog_put(p);
}

/* Calls one timer that is due; it runs on that CPU, or on any for -1. */
static void call_one(struct skep_kernel *k, int32_t cpu)
{
	struct vcpu *vcpu = cpu < 0 ? vcpu_get(k->vcpus) : vcpu_get_at(k->vcpus, (uint32_t)cpu);
	struct timer_call call;

	if (obj_timers_take(k->env.objects, vcpu_id(k->vcpus, vcpu), &call)) {
		/* Nobody told us when user space let go of the map. */
		if (!object_map_used(call.map))
			obj_timers_release(k->env.objects, call.list);
		else if (call.callback.prog)
			hold_and_call(k, vcpu, &call);
		obj_timers_done(k->env.objects);
	}
	vcpu_put(vcpu);
}

static void wait_for_change(_Atomic uint32_t *changes, uint32_t seen, int64_t ns)
{
	const struct timespec t = { ns / 1000000000, ns % 1000000000 };

	sys_call6(SYS_futex, (long)changes, FUTEX_WAIT, seen, ns == INT64_MAX ? 0 : (long)&t, 0, 0);
}

static void *timer_loop(void *arg)
{
	struct timer_thread *t = arg;
	struct obj_store *objects = t->k->env.objects;
	_Atomic uint32_t *changes = obj_timers_changes(objects);

	while (!atomic_load(&t->stop)) {
		/* Before the look: what changes after it is not slept through. */
		const uint32_t seen = atomic_load_explicit(changes, memory_order_acquire);
		int64_t wait;
		int32_t cpu;

		if (obj_timers_due(objects, &cpu, &wait))
			call_one(t->k, cpu);
		else if (!atomic_load(&t->stop))
			wait_for_change(changes, seen, wait);
	}
	return NULL;
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

static int thread_new(struct skep_kernel *k, struct timer_thread **ret)
{
	_cleanup_(skep_free_p) struct timer_thread *t = skep_alloc(sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->k = k;
	t->pid = getpid();
	err = thread_start(t);
	if (!err)
		*ret = TAKE_PTR(t);
	return err;
}

static int timers_begin(void *arg)
{
	struct skep_kernel *k = arg;
	struct timer_thread *t;
	int err = 0;

	if (likely(atomic_load_explicit(&k->timer_thread, memory_order_relaxed) != NULL))
		return 0;
	pthread_mutex_lock(&k->timer_lock);
	if (!k->timer_thread) {
		err = thread_new(k, &t);
		if (!err)
			atomic_store_explicit(&k->timer_thread, t, memory_order_relaxed);
	}
	pthread_mutex_unlock(&k->timer_lock);
	return err;
}

void timers_init(struct skep_kernel *k)
{
	pthread_mutex_init(&k->timer_lock, NULL);
	k->env.map_used = map_used;
	k->env.timers_begin = timers_begin;
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
	skep_free(t);
	pthread_mutex_destroy(&k->timer_lock);
}
