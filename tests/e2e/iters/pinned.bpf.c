// SPDX-License-Identifier: BSD-2-Clause
/* pinned.bpf.c - the names of all maps, for bpftool iter pin. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define RELO __attribute__((preserve_access_index))

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
} RELO;

struct bpf_map {
	char name[16];
} RELO;

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
} RELO;

SEC("iter/bpf_map") int names(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llu %s\n", ctx->meta->seq_num, map->name);
	return 0;
}
