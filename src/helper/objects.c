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

/* The struct that the program's BTF knows by that id: its bytes; OBJ_SIZE_MAX + 1: there is none.
 */
static uint32_t size_of_type(const struct skep_run *run, uint64_t id,
			     const struct btf_record **ret_record)
{
	const struct run_env *env = run->env;

	*ret_record = NULL;
	return env->objects && env->struct_size
		       ? env->struct_size(run->prog, (uint32_t)id, ret_record)
		       : OBJ_SIZE_MAX + 1;
}

KFUNC_FN(bpf_obj_new_impl)
{
	const struct btf_record *record;
	const uint32_t size = size_of_type(run, r1, &record);

	return size > OBJ_SIZE_MAX ? 0 : (uintptr_t)obj_new(store_of(run), size, record);
}

KFUNC_FN(bpf_obj_drop_impl)
{
	obj_put(store_of(run), PTR(r1));
	return 0;
}

KFUNC_FN(bpf_percpu_obj_new_impl)
{
	const struct btf_record *record;
	const uint32_t size = size_of_type(run, r1, &record);

	return size > OBJ_SIZE_MAX ? 0 : (uintptr_t)obj_new_percpu(store_of(run), size);
}

KFUNC_FN(bpf_percpu_obj_drop_impl)
{
	obj_put(store_of(run), PTR(r1));
	return 0;
}

KFUNC_FN(bpf_refcount_acquire_impl)
{
	return (uintptr_t)obj_get(PTR(r1));
}

HELPER_FN(kptr_xchg)
{
	return (uintptr_t)obj_kptr_xchg(PTR(r1), PTR(r2));
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
	return RET(obj_list_push(store_of(run), PTR(r1), PTR(r2), false));
}

KFUNC_FN(bpf_list_push_back_impl)
{
	return RET(obj_list_push(store_of(run), PTR(r1), PTR(r2), true));
}

KFUNC_FN(bpf_list_pop_front)
{
	return (uintptr_t)obj_list_pop(PTR(r1), false);
}

KFUNC_FN(bpf_list_pop_back)
{
	return (uintptr_t)obj_list_pop(PTR(r1), true);
}

KFUNC_FN(bpf_list_front)
{
	return (uintptr_t)obj_list_peek(PTR(r1), false);
}

KFUNC_FN(bpf_list_back)
{
	return (uintptr_t)obj_list_peek(PTR(r1), true);
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

	return RET(obj_tree_add(store_of(run), PTR(r1), PTR(r2), by_callback, &o));
}

KFUNC_FN(bpf_rbtree_remove)
{
	return (uintptr_t)obj_tree_remove(PTR(r1), PTR(r2));
}

KFUNC_FN(bpf_rbtree_first)
{
	return (uintptr_t)obj_tree_first(PTR(r1));
}

KFUNC_FN(bpf_rbtree_root)
{
	return (uintptr_t)obj_tree_root(PTR(r1));
}

KFUNC_FN(bpf_rbtree_left)
{
	return (uintptr_t)obj_tree_child(PTR(r1), PTR(r2), false);
}

KFUNC_FN(bpf_rbtree_right)
{
	return (uintptr_t)obj_tree_child(PTR(r1), PTR(r2), true);
}
