/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - the command `skep`: eBPF without the kernel.
 *
 * The kernel lives in this process: what a command loads is gone when it ends.  `skep -O OBJ`
 * loads an object before the command, `skep batch` runs many commands in one process.
 */
#include <bpf/btf.h>

#include "cli/commands.h"
#include "cli/session.h"

int main(int argc, char **argv)
{
	struct cli c = { 0 };
	int r = cmd_dispatch(&c, cli_commands, "", argc - 1, argv + 1);

	cli_flush(&c, stdout);
	session_free(c.session);
	btf__free(c.types);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "Error: cannot write the answer\n");
		return CLI_FAILED;
	}
	return r;
}
