/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.c - from a frame to its caller's, by the tables of hive/unwind.h; where none knows the
 * address, as of code that was made at run time, by frame pointers:
 *
 *	fp -> | the caller's fp | return address |
 *
 * Nothing of a stack is believed: each word is read as any memory of a user's is, and frames have
 * to lead up.
 */
#include "helper/unwind.h"
#include "hive/unwind.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#define WORD sizeof(uint64_t)
#define NEAR 8 /* words below the CFA that are read at once */

static long read_words(struct skep_run *run, uint64_t *to, uint64_t at, size_t n)
{
	return probe_copy(run, to, at, n * WORD);
}

/* --- what is known of an address -------------------------------------------------------------- */

static const struct unwind_map *find_map(const struct unwind_maps *m, uint64_t ip)
{
	const uint32_t n = atomic_load_explicit(&m->n, memory_order_relaxed);
	uint32_t low = 0, high = MIN(n, (uint32_t)UNWIND_MAPS);

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (m->at[mid].start <= ip)
			low = mid + 1;
		else
			high = mid;
	}
	return low && ip < m->at[low - 1].end ? &m->at[low - 1] : NULL;
}

/* The file that is mapped there, if its table still is what it was. */
static const struct unwind_table *table_of(const struct skep_run *run, uint64_t ip,
					   uint64_t *ret_off)
{
	const struct unwind_maps *m = run->env->unwind;
	const struct unwind_table *table;
	const struct unwind_map *map;
	uint32_t version, serial;

	do {
		version = atomic_load_explicit(&m->version, memory_order_acquire);
		map = find_map(m, ip);
		table = map ? map->table : NULL;
		serial = map ? map->serial : 0;
		*ret_off = map ? map->off + (ip - map->start) : 0;
		atomic_signal_fence(memory_order_seq_cst);
	} while (atomic_load_explicit(&m->version, memory_order_relaxed) != version);
	return table && atomic_load_explicit(&table->serial, memory_order_acquire) == serial ? table
											     : NULL;
}

static struct unwind_row row_of(const struct skep_run *run, uint64_t ip)
{
	const struct unwind_row none = { .kind = UNWIND_UNKNOWN };
	uint64_t off = 0, part;
	const struct unwind_table *t = table_of(run, ip, &off);
	uint32_t low, high;

	if (!t || !t->n || off < t->rows[0].off)
		return none;
	part = (off >> t->shift) - (t->rows[0].off >> t->shift);
	if (part >= t->parts)
		return t->rows[t->n - 1];
	low = t->before[part];
	high = t->before[part + 1];
	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (t->rows[mid].off <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return t->rows[low - 1];
}

void unwind_name(const struct skep_run *run, uint64_t ip, struct bpf_stack_build_id *ret)
{
	uint64_t off = 0;
	const struct unwind_table *t = run->env->unwind ? table_of(run, ip, &off) : NULL;

	memset(ret, 0, sizeof(*ret));
	ret->status = BPF_STACK_BUILD_ID_IP;
	ret->ip = ip;
	if (!t || !t->build_id_size)
		return;
	static_assert(sizeof(ret->build_id) == sizeof(t->build_id), "what Linux has room for");
	memcpy(ret->build_id, t->build_id, sizeof(ret->build_id));
	ret->status = BPF_STACK_BUILD_ID_VALID;
	ret->offset = off;
}

/* --- the caller's frame ----------------------------------------------------------------------- */

/* Frames lead up, as far as it is known where they are.  Where a return address was exchanged
 * (agent/ret.c) it is told by its place. */
static bool go_to(const struct skep_run *run, struct unwind_frame *f, uint64_t cfa, uint64_t ip)
{
	if (f->sp && cfa <= f->sp)
		return false;
	if (unlikely(ip == run->env->returned))
		ip = ip ? run->env->return_of(cfa - WORD) : 0;
	f->ip = ip;
	f->sp = f->sp ? cfa : 0;
	f->returns = true;
	return ip != 0;
}

static bool by_fp(struct skep_run *run, struct unwind_frame *f)
{
	uint64_t pair[2];
	const uint64_t fp = f->fp;

	if (read_words(run, pair, fp, 2) || !go_to(run, f, fp + sizeof(pair), pair[1]))
		return false;
	f->fp = pair[0];
	return true;
}

/* A frame whose CFA is known. */
static bool by_cfa(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row,
		   uint64_t cfa)
{
	const uint32_t below = row->fp <= NEAR && row->fp ? row->fp : 1;
	uint64_t words[NEAR], fp = f->fp, fp_at = cfa - row->fp * WORD;

	if (row->fp == UNWIND_FP_HERE)
		fp_at = f->fp;
	if (read_words(run, words, cfa - below * WORD, below))
		return false;
	if (row->fp > NEAR && read_words(run, &fp, fp_at, 1))
		return false;
	if (row->fp && row->fp <= NEAR)
		fp = words[0];
	if (!go_to(run, f, cfa, words[below - 1]))
		return false;
	f->fp = fp;
	return true;
}

static bool by_sp(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return by_cfa(run, f, row, f->sp + row->cfa * WORD);
}

static bool by_fp_plus(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return by_cfa(run, f, row, f->fp + row->cfa * WORD);
}

static bool by_word(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row,
		    uint64_t at)
{
	uint64_t cfa;

	return !read_words(run, &cfa, at, 1) &&
	       by_cfa(run, f, row, cfa + UNWIND_PLUS(row->cfa) * WORD);
}

static bool by_sp_at(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return by_word(run, f, row, f->sp + UNWIND_AT(row->cfa) * WORD);
}

static bool by_fp_at(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return by_word(run, f, row, f->fp - UNWIND_AT(row->cfa) * WORD);
}

static bool by_plt(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return by_cfa(run, f, row, f->sp + ((f->ip & 15) >= row->cfa ? 2 : 1) * WORD);
}

/*
 * Of a system call that was moved into a stub (inject/stub.h), where it was: its registers are
 * pushed behind it, this address among them.  A call that is made anew is two bytes before.
 */
static uint64_t moved_from(struct skep_run *run, uint64_t ip)
{
	static const uint8_t syscall[] = { 0x0f, 0x05 };
	static const uint8_t pushes[] = { 0x48, 0x8d, 0x64, 0x24, 0x80, 0x6a, 0x2b,
					  0x54, 0x9c, 0x6a, 0x33, 0xff, 0x35 };
	uint8_t there[sizeof(syscall) + sizeof(pushes) + sizeof(int32_t)];
	size_t call = 0, rip;
	int32_t rel;
	uint64_t was;

	if (probe_copy(run, there, ip, sizeof(there)))
		return ip;
	if (!memcmp(there, syscall, sizeof(syscall)))
		call = sizeof(syscall);
	rip = call + sizeof(pushes);
	if (memcmp(there + call, pushes, sizeof(pushes)) != 0)
		return ip;
	memcpy(&rel, there + rip, sizeof(rel));
	if (read_words(run, &was, ip + rip + sizeof(rel) + (uint64_t)(int64_t)rel, 1))
		return ip;
	return was - call;
}

/* What was interrupted may be on another stack, and goes on where it was. */
static bool by_signal(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	enum { FIRST = REG_RBP, LAST = REG_RIP };
	const uint64_t regs = f->sp + offsetof(ucontext_t, uc_mcontext.gregs);
	uint64_t words[LAST - FIRST + 1];

	if (read_words(run, words, regs + FIRST * WORD, ARRAY_SIZE(words)))
		return false;
	f->ip = moved_from(run, words[REG_RIP - FIRST]);
	f->sp = words[REG_RSP - FIRST];
	f->fp = words[REG_RBP - FIRST];
	f->returns = false;
	return f->ip && f->sp;
}

/* A way out of a handler that no table knows, as the agent's: mov $15,%rax; syscall. */
static bool is_restorer(struct skep_run *run, const struct unwind_frame *f)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	uint8_t there[sizeof(code)];

	return f->returns && !probe_copy(run, there, f->ip, sizeof(there)) &&
	       !memcmp(there, code, sizeof(code));
}

static bool by_none(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return is_restorer(run, f) ? by_signal(run, f, row) : by_fp(run, f);
}

static bool by_end(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row)
{
	return false;
}

typedef bool (*step_fn)(struct skep_run *run, struct unwind_frame *f, const struct unwind_row *row);

static const step_fn steps[_UNWIND_KINDS] = {
	[UNWIND_UNKNOWN] = by_none, [UNWIND_END] = by_end,	 [UNWIND_SP] = by_sp,
	[UNWIND_FP] = by_fp_plus,   [UNWIND_SP_AT] = by_sp_at,	 [UNWIND_FP_AT] = by_fp_at,
	[UNWIND_PLT] = by_plt,	    [UNWIND_SIGNAL] = by_signal,
};

bool unwind_step(struct skep_run *run, struct unwind_frame *f)
{
	struct unwind_row row;

	if (!f->sp || !run->env->unwind)
		return by_fp(run, f);
	row = row_of(run, f->ip - f->returns);
	return steps[row.kind](run, f, &row);
}
