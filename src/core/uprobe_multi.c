/* SPDX-License-Identifier: BSD-2-Clause */
/* uprobe_multi.c - many uprobes of one file by one link (kernel/trace/bpf_trace.c). */
#include "core/caller.h"
#include "core/core_int.h"
#include "core/probe.h"

#include <sys/stat.h>

#define POINTS_MAX (UINT32_C(1) << 20) /* Linux's */

struct uprobe_multi {
	struct skep_kernel *k;
	void *hooked; /* what the hook gave; NULL: it is nowhere */
};

static void multi_free(struct uprobe_multi *u)
{
	if (!u)
		return;
	if (u->hooked)
		u->k->hooks[PROBE_FILE].detach(u->hooked);
	skep_free(u);
}
DEFINE_CLEANUP(struct uprobe_multi, multi_free)

static void multi_release(struct skep_link *l)
{
	multi_free(l->hook);
}

static const struct link_ops multi_ops = {
	.type = SKEP_LINK_TYPE_UPROBE_MULTI,
	.release = multi_release,
};

/* A number for each point, into the field that lies `field` bytes into it. */
static int read_numbers(struct probe_spec *spec, uint64_t from, size_t field)
{
	for (uint32_t i = 0; i < spec->n; i++)
		if (user_read((uint8_t *)&spec->points[i] + field, from + 8 * (uint64_t)i, 8))
			return -EFAULT;
	return 0;
}

static int read_points(struct call *c, const struct core_uprobe_multi *a, struct probe_spec *spec)
{
	int err;

	spec->n = a->cnt;
	spec->points = skep_alloc_array(a->cnt, sizeof(*spec->points));
	if (!spec->points)
		return -ENOMEM;
	err = read_numbers(spec, a->offsets, offsetof(struct probe_point, off));
	if (!err && a->ref_ctr_offsets)
		err = read_numbers(spec, a->ref_ctr_offsets, offsetof(struct probe_point, ref_ctr));
	if (!err && a->cookies)
		err = read_numbers(spec, a->cookies, offsetof(struct probe_point, cookie));
	if (err)
		return FAIL(c, err, "offsets, ref_ctr_offsets or cookies at a bad address");
	for (uint32_t i = 0; i < spec->n; i++)
		if (spec->points[i].off > INT64_MAX || spec->points[i].ref_ctr > INT64_MAX)
			return FAIL(c, -EINVAL, "offset %u is none of a file", i);
	return 0;
}

static int check(struct call *c, const struct core_uprobe_multi *a, const struct skep_prog *prog)
{
	if (prog->expected_attach_type != SKEP_TRACE_UPROBE_MULTI)
		return FAIL(c, -EINVAL,
			    "the program was not loaded for BPF_TRACE_UPROBE_MULTI (SEC "
			    "\"uprobe.multi\")");
	if (a->flags & ~(uint32_t)SKEP_F_UPROBE_MULTI_RETURN)
		return FAIL(c, -EINVAL, "flags 0x%x are not for uprobe_multi", a->flags);
	if (!a->path || !a->offsets || !a->cnt || a->pid > INT32_MAX)
		return FAIL(c, -EINVAL, "uprobe_multi needs a path and offsets");
	if (a->cnt > POINTS_MAX)
		return FAIL(c, -E2BIG, "%u offsets: at most %u", a->cnt, POINTS_MAX);
	return probe_prog(c, prog);
}

static int read_spec(struct call *c, const struct core_uprobe_multi *a, struct probe_spec *spec)
{
	struct stat st;
	int err = probe_path(c, a->path, spec->path);

	if (err)
		return err;
	if (stat(spec->path, &st))
		return FAIL(c, -errno, "%s: %s", spec->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return FAIL(c, -EBADF, "%s is no regular file", spec->path);
	spec->returns = a->flags & SKEP_F_UPROBE_MULTI_RETURN;
	spec->pid = a->pid ? (pid_t)a->pid : -1;
	return read_points(c, a, spec);
}

long uprobe_multi_link(struct call *c, struct skep_prog *prog)
{
	const struct core_uprobe_multi *a = &c->attr.uprobe_multi;
	_cleanup_(multi_free_p) struct uprobe_multi *u = NULL;
	_cleanup_(link_put_p) struct skep_link *l = NULL;
	struct probe_spec spec = { 0 };
	int err = check(c, a, prog);
	long fd;

	if (err)
		return err;
	if (!c->k->hooks)
		return FAIL(c, -EOPNOTSUPP, "uprobes need a hive: start the tool by skep run");
	u = skep_alloc(sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->k = c->k;
	err = read_spec(c, a, &spec);
	if (!err)
		err = c->k->hooks[PROBE_FILE].attach(&spec, prog, &u->hooked, c->diag);
	skep_free(spec.points);
	if (!err)
		err = link_new(&multi_ops, prog, &l);
	if (err)
		return err;
	l->hook = TAKE_PTR(u);
	fd = object_publish(c, OBJ_LINK, l, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(l);
	return fd;
}
