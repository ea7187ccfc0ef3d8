/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lsm.c - what is special about some hooks of the LSM framework, by the names of the functions
 * that stand for them in BTF (kernel/bpf/bpf_lsm.c).
 */
#include "verifier/verifier_int.h"

#define HOOK "bpf_lsm_"

/* Their answers are not a plain errno. */
static const char *const disabled[] = {
	"vm_enough_memory",    "inode_need_killpriv", "inode_getsecurity",   "inode_listsecurity",
	"inode_copy_up_xattr", "getselfattr",	      "getprocattr",	     "setprocattr",
	"key_getsecurity",     "audit_rule_match",    "xfrm_decode_session", "ismaclabel",
};

/* Objects that are being made or destroyed. */
static const char *const untrusted[] = {
	"bpf_map_free",	     "bpf_prog_free",	 "file_alloc_security", "file_free_security",
	"sk_alloc_security", "sk_free_security", "task_free",
};

static const char *const bools[] = { "xfrm_state_pol_flow_match", "audit_rule_known",
				     "inode_xattr_skipcap" };

/* Hooks that are called where it is allowed to sleep. */
static const char *const sleepable[] = {
	"bpf",
	"bpf_map",
	"bpf_map_create",
	"bpf_map_free",
	"bpf_prog",
	"bpf_prog_load",
	"bpf_token_create",
	"bpf_token_free",
	"bpf_token_cmd",
	"bpf_token_capable",
	"bprm_check_security",
	"bprm_committed_creds",
	"bprm_committing_creds",
	"bprm_creds_for_exec",
	"bprm_creds_from_file",
	"capget",
	"capset",
	"cred_prepare",
	"file_ioctl",
	"file_lock",
	"file_open",
	"file_post_open",
	"file_receive",
	"inode_create",
	"inode_free_security",
	"inode_getattr",
	"inode_getxattr",
	"inode_mknod",
	"inode_need_killpriv",
	"inode_post_setxattr",
	"inode_post_removexattr",
	"inode_readlink",
	"inode_removexattr",
	"inode_rename",
	"inode_rmdir",
	"inode_setattr",
	"inode_setxattr",
	"inode_symlink",
	"inode_unlink",
	"kernel_module_request",
	"kernel_read_file",
	"kernfs_init_security",
	"key_free",
	"mmap_file",
	"netlink_send",
	"path_chmod",
	"path_chown",
	"path_link",
	"path_mkdir",
	"path_notify",
	"path_rename",
	"path_rmdir",
	"path_symlink",
	"path_truncate",
	"path_unlink",
	"release_secctx",
	"sb_alloc_security",
	"sb_eat_lsm_opts",
	"sb_kern_mount",
	"sb_mount",
	"sb_remount",
	"sb_set_mnt_opts",
	"sb_show_options",
	"sb_statfs",
	"sb_umount",
	"settime",
	"socket_accept",
	"socket_bind",
	"socket_connect",
	"socket_create",
	"socket_getpeername",
	"socket_getpeersec_dgram",
	"socket_getsockname",
	"socket_getsockopt",
	"socket_listen",
	"socket_post_create",
	"socket_recvmsg",
	"socket_sendmsg",
	"socket_shutdown",
	"socket_socketpair",
	"syslog",
	"task_alloc",
	"current_getsecid_subj",
	"task_getsecid_obj",
	"task_prctl",
	"task_setscheduler",
	"task_to_inode",
	"userns_create",
};

static bool is_in(const char *func, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(func + sizeof(HOOK) - 1, names[i]))
			return true;
	return false;
}

int lsm_check(struct verifier *v, const char *func)
{
	const uint32_t id = v->prog->attach_btf_id;

	if (!v->prog->gpl_compatible)
		return fail(v, -EINVAL, "LSM programs must have a GPL compatible license");
	if (strncmp(func, HOOK, sizeof(HOOK) - 1))
		return fail(v, -EINVAL, "attach_btf_id %u points to wrong type name %s", id, func);
	if (is_in(func, disabled, ARRAY_SIZE(disabled)))
		return fail(v, -EINVAL, "attach_btf_id %u points to disabled hook %s", id, func);
	if (v->prog->flags & BPF_F_SLEEPABLE && !lsm_is_sleepable(func))
		return fail(v, -EINVAL, "%s is not sleepable", func);
	return 0;
}

bool lsm_is_sleepable(const char *func)
{
	return is_in(func, sleepable, ARRAY_SIZE(sleepable));
}

bool lsm_is_trusted(const char *func)
{
	return !is_in(func, untrusted, ARRAY_SIZE(untrusted));
}

bool lsm_is_bool(const char *func)
{
	return is_in(func, bools, ARRAY_SIZE(bools));
}
