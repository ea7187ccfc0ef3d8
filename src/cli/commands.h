/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - the commands: each file hands one to the tables.
 */
#ifndef SKEP_CLI_COMMANDS_H
#define SKEP_CLI_COMMANDS_H

#include "cli/cli.h"

/** The first level (commands.c). */
extern const struct cmd *const cli_commands[];

extern const struct cmd prog_cmd, map_cmd, btf_cmd, feature_cmd, cc_cmd, batch_cmd, run_cmd,
	exec_cmd, hive_cmd, trace_pipe_cmd, verify_cmd, attach_cmd, doctor_cmd;
extern const struct cmd prog_run_cmd, prog_load_cmd, prog_dump_cmd;

/** libskep-bpf.so beside this executable, else where it is installed; 0 or -errno (run.c). */
int find_preload(char *buf, size_t n);

/** A shell in the hive takes this process's place; returns where that fails (run.c). */
int hive_enter(struct cli *c, const char *name);

#endif
