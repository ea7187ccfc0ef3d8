/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target_helper.c - helpers that not all programs of a type may call: it depends on what they are
 * attached to (get_func_proto() of struct_ops, of iterators and of LSM hooks, and
 * bpf_func_proto.allowed).
 */
#include "verifier/verifier_int.h"

static bool is_named(const struct verifier *v, const char *const *names, size_t n)
{
	for (size_t i = 0; v->target.name && i < n; i++)
		if (!strcmp(v->target.name, names[i]))
			return true;
	return false;
}

static bool in_congestion(const struct verifier *v)
{
	return struct_ops_is(v, "tcp_congestion_ops");
}

/* Whose release() would set the congestion control that is being released. */
static bool in_congestion_alive(const struct verifier *v)
{
	return in_congestion(v) && strcmp(v->target.name, "release");
}

static bool in_iter_of_sockets(const struct verifier *v)
{
	return iter_ctx_is(v, "tcp") || iter_ctx_is(v, "unix");
}

/* Hooks that see a socket with its lock, or before anybody else has it. */
static bool in_socket_hook(const struct verifier *v)
{
	static const char *const hooks[] = {
		"bpf_lsm_sock_graft",
		"bpf_lsm_inet_csk_clone",
		"bpf_lsm_inet_conn_established",
		"bpf_lsm_socket_post_create",
		"bpf_lsm_socket_socketpair",
	};

	return v->prog->expected_attach_type == BPF_LSM_CGROUP &&
	       is_named(v, hooks, ARRAY_SIZE(hooks));
}

/* A helper for programs of that type: only where fits() says so. */
static const struct {
	uint32_t helper, type;
	bool (*fits)(const struct verifier *v);
} rows[] = {
	{ BPF_FUNC_tcp_send_ack, BPF_PROG_TYPE_STRUCT_OPS, in_congestion },
	{ BPF_FUNC_sk_storage_get, BPF_PROG_TYPE_STRUCT_OPS, in_congestion },
	{ BPF_FUNC_sk_storage_delete, BPF_PROG_TYPE_STRUCT_OPS, in_congestion },
	{ BPF_FUNC_setsockopt, BPF_PROG_TYPE_STRUCT_OPS, in_congestion_alive },
	{ BPF_FUNC_getsockopt, BPF_PROG_TYPE_STRUCT_OPS, in_congestion_alive },
	{ BPF_FUNC_setsockopt, BPF_PROG_TYPE_TRACING, in_iter_of_sockets },
	{ BPF_FUNC_getsockopt, BPF_PROG_TYPE_TRACING, in_iter_of_sockets },
	{ BPF_FUNC_setsockopt, BPF_PROG_TYPE_LSM, in_socket_hook },
	{ BPF_FUNC_getsockopt, BPF_PROG_TYPE_LSM, in_socket_hook },
};

bool target_helper(const struct verifier *v, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].helper == id && rows[i].type == v->prog->type)
			return rows[i].fits(v);
	return true;
}

/* --- helpers that would deadlock, or come back to themselves, in some functions --------------- */

static bool may_d_path(const struct verifier *v)
{
	static const char *const names[] = {
		"security_file_permission",
		"security_inode_getattr",
		"security_file_open",
		"security_path_truncate",
		"vfs_truncate",
		"vfs_fallocate",
		"dentry_open",
		"vfs_getattr",
		"filp_close",
	};

	if (v->prog->type == BPF_PROG_TYPE_LSM)
		return lsm_is_sleepable(v->target.name);
	return (v->prog->type == BPF_PROG_TYPE_TRACING &&
		v->prog->expected_attach_type == BPF_TRACE_ITER) ||
	       is_named(v, names, ARRAY_SIZE(names));
}

bool target_allows(const struct verifier *v, uint32_t id)
{
	const bool tracing = v->prog->type == BPF_PROG_TYPE_TRACING;

	switch (id) {
	case BPF_FUNC_d_path:
		return may_d_path(v);
	case BPF_FUNC_sk_storage_get:
	case BPF_FUNC_sk_storage_delete:
		return !tracing || !v->target.name ||
		       strncmp(v->target.name, "bpf_sk_storage", 14) != 0;
	default:
		return true;
	}
}
