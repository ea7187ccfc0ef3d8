/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - calls that leave the loop: helpers, with their arguments checked by the helper's row,
 * and callbacks that come back in.
 *
 * The verifier does not yet look at arguments, so the interpreter does: a helper only ever sees
 * memory, maps and functions that are the program's.
 */
#include "helper/dynptr.h"
#include "interp/interp_int.h"
#include "obj/obj.h"

/* One argument of a call: its cell, and those behind it. */
struct arg {
	struct interp_frame *f;
	const struct cell *cell;
};

static bool reach(const struct arg *a, size_t len)
{
	return len == 0 || window_find(a->f, a->cell->v, len, NULL);
}

static bool any(const struct arg *a)
{
	return true;
}

static const struct skep_map *first_map(const struct arg *a)
{
	return (const struct skep_map *)(uintptr_t)a->f->cell[BPF_REG_1].v;
}

static bool is_map(const struct arg *a)
{
	return window_map(a->f, (const struct skep_map *)(uintptr_t)a->cell->v);
}

static bool is_key(const struct arg *a)
{
	return reach(a, first_map(a)->key_size);
}

static bool is_value(const struct arg *a)
{
	return reach(a, first_map(a)->value_size);
}

static bool is_value_or_null(const struct arg *a)
{
	return a->cell->v == 0 || is_value(a);
}

static bool is_mem(const struct arg *a)
{
	return reach(a, a->cell[1].v);
}

static bool is_mem_or_null(const struct arg *a)
{
	return a->cell->v == 0 || is_mem(a);
}

static bool is_ctx(const struct arg *a)
{
	return a->cell->v == (uintptr_t)a->f->ctx;
}

static bool is_ctx_or_null(const struct arg *a)
{
	return a->cell->v == 0 || is_ctx(a);
}

/* That of the run's packet: the one region that it has of that size. */
static bool is_socket(const struct arg *a)
{
	const struct run_region *r = a->f->run->region;

	for (int i = 0; i < RUN_REGIONS; i++)
		if (r[i].base == a->cell->v && r[i].size == sizeof(struct bpf_sock))
			return true;
	return false;
}

/* A string that ends inside the program's memory. */
static bool is_str(const struct arg *a)
{
	struct cell window = { 0 };

	for (uintptr_t at = a->cell->v;; at++) {
		if (at - window.lo >= window.len && !window_find(a->f, at, 1, &window))
			return false;
		if (*(const char *)at == '\0')
			return true;
	}
}

static const struct interp_sub *callback_of(const struct interp_prog *ip, uint64_t func)
{
	uint64_t off = func - (uintptr_t)ip->sub;
	const struct interp_sub *sub = (const struct interp_sub *)(uintptr_t)func;

	if (off >= ip->prog->image.sub_cnt * sizeof(*sub) || off % sizeof(*sub) || !sub->callback)
		return NULL;
	return sub;
}

static bool is_func(const struct arg *a)
{
	return callback_of(a->f->ip, a->cell->v) != NULL;
}

/* A record that is given back: nobody may go on looking at it. */
static bool release(const struct arg *a, const void *record)
{
	if (!window_record(a->f, record, 0))
		return false;
	for (struct interp_frame *f = a->f; f; f = f->up)
		window_reset(f);
	return true;
}

static bool is_allocated(const struct arg *a)
{
	return release(a, (const void *)(uintptr_t)a->cell->v);
}

static bool is_spin_lock(const struct arg *a)
{
	return reach(a, sizeof(struct bpf_spin_lock));
}

static bool is_timer(const struct arg *a)
{
	return reach(a, sizeof(struct bpf_timer));
}

static bool is_kptr(const struct arg *a)
{
	return reach(a, sizeof(void *));
}

/* The object that the len bytes are in; NULL: they are in none. */
static void *object_at(const struct arg *a, size_t len)
{
	const struct obj_store *s = a->f->run->env->objects;
	size_t size;

	return s ? obj_find(s, a->cell->v, len, &size) : NULL;
}

static bool in_held(const struct arg *a, size_t len)
{
	const void *obj = object_at(a, len);

	return obj && obj_is_held(a->f->run->env->objects, obj);
}

static bool is_object_rcu(const struct arg *a)
{
	return a->cell->v && (uintptr_t)object_at(a, 0) == a->cell->v;
}

static bool is_object(const struct arg *a)
{
	return is_object_rcu(a) && in_held(a, 0);
}

static bool is_object_or_null(const struct arg *a)
{
	return !a->cell->v || is_object(a);
}

static bool is_graph_root(const struct arg *a)
{
	return reach(a, 16);
}

static bool is_list_node(const struct arg *a)
{
	return in_held(a, 24);
}

static bool is_rb_node(const struct arg *a)
{
	return in_held(a, 32);
}

static bool is_long(const struct arg *a)
{
	return reach(a, sizeof(uint64_t));
}

static bool is_dynptr_place(const struct arg *a)
{
	return reach(a, sizeof(struct dynptr_kern));
}

/* There is one, and what it stands for is the program's. */
static bool is_dynptr_of(const struct arg *a, struct dynptr_kern *d)
{
	size_t size;

	if (!is_dynptr_place(a))
		return false;
	memcpy(d, (const void *)(uintptr_t)a->cell->v, sizeof(*d));
	if (!d->data)
		return true;
	size = (size_t)d->offset + dynptr_size(d);
	if (dynptr_kind(d) == DYNPTR_RINGBUF)
		return window_record(a->f, d->data, size);
	if (dynptr_kind(d) == DYNPTR_LOCAL)
		return size == 0 || window_find(a->f, (uintptr_t)d->data, size, NULL);
	return (uintptr_t)d->data == (uintptr_t)a->f->ctx;
}

static bool is_dynptr(const struct arg *a)
{
	struct dynptr_kern d;

	return is_dynptr_of(a, &d);
}

static bool is_dynptr_record(const struct arg *a)
{
	struct dynptr_kern d;

	return is_dynptr_of(a, &d) &&
	       (!d.data || (dynptr_kind(&d) == DYNPTR_RINGBUF && release(a, d.data)));
}

static bool (*const checks[_ARG_MAX])(const struct arg *) = {
	[ARG_NONE] = any,
	[ARG_ANYTHING] = any,
	[ARG_CONST_MAP_PTR] = is_map,
	[ARG_MAP_KEY] = is_key,
	[ARG_MAP_VALUE] = is_value,
	[ARG_MAP_VALUE_UNINIT] = is_value,
	[ARG_MEM] = is_mem,
	[ARG_MEM_OR_NULL] = is_mem_or_null,
	[ARG_MEM_UNINIT] = is_mem,
	[ARG_MEM_WRITE] = is_mem,
	[ARG_MEM_WRITE_OR_NULL] = is_mem_or_null,
	[ARG_SIZE] = any,
	[ARG_SIZE_OR_ZERO] = any,
	[ARG_CTX] = is_ctx,
	[ARG_CTX_OR_NULL] = is_ctx_or_null,
	[ARG_CONST_STR] = is_str,
	[ARG_FUNC] = is_func,
	[ARG_STACK_OR_NULL] = any, /* handed through to the callback, which is checked itself */
	[ARG_ALLOC_MEM] = is_allocated,
	[ARG_ALLOC_SIZE] = any,
	[ARG_SPIN_LOCK] = is_spin_lock,
	[ARG_LONG_PTR] = is_long,
	[ARG_MAP_VALUE_OR_NULL] = is_value_or_null,
	[ARG_BTF_ID] = any, /* helpers look into their run's own only */
	[ARG_BTF_ID_OR_NULL] = any,
	[ARG_SOCK_COMMON] = is_socket,
	[ARG_BTF_SOCK] = is_socket,
	[ARG_TIMER] = is_timer,
	[ARG_KPTR_DEST] = is_kptr,
	[ARG_KPTR_RELEASE] = is_object_or_null,
	[ARG_PERCPU_BTF_ID] = is_object_rcu,
	[ARG_OBJECT] = is_object,
	[ARG_OBJECT_RCU] = is_object_rcu,
	[ARG_GRAPH_ROOT] = is_graph_root,
	[ARG_LIST_NODE] = is_list_node,
	[ARG_RB_NODE] = is_rb_node,
	[ARG_DYNPTR] = is_dynptr,
	[ARG_DYNPTR_UNINIT] = is_dynptr_place,
	[ARG_DYNPTR_LOCAL_UNINIT] = is_dynptr_place,
	[ARG_DYNPTR_RINGBUF_UNINIT] = is_dynptr_place,
	[ARG_DYNPTR_RINGBUF_RELEASE] = is_dynptr_record,
};

/* r1 to r5 are what the row wants; else the run has faulted. */
static bool check_args(struct interp_frame *f, const struct code *at, const uint8_t wants[5])
{
	for (unsigned n = 0; n < 5 && wants[n] != ARG_NONE; n++) {
		const struct arg a = { f, &f->cell[BPF_REG_1 + n] };

		if (!checks[wants[n]](&a)) {
			interp_fault(f, at, a.cell->v);
			return false;
		}
	}
	return true;
}

/* Notes what came back in r0. */
static void returned(struct interp_frame *f, const struct helper_proto *h, struct skep_map *map,
		     uint64_t size)
{
	struct cell *r0 = &f->cell[BPF_REG_0];

	if (h->changes_pkt)
		window_reset(f);
	if (!r0->v)
		return;
	if (h->ret == RET_ALLOC_MEM_OR_NULL)
		window_set(r0, size);
	else if (h->ret != RET_MAP_VALUE_OR_NULL && h->ret != RET_MAP_VALUE)
		return;
	else if (map->sys->fd_kind == MAP_FD_MAP)
		f->inner[f->inner_n++ % INNER_MAPS] = (struct skep_map *)(uintptr_t)r0->v;
	else
		window_add(f, r0, map->value_size);
}

bool interp_helper(struct interp_frame *f, const struct code *at, const struct helper_proto *h)
{
	struct cell *c = f->cell;
	struct skep_map *map = (struct skep_map *)(uintptr_t)c[BPF_REG_1].v;
	uint64_t size = c[BPF_REG_2].v;

	if (!check_args(f, at, h->arg))
		return false;
	c[BPF_REG_0].v = h->fn(c[1].v, c[2].v, c[3].v, c[4].v, c[5].v, f->run);
	if (f->run->fault)
		return false;
	returned(f, h, map, size);
	return true;
}

bool interp_kfunc(struct interp_frame *f, const struct code *at, const struct kfunc *k)
{
	struct cell *c = f->cell;

	if (!check_args(f, at, k->arg))
		return false;
	c[BPF_REG_0].v = k->fn(c[1].v, c[2].v, c[3].v, c[4].v, c[5].v, f->run);
	return !f->run->fault;
}

uint64_t interp_fault(struct interp_frame *f, const struct code *at, uintptr_t addr)
{
	f->run->fault = -EFAULT;
	f->run->fault_insn = (uint32_t)(at - f->ip->code);
	f->run->fault_addr = addr;
	return 0;
}
