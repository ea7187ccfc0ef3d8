/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog.h - the door to programs: struct skep_prog, its type's row, and how it is run.
 *
 * Adding a program type costs a row in types.def, its context table, one test.
 */
#ifndef SKEP_PROG_PROG_H
#define SKEP_PROG_PROG_H

#include "base/base.h"
#include "base/diag.h"
#include "base/uapi.h"
#include "prog/image.h"
#include "prog/run.h"

struct skep_btf;
struct skep_prog;

/* What a callback that runs later is told. */
struct later_args {
	struct skep_map *map;
	void *key, *value; /* of the element where the callback was set */
};

/* A callback that the verifier has seen set, for a timer in that map's values or such a map's. */
struct prog_later {
	uint16_t sub;	      /* the subprogram */
	struct skep_map *map; /* one of the program's, or what one of those has as values */
};

/* A struct that it allocates objects of. */
struct prog_alloc {
	uint32_t id;	 /* in the program's BTF */
	uint32_t percpu; /* with a copy for each CPU? */
	uint32_t type;	 /* what the kernel's store calls it (obj/obj.h) */
};

/* How a program gets from image to something that runs: interp/ and jit/ each have one. */
struct engine_ops {
	const char *name; /* "jit", "interp" */
	/*
	 * Makes prog->image runnable: sets prog->entry (and code, jited_*, priv).  0 or -errno;
	 * on failure nothing is left behind.
	 */
	int (*compile)(struct skep_prog *prog, struct skep_diag *reterr_diag);
	/*
	 * Calls back what the program left for later, in a run of its own: func is what it handed
	 * to the helper, and is told of map, key and value.  Hot.
	 */
	uint64_t (*call_later)(uint64_t func, const struct later_args *args, struct skep_run *run);
	/* What the program hands to helpers for that subprogram. */
	uint64_t (*func_of)(const struct skep_prog *prog, uint32_t sub);
	/* Frees what compile made; accepts a program that was not compiled. */
	void (*release)(struct skep_prog *prog);
};

/* Runs the program: ctx is r1.  `run` must be filled, run->prog included. */
typedef uint64_t (*skep_entry_fn)(void *ctx, struct skep_run *run);

/*
 * One field of a context that programs see (struct xdp_md, struct __sk_buff, ...).  An access is
 * rewritten one to one: a load of `n` bytes at off + d becomes a load of n bytes (8 where the
 * field is a pointer) at real_off + d; a store of the field becomes one of real_size bytes.
 */
struct ctx_field {
	const char *name;   /* as in <linux/bpf.h> */
	uint16_t off, size; /* in the UAPI struct, bytes */
	uint16_t real_off;  /* in the struct that r1 really points at */
	uint16_t real_size; /* bytes that hold it there; 8 for pointers */
	uint8_t kind;	    /* enum ctx_field_kind */
	bool writable;
	/* Bit n: programs of expected_attach_type n may touch (or write) it; 0: all may. */
	uint64_t read_by, write_by;
	const char *object; /* CTX_OBJECT: the kernel's struct that it points to */
};

enum ctx_field_kind {
	CTX_NONE,	      /* the type may not touch it */
	CTX_SCALAR,	      /* narrower loads are allowed, stores are whole */
	CTX_EXACT,	      /* whole only */
	CTX_PKT,	      /* pointer to packet data */
	CTX_PKT_META,	      /* pointer to data_meta */
	CTX_PKT_END,	      /* pointer to the end of the packet */
	CTX_SOCK_COMMON_NULL, /* pointer to a struct bpf_sock, of which few fields show; or NULL */
	CTX_SOCK,	      /* pointer to a struct bpf_sock */
	CTX_SOCK_NULL,
	CTX_FLOW_KEYS, /* pointer to a struct bpf_flow_keys */
	CTX_TP_BUFFER, /* pointer to a tracepoint's record, at the field's beginning */
	CTX_OBJECT,    /* pointer to an object of the kernel, of BTF type `object` */
	CTX_HEAD,      /* whole, or narrower at its beginning */
	CTX_HALVES,    /* as CTX_SCALAR, but no single bytes */
	CTX_PORT,      /* two bytes, read as four too: the others are zero */
	CTX_CELLS,     /* 4-byte words, each whole only */
	CTX_ADDRESS,   /* 4-byte words: narrower loads, stores of one or two */
	CTX_ARRAY,     /* cb[]: plain bytes, any aligned access inside */
	CTX_WORDS,     /* registers: 8-byte words, each whole only */
};

/* An access that a program wants to make to its context. */
struct ctx_access {
	uint32_t off, size; /* bytes, in the UAPI struct */
	bool write;
	bool sign; /* a load with sign extension: never of a pointer */
};

/* Static facts of a program type. */
struct prog_type {
	const char *name;		/* bpftool's word, such as "xdp" */
	const struct ctx_field *fields; /* what it may touch; one CTX_ARRAY for plain memory */
	uint32_t nr_fields;
	uint32_t ctx_size;  /* bytes of the UAPI context, 0: as large as the caller gives */
	bool loadable;	    /* PROG_LOAD takes it */
	bool test_run;	    /* PROG_TEST_RUN takes it */
	bool ld_abs;	    /* LD_ABS and LD_IND are allowed: the context is an skb */
	bool pkt_read;	    /* packet pointers of the context may be read through... */
	bool pkt_write;	    /* ...and written through */
	bool pkt_free;	    /* helpers take them for any memory argument (cgroup_sockopt) */
	bool needs_perfmon; /* Linux asks for CAP_PERFMON */
	bool needs_net;	    /* Linux asks for CAP_NET_ADMIN */
};

/** The row of a BPF_PROG_TYPE_*; NULL where the number is unknown. */
const struct prog_type *prog_type(uint32_t type);
uint32_t prog_type_count(void);

/** The field of t's context that holds [off, off + size), or NULL. */
const struct ctx_field *prog_ctx_field(const struct prog_type *t, uint32_t off, uint32_t size);
/**
 * The same for an access that programs of p's type and expected_attach_type may make, as Linux's
 * is_valid_access() of the type; NULL: "invalid bpf_context access", -EACCES.
 */
const struct ctx_field *prog_ctx_access(const struct skep_prog *p, const struct ctx_access *a);

/* What a program may return. */
struct prog_ret {
	int32_t min, max;
};
/** By its type and expected_attach_type; NULL: anything. */
const struct prog_ret *prog_ret(const struct skep_prog *p);

/* What programs get pointers to that are neither memory nor BTF types. */
enum prog_object { OBJECT_SOCKET, OBJECT_SOCK_COMMON, OBJECT_TCP_SOCK, OBJECT_XDP_SOCK };
/** The field of such an object that the access reads; NULL: it may not be made. */
const struct ctx_field *prog_object_access(enum prog_object o, const struct ctx_access *a);

/* What runs count: members of a hive do too. */
struct prog_stats {
	_Atomic uint64_t run_cnt, run_ns; /* BPF_ENABLE_STATS */
	_Atomic uint64_t recursion_misses;
};

struct skep_prog {
	skep_entry_fn entry;	/* hot: runs it */
	const void *tail_entry; /* compiled code: where a tail call jumps to */
	const struct engine_ops *engine;
	void *engine_priv;	       /* the engine's own */
	struct prog_image image;       /* what it is */
	const struct prog_type *kind;  /* row in types.def */
	uint32_t type;		       /* BPF_PROG_TYPE_* */
	uint32_t expected_attach_type; /* BPF_* */
	uint32_t flags;		       /* BPF_F_* of PROG_LOAD */
	bool gpl_compatible;	       /* by its license string */
	const void *jited;	       /* machine code for `dump jited`, NULL when interpreted */
	uint32_t jited_len;	       /* bytes */
	uint32_t *jited_sub;	       /* [image.sub_cnt] offset of each subprogram in jited */
	uint32_t *jited_func;	       /* [image.sub_cnt] ...and of what C calls for it, or 0 */

	_Atomic uint32_t refs; /* prog_get, prog_put */
	uint32_t id;	       /* object id, from 1; 0 while not published */
	char name[BPF_OBJ_NAME_LEN];
	uint8_t tag[BPF_TAG_SIZE]; /* SHA-1 of the instructions as loaded, first 8 bytes */
	uint32_t uid;		   /* who loaded it */
	uint64_t load_time;	   /* ns since boot */
	uint32_t verified_insns;   /* what the verifier counted */
	uint32_t max_ctx_off;	   /* bytes of the UAPI context that it accesses, from 0 */
	uint32_t max_rdonly;	/* bytes of read-only buffers (keys) that it accesses, from 0... */
	uint32_t max_rdwr;	/* ...and of others (values) */
	struct skep_map **maps; /* [map_cnt] every map it uses or is bound to; counted */
	uint32_t map_cnt;
	struct prog_later *later; /* [later_cnt] what may be called when a timer expires */
	uint32_t later_cnt;
	struct prog_alloc *allocs; /* [alloc_cnt] what the verifier has seen it allocate */
	uint32_t alloc_cnt;
	_Atomic uint32_t *store_users; /* who may use the store of objects: it is one, or NULL */
	struct prog_alloc
		*types;	      /* [alloc_cnt] the same where programs find it, with types; or NULL */
	struct skep_btf *btf; /* counted; may be NULL */
	void *func_info, *line_info; /* as loaded, records of *_rec_size bytes */
	uint32_t func_info_cnt, func_info_rec_size;
	uint32_t line_info_cnt, line_info_rec_size;
	uint32_t attach_btf_id;
	_Atomic bool traces;	  /* it is at that function: no other link may put it there */
	struct space *space;	  /* the hive that it lies in; NULL: there is none */
	struct prog_stats *stats; /* what its runs count; never NULL */
};

/**
 * Allocates a program with one reference and an empty image, in a hive's memory or, where space is
 * NULL, on the heap.  0 or -ENOMEM.  What its fields come
 * to hold is the program's: prog_put frees instructions, aux, sub, maps, later, allocs, func_info,
 * line_info (from skep_alloc), types (of the space) and drops the references; engine->release frees
 * jited_sub and jited_func.
 */
int prog_new(uint32_t type, struct space *space, struct skep_prog **ret);
struct skep_prog *prog_get(struct skep_prog *p);
/** Drops a reference; the last one releases engine, maps and BTF. Accepts NULL. */
void prog_put(struct skep_prog *p);
DEFINE_CLEANUP(struct skep_prog, prog_put)

/** Runs once.  The caller has filled run but for prog and tail_calls. Hot. */
static inline uint64_t prog_run(const struct skep_prog *p, void *ctx, struct skep_run *run)
{
	run->prog = p;
	run->tail_calls = 0;
	return p->entry(ctx, run);
}

#endif
