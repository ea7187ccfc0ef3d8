// SPDX-License-Identifier: BSD-2-Clause
/* show.bpf.c - what bpf_snprintf_btf() makes of bytes that the test chose.  The same on every
 * kernel. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u8 data[1024]; /* what is shown */
__u32 type_id, type_flags;
__u64 flags;
__u64 at; /* from there; 0: data */
char text[4096];
long ret;

#define SHOW(name, size, of)                                                        \
	SEC("raw_tp") int name(void *ctx)                                           \
	{                                                                           \
		struct btf_ptr p = { at ? (void *)at : data, type_id, type_flags }; \
                                                                                    \
		ret = bpf_snprintf_btf(text, size, &p, of, flags);                  \
		return 0;                                                           \
	}

SHOW(show, sizeof(text), sizeof(p))
SHOW(show_short, 16, sizeof(p))
SHOW(show_one, 1, sizeof(p))
SHOW(show_small, sizeof(text), 8)
