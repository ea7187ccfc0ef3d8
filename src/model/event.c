/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c - see event.h */
#include "model/event.h"
#include "helper/event.h"

#define ARGS 6

static const struct syscall_row {
	const char *name;
	const char *args[ARGS];
} rows[MODEL_SYSCALLS] = {
#define SYSCALL(nr, name, ...) [nr] = { #name, { __VA_ARGS__ } },
#include "model/syscalls.def"
#undef SYSCALL
};

struct field {
	const char *what; /* NULL: behind the last one */
	uint32_t at, size;
	bool is_signed;
};

static const struct process_row {
	const char *group, *name;
	uint8_t args; /* of the raw tracepoint */
	struct field fields[8];
	const char *print;
} processes[] = {
#define FIELD(what, type, member, is_signed)                                                      \
	{                                                                                         \
		what, offsetof(struct type, member), sizeof_field(struct type, member), is_signed \
	}
#define FIELDS(...)         \
	{                   \
		__VA_ARGS__ \
	}
#define EVENT(group, name, args, fields, print) { #group, #name, args, fields, print },
#include "model/processes.def"
#undef EVENT
#undef FIELDS
#undef FIELD
};
static_assert(ARRAY_SIZE(processes) == _HIVE_EVENTS, "a row for each");

/*
 * Ids: 1 and 2 of all system calls, then those of processes, then two for each call, as it begins
 * and as it returns.
 */
#define ID_ALL	   UINT32_C(1)
#define ID_PROCESS UINT32_C(16)
#define ID_FIRST   UINT32_C(100)

/* What only a kernel sees; ids from ID_REFUSED on. */
#define ID_REFUSED UINT32_C(4096)
#define SCHEDULER  "only the kernel knows when its scheduler changes threads"
#define FAULTS	   "page faults are the kernel's: no process sees its own"
#define DEVICES	   "what devices do is the kernel's: no process sees it"
#define DELIVERY   "which signal a thread gets when is the kernel's to choose"
static const struct {
	const char *group, *name, *why;
} refused[] = {
	{ "sched", "sched_switch", SCHEDULER },	       { "sched", "sched_wakeup", SCHEDULER },
	{ "sched", "sched_wakeup_new", SCHEDULER },    { "sched", "sched_waking", SCHEDULER },
	{ "sched", "sched_migrate_task", SCHEDULER },  { "sched", "sched_stat_runtime", SCHEDULER },
	{ "signal", "signal_deliver", DELIVERY },      { "exceptions", "page_fault_user", FAULTS },
	{ "exceptions", "page_fault_kernel", FAULTS }, { "block", "block_rq_issue", DEVICES },
	{ "block", "block_rq_complete", DEVICES },     { "irq", "irq_handler_entry", DEVICES },
	{ "irq", "softirq_entry", DEVICES },	       { "net", "netif_receive_skb", DEVICES },
	{ "net", "net_dev_queue", DEVICES },
};

const char *model_event_refusal(uint32_t id)
{
	return id - ID_REFUSED < ARRAY_SIZE(refused) ? refused[id - ID_REFUSED].why : NULL;
}

const char *model_raw_refusal(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (!strcmp(refused[i].name, name))
			return refused[i].why;
	return NULL;
}

/* Is GROUP/NAME, a name of n bytes, that one? */
static bool is_named(const char *name, size_t n, const char *group, const char *event)
{
	const size_t first = strlen(group), last = strlen(event);

	return n == first + 1 + last && !memcmp(name, group, first) && name[first] == '/' &&
	       !memcmp(name + first + 1, event, last);
}

static bool refused_by_name(const char *name, size_t n, struct model_event *ret)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (!is_named(name, n, refused[i].group, refused[i].name))
			continue;
		*ret = (struct model_event){ .id = ID_REFUSED + i, .nr = MODEL_REFUSED };
		return true;
	}
	return false;
}

static struct model_event process(uint32_t i)
{
	return (struct model_event){
		.id = ID_PROCESS + i,
		.nr = MODEL_PROCESS,
		.n = processes[i].args,
		.process = (uint8_t)i,
	};
}

static bool process_by_name(const char *name, size_t n, struct model_event *ret)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(processes); i++) {
		if (!is_named(name, n, processes[i].group, processes[i].name))
			continue;
		*ret = process(i);
		return true;
	}
	return false;
}

static uint8_t count(int32_t nr)
{
	uint8_t n = 0;

	while (nr >= 0 && n < ARGS && rows[nr].args[n])
		n++;
	return nr < 0 ? ARGS : n;
}

static struct model_event event(int32_t nr, bool exit)
{
	return (struct model_event){
		.id = nr < 0 ? ID_ALL + exit : ID_FIRST + 2 * (uint32_t)nr + exit,
		.nr = nr,
		.exit = exit,
		.n = count(nr),
	};
}

bool model_event_raw(const char *name, struct model_event *ret)
{
	const bool exit = !strcmp(name, "sys_exit");

	for (uint32_t i = 0; i < ARRAY_SIZE(processes); i++) {
		if (strcmp(processes[i].name, name))
			continue;
		*ret = process(i);
		return true;
	}
	*ret = event(-1, exit);
	ret->n = 2;
	return exit || !strcmp(name, "sys_enter");
}

/* Up to the end of the last field, as Linux counts. */
static uint32_t process_size(const struct process_row *p)
{
	const struct field *f = p->fields;

	while (f[1].what)
		f++;
	return f->at + f->size;
}

uint32_t model_event_size(const struct model_event *e)
{
	if (e->nr == MODEL_PROCESS)
		return process_size(&processes[e->process]);
	return 16 + 8u * (e->exit ? 1 : e->n);
}

bool model_event_by_id(uint32_t id, struct model_event *ret)
{
	const uint32_t nr = (id - ID_FIRST) / 2;

	if (id == ID_ALL || id == ID_ALL + 1) {
		*ret = event(-1, id - ID_ALL);
		return true;
	}
	if (id - ID_PROCESS < ARRAY_SIZE(processes)) {
		*ret = process(id - ID_PROCESS);
		return true;
	}
	if (id < ID_FIRST || !model_syscall_name((int32_t)nr))
		return false;
	*ret = event((int32_t)nr, (id - ID_FIRST) % 2);
	return true;
}

const char *model_syscall_name(int32_t nr)
{
	return nr >= 0 && nr < MODEL_SYSCALLS ? rows[nr].name : NULL;
}

static int32_t number(const char *name, size_t n)
{
	for (int32_t nr = 0; nr < MODEL_SYSCALLS; nr++)
		if (rows[nr].name && strlen(rows[nr].name) == n && !memcmp(rows[nr].name, name, n))
			return nr;
	return -1;
}

int32_t model_syscall_of(const char *function)
{
	static const char prefix[] = "__x64_sys_";
	const size_t n = sizeof(prefix) - 1;

	return strncmp(function, prefix, n) ? -1 : number(function + n, strlen(function + n));
}

bool model_event_by_name(const char *name, size_t n, struct model_event *ret)
{
	static const struct {
		const char *text;
		bool all, exit;
	} begins[] = {
		{ "raw_syscalls/sys_enter", true, false },
		{ "raw_syscalls/sys_exit", true, true },
		{ "syscalls/sys_enter_", false, false },
		{ "syscalls/sys_exit_", false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		const size_t len = strlen(begins[i].text);
		int32_t nr;

		if (n < len || memcmp(name, begins[i].text, len) || (begins[i].all && n != len))
			continue;
		nr = begins[i].all ? -1 : number(name + len, n - len);
		if (!begins[i].all && nr < 0)
			return false;
		*ret = event(nr, begins[i].exit);
		return true;
	}
	return process_by_name(name, n, ret) || refused_by_name(name, n, ret);
}

/* --- format ----------------------------------------------------------------------------------- */

static void field(struct strbuf *to, const char *what, uint32_t at, uint32_t size, bool is_signed)
{
	strbuf_add(to, "\tfield:%s;\toffset:%u;\tsize:%u;\tsigned:%d;\n", what, at, size,
		   is_signed);
}

static void format_fields(const struct model_event *e, struct strbuf *to)
{
	if (e->nr == MODEL_PROCESS) {
		for (const struct field *f = processes[e->process].fields; f->what; f++)
			field(to, f->what, f->at, f->size, f->is_signed);
		return;
	}
	field(to, e->nr < 0 ? "long id" : "int __syscall_nr", 8, e->nr < 0 ? 8 : 4, true);
	if (e->exit)
		field(to, "long ret", 16, 8, true);
	else if (e->nr < 0)
		field(to, "unsigned long args[6]", 16, 48, false);
	else
		for (uint8_t i = 0; i < e->n; i++)
			field(to, rows[e->nr].args[i], 16 + 8u * i, 8, false);
}

/* The last word of an argument. */
static const char *name_of(const char *arg)
{
	const char *space = strrchr(arg, ' ');

	return space ? space + 1 : arg;
}

static void format_print(const struct model_event *e, struct strbuf *to)
{
	const char *comma = "";

	if (e->nr == MODEL_PROCESS) {
		strbuf_add(to, "\nprint fmt: %s\n", processes[e->process].print);
		return;
	}
	strbuf_add(to, "\nprint fmt: \"");
	if (e->exit && e->nr >= 0) {
		strbuf_add(to, "0x%%lx\", REC->ret\n");
		return;
	}
	if (e->nr < 0) {
		strbuf_add(to, e->exit ? "NR %%ld = %%ld\", REC->id, REC->ret\n"
				       : "NR %%ld (%%lx, %%lx, %%lx, %%lx, %%lx, %%lx)\", REC->id");
		for (int i = 0; !e->exit && i < ARGS; i++)
			strbuf_add(to, ", REC->args[%d]%s", i, i == ARGS - 1 ? "\n" : "");
		return;
	}
	for (uint8_t i = 0; i < e->n; i++, comma = ", ")
		strbuf_add(to, "%s%s: 0x%%08lx", comma, name_of(rows[e->nr].args[i]));
	strbuf_add(to, "\"");
	for (uint8_t i = 0; i < e->n; i++)
		strbuf_add(to, ", ((unsigned long)(REC->%s))", name_of(rows[e->nr].args[i]));
	strbuf_add(to, "\n");
}

void model_event_format(const struct model_event *e, struct strbuf *ret)
{
	const char *how = e->exit ? "exit" : "enter";

	if (e->nr == MODEL_PROCESS)
		strbuf_add(ret, "name: %s\n", processes[e->process].name);
	else if (e->nr < 0)
		strbuf_add(ret, "name: sys_%s\n", how);
	else
		strbuf_add(ret, "name: sys_%s_%s\n", how, rows[e->nr].name);
	strbuf_add(ret, "ID: %u\nformat:\n", e->id);
	field(ret, "unsigned short common_type", 0, 2, false);
	field(ret, "unsigned char common_flags", 2, 1, false);
	field(ret, "unsigned char common_preempt_count", 3, 1, false);
	field(ret, "int common_pid", 4, 4, true);
	strbuf_add(ret, "\n");
	format_fields(e, ret);
	format_print(e, ret);
}
