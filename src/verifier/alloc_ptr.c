/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc_ptr.c - pointers to objects that the program allocated (bpf_obj_new), whose types are its
 * own (PTR_TO_BTF_ID | MEM_ALLOC).
 *
 *	owned	    ref_id is set: it must be dropped, given to a list or tree, or stashed
 *	borrowed    NON_OWN_REF: a list or tree owns it; valid until the lock is released
 *	by RCU	    MEM_RCU: read from a kptr; valid to the end of the region
 *
 * Loads and stores go anywhere but to the special fields.
 */
#include "verifier/verifier_int.h"

const struct btf_record *reg_record(const struct reg *r)
{
	if (base_type(r->type) == PTR_TO_MAP_VALUE)
		return r->map->record;
	return type_is_alloc(r->type) && r->btf ? btf_struct_record(r->btf, r->btf_id) : NULL;
}

bool reg_has_lock(const struct reg *r)
{
	return btf_record_has(reg_record(r), FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK);
}

int alloc_ptr_access(struct verifier *v, const struct reg *r, int off, unsigned size)
{
	const struct btf_record *rec = reg_record(r);

	/* Linux does not count on it: read by RCU, and the region is over. */
	if (!type_is_borrowed(r->type) && !(r->type & MEM_RCU) && !r->ref_id)
		return fail(v, -EFAULT,
			    "verifier bug: ref_obj_id for allocated object must be non-zero");
	for (uint32_t i = 0; rec && i < rec->cnt; i++) {
		const struct btf_field *f = &rec->field[i];

		if (off < (int64_t)f->off + f->size && f->off < (int64_t)off + size)
			return fail(v, -EACCES, "direct access to %s is disallowed",
				    btf_field_name(f->type));
	}
	return 0;
}

void alloc_ptr_borrow(struct reg *r)
{
	const struct btf_record *rec = reg_record(r);

	r->type |= NON_OWN_REF;
	/* Others may hold it, so it may outlive its owner as far as RCU lets it. */
	if (btf_record_has(rec, FIELD_REFCOUNT))
		r->type |= MEM_RCU;
}

void alloc_ptr_give(struct verifier *v, uint32_t ref_id)
{
	for_each_reg_in(v->st, f, r, {
		if (r->ref_id == ref_id) {
			r->ref_id = 0;
			alloc_ptr_borrow(r);
		}
	});
	ref_drop(v->st, REF_PTR, ref_id);
}

void alloc_ptr_unborrow(struct verifier *v)
{
	for_each_reg_in(v->st, f, r, {
		if (type_is_borrowed(r->type))
			reg_invalid(v, r);
	});
}
