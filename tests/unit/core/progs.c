/* SPDX-License-Identifier: BSD-2-Clause */
/* PROG_LOAD and what is told of programs. */
#include "tests/unit/core/core_test.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct bpf_insn ret0[] = { MOV(0, 0), EXIT };

/* The attributes of a small good program. */
static union core_attr good(uint32_t type)
{
	union core_attr a = attr_zero;

	a.a.prog_type = type;
	a.a.insns = PTR(ret0);
	a.a.insn_cnt = 2;
	a.a.license = PTR("GPL");
	return a;
}

static long load(union core_attr attr)
{
	return bpf_call(BPF_PROG_LOAD, &attr);
}

TEST(load_checks_attributes_in_order)
{
	union core_attr a = good(BPF_PROG_TYPE_XDP);

	core_start(NULL);
	ASSERT_GE(load(a), 0);
	a.a.prog_flags = 1u << 20;
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.insn_cnt = 0;
	ASSERT_EQ(load(a), -E2BIG);
	a.a.insn_cnt = SKEP_INSNS_MAX + 1;
	ASSERT_EQ(load(a), -E2BIG);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.insns = 0;
	ASSERT_EQ(load(a), -EFAULT);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.license = 0;
	ASSERT_EQ(load(a), -EFAULT);
	a = good(77);
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	memcpy(a.a.prog_name, "a b", 4);
	ASSERT_EQ(load(a), -EINVAL);
	memset(a.a.prog_name, 'x', sizeof(a.a.prog_name));
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	a.prog_load.token_fd = -1;
	a.a.prog_flags = SKEP_F_TOKEN_FD;
	ASSERT_EQ(load(a), -EBADF);
	a.prog_load.token_fd = 0;
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.prog_ifindex = 1;
	ASSERT_EQ(load(a), -EOPNOTSUPP);
	core_stop();
}

TEST(load_checks_the_attach_type)
{
	union core_attr a = good(BPF_PROG_TYPE_CGROUP_SKB);

	core_start(NULL);
	a.a.expected_attach_type = BPF_CGROUP_INET_EGRESS;
	ASSERT_GE(load(a), 0);
	a.a.expected_attach_type = BPF_XDP;
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_SYSCALL);
	a.a.prog_flags = BPF_F_SLEEPABLE;
	ASSERT_GE(load(a), 0);
	a.a.expected_attach_type = 1;
	ASSERT_EQ(load(a), -EINVAL);
	a.a.expected_attach_type = 0;
	a.a.prog_flags = 0;
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.prog_flags = BPF_F_SLEEPABLE;
	ASSERT_EQ(load(a), -EINVAL);
	a = good(BPF_PROG_TYPE_XDP);
	a.a.attach_btf_id = 1;
	ASSERT_EQ(load(a), -EINVAL);
	a.a.attach_btf_id = 0;
	a.a.attach_prog_fd = 999;
	ASSERT_EQ(load(a), -EINVAL);
	core_stop();
}

TEST(load_for_the_unprivileged)
{
	struct skep_kernel_opts opts = { .rights = SKEP_RIGHTS_NONE };
	union core_attr a;

	core_start(&opts);
	ASSERT_EQ(load(good(BPF_PROG_TYPE_XDP)), -EPERM);
	ASSERT_GE(load(good(BPF_PROG_TYPE_SOCKET_FILTER)), 0);
	a = good(BPF_PROG_TYPE_SOCKET_FILTER);
	a.a.insn_cnt = BPF_MAXINSNS + 1;
	ASSERT_EQ(load(a), -E2BIG);
	ASSERT_EQ(next_id(BPF_PROG_GET_NEXT_ID, 0), -EPERM);
	ASSERT_EQ(fd_by_id(BPF_PROG_GET_FD_BY_ID, 1), -EPERM);
	ASSERT_EQ(map_create(BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0), -EPERM);
	ASSERT_GE(map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0), 0);
	core_stop();
}

static void keep_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	ASSERT_EQ(syscall(SYS_capget, &head, data), 0);
	data[0].effective &= (uint32_t)keep;
	data[1].effective &= (uint32_t)(keep >> 32);
	ASSERT_EQ(syscall(SYS_capset, &head, data), 0);
}

TEST(load_by_the_callers_capabilities)
{
	struct skep_kernel_opts opts = { .rights = SKEP_RIGHTS_CALLER };

	core_start(&opts);
	if (load(good(BPF_PROG_TYPE_XDP)) < 0)
		test_skip("the test has no CAP_BPF and CAP_NET_ADMIN to lose");
	keep_caps(~(UINT64_C(1) << CAP_SYS_ADMIN));
	ASSERT_GE(load(good(BPF_PROG_TYPE_KPROBE)), 0);
	ASSERT_EQ(next_id(BPF_PROG_GET_NEXT_ID, 0), -EPERM);
	keep_caps(~(UINT64_C(1) << CAP_NET_ADMIN));
	ASSERT_EQ(load(good(BPF_PROG_TYPE_XDP)), -EPERM);
	keep_caps(~(UINT64_C(1) << 38)); /* CAP_PERFMON */
	ASSERT_EQ(load(good(BPF_PROG_TYPE_KPROBE)), -EPERM);
	ASSERT_GE(load(good(BPF_PROG_TYPE_SOCKET_FILTER)), 0);
	ASSERT_GE(map_create(BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0), 0);
	keep_caps(~(UINT64_C(1) << 39)); /* CAP_BPF */
	ASSERT_EQ(map_create(BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0), -EPERM);
	ASSERT_GE(load(good(BPF_PROG_TYPE_SOCKET_FILTER)), 0);
	core_stop();
}

TEST(rights_are_one_of_four)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .rights = SKEP_RIGHTS_BPF + 1 };
	struct skep_kernel *none;

	ASSERT_EQ(skep_kernel_new(&opts, &none), -EINVAL);
}

/* --- the log --------------------------------------------------------------------------------- */

static const struct bpf_insn bad[] = { MOVR(0, 5), EXIT }; /* r5 was never written */

static long load_log(char *buf, uint32_t size, uint32_t level, uint32_t *true_size)
{
	union core_attr a = good(BPF_PROG_TYPE_XDP);
	long err;

	a.a.insns = PTR(bad);
	a.a.log_buf = PTR(buf);
	a.a.log_size = size;
	a.a.log_level = level;
	err = bpf_call(BPF_PROG_LOAD, &a);
	*true_size = a.prog_load.log_true_size;
	return err;
}

TEST(load_log_follows_the_kernels_rules)
{
	char buf[4096] = "", small[16];
	uint32_t size = 0, again;

	core_start(NULL);
	ASSERT_EQ(load_log(NULL, 0, 0, &size), -EACCES);
	ASSERT_EQ(size, 0);
	ASSERT_STRHAS(skep_last_error(), "insn 0");
	ASSERT_EQ(load_log(buf, sizeof(buf), 1, &size), -EACCES);
	ASSERT_STRHAS(buf, "R5 !read_ok");
	ASSERT_EQ(size, strlen(buf) + 1);
	/* What did not fit is told, and the end (or with FIXED the beginning) is there. */
	ASSERT_EQ(load_log(small, sizeof(small), 1, &again), -ENOSPC);
	ASSERT_EQ(again, size);
	ASSERT_EQ(strlen(small), sizeof(small) - 1);
	ASSERT_STREQ(small, buf + size - sizeof(small));
	ASSERT_EQ(load_log(small, sizeof(small), 1 | SKEP_LOG_FIXED, &again), -ENOSPC);
	ASSERT_MEMEQ(small, buf, sizeof(small) - 1);
	/* Without a buffer the size alone. */
	ASSERT_EQ(load_log(NULL, 0, 1, &again), -EACCES);
	ASSERT_EQ(again, size);
	ASSERT_EQ(load_log(buf, 0, 1, &again), -EINVAL);
	ASSERT_EQ(load_log(NULL, 64, 1, &again), -EINVAL);
	ASSERT_EQ(load_log(buf, sizeof(buf), 0, &again), -EINVAL);
	ASSERT_EQ(load_log(buf, sizeof(buf), 16, &again), -EINVAL);
	ASSERT_EQ(load_log((char *)8, 64, 1, &again), -EFAULT);
	core_stop();
}

/* Descriptors are resolved in front of the verifier; the log ends as if it had been there. */
TEST(load_log_ends_with_statistics_whatever_failed)
{
	static const struct bpf_insn no_map[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .src_reg = BPF_PSEUDO_MAP_FD, .imm = 12345 },
		{ 0 },
		EXIT,
	};
	union core_attr a = good(BPF_PROG_TYPE_XDP);
	char buf[512] = "";

	core_start(NULL);
	a.a.insns = PTR(no_map);
	a.a.insn_cnt = ARRAY_SIZE(no_map);
	a.a.log_buf = PTR(buf);
	a.a.log_size = sizeof(buf);
	a.a.log_level = 1;
	ASSERT_EQ(bpf_call(BPF_PROG_LOAD, &a), -EBADF);
	ASSERT_STREQ(buf, "fd 12345 is not pointing to valid bpf_map\n"
			  "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 "
			  "peak_states 0 mark_read 0\n");
	ASSERT_EQ(a.prog_load.log_true_size, strlen(buf) + 1);
	core_stop();
}

/* --- what instructions name ------------------------------------------------------------------ */

TEST(load_resolves_maps)
{
	int32_t fds[2];
	uint64_t value[2] = { 0, 77 };
	uint32_t key = 0, ret;
	long array, hash, prog;

	core_start(NULL);
	array = map_create(BPF_MAP_TYPE_ARRAY, 4, 16, 1, 0);
	hash = map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	ASSERT_EQ(map_update(array, &key, value, 0), 0);
	fds[0] = (int32_t)hash;
	fds[1] = (int32_t)array;
	{
		/* The second word of the array's one value, by descriptor and by index. */
		const struct bpf_insn direct[] = {
			LD_PSEUDO(1, BPF_PSEUDO_MAP_VALUE, (int32_t)array, 8),
			LDX(BPF_DW, 0, 1, 0),
			EXIT,
		};
		const struct bpf_insn indexed[] = {
			LD_PSEUDO(1, BPF_PSEUDO_MAP_IDX_VALUE, 1, 8),
			LDX(BPF_DW, 0, 1, 0),
			EXIT,
		};
		const struct bpf_insn far[] = {
			LD_PSEUDO(1, BPF_PSEUDO_MAP_VALUE, (int32_t)array, 64),
			MOV(0, 0),
			EXIT,
		};
		const struct bpf_insn in_hash[] = {
			LD_PSEUDO(1, BPF_PSEUDO_MAP_VALUE, (int32_t)hash, 0),
			MOV(0, 0),
			EXIT,
		};
		const struct bpf_insn none[] = { LD_MAP(1, 999), MOV(0, 0), EXIT };
		const struct bpf_insn odd[] = { LD_PSEUDO(1, 9, 0, 0), MOV(0, 0), EXIT };
		const struct bpf_insn half[] = { LD_MAP(1, 3) };
		union core_attr a = good(BPF_PROG_TYPE_XDP);

		prog = prog_load(BPF_PROG_TYPE_XDP, direct, 4);
		ASSERT_GE(prog, 0);
		ASSERT_EQ(prog_run_once(prog, &ret), 0);
		ASSERT_EQ(ret, 77);
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, far, 4), -EINVAL);
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, in_hash, 4), -EINVAL);
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, none, 4), -EBADF);
		ASSERT_STREQ(skep_last_error(), "insn 0: fd 999 is not pointing to valid bpf_map");
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, odd, 4), -EINVAL);
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, half, 1), -EINVAL);

		a.a.insns = PTR(indexed);
		a.a.insn_cnt = 4;
		ASSERT_EQ(load(a), -EPROTO);
		a.a.fd_array = PTR(fds);
		prog = load(a);
		ASSERT_GE(prog, 0);
		ASSERT_EQ(prog_run_once(prog, &ret), 0);
		ASSERT_EQ(ret, 77);
		a.a.fd_array = 8;
		ASSERT_EQ(load(a), -EFAULT);
	}
	core_stop();
}

TEST(load_takes_64_maps)
{
	struct bpf_insn insns[65 * 2 + 2] = { 0 };
	const struct bpf_insn end[] = { MOV(0, 0), EXIT };

	core_start(NULL);
	for (int i = 0; i < 65; i++) {
		long fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
		const struct bpf_insn ld[] = { LD_MAP(1, fd) };

		memcpy(&insns[2 * i], ld, sizeof(ld));
	}
	memcpy(&insns[130], end, sizeof(end));
	ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, insns, 132), -E2BIG);
	ASSERT_GE(prog_load(BPF_PROG_TYPE_XDP, insns + 2, 130), 0);
	core_stop();
}

TEST(load_refuses_maps_that_do_not_fit)
{
	long array;
	const struct bpf_insn tail = CALL(BPF_FUNC_tail_call);
	uint32_t key = 0, fd32;

	core_start(NULL);
	array = map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0);
	fd32 = (uint32_t)prog_return(BPF_PROG_TYPE_SCHED_CLS, 0);
	ASSERT_EQ(map_update(array, &key, &fd32, 0), 0);
	{
		const struct bpf_insn insns[] = { LD_MAP(2, array), MOV(3, 0), tail, MOV(0, 0),
						  EXIT };

		ASSERT_EQ(prog_load(BPF_PROG_TYPE_XDP, insns, 6), -EINVAL);
		ASSERT_GE(prog_load(BPF_PROG_TYPE_SCHED_CLS, insns, 6), 0);
		/* A program that sleeps cannot tail call. */
		ASSERT_EQ(prog_load(BPF_PROG_TYPE_SYSCALL, insns, 6), -EINVAL);
	}
	core_stop();
}

/* --- OBJ_GET_INFO_BY_FD ---------------------------------------------------------------------- */

TEST(info_of_a_program)
{
	struct bpf_insn xlated[8] = { 0 };
	struct bpf_prog_info info = { 0 };
	uint32_t ids[4] = { 0 }, len = sizeof(info), lens[2] = { 0 };
	uint64_t ksyms[2] = { 0 };
	uint8_t tags[2][BPF_TAG_SIZE] = { 0 }, code[4096];
	union core_attr a = good(BPF_PROG_TYPE_XDP);
	long map, prog;

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 32, 1, 0);
	{
		const struct bpf_insn insns[] = {
			LD_PSEUDO(1, BPF_PSEUDO_MAP_VALUE, (int32_t)map, 16), MOV(0, 1), EXIT
		};

		a.a.insns = PTR(insns);
		a.a.insn_cnt = 4;
		memcpy(a.a.prog_name, "the.name_1", 10);
		prog = load(a);
	}
	ASSERT_GE(prog, 0);
	ASSERT_EQ(obj_info(prog, &info, &len), 0);
	ASSERT_EQ(len, sizeof(info));
	ASSERT_EQ(info.type, BPF_PROG_TYPE_XDP);
	ASSERT_EQ(info.xlated_prog_len, 32);
	ASSERT_EQ(info.nr_map_ids, 1);
	ASSERT_EQ(info.nr_jited_ksyms, 1);
	ASSERT_EQ(info.gpl_compatible, 1);
	ASSERT_EQ(info.created_by_uid, getuid());
	ASSERT_STREQ(info.name, "the.name_1");
	ASSERT_GT(info.load_time, 0);

	memset(&info, 0, sizeof(info));
	info.xlated_prog_len = sizeof(xlated);
	info.xlated_prog_insns = PTR(xlated);
	info.nr_map_ids = 4;
	info.map_ids = PTR(ids);
	info.nr_jited_ksyms = 2;
	info.jited_ksyms = PTR(ksyms);
	info.nr_jited_func_lens = 2;
	info.jited_func_lens = PTR(lens);
	info.nr_prog_tags = 2;
	info.prog_tags = PTR(tags);
	info.jited_prog_len = sizeof(code);
	info.jited_prog_insns = PTR(code);
	ASSERT_EQ(obj_info(prog, &info, &len), 0);
	ASSERT_EQ(ids[0], map_id(map));
	ASSERT_EQ(xlated[0].src_reg, BPF_PSEUDO_MAP_VALUE);
	ASSERT_EQ(xlated[0].imm, map_id(map));
	ASSERT_EQ(xlated[1].imm, 16);
	ASSERT_EQ(lens[0], info.jited_prog_len);
	if (info.jited_prog_len)
		ASSERT_MEMEQ(code, (void *)(uintptr_t)ksyms[0], lens[0]);
	ASSERT_MEMEQ(tags[0], info.tag, BPF_TAG_SIZE);
	core_stop();
}

TEST(info_follows_the_callers_size)
{
	struct {
		struct bpf_prog_info info;
		uint8_t more[16];
	} big = { 0 };
	struct bpf_map_info map = { 0 };
	uint8_t short_info[12];
	uint32_t len;
	long fd, prog;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	len = 8;
	memset(short_info, 0xee, sizeof(short_info));
	ASSERT_EQ(obj_info(fd, short_info, &len), 0);
	ASSERT_EQ(len, 8);
	ASSERT_EQ(short_info[0], BPF_MAP_TYPE_ARRAY);
	ASSERT_EQ(short_info[8], 0xee);
	len = sizeof(big);
	ASSERT_EQ(obj_info(prog, &big, &len), 0);
	ASSERT_EQ(len, sizeof(big.info));
	big.more[15] = 1;
	len = sizeof(big);
	ASSERT_EQ(obj_info(prog, &big, &len), -E2BIG);
	len = 5000;
	ASSERT_EQ(obj_info(prog, &big, &len), -E2BIG);
	len = sizeof(map);
	ASSERT_EQ(obj_info(fd, (void *)8, &len), -EFAULT);
	memset(&big, 0, sizeof(big));
	big.info.func_info_rec_size = 4;
	len = sizeof(big.info);
	ASSERT_EQ(obj_info(prog, &big, &len), -EINVAL);
	ASSERT_EQ(obj_info(0, &map, &len), -EINVAL);
	ASSERT_EQ(obj_info(999, &map, &len), -EBADFD);
	core_stop();
}

/* The tag of "r0 = 0; exit": SHA-1 of b7 00 00 00 00 00 00 00  95 00 00 00 00 00 00 00. */
TEST(tag_is_the_kernels)
{
	static const uint8_t expected[] = { 0xa0, 0x4f, 0x5e, 0xef, 0x06, 0xa7, 0xf5, 0x55 };
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	core_start(NULL);
	ASSERT_EQ(obj_info(prog_return(BPF_PROG_TYPE_XDP, 0), &info, &len), 0);
	ASSERT_MEMEQ(info.tag, expected, sizeof(expected));
	core_stop();
}

TEST(bind_map_counts_once)
{
	union core_attr a = attr_zero;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), id;
	long map, prog;

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	id = map_id(map);
	a.a.prog_bind_map.prog_fd = (uint32_t)prog;
	a.a.prog_bind_map.map_fd = (uint32_t)map;
	ASSERT_EQ(bpf_call(BPF_PROG_BIND_MAP, &a), 0);
	ASSERT_EQ(bpf_call(BPF_PROG_BIND_MAP, &a), 0);
	ASSERT_EQ(obj_info(prog, &info, &len), 0);
	ASSERT_EQ(info.nr_map_ids, 1);
	a.a.prog_bind_map.flags = 1;
	ASSERT_EQ(bpf_call(BPF_PROG_BIND_MAP, &a), -EINVAL);
	a.a.prog_bind_map.flags = 0;
	a.a.prog_bind_map.map_fd = (uint32_t)prog;
	ASSERT_EQ(bpf_call(BPF_PROG_BIND_MAP, &a), -EINVAL);
	close((int)map);
	ASSERT_GE(fd_by_id(BPF_MAP_GET_FD_BY_ID, id), 0);
	core_stop();
}

/* --- BTF ------------------------------------------------------------------------------------- */

/* One "int" of 4 bytes, and what map keys and values may be made of. */
struct small_btf {
	struct btf_header hdr;
	uint32_t types[4];
	char strings[5];
} __attribute__((packed));

static struct small_btf small_btf(void)
{
	return (struct small_btf){
		.hdr = { .magic = BTF_MAGIC,
			 .version = 1,
			 .hdr_len = sizeof(struct btf_header),
			 .type_len = 16,
			 .str_off = 16,
			 .str_len = 5 },
		.types = { 1, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32 },
		.strings = "\0int",
	};
}

static long btf_load(const void *data, uint32_t size)
{
	union core_attr a = attr_zero;

	a.a.btf = PTR(data);
	a.a.btf_size = size;
	return bpf_call(BPF_BTF_LOAD, &a);
}

TEST(btf_objects)
{
	struct small_btf b = small_btf(), out;
	struct bpf_btf_info info = { 0 };
	char log[512] = "", name[16] = "x";
	union core_attr a = attr_zero;
	uint32_t len = sizeof(info), first;
	long fd;

	core_start(NULL);
	fd = btf_load(&b, sizeof(b));
	ASSERT_GE(fd, 0);
	info.btf = PTR(&out);
	info.btf_size = sizeof(out);
	ASSERT_EQ(obj_info(fd, &info, &len), 0);
	ASSERT_EQ(info.btf_size, sizeof(b));
	ASSERT_MEMEQ(&out, &b, sizeof(b));
	ASSERT_EQ(info.kernel_btf, 0);
	ASSERT_EQ(fd_by_id(BPF_BTF_GET_FD_BY_ID, info.id) >= 0, true);

	/* The kernel's own comes first. */
	first = (uint32_t)next_id(BPF_BTF_GET_NEXT_ID, 0);
	ASSERT_EQ(first, 1);
	fd = fd_by_id(BPF_BTF_GET_FD_BY_ID, first);
	memset(&info, 0, sizeof(info));
	info.name = PTR(name);
	info.name_len = sizeof(name);
	len = sizeof(info);
	ASSERT_EQ(obj_info(fd, &info, &len), 0);
	ASSERT_STREQ(name, "vmlinux");
	ASSERT_EQ(info.kernel_btf, 1);
	info.btf_size = 0;
	info.name_len = 4;
	ASSERT_EQ(obj_info(fd, &info, &len), -ENOSPC);
	ASSERT_STREQ(name, "vml");

	b.types[1] = 30u << 24;
	ASSERT_EQ(btf_load(&b, sizeof(b)), -EINVAL);
	ASSERT_STRHAS(skep_last_error(), "1");
	a.a.btf = PTR(&b);
	a.a.btf_size = sizeof(b);
	a.a.btf_log_buf = PTR(log);
	a.a.btf_log_size = sizeof(log);
	a.a.btf_log_level = 1;
	ASSERT_EQ(bpf_call(BPF_BTF_LOAD, &a), -EINVAL);
	ASSERT_STRHAS(log, "Invalid kind");
	ASSERT_EQ(a.btf_load.log_true_size, strlen(log) + 1);
	ASSERT_EQ(btf_load((void *)8, 64), -EFAULT);
	ASSERT_EQ(btf_load(&b, 17u << 20), -E2BIG);
	core_stop();
}

TEST(btf_describes_a_map)
{
	struct small_btf b = small_btf();
	struct bpf_map_info info = { 0 };
	struct bpf_btf_info binfo = { 0 };
	union core_attr a = attr_zero;
	uint32_t len = sizeof(info);
	long fd;

	a.a.map_type = BPF_MAP_TYPE_HASH;
	a.a.key_size = 4;
	a.a.value_size = 4;
	a.a.max_entries = 1;
	a.a.btf_key_type_id = 1;
	a.a.btf_value_type_id = 1;
	core_start(NULL);
	a.a.btf_fd = (uint32_t)btf_load(&b, sizeof(b));
	fd = bpf_call(BPF_MAP_CREATE, &a);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(obj_info(fd, &info, &len), 0);
	len = sizeof(binfo);
	ASSERT_EQ(obj_info(a.a.btf_fd, &binfo, &len), 0);
	ASSERT_EQ(info.btf_id, binfo.id);
	ASSERT_EQ(info.btf_value_type_id, 1);
	/* The map keeps its BTF. */
	close((int)a.a.btf_fd);
	ASSERT_GE(fd_by_id(BPF_BTF_GET_FD_BY_ID, binfo.id), 0);
	a.a.btf_fd = (uint32_t)fd;
	ASSERT_EQ(bpf_call(BPF_MAP_CREATE, &a), -EINVAL);
	a.a.btf_fd = 999;
	ASSERT_EQ(bpf_call(BPF_MAP_CREATE, &a), -EBADF);
	core_stop();
}

/* --- links and attachments, as far as there are hooks ---------------------------------------- */

TEST(attaching_says_what_is_missing)
{
	union core_attr a = attr_zero;
	long xdp, raw, cgroup;

	core_start(NULL);
	xdp = prog_return(BPF_PROG_TYPE_XDP, 0);
	raw = prog_return(BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
	cgroup = prog_return(BPF_PROG_TYPE_TRACEPOINT, 0);
	a.a.raw_tracepoint.prog_fd = (uint32_t)raw;
	a.a.raw_tracepoint.name = PTR("no_such_event");
	ASSERT_EQ(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), -ENOENT);
	ASSERT_STRHAS(skep_last_error(), "no_such_event");
	a.a.raw_tracepoint.name = PTR("sched_switch"); /* Linux has it, and nobody else can */
	ASSERT_EQ(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), -EOPNOTSUPP);
	ASSERT_STRHAS(skep_last_error(), "scheduler");
	a.a.raw_tracepoint.prog_fd = (uint32_t)xdp;
	ASSERT_EQ(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), -EINVAL);

	a = attr_zero;
	a.a.link_create.prog_fd = (uint32_t)xdp;
	a.a.link_create.target_ifindex = 1;
	a.a.link_create.attach_type = BPF_XDP;
	ASSERT_EQ(bpf_call(BPF_LINK_CREATE, &a), -EOPNOTSUPP);
	ASSERT_STRHAS(skep_last_error(), "xdp");
	a.a.link_create.attach_type = BPF_CGROUP_SOCK_OPS;
	ASSERT_EQ(bpf_call(BPF_LINK_CREATE, &a), -EINVAL);
	/* libbpf asks like this whether links to perf events exist. */
	a.a.link_create.prog_fd = (uint32_t)cgroup;
	a.a.link_create.target_fd = (uint32_t)-1;
	a.a.link_create.attach_type = BPF_PERF_EVENT;
	ASSERT_EQ(bpf_call(BPF_LINK_CREATE, &a), -EBADF);

	a = attr_zero;
	a.a.link_update.link_fd = (uint32_t)xdp;
	ASSERT_EQ(bpf_call(BPF_LINK_UPDATE, &a), -EINVAL);
	a = attr_zero;
	a.a.link_detach.link_fd = 999;
	ASSERT_EQ(bpf_call(BPF_LINK_DETACH, &a), -EBADF);
	ASSERT_EQ(next_id(BPF_LINK_GET_NEXT_ID, 0), -ENOENT);
	ASSERT_EQ(fd_by_id(BPF_LINK_GET_FD_BY_ID, 1), -ENOENT);
	core_stop();
}
