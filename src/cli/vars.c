/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vars.c - global variables by name: the object's BTF says where each stands in its section, the
 * section's map holds the initial bytes.
 */
#include "cli/vars.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

/* A variable: its bytes before the load, and its type. */
struct var {
	uint8_t *data;
	const struct btf_type *type; /* without qualifiers and typedefs */
};

/* The map of a section: libbpf calls it "OBJECT.SECTION", cut to what the kernel takes. */
static struct bpf_map *section_map(struct bpf_object *obj, const char *section)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		const char *dot = strchr(bpf_map__name(map), '.');

		if (bpf_map__is_internal(map) && dot && !strcmp(dot, section))
			return map;
	}
	return NULL;
}

static const struct btf_type *plain_type(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* Looks in one section; true where the variable is there. */
static bool find_in(struct bpf_object *obj, const struct btf *btf, const struct btf_type *sec,
		    const char *name, size_t len, struct var *ret)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(sec);
	struct bpf_map *map = section_map(obj, btf__name_by_offset(btf, sec->name_off));
	size_t size;
	uint8_t *data = map ? (uint8_t *)bpf_map__initial_value(map, &size) : NULL;

	for (uint32_t i = 0; data && i < btf_vlen(sec); i++) {
		const struct btf_type *t = btf__type_by_id(btf, v[i].type);
		const char *its;

		if (!t || !btf_is_var(t))
			continue;
		its = btf__name_by_offset(btf, t->name_off);
		if (strlen(its) != len || memcmp(its, name, len) || v[i].offset > size ||
		    v[i].size > size - v[i].offset)
			continue;
		*ret = (struct var){ data + v[i].offset, plain_type(btf, t->type) };
		return true;
	}
	return false;
}

static int set_one(struct cli *c, struct bpf_object *obj, const char *name, size_t len,
		   const char *text)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct var var = { 0 };
	bool is_signed;
	long long v;
	char *end;

	for (uint32_t id = 1; btf && !var.data && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_datasec(t) && find_in(obj, btf, t, name, len, &var))
			break;
	}
	if (!var.data)
		return cli_fail(c, "--set: the object has no global variable '%.*s'", (int)len,
				name);
	if (!var.type || !(btf_is_int(var.type) || btf_is_any_enum(var.type)) ||
	    var.type->size > sizeof(v))
		return cli_fail(c, "--set: '%.*s' is no integer", (int)len, name);
	errno = 0;
	v = *text == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
	if (end == text || (*end && *end != ',') || errno)
		return cli_usage(c, "--set: '%s' is no number", text);
	is_signed = btf_is_int(var.type) && btf_int_encoding(var.type) & BTF_INT_SIGNED;
	if (var.type->size < 8 && (v >= 1LL << (8 * var.type->size - is_signed) ||
				   v < -(1LL << (8 * var.type->size - 1))))
		return cli_usage(c, "--set: %s does not fit in the %u bytes of '%.*s'", text,
				 var.type->size, (int)len, name);
	memcpy(var.data, &v, var.type->size);
	return CLI_OK;
}

int vars_set(struct cli *c, struct bpf_object *obj, const char *list)
{
	int r = CLI_OK;

	while (r == CLI_OK && list && *list) {
		const char *eq = strchr(list, '='), *next = strchr(list, ',');

		if (!eq || eq == list || (next && next < eq))
			return cli_usage(c, "--set takes NAME=NUMBER[,NAME=NUMBER]...");
		r = set_one(c, obj, list, (size_t)(eq - list), eq + 1);
		list = next ? next + 1 : NULL;
	}
	return r;
}
