/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c - special fields of objects: what a struct with locks, lists, trees, reference counts
 * and kptrs may look like.  Each case builds a blob, states the verdict, and asks the host too.
 */
#include "kernel.h"

static struct raw blob;
static struct verdict ours, host;
static struct build b;

/* The special types, by id; all of their true sizes. */
static struct {
	uint32_t lock, res_lock, head, node, root, rb, ref;
} id;

static uint32_t special(const char *name, uint32_t size)
{
	return build_type(&b, BTF_KIND_STRUCT, name, size);
}

static void begin(void)
{
	memset(&b, 0, sizeof(b));
	build_int(&b, "int", 4);
	id.lock = special("bpf_spin_lock", 4);
	id.res_lock = special("bpf_res_spin_lock", 4);
	id.head = special("bpf_list_head", 16);
	id.node = special("bpf_list_node", 24);
	id.root = special("bpf_rb_root", 16);
	id.rb = special("bpf_rb_node", 32);
	id.ref = special("bpf_refcount", 4);
}

/* For what some kernels let pass, to stumble over it with a warning in their own log. */
static void expect_ours(int err)
{
	build_done(&b, &blob);
	judge_ours(blob.data, blob.size, &ours, NULL);
	ASSERT_MSG(ours.err == err, "%d instead of %d\n%s", ours.err, err, ours.log);
}

static void expect(int err)
{
	const char *why;

	expect_ours(err);
	if (judge_host(blob.data, blob.size, &host, &why))
		ASSERT_MSG(host.err == err && !strcmp(ours.log, host.log),
			   "the host says %d instead of %d\n%s", host.err, err, host.log);
}

#define OBJECT(size)	 build_type(&b, BTF_KIND_STRUCT, "object", size)
#define PART(type, byte) build_part(&b, "part", type, (byte)*8)

TEST(a_lock_alone)
{
	begin();
	OBJECT(16), PART(id.lock, 4);
	expect(0);
}

TEST(one_lock_only)
{
	begin();
	OBJECT(16), PART(id.lock, 0), PART(id.lock, 8);
	expect(-E2BIG);
}

TEST(a_lock_and_a_resilient_lock_exclude_each_other)
{
	begin();
	OBJECT(16), PART(id.lock, 0), PART(id.res_lock, 8);
	expect(-EINVAL);
	begin();
	OBJECT(16), PART(id.res_lock, 8);
	expect(0);
}

TEST(a_misplaced_lock_is_no_lock)
{
	begin();
	OBJECT(16), PART(id.lock, 2);
	expect(-EFAULT);
}

TEST(a_lock_of_another_size_is_no_lock)
{
	memset(&b, 0, sizeof(b));
	id.lock = special("bpf_spin_lock", 8);
	OBJECT(16), PART(id.lock, 0);
	expect(-EFAULT);
}

TEST(a_lock_in_a_nested_struct_counts)
{
	uint32_t inner;

	begin();
	inner = build_type(&b, BTF_KIND_STRUCT, "inner", 8);
	PART(id.lock, 4);
	OBJECT(32), PART(inner, 0), PART(id.ref, 16);
	expect(0);
	OBJECT(32), PART(inner, 0), PART(inner, 8), PART(id.ref, 16);
	expect_ours(-E2BIG);
}

TEST(arrays_of_locks_are_refused_arrays_of_none_are_not_there)
{
	uint32_t locks, none;

	begin();
	locks = build_array(&b, id.lock, 1, 2);
	none = build_array(&b, id.lock, 1, 0);
	OBJECT(16), PART(none, 0), PART(id.ref, 0);
	expect(0);
	OBJECT(16), PART(locks, 0), PART(id.ref, 8);
	expect(-EINVAL);
}

TEST(bitfields_do_not_stand_beside_special_fields)
{
	uint32_t odd;

	begin();
	odd = build_type(&b, BTF_KIND_INT, "odd", 4);
	build_words(&b, (uint32_t[]){ 3 }, 1);
	OBJECT(16), PART(id.lock, 0), build_part(&b, "bit", odd, 33);
	expect(-EINVAL);
}

TEST(fields_must_not_overlap)
{
	begin();
	OBJECT(16), PART(id.lock, 0), PART(id.ref, 0);
	expect(-EEXIST);
}

TEST(a_second_reference_count)
{
	begin();
	OBJECT(16), PART(id.ref, 0), PART(id.ref, 8);
	expect_ours(-E2BIG);
}

TEST(list_and_tree_node_need_a_reference_count)
{
	begin();
	OBJECT(64), PART(id.node, 0), PART(id.rb, 24);
	expect(-EINVAL);
	begin();
	OBJECT(64), PART(id.node, 0), PART(id.rb, 24), PART(id.ref, 56);
	expect(0);
}

/* An object with a lock and a list of `elem`, tagged so. */
static void list_of(const char *tag, uint32_t head, bool locked)
{
	uint32_t list = OBJECT(24);

	PART(head, 0);
	if (locked)
		PART(id.lock, 16);
	if (tag)
		build_decl_tag(&b, tag, list, 0);
}

static void elem(uint32_t node)
{
	begin();
	build_type(&b, BTF_KIND_STRUCT, "elem", 64);
	build_part(&b, "n", node ? node : id.node, 64);
}

TEST(lists_say_what_they_contain)
{
	static const struct {
		const char *tag;
		int err;
	} tags[] = {
		{ "contains:elem:n", 0 },	  { "contains:elem:", -EINVAL },
		{ "contains:elem", -EINVAL },	  { "contains::n", -ENOENT },
		{ "contains:elemen:n", -ENOENT }, { "contains:elem:m", -ENOENT },
		{ "contain:elem:n", -EINVAL },	  { NULL, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		elem(0);
		list_of(tags[i].tag, id.head, true);
		expect(tags[i].err);
	}
}

TEST(lists_say_it_once)
{
	elem(0);
	list_of("contains:elem:n", id.head, true);
	build_decl_tag(&b, "contains:elem:n", b.types - 1, 0);
	expect(-EINVAL);
}

TEST(lists_go_through_a_node_of_their_own_kind)
{
	elem(0);
	list_of("contains:elem:n", id.root, true);
	expect(-EINVAL);
	begin();
	elem(id.rb);
	list_of("contains:elem:n", id.root, true);
	expect(0);
}

TEST(lists_need_a_lock)
{
	elem(0);
	list_of("contains:elem:n", id.head, false);
	expect(-EINVAL);
	elem(0);
	OBJECT(24), PART(id.head, 0), PART(id.res_lock, 16);
	build_decl_tag(&b, "contains:elem:n", b.types, 0);
	expect(0);
}

TEST(arrays_of_lists_up_to_eleven_fields)
{
	for (uint32_t n = 9; n < 12; n++) {
		uint32_t heads;

		elem(0);
		heads = build_array(&b, id.head, 1, n);
		OBJECT(16 * n + 8), PART(heads, 0), PART(id.lock, 16 * n);
		build_decl_tag(&b, "contains:elem:n", b.types, 0);
		expect(n > 10 ? -E2BIG : 0);
	}
}

/* name owns a list of `of`, and may itself be an element. */
static void owner(const char *name, const char *of)
{
	char tag[64];

	build_type(&b, BTF_KIND_STRUCT, name, 64);
	build_part(&b, "n", id.node, 0);
	build_part(&b, "lock", id.lock, 24 * 8);
	if (!of)
		return;
	build_part(&b, "head", id.head, 32 * 8);
	snprintf(tag, sizeof(tag), "contains:%s:n", of);
	build_decl_tag(&b, tag, b.types, 2);
}

TEST(nothing_owns_itself)
{
	begin();
	owner("a", "a");
	expect(-ELOOP);
	begin();
	owner("a", "b");
	owner("b", "a");
	expect(-ELOOP);
}

TEST(who_is_held_and_holds_may_not_hold_such)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (size_t n = 1; n <= ARRAY_SIZE(names); n++) {
		begin();
		for (size_t i = 0; i < n; i++)
			owner(names[i], i + 1 < n ? names[i + 1] : NULL);
		expect(n > 2 ? -ELOOP : 0);
	}
}

/* An object with a pointer that goes through these type tags to a type of that name. */
static void kptr(const char *tag, const char *tag2, uint32_t to_kind, const char *name)
{
	uint32_t to;

	begin();
	to = build_type(&b, to_kind, name, to_kind == BTF_KIND_INT ? 4 : 8);
	if (to_kind == BTF_KIND_INT)
		build_words(&b, (uint32_t[]){ 32 }, 1);
	to = tag2 ? build_type(&b, BTF_KIND_TYPE_TAG, tag2, to) : to;
	to = tag ? build_type(&b, BTF_KIND_TYPE_TAG, tag, to) : to;
	to = build_type(&b, BTF_KIND_PTR, "", to);
	OBJECT(16), PART(id.lock, 0), PART(to, 8);
}

TEST(kptrs_point_at_structs_by_one_known_tag)
{
	static const struct {
		const char *tag, *tag2;
		uint32_t to;
		int err;
	} ptrs[] = {
		{ NULL, NULL, BTF_KIND_STRUCT, 0 },
		{ "kptr", NULL, BTF_KIND_STRUCT, 0 },
		{ "kptr_untrusted", NULL, BTF_KIND_STRUCT, 0 },
		{ "percpu_kptr", NULL, BTF_KIND_STRUCT, 0 },
		{ "uptr", NULL, BTF_KIND_STRUCT, 0 },
		{ "rcu", NULL, BTF_KIND_STRUCT, -EINVAL },
		{ "kptr", "kptr", BTF_KIND_STRUCT, -EINVAL },
		{ "kptr", NULL, BTF_KIND_UNION, -EINVAL },
		{ "kptr", NULL, BTF_KIND_INT, -EINVAL },
	};

	judge_kernel = kernel_btf();
	for (size_t i = 0; i < ARRAY_SIZE(ptrs); i++) {
		kptr(ptrs[i].tag, ptrs[i].tag2, ptrs[i].to, "target");
		expect(ptrs[i].err);
	}
	btf_put(judge_kernel);
}

/* Whose reference a map can drop; structs of the kernel by name, whatever the program's are. */
TEST(kptrs_to_the_kernel_need_somebody_to_drop_them)
{
	static const struct {
		const char *tag, *to;
		int err;
	} ptrs[] = {
		{ "kptr", "task_struct", 0 },	    { "kptr", "cgroup", 0 },
		{ "kptr", "bpf_cpumask", 0 },	    { "kptr", "sk_buff", -ENOENT },
		{ "kptr_untrusted", "sk_buff", 0 }, { "percpu_kptr", "sk_buff", 0 },
	};

	judge_kernel = kernel_btf();
	for (size_t i = 0; i < ARRAY_SIZE(ptrs); i++) {
		kptr(ptrs[i].tag, NULL, BTF_KIND_STRUCT, ptrs[i].to);
		expect(ptrs[i].err);
	}
	btf_put(judge_kernel);
	judge_kernel = NULL;
	kptr("kptr", NULL, BTF_KIND_STRUCT, "target");
	expect_ours(-EINVAL);
}

TEST(hostile_nesting_is_searched_in_linear_time)
{
	uint32_t inner;

	begin();
	inner = build_type(&b, BTF_KIND_STRUCT, "s0", 0);
	for (int depth = 0; depth < 25; depth++) {
		build_type(&b, BTF_KIND_STRUCT, "s", 0);
		for (int i = 0; i < 50; i++)
			build_part(&b, "", inner, 0);
		inner = b.types;
	}
	OBJECT(16), PART(inner, 0), PART(id.lock, 0);
	build_done(&b, &blob);
	judge_ours(blob.data, blob.size, &ours, NULL);
	ASSERT_EQ(ours.err, 0);
}
