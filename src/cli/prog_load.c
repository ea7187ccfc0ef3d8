/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog_load.c - `skep prog load`: does the kernel take this object?
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cli/commands.h"
#include "cli/ref.h"
#include "cli/session.h"

struct load_conf {
	bool all; /* --all: every program of the object is pinned, below PATH */
};

/* The words after OBJ and PATH. */
struct load_words {
	struct words map_args; /* all `map ...` clauses are read again in prepare() */
	const char *pinmaps;   /* folder to pin the maps in, or NULL */
	const char *type;      /* section name that tells the type, or NULL */
};

/* map { idx N | name NAME } MAP: an existing map instead of the object's own. */
static int reuse_map(struct cli *c, struct bpf_object *obj, struct words *w)
{
	_cleanup_(close_fd_p) int fd = -1;
	struct bpf_map *map = NULL;
	const char *word;
	uint64_t nr;
	int r;

	if (words_accept(w, "idx")) {
		word = words_take(c, w, "the map's index");
		if (!word || words_number(c, word, "idx", INT32_MAX, &nr))
			return CLI_USAGE;
		bpf_object__for_each_map(map, obj) if (!nr--) break;
	} else if (words_accept(w, "name")) {
		word = words_take(c, w, "the map's name");
		if (!word)
			return CLI_USAGE;
		map = bpf_object__find_map_by_name(obj, word);
	} else {
		return cli_usage(c, "map { idx N | name NAME } MAP");
	}
	if (!map)
		return cli_fail(c, "the object has no map %s", word);
	r = ref_one(c, &ref_map, w, &fd);
	if (r)
		return r;
	r = bpf_map__reuse_fd(map, fd);
	return r ? session_fail(c, r, "cannot use that map as %s", bpf_map__name(map)) : CLI_OK;
}

static int prepare(struct cli *c, struct bpf_object *obj, void *arg)
{
	struct words w = ((struct load_words *)arg)->map_args;
	int r = CLI_OK;

	while (r == CLI_OK && w.n) {
		if (words_accept(&w, "map"))
			r = reuse_map(c, obj, &w);
		else if (words_accept(&w, "pinmaps") || words_accept(&w, "type"))
			r = words_take(c, &w, "the value") ? CLI_OK : CLI_USAGE;
		else
			r = words_end(c, &w);
	}
	return r;
}

static int pin_progs(struct cli *c, struct bpf_object *obj, const char *path, bool all)
{
	struct bpf_program *prog = bpf_object__next_program(obj, NULL);
	int r;

	if (all)
		r = bpf_object__pin_programs(obj, path);
	else
		r = bpf_obj_pin(bpf_program__fd(prog), path) ? -errno : 0;
	return r ? session_fail(c, r, "cannot pin at %s", path) : CLI_OK;
}

static int answer_load(struct cli *c, const char *path, struct bpf_object *obj)
{
	struct bpf_prog_info info;
	struct bpf_program *prog;
	cJSON *o;

	if (c->json)
		c->answer = cJSON_CreateArray();
	bpf_object__for_each_program(prog, obj)
	{
		uint32_t len = sizeof(info);

		info = (struct bpf_prog_info){ 0 };
		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			continue;
		if (c->json) {
			o = cJSON_CreateObject();
			json_u64(o, "id", info.id);
			json_string(o, "name", bpf_program__name(prog));
			json_u64(o, "bytes_xlated", info.xlated_prog_len);
			json_u64(o, "bytes_jited", info.jited_prog_len);
			cJSON_AddItemToArray(c->answer, o);
			continue;
		}
		printf("%s: loaded %s as program %u: %u instructions", path,
		       bpf_program__name(prog), info.id, info.xlated_prog_len / 8);
		printf(info.jited_prog_len ? ", %u bytes of machine code\n" : ", interpreted\n",
		       info.jited_prog_len);
	}
	return CLI_OK;
}

/* Reads what prepare() will not: the options that hold for the whole object. */
static int scan_words(struct cli *c, struct words w, struct load_words *lw)
{
	lw->map_args = w;
	while (w.n) {
		if (words_accept(&w, "pinmaps"))
			lw->pinmaps = words_take(c, &w, "the folder");
		else if (words_accept(&w, "type"))
			lw->type = words_take(c, &w, "the type");
		else if (words_accept(&w, "map"))
			w = (struct words){ w.at + MIN(w.n, 4), w.n - MIN(w.n, 4) };
		else
			return words_end(c, &w);
	}
	return CLI_OK;
}

static int prog_load(struct cli *c, const void *conf, struct words *w)
{
	const struct load_conf *lc = conf;
	struct load_words lw = { 0 };
	struct load_how how = { .prepare = prepare, .arg = &lw };
	enum bpf_attach_type attach;
	const char *pin = NULL;
	struct bpf_object *obj;
	int r;

	how.path = words_take(c, w, "the object file");
	if (!how.path)
		return CLI_USAGE;
	if (w->n && strchr(*w->at, '/'))
		pin = words_take(c, w, "the path");
	r = scan_words(c, *w, &lw);
	if (r)
		return r;
	if (lw.type && libbpf_prog_type_by_name(lw.type, &how.type, &attach))
		return cli_usage(c, "unknown program type '%s' (such as xdp, tc, socket)", lw.type);
	r = session_load(c, &how, &obj);
	if (r)
		return r;
	if (!bpf_object__next_program(obj, NULL))
		return cli_fail(c, "%s holds no program", how.path);
	r = pin ? pin_progs(c, obj, pin, lc->all) : CLI_OK;
	if (!r && lw.pinmaps) {
		r = bpf_object__pin_maps(obj, lw.pinmaps);
		if (r)
			return session_fail(c, r, "cannot pin maps in %s", lw.pinmaps);
	}
	return r ? r : answer_load(c, how.path, obj);
}

static const struct opt load_opts[] = {
	OPT(struct load_conf, all, opt_flag, "all", 'a',
	    .help = "PATH is a folder: pin every program there by its name"),
	{ 0 },
};

const struct cmd prog_load_cmd = {
	.name = "load",
	.args = "OBJ [PATH] [type TYPE] [map { idx N | name NAME } MAP]... [pinmaps DIR]",
	.help = "load an object's maps and programs, and say how that went",
	.notes = "PATH has a '/' in it and lies below /sys/fs/bpf.",
	.opts = load_opts,
	.conf_size = sizeof(struct load_conf),
	.run = prog_load,
};
