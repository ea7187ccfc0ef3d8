/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uprobe.c - uprobes and uretprobes: programs at places in files, in the members that have those
 * files mapped.
 *
 *	struct uprobe --- one for each attachment: what runs, and its points in the file
 *	struct spot ----- one for each instruction that ever was probed: who runs there, for agents
 *	struct process -- one for each member that is known, with the jumps in its text
 *
 * A program is at its spots before any process jumps there, and gone from them before the jumps
 * go.  Children of fork() have the jumps with their memory, known or not, and the spots lead to
 * the programs that are there by now.
 *
 * One lock: processes are stopped one after the other.
 */
#include "agent/agent.h"
#include "base/alloc.h"
#include "core/probe.h"
#include "hook/ends.h"
#include "hook/event.h"
#include "hook/follow.h"
#include "hook/function.h"
#include "hook/guard.h"
#include "hook/hook.h"
#include "hook/landmark.h"
#include "hook/loader.h"
#include "hook/members.h"
#include "hook/process.h"
#include "hook/syscall.h"
#include "hook/take.h"
#include "inject/permit.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

/* One place where a program is to run, which returns may make many. */
struct point {
	uint64_t off, ref_ctr; /* in the file */
	struct hive_probe probe;
	enum hive_when when;
	struct sites sites; /* addresses in them are offsets in the file */
};

struct uprobe {
	struct uprobe *next;
	pid_t pid; /* -1: all */
	struct image_file file;
	struct {
		VEC(struct point);
	} points;
};

static struct {
	pthread_mutex_t lock; /* of all of it */
	struct space *space;
	struct spots spots;
	struct function_file functions; /* of the file that was asked for last */
	struct landmarks landmarks;
	struct members members;
	struct uprobe *uprobes;
	void (*reborn)(pid_t pid);
	bool over; /* nothing is attached any more */
} h = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- processes -------------------------------------------------------------------------------- */

/* Is anything attached? */
static bool is_any(void)
{
	return h.uprobes || syscalls_any();
}

static bool concerns(const struct uprobe *u, const struct process *p)
{
	return u->pid == -1 || u->pid == p->pid;
}

/* Is there anything that u would be put at? */
static bool fits_in(const struct uprobe *u, const struct process *p, const struct images *images)
{
	vec_foreach (point, &u->points) {
		uint64_t at = 0;

		if (concerns(u, p) && images_next(images, &u->file, point->off, &at))
			return true;
	}
	return false;
}

/* The same of a process that goes on meanwhile. */
static bool fits(const struct uprobe *u, const struct process *p)
{
	struct images images = { 0 };
	const bool ret = !images_read(&images, p->pid, NULL) && fits_in(u, p, &images);

	images_fini(&images);
	return ret;
}

/* --- jumps ------------------------------------------------------------------------------------ */

typedef int (*still_fn)(struct still *s, const struct site *site, const struct spot *spot,
			uint64_t handler, struct skep_diag *diag);

/* Does it at each of the sites of a file, where that is `by` bytes from their offsets. */
static int at_each(struct still *s, const struct image_file *file, const struct sites *sites,
		   uint64_t by, still_fn fn, struct skep_diag *diag)
{
	const struct agent_door *door =
		(const struct agent_door *)(uintptr_t)space_meta(h.space)->door;
	int err = 0;

	vec_foreach (site, sites) {
		const struct spot *spot = spot_of(&h.spots, file, site->at);
		struct site here = *site;

		here.at += by;
		here.patch += by;
		if (!err)
			err = spot ? fn(s, &here, spot, (uintptr_t)door->probe, diag) : -ENOMEM;
	}
	return err;
}

/* At each point of u, wherever the file is mapped, until one fails. */
static int at_sites(struct still *s, const struct uprobe *u, still_fn fn, struct skep_diag *diag)
{
	int err = 0;

	vec_foreach (p, &u->points) {
		uint64_t at = 0;

		while (!err && images_next(&s->images, &u->file, p->off, &at))
			err = at_each(s, &u->file, &p->sites, at - p->off, fn, diag);
	}
	return err;
}

/* What the process has of them; where there is no room the process goes on without. */
static void at_landmarks(struct still *s, still_fn fn)
{
	vec_foreach (l, &h.landmarks) {
		uint64_t at = 0;

		if (images_next(&s->images, &l->file, l->off, &at))
			at_each(s, &l->file, &l->sites, at - l->off, fn, NULL);
	}
}

/* Its faults come to the agent before anything of ours can raise one. */
static void make_ready(struct still *s)
{
	syscalls_look(s);
	still_guard(s);
}

/* Who cannot be stopped is not at fault: *ret_stopped says whether it was. */
static int put_jumps(struct process *p, const struct uprobe *u, bool *ret_stopped,
		     struct skep_diag *diag)
{
	struct still s;
	int err = still_begin(&s, p, h.space, diag);

	*ret_stopped = !err;
	if (err)
		return err;
	make_ready(&s);
	err = at_sites(&s, u, still_put_spot, diag);
	syscalls_put(&s);
	at_landmarks(&s, still_put_spot);
	p->watched = true;
	still_end(&s);
	return err;
}

/*
 * In all processes that u concerns: 0, or the first error.  Some members cannot be traced, as they
 * are traced already, or are others'; that is an error only where it is so with all.
 */
static int attach_all(const struct uprobe *u, struct skep_diag *diag)
{
	int err = 0, refused = 0;
	bool stopped, some = false;

	for (struct process *p = h.members.first; p && !err; p = p->next) {
		const bool has = fits(u, p);

		if (!concerns(u, p) || (!has && p->watched))
			continue;
		err = put_jumps(p, u, &stopped, has ? diag : NULL);
		some |= stopped;
		if (!stopped) {
			refused = err == -ESRCH || !has ? refused : err;
			err = 0;
		}
	}
	return err ? err : some ? 0 : refused;
}

/* Where nobody runs any more the text is what it was again; landmarks where nobody runs at all. */
static void take_jumps(const struct uprobe *u)
{
	const bool last = !is_any();

	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next) {
		struct still s;

		if ((!fits(u, p) && !(last && p->watched)) || still_begin(&s, p, h.space, NULL))
			continue;
		at_sites(&s, u, still_undo_spot, NULL);
		if (last) {
			syscalls_undo(&s);
			at_landmarks(&s, still_undo_spot);
			still_unguard(&s);
			p->watched = false;
		}
		still_end(&s);
	}
}

/* --- programs --------------------------------------------------------------------------------- */

static int add_point(const struct uprobe *u, struct point *p)
{
	int err = 0;

	vec_foreach (site, &p->sites) {
		struct spot *spot = spot_of(&h.spots, &u->file, site->at);

		if (!err)
			err = spot ? spot_add(&h.spots, spot, p->when, &p->probe) : -ENOMEM;
		if (!err && !spot->ref_ctr)
			spot->ref_ctr = p->ref_ctr;
	}
	return err;
}

static int add_to_spots(struct uprobe *u)
{
	int err = 0;

	vec_foreach (p, &u->points)
		err = err ? err : add_point(u, p);
	return err;
}

/* Those where somebody else runs too lose their sites: the jumps there are that one's. */
static bool remove_from_spots(struct uprobe *u)
{
	bool alone = false;

	vec_foreach (p, &u->points) {
		size_t n = 0;

		vec_foreach (site, &p->sites) {
			struct spot *spot = spot_of(&h.spots, &u->file, site->at);

			if (spot && !spot_remove(&h.spots, spot, p->when, &p->probe))
				p->sites.at[n++] = *site;
		}
		p->sites.n = n;
		alone |= n > 0;
	}
	return alone;
}

static void detach_locked(struct uprobe *u)
{
	if (remove_from_spots(u))
		take_jumps(u);
}

static int attach_locked(struct uprobe *u, struct skep_diag *diag)
{
	int err;

	if (h.over)
		return -ENODEV;
	members_look(&h.members);
	if (u->pid > 0 && !members_of(&h.members, u->pid))
		return diag_set(diag, -ESRCH, SKEP_AT_NONE, 0, "there is no process %d", u->pid);
	err = add_to_spots(u);
	if (!err)
		err = attach_all(u, diag);
	if (err)
		detach_locked(u);
	return err;
}

/* --- the door --------------------------------------------------------------------------------- */

static void uprobe_free(struct uprobe *u)
{
	if (!u)
		return;
	vec_foreach (p, &u->points)
		vec_free(&p->sites);
	vec_free(&u->points);
	skep_free(u);
}
DEFINE_CLEANUP(struct uprobe, uprobe_free)

static enum hive_frame frame_at(const struct point *p, enum function_part part)
{
	if (part == FUNCTION_RETURNS || part == FUNCTION_RETURN_TRAPS)
		return HIVE_LEAVES;
	return part == FUNCTION_HERE && function_begins(&h.functions, p->off) ? HIVE_BEGINS
									      : HIVE_INSIDE;
}

static int find_sites(struct point *p, enum function_part part, struct skep_diag *diag)
{
	p->probe.frame = (uint16_t)frame_at(p, part);
	p->when = part == FUNCTION_ENTRY ? HIVE_RETURNS : HIVE_HERE;
	p->sites.n = 0;
	return function_sites(&h.functions, p->off, part, &p->sites, diag);
}

/* Where not all returns can be seen where they stand, return addresses tell. */
static int find_returns(struct point *p, struct skep_diag *diag)
{
	static const enum function_part ways[] = { FUNCTION_RETURNS, FUNCTION_ENTRY,
						   FUNCTION_RETURN_TRAPS };
	int err = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_SIZE(ways) && (err == -EOPNOTSUPP || err == -ENOENT); i++)
		err = find_sites(p, ways[i], diag);
	return err;
}

typedef int (*find_fn)(struct point *p, struct skep_diag *diag);

static int find_here(struct point *p, struct skep_diag *diag)
{
	return find_sites(p, FUNCTION_HERE, diag);
}

static int find_entry(struct point *p, struct skep_diag *diag)
{
	return find_sites(p, FUNCTION_ENTRY, diag);
}

static int attach_by(struct uprobe *u, find_fn find, struct skep_diag *diag)
{
	int err = 0;

	vec_foreach (p, &u->points)
		err = err ? err : find(p, diag);
	return err ? err : attach_locked(u, diag);
}

static int add_points(struct uprobe *u, const struct probe_spec *spec, struct skep_prog *prog)
{
	for (uint32_t i = 0; i < spec->n; i++) {
		const struct probe_point *from = &spec->points[i];
		struct point *p = vec_push(&u->points);

		if (!p)
			return -ENOMEM;
		p->off = from->off;
		p->ref_ctr = from->ref_ctr;
		p->probe.prog = prog;
		p->probe.cookie = from->cookie;
		p->probe.pid = u->pid > 0 ? (uint32_t)u->pid : HIVE_ALL;
	}
	return 0;
}

static int attach_spec(struct uprobe *u, const struct probe_spec *spec, struct skep_diag *diag)
{
	int err = function_file_open(&h.functions, spec->path, diag);

	if (err)
		return err;
	u->file = h.functions.id;
	err = attach_by(u, spec->returns ? find_returns : find_here, diag);
	/* Another probe's jump was in the way in some process. */
	if (err == -EBUSY && spec->returns)
		err = attach_by(u, find_entry, diag);
	return err;
}

static int attach_file(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
		       struct skep_diag *diag)
{
	_cleanup_(uprobe_free_p) struct uprobe *u = skep_alloc(sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->pid = spec->pid;
	err = add_points(u, spec, prog);
	if (err)
		return err;
	pthread_mutex_lock(&h.lock);
	err = attach_spec(u, spec, diag);
	if (!err) {
		u->next = h.uprobes;
		*ret = h.uprobes = TAKE_PTR(u);
	}
	pthread_mutex_unlock(&h.lock);
	return err;
}

static void detach_file(void *hooked)
{
	struct uprobe *u = hooked, **at = &h.uprobes;

	pthread_mutex_lock(&h.lock);
	while (*at && *at != u)
		at = &(*at)->next;
	if (*at) {
		*at = u->next;
		detach_locked(u);
	}
	pthread_mutex_unlock(&h.lock);
	uprobe_free(u);
}

/* The jumps of all attachments, into a process that stands still. */
static void put_in(struct still *s)
{
	if (is_any())
		make_ready(s);
	for (const struct uprobe *u = h.uprobes; u; u = u->next)
		if (concerns(u, s->p))
			at_sites(s, u, still_put_spot, NULL);
	s->p->watched = is_any();
	if (!s->p->watched)
		return;
	ends_scan(s->p->pid);
	syscalls_put(s);
	at_landmarks(s, still_put_spot);
}

/* Puts the jumps of all attachments; what cannot be probed there goes on unprobed. */
static int put_all_jumps(struct process *p, struct skep_diag *diag)
{
	struct images images = { 0 };
	struct still s;
	const bool calls = syscalls_concern(p->pid);
	bool any = false, some = false;
	int err;

	if ((!h.uprobes && !calls) || images_read(&images, p->pid, NULL))
		return 0;
	for (const struct uprobe *u = h.uprobes; u && !some; u = u->next) {
		any |= concerns(u, p);
		some = fits_in(u, p, &images);
	}
	images_fini(&images);
	some |= calls;
	if (!some && (!any || p->watched))
		return 0;
	err = still_begin(&s, p, h.space, diag);
	if (err)
		return err;
	put_in(&s);
	still_end(&s);
	return 0;
}

/* --- system calls ----------------------------------------------------------------------------- */

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
		err = put_all_jumps(p, some ? NULL : diag);
		some |= !err;
		refused = err && err != -ESRCH ? err : refused;
	}
	return some ? 0 : refused;
}

static int attach_syscall(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
			  struct skep_diag *diag)
{
	struct syscall_probe *p = NULL;
	int err;

	pthread_mutex_lock(&h.lock);
	members_look(&h.members);
	if (spec->pid > 0 && !members_of(&h.members, spec->pid))
		err = diag_set(diag, -ESRCH, SKEP_AT_NONE, 0, "there is no process %d", spec->pid);
	else
		err = syscalls_add(spec, prog, &p);
	if (!err)
		err = put_in_all(spec->pid, diag);
	if (!err)
		*ret = p;
	else if (p)
		syscalls_remove(p);
	pthread_mutex_unlock(&h.lock);
	return err;
}

/* From those that nobody wants to see any more; what follows programs stays for others. */
static void take_syscalls(void)
{
	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next) {
		struct still s;

		if (syscalls_concern(p->pid) || still_begin(&s, p, h.space, NULL))
			continue;
		syscalls_undo(&s);
		if (is_any())
			syscalls_put(&s);
		else
			at_landmarks(&s, still_undo_spot);
		if (!is_any())
			still_unguard(&s);
		p->watched = is_any();
		still_end(&s);
	}
}

static void detach_syscall(void *hooked)
{
	pthread_mutex_lock(&h.lock);
	syscalls_remove(hooked);
	take_syscalls();
	pthread_mutex_unlock(&h.lock);
}

/* --- events of processes -----------------------------------------------------------------------
 */

static int attach_event(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
			struct skep_diag *diag)
{
	struct event_probe *p = NULL;
	int err;

	pthread_mutex_lock(&h.lock);
	members_look(&h.members);
	err = h.over ? -ENODEV : events_add(spec, prog, &p);
	if (!err && events_on() & HIVE_TASKS_ON)
		err = ends_begin();
	syscalls_changed();
	if (!err)
		err = put_in_all(-1, diag);
	if (!err)
		*ret = p;
	else if (p)
		events_remove(p);
	pthread_mutex_unlock(&h.lock);
	return err;
}

static void detach_event(void *hooked)
{
	pthread_mutex_lock(&h.lock);
	events_remove(hooked);
	if (!(events_on() & HIVE_TASKS_ON))
		ends_stop();
	syscalls_changed();
	take_syscalls();
	pthread_mutex_unlock(&h.lock);
}

/* --- the doors -------------------------------------------------------------------------------- */

void hook_member(pid_t pid)
{
	struct process *p;

	pthread_mutex_lock(&h.lock);
	p = members_of(&h.members, pid);
	if (p) {
		if (!process_is_same(p))
			process_forget(p);
		put_all_jumps(p, NULL);
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

bool hook_may_run(pid_t pid)
{
	struct process *p;
	struct still s;
	bool ret = true;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	if (p && !still_begin_bare(&s, p, NULL)) {
		ret = still_is_inside(&s, h.space);
		still_end(&s);
	}
	pthread_mutex_unlock(&h.lock);
	return ret;
}

/* --- other programs --------------------------------------------------------------------------- */

/* Not only what is there by now: libraries come later. */
static bool wants(pid_t pid)
{
	const struct process *p;
	bool ret;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	ret = p && syscalls_concern(pid);
	for (const struct uprobe *u = h.uprobes; u && p; u = u->next)
		ret |= concerns(u, p);
	pthread_mutex_unlock(&h.lock);
	return ret;
}

static void arrived(pid_t pid, const struct agent_exec *how)
{
	const struct agent_door *door =
		(const struct agent_door *)(uintptr_t)space_meta(h.space)->door;
	struct process *p;
	struct still s;

	pthread_mutex_lock(&h.lock);
	p = members_of(&h.members, pid);
	if (p) {
		process_forget(p);
		h.reborn(pid);
		ends_exec(pid, (pid_t)how->old_pid);
		if (!still_adopt(&s, p, h.space, NULL)) {
			put_in(&s);
			if (events_any())
				still_tell_exec(&s, (uintptr_t)door->became, how);
			if (syscalls_concern(pid))
				still_tell_exit(&s, (uintptr_t)door->sys_exit, SYS_execve);
			still_end(&s);
		}
	}
	pthread_mutex_unlock(&h.lock);
}

/* Libraries came.  Members write that number: only who is known to be one is looked at. */
static void look_at(pid_t pid)
{
	struct process *p;

	pthread_mutex_lock(&h.lock);
	p = members_know(&h.members, pid);
	if (p) {
		p->watched = false; /* landmarks may have come too */
		put_all_jumps(p, NULL);
	}
	pthread_mutex_unlock(&h.lock);
}

/* --- processes that are taken in -------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* It stands still for that long, and has the agent and all jumps afterwards. */
static int take_locked(struct process *p, struct hook_taken *ret, struct skep_diag *diag)
{
	struct skep_diag why = { 0 };
	const uint64_t start = now_ns();
	struct still s;
	int err = still_begin(&s, p, h.space, &why);

	if (err == -EPERM || err == -ESRCH)
		return permit_refused(p->pid, err, diag);
	if (err) {
		diag_set(diag, err, SKEP_AT_NONE, 0, "%s",
			 *why.msg ? why.msg : "the process cannot take the hive's memory");
		diag_hint(diag, "%s", why.hint);
		return err;
	}
	ret->threads = (uint32_t)s.t.n;
	put_in(&s);
	still_end(&s);
	ret->stop_ns = now_ns() - start;
	return 0;
}

int hook_take(pid_t pid, bool force, struct hook_taken *ret, struct skep_diag *diag)
{
	struct process *p;
	int err;

	*ret = (struct hook_taken){ 0 };
	if (!h.space)
		return -ENODEV;
	pthread_mutex_lock(&h.lock);
	members_look(&h.members);
	ret->known = members_find(&h.members, pid) != NULL;
	err = h.over ? -ENODEV
		     : take_look(pid, h.space, h.members.hive, force ? PERMIT_FILTERED : 0, diag);
	p = err ? NULL : members_of(&h.members, pid);
	if (p) {
		if (!ret->known)
			p->taken = true;
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
	if (is_any() && !h.over) {
		members_look(&h.members);
		for (struct process *p = h.members.first; p; p = p->next) {
			if (!p->taken)
				continue;
			if (p->joined && !process_is_ours(p, h.space))
				process_forget(p);
			if (!p->watched)
				put_all_jumps(p, NULL);
		}
	}
	pthread_mutex_unlock(&h.lock);
}

#define LEAVE_TRIES 50
#define LEAVE_NS    2000000

/* Whose threads are in handlers goes on for a moment; who never leaves keeps the memory. */
static void leave(struct process *p)
{
	const struct timespec pause = { .tv_nsec = LEAVE_NS };
	struct still s;
	int err = -EAGAIN;

	for (int i = 0; i < LEAVE_TRIES && err == -EAGAIN; i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (still_begin_bare(&s, p, NULL))
			return;
		err = still_leave(&s, h.space);
		still_end(&s);
	}
}

void hook_stop(void)
{
	pthread_mutex_lock(&h.lock);
	h.over = true;
	syscalls_stop();
	events_stop();
	ends_stop();
	take_syscalls();
	while (h.uprobes) {
		struct uprobe *u = h.uprobes;

		h.uprobes = u->next;
		detach_locked(u);
	}
	members_look(&h.members);
	for (struct process *p = h.members.first; p; p = p->next)
		if (p->taken && process_is_ours(p, h.space))
			leave(p);
	pthread_mutex_unlock(&h.lock);
}

/* --- the hive ----------------------------------------------------------------------------------
 */

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
	static const struct follow_ops follows = { wants, arrived };
	static const struct core_hooks hooks[] = {
		[PROBE_FILE] = { attach_file, detach_file },
		[PROBE_SYSCALL] = { attach_syscall, detach_syscall },
		[PROBE_PROCESS] = { attach_event, detach_event },
	};

	h.space = s;
	h.spots = (struct spots){ .space = s, .vcpus = core_vcpus(k) };
	h.members.hive = dir;
	h.reborn = reborn;
	h.members.space = s;
	find_landmarks();
	loader_start(s, look_at);
	follow_start(s, &follows);
	syscalls_start(s, core_vcpus(k));
	events_start(s, core_vcpus(k));
	ends_start(s, k);
	core_set_hooks(k, hooks);
}
