/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - `skep map`: show, create, dump, lookup, getnext, update, delete, peek, push, pop, freeze,
 * pin.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/mapio.h"
#include "cli/ref.h"
#include "cli/session.h"

/* --- show ------------------------------------------------------------------------------------ */

static int show_one(struct cli *c, int fd, void *arg)
{
	struct bpf_map_info i = { 0 };
	uint32_t len = sizeof(i);
	cJSON *o;

	if (bpf_obj_get_info_by_fd(fd, &i, &len))
		return session_fail(c, errno, "cannot look at the map");
	if (!c->json) {
		printf("%u: %s  ", i.id, map_type_word(i.type));
		if (*i.name)
			printf("name %s  ", i.name);
		printf("flags 0x%x\n\tkey %uB  value %uB  max_entries %u\n", i.map_flags,
		       i.key_size, i.value_size, i.max_entries);
		if (i.btf_id)
			printf("\tbtf_id %u\n", i.btf_id);
		return CLI_OK;
	}
	o = cJSON_CreateObject();
	json_u64(o, "id", i.id);
	json_string(o, "type", map_type_word(i.type));
	if (*i.name)
		json_string(o, "name", i.name);
	json_u64(o, "flags", i.map_flags);
	json_u64(o, "bytes_key", i.key_size);
	json_u64(o, "bytes_value", i.value_size);
	json_u64(o, "max_entries", i.max_entries);
	if (i.btf_id)
		json_u64(o, "btf_id", i.btf_id);
	cJSON_AddItemToArray(c->answer, o);
	return CLI_OK;
}

static int map_show(struct cli *c, const void *conf, struct words *w)
{
	return ref_show(c, &ref_map, w, show_one);
}

/* --- elements, as bpftool shows them --------------------------------------------------------- */

static void print_value(const char *label, const void *data, uint32_t n, bool own_line)
{
	printf("%s%c", label, own_line ? '\n' : ' ');
	print_bytes(stdout, data, n);
}

static void print_entry(const struct mapio *m)
{
	const struct bpf_map_info *i = &m->info;
	bool wide = i->key_size > 16 || i->value_size > 16;
	char label[32];

	if (i->key_size) {
		print_value("key:", m->key, i->key_size, wide || m->cpus > 1);
		printf(!wide && m->cpus == 1 && i->key_size + i->value_size <= 24 ? "  " : "\n");
	}
	if (m->cpus == 1 && holds_maps(i))
		printf("inner_map_id:%c%u ", wide ? '\n' : ' ', *(const uint32_t *)m->value);
	else if (m->cpus == 1 && i->value_size)
		print_value("value:", m->value, i->value_size, wide);
	for (uint32_t cpu = 0; m->cpus > 1 && cpu < m->cpus; cpu++) {
		snprintf(label, sizeof(label), "value (CPU %02u):", cpu);
		print_value(label, m->value + (size_t)cpu * m->stride, i->value_size,
			    i->value_size > 16);
		printf(cpu + 1 < m->cpus ? "\n" : "");
	}
	printf("\n");
}

/* --- dump ------------------------------------------------------------------------------------ */

static void print_tree(cJSON *tree)
{
	char *text = cJSON_Print(tree);

	if (text)
		printf("%s\n", text);
	cJSON_free(text);
	cJSON_Delete(tree);
}

static int dump_elements(struct cli *c, struct mapio *m)
{
	cJSON *tree = m->btf && !c->json ? cJSON_CreateArray() : NULL;
	uint32_t nr = 0;
	int err;

	while (mapio_next(m, &err)) {
		if (err) {
			/* bpftool: an element that went away, or a slot without a program. */
			if (err != ENOENT && !c->json && !tree) {
				print_value("key:", m->key, m->info.key_size, false);
				printf("  value: %s\n", strerror(err));
			}
			continue;
		}
		nr++;
		if (c->json)
			cJSON_AddItemToArray(c->answer, mapio_json(m));
		else if (tree)
			cJSON_AddItemToArray(tree, mapio_formatted(m, true));
		else
			print_entry(m);
	}
	if (tree)
		print_tree(tree);
	else if (!c->json)
		printf("Found %u element%s\n", nr, nr == 1 ? "" : "s");
	return CLI_OK;
}

static int dump_map(struct cli *c, int fd, void *arg)
{
	struct mapio m;
	int r = mapio_init(c, fd, &m);

	if (r)
		return r;
	if (m.info.type == BPF_MAP_TYPE_RINGBUF)
		r = cli_fail(c, "a ring buffer has no elements to dump: its reader consumes it");
	else
		r = dump_elements(c, &m);
	mapio_fini(&m);
	return r;
}

static int map_dump(struct cli *c, const void *conf, struct words *w)
{
	_cleanup_(close_fd_p) int fd = -1;
	int r = ref_one(c, &ref_map, w, &fd);

	if (!r)
		r = words_end(c, w);
	if (!r && c->json)
		c->answer = cJSON_CreateArray();
	return r ? r : dump_map(c, fd, NULL);
}

/* --- keys and values on the command line ----------------------------------------------------- */

/* { [hex] BYTES }, exactly n of them. */
static int parse_data(struct cli *c, struct words *w, const char *what, uint8_t *data, uint32_t n)
{
	int base = words_accept(w, "hex") ? 16 : 0;
	uint32_t i;

	for (i = 0; i < n && w->n; i++) {
		char *end;
		unsigned long v = strtoul(*w->at, &end, base);

		if (end == *w->at || *end)
			break;
		if (v > 255 || **w->at == '-')
			return cli_usage(c, "%s: byte '%s' is not from 0 to 255", what, *w->at);
		data[i] = (uint8_t)v;
		w->at++;
		w->n--;
	}
	return i == n ? CLI_OK
		      : cli_usage(c, "%s: %u bytes are needed, %u are given%s%s", what, n, i,
				  w->n ? " before " : "", w->n ? *w->at : "");
}

/*
 * A value: bytes, or the object where the map holds objects (then the caller closes *ret_object
 * after the update); every CPU gets the same.
 */
static int parse_value(struct cli *c, struct words *w, const struct mapio *m, int *ret_object)
{
	int r;

	if (holds_progs(&m->info) || holds_maps(&m->info)) {
		r = ref_one(c, holds_progs(&m->info) ? &ref_prog : &ref_map, w, ret_object);
		if (!r)
			memcpy(m->value, ret_object, sizeof(*ret_object));
		return r;
	}
	r = parse_data(c, w, "value", m->value, m->info.value_size);
	for (uint32_t cpu = 1; !r && cpu < m->cpus; cpu++)
		memcpy(m->value + (size_t)cpu * m->stride, m->value, m->info.value_size);
	return r;
}

static int parse_key(struct cli *c, struct words *w, const struct mapio *m)
{
	if (!words_accept(w, "key"))
		return cli_usage(c, "key [hex] BYTES is missing (%u bytes)", m->info.key_size);
	return parse_data(c, w, "key", m->key, m->info.key_size);
}

/* The map at the front of the line, and the key where there is one. */
static int open_map(struct cli *c, struct words *w, int *ret_fd, struct mapio *m)
{
	int r = ref_one(c, &ref_map, w, ret_fd);

	return r ? r : mapio_init(c, *ret_fd, m);
}

/* A command on one key: parses the line, then calls fn. */
static int on_key(struct cli *c, struct words *w, bool need_key,
		  int (*fn)(struct cli *c, struct mapio *m, struct words *w))
{
	_cleanup_(close_fd_p) int fd = -1;
	struct mapio m;
	int r = open_map(c, w, &fd, &m);

	if (r)
		return r;
	if (need_key && m.info.key_size)
		r = parse_key(c, w, &m);
	if (!r)
		r = fn(c, &m, w);
	mapio_fini(&m);
	return r;
}

/* The key and value at hand, as an answer. */
static int show_element(struct cli *c, struct mapio *m)
{
	if (c->json)
		c->answer = mapio_json(m);
	else if (m->btf)
		print_tree(mapio_formatted(m, true));
	else
		print_entry(m);
	return CLI_OK;
}

static int lookup_key(struct cli *c, struct mapio *m, struct words *w)
{
	int r = words_end(c, w);

	if (r)
		return r;
	if (bpf_map_lookup_elem(m->fd, m->info.key_size ? m->key : NULL, m->value)) {
		if (errno != ENOENT)
			return session_fail(c, errno, "lookup");
		/* bpftool: {} in JSON, exit status 1 in both. */
		if (c->json)
			c->answer = cJSON_CreateObject();
		else
			printf("key:\n"), print_bytes(stdout, m->key, m->info.key_size),
				printf("\n\nNot found\n");
		return CLI_FAILED;
	}
	return show_element(c, m);
}

static int take_value(struct cli *c, struct mapio *m, struct words *w)
{
	int r = words_end(c, w);

	if (r)
		return r;
	if (m->info.key_size)
		return cli_fail(c, "%s maps have keys: nothing is first or last in one",
				map_type_word(m->info.type));
	if (bpf_map_lookup_and_delete_elem(m->fd, NULL, m->value))
		return errno == ENOENT ? cli_fail(c, "the map is empty")
				       : session_fail(c, errno, "pop");
	return show_element(c, m);
}

static int next_key(struct cli *c, struct mapio *m, struct words *w)
{
	_cleanup_(skep_free_p) uint8_t *next = skep_alloc(m->info.key_size);
	bool given = w->n > 0;
	int r = given ? parse_key(c, w, m) : CLI_OK;

	if (!next)
		return cli_oom(c);
	if (!r)
		r = words_end(c, w);
	if (r)
		return r;
	if (bpf_map_get_next_key(m->fd, given ? m->key : NULL, next))
		return session_fail(c, errno, "no next key");
	if (c->json) {
		c->answer = cJSON_CreateObject();
		if (given)
			cJSON_AddItemToObject(c->answer, "key",
					      json_bytes(m->key, m->info.key_size));
		cJSON_AddItemToObject(c->answer, "next_key", json_bytes(next, m->info.key_size));
		return CLI_OK;
	}
	if (given) {
		print_value("key:", m->key, m->info.key_size, true);
		printf("\n");
	}
	print_value("next key:", next, m->info.key_size, true);
	printf("\n");
	return CLI_OK;
}

static int update_key(struct cli *c, struct mapio *m, struct words *w)
{
	static const struct {
		const char *word;
		uint64_t flags;
	} how[] = { { "any", BPF_ANY }, { "noexist", BPF_NOEXIST }, { "exist", BPF_EXIST } };
	_cleanup_(close_fd_p) int object = -1;
	uint64_t flags = BPF_ANY;
	int r = CLI_OK;

	if (m->info.value_size) {
		if (!words_accept(w, "value"))
			return cli_usage(c, "value { [hex] BYTES | MAP | PROG } is missing");
		r = parse_value(c, w, m, &object);
	}
	for (size_t i = 0; !r && i < ARRAY_SIZE(how); i++) {
		if (words_accept(w, how[i].word)) {
			flags = how[i].flags;
			break;
		}
	}
	if (!r)
		r = words_end(c, w);
	if (r)
		return r;
	if (bpf_map_update_elem(m->fd, m->info.key_size ? m->key : NULL, m->value, flags))
		return session_fail(c, errno, "update");
	return CLI_OK;
}

static int delete_key(struct cli *c, struct mapio *m, struct words *w)
{
	int r = words_end(c, w);

	if (r)
		return r;
	return bpf_map_delete_elem(m->fd, m->key) ? session_fail(c, errno, "delete") : CLI_OK;
}

static int freeze(struct cli *c, struct mapio *m, struct words *w)
{
	int r = words_end(c, w);

	if (r)
		return r;
	return bpf_map_freeze(m->fd) ? session_fail(c, errno, "freeze") : CLI_OK;
}

static int map_lookup(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, true, lookup_key);
}

static int map_getnext(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, false, next_key);
}

static int map_update(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, true, update_key);
}

static int map_pop(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, false, take_value);
}

static int map_delete(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, true, delete_key);
}

static int map_freeze(struct cli *c, const void *conf, struct words *w)
{
	return on_key(c, w, false, freeze);
}

static int map_pin(struct cli *c, const void *conf, struct words *w)
{
	return ref_pin(c, &ref_map, w);
}

/* --- create ---------------------------------------------------------------------------------- */

static int type_by_word(struct cli *c, const char *word, enum bpf_map_type *ret)
{
	for (int t = 1; libbpf_bpf_map_type_str((enum bpf_map_type)t); t++) {
		if (!strcmp(word, libbpf_bpf_map_type_str((enum bpf_map_type)t))) {
			*ret = (enum bpf_map_type)t;
			return CLI_OK;
		}
	}
	return cli_usage(c, "unknown map type '%s' ('skep feature' lists them)", word);
}

struct create_words {
	enum bpf_map_type type;
	uint64_t key, value, entries, flags;
	const char *name;
	int inner; /* descriptor, or -1 */
};

static int create_word(struct cli *c, struct words *w, struct create_words *cw)
{
	static const struct {
		const char *word;
		size_t off;
	} numbers[] = {
		{ "key", offsetof(struct create_words, key) },
		{ "value", offsetof(struct create_words, value) },
		{ "entries", offsetof(struct create_words, entries) },
		{ "flags", offsetof(struct create_words, flags) },
	};
	const char *word;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!words_accept(w, numbers[i].word))
			continue;
		word = words_take(c, w, numbers[i].word);
		return word ? words_number(c, word, numbers[i].word, UINT32_MAX,
					   (uint64_t *)((char *)cw + numbers[i].off))
			    : CLI_USAGE;
	}
	if (words_accept(w, "type")) {
		word = words_take(c, w, "the type");
		return word ? type_by_word(c, word, &cw->type) : CLI_USAGE;
	}
	if (words_accept(w, "name")) {
		cw->name = words_take(c, w, "the name");
		return cw->name ? CLI_OK : CLI_USAGE;
	}
	if (words_accept(w, "inner_map"))
		return ref_one(c, &ref_map, w, &cw->inner);
	return words_end(c, w);
}

static int map_create(struct cli *c, const void *conf, struct words *w)
{
	struct create_words cw = { .inner = -1 };
	_cleanup_(close_fd_p) int fd = -1;
	const char *path = words_take(c, w, "the path");
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int r = path ? session_open(c) : CLI_USAGE;

	while (!r && w->n)
		r = create_word(c, w, &cw);
	if (!r && !cw.type)
		r = cli_usage(c, "type TYPE is missing");
	if (!r) {
		opts.map_flags = (uint32_t)cw.flags;
		opts.inner_map_fd = cw.inner < 0 ? 0 : (uint32_t)cw.inner;
		fd = bpf_map_create(cw.type, cw.name, (uint32_t)cw.key, (uint32_t)cw.value,
				    (uint32_t)cw.entries, &opts);
		if (fd < 0)
			r = session_fail(c, errno, "cannot create the map");
		else if (bpf_obj_pin(fd, path))
			r = session_fail(c, errno, "cannot pin at %s", path);
	}
	close_fd_p(&cw.inner);
	return r;
}

/* --- the table ------------------------------------------------------------------------------- */

#define MAP_CMD(ident, ...) static const struct cmd map_##ident##_cmd = { __VA_ARGS__ }

MAP_CMD(show, .name = "show", .alias = "list", .args = "[MAP]",
	.help = "list maps, or show those that MAP names",
	.notes = "MAP := { id N | name N | pinned PATH }", .run = map_show);
MAP_CMD(create, .name = "create",
	.args = "PATH type TYPE key N value N entries N [name NAME] [flags N] [inner_map MAP]",
	.help = "create a map and pin it below /sys/fs/bpf, for this process", .run = map_create);
MAP_CMD(dump, .name = "dump", .args = "MAP", .help = "show all elements of a map",
	.notes = "By its BTF where it has one, else as bytes.", .run = map_dump);
MAP_CMD(lookup, .name = "lookup", .args = "MAP key DATA", .help = "show the element of a key",
	.notes = "DATA := [hex] BYTES, such as `hex 0a 00` or `10 0`.  Exit status 1: no such key.",
	.run = map_lookup);
MAP_CMD(getnext, .name = "getnext", .args = "MAP [key DATA]",
	.help = "show the key after a key, or the first", .run = map_getnext);
MAP_CMD(update, .name = "update", .args = "MAP key DATA value VALUE [any | exist | noexist]",
	.help = "set the value of a key",
	.notes = "VALUE := { DATA | MAP | PROG }; a per-CPU map gets it on every CPU.",
	.run = map_update);
MAP_CMD(delete, .name = "delete", .args = "MAP key DATA", .help = "remove an element",
	.run = map_delete);
MAP_CMD(peek, .name = "peek", .args = "MAP", .help = "show what a queue or a stack gives up next",
	.run = map_lookup);
MAP_CMD(push, .name = "push", .alias = "enqueue", .args = "MAP value VALUE [any | exist]",
	.help = "put a value into a queue, a stack or a bloom filter",
	.notes = "exist: a full one drops its oldest value.", .run = map_update);
MAP_CMD(pop, .name = "pop", .alias = "dequeue", .args = "MAP",
	.help = "take the next value out of a queue or a stack", .run = map_pop);
MAP_CMD(freeze, .name = "freeze", .args = "MAP", .help = "refuse further writes through bpf(2)",
	.run = map_freeze);
MAP_CMD(pin, .name = "pin", .args = "MAP PATH",
	.help = "give a map a name below /sys/fs/bpf, for this process", .run = map_pin);

static const struct cmd *const map_commands[] = {
	&map_show_cmd,	 &map_create_cmd, &map_dump_cmd, &map_lookup_cmd, &map_getnext_cmd,
	&map_update_cmd, &map_delete_cmd, &map_peek_cmd, &map_push_cmd,	  &map_pop_cmd,
	&map_freeze_cmd, &map_pin_cmd,	  NULL,
};

const struct cmd map_cmd = {
	.name = "map",
	.help = "maps: show, create, dump, lookup, update, delete, peek, push, pop, ...",
	.sub = map_commands,
};
