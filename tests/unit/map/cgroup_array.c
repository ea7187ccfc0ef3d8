/* SPDX-License-Identifier: BSD-2-Clause */
/* CGROUP_ARRAY: which descriptors are of cgroups, the host kernel beside. */
#include "tests/unit/map/pair.h"

#include <fcntl.h>

/* The root of the unified hierarchy, wherever it is. */
static int unified(void)
{
	int fd = open("/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY);

	return fd < 0 ? open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY) : fd;
}

static void both(struct pair *p, uint32_t key, int fd, uint64_t flags)
{
	const int host = host_elem(BPF_MAP_UPDATE_ELEM, p, &key, &fd, flags);

	ASSERT_EQ(map_sys_update(p->ours, &key, &fd, flags), host);
}

TEST(cgroup_array_agrees_with_the_host)
{
	int group = unified(), dir = open("/", O_RDONLY);
	int file = openat(group, "cgroup.controllers", O_RDONLY);
	struct pair p;
	uint32_t v[2];

	pair_begin();
	p = pair_make(&(struct map_args){ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 3 }, "cgroups");
	both(&p, 0, dir, 0);
	both(&p, 0, file, 0);
	both(&p, 0, -1, 0);
	both(&p, 3, group, 0);
	both(&p, 1, group, BPF_NOEXIST);
	/* Where the machine has version 1 there, both refuse it. */
	both(&p, 1, group, 0);
	both(&p, 1, group, 0);
	for (uint32_t k = 0; k < 4; k++) {
		ASSERT_EQ(map_sys_lookup(p.ours, &k, v, 0),
			  host_elem(BPF_MAP_LOOKUP_ELEM, &p, &k, v, 0));
		for (int twice = 0; twice < 2; twice++)
			ASSERT_EQ(map_sys_delete(p.ours, &k),
				  host_elem(BPF_MAP_DELETE_ELEM, &p, &k, NULL, 0));
		ASSERT_EQ(map_sys_next_key(p.ours, &k, &v[0]),
			  host_elem(BPF_MAP_GET_NEXT_KEY, &p, &k, &v[1], 0));
	}
	pair_close(&p);
}
