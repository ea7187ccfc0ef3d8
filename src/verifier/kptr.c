/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kptr.c - pointers to objects that are kept in a map's value, or in another object: loads and
 * stores of them (map values only), and bpf_kptr_xchg, which moves ownership in and out.
 *
 *	kptr_untrusted	may be stored and loaded; nobody owns what it points to
 *	kptr		owns it; loads give what RCU protects, where it does, else nothing to trust
 *	percpu_kptr	the same for an object with a copy for each CPU
 *	uptr		memory of the user's, pinned
 */
#include "verifier/verifier_int.h"

/* Objects of the kernel whose memory outlives an RCU section. */
static bool rcu_protects(const struct verifier *v, const struct btf_field *f)
{
	static const char *const names[] = { "prog_test_ref_kfunc", "cgroup", "bpf_cpumask",
					     "task_struct", "bpf_crypto_ctx" };

	if (f->type == FIELD_KPTR_PERCPU)
		return true;
	if (f->type != FIELD_KPTR_REF || f->btf)
		return f->type == FIELD_KPTR_REF;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(btf_ptr_name(v, f->target), names[i]))
			return true;
	return false;
}

/* What a load of the field gives: flags of a PTR_TO_BTF_ID. */
static uint32_t loaded_flags(const struct verifier *v, const struct btf_field *f)
{
	uint32_t flags = PTR_MAYBE_NULL | MEM_RCU;

	if (!rcu_protects(v, f) || !region_in_rcu(v))
		return PTR_MAYBE_NULL | PTR_UNTRUSTED;
	if (f->type == FIELD_KPTR_PERCPU)
		flags |= MEM_PERCPU;
	else if (f->btf)
		flags |= MEM_ALLOC;
	return flags | (btf_record_has(f->held, FIELD_GRAPH_NODE) ? NON_OWN_REF : 0);
}

static int load(struct verifier *v, const struct btf_field *f, struct reg *d)
{
	if (f->type == FIELD_UPTR) {
		reg_pointer(d, PTR_TO_MEM | PTR_MAYBE_NULL);
		d->mem_size = btf_type(f->btf, f->target)->size;
	} else {
		v->kptr = f->type != FIELD_KPTR_UNREF;
		reg_pointer(d, PTR_TO_BTF_ID | loaded_flags(v, f));
		d->btf = f->btf;
		d->btf_id = f->target;
	}
	d->id = ++v->ids;
	return 0;
}

int kptr_access(struct verifier *v, const struct btf_field *f, enum access rw, int value)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	const uint8_t class = BPF_CLASS(insn->code);

	if (BPF_MODE(insn->code) != BPF_MEM)
		return fail(v, -EACCES,
			    "kptr in map can only be accessed using BPF_MEM instruction mode");
	if (class != BPF_LDX && f->type & (FIELD_KPTR_REF | FIELD_KPTR_PERCPU))
		return fail(v, -EACCES, "store to referenced kptr disallowed");
	if (class != BPF_LDX && f->type == FIELD_UPTR)
		return fail(v, -EACCES, "store to uptr disallowed");
	if (rw == ACCESS_READ)
		return load(v, f, &cur_regs(v)[value]);
	if (class == BPF_ST)
		return insn->imm
			       ? fail(v, -EACCES,
				      "BPF_ST imm must be 0 when storing to kptr at off=%u", f->off)
			       : 0;
	if (reg_is_null(&cur_regs(v)[value]))
		return precise_mark(v, (uint32_t)value);
	return kptr_match(v, f, (uint32_t)value) ? -EACCES : 0;
}

/* --- types ------------------------------------------------------------------------------------ */

static int bad_type(struct verifier *v, const struct btf_field *f, uint32_t n, const char *name)
{
	const char *target = btf_ptr_reg_name(
		v, &(struct reg){ .type = PTR_TO_BTF_ID, .btf = f->btf, .btf_id = f->target });
	const char *type = TYPE_NAME(cur_regs(v)[n].type);

	if (f->type == FIELD_KPTR_UNREF)
		return fail(
			v, -EINVAL,
			"invalid kptr access, R%u type=%s%s expected=ptr_%s or untrusted_ptr_%s", n,
			type, name, target, target);
	return fail(v, -EINVAL, "invalid kptr access, R%u type=%s%s expected=ptr_%s", n, type, name,
		    target);
}

int kptr_match(struct verifier *v, const struct btf_field *f, uint32_t n)
{
	const struct reg *r = &cur_regs(v)[n];
	const bool percpu = f->type == FIELD_KPTR_PERCPU;
	uint32_t may = PTR_MAYBE_NULL;
	int err;

	if (base_type(r->type) != PTR_TO_BTF_ID)
		return bad_type(v, f, n, "");
	if (r->btf)
		may |= MEM_ALLOC | (percpu ? MEM_PERCPU : 0);
	else
		may |= PTR_TRUSTED | MEM_RCU | (f->type == FIELD_KPTR_UNREF ? PTR_UNTRUSTED : 0);
	if (r->type & ~(TYPE_MASK | may) || percpu != !!(r->type & MEM_PERCPU))
		return bad_type(v, f, n, "");
	err = args_fixed(v, n);
	if (err)
		return err;
	if (!btf_ptr_is(v, r, f->btf, f->target, f->type != FIELD_KPTR_UNREF))
		return bad_type(v, f, n, btf_ptr_reg_name(v, r));
	return 0;
}

/* --- bpf_kptr_xchg ---------------------------------------------------------------------------- */

int kptr_dest(struct verifier *v, uint32_t n, struct call_meta *m)
{
	const struct reg *r = &cur_regs(v)[n];
	const struct btf_record *rec = reg_record(r);
	const int32_t off = r->off + (int32_t)r->n.bits.value;

	if (r->type == PTR_TO_MAP_VALUE) {
		if (!r->map->btf)
			return fail(v, -EINVAL,
				    "map '%s' has to have BTF in order to use bpf_kptr_xchg",
				    r->map->name);
		m->map = r->map;
	}
	if (!bounds_is_const(&r->n))
		return fail(
			v, -EINVAL,
			"R%u doesn't have constant offset. kptr has to be at the constant offset",
			n);
	if (!btf_record_has(rec, FIELD_KPTR))
		return fail(v, -EINVAL, "R%u has no valid kptr", n);
	m->kptr = btf_record_find(rec, (uint32_t)off, FIELD_KPTR);
	if (!m->kptr)
		return fail(v, -EACCES, "off=%d doesn't point to kptr", off);
	if (m->kptr->type == FIELD_KPTR_UNREF)
		return fail(v, -EACCES, "off=%d kptr isn't referenced kptr", off);
	return 0;
}

int kptr_release(struct verifier *v, uint32_t ref_id)
{
	const bool rcu = region_in_rcu(v);
	int err = ref_id ? ref_drop(v->st, REF_PTR, ref_id) : 0;

	if (err || !ref_id)
		return err;
	for_each_reg_in(v->st, f, r, {
		if (r->ref_id != ref_id)
			continue;
		if (rcu && r->type & MEM_ALLOC && r->type & MEM_PERCPU) {
			r->ref_id = 0;
			r->type = (r->type & ~MEM_ALLOC) | MEM_RCU;
		} else {
			reg_invalid(v, r);
		}
	});
	return 0;
}

void kptr_result(struct verifier *v, const struct btf_field *f, struct reg *r0)
{
	reg_pointer(r0, PTR_TO_BTF_ID | PTR_MAYBE_NULL);
	if (f->btf)
		r0->type |= MEM_ALLOC | (f->type == FIELD_KPTR_PERCPU ? MEM_PERCPU : 0);
	r0->btf = f->btf;
	r0->btf_id = f->target;
}
