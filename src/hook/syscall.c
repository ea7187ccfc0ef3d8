/* SPDX-License-Identifier: BSD-2-Clause */
/* syscall.c - see syscall.h */
#include "hook/syscall.h"
#include "agent/agent.h"
#include "base/alloc.h"
#include "hive/site.h"
#include "hook/dispatch.h"
#include "hook/event.h"
#include "hook/text.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct syscall_probe {
	struct syscall_probe *next; /* who came later */
	int32_t nr;		    /* -1: every one */
	enum hive_side side;
	struct hive_probe probe;
};

static struct {
	struct space *space;
	struct vcpus *vcpus;
	struct hive_syscalls *shown; /* in meta */
	struct syscall_probe *first;
	struct text *texts, *vdso;
	uint32_t wanted[_HIVE_SIDES][HIVE_SYSCALLS + 1]; /* how many want to see that one... */
	uint32_t all[_HIVE_SIDES];			 /* ...and every one */
	uint32_t change;				 /* counts changes of both */
} s;

/* --- who runs --------------------------------------------------------------------------------- */

static size_t bytes_of(size_t n)
{
	return sizeof(struct hive_probes) + n * sizeof(struct hive_probe);
}

static bool is_in(const struct syscall_probe *p, enum hive_side side, int32_t nr)
{
	return p->side == side && (p->nr == -1 || p->nr == nr);
}

#define RANKS 3

/*
 * As Linux has it: a call's tracepoints are around its function's probes, and what takes the
 * function's place is next to it.  Of one rank, who came first is first.
 */
static int rank_of(const struct syscall_probe *p)
{
	static const int inwards[_HIVE_CTX] = {
		[HIVE_CALL] = 1, [HIVE_FUNC] = 1, [HIVE_MODIFY] = 2
	};
	const int rank = inwards[p->probe.ctx];

	return p->side == HIVE_ENTER ? rank : RANKS - 1 - rank;
}

/* The list of one row; *ret NULL: it is empty. */
static int make_list(enum hive_side side, int32_t nr, struct hive_probes **ret)
{
	struct hive_probes *list;
	uint32_t n = 0;

	*ret = NULL;
	for (const struct syscall_probe *p = s.first; p; p = p->next)
		n += is_in(p, side, nr);
	if (!n)
		return 0;
	list = space_alloc(s.space, HIVE_META, bytes_of(n));
	if (!list)
		return -ENOMEM;
	for (int rank = 0; rank < RANKS; rank++)
		for (const struct syscall_probe *p = s.first; p; p = p->next)
			if (is_in(p, side, nr) && rank_of(p) == rank) {
				list->ctxs |= 1u << p->probe.ctx;
				memcpy(&list->probe[list->n++], &p->probe, sizeof(p->probe));
			}
	*ret = list;
	return 0;
}

static void give(struct hive_probes *list)
{
	if (list)
		space_give(s.space, HIVE_META, list, bytes_of(list->n));
}

/* Rows nobody asked for by number share the last one's list. */
static bool is_own(const struct hive_probes *list, enum hive_side side, uint32_t row)
{
	return list &&
	       (row == HIVE_SYSCALLS || list != atomic_load(&s.shown->probes[side][HIVE_SYSCALLS]));
}

/* All rows of a side anew; those before are freed when no run can see them. */
static int show(enum hive_side side)
{
	struct hive_probes *new[HIVE_SYSCALLS + 1] = { 0 }, *old[HIVE_SYSCALLS + 1] = { 0 };
	int err = make_list(side, -1, &new[HIVE_SYSCALLS]);

	for (int32_t nr = 0; nr < HIVE_SYSCALLS && !err; nr++) {
		if (s.wanted[side][nr])
			err = make_list(side, nr, &new[nr]);
	}
	for (uint32_t row = 0; row <= HIVE_SYSCALLS; row++) {
		struct hive_probes *list =
			(struct hive_probes *)atomic_load(&s.shown->probes[side][row]);

		if (err)
			give(new[row]);
		else if (is_own(list, side, row))
			old[row] = list;
	}
	if (err)
		return err;
	for (uint32_t row = 0; row <= HIVE_SYSCALLS; row++)
		atomic_store(&s.shown->probes[side][row],
			     row < HIVE_SYSCALLS && !s.wanted[side][row] ? new[HIVE_SYSCALLS]
									 : new[row]);
	vcpus_synchronize(s.vcpus);
	for (uint32_t row = 0; row <= HIVE_SYSCALLS; row++)
		give(old[row]);
	return 0;
}

/* The same without memory: nobody's from now on. */
static void disown(const struct syscall_probe *p)
{
	for (uint32_t row = 0; row <= HIVE_SYSCALLS; row++) {
		struct hive_probes *list =
			(struct hive_probes *)atomic_load(&s.shown->probes[p->side][row]);

		for (uint32_t i = 0; list && i < list->n; i++)
			if (list->probe[i].prog == p->probe.prog &&
			    list->probe[i].cookie == p->probe.cookie)
				atomic_store(&list->probe[i].pid, HIVE_NOBODY);
	}
	vcpus_synchronize(s.vcpus);
}

/* What is left out at a system call's beginning gets its result at the end of another one. */
static bool may_override(const struct syscall_probe *p)
{
	return p->side == HIVE_ENTER && (p->probe.ctx == HIVE_CALL || p->probe.ctx == HIVE_MODIFY);
}

static void count(const struct syscall_probe *p, int by)
{
	for (int side = 0; side < _HIVE_SIDES; side++)
		if (side == (int)p->side || may_override(p))
			*(p->nr < 0 ? &s.all[side] : &s.wanted[side][p->nr]) += (uint32_t)by;
	s.change++;
}

/* False: it is in the list no more, as all of them went. */
static bool unlink_probe(const struct syscall_probe *p)
{
	struct syscall_probe **at = &s.first;

	while (*at && *at != p)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = p->next;
	count(p, -1);
	return true;
}

int syscalls_add(const struct probe_spec *spec, struct skep_prog *prog, struct syscall_probe **ret)
{
	struct syscall_probe *p = skep_alloc(sizeof(*p)), **at = &s.first;
	int err;

	if (!p || !s.shown) {
		skep_free(p);
		return -ENOMEM;
	}
	p->nr = spec->nr;
	p->side = spec->returns ? HIVE_EXIT : HIVE_ENTER;
	p->probe.prog = prog;
	p->probe.ctx = spec->ctx;
	p->probe.cookie = spec->n ? spec->points->cookie : 0;
	atomic_init(&p->probe.pid, spec->pid > 0 ? (uint32_t)spec->pid : HIVE_ALL);
	while (*at)
		at = &(*at)->next;
	*at = p;
	count(p, 1);
	err = show(p->side);
	if (err) {
		unlink_probe(p);
		skep_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

const struct skep_prog *syscalls_prog(const struct syscall_probe *p)
{
	return p->probe.prog;
}

void syscalls_remove(struct syscall_probe *p)
{
	if (unlink_probe(p) && show(p->side))
		disown(p);
	skep_free(p);
}

void syscalls_changed(void)
{
	s.change++;
}

bool syscalls_concern(pid_t pid)
{
	if (events_any())
		return true;
	for (const struct syscall_probe *p = s.first; p; p = p->next) {
		const uint32_t only = atomic_load(&p->probe.pid);

		if (only == HIVE_ALL || only == (uint32_t)pid)
			return true;
	}
	return false;
}

void syscalls_stop(void)
{
	while (s.first) {
		struct syscall_probe *p = s.first;

		unlink_probe(p);
		if (show(p->side))
			disown(p);
	}
}

bool syscalls_any(void)
{
	return s.first || events_any();
}

void syscalls_start(struct space *space, struct vcpus *vcpus)
{
	s.space = space;
	s.vcpus = vcpus;
	s.shown = space_alloc(space, HIVE_META, sizeof(*s.shown));
	space_meta(space)->syscalls = (uintptr_t)s.shown;
}

/* --- jumps ------------------------------------------------------------------------------------ */

/*
 * What the agent has to know of is, whoever looks.  Who wants all is told where text is mapped,
 * before any of it runs; others hear of libraries from the dynamic linker.
 */
static bool is_wanted(const struct sys_site *site, enum hive_side side)
{
	const uint8_t *agents = agent_of(s.space)->calls;
	const uint32_t nr = (uint32_t)MIN(site->nr, HIVE_SYSCALLS);

	if (site->nr < 0 || s.all[side] || s.wanted[side][nr] || events_want(site->nr))
		return true;
	return nr < HIVE_SYSCALLS &&
	       (agents[nr] & AGENT_CALL_NEEDED || (agents[nr] & AGENT_CALL_MAPS && s.first));
}

static bool is_vdso(const struct image *i)
{
	return !strcmp(i->name, "[vdso]");
}

/* Is there text that can be known? */
static bool has_text(const struct image *i)
{
	return i->exec && (i->file.ino || is_vdso(i));
}

/* What is known of the file that is mapped there; NULL: nothing, as it cannot be read. */
static const struct text *text_of(const struct image *i, pid_t pid)
{
	char path[PATH_MAX];
	struct text *t, **at = &s.texts;
	struct stat st;

	if (is_vdso(i))
		return s.vdso || !text_vdso(&s.vdso) ? s.vdso : NULL;
	if (!image_path(pid, i->start, path) || stat(path, &st))
		return NULL;
	while (*at && ((*at)->file.ino != i->file.ino || (*at)->file.dev != i->file.dev))
		at = &(*at)->next;
	t = *at;
	if (t && t->changed.tv_sec == st.st_mtim.tv_sec && t->changed.tv_nsec == st.st_mtim.tv_nsec)
		return t;
	if (t) {
		*at = t->next;
		text_free(t);
	}
	if (text_read(path, &t, NULL))
		return NULL;
	t->next = s.texts;
	return s.texts = t;
}

typedef int (*jump_fn)(struct still *s, const struct site *site, const struct stub_calls *calls,
		       struct skep_diag *diag);

static void jump(struct still *still, const struct site *site, const struct stub_calls *calls,
		 jump_fn fn)
{
	struct skep_diag why = { 0 };

	if (fn(still, site, calls, &why))
		still_leave_out(still, &why);
}

/* Where it stays each side has a jump of its own; one that was put goes with the last of all. */
static void at_site(struct still *still, const struct sys_site *site, uint64_t by, jump_fn fn)
{
	const struct agent_door *door = agent_of(s.space);
	const uint64_t enter = (uintptr_t)door->sys_enter, exit = (uintptr_t)door->sys_exit;
	const uint64_t cookie = site->nr < 0 ? HIVE_ANY : (uint64_t)site->nr;
	const bool undo = fn == still_undo;
	const bool begins = undo || is_wanted(site, HIVE_ENTER);
	const bool ends = undo || is_wanted(site, HIVE_EXIT);
	struct site here = site->before, behind = site->after;

	here.at += by;
	here.patch += by;
	behind.at += by;
	behind.patch += by;
	if (site->last) {
		if (begins || ends || is_wanted(&(struct sys_site){ .nr = SYS_exit }, HIVE_ENTER))
			jump(still, &here,
			     &(struct stub_calls){ (uintptr_t)door->sys_last, 0, site->last }, fn);
		return;
	}
	if (begins || (here.around && ends))
		jump(still, &here, &(struct stub_calls){ enter, here.around ? exit : 0, cookie },
		     fn);
	if (behind.size && ends)
		jump(still, &behind, &(struct stub_calls){ exit, 0, cookie }, fn);
}

static void at_image(struct still *still, const struct image *i, jump_fn fn)
{
	const struct text *t = has_text(i) ? text_of(i, still->p->pid) : NULL;

	if (!t)
		return;
	vec_foreach (site, &t->sites) {
		const uint64_t off = site->before.patch;

		if (off >= i->off && off - i->off < i->end - i->start)
			at_site(still, site, i->start - i->off, fn);
	}
}

/* Has the image all that is wanted now?  It will have. */
static bool is_seen(struct process *p, const struct image *i)
{
	struct seen_image *row = NULL;
	bool ret;

	vec_foreach (seen, &p->seen)
		if (seen->start == i->start && seen->file.ino == i->file.ino &&
		    seen->file.dev == i->file.dev)
			row = seen;
	ret = row && row->wanted == s.change;
	row = row ? row : vec_push(&p->seen);
	if (row)
		*row = (struct seen_image){ i->start, i->file, s.change };
	return ret;
}

/* Made at run time, or of a file that is no program's. */
static bool is_code(const struct image *i, pid_t pid)
{
	static const char *const kernels[] = { "[vdso]", "[vsyscall]", "[uprobes]" };

	for (size_t k = 0; k < ARRAY_SIZE(kernels); k++)
		if (!strcmp(i->name, kernels[k]))
			return false;
	return i->exec && (!i->file.ino || !text_of(i, pid));
}

void syscalls_look(struct still *still)
{
	const uint64_t hive = space_base(s.space);

	vec_foreach (i, &still->images)
		if (!still->p->guarded && i->exec && i->file.ino && i->start - hive >= HIVE_RANGE &&
		    !text_of(i, still->p->pid) && !(s.first && dispatch_covers(still, i, is_code)))
			still->p->unseen = true;
}

void syscalls_put(struct still *still)
{
	tracee_hold(&still->t);
	vec_foreach (i, &still->images)
		if (has_text(i) && !is_seen(still->p, i))
			at_image(still, i, still_put);
	tracee_release(&still->t);
	if (s.first)
		dispatch_put(still, is_code);
}

void syscalls_undo(struct still *still)
{
	dispatch_take(still);
	tracee_hold(&still->t);
	vec_foreach (i, &still->images)
		at_image(still, i, still_undo);
	tracee_release(&still->t);
	still->p->seen.n = 0;
}
