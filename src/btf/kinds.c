/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kinds.c - the table of kinds: what each must look like by itself, how the log shows it, and
 * which functions of resolve.c and member.c are its own.
 *
 * A row's rules run in order and the first that fails is reported, so their order is the
 * kernel's (the *_check_meta functions of kernel/bpf/btf.c, with what 6.15 relaxed: type and
 * declaration tags may carry kind_flag).
 */
#include "btf/btf_int.h"

/* --- names: ASCII, whatever the locale ----------------------------------------------------- */

static bool is_alpha(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/* The kernel's isalpha knows Latin-1: letters from 0xC0 on, without the two operators. */
static bool is_letter(char ch)
{
	unsigned char u = (unsigned char)ch;

	return is_alpha(ch) || (u >= 0xc0 && u != 0xd7 && u != 0xf7);
}

static bool is_ident(char ch, bool first)
{
	return is_letter(ch) || ch == '_' || ch == '.' || (!first && ch >= '0' && ch <= '9');
}

/* Likewise its isprint: ASCII, and everything from the hard space on. */
static bool is_print(char ch)
{
	unsigned char u = (unsigned char)ch;

	return (u >= 0x20 && u < 0x7f) || u >= 0xa0;
}

bool btf_name_off_valid(const struct skep_btf *b, uint32_t off)
{
	return off <= BTF_MAX_NAME_OFFSET && off < b->hdr.str_len;
}

bool btf_name_is_ident(const struct skep_btf *b, uint32_t off)
{
	const char *s = b->str + off;

	if (!is_ident(s[0], true))
		return false;
	for (size_t i = 1; i < BTF_NAME_MAX && s[i]; i++)
		if (!is_ident(s[i], false))
			return false;
	return strnlen(s, BTF_NAME_MAX + 1) <= BTF_NAME_MAX;
}

bool btf_name_is_section(const struct skep_btf *b, uint32_t off)
{
	const char *s = b->str + off;

	if (!s[0])
		return false;
	for (size_t i = 0; i < BTF_NAME_MAX && s[i]; i++)
		if (!is_print(s[i]))
			return false;
	return strnlen(s, BTF_NAME_MAX + 1) <= BTF_NAME_MAX;
}

/* --- rules --------------------------------------------------------------------------------- */

#define RULE(ident, message, condition)                                            \
	static bool ident##_ok(const struct skep_btf *b, const struct btf_type *t) \
	{                                                                          \
		return condition;                                                  \
	}                                                                          \
	static const struct btf_rule ident = { ident##_ok, message }

RULE(no_vlen, "vlen != 0", !type_vlen(t));
RULE(no_kflag, "Invalid btf_info kind_flag", !type_kflag(t));
RULE(no_type, "type != 0", !t->type);
RULE(no_size, "size != 0", !t->size);
RULE(any_type, "Invalid type_id", t->type <= BTF_MAX_TYPE);
RULE(real_type, "Invalid type_id", t->type && t->type <= BTF_MAX_TYPE);
RULE(no_name, "Invalid name", !t->name_off);
RULE(may_name, "Invalid name", !t->name_off || btf_name_is_ident(b, t->name_off));
RULE(must_name, "Invalid name", t->name_off &&btf_name_is_ident(b, t->name_off));
RULE(section_name, "Invalid name", t->name_off &&btf_name_is_section(b, t->name_off));
RULE(tag_name, "Invalid name", b->str[t->name_off]);
RULE(tag_value, "Invalid value", b->str[t->name_off]);
RULE(some_size, "size == 0", t->size);
RULE(enum_size, "Unexpected size", t->size <= 8 && IS_POW2(t->size));
RULE(float_size, "Invalid type_size",
     t->size == 2 || t->size == 4 || t->size == 8 || t->size == 12 || t->size == 16);
RULE(func_linkage, "Invalid func linkage", type_vlen(t) <= BTF_FUNC_GLOBAL);
RULE(var_linkage, "Linkage not supported",
     ((const struct btf_var *)type_tail(t))->linkage <= BTF_VAR_GLOBAL_ALLOCATED);
RULE(component, "Invalid component_idx",
     ((const struct btf_decl_tag *)type_tail(t))->component_idx >= -1);

/* --- what rules cannot say ------------------------------------------------------------------ */

static int check_int(struct btf_check *c, const struct btf_type *t)
{
	uint32_t data = type_int(t), enc = BTF_INT_ENCODING(data);
	uint32_t bits = BTF_INT_BITS(data) + BTF_INT_OFFSET(data);

	if (data & 0xf0000000)
		return btf_fail_basic(c, -EINVAL, t, "Invalid int_data:%x", data);
	if (bits > 128)
		return btf_fail_type(c, -EINVAL, t, "nr_bits exceeds 128");
	if ((bits + 7) / 8 > t->size)
		return btf_fail_type(c, -EINVAL, t, "nr_bits exceeds type_size");
	/* One bit at most: how would a value of two encodings be shown? */
	if (enc && enc != BTF_INT_SIGNED && enc != BTF_INT_CHAR && enc != BTF_INT_BOOL)
		return btf_fail_type(c, -ENOTSUPP, t, "Unsupported encoding");
	return 0;
}

static int check_array(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_array *a = type_tail(t);

	if (!a->type || a->type > BTF_MAX_TYPE)
		return btf_fail_type(c, -EINVAL, t, "Invalid elem");
	if (!a->index_type || a->index_type > BTF_MAX_TYPE)
		return btf_fail_type(c, -EINVAL, t, "Invalid index");
	return 0;
}

static int struct_parts(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_member *m = type_tail(t);
	bool is_union = type_kind(t) == BTF_KIND_UNION;
	uint32_t last = 0;

	for (uint32_t i = 0; i < type_vlen(t); i++, m++) {
		uint32_t off = member_bit_off(t, m);

		if (!btf_name_off_valid(c->b, m->name_off)) {
			char text[48];
			struct strbuf s = { text, sizeof(text), 0 };

			strbuf_add(&s, "Invalid member name_offset:%u", m->name_off);
			return btf_fail_member(c, t, m, text);
		}
		if (m->name_off && !btf_name_is_ident(c->b, m->name_off))
			return btf_fail_member(c, t, m, "Invalid name");
		if (!m->type || m->type > BTF_MAX_TYPE)
			return btf_fail_member(c, t, m, "Invalid type_id");
		if ((is_union && off) || off < last)
			return btf_fail_member(c, t, m, "Invalid member bits_offset");
		if (off / 8 + !!(off % 8) > t->size)
			return btf_fail_member(c, t, m,
					       "Member bits_offset exceeds its struct size");
		btf_log_member(c, t, m);
		last = off;
	}
	return 0;
}

/* The checks that struct btf_enum and struct btf_enum64 share: both begin with the name. */
static int check_enumerator(struct btf_check *c, const struct btf_type *t, uint32_t name_off)
{
	if (!btf_name_off_valid(c->b, name_off)) {
		btf_logf(c, "\tInvalid name_offset:%u", name_off);
		return diag_set(c->diag, -EINVAL, SKEP_AT_TYPE, c->id,
				"BTF %s: enumerator's name_offset %u is outside the strings",
				btf_kinds[type_kind(t)].name, name_off);
	}
	if (!name_off || !btf_name_is_ident(c->b, name_off))
		return btf_fail_type(c, -EINVAL, t, "Invalid name");
	return 0;
}

static int enum_parts(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_enum *e = type_tail(t);
	const char *fmt = type_kflag(t) ? "\t%s val=%lld\n" : "\t%s val=%llu\n";

	for (uint32_t i = 0; i < type_vlen(t); i++, e++) {
		int err = check_enumerator(c, t, e->name_off);

		if (err)
			return err;
		btf_logf(c, fmt, btf_log_name(c->b, e->name_off),
			 type_kflag(t) ? (long long)e->val : (long long)(uint32_t)e->val);
	}
	return 0;
}

static int enum64_parts(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_enum64 *e = type_tail(t);
	const char *fmt = type_kflag(t) ? "\t%s val=%lld\n" : "\t%s val=%llu\n";

	for (uint32_t i = 0; i < type_vlen(t); i++, e++) {
		int err = check_enumerator(c, t, e->name_off);

		if (err)
			return err;
		btf_logf(c, fmt, btf_log_name(c->b, e->name_off),
			 (long long)((uint64_t)e->val_hi32 << 32 | e->val_lo32));
	}
	return 0;
}

static int datasec_parts(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = type_tail(t);
	uint64_t end = 0, sum = 0;

	for (uint32_t i = 0; i < type_vlen(t); i++, v++) {
		if (!v->type || v->type > BTF_MAX_TYPE)
			return btf_fail_vsi(c, t, v, "Invalid type_id");
		if (v->offset < end || v->offset >= t->size)
			return btf_fail_vsi(c, t, v, "Invalid offset");
		if (!v->size || v->size > t->size)
			return btf_fail_vsi(c, t, v, "Invalid size");
		/* 32 bits, as the kernel adds them: a sum that wraps is not found here. */
		end = v->offset + v->size;
		if (end > t->size)
			return btf_fail_vsi(c, t, v, "Invalid offset+size");
		btf_log_vsi(c, t, v);
		sum += v->size;
	}
	if (t->size < sum)
		return btf_fail_type(c, -EINVAL, t, "Invalid btf_info size");
	return 0;
}

/* --- details in the log --------------------------------------------------------------------- */

static void log_int(struct btf_check *c, const struct btf_type *t)
{
	static const char *const encodings[16] = {
		[0] = "(none)",
		[BTF_INT_SIGNED] = "SIGNED",
		[BTF_INT_CHAR] = "CHAR",
		[BTF_INT_BOOL] = "BOOL",
	};
	uint32_t data = type_int(t);
	const char *enc = encodings[BTF_INT_ENCODING(data)];

	btf_logf(c, "size=%u bits_offset=%u nr_bits=%u encoding=%s", t->size, BTF_INT_OFFSET(data),
		 BTF_INT_BITS(data), enc ? enc : "UNKN");
}

static void log_ref(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "type_id=%u", t->type);
}

static void log_array(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_array *a = type_tail(t);

	btf_logf(c, "type_id=%u index_type_id=%u nr_elems=%u", a->type, a->index_type, a->nelems);
}

static void log_sized_list(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "size=%u vlen=%u", t->size, type_vlen(t));
}

static void log_size(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "size=%u", t->size);
}

static void log_fwd(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "%s", type_kflag(t) ? "union" : "struct");
}

static void log_func_proto(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_param *p = type_tail(t);
	uint32_t n = type_vlen(t);

	btf_logf(c, "return=%u args=(", t->type);
	if (!n)
		btf_logf(c, "void");
	for (uint32_t i = 0; i < n; i++) {
		const char *sep = i ? ", " : "";

		/* Only the last can stand for the rest ("..."). */
		if (i == n - 1 && !p[i].type)
			btf_logf(c, "%svararg", sep);
		else
			btf_logf(c, "%s%u %s", sep, p[i].type, btf_log_name(c->b, p[i].name_off));
	}
	btf_logf(c, ")");
}

static void log_var(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "type_id=%u linkage=%u", t->type,
		 ((const struct btf_var *)type_tail(t))->linkage);
}

static void log_decl_tag(struct btf_check *c, const struct btf_type *t)
{
	btf_logf(c, "type=%u component_idx=%d", t->type,
		 ((const struct btf_decl_tag *)type_tail(t))->component_idx);
}

/* --- the table -------------------------------------------------------------------------------- */

#define MODIFIER(kind_name, ...)                                             \
	{                                                                    \
		.name = kind_name, .rules = { __VA_ARGS__ }, .log = log_ref, \
		.resolve = btf_resolve_modifier, .member = btf_member_ref,   \
		.member_kflag = btf_member_ref,                              \
	}
#define AGGREGATE(kind_name)                                                                  \
	{                                                                                     \
		.name = kind_name, .each = sizeof(struct btf_member), .rules = { &may_name }, \
		.parts = struct_parts, .log = log_sized_list, .resolve = btf_resolve_struct,  \
		.member = btf_member_sized, .member_kflag = btf_member_plain_kflag,           \
	}

const struct btf_kind btf_kinds[NR_BTF_KINDS] = {
	[BTF_KIND_UNKN] = { .name = "UNKNOWN" },
	[BTF_KIND_INT] = { .name = "INT",
			   .fixed = sizeof(uint32_t),
			   .rules = { &no_vlen, &no_kflag },
			   .check = check_int,
			   .log = log_int,
			   .member = btf_member_int,
			   .member_kflag = btf_member_int_kflag },
	[BTF_KIND_PTR] = { .name = "PTR",
			   .rules = { &no_vlen, &no_kflag, &any_type, &no_name },
			   .log = log_ref,
			   .resolve = btf_resolve_ptr,
			   .member = btf_member_sized,
			   .member_kflag = btf_member_plain_kflag },
	[BTF_KIND_ARRAY] = { .name = "ARRAY",
			     .fixed = sizeof(struct btf_array),
			     .rules = { &no_name, &no_vlen, &no_kflag, &no_size },
			     .check = check_array,
			     .log = log_array,
			     .resolve = btf_resolve_array,
			     .member = btf_member_sized,
			     .member_kflag = btf_member_plain_kflag },
	[BTF_KIND_STRUCT] = AGGREGATE("STRUCT"),
	[BTF_KIND_UNION] = AGGREGATE("UNION"),
	[BTF_KIND_ENUM] = { .name = "ENUM",
			    .each = sizeof(struct btf_enum),
			    .rules = { &enum_size, &may_name },
			    .parts = enum_parts,
			    .log = log_sized_list,
			    .member = btf_member_sized,
			    .member_kflag = btf_member_enum_kflag },
	[BTF_KIND_FWD] = { .name = "FWD",
			   .rules = { &no_vlen, &no_type, &must_name },
			   .log = log_fwd },
	[BTF_KIND_TYPEDEF] = MODIFIER("TYPEDEF", &no_vlen, &no_kflag, &any_type, &must_name),
	[BTF_KIND_VOLATILE] = MODIFIER("VOLATILE", &no_vlen, &no_kflag, &any_type, &no_name),
	[BTF_KIND_CONST] = MODIFIER("CONST", &no_vlen, &no_kflag, &any_type, &no_name),
	[BTF_KIND_RESTRICT] = MODIFIER("RESTRICT", &no_vlen, &no_kflag, &any_type, &no_name),
	[BTF_KIND_FUNC] = { .name = "FUNC",
			    .rules = { &must_name, &func_linkage, &no_kflag },
			    .log = log_ref,
			    .resolve = btf_resolve_func },
	[BTF_KIND_FUNC_PROTO] = { .name = "FUNC_PROTO",
				  .each = sizeof(struct btf_param),
				  .rules = { &no_name, &no_kflag },
				  .log = log_func_proto },
	[BTF_KIND_VAR] = { .name = "VAR",
			   .fixed = sizeof(struct btf_var),
			   .rules = { &no_vlen, &no_kflag, &must_name, &real_type, &var_linkage },
			   .log = log_var,
			   .resolve = btf_resolve_var },
	[BTF_KIND_DATASEC] = { .name = "DATASEC",
			       .each = sizeof(struct btf_var_secinfo),
			       .rules = { &some_size, &no_kflag, &section_name },
			       .parts = datasec_parts,
			       .log = log_sized_list,
			       .resolve = btf_resolve_datasec },
	[BTF_KIND_FLOAT] = { .name = "FLOAT",
			     .rules = { &no_vlen, &no_kflag, &float_size },
			     .log = log_size,
			     .member = btf_member_float,
			     .member_kflag = btf_member_plain_kflag },
	[BTF_KIND_DECL_TAG] = { .name = "DECL_TAG",
				.fixed = sizeof(struct btf_decl_tag),
				.rules = { &tag_value, &no_vlen, &component },
				.log = log_decl_tag,
				.resolve = btf_resolve_decl_tag },
	[BTF_KIND_TYPE_TAG] = MODIFIER("TYPE_TAG", &no_vlen, &any_type, &tag_name),
	[BTF_KIND_ENUM64] = { .name = "ENUM64",
			      .each = sizeof(struct btf_enum64),
			      .rules = { &enum_size, &may_name },
			      .parts = enum64_parts,
			      .log = log_sized_list,
			      .member = btf_member_sized,
			      .member_kflag = btf_member_enum_kflag },
};

int64_t btf_check_meta(struct btf_check *c, const struct btf_type *t, uint32_t left)
{
	const struct btf_kind *k;
	uint32_t need;
	int err = 0;

	if (left < sizeof(*t))
		return btf_fail_at(c, -EINVAL, SKEP_AT_TYPE, c->id, "meta_left:%u meta_needed:%zu",
				   left, sizeof(*t));
	left -= sizeof(*t);
	if (t->info & ~0x9f00ffffu)
		return btf_fail_at(c, -EINVAL, SKEP_AT_TYPE, c->id, "Invalid btf_info:%x", t->info);
	if (type_kind(t) > BTF_KIND_MAX || type_kind(t) == BTF_KIND_UNKN)
		return btf_fail_at(c, -EINVAL, SKEP_AT_TYPE, c->id, "Invalid kind:%u",
				   type_kind(t));
	if (!btf_name_off_valid(c->b, t->name_off))
		return btf_fail_at(c, -EINVAL, SKEP_AT_TYPE, c->id, "Invalid name_offset:%u",
				   t->name_off);

	k = &btf_kinds[type_kind(t)];
	need = k->fixed + k->each * type_vlen(t);
	if (left < need)
		return btf_fail_basic(c, -EINVAL, t, "meta_left:%u meta_needed:%u", left, need);
	for (size_t i = 0; i < ARRAY_SIZE(k->rules) && k->rules[i]; i++)
		if (!k->rules[i]->ok(c->b, t))
			return btf_fail_type(c, -EINVAL, t, "%s", k->rules[i]->text);
	if (k->check)
		err = k->check(c, t);
	if (err)
		return err;
	btf_log_type(c, t);
	if (k->parts)
		err = k->parts(c, t);
	return err ? err : (int64_t)(sizeof(*t) + need);
}
