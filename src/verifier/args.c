/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * args.c - the arguments of helpers: a row per kind says which types may stand there and what
 * is checked of them.
 */
#include "verifier/objects.h"

/* One argument. */
struct arg {
	struct verifier *v;
	struct call_meta *m;
	uint32_t n;	/* the register */
	struct reg *r;	/* what it holds */
	uint8_t kind;	/* enum helper_arg */
	uint8_t before; /* the kind of the argument before */
};

static int arg_map(struct arg *a)
{
	if (a->m->map && (a->m->map != a->r->map || a->m->map_uid != a->r->map_uid))
		return fail(a->v, -EINVAL,
			    "timer pointer in R1 map_uid=%u doesn't match map pointer in R2 "
			    "map_uid=%u",
			    a->m->map_uid, a->r->map_uid);
	a->m->map = a->r->map;
	a->m->map_uid = a->r->map_uid;
	return 0;
}

static int arg_timer(struct arg *a)
{
	int err = async_field(a->v, a->n, FIELD_TIMER);

	return err ? err : arg_map(a);
}

static int arg_key(struct arg *a)
{
	int err = mem_helper_access(a->v, a->n, (int)a->m->map->key_size, ACCESS_READ, false, NULL);

	return err ? err : map_key_const(a->v, a->m->map, a->n, &a->m->key);
}

/* Memory of a fixed size that the helper reads, or fills. */
static int fixed_mem(struct arg *a, int size, enum access rw, bool fills)
{
	bool raw = fills;
	int err = mem_helper_access(a->v, a->n, size, rw, false, &raw);

	if (!err && raw && a->r->type == PTR_TO_STACK) {
		a->m->raw_reg = a->n;
		a->m->raw_size = size;
	}
	return err;
}

static int arg_value(struct arg *a)
{
	return fixed_mem(a, (int)a->m->map->value_size, ACCESS_READ, false);
}

static int arg_value_uninit(struct arg *a)
{
	return fixed_mem(a, (int)a->m->map->value_size, ACCESS_WRITE, true);
}

static int arg_long(struct arg *a)
{
	int err = fixed_mem(a, 8, ACCESS_WRITE, true);

	return err ? err : mem_aligned(a->v, a->n, 8);
}

/* Structs of a fixed size: what the helper reads, or reads and writes. */
static int arg_struct(struct arg *a)
{
	static const uint8_t sizes[_ARG_MAX] = {
		[ARG_U32_WRITE] = 4, [ARG_IPHDR] = 20, [ARG_TCPHDR] = 20, [ARG_IP6HDR] = 40
	};
	const bool writes = a->kind == ARG_U32_WRITE;
	int err = fixed_mem(a, sizes[a->kind], writes ? ACCESS_WRITE : ACCESS_READ, false);

	return err || !writes ? err : mem_aligned(a->v, a->n, 4);
}

/* Memory is checked with its size, which is the next argument. */
static int arg_mem(struct arg *a)
{
	a->m->raw = a->kind == ARG_MEM_UNINIT;
	return 0;
}

static int arg_size(struct arg *a)
{
	struct verifier *v = a->v;
	const bool zero_ok = a->kind == ARG_SIZE_OR_ZERO;
	const bool writes = a->before == ARG_MEM_UNINIT || a->before == ARG_MEM_WRITE ||
			    a->before == ARG_MEM_WRITE_OR_NULL;
	const struct range *r = &a->r->n.full;
	bool raw = a->m->raw && bounds_is_const(&a->r->n);
	int err;

	a->m->size_max = r->umax;
	if (r->smin < 0)
		return fail(v, -EACCES,
			    "R%u min value is negative, either use unsigned or 'var &= const'",
			    a->n);
	if (r->umin == 0 && !zero_ok)
		return fail(v, -EACCES, "R%u invalid zero-sized read: u64=[%lld,%lld]", a->n,
			    (long long)r->umin, (long long)r->umax);
	if (r->umax >= VAR_SIZ_MAX)
		return fail(v, -EACCES,
			    "R%u unbounded memory access, use 'var &= const' or 'if (var < const)'",
			    a->n);
	err = mem_helper_access(v, a->n - 1, (int)r->umax, writes ? ACCESS_WRITE : ACCESS_READ,
				zero_ok, &raw);
	if (!err && raw && cur_regs(v)[a->n - 1].type == PTR_TO_STACK) {
		a->m->raw_reg = a->n - 1;
		a->m->raw_size = (int)r->umax;
	}
	return err ? err : precise_mark(v, a->n);
}

static int arg_alloc_size(struct arg *a)
{
	if (!bounds_is_const(&a->r->n))
		return fail(a->v, -EACCES, "R%u is not a known constant'", a->n);
	a->m->mem_size = (uint32_t)a->r->n.bits.value;
	return precise_mark(a->v, a->n);
}

static int arg_func(struct arg *a)
{
	a->m->sub = a->r->sub;
	return 0;
}

static int arg_release(struct arg *a)
{
	if (!a->r->ref_id)
		return fail(a->v, -EINVAL, "R%u must be referenced when passed to release function",
			    a->n);
	return 0;
}

/* A string in a map that cannot change, with its end. */
int args_const_str(struct verifier *v, uint32_t n)
{
	const struct reg *r = &cur_regs(v)[n];
	const struct skep_map *map = r->map;
	uint64_t addr;
	int64_t at;

	if (!(map->flags & BPF_F_RDONLY_PROG) || !map->frozen)
		return fail(v, -EACCES, "R%u does not point to a readonly map'", n);
	if (!bounds_is_const(&r->n))
		return fail(v, -EACCES, "R%u is not a constant address'", n);
	if (!map->sys->value_addr)
		return fail(v, -EACCES, "no direct value access support for this map type");
	at = r->off + r->n.full.smin;
	if (at < 0 || at >= map->value_size ||
	    map->sys->value_addr((struct skep_map *)map, &addr, (uint32_t)at))
		return fail(v, -EACCES,
			    "invalid access to map value, value_size=%u off=%lld size=%u",
			    map->value_size, (long long)at, 1);
	if (!memchr((const void *)(uintptr_t)addr, 0, map->value_size - (size_t)at))
		return fail(v, -EINVAL, "string is not zero-terminated");
	return 0;
}

static int arg_str(struct arg *a)
{
	return args_const_str(a->v, a->n);
}

static int arg_spin_lock(struct arg *a)
{
	if (graph_in_less(a->v))
		return fail(a->v, -EACCES, "can't spin_{lock,unlock} in rbtree cb");
	return lock_step(a->v, a->n, REF_LOCK, a->m->h->id == BPF_FUNC_spin_lock);
}

static int arg_kptr_dest(struct arg *a)
{
	return kptr_dest(a->v, a->n, a->m);
}

static int arg_percpu(struct arg *a)
{
	if (!a->r->btf_id)
		return fail(a->v, -EACCES, "Helper has invalid btf_id in R%u", a->n);
	a->m->percpu = *a->r;
	return 0;
}

/* A dynptr: what is made, or expected, is in the row of the kind. */
static int arg_dynptr(struct arg *a)
{
	static const struct {
		uint8_t use, kind; /* enum dynptr_use, enum dynptr_kind */
		bool releases;
	} wants[_ARG_MAX] = {
		[ARG_DYNPTR] = { DYNPTR_READ, DYNPTR_NONE, false },
		[ARG_DYNPTR_LOCAL_UNINIT] = { DYNPTR_MAKE, DYNPTR_LOCAL, false },
		[ARG_DYNPTR_RINGBUF_UNINIT] = { DYNPTR_MAKE, DYNPTR_RINGBUF, false },
		[ARG_DYNPTR_RINGBUF_RELEASE] = { DYNPTR_CHANGE, DYNPTR_RINGBUF, true },
	};
	const bool releases = wants[a->kind].releases;
	struct dynptr d;
	int err = releases ? dynptr_releasable(a->v, a->n) : 0;

	err = err ? err : dynptr_arg(a->v, a->n, wants[a->kind].use, wants[a->kind].kind, 0);
	if (err)
		return err;
	d = dynptr_at(a->v, a->n);
	a->m->dynptr_reg = a->n;
	a->m->dynptr.kind = d.kind;
	a->m->dynptr.id = d.id;
	a->m->dynptr.ref_id = d.ref_id;
	return 0;
}

#define T(type) (1u << (type))

/* Where helpers read memory, and where keys and values may lie. */
#define MEM_TYPES                                                                         \
	(T(PTR_TO_STACK) | T(PTR_TO_PACKET) | T(PTR_TO_PACKET_META) | T(PTR_TO_MAP_KEY) | \
	 T(PTR_TO_MAP_VALUE) | T(PTR_TO_MEM) | T(PTR_TO_BUF) | T(PTR_TO_BTF_ID))

/* A socket, and as which it may come. */
#define SOCK_TYPES \
	(T(PTR_TO_SOCK_COMMON) | T(PTR_TO_SOCKET) | T(PTR_TO_TCP_SOCK) | T(PTR_TO_XDP_SOCK))
#define BTF_TYPES    T(PTR_TO_BTF_ID)
#define DYNPTR_TYPES (T(PTR_TO_STACK) | T(CONST_PTR_TO_DYNPTR))
#define BTF_NAMES    "ptr_, trusted_ptr_, rcu_ptr_"
#define SOCK_NAMES   "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_"
#define MEM_NAMES    "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_"

/* The types that an argument takes, the order in which the complaint names them, its check. */
static const struct arg_row {
	uint32_t types; /* a bit for each enum reg_type */
	bool null_ok;
	const char *expected;
	int (*check)(struct arg *a);
} rows[_ARG_MAX] = {
	[ARG_CONST_MAP_PTR] = { T(CONST_PTR_TO_MAP), false, "map_ptr", arg_map },
	[ARG_MAP_KEY] = { MEM_TYPES, false, MEM_NAMES, arg_key },
	[ARG_MAP_VALUE] = { MEM_TYPES, false, MEM_NAMES, arg_value },
	[ARG_MAP_VALUE_UNINIT] = { MEM_TYPES, false, MEM_NAMES, arg_value_uninit },
	[ARG_MEM] = { MEM_TYPES, false, MEM_NAMES, arg_mem },
	[ARG_MEM_OR_NULL] = { MEM_TYPES, true, MEM_NAMES, arg_mem },
	[ARG_MEM_UNINIT] = { MEM_TYPES, false, MEM_NAMES, arg_mem },
	[ARG_SIZE] = { T(SCALAR_VALUE), false, "scalar", arg_size },
	[ARG_SIZE_OR_ZERO] = { T(SCALAR_VALUE), false, "scalar", arg_size },
	[ARG_CTX] = { T(PTR_TO_CTX), false, "ctx", NULL },
	[ARG_CTX_OR_NULL] = { T(PTR_TO_CTX), true, "ctx", NULL },
	[ARG_CONST_STR] = { T(PTR_TO_MAP_VALUE), false, "map_value", arg_str },
	[ARG_FUNC] = { T(PTR_TO_FUNC), false, "func", arg_func },
	[ARG_STACK_OR_NULL] = { T(PTR_TO_STACK), true, "fp", NULL },
	[ARG_ALLOC_MEM] = { T(PTR_TO_MEM), false, "ringbuf_mem", arg_release },
	[ARG_ALLOC_SIZE] = { T(SCALAR_VALUE), false, "scalar", arg_alloc_size },
	[ARG_SPIN_LOCK] = { T(PTR_TO_MAP_VALUE) | BTF_TYPES, false, "map_value, ptr_",
			    arg_spin_lock },
	[ARG_LONG_PTR] = { MEM_TYPES, false, MEM_NAMES, arg_long },
	[ARG_BTF_ID] = { BTF_TYPES, false, BTF_NAMES, NULL },
	[ARG_BTF_ID_OR_NULL] = { BTF_TYPES, true, BTF_NAMES, NULL },
	[ARG_MEM_WRITE] = { MEM_TYPES, false, MEM_NAMES, arg_mem },
	[ARG_MEM_WRITE_OR_NULL] = { MEM_TYPES, true, MEM_NAMES, arg_mem },
	[ARG_MAP_VALUE_OR_NULL] = { MEM_TYPES, true, MEM_NAMES, arg_value },
	[ARG_U32_WRITE] = { MEM_TYPES, false, MEM_NAMES, arg_struct },
	[ARG_IPHDR] = { MEM_TYPES, false, MEM_NAMES, arg_struct },
	[ARG_IP6HDR] = { MEM_TYPES, false, MEM_NAMES, arg_struct },
	[ARG_TCPHDR] = { MEM_TYPES, false, MEM_NAMES, arg_struct },
	[ARG_SOCK_COMMON] = { SOCK_TYPES, false, "sock_common, sock, tcp_sock, xdp_sock", NULL },
	[ARG_SOCKET_OR_NULL] = { T(PTR_TO_SOCKET) | BTF_TYPES, true, "sock, ptr_, trusted_ptr_",
				 NULL },
	[ARG_BTF_SOCK] = { SOCK_TYPES | BTF_TYPES, false, SOCK_NAMES, NULL },
	[ARG_BTF_SOCK_OR_NULL] = { SOCK_TYPES | BTF_TYPES, true, SOCK_NAMES, NULL },
	[ARG_KPTR_DEST] = { T(PTR_TO_MAP_VALUE) | BTF_TYPES, false, "map_value, ptr_",
			    arg_kptr_dest },
	[ARG_KPTR_RELEASE] = { BTF_TYPES, true, BTF_NAMES, arg_release },
	[ARG_PERCPU_BTF_ID] = { BTF_TYPES, false,
				"percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_", arg_percpu },
	[ARG_TIMER] = { T(PTR_TO_MAP_VALUE), false, "map_value", arg_timer },
	[ARG_DYNPTR] = { DYNPTR_TYPES, false, "fp, dynptr_ptr", arg_dynptr },
	[ARG_DYNPTR_LOCAL_UNINIT] = { DYNPTR_TYPES, false, "fp, dynptr_ptr", arg_dynptr },
	[ARG_DYNPTR_RINGBUF_UNINIT] = { DYNPTR_TYPES, false, "fp, dynptr_ptr", arg_dynptr },
	[ARG_DYNPTR_RINGBUF_RELEASE] = { DYNPTR_TYPES, false, "fp, dynptr_ptr", arg_dynptr },
	[ARG_BTF_SOCK_RELEASE] = { SOCK_TYPES | BTF_TYPES, false, SOCK_NAMES, arg_release },
};

/* --- objects of the kernel, and of the program ----------------------------------------------- */

static bool is_mem(const struct arg_row *row)
{
	return row->types & T(PTR_TO_STACK) && row->types & T(PTR_TO_PACKET);
}

/* The flags with which a PTR_TO_BTF_ID may come, PTR_MAYBE_NULL apart. */
static bool object_flags_fit(const struct arg *a, const struct arg_row *row, uint32_t flags)
{
	switch (a->kind) {
	case ARG_SPIN_LOCK:
	case ARG_KPTR_DEST:
		return flags == MEM_ALLOC;
	case ARG_PERCPU_BTF_ID:
		return flags == MEM_PERCPU || flags == (MEM_PERCPU | MEM_RCU) ||
		       flags == (MEM_PERCPU | PTR_TRUSTED);
	case ARG_KPTR_RELEASE:
		flags &= flags & MEM_ALLOC ? ~(uint32_t)(MEM_ALLOC | MEM_PERCPU) : UINT32_MAX;
		break;
	default:
		break;
	}
	/* Objects that may be gone, or are not here, are none. */
	return is_mem(row) ? flags == PTR_TRUSTED : !(flags & ~(PTR_TRUSTED | MEM_RCU));
}

/* What bpf_kptr_xchg stores is of the type of the field that it goes to. */
static int kptr_fits(struct arg *a)
{
	/* Linux knows of no flags beside it. */
	if (a->r->type & MEM_ALLOC && a->r->type & ~(TYPE_MASK | MEM_ALLOC | MEM_PERCPU))
		return fail(a->v, -EFAULT,
			    "verifier bug: invalid PTR_TO_BTF_ID register for type match");
	if (may_be_null(a->r->type))
		return fail(a->v, -EACCES, "Possibly NULL pointer passed to helper arg%u", a->n);
	return kptr_match(a->v, a->m->kptr, a->n) ? -EACCES : 0;
}

/* The object in the register is of the type that the helper works on. */
static int object_fits(struct arg *a, const struct arg_row *row)
{
	const bool plain = a->kind == ARG_BTF_ID || a->kind == ARG_BTF_ID_OR_NULL;
	const char *name = plain ? helper_arg_object(a->m->h->id) : "sock_common";
	const uint32_t want = name ? btf_ptr_find(a->v, name) : 0;

	if (a->kind == ARG_SPIN_LOCK || a->kind == ARG_KPTR_DEST || a->kind == ARG_PERCPU_BTF_ID)
		return 0;
	if (a->kind == ARG_KPTR_RELEASE)
		return kptr_fits(a);
	if (is_mem(row))
		return a->kind == ARG_MEM || a->kind == ARG_MEM_OR_NULL
			       ? 0
			       : fail(a->v, -EACCES,
				      "bpf_%s() may write into memory pointed by R%u type=%s",
				      a->m->h->name, a->n, TYPE_NAME(a->r->type));
	if (want && btf_ptr_is(a->v, a->r, NULL, want, false))
		return 0;
	return fail(a->v, -EACCES, "R%u is of type %s but %s is expected", a->n,
		    btf_ptr_reg_name(a->v, a->r), name ? name : "void");
}

/* --- offsets ---------------------------------------------------------------------------------- */

/* The pointer is the one that was given out, but for a known number of bytes where `fixed`. */
static int offset_fits(struct verifier *v, uint32_t n, bool fixed)
{
	const struct reg *r = &cur_regs(v)[n];

	if (r->off < 0)
		return fail(v, -EACCES, "negative offset %s ptr R%u off=%d disallowed",
			    TYPE_NAME(r->type), n, r->off);
	if (r->off && !fixed)
		return fail(v, -EACCES, "dereference of modified %s ptr R%u off=%d disallowed",
			    TYPE_NAME(r->type), n, r->off);
	if (!bounds_is_const(&r->n) || r->n.full.smin)
		return fail(v, -EACCES, "variable %s access var_off=%s disallowed",
			    TYPE_NAME(r->type), TNUM_TEXT(r->n.bits));
	return 0;
}

int args_fixed(struct verifier *v, uint32_t n)
{
	return offset_fits(v, n, true);
}

/* An object's member is found by the offset, where the pointer is one that may be used. */
static bool has_members(uint32_t type)
{
	const uint32_t flags = type & ~TYPE_MASK;

	return base_type(type) == PTR_TO_BTF_ID &&
	       (!flags || flags == MEM_ALLOC || flags == PTR_TRUSTED || flags == MEM_RCU ||
		flags == (MEM_ALLOC | NON_OWN_REF) || flags == (MEM_ALLOC | NON_OWN_REF | MEM_RCU));
}

/* The offset is one that a function may get, or give back, with the register. */
static int check_offset(struct verifier *v, uint32_t n, bool release)
{
	const struct reg *r = &cur_regs(v)[n];

	if (release && r->off)
		return fail(v, -EINVAL,
			    "R%u must have zero offset when passed to release func or trusted arg "
			    "to kfunc",
			    n);
	switch (base_type(r->type)) {
	case PTR_TO_STACK:
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case PTR_TO_ARENA:
	case SCALAR_VALUE:
		if (!release && !(r->type & MEM_SLICE))
			return 0;
		break;
	default:
		break;
	}
	return offset_fits(v, n, !release && has_members(r->type));
}

int args_offset(struct verifier *v, uint32_t n)
{
	return check_offset(v, n, false);
}

int args_release_offset(struct verifier *v, uint32_t n)
{
	return check_offset(v, n, true);
}

int args_no_offset(struct verifier *v, uint32_t n)
{
	return offset_fits(v, n, false);
}

int args_mem(struct verifier *v, uint32_t n, int size)
{
	struct reg *r = &cur_regs(v)[n];
	const struct reg was = *r;
	int err;

	if (reg_is_null(r))
		return 0;
	if (may_be_null(r->type))
		reg_not_null(r);
	err = mem_helper_access(v, n, size, ACCESS_READ, true, NULL);
	err = err ? err : mem_helper_access(v, n, size, ACCESS_WRITE, true, NULL);
	cur_regs(v)[n] = was;
	return err;
}

int args_mem_size(struct verifier *v, uint32_t n)
{
	struct call_meta m = { 0 };
	struct arg a = { .v = v, .m = &m, .n = n, .r = &cur_regs(v)[n], .kind = ARG_SIZE_OR_ZERO };
	struct reg *mem = &cur_regs(v)[n - 1];
	const struct reg was = *mem;
	int err;

	if (a.r->type != SCALAR_VALUE)
		return fail(v, -EINVAL, "R%u is not a scalar", n);
	if (may_be_null(mem->type))
		reg_not_null(mem);
	a.before = ARG_MEM;
	err = arg_size(&a);
	a.before = ARG_MEM_UNINIT;
	err = err ? err : arg_size(&a);
	cur_regs(v)[n - 1] = was;
	return err;
}

/* Memory that is only read (MEM_RDONLY of the kernel's argument types). */
static bool takes_rdonly(uint8_t kind)
{
	return kind == ARG_MEM || kind == ARG_MEM_OR_NULL || kind == ARG_IPHDR ||
	       kind == ARG_IP6HDR || kind == ARG_TCPHDR;
}

static bool type_fits(const struct arg *a, const struct arg_row *row)
{
	const uint32_t type = a->r->type, flags = type & ~(TYPE_MASK | PTR_MAYBE_NULL);

	if (!(row->types & T(base_type(type))) || (may_be_null(type) && !row->null_ok))
		return false;
	if (a->kind == ARG_ALLOC_MEM)
		return flags & MEM_RINGBUF;
	if (base_type(type) == PTR_TO_MEM)
		return !(flags & ~(MEM_RINGBUF | (row->check == arg_mem ? MEM_SLICE : 0) |
				   (takes_rdonly(a->kind) ? MEM_RDONLY : 0)));
	return base_type(type) != PTR_TO_BTF_ID || object_flags_fit(a, row, flags);
}

/* The kind of an argument: what a map of sockets takes as values are sockets. */
static uint8_t arg_kind(const struct call_meta *m, uint32_t arg)
{
	const uint8_t kind = m->h->arg[arg];

	if (kind == ARG_MAP_VALUE && m->map && map_holds_sockets(m->map))
		return ARG_BTF_SOCK;
	/* A filter is asked for a value, not told where to put one. */
	if (kind == ARG_MAP_VALUE_UNINIT && m->map && m->map->type == BPF_MAP_TYPE_BLOOM_FILTER &&
	    m->h->id == BPF_FUNC_map_peek_elem)
		return ARG_MAP_VALUE;
	return kind;
}

static bool releases(uint8_t kind)
{
	return kind == ARG_ALLOC_MEM || kind == ARG_KPTR_RELEASE || kind == ARG_BTF_SOCK_RELEASE;
}

int args_check(struct verifier *v, struct call_meta *m, uint32_t arg)
{
	const struct arg_row *row = &rows[arg_kind(m, arg)];
	struct arg a = { v,
			 m,
			 BPF_REG_1 + arg,
			 &cur_regs(v)[BPF_REG_1 + arg],
			 arg_kind(m, arg),
			 arg ? m->h->arg[arg - 1] : ARG_NONE };
	int err;

	if (a.kind == ARG_NONE)
		return 0;
	err = reg_read(v, a.n);
	if (err)
		return err;
	if (a.kind == ARG_ANYTHING)
		return reg_is_secret(v, a.r)
			       ? fail(v, -EACCES, "R%u leaks addr into helper function", a.n)
			       : 0;
	if (reg_is_pkt(a.r) && !v->prog->kind->pkt_free &&
	    !(m->h->pkt_access && (v->prog->kind->pkt_read || v->prog->kind->pkt_write)))
		return fail(v, -EACCES, "helper access to the packet is not allowed");
	if (row->null_ok && reg_is_null(a.r)) {
		m->raw = false;
		/* Where no bytes of memory are does not matter, nor what a callback is handed. */
		return row->check == arg_mem || a.kind == ARG_STACK_OR_NULL ? 0
									    : precise_mark(v, a.n);
	}
	if (!type_fits(&a, row))
		return fail(v, -EACCES, "R%u type=%s expected=%s", a.n, TYPE_NAME(a.r->type),
			    row->expected ? row->expected : "nothing that is known here");
	err = base_type(a.r->type) == PTR_TO_BTF_ID ? object_fits(&a, row) : 0;
	err = err ? err : check_offset(v, a.n, releases(a.kind));
	if (err)
		return err;
	if (a.r->ref_id && a.kind != ARG_KPTR_DEST)
		m->ref_id = a.r->ref_id;
	return row->check ? row->check(&a) : 0;
}
