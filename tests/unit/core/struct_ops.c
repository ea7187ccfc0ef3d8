/* SPDX-License-Identifier: BSD-2-Clause */
/* struct_ops.c - maps of kernels' structs: what is made, and what they say, the host's beside. */
#include "tests/harness/host.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/btf/build.h"
#undef PTR /* a type there, a number here */
#include "tests/unit/core/core_test.h"

#define F_LINK (1u << 13) /* BPF_F_LINK */

static long our_bpf(int cmd, union bpf_attr *attr)
{
	return skep_kernel_bpf(k, cmd, attr, sizeof(*attr));
}

/* What a loader brings: its own types, whatever they are. */
static long types(long (*bpf)(int, union bpf_attr *))
{
	static struct build b;
	static struct raw raw;
	union bpf_attr a;

	memset(&b, 0, sizeof(b));
	build_int(&b, "int", 4);
	build_done(&b, &raw);
	memset(&a, 0, sizeof(a));
	a.btf = PTR(raw.data);
	a.btf_size = raw.size;
	return bpf(BPF_BTF_LOAD, &a);
}

struct shape {
	uint32_t type, size; /* of the value */
	uint32_t key, entries, flags;
	bool no_btf; /* not even the loader's own */
};

static long make(long (*bpf)(int, union bpf_attr *), const struct shape *s)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_STRUCT_OPS;
	a.key_size = s->key;
	a.value_size = s->size;
	a.max_entries = s->entries;
	a.map_flags = s->flags;
	a.btf_vmlinux_value_type_id = s->type;
	a.btf_fd = s->no_btf ? 9999 : (uint32_t)types(bpf);
	return bpf(BPF_MAP_CREATE, &a);
}

static int elem(long (*bpf)(int, union bpf_attr *), int cmd, long map, const uint32_t *key,
		void *value, uint64_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	a.key = PTR(key);
	a.value = PTR(value);
	a.flags = flags;
	return (int)bpf(cmd, &a);
}

static void same_words(long host, long ours, uint32_t size)
{
	uint8_t *theirs = calloc(1, size), *mine = calloc(1, size);
	const uint32_t zero = 0, one = 1;

	for (int bad = 0; bad < 3; bad++) {
		const uint32_t *key = bad == 1 ? &one : &zero;
		const uint64_t flags = bad == 2 ? BPF_NOEXIST : 0;

		memset(theirs, 7, size);
		memset(mine, 7, size);
		ASSERT_EQ(elem(our_bpf, BPF_MAP_LOOKUP_ELEM, ours, key, mine, 0),
			  elem(host_bpf, BPF_MAP_LOOKUP_ELEM, host, key, theirs, 0));
		ASSERT_MEMEQ(theirs, mine, size);
		ASSERT_EQ(elem(our_bpf, BPF_MAP_DELETE_ELEM, ours, key, NULL, 0),
			  elem(host_bpf, BPF_MAP_DELETE_ELEM, host, key, NULL, 0));
		ASSERT_EQ(elem(our_bpf, BPF_MAP_GET_NEXT_KEY, ours, key, mine, 0),
			  elem(host_bpf, BPF_MAP_GET_NEXT_KEY, host, key, theirs, 0));
		/* With a state, which only the kernel says. */
		memset(mine, 1, 8);
		ASSERT_EQ(elem(our_bpf, BPF_MAP_UPDATE_ELEM, ours, key, mine, flags),
			  elem(host_bpf, BPF_MAP_UPDATE_ELEM, host, key, mine, flags));
	}
	ASSERT_EQ(elem(our_bpf, BPF_MAP_FREEZE, ours, NULL, NULL, 0),
		  elem(host_bpf, BPF_MAP_FREEZE, host, NULL, NULL, 0));
	memset(mine, 0, size);
	ASSERT_EQ(elem(our_bpf, BPF_MAP_UPDATE_ELEM, ours, &zero, mine, 0), -EOPNOTSUPP);
	free(theirs);
	free(mine);
}

TEST(struct_ops_are_the_hosts)
{
	struct skep_kernel_opts opts = { .model = SKEP_MODEL_LINUX };
	struct skep_btf *btf;
	int32_t id, task;
	uint32_t size;

	host_required();
	btf = kernel_btf_host();
	id = btf ? btf_find(btf, "bpf_struct_ops_tcp_congestion_ops", BTF_KIND_STRUCT) : -1;
	task = btf ? btf_find(btf, "task_struct", BTF_KIND_STRUCT) : -1;
	if (id <= 0 || task <= 0)
		test_skip("the host's kernel has no struct_ops, or tells no types");
	size = btf_type(btf, (uint32_t)id)->size;
	core_start(&opts);
	{
		const struct shape shapes[] = {
			{ (uint32_t)id, size, 4, 1, 0 },
			{ (uint32_t)id, size, 4, 1, F_LINK },
			{ (uint32_t)id, size + 8, 4, 1, 0 },
			{ (uint32_t)id, 0, 4, 1, 0 },
			{ (uint32_t)id, size, 8, 1, 0 },
			{ (uint32_t)id, size, 4, 2, 0 },
			{ (uint32_t)id, size, 4, 0, 0 },
			{ (uint32_t)id, size, 4, 1, BPF_F_NO_PREALLOC },
			{ (uint32_t)task, btf_type(btf, (uint32_t)task)->size, 4, 1, 0 },
			{ 0x7ffffff, size, 4, 1, 0 },
			{ 0, size, 4, 1, 0 },
			{ (uint32_t)id, size, 4, 1, 0, true },
		};

		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
			long host = make(host_bpf, &shapes[i]), ours = make(our_bpf, &shapes[i]);

			ASSERT_MSG((host < 0 ? host : 0) == (ours < 0 ? ours : 0),
				   "%zu: %ld, on the host %ld", i, ours, host);
			if (host >= 0)
				same_words(host, ours, size);
		}
	}
	core_stop();
	btf_put(btf);
}

TEST(struct_ops_of_this_kernel_are_none)
{
	core_start(NULL);
	ASSERT_EQ(make(our_bpf, &(struct shape){ 1, 8, 4, 1, 0 }), -524);
	ASSERT_STRHAS(skep_last_error(), "no struct_ops");
	core_stop();
}
