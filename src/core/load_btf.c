/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_btf.c - PROG_LOAD's records: func_info, line_info, core_relo.  They are copied here,
 * checked by btf/, and kept with the program in the kernel's record sizes.
 */
#include "core/load_int.h"

/* Longer records are checked for zeroes beyond what the kernel knows, up to this size. */
#define REC_SIZE_MAX 252
#define RECS_MAX     (INT32_MAX / 16)

/* One kind of records: where its attributes are, and what the kernel's own record is. */
struct rec_kind {
	size_t uptr, cnt, size; /* offsets in union bpf_attr */
	uint32_t known;		/* bytes of the kernel's record */
	int (*check)(const struct btf_info *in, const struct btf_recs *r);
};

#define REC(kind, plural, bytes)                                                             \
	{                                                                                    \
		offsetof(union bpf_attr, plural), offsetof(union bpf_attr, kind##_cnt),      \
			offsetof(union bpf_attr, kind##_rec_size), (bytes), btf_check_##kind \
	}
static const struct rec_kind func_recs = REC(func_info, func_info, sizeof(struct bpf_func_info));
static const struct rec_kind line_recs = REC(line_info, line_info, sizeof(struct bpf_line_info));
static const struct rec_kind relo_recs = REC(core_relo, core_relos, sizeof(struct bpf_core_relo));

static uint32_t attr_u32(const struct call *c, size_t off)
{
	uint32_t v;

	memcpy(&v, c->attr.bytes + off, sizeof(v));
	return v;
}

static void log_write(void *arg, const char *text, size_t n)
{
	verifier_log(arg, "%.*s", (int)MIN(n, (size_t)INT32_MAX), text);
}

/* Copies the caller's records as they are; *ret is freed by the caller. */
static int recs_copy(struct load *l, const struct rec_kind *k, struct btf_recs *r, void **ret)
{
	uint64_t uptr;
	size_t bytes;

	*r = (struct btf_recs){ .cnt = attr_u32(l->c, k->cnt), .size = attr_u32(l->c, k->size) };
	memcpy(&uptr, l->c->attr.bytes + k->uptr, sizeof(uptr));
	if (r->cnt == 0)
		return 0;
	/* btf/ answers for a record size out of bounds; there is nothing to copy then. */
	if (r->cnt > RECS_MAX || r->size < 4 || r->size > REC_SIZE_MAX)
		return r->cnt > RECS_MAX ? -EINVAL : 0;
	bytes = (size_t)r->cnt * r->size;
	*ret = skep_alloc(bytes);
	if (!*ret)
		return -ENOMEM;
	r->at = *ret;
	return user_read(*ret, uptr, bytes);
}

/* Checks one kind; *ret_kept, if asked for, gets the records in the kernel's size. */
static int recs_check(struct load *l, const struct rec_kind *k, const struct btf_sub *sub,
		      void **ret_kept)
{
	const struct btf_log sink = { log_write, &l->log.v };
	const struct btf_info in = {
		.btf = l->btf.payload,
		.insns = l->prog->image.insns,
		.insn_cnt = l->prog->image.insn_cnt,
		.sub = sub,
		.sub_cnt = sub ? l->prog->image.sub_cnt : 0,
		.log = &sink,
		.diag = l->c->diag,
	};
	_cleanup_(skep_free_p) void *copy = NULL;
	struct btf_recs r;
	int err = recs_copy(l, k, &r, &copy);
	uint8_t *kept;

	if (!err)
		err = k->check(&in, &r);
	/* The caller learns how long our records are, to clear the rest. */
	if (err == -E2BIG && user_write(l->c->uattr + k->size, &k->known, sizeof(k->known)))
		err = -EFAULT;
	if (err || !ret_kept || r.cnt == 0)
		return err;
	kept = skep_alloc_array(r.cnt, k->known);
	for (uint32_t i = 0; kept && i < r.cnt; i++)
		memcpy(kept + (size_t)i * k->known, (const uint8_t *)r.at + (size_t)i * r.size,
		       MIN(k->known, r.size));
	*ret_kept = kept;
	return kept ? 0 : -ENOMEM;
}

int load_btf(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	int err;

	if (!a->func_info_cnt && !a->line_info_cnt)
		return 0;
	err = object_get(l->c->k, (int)a->prog_btf_fd, OBJ_BTF, &l->btf);
	if (err)
		return load_fail(l, err, -1, "prog_btf_fd %d is not BTF", (int)a->prog_btf_fd);
	if (btf_id(l->btf.payload) == VMLINUX_BTF_ID)
		return load_fail(l, -EACCES, -1, "prog_btf_fd is the kernel's own BTF");
	l->prog->btf = btf_get(l->btf.payload);
	/* What the verifier finds subprograms by; load_records fetches what they must agree with.
	 */
	l->prog->func_info_cnt = a->func_info_cnt;
	return a->func_info_cnt ? recs_check(l, &func_recs, NULL, &l->prog->func_info) : 0;
}

int load_records(void *arg)
{
	struct load *l = arg;
	const union bpf_attr *a = &l->c->attr.a;
	struct skep_prog *p = l->prog;
	_cleanup_(skep_free_p) struct btf_sub *sub = NULL;
	int err;

	sub = skep_alloc_array(p->image.sub_cnt, sizeof(*sub));
	if (!sub)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->image.sub_cnt; i++)
		sub[i] = (struct btf_sub){ p->image.sub[i].start, p->image.sub[i].ld_abs,
					   p->image.sub[i].tail_calls };
	skep_free(TAKE_PTR(p->func_info));
	err = recs_check(l, &func_recs, sub, &p->func_info);
	/* Without BTF, func_info's check is all that there is. */
	if (err || !p->btf)
		return err;
	p->func_info_rec_size = func_recs.known;
	err = recs_check(l, &line_recs, sub, &p->line_info);
	if (err)
		return err;
	p->line_info_cnt = a->line_info_cnt;
	p->line_info_rec_size = line_recs.known;
	return recs_check(l, &relo_recs, sub, NULL);
}
