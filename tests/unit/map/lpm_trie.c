/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPM_TRIE: against a list that is searched from end to end, against the host kernel, and with
 * readers and writers at once.
 */
#include "base/sys.h"
#include "hive/lock.h"
#include "map/lpm_int.h"
#include "tests/unit/map/pair.h"

#include <pthread.h>
#include <time.h>

#define KEY_MAX 260

/* A key of any size. */
struct lpm_key {
	uint32_t len;
	uint8_t data[KEY_MAX - 4];
};

static struct skep_map *trie(uint32_t data, uint32_t entries, struct vcpus *vcpus)
{
	return MAP(BPF_MAP_TYPE_LPM_TRIE, 4 + data, 8, entries, BPF_F_NO_PREALLOC, .vcpus = vcpus);
}

static struct lpm_key ip(uint32_t addr, uint32_t len)
{
	const uint32_t net = __builtin_bswap32(addr);
	struct lpm_key k = { .len = len };

	memcpy(k.data, &net, 4);
	return k;
}

static int put(struct skep_map *m, struct lpm_key k, uint64_t v)
{
	return map_sys_update(m, &k, &v, 0);
}

/* As a program sees it. */
static int64_t look(struct skep_map *m, struct lpm_key k)
{
	const uint64_t *v = m->ops->lookup(m, &k, 0);

	return v ? (int64_t)*v : -ENOENT;
}

/* --- what a run left -------------------------------------------------------------------------- */

/* The word of a run that has ended, in the lock of a trie. */
static struct lpm_shared *leave(struct skep_map *m)
{
	struct lpm_shared *sh = ((struct lpm *)m->priv)->sh;

	atomic_store(&sh->lock.word, lock_word(m->vcpus, 0) + (1u << LOCK_CPU_BITS));
	return sh;
}

TEST(lpm_is_made_anew_of_its_elements)
{
	struct vcpus vcpus;
	struct skep_map *m;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 1), 0);
	m = trie(4, 16, &vcpus);
	for (uint32_t i = 0; i < 16; i++)
		ASSERT_EQ(put(m, ip(i << 24, 8), i), 0);
	atomic_store(&leave(m)->root, 0);
	ASSERT_EQ(put(m, ip(0x10000000, 8), 16), -ENOSPC);
	for (uint32_t i = 0; i < 16; i++)
		ASSERT_EQ(look(m, ip(i << 24 | 1, 32)), i);
	map_put(m);
	vcpus_fini(&vcpus, NULL);
}

/* Where somebody wrote that a million elements were taken, those that are there stay. */
TEST(lpm_whose_numbers_cannot_be_is_made_anew)
{
	struct vcpus vcpus;
	struct skep_map *m;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 1), 0);
	for (int what = 0; what < 2; what++) {
		struct lpm_shared *sh;

		m = trie(4, 16, &vcpus);
		for (uint32_t i = 0; i < 16; i++)
			ASSERT_EQ(put(m, ip(i << 24, 8), i), 0);
		sh = leave(m);
		*(what ? &sh->elems.fresh : &sh->nodes.fresh) = 1000000;
		ASSERT_EQ(put(m, ip(0x10000000, 8), 16), -ENOSPC);
		for (uint32_t i = 0; i < 16; i++)
			ASSERT_EQ(look(m, ip(i << 24 | 1, 32)), i);
		ASSERT_EQ(put(m, ip(0x01000000, 8), 17), 0);
		ASSERT_EQ(look(m, ip(0x01000001, 32)), 17);
		ASSERT_EQ(put(m, ip(0x11000000, 8), 16), -ENOSPC);
		map_put(m);
	}
	vcpus_fini(&vcpus, NULL);
}

/* ---------------------------------------------------------------------------------------------- */

TEST(lpm_finds_the_longest_prefix)
{
	struct skep_map *m = trie(4, 16, NULL);

	ASSERT_EQ(look(m, ip(0x01020304, 32)), -ENOENT);
	ASSERT_EQ(put(m, ip(0x0a000000, 8), 8), 0);
	ASSERT_EQ(put(m, ip(0x0a010000, 16), 16), 0);
	ASSERT_EQ(put(m, ip(0x0a010200, 23), 23), 0);
	ASSERT_EQ(put(m, ip(0x0a010203, 32), 32), 0);
	ASSERT_EQ(look(m, ip(0x0a010203, 32)), 32);
	ASSERT_EQ(look(m, ip(0x0a010204, 32)), 23);
	ASSERT_EQ(look(m, ip(0x0a010304, 32)), 23);
	ASSERT_EQ(look(m, ip(0x0a010404, 32)), 16);
	ASSERT_EQ(look(m, ip(0x0a020304, 32)), 8);
	ASSERT_EQ(look(m, ip(0x0b000000, 32)), -ENOENT);
	/* Not longer than the key asks for, nor is a key longer than the address. */
	ASSERT_EQ(look(m, ip(0x0a010203, 31)), 23);
	ASSERT_EQ(look(m, ip(0x0a010203, 22)), 16);
	ASSERT_EQ(look(m, ip(0x0a010203, 7)), -ENOENT);
	ASSERT_EQ(look(m, ip(0x0a010203, 33)), -ENOENT);
	ASSERT_EQ(put(m, ip(0, 0), 1), 0);
	ASSERT_EQ(look(m, ip(0x0b000000, 32)), 1);
	ASSERT_EQ(look(m, ip(0x0a010203, 0)), 1);
	map_put(m);
}

TEST(lpm_errors)
{
	struct skep_map *m = trie(4, 2, NULL);
	struct lpm_key k = ip(0x0a000000, 8), none = ip(0x0a000000, 9), bad = ip(0, 33);
	uint64_t v = 1;

	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 4, 8, 1, BPF_F_NO_PREALLOC), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 261, 8, 1, BPF_F_NO_PREALLOC), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 260, 8, UINT32_MAX, BPF_F_NO_PREALLOC), 0);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 8, (4u << 20) - 280, 1, BPF_F_NO_PREALLOC), 0);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 8, (4u << 20) - 279, 1, BPF_F_NO_PREALLOC),
		  -EINVAL);
	ASSERT_EQ(map_sys_update(m, &bad, &v, 0), -EINVAL);
	ASSERT_EQ(map_sys_delete(m, &bad), -EINVAL);
	ASSERT_EQ(map_sys_update(m, &k, &v, BPF_EXIST), -ENOENT);
	ASSERT_EQ(map_sys_update(m, &k, &v, BPF_NOEXIST), 0);
	ASSERT_EQ(map_sys_update(m, &k, &v, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(map_sys_update(m, &k, &v, BPF_EXIST), 0);
	ASSERT_EQ(map_sys_update(m, &k, &v, 3), -EINVAL);
	ASSERT_EQ(map_sys_delete(m, &none), -ENOENT);
	ASSERT_EQ(put(m, ip(0x0b000000, 8), 2), 0);
	/* Full: the old ones can be replaced. */
	ASSERT_EQ(put(m, ip(0x0c000000, 8), 3), -ENOSPC);
	ASSERT_EQ(put(m, k, 4), 0);
	ASSERT_EQ(map_sys_lookup_delete(m, &k, &v, 0), -ENOTSUPP);
	map_put(m);
}

/* --- beside a list ---------------------------------------------------------------------------- */

#define LISTED 400

static struct {
	struct lpm_key key;
	uint64_t value;
} list[LISTED];
static uint32_t listed;

static bool bits_equal(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static int64_t list_look(const struct lpm_key *k)
{
	int64_t best = -1;

	for (uint32_t i = 0; i < listed; i++)
		if (list[i].key.len <= k->len &&
		    bits_equal(list[i].key.data, k->data, list[i].key.len) &&
		    (best < 0 || list[i].key.len > list[best].key.len))
			best = i;
	return best < 0 ? -ENOENT : (int64_t)list[best].value;
}

static int64_t list_find(const struct lpm_key *k)
{
	for (uint32_t i = 0; i < listed; i++)
		if (list[i].key.len == k->len && bits_equal(list[i].key.data, k->data, k->len))
			return i;
	return -1;
}

/* Bytes of few kinds, so that prefixes meet; often a prefix of what is there. */
static struct lpm_key random_key(uint32_t data, bool full)
{
	static const uint8_t bytes[] = { 0, 0, 0, 1, 0x10, 0x80, 0xff };
	struct lpm_key k = { .len = full ? data * 8 : below(data * 8 + 1) };

	for (uint32_t i = 0; i < data; i++)
		k.data[i] = below(8) ? ONE_OF(bytes) : (uint8_t)random64();
	if (listed && below(2)) {
		const struct lpm_key *like = &list[below(listed)].key;
		const uint32_t longer = below(2) * below(6);

		memcpy(k.data, like->data, below(data + 1));
		k.len = full ? k.len : MIN(like->len + longer, data * 8);
	}
	return k;
}

static void list_op(struct skep_map *m, uint32_t data)
{
	struct lpm_key k = random_key(data, false);
	int64_t at = list_find(&k);
	uint64_t v = random64() >> 1;

	if (below(5) < 3 && (at >= 0 || listed < LISTED)) {
		ASSERT_EQ(put(m, k, v), 0);
		at = at < 0 ? listed++ : at;
		list[at].key = k;
		list[at].value = v;
	} else if (listed) {
		if (at < 0 && below(4)) {
			at = below(listed);
			k = list[at].key;
		}
		ASSERT_EQ(map_sys_delete(m, &k), at < 0 ? -ENOENT : 0);
		if (at >= 0)
			list[at] = list[--listed];
	}
}

TEST(lpm_agrees_with_a_list)
{
	/* Indexes have as many steps as max_entries is worth. */
	static const struct {
		uint32_t data, entries;
	} cases[] = { { 1, LISTED },	 { 3, LISTED },	 { 4, LISTED },	 { 4, 10000 },
		      { 4, UINT32_MAX }, { 7, LISTED },	 { 8, 100000 },	 { 16, LISTED },
		      { 16, 1 << 20 },	 { 33, LISTED }, { 256, LISTED } };
	const uint64_t seed = (uint64_t)getpid() * 2654435761u + 1;

	printf("# seed %" PRIu64 "\n", seed);
	pair_state = seed;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint32_t data = cases[i].data;
		struct skep_map *m = trie(data, cases[i].entries, NULL);

		listed = 0;
		for (int op = 0; op < 6000; op++) {
			struct lpm_key k = random_key(data, below(3));

			list_op(m, data);
			ASSERT_MSG(look(m, k) == list_look(&k), "%u bytes, operation %d", data, op);
		}
		while (listed) {
			ASSERT_EQ(map_sys_delete(m, &list[0].key), 0);
			list[0] = list[--listed];
		}
		ASSERT_EQ(map_sys_next_key(m, NULL, &(struct lpm_key){ 0 }), -ENOENT);
		map_put(m);
	}
}

/* --- beside the host -------------------------------------------------------------------------- */

static void random_op(struct pair *p, uint32_t data)
{
	static const uint64_t odd[] = { 3, 4, 8, UINT64_C(1) << 40 };
	const uint64_t flags = below(3) ? 0 : below(4) ? 1 + below(2) : ONE_OF(odd);
	struct lpm_key k = random_key(data, !below(3));
	uint64_t v = random64(), got[2] = { 0, 0 };
	const uint32_t op = below(10);
	int host, ours;

	if (!below(40))
		k.len = data * 8 + 1 + below(9);
	if (op < 5) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, &k, &v, flags);
		ours = map_sys_update(p->ours, &k, &v, flags);
		if (!ours && listed < LISTED)
			list[listed++].key = k;
	} else if (op < 8) {
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, &k, &got[0], 0);
		ours = map_sys_lookup(p->ours, &k, &got[1], 0);
	} else if (op < 9) {
		if (listed && below(4))
			k = list[below(listed)].key;
		host = host_elem(BPF_MAP_DELETE_ELEM, p, &k, NULL, 0);
		ours = map_sys_delete(p->ours, &k);
	} else {
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, &k, &got[0], 0);
		ours = map_sys_lookup_delete(p->ours, &k, &got[1], 0);
	}
	ASSERT_MSG(host == ours && got[0] == got[1],
		   "%s: op %u len %u flags %" PRIu64 ": host %d, ours %d", p->what, op, k.len,
		   flags, host, ours);
}

/* The same keys in the same order, also after one that is not there. */
static void compare_walks(struct pair *p, uint32_t data)
{
	struct lpm_key last = { 0 }, a = { 0 }, b = { 0 };
	int host, ours;
	bool begun = false;

	do {
		host = host_elem(BPF_MAP_GET_NEXT_KEY, p, begun ? &last : NULL, &a, 0);
		ours = map_sys_next_key(p->ours, begun ? &last : NULL, &b);
		ASSERT_MSG(host == ours, "%s: next key: host %d, ours %d", p->what, host, ours);
		ASSERT_MSG(host || !memcmp(&a, &b, 4 + data), "%s: next keys differ", p->what);
		last = a;
		begun = true;
	} while (!host);
	for (int i = 0; i < 20; i++) {
		last = random_key(data, false);
		host = host_elem(BPF_MAP_GET_NEXT_KEY, p, &last, &a, 0);
		ours = map_sys_next_key(p->ours, &last, &b);
		ASSERT_EQ(host, ours);
		ASSERT(host || !memcmp(&a, &b, 4 + data));
	}
}

TEST(lpm_agrees_with_the_host)
{
	static const struct {
		uint32_t data, entries;
		const char *what;
	} cases[] = { { 1, 50, "1 byte" },	{ 4, 100, "4 bytes" },
		      { 4, 5, "4 bytes, few" }, { 4, 100000, "4 bytes, many" },
		      { 16, 100, "16 bytes" },	{ 256, 60, "256 bytes" } };

	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p =
			pair_make(&(struct map_args){ BPF_MAP_TYPE_LPM_TRIE, 4 + cases[i].data, 8,
						      cases[i].entries, BPF_F_NO_PREALLOC },
				  cases[i].what);

		listed = 0;
		for (int round = 0; round < 30; round++) {
			for (int op = 0; op < 60; op++)
				random_op(&p, cases[i].data);
			compare_walks(&p, cases[i].data);
		}
		pair_close(&p);
	}
}

TEST(lpm_batches_agree_with_the_host)
{
	struct pair p;
	struct lpm_key token;
	uint8_t keys[2][64 * 8];
	uint64_t values[2][64];
	uint32_t count = 64;
	union bpf_attr attr;
	int host, ours;

	pair_begin();
	p = pair_make(&(struct map_args){ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 50, BPF_F_NO_PREALLOC },
		      "batches");
	listed = 0;
	for (int op = 0; op < 200; op++)
		random_op(&p, 4);
	for (int del = 0; del < 2; del++) {
		memset(&attr, 0, sizeof(attr));
		attr.batch.map_fd = (uint32_t)p.fd;
		attr.batch.keys = (uintptr_t)keys[0];
		attr.batch.values = (uintptr_t)values[0];
		attr.batch.out_batch = (uintptr_t)&token;
		attr.batch.count = 64;
		host = (int)host_bpf(del ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH,
				     &attr);
		ours = map_sys_batch_lookup(p.ours, NULL, &token, keys[1], values[1], &count, del,
					    0);
		ASSERT_EQ(host, ours);
		ASSERT_EQ(host, del ? -ENOTSUPP : -ENOENT);
		if (del)
			break;
		ASSERT_EQ(attr.batch.count, count);
		ASSERT(!memcmp(keys[0], keys[1], (size_t)count * 8));
		ASSERT(!memcmp(values[0], values[1], (size_t)count * 8));
	}
	pair_close(&p);
}

/* --- memory ----------------------------------------------------------------------------------- */

TEST(lpm_reuses_what_no_run_sees)
{
	struct vcpus vcpus;
	struct skep_map *m;
	const uint64_t *held;
	struct vcpu *c;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	m = trie(4, 2, &vcpus);
	ASSERT_EQ(put(m, ip(0x0a000000, 8), 7), 0);
	/* A run holds what it found, however often that is replaced and deleted meanwhile. */
	c = vcpu_get(&vcpus);
	held = m->ops->lookup(m, &(struct lpm_key){ 32, { 10, 1, 1, 1 } }, vcpu_id(&vcpus, c));
	ASSERT(held);
	for (uint64_t i = 0; i < 1000; i++) {
		ASSERT_EQ(put(m, ip(0x0a000000, 8), 100 + i), 0);
		ASSERT_EQ(put(m, ip(0x0b000000, 9), 200 + i), 0);
		ASSERT_EQ(map_sys_delete(m, &(struct lpm_key){ 9, { 11 } }), 0);
		ASSERT_EQ(*held, 7);
	}
	vcpu_put(c);
	/* Now far more than there is memory for, run by run. */
	for (uint64_t i = 0; i < 3000000; i++) {
		c = i % 2 ? vcpu_get(&vcpus) : c;
		ASSERT_EQ(put(m, ip(0x0a000000, 8), i), 0);
		if (i % 2)
			vcpu_put(c);
	}
	map_put(m);
	vcpus_fini(&vcpus, NULL);
}

static _Atomic bool waiting;

static void *ends_its_run(void *arg)
{
	while (!atomic_load(&waiting))
		sys_rest();
	vcpu_put(arg);
	return NULL;
}

TEST(lpm_memory_of_a_long_run_is_waited_for_by_bpf)
{
	struct vcpus vcpus;
	struct skep_map *m;
	struct lpm_key k = ip(0x0a000000, 8);
	struct vcpu *c;
	pthread_t t;
	uint64_t v;
	long err = 0;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	m = trie(4, 1, &vcpus);
	c = vcpu_get(&vcpus);
	/* All that was replaced in this run is kept for it. */
	for (v = 0; !err && v < UINT64_C(1) << 24; v++)
		err = m->ops->update(m, &k, &v, 0, vcpu_id(&vcpus, c));
	ASSERT_EQ(err, -ENOMEM);
	ASSERT_GE(v, UINT64_C(1) << 20);
	ASSERT_EQ(pthread_create(&t, NULL, ends_its_run, c), 0);
	atomic_store(&waiting, true);
	ASSERT_EQ(put(m, k, 5), 0);
	pthread_join(t, NULL);
	ASSERT_EQ(m->ops->update(m, &k, &v, 0, 0), 0);
	map_put(m);
	vcpus_fini(&vcpus, NULL);
}

/* --- threads ---------------------------------------------------------------------------------- */

#define RUN_MS 400

static struct skep_map *shared;
static struct vcpus shared_vcpus;
static _Atomic bool stop;

/* Values say which prefix they are of: its bits, and its length in the last byte. */
static uint64_t told(const struct lpm_key *k)
{
	uint32_t addr;

	memcpy(&addr, k->data, 4);
	return (uint64_t)__builtin_bswap32(addr) << 8 | k->len;
}

static struct lpm_key some_prefix(uint64_t r)
{
	const uint32_t len = 9 + (uint32_t)(r % 24);
	/* Around 10.0.0.0/8, few bits that differ. */
	const uint32_t addr = 0x0a000000 | ((uint32_t)(r >> 8) & 0x00818181);

	return ip(addr & ~(uint32_t)(UINT64_C(0xffffffff) >> len), len);
}

static void *changer(void *arg)
{
	uint64_t s = 99 + (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		struct vcpu *c = vcpu_get(&shared_vcpus);

		for (int i = 0; i < 20; i++) {
			struct lpm_key k;
			uint64_t v;
			long err;

			s = s * 6364136223846793005u + 1442695040888963407u;
			k = some_prefix(s >> 20);
			v = told(&k);
			err = s >> 63 ? shared->ops->update(shared, &k, &v, 0,
							    vcpu_id(&shared_vcpus, c))
				      : shared->ops->delete (shared, &k, VCPU_NONE);
			ASSERT(!err || err == -ENOENT || err == -ENOSPC);
		}
		vcpu_put(c);
	}
	return NULL;
}

static void *reader(void *arg)
{
	uint64_t s = 7 + (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		struct vcpu *c = vcpu_get(&shared_vcpus);

		for (int i = 0; i < 20; i++) {
			struct lpm_key k;
			const uint64_t *v;
			uint32_t addr;

			s = s * 6364136223846793005u + 1442695040888963407u;
			addr = 0x0a000000 | ((uint32_t)(s >> 30) & 0x00818181);
			k = ip(addr, s >> 62 ? 32 : (uint32_t)(s >> 50) % 33);
			v = shared->ops->lookup(shared, &k, vcpu_id(&shared_vcpus, c));
			/* 10.0.0.0/8 is always there. */
			ASSERT(v || k.len < 8);
			if (v) {
				const uint32_t len = *v & 0xff;

				ASSERT_LE(len, k.len);
				ASSERT_EQ((addr ^ (uint32_t)(*v >> 8)) >> (32 - len), 0);
			}
		}
		vcpu_put(c);
	}
	return NULL;
}

static void *walker(void *arg)
{
	struct lpm_key last, next;
	uint64_t v;

	(void)arg;
	while (!atomic_load(&stop)) {
		uint32_t steps = 0;
		void *from = NULL;

		while (steps++ < 200 && !map_sys_next_key(shared, from, &next)) {
			ASSERT_LE(next.len, 32);
			last = next;
			from = &last;
			if (!map_sys_lookup(shared, &last, &v, 0))
				ASSERT_LE(v & 0xff, last.len);
		}
	}
	return NULL;
}

TEST(lpm_holds_under_threads)
{
	static void *(*const fn[])(void *) = { changer, changer, reader, reader, walker };
	const struct timespec moment = { 0, RUN_MS * 1000000 };
	pthread_t t[ARRAY_SIZE(fn)];
	struct lpm_key k = ip(0x0a000000, 8);
	uint64_t v = told(&k);

	ASSERT_EQ(vcpus_init(&shared_vcpus, NULL, 4), 0);
	shared = trie(4, 100, &shared_vcpus);
	/* Nobody changes this one: what the others draw is longer. */
	ASSERT_EQ(map_sys_update(shared, &k, &v, 0), 0);
	atomic_store(&stop, false);
	for (size_t i = 0; i < ARRAY_SIZE(fn); i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, fn[i], (void *)(uintptr_t)i), 0);
	nanosleep(&moment, NULL);
	atomic_store(&stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(fn); i++)
		pthread_join(t[i], NULL);
	map_put(shared);
	vcpus_fini(&shared_vcpus, NULL);
}
