/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.c - runs tests/isa/NAME.t on every kernel at hand: ours with the interpreter, ours with
 * the compiler, and the host's where bpf(2) is permitted.
 *
 * All three are asked the same by the same code: PROG_LOAD and PROG_TEST_RUN.  Programs are of
 * type SYSCALL, whose context is plain memory, unless a case says otherwise.  The result of a test
 * run has 32 bits only, so a case that looks at the whole r0 becomes a subprogram:
 *
 *	main:	r6 = r1; call case; *(u64 *)(r6 +size of mem) = r0; r0 = 0; exit
 */
#include <bpf/btf.h>
#include <dirent.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skep/skep.h>

#include "base/alloc.h"
#include "base/base.h"
#include "base/strbuf.h"
#include "helper/helper.h"
#include "isa/isa.h"
#include "tests/harness/test.h"
#include "tests/isa/cases.h"

#define LOG_SIZE  (1 << 20)
#define SUBS_MAX  32
#define FILES_MAX 64

struct kernel {
	const char *name;
	int engine;	       /* SKEP_ENGINE_*, -1: the host */
	struct skep_kernel *k; /* ours */
	struct btf *btf;       /* loaded when a case calls a kfunc */
};

/* One case on one kernel: what must be undone. */
struct run {
	struct kernel *kernel;
	const struct isa_case *c;
	struct bpf_insn *insns;
	uint32_t cnt;
	int map_fd[CASE_MAPS_MAX];
	int btf_fd, prog_fd;
	char *log;
	char error[2048]; /* what went wrong, empty: nothing */
};

static struct isa_cases *files[FILES_MAX];
static unsigned nr_files;

static long kernel_bpf(struct kernel *k, int cmd, union bpf_attr *attr)
{
	long r;

	if (k->engine >= 0)
		return skep_kernel_bpf(k->k, cmd, attr, sizeof(*attr));
	r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	return r < 0 ? -errno : r;
}

static void open_kernel(struct kernel *k)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .engine = k->engine };
	static const struct bpf_insn probe[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.prog_flags = BPF_F_SLEEPABLE,
		.insns = (uintptr_t)probe,
		.insn_cnt = ARRAY_SIZE(probe),
		.license = (uintptr_t) "GPL",
	};
	long r = 0;

	if (k->engine >= 0)
		r = skep_kernel_new(&opts, &k->k);
	if (r == -EOPNOTSUPP)
		test_skip("no compiler for this machine");
	ASSERT_EQ(r, 0);
	r = kernel_bpf(k, BPF_PROG_LOAD, &attr);
	if (r < 0 && k->engine < 0)
		test_skip("the host's bpf(2): %s", strerror((int)-r));
	ASSERT_GE(r, 0);
	close((int)r);
}

static void __attribute__((format(printf, 2, 3))) failed(struct run *run, const char *fmt, ...)
{
	va_list ap;

	if (run->error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(run->error, sizeof(run->error), fmt, ap);
	va_end(ap);
}

/* -- loading -- */

/* The id of a function in the BTF of the kernel that programs see, or -ENOENT. */
static int function_id(struct kernel *k, const char *name)
{
	size_t size;

	if (!k->btf) {
		const void *raw = skep_kernel_btf(&size);

		k->btf = k->engine < 0 ? btf__load_vmlinux_btf() : btf__new(raw, (uint32_t)size);
	}
	return btf__find_by_name_kind(k->btf, name, BTF_KIND_FUNC);
}

/* Names after call: kfuncs, by the BTF of the kernel at hand; without a kernel, any number. */
static bool find_kfunc(void *arg, const char *name, size_t n, struct bpf_insn *insn)
{
	char copy[64];

	if (n < 9 || strncmp(name, "bpf_iter_", 9) || n >= sizeof(copy))
		return false;
	memcpy(copy, name, n);
	copy[n] = '\0';
	insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
	insn->imm = arg ? function_id(arg, copy) : 1;
	return insn->imm > 0;
}

static size_t ctx_size(const struct isa_case *c)
{
	return ALIGN_UP(c->mem_size, 8) + (c->whole_r0 ? 8 : 0);
}

/* The case's instructions, wrapped where it looks at the whole of r0. */
static int assemble(const struct isa_case *c, struct kernel *k, struct bpf_insn **ret,
		    uint32_t *ret_cnt, struct skep_diag *diag)
{
	const struct isa_symbols symbols = { find_kfunc, k };
	char *text;
	int n, r;

	if (c->whole_r0)
		n = asprintf(
			&text,
			"r6 = r1\ncall _case\n*(u64 *)(r6 +%zu) = r0\nr0 = 0\nexit\n_case:\n%s",
			ALIGN_UP(c->mem_size, 8), c->text);
	else
		n = asprintf(&text, "%s", c->text);
	ASSERT_GE(n, 0);
	r = isa_asm(text, (size_t)n, &symbols, ret, ret_cnt, diag);
	free(text);
	return r;
}

static void create_maps(struct run *run)
{
	for (unsigned i = 0; i < run->c->nr_maps; i++) {
		const struct case_map *m = &run->c->map[i];
		union bpf_attr attr = {
			.map_type = m->type,
			.key_size = m->key,
			.value_size = m->value,
			.max_entries = m->n,
		};
		long r = kernel_bpf(run->kernel, BPF_MAP_CREATE, &attr);

		run->map_fd[i] = (int)r;
		if (r < 0)
			failed(run, "map %u: %s", i, strerror((int)-r));
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Puts the maps' descriptors in; starts of subprograms to sub; how many, 0 where Linux
 * does not ask for func_info. */
static unsigned resolve(struct run *run, uint32_t sub[SUBS_MAX])
{
	unsigned n = 1, unique = 1;
	bool info = false;

	sub[0] = 0;
	for (uint32_t i = 0; i < run->cnt; i++) {
		struct bpf_insn *insn = &run->insns[i];
		enum insn_op op = insn_decode(insn);

		if ((op == INSN_LD_MAP_FD || op == INSN_LD_MAP_VALUE) &&
		    (uint32_t)insn->imm < run->c->nr_maps)
			insn->imm = run->map_fd[insn->imm];
		if (op == INSN_LD_BTF_ID && run->c->ksym)
			insn->imm = function_id(run->kernel, run->c->ksym);
		if ((op == INSN_LD_FUNC || op == INSN_CALL_SUB) && n < SUBS_MAX)
			sub[n++] = i + (uint32_t)insn->imm + 1;
		info |= op == INSN_LD_FUNC ||
			(op == INSN_CALL_HELPER && insn->imm == BPF_FUNC_tail_call);
		i += insn->code == (BPF_LD | BPF_IMM | BPF_DW);
	}
	qsort(sub, n, sizeof(*sub), compare_u32);
	for (unsigned i = 1; i < n; i++)
		if (sub[i] != sub[i - 1])
			sub[unique++] = sub[i];
	return info ? unique : 0;
}

/* The least BTF that func_info may point into: type 3 is "static int f(void)". */
static int load_btf(struct run *run)
{
	static const char strings[] = "\0int\0f";
	const struct {
		struct btf_header header;
		struct btf_type integer;
		uint32_t encoding;
		struct btf_type proto, func;
		char strings[sizeof(strings)];
	} blob = {
		.header = { .magic = BTF_MAGIC,
			    .version = BTF_VERSION,
			    .hdr_len = sizeof(struct btf_header),
			    .type_len = 3 * sizeof(struct btf_type) + 4,
			    .str_off = 3 * sizeof(struct btf_type) + 4,
			    .str_len = sizeof(strings) },
		.integer = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.proto = { .info = BTF_KIND_FUNC_PROTO << 24, .type = 1 },
		.func = { .name_off = 5, .info = BTF_KIND_FUNC << 24, .type = 2 },
		.strings = "\0int\0f",
	};
	union bpf_attr attr = {
		.btf = (uintptr_t)&blob,
		.btf_size = offsetofend(__typeof__(blob), strings),
	};
	long r = kernel_bpf(run->kernel, BPF_BTF_LOAD, &attr);

	if (r < 0)
		failed(run, "BTF_LOAD: %s", strerror((int)-r));
	return (int)r;
}

static long load(struct run *run, uint32_t log_level)
{
	struct bpf_func_info info[SUBS_MAX];
	uint32_t sub[SUBS_MAX];
	unsigned nr_subs = resolve(run, sub);
	union bpf_attr attr = {
		.prog_type = run->c->prog_type,
		.prog_flags = run->c->prog_type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0,
		.insns = (uintptr_t)run->insns,
		.insn_cnt = run->cnt,
		.license = (uintptr_t) "GPL",
		.log_level = log_level,
		.log_buf = log_level ? (uintptr_t)run->log : 0,
		.log_size = log_level ? LOG_SIZE : 0,
		.fd_array = (uintptr_t)run->map_fd,
	};

	if (nr_subs) {
		run->btf_fd = load_btf(run);
		for (unsigned i = 0; i < nr_subs; i++)
			info[i] = (struct bpf_func_info){ .insn_off = sub[i], .type_id = 3 };
		attr.prog_btf_fd = (uint32_t)run->btf_fd;
		attr.func_info = (uintptr_t)info;
		attr.func_info_cnt = nr_subs;
		attr.func_info_rec_size = sizeof(info[0]);
	}
	return kernel_bpf(run->kernel, BPF_PROG_LOAD, &attr);
}

/* The program must not load: errno (0: any) and a piece of the log. */
static void expect_reject(struct run *run, int err, const char *text)
{
	long r = load(run, 1);

	if (r >= 0) {
		close((int)r);
		failed(run, "loads, expected \"%s\"", text);
	} else if (err && r != -err) {
		failed(run, "%s, expected %s\n%.1500s", strerror((int)-r), strerror(err), run->log);
	} else if (!strstr(run->log, text)) {
		failed(run, "the log lacks \"%s\":\n%.1500s", text, run->log);
	}
}

static void expect_load(struct run *run)
{
	long r = load(run, 0);
	uint32_t key = 0;
	size_t len;

	if (r < 0) {
		load(run, 1);
		len = strlen(run->log);
		failed(run, "PROG_LOAD: %s\n%s", strerror((int)-r),
		       run->log + (len > 600 ? len - 600 : 0));
		return;
	}
	run->prog_fd = (int)r;
	for (unsigned i = 0; i < run->c->nr_maps; i++) {
		for (key = 0; run->c->map[i].self && key < run->c->map[i].n; key += 2) {
			union bpf_attr attr = {
				.map_fd = (uint32_t)run->map_fd[i],
				.key = (uintptr_t)&key,
				.value = (uintptr_t)&run->prog_fd,
			};

			r = kernel_bpf(run->kernel, BPF_MAP_UPDATE_ELEM, &attr);
			if (r)
				failed(run, "map update: %s", strerror((int)-r));
		}
	}
}

/* -- running -- */

static void compare(struct run *run, const uint8_t *mem, uint32_t retval)
{
	const struct isa_case *c = run->c;
	uint64_t got = retval;

	if (c->whole_r0) {
		if (retval)
			failed(run, "the wrapper returns %u", retval);
		memcpy(&got, mem + ALIGN_UP(c->mem_size, 8), sizeof(got));
	}
	if (got != c->want)
		failed(run, "gives 0x%llx, expected 0x%llx", (unsigned long long)got,
		       (unsigned long long)c->want);
	for (size_t i = 0; i < c->after_size; i++)
		if (mem[i] != c->after[i])
			failed(run, "mem[%zu] is %02x, expected %02x", i, mem[i], c->after[i]);
}

static void test_run(struct run *run)
{
	uint8_t mem[CASE_MEM_MAX + 16] = { 0 };
	union bpf_attr attr = { .test = { .prog_fd = (uint32_t)run->prog_fd } };
	long r;

	memcpy(mem, run->c->mem, run->c->mem_size);
	if (run->c->prog_type == BPF_PROG_TYPE_SYSCALL) {
		attr.test.ctx_size_in = (uint32_t)ctx_size(run->c);
		attr.test.ctx_in = attr.test.ctx_size_in ? (uintptr_t)mem : 0;
	} else {
		attr.test.data_in = attr.test.data_out = (uintptr_t)mem;
		attr.test.data_size_in = attr.test.data_size_out = (uint32_t)run->c->mem_size;
	}
	r = kernel_bpf(run->kernel, BPF_PROG_TEST_RUN, &attr);
	if (r)
		failed(run, "PROG_TEST_RUN: %s", strerror((int)-r));
	else
		compare(run, mem, attr.test.retval);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Says what went wrong, and undoes everything. */
static void end_run(struct run *run, const struct isa_cases *file)
{
	if (run->error[0])
		fprintf(stderr, "# %s.t:%u: %s: %s\n", file->name, run->c->line, run->c->name,
			run->error);
	for (unsigned i = 0; i < run->c->nr_maps; i++)
		close_fd(run->map_fd[i]);
	close_fd(run->btf_fd);
	close_fd(run->prog_fd);
	skep_free(run->insns);
}

/* Runs one case; its complaint goes to stderr. False where there is one. */
static bool run_case(struct kernel *k, const struct isa_cases *file, const struct isa_case *c,
		     char *log)
{
	struct run run = { .kernel = k, .c = c, .btf_fd = -1, .prog_fd = -1, .log = log };
	struct skep_diag diag = { 0 };

	*log = '\0';
	memset(run.map_fd, 0xff, sizeof(run.map_fd));
	if (assemble(c, k, &run.insns, &run.cnt, &diag))
		failed(&run, "does not assemble: line %llu: %s", (unsigned long long)diag.index,
		       diag.msg);
	else
		create_maps(&run);
	if (!run.error[0] && k->engine < 0 && c->host == HOST_REJECTS)
		expect_reject(&run, 0, c->host_text);
	else if (!run.error[0] && c->reject)
		expect_reject(&run, c->reject, c->reject_text);
	else if (!run.error[0])
		expect_load(&run);
	if (!run.error[0] && run.prog_fd >= 0)
		test_run(&run);
	end_run(&run, file);
	return !run.error[0];
}

/* -- tests -- */

struct file_on_kernel {
	const struct isa_cases *file;
	struct kernel kernel;
};

static bool runs_on(const struct isa_case *c, const struct kernel *k)
{
	return k->engine >= 0 || c->host != HOST_SKIPPED;
}

static void run_file(void *arg)
{
	struct file_on_kernel *f = arg;
	char *log = calloc(1, LOG_SIZE);
	unsigned bad = 0;

	ASSERT(log);
	open_kernel(&f->kernel);
	for (size_t i = 0; i < f->file->n; i++)
		if (runs_on(&f->file->at[i], &f->kernel))
			bad += !run_case(&f->kernel, f->file, &f->file->at[i], log);
	free(log);
	btf__free(f->kernel.btf);
	skep_kernel_free(f->kernel.k);
	ASSERT_MSG(!bad, "%u of %zu cases failed", bad, f->file->n);
}

static void register_file(const struct isa_cases *file)
{
	static const struct kernel kernels[] = {
		{ .name = "interpreter", .engine = SKEP_ENGINE_INTERP },
		{ .name = "compiler", .engine = SKEP_ENGINE_JIT },
		{ .name = "host", .engine = -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		struct file_on_kernel *f = calloc(1, sizeof(*f));
		char name[128];
		size_t n = 0;

		if (!f)
			abort();
		*f = (struct file_on_kernel){ file, kernels[i] };
		for (size_t c = 0; c < file->n; c++)
			n += runs_on(&file->at[c], &kernels[i]);
		snprintf(name, sizeof(name), "%s: %zu cases on the %s", file->name, n,
			 kernels[i].name);
		test_register_arg(name, run_file, f, 120);
	}
}

static int is_cases(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".t");
}

__attribute__((constructor)) static void read_files(void)
{
	const char *dir = test_source_path("tests/isa");
	struct dirent **entry;
	int n = scandir(dir, &entry, is_cases, alphasort);
	char path[4096];

	for (int i = 0; i < n && nr_files < FILES_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);
		files[nr_files] = cases_read(path);
		register_file(files[nr_files++]);
		free(entry[i]);
	}
	free(entry);
}

/* -- the text of the host kernel's log -- */

static const char *name_call(void *arg, const struct bpf_insn *insn, char *buf, size_t n)
{
	struct kernel *k = arg;
	const struct btf_type *t;

	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL) {
		t = btf__type_by_id(k->btf, (uint32_t)insn->imm);
		return btf__name_by_offset(k->btf, t->name_off);
	}
	if (insn->src_reg || !helper_name((uint32_t)insn->imm))
		return NULL;
	snprintf(buf, n, "bpf_%s", helper_name((uint32_t)insn->imm));
	return buf;
}

/* Compares a line of the log, "12: (b7) r0 = 0   ; R0_w=0", with ours; true where it is one. */
static bool compare_line(struct run *run, const char *line)
{
	const struct isa_names names = { .call = name_call, .arg = run->kernel };
	char ours[256];
	struct strbuf s = { ours, sizeof(ours), 0 };
	unsigned i, code;
	int at = 0;
	size_t n;

	if (sscanf(line, "%u: %n(%2x) ", &i, &at, &code) < 2 || !at || i >= run->cnt)
		return false;
	/* where Linux prints an address, we say what it is */
	if (insn_is_double(insn_desc(insn_decode(&run->insns[i]))) && run->insns[i].src_reg)
		return false;
	isa_disasm(&s, &run->insns[i], &names);
	n = strcspn(line + at, ";\n");
	while (n && line[at + (int)n - 1] == ' ')
		n--;
	if (n != s.len || memcmp(line + at, ours, n))
		failed(run, "\"%.*s\", the host says \"%.*s\"", (int)s.len, ours, (int)n,
		       line + at);
	return true;
}

/* Loads a case with the log on; how many lines agreed, -1: some did not. */
static int compare_log(struct kernel *k, const struct isa_cases *file, const struct isa_case *c,
		       char *log)
{
	struct run run = { .kernel = k, .c = c, .btf_fd = -1, .prog_fd = -1, .log = log };
	int lines = 0;

	memset(run.map_fd, 0xff, sizeof(run.map_fd));
	*log = '\0';
	if (!assemble(c, k, &run.insns, &run.cnt, NULL)) {
		create_maps(&run);
		run.prog_fd = (int)load(&run, 2);
	}
	for (const char *line = log; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		lines += compare_line(&run, line);
	}
	end_run(&run, file);
	return run.error[0] ? -1 : lines;
}

TEST_LIMIT(text_is_that_of_the_host_s_log, 300)
{
	struct kernel host = { .name = "host", .engine = -1 };
	char *log = calloc(1, LOG_SIZE);
	int total = 0, bad = 0;

	ASSERT(log);
	open_kernel(&host);
	for (unsigned f = 0; f < nr_files; f++) {
		for (size_t i = 0; i < files[f]->n; i++) {
			const struct isa_case *c = &files[f]->at[i];
			int n = 0;

			/* thousands of repeated instructions say nothing new */
			if (c->host == HOST_RUNS && !strstr(c->text, "\tr0 += 1\n\tr0 += 1\n"))
				n = compare_log(&host, files[f], c, log);
			total += MAX(n, 0);
			bad += n < 0;
		}
	}
	free(log);
	btf__free(host.btf);
	ASSERT_EQ(bad, 0);
	ASSERT_GT(total, 10000);
}

/* Rows that no program of ours can run today, only be refused with, and why. */
static const struct {
	enum insn_op op;
	const char *why;
} only_refused[] = {
	{ INSN_CALLX, "not Linux's; tests/conformance runs it" },
	{ INSN_ADDR_SPACE_CAST, "needs a map of type arena" },
};

static void mark_rows(const struct isa_case *c, bool seen[_INSN_MAX])
{
	struct bpf_insn *insns;
	uint32_t cnt;

	ASSERT_MSG(!assemble(c, NULL, &insns, &cnt, NULL), "%s", c->name);
	for (uint32_t i = 0; i < cnt; i++) {
		enum insn_op op = insn_decode(&insns[i]);

		seen[op] = true;
		i += insn_is_double(insn_desc(op)) && op;
	}
	skep_free(insns);
}

TEST(every_row_of_opcodes_def_is_in_some_case)
{
	static bool runs[_INSN_MAX], refused[_INSN_MAX];
	unsigned missing = 0;

	ASSERT_GT(nr_files, 0);
	for (unsigned f = 0; f < nr_files; f++)
		for (size_t i = 0; i < files[f]->n; i++)
			mark_rows(&files[f]->at[i], files[f]->at[i].reject ? refused : runs);
	for (size_t i = 0; i < ARRAY_SIZE(only_refused); i++)
		runs[only_refused[i].op] |= refused[only_refused[i].op];
	for (int op = 1; op < _INSN_MAX; op++) {
		if (runs[op])
			continue;
		fprintf(stderr, "# no case runs %s\n", insn_desc(op)->name);
		missing++;
	}
	ASSERT_EQ(missing, 0);
}
