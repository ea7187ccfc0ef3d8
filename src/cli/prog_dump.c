/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog_dump.c - `skep prog dump`: the instructions that run, with the source lines that they
 * come from, or their machine code.
 *
 * There is no disassembler of machine code in here: where objdump is installed it is asked,
 * elsewhere the bytes are shown.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "cli/commands.h"
#include "cli/ref.h"
#include "cli/session.h"
#include "helper/helper.h"
#include "isa/isa.h"

/* A program as the kernel tells it, with all that its info points at. */
struct dump {
	struct bpf_prog_info info;
	struct bpf_insn *insns;	      /* info.xlated_prog_len bytes */
	uint8_t *jited;		      /* info.jited_prog_len bytes */
	uint32_t *func_lens;	      /* of jited, [info.nr_jited_func_lens] */
	struct bpf_func_info *func;   /* [info.nr_func_info] */
	void *lines;		      /* info.nr_line_info records, for linfo */
	struct btf *btf;	      /* names of functions and lines, or NULL */
	struct bpf_prog_linfo *linfo; /* or NULL */
	struct btf_dump *decls;	      /* prints prototypes into proto; with btf only */
	char proto[256];
};

static void dump_fini(struct dump *d)
{
	btf_dump__free(d->decls);
	bpf_prog_linfo__free(d->linfo);
	btf__free(d->btf);
	skep_free(d->insns);
	skep_free(d->jited);
	skep_free(d->func_lens);
	skep_free(d->func);
	skep_free(d->lines);
}

static void proto_print(void *arg, const char *fmt, va_list args)
{
	struct dump *d = arg;
	size_t n = strlen(d->proto);

	vsnprintf(d->proto + n, sizeof(d->proto) - n, fmt, args);
}

/* The info once for the sizes, then again for what is behind them. */
static int read_info(struct cli *c, int fd, struct dump *d)
{
	struct bpf_prog_info sizes = { 0 };
	uint32_t len = sizeof(sizes);

	if (bpf_obj_get_info_by_fd(fd, &sizes, &len))
		return session_fail(c, errno, "cannot look at the program");
	d->insns = skep_alloc(sizes.xlated_prog_len);
	d->jited = skep_alloc(sizes.jited_prog_len);
	d->func_lens = skep_alloc_array(sizes.nr_jited_func_lens, sizeof(*d->func_lens));
	d->func = skep_alloc_array(sizes.nr_func_info, sizeof(*d->func));
	d->lines = skep_alloc_array(sizes.nr_line_info, sizeof(struct bpf_line_info));
	if (!d->insns || !d->jited || !d->func_lens || !d->func || !d->lines)
		return cli_oom(c);
	d->info = (struct bpf_prog_info){
		.xlated_prog_insns = (uintptr_t)d->insns,
		.xlated_prog_len = sizes.xlated_prog_len,
		.jited_prog_insns = (uintptr_t)d->jited,
		.jited_prog_len = sizes.jited_prog_len,
		.jited_func_lens = (uintptr_t)d->func_lens,
		.nr_jited_func_lens = sizes.nr_jited_func_lens,
		.func_info = (uintptr_t)d->func,
		.nr_func_info = sizes.nr_func_info,
		.func_info_rec_size = sizeof(*d->func),
		.line_info = (uintptr_t)d->lines,
		.nr_line_info = sizes.nr_line_info,
		.line_info_rec_size = sizeof(struct bpf_line_info),
	};
	len = sizeof(d->info);
	if (bpf_obj_get_info_by_fd(fd, &d->info, &len))
		return session_fail(c, errno, "cannot look at the program");
	if (!d->info.btf_id)
		return CLI_OK;
	/* Names and lines are extras: without them the instructions are still there. */
	d->btf = btf__load_from_kernel_by_id(d->info.btf_id);
	d->decls = d->btf ? btf_dump__new(d->btf, proto_print, d, NULL) : NULL;
	d->linfo = d->info.nr_line_info ? bpf_prog_linfo__new(&d->info) : NULL;
	return CLI_OK;
}

/* --- xlated ---------------------------------------------------------------------------------- */

struct dump_conf {
	bool opcodes;	  /* the bytes too */
	bool linum;	  /* file, line and column of source lines */
	const char *file; /* raw bytes go there instead */
};

/* "int xdp_main(struct xdp_md *ctx)", or NULL where no function begins at insn i. */
static const char *proto_at(struct dump *d, uint32_t i)
{
	LIBBPF_OPTS(btf_dump_emit_type_decl_opts, opts);
	const struct btf_type *t;

	for (uint32_t n = 0; d->decls && n < d->info.nr_func_info; n++) {
		if (d->func[n].insn_off != i)
			continue;
		t = btf__type_by_id(d->btf, d->func[n].type_id);
		if (!t || !btf_is_func(t))
			return NULL;
		opts.field_name = btf__name_by_offset(d->btf, t->name_off);
		d->proto[0] = '\0';
		return btf_dump__emit_type_decl(d->decls, t->type, &opts) ? NULL : d->proto;
	}
	return NULL;
}

static const char *helper_text(void *arg, const struct bpf_insn *insn, char *buf, size_t n)
{
	const char *name = insn->src_reg ? NULL : helper_name((uint32_t)insn->imm);

	if (!name)
		return NULL;
	snprintf(buf, n, "bpf_%s", name);
	return buf;
}

static const char *imm_text(void *arg, const struct bpf_insn *insn, uint64_t imm, char *buf,
			    size_t n)
{
	if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		snprintf(buf, n, "map[id:%d]", insn->imm);
	else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		snprintf(buf, n, "map[id:%d][0]+%d", insn->imm, insn[1].imm);
	else
		return NULL;
	return buf;
}

static void disasm(const struct bpf_insn *insn, char *buf, size_t n)
{
	const struct isa_names names = { .call = helper_text, .imm = imm_text };
	struct strbuf text = { .buf = buf, .cap = n };

	*buf = '\0';
	isa_disasm(&text, insn, &names);
}

/* The source line that begins here, without its indentation. */
static const char *line_text(const struct dump *d, const struct bpf_line_info *l)
{
	const char *text = btf__name_by_offset(d->btf, l->line_off);

	return text ? text + strspn(text, " \t") : "";
}

static const struct bpf_line_info *line_at(const struct dump *d, uint32_t i, uint32_t *nr)
{
	const struct bpf_line_info *l = d->linfo ? bpf_prog_linfo__lfind(d->linfo, i, *nr) : NULL;

	if (l)
		++*nr;
	/* Instructions that the compiler made up have an empty line. */
	return l && *line_text(d, l) ? l : NULL;
}

static void print_xlated(struct dump *d, const struct dump_conf *conf)
{
	uint32_t n = d->info.xlated_prog_len / sizeof(struct bpf_insn), lines = 0;
	char text[256];

	for (uint32_t i = 0; i < n; i++) {
		const struct bpf_insn *insn = &d->insns[i];
		const char *proto = proto_at(d, i);
		const struct bpf_line_info *l = line_at(d, i, &lines);
		bool two = insn->code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < n;

		if (proto)
			printf("%s:\n", proto);
		if (l) {
			printf("; %s", line_text(d, l));
			if (conf->linum)
				printf(" [file:%s line_num:%u line_col:%u]",
				       btf__name_by_offset(d->btf, l->file_name_off),
				       BPF_LINE_INFO_LINE_NUM(l->line_col),
				       BPF_LINE_INFO_LINE_COL(l->line_col));
			printf("\n");
		}
		disasm(insn, text, sizeof(text));
		printf("%4u: %s\n", i, text);
		if (conf->opcodes) {
			printf("       ");
			print_bytes(stdout, insn, two ? 16 : 8);
			printf("\n");
		}
		i += two;
	}
}

static cJSON *opcodes_json(const struct bpf_insn *insn, bool two)
{
	cJSON *o = cJSON_CreateObject();
	char text[8];

	snprintf(text, sizeof(text), "0x%02x", insn->code);
	json_string(o, "code", text);
	snprintf(text, sizeof(text), "0x%x", insn->src_reg);
	json_string(o, "src_reg", text);
	snprintf(text, sizeof(text), "0x%x", insn->dst_reg);
	json_string(o, "dst_reg", text);
	cJSON_AddItemToObject(o, "off", json_bytes(&insn->off, 2));
	cJSON_AddItemToObject(o, "imm", json_bytes(&insn->imm, two ? 12 : 4));
	return o;
}

static cJSON *xlated_json(struct dump *d, const struct dump_conf *conf)
{
	uint32_t n = d->info.xlated_prog_len / sizeof(struct bpf_insn), lines = 0;
	cJSON *array = cJSON_CreateArray();
	char text[256];

	for (uint32_t i = 0; i < n; i++) {
		const struct bpf_insn *insn = &d->insns[i];
		const char *proto = proto_at(d, i);
		const struct bpf_line_info *l = line_at(d, i, &lines);
		bool two = insn->code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < n;
		cJSON *o = cJSON_CreateObject();

		if (proto)
			json_string(o, "proto", proto);
		if (l)
			json_string(o, "src", line_text(d, l));
		if (l && conf->linum) {
			json_string(o, "file", btf__name_by_offset(d->btf, l->file_name_off));
			json_u64(o, "line_num", BPF_LINE_INFO_LINE_NUM(l->line_col));
			json_u64(o, "line_col", BPF_LINE_INFO_LINE_COL(l->line_col));
		}
		disasm(insn, text, sizeof(text));
		json_string(o, "disasm", text);
		if (conf->opcodes)
			cJSON_AddItemToObject(o, "opcodes", opcodes_json(insn, two));
		cJSON_AddItemToArray(array, o);
		i += two;
	}
	return array;
}

/* --- jited ----------------------------------------------------------------------------------- */

/* A function's machine code, by objdump; false where there is none to ask. */
static bool ask_objdump(const uint8_t *code, uint32_t len)
{
#if defined(__x86_64__)
	static const char machine[] = "i386:x86-64";
#else
	static const char machine[] = "aarch64";
#endif
	char path[] = "/tmp/skep-jited-XXXXXX", line[256], command[160];
	int fd = mkstemp(path);
	FILE *out = NULL;
	bool wrote;

	if (fd < 0)
		return false;
	wrote = write(fd, code, len) == (ssize_t)len;
	close(fd);
	snprintf(command, sizeof(command),
		 "objdump -D -b binary -m %s -M intel --no-show-raw-insn %s 2>/dev/null", machine,
		 path);
	if (wrote)
		out = popen(command, "re");
	wrote = false;
	/* The code begins after objdump's heading: lines "  12:\t..." */
	while (out && fgets(line, sizeof(line), out)) {
		char *colon = strchr(line, ':');

		if (colon && colon[1] == '\t') {
			fputs(line, stdout);
			wrote = true;
		}
	}
	if (out)
		pclose(out);
	unlink(path);
	return wrote;
}

static void print_code(const uint8_t *code, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 16) {
		printf("%4x:\t", i);
		print_bytes(stdout, code + i, MIN(16u, len - i));
		printf("\n");
	}
}

/* The name of function n, in buf where it has none of its own. */
static const char *func_name(const struct dump *d, uint32_t n, char *buf, size_t size)
{
	const struct btf_type *t = NULL;

	if (d->btf && n < d->info.nr_func_info)
		t = btf__type_by_id(d->btf, d->func[n].type_id);
	if (t && btf_is_func(t))
		return btf__name_by_offset(d->btf, t->name_off);
	if (n)
		snprintf(buf, size, "subprogram %u", n);
	else
		snprintf(buf, size, "%s", d->info.name);
	return buf;
}

static void dump_jited(struct cli *c, const struct dump *d)
{
	uint32_t off = 0, nr = MAX(d->info.nr_jited_func_lens, 1u);
	bool raw = false;
	char buf[40];

	if (c->json)
		c->answer = cJSON_CreateArray();
	for (uint32_t n = 0; n < nr; n++) {
		uint32_t len =
			d->info.nr_jited_func_lens ? d->func_lens[n] : d->info.jited_prog_len;
		const char *name = func_name(d, n, buf, sizeof(buf));
		cJSON *o;

		len = MIN(len, d->info.jited_prog_len - off);
		if (c->json) {
			o = cJSON_CreateObject();
			json_string(o, "name", name);
			cJSON_AddItemToObject(o, "bytes", json_bytes(d->jited + off, len));
			cJSON_AddItemToArray(c->answer, o);
		} else {
			printf("%s:\n", name);
			if (!ask_objdump(d->jited + off, len)) {
				print_code(d->jited + off, len);
				raw = true;
			}
		}
		off += len;
	}
	if (raw)
		fprintf(stderr, "These are bytes: install objdump (Debian's binutils) for "
				"instructions.\n");
}

/* --- the command ------------------------------------------------------------------------------ */

static int write_file(struct cli *c, const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wbe");

	if (!f)
		return cli_fail(c, "%s: %s", path, strerror(errno));
	if (fwrite(data, 1, n, f) != n || fclose(f))
		return cli_fail(c, "%s: cannot write", path);
	return CLI_OK;
}

/* What bpftool says as words after PROG. */
static int extra_words(struct cli *c, struct words *w, struct dump_conf *conf)
{
	while (w->n) {
		if (words_accept(w, "opcodes"))
			conf->opcodes = true;
		else if (words_accept(w, "linum"))
			conf->linum = true;
		else if (words_accept(w, "file"))
			conf->file = words_take(c, w, "the file");
		else
			return words_end(c, w);
		if (conf->file && w->n)
			return words_end(c, w);
	}
	return CLI_OK;
}

static int dump_program(struct cli *c, const struct dump_conf *conf, bool jited, struct dump *d)
{
	if (jited && !d->info.jited_prog_len)
		return cli_fail(c, "the program is interpreted: it has no machine code");
	if (conf->file)
		return write_file(c, conf->file, jited ? (void *)d->jited : (void *)d->insns,
				  jited ? d->info.jited_prog_len : d->info.xlated_prog_len);
	if (jited)
		dump_jited(c, d);
	else if (c->json)
		c->answer = xlated_json(d, conf);
	else
		print_xlated(d, conf);
	return CLI_OK;
}

static int prog_dump(struct cli *c, const void *conf, struct words *w)
{
	_cleanup_(close_fd_p) int fd = -1;
	struct dump_conf dc = *(const struct dump_conf *)conf;
	struct dump d = { 0 };
	bool jited;
	int r;

	if (words_accept(w, "xlated"))
		jited = false;
	else if (words_accept(w, "jited"))
		jited = true;
	else
		return cli_usage(c, "dump xlated, or dump jited?");
	r = ref_one(c, &ref_prog, w, &fd);
	if (!r)
		r = extra_words(c, w, &dc);
	if (!r)
		r = read_info(c, fd, &d);
	if (!r)
		r = dump_program(c, &dc, jited, &d);
	dump_fini(&d);
	return r;
}

static const struct opt dump_opts[] = {
	OPT(struct dump_conf, opcodes, opt_flag, "opcodes", 0, .help = "the bytes too"),
	OPT(struct dump_conf, linum, opt_flag, "linum", 0,
	    .help = "file, line and column of source lines"),
	OPT(struct dump_conf, file, opt_string, "file", 0, .value = "FILE",
	    .help = "write the raw bytes to FILE"),
	{ 0 },
};

const struct cmd prog_dump_cmd = {
	.name = "dump",
	.args = "{ xlated | jited } PROG [opcodes] [linum] [file FILE]",
	.help = "show a program's instructions, or its machine code",
	.notes = "Machine code is shown by objdump where that is installed, as bytes elsewhere.",
	.opts = dump_opts,
	.conf_size = sizeof(struct dump_conf),
	.run = prog_dump,
};
