/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.c - bytes and what they mean by BTF.
 *
 * Two readers walk the same types: value_json() builds a tree, value_cells() flattens.  Numbers
 * are read at any alignment and in the machine's byte order, as BPF programs store them; the
 * types __be16 and __be32 say of themselves that they hold network order, and in tables for
 * people they are shown as ports and addresses.
 */
#include "cli/value.h"

#include <arpa/inet.h>
#include <ctype.h>

#define DEPTH_MAX 16 /* nesting that is followed */

/* A place in a value. */
struct place {
	const struct btf *btf;
	const uint8_t *data; /* the whole value */
	size_t size;	     /* its bytes */
	bool plain;	     /* see value_json */
};

static const struct btf_type *resolve(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	for (int i = 0; t && i < 64 && (btf_is_mod(t) || btf_is_typedef(t)); i++) {
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

/* The integer of `size` bytes at p, extended by its sign. */
static uint64_t load_int(const uint8_t *p, uint32_t size, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift;

	memcpy(&v, p, MIN(size, 8u));
	shift = size < 8 ? 64 - 8 * size : 0;
	return is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

static uint64_t load_bits(const uint8_t *p, uint32_t avail, uint32_t bit_off, uint32_t bits,
			  bool is_signed)
{
	unsigned __int128 v = 0;
	unsigned shift = 64 - bits;
	uint64_t low;

	memcpy(&v, p, MIN(MIN((size_t)avail, sizeof(v)), (bit_off + bits + 7) / 8));
	low = (uint64_t)(v >> bit_off) << shift;
	return is_signed ? (uint64_t)((int64_t)low >> shift) : low >> shift;
}

static bool is_signed(const struct btf_type *t)
{
	return btf_is_int(t) ? btf_int_encoding(t) & BTF_INT_SIGNED : BTF_INFO_KFLAG(t->info);
}

static const char *enum_name(const struct btf *btf, const struct btf_type *t, uint64_t v)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		if (btf_is_enum64(t) ? btf_enum64_value(&btf_enum64(t)[i]) == v
				     : (uint32_t)btf_enum(t)[i].val == (uint32_t)v)
			return btf__name_by_offset(btf, btf_is_enum64(t) ? btf_enum64(t)[i].name_off
									 : btf_enum(t)[i].name_off);
	}
	return NULL;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static cJSON *json_at(const struct place *pl, uint32_t id, size_t off, int depth);

static cJSON *json_scalar(const struct place *pl, const struct btf_type *t, uint64_t v)
{
	const char *name;
	char text[24];

	if (btf_is_any_enum(t)) {
		name = enum_name(pl->btf, t, v);
		if (name)
			return cJSON_CreateString(name);
	} else if (btf_int_encoding(t) & BTF_INT_BOOL) {
		return cJSON_CreateBool(v != 0);
	} else if (btf_int_encoding(t) & BTF_INT_CHAR && isprint((int)(v & 0xff))) {
		snprintf(text, sizeof(text), "%c", (int)(v & 0xff));
		return cJSON_CreateString(text);
	}
	return is_signed(t) ? json_number_s64((int64_t)v) : json_number_u64(v);
}

static cJSON *json_wide(const uint8_t *p)
{
	char text[40];
	uint64_t v[2];

	memcpy(v, p, sizeof(v));
	if (v[1])
		snprintf(text, sizeof(text), "0x%llx%016llx", (unsigned long long)v[1],
			 (unsigned long long)v[0]);
	else
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v[0]);
	return cJSON_CreateString(text);
}

static cJSON *json_struct(const struct place *pl, const struct btf_type *t, size_t off, int depth)
{
	const struct btf_member *m = btf_members(t);
	cJSON *object = cJSON_CreateObject();

	for (uint32_t i = 0; object && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(pl->btf, m[i].name_off);
		uint32_t bit_off = btf_member_bit_offset(t, i), id = m[i].type;
		uint32_t bits = btf_member_bitfield_size(t, i);
		const struct btf_type *mt = resolve(pl->btf, &id);
		size_t at = off + bit_off / 8;
		cJSON *item;

		if (bits && mt && at < pl->size)
			item = json_scalar(pl, mt,
					   load_bits(pl->data + at, (uint32_t)(pl->size - at),
						     bit_off % 8, bits, is_signed(mt)));
		else
			item = json_at(pl, m[i].type, at, depth + 1);
		cJSON_AddItemToObject(object, name, item);
	}
	return object;
}

/* Bytes of type char that hold a string, as bpftool tells: printable up to the NUL. */
static bool is_string(const struct btf *btf, const struct btf_array *a, const uint8_t *p)
{
	uint32_t id = a->type, i = 0;
	const struct btf_type *t = resolve(btf, &id);

	if (!t || !btf_is_int(t) || t->size != 1 ||
	    strcmp(btf__name_by_offset(btf, t->name_off), "char"))
		return false;
	while (i < a->nelems && p[i] && isprint(p[i]))
		i++;
	return i < a->nelems && !p[i];
}

static cJSON *json_array(const struct place *pl, const struct btf_type *t, size_t off, int depth)
{
	const struct btf_array *a = btf_array(t);
	int64_t elem = btf__resolve_size(pl->btf, a->type);
	cJSON *array;

	if (elem < 0 || (uint64_t)elem * a->nelems > pl->size - off)
		return cJSON_CreateNull();
	if (is_string(pl->btf, a, pl->data + off))
		return cJSON_CreateString((const char *)pl->data + off);
	array = cJSON_CreateArray();
	for (uint32_t i = 0; array && i < a->nelems; i++)
		cJSON_AddItemToArray(array,
				     json_at(pl, a->type, off + (size_t)elem * i, depth + 1));
	return array;
}

/* bpftool's shape: { "value": { ".bss": [ { "var": 1 }, ... ] } } */
static cJSON *json_datasec(const struct place *pl, const struct btf_type *t, size_t off, int depth)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	cJSON *object = cJSON_CreateObject(), *array = cJSON_CreateArray();

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(pl->btf, v[i].type);
		cJSON *one = cJSON_CreateObject();

		if (var)
			cJSON_AddItemToObject(one, btf__name_by_offset(pl->btf, var->name_off),
					      json_at(pl, var->type, off + v[i].offset, depth + 1));
		cJSON_AddItemToArray(array, one);
	}
	cJSON_AddItemToObject(object, btf__name_by_offset(pl->btf, t->name_off), array);
	return object;
}

static cJSON *json_pointer(const struct place *pl, uint64_t v)
{
	char text[24];

	if (!pl->plain)
		return json_number_u64(v);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
	return cJSON_CreateString(text);
}

static cJSON *json_at(const struct place *pl, uint32_t id, size_t off, int depth)
{
	const struct btf_type *t = resolve(pl->btf, &id);
	int64_t size;

	if (!t || depth > DEPTH_MAX)
		return cJSON_CreateNull();
	if (btf_is_datasec(t))
		return json_datasec(pl, t, off, depth);
	if (btf_is_var(t))
		return json_at(pl, t->type, off, depth);
	size = btf__resolve_size(pl->btf, id);
	if (size < 0 || off > pl->size || (uint64_t)size > pl->size - off)
		return cJSON_CreateNull();
	if (btf_is_composite(t))
		return json_struct(pl, t, off, depth);
	if (btf_is_array(t))
		return json_array(pl, t, off, depth);
	if (btf_is_ptr(t))
		return json_pointer(pl, load_int(pl->data + off, 8, false));
	if (btf_is_int(t) && size == 16)
		return json_wide(pl->data + off);
	if (btf_is_int(t) || btf_is_any_enum(t))
		return json_scalar(pl, t, load_int(pl->data + off, (uint32_t)size, is_signed(t)));
	return cJSON_CreateNull();
}

cJSON *value_json(const struct btf *btf, uint32_t id, const void *data, size_t n, bool plain)
{
	struct place pl = { .btf = btf, .data = data, .size = n, .plain = plain };

	return json_at(&pl, id, 0, 0);
}

/* --- cells ---------------------------------------------------------------------------------- */

/* Types whose name says how people write their values. */
static bool text_be16(const uint8_t *p, char *buf, size_t n)
{
	snprintf(buf, n, "%u", p[0] << 8 | p[1]);
	return true;
}

static bool text_in_addr(const uint8_t *p, char *buf, size_t n)
{
	snprintf(buf, n, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	return false;
}

static bool text_in6_addr(const uint8_t *p, char *buf, size_t n)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	if (!memcmp(p, mapped, sizeof(mapped)))
		return text_in_addr(p + 12, buf, n);
	inet_ntop(AF_INET6, p, buf, (socklen_t)n);
	return false;
}

static const struct named_text {
	const char *name; /* of the type */
	uint32_t size;	  /* bytes */
	bool (*text)(const uint8_t *p, char *buf, size_t n);
} named_texts[] = {
	{ "__be16", 2, text_be16 },
	{ "__be32", 4, text_in_addr },
	{ "in_addr", 4, text_in_addr },
	{ "in6_addr", 16, text_in6_addr },
};

/* The row of a type, looking through typedefs and qualifiers. */
static const struct named_text *find_text(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int64_t size = t ? btf__resolve_size(btf, id) : -1;

	for (int depth = 0; t && depth < 64; depth++) {
		const char *name = btf__name_by_offset(btf, t->name_off);

		for (size_t i = 0; i < ARRAY_SIZE(named_texts); i++)
			if (!strcmp(name, named_texts[i].name) && size == named_texts[i].size)
				return &named_texts[i];
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			break;
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

/* The cells that value_cells() has found so far. */
struct cut {
	const struct btf *btf;
	struct value_cell *cells;
	int n, max;
};

static int add_cell(struct cut *c, const char *name, uint32_t id, uint32_t bit_off, uint32_t bits,
		    uint32_t size)
{
	if (c->n == c->max)
		return -E2BIG;
	c->cells[c->n] = (struct value_cell){
		.type = id,
		.off = bit_off / 8,
		.size = size,
		.bit_off = (uint8_t)(bits ? bit_off % 8 : 0),
		.bit_size = (uint8_t)bits,
	};
	snprintf(c->cells[c->n].name, sizeof(c->cells[0].name), "%s", name);
	c->n++;
	return 0;
}

static int cut_type(struct cut *c, const char *name, uint32_t id, uint32_t bit_off, uint32_t bits,
		    int depth)
{
	uint32_t inner = id;
	const struct btf_type *t = resolve(c->btf, &inner);
	int64_t size = t ? btf__resolve_size(c->btf, inner) : -1;
	const struct btf_member *m;
	char path[64];
	int r = 0;

	if (size < 0)
		return -EINVAL;
	if (bits || !btf_is_struct(t) || depth > DEPTH_MAX || find_text(c->btf, id))
		return add_cell(c, name, id, bit_off, bits, (uint32_t)size);
	m = btf_members(t);
	for (uint32_t i = 0; !r && i < btf_vlen(t); i++) {
		const char *member = btf__name_by_offset(c->btf, m[i].name_off);

		snprintf(path, sizeof(path), "%s%s%s", name, *name && *member ? "." : "", member);
		r = cut_type(c, path, m[i].type, bit_off + btf_member_bit_offset(t, i),
			     btf_member_bitfield_size(t, i), depth + 1);
	}
	return r;
}

int value_cells(const struct btf *btf, uint32_t id, const char *name, struct value_cell *cells,
		int max)
{
	struct cut c = { .btf = btf, .cells = cells, .max = max };
	int r = cut_type(&c, name, id, 0, 0, 0);

	return r ? r : c.n;
}

bool value_number(const struct btf *btf, const struct value_cell *cell, const void *data,
		  uint64_t *ret)
{
	uint32_t id = cell->type;
	const struct btf_type *t = id ? resolve(btf, &id) : NULL;
	const uint8_t *p = (const uint8_t *)data + cell->off;

	if (!t || !btf_is_int(t) || cell->size > 8 || find_text(btf, cell->type))
		return false;
	*ret = cell->bit_size
		       ? load_bits(p, cell->size, cell->bit_off, cell->bit_size, is_signed(t))
		       : load_int(p, cell->size, is_signed(t));
	return true;
}

static bool text_bytes(const uint8_t *p, uint32_t size, char *buf, size_t n)
{
	for (uint32_t i = 0; i < size && 2 * i + 1 < n; i++)
		snprintf(buf + 2 * i, n - 2 * i, "%02x", p[i]);
	return false;
}

bool value_text(const struct btf *btf, const struct value_cell *cell, const void *data, char *buf,
		size_t n)
{
	const struct named_text *named = cell->type ? find_text(btf, cell->type) : NULL;
	const uint8_t *p = (const uint8_t *)data + cell->off;
	uint32_t id = cell->type;
	const struct btf_type *t = id ? resolve(btf, &id) : NULL;
	const char *name;
	uint64_t v;

	*buf = '\0';
	if (named)
		return named->text(p, buf, n);
	if (value_number(btf, cell, data, &v)) {
		if (is_signed(t))
			snprintf(buf, n, "%lld", (long long)v);
		else
			snprintf(buf, n, "%llu", (unsigned long long)v);
		return true;
	}
	if (t && btf_is_any_enum(t)) {
		v = load_int(p, cell->size, is_signed(t));
		name = enum_name(btf, t, v);
		if (name)
			snprintf(buf, n, "%s", name);
		else
			snprintf(buf, n, "%lld", (long long)v);
		return false;
	}
	if (t && btf_is_array(t) && is_string(btf, btf_array(t), p)) {
		snprintf(buf, n, "%s", (const char *)p);
		return false;
	}
	return text_bytes(p, cell->size, buf, n);
}
