/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h - bpf(2) as the members of tests/hive speak it, alone, so that nothing stands between
 * them and the door.  Results are the system call's: -1 and errno.
 */
#ifndef SKEP_TESTS_HIVE_CALLS_H
#define SKEP_TESTS_HIVE_CALLS_H

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A map of any shape. */
struct map_shape {
	uint32_t type, key, value, max, flags;
};

static inline int map_make(const struct map_shape *shape, const char *name)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = shape->type;
	a.key_size = shape->key;
	a.value_size = shape->value;
	a.max_entries = shape->max;
	a.map_flags = shape->flags;
	strncpy(a.map_name, name, sizeof(a.map_name) - 1);
	return bpf(BPF_MAP_CREATE, &a);
}

/* A command on an element; value is the next key's place for BPF_MAP_GET_NEXT_KEY. */
static inline int element(int cmd, int fd, const void *key, void *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	return bpf(cmd, &a);
}

static inline int load(const struct bpf_insn *insns, uint32_t n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_XDP;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &a);
}

/* One run on a packet of 64 bytes. */
static inline int test_run(int fd, const void *packet, uint32_t *ret)
{
	union bpf_attr a;
	int r;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)fd;
	a.test.data_in = (uintptr_t)packet;
	a.test.data_size_in = 64;
	r = bpf(BPF_PROG_TEST_RUN, &a);
	*ret = a.test.retval;
	return r;
}

#endif
