/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_link.c - links that keep a probe: of a perf event, a raw tracepoint, a function of the
 * kernel (bpf_raw_tp_link_attach, bpf_tracing_prog_attach of kernel/bpf/syscall.c).
 *
 * Of the kernel's functions those that are a system call's body can be seen without a kernel.
 */
#include "core/core_int.h"
#include "core/probe.h"
#include "model/event.h"

#include <stdio.h>

#define RAW_TP "btf_trace_" /* typedefs of the model's BTF that are raw tracepoints */

static void release(struct skep_link *l)
{
	struct probe *p = l->hook;

	probe_unset_prog(p);
	probe_put(p);
}

static const struct link_ops event_ops = {
	.type = BPF_LINK_TYPE_PERF_EVENT,
	.release = release,
};

static int raw_info(struct skep_link *l, struct bpf_link_info *info)
{
	const struct probe *p = l->hook;

	return link_name_out(info->raw_tracepoint.tp_name, &info->raw_tracepoint.tp_name_len,
			     p->name);
}

static const struct link_ops raw_ops = {
	.type = BPF_LINK_TYPE_RAW_TRACEPOINT,
	.release = release,
	.info = raw_info,
};

static int func_info(struct skep_link *l, struct bpf_link_info *info)
{
	const struct probe *p = l->hook;

	info->tracing.attach_type = p->attach_type;
	info->tracing.target_obj_id = VMLINUX_BTF_ID;
	info->tracing.target_btf_id = p->btf_id;
	return 0;
}

static const struct link_ops func_ops = {
	.type = BPF_LINK_TYPE_TRACING,
	.release = release,
	.info = func_info,
};

/* A link that keeps the probe, whose program is set. */
static long publish(struct call *c, const struct link_ops *ops, struct probe *p,
		    struct skep_prog *prog)
{
	_cleanup_(link_put_p) struct skep_link *l = NULL;
	const int err = link_new(ops, prog, &l);
	long fd;

	if (err) {
		probe_unset_prog(p);
		return err;
	}
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	l->hook = p;
	fd = object_publish(c, OBJ_LINK, l, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(l);
	return fd;
}

long probe_link(struct call *c, struct probe *p, struct skep_prog *prog)
{
	const int err = probe_set_prog(c, p, prog, c->attr.a.link_create.perf_event.bpf_cookie);

	return err ? err : publish(c, &event_ops, p, prog);
}

/* A probe for programs of that type; NULL, and *ret_err. */
static struct probe *begin(struct call *c, const struct skep_prog *prog, long *ret_err)
{
	struct probe *p = c->k->hooks ? probe_new(c->k) : NULL;

	*ret_err = c->k->hooks ? -ENOMEM
			       : FAIL(c, -EOPNOTSUPP,
				      "tracepoints need a hive: start the tool by skep run");
	if (p)
		p->type = prog->type;
	return p;
}

long probe_link_raw(struct call *c, struct skep_prog *prog, const char *name, uint64_t cookie)
{
	_cleanup_(probe_put_p) struct probe *p = NULL;
	struct model_event e;
	long err;

	if (model_raw_refusal(name))
		return FAIL(c, -EOPNOTSUPP, "raw tracepoint '%s': %s", name,
			    model_raw_refusal(name));
	if (!model_event_raw(name, &e))
		return FAIL(c, -ENOENT, "raw tracepoint '%s': Skep has no hook for it", name);
	p = begin(c, prog, &err);
	if (!p)
		return err;
	probe_see_event(p, &e, HIVE_RAW);
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (prog->max_ctx_off > e.n * 8u)
		return FAIL(c, -EINVAL, "raw tracepoint %s has %u arguments", name, e.n);
	err = probe_set_prog(c, p, prog, cookie);
	return err ? err : publish(c, &raw_ops, p, prog);
}

/* --- programs of type tracing ----------------------------------------------------------------- */

static const struct {
	uint32_t attach_type;
	uint32_t ctx; /* enum hive_ctx */
	bool returns;
} ways[] = {
	{ BPF_TRACE_FENTRY, HIVE_FUNC, false },
	{ BPF_TRACE_FEXIT, HIVE_FUNC, true },
	{ BPF_MODIFY_RETURN, HIVE_MODIFY, false },
};

static long link_function(struct call *c, struct skep_prog *prog, const char *name, uint64_t cookie)
{
	_cleanup_(probe_put_p) struct probe *p = NULL;
	const int32_t nr = model_syscall_of(name);
	long err;

	if (nr < 0)
		return FAIL(c, -EOPNOTSUPP,
			    "%s(): only the body of a system call can be seen without a kernel, "
			    "such as __x64_sys_openat",
			    name);
	p = begin(c, prog, &err);
	if (!p)
		return err;
	if (atomic_exchange(&prog->traces, true))
		return FAIL(c, -EBUSY, "%s(): another link has the program there", name);
	p->taken = &prog->traces;
	p->attach_type = prog->expected_attach_type;
	p->btf_id = prog->attach_btf_id;
	p->spec.pid = -1;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (ways[i].attach_type == p->attach_type) {
			probe_see_call(p, nr, ways[i].ctx);
			p->spec.returns = ways[i].returns;
		}
	err = probe_set_prog(c, p, prog, cookie);
	return err ? err : publish(c, &func_ops, p, prog);
}

long probe_link_tracing(struct call *c, struct skep_prog *prog, uint64_t cookie)
{
	const struct skep_btf *btf = core_vmlinux(c->k);
	const struct btf_type *t = btf ? btf_type(btf, prog->attach_btf_id) : NULL;
	const char *name = t ? btf_str(btf, t->name_off) : "";

	if (prog->expected_attach_type == BPF_TRACE_RAW_TP)
		return probe_link_raw(c, prog, name + MIN(strlen(name), sizeof(RAW_TP) - 1),
				      cookie);
	return link_function(c, prog, name, cookie);
}
