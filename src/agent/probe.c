/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - what a stub calls at a probed instruction (inject/stub.h): the programs of the site,
 * on the vCPU's stack, as a thread's own may be small.
 */
#include "agent/agent_int.h"
#include "base/sys.h"
#include "hive/site.h"

#include <asm/ptrace.h>
#include <sys/syscall.h>

static inline bool is_for(const struct hive_probe *p, uint32_t tgid)
{
	const uint32_t pid = atomic_load_explicit(&p->pid, memory_order_relaxed);

	return pid == HIVE_ALL || pid == (tgid ? tgid : agent_child.pid);
}

static __attribute__((noinline)) void count_misses(const struct hive_probes *p)
{
	for (uint32_t i = 0; p && i < p->n; i++)
		if (is_for(&p->probe[i], 0))
			atomic_fetch_add_explicit(&p->probe[i].prog->stats->recursion_misses, 1,
						  memory_order_relaxed);
}

/* Where a walk begins: a function has no frame yet as it begins, and none any more as it returns.
 */
static struct run_frame frame_of(const struct pt_regs *regs, uint32_t frame)
{
	const uint64_t sp = regs->rsp;

	if (frame == HIVE_LEAVES)
		return (struct run_frame){ .ip = agent_return_of(sp),
					   .fp = regs->rbp,
					   .sp = sp + 8 };
	return (struct run_frame){ .ip = regs->rip,
				   .fp = regs->rbp,
				   .caller = frame == HIVE_BEGINS ? agent_return_of(sp) : 0,
				   .sp = sp };
}

/* Who it is where memory is another process's too, and nothing in it can say; else 0. */
static inline uint32_t asked_tgid(void)
{
	if (likely(!atomic_load_explicit(&agent_process.lent, memory_order_relaxed)))
		return 0;
	return (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/* --- on the vCPU's stack ---------------------------------------------------------------------- */

/* What runs on that vCPU have in this process; NULL: there is no vCPU, or no room. */
static inline struct skep_run *run_of(const struct vcpu *c)
{
	const uint32_t cpu = c ? vcpu_id(&agent_process.vcpus, c) : AGENT_RUNS;

	return likely(cpu < AGENT_RUNS) ? &agent_process.run[cpu].run : NULL;
}

static __attribute__((noinline)) void make_run(struct skep_run *run, const struct hit *h)
{
	*run = (struct skep_run){ .vcpu = h->vcpu,
				  .cpu = vcpu_id(&agent_process.vcpus, h->vcpu),
				  .env = &agent_process.env };
}

/* What one run leaves to the next: nothing that it asked for, or was given. */
static inline void ready(struct skep_run *run, struct hit *h)
{
	if (unlikely(run->vcpu != h->vcpu || run->regioned))
		make_run(run, h);
	run->tid = 0;
	run->tgid = asked_tgid();
	run->sp = h->sp;
	run->acts = &h->acts;
	run->ring = NULL;
}

/* The programs of a site, which are handed its registers. */
static void run_site(struct skep_run *run, struct hit *h)
{
	const struct hive_probes *probes = h->probes;
	uint64_t task[RUN_TASK_SIZE / 8];
	struct run_frame frame;

	ready(run, h);
	run->task = task;
	run->user = &frame;
	for (const struct hive_probe *p = probes->probe; p < probes->probe + probes->n; p++) {
		if (!is_for(p, run->tgid))
			continue;
		frame = frame_of(h->regs, p->frame);
		h->acts.may_override = p->frame == HIVE_BEGINS;
		run->func = p->func ? h->base + p->func : 0;
		run->cookie = p->cookie;
		run->ctx = h->regs;
		prog_run(p->prog, run->ctx, run);
	}
	run->task = NULL;
	run->user = NULL;
}

/* Programs in the function's place, until one says what it returns. */
static void modify(struct skep_run *run, struct hit *h, const struct skep_prog *prog)
{
	if (h->acts.overrides)
		return;
	h->acts.result = prog_run(prog, run->ctx, run);
	h->acts.overrides = h->acts.result;
}

/* Those at a system call. */
static void run_call(struct skep_run *run, struct hit *h)
{
	const struct hive_probes *probes = h->probes;
	uint64_t task[RUN_TASK_SIZE / 8];
	void *ctx[_HIVE_CTX] = { h->regs };
	struct sys_ctx sys;

	ready(run, h);
	agent_sys_ctx(h, &sys, ctx);
	run->task = task;
	run->user = &sys.user;
	run->tgid = sys.tgid ? sys.tgid : run->tgid;
	h->acts.may_override = h->side == HIVE_ENTER;
	for (const struct hive_probe *p = probes->probe; p < probes->probe + probes->n; p++) {
		if (!is_for(p, run->tgid))
			continue;
		run->func = p->func;
		run->cookie = p->cookie;
		run->ctx = ctx[p->ctx];
		if (unlikely(p->ctx == HIVE_MODIFY))
			modify(run, h, p->prog);
		else
			prog_run(p->prog, run->ctx, run);
	}
	run->task = NULL;
	run->user = NULL;
}

static void run_tell(struct skep_run *run, struct hit *h)
{
	struct run_frame frame = frame_of(h->regs, HIVE_INSIDE);
	uint64_t task[RUN_TASK_SIZE / 8];

	ready(run, h);
	run->task = task;
	run->user = &frame;
	h->tell(run, h->arg);
	run->task = NULL;
	run->user = NULL;
	run->as = NULL;
	run->exit_code = 0;
}

/* --- runs that never end ---------------------------------------------------------------------- */

/*
 * Two places that are no farther from one another are of one stack: programs that leave a handler
 * to another stack, and come back some day, have larger ones.
 */
#define STACK_NEAR (UINT64_C(16) << 10)

/* Is the thread on the stack for signals that it has given, and is that place? */
static bool both_on_signals(uint64_t at, bool *ret_here)
{
	stack_t s = { 0 };

	*ret_here = sys_call6(SYS_sigaltstack, 0, (long)&s, 0, 0, 0, 0) || s.ss_flags & SS_ONSTACK;
	return *ret_here && at - (uint64_t)s.ss_sp < s.ss_size;
}

/*
 * Where the thread's stack is while it holds the vCPU of that run, below the hit that it is for:
 * one that comes to the same place later has a hit there too.  0: it does not.
 */
static inline void hold_at(struct skep_run *run, uint64_t sp)
{
	run->sp = sp;
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * A signal came while it held the vCPU, whose handler is called on the run's stack, or on one for
 * signals, or below the thread's.  Who comes here above that, and on none of these, has left the
 * handler by a jump.
 */
static bool is_left(const struct vcpus *v, const struct vcpu *c, const struct hit *h)
{
	const uint64_t here = (uintptr_t)h, slots = (uintptr_t)v->slot;
	const struct skep_run *run = run_of(c);
	const uint64_t sp = run ? run->sp : 0;
	bool on_signals;

	if (!sp || here - slots < v->nr * sizeof(*c) || here <= sp || here - sp > STACK_NEAR)
		return false;
	return both_on_signals(sp, &on_signals) || !on_signals;
}

/* The thread holds vCPUs that it would have to have given back: false, it has none such. */
static __attribute__((noinline)) bool abandon(struct vcpus *v, uint64_t who, const struct hit *h)
{
	bool ret = false;

	for (uint32_t i = 0; i < v->nr; i++) {
		const uint64_t owner = atomic_load(&v->slot[i].owner);

		if (!vcpu_is_same(v, owner, who) || !is_left(v, &v->slot[i], h))
			continue;
		run_of(&v->slot[i])->sp = 0;
		vcpu_abandon(v, &v->slot[i], owner);
		ret = true;
	}
	return ret;
}

/* Signals that programs have sent, now that none of them runs. */
static __attribute__((noinline)) void raise_all(uint64_t to_process, uint64_t to_thread)
{
	const long pid = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	const long tid = sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);

	for (int sig = 1; sig <= 64; sig++) {
		if (to_process >> (sig - 1) & 1)
			sys_call6(SYS_kill, pid, sig, 0, 0, 0, 0);
		if (to_thread >> (sig - 1) & 1)
			sys_call6(SYS_tgkill, pid, tid, sig, 0, 0, 0);
	}
}

typedef void (*run_fn)(struct skep_run *run, struct hit *h);

/* fn(run, h) on another stack, whose top is a multiple of 16. */
static inline void call_on(void *top, run_fn fn, struct skep_run *run, struct hit *h)
{
	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %%rsp, %c[sp](%%rsi)\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "mov %%rbx, %%rsp"
			 : "+D"(run), "+S"(h)
			 : [top] "r"(top), [fn] "r"(fn), [sp] "i"(offsetof(struct hit, sp))
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
}

/* On the stack of h->vcpu. */
static inline void run_there(run_fn fn, struct skep_run *run, struct hit *h)
{
	uint8_t *top = h->vcpu->run_stack + sizeof(h->vcpu->run_stack);

	/* No row is its: it begins anew each time. */
	if (unlikely(!run)) {
		top -= sizeof(struct agent_run);
		run = &((struct agent_run *)(void *)top)->run;
		run->vcpu = NULL;
	}
	call_on(top, fn, run, h);
}

/* fn is run_site, run_call, or run_tell, where there is no list. */
static inline __attribute__((always_inline)) void run_all(
	struct hit *h, const _Atomic(const struct hive_probes *) *list, run_fn fn)
{
	struct vcpus *vcpus = &agent_process.vcpus;
	struct skep_run *run;
	uint64_t who;

	if (unlikely(agent_muted(&agent_process)))
		return;
	/* A child of fork() is a member from its first probe on. */
	if (unlikely(!agent_child.member) && !agent_enrol())
		return;
	who = agent_who();
	h->vcpu = vcpu_enter(vcpus, who);
	if (unlikely(!h->vcpu) && abandon(vcpus, who, h))
		h->vcpu = vcpu_enter(vcpus, who);
	run = run_of(h->vcpu);
	if (likely(run != NULL))
		hold_at(run, (uintptr_t)h - sizeof(uint64_t));
	/* In a run, ours or the one that was interrupted, so what is there stays until its end. */
	h->probes = list ? atomic_load_explicit(list, memory_order_acquire) : NULL;
	if (unlikely(!h->vcpu)) {
		count_misses(h->probes);
		return;
	}
	if (!list || likely(h->probes != NULL))
		run_there(fn, run, h);
	if (likely(run != NULL))
		hold_at(run, 0);
	vcpu_put(h->vcpu);
	if (unlikely(h->acts.to_process | h->acts.to_thread))
		raise_all(h->acts.to_process, h->acts.to_thread);
}

void agent_run_call(struct hit *h, const _Atomic(const struct hive_probes *) *list)
{
	run_all(h, list, run_call);
}

void agent_tell(void *regs, void (*fn)(struct skep_run *run, void *arg), void *arg)
{
	struct hit h;

	hit_begin(&h, regs);
	h.tell = fn;
	h.arg = arg;
	run_all(&h, NULL, run_tell);
}

static inline bool run_at(struct pt_regs *regs, const struct hive_site *site, enum hive_when when,
			  uint64_t at)
{
	struct hit h;

	hit_begin(&h, regs);
	h.base = at - site->at;
	run_all(&h, &site->probes[when], run_site);
	if (unlikely(h.acts.overrides))
		regs->rax = h.acts.result;
	return h.acts.overrides;
}

bool agent_run_site(struct pt_regs *regs, const struct hive_site *site, enum hive_when when,
		    uint64_t at)
{
	return run_at(regs, site, when, at);
}

/* Where there is no room for one more. */
static __attribute__((noinline)) void miss_return(const struct hive_site *site)
{
	struct vcpus *vcpus = &agent_process.vcpus;
	struct vcpu *c = vcpu_enter(vcpus, agent_who());

	count_misses(atomic_load_explicit(&site->probes[HIVE_RETURNS], memory_order_acquire));
	if (c)
		vcpu_put(c);
}

/*
 * The registers are popped as the stub would, and what stands on the thread's stack is where it
 * goes on: so nothing has been done of the function but that it has returned.
 */
__asm__(".pushsection .text.agent_return_now, \"ax\", @progbits\n"
	".globl agent_return_now\n.hidden agent_return_now\nagent_return_now:\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; pop %r11; pop %r10\n"
	"pop %r9; pop %r8; pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi\n"
	"lea 24(%rsp), %rsp; popfq; pop %rsp; ret\n"
	".popsection\n");

bool agent_probe(void *regs, uint64_t cookie)
{
	const struct hive_site *site = (const struct hive_site *)(uintptr_t)cookie;
	const uint64_t at = ((const struct pt_regs *)regs)->rip;
	bool overrides = false;
	uint32_t means;

	if (likely(atomic_load_explicit(&site->probes[HIVE_HERE], memory_order_relaxed) != NULL))
		overrides = run_at(regs, site, HIVE_HERE, at);
	if (unlikely(atomic_load_explicit(&site->probes[HIVE_RETURNS], memory_order_relaxed)) &&
	    !agent_catch_return(regs, site))
		miss_return(site);
	means = atomic_load_explicit(&site->means, memory_order_relaxed);
	if (likely(!means) || unlikely(agent_muted(&agent_process)))
		return overrides;
	if (means & HIVE_LOADS)
		agent_loaded();
	if (means & HIVE_UNWINDS)
		agent_put_back(((const struct pt_regs *)regs)->rsp);
	return overrides;
}
