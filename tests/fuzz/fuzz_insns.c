/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_insns.c - verifier and engines on foreign instructions.
 *
 * The input is taken twice.  As raw instructions it goes through the verifier, and what that
 * accepts through both compilers.  As a recipe, eight bytes an item, it becomes a program that
 * ends and whose result depends on no address: the interpreter must not fault, and both engines
 * must leave the same r0, context and map.  The verifier may find it too complex, no worse.
 *
 *	r7 the context   r9 fuel for jumps back   r10 64 bytes of stack; below, a map key and r7
 *
 * Other registers hold numbers only.  There are three subprograms: main, one that it calls, one
 * that it hands to bpf_loop; each gets a third of the items.
 */
#include "base/alloc.h"
#include "helper/helper.h"
#include "interp/interp.h"
#include "isa/isa.h"
#include "jit/jit.h"
#include "map/map.h"
#include "tests/fuzz/fuzz.h"
#include "verifier/verifier.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEMS	  48 /* of one subprogram */
#define ITEM_MAX  16 /* instructions that an item becomes, at most */
#define FUEL	  6  /* jumps back in one call */
#define MEM_BYTES 64 /* of the context, and of the stack */
#define KEY_OFF	  (-MEM_BYTES - 8)
#define CTX_OFF	  (-MEM_BYTES - 16)
#define SUBS	  3
#define INSNS_MAX (SUBS * (ITEMS + 3) * ITEM_MAX)

static void must(bool ok, const char *what, const char *text)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

static struct skep_prog *prog_of(const struct bpf_insn *insns, uint32_t n)
{
	struct skep_prog *p;

	must(!prog_new(BPF_PROG_TYPE_SYSCALL, NULL, &p), "memory", "program");
	p->gpl_compatible = true;
	p->image.insns = skep_memdup(insns, n * sizeof(*insns));
	p->image.aux = skep_alloc_array(n, sizeof(*p->image.aux));
	must(p->image.insns && p->image.aux, "memory", "image");
	p->image.insn_cnt = n;
	return p;
}

static void compile(struct skep_prog *p, const struct engine_ops *engine)
{
	struct skep_diag diag = { 0 };

	must(!engine->compile(p, &diag), engine->name, diag.msg);
	p->engine = engine;
}

static void as_raw(const uint8_t *data, size_t size)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL,
					    .callx = true,
					    .no_btf = true };
	const uint32_t n = (uint32_t)(size / sizeof(struct bpf_insn));
	struct verifier_log log = { .level = 2 };
	struct bpf_insn *insns = skep_memdup(data, n * sizeof(*insns));

	for (int engine = 0; insns && n && engine < 1 + jit_available(); engine++) {
		struct skep_prog *p = prog_of(insns, n);
		struct skep_diag diag = { 0 };
		int err = verifier_check(p, &opts, &log, &diag);
		bool whole = !err;

		must(!err || diag.msg[0], "fails without a word", "verifier");
		/* what core would have resolved */
		for (uint32_t i = 0; i < n && whole; i++)
			whole = insn_decode(&insns[i]) != INSN_CALL_KFUNC;
		if (whole)
			compile(p, engine ? &jit_engine : &interp_engine);
		prog_put(p);
	}
	skep_free(insns);
}

/* -- recipes */

/* A jump whose distance is known when its subprogram is complete. */
struct fixup {
	uint32_t insn;
	uint32_t item; /* where to */
};

struct recipe {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t n;
	uint32_t item_at[ITEMS + 1]; /* of the subprogram that is being built */
	struct fixup fixups[2 * ITEMS];
	uint32_t nr_fixups;
	uint32_t items;		       /* of this subprogram; the last is the way out */
	struct fixup calls[2 * ITEMS]; /* of subprogram `item` */
	uint32_t nr_calls;
	uint32_t map_at[ITEMS];
	uint32_t nr_maps;
};

static void emit(struct recipe *r, uint8_t code, unsigned dst, unsigned src, int off, int imm)
{
	r->insns[r->n++] = (struct bpf_insn){
		.code = code,
		.dst_reg = dst & 0xf,
		.src_reg = src & 0xf,
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void emit_mov(struct recipe *r, unsigned dst, int imm)
{
	emit(r, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static void emit_copy(struct recipe *r, unsigned dst, unsigned src)
{
	emit(r, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_jump(struct recipe *r, struct bpf_insn jump, uint32_t item)
{
	r->fixups[r->nr_fixups++] = (struct fixup){ r->n, item };
	r->insns[r->n++] = jump;
}

/* The context is r1; to a callback of bpf_loop, which has its own in r2, what that points at. */
static void emit_prologue(struct recipe *r, bool callback)
{
	if (callback)
		emit(r, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_2, 0, 0);
	else
		emit_copy(r, BPF_REG_7, BPF_REG_1);
	emit(r, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_7, CTX_OFF, 0);
	emit_mov(r, BPF_REG_9, FUEL);
	for (unsigned reg = BPF_REG_0; reg <= BPF_REG_8; reg++)
		if (reg != BPF_REG_7)
			emit_mov(r, reg, (int)(reg * 0x01234567));
	for (int off = -MEM_BYTES; off < 0; off += 8)
		emit(r, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, off, off);
}

/* A callback of bpf_loop returns 0 or 1. */
static void emit_exit(struct recipe *r, uint32_t sub)
{
	if (sub == 2)
		emit(r, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 1);
	emit(r, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* What calls leave behind is not the same in all engines. */
static void emit_clear(struct recipe *r)
{
	for (unsigned reg = BPF_REG_1; reg <= BPF_REG_5; reg++)
		emit_mov(r, reg, 0);
}

static unsigned number_reg(uint8_t byte)
{
	static const uint8_t regs[] = { 0, 1, 2, 3, 4, 5, 6, 8 };

	return regs[byte % ARRAY_SIZE(regs)];
}

static void item_jump(struct recipe *r, struct bpf_insn i, uint32_t self, uint32_t to)
{
	if (to <= self) {
		emit(r, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_9, 0, 0, -1);
		emit_jump(r,
			  (struct bpf_insn){ .code = BPF_JMP | BPF_JSLT | BPF_K,
					     .dst_reg = BPF_REG_9 },
			  r->items);
	}
	emit_jump(r, i, to);
}

/* The base register of a memory operand, and where it leads. */
static void item_memory(struct recipe *r, struct bpf_insn i, bool base_is_src, bool atomic)
{
	const int size = (int)insn_mem_size(i.code);
	int off = (uint16_t)i.off % MEM_BYTES / size * size;
	bool ctx = i.off < 0 && !atomic;
	unsigned base = ctx ? BPF_REG_7 : BPF_REG_10;

	i.off = (int16_t)(ctx ? off : off - MEM_BYTES);
	if (base_is_src)
		i.src_reg = base & 0xf;
	else
		i.dst_reg = base & 0xf;
	r->insns[r->n++] = i;
}

/* r0 = map[key], and something is added there. */
static void item_lookup(struct recipe *r, int key)
{
	r->map_at[r->nr_maps++ % ITEMS] = r->n + 1;
	emit(r, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, KEY_OFF, key & 7);
	emit(r, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, 0);
	emit(r, 0, 0, 0, 0, 0);
	emit_copy(r, BPF_REG_2, BPF_REG_10);
	emit(r, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, KEY_OFF);
	emit(r, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	emit(r, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
	emit(r, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_6, 0, BPF_ADD);
	emit(r, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_0, 0, 0);
	emit_clear(r);
}

static void item_call(struct recipe *r, struct bpf_insn i, uint32_t sub)
{
	switch (i.off & 3) {
	case 0:
		item_lookup(r, i.imm);
		return;
	case 1:
		emit_mov(r, BPF_REG_2, BPF_FUNC_get_smp_processor_id);
		emit(r, BPF_JMP | BPF_CALL | BPF_X, BPF_REG_2, 0, 0, 0);
		emit_clear(r);
		return;
	case 2:
		if (sub)
			return;
		emit_copy(r, BPF_REG_1, BPF_REG_7);
		r->calls[r->nr_calls++] = (struct fixup){ r->n, 1 };
		emit(r, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
		emit_clear(r);
		return;
	default:
		if (sub)
			return;
		emit_mov(r, BPF_REG_1, i.imm & 3);
		r->calls[r->nr_calls++] = (struct fixup){ r->n, 2 };
		emit(r, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_FUNC, 0, 0);
		emit(r, 0, 0, 0, 0, 0);
		emit_copy(r, BPF_REG_3, BPF_REG_10);
		emit(r, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, CTX_OFF);
		emit_mov(r, BPF_REG_4, 0);
		emit(r, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop);
		emit_clear(r);
	}
}

static int item_imm(const struct insn_desc *d, int imm)
{
	switch (d->imm) {
	case USE_KEY:
		return d->key;
	case USE_S32:
	case USE_IMM64:
		return imm;
	case USE_NZ:
		return imm ? imm : 1;
	case USE_SH32:
		return imm & 31;
	case USE_SH64:
		return imm & 63;
	default:
		return 0;
	}
}

static void item(struct recipe *r, const uint8_t data[8], uint32_t self, uint32_t sub)
{
	const struct insn_desc *d = insn_desc((enum insn_op)(1 + data[0] % (_INSN_MAX - 1)));
	struct bpf_insn i = { .code = d->code };
	const uint32_t to = data[3] % (r->items + 1);
	int16_t off;
	int32_t imm;

	memcpy(&off, data + 2, 2);
	memcpy(&imm, data + 4, 4);
	i.dst_reg = d->dst == USE_NO ? 0 : number_reg(data[1] & 7) & 0xf;
	i.src_reg = d->src == USE_NO ? 0 : number_reg(data[1] >> 4) & 0xf;
	i.off = d->off == USE_KEY ? (int16_t)d->key : d->off == USE_MEM ? off : 0;
	i.imm = item_imm(d, imm);
	switch (d->group) {
	case INSN_GROUP_MOV:
		if (d->imm == USE_CAST)
			return;
		break;
	case INSN_GROUP_JCOND:
		i.src_reg = 0;
		emit_jump(r, i, self + 1);
		return;
	case INSN_GROUP_JMP:
	case INSN_GROUP_JA:
		item_jump(r, i, self, to);
		return;
	case INSN_GROUP_CALL:
		i.off = off;
		i.imm = imm;
		item_call(r, i, sub);
		return;
	case INSN_GROUP_LDX:
		item_memory(r, i, true, false);
		return;
	case INSN_GROUP_ST:
	case INSN_GROUP_STX:
		item_memory(r, i, false, false);
		return;
	case INSN_GROUP_ATOMIC:
		item_memory(r, i, i.imm == BPF_LOAD_ACQ, true);
		return;
	case INSN_GROUP_LD_IMM64:
		emit(r, d->code, i.dst_reg, 0, 0, imm);
		emit(r, 0, 0, 0, 0, off);
		return;
	case INSN_GROUP_LD_ABS:
		return;
	case INSN_GROUP_EXIT:
		emit_exit(r, sub);
		return;
	default:
		break;
	}
	r->insns[r->n++] = i;
}

static void build_sub(struct recipe *r, const uint8_t *data, uint32_t items, uint32_t sub)
{
	r->items = items;
	r->nr_fixups = 0;
	emit_prologue(r, sub == 2);
	for (uint32_t i = 0; i < items; i++) {
		r->item_at[i] = r->n;
		item(r, data + i * 8, i, sub);
	}
	r->item_at[items] = r->n;
	emit_exit(r, sub);
	for (uint32_t f = 0; f < r->nr_fixups; f++) {
		struct bpf_insn *i = &r->insns[r->fixups[f].insn];
		int by = (int)r->item_at[r->fixups[f].item] - (int)r->fixups[f].insn - 1;

		if (i->code == (BPF_JMP32 | BPF_JA))
			i->imm = by;
		else
			i->off = (int16_t)by;
	}
}

/* The recipe's program, verified or, where that is beyond the verifier's patience, trusted. */
static struct skep_prog *verified(const struct recipe *r, struct skep_map *map, bool trusted)
{
	const struct verifier_opts opts = {
		.rights = VERIFIER_RIGHTS_ALL,
		.callx = true,
		.no_btf = true,
		.dead_code = true,
		.trusted = trusted,
	};
	struct verifier_log log = { 0 };
	struct skep_prog *p = prog_of(r->insns, r->n);
	struct skep_diag diag = { 0 };
	int err;

	p->maps = skep_alloc_array(1, sizeof(struct skep_map *));
	must(p->maps, "memory", "maps");
	p->maps[p->map_cnt++] = map_get(map);
	for (uint32_t m = 0; m < MIN(r->nr_maps, ITEMS); m++)
		p->image.aux[r->map_at[m]] = (struct insn_aux){ .ref = INSN_REF_MAP, .map = map };
	err = verifier_check(p, &opts, &log, &diag);
	if (err == -E2BIG && !trusted) {
		prog_put(p);
		return verified(r, map, true);
	}
	must(!err, "not accepted", diag.msg);
	return p;
}

/* r0, the context and the map after a run. */
struct outcome {
	uint64_t r0;
	uint8_t mem[MEM_BYTES];
	uint64_t map[4];
};

static void run(const struct recipe *r, const struct engine_ops *engine, struct skep_map *map,
		struct outcome *ret)
{
	static const struct run_env env;
	static struct vcpu vcpu;
	static uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = { .task = task, .vcpu = &vcpu, .ctx = ret->mem, .env = &env };
	struct skep_prog *p = verified(r, map, false);

	compile(p, engine);
	for (unsigned i = 0; i < MEM_BYTES; i++)
		ret->mem[i] = (uint8_t)(i * 37);
	memset(map->values, 0, sizeof(ret->map));
	run.region[0] = (struct run_region){ (uintptr_t)ret->mem, MEM_BYTES };
	ret->r0 = prog_run(p, ret->mem, &run);
	must(!run.fault, "fault", engine->name);
	memcpy(ret->map, map->values, sizeof(ret->map));
	prog_put(p);
}

static struct skep_map *new_map(void)
{
	const struct map_deps deps = { .nr_cpus = 1 };
	struct skep_map *map;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 4;
	must(!map_new(&attr, &deps, &map, NULL), "memory", "map");
	return map;
}

static void as_recipe(const uint8_t *data, size_t size)
{
	static struct recipe r;
	static struct skep_map *map;
	const uint32_t items = MIN((uint32_t)(size / 8), SUBS * ITEMS);
	struct outcome interp = { 0 }, jit = { 0 };
	uint32_t start[SUBS], done = 0;

	r.n = r.nr_calls = r.nr_maps = 0;
	for (uint32_t sub = 0; sub < SUBS; sub++) {
		uint32_t share = (items - done) / (SUBS - sub);

		start[sub] = r.n;
		build_sub(&r, data + done * 8, share, sub);
		done += share;
	}
	for (uint32_t c = 0; c < r.nr_calls; c++)
		r.insns[r.calls[c].insn].imm =
			(int)start[r.calls[c].item] - (int)r.calls[c].insn - 1;
	if (!map)
		map = new_map();
	run(&r, &interp_engine, map, &interp);
	if (!jit_available())
		return;
	run(&r, &jit_engine, map, &jit);
	must(interp.r0 == jit.r0, "r0", "engines differ");
	must(!memcmp(interp.mem, jit.mem, sizeof(jit.mem)), "context", "engines differ");
	must(!memcmp(interp.map, jit.map, sizeof(jit.map)), "map", "engines differ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_raw(data, size);
	as_recipe(data, size);
	return 0;
}
