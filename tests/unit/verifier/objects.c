/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c - objects of the kernel in a program's stack: every rule, a program that keeps it and
 * one that breaks it, judged for Linux; errno and message are compared with the host kernel.
 *
 * Calls are by name, of helpers without bpf_; RING, MAP and VALUE stand for a ring buffer, an
 * array, and the address of its first value.
 */
#include "helper/helper.h"
#include "tests/harness/host.h"
#include "tests/unit/program.h"

#include <stdio.h>

#define TC	   BPF_PROG_TYPE_SCHED_CLS
#define RAW	   BPF_PROG_TYPE_RAW_TRACEPOINT

#define VALUE_SIZE 64

/* fp-16 becomes a dynptr... */
#define RESERVE "r1 = RING ll\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\n"
#define LOCAL	"r1 = VALUE ll\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n"
/* ...is given back, looked into: r0 is a slice of 8 bytes or NULL... */
#define SUBMIT "r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr\n"
#define DATA   "r1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall dynptr_data\n"
/* ...is read from, and written to, at fp-32 */
#define READ "r1 = r10\nr1 += -32\nr2 = 8\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall dynptr_read\n"
#define WRITE                                                                                  \
	"*(u64 *)(r10 -32) = 0\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = 8\nr5 " \
	"= 0\ncall dynptr_write\n"
#define OUT "r0 = 0\nexit"

static const struct rule {
	const char *name;
	uint32_t type;
	int err;
	const char *msg; /* NULL for a program that is accepted */
	const char *text;
} rules[] = {
	{ "a record is reserved and submitted", RAW, 0, NULL, RESERVE SUBMIT OUT },
	{ "a record is kept", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak", RESERVE OUT },
	{ "a record is submitted twice", RAW, -EINVAL, "arg 1 is an unacquired reference",
	  RESERVE SUBMIT SUBMIT OUT },
	{ "what is no record is submitted", RAW, -EINVAL, "arg 1 is an unacquired reference",
	  LOCAL SUBMIT OUT },
	{ "memory of a map", RAW, 0, NULL, LOCAL READ OUT },
	{ "memory of the stack", RAW, -EACCES,
	  "Unsupported reg type fp for bpf_dynptr_from_mem data",
	  "r1 = r10\nr1 += -32\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n" OUT },
	{ "none was made", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  "*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -16) = 0\n" READ OUT },
	{ "its second half", RAW, -EINVAL, "cannot pass in dynptr at an offset=-8",
	  LOCAL "r1 = r10\nr1 += -8\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "the middle of a slot", RAW, -EINVAL, "cannot pass in dynptr at an offset=-12",
	  LOCAL "r1 = r10\nr1 += -12\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "somewhere on the stack", RAW, -EINVAL, "dynptr has to be at a constant offset",
	  LOCAL "r0 &= 8\nr1 = r10\nr1 += -16\nr1 += r0\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "an address in a map", RAW, -EACCES, "R1 type=map_value expected=fp, dynptr_ptr",
	  "r1 = VALUE ll\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },

	/* what is written over it */
	{ "a store destroys it", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  LOCAL "*(u8 *)(r10 -9) = 0\n" READ OUT },
	{ "a store into the other half, too", RAW, -EINVAL,
	  "Expected an initialized dynptr as arg #2", LOCAL "*(u64 *)(r10 -8) = r10\n" READ OUT },
	{ "a store somewhere, too", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  "*(u64 *)(r10 -24) = 0\n" LOCAL
	  "r0 &= 8\nr1 = r10\nr1 += -24\nr1 += r0\n*(u8 *)(r1 +0) = 0\n" READ OUT },
	{ "a record is not overwritten", RAW, -EINVAL, "cannot overwrite referenced dynptr",
	  RESERVE "*(u8 *)(r10 -9) = 0\n" SUBMIT OUT },
	{ "it is not read as numbers", RAW, -EACCES, "invalid read from stack off -16+0 size 8",
	  LOCAL "r0 = *(u64 *)(r10 -16)\n" OUT },
	{ "a helper does not read it either", RAW, -EACCES,
	  "invalid read from stack R2 off -16+0 size 4",
	  LOCAL "r1 = MAP ll\nr2 = r10\nr2 += -16\ncall map_lookup_elem\n" OUT },
	{ "nor fill it", RAW, -EACCES, "potential write to dynptr at off=-16 disallowed",
	  LOCAL "r1 = r10\nr1 += -16\nr2 = 16\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\n"
		"call dynptr_read\n" OUT },
	{ "another is made in its place", RAW, 0, NULL, LOCAL LOCAL READ OUT },
	{ "a record in the place of another", RAW, -EINVAL, "cannot overwrite referenced dynptr",
	  RESERVE LOCAL OUT },
	{ "one half and one half of two", RAW, -EINVAL, "Expected an initialized dynptr as arg #0",
	  LOCAL
	  "r1 = VALUE ll\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -24\ncall dynptr_from_mem\n" DATA OUT },

	/* slices */
	{ "a slice", RAW, 0, NULL, LOCAL DATA "if r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "a slice that may be none", RAW, -EACCES, "R0 invalid mem access 'mem_or_null'",
	  LOCAL DATA "*(u64 *)(r0 +0) = 1\n" OUT },
	{ "beyond a slice", RAW, -EACCES, "invalid access to memory, mem_size=8 off=1 size=8",
	  LOCAL DATA "if r0 == 0 goto +1\n*(u64 *)(r0 +1) = 1\n" OUT },
	{ "a slice of unknown size", RAW, -EACCES, "R3 is not a known constant'",
	  LOCAL "r3 = r0\nr3 &= 7\nr1 = r10\nr1 += -16\nr2 = 0\ncall dynptr_data\n" OUT },
	{ "a slice of a record that is gone", RAW, -EACCES, "R6 invalid mem access 'scalar'",
	  RESERVE DATA "r6 = r0\nif r6 != 0 goto +6\n" SUBMIT OUT "\n" SUBMIT
		       "*(u64 *)(r6 +0) = 1\n" OUT },
	{ "a slice of a record, in time", RAW, 0, NULL,
	  RESERVE DATA "r6 = r0\nif r6 == 0 goto +1\n*(u64 *)(r6 +0) = 1\n" SUBMIT OUT },
	{ "a slice of what is overwritten", RAW, -EACCES, "R6 invalid mem access 'scalar'",
	  LOCAL DATA
	  "r6 = r0\nif r6 == 0 goto +2\n*(u64 *)(r10 -8) = 0\n*(u64 *)(r6 +0) = 1\n" OUT },
	{ "a slice is not submitted", RAW, -EACCES, "R1 type=mem expected=ringbuf_mem",
	  RESERVE DATA "r6 = r0\nif r6 != 0 goto +6\n" SUBMIT OUT
		       "\nr1 = r6\nr2 = 0\ncall ringbuf_submit\n" OUT },

	/* paths that meet */
	{ "one path makes it, both use it", RAW, -EINVAL,
	  "Expected an initialized dynptr as arg #2",
	  "r6 = r1\ncall get_prandom_u32\nif r0 == 0 goto +7\n" LOCAL READ OUT },
	{ "one path submits it", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  RESERVE "call get_prandom_u32\nif r0 == 0 goto +4\n" SUBMIT OUT },
	{ "both paths submit it", RAW, 0, NULL,
	  RESERVE "call get_prandom_u32\nif r0 == 0 goto +6\n" SUBMIT OUT "\n" SUBMIT OUT },
	{ "a loop around one", RAW, 0, NULL,
	  "r6 = 4\n" RESERVE SUBMIT "r6 += -1\nif r6 != 0 goto -13\n" OUT },

	/* frames */
	{ "a callee uses the caller's", RAW, 0, NULL,
	  LOCAL "r1 = r10\nr1 += -16\ncall +2\nr0 = 0\nexit\nr2 = 0\nr3 = 8\ncall dynptr_data\nr0 "
		"= 0\nexit" },
	{ "a callee submits the caller's", RAW, 0, NULL,
	  RESERVE "r1 = r10\nr1 += -16\ncall +2\nr0 = 0\nexit\nr2 = 0\ncall "
		  "ringbuf_submit_dynptr\nr0 = 0\nexit" },
	{ "a callee keeps its own", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  "call +2\nr0 = 0\nexit\n" RESERVE OUT },

	/* packets that a write may move */
	{ "a packet pointer after a write to memory", TC, 0, NULL,
	  "r6 = *(u32 *)(r1 +76)\nr7 = *(u32 *)(r1 +80)\n" LOCAL WRITE
	  "r0 = r6\nr0 += 1\nif r0 > r7 goto +1\nr0 = *(u8 *)(r6 +0)\n" OUT },
};

/* --- assembling ------------------------------------------------------------------------------- */

enum { RING = 0x5201, MAP, VALUE }; /* in the place of what the words stand for */

static const struct {
	const char *word;
	int value;
} words[] = { { "RING", RING }, { "MAP", MAP }, { "VALUE", VALUE } };

static bool find_call(void *arg, const char *name, size_t n, struct bpf_insn *insn)
{
	for (uint32_t id = 1; id < helper_id_count(); id++)
		if (helper_name(id) && strlen(helper_name(id)) == n &&
		    !memcmp(helper_name(id), name, n)) {
			insn->imm = (int)id;
			return true;
		}
	return false;
}

/* The text with numbers for words. */
static void expand(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	while (*text && n + 8 < size) {
		size_t w = 0;

		while (w < ARRAY_SIZE(words) && strncmp(text, words[w].word, strlen(words[w].word)))
			w++;
		if (w == ARRAY_SIZE(words)) {
			buf[n++] = *text++;
			continue;
		}
		n += (size_t)snprintf(buf + n, size - n, "%d", words[w].value);
		text += strlen(words[w].word);
	}
	ASSERT(!*text);
	buf[n] = '\0';
}

static struct skep_prog *assemble(const struct rule *r)
{
	const struct isa_symbols symbols = { .call = find_call };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	struct skep_prog *p;
	char text[4096];
	uint32_t n = 0;

	expand(r->text, text, sizeof(text));
	ASSERT_MSG(!isa_asm(text, strlen(text), &symbols, &insns, &n, &diag),
		   "%s, line %llu: %s\n%s", r->name, (unsigned long long)diag.index, diag.msg,
		   text);
	p = program_of(r->type, insns, n);
	skep_free(insns);
	return p;
}

static int word_at(const struct bpf_insn *insn)
{
	return insn_is_ld_imm64(insn) && insn->imm >= RING && insn->imm <= VALUE ? insn->imm : 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static struct skep_map *map_make(uint32_t type, uint32_t key_size, uint32_t value_size,
				 uint32_t max_entries)
{
	const union bpf_attr attr = { .map_type = type,
				      .key_size = key_size,
				      .value_size = value_size,
				      .max_entries = max_entries };
	const struct map_deps deps = { 0 };
	struct skep_map *map;

	ASSERT_EQ(map_new(&attr, &deps, &map, NULL), 0);
	return map;
}

static int ours(const struct rule *r, char *text, uint32_t size)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL, .judge = true };
	struct verifier_log log = { .level = 1, .buf = text, .size = size };
	struct skep_map *ring = map_make(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	struct skep_map *array = map_make(BPF_MAP_TYPE_ARRAY, 4, VALUE_SIZE, 1);
	struct skep_prog *p = assemble(r);
	int err;

	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		struct bpf_insn *insn = &p->image.insns[i];
		const int word = word_at(insn);

		if (!word)
			continue;
		insn->imm = 0;
		if (word == VALUE)
			program_map_value(p, i, array, 0);
		else
			program_map(p, i, word == RING ? ring : array);
	}
	err = verifier_check(p, &opts, &log, NULL);
	prog_put(p);
	map_put(ring);
	map_put(array);
	return err;
}

static int host(const struct rule *r, char *text, uint32_t size)
{
	static int ring = -1, array;
	struct skep_prog *p = assemble(r);
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096 };
	int fd;

	if (ring < 0) {
		ring = (int)host_bpf(BPF_MAP_CREATE, &attr);
		array = host_array(VALUE_SIZE, 0);
	}
	ASSERT(ring >= 0);
	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		struct bpf_insn *insn = &p->image.insns[i];
		const int word = word_at(insn);

		if (!word)
			continue;
		insn->src_reg = word == VALUE ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
		insn->imm = word == RING ? ring : array;
	}
	fd = host_load(&(struct host_prog){ .type = r->type,
					    .insns = p->image.insns,
					    .n = p->image.insn_cnt,
					    .log = text,
					    .log_size = size });
	prog_put(p);
	return MIN(fd, 0);
}

static void judge(int (*verifier)(const struct rule *, char *, uint32_t))
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		char text[16384] = "";
		int err = verifier(r, text, sizeof(text));

		ASSERT_MSG(err == r->err, "%s: %d instead of %d\n%s", r->name, err, r->err, text);
		ASSERT_MSG(!r->msg || strstr(text, r->msg), "%s: no \"%s\" in\n%s", r->name, r->msg,
			   text);
	}
}

TEST(object_rules)
{
	judge(ours);
}

TEST(object_rules_are_the_hosts)
{
	host_required();
	judge(host);
}
