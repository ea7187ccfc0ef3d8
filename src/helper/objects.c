/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c - objects of the program's own, kptrs, lists and trees: thin, the room obj does the
 * work (kernel/bpf/helpers.c).  The verifier has seen who owns what, and that locks are held.
 */
#include "obj/obj.h"
#include "helper/helper_int.h"

static struct obj_store *store_of(const struct skep_run *run)
{
	return run->env->objects;
}

/* A new object of the struct that the program's BTF knows by that id. */
static uint64_t make(const struct skep_run *run, uint64_t id, bool percpu)
{
	const struct skep_prog *p = run->prog;

	for (uint32_t i = 0; store_of(run) && p->types && i < p->alloc_cnt; i++)
		if (p->types[i].id == (uint32_t)id && p->types[i].percpu == percpu)
			return (uintptr_t)obj_new(store_of(run), p->types[i].type, run->cpu);
	return 0;
}

KFUNC_FN(bpf_obj_new_impl)
{
	return make(run, r1, false);
}

KFUNC_FN(bpf_obj_drop_impl)
{
	obj_put(store_of(run), PTR(r1), run->cpu);
	return 0;
}

KFUNC_FN(bpf_percpu_obj_new_impl)
{
	return make(run, r1, true);
}

KFUNC_FN(bpf_percpu_obj_drop_impl)
{
	obj_put(store_of(run), PTR(r1), run->cpu);
	return 0;
}

KFUNC_FN(bpf_refcount_acquire_impl)
{
	return (uintptr_t)obj_get(store_of(run), PTR(r1), run->cpu);
}

HELPER_FN(kptr_xchg)
{
	return (uintptr_t)obj_kptr_xchg(store_of(run), PTR(r1), PTR(r2), run->cpu);
}

uint64_t helper_kptr_load(struct skep_run *run, uint64_t addr, uint32_t how)
{
	return obj_kptr_load(store_of(run), PTR(addr));
}

HELPER_FN(per_cpu_ptr)
{
	const uint32_t cpu = (uint32_t)r2;

	return cpu < obj_cpus(store_of(run)) ? (uintptr_t)obj_of_cpu(store_of(run), PTR(r1), cpu)
					     : 0;
}

HELPER_FN(this_cpu_ptr)
{
	return (uintptr_t)obj_of_cpu(store_of(run), PTR(r1), run->cpu);
}

/* --- lists ------------------------------------------------------------------------------------ */

KFUNC_FN(bpf_list_push_front_impl)
{
	return RET(obj_list_push(store_of(run), PTR(r1), PTR(r2), false, run->cpu));
}

KFUNC_FN(bpf_list_push_back_impl)
{
	return RET(obj_list_push(store_of(run), PTR(r1), PTR(r2), true, run->cpu));
}

KFUNC_FN(bpf_list_pop_front)
{
	return (uintptr_t)obj_list_pop(store_of(run), PTR(r1), false, run->cpu);
}

KFUNC_FN(bpf_list_pop_back)
{
	return (uintptr_t)obj_list_pop(store_of(run), PTR(r1), true, run->cpu);
}

KFUNC_FN(bpf_list_front)
{
	return (uintptr_t)obj_list_peek(store_of(run), PTR(r1), false);
}

KFUNC_FN(bpf_list_back)
{
	return (uintptr_t)obj_list_peek(store_of(run), PTR(r1), true);
}

/* --- trees ------------------------------------------------------------------------------------ */

/* A callback of the program's that says which of two nodes stands first. */
struct order {
	struct skep_run *run;
	uint64_t func;
};

static bool by_callback(void *arg, void *a, void *b)
{
	const struct order *o = arg;

	return run_callback(o->run, o->func, (uintptr_t)a, (uintptr_t)b, 0, 0, 0);
}

KFUNC_FN(bpf_rbtree_add_impl)
{
	struct order o = { run, r3 };

	return RET(obj_tree_add(store_of(run), PTR(r1), PTR(r2), by_callback, &o, run->cpu));
}

KFUNC_FN(bpf_rbtree_remove)
{
	return (uintptr_t)obj_tree_remove(store_of(run), PTR(r1), PTR(r2), run->cpu);
}

KFUNC_FN(bpf_rbtree_first)
{
	return (uintptr_t)obj_tree_first(store_of(run), PTR(r1));
}

KFUNC_FN(bpf_rbtree_root)
{
	return (uintptr_t)obj_tree_root(store_of(run), PTR(r1));
}

KFUNC_FN(bpf_rbtree_left)
{
	return (uintptr_t)obj_tree_child(store_of(run), PTR(r1), PTR(r2), false);
}

KFUNC_FN(bpf_rbtree_right)
{
	return (uintptr_t)obj_tree_child(store_of(run), PTR(r1), PTR(r2), true);
}
