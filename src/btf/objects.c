/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c - structs with special fields as direct members: programs may allocate them, so their
 * layout must be sound, and who owns whom must be known when the last reference goes.
 *
 * They are collected once, at load, and live as long as the BTF (the kernel's
 * btf_parse_struct_metas).  What a map's value holds is tied to them by btf_hold().
 */
#include "btf/btf_int.h"

#include "base/alloc.h"
#include "base/vec.h"

#define FIELDS_OF_OBJECT                                                             \
	(FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK | FIELD_LIST_HEAD | FIELD_LIST_NODE | \
	 FIELD_RB_ROOT | FIELD_RB_NODE | FIELD_REFCOUNT | FIELD_KPTR)
#define UPTR_SIZE_MAX 4096 /* PAGE_SIZE: one page is pinned for it */

/* Marks the types that make a struct an object; false where the blob has none. */
static bool mark_special(const struct skep_btf *b, uint8_t *special)
{
	bool any = false;

	for (uint32_t id = 1; id < b->cnt; id++) {
		const struct btf_type *t = b->types[id];
		const char *name = b->str + t->name_off;
		struct btf_field f;

		/* Of several structs of that name the first is meant. */
		if (btf_find_kptr(b, t, FIELD_KPTR, &f) > 0 ||
		    (type_kind(t) == BTF_KIND_STRUCT && btf_special_name(name) &&
		     btf_find(b, name, BTF_KIND_STRUCT) == (int32_t)id)) {
			special[id] = 1;
			any = true;
		}
	}
	return any;
}

static bool has_special(const struct btf_type *t, const uint8_t *special)
{
	const struct btf_member *m = type_tail(t);

	for (uint32_t i = 0; type_kind(t) == BTF_KIND_STRUCT && i < type_vlen(t); i++)
		if (special[m[i].type])
			return true;
	return false;
}

static int collect(struct btf_check *c, const uint8_t *special, uint8_t *barren, uint32_t *ret_id)
{
	struct skep_btf *b = c->b;
	const struct btf_seek seek = { b, c->kernel, FIELDS_OF_OBJECT, barren };
	struct {
		VEC(struct btf_object);
	} objects = { 0 };
	int err = 0;

	for (uint32_t id = 1; id < b->cnt && !err; id++) {
		struct btf_object *o;

		if (!has_special(b->types[id], special))
			continue;
		*ret_id = id;
		o = vec_push(&objects);
		if (!o) {
			err = -ENOMEM;
			break;
		}
		o->id = id;
		err = btf_find_fields(&seek, id, b->types[id]->size, &o->record);
		/* Special by type, but misplaced or of another size. */
		if (!err && !o->record)
			err = -EFAULT;
	}
	b->object = objects.at;
	b->object_cnt = (uint32_t)objects.n;
	return err;
}

const struct btf_record *btf_struct_record(const struct skep_btf *b, uint32_t id)
{
	uint32_t low = 0, high = b->object_cnt;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (b->object[mid].id == id)
			return b->object[mid].record;
		if (b->object[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int hold_uptr(const struct skep_btf *b, const struct btf_field *f)
{
	/* What the user wrote must not be taken for an object of the kernel. */
	if (!f->btf || !b->types[f->target]->size)
		return -EINVAL;
	return b->types[f->target]->size > UPTR_SIZE_MAX ? -E2BIG : 0;
}

/*
 * What a list or tree holds must be an object itself.  Objects that are both held and hold others
 * could own each other in a circle, so what they hold must hold nothing.
 */
static int hold_one(const struct skep_btf *b, const struct btf_record *r, struct btf_field *f)
{
	if (f->type == FIELD_UPTR)
		return hold_uptr(b, f);
	if (f->type & (FIELD_KPTR | FIELD_GRAPH_ROOT) && f->btf)
		f->held = btf_struct_record(b, f->target);
	if (!(f->type & FIELD_GRAPH_ROOT))
		return 0;
	if (!f->held)
		return -EFAULT;
	return r->mask & FIELD_GRAPH_NODE && f->held->mask & FIELD_GRAPH_ROOT ? -ELOOP : 0;
}

int btf_hold(const struct skep_btf *b, struct btf_record *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->cnt && !err; i++)
		err = hold_one(b, r, &r->field[i]);
	return err;
}

int btf_check_structs(struct btf_check *c)
{
	struct skep_btf *b = c->b;
	_cleanup_(skep_free_p) uint8_t *special = skep_alloc(b->cnt);
	_cleanup_(skep_free_p) uint8_t *barren = skep_alloc(b->cnt);
	uint32_t id = 0;
	int err;

	if (!special || !barren)
		return -ENOMEM;
	if (!mark_special(b, special))
		return 0;
	err = collect(c, special, barren, &id);
	for (uint32_t i = 0; !err && i < b->object_cnt; i++) {
		id = b->object[i].id;
		err = btf_hold(b, b->object[i].record);
	}
	if (err && err != -ENOMEM)
		diag_set(c->diag, err, SKEP_AT_TYPE, id,
			 "BTF struct %s: its special fields (locks, lists, trees, kptrs) are "
			 "unsound",
			 btf_log_name(b, b->types[id]->name_off));
	return err;
}
