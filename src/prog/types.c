/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * types.c - the program types (types.def) and the judgement on context accesses: what fields
 * there are is data, what may be done with a kind of field is here.
 */
#include "prog/ctx_int.h"

#include <linux/bpf_perf_event.h>

#define LOAD		  1
#define RUN		  2
#define LD_ABS		  4
#define PERFMON		  8
#define NET		  16
#define PKT		  32
#define PKT_WRITE	  64
#define PKT_FREE	  128

#define NO_CTX		  .fields = NULL
#define CTX(table, bytes) .fields = (table), .nr_fields = ARRAY_SIZE(table), .ctx_size = (bytes)

static const struct prog_type types[] = {
#define PROG_TYPE(id, word, ctx, flags)           \
	[BPF_PROG_TYPE_##id] = {                  \
		.name = (word),                   \
		ctx,                              \
		.loadable = (flags)&LOAD,         \
		.test_run = (flags)&RUN,          \
		.ld_abs = (flags)&LD_ABS,         \
		.pkt_read = (flags)&PKT,          \
		.pkt_write = (flags)&PKT_WRITE,   \
		.pkt_free = (flags)&PKT_FREE,     \
		.needs_perfmon = (flags)&PERFMON, \
		.needs_net = (flags)&NET,         \
	},
#include "prog/types.def"
#undef PROG_TYPE
};
static_assert(ARRAY_SIZE(types) == BPF_PROG_TYPE_NETFILTER + 1, "a program type lacks its row");

const struct prog_type *prog_type(uint32_t type)
{
	return type < ARRAY_SIZE(types) ? &types[type] : NULL;
}

uint32_t prog_type_count(void)
{
	return ARRAY_SIZE(types);
}

const struct ctx_field *prog_ctx_field(const struct prog_type *t, uint32_t off, uint32_t size)
{
	for (uint32_t i = 0; i < t->nr_fields; i++) {
		const struct ctx_field *f = &t->fields[i];

		if (off >= f->off && off - f->off < f->size)
			return size <= f->size - (off - f->off) ? f : NULL;
	}
	return NULL;
}

/* May an aligned access that lies inside f be made? */
static bool access_fits(const struct ctx_field *f, const struct ctx_access *a)
{
	if (a->write && !f->writable)
		return false;
	switch (f->kind) {
	case CTX_SCALAR:
		return !a->write || a->size == f->size;
	case CTX_PKT:
	case CTX_PKT_META:
	case CTX_PKT_END:
		return a->size == f->size && !a->sign;
	case CTX_EXACT:
	case CTX_SOCK_COMMON_NULL:
	case CTX_SOCK:
	case CTX_SOCK_NULL:
	case CTX_FLOW_KEYS:
	case CTX_OBJECT:
		return a->size == f->size;
	case CTX_TP_BUFFER:
		return a->off != f->off || a->size == f->size;
	case CTX_HEAD:
		return a->off == f->off && (!a->write || a->size == f->size);
	case CTX_HALVES:
		return a->size > 1 && (!a->write || a->size == f->size);
	case CTX_PORT:
		return a->off == f->off ? a->size <= 4 : a->off - f->off + a->size <= 2;
	case CTX_CELLS:
		return a->size == 4;
	case CTX_ADDRESS:
		return !a->write || a->size >= 4;
	case CTX_ARRAY:
		return true;
	case CTX_WORDS:
		return a->size == 8;
	default:
		return false;
	}
}

/* What is for some attach types only; 0: for all. */
static bool attach_fits(uint64_t who, const struct skep_prog *p)
{
	return !who || (p->expected_attach_type < 64 && who >> p->expected_attach_type & 1);
}

/* The field among n that an access may reach. */
static const struct ctx_field *field_access(const struct prog_type *t, const struct ctx_access *a)
{
	const struct ctx_field *f;

	if (!IS_POW2(a->size) || a->off % a->size)
		return NULL;
	f = prog_ctx_field(t, a->off, a->size);
	return f && access_fits(f, a) ? f : NULL;
}

const struct ctx_field *prog_ctx_access(const struct skep_prog *p, const struct ctx_access *a)
{
	const struct ctx_field *f = field_access(p->kind, a);

	return f && attach_fits(f->read_by, p) && (!a->write || attach_fits(f->write_by, p)) ? f
											     : NULL;
}

const struct ctx_field *prog_object_access(enum prog_object o, const struct ctx_access *a)
{
	static const struct prog_type objects[] = {
		[OBJECT_SOCKET] = { CTX(socket_object_fields, 0) },
		[OBJECT_SOCK_COMMON] = { CTX(sock_common_fields, 0) },
		[OBJECT_TCP_SOCK] = { CTX(tcp_sock_fields, 0) },
		[OBJECT_XDP_SOCK] = { CTX(xdp_sock_fields, 0) },
	};

	return field_access(&objects[o], a);
}
