/* SPDX-License-Identifier: BSD-2-Clause */
/* wait.c - who waits for a ring: see struct waiters.  The first waiter makes the eventfd. */
#include "base/sys.h"
#include "map/map_int.h"

#include <linux/futex.h>
#include <sys/syscall.h>

void waiters_wake(const struct waiters *w)
{
	uint64_t one = 1;
	/* Sequentially consistent with waiters_fd: either we see its fd, or it what we wrote. */
	int fd = atomic_load(&w->fd);

	if (fd < 0)
		return;
	if (!w->rung) {
		sys_call6(SYS_write, fd, (long)&one, sizeof(one), 0, 0, 0);
	} else if (!atomic_exchange(w->rung, 1)) {
		atomic_fetch_add(w->bell, 1);
		sys_call6(SYS_futex, (long)w->bell, FUTEX_WAKE, 1, 0, 0, 0);
	}
}

int waiters_fd(struct waiters *w, bool *ret_first)
{
	int fd = atomic_load(&w->fd), none = -1;

	*ret_first = false;
	if (fd >= 0)
		return fd;
	fd = map_eventfd();
	if (fd < 0)
		return fd;
	if (!atomic_compare_exchange_strong(&w->fd, &none, fd)) {
		map_eventfd_close(fd);
		return none;
	}
	*ret_first = true;
	return fd;
}
