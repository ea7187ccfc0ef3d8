/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - a map's key and value types against its attributes: map_check_btf of
 * kernel/bpf/syscall.c and the map_check_btf operation of each map type.
 */
#include "btf/btf_int.h"

#include "base/alloc.h"

/* Newer than the UAPI header that is installed. */
#define MAP_TYPE_CGRP_STORAGE 32
#define MAP_TYPE_ARENA	      33

#define FIELDS_LOCK	      (FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK)
#define FIELDS_ASYNC	      (FIELD_TIMER | FIELD_WORKQUEUE | FIELD_TASK_WORK)
#define FIELDS_PTR	      (FIELD_KPTR | FIELD_REFCOUNT)
#define FIELDS_STORE	      (FIELDS_LOCK | FIELDS_PTR)
#define FIELDS_ALL	      (FIELDS_STORE | FIELDS_ASYNC | FIELD_GRAPH_ROOT)
#define FIELDS_OF_MAP	      (FIELDS_ALL | FIELD_UPTR)

/* Checks the key's type: void where the map is created without one. 0 or -errno. */
typedef int (*key_fn)(const union bpf_attr *attr, const struct btf_type *key,
		      const struct btf_type *value);

static int key_int(const struct btf_type *key, uint32_t bits)
{
	bool ok = type_kind(key) == BTF_KIND_INT && BTF_INT_BITS(type_int(key)) == bits &&
		  !BTF_INT_OFFSET(type_int(key));

	return ok ? 0 : -EINVAL;
}

/* The one array without a key is that of global data. */
static int key_array(const union bpf_attr *attr, const struct btf_type *key,
		     const struct btf_type *value)
{
	if (type_kind(key) != BTF_KIND_UNKN)
		return key_int(key, 32);
	if (attr->map_type != BPF_MAP_TYPE_ARRAY || attr->max_entries != 1 ||
	    type_kind(value) != BTF_KIND_DATASEC)
		return -EINVAL;
	return 0;
}

static int key_u32(const union bpf_attr *attr, const struct btf_type *key,
		   const struct btf_type *value)
{
	return key_int(key, 32);
}

static int key_struct(const union bpf_attr *attr, const struct btf_type *key,
		      const struct btf_type *value)
{
	return type_kind(key) == BTF_KIND_STRUCT ? 0 : -EINVAL;
}

static int key_some(const union bpf_attr *attr, const struct btf_type *key,
		    const struct btf_type *value)
{
	return type_kind(key) == BTF_KIND_UNKN ? -EINVAL : 0;
}

static int key_none(const union bpf_attr *attr, const struct btf_type *key,
		    const struct btf_type *value)
{
	return key_some(attr, key, value) ? 0 : -EINVAL;
}

static int key_any(const union bpf_attr *attr, const struct btf_type *key,
		   const struct btf_type *value)
{
	return 0;
}

/* Most maps of objects have no use for types; PROG_ARRAY takes any. */
static int no_btf(const union bpf_attr *attr, const struct btf_type *key,
		  const struct btf_type *value)
{
	return -ENOTSUPP;
}

/* What each map type asks of its key, and which special fields its values may have. */
static const struct map_rule {
	key_fn key;	 /* NULL: there must be a key, of any type */
	uint32_t fields; /* FIELD_* */
} rules[] = {
	[BPF_MAP_TYPE_HASH] = { key_some, FIELDS_ALL },
	[BPF_MAP_TYPE_LRU_HASH] = { key_some, FIELDS_PTR | FIELDS_ASYNC | FIELD_GRAPH_ROOT },
	[BPF_MAP_TYPE_PERCPU_HASH] = { key_some, FIELDS_PTR },
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = { key_some, FIELDS_PTR },
	[BPF_MAP_TYPE_ARRAY] = { key_array, FIELDS_ALL },
	[BPF_MAP_TYPE_PERCPU_ARRAY] = { key_array, FIELDS_PTR },
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = { no_btf, 0 },
	[BPF_MAP_TYPE_CGROUP_ARRAY] = { no_btf, 0 },
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = { no_btf, 0 },
	[BPF_MAP_TYPE_HASH_OF_MAPS] = { no_btf, 0 },
	[BPF_MAP_TYPE_STACK_TRACE] = { no_btf, 0 },
	[BPF_MAP_TYPE_CPUMAP] = { no_btf, 0 },
	[BPF_MAP_TYPE_SOCKMAP] = { no_btf, 0 },
	[BPF_MAP_TYPE_SOCKHASH] = { no_btf, 0 },
	[BPF_MAP_TYPE_XSKMAP] = { no_btf, 0 },
	[BPF_MAP_TYPE_DEVMAP] = { no_btf, 0 },
	[BPF_MAP_TYPE_DEVMAP_HASH] = { no_btf, 0 },
	[BPF_MAP_TYPE_LPM_TRIE] = { key_struct, 0 },
	[BPF_MAP_TYPE_BLOOM_FILTER] = { key_none, 0 },
	[BPF_MAP_TYPE_SK_STORAGE] = { key_u32, FIELDS_STORE },
	[BPF_MAP_TYPE_INODE_STORAGE] = { key_u32, FIELDS_STORE },
	[BPF_MAP_TYPE_TASK_STORAGE] = { key_u32, FIELDS_STORE | FIELD_UPTR },
	[BPF_MAP_TYPE_CGROUP_STORAGE] = { NULL, FIELDS_LOCK },
	[MAP_TYPE_CGRP_STORAGE] = { key_u32, FIELDS_STORE },
	[MAP_TYPE_ARENA] = { key_any, 0 },
};

/* Finds the value's fields.  Unsound ones are none: only programs are told. */
static int value_fields(const struct btf_seek *seek, const union bpf_attr *attr, uint32_t value_id,
			uint32_t allowed, struct btf_record **ret)
{
	int err = btf_find_fields(seek, value_id, attr->value_size, ret);

	if (err || !*ret)
		return err == -ENOMEM ? err : 0;
	if (attr->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EACCES;
	if ((*ret)->mask & ~allowed)
		return -EOPNOTSUPP;
	return btf_hold(seek->b, *ret);
}

int btf_check_map(const struct skep_btf *b, const struct skep_btf *kernel,
		  const union bpf_attr *attr, struct btf_record **ret)
{
	static const struct map_rule other;
	const struct map_rule *rule =
		attr->map_type < ARRAY_SIZE(rules) ? &rules[attr->map_type] : &other;
	uint32_t key_id = attr->btf_key_type_id, value_id = attr->btf_value_type_id, size;
	_cleanup_(skep_free_p) struct btf_record *record = NULL;
	_cleanup_(skep_free_p) uint8_t *barren = NULL;
	const struct btf_type *key, *value;
	int err;

	if (key_id) {
		key = btf_sized(b, &key_id, &size);
		if (!key || size != attr->key_size)
			return -EINVAL;
	} else {
		key = btf_type(b, 0);
		if (!rule->key)
			return -EINVAL;
	}
	value = btf_sized(b, &value_id, &size);
	if (!value || size != attr->value_size)
		return -EINVAL;
	barren = skep_alloc(b->cnt);
	if (!barren)
		return -ENOMEM;
	err = value_fields(&(struct btf_seek){ b, kernel, FIELDS_OF_MAP, barren }, attr, value_id,
			   rule->fields, &record);
	if (!err && rule->key)
		err = rule->key(attr, key, value);
	if (!err)
		*ret = TAKE_PTR(record);
	return err;
}
