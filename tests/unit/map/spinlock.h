/* SPDX-License-Identifier: BSD-2-Clause */
/* spinlock.h - the BTF of a value with a lock: struct { u32 a; struct bpf_spin_lock lock; u32 b, c;
 * }. */
#ifndef SKEP_TESTS_UNIT_MAP_SPINLOCK_H
#define SKEP_TESTS_UNIT_MAP_SPINLOCK_H

#include <linux/btf.h>

struct locked_value {
	__u32 a, lock, b, c;
};

#define LOCKED_KEY   1 /* type ids */
#define LOCKED_VALUE 3

static const struct {
	struct btf_header hdr;
	struct {
		struct btf_type t;
		__u32 data;
	} u32;
	struct {
		struct btf_type t;
		struct btf_member m;
	} lock;
	struct {
		struct btf_type t;
		struct btf_member m[4];
	} value;
	char str[52];
} locked_btf = {
	.hdr = { .magic = BTF_MAGIC,
		 .version = BTF_VERSION,
		 .hdr_len = sizeof(struct btf_header),
		 .type_len = 16 + 24 + 60,
		 .str_off = 16 + 24 + 60,
		 .str_len = 52 },
	.u32 = { .t = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 }, .data = 32 },
	.lock = { .t = { .name_off = 14, .info = BTF_KIND_STRUCT << 24 | 1, .size = 4 },
		  .m = { 28, 1, 0 } },
	.value = { .t = { .name_off = 32, .info = BTF_KIND_STRUCT << 24 | 4, .size = 16 },
		   .m = { { 38, 1, 0 }, { 40, 2, 32 }, { 45, 1, 64 }, { 47, 1, 96 } } },
	.str = "\0unsigned int\0bpf_spin_lock\0val\0value\0a\0lock\0b\0c",
};

#endif
