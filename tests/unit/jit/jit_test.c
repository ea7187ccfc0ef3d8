/* SPDX-License-Identifier: BSD-2-Clause */
/* jit_test.c - see jit_test.h; also stands in for the helper room. */
#include "tests/unit/jit/jit_test.h"

#include <stdlib.h>

const uint64_t jt_edges[] = {
	0,
	1,
	2,
	3,
	7,
	31,
	32,
	63,
	64,
	255,
	256,
	1000,
	65535,
	0x7fffffff,
	0x80000000,
	0x80000001,
	0xffffffff,
	0x100000000,
	0x123456789abcdef0,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffff00000000,
	0xffffffff80000000,
	0xfffffffffffffffe,
	0xffffffffffffffff,
};
const unsigned jt_nr_edges = ARRAY_SIZE(jt_edges);

uint64_t jt_random(void)
{
	static uint64_t s = 0x853c49e6748fea9b;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s * 0x2545f4914f6cdd1d;
}

/* -- helpers -- */

static uint64_t fn_sum(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
		       struct skep_run *run)
{
	return r1 + 2 * r2 + 3 * r3 + 4 * r4 + 5 * r5 + run->cpu;
}

static uint64_t fn_callback(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
			    struct skep_run *run)
{
	return run_callback(run, r1, r2, 2, 3, 4, 5) + 1;
}

static uint64_t fn_trash(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
			 struct skep_run *run)
{
#if defined(__x86_64__)
	__asm__ volatile("mov $0x5555, %%r8; mov %%r8, %%r9; mov %%r8, %%r10; mov %%r8, %%r11\n"
			 "mov %%r8, %%rcx; mov %%r8, %%rdx; mov %%r8, %%rsi; mov %%r8, %%rdi" ::
				 : "r8", "r9", "r10", "r11", "rcx", "rdx", "rsi", "rdi");
#endif
	return 7;
}

static uint64_t fn_aligned(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
			   struct skep_run *run)
{
	return (uintptr_t)__builtin_frame_address(0) % 16 == 0;
}

#define ANY ARG_ANYTHING

static const struct helper_proto protos[] = {
	{ .id = FN_SUM, .name = "sum", .fn = fn_sum, .arg = { ANY, ANY, ANY, ANY, ANY } },
	{ .id = FN_CALLBACK, .name = "callback", .fn = fn_callback, .arg = { ARG_FUNC, ANY } },
	{ .id = FN_TRASH, .name = "trash", .fn = fn_trash },
	{ .id = FN_ALIGNED, .name = "aligned", .fn = fn_aligned },
	{ .id = BPF_FUNC_tail_call, .name = "tail_call" },
	{ .id = BPF_FUNC_map_lookup_elem,
	  .name = "map_lookup_elem",
	  .arg = { ARG_CONST_MAP_PTR, ARG_MAP_KEY } },
	{ .id = BPF_FUNC_map_update_elem,
	  .name = "map_update_elem",
	  .fn = fn_sum,
	  .arg = { ARG_CONST_MAP_PTR, ARG_MAP_KEY, ARG_MAP_VALUE, ANY } },
	{ .id = BPF_FUNC_map_delete_elem,
	  .name = "map_delete_elem",
	  .fn = fn_sum,
	  .arg = { ARG_CONST_MAP_PTR, ARG_MAP_KEY } },
};

const struct helper_proto *helper_by_id(uint32_t id)
{
	for (unsigned i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].id == id)
			return &protos[i];
	return NULL;
}

static uint64_t no_helper(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
			  struct skep_run *run)
{
	return (uint64_t)-EINVAL;
}

skep_call_fn helper_target(uint64_t id)
{
	const struct helper_proto *h = helper_by_id((uint32_t)id);

	return h ? h->fn : no_helper;
}

/* The "packet" is the context: 64 bytes. */
uint64_t helper_probe_load(struct skep_run *run, uint64_t addr, uint32_t how)
{
	return 0;
}

uint64_t helper_kptr_load(struct skep_run *run, uint64_t addr, uint32_t how)
{
	return 0;
}

bool helper_ld_abs(struct skep_run *run, void *ctx, int32_t off, uint32_t size, uint64_t *ret)
{
	uint64_t v = 0;

	if (off < 0 || off + size > 64)
		return false;
	for (uint32_t i = 0; i < size; i++)
		v = v << 8 | ((uint8_t *)ctx)[off + (int32_t)i];
	*ret = v;
	return true;
}

/* -- programs -- */

static void set_ref(struct insn_aux *aux, const struct bpf_insn *insn, uint32_t i,
		    const uint16_t *sub_at, struct skep_map *const *maps)
{
	if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC) {
		aux->ref = INSN_REF_FUNC;
		aux->sub = sub_at[i + 1 + (uint32_t)insn->imm];
	} else if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) &&
		   insn->src_reg == BPF_PSEUDO_MAP_FD) {
		aux->ref = INSN_REF_MAP;
		aux->map = maps[insn->imm];
	} else if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) {
		aux->ref = INSN_REF_SUBPROG;
		aux->sub = sub_at[i + 1 + (uint32_t)insn->imm];
	} else if (insn->code == (BPF_JMP | BPF_CALL)) {
		aux->ref = INSN_REF_HELPER;
		aux->helper = helper_by_id((uint32_t)insn->imm);
		aux->map = maps ? maps[0] : NULL;
	} else if (insn->code == (BPF_JMP | BPF_CALL | BPF_X)) {
		aux->ref = INSN_REF_CALLX;
	}
}

/* sub_at[i] becomes 1 where a subprogram begins. */
static void find_subs(const struct bpf_insn *insns, uint32_t n, uint16_t *sub_at)
{
	sub_at[0] = 1;
	for (uint32_t i = 0; i < n; i++) {
		const struct bpf_insn *in = &insns[i];
		bool call = in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
		bool func =
			in->code == (BPF_LD | BPF_IMM | BPF_DW) && in->src_reg == BPF_PSEUDO_FUNC;

		if (call || func)
			sub_at[i + 1 + (uint32_t)in->imm] = 1;
	}
}

struct skep_prog *jt_new(const struct bpf_insn *insns, uint32_t n, struct skep_map *const *maps)
{
	struct skep_prog *p = skep_alloc(sizeof(*p));
	uint16_t *sub_at = skep_alloc_array(n, sizeof(*sub_at));
	uint32_t subs = 0;

	ASSERT(p && sub_at);
	p->image.insns = skep_memdup(insns, n * sizeof(*insns));
	p->image.aux = skep_alloc_array(n, sizeof(*p->image.aux));
	p->image.sub = skep_alloc_array(n, sizeof(*p->image.sub));
	p->image.insn_cnt = n;
	find_subs(insns, n, sub_at);
	for (uint32_t i = 0; i < n; i++) {
		if (sub_at[i]) {
			if (subs)
				p->image.sub[subs - 1].end = i;
			p->image.sub[subs].start = i;
			p->image.sub[subs].stack = 64;
			sub_at[i] = (uint16_t)subs++;
		}
		if (insns[i].code == (BPF_JMP | BPF_JCOND))
			p->image.sub[subs - 1].may_gotos = true;
		if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == 0 &&
		    insns[i].imm == BPF_FUNC_tail_call)
			p->image.sub[subs - 1].tail_calls = true;
	}
	p->image.sub[subs - 1].end = n;
	p->image.sub_cnt = subs;
	for (uint32_t i = 0; i < n; i++)
		set_ref(&p->image.aux[i], &insns[i], i, sub_at, maps);
	skep_free(sub_at);
	return p;
}

void jt_free(struct skep_prog *p)
{
	jit_engine.release(p);
	skep_free(p->image.insns);
	skep_free(p->image.aux);
	skep_free(p->image.sub);
	skep_free(p);
}

void jt_compile(struct skep_prog *p)
{
	struct skep_diag diag = { 0 };
	int r = jit_engine.compile(p, &diag);

	ASSERT_MSG(r == 0, "compile: %d: %s", r, diag.msg);
}

#if defined(__x86_64__)
/* Calls entry with known values in the registers that it must keep; true when it keeps them. */
static bool call_guarded(skep_entry_fn entry, void *ctx, struct skep_run *run, uint64_t *ret)
{
	uint64_t ok;

	__asm__ volatile("push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15\n"
			 "mov %%rsp, %%rbx; and $-16, %%rsp; push %%rbx; push %[ret]\n"
			 "mov $0x1111, %%ebx; mov $0x2222, %%ebp; mov $0x3333, %%r12d\n"
			 "mov $0x4444, %%r13d; mov $0x5555, %%r14d; mov $0x6666, %%r15d\n"
			 "call *%%rax\n"
			 "pop %%rcx; mov %%rax, (%%rcx)\n"
			 "xor $0x1111, %%rbx; xor $0x2222, %%rbp; xor $0x3333, %%r12\n"
			 "xor $0x4444, %%r13; xor $0x5555, %%r14; xor $0x6666, %%r15\n"
			 "or %%rbp, %%rbx; or %%r12, %%rbx; or %%r13, %%rbx\n"
			 "or %%r14, %%rbx; or %%r15, %%rbx; mov %%rbx, %%rax\n"
			 "pop %%rsp\n"
			 "pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx"
			 : "=a"(ok), "+D"(ctx), "+S"(run)
			 : "a"(entry), [ret] "d"(ret)
			 : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
	return ok == 0;
}
#else
static bool call_guarded(skep_entry_fn entry, void *ctx, struct skep_run *run, uint64_t *ret)
{
	*ret = entry(ctx, run);
	return true;
}
#endif

uint64_t jt_run_with(struct skep_prog *p, void *ctx, struct skep_run *run)
{
	uint64_t ret = 0;

	run->prog = p;
	run->tail_calls = 0;
	ASSERT(call_guarded(p->entry, ctx, run, &ret));
	return ret;
}

uint64_t jt_run(struct skep_prog *p, void *ctx)
{
	struct skep_run run = { .cpu = 3 };

	return jt_run_with(p, ctx, &run);
}

uint32_t jt_check(const struct bpf_insn *insns, uint32_t n, const void *ctx, size_t ctx_size)
{
	struct skep_prog *p = jt_new(insns, n, NULL);
	uint8_t got[256] = { 0 }, want[256] = { 0 };
	uint64_t r_want, r_got;
	uint32_t len;

	ASSERT(ctx_size <= sizeof(got));
	if (ctx_size) {
		memcpy(got, ctx, ctx_size);
		memcpy(want, ctx, ctx_size);
	}
	jt_compile(p);
	r_want = jt_eval(p, want);
	r_got = jt_run(p, got);
	if (r_got != r_want || memcmp(got, want, sizeof(got))) {
		for (uint32_t i = 0; i < n; i++)
			fprintf(stderr, "# %3u: %02x r%u r%u %d %d\n", i, insns[i].code,
				insns[i].dst_reg, insns[i].src_reg, insns[i].off, insns[i].imm);
		for (uint32_t i = 0; i < p->jited_len; i++)
			fprintf(stderr, "%02x%s", ((const uint8_t *)p->jited)[i],
				i + 1 == p->jited_len ? "\n" : " ");
		test_fail(__FILE__, __LINE__, "r0 is 0x%" PRIx64 ", not 0x%" PRIx64 "%s", r_got,
			  r_want, memcmp(got, want, sizeof(got)) ? "; memory differs" : "");
	}
	len = p->jited_len;
	jt_free(p);
	return len;
}

bool jt_has_bytes(const struct skep_prog *p, const void *bytes, size_t n)
{
	return memmem(p->jited, p->jited_len, bytes, n) != NULL;
}
