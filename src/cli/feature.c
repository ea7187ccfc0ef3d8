/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feature.c - `skep feature`: what this kernel has, read off the tables that it works by.
 */
#include <bpf/libbpf.h>

#include "cli/commands.h"
#include "helper/helper.h"
#include "hive/vcpu.h"
#include "isa/isa.h"
#include "jit/jit.h"
#include "map/map.h"
#include "model/model.h"
#include "prog/prog.h"

/* A list of names that is printed as text or becomes an array. */
struct list {
	struct cli *c;
	cJSON *array; /* in JSON */
	int column;   /* where text stands */
};

static struct list list_begin(struct cli *c, const char *title, const char *key)
{
	struct list l = { .c = c };

	if (c->json)
		l.array = cJSON_AddArrayToObject(c->answer, key);
	else
		printf("\n%s\n ", title);
	return l;
}

static void list_add(struct list *l, const char *name)
{
	int n = (int)strlen(name) + 1;

	if (l->array) {
		cJSON_AddItemToArray(l->array, cJSON_CreateString(name));
		return;
	}
	if (l->column + n > 78) {
		printf("\n ");
		l->column = 0;
	}
	printf(" %s", name);
	l->column += n;
}

static void list_end(const struct list *l)
{
	if (!l->array)
		printf("\n");
}

static void fact(struct cli *c, const char *key, const char *title, const char *value)
{
	if (c->json)
		json_string(c->answer, key, value);
	else
		printf("%-14s %s\n", title, value);
}

static void facts(struct cli *c)
{
	char cpus[16];

	snprintf(cpus, sizeof(cpus), "%u", vcpus_possible());
	fact(c, "version", "skep", SKEP_VERSION);
	fact(c, "kernel", "kernel", MODEL_RELEASE);
	fact(c, "engine", "engine",
	     jit_available() ? "jit; interp with --interp"
			     : "interp: no compiler for this machine");
	fact(c, "cpus", "CPUs", cpus);
	fact(c, "verification", "verification",
	     "every path with every value, as Linux: memory, numbers, references, loops, stack");
	fact(c, "memory_safety", "",
	     "by the verifier; with --interp every access is checked again as it happens");
	fact(c, "attach", "attach", "none: programs are run over packets and by PROG_TEST_RUN");
	fact(c, "scope", "objects",
	     "live in the process that made them; under `skep run` in the hive");
}

static void lists(struct cli *c)
{
	struct list l = list_begin(c, "program types that run", "program_types_run");

	for (uint32_t t = 0; t < prog_type_count(); t++)
		if (prog_type(t)->loadable && prog_type(t)->test_run)
			list_add(&l, prog_type(t)->name);
	list_end(&l);

	l = list_begin(c, "program types that load only", "program_types_load");
	for (uint32_t t = 0; t < prog_type_count(); t++)
		if (prog_type(t)->loadable && !prog_type(t)->test_run)
			list_add(&l, prog_type(t)->name);
	list_end(&l);

	l = list_begin(c, "map types", "map_types");
	for (uint32_t t = 0; t < map_type_count(); t++)
		if (map_type(t) && map_type(t)->sys)
			list_add(&l, map_type(t)->name);
	list_end(&l);

	l = list_begin(c, "helpers", "helpers");
	for (uint32_t id = 1; id < helper_id_count(); id++)
		if (helper_by_id(id))
			list_add(&l, helper_by_id(id)->name);
	list_end(&l);

	l = list_begin(c, "kfuncs", "kfuncs");
	for (uint32_t i = 0; kfunc_at(i); i++)
		list_add(&l, kfunc_at(i)->name);
	list_end(&l);
}

static int feature(struct cli *c, const void *conf, struct words *w)
{
	int r = words_end(c, w);

	if (r)
		return r;
	if (c->json)
		c->answer = cJSON_CreateObject();
	facts(c);
	lists(c);
	return CLI_OK;
}

const struct cmd feature_cmd = {
	.name = "feature",
	.args = "",
	.help = "what this kernel has: engines, program and map types, helpers",
	.run = feature,
};
