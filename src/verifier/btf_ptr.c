/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf_ptr.c - pointers to objects of the kernel, whose types the kernel's BTF describes.
 */
#include "verifier/verifier_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

const char *btf_ptr_name(const struct verifier *v, uint32_t id)
{
	const struct btf_type *t = v->opts->vmlinux ? btf_type(v->opts->vmlinux, id) : NULL;

	return t ? btf_str(v->opts->vmlinux, t->name_off) : "";
}

/* Length of a type's name without "___flavour". */
static size_t essential_len(const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 1; i + 3 < n; i++)
		if (name[i - 1] != '_' && !strncmp(name + i, "___", 3) && name[i + 3] != '_')
			return i;
	return n;
}

int32_t btf_ptr_candidate(const struct verifier *v, const struct skep_btf *btf, uint32_t id)
{
	const struct skep_btf *kernel = v->opts->vmlinux;
	const struct btf_type *want = btf_type(btf, id);
	const char *name = btf_str(btf, want->name_off);
	const size_t n = essential_len(name);
	int32_t found = -ENOENT;

	if (!kernel || !n)
		return -ENOENT;
	for (uint32_t i = 1; i < btf_type_count(kernel); i++) {
		const struct btf_type *t = btf_type(kernel, i);
		const char *have;

		if (KIND(t) != KIND(want))
			continue;
		have = btf_str(kernel, t->name_off);
		if (strncmp(have, name, n) || essential_len(have) != n)
			continue;
		if (found > 0)
			return -ESRCH;
		found = (int32_t)i;
	}
	return found;
}

bool btf_ptr_same(const struct verifier *v, uint32_t id, int32_t off, uint32_t want)
{
	const struct skep_btf *btf = v->opts->vmlinux;

	/* At offset 0 of a struct its first member begins too, and so on inwards. */
	while (btf && id) {
		const struct btf_type *t = btf_type(btf, id);
		const struct btf_member *m = (const struct btf_member *)(t + 1);
		uint32_t next = 0;

		if (id == want && off == 0)
			return true;
		if (KIND(t) != BTF_KIND_STRUCT)
			return false;
		for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info) && !next; i++) {
			const uint32_t bits = BTF_INFO_KFLAG(t->info)
						      ? BTF_MEMBER_BIT_OFFSET(m[i].offset)
						      : m[i].offset;
			const uint32_t at = btf_resolve(btf, m[i].type);
			const int64_t size = btf_size(btf, at);

			if (KIND(btf_type(btf, at)) != BTF_KIND_STRUCT || bits % 8 ||
			    off < (int64_t)bits / 8 || off >= (int64_t)bits / 8 + size)
				continue;
			next = at;
			off -= (int32_t)(bits / 8);
		}
		id = next;
	}
	return false;
}
