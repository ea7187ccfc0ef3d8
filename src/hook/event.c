/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c - see event.h */
#include "hook/event.h"
#include "base/alloc.h"
#include "hook/spot.h"

#include <sys/syscall.h>

struct event_probe {
	struct event_probe *next;
	enum hive_event what;
	struct hive_probe probe;
};

static struct {
	struct spots spots; /* for its functions: it has none by file */
	struct hive_events *shown;
	struct spot spot[_HIVE_EVENTS];
	struct event_probe *first;
} e;

/* What members have to stop at, whoever of those looks; the agent's own calls are seen anyway. */
static const struct {
	int32_t nr;
	uint32_t events;
} calls[] = {
	{ SYS_exit, HIVE_TASKS_ON },
	{ SYS_exit_group, HIVE_TASKS_ON },
	{ SYS_wait4, HIVE_TASKS_ON },
	{ SYS_waitid, HIVE_TASKS_ON },
	{ SYS_kill, 1u << HIVE_SIGNAL },
	{ SYS_tkill, 1u << HIVE_SIGNAL },
	{ SYS_tgkill, 1u << HIVE_SIGNAL },
	{ SYS_rt_sigqueueinfo, 1u << HIVE_SIGNAL },
	{ SYS_rt_tgsigqueueinfo, 1u << HIVE_SIGNAL },
	{ SYS_pidfd_send_signal, 1u << HIVE_SIGNAL },
};

bool events_want(int32_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return calls[i].events & events_on();
	return false;
}

bool events_any(void)
{
	return e.first;
}

uint32_t events_on(void)
{
	return e.shown ? atomic_load(&e.shown->on) : 0;
}

const struct hive_events *events_shown(void)
{
	return e.shown;
}

static void show(enum hive_event what)
{
	if (e.spot[what].probes[HIVE_HERE].n)
		atomic_fetch_or(&e.shown->on, 1u << what);
	else
		atomic_fetch_and(&e.shown->on, ~(1u << what));
}

int events_add(const struct probe_spec *spec, struct skep_prog *prog, struct event_probe **ret)
{
	struct event_probe *p = skep_alloc(sizeof(*p)), **at = &e.first;
	int err;

	if (!p || !e.shown) {
		skep_free(p);
		return -ENOMEM;
	}
	p->what = (enum hive_event)spec->nr;
	p->probe.prog = prog;
	p->probe.ctx = (uint16_t)spec->ctx;
	p->probe.cookie = spec->n ? spec->points->cookie : 0;
	atomic_init(&p->probe.pid, HIVE_ALL);
	err = spot_add(&e.spots, &e.spot[p->what], HIVE_HERE, &p->probe);
	if (err) {
		skep_free(p);
		return err;
	}
	while (*at)
		at = &(*at)->next;
	*at = p;
	show(p->what);
	*ret = p;
	return 0;
}

/* False: it is in the list no more, as all of them went. */
static bool unlink_probe(struct event_probe *p)
{
	struct event_probe **at = &e.first;

	while (*at && *at != p)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = p->next;
	spot_remove(&e.spots, &e.spot[p->what], HIVE_HERE, &p->probe);
	show(p->what);
	return true;
}

const struct skep_prog *events_prog(const struct event_probe *p)
{
	return p->probe.prog;
}

void events_remove(struct event_probe *p)
{
	unlink_probe(p);
	skep_free(p);
}

void events_stop(void)
{
	while (e.first)
		unlink_probe(e.first);
}

void events_start(struct space *space, struct vcpus *vcpus)
{
	e.spots = (struct spots){ .space = space, .vcpus = vcpus };
	e.shown = space_alloc(space, HIVE_META, sizeof(*e.shown));
	if (!e.shown)
		return;
	for (int i = 0; i < _HIVE_EVENTS; i++)
		e.spot[i].site = &e.shown->site[i];
	space_meta(space)->events = (uintptr_t)e.shown;
}
