/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.bpf.c - the kernel that programs see, as C types and functions; only its BTF is used.
 *
 * Names and meanings are Linux's, layouts are our own: CO-RE brings programs to them.  A struct
 * has the fields that Skep can truly fill and no others, so bpf_core_field_exists() tells the
 * truth.  Types of memory that Skep makes stand beside their C twin (helper/task.h,
 * prog/ctx_xdp.h, prog/ctx_skb.h); tests/unit/model holds the two together.
 *
 * The compiler keeps the types that code refers to: functions below, and keep() for the rest.
 */
/* Newer headers know these, older ones do not: the model has its own. */
#define bpf_refcount  uapi_bpf_refcount
#define bpf_list_head uapi_bpf_list_head
#define bpf_list_node uapi_bpf_list_node
#define bpf_rb_root   uapi_bpf_rb_root
#define bpf_rb_node   uapi_bpf_rb_node
#define bpf_wq	      uapi_bpf_wq
#include <linux/bpf.h>
#undef bpf_refcount
#undef bpf_list_head
#undef bpf_list_node
#undef bpf_rb_root
#undef bpf_rb_node
#undef bpf_wq
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned long size_t;
typedef long long loff_t;
typedef unsigned short umode_t;
typedef unsigned int dev_t;

/* --- tasks: helper/task.h --------------------------------------------------------------------- */

#define TASK_COMM_LEN 16

typedef struct {
	uid_t val;
} kuid_t;

typedef struct {
	gid_t val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
	unsigned int level;
};

#define NAMESPACE(name)              \
	struct name {                \
		struct ns_common ns; \
	}
NAMESPACE(uts_namespace);
NAMESPACE(ipc_namespace);
NAMESPACE(mnt_namespace);
NAMESPACE(net);
NAMESPACE(time_namespace);
NAMESPACE(cgroup_namespace);

struct nsproxy {
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
	unsigned int level;
	struct upid numbers[]; /* one */
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct task_struct {
	pid_t pid;
	pid_t tgid;
	unsigned int flags;
	int exit_code;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	const struct cred *real_cred;
	const struct cred *cred;
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	struct mm_struct *mm;
	struct files_struct *files;
	struct css_set *cgroups;
	char comm[TASK_COMM_LEN];
	u64 start_time;
	u64 start_boottime;
};

/* --- files: helper/file.h --------------------------------------------------------------------- */

struct super_block {
	dev_t s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* --- cgroups: helper/cgroup.h ----------------------------------------------------------------- */

struct kernfs_node {
	u64 id;
	const char *name;
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

/* --- registers of a probed thread ---------------------------------------------------------------
 */

#if defined(__x86_64__)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};
#elif defined(__aarch64__)
struct user_pt_regs {
	u64 regs[31], sp, pc, pstate;
};

struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct {
			u64 regs[31], sp, pc, pstate;
		};
	};
};
#else
#error "the model knows no registers of this architecture"
#endif

/* --- packets: prog/ctx_xdp.h, prog/ctx_skb.h
 * ------------------------------------------------------ */

struct xdp_buff {
	void *data;
	void *data_end;
	void *data_meta;
	void *data_hard_start;
	void *data_hard_end;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

struct sk_buff {
	unsigned char *data, *data_end, *data_meta;
	unsigned char *head, *head_end;
	unsigned char *mac, *network;
	void *sk;
	u64 tstamp, hwtstamp;
	u64 cb_data[3];
	unsigned int len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present, vlan_tci, vlan_proto;
	u32 priority;
};

struct vlan_hdr {
	__be16 h_vlan_TCI;
	__be16 h_vlan_encapsulated_proto;
};

/* As <linux/icmp.h>, which brings the C library's headers along. */
struct icmphdr {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	union {
		struct {
			__be16 id;
			__be16 sequence;
		} echo;
		__be32 gateway;
		struct {
			__be16 __unused;
			__be16 mtu;
		} frag;
		__u8 reserved[4];
	} un;
};

/* --- events
 * ----------------------------------------------------------------------------------------- */

struct trace_entry {
	unsigned short type;
	unsigned char flags;
	unsigned char preempt_count;
	int pid;
};

struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
	char __data[0];
};

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
	char __data[0];
};

/* Of processes: helper/event.h. */
struct trace_event_raw_sched_process_fork {
	struct trace_entry ent;
	char parent_comm[TASK_COMM_LEN];
	pid_t parent_pid;
	char child_comm[TASK_COMM_LEN];
	pid_t child_pid;
	char __data[0];
};

struct trace_event_raw_sched_process_exec {
	struct trace_entry ent;
	u32 __data_loc_filename;
	pid_t pid;
	pid_t old_pid;
	char __data[0];
};

struct trace_event_raw_sched_process_template {
	struct trace_entry ent;
	char comm[TASK_COMM_LEN];
	pid_t pid;
	int prio;
	char __data[0];
};

struct trace_event_raw_task_newtask {
	struct trace_entry ent;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	unsigned long clone_flags;
	short oom_score_adj;
	char __data[0];
};

struct trace_event_raw_task_rename {
	struct trace_entry ent;
	pid_t pid;
	char oldcomm[TASK_COMM_LEN];
	char newcomm[TASK_COMM_LEN];
	short oom_score_adj;
	char __data[0];
};

struct trace_event_raw_signal_generate {
	struct trace_entry ent;
	int sig;
	int errno;
	int code;
	char comm[TASK_COMM_LEN];
	pid_t pid;
	int group;
	int result;
	char __data[0];
};

/* What raw tracepoints are handed beside tasks. */
struct linux_binprm {
	const char *filename;
};

struct kernel_siginfo {
	int si_signo, si_errno, si_code;
};

/* The callbacks of raw tracepoints, by which BTF knows them: SEC("tp_btf/..."). */
typedef void (*btf_trace_sys_enter)(void *, struct pt_regs *regs, long id);
typedef void (*btf_trace_sys_exit)(void *, struct pt_regs *regs, long ret);
typedef void (*btf_trace_sched_process_fork)(void *, struct task_struct *parent,
					     struct task_struct *child);
typedef void (*btf_trace_sched_process_exec)(void *, struct task_struct *p, pid_t old_pid,
					     struct linux_binprm *bprm);
typedef void (*btf_trace_sched_process_exit)(void *, struct task_struct *p);
typedef void (*btf_trace_task_newtask)(void *, struct task_struct *task, unsigned long clone_flags);
typedef void (*btf_trace_task_rename)(void *, struct task_struct *task, const char *comm);
typedef void (*btf_trace_signal_generate)(void *, int sig, struct kernel_siginfo *info,
					  struct task_struct *task, int group, int result);

/* --- iterators: helper/seq.h, core/iter_model.h ------------------------------------------------
 */

struct seq_file {
	char *buf;
	size_t size;
	size_t count;
	loff_t index;
};

struct bpf_map {
	enum bpf_map_type map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u64 map_extra;
	u32 map_flags;
	u32 id;
	u32 btf_key_type_id;
	u32 btf_value_type_id;
	char name[BPF_OBJ_NAME_LEN];
	bool frozen;
};

struct bpf_prog_aux {
	u32 used_map_cnt;
	u32 max_ctx_offset;
	u32 id;
	u32 func_cnt;
	u32 attach_btf_id;
	u32 verified_insns;
	u64 load_time;
	char name[BPF_OBJ_NAME_LEN];
	struct bpf_prog *prog;
};

struct bpf_prog {
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	u32 len;
	u32 jited_len;
	u8 tag[BPF_TAG_SIZE];
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

/* The context of programs on a target: the arguments of bpf_iter_TARGET(). */
#define ITER_1(target, a)                   \
	struct bpf_iter__##target {         \
		struct bpf_iter_meta *meta; \
		a;                          \
	}
ITER_1(bpf_map, struct bpf_map *map);
ITER_1(bpf_prog, struct bpf_prog *prog);
ITER_1(bpf_link, struct bpf_link *link);
ITER_1(task, struct task_struct *task);
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd __attribute__((aligned(8)));
	struct file *file;
};
struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

/* --- special fields: obj/ --------------------------------------------------------------------- */

struct bpf_refcount {
	u32 __opaque[1];
} __attribute__((aligned(4)));

struct bpf_list_head {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_rb_root {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_rb_node {
	u64 __opaque[4];
} __attribute__((aligned(8)));

struct bpf_res_spin_lock {
	u32 val;
};

struct bpf_wq {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_iter_num {
	u64 __opaque[1];
} __attribute__((aligned(8)));

/* --- what only keep() refers to
 * ----------------------------------------------------------------------- */

#define KEEP(type) (sink = __builtin_btf_type_id(*(type *)0, 0))

static inline __attribute__((always_inline)) void keep(void)
{
	volatile unsigned long sink;

	KEEP(u8), KEEP(u16), KEEP(u32), KEEP(u64), KEEP(s8), KEEP(s16), KEEP(s32), KEEP(s64);
	KEEP(__be16), KEEP(__be32), KEEP(__be64), KEEP(__wsum), KEEP(__sum16);
	KEEP(__le16), KEEP(__le32), KEEP(__le64);
	KEEP(bool), KEEP(pid_t), KEEP(uid_t), KEEP(gid_t), KEEP(size_t), KEEP(loff_t);
	KEEP(umode_t), KEEP(dev_t);

	KEEP(enum bpf_cmd), KEEP(enum bpf_map_type), KEEP(enum bpf_prog_type);
	KEEP(enum bpf_attach_type), KEEP(enum bpf_link_type), KEEP(enum bpf_func_id);
	KEEP(union bpf_attr), KEEP(struct bpf_insn), KEEP(enum xdp_action);
	KEEP(struct bpf_spin_lock), KEEP(struct bpf_timer), KEEP(struct bpf_dynptr);
	KEEP(struct bpf_refcount);
	KEEP(struct bpf_map_info), KEEP(struct bpf_prog_info), KEEP(struct bpf_btf_info);

	KEEP(struct bpf_link_info), KEEP(struct bpf_perf_event_value);
	KEEP(struct bpf_fib_lookup), KEEP(struct bpf_tunnel_key), KEEP(struct bpf_flow_keys);

	KEEP(struct bpf_sock), KEEP(struct bpf_sock_addr), KEEP(struct bpf_sock_ops);
	KEEP(struct bpf_sock_tuple), KEEP(struct bpf_sockopt), KEEP(struct bpf_sysctl);
	KEEP(struct bpf_cgroup_dev_ctx), KEEP(struct sk_msg_md), KEEP(struct sk_reuseport_md);
	KEEP(struct bpf_sk_lookup), KEEP(struct xdp_md), KEEP(struct xdp_buff);
	KEEP(struct __sk_buff), KEEP(struct sk_buff), KEEP(struct bpf_raw_tracepoint_args);
	KEEP(struct pt_regs), KEEP(struct trace_event_raw_sys_enter);
	KEEP(struct trace_event_raw_sys_exit);
	KEEP(struct trace_event_raw_sched_process_fork);
	KEEP(struct trace_event_raw_sched_process_exec);
	KEEP(struct trace_event_raw_sched_process_template);
	KEEP(struct trace_event_raw_task_newtask), KEEP(struct trace_event_raw_task_rename);
	KEEP(struct trace_event_raw_signal_generate);
	KEEP(struct linux_binprm), KEEP(struct kernel_siginfo);
	KEEP(btf_trace_sys_enter), KEEP(btf_trace_sys_exit);
	KEEP(btf_trace_sched_process_fork), KEEP(btf_trace_sched_process_exec);
	KEEP(btf_trace_sched_process_exit), KEEP(btf_trace_task_newtask);
	KEEP(btf_trace_task_rename), KEEP(btf_trace_signal_generate);

	KEEP(struct ethhdr), KEEP(struct vlan_hdr), KEEP(struct iphdr);
	KEEP(struct ipv6hdr), KEEP(struct in6_addr);
	KEEP(struct tcphdr), KEEP(struct udphdr), KEEP(struct icmphdr), KEEP(struct icmp6hdr);

	KEEP(struct task_struct), KEEP(struct cred), KEEP(struct pid), KEEP(struct upid);
	KEEP(struct nsproxy), KEEP(struct ns_common), KEEP(struct uts_namespace);
	KEEP(struct ipc_namespace), KEEP(struct mnt_namespace), KEEP(struct pid_namespace);
	KEEP(struct net), KEEP(struct time_namespace), KEEP(struct cgroup_namespace);
	KEEP(struct files_struct), KEEP(struct fdtable), KEEP(struct mm_struct), KEEP(struct path),
		KEEP(struct dentry), KEEP(struct qstr);
	KEEP(struct css_set), KEEP(struct cgroup), KEEP(struct kernfs_node);

	KEEP(struct bpf_iter__bpf_map), KEEP(struct bpf_iter__bpf_map_elem);
	KEEP(struct bpf_iter__bpf_prog), KEEP(struct bpf_iter__bpf_link);
	KEEP(struct bpf_iter__task), KEEP(struct bpf_iter__task_file);
	KEEP(struct bpf_iter__task_vma), KEEP(struct vm_area_struct);
	KEEP(struct file), KEEP(struct inode), KEEP(struct super_block);
	KEEP(struct bpf_iter_meta), KEEP(struct seq_file), KEEP(struct bpf_map);
	KEEP(struct bpf_prog), KEEP(struct bpf_prog_aux), KEEP(struct bpf_link);
}

/* --- kfuncs: a prototype for each row of helper/kfuncs.def
 * --------------------------------------------- */

#define KFUNC __attribute__((used)) /* the bodies are never run */

KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end)
{
	return 0;
}

KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it)
{
	return 0;
}

KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it)
{
}

KFUNC void bpf_rcu_read_lock(void)
{
	keep();
}

KFUNC void bpf_rcu_read_unlock(void)
{
}

KFUNC void bpf_preempt_disable(void)
{
}

KFUNC void bpf_preempt_enable(void)
{
}

KFUNC struct task_struct *bpf_task_acquire(struct task_struct *p)
{
	return p;
}

KFUNC void bpf_task_release(struct task_struct *p)
{
}

KFUNC struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp)
{
	return cgrp;
}

KFUNC void bpf_cgroup_release(struct cgroup *cgrp)
{
}

KFUNC struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level)
{
	return cgrp;
}

KFUNC struct cgroup *bpf_cgroup_from_id(u64 cgid)
{
	return 0;
}

KFUNC long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor)
{
	return 0;
}

KFUNC void *bpf_arena_alloc_pages(void *p__map, void *addr__ign, u32 page_cnt, int node_id,
				  u64 flags)
{
	return 0;
}

KFUNC void bpf_arena_free_pages(void *p__map, void *ptr__ign, u32 page_cnt)
{
}

KFUNC int bpf_arena_reserve_pages(void *p__map, void *ptr__ign, u32 page_cnt)
{
	return 0;
}

/* The type of an object is known by its id in the program's BTF, so all of these are void. */
KFUNC void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign)
{
	return 0;
}

KFUNC void bpf_obj_drop_impl(void *p__alloc, void *meta__ign)
{
}

KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign)
{
	return 0;
}

KFUNC void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign)
{
}

KFUNC void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign)
{
	return 0;
}

KFUNC int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta__ign, u64 off)
{
	return 0;
}

KFUNC int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				  void *meta__ign, u64 off)
{
	return 0;
}

KFUNC struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head)
{
	return 0;
}

KFUNC struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head)
{
	return 0;
}

KFUNC struct bpf_list_node *bpf_list_front(struct bpf_list_head *head)
{
	return 0;
}

KFUNC struct bpf_list_node *bpf_list_back(struct bpf_list_head *head)
{
	return 0;
}

KFUNC int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			      bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			      void *meta__ign, u64 off)
{
	return 0;
}

KFUNC struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node)
{
	return 0;
}

KFUNC struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root)
{
	return 0;
}

KFUNC struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root)
{
	return 0;
}

KFUNC struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node)
{
	return 0;
}

KFUNC struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root, struct bpf_rb_node *node)
{
	return 0;
}

KFUNC int bpf_res_spin_lock(struct bpf_res_spin_lock *lock)
{
	return 0;
}

KFUNC void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock)
{
}

KFUNC int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag)
{
	return 0;
}

KFUNC void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock,
					  unsigned long *flags__irq_flag)
{
}

KFUNC int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags)
{
	return 0;
}

KFUNC int bpf_wq_set_callback_impl(struct bpf_wq *wq,
				   int(callback_fn)(void *map, int *key, void *value),
				   unsigned int flags, void *aux__ign)
{
	return 0;
}

KFUNC int bpf_wq_start(struct bpf_wq *wq, unsigned int flags)
{
	return 0;
}

KFUNC int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit)
{
	return 0;
}

KFUNC int bpf_dynptr_from_skb_meta(struct __sk_buff *skb_, u64 flags,
				   struct bpf_dynptr *ptr__uninit)
{
	return 0;
}

KFUNC int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit)
{
	return 0;
}

KFUNC void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt,
			     u32 buffer__szk)
{
	return 0;
}

KFUNC void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt,
				  u32 buffer__szk)
{
	return 0;
}

KFUNC int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end)
{
	return 0;
}

KFUNC bool bpf_dynptr_is_null(const struct bpf_dynptr *p)
{
	return 0;
}

KFUNC bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p)
{
	return 0;
}

KFUNC u32 bpf_dynptr_size(const struct bpf_dynptr *p)
{
	return 0;
}

KFUNC int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit)
{
	return 0;
}

KFUNC int bpf_dynptr_copy(struct bpf_dynptr *dst_ptr, u32 dst_off, struct bpf_dynptr *src_ptr,
			  u32 src_off, u32 size)
{
	return 0;
}

KFUNC int bpf_dynptr_memset(struct bpf_dynptr *p, u32 offset, u32 size, u8 val)
{
	return 0;
}

KFUNC int bpf_probe_read_kernel_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size,
				       const void *unsafe_ptr__ign)
{
	return 0;
}

KFUNC int bpf_probe_read_user_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size,
				     const void *unsafe_ptr__ign)
{
	return 0;
}

KFUNC int bpf_probe_read_kernel_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size,
					   const void *unsafe_ptr__ign)
{
	return 0;
}

KFUNC int bpf_probe_read_user_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size,
					 const void *unsafe_ptr__ign)
{
	return 0;
}

/* --- what iterators attach to: a function for each target --------------------------------------
 */

KFUNC int bpf_iter_bpf_map(struct bpf_iter_meta *meta, struct bpf_map *map)
{
	return 0;
}

KFUNC int bpf_iter_bpf_map_elem(struct bpf_iter_meta *meta, struct bpf_map *map, void *key,
				void *value)
{
	return 0;
}

KFUNC int bpf_iter_bpf_prog(struct bpf_iter_meta *meta, struct bpf_prog *prog)
{
	return 0;
}

KFUNC int bpf_iter_bpf_link(struct bpf_iter_meta *meta, struct bpf_link *link)
{
	return 0;
}

KFUNC int bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task)
{
	return 0;
}

KFUNC int bpf_iter_task_file(struct bpf_iter_meta *meta, struct task_struct *task, u32 fd,
			     struct file *file)
{
	return 0;
}

KFUNC int bpf_iter_task_vma(struct bpf_iter_meta *meta, struct task_struct *task,
			    struct vm_area_struct *vma)
{
	return 0;
}

/* --- bodies of system calls: SEC("fentry/__x64_sys_...") and its kin
 * --------------------------------------- */

#define SYSCALL(nr, name, ...)                                    \
	KFUNC long __x64_sys_##name(const struct pt_regs *__regs) \
	{                                                         \
		return 0;                                         \
	}
#include "model/syscalls.def"
#undef SYSCALL
