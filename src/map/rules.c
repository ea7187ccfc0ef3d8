/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.c - what MAP_CREATE's attributes must be, for the types where a table says all of it (the
 * alloc_check of each type in kernel/bpf and net/).  Types that run and types that are only
 * judged go by the same rows.  Cold.
 */
#include "map/arena.h"
#include "map/map_int.h"
#include "map/socket.h"
#include "map/storage.h"

#define VALUE_MAX     (4u << 20)		   /* KMALLOC_MAX_SIZE */
#define TRIE_KEY      4				   /* struct bpf_lpm_trie_key without data */
#define TRIE_DATA     256			   /* LPM_DATA_SIZE_MAX */
#define TRIE_VALUE    (VALUE_MAX - TRIE_DATA - 24) /* LPM_VAL_SIZE_MAX */
#define STACK_DEPTH   127			   /* PERF_MAX_STACK_DEPTH */
#define ANY	      UINT32_MAX

#define FLAGS_OBJECTS (BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY)
#define FLAGS_QUEUE   (BPF_F_NUMA_NODE | MAP_ACCESS_FLAGS)

/* How many elements a type is asked for. */
enum entries { ENTRIES_SOME, ENTRIES_NONE, ENTRIES_ANY };

/* What a type asks of its attributes.  Where two numbers are given, either is right. */
struct rule {
	uint32_t key_min, key_max;
	uint32_t value_min, value_max; /* beyond value_max it is -E2BIG; 0: there is no value */
	uint32_t value[2];	       /* sizes that a value may have; 0, 0: any in the range */
	uint32_t flags;		       /* those that may be set... */
	uint32_t must;		       /* ...and those that must */
	uint64_t extra;		       /* bits that map_extra may have */
	uint32_t entries_max;	       /* beyond it -E2BIG; 0: no limit */
	enum entries entries;
	bool btf; /* the types of key and value must be named */
	/* What else there is to say; may be NULL. */
	int (*also)(const union bpf_attr *attr);
};

static int queue_size(const union bpf_attr *attr)
{
	return attr->max_entries >= UINT32_MAX / attr->value_size ? -E2BIG : 0;
}

static int trie_value(const union bpf_attr *attr)
{
	return attr->value_size > TRIE_VALUE ? -EINVAL : 0;
}

static int stack_size(const union bpf_attr *attr)
{
	uint32_t unit = attr->map_flags & BPF_F_STACK_BUILD_ID ? sizeof(struct bpf_stack_build_id)
							       : sizeof(uint64_t);

	if (attr->value_size % unit || attr->value_size / unit > STACK_DEPTH)
		return -EINVAL;
	return attr->max_entries > 1u << 31 ? -E2BIG : 0;
}

/* Here the size of the value is asked for before flags and entries. */
static int cgroup_attr(const union bpf_attr *attr)
{
	const bool percpu = attr->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if ((attr->key_size != sizeof(struct bpf_cgroup_storage_key) &&
	     attr->key_size != sizeof(uint64_t)) ||
	    attr->value_size == 0)
		return -EINVAL;
	if (attr->value_size > (percpu ? PERCPU_VALUE_MAX : STORAGE_VALUE_MAX))
		return -E2BIG;
	return attr->map_flags & ~(uint32_t)FLAGS_QUEUE || !map_access_ok(attr->map_flags) ||
			       attr->max_entries
		       ? -EINVAL
		       : 0;
}

static int sockhash_key(const union bpf_attr *attr)
{
	return attr->key_size > SOCKHASH_KEY_MAX ? -E2BIG : 0;
}

static int one_of_kernel(const union bpf_attr *attr)
{
	return attr->max_entries != 1 || !attr->btf_vmlinux_value_type_id ? -EINVAL : 0;
}

static int dev_entries(const union bpf_attr *attr)
{
	return attr->max_entries > 1u << 31 ? -EINVAL : 0;
}

static uint64_t arena_bytes(const union bpf_attr *attr)
{
	return (uint64_t)attr->max_entries << 12;
}

static int arena_place(const union bpf_attr *attr)
{
	uint64_t first = attr->map_extra, last = first + arena_bytes(attr) - 1;

	if (arena_bytes(attr) > UINT64_C(1) << 32)
		return -E2BIG;
	return first >> 32 != last >> 32 ? -ERANGE : 0;
}

#define ARENA_FLAGS (BPF_F_MMAPABLE | ARENA_SEGV_ON_FAULT | ARENA_NO_USER_CONV)

#define STORAGE                                                                             \
	{                                                                                   \
		.key_min = 4, .key_max = 4, .value_min = 1, .value_max = STORAGE_VALUE_MAX, \
		.flags = BPF_F_NO_PREALLOC | BPF_F_CLONE, .must = BPF_F_NO_PREALLOC,        \
		.entries = ENTRIES_NONE, .btf = true                                        \
	}
#define CGROUP_STORAGE                                                                  \
	{                                                                               \
		.key_max = ANY, .value_max = ANY, .flags = ANY, .entries = ENTRIES_ANY, \
		.also = cgroup_attr                                                     \
	}
#define QUEUE                                                                                    \
	{                                                                                        \
		.value_min = 1, .value_max = VALUE_MAX, .flags = FLAGS_QUEUE, .also = queue_size \
	}
/* Arrays whose values are objects of the kernel: 4-byte keys, values of one size or the other. */
#define OBJECTS(one, other, may) \
	.key_min = 4, .key_max = 4, .value_max = ANY, .value = { (one), (other) }, .flags = (may)

static const struct rule rules[] = {
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = { OBJECTS(4, 4, FLAGS_OBJECTS | BPF_F_PRESERVE_ELEMS) },
	[BPF_MAP_TYPE_STACK_TRACE] = { .key_min = 4,
				       .key_max = 4,
				       .value_min = 8,
				       .value_max = ANY,
				       .flags = FLAGS_OBJECTS | BPF_F_STACK_BUILD_ID,
				       .also = stack_size },
	[BPF_MAP_TYPE_CGROUP_ARRAY] = { OBJECTS(4, 4, FLAGS_OBJECTS) },
	[BPF_MAP_TYPE_LPM_TRIE] = { .key_min = TRIE_KEY + 1,
				    .key_max = TRIE_KEY + TRIE_DATA,
				    .value_min = 1,
				    .value_max = ANY,
				    .flags = FLAGS_QUEUE | BPF_F_NO_PREALLOC,
				    .must = BPF_F_NO_PREALLOC,
				    .also = trie_value },
	[BPF_MAP_TYPE_DEVMAP] = { OBJECTS(4, 8, FLAGS_OBJECTS) },
	[BPF_MAP_TYPE_SOCKMAP] = { OBJECTS(4, 8, FLAGS_OBJECTS) },
	[BPF_MAP_TYPE_CPUMAP] = { OBJECTS(4, 8, BPF_F_NUMA_NODE), .entries_max = 8192 },
	[BPF_MAP_TYPE_XSKMAP] = { OBJECTS(4, 4, FLAGS_OBJECTS) },
	[BPF_MAP_TYPE_SOCKHASH] = { .key_min = 1,
				    .key_max = ANY,
				    .value_max = ANY,
				    .value = { 4, 8 },
				    .flags = FLAGS_OBJECTS,
				    .also = sockhash_key },
	[BPF_MAP_TYPE_CGROUP_STORAGE] = CGROUP_STORAGE,
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = { OBJECTS(4, 8, FLAGS_QUEUE) },
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = CGROUP_STORAGE,
	[BPF_MAP_TYPE_QUEUE] = QUEUE,
	[BPF_MAP_TYPE_STACK] = QUEUE,
	[BPF_MAP_TYPE_SK_STORAGE] = STORAGE,
	[BPF_MAP_TYPE_DEVMAP_HASH] = { OBJECTS(4, 8, FLAGS_OBJECTS), .also = dev_entries },
	[BPF_MAP_TYPE_INODE_STORAGE] = STORAGE,
	[BPF_MAP_TYPE_TASK_STORAGE] = STORAGE,
	[BPF_MAP_TYPE_BLOOM_FILTER] = { .value_min = 1,
					.value_max = VALUE_MAX,
					.flags = FLAGS_QUEUE | BPF_F_ZERO_SEED,
					.extra = 0xf },
	/* The size of its value is the matter of the kernel's BTF (struct_ops.c). */
	[BPF_MAP_TYPE_STRUCT_OPS] = { .key_min = 4,
				      .key_max = 4,
				      .value_max = ANY,
				      .flags = 1u << 13, /* BPF_F_LINK */
				      .entries = ENTRIES_ANY,
				      .also = one_of_kernel },
	[SKEP_MAP_TYPE_CGRP_STORAGE] = STORAGE,
	[SKEP_MAP_TYPE_ARENA] = { .flags = ARENA_FLAGS,
				  .must = BPF_F_MMAPABLE,
				  .extra = ~UINT64_C(0xfff),
				  .also = arena_place },
};

static bool entries_fit(const struct rule *r, uint32_t n)
{
	switch (r->entries) {
	case ENTRIES_SOME:
		return n > 0;
	case ENTRIES_NONE:
		return n == 0;
	default:
		return true;
	}
}

static bool value_fits(const struct rule *r, uint32_t size)
{
	return size >= r->value_min && (r->value_max || !size) &&
	       (!r->value[0] || size == r->value[0] || size == r->value[1]);
}

int map_rule_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	const struct rule *r = &rules[attr->map_type];
	int err = 0;

	if (!entries_fit(r, attr->max_entries) || !value_fits(r, attr->value_size) ||
	    attr->key_size < r->key_min || attr->key_size > r->key_max ||
	    attr->map_flags & ~r->flags || ~attr->map_flags & r->must ||
	    (r->flags != ANY && !map_access_ok(attr->map_flags)) || attr->map_extra & ~r->extra ||
	    (r->btf && (!attr->btf_key_type_id || !attr->btf_value_type_id)))
		err = -EINVAL;
	else if (attr->value_size > r->value_max ||
		 (r->entries_max && attr->max_entries > r->entries_max))
		err = -E2BIG;
	else if (r->also)
		err = r->also(attr);
	return err ? diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
			      "key_size %u, value_size %u, max_entries %u or flags 0x%x are not "
			      "for maps of type %s",
			      attr->key_size, attr->value_size, attr->max_entries, attr->map_flags,
			      map_type(attr->map_type)->name)
		   : 0;
}

bool map_has_rule(uint32_t type)
{
	return type < ARRAY_SIZE(rules) && rules[type].flags;
}
