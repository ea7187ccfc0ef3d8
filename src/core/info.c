/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * info.c - OBJ_GET_INFO_BY_FD (bpf_*_get_info_by_fd of kernel/bpf/syscall.c).
 *
 * The caller's struct comes in, is completed and goes back as long as it was: in it are the
 * addresses and lengths of arrays that want filling; what did not fit is told by the length that
 * goes back.
 */
#include "base/sha1.h"
#include "core/core_int.h"
#include "core/tag.h"

#include <stdio.h>

/* What Linux 6.12 knows of each struct: longer ones must be zero beyond. */
#define PROG_INFO_SIZE 228 /* to the end of attach_btf_id */
#define MAP_INFO_SIZE  88
#define BTF_INFO_SIZE  32
#define LINK_INFO_SIZE 64

/* One array of the caller's: *len elements of room come in, `have` goes back. */
struct out_array {
	uint64_t uptr; /* where they go */
	uint32_t *len; /* field of the struct */
	uint32_t have; /* how many there are */
	size_t size;   /* bytes of each */
};

static int array_out(const struct out_array *o, const void *from)
{
	uint32_t n = MIN(*o->len, o->have);

	*o->len = o->have;
	return n ? user_write(o->uptr, from, n * o->size) : 0;
}

/* The struct comes in, as far as we know it. */
static int info_in(struct call *c, void *info, size_t known, uint32_t *ret_len)
{
	const union bpf_attr *a = &c->attr.a;
	int err = user_tail_zero(a->info.info, known, a->info.info_len);

	if (err)
		return err;
	*ret_len = MIN(a->info.info_len, (uint32_t)known);
	return user_read(info, a->info.info, *ret_len);
}

static long info_out(struct call *c, const void *info, uint32_t len)
{
	if (user_write(c->attr.a.info.info, info, len) || CALL_PUT(c, a.info.info_len, len))
		return -EFAULT;
	return 0;
}

/* --- programs -------------------------------------------------------------------------------- */

/*
 * The instructions as they are dumped (bpf_insn_prepare_dump): maps by id, no addresses.  NULL
 * when memory is out.
 */
static struct bpf_insn *dump_insns(const struct prog_image *image)
{
	struct bpf_insn *insns = skep_memdup(image->insns, image->insn_cnt * sizeof(*insns));

	for (uint32_t i = 0; insns && i < image->insn_cnt; i++) {
		const struct insn_aux *aux = &image->aux[i];

		switch (aux->ref) {
		case INSN_REF_MAP:
			insns[i].src_reg = BPF_PSEUDO_MAP_FD;
			insns[i].imm = (int32_t)aux->map->id;
			insns[i + 1].imm = 0;
			break;
		case INSN_REF_MAP_VALUE:
			insns[i].src_reg = BPF_PSEUDO_MAP_VALUE;
			insns[i].imm = (int32_t)aux->map->id;
			break;
		default:
			break;
		}
	}
	return insns;
}

static int info_xlated(struct bpf_prog_info *info, const struct prog_image *image)
{
	uint32_t bytes = image->insn_cnt * (uint32_t)sizeof(struct bpf_insn);
	const struct out_array out = { info->xlated_prog_insns, &info->xlated_prog_len, bytes, 1 };
	_cleanup_(skep_free_p) struct bpf_insn *insns = NULL;

	if (info->xlated_prog_len) {
		insns = dump_insns(image);
		if (!insns)
			return -ENOMEM;
	}
	return array_out(&out, insns);
}

static int info_maps(struct call *c, struct bpf_prog_info *info, const struct skep_prog *p)
{
	struct out_array out = { info->map_ids, &info->nr_map_ids, 0, sizeof(uint32_t) };
	_cleanup_(skep_free_p) uint32_t *ids = NULL;
	int err;

	pthread_mutex_lock(&c->k->bind_lock);
	ids = skep_alloc_array(p->map_cnt, sizeof(*ids));
	for (uint32_t i = 0; ids && i < p->map_cnt; i++)
		ids[i] = p->maps[i]->id;
	out.have = p->map_cnt;
	err = ids ? array_out(&out, ids) : -ENOMEM;
	pthread_mutex_unlock(&c->k->bind_lock);
	return err;
}

/* One element for each subprogram. */
struct sub_facts {
	uint64_t ksym;		   /* address */
	uint32_t len;		   /* bytes of machine code */
	uint8_t tag[BPF_TAG_SIZE]; /* of its instructions alone */
};

static void sub_facts(const struct skep_prog *p, uint32_t i, struct sub_facts *ret)
{
	const struct prog_image *image = &p->image;
	uint32_t from = p->jited ? p->jited_sub[i] : 0, to = p->jited_len;

	/* The code of a subprogram ends where the next one's in memory begins. */
	for (uint32_t s = 0; p->jited && s < image->sub_cnt; s++)
		if (p->jited_sub[s] > from && p->jited_sub[s] < to)
			to = p->jited_sub[s];
	ret->ksym = p->jited ? (uint64_t)(uintptr_t)p->jited + from : (uint64_t)(uintptr_t)p;
	ret->len = to - from;
	if (image->sub_cnt == 1)
		memcpy(ret->tag, p->tag, BPF_TAG_SIZE);
	else
		tag_calc(image->insns + image->sub[i].start,
			 image->sub[i].end - image->sub[i].start, ret->tag);
}

static int info_subs(struct bpf_prog_info *info, const struct skep_prog *p)
{
	uint32_t n = p->image.sub_cnt;
	_cleanup_(skep_free_p) uint64_t *ksyms = skep_alloc_array(n, sizeof(*ksyms));
	_cleanup_(skep_free_p) uint32_t *lens = skep_alloc_array(n, sizeof(*lens));
	_cleanup_(skep_free_p) uint8_t *tags = skep_alloc_array(n, BPF_TAG_SIZE);
	const struct out_array out[] = {
		{ info->jited_ksyms, &info->nr_jited_ksyms, n, sizeof(*ksyms) },
		{ info->jited_func_lens, &info->nr_jited_func_lens, n, sizeof(*lens) },
		{ info->prog_tags, &info->nr_prog_tags, n, BPF_TAG_SIZE },
	};

	if (!ksyms || !lens || !tags)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct sub_facts f;

		sub_facts(p, i, &f);
		ksyms[i] = f.ksym;
		lens[i] = f.len;
		memcpy(tags + (size_t)i * BPF_TAG_SIZE, f.tag, BPF_TAG_SIZE);
	}
	if (array_out(&out[0], ksyms) || array_out(&out[1], lens) || array_out(&out[2], tags))
		return -EFAULT;
	return 0;
}

/* set_info_rec_size: what the caller believes of our records must be true. */
static int info_rec_sizes(struct bpf_prog_info *info)
{
	if ((info->nr_func_info || info->func_info_rec_size) &&
	    info->func_info_rec_size != sizeof(struct bpf_func_info))
		return -EINVAL;
	if ((info->nr_line_info || info->line_info_rec_size) &&
	    info->line_info_rec_size != sizeof(struct bpf_line_info))
		return -EINVAL;
	if ((info->nr_jited_line_info || info->jited_line_info_rec_size) &&
	    info->jited_line_info_rec_size != sizeof(uint64_t))
		return -EINVAL;
	info->func_info_rec_size = sizeof(struct bpf_func_info);
	info->line_info_rec_size = sizeof(struct bpf_line_info);
	info->jited_line_info_rec_size = sizeof(uint64_t);
	return 0;
}

static void info_facts(struct bpf_prog_info *info, struct skep_prog *p)
{
	info->type = p->type;
	info->id = p->id;
	info->load_time = p->load_time;
	info->created_by_uid = p->uid;
	info->gpl_compatible = p->gpl_compatible;
	memcpy(info->tag, p->tag, sizeof(info->tag));
	memcpy(info->name, p->name, sizeof(info->name));
}

static void info_counts(struct bpf_prog_info *info, struct skep_prog *p)
{
	info->run_time_ns = atomic_load_explicit(&p->stats->run_ns, memory_order_relaxed);
	info->run_cnt = atomic_load_explicit(&p->stats->run_cnt, memory_order_relaxed);
	info->recursion_misses =
		atomic_load_explicit(&p->stats->recursion_misses, memory_order_relaxed);
	info->verified_insns = p->verified_insns;
	if (p->btf)
		info->btf_id = btf_id(p->btf);
}

static int info_code(struct bpf_prog_info *info, struct skep_prog *p)
{
	const struct out_array code = { info->jited_prog_insns, &info->jited_prog_len, p->jited_len,
					1 };
	const struct out_array funcs = { info->func_info, &info->nr_func_info, p->func_info_cnt,
					 sizeof(struct bpf_func_info) };
	const struct out_array lines = { info->line_info, &info->nr_line_info, p->line_info_cnt,
					 sizeof(struct bpf_line_info) };
	int err = info_xlated(info, &p->image);

	if (!err)
		err = array_out(&code, p->jited);
	if (!err)
		err = info_subs(info, p);
	info->attach_btf_id = p->attach_btf_id;
	if (!err)
		err = array_out(&funcs, p->func_info);
	if (!err)
		err = array_out(&lines, p->line_info);
	info->nr_jited_line_info = 0;
	return err;
}

static long prog_info(struct call *c, void *payload)
{
	struct skep_prog *p = payload;
	struct bpf_prog_info info = { 0 };
	uint32_t len;
	int err;

	static_assert(offsetofend(struct bpf_prog_info, attach_btf_id) == PROG_INFO_SIZE,
		      "struct bpf_prog_info is Linux 6.12's");
	err = info_in(c, &info, PROG_INFO_SIZE, &len);
	if (err)
		return err;
	/* The kernel takes and gives the padding at the end too. */
	len = MIN(c->attr.a.info.info_len, (uint32_t)sizeof(info));
	info_facts(&info, p);
	err = info_maps(c, &info, p);
	if (!err)
		err = info_rec_sizes(&info);
	if (err)
		return err;
	info_counts(&info, p);
	if (core_may(c, RIGHT_BPF)) {
		err = info_code(&info, p);
	} else {
		info.jited_prog_len = info.xlated_prog_len = 0;
		info.nr_jited_ksyms = info.nr_jited_func_lens = 0;
		info.nr_func_info = info.nr_line_info = info.nr_jited_line_info = 0;
	}
	return err ? err : info_out(c, &info, len);
}

/* --- maps, BTF, links ------------------------------------------------------------------------ */

static long map_info(struct call *c, void *payload)
{
	const struct skep_map *m = payload;
	struct bpf_map_info info = { 0 }, given;
	uint32_t len;
	int err;

	static_assert(sizeof(info) == MAP_INFO_SIZE, "struct bpf_map_info is Linux 6.12's");
	err = info_in(c, &given, MAP_INFO_SIZE, &len);
	if (err)
		return err;
	info.type = m->type;
	info.id = m->id;
	info.key_size = m->key_size;
	info.value_size = m->value_size;
	info.max_entries = m->max_entries;
	info.map_flags = m->flags;
	info.map_extra = m->extra;
	memcpy(info.name, m->name, sizeof(info.name));
	if (m->btf) {
		info.btf_id = btf_id(m->btf);
		info.btf_key_type_id = m->btf_key_id;
		info.btf_value_type_id = m->btf_value_id;
	}
	return info_out(c, &info, len);
}

/* A name into the caller's buffer, cut where it does not fit; 0, -ENOSPC, -EFAULT. */
static int name_out(uint64_t uname, uint32_t room, const char *name)
{
	size_t n = strlen(name) + 1;
	int err = 0;

	if (!uname)
		return 0;
	if (n > room) {
		n = room;
		err = -ENOSPC;
	}
	if (user_write(uname, name, n - 1) || user_write(uname + n - 1, "", 1))
		return -EFAULT;
	return err;
}

static long btf_info(struct call *c, void *payload)
{
	const struct skep_btf *b = payload;
	struct bpf_btf_info info = { 0 };
	const char *name;
	uint32_t len, size, room;
	const void *data = btf_data(b, &size);
	int err, cut;

	static_assert(sizeof(info) == BTF_INFO_SIZE, "struct bpf_btf_info is Linux 6.12's");
	err = info_in(c, &info, BTF_INFO_SIZE, &len);
	if (err)
		return err;
	info.id = btf_id(b);
	if (user_write(info.btf, data, MIN(info.btf_size, size)))
		return -EFAULT;
	info.btf_size = size;
	info.kernel_btf = info.id == VMLINUX_BTF_ID;
	if (!info.name != !info.name_len)
		return -EINVAL;
	name = info.kernel_btf ? "vmlinux" : "";
	room = info.name_len;
	info.name_len = (uint32_t)strlen(name);
	cut = name_out(info.name, room, name);
	if (cut == -EFAULT)
		return cut;
	err = (int)info_out(c, &info, len);
	return err ? err : cut;
}

static long link_info(struct call *c, void *payload)
{
	_cleanup_(prog_put_p) struct skep_prog *p = NULL;
	struct skep_link *l = payload;
	union {
		struct bpf_link_info i;
		uint8_t bytes[LINK_INFO_SIZE];
	} info = { 0 };
	uint32_t len;
	int err = info_in(c, &info, LINK_INFO_SIZE, &len);

	if (err)
		return err;
	info.i.type = l->ops->type;
	info.i.id = l->id;
	p = link_prog(c->k, l);
	if (p)
		info.i.prog_id = p->id;
	err = l->ops->info ? l->ops->info(l, &info.i) : 0;
	return err ? err : info_out(c, &info, len);
}

long core_obj_info(struct call *c)
{
	static long (*const infos[_OBJ_KINDS])(struct call * c, void *payload) = {
		[OBJ_PROG] = prog_info,
		[OBJ_MAP] = map_info,
		[OBJ_BTF] = btf_info,
		[OBJ_LINK] = link_info,
	};
	_cleanup_(object_put) struct object_ref ref = { 0 };
	int fd = (int)c->attr.a.info.bpf_fd;
	int err = object_get(c->k, fd, OBJ_ANY, &ref);

	if (err == -EBADF)
		return FAIL(c, -EBADFD, "descriptor %d is not open", fd);
	if (err || !infos[ref.kind])
		return FAIL(c, -EINVAL, "descriptor %d is no program, map, BTF or link", fd);
	return infos[ref.kind](c, ref.payload);
}
