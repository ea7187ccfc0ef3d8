/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: the same attributes and the same random operations on a map of the host's kernel,
 * through raw bpf(2), and on ours; results and contents must be equal.  Skipped where bpf(2) is
 * not permitted.  MAP_SEED sets the seed.
 */
#include "btf/btf.h"
#include "tests/unit/map/pair.h"
#include "tests/unit/map/spinlock.h"

/* --- creation ---------------------------------------------------------------------------- */

TEST(creation_agrees_with_the_host)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH,
					  BPF_MAP_TYPE_ARRAY,
					  BPF_MAP_TYPE_PROG_ARRAY,
					  BPF_MAP_TYPE_PERCPU_HASH,
					  BPF_MAP_TYPE_PERCPU_ARRAY,
					  BPF_MAP_TYPE_LRU_HASH,
					  BPF_MAP_TYPE_LRU_PERCPU_HASH,
					  BPF_MAP_TYPE_RINGBUF };
	static const uint32_t keys[] = { 4, 4, 4, 4, 0, 1, 5, 8, 64, 512, 1u << 22, UINT32_MAX };
	static const uint32_t values[] = { 4,	    4,	     4,	      0,	1,
					   8,	    17,	     32768,   32769,	40000,
					   4194247, 4194248, 4194300, 1u << 31, UINT32_MAX };
	static const uint32_t entries[] = {
		1, 1, 2, 7, 4096, 8192, 12288, 0, (1u << 27) + 1, UINT32_MAX
	};
	static const uint32_t common[] = {
		0, 0, 0, BPF_F_NO_PREALLOC, BPF_F_NUMA_NODE, BPF_F_NO_COMMON_LRU
	};
	int accepted = 0;

	pair_begin();
	for (int i = 0; i < 20000; i++) {
		struct map_args a = { ONE_OF(types), ONE_OF(keys), ONE_OF(values), ONE_OF(entries),
				      ONE_OF(common) };
		union bpf_attr attr;
		struct skep_map *m = NULL;
		int ours, host;

		if (a.type == BPF_MAP_TYPE_RINGBUF && below(4))
			a.key = a.value = 0;
		if (below(4) == 0)
			a.flags |= 1u << below(14);
		/* What is fine but large would really be allocated by the host. */
		if (((uint64_t)a.key + a.value) * a.entries > 64 << 20 && a.key < 512 &&
		    a.value <= 1u << 30 && a.entries <= 1u << 27)
			continue;
		if (a.entries > 1u << 27 && a.type != BPF_MAP_TYPE_RINGBUF &&
		    (a.type == BPF_MAP_TYPE_ARRAY || a.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
		     a.type == BPF_MAP_TYPE_PROG_ARRAY))
			continue;
		attr = map_attr(&a);
		ours = map_try(&a, &m);
		host = (int)host_bpf(BPF_MAP_CREATE, &attr);
		if (host >= 0) {
			close(host);
			host = 0;
			accepted++;
		}
		map_put(m);
		ASSERT_MSG(host == ours || (host == -ENOMEM && ours == 0),
			   "type %u key %u value %u entries %u flags 0x%x: host %d, ours %d",
			   a.type, a.key, a.value, a.entries, a.flags, host, ours);
	}
	ASSERT_GT(accepted, 100);
}

/* --- operations --------------------------------------------------------------------------- */

#define KEYS 12 /* keys in play */

static void make_key(const struct pair *p, uint8_t *key, uint32_t k)
{
	memset(key, 0, p->key_size);
	if (p->key_size == 1)
		key[0] = (uint8_t)k;
	else
		memcpy(key, &k, MIN(p->key_size, 4u));
}

static void random_op(struct pair *p)
{
	static const uint64_t odd[] = { 3, 5, 6, 8, 16, UINT64_C(1) << 40 };
	static uint8_t in[VALUE_MAX], host_out[VALUE_MAX], our_out[VALUE_MAX];
	uint32_t op = below(10);
	uint64_t flags = below(4) ? below(3) : below(3) ? BPF_F_LOCK : ONE_OF(odd);
	uint8_t key[64];
	int host, ours;

	make_key(p, key, below(KEYS));
	for (uint32_t i = 0; i < p->value_size; i++)
		in[i] = (uint8_t)random64();
	memset(host_out, 0x77, sizeof(host_out));
	memset(our_out, 0x77, sizeof(our_out));
	if (op < 5) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, key, in, flags);
		ours = map_sys_update(p->ours, key, in, flags);
	} else if (op < 7) {
		flags = below(4) ? 0 : flags;
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, key, host_out, flags);
		ours = map_sys_lookup(p->ours, key, our_out, flags);
	} else if (op < 9) {
		host = host_elem(BPF_MAP_DELETE_ELEM, p, key, NULL, 0);
		ours = map_sys_delete(p->ours, key);
	} else {
		flags = below(4) ? 0 : flags;
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, key, host_out, flags);
		ours = map_sys_lookup_delete(p->ours, key, our_out, flags);
	}
	ASSERT_MSG(host == ours, "%s: op %u flags %" PRIu64 ": host %d, ours %d", p->what, op,
		   flags, host, ours);
	ASSERT_MSG(!memcmp(host_out, our_out, p->value_size), "%s: op %u: values differ", p->what,
		   op);
}

/* All keys by GET_NEXT_KEY; the walk itself must be equal for arrays. */
static void compare_walks(struct pair *p, bool ordered)
{
	uint8_t host_key[64], our_key[64], next[64];
	uint32_t host_n = 0, our_n = 0;
	void *last = NULL;
	int err;

	while (!(err = host_elem(BPF_MAP_GET_NEXT_KEY, p, last, next, 0))) {
		memcpy(host_key, next, p->key_size);
		last = host_key;
		host_n++;
	}
	ASSERT_EQ(err, -ENOENT);
	last = NULL;
	while (!(err = map_sys_next_key(p->ours, last, next))) {
		if (ordered)
			ASSERT(!memcmp(next, &our_n, sizeof(our_n)));
		memcpy(our_key, next, p->key_size);
		last = our_key;
		our_n++;
	}
	ASSERT_EQ(err, -ENOENT);
	ASSERT_MSG(host_n == our_n, "%s: %u keys on the host, %u here", p->what, host_n, our_n);
}

static void compare_contents(struct pair *p)
{
	static uint8_t host_out[VALUE_MAX], our_out[VALUE_MAX];
	uint8_t key[64];

	for (uint32_t k = 0; k < KEYS; k++) {
		int host, ours;

		make_key(p, key, k);
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, key, host_out, 0);
		ours = map_sys_lookup(p->ours, key, our_out, 0);
		ASSERT_MSG(host == ours, "%s: key %u: host %d, ours %d", p->what, k, host, ours);
		if (!host)
			ASSERT_MSG(!memcmp(host_out, our_out, p->value_size),
				   "%s: key %u: values differ", p->what, k);
	}
}

/* One LOOKUP_BATCH or LOOKUP_AND_DELETE_BATCH with room for all: the same set. */
static void compare_batch(struct pair *p, bool del, bool ordered)
{
	static uint8_t values[2][KEYS][VALUE_MAX / 8], keys[2][KEYS][64];
	uint32_t count = KEYS, token[16];
	union bpf_attr attr;
	int host, ours;

	if (p->value_size > VALUE_MAX / 8)
		return;
	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (uint32_t)p->fd;
	attr.batch.keys = (uintptr_t)keys[0];
	attr.batch.values = (uintptr_t)values[0];
	attr.batch.out_batch = (uintptr_t)token;
	attr.batch.count = KEYS;
	host = (int)host_bpf(del ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH, &attr);
	ours = map_sys_batch_lookup(p->ours, NULL, token, keys[1], values[1], &count, del, 0);
	ASSERT_MSG(host == ours, "%s: batch: host %d, ours %d", p->what, host, ours);
	if (host == -ENOTSUPP)
		return;
	ASSERT_MSG(attr.batch.count == count, "%s: batch: %u on the host, %u here", p->what,
		   attr.batch.count, count);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *key = (uint8_t *)keys[0] + (size_t)i * p->key_size;
		const uint8_t *value = (uint8_t *)values[0] + (size_t)i * p->value_size;
		uint32_t j = 0;

		while (j < count &&
		       memcmp((uint8_t *)keys[1] + (size_t)j * p->key_size, key, p->key_size))
			j++;
		ASSERT_MSG(ordered ? j == i : j < count, "%s: batch: key is missing", p->what);
		ASSERT(!memcmp((uint8_t *)values[1] + (size_t)j * p->value_size, value,
			       p->value_size));
	}
}

static void compare_pair(struct pair *p, bool ordered)
{
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 300; i++)
			random_op(p);
		compare_contents(p);
		compare_walks(p, ordered);
		compare_batch(p, false, ordered);
	}
	compare_batch(p, true, ordered);
	compare_contents(p);
	pair_close(p);
}

TEST(operations_agree_with_the_host)
{
	/* An LRU that is full on the host evicts earlier than ours: it gets room. */
	static const struct {
		struct map_args a;
		const char *what;
	} cases[] = {
		{ { BPF_MAP_TYPE_ARRAY, 4, 8, 10 }, "array" },
		{ { BPF_MAP_TYPE_ARRAY, 4, 13, 12, BPF_F_MMAPABLE }, "mmapable array" },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 6, 9 }, "percpu array" },
		{ { BPF_MAP_TYPE_HASH, 4, 8, 8 }, "small hash" },
		{ { BPF_MAP_TYPE_HASH, 8, 3, 20 }, "hash, 8-byte key" },
		{ { BPF_MAP_TYPE_HASH, 16, 40, 9 }, "hash, 16-byte key" },
		{ { BPF_MAP_TYPE_HASH, 1, 1, 7, BPF_F_NO_PREALLOC }, "hash, 1-byte key" },
		{ { BPF_MAP_TYPE_HASH, 13, 8, 11, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED },
		  "lazy hash" },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 8 }, "percpu hash" },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 8, 8, 8, BPF_F_NO_PREALLOC }, "lazy percpu hash" },
		{ { BPF_MAP_TYPE_LRU_HASH, 4, 8, 4096 }, "lru hash" },
		{ { BPF_MAP_TYPE_LRU_PERCPU_HASH, 6, 8, 4096 }, "lru percpu hash" },
	};

	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p = pair_make(&cases[i].a, cases[i].what);

		compare_pair(&p, p.ours->type == BPF_MAP_TYPE_ARRAY ||
					 p.ours->type == BPF_MAP_TYPE_PERCPU_ARRAY);
	}
}

TEST(operations_with_a_lock_in_the_value_agree_with_the_host)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH };
	struct skep_btf *btf = NULL;
	union bpf_attr attr;
	int btf_fd;

	pair_begin();
	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)&locked_btf;
	attr.btf_size = sizeof(locked_btf);
	btf_fd = (int)host_bpf(BPF_BTF_LOAD, &attr);
	ASSERT_MSG(btf_fd >= 0, "BTF_LOAD: %d", btf_fd);
	ASSERT_EQ(btf_new(&locked_btf, sizeof(locked_btf), NULL, NULL, &btf, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct map_deps deps = { .nr_cpus = vcpus_possible(), .btf = btf };
		struct pair p = { .key_size = 4, .what = "locked" };

		attr = map_attr(&(struct map_args){ types[i], 4, sizeof(struct locked_value), 8 });
		attr.btf_fd = (uint32_t)btf_fd;
		attr.btf_key_type_id = LOCKED_KEY;
		attr.btf_value_type_id = LOCKED_VALUE;
		p.fd = (int)host_bpf(BPF_MAP_CREATE, &attr);
		ASSERT_MSG(p.fd >= 0, "host %d", p.fd);
		ASSERT_EQ(map_new(&attr, &deps, &p.ours, NULL), 0);
		p.value_size = sizeof(struct locked_value);
		compare_pair(&p, types[i] == BPF_MAP_TYPE_ARRAY);
	}
	btf_put(btf);
	close(btf_fd);
}
