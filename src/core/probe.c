/* SPDX-License-Identifier: BSD-2-Clause */
/* probe.c - see probe.h (kernel/events/core.c, kernel/trace/trace_uprobe.c) */
#include "core/probe.h"
#include "core/core_int.h"
#include "core/caller.h"

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
		p->k->hooks->detach(p->hooked);
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

static int read_spec(struct call *c, const struct perf_event_attr *a, pid_t pid, struct probe *p)
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
	ret->pid = pid ? pid : caller_pid();
	return 0;
}

long probe_open(struct call *c, const struct perf_event_attr *a, pid_t pid, int cpu)
{
	_cleanup_(probe_put_p) struct probe *p = NULL;
	long fd;
	int err;

	if (!c->k->hooks)
		return FAIL(c, -EOPNOTSUPP, "uprobes need a hive: start the tool by skep run");
	p = skep_alloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	atomic_store_explicit(&p->refs, 1, memory_order_relaxed);
	p->k = c->k;
	p->enabled = !a->disabled;
	(void)cpu; /* all of them: an event is on whichever CPU the process is */
	err = read_spec(c, a, pid, p);
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
		return p->k->hooks->attach(&p->spec, p->prog, &p->hooked, c->diag);
	if (!wanted && p->hooked) {
		p->k->hooks->detach(p->hooked);
		p->hooked = NULL;
	}
	return 0;
}

int probe_prog(struct call *c, const struct skep_prog *prog)
{
	if (prog->type != BPF_PROG_TYPE_KPROBE)
		return FAIL(c, -EINVAL, "programs of type %s do not run at uprobes",
			    prog->kind->name);
	if (!core_may_leave(prog))
		return FAIL(
			c, -EOPNOTSUPP,
			"the program cannot run in other processes: it is interpreted, or has maps "
			"that stay in the hive's server");
	return 0;
}

static int set_prog(struct call *c, struct probe *p, struct skep_prog *prog, uint64_t cookie)
{
	int err = probe_prog(c, prog);

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

static void unset_prog(struct probe *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->hooked)
		p->k->hooks->detach(p->hooked);
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
		return err ? err : set_prog(c, p, ref.payload, 0);
	case PERF_EVENT_IOC_ID:
		return user_write(arg, &id, sizeof(id));
	default:
		return -ENOTTY;
	}
}

/* --- links ------------------------------------------------------------------------------------ */

static void link_release(struct skep_link *l)
{
	struct probe *p = l->hook;

	unset_prog(p);
	probe_put(p);
}

static const struct link_ops probe_link_ops = {
	.type = BPF_LINK_TYPE_PERF_EVENT,
	.release = link_release,
};

long probe_link(struct call *c, struct probe *p, struct skep_prog *prog)
{
	_cleanup_(link_put_p) struct skep_link *l = NULL;
	int err = set_prog(c, p, prog, c->attr.a.link_create.perf_event.bpf_cookie);
	long fd;

	if (err)
		return err;
	err = link_new(&probe_link_ops, prog, &l);
	if (err) {
		unset_prog(p);
		return err;
	}
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	l->hook = p;
	fd = object_publish(c, OBJ_LINK, l, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(l);
	return fd;
}
