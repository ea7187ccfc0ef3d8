/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf_ptr.c - pointers to objects of the kernel, whose types the kernel's BTF describes.
 */
#include "verifier/verifier_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

const char *btf_ptr_name(const struct verifier *v, uint32_t id)
{
	const struct btf_type *t = v->opts->vmlinux ? btf_type(v->opts->vmlinux, id) : NULL;

	return t ? btf_str(v->opts->vmlinux, t->name_off) : "";
}

/* Where the type of a PTR_TO_BTF_ID is. */
static const struct skep_btf *btf_of(const struct verifier *v, const struct skep_btf *btf)
{
	return btf ? btf : v->opts->vmlinux;
}

const char *btf_ptr_reg_name(const struct verifier *v, const struct reg *r)
{
	const struct skep_btf *btf = btf_of(v, r->btf);
	const struct btf_type *t = btf ? btf_type(btf, r->btf_id) : NULL;

	return t ? btf_str(btf, t->name_off) : "";
}

uint32_t btf_ptr_find(const struct verifier *v, const char *name)
{
	const int32_t id = v->opts->vmlinux ? btf_find(v->opts->vmlinux, name, BTF_KIND_STRUCT) : 0;

	return id > 0 ? (uint32_t)id : 0;
}

int32_t btf_ptr_candidate(const struct verifier *v, const struct skep_btf *btf, uint32_t id)
{
	const struct btf_type *want = btf_type(btf, id);

	return v->opts->vmlinux
		       ? btf_find_alike(v->opts->vmlinux, btf_str(btf, want->name_off), KIND(want))
		       : -ENOENT;
}

bool btf_ptr_is(struct verifier *v, const struct reg *r, const struct skep_btf *want_btf,
		uint32_t want, bool strict)
{
	const bool same_types = btf_of(v, r->btf) == btf_of(v, want_btf);
	struct btf_walk w = { .btf = btf_of(v, r->btf),
			      .id = r->btf_id,
			      .off = (uint32_t)r->off,
			      .size = 1,
			      .closed = r->type & MEM_ALLOC,
			      .trial = true };

	if (!w.btf || r->off < 0)
		return false;
	if (r->off == 0 && same_types && r->btf_id == want)
		return true;
	/* What begins there begins with its own first member, and so on inwards. */
	while (!strict && btf_walk(v, &w) == FOUND_STRUCT) {
		if (same_types && w.next == want)
			return true;
		w.id = w.next;
		w.off = 0;
	}
	return false;
}

bool btf_ptr_same(struct verifier *v, uint32_t id, int32_t off, uint32_t want)
{
	const struct reg r = { .type = PTR_TO_BTF_ID, .btf_id = id, .off = off };

	return btf_ptr_is(v, &r, NULL, want, false);
}

/* --- what may be done with a pointer that was read through another --------------------------- */

/* Members that are valid as long as their object, or as the RCU region. */
static const struct {
	const char *owner, *field;
	uint32_t flags;
} members[] = {
	{ "task_struct", "cpus_ptr", MEM_RCU },
	{ "task_struct", "cgroups", MEM_RCU },
	{ "task_struct", "real_parent", MEM_RCU },
	{ "task_struct", "group_leader", MEM_RCU },
	{ "cgroup", "kn", MEM_RCU },
	{ "css_set", "dfl_cgrp", MEM_RCU },
	{ "cgroup_subsys_state", "cgroup", MEM_RCU },
	{ "mm_struct", "exe_file", MEM_RCU | PTR_MAYBE_NULL },
	{ "sk_buff", "sk", MEM_RCU | PTR_MAYBE_NULL },
	{ "request_sock", "sk", MEM_RCU | PTR_MAYBE_NULL },
	{ "bpf_iter_meta", "seq", PTR_TRUSTED },
	{ "bpf_iter__task", "meta", PTR_TRUSTED },
	{ "bpf_iter__task", "task", PTR_TRUSTED },
	{ "linux_binprm", "file", PTR_TRUSTED },
	{ "file", "f_inode", PTR_TRUSTED },
	{ "dentry", "d_inode", PTR_TRUSTED | PTR_MAYBE_NULL },
	{ "socket", "sk", PTR_TRUSTED | PTR_MAYBE_NULL },
	{ "vm_area_struct", "vm_mm", PTR_TRUSTED | PTR_MAYBE_NULL },
	{ "vm_area_struct", "vm_file", PTR_TRUSTED | PTR_MAYBE_NULL },
};

static uint32_t member_flags(const struct verifier *v, const struct reg *r,
			     const struct btf_walk *w)
{
	const char *owner = btf_ptr_reg_name(v, r);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcmp(members[i].owner, owner) && !strcmp(members[i].field, w->field))
			return members[i].flags;
	return 0;
}

bool btf_ptr_trusted(const struct reg *r)
{
	const uint32_t flags = r->type & ~TYPE_MASK;

	return r->ref_id || (flags & TRUSTED && !(flags & ~(uint32_t)TRUSTED));
}

/* The flags of a pointer that was found through r. */
static uint32_t found_flags(const struct verifier *v, const struct reg *r, const struct btf_walk *w)
{
	const uint32_t member = member_flags(v, r, w);
	uint32_t flags = w->flags;

	if (r->type & PTR_UNTRUSTED)
		return PTR_UNTRUSTED;
	if (btf_ptr_trusted(r) || r->type & MEM_RCU) {
		if (member & PTR_TRUSTED)
			return flags | member;
		if (!region_in_rcu(v) || may_be_null(r->type))
			return (flags & ~MEM_RCU) | PTR_UNTRUSTED;
		if (member == MEM_RCU)
			return flags | MEM_RCU;
		if (flags & MEM_RCU || member & MEM_RCU)
			return ((flags | MEM_RCU | PTR_MAYBE_NULL)) &
			       ~(member & MEM_RCU ? PTR_UNTRUSTED : 0);
		return flags & (MEM_PERCPU | MEM_USER) ? flags : flags & ~(PTR_TRUSTED | MEM_RCU);
	}
	return flags & ~MEM_RCU;
}

/* Where the access goes is known, and to memory of this address space. */
static int check_place(struct verifier *v, uint32_t n, int off, const char *name)
{
	const struct reg *r = &cur_regs(v)[n];

	if (off < 0)
		return fail(v, -EACCES, "R%u is ptr_%s invalid negative access: off=%d", n, name,
			    off);
	if (!bounds_is_const(&r->n) || r->n.full.smin)
		return fail(v, -EACCES, "R%u is ptr_%s invalid variable offset: off=%d, var_off=%s",
			    n, name, off, TNUM_TEXT(r->n.bits));
	if (r->type & (MEM_USER | MEM_PERCPU))
		return fail(v, -EACCES, "R%u is ptr_%s access %s memory: off=%d", n, name,
			    r->type & MEM_USER ? "user" : "percpu", off);
	return 0;
}

/* What the program allocated it may write to, but for special fields. */
static int check_write(struct verifier *v, const struct reg *r, int off, unsigned size, bool write)
{
	if (write && r->type & PTR_UNTRUSTED)
		return fail(v, -EACCES, "only read is supported");
	if (write && !type_is_alloc(r->type))
		return btf_write(v, r->btf_id, off, size);
	return type_is_alloc(r->type) ? alloc_ptr_access(v, r, off, size) : 0;
}

int btf_ptr_access(struct verifier *v, uint32_t n, int off, unsigned size, bool write, int value)
{
	const struct reg r = cur_regs(v)[n];
	const char *name = btf_ptr_reg_name(v, &r);
	struct btf_walk w = { .btf = btf_of(v, r.btf),
			      .id = r.btf_id,
			      .off = (uint32_t)off,
			      .size = size,
			      .closed = r.type & MEM_ALLOC };
	struct reg *d;
	int found, err;

	/* Where Linux has a pointer that is never NULL the model may have none; and cgroups are
	 * made as they are read (helper/cgroup.h), trusted or not. */
	if (w.btf && !r.btf &&
	    ((r.type & MEM_RCU && !(r.type & PTR_TRUSTED)) || !strcmp(name, "cgroup")))
		mem_probe(v);
	if (!w.btf || (!r.btf && !btf_ptr_trusted(&r) && !mem_probe(v)))
		return 1;
	if (!v->opts->rights.allow_ptr_leaks)
		return fail(v, -EPERM,
			    "'struct %s' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
			    name);
	if (!v->prog->gpl_compatible && !r.btf)
		return fail(v, -EINVAL,
			    "Cannot access kernel 'struct %s' from non-GPL compatible program",
			    name);
	err = check_place(v, n, off, name);
	err = err ? err : check_write(v, &r, off, size, write);
	if (err || (write && !type_is_alloc(r.type)))
		return err;
	do
		found = btf_walk(v, &w);
	while (found == FOUND_STRUCT && (w.id = w.next, w.off = 0, true));
	if (found < 0 || value < 0 || write)
		return found < 0 ? found : 0;
	d = &cur_regs(v)[value];
	reg_unknown(v, d);
	if (found == FOUND_SCALAR)
		return 0;
	/* In an object of the program anything may have been stored. */
	if (found == FOUND_MEM || r.type & MEM_ALLOC) {
		reg_pointer(d, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED);
		return 0;
	}
	reg_pointer(d, PTR_TO_BTF_ID | found_flags(v, &r, &w));
	d->btf = r.btf;
	d->btf_id = w.next;
	if (may_be_null(d->type))
		d->id = ++v->ids;
	return 0;
}
