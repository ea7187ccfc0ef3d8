/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.c - `skep btf`: show and dump type information.
 *
 * A type is described once, as a JSON object with bpftool's members; the text of `format raw` is
 * printed from that object.
 */
#include "cli/btf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <skep/skep.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/objcheck.h"
#include "cli/ref.h"
#include "cli/session.h"

/* --- one type -------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
	[BTF_KIND_UNKN] = "UNKNOWN",	  [BTF_KIND_INT] = "INT",
	[BTF_KIND_PTR] = "PTR",		  [BTF_KIND_ARRAY] = "ARRAY",
	[BTF_KIND_STRUCT] = "STRUCT",	  [BTF_KIND_UNION] = "UNION",
	[BTF_KIND_ENUM] = "ENUM",	  [BTF_KIND_FWD] = "FWD",
	[BTF_KIND_TYPEDEF] = "TYPEDEF",	  [BTF_KIND_VOLATILE] = "VOLATILE",
	[BTF_KIND_CONST] = "CONST",	  [BTF_KIND_RESTRICT] = "RESTRICT",
	[BTF_KIND_FUNC] = "FUNC",	  [BTF_KIND_FUNC_PROTO] = "FUNC_PROTO",
	[BTF_KIND_VAR] = "VAR",		  [BTF_KIND_DATASEC] = "DATASEC",
	[BTF_KIND_FLOAT] = "FLOAT",	  [BTF_KIND_DECL_TAG] = "DECL_TAG",
	[BTF_KIND_TYPE_TAG] = "TYPE_TAG", [BTF_KIND_ENUM64] = "ENUM64",
};

static const char *kind_name(const struct btf_type *t)
{
	return btf_kind(t) < ARRAY_SIZE(kind_names) ? kind_names[btf_kind(t)] : "UNKNOWN";
}

static const char *str_at(const struct btf *btf, uint32_t off)
{
	const char *s = off ? btf__name_by_offset(btf, off) : "(anon)";

	return s ? s : "(invalid)";
}

static const char *linkage(uint32_t n)
{
	static const char *const names[] = { "static", "global", "extern" };

	return n < ARRAY_SIZE(names) ? names[n] : "(unknown)";
}

static void int_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	uint8_t enc = btf_int_encoding(t);

	json_u64(o, "size", t->size);
	json_u64(o, "bits_offset", btf_int_offset(t));
	json_u64(o, "nr_bits", btf_int_bits(t));
	json_string(o, "encoding",
		    enc == BTF_INT_SIGNED ? "SIGNED"
		    : enc == BTF_INT_CHAR ? "CHAR"
		    : enc == BTF_INT_BOOL ? "BOOL"
		    : enc		  ? "UNKN"
					  : "(none)");
}

static void ref_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "type_id", t->type);
}

static void array_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "type_id", btf_array(t)->type);
	json_u64(o, "index_type_id", btf_array(t)->index_type);
	json_u64(o, "nr_elems", btf_array(t)->nelems);
}

static void composite_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	cJSON *list, *one;

	json_u64(o, "size", t->size);
	json_u64(o, "vlen", btf_vlen(t));
	list = cJSON_AddArrayToObject(o, "members");
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		one = cJSON_CreateObject();
		json_string(one, "name", str_at(btf, btf_members(t)[i].name_off));
		json_u64(one, "type_id", btf_members(t)[i].type);
		json_u64(one, "bits_offset", btf_member_bit_offset(t, i));
		if (btf_member_bitfield_size(t, i))
			json_u64(one, "bitfield_size", btf_member_bitfield_size(t, i));
		cJSON_AddItemToArray(list, one);
	}
}

static void enum_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	bool is_signed = BTF_INFO_KFLAG(t->info);
	cJSON *list, *one;

	json_string(o, "encoding", is_signed ? "SIGNED" : "UNSIGNED");
	json_u64(o, "size", t->size);
	json_u64(o, "vlen", btf_vlen(t));
	list = cJSON_AddArrayToObject(o, "values");
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		bool wide = btf_is_enum64(t);
		int64_t v =
			wide ? (int64_t)btf_enum64_value(&btf_enum64(t)[i]) : btf_enum(t)[i].val;

		one = cJSON_CreateObject();
		json_string(
			one, "name",
			str_at(btf, wide ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off));
		if (is_signed)
			json_s64(one, "val", v);
		else
			json_u64(one, "val", wide ? (uint64_t)v : (uint32_t)v);
		cJSON_AddItemToArray(list, one);
	}
}

static void fwd_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_string(o, "fwd_kind", BTF_INFO_KFLAG(t->info) ? "union" : "struct");
}

static void func_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "type_id", t->type);
	json_string(o, "linkage", linkage(btf_vlen(t)));
}

static void proto_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	cJSON *list, *one;

	json_u64(o, "ret_type_id", t->type);
	json_u64(o, "vlen", btf_vlen(t));
	list = cJSON_AddArrayToObject(o, "params");
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		one = cJSON_CreateObject();
		json_string(one, "name", str_at(btf, btf_params(t)[i].name_off));
		json_u64(one, "type_id", btf_params(t)[i].type);
		cJSON_AddItemToArray(list, one);
	}
}

static void var_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "type_id", t->type);
	json_string(o, "linkage", linkage(btf_var(t)->linkage));
}

static void datasec_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	cJSON *list, *one;

	json_u64(o, "size", t->size);
	json_u64(o, "vlen", btf_vlen(t));
	list = cJSON_AddArrayToObject(o, "vars");
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		one = cJSON_CreateObject();
		json_u64(one, "type_id", btf_var_secinfos(t)[i].type);
		json_u64(one, "offset", btf_var_secinfos(t)[i].offset);
		json_u64(one, "size", btf_var_secinfos(t)[i].size);
		cJSON_AddItemToArray(list, one);
	}
}

static void float_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "size", t->size);
}

static void decl_tag_json(const struct btf *btf, const struct btf_type *t, cJSON *o)
{
	json_u64(o, "type_id", t->type);
	json_s64(o, "component_idx", btf_decl_tag(t)->component_idx);
}

static void (*const kind_json[])(const struct btf *btf, const struct btf_type *t, cJSON *o) = {
	[BTF_KIND_INT] = int_json,	     [BTF_KIND_PTR] = ref_json,
	[BTF_KIND_ARRAY] = array_json,	     [BTF_KIND_STRUCT] = composite_json,
	[BTF_KIND_UNION] = composite_json,   [BTF_KIND_ENUM] = enum_json,
	[BTF_KIND_FWD] = fwd_json,	     [BTF_KIND_TYPEDEF] = ref_json,
	[BTF_KIND_VOLATILE] = ref_json,	     [BTF_KIND_CONST] = ref_json,
	[BTF_KIND_RESTRICT] = ref_json,	     [BTF_KIND_FUNC] = func_json,
	[BTF_KIND_FUNC_PROTO] = proto_json,  [BTF_KIND_VAR] = var_json,
	[BTF_KIND_DATASEC] = datasec_json,   [BTF_KIND_FLOAT] = float_json,
	[BTF_KIND_DECL_TAG] = decl_tag_json, [BTF_KIND_TYPE_TAG] = ref_json,
	[BTF_KIND_ENUM64] = enum_json,
};
static_assert(ARRAY_SIZE(kind_json) == ARRAY_SIZE(kind_names), "a kind lacks a row");

static cJSON *type_json(const struct btf *btf, uint32_t id, const struct btf_type *t)
{
	cJSON *o = cJSON_CreateObject();
	unsigned kind = btf_kind(t);

	json_u64(o, "id", id);
	json_string(o, "kind", kind_name(t));
	json_string(o, "name", str_at(btf, t->name_off));
	if (kind < ARRAY_SIZE(kind_json) && kind_json[kind])
		kind_json[kind](btf, t, o);
	return o;
}

/* " size=4 encoding=SIGNED" of the members from m on; lists are left to the caller. */
static cJSON *print_members(FILE *out, const cJSON *m, const char *before, bool comma)
{
	cJSON *list = NULL;

	for (; m; m = m->next) {
		if (cJSON_IsArray(m))
			list = (cJSON *)m;
		else if (!strcmp(m->string, "name"))
			fprintf(out, "%s'%s'", before, m->valuestring);
		else
			fprintf(out, "%s%s=%s", before, m->string, m->valuestring);
		before = comma && m->next && !strcmp(m->next->string, "linkage") ? ", " : " ";
	}
	return list;
}

static void type_print(FILE *out, const struct btf *btf, const cJSON *o)
{
	const cJSON *id = o->child, *kind = id->next, *item;
	cJSON *list;

	fprintf(out, "[%s] %s", id->valuestring, kind->valuestring);
	/* bpftool has a comma in this one place. */
	list = print_members(out, kind->next, " ", !strcmp(kind->valuestring, "VAR"));
	cJSON_ArrayForEach(item, list)
	{
		print_members(out, item->child, "\n\t", false);
		if (!strcmp(list->string, "vars")) {
			uint32_t var = (uint32_t)strtoul(item->child->valuestring, NULL, 10);
			const struct btf_type *t = btf__type_by_id(btf, var);

			if (t)
				fprintf(out, " (%s '%s')", kind_name(t), str_at(btf, t->name_off));
		}
	}
	fprintf(out, "\n");
}

/* --- dump ------------------------------------------------------------------------------------ */

static int dump_raw(struct cli *c, const struct btf *btf)
{
	cJSON *types = NULL, *o;

	if (c->json) {
		c->answer = cJSON_CreateObject();
		types = cJSON_AddArrayToObject(c->answer, "types");
	}
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		o = type_json(btf, id, btf__type_by_id(btf, id));
		if (types) {
			cJSON_AddItemToArray(types, o);
		} else {
			type_print(stdout, btf, o);
			cJSON_Delete(o);
		}
	}
	return CLI_OK;
}

static void print_to(void *out, const char *fmt, va_list args)
{
	vfprintf(out, fmt, args);
}

int btf_write_c(FILE *out, const struct btf *btf)
{
	struct btf_dump *d = btf_dump__new(btf, print_to, out, NULL);
	int r = 0;

	if (!d)
		return -errno;
	fprintf(out, "#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n"
		     "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
		     "#pragma clang attribute push (__attribute__((preserve_access_index)), "
		     "apply_to = record)\n#endif\n\n");
	for (uint32_t id = 1; !r && id < btf__type_cnt(btf); id++)
		r = btf_dump__dump_type(d, id);
	fprintf(out, "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n"
		     "#endif /* __VMLINUX_H__ */\n");
	btf_dump__free(d);
	return r;
}

struct btf *btf_of_kernel(void)
{
	size_t size;
	const void *data = skep_kernel_btf(&size);

	return data ? btf__new(data, (uint32_t)size) : (errno = ENOENT, NULL);
}

static int btf_of_prog(struct cli *c, struct words *w, struct btf **ret)
{
	_cleanup_(close_fd_p) int fd = -1;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int r = ref_one(c, &ref_prog, w, &fd);

	if (r)
		return r;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return session_fail(c, errno, "cannot look at the program");
	if (!info.btf_id)
		return cli_fail(c, "the program has no BTF (compile it with -g)");
	*ret = btf__load_from_kernel_by_id(info.btf_id);
	return CLI_OK;
}

static int btf_of_map(struct cli *c, struct words *w, struct btf **ret)
{
	_cleanup_(close_fd_p) int fd = -1;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int r = ref_one(c, &ref_map, w, &fd);

	if (r)
		return r;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return session_fail(c, errno, "cannot look at the map");
	if (!info.btf_id)
		return cli_fail(c, "the map has no BTF");
	*ret = btf__load_from_kernel_by_id(info.btf_id);
	return CLI_OK;
}

/* { kernel | file FILE | id N | prog PROG | map MAP } */
static int btf_source(struct cli *c, struct words *w, struct btf **ret)
{
	struct skep_diag d = { 0 };
	const char *word;
	uint64_t id;
	int r = CLI_OK;

	*ret = NULL;
	if (words_accept(w, "kernel")) {
		*ret = btf_of_kernel();
	} else if (words_accept(w, "file")) {
		word = words_take(c, w, "the file");
		if (!word)
			return CLI_USAGE;
		if (objcheck_btf(word, &d))
			return cli_diag(c, &d);
		r = session_open(c);
		if (!r)
			*ret = btf__parse(word, NULL);
		if (!r && !*ret)
			return session_fail(c, errno, "%s: no BTF", word);
	} else if (words_accept(w, "id")) {
		word = words_take(c, w, "the id");
		if (!word || words_number(c, word, "id", UINT32_MAX, &id))
			return CLI_USAGE;
		r = session_open(c);
		if (!r)
			*ret = btf__load_from_kernel_by_id((uint32_t)id);
	} else if (words_accept(w, "prog")) {
		r = btf_of_prog(c, w, ret);
	} else if (words_accept(w, "map")) {
		r = btf_of_map(c, w, ret);
	} else {
		return cli_usage(c,
				 "which BTF? { kernel | file FILE | id N | prog PROG | map MAP }");
	}
	return r || *ret ? r : session_fail(c, errno, "no such BTF");
}

static int btf_dump(struct cli *c, const void *conf, struct words *w)
{
	struct btf *btf;
	bool as_c = false;
	int r = btf_source(c, w, &btf);

	if (r)
		return r;
	if (words_accept(w, "format")) {
		if (words_accept(w, "c"))
			as_c = true;
		else if (!words_accept(w, "raw"))
			r = cli_usage(c, "format { raw | c }");
	}
	if (!r)
		r = words_end(c, w);
	if (!r && as_c && c->json)
		r = cli_usage(c, "C is no JSON: leave out -j, or format c");
	if (!r && as_c && (errno = -btf_write_c(stdout, btf)))
		r = cli_fail(c, "cannot print these types as C: %s", strerror(errno));
	else if (!r && !as_c)
		r = dump_raw(c, btf);
	btf__free(btf);
	return r;
}

/* --- show ------------------------------------------------------------------------------------ */

static int show_one(struct cli *c, int fd, void *arg)
{
	char name[64] = "";
	struct bpf_btf_info i = { .name = (uintptr_t)name, .name_len = sizeof(name) };
	uint32_t len = sizeof(i);
	cJSON *o;

	if (bpf_obj_get_info_by_fd(fd, &i, &len))
		return session_fail(c, errno, "cannot look at the BTF");
	if (!c->json) {
		if (i.kernel_btf)
			printf("%u: name [%s]  size %uB\n", i.id, name, i.btf_size);
		else
			printf("%u: name %s  size %uB\n", i.id, *name ? name : "<anon>",
			       i.btf_size);
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	json_u64(o, "id", i.id);
	json_u64(o, "size", i.btf_size);
	json_bool(o, "kernel", i.kernel_btf);
	if (*name)
		json_string(o, "name", name);
	cJSON_AddItemToArray(c->answer, o);
	return CLI_OK;
}

static int btf_show(struct cli *c, const void *conf, struct words *w)
{
	return ref_show(c, &ref_btf, w, show_one);
}

static const struct cmd btf_show_cmd = {
	.name = "show",
	.alias = "list",
	.args = "[id N]",
	.help = "list BTF objects",
	.run = btf_show,
};

static const struct cmd btf_dump_cmd = {
	.name = "dump",
	.args = "{ kernel | file FILE | id N | prog PROG | map MAP } [format { raw | c }]",
	.help = "show types",
	.notes = "kernel: the types that programs see here, a vmlinux.h with `format c`.",
	.run = btf_dump,
};

static const struct cmd *const btf_commands[] = { &btf_show_cmd, &btf_dump_cmd, NULL };

const struct cmd btf_cmd = {
	.name = "btf",
	.help = "type information: show, dump",
	.sub = btf_commands,
};
