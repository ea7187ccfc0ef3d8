/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * release.c - since when: known dates out of Linux's history, and what holds for every list.
 */
#include "model/release.h"

#include <linux/bpf.h>
#include <linux/btf.h>

#include "helper/helper.h"
#include "map/map.h"
#include "prog/prog.h"
#include "tests/harness/test.h"

/* First releases, by the changelogs of Linux. */
static const struct {
	enum release_list list;
	uint32_t nr;
	uint16_t since;
} known[] = {
	{ RELEASE_COMMAND, BPF_BTF_LOAD, RELEASE(4, 18) },
	{ RELEASE_COMMAND, BPF_LINK_CREATE, RELEASE(5, 7) },
	{ RELEASE_COMMAND, BPF_PROG_BIND_MAP, RELEASE(5, 10) },
	{ RELEASE_MAP_TYPE, BPF_MAP_TYPE_LPM_TRIE, RELEASE(4, 11) },
	{ RELEASE_MAP_TYPE, BPF_MAP_TYPE_QUEUE, RELEASE(4, 20) },
	{ RELEASE_MAP_TYPE, BPF_MAP_TYPE_RINGBUF, RELEASE(5, 8) },
	{ RELEASE_MAP_TYPE, BPF_MAP_TYPE_BLOOM_FILTER, RELEASE(5, 16) },
	{ RELEASE_PROG_TYPE, BPF_PROG_TYPE_XDP, RELEASE(4, 8) },
	{ RELEASE_PROG_TYPE, BPF_PROG_TYPE_TRACING, RELEASE(5, 5) },
	{ RELEASE_PROG_TYPE, BPF_PROG_TYPE_LSM, RELEASE(5, 7) },
	{ RELEASE_PROG_TYPE, BPF_PROG_TYPE_SYSCALL, RELEASE(5, 14) },
	{ RELEASE_ATTACH_TYPE, BPF_XDP, RELEASE(5, 9) },
	{ RELEASE_ATTACH_TYPE, BPF_TRACE_KPROBE_MULTI, RELEASE(5, 18) },
	{ RELEASE_HELPER, BPF_FUNC_map_lookup_elem, RELEASE_FIRST },
	{ RELEASE_HELPER, BPF_FUNC_spin_lock, RELEASE(5, 1) },
	{ RELEASE_HELPER, BPF_FUNC_probe_read_kernel, RELEASE(5, 5) },
	{ RELEASE_HELPER, BPF_FUNC_ringbuf_output, RELEASE(5, 8) },
	{ RELEASE_HELPER, BPF_FUNC_loop, RELEASE(5, 17) },
	{ RELEASE_HELPER, BPF_FUNC_dynptr_from_mem, RELEASE(5, 19) },
	{ RELEASE_BTF_KIND, BTF_KIND_INT, RELEASE(4, 18) },
	{ RELEASE_BTF_KIND, BTF_KIND_FUNC, RELEASE(5, 0) },
	{ RELEASE_BTF_KIND, BTF_KIND_ENUM64, RELEASE(6, 0) },
};

TEST(known_first_releases)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		ASSERT_MSG(release_since(known[i].list, known[i].nr) == known[i].since,
			   "list %d, number %u: %x", known[i].list, known[i].nr,
			   release_since(known[i].list, known[i].nr));
	ASSERT_EQ(release_since_flags(RELEASE_MAP_FLAG, BPF_F_MMAPABLE), RELEASE(5, 5));
	ASSERT_EQ(release_since_flags(RELEASE_MAP_FLAG, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG),
		  RELEASE(5, 2));
	ASSERT_EQ(release_since_flags(RELEASE_PROG_FLAG, BPF_F_SLEEPABLE), RELEASE(5, 10));
	ASSERT_EQ(release_since_flags(RELEASE_PROG_FLAG, 0), 0);
}

/* Whatever has a row here came with some release. */
TEST(everything_that_is_known_has_a_release)
{
	for (uint32_t id = 1; id < helper_id_count(); id++)
		ASSERT_MSG(release_since(RELEASE_HELPER, id), "helper %u", id);
	ASSERT_EQ(release_since(RELEASE_HELPER, helper_id_count()), 0);
	for (uint32_t t = 0; t < map_type_count(); t++)
		ASSERT_MSG(release_since(RELEASE_MAP_TYPE, t), "map type %u", t);
	for (uint32_t t = 0; t < prog_type_count(); t++)
		ASSERT_MSG(release_since(RELEASE_PROG_TYPE, t), "program type %u", t);
}

/* Lists only grow: a later number is not of an earlier release. */
TEST(lists_grow_at_their_end)
{
	for (uint32_t list = 0; list < _RELEASE_LIST_MAX; list++) {
		uint16_t last = RELEASE_FIRST;

		for (uint32_t nr = 0; release_since(list, nr); nr++) {
			ASSERT_GE(release_since(list, nr), last);
			last = release_since(list, nr);
		}
	}
}

TEST(releases_as_people_write_them)
{
	static const struct {
		const char *text;
		int ret;
		uint16_t version;
	} cases[] = {
		{ "6.12", 0, RELEASE(6, 12) },
		{ "6.12.41", 0, RELEASE(6, 12) },
		{ "6.1.0-44-amd64", 0, RELEASE(6, 1) },
		{ "5.15-rc3", 0, RELEASE(5, 15) },
		{ "6.8+", 0, RELEASE(6, 8) },
		{ "4.4", 0, RELEASE(4, 4) },
		{ "4.3", -EINVAL, 0 },
		{ "6", -EINVAL, 0 },
		{ "6.", -EINVAL, 0 },
		{ ".6", -EINVAL, 0 },
		{ "6.12x", -EINVAL, 0 },
		{ "-6.12", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "255.1", -EINVAL, 0 },
		{ "6.999", -EINVAL, 0 },
		{ "v6.12", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint16_t version = 0;

		ASSERT_MSG(release_parse(cases[i].text, &version) == cases[i].ret, "%s",
			   cases[i].text);
		ASSERT_MSG(version == cases[i].version, "%s: %x", cases[i].text, version);
	}
}
