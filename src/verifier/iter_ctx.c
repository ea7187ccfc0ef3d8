/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_ctx.c - what the arguments of iterator programs are (ctx_arg_info of each struct
 * bpf_iter_reg): objects that are NULL at the end, keys and values of maps as buffers.
 */
#include "verifier/verifier_int.h"

#define OBJECT (PTR_TO_BTF_ID | PTR_MAYBE_NULL)
#define BUFFER (PTR_TO_BUF | PTR_MAYBE_NULL)

static const struct {
	const char *target, *arg; /* bpf_iter_TARGET(meta, ..., ARG, ...) */
	uint32_t type;		  /* of the register */
} rows[] = {
	{ "task", "task", OBJECT | PTR_TRUSTED },
	{ "task_file", "task", OBJECT },
	{ "task_file", "file", OBJECT },
	{ "task_vma", "task", OBJECT },
	{ "task_vma", "vma", OBJECT },
	{ "cgroup", "cgroup", OBJECT | PTR_TRUSTED },
	{ "bpf_prog", "prog", OBJECT },
	{ "bpf_link", "link", OBJECT },
	{ "bpf_map", "map", OBJECT | PTR_TRUSTED },
	{ "bpf_map_elem", "key", BUFFER | MEM_RDONLY },
	{ "bpf_map_elem", "value", BUFFER },
	{ "bpf_sk_storage_map", "sk", OBJECT },
	{ "bpf_sk_storage_map", "value", BUFFER },
	{ "sockmap", "key", BUFFER | MEM_RDONLY },
	{ "sockmap", "sk", OBJECT },
	{ "tcp", "sk_common", OBJECT | PTR_TRUSTED },
	{ "udp", "udp_sk", OBJECT | PTR_TRUSTED },
	{ "unix", "unix_sk", OBJECT },
	{ "netlink", "sk", OBJECT },
	{ "ipv6_route", "rt", OBJECT },
	{ "ksym", "ksym", OBJECT },
	{ "kmem_cache", "s", OBJECT | PTR_UNTRUSTED },
	{ "dmabuf", "dmabuf", OBJECT },
};

bool iter_ctx_is(const struct verifier *v, const char *target)
{
	return v->prog->type == BPF_PROG_TYPE_TRACING &&
	       v->prog->expected_attach_type == BPF_TRACE_ITER && v->target.name &&
	       !strncmp(v->target.name, "bpf_iter_", 9) && !strcmp(v->target.name + 9, target);
}

bool iter_ctx_known(const struct verifier *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (iter_ctx_is(v, rows[i].target))
			return true;
	return false;
}

uint32_t iter_ctx_arg(const struct verifier *v, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].arg, arg) && iter_ctx_is(v, rows[i].target))
			return rows[i].type;
	return 0;
}
