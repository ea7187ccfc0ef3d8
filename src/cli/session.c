/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.c - one process, one kernel: opened when a command first needs it.
 *
 * libbpf talks through one callback of the process.  Its warnings are kept while a call runs and
 * shown when that fails, as the context of our own message; with --debug all of it is shown at
 * once.
 */
#include "cli/session.h"

#include <bpf/btf.h>
#include <stdarg.h>
#include <stdlib.h>

#include <skep/skep.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "bpf/glue.h"
#include "cli/objcheck.h"

struct session {
	struct skep_kernel *kernel; /* answers bpf(2) of this process */
	struct {
		VEC(struct bpf_object *);
	} objects; /* loaded, in order */
};

/* libbpf's callback has no argument, so what it says is kept here: see the head of the file. */
static struct {
	bool debug; /* print at once */
	char *text; /* warnings since libbpf_begin(), or NULL */
	size_t len;
	FILE *stream; /* writes text */
} libbpf_says;

static int libbpf_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (libbpf_says.debug)
		return vfprintf(stderr, fmt, args);
	if (level != LIBBPF_WARN || !libbpf_says.stream)
		return 0;
	return vfprintf(libbpf_says.stream, fmt, args);
}

static void libbpf_end(void)
{
	if (libbpf_says.stream)
		fclose(TAKE_PTR(libbpf_says.stream));
	free(TAKE_PTR(libbpf_says.text));
}

static void libbpf_begin(void)
{
	libbpf_end();
	libbpf_says.stream = open_memstream(&libbpf_says.text, &libbpf_says.len);
}

/* The warnings since libbpf_begin, without the last newline. */
const char *session_libbpf_text(void)
{
	if (!libbpf_says.stream || fflush(libbpf_says.stream) || !libbpf_says.text)
		return "";
	while (libbpf_says.len && libbpf_says.text[libbpf_says.len - 1] == '\n')
		libbpf_says.text[--libbpf_says.len] = '\0';
	return libbpf_says.text;
}

static void trace_line(void *arg, const char *line, size_t n)
{
	fwrite(line, 1, n, stderr);
	if (n && line[n - 1] != '\n')
		fputc('\n', stderr);
}

static int kernel_open(struct cli *c)
{
	struct skep_kernel_opts opts = {
		.sz = sizeof(opts),
		.engine = c->interp ? SKEP_ENGINE_INTERP : SKEP_ENGINE_DEFAULT,
		.rights = c->unprivileged ? SKEP_RIGHTS_BPF : SKEP_RIGHTS_ALL,
		.trace = trace_line,
		.model = c->judge ? SKEP_MODEL_LINUX : SKEP_MODEL_SELF,
		.release = c->release,
	};
	__u32 size = 0;
	int r;

	if (c->types) {
		opts.btf = btf__raw_data(c->types, &size);
		opts.btf_size = size;
	}

	c->session = skep_alloc(sizeof(*c->session));
	if (!c->session)
		return cli_oom(c);
	r = skep_kernel_new(&opts, &c->session->kernel);
	if (r) {
		skep_free(TAKE_PTR(c->session));
		return session_fail(c, r, "cannot make a kernel");
	}
	bpf_kernel_set(c->session->kernel);
	libbpf_says.debug = c->debug;
	libbpf_set_print(libbpf_print);
	return CLI_OK;
}

int session_open(struct cli *c)
{
	struct load_how how = { .path = c->object };
	struct bpf_object *obj;
	int r;

	if (c->session)
		return CLI_OK;
	r = kernel_open(c);
	if (r || !c->object)
		return r;
	return session_load(c, &how, &obj);
}

struct skep_kernel *session_kernel(const struct cli *c)
{
	return c->session->kernel;
}

int session_types(struct cli *c, const char *path)
{
	struct skep_diag d = { 0 };

	char text[512];

	if (objcheck_btf(path, &d)) {
		diag_format(&d, text, sizeof(text));
		return cli_fail(c, "%s: %s", path, text);
	}
	c->types = btf__parse(path, NULL);
	if (!c->types)
		return cli_fail(c, "%s: no BTF can be read from it: %s", path, strerror(errno));
	return CLI_OK;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	vec_foreach (obj, &s->objects)
		bpf_object__close(*obj);
	vec_free(&s->objects);
	bpf_kernel_set(NULL);
	skep_kernel_free(s->kernel);
	skep_free(s);
	libbpf_end();
}

int session_fail(struct cli *c, int err, const char *fmt, ...)
{
	const char *why = skep_last_error(), *said = session_libbpf_text();
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	cli_fail(c, "%s: %s%s%s%s%s", text ? text : "failed", strerror(err < 0 ? -err : err),
		 *why ? "\n  " : "", why, *said ? "\n" : "", said);
	free(text);
	return CLI_FAILED;
}

static int set_types(struct cli *c, struct bpf_object *obj, const struct load_how *how)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		if (how->type != BPF_PROG_TYPE_UNSPEC)
			bpf_program__set_type(prog, how->type);
		else if (bpf_program__type(prog) == BPF_PROG_TYPE_UNSPEC)
			return cli_fail(
				c,
				"%s: program '%s': section '%s' does not tell the type "
				"(name it after one, such as SEC(\"xdp\"), or say 'type xdp')",
				how->path, bpf_program__name(prog),
				bpf_program__section_name(prog));
	}
	return CLI_OK;
}

int session_open_object(struct cli *c, const char *path, struct bpf_object **ret)
{
	struct skep_diag d = { 0 };
	struct bpf_object *obj;

	if (objcheck(path, &d))
		return cli_diag(c, &d);
	libbpf_begin();
	obj = bpf_object__open_file(path, NULL);
	/* libbpf 1.1 hands out, as if it were an object, an error that is no errno. */
	if ((uintptr_t)obj > UINTPTR_MAX - INT32_MAX) {
		obj = NULL;
		errno = EINVAL;
	}
	if (!obj)
		return session_fail(c, errno, "cannot open %s", path);
	*ret = obj;
	return CLI_OK;
}

int session_load(struct cli *c, const struct load_how *how, struct bpf_object **ret)
{
	struct bpf_object **slot, *obj = NULL;
	int r = session_open(c);

	if (!r)
		r = session_open_object(c, how->path, &obj);
	if (r)
		return r;
	slot = vec_push(&c->session->objects);
	if (!slot) {
		bpf_object__close(obj);
		return cli_oom(c);
	}
	*slot = obj;
	r = set_types(c, obj, how);
	if (!r && how->prepare)
		r = how->prepare(c, obj, how->arg);
	if (r)
		return r;
	r = bpf_object__load(obj);
	if (r)
		return session_fail(c, r, "cannot load %s", how->path);
	libbpf_end();
	*ret = obj;
	return CLI_OK;
}
