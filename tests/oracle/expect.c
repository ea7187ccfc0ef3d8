/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expect.c - what the kernel's selftests expect of their programs: "comment:test_*" declaration
 * tags in the object's BTF.
 */
#include "oracle.h"

#include <limits.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* Newer than some headers. */
#ifndef BPF_F_TEST_REG_INVARIANTS
#define BPF_F_TEST_REG_INVARIANTS (1U << 7)
#endif

static const char *after(const char *s, const char *prefix)
{
	const size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? NULL : s + n;
}

static uint32_t flag_of(const char *s)
{
	static const struct {
		const char *name;
		uint32_t value;
	} flags[] = {
		{ "BPF_F_STRICT_ALIGNMENT", BPF_F_STRICT_ALIGNMENT },
		{ "BPF_F_ANY_ALIGNMENT", BPF_F_ANY_ALIGNMENT },
		{ "BPF_F_TEST_RND_HI32", BPF_F_TEST_RND_HI32 },
		{ "BPF_F_TEST_STATE_FREQ", BPF_F_TEST_STATE_FREQ },
		{ "BPF_F_SLEEPABLE", BPF_F_SLEEPABLE },
		{ "BPF_F_XDP_HAS_FRAGS", BPF_F_XDP_HAS_FRAGS },
		{ "BPF_F_TEST_REG_INVARIANTS", BPF_F_TEST_REG_INVARIANTS },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(s, flags[i].name))
			return flags[i].value;
	return (uint32_t)strtoul(s, NULL, 0);
}

/* Tags that say nothing but that a mode is of interest, or which way it must go. */
static const struct {
	const char *tag;
	enum mode mode;
	bool says; /* success or failure */
	bool fail, aux;
} plain[] = {
	{ "expect_failure_unpriv", MODE_BPF, true, true, false },
	{ "expect_success_unpriv", MODE_BPF, true, false, false },
	{ "expect_failure", MODE_PRIV, true, true, false },
	{ "expect_success", MODE_PRIV, true, false, false },
	{ "auxiliary_unpriv", MODE_BPF, false, false, true },
	{ "auxiliary", MODE_PRIV, false, false, true },
	/* Followed by a number and the text. */
	{ "expect_msg_unpriv=", MODE_BPF, false, false, false },
	{ "expect_msg=", MODE_PRIV, false, false, false },
	{ "expect_xlated_unpriv=", MODE_BPF, false, false, false },
	{ "expect_xlated=", MODE_PRIV, false, false, false },
	{ "retval_unpriv=", MODE_BPF, false, false, false },
	{ "retval=", MODE_PRIV, false, false, false },
};

static void take_plain(struct spec *sp, const char *tag)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const char *rest = after(tag, plain[i].tag);
		const enum mode m = plain[i].mode;

		if (!rest || (*rest && tag[strlen(plain[i].tag) - 1] != '='))
			continue;
		sp->tested[m] = true;
		sp->said[m] |= plain[i].says;
		sp->fail[m] |= plain[i].fail;
		sp->aux[m] |= plain[i].aux;
		sp->is_aux |= plain[i].aux;
		return;
	}
}

static void take_flags(struct spec *sp, const char *value)
{
	if (*value == '!')
		sp->flags &= ~flag_of(value + 1);
	else
		sp->flags |= flag_of(value);
}

void spec_read(const struct btf *btf, const char *name, struct spec *sp)
{
	const int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) : -1;
	bool arch = false, x86 = false, any = false;

	memset(sp, 0, sizeof(*sp));
	for (uint32_t i = 1; id >= 0 && i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);
		const char *tag, *value;

		if (!btf_is_decl_tag(t) || (int)t->type != id ||
		    btf_decl_tag(t)->component_idx != -1)
			continue;
		tag = after(btf__str_by_offset(btf, t->name_off), "comment:test_");
		if (!tag)
			continue;
		/* Selftests load everything with these two, unless a tag clears one. */
		if (!any)
			sp->flags |= BPF_F_TEST_RND_HI32 | BPF_F_TEST_REG_INVARIANTS;
		any = true;
		if ((value = after(tag, "prog_flags="))) {
			take_flags(sp, value);
		} else if ((value = after(tag, "btf_path="))) {
			sp->btf_path = value;
		} else if ((value = after(tag, "arch="))) {
			arch = true;
			x86 |= !strcmp(value, "X86_64");
		} else {
			take_plain(sp, tag);
		}
	}
	/* A program without these tags is no selftest: it is loaded as its user would. */
	if (!sp->tested[MODE_PRIV] && !sp->tested[MODE_BPF])
		sp->flags = 0;
	if (!sp->said[MODE_BPF])
		sp->fail[MODE_BPF] = sp->fail[MODE_PRIV];
	sp->other_arch = arch && !x86;
}
