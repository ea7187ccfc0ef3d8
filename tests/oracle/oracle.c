/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c - records verdicts: a line of JSON for each program of the objects and each mode that
 * its tags speak of.  Each load has a process of its own, which loses its rights and may hang.
 *
 * usage: oracle [-p] [-t ROUNDS] [-l DIR] OBJECT...
 *	-p	only says, by its status, whether the kernel takes programs
 *	-t	each load is repeated so often (up to 100 times), and "us" is the median
 *	-l	the log of all paths of each load goes to a file in DIR
 */
#include "oracle.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define SECONDS	  60 /* for one program */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

/* Does this kernel take the smallest of programs from us? */
static bool permitted(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "probe", "GPL", insns, 2, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void in_child(const struct object *o, int nr, enum mode mode)
{
	char *text = NULL;
	size_t len = 0;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		FILE *out = open_memstream(&text, &len);

		alarm(SECONDS);
		record(out, o, nr, mode);
		fclose(out);
		fwrite(text, 1, len, stdout);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		printf("{\"file\":\"%s\",\"prog\":\"%s\",\"mode\":\"%s\",\"verdict\":\"crash\"}\n",
		       o->base, o->item[nr].name, mode ? "cap_bpf_only" : "priv");
}

static void do_object(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	const char *slash = strrchr(path, '/');
	struct object o = { .path = path, .base = slash ? slash + 1 : path };
	struct bpf_program *p;

	if (!obj) {
		fprintf(stderr, "%s: libbpf cannot open it\n", path);
		return;
	}
	bpf_object__for_each_program(p, obj) o.n++;
	o.item = calloc((size_t)o.n + 1, sizeof(*o.item));
	if (!o.item)
		abort();
	o.n = 0;
	bpf_object__for_each_program(p, obj)
	{
		struct item *it = &o.item[o.n++];

		snprintf(it->name, sizeof(it->name), "%s", bpf_program__name(p));
		spec_read(bpf_object__btf(obj), it->name, &it->spec);
	}
	for (int i = 0; i < o.n; i++) {
		in_child(&o, i, MODE_PRIV);
		if (o.item[i].spec.tested[MODE_BPF] && !o.item[i].spec.is_aux)
			in_child(&o, i, MODE_BPF);
	}
	free(o.item);
	bpf_object__close(obj);
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	if (argc > 1 && !strcmp(argv[1], "-p"))
		return !permitted();
	if (argc > 2 && !strcmp(argv[1], "-t")) {
		record_rounds = MIN(MAX(atoi(argv[2]), 0), ROUNDS_MAX);
		argc -= 2;
		argv += 2;
	}
	if (argc > 2 && !strcmp(argv[1], "-l")) {
		record_logs = argv[2];
		argc -= 2;
		argv += 2;
	}
	/* What a kernel in this process makes ready on its first load, children need not again. */
	permitted();
	for (int i = 1; i < argc; i++)
		do_object(argv[i]);
	return 0;
}
