/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog.c - `skep prog`: show, pin; load, run and dump have files of their own.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/ref.h"
#include "cli/session.h"

/* What `show` prints of one program. */
struct prog_facts {
	struct bpf_prog_info info;
	uint32_t map_ids[64]; /* those that info.nr_map_ids counts, as far as they fit */
	char name[128];	      /* full */
};

static int prog_facts(struct cli *c, int fd, struct prog_facts *ret)
{
	uint32_t len = sizeof(ret->info);

	*ret = (struct prog_facts){ 0 };
	ret->info.nr_map_ids = ARRAY_SIZE(ret->map_ids);
	ret->info.map_ids = (uintptr_t)ret->map_ids;
	if (bpf_obj_get_info_by_fd(fd, &ret->info, &len))
		return session_fail(c, errno, "cannot look at the program");
	ret->info.nr_map_ids = MIN(ret->info.nr_map_ids, (uint32_t)ARRAY_SIZE(ret->map_ids));
	ref_prog_name(fd, &ret->info, ret->name, sizeof(ret->name));
	return CLI_OK;
}

/* Seconds since 1970 of a time since boot. */
static time_t wall_time(uint64_t boot_ns)
{
	struct timespec now, boot;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return now.tv_sec - boot.tv_sec + (time_t)(boot_ns / 1000000000);
}

static const char *type_name(const struct bpf_prog_info *info)
{
	const char *name = libbpf_bpf_prog_type_str((enum bpf_prog_type)info->type);

	return name ? name : "unknown";
}

static cJSON *prog_json(const struct prog_facts *f)
{
	const struct bpf_prog_info *i = &f->info;
	cJSON *o = cJSON_CreateObject(), *ids;
	char tag[2 * BPF_TAG_SIZE + 1];

	for (size_t n = 0; n < BPF_TAG_SIZE; n++)
		snprintf(tag + 2 * n, 3, "%02x", i->tag[n]);
	json_u64(o, "id", i->id);
	json_string(o, "type", type_name(i));
	if (*f->name)
		json_string(o, "name", f->name);
	json_string(o, "tag", tag);
	json_bool(o, "gpl_compatible", i->gpl_compatible);
	if (i->run_time_ns) {
		json_u64(o, "run_time_ns", i->run_time_ns);
		json_u64(o, "run_cnt", i->run_cnt);
	}
	if (i->load_time) {
		json_s64(o, "loaded_at", wall_time(i->load_time));
		json_u64(o, "uid", i->created_by_uid);
	}
	json_bool(o, "orphaned", false);
	json_u64(o, "bytes_xlated", i->xlated_prog_len);
	json_bool(o, "jited", i->jited_prog_len != 0);
	if (i->jited_prog_len)
		json_u64(o, "bytes_jited", i->jited_prog_len);
	if (i->nr_map_ids) {
		ids = cJSON_AddArrayToObject(o, "map_ids");
		for (uint32_t n = 0; n < i->nr_map_ids; n++)
			cJSON_AddItemToArray(ids, json_number_u64(f->map_ids[n]));
	}
	if (i->btf_id)
		json_u64(o, "btf_id", i->btf_id);
	return o;
}

static void prog_print(const struct prog_facts *f)
{
	const struct bpf_prog_info *i = &f->info;
	char when[40] = "";
	time_t t = wall_time(i->load_time);
	struct tm tm;

	printf("%u: %s  ", i->id, type_name(i));
	if (*f->name)
		printf("name %s  ", f->name);
	printf("tag ");
	for (size_t n = 0; n < BPF_TAG_SIZE; n++)
		printf("%02x", i->tag[n]);
	printf("%s\n", i->gpl_compatible ? "  gpl" : "");
	if (i->load_time) {
		strftime(when, sizeof(when), "%FT%T%z", localtime_r(&t, &tm));
		printf("\tloaded_at %s  uid %u\n", when, i->created_by_uid);
	}
	printf("\txlated %uB", i->xlated_prog_len);
	if (i->jited_prog_len)
		printf("  jited %uB", i->jited_prog_len);
	else
		printf("  not jited");
	for (uint32_t n = 0; n < i->nr_map_ids; n++)
		printf("%s%u", n ? "," : "  map_ids ", f->map_ids[n]);
	printf("\n");
	if (i->btf_id)
		printf("\tbtf_id %u\n", i->btf_id);
}

static int show_one(struct cli *c, int fd, void *arg)
{
	struct prog_facts f;
	int r = prog_facts(c, fd, &f);

	if (r)
		return r;
	if (c->json)
		cJSON_AddItemToArray(c->answer, prog_json(&f));
	else
		prog_print(&f);
	return CLI_OK;
}

static int prog_show(struct cli *c, const void *conf, struct words *w)
{
	return ref_show(c, &ref_prog, w, show_one);
}

static int prog_pin(struct cli *c, const void *conf, struct words *w)
{
	return ref_pin(c, &ref_prog, w);
}

static const struct cmd prog_show_cmd = {
	.name = "show",
	.alias = "list",
	.args = "[PROG]",
	.help = "list programs, or show those that PROG names",
	.notes = "PROG := { id N | tag T | name N | pinned PATH }\n"
		 "What is loaded lives in this process: load it with -O, or in a batch.",
	.run = prog_show,
};

static const struct cmd prog_pin_cmd = {
	.name = "pin",
	.args = "PROG PATH",
	.help = "give a program a name below /sys/fs/bpf, for this process",
	.run = prog_pin,
};

static const struct cmd *const prog_commands[] = {
	&prog_run_cmd, &prog_load_cmd, &prog_show_cmd, &prog_dump_cmd, &prog_pin_cmd, NULL,
};

const struct cmd prog_cmd = {
	.name = "prog",
	.help = "programs: run, load, show, dump, pin",
	.sub = prog_commands,
};
