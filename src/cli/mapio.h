/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapio.h - a map opened for reading its elements: what `map dump` and the report of `prog run`
 * share.
 */
#ifndef SKEP_CLI_MAPIO_H
#define SKEP_CLI_MAPIO_H

#include <bpf/btf.h>
#include <linux/bpf.h>

#include "cli/cli.h"

struct mapio {
	int fd; /* borrowed */
	struct bpf_map_info info;
	struct btf *btf; /* of keys and values, or NULL */
	uint32_t cpus;	 /* values per element: possible CPUs of a per-CPU type, else 1 */
	uint32_t stride; /* bytes from one CPU's value to the next */
	uint8_t *key;	 /* info.key_size bytes */
	uint8_t *value;	 /* cpus * stride bytes */
	bool key_valid;	 /* for mapio_next */
};

/** Reads what the map is.  The caller closes with mapio_fini. CLI_*. */
int mapio_init(struct cli *c, int fd, struct mapio *ret);
void mapio_fini(struct mapio *m);

/** Moves to the first, then the next element: 1 and key and value are filled, 0 at the end. */
int mapio_next(struct mapio *m, int *ret_lookup_err);

/** { "key": ..., "value": ... } by BTF, "values" by CPU for a per-CPU type; m->btf is there. */
cJSON *mapio_formatted(const struct mapio *m, bool plain);
/** The element as bpftool's JSON has it: bytes, and "formatted" where there is BTF. */
cJSON *mapio_json(const struct mapio *m);

static inline bool holds_progs(const struct bpf_map_info *i)
{
	return i->type == BPF_MAP_TYPE_PROG_ARRAY;
}

static inline bool holds_maps(const struct bpf_map_info *i)
{
	return i->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || i->type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/** bpftool's word for a map type. */
const char *map_type_word(uint32_t type);

#endif
