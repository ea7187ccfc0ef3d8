/* SPDX-License-Identifier: BSD-2-Clause */
/* rules.c - see rules.h */
#include "tests/unit/verifier/rules.h"
#include "tests/unit/verifier/rules_types.h"

#include "tests/harness/host.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/btf/build.h"

#include <stdio.h>
#include <unistd.h>

/* --- the kernel that is judged for ------------------------------------------------------------ */

/* Types of arguments and results. */
enum {
	VOID,
	INT,
	U64,
	ANY_PTR,
	U64_PTR,
	CB_PTR,
	SKB_PTR,
	XDP_PTR,
	DYNPTR_PTR,
	WQ_PTR,
	TASK_PTR,
	HEAD_PTR,
	LIST_NODE_PTR,
	ROOT_PTR,
	RB_NODE_PTR,
	RES_PTR,
	SOCK_PTR,
	STATE_PTR,
	OBJECT_PTR,
	TYPES,
};

/* Kfuncs of Linux: their prototypes as far as names and types say what is checked. */
static const struct {
	const char *name;
	uint8_t ret;
	struct {
		const char *name;
		uint8_t type;
	} arg[5];
} kfuncs[] = {
	{ "bpf_throw", VOID, { { "cookie", U64 } } },
	{ "bpf_rcu_read_lock", VOID, { { NULL, 0 } } },
	{ "bpf_rcu_read_unlock", VOID, { { NULL, 0 } } },
	{ "bpf_local_irq_save", VOID, { { "flags__irq_flag", U64_PTR } } },
	{ "bpf_local_irq_restore", VOID, { { "flags__irq_flag", U64_PTR } } },
	{ "bpf_wq_init", INT, { { "wq", WQ_PTR }, { "p__map", ANY_PTR }, { "flags", INT } } },
	{ "bpf_wq_set_callback_impl",
	  INT,
	  { { "wq", WQ_PTR },
	    { "callback_fn", CB_PTR },
	    { "flags", INT },
	    { "aux__prog", ANY_PTR } } },
	{ "bpf_wq_start", INT, { { "wq", WQ_PTR }, { "flags", INT } } },
	{ "bpf_dynptr_from_skb",
	  INT,
	  { { "s", SKB_PTR }, { "flags", U64 }, { "ptr__uninit", DYNPTR_PTR } } },
	{ "bpf_dynptr_from_xdp",
	  INT,
	  { { "x", XDP_PTR }, { "flags", U64 }, { "ptr__uninit", DYNPTR_PTR } } },
	{ "bpf_dynptr_slice",
	  ANY_PTR,
	  { { "p", DYNPTR_PTR },
	    { "offset", INT },
	    { "buffer__opt", ANY_PTR },
	    { "buffer__szk", INT } } },
	{ "bpf_dynptr_slice_rdwr",
	  ANY_PTR,
	  { { "p", DYNPTR_PTR },
	    { "offset", INT },
	    { "buffer__opt", ANY_PTR },
	    { "buffer__szk", INT } } },
	{ "bpf_obj_new_impl", ANY_PTR, { { "local_type_id__k", U64 }, { "meta__ign", ANY_PTR } } },
	{ "bpf_obj_drop_impl", VOID, { { "p__alloc", ANY_PTR }, { "meta__ign", ANY_PTR } } },
	{ "bpf_percpu_obj_new_impl",
	  ANY_PTR,
	  { { "local_type_id__k", U64 }, { "meta__ign", ANY_PTR } } },
	{ "bpf_percpu_obj_drop_impl", VOID, { { "p__alloc", ANY_PTR }, { "meta__ign", ANY_PTR } } },
	{ "bpf_refcount_acquire_impl",
	  ANY_PTR,
	  { { "p__refcounted_kptr", ANY_PTR }, { "meta__ign", ANY_PTR } } },
	{ "bpf_list_push_front_impl",
	  INT,
	  { { "head", HEAD_PTR },
	    { "node", LIST_NODE_PTR },
	    { "meta__ign", ANY_PTR },
	    { "off", U64 } } },
	{ "bpf_list_pop_front", LIST_NODE_PTR, { { "head", HEAD_PTR } } },
	{ "bpf_list_front", LIST_NODE_PTR, { { "head", HEAD_PTR } } },
	{ "bpf_rbtree_add_impl",
	  INT,
	  { { "root", ROOT_PTR },
	    { "node", RB_NODE_PTR },
	    { "less", CB_PTR },
	    { "meta__ign", ANY_PTR },
	    { "off", U64 } } },
	{ "bpf_rbtree_remove", RB_NODE_PTR, { { "root", ROOT_PTR }, { "node", RB_NODE_PTR } } },
	{ "bpf_rbtree_first", RB_NODE_PTR, { { "root", ROOT_PTR } } },
	{ "bpf_rbtree_left", RB_NODE_PTR, { { "root", ROOT_PTR }, { "node", RB_NODE_PTR } } },
	{ "bpf_res_spin_lock", INT, { { "lock", RES_PTR } } },
	{ "bpf_res_spin_unlock", VOID, { { "lock", RES_PTR } } },
	{ "bpf_task_from_pid", TASK_PTR, { { "pid", INT } } },
	{ "bpf_task_acquire", TASK_PTR, { { "p", TASK_PTR } } },
	{ "bpf_task_release", VOID, { { "p", TASK_PTR } } },
	{ "bpf_dynptr_adjust", INT, { { "p", DYNPTR_PTR }, { "start", INT }, { "end", INT } } },
	{ "bpf_dynptr_clone", INT, { { "p", DYNPTR_PTR }, { "clone__uninit", DYNPTR_PTR } } },
};

/* Structs of functions that programs can be; X__MEMBER may say more of arguments. */
static const struct {
	const char *of, *member;
	uint8_t ret;
	struct {
		const char *name, *stub;
		uint8_t type;
	} arg[2];
} members[] = {
	{ "tcp_congestion_ops", "ssthresh", INT, { { "sk", NULL, SOCK_PTR } } },
	{ "tcp_congestion_ops", "get_info", INT, { { "sk", NULL, SOCK_PTR } } },
	{ "tcp_congestion_ops", "release", VOID, { { "sk", NULL, SOCK_PTR } } },
	{ "bpf_dummy_ops", "test_1", INT, { { "cb", "cb__nullable", STATE_PTR } } },
	{ "bpf_dummy_ops", "test_2", INT, { { "cb", NULL, STATE_PTR }, { "a1", NULL, INT } } },
	{ "bpf_dummy_ops", "test_sleepable", INT, { { "cb", NULL, STATE_PTR } } },
	{ "own_ops", "keep", INT, { { "o", "o__ref", OBJECT_PTR } } },
	{ "own_ops", "give", OBJECT_PTR, { { "o", "o__ref", OBJECT_PTR } } },
};

static uint32_t pointer_to(struct build *b, const char *name, uint32_t size)
{
	const uint32_t t = build_type(b, BTF_KIND_STRUCT, name, size);

	return build_type(b, BTF_KIND_PTR, "", t);
}

/* A pointer to a struct whose members are one after the other, the first at 0. */
static uint32_t pointer_to_members(struct build *b, const char *name, uint32_t size,
				   const char *const *member, const uint32_t *type,
				   const uint32_t *off, size_t n)
{
	const uint32_t t = build_type(b, BTF_KIND_STRUCT, name, size);

	for (size_t i = 0; i < n; i++)
		build_part(b, member[i], type[i], off[i] * 8);
	return build_type(b, BTF_KIND_PTR, "", t);
}

static void make_objects(struct build *b, uint32_t *id)
{
	id[SOCK_PTR] = pointer_to_members(b, "sock", 16, (const char *[]){ "sk_pacing_rate" },
					  &id[U64], (uint32_t[]){ 0 }, 1);
	pointer_to_members(b, "tcp_sock", 32, (const char *[]){ "sk", "snd_cwnd", "other" },
			   (uint32_t[]){ id[SOCK_PTR] - 1, id[INT], id[INT] },
			   (uint32_t[]){ 0, 16, 20 }, 3);
	id[STATE_PTR] = pointer_to_members(b, "bpf_dummy_ops_state", 4, (const char *[]){ "val" },
					   &id[INT], (uint32_t[]){ 0 }, 1);
	id[OBJECT_PTR] = pointer_to(b, "object", 8);
}

/* The prototype of member i, with its arguments' names or those of its stub. */
static uint32_t member_proto(struct build *b, size_t i, bool stub, const uint32_t *id)
{
	const uint32_t proto = build_type(b, BTF_KIND_FUNC_PROTO, "", id[members[i].ret]);

	for (size_t a = 0; a < ARRAY_SIZE(members[i].arg) && members[i].arg[a].name; a++)
		build_arg(b,
			  stub && members[i].arg[a].stub ? members[i].arg[a].stub
							 : members[i].arg[a].name,
			  id[members[i].arg[a].type]);
	return proto;
}

static void make_members(struct build *b, const uint32_t *id)
{
	char name[64];

	for (size_t i = 0, n; i < ARRAY_SIZE(members); i += n) {
		uint32_t ptr[ARRAY_SIZE(members)];

		for (n = 0;
		     i + n < ARRAY_SIZE(members) && !strcmp(members[i].of, members[i + n].of);
		     n++) {
			ptr[n] = build_type(b, BTF_KIND_PTR, "", member_proto(b, i + n, false, id));
			if (!members[i + n].arg[0].stub)
				continue;
			snprintf(name, sizeof(name), "%s__%s", members[i].of,
				 members[i + n].member);
			build_type(b, BTF_KIND_FUNC, name, member_proto(b, i + n, true, id));
		}
		build_type(b, BTF_KIND_STRUCT, members[i].of, (uint32_t)(8 * n));
		for (size_t m = 0; m < n; m++)
			build_part(b, members[i + m].member, ptr[m], (uint32_t)(64 * m));
		snprintf(name, sizeof(name), "bpf_struct_ops_%s", members[i].of);
		build_type(b, BTF_KIND_STRUCT, name, 8);
	}
}

static struct skep_btf *make_kernel(void)
{
	static struct build b;
	static struct raw raw;
	uint32_t id[TYPES] = { 0 };
	struct skep_btf *btf = NULL;
	struct skep_diag diag = { 0 };

	id[INT] = build_int(&b, "int", 4);
	id[U64] = build_int(&b, "u64", 8);
	id[ANY_PTR] = build_type(&b, BTF_KIND_PTR, "", 0);
	id[U64_PTR] = build_type(&b, BTF_KIND_PTR, "", id[U64]);
	id[CB_PTR] = build_type(&b, BTF_KIND_PTR, "", build_type(&b, BTF_KIND_FUNC_PROTO, "", 0));
	id[SKB_PTR] = pointer_to(&b, "__sk_buff", 192);
	id[XDP_PTR] = pointer_to(&b, "xdp_md", 24);
	id[DYNPTR_PTR] = pointer_to(&b, "bpf_dynptr", 16);
	id[WQ_PTR] = pointer_to(&b, "bpf_wq", 16);
	id[TASK_PTR] = pointer_to(&b, "task_struct", 64);
	id[HEAD_PTR] = pointer_to(&b, "bpf_list_head", 16);
	id[LIST_NODE_PTR] = pointer_to(&b, "bpf_list_node", 24);
	id[ROOT_PTR] = pointer_to(&b, "bpf_rb_root", 16);
	id[RB_NODE_PTR] = pointer_to(&b, "bpf_rb_node", 32);
	id[RES_PTR] = pointer_to(&b, "bpf_res_spin_lock", 4);
	build_type(&b, BTF_KIND_FUNC, "bpf_task_release_dtor",
		   build_type(&b, BTF_KIND_FUNC_PROTO, "", 0));
	build_type(&b, BTF_KIND_STRUCT, "bpf_map", 8);
	make_objects(&b, id);
	make_members(&b, id);
	for (size_t i = 0; i < ARRAY_SIZE(kfuncs); i++) {
		const uint32_t proto = build_type(&b, BTF_KIND_FUNC_PROTO, "", id[kfuncs[i].ret]);

		for (size_t a = 0; a < ARRAY_SIZE(kfuncs[i].arg) && kfuncs[i].arg[a].name; a++)
			build_arg(&b, kfuncs[i].arg[a].name, id[kfuncs[i].arg[a].type]);
		build_type(&b, BTF_KIND_FUNC, kfuncs[i].name, proto);
	}
	build_done(&b, &raw);
	ASSERT_MSG(!btf_new(raw.data, raw.size, NULL, NULL, &btf, &diag), "%s", diag.msg);
	return btf;
}

/* --- programs --------------------------------------------------------------------------------- */

enum { NO_WORD, RING = 0x5201, USER, MAP, VALUE, LATER, PLAIN, OWNER, GUARD, ONE }; /* for words */

static const struct {
	const char *word;
	int value;
} words[] = { { "RING", RING },	  { "USER", USER },   { "MAP", MAP },
	      { "VALUE", VALUE }, { "LATER", LATER }, { "PLAIN", PLAIN },
	      { "OWNER", OWNER }, { "GUARD", GUARD }, { "ONE", ONE } };

/* Its map is of the program's own types, and so made for each program. */
static bool is_own(int word)
{
	return word >= OWNER;
}

/* The word stands for the address of the one value. */
static bool is_address(int word)
{
	return word == VALUE || word == GUARD || word == ONE;
}

/* The text with numbers for words. */
static void expand(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	while (*text && n + 8 < size) {
		size_t w = 0;

		while (w < ARRAY_SIZE(words) && strncmp(text, words[w].word, strlen(words[w].word)))
			w++;
		if (w == ARRAY_SIZE(words)) {
			buf[n++] = *text++;
			continue;
		}
		n += (size_t)snprintf(buf + n, size - n, "%d", words[w].value);
		text += strlen(words[w].word);
	}
	ASSERT(!*text);
	buf[n] = '\0';
}

/* The id of the struct, and the index of its member. */
static void find_target(const struct rule *r, const struct skep_btf *kernel, struct skep_prog *p)
{
	const int32_t id = btf_find(kernel, r->of, BTF_KIND_STRUCT);
	const struct btf_type *t = btf_type(kernel, (uint32_t)MAX(id, 0));
	const struct btf_member *m = (const struct btf_member *)(t + 1);

	ASSERT_GT(id, 0);
	p->attach_btf_id = (uint32_t)id;
	p->expected_attach_type = BTF_INFO_VLEN(t->info);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		if (!strcmp(btf_str(kernel, m[i].name_off), r->member))
			p->expected_attach_type = i;
}

static struct skep_prog *assemble(const struct rule *r, struct skep_btf *kernel)
{
	const struct isa_symbols symbols = { .call = kernel_btf_call, .arg = kernel };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	struct skep_prog *p;
	char text[4096];
	uint32_t n = 0;

	expand(r->text, text, sizeof(text));
	ASSERT_MSG(!isa_asm(text, strlen(text), &symbols, &insns, &n, &diag),
		   "%s, line %llu: %s\n%s", r->name, (unsigned long long)diag.index, diag.msg,
		   text);
	p = program_of(r->type, insns, n);
	p->flags = r->flags;
	skep_free(insns);
	if (r->of)
		find_target(r, kernel, p);
	return p;
}

static int word_at(const struct bpf_insn *insn)
{
	return insn_is_ld_imm64(insn) && !insn->src_reg && insn->imm >= RING && insn->imm <= ONE
		       ? insn->imm
		       : NO_WORD;
}

/* --- functions -------------------------------------------------------------------------------- */

#define FUNCS_MAX 8

/* The functions of a program, and the BTF that tells of them. */
struct funcs {
	struct raw raw;
	struct bpf_func_info info[FUNCS_MAX];
	uint32_t n;
};

static void add_start(struct funcs *f, uint32_t start)
{
	uint32_t at = 0;

	while (at < f->n && f->info[at].insn_off < start)
		at++;
	if (at < f->n && f->info[at].insn_off == start)
		return;
	ASSERT_LT(f->n, (uint32_t)FUNCS_MAX);
	memmove(&f->info[at + 1], &f->info[at], (f->n - at) * sizeof(*f->info));
	f->info[at].insn_off = start;
	f->n++;
}

static void find_funcs(struct funcs *f, const struct rule *r, const struct skep_prog *p)
{
	static struct build b;
	uint32_t u64, proto;

	f->n = 0;
	add_start(f, 0);
	if (r->entry)
		add_start(f, r->entry);
	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		const struct bpf_insn *insn = &p->image.insns[i];

		if ((insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
		    (insn_is_ld_imm64(insn) && insn->src_reg == BPF_PSEUDO_FUNC))
			add_start(f, i + 1 + (uint32_t)insn->imm);
	}
	memset(&b, 0, sizeof(b));
	for (size_t w = 0; w < ARRAY_SIZE(words) && !b.types; w++)
		if (is_own(words[w].value) && strstr(r->text, words[w].word))
			rules_types(&b);
	u64 = build_int(&b, "u64", 8);
	proto = build_type(&b, BTF_KIND_FUNC_PROTO, "", u64);
	build_arg(&b, "n", u64);
	for (uint32_t i = 0; i < f->n; i++) {
		char name[8] = "main";

		if (i)
			snprintf(name, sizeof(name), "f%u", i);
		f->info[i].type_id = build_type(&b, BTF_KIND_FUNC, name, proto);
		b.word[b.last + 1] |= r->global >> i & 1;
	}
	if (r->tag)
		build_decl_tag(&b, r->tag, f->info[0].type_id, -1);
	build_done(&b, &f->raw);
}

/* A struct with what is called later, and one without; the second of the two returned. */
static uint32_t later_btf(struct raw *raw, uint32_t *ret_key, uint32_t *ret_plain)
{
	static const struct {
		const char *name;
		uint32_t size, off;
	} fields[] = { { "bpf_timer", 16, 0 }, { "bpf_wq", 16, 16 }, { "bpf_task_work", 8, 32 } };
	uint32_t id[ARRAY_SIZE(fields)], bytes, value;
	static struct build b;

	memset(&b, 0, sizeof(b));
	*ret_key = build_int(&b, "int", 4);
	bytes = build_int(&b, "u64", 8);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		id[i] = build_type(&b, BTF_KIND_STRUCT, fields[i].name, fields[i].size);
		build_part(&b, "a", bytes, 0);
	}
	*ret_plain = build_type(&b, BTF_KIND_STRUCT, "plain", RULES_VALUE_SIZE);
	build_part(&b, "a", bytes, 0);
	value = build_type(&b, BTF_KIND_STRUCT, "later", RULES_VALUE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		build_part(&b, "f", id[i], fields[i].off * 8);
	build_done(&b, raw);
	return value;
}

/* MAP_CREATE's attributes of a word's map; true where its BTF in raw is wanted too. */
static bool map_attr(int word, union bpf_attr *ret, struct raw *raw)
{
	const bool ring = word == RING || word == USER, typed = word == LATER || word == PLAIN;
	uint32_t key = 0, plain = 0, later = typed ? later_btf(raw, &key, &plain) : 0;

	/* The kernel looks at every byte. */
	memset(ret, 0, sizeof(*ret));
	ret->map_type = word == RING ? BPF_MAP_TYPE_RINGBUF
			: ring	     ? BPF_MAP_TYPE_USER_RINGBUF
				     : BPF_MAP_TYPE_ARRAY;
	ret->key_size = ring ? 0 : 4;
	ret->value_size = ring ? 0 : RULES_VALUE_SIZE;
	ret->max_entries = ring ? 4096 : 1;
	memcpy(ret->map_name, "m", 2);
	ret->btf_key_type_id = key;
	ret->btf_value_type_id = word == LATER ? later : plain;
	return typed;
}

/* The same of a map of the program's own types. */
static void own_attr(int word, union bpf_attr *ret)
{
	const bool owner = word != GUARD;

	memset(ret, 0, sizeof(*ret));
	ret->map_type = word == OWNER ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_ARRAY;
	ret->key_size = 4;
	ret->value_size = owner ? OWNER_SIZE : GUARD_SIZE;
	ret->max_entries = 1;
	memcpy(ret->map_name, "own", 4);
	ret->btf_key_type_id = OWN_INT;
	ret->btf_value_type_id = owner ? OWN_VALUE : OWN_GUARD;
}

static int map_index(int word)
{
	return (word == VALUE ? MAP : word) - RING;
}

/* --- ours ------------------------------------------------------------------------------------- */

static struct skep_map *map_of(int word)
{
	static struct skep_map *maps[PLAIN - RING + 1];
	static struct raw raw;
	struct skep_map **m = &maps[map_index(word)];
	struct map_deps deps = { .nr_cpus = 1, .judge = true };
	union bpf_attr attr;

	if (*m)
		return *m;
	if (map_attr(word, &attr, &raw))
		ASSERT_EQ(btf_new(raw.data, raw.size, NULL, NULL, &deps.btf, NULL), 0);
	ASSERT_EQ(map_new(&attr, &deps, m, NULL), 0);
	btf_put(deps.btf);
	return *m;
}

/* One map of each word for a program; the caller puts it. */
static struct skep_map *own_map(struct skep_prog *p, int word, const struct skep_btf *kernel)
{
	const struct map_deps deps = {
		.nr_cpus = 1, .judge = true, .btf = p->btf, .kernel = kernel
	};
	union bpf_attr attr;
	struct skep_map *m = NULL;

	own_attr(word, &attr);
	for (uint32_t i = 0; i < p->map_cnt; i++)
		if (p->maps[i]->type == attr.map_type &&
		    p->maps[i]->btf_value_id == attr.btf_value_type_id)
			return map_get(p->maps[i]);
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	return m;
}

/* What core's passes leave in an image. */
static void resolve(struct skep_prog *p, const struct rule *r, const struct skep_btf *kernel)
{
	static struct funcs f;

	find_funcs(&f, r, p);
	ASSERT_EQ(btf_new(f.raw.data, f.raw.size, kernel, NULL, &p->btf, NULL), 0);
	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		struct bpf_insn *insn = &p->image.insns[i];
		const int word = word_at(insn);
		struct skep_map *m = !word	    ? NULL
				     : is_own(word) ? own_map(p, word, kernel)
						    : map_get(map_of(word));

		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
			p->image.aux[i].ref = INSN_REF_KFUNC;
		if (word)
			insn->imm = 0;
		if (is_address(word))
			program_map_value(p, i, m, 0);
		else if (word)
			program_map(p, i, m);
		map_put(m);
	}
	p->func_info = skep_memdup(f.info, f.n * sizeof(*f.info));
	p->func_info_cnt = f.n;
	ASSERT(p->func_info);
}

static void expect(const struct rule *r, int err, const char *text)
{
	ASSERT_MSG(err == r->err, "%s: %d instead of %d\n%s", r->name, err, r->err, text);
	ASSERT_MSG(!r->msg || strstr(text, r->msg), "%s: no \"%s\" in\n%s", r->name, r->msg, text);
}

void rules_ours(const struct rule *rules, size_t n)
{
	struct skep_btf *kernel = make_kernel();
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL,
					    .judge = true,
					    .vmlinux = kernel };

	for (size_t i = 0; i < n; i++) {
		char text[16384] = "";
		struct verifier_log log = { .level = 1, .buf = text, .size = sizeof(text) };
		struct skep_prog *p = assemble(&rules[i], kernel);

		resolve(p, &rules[i], kernel);
		expect(&rules[i], verifier_check(p, &opts, &log, NULL), text);
		prog_put(p);
	}
	btf_put(kernel);
}

/* --- the host --------------------------------------------------------------------------------- */

static int load_btf(const struct raw *raw)
{
	const union bpf_attr attr = { .btf = (uintptr_t)raw->data, .btf_size = raw->size };
	const int fd = (int)host_bpf(BPF_BTF_LOAD, (union bpf_attr *)&attr);

	ASSERT_GE(fd, 0);
	return fd;
}

static int host_map(int word)
{
	static struct raw raw;
	static int maps[PLAIN - RING + 1];
	int *fd = &maps[map_index(word)];
	union bpf_attr attr;

	if (*fd)
		return *fd;
	if (map_attr(word, &attr, &raw))
		attr.btf_fd = (uint32_t)load_btf(&raw);
	*fd = (int)host_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_GE(*fd, 0);
	return *fd;
}

/* The same of the program's own types, for one program. */
static int host_own_map(int word, int btf, int *fd)
{
	union bpf_attr attr;

	if (*fd >= 0)
		return *fd;
	own_attr(word, &attr);
	attr.btf_fd = (uint32_t)btf;
	*fd = (int)host_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_GE(*fd, 0);
	return *fd;
}

static int host_verdict(const struct rule *r, struct skep_btf *kernel, char *text, uint32_t size)
{
	static struct funcs f;
	struct skep_prog *p = assemble(r, kernel);
	union bpf_attr attr;
	int fd, btf, own[] = { -1, -1, -1 };

	find_funcs(&f, r, p);
	btf = load_btf(&f.raw);
	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		struct bpf_insn *insn = &p->image.insns[i];
		const int word = word_at(insn);

		if (!word)
			continue;
		insn->src_reg = is_address(word) ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
		insn->imm =
			is_own(word) ? host_own_map(word, btf, &own[word - OWNER]) : host_map(word);
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = r->type;
	attr.insns = (uintptr_t)p->image.insns;
	attr.insn_cnt = p->image.insn_cnt;
	attr.license = (uintptr_t) "GPL";
	attr.prog_flags = r->flags;
	attr.attach_btf_id = p->attach_btf_id;
	attr.expected_attach_type = p->expected_attach_type;
	attr.prog_btf_fd = (uint32_t)btf;
	attr.func_info = (uintptr_t)f.info;
	attr.func_info_cnt = f.n;
	attr.func_info_rec_size = sizeof(*f.info);
	attr.log_level = 1;
	attr.log_buf = (uintptr_t)text;
	attr.log_size = size;
	fd = (int)host_bpf(BPF_PROG_LOAD, &attr);
	prog_put(p);
	close(btf);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		close_fd_p(&own[i]);
	if (fd >= 0)
		close(fd);
	return MIN(fd, 0);
}

void rules_host(const struct rule *rules, size_t n)
{
	struct skep_btf *kernel;

	host_required();
	kernel = kernel_btf_host();
	if (!kernel)
		test_skip("the host's kernel tells no types");
	for (size_t i = 0; i < n; i++) {
		char text[16384] = "";
		const int err = host_verdict(&rules[i], kernel, text, sizeof(text));

		expect(&rules[i], err, text);
	}
	btf_put(kernel);
}
