/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run.c - PROG_TEST_RUN (net/bpf/test_run.c): runs a program on data that the caller gives.
 *
 * test_packet.c holds the types that see packets; here are the loop and the types whose context
 * is plain memory.
 */
#include "core/test_int.h"

#include <stdio.h>
#include <time.h>

#define RUNS_A_LEASE 256 /* runs between two quiescent points of the vCPU */

/* --- contexts that are plain memory ---------------------------------------------------------- */

#define RAW_TP_ARGS_MAX (12 * sizeof(uint64_t)) /* MAX_BPF_FUNC_ARGS */
#define SYSCALL_CTX_MAX UINT16_MAX

/* ctx_in into memory of its own; no context at all for none. */
static int plain_ctx(struct test_run *t, uint32_t max)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t n = a->test.ctx_size_in;

	if (a->test.data_in || a->test.data_out || a->test.ctx_out || a->test.duration ||
	    a->test.repeat || a->test.batch_size)
		return FAIL(t->c, -EINVAL, "programs of type %s take ctx_in only",
			    t->p->kind->name);
	if (n < t->p->max_ctx_off || n > max)
		return FAIL(t->c, -EINVAL, "ctx_in has %u bytes, the program reads %u, %u may be",
			    n, t->p->max_ctx_off, max);
	if (n == 0)
		return 0;
	t->mem = skep_alloc(n);
	if (!t->mem)
		return -ENOMEM;
	t->ctx = t->mem;
	t->ctx_region = (struct run_region){ (uintptr_t)t->mem, n };
	return user_read(t->mem, a->test.ctx_in, n);
}

static int raw_tp_setup(struct test_run *t)
{
	const union bpf_attr *a = &t->c->attr.a;
	bool on_cpu = a->test.flags & BPF_F_TEST_RUN_ON_CPU;
	int err = plain_ctx(t, RAW_TP_ARGS_MAX);

	if (err)
		return err;
	if (!on_cpu && a->test.cpu)
		return FAIL(t->c, -EINVAL, "cpu without BPF_F_TEST_RUN_ON_CPU");
	if (on_cpu && a->test.cpu >= t->c->k->vcpus->nr)
		return FAIL(t->c, -ENXIO, "no CPU %u", a->test.cpu);
	if (on_cpu)
		t->cpu = (int32_t)a->test.cpu;
	return 0;
}

static int raw_tp_finish(struct test_run *t)
{
	return CALL_PUT(t->c, a.test.retval, t->retval);
}

static int syscall_setup(struct test_run *t)
{
	if (t->c->attr.a.test.flags)
		return FAIL(t->c, -EINVAL, "programs of type syscall take no flags");
	return plain_ctx(t, SYSCALL_CTX_MAX);
}

static int syscall_finish(struct test_run *t)
{
	const union bpf_attr *a = &t->c->attr.a;

	if (CALL_PUT(t->c, a.test.retval, t->retval))
		return -EFAULT;
	return t->mem ? user_write(a->test.ctx_in, t->mem, a->test.ctx_size_in) : 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* n runs in a row; false where the interpreter stopped one. */
static bool run_some(struct test_run *t, struct skep_run *run, uint32_t n)
{
	uint64_t ret = 0;

	for (uint32_t i = 0; i < n && likely(!run->fault); i++)
		ret = prog_run(t->p, t->ctx, run);
	t->retval = (uint32_t)ret;
	return !run->fault;
}

static int run_fault(struct test_run *t, const struct skep_run *run)
{
	diag_set(t->c->diag, -EFAULT, SKEP_AT_INSN, run->fault_insn,
		 "address 0x%llx is not the program's memory", (unsigned long long)run->fault_addr);
	return -EFAULT;
}

static int run_all(struct test_run *t)
{
	struct skep_kernel *k = t->c->k;
	uint32_t repeat = MAX(t->c->attr.a.test.repeat, 1u), left = repeat;
	bool stats = object_any_live(t->c, OBJ_STATS), ok = true;
	struct run_task as;
	const int cpu = t->cpu < 0 ? caller_cpu(k->vcpus->nr) : t->cpu;
	struct vcpu *vcpu = cpu < 0 ? vcpu_get(k->vcpus) : vcpu_get_at(k->vcpus, (uint32_t)cpu);
	uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = {
		.task = task,
		.vcpu = vcpu,
		.cpu = vcpu_id(k->vcpus, vcpu),
		.ctx = t->ctx,
		.env = &k->env,
		.as = caller_task(&as),
		.user = caller_frame(),
		.region = { t->ctx_region, t->data, t->more },
	};
	uint64_t start = now_ns(), ns;

	while (left > 0 && ok) {
		uint32_t n = MIN(left, RUNS_A_LEASE);

		ok = run_some(t, &run, n);
		left -= n;
		vcpu_quiesce(vcpu);
	}
	ns = now_ns() - start;
	vcpu_put(vcpu);
	if (!ok)
		return run_fault(t, &run);
	t->duration = (uint32_t)MIN(ns / repeat, UINT32_MAX);
	if (stats) {
		atomic_fetch_add_explicit(&t->p->stats->run_cnt, repeat, memory_order_relaxed);
		atomic_fetch_add_explicit(&t->p->stats->run_ns, ns, memory_order_relaxed);
	}
	return 0;
}

/* --- the command ----------------------------------------------------------------------------- */

static const struct test_kind kinds[] = {
	{ BPF_PROG_TYPE_SOCKET_FILTER, test_skb_setup, test_skb_finish },
	{ BPF_PROG_TYPE_SCHED_CLS, test_skb_setup, test_skb_finish },
	{ BPF_PROG_TYPE_SCHED_ACT, test_skb_setup, test_skb_finish },
	{ BPF_PROG_TYPE_CGROUP_SKB, test_skb_setup, test_skb_finish },
	{ BPF_PROG_TYPE_XDP, test_xdp_setup, test_xdp_finish },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, raw_tp_setup, raw_tp_finish },
	{ BPF_PROG_TYPE_SYSCALL, syscall_setup, syscall_finish },
};

static void test_free(struct test_run *t)
{
	skep_free(t->mem);
	skep_free(t->frags);
	if (t->sock.stored)
		core_socket_gone(t->c->k, t->sock.cookie);
}

static long test_run(struct call *c, struct skep_prog *p, const struct test_kind *kind)
{
	_cleanup_(test_free) struct test_run t = { .c = c, .p = p, .cpu = -1 };
	int err = kind->setup(&t);

	if (!err)
		err = run_all(&t);
	return err ? err : kind->finish(&t);
}

long core_prog_test_run(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_prog *p;
	int err;

	if (!a->test.ctx_size_in != !a->test.ctx_in || !a->test.ctx_size_out != !a->test.ctx_out)
		return FAIL(c, -EINVAL, "a context and its size go together");
	err = object_get(c->k, (int)a->test.prog_fd, OBJ_PROG, &ref);
	if (err)
		return FAIL(c, err, "prog_fd %d is not a program", (int)a->test.prog_fd);
	p = ref.payload;
	if (!p->engine)
		return FAIL(c, -EOPNOTSUPP, "this kernel judges programs, it does not run them");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].prog_type == p->type)
			return test_run(c, p, &kinds[i]);
	return FAIL(c, -ENOTSUPP, "programs of type %s cannot be run alone", p->kind->name);
}
