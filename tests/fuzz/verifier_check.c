/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_check.c - see verifier_check.h
 */
#include "tests/fuzz/verifier_check.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "helper/helper.h"
#include "interp/interp.h"
#include "jit/jit.h"
#include "helper/dynptr.h"
#include "map/ringbuf.h"
#include "model/model.h"
#include "prog/ctx_xdp.h"
#include "tests/fuzz/verifier_tree.h"
#include "tests/harness/eval.h"
#include "verifier/verifier_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES	   4000	   /* states that are kept of one program */
#define STEPS	   1100000 /* more than PROG_LOAD walks: what is no loop of its own ends before */
#define PACKET_MAX 80
#define HEADROOM   256

/* --- the world of a run ----------------------------------------------------------------------- */

static struct skep_map *maps[GEN_MAPS];
static struct skep_btf *model; /* where kfuncs are */
static struct vcpu vcpu;
static uint64_t task[RUN_TASK_SIZE / 8];
static uint8_t buffer[HEADROOM + PACKET_MAX + 128];
static struct xdp_ctx ctx;

static uint64_t rng;

bool check_log;

static uint32_t random_number(void)
{
	rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(rng >> 32);
}

/* Small, near powers of two, negative, or anything. */
static uint64_t edge_number(void)
{
	const uint32_t kind = random_number() & 7;
	const uint64_t any = (uint64_t)random_number() << 32 | random_number();

	if (kind < 3)
		return any % 65;
	if (kind < 5)
		return (UINT64_C(1) << (any & 63)) + (any >> 32) % 3 - 1;
	return kind == 5 ? -(any % 65) : any;
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		const uint64_t x = edge_number();

		memcpy(p + i, &x, MIN(n - i, 8));
	}
}

static void make_maps(void)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH,
					  BPF_MAP_TYPE_RINGBUF };
	static const uint32_t keys[] = { 4, 4, 0 };
	static const uint32_t sizes[] = { GEN_ARRAY_VALUE, GEN_HASH_VALUE, 0 };
	static const uint32_t entries[] = { GEN_ARRAY_ENTRIES, GEN_HASH_ENTRIES, GEN_RING_SIZE };
	const struct map_deps deps = { .nr_cpus = 1 };

	for (int m = 0; m < GEN_MAPS && !maps[m]; m++) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_type = types[m];
		attr.key_size = keys[m];
		attr.value_size = sizes[m];
		attr.max_entries = entries[m];
		if (map_new(&attr, &deps, &maps[m], NULL))
			abort();
	}
}

static void make_model(void)
{
	size_t size;
	const void *data = model_btf(&size);

	if (!model && btf_new(data, (uint32_t)size, NULL, NULL, &model, NULL))
		abort();
}

/* The ring as it was made: positions are equal for all runs. */
static void empty_ring(void)
{
	struct ringbuf *rb = maps[GEN_RING]->priv;

	rb->head->producer_pos = rb->head->pending_pos = 0;
	atomic_store(rb->producer, 0);
	atomic_store(rb->consumer, 0);
	memset(rb->data, 0, (size_t)2 * GEN_RING_SIZE);
}

/* Everything as the seed says. */
static void empty_hash(void)
{
	uint32_t key;

	while (!map_sys_next_key(maps[GEN_HASH], NULL, &key))
		map_sys_delete(maps[GEN_HASH], &key);
}

static void world(uint64_t seed)
{
	uint8_t value[64];

	rng = seed;
	fill(buffer, sizeof(buffer));
	xdp_ctx_init(&ctx, buffer, sizeof(buffer), HEADROOM, random_number() % PACKET_MAX);
	ctx.ingress_ifindex = (uint32_t)edge_number();
	ctx.rx_queue_index = (uint32_t)edge_number();
	memset(vcpu.stack, 0, sizeof(vcpu.stack));
	empty_hash();
	empty_ring();
	for (uint32_t key = 0; key < GEN_ARRAY_ENTRIES; key++) {
		for (int m = 0; m < GEN_RING; m++) {
			fill(value, sizeof(value));
			map_sys_update(maps[m], &key, value, BPF_ANY);
		}
	}
}

/* What a run leaves. */
struct outcome {
	uint64_t r0;
	ptrdiff_t data, data_end;
	uint8_t packet[sizeof(buffer)];
	uint8_t array[GEN_ARRAY_ENTRIES][GEN_ARRAY_VALUE];
	uint8_t hash[GEN_HASH_ENTRIES][GEN_HASH_VALUE];
	uint8_t ring[GEN_RING_SIZE];
};

static void outcome(struct outcome *o, uint64_t r0)
{
	memset(o, 0, sizeof(*o));
	o->r0 = r0;
	o->data = ctx.data - buffer;
	o->data_end = ctx.data_end - buffer;
	memcpy(o->packet, buffer, sizeof(buffer));
	for (uint32_t key = 0; key < GEN_ARRAY_ENTRIES; key++)
		map_sys_lookup(maps[GEN_ARRAY], &key, o->array[key], 0);
	for (uint32_t key = 0; key < GEN_HASH_ENTRIES; key++)
		map_sys_lookup(maps[GEN_HASH], &key, o->hash[key], 0);
	memcpy(o->ring, ((struct ringbuf *)maps[GEN_RING]->priv)->data, GEN_RING_SIZE);
}

static void name_kfunc(struct skep_prog *p, uint32_t i)
{
	const struct kfunc *k = kfunc_at((uint32_t)p->image.insns[i].imm);

	if (!k)
		return;
	p->image.insns[i].imm = btf_find(model, k->name, BTF_KIND_FUNC);
	p->image.aux[i].ref = INSN_REF_KFUNC;
	p->image.aux[i].kfunc = k;
}

static struct skep_prog *prog_of(const struct gen_prog *g)
{
	struct skep_prog *p;

	if (prog_new(BPF_PROG_TYPE_XDP, NULL, &p))
		abort();
	p->gpl_compatible = true;
	p->image.insns = skep_memdup(g->insns, g->n * sizeof(*g->insns));
	p->image.aux = skep_alloc_array(g->n, sizeof(*p->image.aux));
	p->maps = skep_alloc_array(GEN_MAPS, sizeof(*p->maps));
	if (!p->image.insns || !p->image.aux || !p->maps)
		abort();
	p->image.insn_cnt = g->n;
	for (int m = 0; m < GEN_MAPS; m++)
		p->maps[p->map_cnt++] = map_get(maps[m]);
	for (uint32_t i = 0; i + 1 < g->n; i++) {
		const struct bpf_insn *in = &g->insns[i];

		if (in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_KFUNC_CALL)
			name_kfunc(p, i);
		if (!insn_is_ld_imm64(in))
			continue;
		if (in->src_reg == BPF_PSEUDO_MAP_FD && in->imm >= 0 && in->imm < GEN_MAPS)
			p->image.aux[i] =
				(struct insn_aux){ .ref = INSN_REF_MAP, .map = maps[in->imm] };
		i++;
	}
	return p;
}

/* --- a run, step by step ---------------------------------------------------------------------- */

struct run {
	const struct skep_prog *p;
	struct tree *tree; /* NULL: states are not known */
	struct machine m;
	struct check_result *res;
	uint32_t steps;
	bool endless; /* may_goto or bpf_loop is all that ends it */
};

static bool wrong(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->res->msg, sizeof(r->res->msg), fmt, ap);
	va_end(ap);
	r->res->verdict = CHECK_WRONG;
	return false;
}

static bool lies_in(uint64_t addr, size_t n, const void *base, size_t size)
{
	const uint64_t lo = (uintptr_t)base;

	return addr - lo <= size && n <= size - (addr - lo);
}

static bool may_access(const struct run *r, uint64_t addr, size_t n)
{
	const struct machine *m = &r->m;

	for (uint32_t f = 0; f <= m->cur; f++) {
		const uint32_t depth = r->p->image.sub[m->frame[f].sub].stack;

		if (lies_in(addr, n, m->frame[f].stack + SKEP_STACK_MAX - depth, depth))
			return true;
	}
	for (uint32_t v = 0; v < m->nr_values; v++)
		if (lies_in(addr, n, (const void *)(uintptr_t)m->value[v].at,
			    m->value[v].map->value_size))
			return true;
	if (maps[GEN_RING]->ops->contains(maps[GEN_RING], addr, n))
		return true;
	return lies_in(addr, n, ctx.data, (size_t)(ctx.data_end - ctx.data)) ||
	       lies_in(addr, n, &ctx, sizeof(ctx));
}

static bool step_mem(struct run *r, const struct bpf_insn *in)
{
	uint64_t *regs = r->m.frame[r->m.cur].reg;
	const bool load = BPF_CLASS(in->code) == BPF_LDX ||
			  (BPF_MODE(in->code) == BPF_ATOMIC && BPF_CLASS(in->code) == BPF_STX &&
			   in->imm == BPF_LOAD_ACQ);
	const uint64_t addr = regs[load ? in->src_reg : in->dst_reg] + (uint64_t)(int64_t)in->off;

	if (!may_access(r, addr, insn_mem_size(in->code)))
		return wrong(r, "insn %u: access outside its object", r->m.pc);
	eval_mem(in, regs);
	r->m.pc++;
	return true;
}

static void enter(struct run *r, uint16_t sub, const uint64_t *args, bool callback)
{
	struct machine *m = &r->m;
	struct mframe *f = &m->frame[++m->cur];

	memset(f, 0, offsetof(struct mframe, stack));
	memset(f->stack, 0xa5, sizeof(f->stack));
	memcpy(&f->reg[1], args, ARGS * sizeof(*args));
	f->reg[10] = (uintptr_t)f->stack + SKEP_STACK_MAX;
	f->callsite = m->pc;
	f->sub = sub;
	f->callback = callback;
	m->pc = r->p->image.sub[sub].start;
}

/* The call of bpf_loop that the frame at hand stands at: one more round, or on. */
static void step_loop(struct run *r)
{
	struct mframe *f = &r->m.frame[r->m.cur];
	const uint64_t rounds = f->reg[4] ? 0 : f->reg[1], args[ARGS] = { f->round, f->reg[3] };

	if (f->round < rounds && !f->stop) {
		f->round++;
		r->endless = true;
		enter(r, r->p->image.aux[f->func_at].sub, args, true);
		return;
	}
	f->reg[0] = f->round;
	f->round = 0;
	f->stop = false;
	memset(&f->reg[1], 0xcc, ARGS * sizeof(f->reg[1]));
	r->m.pc++;
}

/* What is handed over as a dynptr is one, and what it stands for is there. */
static bool is_dynptr(const struct run *r, uint64_t at)
{
	struct dynptr_kern d;

	if (!may_access(r, at, sizeof(d)))
		return false;
	memcpy(&d, (const void *)(uintptr_t)at, sizeof(d));
	if (!d.data || dynptr_kind(&d) == DYNPTR_XDP)
		return !d.data || d.data == &ctx;
	if (dynptr_kind(&d) == DYNPTR_RINGBUF)
		return ringbuf_reserved(maps[GEN_RING], d.data, d.offset + dynptr_size(&d));
	return dynptr_kind(&d) == DYNPTR_LOCAL &&
	       may_access(r, (uintptr_t)d.data + d.offset, dynptr_size(&d));
}

static bool are_dynptrs(struct run *r, const uint8_t args[ARGS])
{
	for (uint32_t a = 0; a < ARGS; a++)
		if ((args[a] == ARG_DYNPTR || args[a] == ARG_DYNPTR_RINGBUF_RELEASE) &&
		    !is_dynptr(r, r->m.frame[r->m.cur].reg[1 + a]))
			return wrong(r, "insn %u: r%u is no dynptr", r->m.pc, 1 + a);
	return true;
}

static bool step_kfunc(struct run *r, const struct kfunc *k, struct skep_run *run)
{
	uint64_t *regs = r->m.frame[r->m.cur].reg;

	if (!are_dynptrs(r, k->arg))
		return false;
	regs[0] = k->fn(regs[1], regs[2], regs[3], regs[4], regs[5], run);
	memset(&regs[1], 0xcc, ARGS * sizeof(*regs));
	r->m.pc++;
	return true;
}

static bool step_helper(struct run *r, const struct helper_proto *h, struct skep_run *run)
{
	uint64_t *regs = r->m.frame[r->m.cur].reg;
	struct skep_map *map = (struct skep_map *)(uintptr_t)regs[1];

	if (h->id == BPF_FUNC_loop) {
		step_loop(r);
		return true;
	}
	if (!are_dynptrs(r, h->arg))
		return false;
	regs[0] = h->fn(regs[1], regs[2], regs[3], regs[4], regs[5], run);
	if (h->id == BPF_FUNC_map_lookup_elem && regs[0])
		machine_value(&r->m, regs[0], map);
	memset(&regs[1], 0xcc, ARGS * sizeof(*regs));
	r->m.pc++;
	return true;
}

static bool step_exit(struct run *r, bool *ret_done)
{
	struct machine *m = &r->m;
	const struct mframe *f = &m->frame[m->cur];

	if (m->cur == 0) {
		*ret_done = true;
		return true;
	}
	m->pc = f->callsite + !f->callback;
	m->cur--;
	if (f->callback)
		m->frame[m->cur].stop = f->reg[0] != 0;
	else
		m->frame[m->cur].reg[0] = f->reg[0];
	return true;
}

static bool step_flow(struct run *r, const struct bpf_insn *in, struct skep_run *run,
		      bool *ret_done)
{
	struct machine *m = &r->m;
	const struct insn_aux *aux = &r->p->image.aux[m->pc];
	uint64_t *regs = m->frame[m->cur].reg;

	if (in->code == (BPF_JMP | BPF_EXIT))
		return step_exit(r, ret_done);
	if (in->code == (BPF_JMP | BPF_CALL)) {
		if (aux->ref == INSN_REF_HELPER)
			return step_helper(r, aux->helper, run);
		if (aux->ref == INSN_REF_KFUNC && aux->kfunc)
			return step_kfunc(r, aux->kfunc, run);
		if (aux->ref != INSN_REF_SUBPROG || m->cur + 1 == SKEP_FRAMES_MAX)
			return wrong(r, "insn %u: a call to nowhere", m->pc);
		enter(r, aux->sub, &regs[1], false);
		return true;
	}
	if (in->code == (BPF_JMP | BPF_JCOND)) {
		r->endless = true;
		m->pc++; /* its budget is never used up: see STEPS */
	} else if (BPF_OP(in->code) == BPF_JA) {
		m->pc += 1 + (uint32_t)(BPF_CLASS(in->code) == BPF_JMP ? in->off : in->imm);
	} else {
		m->pc += 1 + (eval_taken(in, regs) ? (uint32_t)in->off : 0);
	}
	return true;
}

static bool step(struct run *r, struct skep_run *run, bool *ret_done)
{
	struct machine *m = &r->m;
	const struct bpf_insn *in = &r->p->image.insns[m->pc];
	struct mframe *f = &m->frame[m->cur];

	switch (BPF_CLASS(in->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		eval_alu_insn(in, f->reg);
		m->pc++;
		return true;
	case BPF_LD:
		f->reg[in->dst_reg] = insn_imm64(in);
		if (r->p->image.aux[m->pc].ref == INSN_REF_MAP)
			f->reg[in->dst_reg] = (uintptr_t)r->p->image.aux[m->pc].map;
		else if (r->p->image.aux[m->pc].ref == INSN_REF_FUNC)
			f->func_at = m->pc;
		m->pc += 2;
		return true;
	case BPF_JMP:
	case BPF_JMP32:
		return step_flow(r, in, run, ret_done);
	default:
		return step_mem(r, in);
	}
}

static bool no_record_left(struct run *r)
{
	const struct ringbuf *rb = maps[GEN_RING]->priv;
	uint32_t len;

	for (uint64_t pos = 0; pos != rb->head->producer_pos;
	     pos += ALIGN_UP((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ, 8)) {
		memcpy(&len, rb->data + pos, sizeof(len));
		if (len & BPF_RINGBUF_BUSY_BIT)
			return wrong(r, "a record is left");
	}
	return true;
}

/* Runs to the end; false: something is wrong, and res says what. */
static bool walk(struct run *r, struct skep_run *run)
{
	bool done = false;
	char why[256];

	machine_start(&r->m, &ctx, r->p);
	if (r->tree)
		tree_start(r->tree);
	while (!done) {
		if (r->tree && !tree_follow(r->tree, &r->m, why, sizeof(why)))
			return wrong(r, "insn %u: %s", r->m.pc, why);
		if (++r->steps > STEPS && !r->endless)
			return wrong(r, "does not end");
		if (r->steps > STEPS)
			break;
		if (!step(r, run, &done))
			return false;
	}
	return !done || no_record_left(r);
}

/* --- engines ---------------------------------------------------------------------------------- */

static struct skep_run new_run(void)
{
	static const struct run_env env;
	struct skep_run run = { .task = task, .vcpu = &vcpu, .ctx = &ctx, .env = &env };

	run.region[0] = (struct run_region){ (uintptr_t)&ctx, sizeof(ctx) };
	run.region[1] = (struct run_region){ (uintptr_t)buffer, sizeof(buffer) };
	return run;
}

/* Memory that was never written is the same for all: compiled code runs on this stack. */
static __attribute__((noinline)) void clean_stack(void)
{
	volatile uint8_t below[16384];

	for (size_t i = 0; i < sizeof(below); i++)
		below[i] = 0;
}

static bool engine_run(struct run *r, struct skep_prog *p, uint64_t seed, struct outcome *ret)
{
	struct skep_run run = new_run();
	uint64_t r0;

	world(seed);
	clean_stack();
	r0 = prog_run(p, &ctx, &run);
	if (run.fault)
		return wrong(r, "%s: fault at insn %u", p->engine->name, run.fault_insn);
	outcome(ret, r0);
	return true;
}

/* The same, compiled in both ways. */
static bool engines_agree(struct run *r, struct skep_prog *const p[2], uint64_t seed, bool loose)
{
	static struct outcome a, b;

	if (!engine_run(r, p[0], seed, &a))
		return false;
	if (!p[1])
		return true;
	if (!engine_run(r, p[1], seed, &b))
		return false;
	if (loose || !memcmp(&a, &b, sizeof(a)))
		return true;
	if (a.r0 != b.r0)
		return wrong(r, "engines differ: r0 %llx, compiled %llx", (long long)a.r0,
			     (long long)b.r0);
	return wrong(r, "engines differ: %s",
		     memcmp(a.array, b.array, sizeof(a.array)) ? "array"
		     : memcmp(a.hash, b.hash, sizeof(a.hash))  ? "hash"
		     : memcmp(a.ring, b.ring, sizeof(a.ring))  ? "ring"
							       : "packet");
}

/* --- a program -------------------------------------------------------------------------------- */

static int verify(struct skep_prog *p, struct tree *tree, uint32_t flags, struct skep_diag *diag)
{
	const struct verifier_opts opts = {
		.rights = VERIFIER_RIGHTS_ALL,
		.no_btf = true,
		.vmlinux = model,
		.no_prune = tree,
		.observe = tree ? tree_observe : NULL,
		.observe_arg = tree,
	};
	static char text[1 << 20];
	struct verifier_log log = { 0 };
	int err;

	if (check_log)
		log = (struct verifier_log){ .level = 2, .buf = text, .size = sizeof(text) };
	p->flags = flags;
	err = verifier_check(p, &opts, &log, diag);
	if (check_log)
		fprintf(stderr, "-- %s\n%s", tree ? "every path" : "with pruning", text);
	return err;
}

static void run_all(struct run *r, const struct gen_prog *g, uint64_t seed, unsigned runs,
		    struct skep_prog *const p[2])
{
	/* What is not known of all states may leak. */
	const bool leaks = !r->tree || r->tree->leaks;

	for (unsigned i = 0; i < runs; i++) {
		struct skep_run run = new_run();

		r->steps = 0;
		r->endless = false;
		world(seed + i);
		if (!walk(r, &run))
			return;
		if (r->steps <= STEPS && !engines_agree(r, p, seed + i, g->loose || leaks))
			return;
	}
}

/*
 * Rules that say more the more is known, and are not about memory: a range of places on the stack
 * may hold anything; a dynptr may lie where a state that was walked has nothing, or bytes; the sum
 * that links two numbers may be large; a result that nobody reads may point to the stack.
 */
static bool stricter(const char *msg)
{
	static const char *const rules[] = {
		"invalid size of register spill",
		"invalid size of register fill",
		"cannot overwrite referenced dynptr",
		"invalid read from stack",
		"pointer offset",
		"cannot return stack pointer",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strstr(msg, rules[i]))
			return true;
	return false;
}

static bool compile(struct run *r, struct skep_prog *p, const struct engine_ops *engine)
{
	struct skep_diag diag = { 0 };

	if (engine->compile(p, &diag))
		return wrong(r, "%s: %s", engine->name, diag.msg);
	p->engine = engine;
	return true;
}

void check_program(const struct gen_prog *g, uint64_t seed, unsigned runs, struct check_result *ret)
{
	static struct tree tree;
	struct skep_prog *p[2], *all;
	struct skep_diag diag = { 0 };
	struct run r = { .res = ret, .tree = &tree };
	const uint32_t flags = seed & 1 ? BPF_F_TEST_STATE_FREQ : 0;
	int err;

	make_maps();
	make_model();
	*ret = (struct check_result){ .verdict = CHECK_ACCEPTED };
	p[0] = prog_of(g);
	p[1] = jit_available() ? prog_of(g) : NULL;
	all = prog_of(g);
	ret->err = verify(p[0], NULL, flags, &diag);
	if (ret->err) {
		ret->verdict = CHECK_REJECTED;
		memcpy(ret->msg, diag.msg, sizeof(diag.msg));
		goto out;
	}
	tree_reset(&tree, g->insns, NODES);
	err = verify(all, &tree, 0, &diag);
	if (err && err != -E2BIG && !tree.empty && !stricter(diag.msg)) {
		wrong(&r, "accepted, but not where every path is walked: %s", diag.msg);
		goto out;
	}
	if (err) {
		ret->verdict = CHECK_PARTLY;
		r.tree = NULL;
	}
	if (p[1] && verify(p[1], NULL, flags, &diag)) {
		wrong(&r, "the second time it is not accepted: %s", diag.msg);
		goto out;
	}
	/* States are of instructions as they stand in the program that they were seen of. */
	r.p = r.tree ? all : p[0];
	if (compile(&r, p[0], &interp_engine) && (!p[1] || compile(&r, p[1], &jit_engine)))
		run_all(&r, g, seed, runs, p);
out:
	prog_put(p[0]);
	prog_put(p[1]);
	prog_put(all);
}

void check_print(const struct gen_prog *g)
{
	char line[128];

	for (uint32_t i = 0; i < g->n; i++) {
		struct strbuf s = { line, sizeof(line), 0 };

		isa_disasm(&s, &g->insns[i], NULL);
		fprintf(stderr, "%4u: %s\n", i, line);
		i += insn_is_ld_imm64(&g->insns[i]);
	}
}
