/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c - the model's BTF: everyone who reads BTF accepts it, and it tells the truth about the
 * memory that Skep makes.
 */
#include "model/model.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../btf/raw.h"
#include "core/iter_model.h"
#include "helper/event.h"
#include "helper/helper.h"
#include "helper/seq.h"
#include "helper/task.h"
#include "model/event.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "tests/harness/host.h"
#include "tests/harness/test.h"

static struct verdict verdict;

static struct skep_btf *parse(void)
{
	struct skep_btf *b;
	size_t size;
	const void *blob = model_btf(&size);

	judge_ours(blob, (uint32_t)size, &verdict, &b);
	ASSERT_MSG(!verdict.err, "%d: %s", verdict.err, verdict.log);
	return b;
}

TEST(we_accept_the_model)
{
	struct skep_btf *b = parse();

	ASSERT_GT(btf_type_count(b), 100);
	ASSERT_GT(btf_find(b, "task_struct", BTF_KIND_STRUCT), 0);
	ASSERT_EQ(btf_find(b, "task_struct", BTF_KIND_UNION), -ENOENT);
	btf_put(b);
}

TEST(the_host_accepts_the_model)
{
	const char *why;
	size_t size;
	const void *blob = model_btf(&size);

	if (!judge_host(blob, (uint32_t)size, &verdict, &why))
		test_skip("%s", why);
	ASSERT_MSG(!verdict.err, "%d: %s", verdict.err, verdict.log);
}

/* --- layouts ------------------------------------------------------------------------------- */

/* clang-format off */
#define CRED(field) \
	{ "cred", #field, offsetof(struct skep_cred, field), sizeof_field(struct skep_cred, field) }
#define TASK(field) \
	{ "task_struct", #field, offsetof(struct skep_task, field), sizeof_field(struct skep_task, field) }
#define XDP(model_field, field) \
	{ "xdp_buff", #model_field, offsetof(struct xdp_ctx, field), sizeof_field(struct xdp_ctx, field) }
#define SKB(model_field, field) \
	{ "sk_buff", #model_field, offsetof(struct skb_ctx, field), sizeof_field(struct skb_ctx, field) }

#define TWIN(type, field, twin) \
	{ type, #field, offsetof(struct twin, field), sizeof_field(struct twin, field) }
#define SEQ(field) TWIN("seq_file", field, skep_seq)
#define META(field) TWIN("bpf_iter_meta", field, model_iter_meta)
#define MAP(field) TWIN("bpf_map", field, model_map)
#define PROG(field) TWIN("bpf_prog", field, model_prog)
#define AUX(field) TWIN("bpf_prog_aux", field, model_prog_aux)
#define LINK(field) TWIN("bpf_link", field, model_link)
#define EVENT(type, field, twin) TWIN("trace_event_raw_" type, field, twin)
#define FORK(field) EVENT("sched_process_fork", field, event_fork)
#define EXEC(field) EVENT("sched_process_exec", field, event_exec)
#define EXIT(field) EVENT("sched_process_template", field, event_exit)
#define NEWTASK(field) EVENT("task_newtask", field, event_newtask)
#define RENAME(field) EVENT("task_rename", field, event_rename)
#define SIGNAL(field) EVENT("signal_generate", field, event_signal)

/* Every namespace begins so. */
struct skep_ns_first {
	uint32_t ns;
};
static_assert(offsetof(struct skep_ns, inum) == 0, "the inode comes first");

static const struct layout {
	const char *type, *field;
	size_t off, size; /* in the C twin */
} layouts[] = {
	TASK(pid),
	TASK(tgid),
	TASK(flags),
	TASK(exit_code),
	TASK(start_time),
	TASK(start_boottime),
	TASK(real_parent),
	TASK(parent),
	TASK(group_leader),
	TASK(real_cred),
	TASK(cred),
	TASK(thread_pid),
	TASK(nsproxy),
	TASK(mm),
	TASK(files),
	TASK(comm),
	CRED(uid),
	CRED(gid),
	CRED(suid),
	CRED(sgid),
	CRED(euid),
	CRED(egid),
	CRED(fsuid),
	CRED(fsgid),
	XDP(data, data),
	XDP(data_end, data_end),
	XDP(data_meta, data_meta),
	XDP(data_hard_start, hard_start),
	XDP(data_hard_end, hard_end),
	XDP(ingress_ifindex, ingress_ifindex),
	XDP(rx_queue_index, rx_queue_index),
	XDP(egress_ifindex, egress_ifindex),
	SKB(data, data),
	SKB(data_end, data_end),
	SKB(data_meta, data_meta),
	SKB(head, head),
	SKB(head_end, end),
	SKB(mac, mac),
	SKB(network, network),
	SKB(sk, sk),
	SKB(tstamp, tstamp),
	SKB(hwtstamp, hwtstamp),
	SKB(cb_data, cb),
	SKB(len, len),
	SKB(pkt_type, pkt_type),
	SKB(mark, mark),
	SKB(queue_mapping, queue_mapping),
	SKB(protocol, protocol),
	SKB(vlan_present, vlan_present),
	SKB(vlan_tci, vlan_tci),
	SKB(vlan_proto, vlan_proto),
	SKB(priority, priority),
	FORK(parent_comm),
	FORK(parent_pid),
	FORK(child_comm),
	FORK(child_pid),
	{ "trace_event_raw_sched_process_exec", "__data_loc_filename",
	  offsetof(struct event_exec, filename), 4 },
	EXEC(pid),
	EXEC(old_pid),
	EXIT(comm),
	EXIT(pid),
	EXIT(prio),
	NEWTASK(pid),
	NEWTASK(comm),
	NEWTASK(clone_flags),
	NEWTASK(oom_score_adj),
	RENAME(pid),
	RENAME(oldcomm),
	RENAME(newcomm),
	RENAME(oom_score_adj),
	SIGNAL(sig),
	{ "trace_event_raw_signal_generate", "errno", offsetof(struct event_signal, error), 4 },
	SIGNAL(code),
	SIGNAL(comm),
	SIGNAL(pid),
	SIGNAL(group),
	SIGNAL(result),
	TWIN("linux_binprm", filename, event_binprm),
	TWIN("kernel_siginfo", si_signo, event_siginfo),
	TWIN("kernel_siginfo", si_errno, event_siginfo),
	TWIN("kernel_siginfo", si_code, event_siginfo),
	SEQ(buf),
	SEQ(size),
	SEQ(count),
	SEQ(index),
	TWIN("super_block", s_dev, model_super_block),
	TWIN("inode", i_ino, model_inode),
	TWIN("inode", i_sb, model_inode),
	TWIN("file", f_inode, model_file),
	TWIN("file", f_path, model_file),
	TWIN("path", dentry, model_path),
	TWIN("files_struct", fdt, model_files),
	TWIN("fdtable", max_fds, model_fdtable),
	TWIN("fdtable", fd, model_fdtable),
	TWIN("dentry", d_name, model_dentry),
	TWIN("dentry", d_inode, model_dentry),
	TWIN("qstr", len, model_qstr),
	TWIN("qstr", name, model_qstr),
	TASK(cgroups),
	TWIN("css_set", dfl_cgrp, model_css_set),
	TWIN("cgroup", kn, model_cgroup),
	TWIN("cgroup", level, model_cgroup),
	{ "cgroup", "ancestors", offsetof(struct model_cgroup, ancestors), 0 }, /* flexible */
	TWIN("kernfs_node", id, model_kernfs_node),
	TWIN("kernfs_node", name, model_kernfs_node),
	TWIN("kernfs_node", parent, model_kernfs_node),
	TWIN("nsproxy", uts_ns, skep_nsproxy),
	TWIN("nsproxy", ipc_ns, skep_nsproxy),
	TWIN("nsproxy", mnt_ns, skep_nsproxy),
	TWIN("nsproxy", pid_ns_for_children, skep_nsproxy),
	TWIN("nsproxy", net_ns, skep_nsproxy),
	TWIN("nsproxy", time_ns, skep_nsproxy),
	TWIN("nsproxy", time_ns_for_children, skep_nsproxy),
	TWIN("nsproxy", cgroup_ns, skep_nsproxy),
	TWIN("ns_common", inum, skep_ns),
	TWIN("uts_namespace", ns, skep_ns_first),
	TWIN("ipc_namespace", ns, skep_ns_first),
	TWIN("mnt_namespace", ns, skep_ns_first),
	TWIN("pid_namespace", ns, skep_ns_first),
	TWIN("net", ns, skep_ns_first),
	TWIN("time_namespace", ns, skep_ns_first),
	TWIN("cgroup_namespace", ns, skep_ns_first),
	TWIN("pid_namespace", level, skep_ns),
	TWIN("pid", level, skep_pid),
	{ "pid", "numbers", offsetof(struct skep_pid, numbers), 0 }, /* flexible */
	TWIN("upid", nr, skep_upid),
	TWIN("upid", ns, skep_upid),
	TWIN("mm_struct", arg_start, skep_mm),
	TWIN("mm_struct", arg_end, skep_mm),
	TWIN("mm_struct", env_start, skep_mm),
	TWIN("mm_struct", env_end, skep_mm),
	TWIN("mm_struct", exe_file, skep_mm),
	TWIN("vm_area_struct", vm_start, model_vma),
	TWIN("vm_area_struct", vm_end, model_vma),
	TWIN("vm_area_struct", vm_flags, model_vma),
	TWIN("vm_area_struct", vm_pgoff, model_vma),
	TWIN("vm_area_struct", vm_file, model_vma),
	META(seq),
	META(session_id),
	META(seq_num),
	MAP(map_type),
	MAP(key_size),
	MAP(value_size),
	MAP(max_entries),
	MAP(map_extra),
	MAP(map_flags),
	MAP(id),
	MAP(btf_key_type_id),
	MAP(btf_value_type_id),
	MAP(name),
	MAP(frozen),
	PROG(type),
	PROG(expected_attach_type),
	PROG(len),
	PROG(jited_len),
	PROG(tag),
	PROG(aux),
	AUX(used_map_cnt),
	AUX(max_ctx_offset),
	AUX(id),
	AUX(func_cnt),
	AUX(attach_btf_id),
	AUX(verified_insns),
	AUX(load_time),
	AUX(name),
	AUX(prog),
	LINK(id),
	LINK(type),
	LINK(prog),
};

/* clang-format on */
static const struct btf_member *find_member(const struct skep_btf *b, const struct layout *l)
{
	int32_t id = btf_find(b, l->type, BTF_KIND_STRUCT);
	const struct btf_type *t = btf_type(b, id > 0 ? (uint32_t)id : 0);
	const struct btf_member *m = (const void *)(t + 1);

	ASSERT_MSG(id > 0, "no struct %s", l->type);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		if (!strcmp(btf_str(b, m[i].name_off), l->field))
			return &m[i];
	test_fail(__FILE__, __LINE__, "struct %s has no %s", l->type, l->field);
}

TEST(layouts_are_those_of_the_memory_we_make)
{
	struct skep_btf *b = parse();

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout *l = &layouts[i];
		const struct btf_member *m = find_member(b, l);

		ASSERT_MSG(m->offset == l->off * 8 && btf_size(b, m->type) == (int64_t)l->size,
			   "struct %s, %s: bit %u, %lld bytes; in memory byte %zu, %zu bytes",
			   l->type, l->field, m->offset, (long long)btf_size(b, m->type), l->off,
			   l->size);
	}
	btf_put(b);
}

TEST(no_field_is_promised_beyond_the_memory_we_make)
{
	static const struct {
		const char *type;
		size_t twin;
		bool same; /* else the twin may have more */
	} sizes[] = {
		{ "task_struct", sizeof(struct skep_task), true },
		{ "cred", sizeof(struct skep_cred), true },
		{ "nsproxy", sizeof(struct skep_nsproxy), true },
		{ "mm_struct", sizeof(struct skep_mm), true },
		{ "file", sizeof(struct model_file), true },
		{ "kernfs_node", sizeof(struct model_kernfs_node), true },
		{ "css_set", sizeof(struct model_css_set), true },
		{ "dentry", sizeof(struct model_dentry), true },
		{ "seq_file", sizeof(struct skep_seq), true },
		{ "bpf_map", sizeof(struct model_map), true },
		{ "pid", sizeof(struct skep_pid), false },
		{ "pid_namespace", sizeof(struct skep_ns), false },
		{ "bpf_prog", sizeof(struct model_prog), false },
		{ "xdp_buff", sizeof(struct xdp_ctx), false },
		{ "sk_buff", sizeof(struct skb_ctx), false },
	};
	struct skep_btf *b = parse();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const int32_t id = btf_find(b, sizes[i].type, BTF_KIND_STRUCT);
		const int64_t size = btf_size(b, (uint32_t)id), twin = (int64_t)sizes[i].twin;

		ASSERT_MSG(sizes[i].same ? size == twin : size <= twin, "struct %s: %lld, not %lld",
			   sizes[i].type, (long long)size, (long long)twin);
	}
	btf_put(b);
}

/* What an iterator attaches to: its context stands beside it. */
static bool is_iterator(const struct skep_btf *b, const char *name)
{
	char ctx[128];

	if (strncmp(name, "bpf_iter_", 9))
		return false;
	snprintf(ctx, sizeof(ctx), "bpf_iter__%s", name + 9);
	return btf_find(b, ctx, BTF_KIND_STRUCT) > 0;
}

/* A function that programs attach to: there is nothing to call. */
static bool is_hook(const struct skep_btf *b, const char *name)
{
	return is_iterator(b, name) || model_syscall_of(name) >= 0;
}

TEST(what_tracing_programs_attach_to_has_its_type)
{
	struct skep_btf *b = parse();
	struct model_event e;
	char name[128];

	for (int32_t nr = 0; nr < MODEL_SYSCALLS; nr++) {
		if (!model_syscall_name(nr))
			continue;
		snprintf(name, sizeof(name), "__x64_sys_%s", model_syscall_name(nr));
		ASSERT_MSG(btf_find(b, name, BTF_KIND_FUNC) > 0, "%s", name);
	}
	for (uint32_t id = 0; id < btf_type_count(b); id++) {
		const struct btf_type *t = btf_type(b, id);
		const char *what = btf_str(b, t->name_off);

		if (BTF_INFO_KIND(t->info) != BTF_KIND_TYPEDEF || strncmp(what, "btf_trace_", 10))
			continue;
		ASSERT_MSG(model_event_raw(what + 10, &e), "%s", what);
		t = btf_type(b, btf_type(b, t->type)->type); /* of a pointer */
		ASSERT_EQ(BTF_INFO_KIND(t->info), BTF_KIND_FUNC_PROTO);
		ASSERT_EQ(BTF_INFO_VLEN(t->info), e.n + 1);
	}
	btf_put(b);
}

TEST(every_kfunc_has_its_type_and_every_function_its_kfunc)
{
	struct skep_btf *b = parse();

	for (uint32_t i = 0; kfunc_at(i); i++) {
		int32_t id = btf_find(b, kfunc_at(i)->name, BTF_KIND_FUNC);

		ASSERT_MSG(id > 0, "the model has no FUNC %s", kfunc_at(i)->name);
		ASSERT(model_kfunc(b, (uint32_t)id) == kfunc_at(i));
	}
	for (uint32_t id = 0; id < btf_type_count(b); id++) {
		const struct btf_type *t = btf_type(b, id);

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC)
			ASSERT_MSG(!model_kfunc(b, id) == is_hook(b, btf_str(b, t->name_off)),
				   "no kfunc %s", btf_str(b, t->name_off));
		else
			ASSERT(!model_kfunc(b, id));
	}
	ASSERT(!model_kfunc(b, btf_type_count(b)));
	btf_put(b);
}

/* --- others who read it --------------------------------------------------------------------- */

TEST(libbpf_takes_the_model_as_vmlinux)
{
	size_t size;
	const void *blob = model_btf(&size);
	struct btf *btf = btf__new(blob, (uint32_t)size);
	struct skep_btf *b = parse();
	const struct btf_type *t;
	int id;

	ASSERT(btf);
	ASSERT_EQ(btf__type_cnt(btf), btf_type_count(b));
	ASSERT_EQ(btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT),
		  btf_find(b, "task_struct", BTF_KIND_STRUCT));
	id = btf__find_by_name_kind(btf, "bpf_iter_num_new", BTF_KIND_FUNC);
	ASSERT_GT(id, 0);
	t = btf__type_by_id(btf, (uint32_t)id);
	t = btf__type_by_id(btf, t->type);
	ASSERT_EQ(btf_kind(t), BTF_KIND_FUNC_PROTO);
	ASSERT_EQ(btf_vlen(t), 3);
	for (uint32_t i = 1; i < btf_type_count(b); i++) {
		int64_t ours = btf_size(b, i);
		int64_t theirs = btf__resolve_size(btf, i);

		if (btf_kind(btf__type_by_id(btf, i)) != BTF_KIND_FUNC)
			ASSERT_EQ(ours, theirs);
	}
	btf_put(b);
	btf__free(btf);
}

/* Runs a shell command; its output in buf. The exit code, or -1. */
static int shell(const char *command, char *buf, size_t cap)
{
	FILE *p = popen(command, "r");
	size_t n;
	int status;

	ASSERT(p);
	n = fread(buf, 1, cap - 1, p);
	buf[n] = '\0';
	while (fgetc(p) != EOF)
		;
	status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The blob in a file of its own below /tmp, removed by the caller. */
static void write_blob(char path[], int suffix)
{
	size_t size;
	const void *blob = model_btf(&size);
	int fd = mkstemps(path, suffix);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(write(fd, blob, size), size);
	close(fd);
}

static int no_output(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* The host's kernel is asked to load the relocated program: libbpf relocates on the way to it. */
TEST(co_re_brings_programs_onto_the_model)
{
	static const long expected[] = {
		offsetof(struct skep_task, comm),
		offsetof(struct skep_task, cred),
		offsetof(struct skep_task, tgid),
		sizeof_field(struct skep_task, comm),
		offsetof(struct skep_cred, euid),
		1, /* task_struct has tgid */
		0, /* and no signal */
		1, /* there is a task_struct */
		0, /* and no signal_struct */
		sizeof(struct skep_task),
	};
	char path[] = "/tmp/skep-model-XXXXXX.btf";
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = path);
	const struct bpf_program *prog;
	const struct bpf_insn *insns;
	struct bpf_object *obj;
	size_t n = 0;

	host_required();
	libbpf_set_print(no_output);
	write_blob(path, 4);
	obj = bpf_object__open_file(test_build_path("tests/unit/relocate.bpf.o"), &opts);
	ASSERT(obj);
	ASSERT_EQ(bpf_object__load(obj), 0);
	prog = bpf_object__find_program_by_name(obj, "relocate");
	insns = bpf_program__insns(prog);
	for (size_t i = 0; i < bpf_program__insn_cnt(prog); i++) {
		if (insns[i].code != (BPF_ALU64 | BPF_MOV | BPF_K) || insns[i].dst_reg == 0)
			continue;
		ASSERT_LT(n, ARRAY_SIZE(expected));
		ASSERT_MSG(insns[i].imm == expected[n], "number %zu: %d instead of %ld", n,
			   insns[i].imm, expected[n]);
		n++;
	}
	ASSERT_EQ(n, ARRAY_SIZE(expected));
	bpf_object__close(obj);
	unlink(path);
}

static char text[1 << 20];

TEST(bpftool_dumps_the_model)
{
	char path[] = "/tmp/skep-model-XXXXXX.btf", cmd[200];

	if (shell("PATH=$PATH:/usr/sbin command -v bpftool", text, sizeof(text)))
		test_skip("bpftool is not installed");
	write_blob(path, 4);
	snprintf(cmd, sizeof(cmd), "PATH=$PATH:/usr/sbin bpftool btf dump file %s format raw",
		 path);
	ASSERT_EQ(shell(cmd, text, sizeof(text)), 0);
	ASSERT_STRHAS(text, "STRUCT 'task_struct' size=");
	ASSERT_STRHAS(text, "FUNC 'bpf_iter_num_next' type_id=");
	unlink(path);
}

TEST(the_header_that_bpftool_makes_of_the_model_compiles)
{
	char path[] = "/tmp/skep-model-XXXXXX.btf", cmd[400];
	const char *program = "printf '#include \"%s.h\"\\n'"
			      " 'int f(struct task_struct *t) { return t->real_parent->tgid + "
			      "sizeof(struct xdp_md)"
			      " + BPF_MAP_TYPE_HASH; }' | clang -target bpf -g -O2 -Werror -x c -c "
			      "- -o /dev/null 2>&1";

	if (shell("PATH=$PATH:/usr/sbin command -v bpftool && command -v clang", text,
		  sizeof(text)))
		test_skip("bpftool or clang is not installed");
	write_blob(path, 4);
	snprintf(cmd, sizeof(cmd), "PATH=$PATH:/usr/sbin bpftool btf dump file %s format c > %s.h",
		 path, path);
	ASSERT_EQ(shell(cmd, text, sizeof(text)), 0);
	snprintf(cmd, sizeof(cmd), program, path);
	ASSERT_MSG(shell(cmd, text, sizeof(text)) == 0, "%s", text);
	unlink(path);
	snprintf(cmd, sizeof(cmd), "%s.h", path);
	unlink(cmd);
}
