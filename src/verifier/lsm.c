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
	return 0;
}

bool lsm_is_trusted(const char *func)
{
	return !is_in(func, untrusted, ARRAY_SIZE(untrusted));
}

bool lsm_is_bool(const char *func)
{
	return is_in(func, bools, ARRAY_SIZE(bools));
}
