/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - PROG_LOAD: the pipeline from attributes to a program that runs, as a table of passes.
 *
 * The order is that of bpf_prog_load() and bpf_check(), so that the first error is Linux's.
 * From "log" on, messages go to the caller's log too.  load_check.c holds the rules on
 * attributes, load_btf.c the records of func_info and line_info, load_resolve.c descriptors.
 */
#include "core/load_int.h"
#include "core/tag.h"
#include "hive/space.h"
#include "interp/interp.h"
#include "obj/obj.h"

#include <unistd.h>

#define LICENSE_MAX 128

/* --- the caller's memory --------------------------------------------------------------------- */

static int pass_copy(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	struct prog_image *image;
	int err = prog_new(a->prog_type, l->c->k->space, &l->prog);

	if (err)
		return err;
	image = &l->prog->image;
	image->insn_cnt = a->insn_cnt;
	image->insns = skep_alloc_array(a->insn_cnt, sizeof(*image->insns));
	image->aux = skep_alloc_array(a->insn_cnt, sizeof(*image->aux));
	if (!image->insns || !image->aux)
		return -ENOMEM;
	if (user_read(image->insns, a->insns, a->insn_cnt * sizeof(*image->insns)))
		return FAIL(l->c, -EFAULT, "insns at a bad address");
	return 0;
}

/* include/linux/license.h */
static bool license_is_gpl(const char *license)
{
	static const char *const gpl[] = {
		"GPL",		"GPL v2",	"GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"
	};

	for (size_t i = 0; i < ARRAY_SIZE(gpl); i++)
		if (strcmp(license, gpl[i]) == 0)
			return true;
	return false;
}

static int pass_license(struct load *l)
{
	char license[LICENSE_MAX] = "";

	if (user_string(license, l->c->attr.a.license, sizeof(license) - 1) < 0)
		return FAIL(l->c, -EFAULT, "license at a bad address");
	l->prog->gpl_compatible = license_is_gpl(license);
	return 0;
}

static bool may_load(const struct call *c, const struct prog_type *kind)
{
	const union bpf_attr *a = &c->attr.a;

	return kind->loadable || (c->k->judge && a->prog_type);
}

/* What the program is, as far as the attributes say. */
static int pass_describe(struct load *l)
{
	const union bpf_attr *a = &l->c->attr.a;
	struct skep_prog *p = l->prog;

	if (!p->kind || !may_load(l->c, p->kind))
		return FAIL(l->c, -EINVAL, "programs of type %u (%s) are not here yet",
			    a->prog_type, p->kind ? p->kind->name : "unknown");
	p->expected_attach_type = attach_default(a->prog_type, a->expected_attach_type);
	p->flags = a->prog_flags;
	p->attach_btf_id = a->attach_btf_id;
	p->load_time = core_boot_ns();
	p->uid = caller_uid();
	if (core_name(p->name, a->prog_name))
		return FAIL(l->c, -EINVAL,
			    "a program's name has up to 15 letters, digits, '_' and '.'");
	return 0;
}

/* --- from instructions to a program ---------------------------------------------------------- */

static int pass_tag(struct load *l)
{
	tag_calc(l->prog->image.insns, l->prog->image.insn_cnt, l->prog->tag);
	return 0;
}

static void tell_verdict(struct load *l, int err, const struct verifier_report *report)
{
	const struct skep_kernel *k = l->c->k;
	const struct skep_prog *p = l->prog;
	const struct core_verdict verdict = {
		.prog = p,
		.err = err,
		.report = report,
		.lines = { p->btf, p->line_info, p->line_info_cnt, p->line_info_rec_size },
	};

	k->verdict(k->verdict_arg, &verdict);
}

static int pass_verify(struct load *l)
{
	struct skep_kernel *k = l->c->k;
	struct verifier_report report = { .count = k->verdict_count };
	const bool perfmon = core_may(l->c, RIGHT_PERFMON);
	const struct verifier_opts opts = {
		.rights = {
			.bpf_capable = core_may(l->c, RIGHT_BPF),
			.allow_ptr_leaks = perfmon,
			.allow_uninit_stack = perfmon,
			.bypass_spec_v1 = perfmon,
			.bypass_spec_v4 = perfmon,
		},
		.judge = k->judge,
		.release = k->release,
		.report = k->verdict ? &report : NULL,
		.vmlinux = core_vmlinux(k),
		.resolve = load_resolve,
		.records = load_records,
		.arg = l,
	};
	int err;

	if (!opts.vmlinux)
		return -ENOMEM;
	err = verifier_check(l->prog, &opts, &l->log.v, l->c->diag);
	l->checked = true;
	if (k->verdict)
		tell_verdict(l, err, &report);
	verifier_report_fini(&report);
	return err;
}

static int compile_with(struct load *l, const struct engine_ops *engine, struct skep_diag *diag)
{
	int err;

	l->prog->engine = engine;
	err = engine->compile(l->prog, diag);
	if (err)
		l->prog->engine = NULL;
	return err;
}

static int pass_compile(struct load *l)
{
	struct skep_kernel *k = l->c->k;
	struct skep_diag diag = { 0 };
	int err;

	if (k->judge)
		return 0;
	err = compile_with(l, k->engine, &diag);
	if (err == -EOPNOTSUPP && k->fallback && k->engine != &interp_engine)
		return compile_with(l, &interp_engine, l->c->diag);
	if (err)
		*l->c->diag = diag;
	return err;
}

/* bpf_check_tail_call: the program arrays that it calls through must take its like. */
static int pass_tail_calls(struct load *l)
{
	for (uint32_t i = 0; i < l->prog->map_cnt; i++) {
		struct skep_map *m = l->prog->maps[i];

		if (m->sys->fd_kind == MAP_FD_PROG && map_prog_fits(m, l->prog))
			return FAIL(l->c, -EINVAL,
				    "program array '%s' belongs to programs of another kind",
				    m->name);
	}
	return 0;
}

/* The store knows what the program allocates. */
static int pass_types(struct load *l)
{
	struct skep_kernel *k = l->c->k;
	struct skep_prog *p = l->prog;

	if (!p->alloc_cnt || !k->env.objects)
		return 0;
	p->types = space_alloc(p->space, HIVE_META, p->alloc_cnt * sizeof(*p->types));
	if (!p->types)
		return -ENOMEM;
	store_hold(k);
	p->store_users = obj_users(k->env.objects);
	for (uint32_t i = 0; i < p->alloc_cnt; i++) {
		const struct prog_alloc *a = &p->allocs[i];
		const int type = store_type(k, btf_type(p->btf, a->id)->size, a->percpu,
					    btf_struct_record(p->btf, a->id));

		if (type < 0)
			return FAIL(l->c, type, "no more types of objects can be known: %s",
				    strerror(-type));
		p->types[i] = (struct prog_alloc){ a->id, a->percpu, (uint32_t)type };
	}
	return 0;
}

static const struct load_pass passes[] = {
	{ "attributes", load_check },
	{ "copy", pass_copy },
	{ "license", pass_license },
	{ "describe", pass_describe },
	{ "log", load_log }, /* messages go to the caller from here on */
	{ "btf", load_btf }, /* BTF, func_info as far as it stands alone */
	{ "tag", pass_tag }, /* before descriptors become objects */
	{ "kfuncs", load_kfuncs },
	{ "place", load_check_place },
	{ "verify", pass_verify }, /* also rewrites: context fields, dead code */
	{ "end of log", load_log_end },
	{ "types", pass_types },
	{ "compile", pass_compile },
	{ "tail calls", pass_tail_calls },
};

static void load_free(struct load *l)
{
	log_free(&l->log);
	object_put(&l->btf);
	prog_put(l->prog);
}

long core_prog_load(struct call *c)
{
	_cleanup_(load_free) struct load l = { .c = c };
	int err = 0;
	long fd;

	for (size_t i = 0; i < ARRAY_SIZE(passes) && !err; i++)
		err = passes[i].run(&l);
	/* A failed pass between "log" and "end of log" still hands the log out. */
	if (err && l.logging)
		err = load_log_finish(&l, err);
	if (err)
		return err;
	fd = object_publish(c, OBJ_PROG, l.prog, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(l.prog);
	return fd;
}
