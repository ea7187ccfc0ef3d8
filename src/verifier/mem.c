/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.c - loads and stores: a row per type of pointer says what may be reached through it.
 */
#include "verifier/verifier_int.h"

/* One access, as the rows see it. */
struct mem {
	struct verifier *v;
	struct reg *r; /* the pointer */
	uint32_t n;    /* its register */
	int off;       /* from the pointer's base, fixed parts together */
	unsigned size; /* bytes */
	enum access rw;
	int value; /* register stored or loaded, -1: none */
	bool sign; /* sign-extending load */
};

/* Checks the access and puts into m->value what a load gives; 0 or -errno. */
typedef int (*mem_fn)(struct mem *m);

#define BAD_INDEX \
	"R%u min value is negative, either use unsigned index or do a if (index >=0) check."

static int bad_region(struct mem *m, int64_t off, int size, uint32_t mem_size)
{
	struct verifier *v = m->v;

	switch (base_type(m->r->type)) {
	case PTR_TO_MAP_KEY:
		return fail(v, -EACCES, "invalid access to map key, key_size=%u off=%lld size=%d",
			    mem_size, (long long)off, size);
	case PTR_TO_MAP_VALUE:
		return fail(v, -EACCES,
			    "invalid access to map value, value_size=%u off=%lld size=%d", mem_size,
			    (long long)off, size);
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		return fail(v, -EACCES,
			    "invalid access to packet, off=%lld size=%d, R%u(id=%u,off=%lld,r=%u)",
			    (long long)off, size, m->n, m->r->id, (long long)off, mem_size);
	default:
		return fail(v, -EACCES, "invalid access to memory, mem_size=%u off=%lld size=%d",
			    mem_size, (long long)off, size);
	}
}

static bool inside(int64_t off, int size, uint32_t mem_size, bool zero_ok)
{
	return off >= 0 && (size > 0 || (size == 0 && zero_ok)) && off + size <= mem_size;
}

/* [off, off + size) of a region of mem_size bytes, moved by the pointer's variable part. */
static int region(struct mem *m, int size, uint32_t mem_size, bool zero_ok)
{
	struct verifier *v = m->v;
	const struct range *r = &m->r->n.full;

	if (r->smin < 0 &&
	    (r->smin == INT64_MIN || m->off + r->smin != (int32_t)(m->off + r->smin) ||
	     m->off + r->smin < 0))
		return fail(v, -EACCES, BAD_INDEX, m->n);
	if (!inside(m->off + r->smin, size, mem_size, zero_ok)) {
		bad_region(m, m->off + r->smin, size, mem_size);
		return fail(v, -EACCES, "R%u min value is outside of the allowed memory range",
			    m->n);
	}
	if (r->umax >= VAR_OFF_MAX)
		return fail(
			v, -EACCES,
			"R%u unbounded memory access, make sure to bounds check any such access",
			m->n);
	if (!inside(m->off + (int64_t)r->umax, size, mem_size, zero_ok)) {
		bad_region(m, m->off + (int64_t)r->umax, size, mem_size);
		return fail(v, -EACCES, "R%u max value is outside of the allowed memory range",
			    m->n);
	}
	return 0;
}

static int packet(struct mem *m, int size, bool zero_ok)
{
	struct verifier *v = m->v;

	if (m->r->n.full.smin < 0)
		return fail(v, -EACCES, BAD_INDEX, m->n);
	if (m->r->range < 0)
		return fail(v, -EINVAL, "R%u offset is outside of the packet", m->n);
	if (!inside(m->off, size, (uint32_t)m->r->range, zero_ok)) {
		bad_region(m, m->off, size, (uint32_t)m->r->range);
		return fail(v, -EACCES, "R%u offset is outside of the packet", m->n);
	}
	return 0;
}

static int leaks(struct mem *m, const char *where)
{
	struct verifier *v = m->v;

	if (m->rw == ACCESS_WRITE && m->value >= 0 && reg_is_secret(v, &cur_regs(v)[m->value]))
		return fail(v, -EACCES, "R%d leaks addr into %s", m->value, where);
	return 0;
}

static void loaded(struct mem *m)
{
	if (m->rw == ACCESS_READ && m->value >= 0)
		reg_unknown(m->v, &cur_regs(m->v)[m->value]);
}

/* --- the rows ------------------------------------------------------------------------------- */

static int mem_none(struct mem *m)
{
	return fail(m->v, -EACCES, "R%u invalid mem access '%s'", m->n, TYPE_NAME(m->r->type));
}

static int mem_map_key(struct mem *m)
{
	int err;

	if (m->rw == ACCESS_WRITE)
		return fail(m->v, -EACCES, "write to change key R%u not allowed", m->n);
	err = region(m, (int)m->size, m->r->map->key_size, false);
	if (!err)
		loaded(m);
	return err;
}

static bool map_allows(const struct skep_map *map, enum access rw)
{
	return !(map->flags & (rw == ACCESS_WRITE ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG));
}

static int map_may(struct mem *m, int size)
{
	const struct skep_map *map = m->r->map;

	if (map_allows(map, m->rw))
		return 0;
	return fail(m->v, -EACCES, "%s map forbidden, value_size=%u off=%d size=%d",
		    m->rw == ACCESS_WRITE ? "write into" : "read from", map->value_size, m->off,
		    size);
}

/* A kptr is accessed by an instruction, all of it at a time. */
static int kptr_whole(struct mem *m, const struct btf_field *f, int size, bool helper)
{
	const char *name = btf_field_name(f->type);
	const int64_t off = m->off + (int64_t)m->r->n.bits.value;

	if (helper)
		return fail(m->v, -EACCES, "%s cannot be accessed indirectly by helper", name);
	if (!bounds_is_const(&m->r->n))
		return fail(m->v, -EACCES, "%s access cannot have variable offset", name);
	if (f->off != off)
		return fail(m->v, -EACCES, "%s access misaligned expected=%u off=%lld", name,
			    f->off, (long long)off);
	return size == 8 ? 0 : fail(m->v, -EACCES, "%s access size must be BPF_DW", name);
}

/* Locks and timers are for functions alone, kptrs for instructions. */
static int special_fields(struct mem *m, int size, bool helper)
{
	int err = 0;

	const struct btf_record *r = m->r->map->record;

	for (uint32_t i = 0; r && i < r->cnt && !err; i++) {
		const struct btf_field *f = &r->field[i];

		if (m->off + m->r->n.full.smin >= (int64_t)f->off + f->size ||
		    f->off >= m->off + (int64_t)m->r->n.full.umax + size)
			continue;
		if (f->type & (FIELD_KPTR | FIELD_UPTR))
			err = kptr_whole(m, f, size, helper);
		else
			err = fail(m->v, -EACCES, "%s cannot be accessed directly by load/store",
				   btf_field_name(f->type));
	}
	return err;
}

/* A constant from a map that nobody can write any more. */
static bool read_frozen(struct mem *m)
{
	struct skep_map *map = m->r->map;
	struct verifier *v = m->v;
	const unsigned up = 64 - 8 * m->size; /* bits above the value */
	uint64_t addr, value = 0;

	if (!(map->flags & BPF_F_RDONLY_PROG) || !map->frozen || !map->sys->value_addr ||
	    !bounds_is_const(&m->r->n) ||
	    map->sys->value_addr(map, &addr, (uint32_t)(m->off + m->r->n.full.smin)))
		return false;
	memcpy(&value, (const void *)(uintptr_t)addr, m->size);
	if (m->sign && up > 0 && up < 64)
		value = (uint64_t)((int64_t)(value << up) >> up);
	reg_known(&cur_regs(v)[m->value], value);
	return true;
}

static int mem_map_value(struct mem *m)
{
	const struct btf_field *kptr = NULL;
	int err = leaks(m, "map");

	err = err ? err : map_may(m, (int)m->size);
	err = err ? err : region(m, (int)m->size, m->r->map->value_size, false);
	err = err ? err : special_fields(m, (int)m->size, false);
	if (!err && bounds_is_const(&m->r->n))
		kptr = btf_record_find(m->r->map->record,
				       (uint32_t)(m->off + (int64_t)m->r->n.bits.value),
				       FIELD_KPTR | FIELD_UPTR);
	if (kptr)
		return kptr_access(m->v, kptr, m->rw, m->value);
	if (!err && m->rw == ACCESS_READ && m->value >= 0 && !read_frozen(m))
		loaded(m);
	return err;
}

int mem_map_value_inside(struct verifier *v, uint32_t n)
{
	struct reg *r = &cur_regs(v)[n];
	struct mem m = { v, r, n, r->off, 1, ACCESS_READ, -1, false };
	int err = region(&m, 1, r->map->value_size, false);

	return err ? err : special_fields(&m, 1, true);
}

bool mem_probe(struct verifier *v)
{
	if (BPF_CLASS(v->insns[v->i].code) != BPF_LDX)
		return v->opts->judge;
	v->aux[v->i].probe = true;
	return true;
}

static int mem_mem(struct mem *m)
{
	struct verifier *v = m->v;
	int err;

	if (m->rw == ACCESS_WRITE && m->r->type & MEM_RDONLY)
		return fail(v, -EACCES, "R%u cannot write into %s", m->n, TYPE_NAME(m->r->type));
	err = leaks(m, "mem");
	/* What may point anywhere is read as a probe. */
	if (m->r->type & PTR_UNTRUSTED && !mem_probe(v))
		return mem_none(m);
	if (!(m->r->type & PTR_UNTRUSTED))
		err = err ? err : region(m, (int)m->size, m->r->mem_size, false);
	if (!err)
		loaded(m);
	return err;
}

static int mem_stack(struct mem *m)
{
	int err = stack_bounds(m->v, m->n, m->off, (int)m->size, m->rw);

	if (err)
		return err;
	if (m->rw == ACCESS_READ)
		return stack_read(m->v, m->n, m->off, m->size, m->value);
	return stack_write(m->v, m->n, m->off, m->size, m->value);
}

/* May this type of program access packets? */
static bool packet_may(const struct verifier *v, enum access rw)
{
	const struct prog_type *t = v->prog->kind;

	return rw == ACCESS_WRITE ? t->pkt_write : t->pkt_read || t->pkt_write;
}

static int mem_packet(struct mem *m)
{
	struct verifier *v = m->v;
	int err;

	if (m->rw == ACCESS_WRITE && !packet_may(v, m->rw))
		return fail(v, -EACCES, "cannot write into packet");
	err = leaks(m, "packet");
	err = err ? err : packet(m, (int)m->size, false);
	if (!err)
		loaded(m);
	return err;
}

/* What a context field is to the program; others are numbers. */
static const uint32_t field_types[] = {
	[CTX_NONE] = SCALAR_VALUE,
	[CTX_PKT] = PTR_TO_PACKET,
	[CTX_PKT_META] = PTR_TO_PACKET_META,
	[CTX_PKT_END] = PTR_TO_PACKET_END,
	[CTX_SOCK_COMMON_NULL] = PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
	[CTX_SOCK] = PTR_TO_SOCKET,
	[CTX_SOCK_NULL] = PTR_TO_SOCKET | PTR_MAYBE_NULL,
	[CTX_FLOW_KEYS] = PTR_TO_FLOW_KEYS,
	[CTX_TP_BUFFER] = PTR_TO_TP_BUFFER,
	[CTX_OBJECT] = PTR_TO_BTF_ID | PTR_TRUSTED,
};

static uint32_t field_type(const struct ctx_field *f, unsigned size)
{
	if (f->kind >= ARRAY_SIZE(field_types) || !field_types[f->kind] || size < 4)
		return SCALAR_VALUE;
	return field_types[f->kind];
}

/* A context that is a list of a function's arguments. */
static int mem_args(struct mem *m)
{
	struct reg r;
	int err = target_access(m->v, m->off, m->size, m->rw == ACCESS_WRITE, &r);

	if (!err && m->value >= 0)
		cur_regs(m->v)[m->value] = r;
	return err;
}

static int mem_btf_id(struct mem *m)
{
	int err = btf_ptr_access(m->v, m->n, m->off, m->size, m->rw == ACCESS_WRITE, m->value);

	return err > 0 ? mem_none(m) : err;
}

static int mem_ctx(struct mem *m)
{
	struct verifier *v = m->v;
	const struct ctx_field *field;
	int err = leaks(m, "ctx");
	uint32_t type;

	if (err)
		return err;
	if (!bounds_is_const(&m->r->n) || m->r->n.full.smin)
		return fail(v, -EACCES, "variable ctx access var_off=%s disallowed",
			    TNUM_TEXT(m->r->n.bits));
	if (m->r->off < 0)
		return fail(v, -EACCES, "negative offset ctx ptr R%u off=%d disallowed", m->n,
			    m->r->off);
	if (m->r->off && v->prog->kind->fields && v->prog->kind->ctx_size)
		return fail(v, -EACCES, "dereference of modified ctx ptr R%u off=%d disallowed",
			    m->n, m->r->off);
	if (v->target.name)
		return mem_args(m);
	err = ctx_check(v, m->off, m->size, m->rw == ACCESS_WRITE, m->sign, &field);
	if (err || m->rw == ACCESS_WRITE || m->value < 0)
		return err;
	loaded(m);
	type = field_type(field, m->size);
	if (type != SCALAR_VALUE)
		reg_pointer(&cur_regs(v)[m->value], type);
	if (base_type(type) == PTR_TO_BTF_ID)
		cur_regs(v)[m->value].btf_id = btf_ptr_find(v, field->object);
	if (may_be_null(type))
		cur_regs(v)[m->value].id = ++v->ids;
	return 0;
}

static enum prog_object object_of(uint32_t type)
{
	switch (base_type(type)) {
	case PTR_TO_SOCK_COMMON:
		return OBJECT_SOCK_COMMON;
	case PTR_TO_TCP_SOCK:
		return OBJECT_TCP_SOCK;
	case PTR_TO_XDP_SOCK:
		return OBJECT_XDP_SOCK;
	default:
		return OBJECT_SOCKET;
	}
}

/* Fields of sockets, by a table as those of contexts; none can be written. */
static int mem_sock(struct mem *m)
{
	const struct ctx_access a = { .off = (uint32_t)m->off, .size = m->size, .sign = m->sign };
	struct verifier *v = m->v;

	if (m->rw == ACCESS_WRITE)
		return fail(v, -EACCES, "R%u cannot write into %s", m->n, TYPE_NAME(m->r->type));
	if (m->r->n.full.smin < 0)
		return fail(v, -EACCES, BAD_INDEX, m->n);
	if (!prog_object_access(object_of(m->r->type), &a))
		return fail(v, -EACCES, "R%u invalid %s access off=%d size=%u", m->n,
			    TYPE_NAME(m->r->type), m->off, m->size);
	loaded(m);
	return 0;
}

static int mem_flow_keys(struct mem *m)
{
	struct verifier *v = m->v;
	int err = leaks(m, "flow keys");

	if (err)
		return err;
	if (!inside(m->off, (int)m->size, sizeof(struct bpf_flow_keys), false))
		return fail(v, -EACCES, "invalid access to flow keys off=%d size=%u", m->off,
			    m->size);
	loaded(m);
	return 0;
}

/* Whoever attaches the program knows how long the record, or the key or value, is. */
static int buffer(struct mem *m, unsigned size)
{
	struct verifier *v = m->v;
	const char *what = base_type(m->r->type) == PTR_TO_TP_BUFFER ? "tracepoint"
			   : m->r->type & MEM_RDONLY		     ? "rdonly"
								     : "rdwr";

	if (m->off < 0)
		return fail(v, -EACCES, "R%u invalid %s buffer access: off=%d, size=%u", m->n, what,
			    m->off, size);
	if (!bounds_is_const(&m->r->n) || m->r->n.bits.value)
		return fail(v, -EACCES, "R%u invalid variable buffer offset: off=%d, var_off=%s",
			    m->n, m->off, TNUM_TEXT(m->r->n.bits));
	if (base_type(m->r->type) == PTR_TO_BUF) {
		uint32_t *max = m->r->type & MEM_RDONLY ? &v->prog->max_rdonly : &v->prog->max_rdwr;

		*max = MAX(*max, (uint32_t)m->off + size);
	}
	return 0;
}

static int mem_buffer(struct mem *m)
{
	int err = 0;

	if (m->rw == ACCESS_WRITE && m->r->type & MEM_RDONLY)
		return fail(m->v, -EACCES, "R%u cannot write into %s", m->n, TYPE_NAME(m->r->type));
	err = buffer(m, m->size);
	if (!err)
		loaded(m);
	return err;
}

static int mem_arena(struct mem *m)
{
	loaded(m);
	return 0;
}

static int mem_map_ptr(struct mem *m)
{
	return map_ptr_access(m->v, m->n, m->off, m->size, m->rw == ACCESS_WRITE, m->value);
}

static const mem_fn mem_rows[_REG_TYPE_MAX] = {
	[NOT_INIT] = mem_none,
	[SCALAR_VALUE] = mem_none,
	[PTR_TO_CTX] = mem_ctx,
	[CONST_PTR_TO_MAP] = mem_map_ptr,
	[PTR_TO_MAP_VALUE] = mem_map_value,
	[PTR_TO_MAP_KEY] = mem_map_key,
	[PTR_TO_STACK] = mem_stack,
	[PTR_TO_PACKET_META] = mem_packet,
	[PTR_TO_PACKET] = mem_packet,
	[PTR_TO_PACKET_END] = mem_none,
	[PTR_TO_MEM] = mem_mem,
	[PTR_TO_BTF_ID] = mem_btf_id,
	[PTR_TO_FUNC] = mem_none,
	[PTR_TO_SOCKET] = mem_sock,
	[PTR_TO_SOCK_COMMON] = mem_sock,
	[PTR_TO_TCP_SOCK] = mem_sock,
	[PTR_TO_XDP_SOCK] = mem_sock,
	[PTR_TO_FLOW_KEYS] = mem_flow_keys,
	[PTR_TO_ARENA] = mem_arena,
	[PTR_TO_TP_BUFFER] = mem_buffer,
	[PTR_TO_BUF] = mem_buffer,
	[CONST_PTR_TO_DYNPTR] = mem_none,
};

/* --- alignment ------------------------------------------------------------------------------ */

static const char *const align_words[_REG_TYPE_MAX] = {
	[PTR_TO_MAP_VALUE] = "value ",
	[PTR_TO_MAP_KEY] = "key ",
	[PTR_TO_CTX] = "context ",
	[PTR_TO_STACK] = "stack ",
	[PTR_TO_FLOW_KEYS] = "flow keys ",
	[PTR_TO_SOCKET] = "sock ",
	[PTR_TO_SOCK_COMMON] = "sock_common ",
	[PTR_TO_TCP_SOCK] = "tcp_sock ",
	[PTR_TO_XDP_SOCK] = "xdp_sock ",
};

static int alignment(struct mem *m, bool strict)
{
	struct verifier *v = m->v;
	const struct reg *r = m->r;
	const uint32_t type = base_type(r->type);
	const char *word = align_words[type] ? align_words[type] : "";
	const int net_ip_align = 2;
	struct tnum at;

	if (type == PTR_TO_ARENA)
		return 0;
	strict |= v->strict_align;
	if (reg_is_pkt(r)) {
		at = tnum_add(r->n.bits, tnum_const((uint64_t)(int64_t)(net_ip_align + m->off)));
		if (!strict || tnum_is_aligned(at, m->size))
			return 0;
		return fail(v, -EACCES, "misaligned packet access off %d+%s+%d+%d size %u",
			    net_ip_align, TNUM_TEXT(r->n.bits), r->off, m->off - r->off, m->size);
	}
	at = tnum_add(r->n.bits, tnum_const((uint64_t)(int64_t)m->off));
	if (!(strict || type == PTR_TO_STACK) || tnum_is_aligned(at, m->size))
		return 0;
	return fail(v, -EACCES, "misaligned %saccess off %s+%d+%d size %u", word,
		    TNUM_TEXT(r->n.bits), r->off, m->off - r->off, m->size);
}

int mem_aligned(struct verifier *v, uint32_t n, unsigned size)
{
	struct reg *r = &cur_regs(v)[n];
	struct mem m = { v, r, n, r->off, size, ACCESS_WRITE, -1, false };

	return alignment(&m, true);
}

int mem_access(struct verifier *v, uint32_t n, int off, unsigned size, enum access rw, int value,
	       bool strict, bool sign)
{
	struct reg *r = &cur_regs(v)[n];
	struct mem m = { v, r, n, off + r->off, size, rw, value, sign };
	struct reg *d;
	int err = alignment(&m, strict);

	if (err)
		return err;
	if (may_be_null(r->type))
		return mem_none(&m);
	err = mem_rows[base_type(r->type)](&m);
	if (err || value < 0 || rw == ACCESS_WRITE)
		return err;
	d = &cur_regs(v)[value];
	if (size < 8 && d->type == SCALAR_VALUE) {
		/* What came from a spill is that number no more once its sign is taken from it. */
		if (sign && d->n.full.umax >= UINT64_C(1) << (size * 8 - 1)) {
			d->id = 0;
			d->off = 0;
		}
		if (sign)
			bounds_sext(&d->n, size * 8, false);
		else
			bounds_zext(&d->n, size * 8);
	}
	return 0;
}

/* --- instructions --------------------------------------------------------------------------- */

/* Accesses that are rewritten onto what really stands there. */
static bool rewritten(uint32_t type)
{
	switch (type) {
	case PTR_TO_CTX:
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_XDP_SOCK:
	case PTR_TO_BTF_ID:
		return true;
	default:
		return false;
	}
}

/* An instruction must be for one such type, or for none. */
static int note_type(struct verifier *v, uint32_t type)
{
	uint8_t *seen = &v->info[v->i].ptr_type;
	const uint8_t now = (uint8_t)base_type(type);

	if (*seen && *seen != now && (rewritten(*seen) || rewritten(now)))
		return fail(v, -EINVAL, "same insn cannot be used with different pointers");
	*seen = now;
	return 0;
}

/* An instruction that loads a kptr does nothing else: engines look what it leads to. */
static int note_kptr(struct verifier *v)
{
	struct insn_info *info = &v->info[v->i];

	*(v->kptr ? &info->kptr : &info->no_kptr) = true;
	v->aux[v->i].kptr = info->kptr;
	return info->kptr && info->no_kptr && !v->opts->judge
		       ? fail(v, -EINVAL, "same insn cannot be used for a kptr and for other data")
		       : 0;
}

int mem_step_load(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	int err = reg_read(v, insn->src_reg);
	uint32_t type = cur_regs(v)[insn->src_reg].type;

	v->kptr = false;
	err = err ? err : reg_write(v, insn->dst_reg);
	err = err ? err
		  : mem_access(v, insn->src_reg, insn->off, insn_mem_size(insn->code), ACCESS_READ,
			       insn->dst_reg, false, BPF_MODE(insn->code) == BPF_MEMSX);
	err = err ? err : note_kptr(v);
	return err ? err : note_type(v, type);
}

int mem_step_store(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	const bool reg = BPF_CLASS(insn->code) == BPF_STX;
	int err = reg ? reg_read(v, insn->src_reg) : 0;
	uint32_t type = cur_regs(v)[insn->dst_reg].type;

	err = err ? err : reg_read(v, insn->dst_reg);
	err = err ? err
		  : mem_access(v, insn->dst_reg, insn->off, insn_mem_size(insn->code), ACCESS_WRITE,
			       reg ? insn->src_reg : -1, false, false);
	return err ? err : note_type(v, type);
}

/* What x86-64 has to do in a loop, Linux does not do in arenas. */
static bool is_loop(const struct bpf_insn *insn)
{
	return insn->imm == (BPF_AND | BPF_FETCH) || insn->imm == (BPF_OR | BPF_FETCH) ||
	       insn->imm == (BPF_XOR | BPF_FETCH);
}

static bool atomic_allowed(const struct reg *r, const struct bpf_insn *insn)
{
	if (r->type == PTR_TO_ARENA)
		return !is_loop(insn);
	return !reg_is_pkt(r) && base_type(r->type) != PTR_TO_FLOW_KEYS &&
	       (!rewritten(base_type(r->type)) || base_type(r->type) == PTR_TO_BTF_ID);
}

/* Load-acquire and store-release are a load and a store. */
static int acquire_release(struct verifier *v, const struct bpf_insn *insn)
{
	const bool load = insn->imm == BPF_LOAD_ACQ;
	const unsigned ptr = load ? insn->src_reg : insn->dst_reg;
	int err = reg_read(v, insn->src_reg);

	err = err ? err : load ? reg_write(v, insn->dst_reg) : reg_read(v, insn->dst_reg);
	if (err)
		return err;
	if (!atomic_allowed(&cur_regs(v)[ptr], insn))
		return fail(v, -EACCES, "BPF_ATOMIC %s R%u %s is not allowed",
			    load ? "loads from" : "stores into", ptr,
			    TYPE_NAME(cur_regs(v)[ptr].type));
	return mem_access(v, ptr, insn->off, insn_mem_size(insn->code),
			  load ? ACCESS_READ : ACCESS_WRITE, load ? insn->dst_reg : insn->src_reg,
			  true, false);
}

int mem_step_atomic(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	const unsigned size = insn_mem_size(insn->code), dst = insn->dst_reg;
	const bool cmpxchg = insn->imm == BPF_CMPXCHG;
	int load = -1, err;

	if (insn->imm == BPF_LOAD_ACQ || insn->imm == BPF_STORE_REL)
		return acquire_release(v, insn);
	err = reg_read(v, insn->src_reg);
	err = err ? err : reg_read(v, dst);
	if (!err && cmpxchg)
		err = reg_read(v, BPF_REG_0);
	if (err)
		return err;
	if (cmpxchg && reg_is_secret(v, &cur_regs(v)[BPF_REG_0]))
		return fail(v, -EACCES, "R0 leaks addr into mem");
	if (reg_is_secret(v, &cur_regs(v)[insn->src_reg]))
		return fail(v, -EACCES, "R%u leaks addr into mem", insn->src_reg);
	if (!atomic_allowed(&cur_regs(v)[dst], insn))
		return fail(v, -EACCES, "BPF_ATOMIC stores into R%u %s is not allowed", dst,
			    TYPE_NAME(cur_regs(v)[dst].type));
	if (insn->imm & BPF_FETCH) {
		load = cmpxchg ? BPF_REG_0 : insn->src_reg;
		err = reg_write(v, (uint32_t)load);
	}
	err = err ? err : mem_access(v, dst, insn->off, size, ACCESS_READ, -1, true, false);
	if (!err && load >= 0)
		err = mem_access(v, dst, insn->off, size, ACCESS_READ, load, true, false);
	err = err ? err : note_type(v, cur_regs(v)[dst].type);
	return err ? err : mem_access(v, dst, insn->off, size, ACCESS_WRITE, -1, true, false);
}

/* --- helpers -------------------------------------------------------------------------------- */

int mem_helper_access(struct verifier *v, uint32_t n, int size, enum access rw, bool zero_ok,
		      bool *raw)
{
	struct reg *r = &cur_regs(v)[n];
	struct mem m = { v, r, n, r->off, (unsigned)size, rw, -1, false };
	int err;

	if (base_type(r->type) == PTR_TO_BTF_ID && !may_be_null(r->type)) {
		err = btf_ptr_access(v, n, r->off, (unsigned)size, rw == ACCESS_WRITE, -1);
		return err > 0 ? mem_none(&m) : err;
	}
	switch (r->type & ~(MEM_RDONLY | MEM_RINGBUF | MEM_SLICE)) {
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		return packet(&m, size, zero_ok);
	case PTR_TO_MAP_KEY:
		if (rw == ACCESS_WRITE)
			return fail(v, -EACCES, "R%u cannot write into %s", n, TYPE_NAME(r->type));
		return region(&m, size, r->map->key_size, false);
	case PTR_TO_MAP_VALUE:
		err = map_may(&m, size);
		err = err ? err : region(&m, size, r->map->value_size, zero_ok);
		return err ? err : special_fields(&m, size, true);
	case PTR_TO_MEM:
		if (rw == ACCESS_WRITE && r->type & MEM_RDONLY)
			return fail(v, -EACCES, "R%u cannot write into %s", n, TYPE_NAME(r->type));
		return region(&m, size, r->mem_size, zero_ok);
	case PTR_TO_BUF:
		if (rw == ACCESS_WRITE && r->type & MEM_RDONLY)
			return fail(v, -EACCES, "R%u cannot write into %s", n, TYPE_NAME(r->type));
		return buffer(&m, (unsigned)size);
	case PTR_TO_STACK:
		return stack_range(v, n, r->off, size, rw, zero_ok, raw);
	case PTR_TO_CTX:
		if (!v->prog->kind->ctx_size && size > 0)
			return mem_access(v, n, size - 1, 1, rw, -1, false, false);
		break;
	default:
		break;
	}
	if (zero_ok && size == 0 && reg_is_null(r))
		return 0;
	return fail(v, -EACCES, "R%u type=%s expected=%s", n, TYPE_NAME(r->type),
		    TYPE_NAME(PTR_TO_STACK));
}
