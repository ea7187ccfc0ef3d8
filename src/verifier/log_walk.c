/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_walk.c - what the log says of the walk: instructions, the C lines that they come from, the
 * paths that are taken up, statistics.  print_state.c has the states.
 */
#include "base/strbuf.h"
#include "verifier/source.h"
#include "verifier/verifier_int.h"

#include <stdio.h>

/* The kernel's func_id_name() and the like. */
static const char *call_name(void *arg, const struct bpf_insn *insn, char *buf, size_t n)
{
	const struct verifier *v = arg;
	const char *name;

	if (insn->src_reg != 0)
		return kfunc_name(v, (uint32_t)(insn - v->insns));
	name = insn->imm >= 0 ? helper_name((uint32_t)insn->imm) : NULL;
	if (!name)
		return "unknown";
	snprintf(buf, n, "bpf_%s", name);
	return buf;
}

/* Maps are addresses, for who may see them. */
static const char *imm_text(void *arg, const struct bpf_insn *insn, uint64_t imm, char *buf,
			    size_t n)
{
	const struct verifier *v = arg;
	const struct insn_aux *aux = &v->aux[insn - v->insns];

	if (aux->ref == INSN_REF_MAP)
		imm = (uintptr_t)aux->map;
	else if (aux->ref == INSN_REF_MAP_VALUE)
		imm = aux->addr;
	else if (aux->ref != INSN_REF_FUNC)
		return NULL;
	if (aux->ref != INSN_REF_FUNC && !v->opts->rights.allow_ptr_leaks)
		imm = 0;
	snprintf(buf, n, "0x%llx", (unsigned long long)imm);
	return buf;
}

void log_put_insn(struct verifier *v, uint32_t i)
{
	const struct isa_names names = { .call = call_name, .imm = imm_text, .arg = v };
	char text[256];
	struct strbuf out = { text, sizeof(text), 0 };

	isa_disasm(&out, &v->insns[i], &names);
	verifier_log(v->log, "%s\n", text);
}

/* "; code @ file.c:12", once where several instructions come from one line. */
void log_source(struct verifier *v, uint32_t i)
{
	const struct skep_prog *p = v->prog;
	const struct verifier_lines lines = { p->btf, p->line_info, p->line_info_cnt,
					      p->line_info_rec_size };
	struct source_line at;
	const char *base;

	if (!log_on(v) || !p->line_info || !source_of(&lines, i, &at))
		return;
	if (v->last_line.line == at.line && v->last_line.file == at.file)
		return;
	v->last_line.line = at.line;
	v->last_line.file = at.file;
	base = strrchr(at.file, '/');
	verifier_log(v->log, "; %s @ %s:%u\n", at.text + strspn(at.text, " \t\n\v\f\r"),
		     base ? base + 1 : at.file, at.line);
}

static const char *speculation(const struct verifier *v)
{
	return v->st->speculative ? " (speculative execution)" : "";
}

void log_safe(struct verifier *v)
{
	if (v->path_begins)
		verifier_log(v->log, "\nfrom %d to %u%s: safe\n", (int)v->prev, v->i,
			     speculation(v));
	else
		verifier_log(v->log, "%u: safe\n", v->i);
}

void log_insn(struct verifier *v)
{
	uint64_t begin;

	if (log_all(v) && v->path_begins) {
		verifier_log(v->log, "\nfrom %d to %u%s:", (int)v->prev, v->i, speculation(v));
		print_frame(v, v->st, v->st->cur, true);
		v->path_begins = false;
	}
	if (v->touched.regs || v->touched.slots)
		print_touched(v);
	log_source(v, v->i);
	begin = v->log->len;
	verifier_log(v->log, "%u: ", v->i);
	log_put_insn(v, v->i);
	v->insn_end = v->log->len;
	v->insn_bytes = (uint32_t)(v->insn_end - begin);
}

void log_call(struct verifier *v, bool back)
{
	const struct vstate *st = v->st;
	const uint32_t callee = st->cur, caller = callee - 1;

	if (!log_on(v))
		return;
	verifier_log(v->log, back ? "returning from callee:\n" : "caller:\n");
	print_frame(v, st, back ? callee : caller, true);
	if (back)
		verifier_log(v->log, "to caller at %u:\n", v->i);
	else
		verifier_log(v->log, "callee:\n");
	print_frame(v, st, back ? caller : callee, true);
}

void log_subs(struct verifier *v)
{
	for (uint32_t s = 0; log_all(v) && s < v->sub_cnt; s++)
		verifier_log(v->log, "func#%u @%u\n", s, v->sub[s].start);
}

void log_live(struct verifier *v)
{
	if (!log_all(v))
		return;
	verifier_log(v->log, "Live regs before insn:\n");
	for (uint32_t i = 0; i < v->cnt; i++) {
		char regs[BPF_REG_10 + 1] = "";

		for (unsigned r = 0; r < BPF_REG_10; r++)
			regs[r] = v->info[i].live >> r & 1 ? (char)('0' + r) : '.';
		verifier_log(v->log, "    %3u: %s ", i, regs);
		log_put_insn(v, i);
		i += insn_is_ld_imm64(&v->insns[i]);
	}
}

void log_stats(struct verifier *v, uint64_t ns)
{
	if (v->log->level & LOG_STATS) {
		verifier_log(v->log, "verification time %llu usec\nstack depth ",
			     (unsigned long long)ns / 1000);
		for (uint32_t s = 0; s < v->sub_cnt; s++)
			verifier_log(v->log, "%s%u", s ? "+" : "",
				     v->facts ? fastcall_depth(v, (uint16_t)s) : 0);
		verifier_log(v->log, "\n");
	}
	verifier_log(v->log,
		     "processed %u insns (limit %d) max_states_per_insn %u total_states %u "
		     "peak_states %u mark_read 0\n",
		     v->processed, SKEP_INSNS_MAX, v->max_states_per_insn, v->total_states,
		     v->peak_states);
}
