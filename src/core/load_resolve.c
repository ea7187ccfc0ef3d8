/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_resolve.c - PROG_LOAD: what instructions name by descriptor or BTF id becomes what it is
 * (resolve_pseudo_ldimm64 and add_kfunc_call of kernel/bpf/verifier.c).
 *
 * The instructions keep what the caller wrote; the answers stand in aux[].
 */
#include "core/load_int.h"
#include "helper/helper.h"
#include "hive/text.h"
#include "map/arena.h"
#include "model/model.h"

#define MAPS_MAX    64	       /* MAX_USED_MAPS */
#define VAR_OFF_MAX (1u << 29) /* BPF_MAX_VAR_OFF */

/* --- maps ------------------------------------------------------------------------------------ */

static bool is_tracing(uint32_t type)
{
	return type == BPF_PROG_TYPE_KPROBE || type == BPF_PROG_TYPE_TRACEPOINT ||
	       type == BPF_PROG_TYPE_PERF_EVENT || type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
	       type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
}

/* Special fields of values that are not for programs that run anywhere. */
static const struct {
	const char *name;
	uint32_t fields; /* FIELD_* */
	bool no_filters; /* nor for socket filters */
} unfit[] = {
	{ "bpf_{list_head,rb_root}", FIELD_GRAPH_ROOT, false },
	{ "bpf_spin_lock", FIELD_SPIN_LOCK | FIELD_RES_SPIN_LOCK, true },
	{ "bpf_timer", FIELD_TIMER, false },
	{ "bpf_wq", FIELD_WORKQUEUE, false },
};

/* check_map_prog_compatibility */
static int check_map(struct load *l, uint32_t i, const struct skep_map *m)
{
	static const uint64_t may_sleep =
		UINT64_C(1) << BPF_MAP_TYPE_HASH | UINT64_C(1) << BPF_MAP_TYPE_LRU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_ARRAY | UINT64_C(1) << BPF_MAP_TYPE_PERCPU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_PERCPU_ARRAY |
		UINT64_C(1) << BPF_MAP_TYPE_LRU_PERCPU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_ARRAY_OF_MAPS |
		UINT64_C(1) << BPF_MAP_TYPE_HASH_OF_MAPS | UINT64_C(1) << BPF_MAP_TYPE_RINGBUF |
		UINT64_C(1) << BPF_MAP_TYPE_USER_RINGBUF |
		UINT64_C(1) << BPF_MAP_TYPE_INODE_STORAGE | UINT64_C(1) << BPF_MAP_TYPE_SK_STORAGE |
		UINT64_C(1) << BPF_MAP_TYPE_TASK_STORAGE |
		UINT64_C(1) << SKEP_MAP_TYPE_CGRP_STORAGE | UINT64_C(1) << BPF_MAP_TYPE_QUEUE |
		UINT64_C(1) << BPF_MAP_TYPE_STACK | UINT64_C(1) << SKEP_MAP_TYPE_ARENA;
	uint32_t type = l->prog->type;

	for (size_t k = 0; k < ARRAY_SIZE(unfit); k++) {
		if (!btf_record_has(m->record, unfit[k].fields))
			continue;
		if (type == BPF_PROG_TYPE_SOCKET_FILTER && unfit[k].no_filters)
			return load_fail(l, -EINVAL, i, "socket filter progs cannot use %s yet",
					 unfit[k].name);
		if (is_tracing(type))
			return load_fail(l, -EINVAL, i, "tracing progs cannot use %s yet",
					 unfit[k].name);
	}
	if (l->prog->flags & BPF_F_SLEEPABLE && !(may_sleep >> m->type & 1))
		return load_fail(l, -EINVAL, i,
				 "Sleepable programs can only use array, hash, ringbuf and local "
				 "storage maps");
	return 0;
}

/* A program has one arena, whose pointers it may see and whose place is known. */
static int check_arena(struct load *l, uint32_t i, const struct skep_map *m)
{
	const struct skep_prog *p = l->prog;

	for (uint32_t n = 0; n < p->map_cnt; n++)
		if (p->maps[n] != m && p->maps[n]->type == SKEP_MAP_TYPE_ARENA)
			return load_fail(l, -EBUSY, i, "Only one arena per program");
	if (!core_may(l->c, RIGHT_BPF) || !core_may(l->c, RIGHT_PERFMON))
		return load_fail(l, -EPERM, i, "CAP_BPF and CAP_PERFMON are required to use arena");
	if (!arena_user(m))
		return load_fail(l, -EINVAL, i,
				 "arena's user address must be set via map_extra or mmap()");
	return 0;
}

/* The map of a descriptor, among those that the program holds. */
static int use_map(struct load *l, uint32_t i, int fd, struct skep_map **ret)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_prog *p = l->prog;
	int err = object_get(l->c->k, fd, OBJ_MAP, &ref);

	if (err)
		return load_fail(l, err, i, "fd %d is not pointing to valid bpf_map", fd);
	*ret = ref.payload;
	for (uint32_t n = 0; n < p->map_cnt; n++)
		if (p->maps[n] == ref.payload)
			return check_map(l, i, ref.payload);
	if (p->map_cnt == MAPS_MAX)
		return load_fail(l, -E2BIG, i,
				 "The total number of maps per program has reached the limit of %u",
				 MAPS_MAX);
	if (!p->maps)
		p->maps = skep_alloc_array(MAPS_MAX, sizeof(*p->maps));
	if (!p->maps)
		return -ENOMEM;
	p->maps[p->map_cnt++] = map_get(ref.payload);
	err = check_map(l, i, ref.payload);
	if (!err && (*ret)->type == SKEP_MAP_TYPE_ARENA)
		err = check_arena(l, i, *ret);
	return err;
}

/* The descriptor that insn names, itself or by its place in fd_array. */
static int map_fd(struct load *l, uint32_t i, const struct bpf_insn *insn, int *ret)
{
	uint64_t array = l->c->attr.a.fd_array;

	*ret = insn->imm;
	if (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		return 0;
	if (!array)
		return load_fail(l, -EPROTO, i, "fd_idx without fd_array is invalid");
	return user_read(ret, array + (uint64_t)(int64_t)insn->imm * sizeof(*ret), sizeof(*ret));
}

static int map_value(struct load *l, uint32_t i, struct skep_map *m, uint32_t off)
{
	struct insn_aux *aux = &l->prog->image.aux[i];
	uint64_t addr;
	int err;

	if (off >= VAR_OFF_MAX)
		return load_fail(l, -EINVAL, i, "direct value offset of %u is not allowed", off);
	if (!m->sys->value_addr)
		return load_fail(l, -EINVAL, i, "no direct value access support for this map type");
	err = m->sys->value_addr(m, &addr, off);
	if (err)
		return load_fail(l, err, i,
				 "invalid access to map value pointer, value_size=%u off=%u",
				 m->value_size, off);
	aux->ref = INSN_REF_MAP_VALUE;
	aux->addr = addr;
	return 0;
}

static int resolve_map(struct load *l, uint32_t i)
{
	const struct bpf_insn *insn = &l->prog->image.insns[i];
	bool value =
		insn->src_reg == BPF_PSEUDO_MAP_VALUE || insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	struct skep_map *m = NULL;
	int fd, err;

	if (!value && insn[1].imm)
		return load_fail(l, -EINVAL, i, "unrecognized bpf_ld_imm64 insn");
	err = map_fd(l, i, insn, &fd);
	if (!err)
		err = use_map(l, i, fd, &m);
	if (err || !m)
		return err;
	l->prog->image.aux[i].map = m;
	l->prog->image.aux[i].ref = INSN_REF_MAP;
	return value ? map_value(l, i, m, (uint32_t)insn[1].imm) : 0;
}

/* --- the kernel's own symbols ---------------------------------------------------------------- */

/* check_pseudo_btf_id: the address of a function of the model; it has no variables. */
static int resolve_btf_id(struct load *l, uint32_t i)
{
	const struct bpf_insn *insn = &l->prog->image.insns[i];
	struct skep_btf *vmlinux = core_vmlinux(l->c->k);
	uint32_t id = (uint32_t)insn->imm;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	const struct btf_type *t;
	const struct kfunc *kf;

	if (!vmlinux)
		return -ENOMEM;
	if (insn[1].imm &&
	    (object_get(l->c->k, insn[1].imm, OBJ_BTF, &ref) || ref.payload != vmlinux))
		return load_fail(l, -EINVAL, i, "invalid module BTF object FD specified.");
	t = btf_type(vmlinux, id);
	if (!t)
		return load_fail(l, -ENOENT, i, "ldimm64 insn specifies invalid btf_id %d.", id);
	if (BTF_INFO_KIND(t->info) != BTF_KIND_VAR && BTF_INFO_KIND(t->info) != BTF_KIND_FUNC)
		return load_fail(l, -EINVAL, i,
				 "pseudo btf_id %d in ldimm64 isn't KIND_VAR or KIND_FUNC", id);
	kf = model_kfunc(vmlinux, id);
	if (!kf)
		return load_fail(l, -ENOENT, i,
				 "ldimm64 failed to find the address for kernel symbol '%s'.",
				 btf_str(vmlinux, t->name_off));
	l->prog->image.aux[i].ref = INSN_REF_ADDR;
	l->prog->image.aux[i].addr = (uint64_t)(uintptr_t)text_at((const void *)(uintptr_t)kf->fn);
	return 0;
}

static int resolve_kfunc(struct load *l, uint32_t i)
{
	const struct bpf_insn *insn = &l->prog->image.insns[i];
	struct skep_btf *vmlinux;
	const struct btf_type *t;
	const struct kfunc *kf;

	/* libbpf leaves 0 where a weak kfunc was not found: it must turn out to be dead code. */
	if (insn->imm == 0 && insn->off == 0)
		return 0;
	if (!l->prog->gpl_compatible)
		return load_fail(l, -EINVAL, i,
				 "cannot call kernel function from non-GPL compatible program");
	if (insn->off)
		return load_fail(l, -EINVAL, i,
				 "kernel function of module BTF, fd_array index %d: there is none",
				 insn->off);
	vmlinux = core_vmlinux(l->c->k);
	if (!vmlinux)
		return -ENOMEM;
	t = btf_type(vmlinux, (uint32_t)insn->imm);
	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_FUNC)
		return load_fail(l, -EINVAL, i, "kernel btf_id %u is not a function",
				 (uint32_t)insn->imm);
	kf = model_kfunc(vmlinux, (uint32_t)insn->imm);
	/* What Linux has is the verifier's matter; what is to run here must be here. */
	if (!kf && !l->c->k->judge)
		return load_fail(l, -EACCES, i, "calling kernel function %s is not allowed",
				 btf_str(vmlinux, t->name_off));
	l->prog->image.aux[i].ref = INSN_REF_KFUNC;
	l->prog->image.aux[i].kfunc = kf;
	return 0;
}

/* --- the pass -------------------------------------------------------------------------------- */

static int resolve_ld_imm64(struct load *l, uint32_t i)
{
	switch (l->prog->image.insns[i].src_reg) {
	case 0:
	case BPF_PSEUDO_FUNC: /* the verifier's matter */
		return 0;
	case BPF_PSEUDO_BTF_ID:
		return resolve_btf_id(l, i);
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_IDX:
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX_VALUE:
		return resolve_map(l, i);
	default:
		return load_fail(l, -EINVAL, i, "unrecognized bpf_ld_imm64 insn");
	}
}

int load_kfuncs(struct load *l)
{
	const struct prog_image *image = &l->prog->image;
	int err = 0;

	for (uint32_t i = 0; i < image->insn_cnt && !err; i++)
		if (image->insns[i].code == (BPF_JMP | BPF_CALL) &&
		    image->insns[i].src_reg == BPF_PSEUDO_KFUNC_CALL)
			err = resolve_kfunc(l, i);
	return err;
}

int load_resolve(void *arg)
{
	struct load *l = arg;
	const struct prog_image *image = &l->prog->image;
	int err = 0;

	for (uint32_t i = 0; i < image->insn_cnt && !err; i++) {
		const struct bpf_insn *insn = &image->insns[i];

		if (!insn_is_ld_imm64(insn))
			continue;
		if (i + 1 == image->insn_cnt || insn[1].code || insn[1].dst_reg ||
		    insn[1].src_reg || insn[1].off)
			return load_fail(l, -EINVAL, i, "invalid bpf_ld_imm64 insn");
		err = resolve_ld_imm64(l, i++);
	}
	return err;
}
