/* SPDX-License-Identifier: BSD-2-Clause */
/* map_differ_side.c - see map_differ.h */
#include "tests/fuzz/map_differ.h"
#include "tests/harness/host.h"
#include "tests/unit/map/spinlock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hive/vcpu.h"

struct side sides[SIDES_MAX];
unsigned nr_sides;

long side_bpf(const struct side *s, int cmd, union bpf_attr *attr)
{
	long r;

	if (s->k)
		return skep_kernel_bpf(s->k, cmd, attr, sizeof(*attr));
	r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	return r < 0 ? -errno : r;
}

static void fail(const struct side *s, const char *what, long err)
{
	fprintf(stderr, "map-differ: %s on %s: %s\n", what, s->name, strerror((int)-err));
	exit(1);
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The types of values with a lock. */
static int load_btf(const struct side *s)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)&locked_btf;
	attr.btf_size = sizeof(locked_btf);
	fd = side_bpf(s, BPF_BTF_LOAD, &attr);
	if (fd < 0)
		fail(s, "BTF", fd);
	return (int)fd;
}

static long make_map(const struct side *s, const struct row *row, int inner)
{
	union bpf_attr attr;
	int btf = -1;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = row->type;
	attr.key_size = row->key_size;
	attr.value_size = row->value_size;
	attr.max_entries = row->entries;
	attr.map_flags = row->flags;
	attr.inner_map_fd = inner >= 0 ? (uint32_t)inner : 0;
	if (row->like & LOCKED) {
		btf = load_btf(s);
		attr.btf_fd = (uint32_t)btf;
		attr.btf_key_type_id = LOCKED_KEY;
		attr.btf_value_type_id = LOCKED_VALUE;
	}
	fd = side_bpf(s, BPF_MAP_CREATE, &attr);
	close_if(btf);
	return fd;
}

static long put(const struct side *s, int map, uint32_t key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	return side_bpf(s, BPF_MAP_UPDATE_ELEM, &attr);
}

/* --- programs --------------------------------------------------------------------------------- */

#define INSNS_MAX 128

struct text {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t n;
};

static void add(struct text *t, struct bpf_insn insn)
{
	if (t->n < INSNS_MAX)
		t->insns[t->n++] = insn;
}

#define ADD(t, ...) add(t, (struct bpf_insn)__VA_ARGS__)
#define ARG(field)  ((int)offsetof(struct args, field))

static void add_map(struct text *t, unsigned reg, int fd)
{
	ADD(t, { .code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = reg,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = fd });
	ADD(t, { 0 });
}

/* reg = args + off */
static void add_arg(struct text *t, unsigned reg, int off)
{
	ADD(t, I_MOV_REG(reg, BPF_REG_6));
	ADD(t, I_ALU_IMM(BPF_ADD, reg, off));
}

static void add_exit(struct text *t)
{
	ADD(t, I_MOV_IMM(BPF_REG_0, 0));
	ADD(t, I_EXIT);
}

/* r6 = args */
static void begin(struct text *t, const struct side *s)
{
	ADD(t, I_ST(BPF_W, BPF_REG_10, -4, 0));
	add_map(t, BPF_REG_1, s->args);
	ADD(t, I_MOV_REG(BPF_REG_2, BPF_REG_10));
	ADD(t, I_ALU_IMM(BPF_ADD, BPF_REG_2, -4));
	ADD(t, I_CALL(BPF_FUNC_map_lookup_elem));
	ADD(t, I_JMP_IMM(BPF_JNE, BPF_REG_0, 0, 1));
	ADD(t, I_EXIT);
	ADD(t, I_MOV_REG(BPF_REG_6, BPF_REG_0));
}

/* Where r0 is NULL, args->ret is -ENOENT and that is all. */
static void need_value(struct text *t)
{
	ADD(t, I_JMP_IMM(BPF_JNE, BPF_REG_0, 0, 3));
	ADD(t, I_ST(BPF_DW, BPF_REG_6, ARG(ret), -ENOENT));
	add_exit(t);
}

/* args->out = bytes i to n of *r0 */
static void copy_out(struct text *t, uint32_t i, uint32_t n)
{
	while (i < n) {
		const unsigned size = n - i >= 8 ? 8 : 1;

		ADD(t, I_LDX(size == 8 ? BPF_DW : BPF_B, BPF_REG_1, BPF_REG_0, (int16_t)i));
		ADD(t, I_STX(size == 8 ? BPF_DW : BPF_B, BPF_REG_6, BPF_REG_1,
			     (int16_t)(ARG(out) + (int)i)));
		i += size;
	}
}

static void text_lookup(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(key));
	ADD(t, I_CALL(BPF_FUNC_map_lookup_elem));
	need_value(t);
	if (s->row->like & OBJECTS) { /* and the first value of that map */
		ADD(t, I_MOV_REG(BPF_REG_1, BPF_REG_0));
		ADD(t, I_MOV_REG(BPF_REG_2, BPF_REG_10));
		ADD(t, I_ALU_IMM(BPF_ADD, BPF_REG_2, -4));
		ADD(t, I_CALL(BPF_FUNC_map_lookup_elem));
		need_value(t);
	}
	if (s->row->like & LOCKED) { /* programs may not look at the lock */
		copy_out(t, 0, offsetof(struct locked_value, lock));
		copy_out(t, offsetof(struct locked_value, b), sizeof(struct locked_value));
	} else {
		copy_out(t, 0, s->row->like & OBJECTS ? 8 : s->row->value_size);
	}
	ADD(t, I_MOV_IMM(BPF_REG_0, 0));
}

static void text_lookup_cpu(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(key));
	ADD(t, I_LDX(BPF_DW, BPF_REG_3, BPF_REG_6, ARG(flags)));
	ADD(t, I_CALL(BPF_FUNC_map_lookup_percpu_elem));
	need_value(t);
	copy_out(t, 0, s->row->value_size);
	ADD(t, I_MOV_IMM(BPF_REG_0, 0));
}

static void text_update(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(key));
	add_arg(t, BPF_REG_3, ARG(value));
	ADD(t, I_LDX(BPF_DW, BPF_REG_4, BPF_REG_6, ARG(flags)));
	ADD(t, I_CALL(BPF_FUNC_map_update_elem));
}

static void text_delete(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(key));
	ADD(t, I_CALL(BPF_FUNC_map_delete_elem));
}

static void text_push(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(value));
	ADD(t, I_LDX(BPF_DW, BPF_REG_3, BPF_REG_6, ARG(flags)));
	ADD(t, I_CALL(BPF_FUNC_map_push_elem));
}

static void text_pop(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, ARG(out));
	ADD(t, I_CALL(BPF_FUNC_map_pop_elem));
}

/* A bloom filter is asked for args->value, a queue gives into args->out. */
static void text_peek(struct text *t, const struct side *s)
{
	add_map(t, BPF_REG_1, s->map);
	add_arg(t, BPF_REG_2, s->row->like & GUESSES ? ARG(value) : ARG(out));
	ADD(t, I_CALL(BPF_FUNC_map_peek_elem));
}

static void (*const texts[_PROG_MAX])(struct text *t, const struct side *s) = {
	[PROG_LOOKUP] = text_lookup, [PROG_LOOKUP_CPU] = text_lookup_cpu,
	[PROG_UPDATE] = text_update, [PROG_DELETE] = text_delete,
	[PROG_PUSH] = text_push,     [PROG_POP] = text_pop,
	[PROG_PEEK] = text_peek,
};

static bool is_percpu(const struct row *row)
{
	return row->type == BPF_MAP_TYPE_PERCPU_HASH || row->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       row->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool has_prog(const struct row *row, enum prog p)
{
	if (row->like & KEYLESS)
		return p >= PROG_PUSH && !(row->like & GUESSES && p == PROG_POP);
	if (p == PROG_LOOKUP_CPU)
		return is_percpu(row);
	/* Linux loads no program that writes maps into maps. */
	return p == PROG_LOOKUP || (p < PROG_PUSH && !(row->like & OBJECTS));
}

static int make_prog(const struct side *s, enum prog p)
{
	static char log[1 << 16];
	struct text t = { .n = 0 };
	union bpf_attr attr;
	long fd;

	begin(&t, s);
	texts[p](&t, s);
	ADD(&t, I_STX(BPF_DW, BPF_REG_6, BPF_REG_0, ARG(ret)));
	add_exit(&t);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)t.insns;
	attr.insn_cnt = t.n;
	attr.license = (uintptr_t) "GPL";
	attr.log_level = 1;
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	log[0] = '\0';
	fd = side_bpf(s, BPF_PROG_LOAD, &attr);
	if (fd < 0) {
		fprintf(stderr, "%s: %s", s->row->name, log);
		fail(s, "a program", fd);
	}
	return (int)fd;
}

/* --- a sequence's objects ----------------------------------------------------------------------
 */

/* Maps to be values: each tells its number, the last has values of another size. */
static void make_inners(struct side *s)
{
	struct row like = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .entries = 1
	};

	for (unsigned i = 0; i < INNERS; i++) {
		uint64_t value[2] = { 1000 + i };
		long fd;

		like.value_size = i == INNERS - 1 ? 16 : 8;
		fd = make_map(s, &like, -1);
		if (fd < 0)
			fail(s, "an inner map", fd);
		s->inner[i] = (int)fd;
		put(s, s->inner[i], 0, value);
	}
}

/* The inner maps' ids, as an array of maps shows them. */
static void learn_ids(struct side *s)
{
	static const struct row outer = {
		.type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4, .entries = 1
	};
	const uint32_t key = 0;
	union bpf_attr attr;
	long fd = make_map(s, &outer, s->inner[0]);

	if (fd < 0)
		fail(s, "an array of maps", fd);
	for (unsigned i = 0; i < INNERS - 1; i++) {
		put(s, (int)fd, 0, &s->inner[i]);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)fd;
		attr.key = (uintptr_t)&key;
		attr.value = (uintptr_t)&s->id[i];
		side_bpf(s, BPF_MAP_LOOKUP_ELEM, &attr);
	}
	close((int)fd);
}

static void forget(struct side *s)
{
	s->map = s->args = -1;
	memset(s->prog, 0xff, sizeof(s->prog));
	memset(s->inner, 0xff, sizeof(s->inner));
}

bool side_open(struct side *s, const struct row *row, long *err)
{
	static const struct row args = { .type = BPF_MAP_TYPE_ARRAY,
					 .key_size = 4,
					 .value_size = sizeof(struct args),
					 .entries = 1 };

	forget(s);
	s->row = row;
	s->sys_size =
		is_percpu(row) ? ALIGN_UP(row->value_size, 8) * vcpus_possible() : row->value_size;
	if (s->sys_size > SYS_MAX)
		fail(s, row->name, -E2BIG);
	if (row->like & OBJECTS) {
		make_inners(s);
		learn_ids(s);
	}
	*err = make_map(s, row, s->inner[0]);
	if (*err < 0) {
		side_close(s);
		return false;
	}
	s->map = (int)*err;
	*err = make_map(s, &args, -1);
	if (*err < 0)
		fail(s, "the arguments' map", *err);
	s->args = (int)*err;
	for (enum prog p = 0; p < _PROG_MAX; p++)
		if (has_prog(row, p))
			s->prog[p] = make_prog(s, p);
	return true;
}

void side_close(struct side *s)
{
	close_if(s->map);
	close_if(s->args);
	for (unsigned i = 0; i < _PROG_MAX; i++)
		close_if(s->prog[i]);
	for (unsigned i = 0; i < INNERS; i++)
		close_if(s->inner[i]);
	forget(s);
}

/* --- the kernels -------------------------------------------------------------------------------
 */

static void add_skep(const char *name, int engine)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .engine = engine };
	struct side *s = &sides[nr_sides++];
	int err = skep_kernel_new(&opts, &s->k);

	s->name = name;
	if (err)
		fail(s, "a kernel", err);
	forget(s);
}

static void add_host(void)
{
	static const struct row row = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .entries = 1
	};
	struct side *s = &sides[nr_sides];
	struct bpf_insn insns[] = { I_MOV_IMM(0, 0), I_EXIT };
	union bpf_attr attr;
	long map, prog;

	s->name = "the host";
	map = make_map(s, &row, -1);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = 2;
	attr.license = (uintptr_t) "GPL";
	prog = side_bpf(s, BPF_PROG_LOAD, &attr);
	close_if((int)map);
	close_if((int)prog);
	if (map < 0 || prog < 0) {
		printf("# without the host: bpf(2) says %s\n",
		       strerror((int)-(map < 0 ? map : prog)));
		return;
	}
	forget(s);
	nr_sides++;
}

void sides_init(void)
{
	add_skep("the interpreter", SKEP_ENGINE_INTERP);
	add_skep("the compiler", SKEP_ENGINE_JIT);
	add_host();
}

void sides_fini(void)
{
	for (unsigned i = 0; i < nr_sides; i++)
		skep_kernel_free(sides[i].k);
}
