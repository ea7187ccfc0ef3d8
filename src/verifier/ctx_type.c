/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_type.c - which C type a context has in the BTF of a program: decides whether an argument of
 * a global function is the context (btf_is_prog_ctx_type, btf_validate_prog_ctx_type of the
 * kernel).  Types are compared by name alone: a program may declare as much of one as it likes.
 */
#include "verifier/verifier_int.h"

#if defined(__aarch64__)
#define USER_REGS "user_pt_regs"
#else
#define USER_REGS "pt_regs"
#endif

#define REGS_TYPEDEF "bpf_user_pt_regs_t"

/* The struct by program type; NULL where only a tag can tell. */
static const char *const names[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = "__sk_buff",
	[BPF_PROG_TYPE_SCHED_CLS] = "__sk_buff",
	[BPF_PROG_TYPE_SCHED_ACT] = "__sk_buff",
	[BPF_PROG_TYPE_XDP] = "xdp_md",
	[BPF_PROG_TYPE_CGROUP_SKB] = "__sk_buff",
	[BPF_PROG_TYPE_CGROUP_SOCK] = "bpf_sock",
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = "bpf_sock_addr",
	[BPF_PROG_TYPE_LWT_IN] = "__sk_buff",
	[BPF_PROG_TYPE_LWT_OUT] = "__sk_buff",
	[BPF_PROG_TYPE_LWT_XMIT] = "__sk_buff",
	[BPF_PROG_TYPE_LWT_SEG6LOCAL] = "__sk_buff",
	[BPF_PROG_TYPE_SOCK_OPS] = "bpf_sock_ops",
	[BPF_PROG_TYPE_SK_SKB] = "__sk_buff",
	[BPF_PROG_TYPE_SK_MSG] = "sk_msg_md",
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = "__sk_buff",
	[BPF_PROG_TYPE_KPROBE] = USER_REGS,
	[BPF_PROG_TYPE_PERF_EVENT] = "bpf_perf_event_data",
	[BPF_PROG_TYPE_RAW_TRACEPOINT] = "bpf_raw_tracepoint_args",
	[BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE] = "bpf_raw_tracepoint_args",
	[BPF_PROG_TYPE_CGROUP_DEVICE] = "bpf_cgroup_dev_ctx",
	[BPF_PROG_TYPE_CGROUP_SYSCTL] = "bpf_sysctl",
	[BPF_PROG_TYPE_CGROUP_SOCKOPT] = "bpf_sockopt",
	[BPF_PROG_TYPE_SK_REUSEPORT] = "sk_reuseport_md",
	[BPF_PROG_TYPE_SK_LOOKUP] = "bpf_sk_lookup",
	[BPF_PROG_TYPE_NETFILTER] = "bpf_nf_ctx",
	[BPF_PROG_TYPE_SYSCALL] = NULL,
};

/* What a pointer tagged arg:ctx may point to besides the struct above and void. */
enum extra {
	EXTRA_ANY = 1,	    /* whatever it is */
	EXTRA_U64 = 2,	    /* an array of 64-bit words */
	EXTRA_REGS = 4,	    /* bpf_user_pt_regs_t, and struct pt_regs */
	EXTRA_RAW_ARGS = 8, /* struct bpf_raw_tracepoint_args */
	EXTRA_ITER = 16,    /* struct bpf_iter__* */
};

static const struct {
	uint32_t type, attach; /* attach 0: any */
	unsigned extra;
} extras[] = {
	{ BPF_PROG_TYPE_KPROBE, 0, EXTRA_REGS },
	{ BPF_PROG_TYPE_PERF_EVENT, 0, EXTRA_REGS },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, EXTRA_U64 },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, EXTRA_U64 },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, EXTRA_U64 | EXTRA_RAW_ARGS },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, EXTRA_ITER },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, EXTRA_U64 },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, EXTRA_U64 },
	{ BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, EXTRA_U64 },
	{ BPF_PROG_TYPE_LSM, 0, EXTRA_U64 },
	{ BPF_PROG_TYPE_STRUCT_OPS, 0, EXTRA_U64 },
	{ BPF_PROG_TYPE_TRACEPOINT, 0, EXTRA_ANY },
	{ BPF_PROG_TYPE_SYSCALL, 0, EXTRA_ANY },
	{ BPF_PROG_TYPE_EXT, 0, EXTRA_ANY },
};

static const char *name_of(const struct skep_btf *btf, const struct btf_type *t)
{
	return btf_str(btf, t->name_off);
}

static const char *ctx_name(uint32_t prog_type)
{
	return prog_type < ARRAY_SIZE(names) ? names[prog_type] : NULL;
}

/* The kernel's own name for a context is taken for the user's. */
bool ctx_type_projects(const char *user, const char *name)
{
	return (!strcmp(user, "__sk_buff") && !strcmp(name, "sk_buff")) ||
	       (!strcmp(user, "xdp_md") && !strcmp(name, "xdp_buff"));
}

const char *ctx_type_kernel(const struct verifier *v)
{
	static const struct {
		const char *user, *kernel;
	} kernels[] = {
		{ "__sk_buff", "sk_buff" },
		{ "xdp_md", "xdp_buff" },
		{ "bpf_sock", "sock" },
		{ "bpf_sock_addr", "bpf_sock_addr_kern" },
		{ "bpf_sock_ops", "bpf_sock_ops_kern" },
		{ "sk_msg_md", "sk_msg" },
		{ "pt_regs", "pt_regs" },
		{ "bpf_perf_event_data", "bpf_perf_event_data_kern" },
		{ "bpf_sysctl", "bpf_sysctl_kern" },
		{ "bpf_sockopt", "bpf_sockopt_kern" },
		{ "sk_reuseport_md", "sk_reuseport_kern" },
		{ "bpf_sk_lookup", "bpf_sk_lookup_kern" },
		{ "bpf_nf_ctx", "bpf_nf_ctx" },
		{ "bpf_cgroup_dev_ctx", "bpf_cgroup_dev_ctx" },
	};
	const char *user = ctx_name(v->prog->type);

	for (size_t i = 0; user && i < ARRAY_SIZE(kernels); i++)
		if (!strcmp(kernels[i].user, user))
			return kernels[i].kernel;
	return "";
}

/* Is one of the typedefs that id goes through bpf_user_pt_regs_t? The kernel asks the first. */
static bool is_user_regs(const struct skep_btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type(btf, id);

	while (BTF_INFO_KIND(t->info) == BTF_KIND_CONST ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_VOLATILE ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_RESTRICT ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_TYPE_TAG)
		t = btf_type(btf, t->type);
	return BTF_INFO_KIND(t->info) == BTF_KIND_TYPEDEF && !strcmp(name_of(btf, t), REGS_TYPEDEF);
}

bool ctx_type_is(const struct verifier *v, const struct skep_btf *btf, uint32_t ptr)
{
	const char *want = ctx_name(v->prog->type);
	const uint32_t id = btf_type(btf, ptr)->type;
	const struct btf_type *t = btf_type(btf, btf_resolve(btf, id));

	if (v->prog->type == BPF_PROG_TYPE_KPROBE && is_user_regs(btf, id))
		return true;
	if (!want || BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT)
		return false;
	/* Old programs declare the typedef of registers as a struct. */
	if (v->prog->type == BPF_PROG_TYPE_KPROBE && !strcmp(name_of(btf, t), REGS_TYPEDEF))
		return true;
	return !strcmp(want, name_of(btf, t)) || ctx_type_projects(want, name_of(btf, t));
}

/* Registers, by the kernel's name for them or by the user's (the same one on x86). */
static bool is_regs_name(const char *name)
{
	static const char *const known[] = { "pt_regs", USER_REGS };

	return !strcmp(name, known[0]) || !strcmp(name, known[1]);
}

static bool fits_extra(const struct skep_btf *btf, uint32_t id, unsigned extra)
{
	const struct btf_type *t = btf_type(btf, btf_resolve(btf, id));
	const bool is_struct = BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT;
	const char *name = name_of(btf, t);

	return extra & EXTRA_ANY ||
	       (extra & EXTRA_U64 && BTF_INFO_KIND(t->info) == BTF_KIND_INT && t->size == 8) ||
	       (extra & EXTRA_REGS &&
		(is_user_regs(btf, id) || (is_struct && is_regs_name(name)))) ||
	       (extra & EXTRA_RAW_ARGS && is_struct && !strcmp(name, "bpf_raw_tracepoint_args")) ||
	       (extra & EXTRA_ITER && is_struct && !strncmp(name, "bpf_iter__", 10));
}

int ctx_type_check(struct verifier *v, uint32_t ptr, uint32_t arg)
{
	const struct skep_btf *btf = v->prog->btf;
	const uint32_t id = btf_type(btf, ptr)->type;
	const struct btf_type *t = btf_type(btf, btf_resolve(btf, id));
	const char *want = ctx_name(v->prog->type);

	if (BTF_INFO_KIND(t->info) == BTF_KIND_UNKN) /* void * is always right */
		return 0;
	if (!*name_of(btf, t))
		return fail(v, -EINVAL, "arg#%u type doesn't have a name", arg);
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (extras[i].type == v->prog->type &&
		    (!extras[i].attach || extras[i].attach == v->prog->expected_attach_type) &&
		    fits_extra(btf, id, extras[i].extra))
			return 0;
	if (!want)
		return fail(v, -EINVAL, "arg#%u should be void pointer", arg);
	if (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT || strcmp(want, name_of(btf, t)))
		return fail(v, -EINVAL, "arg#%u should be `struct %s *`", arg, want);
	return 0;
}
