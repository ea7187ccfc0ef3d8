/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_back.c - precision.c's way back through a path as text (BPF_LOG_LEVEL2), in the kernel's
 * words.
 */
#include "base/strbuf.h"
#include "verifier/verifier_int.h"

/* "r1,r6", "-8,-16" */
static void put_sets(struct verifier *v, uint32_t regs, uint64_t slots)
{
	char text[512] = "";
	struct strbuf s = { text, sizeof(text), 0 };
	const char *sep = "";

	for (; regs; regs &= regs - 1, sep = ",")
		strbuf_add(&s, "%sr%d", sep, __builtin_ctz(regs));
	strbuf_add(&s, " stack=");
	for (sep = ""; slots; slots &= slots - 1, sep = ",")
		strbuf_add(&s, "%s%d", sep, -8 * (__builtin_ctzll(slots) + 1));
	verifier_log(v->log, "%s", text);
}

void log_back_from(struct verifier *v, uint32_t frame, uint32_t last, uint32_t first,
		   uint32_t after)
{
	if (log_all(v))
		verifier_log(v->log,
			     "mark_precise: frame%u: last_idx %d first_idx %d subseq_idx %d \n",
			     frame, (int)last, (int)first, (int)after);
}

void log_back_insn(struct verifier *v, uint32_t frame, uint32_t regs, uint64_t slots, uint32_t i)
{
	if (!log_all(v))
		return;
	verifier_log(v->log, "mark_precise: frame%u: regs=", frame);
	put_sets(v, regs, slots);
	verifier_log(v->log, " before %u: ", i);
	log_put_insn(v, i);
}

void log_back_propagate(struct verifier *v, uint32_t frame, uint32_t regs, uint64_t slots)
{
	const char *sep = "";

	if (!log_all(v) || (!regs && !slots))
		return;
	verifier_log(v->log, "frame %u: propagating ", frame);
	for (; regs; regs &= regs - 1, sep = ",")
		verifier_log(v->log, "%sr%d", sep, __builtin_ctz(regs));
	for (; slots; slots &= slots - 1, sep = ",")
		verifier_log(v->log, "%sfp%d", sep, -8 * (__builtin_ctzll(slots) + 1));
	verifier_log(v->log, "\n");
}

void log_back_all(struct verifier *v)
{
	if (log_all(v))
		verifier_log(v->log,
			     "mark_precise: frame%u: falling back to forcing all scalars precise\n",
			     0);
}

void log_back_parent(struct verifier *v, const struct vstate *st, uint32_t frame, uint32_t regs,
		     uint64_t slots)
{
	if (!log_all(v))
		return;
	verifier_log(v->log, "mark_precise: frame%u: parent state regs=", frame);
	put_sets(v, regs, slots);
	verifier_log(v->log, ": ");
	print_frame(v, st, frame, true);
}
