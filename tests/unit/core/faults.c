/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that runs out: each allocation of a command fails once, until the command passes; what
 * was done before the failure is undone (LeakSanitizer looks at the end of the test).
 */
#include "base/alloc.h"
#include "core/core_int.h"
#include "tests/unit/core/core_test.h"

#include <linux/perf_event.h>

/* Runs fn with its n-th allocation failing, for n = 1, 2, ...; the result when none failed. */
static long each_failure(long (*fn)(void *arg), void *arg)
{
	for (long n = 1; n < 10000; n++) {
		long ret;

		skep_alloc_fail_at(n);
		ret = fn(arg);
		if (!skep_alloc_failed()) {
			skep_alloc_fail_at(0);
			return ret;
		}
		skep_alloc_fail_at(0);
		if (ret >= 0)
			close((int)ret); /* it could do without */
		else
			ASSERT_EQ(ret, -ENOMEM);
	}
	test_fail(__FILE__, __LINE__, "no end of allocations");
}

/* Attributes that a type takes. */
struct shape {
	uint32_t type, key, value, flags;
};

static long create(void *arg)
{
	const struct shape *s = arg;
	union core_attr a = attr_zero;

	a.a.map_type = s->type;
	a.a.key_size = s->key;
	a.a.value_size = s->value;
	a.a.map_flags = s->flags;
	a.a.max_entries = 4096;
	return bpf_call(BPF_MAP_CREATE, &a);
}

TEST(faults_in_map_create)
{
	static struct shape shapes[] = {
		{ BPF_MAP_TYPE_ARRAY, 4, 8 },
		{ BPF_MAP_TYPE_HASH, 4, 8 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8 },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0 },
		{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8 },
		{ BPF_MAP_TYPE_STACK, 0, 8 },
		{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8 },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 8 },
		{ BPF_MAP_TYPE_DEVMAP, 4, 8 },
		{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8 },
		{ BPF_MAP_TYPE_CPUMAP, 4, 8 },
		{ BPF_MAP_TYPE_XSKMAP, 4, 4 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_SOCKMAP, 4, 8 },
		{ BPF_MAP_TYPE_SOCKHASH, 16, 8 },
		{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8 },
		{ SKEP_MAP_TYPE_ARENA, 0, 0, BPF_F_MMAPABLE },
	};

	core_start(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		long fd = each_failure(create, &shapes[i]);

		ASSERT_MSG(fd >= 0, "type %u: %ld", shapes[i].type, fd);
		close((int)fd);
	}
	core_stop();
}

static long open_event(void *arg)
{
	return core_perf_event_open(k, PTR(arg), -1, 0, PERF_FLAG_FD_CLOEXEC);
}

TEST(faults_in_perf_event_open)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_BPF_OUTPUT };
	long fd;

	core_start(NULL);
	fd = each_failure(open_event, &a);
	ASSERT_GE(fd, 0);
	core_stop();
}

static long make_of_maps(void *arg)
{
	union core_attr a = attr_zero;

	a.a.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	a.a.key_size = 4;
	a.a.value_size = 4;
	a.a.max_entries = 4;
	a.a.inner_map_fd = *(uint32_t *)arg;
	return bpf_call(BPF_MAP_CREATE, &a);
}

TEST(faults_in_map_of_maps)
{
	uint32_t inner;
	long fd;

	core_start(NULL);
	inner = (uint32_t)map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	fd = each_failure(make_of_maps, &inner);
	ASSERT_GE(fd, 0);
	core_stop();
}

static long load_program(void *arg)
{
	long map = *(long *)arg;
	const struct bpf_insn insns[] = {
		ST(BPF_W, 10, -4, 0),
		MOVR(2, 10),
		ADD(2, -4),
		LD_MAP(1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		JEQ(0, 0, 1),
		LDX(BPF_DW, 0, 0, 0),
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 1 },
		EXIT,
		MOV(0, 2),
		EXIT,
	};
	static char log[4096];
	union core_attr a = attr_zero;

	a.a.prog_type = BPF_PROG_TYPE_XDP;
	a.a.insns = PTR(insns);
	a.a.insn_cnt = ARRAY_SIZE(insns);
	a.a.license = PTR("GPL");
	a.a.log_buf = PTR(log);
	a.a.log_size = sizeof(log);
	a.a.log_level = 2;
	return bpf_call(BPF_PROG_LOAD, &a);
}

TEST(faults_in_prog_load)
{
	static const int engines[] = { SKEP_ENGINE_DEFAULT, SKEP_ENGINE_INTERP };

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		struct skep_kernel_opts opts = { .engine = engines[i] };
		uint32_t ret;
		long map, fd;

		core_start(&opts);
		map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
		fd = each_failure(load_program, &map);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(prog_run_once(fd, &ret), 0);
		ASSERT_EQ(ret, 2);
		core_stop();
	}
}

/* With an instruction that a pass puts in. */
static long load_arena(void *arg)
{
	const struct bpf_insn insns[] = {
		LD_MAP(1, *(long *)arg),
		MOV(2, 64),
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = 1,
		  .src_reg = 2,
		  .off = SKEP_ADDR_SPACE_CAST,
		  .imm = SKEP_CAST_TO_ARENA },
		ADD(1, 8),
		LDX(BPF_DW, 0, 1, 0),
		JEQ(0, 0, 1),
		MOV(0, 1),
		ADD(0, 2),
		EXIT,
	};
	union core_attr a = attr_zero;

	a.a.prog_type = BPF_PROG_TYPE_XDP;
	a.a.insns = PTR(insns);
	a.a.insn_cnt = ARRAY_SIZE(insns);
	a.a.license = PTR("GPL");
	return bpf_call(BPF_PROG_LOAD, &a);
}

TEST(faults_in_prog_load_with_an_arena)
{
	union core_attr a = attr_zero;
	uint32_t ret;
	long map, fd;

	core_start(NULL);
	a.a.map_type = SKEP_MAP_TYPE_ARENA;
	a.a.map_flags = BPF_F_MMAPABLE;
	a.a.max_entries = 4;
	a.a.map_extra = UINT64_C(1) << 40;
	map = bpf_call(BPF_MAP_CREATE, &a);
	ASSERT_GE(map, 0);
	fd = each_failure(load_arena, &map);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(prog_run_once(fd, &ret), 0);
	ASSERT_EQ(ret, 2);
	core_stop();
}

/* Types by hand: what a program allocates, and its function. */
struct object_types {
	struct btf_header hdr;
	uint32_t types[25];
	char strings[32];
};
enum { TYPE_BALL = 3, TYPE_FUNC = 5 };

static const struct object_types object_types = {
	.hdr = { .magic = BTF_MAGIC,
		 .version = 1,
		 .hdr_len = sizeof(struct btf_header),
		 .type_len = sizeof(object_types.types),
		 .str_off = sizeof(object_types.types),
		 .str_len = sizeof("\0bpf_refcount\0ball\0int\0refs\0f") },
	.types = { 19,
		   BTF_KIND_INT << 24,
		   4,
		   BTF_INT_SIGNED << 24 | 32,
		   1,
		   BTF_KIND_STRUCT << 24 | 1,
		   4,
		   28,
		   1,
		   0,
		   14,
		   BTF_KIND_STRUCT << 24 | 2,
		   8,
		   23,
		   2,
		   0,
		   28,
		   1,
		   32,
		   0,
		   BTF_KIND_FUNC_PROTO << 24,
		   1,
		   28,
		   BTF_KIND_FUNC << 24,
		   4 },
	.strings = "\0bpf_refcount\0ball\0int\0refs\0f",
};

static int32_t kfunc_id(const char *name)
{
	const int id = btf_find(core_vmlinux(k), name, BTF_KIND_FUNC);

	ASSERT_GT(id, 0);
	return id;
}

static long load_allocating(void *arg)
{
	const struct bpf_insn insns[] = {
		MOV(1, TYPE_BALL),
		MOV(2, 0),
		{ .code = BPF_JMP | BPF_CALL,
		  .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .imm = kfunc_id("bpf_obj_new_impl") },
		JEQ(0, 0, 3),
		MOVR(1, 0),
		MOV(2, 0),
		{ .code = BPF_JMP | BPF_CALL,
		  .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .imm = kfunc_id("bpf_obj_drop_impl") },
		MOV(0, 2),
		EXIT,
	};
	const struct bpf_func_info func = { .insn_off = 0, .type_id = TYPE_FUNC };
	union core_attr a = attr_zero;

	a.a.prog_type = BPF_PROG_TYPE_XDP;
	a.a.insns = PTR(insns);
	a.a.insn_cnt = ARRAY_SIZE(insns);
	a.a.license = PTR("GPL");
	a.a.prog_btf_fd = *(uint32_t *)arg;
	a.a.func_info = PTR(&func);
	a.a.func_info_cnt = 1;
	a.a.func_info_rec_size = sizeof(func);
	return bpf_call(BPF_PROG_LOAD, &a);
}

/* Who does not get so far is no user of the store. */
TEST(faults_in_prog_load_with_objects)
{
	union core_attr a = attr_zero;
	uint32_t ret, btf;
	long fd;

	core_start(NULL);
	ASSERT(core_vmlinux(k));
	a.a.btf = PTR(&object_types);
	a.a.btf_size =
		sizeof(object_types.hdr) + object_types.hdr.type_len + object_types.hdr.str_len;
	fd = bpf_call(BPF_BTF_LOAD, &a);
	ASSERT_GE(fd, 0);
	btf = (uint32_t)fd;
	fd = each_failure(load_allocating, &btf);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(atomic_load(obj_users(k->env.objects)), 1);
	ASSERT_EQ(k->records.n, 1);
	ASSERT_EQ(prog_run_once(fd, &ret), 0);
	ASSERT_EQ(ret, 2);
	ASSERT_EQ(obj_live(k->env.objects), 0);
	close((int)fd);
	next_id(BPF_PROG_GET_NEXT_ID, 0); /* what is gone is looked for */
	ASSERT_EQ(atomic_load(obj_users(k->env.objects)), 0);
	close((int)btf);
	core_stop();
}

static long list_btf(void *arg)
{
	long id = next_id(BPF_BTF_GET_NEXT_ID, 0);

	/* Without memory the kernel's BTF is not there yet. */
	return id == -ENOENT ? -ENOMEM : id < 0 ? id : fd_by_id(BPF_BTF_GET_FD_BY_ID, (uint32_t)id);
}

TEST(faults_in_btf)
{
	static const struct {
		struct btf_header hdr;
		uint32_t types[4];
		char strings[8];
	} blob = { .hdr = { .magic = BTF_MAGIC,
			    .version = 1,
			    .hdr_len = sizeof(struct btf_header),
			    .type_len = 16,
			    .str_off = 16,
			    .str_len = 8 },
		   .types = { 1, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32 },
		   .strings = "\0int" };
	union core_attr a = attr_zero;
	bool passed = false;

	a.a.btf = PTR(&blob);
	a.a.btf_size = sizeof(blob);
	core_start(NULL);
	for (long n = 1; !passed; n++) {
		long fd;

		skep_alloc_fail_at(n);
		fd = bpf_call(BPF_BTF_LOAD, &a);
		passed = !skep_alloc_failed();
		skep_alloc_fail_at(0);
		ASSERT_EQ(fd, passed ? fd : -ENOMEM);
		if (fd >= 0)
			close((int)fd);
	}
	ASSERT_GE(each_failure(list_btf, NULL), 0);
	core_stop();
}

static long pin_and_get(void *arg)
{
	union core_attr a = attr_zero;
	long err;

	a.a.pathname = PTR("/sys/fs/bpf/x");
	a.a.bpf_fd = *(uint32_t *)arg;
	err = bpf_call(BPF_OBJ_PIN, &a);
	if (err && err != -EEXIST)
		return err;
	a.a.bpf_fd = 0;
	return bpf_call(BPF_OBJ_GET, &a);
}

TEST(faults_in_pins_and_info)
{
	uint32_t fd;

	core_start(NULL);
	fd = (uint32_t)map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	ASSERT_GE(each_failure(pin_and_get, &fd), 0);
	core_stop();
}

TEST(faults_in_pins_that_are_files)
{
	char dir[] = "/tmp/skep-pins-XXXXXX", path[64];
	uint32_t fd;

	ASSERT(mkdtemp(dir));
	core_start(NULL);
	skep_alloc_fail_at(1);
	ASSERT_EQ(core_pins_in(k, dir), -ENOMEM);
	skep_alloc_fail_at(0);
	ASSERT_EQ(core_pins_in(k, dir), 0);
	fd = (uint32_t)map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	ASSERT_GE(each_failure(pin_and_get, &fd), 0);
	core_stop();
	snprintf(path, sizeof(path), "%s/x", dir);
	ASSERT_EQ(unlink(path), 0);
	ASSERT_EQ(rmdir(dir), 0); /* failures left nothing there */
}

/* An iterator over that target, which shows nothing. */
static long iter_load(const char *target)
{
	const struct bpf_insn insns[] = { MOV(0, 0), EXIT };
	const struct skep_btf *types = core_vmlinux(k);
	union core_attr a = attr_zero;
	char name[32];
	int id;

	snprintf(name, sizeof(name), "bpf_iter_%s", target);
	id = btf_find(types, name, BTF_KIND_FUNC);
	ASSERT_GE(id, 1);
	a.a.prog_type = BPF_PROG_TYPE_TRACING;
	a.a.expected_attach_type = BPF_TRACE_ITER;
	a.a.attach_btf_id = (uint32_t)id;
	a.a.insns = PTR(insns);
	a.a.insn_cnt = ARRAY_SIZE(insns);
	a.a.license = PTR("GPL");
	return bpf_call(BPF_PROG_LOAD, &a);
}

struct iter_ask {
	long prog, link;
	union bpf_iter_link_info info;
	uint32_t info_len;
};

static long iter_attach(void *arg)
{
	const struct iter_ask *ask = arg;
	union core_attr a = attr_zero;

	a.a.link_create.prog_fd = (uint32_t)ask->prog;
	a.a.link_create.attach_type = BPF_TRACE_ITER;
	a.a.link_create.iter_info = ask->info_len ? PTR(&ask->info) : 0;
	a.a.link_create.iter_info_len = ask->info_len;
	return bpf_call(BPF_LINK_CREATE, &a);
}

static long iter_open(void *arg)
{
	const struct iter_ask *ask = arg;
	union core_attr a = attr_zero;

	a.a.iter_create.link_fd = (uint32_t)ask->link;
	return bpf_call(BPF_ITER_CREATE, &a);
}

TEST(faults_in_iterators)
{
	static const char *const targets[] = { "bpf_map", "bpf_prog",  "bpf_link", "bpf_map_elem",
					       "task",	  "task_file", "task_vma" };

	core_start(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct iter_ask ask = { .prog = iter_load(targets[i]) };
		const long map = map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
		long text;

		ASSERT_GE(ask.prog, 0);
		ASSERT_EQ(map_update(map, &(uint32_t){ 1 }, &(uint64_t){ 2 }, 0), 0);
		if (!strcmp(targets[i], "bpf_map_elem"))
			ask.info.map.map_fd = (uint32_t)map;
		else if (!strncmp(targets[i], "task_", 5))
			ask.info.task.pid = (uint32_t)getpid();
		ask.info_len = sizeof(ask.info);
		ask.link = each_failure(iter_attach, &ask);
		ASSERT_GE(ask.link, 0);
		text = each_failure(iter_open, &ask);
		ASSERT_GE(text, 0);
		close((int)text);
		close((int)ask.link);
		close((int)ask.prog);
		close((int)map);
	}
	core_stop();
}

static long new_kernel(void *arg)
{
	struct skep_kernel *other = NULL;
	int err = skep_kernel_new(NULL, &other);

	skep_kernel_free(other);
	return err ? err : dup(0);
}

TEST(faults_in_kernel_new)
{
	ASSERT_GE(each_failure(new_kernel, NULL), 0);
}
