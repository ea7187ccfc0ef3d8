/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vars.h - sets a program's global variables before it is loaded.
 */
#ifndef SKEP_CLI_VARS_H
#define SKEP_CLI_VARS_H

#include "cli/cli.h"

struct bpf_object;

/** "NAME=NUMBER[,NAME=NUMBER]...": integers of .rodata, .data and .bss by name. CLI_*. */
int vars_set(struct cli *c, struct bpf_object *obj, const char *list);

#endif
