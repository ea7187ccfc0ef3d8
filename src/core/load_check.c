/* SPDX-License-Identifier: BSD-2-Clause */
/* load_check.c - PROG_LOAD's rules on attributes (bpf_prog_load of kernel/bpf/syscall.c). */
#include "core/load_int.h"

#include <stdarg.h>
#include <stdio.h>

#define FLAGS_KNOWN                                                                               \
	(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_STATE_FREQ | BPF_F_SLEEPABLE | \
	 BPF_F_TEST_RND_HI32 | BPF_F_XDP_HAS_FRAGS | SKEP_F_XDP_DEV_BOUND_ONLY |                  \
	 SKEP_F_TEST_REG_INVARIANTS | SKEP_F_TOKEN_FD)

int load_fail(struct load *l, int err, int64_t insn, const char *fmt, ...)
{
	char msg[sizeof(l->c->diag->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (l->logging)
		verifier_log(&l->log.v, "%s\n", msg);
	return diag_set(l->c->diag, err, insn < 0 ? SKEP_AT_NONE : SKEP_AT_INSN,
			insn < 0 ? 0 : (uint64_t)insn, "%s", msg);
}

/* What the caller's rights allow. */
static int check_rights(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	const struct prog_type *t = prog_type(a->prog_type);
	const bool large = core_may(l->c, RIGHT_BPF) && l->c->k->release >= RELEASE_LARGE;
	const uint32_t limit = large ? SKEP_INSNS_MAX : BPF_MAXINSNS;

	if (a->insn_cnt == 0 || a->insn_cnt > limit)
		return load_fail(l, -E2BIG, -1, "a program has 1 to %u instructions, this one %u",
				 limit, a->insn_cnt);
	if (a->prog_type != BPF_PROG_TYPE_SOCKET_FILTER &&
	    a->prog_type != BPF_PROG_TYPE_CGROUP_SKB && !core_may(l->c, RIGHT_BPF))
		return load_fail(l, -EPERM, -1, "programs of type %s need CAP_BPF",
				 t ? t->name : "unknown");
	if (t && t->needs_net && !core_may(l->c, RIGHT_NET))
		return load_fail(l, -EPERM, -1, "programs of type %s need CAP_NET_ADMIN", t->name);
	if (t && t->needs_perfmon && !core_may(l->c, RIGHT_PERFMON))
		return load_fail(l, -EPERM, -1, "programs of type %s need CAP_PERFMON", t->name);
	return 0;
}

/* Targets that are programs or functions of the kernel: for types that are not here yet. */
static int check_target(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	_cleanup_(object_put) struct object_ref prog = { 0 }, btf = { 0 };
	bool by_type = a->prog_type == BPF_PROG_TYPE_TRACING || a->prog_type == BPF_PROG_TYPE_EXT;

	if (a->attach_prog_fd && object_get(l->c->k, (int)a->attach_prog_fd, OBJ_PROG, &prog)) {
		if (object_get(l->c->k, (int)a->attach_prog_fd, OBJ_BTF, &btf))
			return load_fail(l, -EINVAL, -1, "attach_prog_fd %d is no program or BTF",
					 (int)a->attach_prog_fd);
		if (btf_id(btf.payload) != VMLINUX_BTF_ID)
			return load_fail(l, -ENOTSUPP, -1, "attach_btf_obj_fd is not the kernel's");
	}
	if (a->attach_btf_id && !by_type && a->prog_type != BPF_PROG_TYPE_LSM &&
	    a->prog_type != BPF_PROG_TYPE_STRUCT_OPS)
		return load_fail(l, -EINVAL, -1, "attach_btf_id is not for this type");
	if (prog.payload && by_type && !l->c->k->judge)
		return load_fail(l, -EOPNOTSUPP, -1, "Skep attaches no program to another one yet");
	if ((btf.payload && !a->attach_btf_id) || (prog.payload && !by_type))
		return load_fail(l, -EINVAL, -1, "the target does not fit the type");
	return 0;
}

/* bpf_prog_dev_bound_init: there is the loopback interface, which takes no programs. */
static int check_device(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	bool bound = a->prog_type == BPF_PROG_TYPE_XDP || a->prog_type == BPF_PROG_TYPE_SCHED_CLS;

	return load_fail(l, bound && !a->prog_flags && a->prog_ifindex == 1 ? -EOPNOTSUPP : -EINVAL,
			 -1, "no device takes programs: prog_ifindex must be 0");
}

static int check_release(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	const struct prog_type *t = prog_type(a->prog_type);

	if (core_too_new(l->c, release_since(RELEASE_PROG_TYPE, a->prog_type), "program type %s",
			 t ? t->name : "?") ||
	    core_too_new(l->c, release_since_flags(RELEASE_PROG_FLAG, a->prog_flags),
			 "prog_flags 0x%x", a->prog_flags) ||
	    core_too_new(l->c, release_since(RELEASE_ATTACH_TYPE, a->expected_attach_type),
			 "expected_attach_type %u", a->expected_attach_type))
		return -EINVAL;
	/* Attributes that are longer than the kernel knows, and not zero there. */
	if (a->func_info_cnt && core_too_new(l->c, RELEASE_FUNC_INFO, "func_info"))
		return -E2BIG;
	return 0;
}

int load_check(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	int err;

	if (a->prog_flags & ~(uint32_t)FLAGS_KNOWN)
		return load_fail(l, -EINVAL, -1, "prog_flags 0x%x are unknown", a->prog_flags);
	if (a->prog_flags & SKEP_F_TOKEN_FD)
		return core_token(l->c, l->c->attr.prog_load.token_fd);
	err = check_release(l);
	if (!err)
		err = check_rights(l);
	if (!err)
		err = check_target(l);
	if (err)
		return err;
	if (!attach_loadable(a->prog_type, attach_default(a->prog_type, a->expected_attach_type)))
		return load_fail(l, -EINVAL, -1, "expected_attach_type %u does not fit the type",
				 a->expected_attach_type);
	return a->prog_ifindex ? check_device(l) : 0;
}

/* can_be_sleepable() */
static bool can_sleep(const struct skep_prog *p)
{
	switch (p->type) {
	case BPF_PROG_TYPE_TRACING:
		return p->expected_attach_type == BPF_TRACE_FENTRY ||
		       p->expected_attach_type == BPF_TRACE_FEXIT ||
		       p->expected_attach_type == BPF_MODIFY_RETURN ||
		       p->expected_attach_type == BPF_TRACE_ITER;
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_STRUCT_OPS:
		return true;
	default:
		return false;
	}
}

int load_check_place(struct load *l)
{
	const struct skep_prog *p = l->prog;
	bool sleeps = p->flags & BPF_F_SLEEPABLE;

	if (p->type == BPF_PROG_TYPE_SYSCALL)
		return sleeps ? 0
			      : load_fail(l, -EINVAL, -1, "Syscall programs can only be sleepable");
	if (sleeps && !can_sleep(p))
		return load_fail(l, -EINVAL, -1,
				 "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops "
				 "programs can be sleepable");
	return 0;
}

int load_log(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	int err = log_begin(l->c, &l->log, a->log_level, a->log_buf, a->log_size);

	l->logging = !err;
	return err;
}

int load_log_finish(struct load *l, int err)
{
	if (!l->checked)
		verifier_log_unchecked(&l->log.v);
	l->logging = false;
	return log_end(l->c, &l->log, offsetof(union core_attr, prog_load.log_true_size), err);
}

int load_log_end(struct load *l)
{
	return load_log_finish(l, 0);
}
