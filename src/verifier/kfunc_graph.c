/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_graph.c - kfuncs on linked lists and red-black trees of a program's own objects.
 *
 *	push, add	the object goes to the list or tree, which owns it; the program borrows it
 *			until it releases the lock
 *	pop, remove	the other way
 *	front, first, root, left, ...	only borrow
 *
 * The root lies beside the lock that guards it and says, by a declaration tag, objects of which
 * type it holds, and by which of their nodes.
 */
#include "verifier/kfunc_int.h"

/* What a root and its nodes are called. */
struct graph {
	uint32_t root, node; /* FIELD_* */
};

static const struct graph lists = { FIELD_LIST_HEAD, FIELD_LIST_NODE };
static const struct graph trees = { FIELD_RB_ROOT, FIELD_RB_NODE };

/* --- roots ------------------------------------------------------------------------------------ */

static int root_arg(struct kcall *k, uint32_t a, const struct graph *g)
{
	struct verifier *v = k->v;
	const uint32_t n = BPF_REG_1 + a;
	const struct reg *r = &cur_regs(v)[n];
	const struct btf_record *rec = reg_record(r);
	const uint32_t off = (uint32_t)(r->off + (int64_t)r->n.bits.value);
	const char *name = btf_field_name(g->root);

	if (r->type != PTR_TO_MAP_VALUE && r->type != (PTR_TO_BTF_ID | MEM_ALLOC))
		return fail(v, -EINVAL, "arg#%u expected pointer to map value or allocated object",
			    a);
	if (r->type != PTR_TO_MAP_VALUE && !r->ref_id)
		return fail(v, -EINVAL, "allocated object must be referenced");
	if (!bounds_is_const(&r->n))
		return fail(v, -EINVAL,
			    "R%u doesn't have constant offset. %s has to be at the constant offset",
			    n, name);
	k->root = btf_record_find(rec, off, g->root);
	if (!k->root)
		return fail(v, -EINVAL, "%s not found at offset=%u", name, off);
	if (!lock_guards(v, r))
		return fail(v, -EINVAL, "bpf_spin_lock at off=%d must be held for %s",
			    rec->spin_lock_off, name);
	return 0;
}

int graph_list_arg(struct kcall *k, uint32_t a)
{
	return root_arg(k, a, &lists);
}

int graph_tree_arg(struct kcall *k, uint32_t a)
{
	return root_arg(k, a, &trees);
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* The register points to the node of an object that the root may hold. */
static int node_arg(struct kcall *k, uint32_t a, const struct graph *g)
{
	struct verifier *v = k->v;
	const uint32_t n = BPF_REG_1 + a;
	const struct reg *r = &cur_regs(v)[n];
	const uint32_t off = (uint32_t)(r->off + (int64_t)r->n.bits.value);
	const struct btf_field *root = k->root;
	const char *name = btf_field_name(g->node);
	const char *held;
	struct reg whole = *r;

	if (!bounds_is_const(&r->n))
		return fail(v, -EINVAL,
			    "R%u doesn't have constant offset. %s has to be at the constant offset",
			    n, name);
	if (!btf_record_find(reg_record(r), off, g->node))
		return fail(v, -EINVAL, "%s not found at offset=%u", name, off);
	held = btf_str(root->btf, btf_type(root->btf, root->target)->name_off);
	whole.off = 0;
	if (!btf_ptr_is(v, &whole, root->btf, root->target, true))
		return fail(v, -EINVAL,
			    "operation on %s expects arg#1 %s at offset=%u in struct %s, but arg "
			    "is at offset=%u in struct %s",
			    btf_field_name(g->root), name, root->node_off, held, off,
			    btf_ptr_reg_name(v, r));
	if (off != root->node_off)
		return fail(v, -EINVAL,
			    "arg#1 offset=%u, but expected %s at offset=%u in struct %s", off, name,
			    root->node_off, held);
	k->object = *r;
	return 0;
}

/* Of an object that the program owns. */
static int owned(struct kcall *k, uint32_t a)
{
	const struct reg *r = &cur_regs(k->v)[BPF_REG_1 + a];

	if (r->type != (PTR_TO_BTF_ID | MEM_ALLOC))
		return fail(k->v, -EINVAL, "arg#%u expected pointer to allocated object", a);
	if (!r->ref_id)
		return fail(k->v, -EINVAL, "allocated object must be referenced");
	return 0;
}

int graph_list_node_arg(struct kcall *k, uint32_t a)
{
	const int err = owned(k, a);

	return err ? err : node_arg(k, a, &lists);
}

int graph_tree_node_arg(struct kcall *k, uint32_t a)
{
	const struct reg *r = &cur_regs(k->v)[BPF_REG_1 + a];
	int err = 0;

	if (!strcmp(k->name, "bpf_rbtree_add_impl"))
		err = owned(k, a);
	else if (!type_is_borrowed(r->type) && !r->ref_id)
		err = fail(k->v, -EINVAL,
			   "%s can only take non-owning or refcounted bpf_rb_node pointer",
			   k->name);
	else if (graph_in_less(k->v))
		err = fail(k->v, -EINVAL, "%s not allowed in rbtree cb", k->name);
	return err ? err : node_arg(k, a, &trees);
}

int graph_give(struct kcall *k)
{
	alloc_ptr_give(k->v, k->object.ref_id);
	return 0;
}

/* --- results ---------------------------------------------------------------------------------- */

/* A node of an object that the root holds. */
static void node_of(const struct btf_field *root, struct reg *r)
{
	reg_pointer(r, PTR_TO_BTF_ID | MEM_ALLOC);
	r->btf = root->btf;
	r->btf_id = root->target;
	r->off = (int32_t)root->node_off;
}

int graph_result(struct kcall *k)
{
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	node_of(k->root, r0);
	if (!(k->flags & KF_ACQUIRE))
		alloc_ptr_borrow(r0);
	return 0;
}

/* --- bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) ---------------------------- */

static int fill_less(struct verifier *v, struct frame *caller, struct frame *callee)
{
	const struct reg *r1 = &caller->reg[BPF_REG_1];
	const struct btf_field *root =
		btf_record_find(reg_record(r1), (uint32_t)r1->off, FIELD_RB_ROOT);

	if (!root)
		return fail(v, -EFAULT, "the root of the tree is not at a fixed offset");
	for (unsigned r = BPF_REG_1; r <= BPF_REG_2; r++) {
		node_of(root, &callee->reg[r]);
		alloc_ptr_borrow(&callee->reg[r]);
	}
	return 0;
}

int graph_add(struct kcall *k)
{
	const int err = callback_push(k->v, k->sub, fill_less);

	return err ? err : graph_give(k);
}

bool graph_in_less(const struct verifier *v)
{
	for (uint32_t no = v->st->cur; no; no--) {
		const struct frame *f = v->st->frame[no];
		const char *name = f->callback ? kfunc_name(v, f->callsite) : NULL;

		if (name && !strncmp(name, "bpf_rbtree_", 11))
			return true;
	}
	return false;
}

bool graph_calls_back(const struct verifier *v, uint32_t i)
{
	const char *name = kfunc_name(v, i);

	return name && !strcmp(name, "bpf_rbtree_add_impl");
}
