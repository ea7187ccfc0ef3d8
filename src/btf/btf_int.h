/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf_int.h - what the files of this room share.
 *
 * The life of a blob: parse.c checks header and strings and walks the type section once, giving
 * each type to its kind's row (kinds.c) for the checks that need nothing but the type itself.
 * resolve.c then follows references, members are held against their struct by member.c, and
 * objects.c collects the structs with members that the kernel gives a meaning to (fields.c).
 * query.c, map.c and info.c answer questions on the finished, immutable struct skep_btf.  log.c
 * writes all text.
 */
#ifndef SKEP_BTF_BTF_INT_H
#define SKEP_BTF_BTF_INT_H

#include "btf/btf.h"

#include <stdatomic.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* the kernel's own, which reaches callers of bpf(2) */
#endif

#define BTF_SIZE_MAX	  (16u * 1024 * 1024)
#define BTF_RESOLVE_DEPTH 32  /* references that may be open at once */
#define BTF_NAME_MAX	  512 /* bytes of an identifier, without its NUL */
#define BTF_PTR_SIZE	  8   /* of the machine that programs see */

struct skep_btf {
	_Atomic uint32_t refs;	       /* btf_get, btf_put */
	uint32_t id;		       /* object id, 0 while not published */
	void *mem;		       /* the allocation that raw lies in */
	const uint8_t *raw;	       /* the blob; placed so that types are aligned */
	uint32_t size;		       /* its bytes */
	struct btf_header hdr;	       /* copy, zero where the blob's is shorter */
	const char *str;	       /* [hdr.str_len] string section, ends with a NUL */
	const struct btf_type **types; /* [cnt] by id; 0 is void */
	uint32_t cnt;		       /* types, void included */
	uint32_t *to_id;	       /* [cnt] what a reference leads to, 0 for what is none */
	uint32_t *to_size;	       /* [cnt] bytes of an array, else 0 */
	uint32_t *index;	       /* [index_mask + 1] ids by name and kind, 0 is free... */
	uint32_t *alike; /* [cnt] ...of types alike but for a flavour the first; here the next */
	uint32_t index_mask;	   /* slots - 1 */
	struct btf_object *object; /* [object_cnt] structs with special fields, by id */
	uint32_t object_cnt;
};

/* A struct that programs allocate, and its special fields. */
struct btf_object {
	uint32_t id;
	struct btf_record *record; /* owned */
};

enum btf_visit { VISIT_NOT, VISIT_OPEN, VISIT_DONE };

/* What a walk looks for: decides where it stops. */
enum btf_walk {
	WALK_ANY,  /* not known yet */
	WALK_PTR,  /* a pointer's target: structs and arrays end it */
	WALK_AGGR, /* the layout of a struct or array: pointers end it */
};

struct btf_vertex {
	const struct btf_type *t; /* the type */
	uint32_t id;		  /* its id */
	uint16_t next;		  /* member to go on with */
};

/* One validation; lives on the stack of btf_new. */
struct btf_check {
	struct skep_btf *b;			   /* under construction */
	const struct skep_btf *kernel;		   /* what kptrs may point into, or NULL */
	const struct btf_log *log;		   /* may be NULL */
	struct skep_diag *diag;			   /* may be NULL */
	uint32_t id;				   /* the type that messages are about */
	bool resolving;				   /* second phase: every type was logged before */
	uint8_t *visit;				   /* [cnt] enum btf_visit */
	enum btf_walk walk;			   /* of the current walk */
	uint32_t depth;				   /* vertices open */
	struct btf_vertex open[BTF_RESOLVE_DEPTH]; /* [depth] */
};

/* How a member of some kind is held against the struct that it is in. */
typedef int (*btf_member_fn)(struct btf_check *c, const struct btf_type *st,
			     const struct btf_member *m, const struct btf_type *mt);

/* A condition on a type alone, and what the log says where it is not met. */
struct btf_rule {
	bool (*ok)(const struct skep_btf *b, const struct btf_type *t);
	const char *text;
};

/* A row of the table of kinds. */
struct btf_kind {
	const char *name;		 /* in the log */
	uint8_t fixed;			 /* bytes that follow struct btf_type */
	uint8_t each;			 /* bytes that follow per vlen */
	const struct btf_rule *rules[6]; /* in the kernel's order */
	/* Further checks before the type is logged, and on its parts after; may be NULL. */
	int (*check)(struct btf_check *c, const struct btf_type *t);
	int (*parts)(struct btf_check *c, const struct btf_type *t);
	/* Writes what follows the name in the log. */
	void (*log)(struct btf_check *c, const struct btf_type *t);
	/* One step of resolution: done (pops v), pushes what must come first, or fails. NULL: the
	 * kind refers to nothing that must be resolved. */
	int (*resolve)(struct btf_check *c, const struct btf_vertex *v);
	/* As a member: plain offset, and offset with bitfield size. NULL: cannot be one. */
	btf_member_fn member, member_kflag;
};

extern const struct btf_kind btf_kinds[NR_BTF_KINDS];

/* --- what a type says ------------------------------------------------------------------- */

static inline uint32_t type_kind(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info);
}

static inline uint32_t type_vlen(const struct btf_type *t)
{
	return BTF_INFO_VLEN(t->info);
}

static inline bool type_kflag(const struct btf_type *t)
{
	return BTF_INFO_KFLAG(t->info);
}

static inline const void *type_tail(const struct btf_type *t)
{
	return t + 1;
}

static inline uint32_t type_int(const struct btf_type *t)
{
	return *(const uint32_t *)type_tail(t);
}

/* True when t's kind is in the set, made of BIT_OF(kind). */
#define BIT_OF(kind) (1u << (kind))
static inline bool type_in(const struct btf_type *t, uint32_t set)
{
	return BIT_OF(type_kind(t)) & set;
}

#define KINDS_MODIFIER                                                                   \
	(BIT_OF(BTF_KIND_TYPEDEF) | BIT_OF(BTF_KIND_VOLATILE) | BIT_OF(BTF_KIND_CONST) | \
	 BIT_OF(BTF_KIND_RESTRICT) | BIT_OF(BTF_KIND_TYPE_TAG))
#define KINDS_AGGR (BIT_OF(BTF_KIND_STRUCT) | BIT_OF(BTF_KIND_UNION))
/* Refer to types, but nothing that is resolved may refer to them. */
#define KINDS_SOURCE (BIT_OF(BTF_KIND_VAR) | BIT_OF(BTF_KIND_DECL_TAG) | BIT_OF(BTF_KIND_DATASEC))
#define KINDS_NO_SIZE                                                           \
	(BIT_OF(BTF_KIND_UNKN) | BIT_OF(BTF_KIND_FWD) | BIT_OF(BTF_KIND_FUNC) | \
	 BIT_OF(BTF_KIND_FUNC_PROTO) | BIT_OF(BTF_KIND_DECL_TAG))
/* Say their size themselves. */
#define KINDS_SIZED                                                                             \
	(BIT_OF(BTF_KIND_INT) | KINDS_AGGR | BIT_OF(BTF_KIND_ENUM) | BIT_OF(BTF_KIND_DATASEC) | \
	 BIT_OF(BTF_KIND_FLOAT) | BIT_OF(BTF_KIND_ENUM64))

static inline uint32_t member_bit_off(const struct btf_type *st, const struct btf_member *m)
{
	return type_kflag(st) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

/** An int of 1, 2, 4, 8 or 16 bytes that uses all of its bits. */
bool type_int_is_regular(const struct btf_type *t);

/**
 * The kernel's btf_type_id_size: the type that has the size of *id (through references and
 * variables, not into arrays), or NULL where there is none.  Sets *id to it and *ret_size (may be
 * NULL).  Only for resolved types, or those that stand for themselves.
 */
const struct btf_type *btf_sized(const struct skep_btf *b, uint32_t *id, uint32_t *ret_size);

/** The string at off is an identifier of C (dots allowed) / printable; off must be valid. */
bool btf_name_is_ident(const struct skep_btf *b, uint32_t off);
bool btf_name_is_section(const struct skep_btf *b, uint32_t off);
bool btf_name_off_valid(const struct skep_btf *b, uint32_t off);

/* --- phases ------------------------------------------------------------------------------ */

/** Checks the type at t, `left` bytes before the section's end: its size in bytes or -errno. */
int64_t btf_check_meta(struct btf_check *c, const struct btf_type *t, uint32_t left);
/** Resolves all types; fills to_id and to_size. */
int btf_resolve_all(struct btf_check *c);
/** Type tags stand before all other modifiers of a chain, and no chain is too long. */
int btf_check_type_tags(struct btf_check *c);
/** Structs that hold special fields: their layout, and who owns whom. */
int btf_check_structs(struct btf_check *c);

int btf_resolve_modifier(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_ptr(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_var(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_array(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_struct(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_func(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_datasec(struct btf_check *c, const struct btf_vertex *v);
int btf_resolve_decl_tag(struct btf_check *c, const struct btf_vertex *v);

int btf_member_int(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		   const struct btf_type *mt);
int btf_member_int_kflag(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
			 const struct btf_type *mt);
int btf_member_sized(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt);
int btf_member_enum_kflag(struct btf_check *c, const struct btf_type *st,
			  const struct btf_member *m, const struct btf_type *mt);
int btf_member_float(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt);
int btf_member_plain_kflag(struct btf_check *c, const struct btf_type *st,
			   const struct btf_member *m, const struct btf_type *mt);
int btf_member_ref(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		   const struct btf_type *mt);
/** Holds member m of type mt against struct st, by the row of mt's kind. */
int btf_check_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		     const struct btf_type *mt);

/* --- special fields (fields.c) ------------------------------------------------------------ */

/* A search for special fields, from one value or object to the next; the same mask throughout. */
struct btf_seek {
	const struct skep_btf *b;
	const struct skep_btf *kernel; /* what kptrs may point into, or NULL */
	uint32_t mask;		       /* FIELD_* looked for */
	uint8_t *barren;	       /* [b->cnt] structs that are known to hold nothing */
};

#define BTF_FIELDS_MAX 11

/**
 * Finds the special fields of struct or data section `id`, and checks how they stand to each
 * other (the kernel's btf_parse_fields).
 *
 * @return 0 and *ret, NULL where there are none, or -EINVAL, -E2BIG, -EEXIST, -ENOENT, -EFAULT,
 *	   -ENOMEM
 */
int btf_find_fields(const struct btf_seek *s, uint32_t id, uint32_t size, struct btf_record **ret);
/** Is t a pointer tagged as a kptr of the mask?  1, 0, or -EINVAL for a wrong one. */
int btf_find_kptr(const struct skep_btf *b, const struct btf_type *t, uint32_t mask,
		  struct btf_field *ret);
/** Is a struct of that name special in objects that programs allocate? */
bool btf_special_name(const char *name);
/** Fills `held` of r, which b->objects has; -EFAULT, -ELOOP, ... for what must not be held. */
int btf_hold(const struct skep_btf *b, struct btf_record *r);
/** btf_find for a name of n bytes. */
int32_t btf_find_n(const struct skep_btf *b, const char *name, size_t n, uint32_t kind);

/* --- log (log.c) -------------------------------------------------------------------------- */

/** Appends text, as much as the kernel's line buffer takes. */
void btf_logf(struct btf_check *c, const char *fmt, ...) __printf(2, 3);
/** Logs a type, a member, a variable of a section, each on a line of its own. */
void btf_log_type(struct btf_check *c, const struct btf_type *t);
void btf_log_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m);
void btf_log_vsi(struct btf_check *c, const struct btf_type *sec, const struct btf_var_secinfo *v);
/* The same with what is wrong behind it; set the diagnostic; return err. */
int btf_fail_type(struct btf_check *c, int err, const struct btf_type *t, const char *fmt, ...)
	__printf(4, 5);
int btf_fail_basic(struct btf_check *c, int err, const struct btf_type *t, const char *fmt, ...)
	__printf(4, 5);
int btf_fail_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		    const char *text);
int btf_fail_vsi(struct btf_check *c, const struct btf_type *sec, const struct btf_var_secinfo *v,
		 const char *text);
/** A bare message (no newline, as the kernel's) about a place that is no known type. */
int btf_fail_at(struct btf_check *c, int err, enum skep_where where, uint64_t index,
		const char *fmt, ...) __printf(5, 6);
/** The name at off for people: "(anon)" for 0, "(invalid-name-offset)" past the end. */
const char *btf_log_name(const struct skep_btf *b, uint32_t off);

#endif
