/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin.c - skep-conformance: a plugin for the bpf_conformance suite
 * (https://github.com/Alan-Jowett/bpf_conformance).
 *
 * The suite starts it once a case: the program comes as hex on stdin, memory as hex in the first
 * argument; what the program leaves in r0 goes to stdout, also as hex.  r1 is the address of the
 * memory, r2 its length, put there by two instructions in front.
 *
 * The programs know nothing of verifiers, and use what Linux refuses (callx, division by an
 * immediate 0), so this does not go through bpf(2): an image, the structural check, an engine.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "helper/helper.h"
#include "hive/vcpu.h"
#include "interp/interp.h"
#include "isa/isa.h"
#include "jit/jit.h"
#include "prog/prog.h"
#include "verifier/verifier.h"

#define LOG_SIZE (1 << 16)

struct hex {
	VEC(uint8_t);
};

struct options {
	const struct engine_ops *engine;
	const char *memory;  /* hex; may be NULL */
	const char *program; /* hex; NULL: stdin */
	bool debug;	     /* say what is run, and what the check says */
};

static const char usage[] =
	"usage: skep-conformance [MEMORY] [--interp | --jit] [--program HEX] [--debug]\n"
	"\n"
	"Runs a BPF program and prints r0, both in hex: a plugin for bpf_conformance.\n"
	"\n"
	"  MEMORY         bytes that r1 points at, r2 being their number; white space is free\n"
	"  --interp       run in the interpreter\n"
	"  --jit          compile (the default)\n"
	"  --program HEX  the program, instead of standard input\n"
	"  --debug        print program and check on standard error\n";

static void __attribute__((noreturn)) die(const char *what, const struct skep_diag *diag)
{
	char text[512];

	if (diag && diag->err) {
		diag_format(diag, text, sizeof(text));
		fprintf(stderr, "skep-conformance: %s: %s\n", what, text);
	} else {
		fprintf(stderr, "skep-conformance: %s\n", what);
	}
	exit(1);
}

static unsigned hex_digit(int c)
{
	return (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
}

/* Appends the bytes of text: pairs of digits, white space between bytes at will. */
static void read_hex(struct hex *h, const char *text, const char *what)
{
	for (; *text; text++) {
		uint8_t *byte;

		if (isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
			die(what, NULL);
		byte = vec_push(h);
		if (!byte)
			die("out of memory", NULL);
		*byte = (uint8_t)(hex_digit((unsigned char)text[0]) << 4 |
				  hex_digit((unsigned char)text[1]));
		text++;
	}
}

static void read_program(struct hex *h, const struct options *o)
{
	char *line = NULL;
	size_t size = 0;

	if (o->program) {
		read_hex(h, o->program, "the program is not hex");
		return;
	}
	while (getline(&line, &size, stdin) > 0)
		read_hex(h, line, "the program is not hex");
	free(line);
}

static void read_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "--help")) {
			fputs(usage, stdout);
			exit(0);
		} else if (!strcmp(a, "--interp")) {
			o->engine = &interp_engine;
		} else if (!strcmp(a, "--jit")) {
			o->engine = &jit_engine;
		} else if (!strcmp(a, "--debug")) {
			o->debug = true;
		} else if (!strcmp(a, "--program") && i + 1 < argc) {
			o->program = argv[++i];
		} else if (a[0] == '-' || (*a && o->memory)) {
			fprintf(stderr, "skep-conformance: unknown argument \"%s\"\n%s", a, usage);
			exit(2);
		} else if (*a) {
			o->memory = a;
		}
	}
}

/* What `call runtime N` reaches: the suite defines no such function, and expects 0 from it. */
static uint64_t runtime_function(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
				 struct skep_run *run)
{
	return 0;
}

static const struct kfunc runtime = { .name = "runtime", .fn = runtime_function };

static void resolve_kfuncs(struct prog_image *image)
{
	for (uint32_t i = 0; i < image->insn_cnt; i++) {
		if (insn_decode(&image->insns[i]) == INSN_CALL_KFUNC) {
			image->aux[i].ref = INSN_REF_KFUNC;
			image->aux[i].kfunc = &runtime;
		}
		i += insn_is_ld_imm64(&image->insns[i]);
	}
}

/*
 * What r1 points at when the image begins.  The memory itself as context would be held to Linux's
 * rules for contexts (alignment, constant offsets), which the suite's programs do not keep.
 */
struct context {
	uint64_t memory; /* address */
	uint64_t size;	 /* bytes */
};

/* The image: two loads that put the memory's address and size into r1 and r2, and the program. */
static void fill_image(struct prog_image *image, const struct hex *code)
{
	static const struct bpf_insn prologue[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW,
		  .dst_reg = BPF_REG_2,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct context, size) },
		{ .code = BPF_LDX | BPF_MEM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct context, memory) },
	};

	if (code->n % sizeof(struct bpf_insn) || !code->n)
		die("the program is not made of 8-byte instructions", NULL);
	image->insn_cnt = (uint32_t)(code->n / sizeof(struct bpf_insn) + ARRAY_SIZE(prologue));
	image->insns = skep_alloc_array(image->insn_cnt, sizeof(struct bpf_insn));
	image->aux = skep_alloc_array(image->insn_cnt, sizeof(struct insn_aux));
	if (!image->insns || !image->aux)
		die("out of memory", NULL);
	memcpy(image->insns, prologue, sizeof(prologue));
	memcpy(&image->insns[ARRAY_SIZE(prologue)], code->at, code->n);
	resolve_kfuncs(image);
}

static void print_program(const struct prog_image *image)
{
	for (uint32_t i = 0; i < image->insn_cnt; i++) {
		struct bpf_insn two[2] = { image->insns[i] };
		char text[128];
		struct strbuf s = { text, sizeof(text), 0 };

		if (insn_is_ld_imm64(two) && i + 1 < image->insn_cnt)
			two[1] = image->insns[++i];
		isa_disasm(&s, two, NULL);
		fprintf(stderr, "%s\n", text);
	}
}

static void load(struct skep_prog *prog, const struct options *o)
{
	const struct verifier_opts opts = {
		.rights = VERIFIER_RIGHTS_ALL, .callx = true, .dead_code = true, .trusted = true
	};
	static char log_text[LOG_SIZE];
	struct verifier_log log = { .level = o->debug, .buf = log_text, .size = LOG_SIZE };
	struct skep_diag diag = { 0 };
	int r;

	if (o->debug)
		print_program(&prog->image);
	r = verifier_check(prog, &opts, &log, &diag);
	if (o->debug)
		fprintf(stderr, "%s", log_text);
	if (r)
		die("refused", &diag);
	prog->engine = o->engine;
	r = o->engine->compile(prog, &diag);
	if (r)
		die("does not compile", &diag);
}

static uint64_t run_program(struct skep_prog *prog, struct hex *memory)
{
	static const struct run_env env = { 0 };
	struct context ctx = { (uintptr_t)memory->at, memory->n };
	struct skep_run run = { .ctx = &ctx, .env = &env };
	struct vcpus vcpus;
	uint64_t r0;

	if (vcpus_init(&vcpus, NULL, 1))
		die("out of memory", NULL);
	run.vcpu = vcpu_get(&vcpus);
	run.cpu = vcpu_id(&vcpus, run.vcpu);
	run_region_add(&run, &ctx, sizeof(ctx));
	if (memory->n)
		run_region_add(&run, memory->at, memory->n);
	r0 = prog_run(prog, &ctx, &run);
	vcpu_put(run.vcpu);
	vcpus_fini(&vcpus, NULL);
	if (run.fault) {
		fprintf(stderr, "skep-conformance: insn %u: no memory at 0x%zx\n", run.fault_insn,
			(size_t)run.fault_addr);
		exit(1);
	}
	return r0;
}

int main(int argc, char **argv)
{
	struct options o = { .engine = &jit_engine };
	struct hex memory = { 0 }, code = { 0 };
	struct skep_prog *prog;
	uint64_t r0;

	read_options(argc, argv, &o);
	if (o.memory)
		read_hex(&memory, o.memory, "the memory is not hex");
	read_program(&code, &o);
	if (prog_new(BPF_PROG_TYPE_SYSCALL, NULL, &prog))
		die("out of memory", NULL);
	prog->gpl_compatible = true;
	fill_image(&prog->image, &code);
	load(prog, &o);
	r0 = run_program(prog, &memory);
	printf("%llx\n", (unsigned long long)r0);
	prog_put(prog);
	vec_free(&memory);
	vec_free(&code);
	return 0;
}
