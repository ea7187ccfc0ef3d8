/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello.c - greets each program that is started while CMD runs: attaches hello.bpf.c by libbpf,
 * and knows nothing of Skep.  What it says is in trace_pipe, or on standard error by -t.
 *
 *	skep run -t -- hello OBJECT CMD [ARGS]
 */
#include "cmd.h"

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	struct cmd cmd;

	if (argc < 3 || argv[2][0] == '-')
		return usage(argv, "hello OBJECT CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach_all(obj) || !cmd_start(&cmd, argv + 2))
		return 1;
	return cmd_status(&cmd);
}
