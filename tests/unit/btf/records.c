/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.c - special fields of map values: which map type takes which, what a record says of
 * them, when two are the same.  The host is asked the same by MAP_CREATE.
 */
#include "base/alloc.h"
#include "kernel.h"
#include "tests/harness/host.h"

#include <unistd.h>

#define CGRP_STORAGE 32 /* newer than the UAPI header that is installed */

static struct raw blob;
static struct build b;

/* Types of the blob, by id. */
static struct {
	uint32_t key, key8, held, value;
} id;

/* A value of 64 bytes with a field of that type at 16, and what it needs to be sound. */
struct field {
	const char *name; /* of its type, or of its type tag */
	uint32_t size;	  /* of its type; 0: it is a pointer to `to`... */
	const char *to;	  /* ...or holds `to` by its node */
	uint32_t type;	  /* enum btf_field_type */
};

static const struct field fields[] = {
	{ "bpf_spin_lock", 4, NULL, FIELD_SPIN_LOCK },
	{ "bpf_res_spin_lock", 4, NULL, FIELD_RES_SPIN_LOCK },
	{ "bpf_timer", 16, NULL, FIELD_TIMER },
	{ "bpf_wq", 16, NULL, FIELD_WORKQUEUE },
	{ "bpf_task_work", 8, NULL, FIELD_TASK_WORK },
	{ "bpf_refcount", 4, NULL, FIELD_REFCOUNT },
	{ "kptr", 0, "task_struct", FIELD_KPTR_REF },
	{ "kptr_untrusted", 0, "sk_buff", FIELD_KPTR_UNREF },
	{ "percpu_kptr", 0, "held", FIELD_KPTR_PERCPU },
	{ "uptr", 0, "held", FIELD_UPTR },
	{ "bpf_list_head", 16, "held:list", FIELD_LIST_HEAD },
	{ "bpf_rb_root", 16, "held:tree", FIELD_RB_ROOT },
};

static uint32_t pointer(const char *tag, const char *to)
{
	uint32_t t = strcmp(to, "held") ? build_type(&b, BTF_KIND_STRUCT, to, 8) : id.held;

	return build_type(&b, BTF_KIND_PTR, "", build_type(&b, BTF_KIND_TYPE_TAG, tag, t));
}

static void build_value(const struct field *f)
{
	uint32_t lock, node, rb, ref, field;

	memset(&b, 0, sizeof(b));
	id.key = build_int(&b, "int", 4);
	id.key8 = build_type(&b, BTF_KIND_STRUCT, "key", 8);
	build_part(&b, "a", id.key, 0), build_part(&b, "b", id.key, 32);
	lock = build_type(&b, BTF_KIND_STRUCT, "bpf_spin_lock", 4);
	node = build_type(&b, BTF_KIND_STRUCT, "bpf_list_node", 24);
	rb = build_type(&b, BTF_KIND_STRUCT, "bpf_rb_node", 32);
	ref = build_type(&b, BTF_KIND_STRUCT, "bpf_refcount", 4);
	id.held = build_type(&b, BTF_KIND_STRUCT, "held", 72);
	build_part(&b, "ref", ref, 0);
	build_part(&b, "list", node, 16 * 8);
	build_part(&b, "tree", rb, 40 * 8);
	field = !f->size		     ? pointer(f->name, f->to)
		: f->type == FIELD_SPIN_LOCK ? lock
		: f->type == FIELD_REFCOUNT  ? ref
					     : build_type(&b, BTF_KIND_STRUCT, f->name, f->size);
	id.value = build_type(&b, BTF_KIND_STRUCT, "value", 64);
	if (f->type & FIELD_GRAPH_ROOT)
		build_part(&b, "lock", lock, 0);
	build_part(&b, "field", field, 16 * 8);
	if (f->type & FIELD_GRAPH_ROOT) {
		char tag[64] = "contains:";

		strncat(tag, f->to, sizeof(tag) - sizeof("contains:"));
		build_decl_tag(&b, tag, id.value, 1);
	}
	build_done(&b, &blob);
}

/* Map types whose values may have fields at all, with attributes that they take. */
static const struct map {
	uint32_t type, key_size, max, flags;
} maps[] = {
	{ BPF_MAP_TYPE_HASH, 8, 4, 0 },
	{ BPF_MAP_TYPE_HASH, 8, 4, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_LRU_HASH, 8, 4, 0 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 8, 4, 0 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 4, 0 },
	{ BPF_MAP_TYPE_ARRAY, 4, 4, 0 },
	{ BPF_MAP_TYPE_ARRAY, 4, 4, BPF_F_RDONLY_PROG },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 0 },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 4, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 0 },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 0, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 0, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_TASK_STORAGE, 4, 0, BPF_F_NO_PREALLOC },
	{ CGRP_STORAGE, 4, 0, BPF_F_NO_PREALLOC },
};

#define LOCKS	 (FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK)
#define ASYNC	 (FIELD_TIMER | FIELD_WORKQUEUE | FIELD_TASK_WORK)
#define POINTERS (FIELD_KPTR | FIELD_REFCOUNT)
#define STORE	 (LOCKS | POINTERS)
#define ROOTS	 FIELD_GRAPH_ROOT

/* Fields of values of maps[i], as kernel/bpf/syscall.c has them. */
static const uint32_t allowed[] = {
	STORE | ASYNC | ROOTS,
	STORE | ASYNC | ROOTS,
	POINTERS | ASYNC | ROOTS,
	POINTERS,
	POINTERS,
	STORE | ASYNC | ROOTS,
	0,
	POINTERS,
	0,
	0,
	STORE,
	STORE,
	STORE | FIELD_UPTR,
	STORE,
};
static_assert(ARRAY_SIZE(allowed) == ARRAY_SIZE(maps), "one row per map");

static union bpf_attr attr_of(const struct map *m)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = m->type;
	a.key_size = m->key_size;
	a.value_size = 64;
	a.max_entries = m->max;
	a.map_flags = m->flags;
	a.btf_key_type_id = m->key_size == 8 ? id.key8 : m->key_size ? id.key : 0;
	a.btf_value_type_id = id.value;
	return a;
}

static int host_btf(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.btf = (uintptr_t)blob.data;
	a.btf_size = blob.size;
	return (int)host_bpf(BPF_BTF_LOAD, &a);
}

TEST(each_map_type_takes_its_fields)
{
	struct skep_btf *kernel = kernel_btf();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		/* Lists and trees come with a lock. */
		const uint32_t mask =
			fields[i].type | (fields[i].type & ROOTS ? FIELD_SPIN_LOCK : 0u);
		struct skep_btf *btf = NULL;
		int fd;

		build_value(&fields[i]);
		ASSERT_EQ(btf_new(blob.data, blob.size, kernel, NULL, &btf, NULL), 0);
		fd = host_btf();
		for (size_t k = 0; k < ARRAY_SIZE(maps); k++) {
			const bool read_only = maps[k].flags & BPF_F_RDONLY_PROG;
			const int want = !(mask & ~allowed[k]) ? 0
					 : read_only	       ? -EACCES
							       : -EOPNOTSUPP;
			union bpf_attr a = attr_of(&maps[k]);
			struct btf_record *r = NULL;
			int err = btf_check_map(btf, kernel, &a, &r);
			long host;

			ASSERT_MSG(err == want, "%s in map type %u: %d, not %d", fields[i].name,
				   maps[k].type, err, want);
			ASSERT_MSG(err || btf_record_find(r, 16, fields[i].type),
				   "%s is not in the record", fields[i].name);
			skep_free(r);
			if (fd < 0)
				continue;
			a.btf_fd = (uint32_t)fd;
			host = host_bpf(BPF_MAP_CREATE, &a);
			ASSERT_MSG(host == want || host >= 0, "%s in map type %u: host %ld, not %d",
				   fields[i].name, maps[k].type, host, want);
			ASSERT_EQ(host >= 0, want == 0);
			if (host >= 0)
				close((int)host);
		}
		if (fd >= 0)
			close(fd);
		btf_put(btf);
	}
	btf_put(kernel);
}

/* Of the value that build_value() made: it must be fine. */
static struct btf_record *record_of(struct skep_btf **ret_btf, struct skep_btf *kernel)
{
	const struct map hash = { BPF_MAP_TYPE_TASK_STORAGE, 4, 0, BPF_F_NO_PREALLOC };
	const struct map task = { BPF_MAP_TYPE_HASH, 8, 4, 0 };
	struct btf_record *r = NULL;
	union bpf_attr a = attr_of(&task), b2 = attr_of(&hash);

	ASSERT_EQ(btf_new(blob.data, blob.size, kernel, NULL, ret_btf, NULL), 0);
	if (btf_check_map(*ret_btf, kernel, &a, &r))
		ASSERT_EQ(btf_check_map(*ret_btf, kernel, &b2, &r), 0);
	return r;
}

TEST(a_record_tells_place_size_and_target)
{
	struct skep_btf *kernel = kernel_btf();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const struct btf_field *has;
		struct skep_btf *btf = NULL;
		struct btf_record *r;
		const char *target;

		build_value(f);
		r = record_of(&btf, kernel);
		has = btf_record_find(r, 16, f->type);
		ASSERT_EQ(r->mask, f->type | (f->type & ROOTS ? FIELD_SPIN_LOCK : 0u));
		ASSERT_EQ(has->size, f->size ? f->size : 8);
		ASSERT_EQ(btf_record_find(r, 16, ~f->type), NULL);
		ASSERT_EQ(btf_record_find(r, 17, f->type), NULL);
		ASSERT_EQ(r->spin_lock_off, f->type == FIELD_SPIN_LOCK ? 16
					    : f->type & ROOTS	       ? 0
								       : -EINVAL);
		ASSERT_EQ(r->res_spin_lock_off, f->type == FIELD_RES_SPIN_LOCK ? 16 : -EINVAL);
		ASSERT_EQ(r->timer_off, f->type == FIELD_TIMER ? 16 : -EINVAL);
		ASSERT_EQ(r->wq_off, f->type == FIELD_WORKQUEUE ? 16 : -EINVAL);
		ASSERT_EQ(r->task_work_off, f->type == FIELD_TASK_WORK ? 16 : -EINVAL);
		ASSERT_EQ(r->refcount_off, f->type == FIELD_REFCOUNT ? 16 : -EINVAL);
		if (f->to) {
			const struct skep_btf *in = has->btf ? has->btf : kernel;

			target = btf_str(in, btf_type(in, has->target)->name_off);
			ASSERT_EQ(strncmp(target, f->to, strlen(target)), 0);
			ASSERT_EQ(has->btf, strncmp(f->to, "held", 4) ? NULL : btf);
			ASSERT_EQ(!has->held, !has->btf || f->type == FIELD_UPTR);
		}
		if (f->type & ROOTS) {
			ASSERT_EQ(has->node_off, f->type == FIELD_LIST_HEAD ? 16 : 40);
			ASSERT_EQ(has->held, btf_struct_record(btf, id.held));
			ASSERT_EQ(has->held->refcount_off, 0);
		}
		skep_free(r);
		btf_put(btf);
	}
	btf_put(kernel);
}

TEST(records_are_equal_by_what_they_say)
{
	const struct field *list = &fields[10], *timer = &fields[2];
	struct skep_btf *btf = NULL, *again = NULL, *other = NULL, *kernel = kernel_btf();
	struct btf_record *r, *same, *twin, *differs;

	build_value(list);
	r = record_of(&btf, kernel);
	same = record_of(&again, kernel);
	twin = btf_record_dup(r);
	build_value(timer);
	differs = record_of(&other, kernel);
	ASSERT_EQ(btf_record_equal(NULL, NULL), true);
	ASSERT_EQ(btf_record_equal(r, NULL), false);
	ASSERT_EQ(btf_record_equal(NULL, r), false);
	ASSERT_EQ(btf_record_equal(r, twin), true);
	ASSERT_EQ(btf_record_equal(r, differs), false);
	/* What it holds is of other types, if alike: another BTF object. */
	ASSERT_EQ(btf_record_equal(r, same), false);
	skep_free(r), skep_free(same), skep_free(twin), skep_free(differs);
	btf_put(btf), btf_put(again), btf_put(other), btf_put(kernel);
}

/* A user pointer's target: one page at most, at least a byte, of the program's own. */
TEST(user_pointers_pin_one_page)
{
	static const struct {
		const char *to;
		uint32_t size;
		int err;
	} cases[] = {
		{ "mine", 4096, 0 },
		{ "mine", 4097, -E2BIG },
		{ "mine", 0, -EINVAL },
		{ "task_struct", 8, -EINVAL },
	};
	const struct map task = { BPF_MAP_TYPE_TASK_STORAGE, 4, 0, BPF_F_NO_PREALLOC };
	struct skep_btf *kernel = kernel_btf();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct skep_btf *btf = NULL;
		struct btf_record *r = NULL;
		union bpf_attr a;
		uint32_t to;
		int fd;

		memset(&b, 0, sizeof(b));
		id.key = build_int(&b, "int", 4);
		to = build_type(&b, BTF_KIND_STRUCT, cases[i].to, cases[i].size);
		to = build_type(&b, BTF_KIND_TYPE_TAG, "uptr", to);
		to = build_type(&b, BTF_KIND_PTR, "", to);
		id.value = build_type(&b, BTF_KIND_STRUCT, "value", 64);
		build_part(&b, "field", to, 8 * 8);
		build_done(&b, &blob);
		ASSERT_EQ(btf_new(blob.data, blob.size, kernel, NULL, &btf, NULL), 0);
		a = attr_of(&task);
		ASSERT_EQ(btf_check_map(btf, kernel, &a, &r), cases[i].err);
		ASSERT_EQ(!r, cases[i].err != 0);
		skep_free(r);
		btf_put(btf);
		fd = host_btf();
		if (fd >= 0) {
			long host;

			a.btf_fd = (uint32_t)fd;
			host = host_bpf(BPF_MAP_CREATE, &a);
			ASSERT_EQ(host < 0 ? host : 0, cases[i].err);
			if (host >= 0)
				close((int)host);
			close(fd);
		}
	}
	btf_put(kernel);
}

/* Two timers are unsound: the map is made, and programs find nothing in its values. */
TEST(unsound_fields_are_none)
{
	const struct map hash = { BPF_MAP_TYPE_HASH, 4, 4, 0 };
	struct skep_btf *kernel = kernel_btf(), *btf = NULL;
	struct btf_record *r = NULL;
	union bpf_attr a;
	uint32_t timer;
	int fd;

	memset(&b, 0, sizeof(b));
	id.key = build_int(&b, "int", 4);
	timer = build_type(&b, BTF_KIND_STRUCT, "bpf_timer", 16);
	id.value = build_type(&b, BTF_KIND_STRUCT, "value", 64);
	build_part(&b, "one", timer, 0), build_part(&b, "two", timer, 16 * 8);
	build_done(&b, &blob);
	ASSERT_EQ(btf_new(blob.data, blob.size, kernel, NULL, &btf, NULL), 0);
	a = attr_of(&hash);
	ASSERT_EQ(btf_check_map(btf, kernel, &a, &r), 0);
	ASSERT_EQ(r, NULL);
	fd = host_btf();
	if (fd >= 0) {
		long map;

		a.btf_fd = (uint32_t)fd;
		map = host_bpf(BPF_MAP_CREATE, &a);
		ASSERT_GE(map, 0);
		close((int)map);
		close(fd);
	}
	btf_put(btf);
	btf_put(kernel);
}
