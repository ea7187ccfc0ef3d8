/* SPDX-License-Identifier: BSD-2-Clause */
/* Where XDP sends packets: DEVMAP, DEVMAP_HASH, CPUMAP, XSKMAP, the host kernel beside. */
#include "tests/unit/map/pair.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

#define LOOPBACK 1u

static uint32_t target(struct skep_map *m, uint32_t key)
{
	uint32_t ifindex = 0;

	return m->ops->redirect(m, key, &ifindex) ? ifindex : UINT32_MAX;
}

TEST(devmaps_name_devices)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = MAP(types[i], 4, 8, 4);
		struct bpf_devmap_val *v;
		uint32_t key = 2;

		ASSERT(m->flags & BPF_F_RDONLY_PROG);
		ASSERT_EQ(target(m, 2), UINT32_MAX);
		ASSERT_EQ(up(m, 2, LOOPBACK, 0), 0);
		ASSERT_EQ(target(m, 2), LOOPBACK);
		v = m->ops->lookup(m, &key, 0);
		ASSERT(v && v->ifindex == LOOPBACK && v->bpf_prog.id == 0);
		ASSERT(m->ops->contains(m, (uintptr_t)v, sizeof(*v)));
		/* No device has that index; no program comes with one. */
		ASSERT_EQ(up(m, 2, 0x7ffffff0, 0), -EINVAL);
		ASSERT_EQ(up(m, 2, LOOPBACK | UINT64_C(5) << 32, 0), -EINVAL);
		ASSERT_EQ(del(m, 2), 0);
		ASSERT_EQ(target(m, 2), UINT32_MAX);
		ASSERT(!m->ops->lookup(m, &key, 0));
		map_put(m);
	}
}

TEST(devmap_hash_takes_any_index_until_it_is_full)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 3);

	for (int round = 0; round < 5; round++) {
		ASSERT_EQ(up(m, 0xffffffff, LOOPBACK, 0), 0);
		ASSERT_EQ(up(m, 3, LOOPBACK, 0), 0);
		ASSERT_EQ(up(m, 7, LOOPBACK, 0), 0);
		ASSERT_EQ(up(m, 8, LOOPBACK, 0), -E2BIG);
		ASSERT_EQ(up(m, 7, LOOPBACK, 0), 0);
		ASSERT_EQ(up(m, 7, LOOPBACK, BPF_NOEXIST), -EEXIST);
		ASSERT_EQ(target(m, 0xffffffff), LOOPBACK);
		ASSERT_EQ(del(m, 0xffffffff), 0);
		ASSERT_EQ(del(m, 0xffffffff), -ENOENT);
		ASSERT_EQ(del(m, 7), 0);
		ASSERT_EQ(del(m, 3), 0);
	}
	map_put(m);
}

TEST(cpumap_entries_are_of_cpus)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_CPUMAP, 4, 8, CPUS + 2);

	ASSERT_EQ(up(m, 0, 64, 0), 0);
	ASSERT_EQ(get(m, 0), 64);
	ASSERT_EQ(target(m, 0), 0);
	ASSERT_EQ(up(m, 0, 16385, 0), -EOVERFLOW);
	ASSERT_EQ(up(m, CPUS, 64, 0), -ENODEV);
	ASSERT_EQ(up(m, 1, 64 | UINT64_C(9) << 32, 0), -ENOMEM);
	/* A queue of no length is none. */
	ASSERT_EQ(up(m, 0, 0, 0), 0);
	ASSERT_EQ(get(m, 0), -ENOENT);
	ASSERT_EQ(target(m, 0), UINT32_MAX);
	map_put(m);
}

TEST(xskmap_holds_sockets_of_its_family)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_XSKMAP, 4, 4, 2);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), xsk = socket(AF_XDP, SOCK_RAW, 0);
	int file = open("/dev/null", O_RDONLY);
	uint32_t key = 1;

	ASSERT_EQ(up(m, 1, 9999, 0), -EBADF);
	ASSERT_EQ(up(m, 1, (uint64_t)file, 0), -ENOTSOCK);
	ASSERT_EQ(up(m, 1, (uint64_t)udp, 0), -EOPNOTSUPP);
	ASSERT_EQ(up(m, 2, 9999, 0), -E2BIG);
	ASSERT_EQ(get(m, 1), -EOPNOTSUPP);
	ASSERT_EQ(del(m, 1), 0);
	ASSERT_EQ(del(m, 2), -EINVAL);
	if (xsk < 0)
		test_skip("no AF_XDP sockets: %s", strerror(errno));
	ASSERT_EQ(up(m, 1, (uint64_t)xsk, BPF_EXIST), -ENOENT);
	ASSERT_EQ(up(m, 1, (uint64_t)xsk, 0), 0);
	ASSERT_EQ(up(m, 1, (uint64_t)xsk, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(target(m, 1), 0);
	ASSERT(m->ops->lookup(m, &key, 0));
	ASSERT_EQ(del(m, 1), 0);
	ASSERT(!m->ops->lookup(m, &key, 0));
	ASSERT_EQ(up(m, 0, (uint64_t)xsk, 0), 0);
	map_put(m);
}

/* --- beside the host -------------------------------------------------------------------------- */

static void random_op(struct pair *p)
{
	static const uint32_t keys[] = { 0, 1, 2, 3, 4, 5, 8, 0xffffffff };
	static const uint64_t odd[] = { 3, 8, UINT64_C(1) << 40 };
	const uint32_t ifindexes[] = { 0, LOOPBACK, LOOPBACK, 0x7ffffff0, 20000 };
	const uint64_t flags = below(3) ? 0 : below(4) ? 1 + below(2) : ONE_OF(odd);
	const uint32_t key = ONE_OF(keys), op = below(10);
	uint32_t host_out[2] = { 0 }, our_out[2] = { 0 };
	/* Queues of a CPU map are threads of the host: few. */
	const bool cpus = p->ours->type == BPF_MAP_TYPE_CPUMAP;
	uint32_t value[2] = { cpus && below(20) ? below(2) * 20000 : ONE_OF(ifindexes),
			      below(4) ? 0 : 9999 };
	int host, ours;

	if (op < 5) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, &key, value, flags);
		ours = map_sys_update(p->ours, &key, value, flags);
	} else if (op < 7) {
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, &key, host_out, 0);
		ours = map_sys_lookup(p->ours, &key, our_out, 0);
	} else if (op < 8) {
		host = host_elem(BPF_MAP_DELETE_ELEM, p, &key, NULL, 0);
		ours = map_sys_delete(p->ours, &key);
	} else if (op < 9) {
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, &key, host_out, 0);
		ours = map_sys_lookup_delete(p->ours, &key, our_out, 0);
	} else {
		host = host_elem(BPF_MAP_GET_NEXT_KEY, p, &key, host_out, 0);
		ours = map_sys_next_key(p->ours, &key, our_out);
	}
	ASSERT_MSG(host == ours,
		   "%s: op %u key %u value %u, %u flags %" PRIu64 ": host %d, ours %d", p->what, op,
		   key, value[0], value[1], flags, host, ours);
	ASSERT_MSG(host || !memcmp(host_out, our_out, 8), "%s: op %u: outputs differ", p->what, op);
}

TEST(redirect_maps_agree_with_the_host)
{
	static const struct {
		struct map_args a;
		int ops;
		const char *what;
	} cases[] = {
		{ { BPF_MAP_TYPE_DEVMAP, 4, 8, 5 }, 2000, "devmap" },
		{ { BPF_MAP_TYPE_DEVMAP, 4, 4, 3 }, 2000, "devmap without programs" },
		{ { BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 5 }, 3000, "devmap hash" },
		{ { BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4 }, 3000, "small devmap hash" },
		{ { BPF_MAP_TYPE_CPUMAP, 4, 8, 5 }, 200, "cpumap" },
		{ { BPF_MAP_TYPE_XSKMAP, 4, 4, 5 }, 500, "xskmap" },
	};

	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p = pair_make(&cases[i].a, cases[i].what);

		for (int op = 0; op < cases[i].ops; op++)
			random_op(&p);
		pair_close(&p);
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

static struct skep_map *shared;
static struct vcpus vcpus;
static _Atomic bool stop;

static void *looker(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		struct vcpu *c = vcpu_get(&vcpus);

		/* 4 is always there, behind or before what comes and goes in its chain. */
		ASSERT_EQ(target(shared, 4), LOOPBACK);
		for (uint32_t k = 0; k < 16; k += 4) {
			const uint32_t t = target(shared, k);

			ASSERT(t == LOOPBACK || t == UINT32_MAX);
		}
		vcpu_put(c);
	}
	return NULL;
}

TEST(devmap_hash_holds_under_threads)
{
	pthread_t t[2];

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	shared = MAP(BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4, .vcpus = &vcpus);
	ASSERT_EQ(up(shared, 4, LOOPBACK, 0), 0);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, looker, NULL), 0);
	for (uint64_t i = 0; i < 3000; i++) {
		const uint64_t k = i % 3 == 1 ? 4 : i % 3 * 4;

		ASSERT_EQ(up(shared, k, LOOPBACK, 0), 0);
		if (k != 4)
			ASSERT_EQ(del(shared, k), 0);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	map_put(shared);
	vcpus_fini(&vcpus, NULL);
}
