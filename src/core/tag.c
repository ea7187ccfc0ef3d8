/* SPDX-License-Identifier: BSD-2-Clause */
/* tag.c - see tag.h */
#include "core/tag.h"
#include "base/sha1.h"

#define TAG_CHUNK 64 /* instructions hashed at a time */

/* The first slot of a map reference by descriptor: those by index are stable and stay. */
static bool names_fd(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW) &&
	       (i->src_reg == BPF_PSEUDO_MAP_FD || i->src_reg == BPF_PSEUDO_MAP_VALUE);
}

void tag_calc(const struct bpf_insn *insns, uint32_t cnt, uint8_t ret[BPF_TAG_SIZE])
{
	struct bpf_insn chunk[TAG_CHUNK];
	uint8_t digest[SHA1_SIZE];
	bool second = false; /* the slot before names a descriptor */
	struct sha1 sha;

	sha1_init(&sha);
	for (uint32_t i = 0, n = 0; i < cnt; i++) {
		struct bpf_insn *to = &chunk[n++];

		*to = insns[i];
		if (!second && names_fd(to)) {
			second = true;
			to->imm = 0;
		} else {
			if (second && to->code == 0 && to->dst_reg == 0 && to->src_reg == 0 &&
			    to->off == 0)
				to->imm = 0;
			second = false;
		}
		if (n == TAG_CHUNK || i + 1 == cnt) {
			sha1_add(&sha, chunk, n * sizeof(*chunk));
			n = 0;
		}
	}
	sha1_end(&sha, digest);
	memcpy(ret, digest, BPF_TAG_SIZE);
}
