/* SPDX-License-Identifier: BSD-2-Clause */
/* core_test.c - see core_test.h */
#include "tests/unit/core/core_test.h"

struct skep_kernel *k;
const union core_attr attr_zero;

void core_start(struct skep_kernel_opts *opts)
{
	if (opts)
		opts->sz = sizeof(*opts);
	ASSERT_EQ(skep_kernel_new(opts, &k), 0);
}

void core_stop(void)
{
	skep_kernel_free(k);
	k = NULL;
}

long bpf_call(int cmd, union core_attr *attr)
{
	return skep_kernel_bpf(k, cmd, &attr->a, ATTR_SIZE);
}

long map_create(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags)
{
	union core_attr attr = attr_zero;

	attr.a.map_type = type;
	attr.a.key_size = key;
	attr.a.value_size = value;
	attr.a.max_entries = max;
	attr.a.map_flags = flags;
	return bpf_call(BPF_MAP_CREATE, &attr);
}

static long elem(int cmd, long fd, const void *key, const void *value, uint64_t flags)
{
	union core_attr attr = attr_zero;

	attr.a.map_fd = (uint32_t)fd;
	attr.a.key = PTR(key);
	attr.a.value = PTR(value);
	attr.a.flags = flags;
	return bpf_call(cmd, &attr);
}

long map_update(long fd, const void *key, const void *value, uint64_t flags)
{
	return elem(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

long map_lookup(long fd, const void *key, void *value, uint64_t flags)
{
	return elem(BPF_MAP_LOOKUP_ELEM, fd, key, value, flags);
}

long map_delete(long fd, const void *key)
{
	return elem(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

long map_next(long fd, const void *key, void *next)
{
	return elem(BPF_MAP_GET_NEXT_KEY, fd, key, next, 0);
}

long next_id(int cmd, uint32_t start)
{
	union core_attr attr = attr_zero;
	long err;

	attr.a.start_id = start;
	err = bpf_call(cmd, &attr);
	return err ? err : attr.a.next_id;
}

long fd_by_id(int cmd, uint32_t id)
{
	union core_attr attr = attr_zero;

	attr.a.prog_id = id;
	return bpf_call(cmd, &attr);
}

long obj_info(long fd, void *info, uint32_t *len)
{
	union core_attr attr = attr_zero;
	long err;

	attr.a.info.bpf_fd = (uint32_t)fd;
	attr.a.info.info_len = *len;
	attr.a.info.info = PTR(info);
	err = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
	*len = attr.a.info.info_len;
	return err;
}

uint32_t map_id(long fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	ASSERT_EQ(obj_info(fd, &info, &len), 0);
	return info.id;
}

uint32_t prog_id(long fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	ASSERT_EQ(obj_info(fd, &info, &len), 0);
	return info.id;
}

long prog_load(uint32_t type, const struct bpf_insn *insns, uint32_t cnt)
{
	union core_attr attr = attr_zero;

	attr.a.prog_type = type;
	attr.a.insns = PTR(insns);
	attr.a.insn_cnt = cnt;
	attr.a.license = PTR("GPL");
	attr.a.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	return bpf_call(BPF_PROG_LOAD, &attr);
}

long prog_return(uint32_t type, int32_t ret)
{
	const struct bpf_insn insns[] = { MOV(0, ret), EXIT };

	return prog_load(type, insns, 2);
}

long prog_run_once(long fd, uint32_t *ret)
{
	uint8_t data[64] = { 0 };
	union core_attr attr = attr_zero;
	long err;

	attr.a.test.prog_fd = (uint32_t)fd;
	attr.a.test.data_in = PTR(data);
	attr.a.test.data_size_in = sizeof(data);
	err = bpf_call(BPF_PROG_TEST_RUN, &attr);
	*ret = attr.a.test.retval;
	return err;
}
