/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advice.c - the rules in other words: a row says what is wrong and what would make it right.
 *
 * A rule is known by a part of its message's format, so a rule without a row still gets the
 * general one.  The order matters: the first row that fits is taken.
 */
#include "verifier/advice.h"

#include <inttypes.h>

/* --- numbers and names ----------------------------------------------------------------------- */

int64_t fault_fact(const struct verifier_fault *f, const char *name, int64_t def)
{
	for (uint32_t i = 0; i < f->nr_facts; i++)
		if (!strcmp(f->fact[i].name, name))
			return f->fact[i].value;
	return def;
}

const char *callee_name(const struct skep_prog *prog, uint32_t i, char *buf)
{
	const struct bpf_insn *insn = &prog->image.insns[i];
	const char *name;

	if (i >= prog->image.insn_cnt || insn->code != (BPF_JMP | BPF_CALL))
		return "the call";
	if (insn->src_reg == BPF_PSEUDO_CALL)
		return "the function";
	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL) {
		const struct kfunc *k = prog->image.aux[i].kfunc;

		return k ? k->name : "the kernel function";
	}
	name = insn->imm > 0 ? helper_name((uint32_t)insn->imm) : NULL;
	snprintf(buf, 64, "bpf_%s", name ? name : "?");
	return buf;
}

static const struct fault_step *find_step(const struct explain *e, enum fault_step_kind kind)
{
	for (uint32_t i = 0; i < e->f->nr_steps; i++)
		if (e->f->step[i].kind == kind)
			return &e->f->step[i];
	return NULL;
}

/* The helper that gives back what another one reserved. */
static const char *release_of(const char *made)
{
	static const char *const pairs[][2] = {
		{ "bpf_ringbuf_reserve", "bpf_ringbuf_submit() or bpf_ringbuf_discard()" },
		{ "bpf_ringbuf_reserve_dynptr",
		  "bpf_ringbuf_submit_dynptr() or bpf_ringbuf_discard_dynptr()" },
		{ "bpf_iter_num_new", "bpf_iter_num_destroy()" },
		{ "bpf_sk_lookup_tcp", "bpf_sk_release()" },
		{ "bpf_sk_lookup_udp", "bpf_sk_release()" },
		{ "bpf_skc_lookup_tcp", "bpf_sk_release()" },
		{ "bpf_task_acquire", "bpf_task_release()" },
		{ "bpf_cgroup_acquire", "bpf_cgroup_release()" },
		{ "bpf_obj_new_impl", "bpf_obj_drop()" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (!strcmp(pairs[i][0], made))
			return pairs[i][1];
	return "what releases it";
}

static uint32_t line_of(const struct explain *e, uint32_t insn)
{
	struct source_line s;

	return source_of(e->lines, insn, &s) ? s.line : 0;
}

/* " after line 17", or "" where the source is not known. */
static void print_after(const struct explain *e, uint32_t line)
{
	if (line)
		fprintf(e->out, " after line %u", line);
}

static const struct helper_proto *twin_of(const struct explain *e);

/* What the words of a text stand for. */
static void print_word(const struct explain *e, const char *word, size_t n)
{
	const struct verifier_fault *f = e->f;
	const struct fault_step *lost = find_step(e, FAULT_INVALIDATED);
	char name[64];

#define WORD(text) (n == sizeof(text) - 1 && !memcmp(word, text, n))
	if (WORD("var"))
		fputs(e->var, e->out);
	else if (WORD("reg"))
		fprintf(e->out, "r%d", f->value.reg);
	else if (WORD("after"))
		print_after(e, e->var_line);
	else if (WORD("lost"))
		print_after(e, lost ? line_of(e, lost->insn) : 0);
	else if (WORD("room"))
		fprintf(e->out, "%lld",
			(long long)(f->base.reg >= 0 ? f->base.room : f->value.room));
	else if (WORD("callee"))
		fputs(callee_name(e->prog, f->insn, name), e->out);
	else if (WORD("made"))
		fputs(callee_name(e->prog, f->ref_insn, name), e->out);
	else if (WORD("release"))
		fputs(release_of(callee_name(e->prog, f->ref_insn, name)), e->out);
	else if (WORD("twin"))
		fputs(twin_of(e)->name, e->out);
	else if (WORD("since"))
		fprintf(e->out, "%u, %u", RELEASE_MAJOR(f->since), RELEASE_MINOR(f->since));
	else if (WORD("type"))
		fputs(e->prog->kind->name, e->out);
	else if (WORD("end"))
		fprintf(e->out, "%" PRId64, fault_fact(f, "off", 0) + fault_fact(f, "size", 0));
	else {
		snprintf(name, sizeof(name), "%.*s", (int)n, word);
		fprintf(e->out, "%lld", (long long)fault_fact(f, name, 0));
	}
#undef WORD
}

void advice_print(const struct explain *e, const char *text)
{
	for (; *text; text++) {
		size_t n = 0;

		if (*text != '$') {
			fputc(*text, e->out);
			continue;
		}
		while (text[n + 1] == '_' || (text[n + 1] >= 'a' && text[n + 1] <= 'z'))
			n++;
		print_word(e, text + 1, n);
		text += n;
	}
}

/* --- when a row fits ------------------------------------------------------------------------ */

static bool maybe_null(const struct explain *e)
{
	return may_be_null(e->f->value.type);
}

static bool was_moved(const struct explain *e)
{
	return find_step(e, FAULT_INVALIDATED) && e->f->value.type == SCALAR_VALUE;
}

static bool is_number(const struct explain *e)
{
	return e->f->value.type == SCALAR_VALUE;
}

static bool was_clobbered(const struct explain *e)
{
	return find_step(e, FAULT_INVALIDATED);
}

static bool at_exit(const struct explain *e)
{
	return e->f->value.reg == BPF_REG_0 &&
	       e->prog->image.insns[e->f->insn].code == (BPF_JMP | BPF_EXIT);
}

static bool room_known(const struct explain *e)
{
	return e->f->base.room > 0;
}

static bool too_new(const struct explain *e)
{
	return e->f->since;
}

/* --- more facts ----------------------------------------------------------------------------- */

static void fact_packet(const struct explain *e)
{
	const int64_t off = fault_fact(e->f, "off", 0), size = fault_fact(e->f, "size", 1);

	if (size > 1)
		fprintf(e->out, "   = bytes %lld to %lld are read", (long long)off,
			(long long)(off + size - 1));
	else
		fprintf(e->out, "   = byte %lld is read", (long long)off);
	fprintf(e->out, ", the first %lld are known to be there\n",
		(long long)fault_fact(e->f, "r", 0));
}

static void fact_memory(const struct explain *e)
{
	static const char *const names[] = { "value_size", "key_size", "mem_size" };
	int64_t size = -1;

	for (size_t i = 0; i < ARRAY_SIZE(names) && size < 0; i++)
		size = fault_fact(e->f, names[i], -1);
	if (size < 0)
		return;
	fprintf(e->out,
		"   = the memory has %lld bytes; the access may begin at byte %lld and takes "
		"%lld\n",
		(long long)size, (long long)fault_fact(e->f, "off", 0),
		(long long)fault_fact(e->f, "size", 0));
}

static void fact_since(const struct explain *e)
{
	fprintf(e->out, "   = it came with Linux %u.%u\n", RELEASE_MAJOR(e->f->since),
		RELEASE_MINOR(e->f->since));
}

static void fact_room(const struct explain *e)
{
	if (room_known(e))
		fprintf(e->out, "   = the memory at r%d has room for %lld bytes\n", e->f->base.reg,
			(long long)e->f->base.room);
}

static void fact_unwritten(const struct explain *e)
{
	const int64_t at = fault_fact(e->f, "", 0);

	fprintf(e->out, "   = %lld bytes are read; byte %lld of them was never written\n",
		(long long)fault_fact(e->f, "size", 0), (long long)at);
}

static void fact_reference(const struct explain *e)
{
	char name[64];
	uint32_t line;

	if (e->f->ref_insn == FAULT_NO_INSN)
		return;
	line = line_of(e, e->f->ref_insn);
	fprintf(e->out, "   = still held: what %s() gave",
		callee_name(e->prog, e->f->ref_insn, name));
	if (line)
		fprintf(e->out, " at line %u", line);
	fputc('\n', e->out);
}

static void fact_stack(const struct explain *e)
{
	fprintf(e->out, "   = %lld calls deep it takes %lld bytes, %d are allowed\n",
		(long long)fault_fact(e->f, "of", 0), (long long)fault_fact(e->f, "is", 0),
		SKEP_STACK_MAX);
}

/* The helper that does for these programs what the one at hand does for others; or NULL. */
static const struct helper_proto *twin_of(const struct explain *e)
{
	static const char *const families[] = { "skb_", "xdp_", "sk_" };
	const struct helper_proto *h = helper_by_id((uint32_t)e->prog->image.insns[e->f->insn].imm);
	const char *rest = NULL;

	for (size_t i = 0; h && i < ARRAY_SIZE(families) && !rest; i++)
		if (!strncmp(h->name, families[i], strlen(families[i])))
			rest = h->name + strlen(families[i]);
	for (uint32_t id = 1; rest && id < helper_id_count(); id++) {
		const struct helper_proto *twin = helper_by_id(id);
		const char *tail = twin ? strchr(twin->name, '_') : NULL;

		if (tail && twin != h && !strcmp(tail + 1, rest) &&
		    helper_allowed(twin, e->prog->type, e->prog->expected_attach_type))
			return twin;
	}
	return NULL;
}

static bool has_twin(const struct explain *e)
{
	return twin_of(e) != NULL;
}

/* Which programs may call the helper. */
static void fact_helper(const struct explain *e)
{
	const struct bpf_insn *insn = &e->prog->image.insns[e->f->insn];
	const struct helper_proto *h = helper_by_id((uint32_t)insn->imm);
	bool any = false;

	if (!h)
		return;
	for (uint32_t t = 1; t < prog_type_count(); t++) {
		const struct prog_type *type = prog_type(t);

		if (!type || !type->name || !type->loadable ||
		    !helper_allowed(h, t, e->prog->expected_attach_type))
			continue;
		fprintf(e->out, "%s%s", any ? ", " : "   = it is for ", type->name);
		any = true;
	}
	if (any)
		fprintf(e->out, "\n");
}

static void fact_field(const struct explain *e)
{
	const int64_t off = fault_fact(e->f, "off", 0), size = fault_fact(e->f, "size", 0);
	const struct ctx_field *f =
		off >= 0 && e->prog->kind->fields
			? prog_ctx_field(e->prog->kind, (uint32_t)off, (uint32_t)size)
			: NULL;

	fprintf(e->out, "   = %lld bytes at offset %lld", (long long)size, (long long)off);
	if (f && f->name)
		fprintf(e->out, ": the field '%s'", f->name);
	fputc('\n', e->out);
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct advice rows[] = {
	{ "invalid func unknown", too_new, "this kernel has no $callee() yet", fact_since,
	  "guard the call: `if (LINUX_KERNEL_VERSION >= KERNEL_VERSION($since, 0))`, with `extern "
	  "int LINUX_KERNEL_VERSION __kconfig;`" },
	{ "back-edge", too_new, "this kernel takes no loops yet", fact_since,
	  "unroll the loop: `#pragma unroll`" },
	{ "tail_calls are not allowed in programs", too_new,
	  "this kernel takes no tail calls in programs with subprograms yet", fact_since,
	  "make the functions `static __always_inline`" },
	{ "", too_new, "this kernel does not know this instruction yet", fact_since,
	  "compile for older kernels: -mcpu=v1 to v3" },
	{ "invalid mem access", maybe_null, "a pointer that may be NULL is used", NULL,
	  "check that $var is not NULL$after: `if (!$var) return 0;`" },
	{ "invalid mem access", was_moved, "the packet may have moved since this pointer was made",
	  NULL, "read data and data_end from the context again$lost, and compare them again",
	  true },
	{ "invalid mem access", is_number, "a number is used as a pointer", NULL,
	  "use the pointer itself; memory that no pointer of yours leads to is read with "
	  "bpf_probe_read_kernel() or bpf_probe_read_user()" },
	{ "invalid mem access", NULL, "this kind of pointer leads to no memory", NULL,
	  "pass it to the helpers that take it" },
	{ "type=%s expected=%s", maybe_null, "a pointer that may be NULL is passed", NULL,
	  "check that $var is not NULL$after: `if (!$var) return 0;`" },
	{ "type=%s expected=%s", NULL, "an argument of the wrong kind", NULL,
	  "look up in bpf-helpers(7) what $callee() takes there" },
	{ "min value is negative, either use unsigned or '", room_known, "the size has no bound",
	  fact_room, "bound $var$after: `if ($var > $room) return 0;`, with $var unsigned" },
	{ "unbounded memory access, use", room_known, "the size has no bound", fact_room,
	  "bound $var$after: `if ($var > $room) return 0;`" },
	{ "unbounded memory access, use", NULL, "the size has no bound", NULL,
	  "bound $var$after: `if ($var > LIMIT) return 0;`" },
	{ "unbounded memory access", NULL, "the offset has no bound", fact_memory,
	  "bound $var$after: `if ($var >= LIMIT) return 0;`" },
	{ "min value is negative", NULL, "the number may be negative", NULL,
	  "make $var unsigned, or check it$after: `if ($var < 0) return 0;`" },
	{ "value is outside of the allowed", NULL, "the access may lie outside of the memory",
	  fact_memory, "bound $var$after so that the whole access lies inside" },
	{ "invalid zero-sized read", room_known, "the size may be 0", fact_room,
	  "check $var$after: `if ($var == 0 || $var > $room) return 0;`" },
	{ "offset is outside of the packet", NULL,
	  "more of the packet is read than was compared with its end", fact_packet,
	  "compare before reading: `if (data + $end > data_end) return 0;`" },
	{ "read from stack R", NULL, "stack memory that was never written is read", fact_unwritten,
	  "write all of it first, padding too: `__builtin_memset(&$var, 0, sizeof($var));`" },
	{ "read from stack off", NULL, "stack memory that was never written is read", NULL,
	  "give the variable a value where it is declared: `= {}`" },
	{ "!read_ok", at_exit, "the program ends without a result", NULL,
	  "return a value on every way out" },
	{ "!read_ok", was_clobbered, "a call in between has destroyed the value", NULL,
	  "make it anew after the call, or keep it in r6 to r9" },
	{ "!read_ok", NULL, "a register is read that was never written", NULL,
	  "give the variable a value on every way that leads here" },
	{ "would lead to reference leak", NULL, "a reference is not given back on this way out",
	  fact_reference, "call $release with $var on this way too" },
	{ "reference has not been acquired", NULL, "what is released was not acquired", NULL,
	  "release each reference once, with the pointer as it was given" },
	{ "combined stack size", NULL, "the stacks of these functions do not fit together",
	  fact_stack,
	  "make buffers smaller, or keep them in a BPF_MAP_TYPE_PERCPU_ARRAY of one element" },
	{ "infinite loop detected", NULL, "the loop may never end", NULL,
	  "bound it: count rounds and leave after a fixed number, or use bpf_loop() or bpf_for()" },
	{ "back-edge", NULL, "loops are not allowed here", NULL,
	  "unroll the loop: `#pragma unroll`" },
	{ "is too large. Processed", NULL, "there are too many ways through the program", NULL,
	  "bound loops more tightly, put their bodies into bpf_loop() callbacks, or make "
	  "functions global (not static): each is then walked once" },
	{ "jumps is too complex", NULL, "too many branches are open at once", NULL,
	  "put parts into functions that are global (not static): each is then walked once" },
	{ "cannot use helper", has_twin, "$type programs may not call $callee()", fact_helper,
	  "use bpf_$twin(), which is for them" },
	{ "cannot use helper", NULL, "$type programs may not call $callee()", fact_helper,
	  "use what $type programs have for this (skep feature lists their helpers)" },
	{ "sleepable helper", NULL, "$callee() may sleep, and here nobody may", NULL,
	  "call it before the region begins, or after it has ended" },
	{ "is sleepable within", NULL, "$callee() may sleep, and here nobody may", NULL,
	  "call it before the region begins, or after it has ended" },
	{ "might sleep", NULL, "$callee() may sleep, and this program may not", NULL,
	  "make the program one that may: SEC(\"uprobe.s\"), SEC(\"fentry.s/...\"), "
	  "SEC(\"lsm.s/...\"), SEC(\"syscall\")" },
	{ "cannot call GPL-restricted", NULL, "$callee() is for GPL programs", NULL,
	  "license the program so: `char _license[] SEC(\"license\") = \"GPL\";`" },
	{ "invalid bpf_context access", NULL,
	  "$type programs may not access this part of their context", fact_field,
	  "use fields that $type programs have; packet bytes are read with bpf_skb_load_bytes()" },
	{ "bpf_spin_unlock is missing", NULL, "a lock is held at the end", NULL,
	  "call bpf_spin_unlock() on every way out" },
	{ "should have been in", NULL, "the result is not one that is allowed", NULL,
	  "return a number of that range" },
	{ "unreachable insn", NULL, "no way leads to this instruction", NULL, "remove it" },
	{ "write into map forbidden", NULL, "the map may only be read", NULL,
	  "write to a map without BPF_F_RDONLY_PROG" },
	{ "read from map forbidden", NULL, "the map may only be written", NULL,
	  "read from a map without BPF_F_WRONLY_PROG" },
};

static const struct advice any = { "", NULL, "a rule of the verifier is broken", NULL, NULL };

const struct advice *advice_find(const struct explain *e)
{
	const char *rule = e->f->rule ? e->f->rule : e->f->msg;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strstr(rule, rows[i].key) && (!rows[i].when || rows[i].when(e)))
			return &rows[i];
	return &any;
}
