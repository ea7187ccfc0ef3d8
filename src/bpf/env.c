/* SPDX-License-Identifier: BSD-2-Clause */
/* env.c - what the environment says of a kernel (glue.h) */
#include "bpf/glue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *value;
	size_t off; /* of the int in the options */
	int means;
} words[] = {
#define WORD(name, value, field, means)                                      \
	{                                                                    \
		name, value, offsetof(struct skep_kernel_opts, field), means \
	}
	WORD("SKEP_ENGINE", "jit", engine, SKEP_ENGINE_JIT),
	WORD("SKEP_ENGINE", "interp", engine, SKEP_ENGINE_INTERP),
	WORD("SKEP_RIGHTS", "caller", rights, SKEP_RIGHTS_CALLER),
	WORD("SKEP_MODEL", "linux", model, SKEP_MODEL_LINUX),
};

static void trace(void *arg, const char *line, size_t n)
{
	fwrite(line, 1, n, stderr);
	fflush(stderr);
}

void bpf_kernel_opts(struct skep_kernel_opts *ret)
{
	*ret = (struct skep_kernel_opts){ .sz = sizeof(*ret) };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *value = getenv(words[i].name);

		if (value && !strcmp(value, words[i].value))
			*(int *)((char *)ret + words[i].off) = words[i].means;
	}
	if (getenv("SKEP_TRACE"))
		ret->trace = trace;
}
