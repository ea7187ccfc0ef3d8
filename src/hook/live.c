/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.c - what members come to while something is attached: they are born, load libraries, become
 * other programs, are taken in while they run, and go.
 */
#include "agent/agent.h"
#include "hook/ends.h"
#include "hook/event.h"
#include "hook/filter.h"
#include "hook/follow.h"
#include "hook/hook_int.h"
#include "hook/loader.h"
#include "hook/syscall.h"
#include "hook/take.h"
#include "hook/unwind.h"
#include "hook/uprobe.h"
#include "inject/permit.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

void hook_member(pid_t pid)
{
	struct process *p;

	pthread_mutex_lock(&h.lock);
	p = members_of(&h.members, pid);
	if (p) {
		if (!process_is_same(p))
			process_forget(p);
		hooks_put(p, NULL);
	}
	pthread_mutex_unlock(&h.lock);
}

bool hook_knows(pid_t pid)
{
	const struct process *p;
	bool ret;

	pthread_mutex_lock(&h.lock);
	p = members_find(&h.members, pid);
	ret = p && process_is_same(p);
	pthread_mutex_unlock(&h.lock);
	return ret;
}

static int is_inside(struct still *s, void *arg)
{
	(void)arg;
	return still_is_inside(s, h.space);
}

bool hook_may_run(pid_t pid)
{
	struct process *p;
	struct still s;
	bool ret;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	/* One that cannot be looked at may. */
	ret = !p || still_do(&s, p, h.space, STILL_BARE, is_inside, NULL, NULL) != 0;
	pthread_mutex_unlock(&h.lock);
	return ret;
}

/* --- other programs --------------------------------------------------------------------------- */

/* Not only what is there by now: libraries come later. */
static bool wants(pid_t pid)
{
	struct agent_filters f;
	struct process *p;
	bool ret;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	if (p)
		filters_look(p, h.space, &f); /* filters stay, what knows of them goes */
	ret = p && syscalls_concern(pid);
	for (const struct uprobe *u = NULL; p && (u = uprobe_next(u));)
		ret |= uprobe_concerns(u, p);
	pthread_mutex_unlock(&h.lock);
	return ret;
}

static int begins(struct still *s, void *arg)
{
	const struct agent_door *door = agent_of(h.space);
	const struct agent_exec *how = arg;

	hooks_put_in(s);
	if (events_any())
		still_tell_exec(s, (uintptr_t)door->became, how);
	if (syscalls_concern(s->p->pid))
		still_tell_exit(s, (uintptr_t)door->sys_exit, SYS_execve);
	return 0;
}

/* It goes on unseen, as one of another user does, which cannot open the hive's memory. */
static void cannot_come(pid_t pid, const struct agent_exec *how, const struct skep_diag *why)
{
	const char *slash = strrchr(how->path, '/');
	char text[sizeof(why->msg) + 32], comm[16];

	snprintf(comm, sizeof(comm), "%.15s", slash ? slash + 1 : how->path);
	snprintf(text, sizeof(text), "not probed: %s", *why->msg ? why->msg : strerror(-why->err));
	core_trace_say(h.k, (uint32_t)pid, comm, text);
}

static void arrived(pid_t pid, const struct agent_exec *how)
{
	struct agent_exec what = *how;
	struct skep_diag why = { 0 };
	struct process *p;
	struct still s;
	int err;

	pthread_mutex_lock(&h.lock);
	p = members_of(&h.members, pid);
	if (p) {
		process_forget(p);
		h.reborn(pid);
		ends_exec(pid, (pid_t)how->old_pid);
		err = still_do(&s, p, h.space, STILL_ADOPTED, begins, &what, &why);
		if (err && err != -ESRCH)
			cannot_come(pid, how, &why);
		hooks_tell_left(&s);
	}
	pthread_mutex_unlock(&h.lock);
}

static void passed_by(pid_t tid, const struct agent_exec *how)
{
	char text[EVENT_PATH_MAX + 64];

	snprintf(text, sizeof(text), "not probed, as it runs with rights of its own: %s",
		 how->path);
	core_trace_say(h.k, (uint32_t)tid, how->comm, text);
}

static int take_out(struct still *s, void *arg)
{
	(void)arg;
	hooks_take_out(s);
	return 0;
}

/* A filter is about to come that may end it for ours: so nothing of ours is left to be made. */
static void leave_alone(struct process *p, const struct agent_filters *why)
{
	char text[FILTER_TEXT], comm[16];
	struct still s;

	if (p->alone || still_do(&s, p, h.space, STILL_UNDO, take_out, NULL, NULL))
		return;
	p->alone = true;
	filters_text(p->pid, why, text, comm);
	core_trace_say(h.k, (uint32_t)p->pid, comm, text);
}

/*
 * Libraries came, or a filter.  Members write that number: only who is known to be one is looked
 * at.
 */
static void look_at(pid_t pid)
{
	struct agent_filters f;
	struct process *p;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	if (p)
		filters_look(p, h.space, &f);
	if (p && atomic_load(&f.muted)) {
		leave_alone(p, &f);
	} else if (p) {
		p->alone = false;
		p->watched = false; /* landmarks may have come too */
		hooks_put(p, NULL);
	}
	pthread_mutex_unlock(&h.lock);
}

void hooks_look_start(void)
{
	static const struct follow_ops follows = { wants, arrived, passed_by };

	loader_start(h.space, look_at);
	follow_start(h.space, &follows);
}

/* --- processes that are taken in -------------------------------------------------------------- */

static int put_in(struct still *s, void *arg)
{
	uint32_t *threads = arg;

	*threads = (uint32_t)s->t.n;
	hooks_put_in(s);
	return 0;
}

/* It stands still for that long, and has the agent and all jumps afterwards. */
static int take_locked(struct process *p, struct hook_taken *ret, struct skep_diag *diag)
{
	struct skep_diag why = { 0 };
	struct still s;
	int err;

	unwind_prepare(p);
	err = still_do(&s, p, h.space, STILL_READY, put_in, &ret->threads, &why);
	hooks_tell_left(&s);
	if (err == -EPERM || err == -ESRCH)
		return permit_refused(p->pid, err, diag);
	if (err) {
		diag_set(diag, err, SKEP_AT_NONE, 0, "%s",
			 *why.msg ? why.msg : "the process cannot take the hive's memory");
		diag_hint(diag, "%s", why.hint);
		return err;
	}
	ret->stop_ns = s.t.went - s.t.began;
	return 0;
}

int hook_take(pid_t pid, bool force, struct hook_taken *ret, struct skep_diag *diag)
{
	const unsigned flags = force ? PERMIT_FILTERED : 0;
	uint32_t filters = 0;
	struct process *p;
	int err;

	*ret = (struct hook_taken){ 0 };
	if (!h.space)
		return -ENODEV;
	pthread_mutex_lock(&h.lock);
	members_look(&h.members);
	ret->known = members_find(&h.members, pid) != NULL;
	err = h.over ? -ENODEV : take_look(pid, h.space, h.members.hive, flags, diag);
	if (err == -EACCES && permit_reads_filters() && filters_read(pid, &filters))
		err = take_look(pid, h.space, h.members.hive, PERMIT_FILTERED, diag);
	p = err ? NULL : members_of(&h.members, pid);
	if (p) {
		p->filters = MAX(p->filters, filters);
		if (!ret->known)
			p->taken = true;
		p->forced |= force;
		err = take_locked(p, ret, diag);
		if (err && !ret->known)
			members_drop(&h.members, p);
	} else if (!err) {
		err = permit_refused(pid, -ESRCH, diag);
	}
	pthread_mutex_unlock(&h.lock);
	return err;
}

/* Children of who was taken in, and what they became by exec(2): nobody tells of them. */
void hook_look(void)
{
	pthread_mutex_lock(&h.lock);
	if (hooks_any() && !h.over) {
		members_look(&h.members);
		for (struct process *p = h.members.first; p; p = p->next) {
			if (!p->taken)
				continue;
			if (p->joined && !process_is_ours(p, h.space))
				process_forget(p);
			if (!p->watched)
				hooks_put(p, NULL);
		}
	}
	pthread_mutex_unlock(&h.lock);
}

#define LEAVE_FIRST_NS 2000000
#define LEAVE_LAST_NS  512000000

static int leave_now(struct still *s, void *arg)
{
	(void)arg;
	return still_leave(s, h.space);
}

/*
 * Whose threads are in handlers goes on, each time for twice as long: on a busy machine all of them
 * have to get a CPU in that.  Who never leaves keeps the memory.
 */
static void leave(struct process *p)
{
	struct timespec pause = { .tv_nsec = LEAVE_FIRST_NS };
	struct still s;

	/* Filters that it has put since may end it. */
	if (filters_permit(p, NULL))
		return;
	while (still_do(&s, p, h.space, STILL_BARE, leave_now, NULL, NULL) == -EAGAIN &&
	       pause.tv_nsec <= LEAVE_LAST_NS) {
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
	}
}

void hooks_leave(void)
{
	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next)
		if (p->taken && process_is_ours(p, h.space))
			leave(p);
}
