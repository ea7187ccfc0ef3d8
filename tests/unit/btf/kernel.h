/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h - a small kernel's BTF for kptrs to point into: objects that can be kept in maps, by the
 * functions that drop them, and one that cannot.
 */
#ifndef SKEP_TESTS_BTF_KERNEL_H
#define SKEP_TESTS_BTF_KERNEL_H

#include "build.h"

static inline struct skep_btf *kernel_btf(void)
{
	static const char *const objects[] = { "task_struct", "cgroup", "bpf_cpumask", "sk_buff" };
	static const char *const dtors[] = { "bpf_task_release_dtor", "bpf_cgroup_release_dtor",
					     "bpf_cpumask_release_dtor" };
	static struct build b;
	static struct raw raw;
	struct skep_btf *btf = NULL;
	uint32_t proto;

	memset(&b, 0, sizeof(b));
	build_int(&b, "int", 4);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		build_type(&b, BTF_KIND_STRUCT, objects[i], 8);
		build_part(&b, "part", 1, 0);
	}
	proto = build_type(&b, BTF_KIND_FUNC_PROTO, "", 0);
	for (size_t i = 0; i < ARRAY_SIZE(dtors); i++)
		build_type(&b, BTF_KIND_FUNC, dtors[i], proto);
	build_done(&b, &raw);
	ASSERT_EQ(btf_new(raw.data, raw.size, NULL, NULL, &btf, NULL), 0);
	return btf;
}

#endif
