/* SPDX-License-Identifier: BSD-2-Clause */
/* record.c - answers on a finished struct btf_record. */
#include "btf/btf_int.h"

#include "base/alloc.h"

const char *btf_field_name(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{ FIELD_SPIN_LOCK, "bpf_spin_lock" }, { FIELD_RES_SPIN_LOCK, "bpf_res_spin_lock" },
		{ FIELD_TIMER, "bpf_timer" },	      { FIELD_WORKQUEUE, "bpf_wq" },
		{ FIELD_KPTR_UNREF, "kptr" },	      { FIELD_KPTR_REF, "kptr" },
		{ FIELD_KPTR_PERCPU, "percpu_kptr" }, { FIELD_UPTR, "uptr" },
		{ FIELD_LIST_HEAD, "bpf_list_head" }, { FIELD_LIST_NODE, "bpf_list_node" },
		{ FIELD_RB_ROOT, "bpf_rb_root" },     { FIELD_RB_NODE, "bpf_rb_node" },
		{ FIELD_REFCOUNT, "bpf_refcount" },   { FIELD_TASK_WORK, "bpf_task_work" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "unknown";
}

const struct btf_field *btf_record_find(const struct btf_record *r, uint32_t off, uint32_t types)
{
	for (uint32_t i = 0; r && i < r->cnt; i++)
		if (r->field[i].off == off)
			return r->field[i].type & types ? &r->field[i] : NULL;
	return NULL;
}

static bool field_equal(const struct btf_field *a, const struct btf_field *b)
{
	return a->type == b->type && a->off == b->off && a->target == b->target &&
	       a->btf == b->btf && a->node_off == b->node_off;
}

bool btf_record_equal(const struct btf_record *a, const struct btf_record *b)
{
	if (!a || !b)
		return a == b;
	if (a->cnt != b->cnt)
		return false;
	for (uint32_t i = 0; i < a->cnt; i++)
		if (!field_equal(&a->field[i], &b->field[i]))
			return false;
	return true;
}

struct btf_record *btf_record_dup(const struct btf_record *r)
{
	return r ? skep_memdup(r, btf_record_size(r)) : NULL;
}
