/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.c - links: what ties a program to a hook, and the commands on them.
 *
 * A hook adds a row to `makers` and a struct link_ops; until it does, the commands answer as far
 * as their objects allow, and say that the hook is not there.
 */
#include "core/attach.h"
#include "core/core_int.h"
#include "core/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int link_new(const struct link_ops *ops, struct skep_prog *prog, struct skep_link **ret)
{
	struct skep_link *l = skep_alloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->ops = ops;
	l->prog = prog_get(prog);
	atomic_store_explicit(&l->refs, 1, memory_order_relaxed);
	*ret = l;
	return 0;
}

struct skep_prog *link_prog(struct skep_kernel *k, const struct skep_link *l)
{
	struct skep_prog *p;

	pthread_mutex_lock(&k->lock);
	p = l->prog ? prog_get(l->prog) : NULL;
	pthread_mutex_unlock(&k->lock);
	return p;
}

int link_name_out(uint64_t at, uint32_t *len, const char *name)
{
	const uint32_t room = *len, n = (uint32_t)strlen(name) + 1, some = MIN(n, room);

	if (!at != !room)
		return -EINVAL;
	*len = n;
	if (!room)
		return 0;
	if (user_write(at, name, some - 1) || user_write(at + some - 1, "", 1))
		return -EFAULT;
	return room < n ? -ENOSPC : 0;
}

struct skep_link *link_get(struct skep_link *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void link_put(struct skep_link *l)
{
	/* Release: our uses come first; acquire: the last one sees those of all others. */
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (l->ops->release)
		l->ops->release(l);
	prog_put(l->prog);
	skep_free(l);
}

/* --- making ---------------------------------------------------------------------------------- */

/* What LINK_CREATE does for programs of a type, by the hooks that there are. */
struct maker {
	uint32_t prog_type;
	uint32_t attach_type; /* or ATTACH_ANY */
	long (*make)(struct call *c, struct skep_prog *p);
};

#define ATTACH_ANY UINT32_MAX

/* perf_event_get: Linux's answer for any other file is -EBADF. */
static long make_perf(struct call *c, struct skep_prog *p)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	const int fd = (int)c->attr.a.link_create.target_fd;

	if (c->attr.a.link_create.flags)
		return -EINVAL;
	if (object_get(c->k, fd, OBJ_PROBE, &ref))
		return FAIL(c, -EBADF, "target_fd %d is not an event that runs programs", fd);
	return probe_link(c, ref.payload, p);
}

/* What it is on it was loaded for. */
static long make_tracing(struct call *c, struct skep_prog *p)
{
	const union bpf_attr *a = &c->attr.a;

	if (a->link_create.target_fd || a->link_create.tracing.target_btf_id)
		return FAIL(c, -EINVAL, "programs of type %s attach to what they were loaded for",
			    p->kind->name);
	return probe_link_tracing(c, p, a->link_create.tracing.cookie);
}

static const struct maker makers[] = {
	{ BPF_PROG_TYPE_KPROBE, BPF_PERF_EVENT, make_perf },
	{ BPF_PROG_TYPE_KPROBE, SKEP_TRACE_UPROBE_MULTI, uprobe_multi_link },
	{ BPF_PROG_TYPE_TRACEPOINT, ATTACH_ANY, make_perf },
	{ BPF_PROG_TYPE_PERF_EVENT, ATTACH_ANY, make_perf },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, iter_link },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, make_tracing },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, make_tracing },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, make_tracing },
	{ BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, make_tracing },
};

long core_link_create(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	uint32_t attach_type = a->link_create.attach_type;
	struct skep_prog *p;
	int err = object_get(c->k, (int)a->link_create.prog_fd, OBJ_PROG, &ref);

	if (err)
		return FAIL(c, err, "prog_fd %d is not a program", (int)a->link_create.prog_fd);
	p = ref.payload;
	err = attach_check_link(p, attach_type, core_may(c, RIGHT_NET));
	if (err)
		return FAIL(c, err, "programs of type %s do not attach as %u", p->kind->name,
			    attach_type);
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (makers[i].prog_type == p->type &&
		    (makers[i].attach_type == attach_type || makers[i].attach_type == ATTACH_ANY))
			return makers[i].make(c, p);
	return FAIL(c, -EOPNOTSUPP, "Skep has no hook for programs of type %s yet", p->kind->name);
}

long core_raw_tracepoint_open(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_prog *p;
	char name[128] = "";
	int err = object_get(c->k, (int)a->raw_tracepoint.prog_fd, OBJ_PROG, &ref);

	if (err)
		return FAIL(c, err, "prog_fd %d is not a program", (int)a->raw_tracepoint.prog_fd);
	p = ref.payload;
	if (p->type == BPF_PROG_TYPE_TRACING && p->expected_attach_type != BPF_TRACE_ITER &&
	    !a->raw_tracepoint.name)
		return probe_link_tracing(c, p, c->attr.raw_tracepoint.cookie);
	if (p->type != BPF_PROG_TYPE_RAW_TRACEPOINT)
		return FAIL(c, -EINVAL, "programs of type %s are no raw tracepoints",
			    p->kind->name);
	if (user_string(name, a->raw_tracepoint.name, sizeof(name) - 1) < 0)
		return -EFAULT;
	return probe_link_raw(c, p, name, c->attr.raw_tracepoint.cookie);
}

/* --- commands on a link ---------------------------------------------------------------------- */

static int link_by_fd(struct call *c, uint32_t fd, struct object_ref *ret)
{
	int err = object_get(c->k, (int)fd, OBJ_LINK, ret);

	return err ? FAIL(c, err, "descriptor %d is not a link", (int)fd) : 0;
}

long core_link_update(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref link = { 0 }, new = { 0 }, old = { 0 };
	struct skep_link *l;
	int err;

	if (a->link_update.flags & ~(uint32_t)BPF_F_REPLACE)
		return -EINVAL;
	err = link_by_fd(c, a->link_update.link_fd, &link);
	if (!err)
		err = object_get(c->k, (int)a->link_update.new_prog_fd, OBJ_PROG, &new);
	if (!err && a->link_update.flags & BPF_F_REPLACE)
		err = object_get(c->k, (int)a->link_update.old_prog_fd, OBJ_PROG, &old);
	else if (!err && a->link_update.old_prog_fd)
		err = -EINVAL;
	if (err)
		return err;
	l = link.payload;
	return l->ops->update ? l->ops->update(c, l, new.payload, old.payload) : -EINVAL;
}

long core_link_detach(struct call *c)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_link *l;
	int err = link_by_fd(c, c->attr.a.link_detach.link_fd, &ref);

	if (err)
		return err;
	l = ref.payload;
	return l->ops->detach ? l->ops->detach(l) : -EOPNOTSUPP;
}

long core_iter_create(struct call *c)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_link *l;
	int err;

	if (c->attr.a.iter_create.flags)
		return -EINVAL;
	err = link_by_fd(c, c->attr.a.iter_create.link_fd, &ref);
	if (err)
		return err;
	l = ref.payload;
	return l->ops->iter ? l->ops->iter(c, l) : -EINVAL;
}

long core_link_next_id(struct call *c)
{
	return core_next_id(c, OBJ_LINK);
}

long core_link_fd_by_id(struct call *c)
{
	return object_open_id(c, OBJ_LINK, c->attr.a.link_id, O_RDWR);
}

long core_task_fd_query(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	pid_t pid = (pid_t)a->task_fd_query.pid;

	if (a->task_fd_query.flags)
		return -EINVAL;
	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH))
		return FAIL(c, -ENOENT, "no process %d", pid);
	if (pid == caller_pid() && caller_lacks((int)a->task_fd_query.fd))
		return -EBADF;
	return FAIL(c, -ENOTSUPP, "no descriptor ties a program to an event yet");
}
