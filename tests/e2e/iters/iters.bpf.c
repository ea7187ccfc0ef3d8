// SPDX-License-Identifier: BSD-2-Clause
/*
 * iters.bpf.c - iterators over what a kernel has: each prints a line for an element, and one at the
 * end, where its argument is NULL.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define RELO __attribute__((preserve_access_index))

struct seq_file {
	char *buf;
} RELO;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
} RELO;

struct bpf_map {
	__u32 id, max_entries;
	char name[16];
} RELO;

struct bpf_prog_aux {
	__u32 id;
	char name[16];
	struct bpf_prog *prog;
} RELO;

struct bpf_prog {
	__u32 len;
	struct bpf_prog_aux *aux;
} RELO;

struct bpf_link {
	__u32 id;
	struct bpf_prog *prog;
} RELO;

struct ns_common {
	unsigned inum;
} RELO;

struct mnt_namespace {
	struct ns_common ns;
} RELO;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} RELO;

struct upid {
	int nr;
} RELO;

struct pid {
	struct upid numbers[1];
} RELO;

struct task_struct {
	int pid, tgid;
	char comm[16];
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	struct task_struct *real_parent, *group_leader;
} RELO;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} RELO;

struct super_block {
	__u32 s_dev;
} RELO;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} RELO;

struct file {
	struct inode *f_inode;
} RELO;

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct file *vm_file;
} RELO;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} RELO;

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
} RELO;

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
} RELO;

struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
} RELO;

struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
} RELO;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
} RELO;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, __u64);
} queue SEC(".maps");

__u64 sum;
__u32 tries;

/* The sum, and each value is doubled. */
SEC("iter/bpf_map_elem") int elems(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (!key || !value) {
		BPF_SEQ_PRINTF(ctx->meta->seq, "sum %llu of %llu\n", sum, ctx->meta->seq_num + 1);
		return 0;
	}
	sum += *value;
	*value *= 2;
	return 0;
}

/* Each key by its type, then what is none, and what nobody can read. */
SEC("iter/bpf_map_elem") int shown(struct bpf_iter__bpf_map_elem *ctx)
{
	struct btf_ptr p = { ctx->key, bpf_core_type_id_kernel(__u32) };
	struct seq_file *seq = ctx->meta->seq;

	if (ctx->key) {
		bpf_seq_printf_btf(seq, &p, sizeof(p), BTF_F_COMPACT);
		return 0;
	}
	BPF_SEQ_PRINTF(seq, " %d", bpf_seq_printf_btf(seq, &p, sizeof(p), BTF_F_COMPACT));
	p.type_id = 0;
	BPF_SEQ_PRINTF(seq, " %d", bpf_seq_printf_btf(seq, &p, sizeof(p), 0));
	BPF_SEQ_PRINTF(seq, " %d\n", bpf_seq_printf_btf(seq, &p, 8, 0));
	return 0;
}

/* Reads more of a key than there is in maps with 4 bytes. */
SEC("iter/bpf_map_elem") int long_keys(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key;

	if (key)
		sum += *key;
	return 0;
}

SEC("iter/bpf_map") int maps(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llu %s %u\n", ctx->meta->seq_num, map->name,
			       map->max_entries);
	else
		bpf_seq_write(ctx->meta->seq, "end\n", 4);
	return 0;
}

/* prog->aux->prog is prog again; NULL's fields are 0. */
SEC("iter/bpf_prog") int progs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;
	struct bpf_prog_aux *aux;

	if (!prog)
		return 0;
	aux = prog->aux;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%s %d\n", aux->name, aux->prog->len == prog->len);
	return 0;
}

/* A link without a program has none whose fields could be anything but 0. */
SEC("iter/bpf_link") int links(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;

	if (link)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u %s\n", link->id, link->prog->aux->name);
	return 0;
}

SEC("iter/task_file") int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (task && file)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %u %x:%lu\n", task->tgid, ctx->fd,
			       file->f_inode->i_sb->s_dev, file->f_inode->i_ino);
	return 0;
}

SEC("iter/task_vma") int mappings(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	struct inode *inode;

	if (!task || !vma)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %lx-%lx %lx", task->tgid, vma->vm_start, vma->vm_end,
		       vma->vm_flags & 15);
	if (vma->vm_file) {
		inode = vma->vm_file->f_inode;
		BPF_SEQ_PRINTF(ctx->meta->seq, " %lx %x:%lu", vma->vm_pgoff, inode->i_sb->s_dev,
			       inode->i_ino);
	}
	BPF_SEQ_PRINTF(ctx->meta->seq, "\n");
	return 0;
}

/* Far beyond the first of all: the idle task is its own parent. */
SEC("iter/task") int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *up;

	if (!task)
		return 0;
	up = task->real_parent;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d %d %s\n", task->tgid, task->group_leader->pid,
		       up->pid, task->comm);
	for (int i = 0; i < 100; i++)
		up = up->real_parent;
	if (up->pid)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d is first\n", up->pid);
	/* Its number is known, its namespaces are not. */
	if (task->thread_pid->numbers[0].nr != task->pid || task->nsproxy->mnt_ns->ns.inum)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d is elsewhere\n", task->pid);
	return 0;
}

/*
 * What is behind NULL is 0, with its sign or without, and no register but the result changes; what
 * is at a place that no type tells of is read.
 */
SEC("iter/bpf_map") int walks(struct bpf_iter__bpf_map *ctx)
{
	struct task_struct *up = bpf_get_current_task_btf();
	struct seq_file *seq = ctx->meta->seq;
	__u64 five = bpf_get_smp_processor_id() * 0 + 5;
	int none;

	if (ctx->map)
		return 0;
	for (int i = 0; i < 5; i++)
		up = up->real_parent;
	none = up->pid + up->comm[3];
	bpf_seq_write(seq, "x", 1);
	BPF_SEQ_PRINTF(seq, " %d %llu %c\n", none, five, *seq->buf);
	return 0;
}

/* The first element once more. */
SEC("iter/bpf_map") int twice(struct bpf_iter__bpf_map *ctx)
{
	if (!ctx->map)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%llu.%u\n", ctx->meta->seq_num, tries);
	return tries++ == 0;
}

SEC("iter/bpf_map") int for_ever(struct bpf_iter__bpf_map *ctx)
{
	return 1;
}

/* 4 KiB for each element: more than one buffer in all, fewer than fit for one. */
SEC("iter/bpf_map_elem") int much(struct bpf_iter__bpf_map_elem *ctx)
{
	static const char text[1024] = "x";

	if (ctx->key)
		for (int i = 0; i < 4; i++)
			bpf_seq_write(ctx->meta->seq, text, sizeof(text));
	return 0;
}

/* 40 KiB for one. */
SEC("iter/bpf_map_elem") int too_much(struct bpf_iter__bpf_map_elem *ctx)
{
	static const char text[1024] = "x";

	if (ctx->key)
		for (int i = 0; i < 40; i++)
			bpf_seq_write(ctx->meta->seq, text, sizeof(text));
	return 0;
}
