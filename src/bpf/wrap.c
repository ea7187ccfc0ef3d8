/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wrap.c - the door for programs that link libbpf statically: -Wl,--wrap=NAME turns libbpf's
 * calls of NAME into __wrap_NAME, and __real_NAME is the C library's.
 *
 * The real ones are weak: a program that wraps fewer names than calls.def has still links, and
 * what it does not wrap never comes here.
 */
#include "bpf/calls_int.h"
#include "bpf/door.h"
#include "core/known.h"

#include <skep/skep.h>

#define CALL_BOTH(ret, name, params, args) extern ret __real_##name params __attribute__((weak));
#define CALL_WRAP(ret, name, params, args) extern ret __real_##name params __attribute__((weak));
#include "bpf/calls.def"

struct real_calls bpf_real = {
#define CALL_BOTH(ret, name, params, args) .name = __real_##name,
#define CALL_WRAP(ret, name, params, args) .name = __real_##name,
#include "bpf/calls.def"
};

/* Where the program wraps fewer names than there are, descriptors end unseen. */
__attribute__((constructor)) static void know(void)
{
	if (__real_close && __real_dup2 && __real_dup3 && __real_close_range && __real_closefrom)
		known_start();
}

struct skep_kernel *bpf_kernel_default(void)
{
	return skep_kernel_self();
}

/* zlib's own open cannot be wrapped from outside; a preload sees it. */
gzFile call_gzopen64(const char *path, const char *mode)
{
	int fd;
	gzFile f;

	if (!bpf_file_is(path))
		return bpf_real.gzopen64(path, mode);
	fd = (int)DOOR(ENTRY_FILE, path, 0);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	f = gzdopen(fd, mode);
	if (!f)
		close(fd);
	return f;
}

#define WRAP(ret, name, params, args)      \
	SKEP_API ret __wrap_##name params; \
	ret __wrap_##name params           \
	{                                  \
		return call_##name args;   \
	}
#define CALL_BOTH(ret, name, params, args) WRAP(ret, name, params, args)
#define CALL_WRAP(ret, name, params, args) WRAP(ret, name, params, args)
#include "bpf/calls.def"
