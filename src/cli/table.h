/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - a map as a table for people.
 */
#ifndef SKEP_CLI_TABLE_H
#define SKEP_CLI_TABLE_H

#include "cli/mapio.h"

/**
 * Prints a heading and the elements of a map, up to `rows` of them: those with the greatest first
 * number first, arrays in order of the index and without elements that are all zero.  Numbers of
 * a per-CPU map are summed.  CLI_*.
 */
int table_print(struct cli *c, struct mapio *m, const char *name, uint32_t rows);

#endif
