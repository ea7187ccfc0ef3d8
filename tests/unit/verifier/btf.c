/* SPDX-License-Identifier: BSD-2-Clause */
/* btf.c - what the verifier knows through BTF: global functions, kfuncs, iterators, kernel structs
 */
#include "helper/task.h"
#include "model/model.h"
#include "tests/unit/btf/raw.h"
#include "tests/unit/program.h"

#define RAW BPF_PROG_TYPE_RAW_TRACEPOINT

/*
 * main at 0, f at `at`:
 *	1 int	2 ptr int	3 int main(int *)	4 FUNC main	5 int f(the type `arg`) 6
 *FUNC f 7 a tag on f's argument
 */
static struct skep_btf *prog_btf(uint32_t arg, uint32_t linkage, const char *tag)
{
	static struct raw raw;
	char str[64] = "\0main\0f\0int\0a";
	const size_t n = 14 + strlen(tag) + 1;
	const uint32_t types[] = {
		INT(8, BTF_INT_SIGNED, 0, 32, 4),
		PTR(1),
		PROTO(1, 1),
		ARG(12, 2),
		FUNC(1, 3, BTF_FUNC_GLOBAL),
		PROTO(1, 1),
		ARG(12, arg),
		FUNC(6, 5, linkage),
		DECL_TAG(14, 6, 0),
	};
	struct skep_btf *btf = NULL;
	struct skep_diag diag = { 0 };

	memcpy(str + 14, tag, strlen(tag) + 1);
	raw_make(&raw, types, ARRAY_SIZE(types) - (*tag ? 0 : 4), str, n);
	ASSERT_MSG(!btf_new(raw.data, raw.size, NULL, NULL, &btf, &diag), "%s", diag.msg);
	return btf;
}

static struct skep_btf *model(void)
{
	struct skep_btf *btf = NULL;
	size_t size;
	const void *data = model_btf(&size);

	ASSERT_EQ(btf_new(data, (uint32_t)size, NULL, NULL, &btf, NULL), 0);
	return btf;
}

/* Verifies; the last line before the statistics must hold msg. */
static void expect(struct skep_prog *p, int want, const char *msg)
{
	_cleanup_(btf_put_p) struct skep_btf *vmlinux = model();
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL, .vmlinux = vmlinux };
	char text[16384] = "";
	struct verifier_log log = { .level = 1, .buf = text, .size = sizeof(text) };
	int err = verifier_check(p, &opts, &log, NULL);

	ASSERT_MSG(err == want, "%d, not %d\n%s", err, want, text);
	if (msg)
		ASSERT_STRHAS(text, msg);
	prog_put(p);
}

static void expect_call(const char *text, uint32_t at, struct skep_btf *btf, int want,
			const char *msg)
{
	struct skep_prog *p = program(RAW, text);
	const struct bpf_func_info info[] = { { 0, 4 }, { at, 6 } };

	p->btf = btf;
	p->func_info = skep_memdup(info, sizeof(info));
	p->func_info_cnt = 2;
	ASSERT(p->func_info);
	expect(p, want, msg);
}

#define PASSES_SCALAR "r1 = 7\ncall +1\nexit\nr0 = *(u32 *)(r1 +0)\nexit"
#define PASSES_STACK  "*(u64 *)(r10 -8) = 0\nr1 = r10\nr1 += -8\ncall +1\nexit\n"

TEST(global_is_walked_for_any_arguments)
{
	/* an unknown number, whatever was passed */
	expect_call("r1 = 7\ncall +1\nexit\nr0 = r1\nexit", 3, prog_btf(1, BTF_FUNC_GLOBAL, ""), 0,
		    "Func#1 ('f') is safe for any args that match its prototype");
	/* a static function is walked with what it gets */
	expect_call("r1 = 7\ncall +1\nexit\nif r1 == 7 goto +1\nr0 = *(u32 *)(r1 +0)\nr0 = 0\nexit",
		    3, prog_btf(1, BTF_FUNC_STATIC, ""), 0, NULL);
	expect_call("r1 = 7\ncall +1\nexit\nif r1 == 7 goto +1\nr0 = *(u32 *)(r1 +0)\nr0 = 0\nexit",
		    3, prog_btf(1, BTF_FUNC_GLOBAL, ""), -EACCES, "R1 invalid mem access 'scalar'");
	/* one that no path calls may be anything */
	expect_call("r0 = 0\nif r0 == 0 goto +1\ncall +1\nexit\nr0 = *(u32 *)(r1 +0)\nexit", 4,
		    prog_btf(1, BTF_FUNC_GLOBAL, ""), 0, NULL);
}

TEST(global_arguments_are_checked_at_the_call)
{
	expect_call(PASSES_SCALAR, 3, prog_btf(2, BTF_FUNC_GLOBAL, ""), -EINVAL,
		    "Caller passes invalid args into func#1 ('f')");
	expect_call("call +1\nexit\nr0 = 0\nexit", 2, prog_btf(1, BTF_FUNC_GLOBAL, ""), -EINVAL,
		    "R1 is not a scalar");
	expect_call(PASSES_STACK "r0 = 0\nexit", 5, prog_btf(2, BTF_FUNC_GLOBAL, ""), 0, NULL);
	/* NULL where the tag forbids it would be a fault in the function */
	expect_call("r1 = 0\ncall +1\nexit\nr0 = *(u32 *)(r1 +0)\nexit", 3,
		    prog_btf(2, BTF_FUNC_GLOBAL, "arg:nonnull"), -EINVAL,
		    "arg#0 is expected to be non-NULL");
}

TEST(global_memory_is_as_large_as_its_type)
{
	expect_call(PASSES_STACK "r0 = *(u32 *)(r1 +0)\nexit", 5, prog_btf(2, BTF_FUNC_GLOBAL, ""),
		    -EACCES, "invalid mem access 'mem_or_null'");
	expect_call(PASSES_STACK "r0 = *(u32 *)(r1 +0)\nexit", 5,
		    prog_btf(2, BTF_FUNC_GLOBAL, "arg:nonnull"), 0, NULL);
	expect_call(PASSES_STACK "r0 = *(u32 *)(r1 +4)\nexit", 5,
		    prog_btf(2, BTF_FUNC_GLOBAL, "arg:nonnull"), -EACCES,
		    "invalid access to memory, mem_size=4 off=4 size=4");
	expect_call(PASSES_STACK "r0 = 0\nexit", 5, prog_btf(2, BTF_FUNC_GLOBAL, "arg:odd"),
		    -EOPNOTSUPP, "arg#0 has unsupported set of tags");
	expect_call("r1 = 0\ncall +1\nexit\nr0 = 0\nexit", 3,
		    prog_btf(1, BTF_FUNC_GLOBAL, "arg:nonnull"), -EINVAL,
		    "arg#0 has pointer tag, but is not a pointer type");
}

TEST(global_returns_a_number)
{
	expect_call("r1 = 0\ncall +1\nexit\nr0 = r10\nexit", 3, prog_btf(1, BTF_FUNC_GLOBAL, ""),
		    -EINVAL, "At subprogram exit the register R0 is not a scalar value (fp)");
}

/* Calls of the model's kfuncs, which stand as `call kfunc` with these names in order. */
static void expect_kfuncs(const char *text, const char *const *names, int want, const char *msg)
{
	_cleanup_(btf_put_p) struct skep_btf *vmlinux = model();
	struct skep_prog *p = program(BPF_PROG_TYPE_SYSCALL, text);

	p->flags = BPF_F_SLEEPABLE;
	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		if (p->image.insns[i].code != (BPF_JMP | BPF_CALL))
			continue;
		p->image.insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
		p->image.insns[i].imm = btf_find(vmlinux, *names++, BTF_KIND_FUNC);
		p->image.aux[i].ref = INSN_REF_KFUNC;
	}
	expect(p, want, msg);
}

#define NEW  "r1 = r10\nr1 += -8\nr2 = 0\nr3 = 9\ncall 1\n"
#define ITER "r1 = r10\nr1 += -8\ncall 1\n"

TEST(iterators_are_made_asked_and_destroyed)
{
	static const char *const all[] = { "bpf_iter_num_new", "bpf_iter_num_next",
					   "bpf_iter_num_destroy" };
	static const char *const new_destroy[] = { "bpf_iter_num_new", "bpf_iter_num_destroy" };
	static const char *const next[] = { "bpf_iter_num_next" };
	static const char *const twice[] = { "bpf_iter_num_new", "bpf_iter_num_new" };

	/* a counter of the loop is widened: it ends */
	expect_kfuncs(NEW "r6 = 0\n" ITER "if r0 == 0 goto +2\nr6 += 1\ngoto -6\n" ITER
			  "r0 = 0\nexit",
		      all, 0, NULL);
	expect_kfuncs(NEW ITER "r0 = 0\nexit", new_destroy, 0, NULL);
	expect_kfuncs(NEW "r0 = 0\nexit", new_destroy, -EINVAL, "would lead to reference leak");
	expect_kfuncs(ITER "r0 = 0\nexit", next, -EINVAL,
		      "expected an initialized iter_num as arg #0");
	expect_kfuncs(NEW NEW "r0 = 0\nexit", twice, -EINVAL,
		      "expected uninitialized iter_num as arg #0");
	/* a byte of it was overwritten */
	expect_kfuncs(NEW "*(u8 *)(r10 -1) = 0\n" ITER "r0 = 0\nexit", new_destroy, -EINVAL,
		      "expected an initialized iter_num as arg #0");
}

TEST(references_and_regions_of_kfuncs)
{
	static const char *const acquire[] = { "bpf_task_acquire" };
	static const char *const release[] = { "bpf_task_release" };
	static const char *const lock[] = { "bpf_rcu_read_lock", "bpf_rcu_read_lock" };

	expect_kfuncs("r1 = 0\ncall 1\nr0 = 0\nexit", acquire, -EACCES,
		      "Possibly NULL pointer passed to trusted arg0");
	expect_kfuncs("r1 = r10\nr1 += -8\ncall 1\nr0 = 0\nexit", release, -EINVAL, NULL);
	expect_kfuncs("call 1\ncall 1\nr0 = 0\nexit", lock, -EINVAL, "nested rcu read lock");
}

/* Two pointers from the task on, and four bytes. */
static void walk(int want, size_t first, size_t second, size_t last, const char *msg)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "call 158\nr1 = *(u64 *)(r0 +%zu)\nr1 = *(u64 *)(r1 +%zu)\n"
		 "r0 = *(u32 *)(r1 +%zu)\nexit",
		 first, second, last);
	expect(program(RAW, text), want, msg);
}

TEST(kernel_structs_are_walked)
{
	/* get_current_task_btf() */
	expect(program(RAW, "call 158\nr0 = *(u32 *)(r0 +0)\nexit"), 0, NULL);
	expect(program(RAW, "call 158\nr0 = *(u32 *)(r0 +4096)\nexit"), -EACCES,
	       "access beyond struct task_struct at off 4096 size 4");
	expect(program(RAW, "call 158\n*(u32 *)(r0 +0) = 0\nr0 = 0\nexit"), -EACCES,
	       "only read is supported");
	/* nsproxy->mnt_ns->ns.inum, thread_pid->numbers[0].ns->level */
	walk(0, offsetof(struct skep_task, nsproxy), offsetof(struct skep_nsproxy, mnt_ns),
	     offsetof(struct skep_ns, inum), NULL);
	walk(0, offsetof(struct skep_task, thread_pid), offsetof(struct skep_pid, numbers[0].ns),
	     offsetof(struct skep_ns, level), NULL);
	walk(-EACCES, offsetof(struct skep_task, nsproxy), offsetof(struct skep_nsproxy, mnt_ns), 4,
	     "access beyond struct mnt_namespace at off 4 size 4");
	walk(-EACCES, offsetof(struct skep_task, mm), offsetof(struct skep_mm, exe_file), 16,
	     "access beyond struct file at off 16 size 4");
	/* what is found through it may be gone: loads are probes, and there is no net below others
	 */
	expect(program(RAW, "call 158\nr1 = *(u64 *)(r0 +16)\nr0 = *(u32 *)(r1 +0)\nexit"), 0,
	       NULL);
	expect(program(RAW, "call 158\nr1 = *(u64 *)(r0 +16)\n*(u32 *)(r1 +0) = 0\nr0 = 0\nexit"),
	       -EACCES, "R1 invalid mem access");
}
