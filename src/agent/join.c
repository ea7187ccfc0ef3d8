/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join.c - a process becomes a member, and maps what members map.
 *
 * Areas are mapped from the server's own descriptors, through /proc: so nothing has to be kept open
 * here, where programs close what they did not open.
 */
#include "agent/agent_int.h"
#include "base/sys.h"
#include "helper/process.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct agent_process agent_process;
struct agent_child agent_child;

clock_fn helper_clock_gettime;
struct helper_process *helper_process;
_Atomic(copy_fn) helper_copy;

static long clock_by_syscall(clockid_t clock, struct timespec *ts)
{
	return sys_call6(SYS_clock_gettime, clock, (long)ts, 0, 0, 0, 0);
}

static struct hive_data *data_of(const struct hive_meta *meta)
{
	return (struct hive_data *)(meta->head.base + HIVE_DATA_AT);
}

static void ring(struct hive_data *d)
{
	atomic_fetch_add(&d->bell, 1);
	sys_call6(SYS_futex, (long)&d->bell, FUTEX_WAKE, 1, 0, 0, 0);
}

/* A row of the members' table for process pid: its number, or 0. */
static uint32_t enrol(const struct hive_meta *meta, uint32_t pid)
{
	struct hive_data *d = data_of(meta);

	for (uint32_t i = 0; i < HIVE_MEMBERS; i++) {
		uint32_t nobody = 0;

		if (!atomic_load_explicit(&d->member[i], memory_order_relaxed) &&
		    atomic_compare_exchange_strong(&d->member[i], &nobody, pid)) {
			agent_ring_births();
			return i + 1;
		}
	}
	return 0;
}

void agent_ring_births(void)
{
	struct hive_data *d = data_of(agent_process.meta);

	atomic_fetch_add(&d->births, 1);
	ring(d);
}

bool agent_enrol(void)
{
	const uint32_t pid = (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);

	agent_child.pid = pid;
	agent_child.member = enrol(agent_process.meta, pid);
	return agent_child.member != 0;
}

#define LOOKS_MAX 20 /* of 50 ms, in all */

/* Waits while `who` stands there, as long as there are looks left. */
static void wait_while(_Atomic uint32_t *loads, uint32_t who, int *looks)
{
	const struct timespec t = { .tv_nsec = 50000000 };

	while (atomic_load(loads) == who && (*looks)-- > 0)
		sys_call6(SYS_futex, (long)loads, FUTEX_WAIT, who, (long)&t, 0, 0);
}

void agent_loaded(void)
{
	struct hive_data *d = data_of(agent_process.meta);
	uint32_t me = (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0), other = 0;
	int looks = LOOKS_MAX;

	while (!atomic_compare_exchange_strong(&d->loads, &other, me)) {
		wait_while(&d->loads, other, &looks);
		if (looks <= 0)
			return;
		other = 0;
	}
	ring(d);
	wait_while(&d->loads, me, &looks);
	/* Where nobody looked the next one need not wait for us. */
	atomic_compare_exchange_strong(&d->loads, &me, 0);
}

/* --- other programs --------------------------------------------------------------------------- */

static uint32_t own_tid(void)
{
	return (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static struct hive_exec *exec_of(struct hive_data *d, uint32_t tid)
{
	for (uint32_t i = 0; i < HIVE_EXECS; i++)
		if (atomic_load(&d->exec[i].tid) == tid)
			return &d->exec[i];
	return NULL;
}

/* A free row, ours from now on; NULL: there is none. */
static struct hive_exec *claim(struct hive_data *d, uint32_t tid)
{
	for (uint32_t i = 0; i < HIVE_EXECS; i++) {
		uint32_t nobody = 0;

		if (!atomic_load(&d->exec[i].tid) &&
		    atomic_compare_exchange_strong(&d->exec[i].tid, &nobody, tid))
			return &d->exec[i];
	}
	return NULL;
}

void agent_follow(uint64_t path, int dir)
{
	struct hive_data *d = data_of(agent_process.meta);
	const uint32_t tid = own_tid();
	struct hive_exec *e = exec_of(d, tid);
	uint32_t state = HIVE_EXEC_ASKS;
	int looks = LOOKS_MAX;

	/* One that failed: the server comes along again when it has let go of us. */
	if (e)
		wait_while(&e->tid, tid, &looks);
	e = claim(d, tid);
	if (!e)
		return;
	e->path = path;
	e->dir = dir;
	sys_call6(SYS_prctl, PR_GET_NAME, (long)e->comm, 0, 0, 0, 0);
	atomic_store(&e->state, HIVE_EXEC_ASKS);
	atomic_fetch_add(&d->execs, 1);
	ring(d);
	wait_while(&e->state, HIVE_EXEC_ASKS, &looks);
	if (atomic_compare_exchange_strong(&e->state, &state, HIVE_EXEC_DECLINED) ||
	    state == HIVE_EXEC_DECLINED)
		atomic_store(&e->tid, 0);
}

void agent_stays(void)
{
	struct hive_exec *e = exec_of(data_of(agent_process.meta), own_tid());

	if (e)
		atomic_store(&e->state, HIVE_EXEC_FAILED);
}

int agent_join(const struct agent_join *how)
{
	const clock_fn clock = vdso_clock_gettime(how->vdso);

	sys_call6(SYS_madvise, (long)&agent_child, sizeof(agent_child), MADV_WIPEONFORK, 0, 0, 0);
	helper_clock_gettime = clock ? clock : clock_by_syscall;
	helper_process = &agent_child.process;
	agent_process.meta = how->meta;
	agent_process.vcpus = how->meta->vcpus;
	agent_process.env.vcpus = &agent_process.vcpus;
	agent_process.env.objects = (struct obj_store *)(uintptr_t)how->meta->objects;
	agent_process.env.types = (const struct btf_view *)(uintptr_t)how->meta->types;
	agent_process.env.trace = agent_trace;
	agent_process.env.unwind = &agent_process.unwind;
	agent_process.env.returned = (uintptr_t)agent_returned;
	agent_process.env.return_of = agent_exchanged;
	/* A child has what it inherited. */
	if (how->filters > atomic_load(&agent_process.filters.known))
		atomic_store(&agent_process.filters.known, how->filters);
	if (how->server || agent_child.member)
		return 0;
	return agent_enrol() ? 0 : -EAGAIN;
}

const struct hive_meta *agent_meta(void)
{
	return agent_process.meta;
}

/* --- areas ------------------------------------------------------------------------------------ */

static int map_area(const struct hive_meta *m, const struct hive_area *a)
{
	const bool own = a->fd < 0;
	const int fd =
		own ? -1 : sys_open_of((uint32_t)m->server, a->fd, a->write ? O_RDWR : O_RDONLY);
	long p;

	if (!own && fd < 0)
		return fd;
	p = sys_call6(SYS_mmap, (long)a->at, (long)a->size, PROT_READ | (a->write ? PROT_WRITE : 0),
		      (own ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_FIXED | MAP_NORESERVE,
		      fd, (long)a->off);
	if (!own)
		sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	return p < 0 && p > -4096 ? (int)p : 0;
}

/* The row as it is at some moment, which its generation names; false: it is free. */
static bool read_row(const struct hive_area *row, struct hive_area *ret)
{
	uint32_t gen;

	do {
		gen = __atomic_load_n(&row->gen, __ATOMIC_ACQUIRE);
		*ret = (struct hive_area){ .at = __atomic_load_n(&row->at, __ATOMIC_ACQUIRE) };
		if (!ret->at)
			return false;
		*ret = (struct hive_area){ ret->at, row->size, row->off, row->fd, gen, row->write };
		atomic_thread_fence(memory_order_acquire);
	} while (__atomic_load_n(&row->gen, __ATOMIC_RELAXED) != gen);
	return true;
}

/* What was there is another map's, or nobody's: it stays until it is in the way. */
static int map_row(struct agent_process *p, uint32_t i)
{
	const struct hive_area *row = &p->meta->area[i];
	struct hive_area a;
	int err = 0;

	while (read_row(row, &a) && a.gen != p->gen[i]) {
		err = map_area(p->meta, &a);
		if (!err)
			p->gen[i] = a.gen;
		else if (__atomic_load_n(&row->gen, __ATOMIC_ACQUIRE) == a.gen)
			return err;
		/* Else it has gone meanwhile, and its descriptor with it. */
	}
	return 0;
}

/* All rows that changed since they were mapped. */
static int map_areas(struct agent_process *p)
{
	const struct hive_meta *m = p->meta;
	const uint32_t change = atomic_load(&m->change);
	const uint32_t n = atomic_load(&m->areas);
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		err = map_row(p, i);
	if (!err)
		p->change = change;
	return err;
}

int agent_sync(void)
{
	struct agent_process *p = &agent_process;
	int err;

	if (p->change == atomic_load(&p->meta->change))
		return 0;
	while (atomic_exchange_explicit(&p->lock, 1, memory_order_acquire))
		sys_rest();
	err = map_areas(p);
	atomic_store_explicit(&p->lock, 0, memory_order_release);
	return err;
}
