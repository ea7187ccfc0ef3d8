/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.h - the door to BTF: parse, validate as strictly as kernel/bpf/btf.c, query.
 *
 * A struct skep_btf is immutable.  Split BTF is not needed here: the kernel's BTF_LOAD takes
 * self-contained blobs only.
 */
#ifndef SKEP_BTF_BTF_H
#define SKEP_BTF_BTF_H

#include "base/base.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/uapi.h"

struct skep_btf;

/* The log of BTF_LOAD (btf_log_buf): text goes to `write`, one call per piece; may be NULL. */
struct btf_log {
	void (*write)(void *arg, const char *text, size_t n);
	void *arg;
};

/**
 * Parses and validates size bytes (copied).  `kernel` is what kptrs may point into, NULL: nothing
 * of a kernel; it must outlive the result.
 *
 * Returns 0 and *ret with one reference, or -errno as Linux's BTF_LOAD; the diagnostic names the
 * type or the byte:
 *   -EINVAL    malformed, by far the most
 *   -E2BIG     more than 16 MiB, unknown parts of a header, references 33 deep
 *   -EEXIST    a type that contains or refers to itself without end
 *   -ENOTSUPP  another version, flags, an int of several encodings
 *   -ELOOP, -ENOENT, -EFAULT   unsound locks, lists, trees and kptrs (objects.c)
 *   -ENOMEM
 */
int btf_new(const void *data, uint32_t size, const struct skep_btf *kernel,
	    const struct btf_log *log, struct skep_btf **ret, struct skep_diag *reterr_diag);
struct skep_btf *btf_get(struct skep_btf *b);
/** Accepts NULL. */
void btf_put(struct skep_btf *b);
/** How many references there are: for who holds one and asks whether it is the last. */
uint32_t btf_refs(const struct skep_btf *b);
DEFINE_CLEANUP(struct skep_btf, btf_put)

/** The raw bytes, as loaded. */
const void *btf_data(const struct skep_btf *b, uint32_t *ret_size);
/** Type ids run from 0 (void) below this. */
uint32_t btf_type_count(const struct skep_btf *b);
/** Type id, or NULL past the end; id 0 is a void type of all zeroes. */
const struct btf_type *btf_type(const struct skep_btf *b, uint32_t id);
/** The string at off; "" for 0; NULL past the end. */
const char *btf_str(const struct skep_btf *b, uint32_t off);
/** Bytes of a type through typedefs, qualifiers, arrays; -EINVAL for what has no size. */
int64_t btf_size(const struct skep_btf *b, uint32_t id);
/** Id without typedefs, qualifiers and tags. */
uint32_t btf_resolve(const struct skep_btf *b, uint32_t id);
/** First id of that name and BTF_KIND_*, or -ENOENT. */
int32_t btf_find(const struct skep_btf *b, const char *name, uint32_t kind);
/**
 * The only id of that BTF_KIND_* and that name, "___flavours" at the end of either name apart:
 * -ENOENT none, -ESRCH several.
 */
int32_t btf_find_alike(const struct skep_btf *b, const char *name, uint32_t kind);

/**
 * The first declaration tag after id `after` (0: of all) that is about component idx of type id
 * and begins with prefix; 0 where there is none.
 */
uint32_t btf_next_decl_tag(const struct skep_btf *b, uint32_t id, int32_t idx, const char *prefix,
			   uint32_t after);
/** The kernel's word for a BTF_KIND_*: "STRUCT". */
const char *btf_kind_name(uint32_t kind);

/*
 * Special fields: members that the kernel gives a meaning to, by the name of their type or, for
 * kptrs, by a type tag.  Bits as in the kernel's enum btf_field_type.
 */
enum btf_field_type {
	FIELD_SPIN_LOCK = 1u << 0,
	FIELD_TIMER = 1u << 1,
	FIELD_KPTR_UNREF = 1u << 2,
	FIELD_KPTR_REF = 1u << 3,
	FIELD_KPTR_PERCPU = 1u << 4,
	FIELD_LIST_HEAD = 1u << 5,
	FIELD_LIST_NODE = 1u << 6,
	FIELD_RB_ROOT = 1u << 7,
	FIELD_RB_NODE = 1u << 8,
	FIELD_REFCOUNT = 1u << 9,
	FIELD_WORKQUEUE = 1u << 10,
	FIELD_UPTR = 1u << 11,
	FIELD_RES_SPIN_LOCK = 1u << 12,
	FIELD_TASK_WORK = 1u << 13,
};
#define FIELD_KPTR	 (FIELD_KPTR_UNREF | FIELD_KPTR_REF | FIELD_KPTR_PERCPU)
#define FIELD_GRAPH_ROOT (FIELD_LIST_HEAD | FIELD_RB_ROOT)
#define FIELD_GRAPH_NODE (FIELD_LIST_NODE | FIELD_RB_NODE)

/* Fields of what is pointed at or held; NULL: it has none.  See struct btf_field. */
struct btf_record;

struct btf_field {
	uint32_t type;		    /* one FIELD_* */
	uint32_t off;		    /* bytes from the start */
	uint32_t size;		    /* bytes */
	uint32_t target;	    /* id: what a kptr points at, what a list or tree holds, ... */
	const struct skep_btf *btf; /* ...in these types; NULL: in the kernel's */
	uint32_t node_off;	    /* lists and trees: where in the target its node lies */
	const struct btf_record *held; /* the target's own fields, NULL: none */
};

/* The special fields of a map's value, or of a struct that programs allocate; immutable. */
struct btf_record {
	uint32_t cnt;  /* at least 1 */
	uint32_t mask; /* OR of their types */
	/* Where those are that there is at most one of; -EINVAL: there is none (it reaches a log).
	 */
	int32_t spin_lock_off, res_spin_lock_off, timer_off, wq_off, task_work_off, refcount_off;
	struct btf_field field[]; /* [cnt] by offset, without overlap */
};

/** The kernel's name of a field's type: "bpf_spin_lock", "kptr". */
const char *btf_field_name(uint32_t type);
/** Has it a field of one of these types?  Accepts NULL, as the two below do. */
static inline bool btf_record_has(const struct btf_record *r, uint32_t types)
{
	return r && r->mask & types;
}
/** The field of one of these types that begins at off, or NULL. */
const struct btf_field *btf_record_find(const struct btf_record *r, uint32_t off, uint32_t types);
/** Bytes that it takes; 0 for NULL. */
static inline size_t btf_record_size(const struct btf_record *r)
{
	return r ? sizeof(*r) + r->cnt * sizeof(r->field[0]) : 0;
}
bool btf_record_equal(const struct btf_record *a, const struct btf_record *b);
/** A copy; NULL where r is, and where memory is out.  Freed by skep_free. */
struct btf_record *btf_record_dup(const struct btf_record *r);
/** Fields of struct id, as an object that programs allocate; NULL: it has none.  Borrowed. */
const struct btf_record *btf_struct_record(const struct skep_btf *b, uint32_t id);

/**
 * Checks the key and value types of a map against the attributes of MAP_CREATE (type, sizes,
 * max_entries, map_flags, btf_key_type_id, btf_value_type_id; the caller has seen that there is
 * a value type), and finds special fields of the value: *ret is NULL where there are none, or
 * where they are unsound (programs are then told that there are none), else to be freed by
 * skep_free.  `kernel` as for btf_new.
 *
 * -errno as map_check_btf of kernel/bpf/syscall.c: -EINVAL where types do not fit, -EACCES for
 * special fields in a read-only map, -EOPNOTSUPP for those that the map type cannot have,
 * -ENOTSUPP for map types that take no BTF, -EFAULT, -ELOOP, -E2BIG for what lists, trees and
 * user pointers hold.
 */
int btf_check_map(const struct skep_btf *b, const struct skep_btf *kernel,
		  const union bpf_attr *attr, struct btf_record **ret);

/* A subprogram, as far as its func_info is concerned. */
struct btf_sub {
	uint32_t start; /* first instruction */
	bool ld_abs;	/* has LD_ABS or LD_IND, itself */
	bool tail_call; /* has a tail call, itself */
};

/* What records of PROG_LOAD are checked against; all borrowed. */
struct btf_info {
	const struct skep_btf *btf;   /* of prog_btf_fd; NULL only without records */
	const struct bpf_insn *insns; /* [insn_cnt] */
	uint32_t insn_cnt;	      /* instructions */
	const struct btf_sub *sub;    /* [sub_cnt], or NULL while they are not known */
	uint32_t sub_cnt;	      /* subprograms */
	const struct btf_log *log;    /* the verifier's; may be NULL */
	struct skep_diag *diag;	      /* may be NULL */
};

/* cnt records of size bytes each, copied from the caller; size is not yet checked. */
struct btf_recs {
	const void *at;
	uint32_t cnt, size;
};

/**
 * Check the records of PROG_LOAD: sizes, order, what they refer to.  func_info without known
 * subprograms is the kernel's early check, which comes before all others; with them it is both.
 *
 * 0, or -EINVAL, or -E2BIG where a record is longer than the kernel knows and not zero there
 * (then Linux writes the size that it knows back to *_rec_size: 8, 16, 16).
 * core_relo records are checked, not applied.
 */
int btf_check_func_info(const struct btf_info *in, const struct btf_recs *r);
int btf_check_line_info(const struct btf_info *in, const struct btf_recs *r);
int btf_check_core_relo(const struct btf_info *in, const struct btf_recs *r);

/*
 * Object facts that core keeps: id from 1, name for kernel BTF, who may see it.
 */
uint32_t btf_id(const struct skep_btf *b);
void btf_set_id(struct skep_btf *b, uint32_t id);

#endif
