/* SPDX-License-Identifier: BSD-2-Clause */
/* probe.c - see probe.h (kernel/events/core.c, kernel/trace/trace_uprobe.c) */
#include "core/probe.h"
#include "core/core_int.h"
#include "core/caller.h"
#include "hive/site.h"
#include "model/event.h"

#include <linux/perf_event.h>
#include <stdio.h>

#define RETPROBE UINT64_C(1) /* of attr.config; above, from bit 32, is ref_ctr */

void core_set_hooks(struct skep_kernel *k, const struct core_hooks *hooks)
{
	k->hooks = hooks;
}

void probe_put(struct probe *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (p->hooked)
		p->k->hooks[p->spec.what].detach(p->hooked);
	if (p->taken)
		atomic_store(p->taken, false);
	prog_put(p->prog);
	pthread_mutex_destroy(&p->lock);
	skep_free(p);
}

/* --- opening ---------------------------------------------------------------------------------- */

int probe_path(struct call *c, uint64_t upath, char ret[PATH_MAX])
{
	char path[PATH_MAX];
	const long n = user_string(path, upath, sizeof(path) - 1);
	int len;

	if (n < 0)
		return FAIL(c, -EFAULT, "the path is at no address of yours");
	if (!n)
		return FAIL(c, -EINVAL, "the path is empty");
	len = *path == '/' ? snprintf(ret, PATH_MAX, "%s", path)
			   : snprintf(ret, PATH_MAX, "/proc/%d/cwd/%s", caller_pid(), path);
	return len < PATH_MAX ? 0 : FAIL(c, -ENAMETOOLONG, "the path is too long");
}

static int read_uprobe(struct call *c, const struct perf_event_attr *a, struct probe *p)
{
	struct probe_spec *ret = &p->spec;
	int err = probe_path(c, a->config1, ret->path);

	if (err)
		return err;
	if (a->config & UINT32_MAX & ~RETPROBE)
		return FAIL(c, -EINVAL, "config 0x%llx is not of a uprobe",
			    (unsigned long long)a->config);
	p->point = (struct probe_point){ .off = a->config2, .ref_ctr = a->config >> 32 };
	ret->points = &p->point;
	ret->n = 1;
	ret->returns = a->config & RETPROBE;
	return 0;
}

void probe_see_call(struct probe *p, int32_t nr, enum hive_ctx ctx)
{
	p->spec.what = PROBE_SYSCALL;
	p->spec.nr = nr;
	p->spec.ctx = ctx;
	p->spec.points = &p->point;
	p->spec.n = 1;
}

/* Of Linux's functions those that are a system call's body. */
static int read_kprobe(struct call *c, const struct perf_event_attr *a, struct probe *p)
{
	char name[128];

	if (user_string(name, a->config1, sizeof(name) - 1) < 0)
		return FAIL(c, -EINVAL, "a kprobe needs the name of a function");
	p->spec.nr = model_syscall_of(name);
	if (p->spec.nr < 0 || a->config2)
		return FAIL(
			c, -ENOENT,
			"kprobe at %s+%llu: only the entry of a system call can be seen without "
			"a kernel, such as __x64_sys_openat",
			name, (unsigned long long)a->config2);
	if (a->config & ~RETPROBE)
		return FAIL(c, -EINVAL, "config 0x%llx is not of a kprobe",
			    (unsigned long long)a->config);
	probe_see_call(p, p->spec.nr, HIVE_CALL);
	p->spec.returns = a->config & RETPROBE;
	return 0;
}

void probe_see_event(struct probe *p, const struct model_event *e, enum hive_ctx ctx)
{
	const bool process = e->nr == MODEL_PROCESS;

	p->spec.what = process ? PROBE_PROCESS : PROBE_SYSCALL;
	p->spec.ctx = ctx;
	p->spec.nr = process ? e->process : e->nr;
	p->spec.returns = e->exit;
	p->spec.pid = -1;
	p->spec.points = &p->point;
	p->spec.n = 1;
	p->record = model_event_size(e);
}

static int read_tracepoint(struct call *c, const struct perf_event_attr *a, struct probe *p)
{
	struct model_event e;

	if (model_event_refusal((uint32_t)a->config))
		return FAIL(c, -EOPNOTSUPP, "%s", model_event_refusal((uint32_t)a->config));
	if (!model_event_by_id((uint32_t)a->config, &e))
		return FAIL(c, -EINVAL, "there is no tracepoint with the id %llu",
			    (unsigned long long)a->config);
	probe_see_event(p, &e, HIVE_RECORD); /* in all processes, whatever the event's pid */
	p->type = BPF_PROG_TYPE_TRACEPOINT;
	return 0;
}

static const struct {
	uint32_t type; /* of the event */
	int (*read)(struct call *c, const struct perf_event_attr *a, struct probe *p);
} kinds[] = {
	{ PROBE_UPROBE_TYPE, read_uprobe },
	{ PROBE_KPROBE_TYPE, read_kprobe },
	{ PERF_TYPE_TRACEPOINT, read_tracepoint },
};

bool probe_is(const struct perf_event_attr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == a->type)
			return true;
	return false;
}

struct probe *probe_new(struct skep_kernel *k)
{
	struct probe *p = skep_alloc(sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	atomic_store_explicit(&p->refs, 1, memory_order_relaxed);
	p->k = k;
	p->type = BPF_PROG_TYPE_KPROBE;
	p->enabled = true;
	return p;
}

long probe_open(struct call *c, const struct perf_event_attr *a, pid_t pid)
{
	_cleanup_(probe_put_p) struct probe *p = NULL;
	long fd;
	int err = -ENOENT;

	if (!c->k->hooks)
		return FAIL(c, -EOPNOTSUPP, "probes need a hive: start the tool by skep run");
	p = probe_new(c->k);
	if (!p)
		return -ENOMEM;
	p->enabled = !a->disabled;
	p->spec.pid = pid ? pid : caller_pid();
	/* On all CPUs, as an event is on whichever the process is. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == a->type)
			err = kinds[i].read(c, a, p);
	if (err)
		return err;
	fd = object_publish(c, OBJ_PROBE, p, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(p);
	return fd;
}

/* --- programs --------------------------------------------------------------------------------- */

/* Brings the hook to what the event says; its lock is held. */
static int settle_locked(struct call *c, struct probe *p)
{
	const bool wanted = p->enabled && p->prog;

	if (wanted && !p->hooked)
		return p->k->hooks[p->spec.what].attach(&p->spec, p->prog, &p->hooked, c->diag);
	if (!wanted && p->hooked) {
		p->k->hooks[p->spec.what].detach(p->hooked);
		p->hooked = NULL;
	}
	return 0;
}

int probe_prog(struct call *c, const struct skep_prog *prog)
{
	if (prog->type != BPF_PROG_TYPE_KPROBE)
		return FAIL(c, -EINVAL, "programs of type %s do not run at uprobes",
			    prog->kind->name);
	return core_check_leaves(c, prog);
}

/* May it run at that event? */
static int check_prog(struct call *c, const struct probe *p, const struct skep_prog *prog)
{
	if (prog->type != p->type)
		return FAIL(c, -EINVAL, "programs of type %s do not run at that event",
			    prog->kind->name);
	if (p->type == BPF_PROG_TYPE_TRACEPOINT && prog->max_ctx_off > p->record)
		return FAIL(c, -EACCES,
			    "the program reads %u bytes of the record, and the tracepoint's has %u",
			    prog->max_ctx_off, p->record);
	return core_check_leaves(c, prog);
}

int probe_set_prog(struct call *c, struct probe *p, struct skep_prog *prog, uint64_t cookie)
{
	int err = check_prog(c, p, prog);

	if (err)
		return err;
	pthread_mutex_lock(&p->lock);
	if (p->prog)
		err = -EEXIST;
	if (!err) {
		p->prog = prog_get(prog);
		p->point.cookie = cookie;
		err = settle_locked(c, p);
		if (err) {
			prog_put(p->prog);
			p->prog = NULL;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

void probe_unset_prog(struct probe *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->hooked)
		p->k->hooks[p->spec.what].detach(p->hooked);
	p->hooked = NULL;
	prog_put(p->prog);
	p->prog = NULL;
	pthread_mutex_unlock(&p->lock);
}

static int enable(struct call *c, struct probe *p, bool on)
{
	int err;

	pthread_mutex_lock(&p->lock);
	p->enabled = on;
	err = settle_locked(c, p);
	pthread_mutex_unlock(&p->lock);
	return err;
}

long probe_ioctl(struct call *c, struct probe *p, unsigned long request, uint64_t arg)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	const uint64_t id = p->id;
	int err;

	switch (request) {
	case PERF_EVENT_IOC_ENABLE:
	case PERF_EVENT_IOC_DISABLE:
		return enable(c, p, request == PERF_EVENT_IOC_ENABLE);
	case PERF_EVENT_IOC_SET_BPF:
		err = object_get(c->k, (int)arg, OBJ_PROG, &ref);
		return err ? err : probe_set_prog(c, p, ref.payload, 0);
	case PERF_EVENT_IOC_ID:
		return user_write(arg, &id, sizeof(id));
	default:
		return -ENOTTY;
	}
}
