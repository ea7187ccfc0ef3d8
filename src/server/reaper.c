/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reaper.c - see reaper.h.
 *
 * Members enrol in the hive's data (hive_data.member) and ring; each gets a pidfd here, which
 * says within a moment that the process is gone.  The numbers in there are whatever members wrote:
 * at worst somebody ends the runs of a process that writes to the same memory as well.
 *
 * Three threads: one watches, and says at once that a run is over, which leaves its locks to
 * whoever waits for them; it never waits itself.  Another one mends what the run held, then gives
 * back the vCPU and the member's number.  The third looks whether maps are what they must be.
 *
 * A vCPU whose run does not go on for STUCK_MS may be left too: its thread ended in the run (exec
 * in another thread, a longjmp out of a signal's handler), or nobody ever was there and somebody
 * wrote that.  Or the thread is stopped, or in a handler, and goes on with its run some day: so the
 * process is looked at first.
 */
#include "server/reaper.h"
#include "base/alloc.h"
#include "base/sys.h"
#include "core/core.h"
#include "map/map.h"
#include "hook/hook.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOOK_MS	 250
#define STUCK_MS 2000
#define SCRUB_MS 1000
#define TIDS	 (UINT32_C(1) << 22) /* threads have lower numbers */

/* What was seen of a vCPU. */
struct seen {
	uint64_t owner, epoch;
	uint32_t looks; /* how often in a row */
};

static struct {
	pthread_mutex_t lock; /* of all that follows the descriptors */
	pthread_cond_t dead;  /* there is something to mend */
	struct space *space;
	struct skep_kernel *k;
	int epoll, births; /* births: an eventfd */
	struct {
		pid_t pid;   /* 0: nobody */
		int fd;	     /* its pidfd */
		bool buried; /* its number is to be given back */
	} member[HIVE_MEMBERS];
	uint32_t watched, watched_max; /* pidfds, and how many there may be */
	struct seen *seen;	       /* [vcpus] */
	uint64_t *left;	    /* [vcpus] whose run was ended there and is not mended; 0: nobody's */
	struct seen *stuck; /* [vcpus] the run there that does not go on; owner 0: none */
	bool work;	    /* some of left, of stuck, or of buried */
} r = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.dead = PTHREAD_COND_INITIALIZER,
	.epoll = -1,
	.births = -1 };

/* --- the dead --------------------------------------------------------------------------------- */

static struct seen look_at(uint32_t i)
{
	const struct vcpu *c = &space_meta(r.space)->vcpus.slot[i];

	return (struct seen){ .epoch = atomic_load(&c->epoch), .owner = atomic_load(&c->owner) };
}

/* The run in the slot, if it still is what was seen, is over: its locks are left. */
static void end_run_locked(uint32_t i, struct seen run)
{
	struct vcpu *c = &space_meta(r.space)->vcpus.slot[i];

	if (!run.owner || r.left[i] || atomic_load(&c->owner) != run.owner)
		return;
	/* Even, so that a pause ends too. */
	if (!atomic_compare_exchange_strong(&c->epoch, &run.epoch, run.epoch + 2 + run.epoch % 2))
		return;
	r.left[i] = run.owner;
	r.work = true;
	pthread_cond_signal(&r.dead);
}

static void bury_locked(uint32_t i)
{
	const struct vcpus *v = &space_meta(r.space)->vcpus;

	if (r.member[i].fd >= 0) {
		close(r.member[i].fd);
		r.watched--;
	}
	r.member[i].fd = -1;
	r.member[i].pid = 0;
	r.member[i].buried = r.work = true;
	for (uint32_t c = 0; c < v->nr; c++) {
		const struct seen run = look_at(c);

		if (vcpu_who_member(run.owner) == i + 1)
			end_run_locked(c, run);
	}
	pthread_cond_signal(&r.dead);
}

/* What the run in the slot held of maps comes back, then the slot. */
static void mend_slot(uint32_t i)
{
	struct vcpu *c = &space_meta(r.space)->vcpus.slot[i];
	uint64_t owner;

	core_cpu_died(r.k, i);
	atomic_store(&c->waits, NULL);
	pthread_mutex_lock(&r.lock);
	owner = r.left[i];
	r.left[i] = 0;
	atomic_compare_exchange_strong(&c->owner, &owner, 0);
	pthread_mutex_unlock(&r.lock);
}

/* Does it go on some day?  What cannot be looked at is left alone. */
static void look_at_stuck(uint32_t i)
{
	struct seen run;
	uint32_t member;
	pid_t pid;

	pthread_mutex_lock(&r.lock);
	run = r.stuck[i];
	r.stuck[i] = (struct seen){ 0 };
	member = vcpu_who_member(run.owner);
	pid = member && member <= HIVE_MEMBERS ? r.member[member - 1].pid : 0;
	pthread_mutex_unlock(&r.lock);
	if (!pid || hook_may_run(pid))
		return;
	pthread_mutex_lock(&r.lock);
	end_run_locked(i, run);
	pthread_mutex_unlock(&r.lock);
}

/* One round: slots first, then the numbers of who was buried before it began. */
static void mend_all(const uint32_t *rows, size_t n_rows)
{
	const uint32_t nr = space_meta(r.space)->vcpus.nr;

	for (uint32_t i = 0; i < nr; i++) {
		bool left, stuck;

		pthread_mutex_lock(&r.lock);
		stuck = r.stuck[i].owner != 0;
		pthread_mutex_unlock(&r.lock);
		if (stuck)
			look_at_stuck(i);
		pthread_mutex_lock(&r.lock);
		left = r.left[i] != 0;
		pthread_mutex_unlock(&r.lock);
		if (left)
			mend_slot(i);
	}
	pthread_mutex_lock(&r.lock);
	for (size_t i = 0; i < n_rows; i++) {
		r.member[rows[i]].buried = false;
		atomic_store(&space_data(r.space)->member[rows[i]], 0);
	}
	pthread_mutex_unlock(&r.lock);
}

static void *mend(void *arg)
{
	static uint32_t rows[HIVE_MEMBERS];
	size_t n;

	for (;;) {
		pthread_mutex_lock(&r.lock);
		while (!r.work)
			pthread_cond_wait(&r.dead, &r.lock);
		r.work = false;
		n = 0;
		for (uint32_t i = 0; i < HIVE_MEMBERS; i++)
			if (r.member[i].buried)
				rows[n++] = i;
		pthread_mutex_unlock(&r.lock);
		mend_all(rows, n);
	}
	return arg;
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

/*
 * Has the process mapped the hive?  Rows may name anybody: the server itself, or who has another
 * hive at the same address.
 */
static bool has_hive(pid_t pid)
{
	char path[32], line[512];
	unsigned long start, ino;
	bool found = false;
	struct stat st;
	FILE *f;

	if (pid == getpid() || fstat(space_fd(r.space, HIVE_META), &st))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%*x %*s %*s %*s %lu", &start, &ino) == 2 &&
			ino == st.st_ino && start - space_base(r.space) < HIVE_RANGE;
	fclose(f);
	return found;
}

bool reaper_any_member(void)
{
	bool any = false;

	for (uint32_t i = 0; i < HIVE_MEMBERS && !any; i++) {
		pid_t pid;

		pthread_mutex_lock(&r.lock);
		pid = r.member[i].pid;
		pthread_mutex_unlock(&r.lock);
		/* Not under the lock: it may take a while, and deaths do not wait. */
		any = pid && has_hive(pid);
	}
	return any;
}

/* --- the living ------------------------------------------------------------------------------- */

static void watch_locked(uint32_t i, pid_t pid)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };
	const int fd = sys_pidfd(pid);

	r.member[i].pid = pid;
	r.member[i].fd = fd;
	r.watched += fd >= 0;
	if (fd < 0 || r.watched > r.watched_max || epoll_ctl(r.epoll, EPOLL_CTL_ADD, fd, &e))
		bury_locked(i); /* gone already, or no process at all */
}

/* New rows, and rows that have changed hands. */
static void look_at_members(void)
{
	struct hive_data *d = space_data(r.space);

	pthread_mutex_lock(&r.lock);
	for (uint32_t i = 0; i < HIVE_MEMBERS; i++) {
		const pid_t pid = (pid_t)atomic_load_explicit(&d->member[i], memory_order_acquire);

		if (pid == r.member[i].pid || r.member[i].buried)
			continue;
		if (r.member[i].pid)
			bury_locked(i);
		else
			watch_locked(i, pid);
	}
	pthread_mutex_unlock(&r.lock);
}

/* Is there such a thread?  Where its storage should be there is memory, if so. */
static bool is_thread(pid_t pid, uint64_t owner)
{
	const uint64_t thread = vcpu_who_thread(owner);
	struct iovec to = { &(uint64_t){ 0 }, 8 }, from = { (void *)(uintptr_t)(thread << 4), 8 };

	/* It may be the thread's number, where there is no storage, or no instruction that tells.
	 */
	if (!space_meta(r.space)->vcpus.fsgsbase || thread < TIDS)
		return true;
	return process_vm_readv(pid, &to, 1, &from, 1, 0) == 8 || errno != EFAULT;
}

/*
 * Nobody holds the slot, whatever stands there: members have a row before they run.  stays: it
 * stood there when it was last looked at, so it is worth to ask for the thread.
 */
static bool is_nobodys_locked(uint64_t owner, bool stays)
{
	const uint32_t member = vcpu_who_member(owner);
	pid_t pid;

	if (!owner || member == vcpu_kernel)
		return false;
	if (!member || member > HIVE_MEMBERS ||
	    !atomic_load(&space_data(r.space)->member[member - 1]))
		return true;
	pid = r.member[member - 1].pid;
	return stays && pid && !is_thread(pid, owner);
}

/* ticks: it is LOOK_MS since the last time that it said so. */
static void look_at_vcpus(bool ticks)
{
	const struct vcpus *v = &space_meta(r.space)->vcpus;

	pthread_mutex_lock(&r.lock);
	for (uint32_t i = 0; i < v->nr; i++) {
		const struct seen now = look_at(i);
		struct seen *s = &r.seen[i];
		/* Threads of this process do not die; they may sleep in a run. */
		const bool ours = vcpu_who_member(now.owner) == vcpu_kernel;
		const bool stays = now.owner == s->owner && now.epoch == s->epoch;

		if (is_nobodys_locked(now.owner, stays)) {
			end_run_locked(i, now);
			*s = (struct seen){ 0 };
		} else if (!now.owner || !stays) {
			*s = now;
		} else if (ticks && !ours && ++s->looks > STUCK_MS / LOOK_MS) {
			r.stuck[i] = now;
			r.work = true;
			pthread_cond_signal(&r.dead);
			*s = (struct seen){ 0 };
		}
	}
	pthread_mutex_unlock(&r.lock);
}

static void *watch(void *arg)
{
	struct epoll_event e[16];
	uint32_t births = 0;
	uint64_t n;

	for (;;) {
		const int got = epoll_wait(r.epoll, e, ARRAY_SIZE(e), LOOK_MS);

		for (int i = 0; i < got; i++) {
			if (e[i].data.u64 < HIVE_MEMBERS) {
				pthread_mutex_lock(&r.lock);
				bury_locked((uint32_t)e[i].data.u64);
				pthread_mutex_unlock(&r.lock);
			} else if (read(r.births, &n, sizeof(n)) == sizeof(n)) {
				const uint32_t now = atomic_load(&space_data(r.space)->births);

				if (now != births)
					look_at_members();
				births = now;
				look_at_vcpus(false);
			}
		}
		if (got == 0) {
			look_at_members();
			look_at_vcpus(true);
		}
	}
	return arg;
}

/* Who is not alone with the maps looks at them, now and then. */
static void *scrub(void *arg)
{
	for (;;) {
		bool alone;

		usleep(SCRUB_MS * 1000);
		pthread_mutex_lock(&r.lock);
		alone = !r.watched;
		pthread_mutex_unlock(&r.lock);
		if (!alone)
			core_scrub(r.k);
	}
	return arg;
}

/* Somebody rang: it may be a new member, one that waits for a vCPU, or lines of programs. */
static void on_bell(void)
{
	const struct hive_data *d = space_data(r.space);
	const uint64_t one = 1;
	static uint64_t seen;
	const uint64_t now = (uint64_t)atomic_load(&d->births) << 32 | atomic_load(&d->asked);

	core_trace_look(r.k);
	hook_rang();
	if (now == seen)
		return;
	seen = now;
	if (write(r.births, &one, sizeof(one)) != sizeof(one))
		return; /* the next look finds it */
}

static int start(void *(*loop)(void *))
{
	pthread_t t;
	int err = -pthread_create(&t, NULL, loop, NULL);

	if (!err)
		pthread_detach(t);
	return err;
}

int reaper_start(struct space *s, struct skep_kernel *k)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = HIVE_MEMBERS };
	struct rlimit files;
	int err;

	r.space = s;
	r.k = k;
	/* Descriptors are for others too. */
	if (getrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	r.watched_max = (uint32_t)MIN(files.rlim_cur / 4, HIVE_MEMBERS);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.births = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r.seen = skep_alloc_array(space_meta(s)->vcpus.nr, sizeof(*r.seen));
	if (r.epoll < 0 || r.births < 0 || epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.births, &e))
		return -errno;
	r.left = skep_alloc_array(space_meta(s)->vcpus.nr, sizeof(*r.left));
	r.stuck = skep_alloc_array(space_meta(s)->vcpus.nr, sizeof(*r.stuck));
	if (!r.seen || !r.left || !r.stuck)
		return -ENOMEM;
	err = start(watch);
	if (!err)
		err = start(mend);
	if (!err)
		err = start(scrub);
	return err ? err : bell_start(s, on_bell);
}
