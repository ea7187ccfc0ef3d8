/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell.c - the thread of a hive's server that wakes who waits for rings: programs that write to
 * them run in other processes, where the eventfds are not.  Cold.
 */
#include "base/sys.h"
#include "hive/space.h"
#include "map/map_int.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiters *all; /* of this process's one hive */
static void (*tell)(void);

void waiters_init(struct waiters *w, struct space *space, _Atomic uint32_t *rung)
{
	atomic_store_explicit(&w->fd, -1, memory_order_relaxed);
	w->rung = space ? rung : NULL;
	w->bell = space ? &space_data(space)->bell : NULL;
	if (space)
		bell_add(w);
}

void waiters_fini(struct waiters *w)
{
	if (w->rung)
		bell_del(w);
	map_eventfd_close(atomic_load(&w->fd));
}

void bell_add(struct waiters *w)
{
	pthread_mutex_lock(&lock);
	w->next = all;
	all = w;
	pthread_mutex_unlock(&lock);
}

void bell_del(struct waiters *w)
{
	struct waiters **at = &all;

	pthread_mutex_lock(&lock);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	pthread_mutex_unlock(&lock);
}

static void wake_all(void)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&lock);
	for (struct waiters *w = all; w; w = w->next)
		if (atomic_exchange(w->rung, 0) && atomic_load(&w->fd) >= 0)
			sys_call6(SYS_write, atomic_load(&w->fd), (long)&one, sizeof(one), 0, 0, 0);
	pthread_mutex_unlock(&lock);
}

static void *serve(void *arg)
{
	_Atomic uint32_t *bell = arg;

	for (;;) {
		const uint32_t seen = atomic_load(bell);

		wake_all();
		tell();
		/* Who rang since we looked has changed it. */
		sys_call6(SYS_futex, (long)bell, FUTEX_WAIT, seen, 0, 0, 0);
	}
	return NULL;
}

int bell_start(struct space *s, void (*on_ring)(void))
{
	pthread_t t;
	int err;

	tell = on_ring;
	err = pthread_create(&t, NULL, serve, &space_data(s)->bell);

	if (!err)
		pthread_detach(t);
	return -err;
}
