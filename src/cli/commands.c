/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.c - the table of commands.
 */
#include "cli/commands.h"

const struct cmd *const cli_commands[] = {
	&verify_cmd, &prog_cmd, &map_cmd,  &btf_cmd,	    &feature_cmd, &cc_cmd,     &batch_cmd,
	&run_cmd,    &exec_cmd, &hive_cmd, &trace_pipe_cmd, &attach_cmd,  &doctor_cmd, NULL,
};
