/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reaper.c - see reaper.h.
 *
 * Members enrol in the hive's data (hive_data.member) and ring; each gets a pidfd here, which
 * says within a moment that the process is gone.  The numbers in there are whatever members wrote:
 * at worst somebody ends the runs of a process that writes to the same memory as well.
 *
 * A vCPU whose run does not go on for STUCK_MS is taken for left too: its thread ended in the run
 * (exec in another thread, a longjmp out of a signal's handler), or is stopped, or nobody ever was
 * there and somebody wrote that.
 */
#include "server/reaper.h"
#include "base/alloc.h"
#include "core/core.h"
#include "map/map.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_MS	 250
#define STUCK_MS 2000

/* What was seen of a vCPU. */
struct seen {
	uint64_t owner, epoch;
	uint32_t looks; /* how often in a row */
};

static struct {
	pthread_mutex_t lock; /* of member and seen */
	struct space *space;
	struct skep_kernel *k;
	int epoll, births; /* births: an eventfd */
	struct {
		pid_t pid; /* 0: nobody */
		int fd;	   /* its pidfd */
	} member[HIVE_MEMBERS];
	struct seen *seen; /* [vcpus] */
} r = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .births = -1 };

/* --- the dead --------------------------------------------------------------------------------- */

/* Ends the run that is in the slot: its locks are left, and what it held is given back. */
static void end_run(struct vcpu *c)
{
	uint64_t owner = atomic_load(&c->owner);

	/* Even, so that a pause ends too. */
	atomic_fetch_add(&c->epoch, 2 + atomic_load(&c->epoch) % 2);
	core_cpu_died(r.k, (uint32_t)(c - space_meta(r.space)->vcpus.slot));
	atomic_store(&c->waits, NULL);
	atomic_compare_exchange_strong(&c->owner, &owner, 0);
}

static void end_runs_of(uint32_t member)
{
	const struct vcpus *v = &space_meta(r.space)->vcpus;

	for (uint32_t i = 0; i < v->nr; i++) {
		const uint64_t owner = atomic_load(&v->slot[i].owner);

		if (owner && vcpu_who_member(owner) == member)
			end_run(&v->slot[i]);
	}
}

static void bury_locked(uint32_t i)
{
	if (r.member[i].fd >= 0)
		close(r.member[i].fd);
	r.member[i].pid = 0;
	end_runs_of(i + 1);
	atomic_store(&space_data(r.space)->member[i], 0);
}

void reaper_reborn(pid_t pid)
{
	if (!r.space)
		return;
	pthread_mutex_lock(&r.lock);
	for (uint32_t i = 0; i < HIVE_MEMBERS; i++)
		if (r.member[i].pid == pid)
			bury_locked(i);
	pthread_mutex_unlock(&r.lock);
}

/* --- the living ------------------------------------------------------------------------------- */

static void watch_locked(uint32_t i, pid_t pid)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };
	const int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	r.member[i].pid = pid;
	r.member[i].fd = fd;
	if (fd < 0 || epoll_ctl(r.epoll, EPOLL_CTL_ADD, fd, &e))
		bury_locked(i); /* gone already, or no process at all */
}

/* New rows, and rows that have changed hands. */
static void look_at_members(void)
{
	struct hive_data *d = space_data(r.space);

	pthread_mutex_lock(&r.lock);
	for (uint32_t i = 0; i < HIVE_MEMBERS; i++) {
		const pid_t pid = (pid_t)atomic_load_explicit(&d->member[i], memory_order_acquire);

		if (pid == r.member[i].pid)
			continue;
		if (r.member[i].pid)
			bury_locked(i);
		else
			watch_locked(i, pid);
	}
	pthread_mutex_unlock(&r.lock);
}

static void look_at_vcpus(void)
{
	const struct vcpus *v = &space_meta(r.space)->vcpus;

	pthread_mutex_lock(&r.lock);
	for (uint32_t i = 0; i < v->nr; i++) {
		const struct seen now = { .owner = atomic_load(&v->slot[i].owner),
					  .epoch = atomic_load(&v->slot[i].epoch) };
		struct seen *s = &r.seen[i];
		const uint32_t member = vcpu_who_member(now.owner);
		const bool known = !member || (member <= HIVE_MEMBERS && r.member[member - 1].pid);

		if (!now.owner || now.owner != s->owner || now.epoch != s->epoch) {
			*s = now;
			continue;
		}
		/* Threads of this process do not die; they may sleep in a run. */
		if (member && (!known || ++s->looks > STUCK_MS / LOOK_MS)) {
			end_run(&v->slot[i]);
			*s = (struct seen){ 0 };
		}
	}
	pthread_mutex_unlock(&r.lock);
}

static void *watch(void *arg)
{
	struct epoll_event e[16];
	uint64_t n;

	for (;;) {
		const int got = epoll_wait(r.epoll, e, ARRAY_SIZE(e), LOOK_MS);

		for (int i = 0; i < got; i++) {
			if (e[i].data.u64 < HIVE_MEMBERS) {
				pthread_mutex_lock(&r.lock);
				bury_locked((uint32_t)e[i].data.u64);
				pthread_mutex_unlock(&r.lock);
			} else if (read(r.births, &n, sizeof(n)) == sizeof(n)) {
				look_at_members();
			}
		}
		if (got == 0) {
			look_at_members();
			look_at_vcpus();
		}
	}
	return arg;
}

/* Somebody rang: it may be a new member. */
static void on_bell(void)
{
	const uint64_t one = 1;
	static uint32_t seen;
	const uint32_t now = atomic_load(&space_data(r.space)->births);

	if (now == seen)
		return;
	seen = now;
	if (write(r.births, &one, sizeof(one)) != sizeof(one))
		return; /* the next look finds it */
}

int reaper_start(struct space *s, struct skep_kernel *k)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = HIVE_MEMBERS };
	pthread_t t;
	int err;

	r.space = s;
	r.k = k;
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.births = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r.seen = skep_alloc_array(space_meta(s)->vcpus.nr, sizeof(*r.seen));
	if (r.epoll < 0 || r.births < 0 || epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.births, &e))
		return -errno;
	if (!r.seen)
		return -ENOMEM;
	err = -pthread_create(&t, NULL, watch, NULL);
	if (err)
		return err;
	pthread_detach(t);
	return bell_start(s, on_bell);
}
