/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook.c - all that is attached, and all processes that it is put into.
 *
 * One lock: processes are stopped one after the other.
 */
#include "hook/hook_int.h"
#include "agent/agent.h"
#include "hook/ends.h"
#include "hook/event.h"
#include "hook/guard.h"
#include "hook/syscall.h"
#include "hook/take.h"
#include "hook/unwind.h"
#include "hook/uprobe.h"

#include <stdio.h>

struct hooks h = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Is anything attached? */
bool hooks_any(void)
{
	return uprobe_next(NULL) || syscalls_any();
}

/* --- jumps ------------------------------------------------------------------------------------ */

/* What the process has of them; where there is no room the process goes on without. */
static void at_landmarks(struct still *s, spot_fn fn)
{
	vec_foreach (l, &h.landmarks) {
		uint64_t at = 0;

		struct skep_diag why = { 0 };

		if (images_next(&s->images, &l->file, l->off, &at) &&
		    still_at_spots(s, &h.spots, &l->file, &l->sites, at - l->off, fn, &why))
			still_leave_out(s, &why);
	}
}

/* Its faults come to the agent before anything of ours can raise one. */
static void make_ready(struct still *s)
{
	syscalls_look(s);
	still_guard(s);
}

/* Of a process that goes on again. */
void hooks_tell_left(const struct still *s)
{
	char text[sizeof(s->why.msg) + 64], comm[16];

	if (s->left <= s->p->left)
		return;
	s->p->left = s->left;
	process_name(s->p->pid, comm);
	snprintf(text, sizeof(text), "%u of its probes could not be put: %s", s->left, s->why.msg);
	core_trace_say(h.k, (uint32_t)s->p->pid, comm, text);
}

/* The jumps of all attachments, into a process that stands still. */
void hooks_put_in(struct still *s)
{
	if (hooks_any())
		make_ready(s);
	for (const struct uprobe *u = NULL; (u = uprobe_next(u));)
		if (uprobe_concerns(u, s->p))
			uprobe_at_all(s, u, still_put_spot);
	s->p->watched = hooks_any();
	if (!s->p->watched)
		return;
	ends_scan(s->p->pid);
	unwind_put(s);
	syscalls_put(s);
	at_landmarks(s, still_put_spot);
}

void hooks_take_out(struct still *s)
{
	for (const struct uprobe *u = NULL; (u = uprobe_next(u));)
		if (uprobe_concerns(u, s->p))
			uprobe_at_all(s, u, still_undo_spot);
	syscalls_undo(s);
	at_landmarks(s, still_undo_spot);
	still_unguard(s);
	s->p->watched = false;
}

static int put_in(struct still *s, void *arg)
{
	(void)arg;
	hooks_put_in(s);
	return 0;
}

/* Puts the jumps of all attachments; what cannot be probed there goes on unprobed. */
int hooks_put(struct process *p, struct skep_diag *diag)
{
	struct images images = { 0 };
	struct still s;
	const bool calls = syscalls_concern(p->pid);
	bool any = false, some = false;
	int err;

	if ((!uprobe_next(NULL) && !calls) || images_read(&images, p->pid, NULL))
		return 0;
	for (const struct uprobe *u = NULL; !some && (u = uprobe_next(u));) {
		any |= uprobe_concerns(u, p);
		some = uprobe_fits_in(u, p, &images);
	}
	images_fini(&images);
	some |= calls;
	if (!some && (!any || p->watched))
		return 0;
	unwind_prepare(p);
	err = still_do(&s, p, h.space, STILL_READY, put_in, NULL, diag);
	hooks_tell_left(&s);
	return err;
}

/* As with attach_all(): it is an error where nobody can be traced, as nothing would ever be seen.
 */
static int put_in_all(pid_t pid, struct skep_diag *diag)
{
	int refused = 0;
	bool some = false;

	for (struct process *p = h.members.first; p; p = p->next) {
		int err;

		if (pid > 0 && p->pid != pid)
			continue;
		err = hooks_put(p, some ? NULL : diag);
		some |= !err;
		refused = err && err != -ESRCH ? err : refused;
	}
	return some ? 0 : refused;
}

/* --- uprobes ---------------------------------------------------------------------------------- */

struct jumps {
	const struct uprobe *u;
	struct skep_diag *diag;
	bool stopped; /* it was */
};

static int put_jumps(struct still *s, void *arg)
{
	struct jumps *j = arg;
	int err;

	j->stopped = true;
	/* What it has from whom it was forked from is known before more comes beside that. */
	if (s->p->inherits && !s->p->watched)
		hooks_put_in(s);
	make_ready(s);
	err = uprobe_at_sites(s, j->u, still_put_spot, j->diag);
	unwind_put(s);
	syscalls_put(s);
	at_landmarks(s, still_put_spot);
	s->p->watched = true;
	return err;
}

/*
 * In all processes that u concerns: 0, or the first error.  Some members cannot be traced, as they
 * are traced already, or are others'; that is an error only where it is so with all.
 */
static int attach_all(const struct uprobe *u, struct skep_diag *diag)
{
	int err = 0, refused = 0;
	bool some = false;

	for (struct process *p = h.members.first; p && !err; p = p->next) {
		const bool has = uprobe_fits(u, p);
		struct jumps j = { .u = u, .diag = has ? diag : NULL };
		struct still s;

		if (!uprobe_concerns(u, p) || (!has && p->watched))
			continue;
		unwind_prepare(p);
		err = still_do(&s, p, h.space, STILL_READY, put_jumps, &j, j.diag);
		some |= j.stopped;
		/* Who cannot be stopped is not at fault. */
		if (!j.stopped) {
			refused = err == -ESRCH || !has ? refused : err;
			err = 0;
		}
	}
	return err ? err : some ? 0 : refused;
}

/* Landmarks go where nobody runs at all. */
static int undo_jumps(struct still *s, void *arg)
{
	const struct jumps *j = arg;

	uprobe_at_all(s, j->u, still_undo_spot);
	if (hooks_any())
		return 0;
	syscalls_undo(s);
	at_landmarks(s, still_undo_spot);
	still_unguard(s);
	s->p->watched = false;
	return 0;
}

/* Where nobody runs any more the text is what it was again. */
static void take_jumps(const struct uprobe *u)
{
	const bool last = !hooks_any();
	struct jumps j = { .u = u };
	struct still s;

	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next)
		if (uprobe_fits(u, p) || (last && p->watched))
			still_do(&s, p, h.space, STILL_UNDO, undo_jumps, &j, NULL);
}

static const struct uprobe_ops uprobe_ops = { attach_all, take_jumps };

/* --- who is there ----------------------------------------------------------------------------- */

#define ROUNDS 8

/* Has the process jumps, or may it have some, but not all maps that there are? */
static bool is_behind(const struct process *p)
{
	const uint32_t change = atomic_load(&space_meta(h.space)->change);

	return !(p->joined && p->change == change) && process_is_ours(p, h.space);
}

/* It has the agent, and all maps. */
static int is_ready(struct still *s, void *arg)
{
	(void)s, (void)arg;
	return 0;
}

/* One that we were never in is a child that was made since, or has none. */
static int catch_up(struct process *p, bool *some, struct skep_diag *diag)
{
	const bool joined = p->joined;
	struct still s;
	int err = still_do(&s, p, h.space, STILL_READY, is_ready, NULL, joined ? diag : NULL);

	if (err)
		return joined && err != -ESRCH ? err : 0;
	*some = true;
	return 0;
}

/*
 * Who has jumps runs a program as soon as it is shown at one of them: the maps that it uses have to
 * be there by then.  Children that are made meanwhile have what their parents have.
 */
static int know_members(pid_t pid, struct skep_diag *diag)
{
	bool some = hooks_any();
	int err = 0;

	members_look(&h.members);
	for (int i = 0; i < ROUNDS && some && !err; i++) {
		some = false;
		for (struct process *p = h.members.first; p && !err; p = p->next)
			if ((pid <= 0 || p->pid == pid) && is_behind(p))
				err = catch_up(p, &some, diag);
		members_look(&h.members);
	}
	return err;
}

/* --- uprobes, at the door --------------------------------------------------------------------- */

static int attach_file(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
		       struct skep_diag *diag)
{
	struct uprobe *u = NULL;
	int err;

	pthread_mutex_lock(&h.lock);
	unwind_attached(prog);
	err = h.over ? -ENODEV : know_members(spec->pid, diag);
	if (!err && spec->pid > 0 && !members_of(&h.members, spec->pid))
		err = diag_set(diag, -ESRCH, SKEP_AT_NONE, 0, "there is no process %d", spec->pid);
	if (!err)
		err = uprobe_attach(spec, prog, &uprobe_ops, &u, diag);
	if (!err)
		*ret = u;
	else
		unwind_detached(prog);
	pthread_mutex_unlock(&h.lock);
	return err;
}

static void detach_file(void *hooked)
{
	const struct skep_prog *prog = uprobe_prog(hooked);

	pthread_mutex_lock(&h.lock);
	uprobe_detach(hooked, &uprobe_ops);
	unwind_detached(prog);
	pthread_mutex_unlock(&h.lock);
}

/* --- system calls ----------------------------------------------------------------------------- */

static int attach_syscall(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
			  struct skep_diag *diag)
{
	struct syscall_probe *p = NULL;
	int err;

	pthread_mutex_lock(&h.lock);
	unwind_attached(prog);
	err = know_members(spec->pid, diag);
	if (!err && spec->pid > 0 && !members_of(&h.members, spec->pid))
		err = diag_set(diag, -ESRCH, SKEP_AT_NONE, 0, "there is no process %d", spec->pid);
	if (!err)
		err = syscalls_add(spec, prog, &p);
	if (!err)
		err = put_in_all(spec->pid, diag);
	if (!err)
		*ret = p;
	else if (p)
		syscalls_remove(p);
	if (err)
		unwind_detached(prog);
	pthread_mutex_unlock(&h.lock);
	return err;
}

/* What follows programs stays for others. */
static int undo_syscalls(struct still *s, void *arg)
{
	(void)arg;
	syscalls_undo(s);
	if (hooks_any()) {
		syscalls_put(s);
	} else {
		at_landmarks(s, still_undo_spot);
		still_unguard(s);
	}
	s->p->watched = hooks_any();
	return 0;
}

/* From those that nobody wants to see any more. */
static void take_syscalls(void)
{
	struct still s;

	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next)
		if (!syscalls_concern(p->pid))
			still_do(&s, p, h.space, STILL_UNDO, undo_syscalls, NULL, NULL);
}

static void detach_syscall(void *hooked)
{
	const struct skep_prog *prog = syscalls_prog(hooked);

	pthread_mutex_lock(&h.lock);
	syscalls_remove(hooked);
	take_syscalls();
	unwind_detached(prog);
	pthread_mutex_unlock(&h.lock);
}

/* --- events of processes ---------------------------------------------------------------------- */

static int attach_event(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
			struct skep_diag *diag)
{
	struct event_probe *p = NULL;
	int err;

	pthread_mutex_lock(&h.lock);
	unwind_attached(prog);
	err = h.over ? -ENODEV : know_members(-1, diag);
	if (!err)
		err = events_add(spec, prog, &p);
	if (!err && events_on() & HIVE_TASKS_ON)
		err = ends_begin();
	syscalls_changed();
	if (!err)
		err = put_in_all(-1, diag);
	if (!err)
		*ret = p;
	else if (p)
		events_remove(p);
	if (err)
		unwind_detached(prog);
	pthread_mutex_unlock(&h.lock);
	return err;
}

static void detach_event(void *hooked)
{
	const struct skep_prog *prog = events_prog(hooked);

	pthread_mutex_lock(&h.lock);
	events_remove(hooked);
	unwind_detached(prog);
	if (!(events_on() & HIVE_TASKS_ON))
		ends_stop();
	syscalls_changed();
	take_syscalls();
	pthread_mutex_unlock(&h.lock);
}

/* --- the hive --------------------------------------------------------------------------------- */

void hook_stop(void)
{
	pthread_mutex_lock(&h.lock);
	h.over = true;
	syscalls_stop();
	events_stop();
	ends_stop();
	take_syscalls();
	uprobes_stop(&uprobe_ops);
	hooks_leave();
	pthread_mutex_unlock(&h.lock);
}

static void find_landmarks(void)
{
	landmarks_find(&h.landmarks);
	vec_foreach (l, &h.landmarks) {
		vec_foreach (site, &l->sites) {
			struct spot *spot = spot_of(&h.spots, &l->file, site->at);

			if (spot)
				atomic_store(&spot->site->means, l->means);
		}
	}
}

void hook_start(struct space *s, struct skep_kernel *k, const char *dir, void (*reborn)(pid_t pid))
{
	static const struct core_hooks hooks[] = {
		[PROBE_FILE] = { attach_file, detach_file },
		[PROBE_SYSCALL] = { attach_syscall, detach_syscall },
		[PROBE_PROCESS] = { attach_event, detach_event },
	};

	h.space = s;
	h.k = k;
	h.spots = (struct spots){ .space = s, .vcpus = core_vcpus(k) };
	h.members.hive = dir;
	h.reborn = reborn;
	h.members.space = s;
	find_landmarks();
	uprobes_start(&h.spots);
	hooks_look_start();
	syscalls_start(s, core_vcpus(k));
	events_start(s, core_vcpus(k));
	ends_start(s, k);
	unwind_start(s, core_vcpus(k));
	core_set_hooks(k, hooks);
}
