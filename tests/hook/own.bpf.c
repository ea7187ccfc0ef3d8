// SPDX-License-Identifier: BSD-2-Clause
/* What tools read of the task that calls `seen`: its namespaces, its number there, its program. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "own.h"

/* As vmlinux.h of a Linux has them, as far as they are read. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	struct dentry *stashed;
	unsigned int inum;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	int pid_allocated;
	unsigned int level;
	struct ns_common ns;
};

struct nsproxy {
	int count;
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	int count;
	unsigned int level;
	struct upid numbers[];
};

struct super_block {
	unsigned int s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
};

struct dentry {
	unsigned int d_flags;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	int count;
	struct fdtable *fdt;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct {
	unsigned val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct task_struct {
	int pid, tgid;
	const struct cred *cred;
	struct css_set *cgroups;
	struct files_struct *files;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	struct mm_struct *mm;
};
#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

/* How often somebody called in a cgroup. */
struct {
	__uint(type, 32); /* BPF_MAP_TYPE_CGRP_STORAGE, which older headers lack */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} calls SEC(".maps");

static void *(*cgrp_storage_get)(void *map, struct cgroup *c, void *value,
				 __u64 flags) = (void *)210;

static int number_of(struct task_struct *t, unsigned level)
{
	return BPF_CORE_READ(t, thread_pid, numbers[level].nr);
}

static void read_namespaces(struct own *o, struct task_struct *t)
{
	const unsigned level = BPF_CORE_READ(t, thread_pid, level);

	o->ns[OWN_UTS] = BPF_CORE_READ(t, nsproxy, uts_ns, ns.inum);
	o->ns[OWN_IPC] = BPF_CORE_READ(t, nsproxy, ipc_ns, ns.inum);
	o->ns[OWN_MNT] = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
	o->ns[OWN_PID] = BPF_CORE_READ(t, thread_pid, numbers[level].ns, ns.inum);
	o->ns[OWN_PID_FOR_CHILDREN] = BPF_CORE_READ(t, nsproxy, pid_ns_for_children, ns.inum);
	o->ns[OWN_NET] = BPF_CORE_READ(t, nsproxy, net_ns, ns.inum);
	o->ns[OWN_TIME] = BPF_CORE_READ(t, nsproxy, time_ns, ns.inum);
	o->ns[OWN_TIME_FOR_CHILDREN] = BPF_CORE_READ(t, nsproxy, time_ns_for_children, ns.inum);
	o->ns[OWN_CGROUP] = BPF_CORE_READ(t, nsproxy, cgroup_ns, ns.inum);
	o->nr = number_of(t, level);
	o->leader_nr = number_of(BPF_CORE_READ(t, group_leader), level);
	o->parent_nr = number_of(BPF_CORE_READ(t, real_parent), level);
}

static void read_program(struct own *o, struct task_struct *t)
{
	const unsigned char *name = BPF_CORE_READ(t, mm, exe_file, f_path.dentry, d_name.name);
	const unsigned long args = BPF_CORE_READ(t, mm, arg_start);

	bpf_probe_read_kernel_str(o->name, sizeof(o->name), name);
	o->name_len = BPF_CORE_READ(t, mm, exe_file, f_path.dentry, d_name.len);
	o->ino = BPF_CORE_READ(t, mm, exe_file, f_inode, i_ino);
	o->dev = BPF_CORE_READ(t, mm, exe_file, f_inode, i_sb, s_dev);
	o->args = BPF_CORE_READ(t, mm, arg_end) - args;
	o->env = BPF_CORE_READ(t, mm, env_end) - BPF_CORE_READ(t, mm, env_start);
	bpf_probe_read_user_str(o->arg0, sizeof(o->arg0), (const void *)args);
}

static void read_cgroup(struct own *o, struct task_struct *t)
{
	o->cgroup = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	o->level = BPF_CORE_READ(t, cgroups, dfl_cgrp, level);
	bpf_probe_read_kernel_str(o->cgroup_name, sizeof(o->cgroup_name),
				  BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, name));
}

static void show_cred(struct own *o, struct task_struct *t)
{
	struct btf_ptr p = { (void *)&t->cred->uid, bpf_core_type_id_kernel(kuid_t) };

	bpf_snprintf_btf(o->shown, sizeof(o->shown), &p, sizeof(p), BTF_F_COMPACT | BTF_F_ZERO);
}

static void count_call(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 *n =
		cgrp_storage_get(&calls, t->cgroups->dfl_cgrp, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static void read_file(struct own_fd *to, struct task_struct *t, unsigned fd)
{
	const struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct file *f = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&f, sizeof(f), BPF_CORE_READ(table, fd) + fd) || !f)
		return;
	to->ino = BPF_CORE_READ(f, f_inode, i_ino);
	to->dev = BPF_CORE_READ(f, f_inode, i_sb, s_dev);
	to->name_len = BPF_CORE_READ(f, f_path.dentry, d_name.len);
	bpf_probe_read_kernel_str(to->name, sizeof(to->name),
				  BPF_CORE_READ(f, f_path.dentry, d_name.name));
}

/* The same by plain loads. */
static unsigned differ(const struct own *o)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return (t->nsproxy->mnt_ns->ns.inum != o->ns[OWN_MNT]) +
	       (t->nsproxy->pid_ns_for_children->ns.inum != o->ns[OWN_PID_FOR_CHILDREN]) +
	       (t->thread_pid->numbers[0].nr != o->nr) +
	       (t->group_leader->thread_pid->numbers[0].nr != o->leader_nr) +
	       (t->mm->exe_file->f_path.dentry->d_name.len != o->name_len) +
	       (t->mm->exe_file->f_path.dentry->d_inode->i_ino != o->ino) +
	       (t->cgroups->dfl_cgrp->level != o->level) +
	       (t->cgroups->dfl_cgrp->kn->id != bpf_get_current_cgroup_id()) +
	       (t->files->fdt->max_fds <= OWN_FD + OWN_FDS);
}

SEC("uprobe")
int look(void *ctx)
{
	struct own *o = bpf_ringbuf_reserve(&events, sizeof(*o), 0);
	struct task_struct *t = (void *)bpf_get_current_task();
	const __u64 ids = bpf_get_current_pid_tgid();

	if (!o)
		return 0;
	o->tgid = ids >> 32;
	o->tid = (__u32)ids;
	read_namespaces(o, t);
	read_program(o, t);
	read_cgroup(o, t);
	count_call();
	show_cred(o, bpf_get_current_task_btf());
	for (int i = 0; i < OWN_FDS; i++) {
		__builtin_memset(&o->fd[i], 0, sizeof(o->fd[i]));
		read_file(&o->fd[i], t, OWN_FD + i);
	}
	o->differ = differ(o);
	bpf_ringbuf_submit(o, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
