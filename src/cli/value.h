/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.h - shows bytes as values of a BTF type: as JSON, in bpftool's shape, and as cells of a
 * table for people.
 */
#ifndef SKEP_CLI_VALUE_H
#define SKEP_CLI_VALUE_H

#include <bpf/btf.h>

#include "cli/cli.h"

/**
 * The n bytes at data as type `id`.  Values that lie beyond n, and types that have no value, are
 * null.  NULL only when memory is out.
 *
 * @param plain  enumerators and pointers as text ("0x10"), as bpftool's plain output has them
 */
cJSON *value_json(const struct btf *btf, uint32_t id, const void *data, size_t n, bool plain);

/* One cell: a scalar, a string, an address, or bytes that are shown as such. */
struct value_cell {
	char name[64];	  /* path of members: "key.src.port" */
	uint32_t type;	  /* BTF id, 0: plain bytes */
	uint32_t off;	  /* bytes from the start of the value */
	uint32_t size;	  /* bytes */
	uint8_t bit_off;  /* of a bit field, from the byte at off */
	uint8_t bit_size; /* 0: no bit field */
};

/**
 * Cuts type `id` into cells, in order; up to max of them.  Returns how many there are, or -E2BIG
 * for more than max, -EINVAL for a type without a size.
 */
int value_cells(const struct btf *btf, uint32_t id, const char *name, struct value_cell *cells,
		int max);

/** Text of a cell of the value at data; true where it is a number (which stands on the right). */
bool value_text(const struct btf *btf, const struct value_cell *cell, const void *data, char *buf,
		size_t n);
/** The number in a cell: false where it is none. */
bool value_number(const struct btf *btf, const struct value_cell *cell, const void *data,
		  uint64_t *ret);

#endif
