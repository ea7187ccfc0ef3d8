/* SPDX-License-Identifier: BSD-2-Clause */
/* loader.c - see loader.h */
#include "hook/loader.h"
#include "base/sys.h"
#include "hook/ends.h"
#include "hook/follow.h"
#include "hook/hook.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>

static struct {
	_Atomic(_Atomic uint32_t *) loads; /* the hive's; NULL: nobody watches */
	void (*look)(pid_t pid);
	pthread_mutex_t lock;
	pthread_cond_t rang;
	bool told;
} w = { .lock = PTHREAD_MUTEX_INITIALIZER, .rang = PTHREAD_COND_INITIALIZER };

void hook_rang(void)
{
	_Atomic uint32_t *loads = atomic_load(&w.loads);

	follow_look();
	ends_look();
	if (!loads || !atomic_load(loads))
		return;
	pthread_mutex_lock(&w.lock);
	w.told = true;
	pthread_cond_signal(&w.rang);
	pthread_mutex_unlock(&w.lock);
}

static void *watch(void *arg)
{
	_Atomic uint32_t *loads = atomic_load(&w.loads);
	uint32_t pid;

	for (;;) {
		pthread_mutex_lock(&w.lock);
		while (!w.told)
			pthread_cond_wait(&w.rang, &w.lock);
		w.told = false;
		pthread_mutex_unlock(&w.lock);
		pid = atomic_load(loads);
		if (!pid)
			continue;
		w.look((pid_t)pid);
		atomic_compare_exchange_strong(loads, &pid, 0);
		sys_call6(SYS_futex, (long)loads, FUTEX_WAKE, INT_MAX, 0, 0, 0);
	}
	return arg;
}

void loader_start(struct space *space, void (*look)(pid_t pid))
{
	pthread_t t;

	w.look = look;
	atomic_store(&w.loads, &space_data(space)->loads);
	if (!pthread_create(&t, NULL, watch, NULL))
		pthread_detach(t);
}
