/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - data as text, by its type: what kernel/bpf/btf.c shows (btf_type_snprintf_show).
 *
 *	(struct bpf_insn){		a struct at depth 0, its members at depth 1
 *	 .code = (__u8)1,		bitfields are hexadecimal
 *	 .dst_reg = (__u8)0x3,
 *	}				members that are zero, or have nothing else, are left out
 *
 * Whether a member has anything to show is found by a walk that writes nothing.  Some of the state
 * outlives the element of an array that it is about, in Linux and so here: names of what is within
 * structs of an array are left out up to the end of an array within.
 */
#include "helper/show.h"
#include "btf/view.h"

#define NAME_SIZE  80 /* of a member, its type and brackets, with a NUL: the rest is cut off */
#define INDENT_MAX 32
#define NAME_DEPTH 10 /* pointers and arrays that a name can tell of */
#define WINDOW	   64 /* bytes of data that are read at once */

/* What is under way. */
struct show {
	struct skep_run *run;
	const struct btf_view *types;
	struct format_out *out;
	uint64_t flags;			 /* BTF_F_* */
	const struct btf_member *member; /* that comes now, NULL: none */
	uint32_t id;			 /* of the type that comes now */
	uint32_t depth;			 /* structs, unions and arrays around it */
	uint32_t looking;		 /* depth of what a walk only looks into; 0: it writes */
	bool seen;			 /* that walk saw what is to be shown */
	bool nameless;			 /* an element of an array */
	bool chars, ended;		 /* its elements are characters; a NUL was among them */
	int err;			 /* -EFAULT: something could not be read */
	uint64_t end;			 /* of the whole object */
	uint64_t at;			 /* the window: what is there... */
	uint32_t have;			 /* ...that many bytes of it */
	uint8_t bytes[WINDOW];
};

typedef void (*show_fn)(struct show *s, const struct btf_type *t, uint32_t id, uint64_t at,
			uint32_t bit);
static void show_type(struct show *s, uint32_t id, uint64_t at, uint32_t bit);

static uint32_t kind_of(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info);
}

static const char *string(const struct show *s, uint32_t off)
{
	return s->types->str + off;
}

static const struct btf_array *array_of(const struct btf_type *t)
{
	return (const struct btf_array *)(t + 1);
}

/* --- types ------------------------------------------------------------------------------------ */

static bool is_modifier(const struct btf_type *t)
{
	return UINT64_C(1) << kind_of(t) &
	       (1u << BTF_KIND_TYPEDEF | 1u << BTF_KIND_CONST | 1u << BTF_KIND_VOLATILE |
		1u << BTF_KIND_RESTRICT | 1u << BTF_KIND_TYPE_TAG);
}

static bool is_qualifier(const struct btf_type *t)
{
	return is_modifier(t) && kind_of(t) != BTF_KIND_TYPEDEF;
}

static const struct btf_type *skip(const struct show *s, uint32_t id,
				   bool (*over)(const struct btf_type *))
{
	const struct btf_type *t = btf_view_type(s->types, id);

	while (t && over(t))
		t = btf_view_type(s->types, t->type);
	return t;
}

/* Bytes of a type; 0: it has no size. */
static uint64_t size_of(const struct show *s, uint32_t id)
{
	const struct btf_type *t = skip(s, id, is_modifier);
	uint64_t times = 1;

	for (; t && kind_of(t) == BTF_KIND_ARRAY; t = skip(s, array_of(t)->type, is_modifier))
		times *= array_of(t)->nelems;
	switch (t ? kind_of(t) : BTF_KIND_UNKN) {
	case BTF_KIND_PTR:
		return times * sizeof(uint64_t);
	case BTF_KIND_INT:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return times * t->size;
	default:
		return 0;
	}
}

/* --- text ------------------------------------------------------------------------------------- */

static void text(struct format_out *o, const char *s)
{
	/* Byte by byte: the compiler must not find strlen() in here. */
	for (; *s; s++)
		format_bytes(o, s, 1);
}

static void put(struct show *s, const char *what)
{
	if (!s->looking)
		text(s->out, what);
}

static void put_indent(struct show *s)
{
	if (!(s->flags & BTF_F_COMPACT))
		for (uint32_t i = 0; i < MIN(s->depth, INDENT_MAX); i++)
			put(s, " ");
}

/* What separates it from what comes next. */
static void put_end(struct show *s)
{
	if (s->depth)
		put(s, ",");
	if (!(s->flags & BTF_F_COMPACT))
		put(s, "\n");
}

/* A type as its name says it: "struct upid *[]" and the bracket that opens it. */
struct type_name {
	const char *prefix, *name, *open;
	uint32_t stars, arrays;
};

static const char *prefix_of(const struct btf_type *t)
{
	switch (kind_of(t)) {
	case BTF_KIND_STRUCT:
		return "struct";
	case BTF_KIND_UNION:
		return "union";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum";
	default:
		return "";
	}
}

/* Its outermost typedef gives the name; false: it cannot be told. */
static bool name_type(const struct show *s, uint32_t id, struct type_name *ret)
{
	const struct btf_type *t = btf_view_type(s->types, id);
	struct type_name n = { .open = "" };
	bool alias = false;

	for (int i = 0; t; i++) {
		const uint32_t kind = kind_of(t);

		if (i == NAME_DEPTH)
			return false;
		if (kind == BTF_KIND_TYPEDEF) {
			n.name = n.name ? n.name : string(s, t->name_off);
			alias = true;
		} else if (kind == BTF_KIND_ARRAY) {
			n.arrays++;
		} else if (kind == BTF_KIND_PTR) {
			n.stars++;
		} else {
			break;
		}
		id = kind == BTF_KIND_ARRAY ? array_of(t)->type : t->type;
		if (!id)
			break;
		t = skip(s, id, is_qualifier);
	}
	if (!t)
		return false;
	n.prefix = alias ? "" : prefix_of(t);
	n.name = n.name ? n.name : string(s, t->name_off);
	if (!n.stars)
		n.open = n.arrays							 ? "["
			 : kind_of(t) == BTF_KIND_STRUCT || kind_of(t) == BTF_KIND_UNION ? "{"
											 : "";
	*ret = n;
	return true;
}

/* ".member = (type)", and what opens it. */
static void put_name(struct show *s)
{
	const char *member = s->member ? string(s, s->member->name_off) : "";
	char buf[NAME_SIZE];
	struct format_out o = { buf, sizeof(buf), 0 };
	struct type_name n;

	if (s->looking || s->nameless || !name_type(s, s->member ? s->member->type : s->id, &n))
		return;
	if (!(s->flags & BTF_F_NONAME)) {
		if (*member) {
			text(&o, ".");
			text(&o, member);
			text(&o, " = ");
		}
		text(&o, "(");
		text(&o, n.prefix);
		text(&o, *n.prefix && *n.name ? " " : "");
		text(&o, n.name);
		text(&o, n.stars ? " " : "");
		for (uint32_t i = 0; i < n.stars; i++)
			text(&o, "*");
		for (uint32_t i = 0; i < n.arrays; i++)
			text(&o, "[]");
		text(&o, ")");
	}
	text(&o, n.open);
	format_bytes(s->out, buf, MIN(o.len, (size_t)NAME_SIZE - 1));
}

/* --- values ----------------------------------------------------------------------------------- */

/* The n bytes at that place; NULL: they cannot be read. */
static const uint8_t *look(struct show *s, uint64_t at, uint32_t n)
{
	const uint64_t left = s->end - at;

	if (at >= s->at && at - s->at <= s->have && n <= s->have - (at - s->at))
		return s->bytes + (at - s->at);
	s->at = at;
	s->have = left > n && left < WINDOW ? (uint32_t)left : left > n ? WINDOW : n;
	if (!probe_copy(s->run, s->bytes, at, s->have))
		return s->bytes;
	/* What comes next need not be there. */
	s->have = n;
	if (!probe_copy(s->run, s->bytes, at, n))
		return s->bytes;
	s->have = 0;
	s->err = -EFAULT;
	return NULL;
}

static bool read_value(struct show *s, uint64_t at, uint32_t n, unsigned __int128 *ret)
{
	const uint8_t *p = look(s, at, n);

	*ret = 0;
	if (p)
		memcpy(ret, p, n);
	return p;
}

/* True where it is to be written now, behind its name. */
static bool begin_value(struct show *s, bool zero)
{
	if (zero && s->depth && !(s->flags & BTF_F_ZERO))
		return false;
	s->seen = true;
	if (s->looking)
		return false;
	put_indent(s);
	put_name(s);
	return true;
}

static void show_number(struct show *s, uint64_t v, bool is_signed)
{
	const bool minus = is_signed && (int64_t)v < 0;

	if (!begin_value(s, !v))
		return;
	put(s, minus ? "-" : "");
	format_digits(s->out, minus ? -v : v, 10, 0, false);
	put_end(s);
}

static void show_hex(struct show *s, unsigned __int128 v)
{
	const uint64_t low = (uint64_t)v, high = (uint64_t)(v >> 64);

	if (!begin_value(s, !v))
		return;
	put(s, "0x");
	if (high)
		format_digits(s->out, high, 16, 0, false);
	format_digits(s->out, low, 16, high ? 16 : 0, false);
	put_end(s);
}

/* n bits from a bit on, which need not be a byte's first. */
static void show_bits(struct show *s, uint64_t at, uint32_t bit, uint32_t n)
{
	unsigned __int128 v;

	at += bit / 8;
	bit %= 8;
	if (!n || bit + n > 128 || !read_value(s, at, (bit + n + 7) / 8, &v))
		return;
	v >>= bit;
	show_hex(s, n < 128 ? v & (((unsigned __int128)1 << n) - 1) : v);
}

static void show_char(struct show *s, uint8_t c, bool is_signed)
{
	const char quoted[] = { '\'', (char)c, '\'', '\0' };

	if (s->ended)
		return;
	if (!c) {
		s->ended = true;
		return;
	}
	if (!char_is_alnum(c) && !char_is_punct(c) && c != ' ' && c != 0xa0) {
		show_number(s, is_signed ? (uint64_t)(int8_t)c : c, is_signed);
		return;
	}
	if (begin_value(s, false)) {
		put(s, quoted);
		put_end(s);
	}
}

static void show_int(struct show *s, const struct btf_type *t, uint32_t id, uint64_t at,
		     uint32_t bit)
{
	const uint32_t how = *(const uint32_t *)(t + 1), n = BTF_INT_BITS(how);
	const bool is_signed = BTF_INT_ENCODING(how) & BTF_INT_SIGNED;
	unsigned __int128 v;

	(void)id;
	bit += BTF_INT_OFFSET(how);
	if (bit || (n != 8 && n != 16 && n != 32 && n != 64)) {
		show_bits(s, at, bit, n);
		return;
	}
	if (!read_value(s, at, n / 8, &v))
		return;
	if (n == 8 && s->chars) {
		show_char(s, (uint8_t)v, is_signed);
		return;
	}
	/* Its sign fills the word. */
	if (is_signed && v >> (n - 1))
		v |= ~(unsigned __int128)0 << n;
	show_number(s, (uint64_t)v, is_signed);
}

static void show_ptr(struct show *s, const struct btf_type *t, uint32_t id, uint64_t at,
		     uint32_t bit)
{
	unsigned __int128 v;

	(void)t, (void)id, (void)bit;
	if (!read_value(s, at, sizeof(uint64_t), &v) || !begin_value(s, !v))
		return;
	put(s, "0x");
	format_digits(s->out, (uint64_t)v, 16, 16, false);
	put_end(s);
}

/* The name of its value, NULL: it has none. */
static const char *enumerator(const struct show *s, const struct btf_type *t, uint64_t v)
{
	const struct btf_enum64 *e64 = (const void *)(t + 1);
	const struct btf_enum *e = (const void *)(t + 1);
	const bool wide = kind_of(t) == BTF_KIND_ENUM64;

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		if (wide && ((uint64_t)e64[i].val_hi32 << 32 | e64[i].val_lo32) == v)
			return string(s, e64[i].name_off);
		if (!wide && (uint64_t)e[i].val == v)
			return string(s, e[i].name_off);
	}
	return NULL;
}

static void show_enum(struct show *s, const struct btf_type *t, uint32_t id, uint64_t at,
		      uint32_t bit)
{
	const uint32_t bits = t->size * 8;
	const bool is_signed = BTF_INFO_KFLAG(t->info);
	unsigned __int128 v;
	const char *name;

	(void)id, (void)bit;
	if (bits > 64 || !read_value(s, at, t->size, &v))
		return;
	/* A number of 32 bits stands there as an int. */
	if (bits < 64 && (is_signed || kind_of(t) == BTF_KIND_ENUM) && v >> (bits - 1))
		v |= ~(unsigned __int128)0 << bits;
	name = enumerator(s, t, (uint64_t)v);
	if (!name) {
		show_number(s, is_signed || bits == 64 ? (uint64_t)v : (uint32_t)v, is_signed);
	} else if (begin_value(s, false)) {
		put(s, name);
		put_end(s);
	}
}

/* --- what has parts --------------------------------------------------------------------------- */

static void open_parts(struct show *s)
{
	put_indent(s);
	put_name(s);
	if (!(s->flags & BTF_F_COMPACT))
		put(s, "\n");
	s->depth++;
}

static void close_parts(struct show *s, const char *with)
{
	s->depth--;
	put_indent(s);
	put(s, with);
	put_end(s);
}

static void walk_members(struct show *s, const struct btf_type *t, uint64_t at)
{
	const struct btf_member *m = (const void *)(t + 1);
	const bool kflag = BTF_INFO_KFLAG(t->info);

	open_parts(s);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++, m++) {
		const uint32_t off = kflag ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
		const uint32_t bits = kflag ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;

		s->member = m;
		s->id = m->type;
		if (bits)
			show_bits(s, at, off, bits);
		else
			show_type(s, m->type, at + off / 8, off % 8);
		s->member = NULL;
	}
	close_parts(s, "}");
}

static void walk_elements(struct show *s, const struct btf_type *t, uint64_t at)
{
	const struct btf_array *a = array_of(t);
	const struct btf_type *elem = skip(s, a->type, is_modifier);
	const uint64_t size = size_of(s, a->type);

	s->chars = elem && kind_of(elem) == BTF_KIND_INT && size == 1;
	s->ended = false;
	open_parts(s);
	for (uint32_t i = 0; i < a->nelems && !s->ended; i++) {
		s->nameless = true;
		show_type(s, a->type, at + i * size, 0);
		s->nameless = false;
	}
	s->chars = s->ended = false;
	close_parts(s, "]");
}

static void walk(struct show *s, const struct btf_type *t, uint64_t at)
{
	if (kind_of(t) == BTF_KIND_ARRAY)
		walk_elements(s, t, at);
	else
		walk_members(s, t, at);
}

static void show_parts(struct show *s, const struct btf_type *t, uint32_t id, uint64_t at,
		       uint32_t bit)
{
	const struct btf_member *member = s->member;

	(void)bit;
	/* Of nothing there is no bracket either. */
	if (!s->depth && at < s->end && !look(s, at, 1))
		return;
	if (s->depth && !s->looking && !(s->flags & BTF_F_ZERO)) {
		s->looking = s->depth;
		s->seen = false;
		walk(s, t, at);
		s->looking = 0;
		if (!s->seen)
			return;
		s->member = member;
		s->id = id;
	}
	walk(s, t, at);
}

/* --- all of it -------------------------------------------------------------------------------- */

static const show_fn shows[] = {
	[BTF_KIND_INT] = show_int,     [BTF_KIND_PTR] = show_ptr,
	[BTF_KIND_ARRAY] = show_parts, [BTF_KIND_STRUCT] = show_parts,
	[BTF_KIND_UNION] = show_parts, [BTF_KIND_ENUM] = show_enum,
	[BTF_KIND_ENUM64] = show_enum,
};

static show_fn shown_by(const struct btf_type *t)
{
	return t && kind_of(t) < ARRAY_SIZE(shows) ? shows[kind_of(t)] : NULL;
}

static void show_type(struct show *s, uint32_t id, uint64_t at, uint32_t bit)
{
	const struct btf_type *t = skip(s, id, is_modifier);
	const show_fn fn = shown_by(t);

	s->id = id;
	if (fn) {
		fn(s, t, id, at, bit);
		return;
	}
	put(s, "<unsupported kind:");
	if (!s->looking)
		format_digits(s->out, t ? kind_of(t) : 0, 10, 0, false);
	put(s, ">");
}

/* Nothing is of that type: a variable is one itself, and a section has many. */
static bool is_no_type(const struct show *s, uint32_t id)
{
	const struct btf_type *t = skip(s, id, is_modifier);

	return !t || kind_of(t) == BTF_KIND_UNKN || kind_of(t) == BTF_KIND_VAR ||
	       kind_of(t) == BTF_KIND_DATASEC;
}

int show_data(struct skep_run *run, struct format_out *out, const struct btf_ptr *p, uint32_t size,
	      uint64_t flags)
{
	const uint64_t at = (uintptr_t)p->ptr;
	struct show s = { run, run->env->types, out, flags };

	if (size != sizeof(*p) || !p->type_id || !s.types ||
	    flags & ~(uint64_t)(BTF_F_COMPACT | BTF_F_NONAME | BTF_F_PTR_RAW | BTF_F_ZERO))
		return -EINVAL;
	if (!btf_view_type(s.types, p->type_id))
		return -ENOENT;
	if (is_no_type(&s, p->type_id))
		return -EINVAL;
	s.end = at + size_of(&s, p->type_id);
	show_type(&s, p->type_id, at, 0);
	return s.err;
}

HELPER_FN(snprintf_btf)
{
	struct format_out out = { PTR(r1), (uint32_t)r2, 0 };
	const int err = show_data(run, &out, PTR(r3), (uint32_t)r4, r5);

	if (out.size && (out.len || !err))
		out.buf[MIN(out.len, out.size - 1)] = '\0';
	return err ? RET(err) : out.len;
}
