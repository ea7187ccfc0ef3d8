/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct_ops.c - BPF_MAP_TYPE_STRUCT_OPS (kernel/bpf/bpf_struct_ops.c): a map whose one value is a
 * struct of the kernel's with programs as members, of a type bpf_struct_ops_X of the kernel's BTF.
 * Cold.
 *
 * The value is always as it begins: there is no part of this kernel that X could be registered
 * with, so an update that Linux would look into further is -EOPNOTSUPP.
 */
#include "map/map_int.h"

#define PREFIX	  "bpf_struct_ops_"
#define OPS_LINK  (1u << 13) /* BPF_F_LINK */
#define STATE_END 8	     /* struct bpf_struct_ops_common_value: refcnt, state */

int struct_ops_type(const union bpf_attr *attr, const struct skep_btf *kernel,
		    struct skep_diag *reterr_diag)
{
	const struct btf_type *t =
		kernel ? btf_type(kernel, attr->btf_vmlinux_value_type_id) : NULL;

	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT ||
	    strncmp(btf_str(kernel, t->name_off), PREFIX, sizeof(PREFIX) - 1) != 0)
		return diag_set(reterr_diag, -ENOTSUPP, SKEP_AT_TYPE,
				attr->btf_vmlinux_value_type_id,
				"the kernel has no struct_ops of that type");
	if (attr->value_size != t->size)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_TYPE, attr->btf_vmlinux_value_type_id,
				"value_size %u: a struct %s has %u bytes", attr->value_size,
				btf_str(kernel, t->name_off), t->size);
	return 0;
}

static int struct_ops_create(struct skep_map *m, const union bpf_attr *attr,
			     struct skep_diag *reterr_diag)
{
	int err = map_area_of(m, 0, 0);

	(void)attr;
	return err ? diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for the map") : 0;
}

static int struct_ops_next_key(struct skep_map *m, const void *key, void *next)
{
	const uint32_t first = 0;

	(void)m;
	if (key && !array_index(key))
		return -ENOENT;
	memcpy(next, &first, sizeof(first));
	return 0;
}

static int struct_ops_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)flags;
	if (array_index(key))
		return -ENOENT;
	memset(value, 0, m->value_size);
	return 0;
}

static int struct_ops_sys_update(struct skep_map *m, const void *key, const void *value,
				 uint64_t flags)
{
	static const uint8_t none[STATE_END];

	(void)m;
	if (flags)
		return -EINVAL;
	if (array_index(key))
		return -E2BIG;
	return memcmp(value, none, MIN(m->value_size, STATE_END)) ? -EINVAL : -EOPNOTSUPP;
}

static int struct_ops_sys_delete(struct skep_map *m, const void *key)
{
	(void)key;
	return m->flags & OPS_LINK ? -EOPNOTSUPP : -ENOENT;
}

const struct map_ops struct_ops_map_ops = {};

const struct map_sys_ops struct_ops_map_sys = {
	.run = &struct_ops_map_ops,
	.check = map_rule_check,
	.create = struct_ops_create,
	.next_key = struct_ops_next_key,
	.sys_lookup = struct_ops_sys_lookup,
	.sys_update = struct_ops_sys_update,
	.sys_delete = struct_ops_sys_delete,
};
