/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog_run.c - `skep prog run`: loads an object and runs one of its programs over packets.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "cli/commands.h"
#include "cli/packet.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/vars.h"

struct run_conf {
	const char *pcap;	  /* packets come from there, NULL: one packet */
	const char *pcap_out;	  /* those that pass go there */
	struct hex_bytes data_in; /* the one packet */
	struct hex_bytes ctx_in;  /* context of a program that takes no packet */
	const char *set;	  /* global variables, see vars_set() */
	uint64_t repeat;	  /* rounds over the packets, 0: one */
	uint64_t rows;		  /* of each map that are shown, 0: 20 */
	bool no_maps;		  /* do not show maps */
};

/* The packets, in memory, so that the rate is the programs' own. */
struct packets {
	VEC(struct net_packet); /* their data is owned */
	uint64_t bytes;		/* of all */
	uint32_t max_len;	/* of the longest */
};

#define TALLIES 32 /* verdicts that are told apart; further ones are counted with the last */

struct tally {
	const char *name; /* NULL: by its value */
	int32_t value;
	uint64_t packets, bytes;
};

struct report {
	struct tally tally[TALLIES]; /* in the order of first sight */
	int n;
	uint64_t not_delivered; /* too short */
	uint64_t runs;		/* of the program */
	uint64_t ns;		/* that they took */
};

static void packets_free(struct packets *p)
{
	vec_foreach (pkt, p)
		skep_free((void *)pkt->data);
	vec_free(p);
}

static int packets_add(struct packets *p, const struct net_packet *from)
{
	struct net_packet *pkt = vec_push(p);

	if (!pkt)
		return -ENOMEM;
	*pkt = *from;
	pkt->data = skep_memdup(from->data, from->len);
	if (!pkt->data)
		return -ENOMEM;
	p->bytes += pkt->len;
	p->max_len = MAX(p->max_len, pkt->len);
	return 0;
}

static int packets_read(struct cli *c, const char *path, struct packets *p)
{
	_cleanup_(net_close_p) struct net_port *port = NULL;
	struct skep_diag d = { 0 };
	struct net_packet pkt;
	int r;

	if (net_open_source(&net_pcap_ops, path, &port, &d))
		return cli_diag(c, &d);
	while ((r = net_next(port, &pkt, &d)) == 1)
		if (packets_add(p, &pkt))
			return cli_oom(c);
	/* What came before a broken end is good. */
	if (r < 0 && p->n && !c->json)
		fprintf(stderr, "Warning: %s; going on with %zu packets\n", d.msg, p->n);
	else if (r < 0)
		return cli_diag(c, &d);
	return CLI_OK;
}

/* Without a capture: the bytes of --data-in, else the shortest frame, all zero. */
static int packets_one(struct cli *c, const struct hex_bytes *h, struct packets *p)
{
	static const uint8_t empty[60];
	struct net_packet pkt = { .data = empty, .len = sizeof(empty) };

	if (h->data) {
		pkt.data = h->data;
		pkt.len = (uint32_t)h->size;
	}
	pkt.wire_len = pkt.len;
	return packets_add(p, &pkt) ? cli_oom(c) : CLI_OK;
}

static void count(struct report *rep, const struct verdict *v, int32_t value, uint32_t bytes)
{
	int i;

	if (v)
		value = v->value;
	for (i = 0; i < rep->n && rep->tally[i].value != value; i++)
		;
	if (i == rep->n) {
		if (rep->n == ARRAY_SIZE(rep->tally))
			i--;
		else
			rep->tally[rep->n++] =
				(struct tally){ .name = v ? v->name : NULL, .value = value };
	}
	rep->tally[i].packets++;
	rep->tally[i].bytes += bytes;
}

/* Counts what became of one packet; those that pass go to `out` where that is not NULL. */
static int take_result(struct packet_runner *runner, const struct net_packet *p,
		       const struct packet_result *res, struct net_port *out, struct report *rep,
		       struct skep_diag *d)
{
	const struct verdict *v;

	if (res->err) {
		rep->not_delivered++;
		return 0;
	}
	v = packet_verdict(runner, res->verdict);
	rep->runs++;
	count(rep, v, res->verdict, p->len);
	return out && v && v->passes ? net_put(out, &res->out, d) : 0;
}

/* One round over the packets. */
static int run_round(struct cli *c, struct packet_runner *runner, const struct packets *p,
		     struct net_port *out, struct report *rep)
{
	struct packet_result res[PACKET_BATCH];
	struct skep_diag d = { 0 };
	uint32_t n;

	for (size_t at = 0; at < p->n; at += n) {
		n = (uint32_t)MIN(p->n - at, (size_t)PACKET_BATCH);
		if (packet_run(runner, p->at + at, n, res, &rep->ns, &d))
			return cli_diag(c, &d);
		for (uint32_t i = 0; i < n; i++)
			if (take_result(runner, &p->at[at + i], &res[i], out, rep, &d))
				return cli_diag(c, &d);
	}
	return CLI_OK;
}

static int run_rounds(struct cli *c, const struct run_conf *conf, struct packet_runner *runner,
		      const struct packets *p, struct report *rep)
{
	_cleanup_(net_close_p) struct net_port *out = NULL;
	struct skep_diag d = { 0 };
	int r = CLI_OK;

	if (conf->pcap_out && net_open_sink(&net_pcap_ops, conf->pcap_out, &out, &d))
		return cli_diag(c, &d);
	for (uint64_t i = 0; r == CLI_OK && i < MAX(conf->repeat, 1u); i++)
		r = run_round(c, runner, p, i ? NULL : out, rep);
	if (!r && out && net_flush(out, &d))
		r = cli_diag(c, &d);
	return r;
}

/* --- what is said at the end ------------------------------------------------------------------ */

static const char *tally_name(const struct tally *t, char *buf, size_t n)
{
	if (t->name)
		return t->name;
	snprintf(buf, n, "%d", t->value);
	return buf;
}

static void report_print(const struct report *rep, const struct packets *p, const char *engine)
{
	double each = rep->runs ? (double)rep->ns / (double)rep->runs : 0;
	char buf[16];

	printf("packets   %zu, %llu bytes\n", p->n, (unsigned long long)p->bytes);
	for (int i = 0; i < rep->n; i++)
		printf("%s %-16s %10llu  %5.1f %%  %llu bytes\n", i ? "         " : "verdicts ",
		       tally_name(&rep->tally[i], buf, sizeof(buf)),
		       (unsigned long long)rep->tally[i].packets,
		       100.0 * (double)rep->tally[i].packets / (double)rep->runs,
		       (unsigned long long)rep->tally[i].bytes);
	if (rep->not_delivered)
		printf("skipped   %llu packets shorter than their headers\n",
		       (unsigned long long)rep->not_delivered);
	if (rep->runs)
		printf("rate      %.3f million packets/s, %.1f ns each, %llu runs (%s)\n",
		       each > 0 ? 1e3 / each : 0, each, (unsigned long long)rep->runs, engine);
}

static void report_json(struct cli *c, const struct report *rep, const struct packets *p,
			const char *engine)
{
	cJSON *o = c->answer, *list, *one;
	char buf[16];

	json_u64(o, "packets", p->n);
	json_u64(o, "bytes", p->bytes);
	list = cJSON_AddArrayToObject(o, "verdicts");
	for (int i = 0; i < rep->n; i++) {
		one = cJSON_CreateObject();
		json_string(one, "verdict", tally_name(&rep->tally[i], buf, sizeof(buf)));
		json_s64(one, "value", rep->tally[i].value);
		json_u64(one, "packets", rep->tally[i].packets);
		json_u64(one, "bytes", rep->tally[i].bytes);
		cJSON_AddItemToArray(list, one);
	}
	json_u64(o, "skipped", rep->not_delivered);
	json_u64(o, "runs", rep->runs);
	json_u64(o, "run_time_ns", rep->ns);
	json_string(o, "engine", engine);
}

/* Variables of a data section, one a line. */
static void print_section(struct mapio *m, const char *name)
{
	cJSON *tree, *var;
	int err;

	if (!m->btf || !mapio_next(m, &err) || err)
		return;
	tree = mapio_formatted(m, true);
	printf("\nmap %u: %s\n", m->info.id, name);
	/* { "value": { ".bss": [ { "variable": 1 }, ... ] } } */
	cJSON_ArrayForEach(var, tree->child->child)
	{
		char *text = cJSON_PrintUnformatted(var->child);

		printf("  %s = %s\n", var->child->string, text ? text : "?");
		cJSON_free(text);
	}
	cJSON_Delete(tree);
}

/* How much of a ring buffer its reader has not seen: both positions stand in its first pages. */
static void print_ringbuf(const struct mapio *m, const char *name)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const uint8_t *p = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, m->fd, 0);
	uint64_t consumer, producer;

	if (p == MAP_FAILED)
		return;
	memcpy(&consumer, p, sizeof(consumer));
	memcpy(&producer, p + page, sizeof(producer));
	munmap((void *)p, 2 * page);
	printf("\nmap %u: ringbuf %s, %llu of %u bytes wait for a reader\n", m->info.id, name,
	       (unsigned long long)(producer - consumer), m->info.max_entries);
}

static cJSON *map_json(struct mapio *m, const char *name)
{
	cJSON *o = cJSON_CreateObject(), *list;
	int err;

	json_u64(o, "id", m->info.id);
	json_string(o, "type", map_type_word(m->info.type));
	json_string(o, "name", name);
	list = cJSON_AddArrayToObject(o, "elements");
	while (m->info.type != BPF_MAP_TYPE_RINGBUF && mapio_next(m, &err))
		if (!err)
			cJSON_AddItemToArray(list, mapio_json(m));
	return o;
}

static int report_map(struct cli *c, struct bpf_map *map, uint32_t rows, cJSON *list)
{
	const char *name = bpf_map__name(map);
	struct mapio m;
	int r = mapio_init(c, bpf_map__fd(map), &m);

	if (r)
		return r;
	/* Constants are the caller's own words. */
	if (m.info.map_flags & BPF_F_RDONLY_PROG)
		;
	else if (list)
		cJSON_AddItemToArray(list, map_json(&m, name));
	else if (bpf_map__is_internal(map))
		print_section(&m, name);
	else if (m.info.type == BPF_MAP_TYPE_RINGBUF)
		print_ringbuf(&m, name);
	else
		r = table_print(c, &m, name, rows);
	mapio_fini(&m);
	return r;
}

static int report_maps(struct cli *c, struct bpf_object *obj, const struct run_conf *conf)
{
	cJSON *list = c->json ? cJSON_AddArrayToObject(c->answer, "maps") : NULL;
	struct bpf_map *map;
	int r = CLI_OK;

	bpf_object__for_each_map(map, obj)
	{
		r = report_map(c, map, conf->rows ? (uint32_t)conf->rows : 20, list);
		if (r)
			break;
	}
	return r;
}

/* --- programs that take no packet --------------------------------------------------------------
 */

static int run_plain(struct cli *c, const struct run_conf *conf, int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (conf->pcap || conf->data_in.data)
		return cli_usage(c, "programs of this type take no packets (see --ctx-in)");
	opts.ctx_in = conf->ctx_in.data;
	opts.ctx_size_in = (uint32_t)conf->ctx_in.size;
	if (bpf_prog_test_run_opts(fd, &opts))
		return session_fail(c, errno, "cannot run the program");
	if (c->json)
		json_s64(c->answer, "retval", (int32_t)opts.retval);
	else
		printf("returned  %d\n", (int32_t)opts.retval);
	return CLI_OK;
}

static int run_packets(struct cli *c, const struct run_conf *conf, struct skep_prog *prog,
		       struct packets *p)
{
	_cleanup_(packet_runner_free_p) struct packet_runner *runner = NULL;
	struct report rep = { 0 };
	int r = conf->pcap ? packets_read(c, conf->pcap, p) : packets_one(c, &conf->data_in, p);

	if (r)
		return r;
	r = packet_runner_new(session_kernel(c), prog, p->max_len, &runner);
	if (r == -EOPNOTSUPP)
		return cli_fail(c, "programs of type %s are loaded but not run here yet",
				prog->kind->name);
	if (r)
		return cli_oom(c);
	r = run_rounds(c, conf, runner, p, &rep);
	if (r)
		return r;
	if (c->json)
		report_json(c, &rep, p, prog->engine->name);
	else
		report_print(&rep, p, prog->engine->name);
	return CLI_OK;
}

/* --- the command -------------------------------------------------------------------------------
 */

/* The program called name, or the only one. */
static int choose(struct cli *c, struct bpf_object *obj, const char *path, const char *name,
		  struct bpf_program **ret)
{
	struct bpf_program *p, *found = NULL;
	char names[512] = "";
	size_t n = 0, len = 0;

	bpf_object__for_each_program(p, obj)
	{
		const char *its = bpf_program__name(p);

		if (!name || !strcmp(its, name)) {
			found = p;
			n++;
		}
		if (len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? ", " : "", its);
	}
	*ret = found;
	if (n == 1)
		return CLI_OK;
	if (!len)
		return cli_fail(c, "%s holds no program", path);
	if (name)
		return cli_fail(c, "%s has no program '%s'; it has: %s", path, name, names);
	return cli_usage(c, "%s has several programs, name one: %s", path, names);
}

static void head(struct cli *c, const struct skep_prog *prog, const char *name)
{
	if (c->json) {
		c->answer = cJSON_CreateObject();
		json_string(c->answer, "program", name);
		json_string(c->answer, "type", prog->kind->name);
	} else {
		printf("program   %s (%s, %u instructions)\n", name, prog->kind->name,
		       prog->image.insn_cnt);
	}
}

static int set_vars(struct cli *c, struct bpf_object *obj, void *arg)
{
	return vars_set(c, obj, arg);
}

static int prog_run_cmd_run(struct cli *c, const void *conf, struct words *w)
{
	const struct run_conf *rc = conf;
	struct load_how how = { .prepare = set_vars, .arg = (void *)rc->set };
	struct packets p = { 0 };
	struct bpf_program *chosen;
	struct bpf_object *obj;
	struct skep_prog *prog;
	const char *name;
	int r;

	how.path = words_take(c, w, "the object file");
	if (!how.path)
		return CLI_USAGE;
	name = w->n ? words_take(c, w, "the program") : NULL;
	if (words_end(c, w))
		return CLI_USAGE;
	if (rc->pcap && rc->data_in.data)
		return cli_usage(c, "--pcap or --data-in, not both");
	r = session_load(c, &how, &obj);
	if (!r)
		r = choose(c, obj, how.path, name, &chosen);
	if (r)
		return r;
	r = core_prog_by_fd(session_kernel(c), bpf_program__fd(chosen), &prog);
	if (r)
		return session_fail(c, r, "%s", bpf_program__name(chosen));
	head(c, prog, bpf_program__name(chosen));
	if (prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT || prog->type == BPF_PROG_TYPE_SYSCALL)
		r = run_plain(c, rc, bpf_program__fd(chosen));
	else
		r = run_packets(c, rc, prog, &p);
	if (!r && !rc->no_maps)
		r = report_maps(c, obj, rc);
	packets_free(&p);
	return r;
}

static const struct opt run_opts[] = {
	OPT(struct run_conf, pcap, opt_string, "pcap", 'r', .value = "FILE",
	    .help = "packets from a capture (pcap, pcapng; - is standard input)"),
	OPT(struct run_conf, pcap_out, opt_string, "pcap-out", 'w', .value = "FILE",
	    .help = "write the packets that pass, as the program left them"),
	OPT(struct run_conf, data_in, opt_hex, "data-in", 0, .value = "HEX",
	    .help = "one packet of these bytes"),
	OPT(struct run_conf, ctx_in, opt_hex, "ctx-in", 0, .value = "HEX",
	    .help = "the context, for raw_tracepoint and syscall programs"),
	OPT(struct run_conf, set, opt_string, "set", 's', .value = "NAME=N,...",
	    .help = "set global variables before the load"),
	OPT(struct run_conf, repeat, opt_number, "repeat", 'n', .value = "N",
	    .help = "go over the packets N times", .min = 1, .max = 1000000000),
	OPT(struct run_conf, rows, opt_number, "rows", 0, .value = "N",
	    .help = "show up to N rows of each map (20)", .min = 1, .max = 1000000000),
	OPT(struct run_conf, no_maps, opt_flag, "no-maps", 0, .help = "do not show the maps"),
	{ 0 },
};

const struct cmd prog_run_cmd = {
	.name = "run",
	.args = "OBJ [NAME] [OPTIONS]",
	.help = "run a program over packets; show verdicts, rate and maps",
	.notes =
		"XDP, TC, socket filter and cgroup_skb programs.  Without --pcap and --data-in "
		"the\n"
		"packet is the shortest frame, all zero.  A socket filter sees the packet as on a\n"
		"packet socket, from the Ethernet header on.",
	.opts = run_opts,
	.conf_size = sizeof(struct run_conf),
	.run = prog_run_cmd_run,
};
