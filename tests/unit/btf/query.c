/* SPDX-License-Identifier: BSD-2-Clause */
/* query.c - questions on a finished object, and the checks of maps and of program records. */
#include "build.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "tests/harness/host.h"

static struct raw blob;
static struct verdict ours;

static struct skep_btf *load(struct build *bd)
{
	struct skep_btf *b;

	build_done(bd, &blob);
	judge_ours(blob.data, blob.size, &ours, &b);
	ASSERT_MSG(b, "%d\n%s", ours.err, ours.log);
	return b;
}

TEST(types_strings_sizes_and_names)
{
	static struct build bd;
	uint32_t i32 = build_int(&bd, "int", 4);
	uint32_t arr = build_array(&bd, i32, i32, 5);
	uint32_t td = build_type(&bd, BTF_KIND_TYPEDEF, "five", arr);
	uint32_t cst = build_type(&bd, BTF_KIND_CONST, "", td);
	uint32_t ptr = build_type(&bd, BTF_KIND_PTR, "", cst);
	uint32_t st = build_type(&bd, BTF_KIND_STRUCT, "pair", 20);
	uint32_t un, fwd, cvoid;
	struct skep_btf *b;
	uint32_t size;

	build_part(&bd, "all", cst, 0);
	un = build_type(&bd, BTF_KIND_UNION, "pair", 8);
	build_type(&bd, BTF_KIND_STRUCT, "pair", 4);
	fwd = build_type(&bd, BTF_KIND_FWD, "away", 0);
	cvoid = build_type(&bd, BTF_KIND_CONST, "", 0);
	b = load(&bd);

	ASSERT_EQ(btf_type_count(b), bd.types + 1);
	ASSERT_EQ(BTF_INFO_KIND(btf_type(b, st)->info), BTF_KIND_STRUCT);
	ASSERT(bytes_zero(btf_type(b, 0), sizeof(struct btf_type)));
	ASSERT(!btf_type(b, bd.types + 1));
	ASSERT_STREQ(btf_str(b, btf_type(b, td)->name_off), "five");
	ASSERT_STREQ(btf_str(b, 0), "");
	ASSERT(!btf_str(b, (uint32_t)bd.str_len));

	ASSERT_EQ(btf_size(b, i32), 4);
	ASSERT_EQ(btf_size(b, arr), 20);
	ASSERT_EQ(btf_size(b, cst), 20);
	ASSERT_EQ(btf_size(b, ptr), 8);
	ASSERT_EQ(btf_size(b, st), 20);
	ASSERT_EQ(btf_size(b, fwd), -EINVAL);
	ASSERT_EQ(btf_size(b, cvoid), -EINVAL);
	ASSERT_EQ(btf_size(b, 0), -EINVAL);
	ASSERT_EQ(btf_size(b, 1000), -EINVAL);

	ASSERT_EQ(btf_resolve(b, cst), arr);
	ASSERT_EQ(btf_resolve(b, ptr), ptr);
	ASSERT_EQ(btf_resolve(b, cvoid), 0);

	ASSERT_EQ(btf_find(b, "pair", BTF_KIND_STRUCT), st);
	ASSERT_EQ(btf_find(b, "pair", BTF_KIND_UNION), un);
	ASSERT_EQ(btf_find(b, "pair", BTF_KIND_ENUM), -ENOENT);
	ASSERT_EQ(btf_find(b, "pai", BTF_KIND_STRUCT), -ENOENT);
	ASSERT_EQ(btf_find(b, "pairs", BTF_KIND_STRUCT), -ENOENT);

	ASSERT_MEMEQ(btf_data(b, &size), blob.data, blob.size);
	ASSERT_EQ(size, blob.size);
	ASSERT_EQ(btf_id(b), 0);
	btf_set_id(b, 7);
	ASSERT_EQ(btf_id(b), 7);
	ASSERT(btf_get(b) == b);
	btf_put(b);
	ASSERT_EQ(btf_id(b), 7);
	btf_put(b);
	btf_put(NULL);
}

/* --- maps ------------------------------------------------------------------------------------- */

enum {
	T_INT = 1,
	T_LOCK,
	T_TIMER,
	T_LOCKED,
	T_TIMED,
	T_PLAIN,
	T_KEY,
	T_VAR,
	T_SEC,
	T_LONG,
	T_CONST_INT
};

static void map_types(struct build *bd)
{
	build_int(bd, "int", 4);
	build_type(bd, BTF_KIND_STRUCT, "bpf_spin_lock", 4);
	build_type(bd, BTF_KIND_STRUCT, "bpf_timer", 16);
	build_type(bd, BTF_KIND_STRUCT, "locked", 16);
	build_part(bd, "n", T_INT, 0);
	build_part(bd, "lock", T_LOCK, 64);
	build_type(bd, BTF_KIND_STRUCT, "timed", 32);
	build_part(bd, "timer", T_TIMER, 64);
	build_type(bd, BTF_KIND_STRUCT, "plain", 16);
	build_part(bd, "n", T_INT, 0);
	build_type(bd, BTF_KIND_STRUCT, "key", 8);
	build_part(bd, "prefixlen", T_INT, 0);
	build_part(bd, "data", T_INT, 32);
	build_var(bd, "v", T_PLAIN);
	build_type(bd, BTF_KIND_DATASEC, ".data", 16);
	build_vsi(bd, T_VAR, 0, 16);
	build_int(bd, "long", 8);
	build_type(bd, BTF_KIND_CONST, "", T_INT);
}

#define NONE (-EINVAL) /* no such field */

/* clang-format off */
static const struct map_case {
	const char *name;
	uint32_t type, key_size, value_size, max, flags;
	uint32_t key, value; /* type ids */
	int err;
	int lock, timer; /* offsets where err is 0 */
} map_cases[] = {
	{ "array", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_INT, T_PLAIN, 0, NONE, NONE },
	{ "array by const int", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_CONST_INT, T_PLAIN, 0, NONE, NONE },
	{ "array of locks", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_INT, T_LOCKED, 0, 8, NONE },
	{ "array of timers", BPF_MAP_TYPE_ARRAY, 4, 32, 3, 0, T_INT, T_TIMED, 0, NONE, 8 },
	{ "array of ints", BPF_MAP_TYPE_ARRAY, 4, 4, 3, 0, T_INT, T_INT, 0, NONE, NONE },
	{ "array by struct", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_LOCK, T_PLAIN, -EINVAL, 0, 0 },
	{ "array's key size", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_LONG, T_PLAIN, -EINVAL, 0, 0 },
	{ "array's value size", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_INT, T_KEY, -EINVAL, 0, 0 },
	{ "no such key", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, 99, T_PLAIN, -EINVAL, 0, 0 },
	{ "no such value", BPF_MAP_TYPE_ARRAY, 4, 16, 3, 0, T_INT, 99, -EINVAL, 0, 0 },
	{ "global data", BPF_MAP_TYPE_ARRAY, 4, 16, 1, 0, 0, T_SEC, 0, NONE, NONE },
	{ "global data, read-only", BPF_MAP_TYPE_ARRAY, 4, 16, 1, BPF_F_RDONLY_PROG, 0, T_SEC, 0, NONE, NONE },
	{ "global data of two", BPF_MAP_TYPE_ARRAY, 4, 16, 2, 0, 0, T_SEC, -EINVAL, 0, 0 },
	{ "array without key", BPF_MAP_TYPE_ARRAY, 4, 16, 1, 0, 0, T_PLAIN, -EINVAL, 0, 0 },
	{ "per-CPU global data", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 1, 0, 0, T_SEC, -EINVAL, 0, 0 },
	{ "per-CPU array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 3, 0, T_INT, T_PLAIN, 0, NONE, NONE },
	{ "per-CPU array of locks", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 3, 0, T_INT, T_LOCKED, -EOPNOTSUPP, 0, 0 },
	{ "locks that cannot be written", BPF_MAP_TYPE_ARRAY, 4, 16, 3, BPF_F_RDONLY_PROG, T_INT, T_LOCKED, -EACCES, 0, 0 },
	{ "hash", BPF_MAP_TYPE_HASH, 8, 16, 3, 0, T_KEY, T_PLAIN, 0, NONE, NONE },
	{ "hash of locks", BPF_MAP_TYPE_HASH, 8, 16, 3, 0, T_KEY, T_LOCKED, 0, 8, NONE },
	{ "hash of timers", BPF_MAP_TYPE_HASH, 8, 32, 3, 0, T_KEY, T_TIMED, 0, NONE, 8 },
	{ "hash without key", BPF_MAP_TYPE_HASH, 8, 16, 3, 0, 0, T_PLAIN, -EINVAL, 0, 0 },
	{ "LRU hash of locks", BPF_MAP_TYPE_LRU_HASH, 8, 16, 3, 0, T_KEY, T_LOCKED, -EOPNOTSUPP, 0, 0 },
	{ "LRU hash of timers", BPF_MAP_TYPE_LRU_HASH, 8, 32, 3, 0, T_KEY, T_TIMED, 0, NONE, 8 },
	{ "per-CPU hash of timers", BPF_MAP_TYPE_PERCPU_HASH, 8, 32, 3, 0, T_KEY, T_TIMED, -EOPNOTSUPP, 0, 0 },
	{ "programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0, T_INT, T_INT, 0, NONE, NONE },
	{ "programs without key", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0, 0, T_INT, -EINVAL, 0, 0 },
	{ "cgroups", BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 3, 0, T_INT, T_INT, -524, 0, 0 },
	{ "sockets", BPF_MAP_TYPE_SOCKHASH, 4, 4, 3, 0, T_INT, T_INT, -524, 0, 0 },
	{ "stacks", BPF_MAP_TYPE_STACK_TRACE, 4, 16, 3, 0, T_INT, T_PLAIN, -524, 0, 0 },
	{ "prefixes", BPF_MAP_TYPE_LPM_TRIE, 8, 16, 3, BPF_F_NO_PREALLOC, T_KEY, T_PLAIN, 0, NONE, NONE },
	{ "prefixes by int", BPF_MAP_TYPE_LPM_TRIE, 8, 16, 3, BPF_F_NO_PREALLOC, T_LONG, T_PLAIN, -EINVAL, 0, 0 },
	{ "queue", BPF_MAP_TYPE_QUEUE, 0, 16, 3, 0, 0, T_PLAIN, -EINVAL, 0, 0 },
	{ "bloom filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 16, 3, 0, 0, T_PLAIN, 0, NONE, NONE },
	{ "task storage", BPF_MAP_TYPE_TASK_STORAGE, 4, 16, 0, BPF_F_NO_PREALLOC, T_INT, T_LOCKED, 0, 8, NONE },
	{ "task storage by long", BPF_MAP_TYPE_TASK_STORAGE, 4, 16, 0, BPF_F_NO_PREALLOC, T_LOCK, T_PLAIN, -EINVAL, 0, 0 },
};

/* clang-format on */

/* What the host says to such a map: 0 or -errno; 1 where it may not be asked. */
static int host_map(const struct map_case *k, int btf_fd)
{
	union bpf_attr a;
	long fd;

	if (btf_fd < 0)
		return 1;
	memset(&a, 0, sizeof(a));
	a.map_type = k->type;
	a.key_size = k->key_size;
	a.value_size = k->value_size;
	a.max_entries = k->max;
	a.map_flags = k->flags;
	a.btf_fd = (uint32_t)btf_fd;
	a.btf_key_type_id = k->key;
	a.btf_value_type_id = k->value;
	fd = host_bpf(BPF_MAP_CREATE, &a);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0 ? 0 : fd == -EPERM ? 1 : (int)fd;
}

static int host_btf(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.btf = (uintptr_t)blob.data;
	a.btf_size = blob.size;
	return (int)host_bpf(BPF_BTF_LOAD, &a);
}

TEST(every_map_case_has_its_verdict)
{
	static struct build bd;
	struct skep_btf *b;
	int fd;

	map_types(&bd);
	b = load(&bd);
	fd = host_btf();
	for (size_t i = 0; i < ARRAY_SIZE(map_cases); i++) {
		const struct map_case *k = &map_cases[i];
		struct btf_record *r = NULL;
		union bpf_attr a;
		int err, says;

		memset(&a, 0, sizeof(a));
		a.map_type = k->type;
		a.key_size = k->key_size;
		a.value_size = k->value_size;
		a.max_entries = k->max;
		a.map_flags = k->flags;
		a.btf_key_type_id = k->key;
		a.btf_value_type_id = k->value;
		err = btf_check_map(b, NULL, &a, &r);
		ASSERT_MSG(err == k->err, "%s: %d instead of %d", k->name, err, k->err);
		ASSERT_MSG(err || (k->lock < 0 && k->timer < 0) == !r, "%s: its record", k->name);
		if (r)
			ASSERT_MSG(r->spin_lock_off == k->lock && r->timer_off == k->timer,
				   "%s: lock at %d, timer at %d", k->name, r->spin_lock_off,
				   r->timer_off);
		skep_free(r);
		says = host_map(k, fd);
		ASSERT_MSG(says == 1 || says == err, "%s: %d, the host says %d", k->name, err,
			   says);
	}
	if (fd >= 0)
		close(fd);
	btf_put(b);
}

TEST(map_checks_survive_failed_allocations)
{
	static struct build bd;
	struct btf_record *r = NULL;
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
			     .key_size = 4,
			     .value_size = 16,
			     .max_entries = 1,
			     .btf_key_type_id = T_INT,
			     .btf_value_type_id = T_LOCKED };
	struct skep_btf *b;

	map_types(&bd);
	b = load(&bd);
	for (long n = 1;; n++) {
		int err;

		skep_alloc_fail_at(n);
		err = btf_check_map(b, NULL, &a, &r);
		if (!skep_alloc_failed())
			break;
		ASSERT_EQ(err, -ENOMEM);
		ASSERT_EQ(r, NULL);
	}
	skep_alloc_fail_at(0);
	ASSERT_EQ(r->spin_lock_off, 8);
	skep_free(r);
	btf_put(b);
}

/* --- records of a program ------------------------------------------------------------------------
 */

/* Main at 0 calls the subprogram at 6; a LD_IMM64 stands at 1. */
static const struct bpf_insn insns[] = {
	{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
	{ BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 5 },
	{ 0 },
	{ BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 2 },
	{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
	{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
	{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
};
static const struct btf_sub subs[] = { { 0, false, false }, { 6, false, false } };

enum { F_INT = 1, F_PROTO, F_MAIN, F_SUB, F_VOID_PROTO, F_VOID_SUB };

static void func_types(struct build *bd)
{
	build_int(bd, "int", 4);
	build_type(bd, BTF_KIND_FUNC_PROTO, "", F_INT);
	build_type(bd, BTF_KIND_FUNC, "main", F_PROTO);
	build_type(bd, BTF_KIND_FUNC, "sub", F_PROTO);
	build_type(bd, BTF_KIND_FUNC_PROTO, "", 0);
	build_type(bd, BTF_KIND_FUNC, "nothing", F_VOID_PROTO);
}

/* clang-format off */
static const struct info_case {
	const char *name;
	int err;
	const char *text;
	uint32_t func_cnt, func_size; /* records, their size */
	uint32_t func[8];
	uint32_t line_cnt, line_size;
	uint32_t line[16];
} info_cases[] = {
	{ "none", 0, NULL, .func_cnt = 0 },
	{ "functions", 0, NULL, 2, 8, { 0, F_MAIN, 6, F_SUB } },
	{ "longer records", 0, NULL, 2, 12, { 0, F_MAIN, 0, 6, F_SUB, 0 } },
	{ "function record size 4", -EINVAL, "invalid func info rec size 4", 2, 4, { 0 } },
	{ "function record size 10", -EINVAL, "invalid func info rec size 10", 2, 10, { 0 } },
	{ "function record size 256", -EINVAL, "invalid func info rec size 256", 2, 256, { 0 } },
	{ "unknown part of a function record", -E2BIG, "nonzero tailing record in func info", 2, 12, { 0, F_MAIN, 0, 6, F_SUB, 1 } },
	{ "first function not at 0", -EINVAL, "nonzero insn_off 1 for the first func info record", 2, 8, { 1, F_MAIN, 6, F_SUB } },
	{ "functions out of order", -EINVAL, "same or smaller insn offset (0) than previous func info record (0)", 2, 8, { 0, F_MAIN, 0, F_SUB } },
	{ "function of no type", -EINVAL, "invalid type id 77 in func info", 2, 8, { 0, F_MAIN, 6, 77 } },
	{ "function of int", -EINVAL, "invalid type id 1 in func info", 2, 8, { 0, F_MAIN, 6, F_INT } },
	{ "one function missing", -EINVAL, "number of funcs in func_info doesn't match number of subprogs", 1, 8, { 0, F_MAIN } },
	{ "function elsewhere", -EINVAL, "func_info BTF section doesn't match subprog layout in BPF program", 2, 8, { 0, F_MAIN, 5, F_SUB } },
	{ "lines", 0, NULL, 2, 8, { 0, F_MAIN, 6, F_SUB }, 3, 16, { 0, 1, 1, 0, 3, 1, 1, 0, 6, 1, 1, 0 } },
	{ "lines alone", 0, NULL, 0, 0, { 0 }, 2, 16, { 0, 1, 1, 0, 6, 1, 1, 0 } },
	{ "line record size 12", -EINVAL, NULL, 0, 0, { 0 }, 1, 12, { 0 } },
	{ "unknown part of a line record", -E2BIG, "nonzero tailing record in line_info", 0, 0, { 0 }, 2, 20, { 0, 1, 1, 0, 9, 6, 1, 1, 0, 0 } },
	{ "lines out of order", -EINVAL, "Invalid line_info[1].insn_off:0 (prev_offset:0 prog->len:8)", 0, 0, { 0 }, 2, 16, { 0, 1, 1, 0, 0, 1, 1, 0 } },
	{ "line outside", -EINVAL, "Invalid line_info[1].insn_off:8 (prev_offset:0 prog->len:8)", 0, 0, { 0 }, 2, 16, { 0, 1, 1, 0, 8, 1, 1, 0 } },
	{ "line inside a LD_IMM64", -EINVAL, "Invalid insn code at line_info[1].insn_off", 0, 0, { 0 }, 2, 16, { 0, 1, 1, 0, 2, 1, 1, 0 } },
	{ "line without text", -EINVAL, "Invalid line_info[0].line_off or .file_name_off", 0, 0, { 0 }, 2, 16, { 0, 1, 9999, 0, 6, 1, 1, 0 } },
	{ "line without file", -EINVAL, "Invalid line_info[0].line_off or .file_name_off", 0, 0, { 0 }, 2, 16, { 0, 9999, 1, 0, 6, 1, 1, 0 } },
	{ "no line at 0", -EINVAL, "missing bpf_line_info for func#0", 0, 0, { 0 }, 1, 16, { 1, 1, 1, 0 } },
	{ "no line at the subprogram", -EINVAL, "missing bpf_line_info for func#1", 0, 0, { 0 }, 2, 16, { 0, 1, 1, 0, 7, 1, 1, 0 } },
	{ "no line at the end", -EINVAL, "missing bpf_line_info for 1 funcs starting from func#1", 0, 0, { 0 }, 1, 16, { 0, 1, 1, 0 } },
};

/* clang-format on */

static void keep_text(void *arg, const char *text, size_t n)
{
	struct verdict *v = arg;
	size_t len = strlen(v->log);

	ASSERT_LT(len + n, sizeof(v->log));
	memcpy(v->log + len, text, n);
	v->log[len + n] = '\0';
}

static int check_records(const struct btf_info *in, const struct btf_recs *func,
			 const struct btf_recs *line)
{
	struct btf_info early = *in;
	int err;

	early.sub = NULL;
	early.sub_cnt = 0;
	err = btf_check_func_info(&early, func);
	if (!err)
		err = btf_check_func_info(in, func);
	return err ? err : btf_check_line_info(in, line);
}

/* The host's word on the same program; 1 where it may not be asked. */
static int host_prog(const struct info_case *k, int btf_fd, char *log, size_t size)
{
	union bpf_attr a;
	long fd;

	log[0] = '\0';
	if (btf_fd < 0)
		return 1;
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = ARRAY_SIZE(insns);
	a.license = (uintptr_t) "GPL";
	a.prog_btf_fd = (uint32_t)btf_fd;
	a.func_info = (uintptr_t)k->func;
	a.func_info_cnt = k->func_cnt;
	a.func_info_rec_size = k->func_size;
	a.line_info = (uintptr_t)k->line;
	a.line_info_cnt = k->line_cnt;
	a.line_info_rec_size = k->line_size;
	a.log_buf = (uintptr_t)log;
	a.log_size = (uint32_t)size;
	a.log_level = 1;
	fd = host_bpf(BPF_PROG_LOAD, &a);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0 ? 0 : fd == -EPERM ? 1 : (int)fd;
}

TEST(every_record_case_has_its_verdict)
{
	static struct build bd;
	static char log[1 << 16];
	struct skep_btf *b;
	int fd;

	func_types(&bd);
	b = load(&bd);
	fd = host_btf();
	for (size_t i = 0; i < ARRAY_SIZE(info_cases); i++) {
		const struct info_case *k = &info_cases[i];
		struct btf_log to = { keep_text, &ours };
		struct skep_diag diag = { 0 };
		struct btf_info in = { b,   insns, ARRAY_SIZE(insns), subs, ARRAY_SIZE(subs),
				       &to, &diag };
		struct btf_recs func = { k->func, k->func_cnt, k->func_size };
		struct btf_recs line = { k->line, k->line_cnt, k->line_size };
		int err, says;

		ours.log[0] = '\0';
		err = check_records(&in, &func, &line);
		ASSERT_MSG(err == k->err, "%s: %d instead of %d (%s)", k->name, err, k->err,
			   ours.log);
		ASSERT_EQ(diag.err, err);
		ASSERT_MSG(!k->text || strstr(ours.log, k->text), "%s: no \"%s\" in %s", k->name,
			   k->text, ours.log);
		says = host_prog(k, fd, log, sizeof(log));
		ASSERT_MSG(says == 1 || (says == err &&
					 (!err || !strncmp(log, ours.log, strlen(ours.log)))),
			   "%s: %d, the host says %d\n%s\n%s", k->name, err, says, ours.log, log);
	}
	if (fd >= 0)
		close(fd);
	btf_put(b);
}

TEST(subprograms_that_may_end_early_must_return_an_int)
{
	static struct build bd;
	static const uint32_t of_int[] = { 0, F_MAIN, 6, F_SUB },
			      of_void[] = { 0, F_MAIN, 6, F_VOID_SUB };
	struct btf_sub sub[] = { { 0, true, true }, { 6, true, false } };
	struct btf_log to = { keep_text, &ours };
	struct btf_info in = { NULL, insns, ARRAY_SIZE(insns), sub, 2, &to, NULL };
	struct btf_recs none = { 0 }, ints = { of_int, 2, 8 }, voids = { of_void, 2, 8 };

	func_types(&bd);
	in.btf = load(&bd);
	ours.log[0] = '\0';
	ASSERT_EQ(btf_check_func_info(&in, &none), -EINVAL);
	ASSERT_STREQ(ours.log, "LD_ABS is not allowed in subprogs without BTF\n");
	ASSERT_EQ(btf_check_func_info(&in, &ints), 0);
	ours.log[0] = '\0';
	ASSERT_EQ(btf_check_func_info(&in, &voids), -EINVAL);
	ASSERT_STREQ(ours.log, "LD_ABS is only allowed in functions that return 'int'.\n");
	sub[1] = (struct btf_sub){ 6, false, true };
	ours.log[0] = '\0';
	ASSERT_EQ(btf_check_func_info(&in, &voids), -EINVAL);
	ASSERT_STREQ(ours.log, "tail_call is only allowed in functions that return 'int'.\n");
	ours.log[0] = '\0';
	ASSERT_EQ(btf_check_func_info(&in, &none), -EINVAL);
	ASSERT_STREQ(ours.log, "tail_call is not allowed in subprogs without BTF\n");
	sub[1] = (struct btf_sub){ 6, false, false };
	ASSERT_EQ(btf_check_func_info(&in, &none), 0);
	btf_put((struct skep_btf *)in.btf);
}

TEST(relocation_records_are_checked)
{
	static const struct {
		int err;
		uint32_t cnt, size;
		uint32_t rec[8];
	} relos[] = {
		{ 0, 0, 0, { 0 } },
		{ 0, 1, 16, { 8 } },
		{ -EINVAL, 1, 12, { 8 } },
		{ -EINVAL, 1, 256, { 8 } },
		{ -EINVAL, 1, 16, { 4 } },
		{ -EINVAL, 1, 16, { 64 } },
		{ -E2BIG, 1, 20, { 8, 0, 0, 0, 1 } },
	};
	struct btf_info in = { NULL, insns, ARRAY_SIZE(insns), subs, 2, NULL, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(relos); i++) {
		struct btf_recs r = { relos[i].rec, relos[i].cnt, relos[i].size };

		ASSERT_EQ(btf_check_core_relo(&in, &r), relos[i].err);
	}
}

TEST(names_alike_but_for_a_flavour)
{
	static struct build bd;
	uint32_t one, only;
	struct skep_btf *b;

	one = build_type(&bd, BTF_KIND_STRUCT, "one", 4);
	build_type(&bd, BTF_KIND_UNION, "one___x", 4);
	build_type(&bd, BTF_KIND_STRUCT, "two", 4);
	build_type(&bd, BTF_KIND_STRUCT, "two___old", 4);
	only = build_type(&bd, BTF_KIND_STRUCT, "only___new", 4);
	build_type(&bd, BTF_KIND_STRUCT, "", 4);
	b = load(&bd);

	ASSERT_EQ(btf_find_alike(b, "one", BTF_KIND_STRUCT), one);
	ASSERT_EQ(btf_find_alike(b, "one___any", BTF_KIND_STRUCT), one);
	ASSERT_EQ(btf_find_alike(b, "only", BTF_KIND_STRUCT), only);
	ASSERT_EQ(btf_find_alike(b, "two", BTF_KIND_STRUCT), -ESRCH);
	ASSERT_EQ(btf_find_alike(b, "three", BTF_KIND_STRUCT), -ENOENT);
	ASSERT_EQ(btf_find_alike(b, "", BTF_KIND_STRUCT), -ENOENT);
	/* Only three underscores with something else on both sides begin a flavour. */
	ASSERT_EQ(btf_find_alike(b, "one____x", BTF_KIND_STRUCT), -ENOENT);
	ASSERT_EQ(btf_find_alike(b, "one___", BTF_KIND_STRUCT), -ENOENT);
	ASSERT_EQ(btf_find(b, "only", BTF_KIND_STRUCT), -ENOENT);
	ASSERT_EQ(btf_find(b, "only___new", BTF_KIND_STRUCT), only);
	btf_put(b);
}
