/* SPDX-License-Identifier: BSD-2-Clause */
/* dispatch.c - see dispatch.h */
#include "hook/dispatch.h"
#include "agent/agent.h"
#include "base/alloc.h"

#include <stddef.h>
#include <sys/ptrace.h>

#define LOWEST	 (UINT64_C(64) << 10) /* nothing is mapped below */
#define HIGHEST	 ((UINT64_C(1) << 47) - 4096)
#define LOOK	 (64u << 10) /* bytes at once */
#define LOOK_MAX (4u << 20)  /* in all: compilers have more in one piece, stubs have not */

/* struct ptrace_sud_config of <linux/ptrace.h>. */
struct config {
	uint64_t mode, selector, offset, len;
};
#define SET_CONFIG 0x4210
#define GET_CONFIG 0x4211

struct stretch {
	uint64_t from, size; /* size 0: there is none */
};

/* --- where ------------------------------------------------------------------------------------ */

/* A child of fork() has stubs that nobody told us of. */
static bool has_stubs(const struct still *s, const struct image *i)
{
	_cleanup_(skep_free_p) uint8_t *buf = NULL;

	if (patches_in(&s->p->patches, i->start, i->end))
		return true;
	if (!s->p->inherits || i->write || i->end - i->start > LOOK_MAX)
		return false;
	buf = skep_alloc(LOOK);
	for (uint64_t at = i->start; buf && at < i->end; at += LOOK) {
		const size_t n = MIN(LOOK, i->end - at);

		if (!tracee_read(&s->t, at, buf, n) && stub_is_in(buf, n))
			return true;
	}
	return false;
}

static bool is_code_here(const struct still *s, const struct image *i, is_code_fn is_code)
{
	return i->start - space_base(s->space) >= HIVE_RANGE && is_code(i, s->p->pid) &&
	       !has_stubs(s, i);
}

static struct stretch find(const struct still *s, const struct images *m, is_code_fn is_code)
{
	struct stretch best = { 0 };
	uint64_t from = LOWEST, code = 0, most = 0;

	vec_foreach (i, m) {
		if (!i->exec || i->start >= HIGHEST)
			continue;
		if (is_code_here(s, i, is_code)) {
			code += i->end - i->start;
			if (code > most) {
				most = code;
				best.from = from;
				best.size = 0;
			}
			continue;
		}
		/* The one before ends here. */
		if (most && !best.size)
			best.size = i->start - best.from;
		from = i->end;
		code = 0;
	}
	if (most && !best.size)
		best.size = HIGHEST - best.from;
	return best;
}

/* As memory is by now: stubs may have come. */
static struct stretch find_now(const struct still *s, is_code_fn is_code)
{
	struct stretch ret = { 0 };
	struct images now = { 0 };
	bool any = false;

	vec_foreach (i, &s->images)
		any |= i->exec && is_code_here(s, i, is_code);
	if (!any || images_read(&now, s->p->pid, NULL))
		return ret;
	ret = find(s, &now, is_code);
	images_fini(&now);
	return ret;
}

bool dispatch_covers(struct still *s, const struct image *i, is_code_fn is_code)
{
	const struct stretch d = find(s, &s->images, is_code);

	return i->start >= d.from && i->end - d.from <= d.size;
}

/* --- who -------------------------------------------------------------------------------------- */

static struct stretch told(const struct still *s, struct space *space)
{
	struct agent_dispatch d = { 0 };

	if (tracee_read(&s->t, (uintptr_t)agent_of(space)->dispatch, &d, sizeof(d)))
		return (struct stretch){ 0 };
	return (struct stretch){ atomic_load(&d.from), atomic_load(&d.size) };
}

static bool get(pid_t tid, struct config *c)
{
	return !ptrace(GET_CONFIG, tid, sizeof(*c), c);
}

static bool is(const struct config *c, const struct stretch *d)
{
	return c->mode == AGENT_DISPATCH_ON && !c->selector && c->offset == d->from &&
	       c->len == d->size;
}

bool dispatch_is_theirs(const struct still *s, struct space *space)
{
	const struct stretch ours = told(s, space);
	struct config c;

	vec_foreach (th, &s->t)
		if (get(th->tid, &c) && c.mode && !is(&c, &ours))
			return true;
	return false;
}

/* False: the kernel does not do that. */
static bool set_all(const struct still *s, const struct stretch *d)
{
	struct config c = { .mode = d->size ? AGENT_DISPATCH_ON : 0,
			    .offset = d->from,
			    .len = d->size };
	bool ret = true;

	vec_foreach (th, &s->t)
		ret &= !ptrace(SET_CONFIG, th->tid, sizeof(c), &c);
	return ret;
}

static void tell(struct still *s, const struct stretch *d)
{
	struct agent_dispatch a = { 0 };

	atomic_init(&a.from, d->from);
	atomic_init(&a.size, d->size);
	tracee_write(&s->t, (uintptr_t)agent_of(s->space)->dispatch, &a,
		     offsetof(struct agent_dispatch, asks));
}

static void change(struct still *s, struct stretch d)
{
	const struct stretch none = { 0 }, was = told(s, s->space);

	/* Also where nothing changes: threads may have been born that have not come so far. */
	if (!was.size && !d.size)
		return;
	if (!set_all(s, &d)) {
		set_all(s, &none);
		d = none;
	}
	tell(s, &d);
}

void dispatch_put(struct still *s, is_code_fn is_code)
{
	change(s, s->p->guarded ? find_now(s, is_code) : (struct stretch){ 0 });
}

void dispatch_take(struct still *s)
{
	change(s, (struct stretch){ 0 });
}
