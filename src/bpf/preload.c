/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload.c - the door for unmodified programs: libskep-bpf.so defines the names of calls.def
 * themselves and LD_PRELOAD puts it before the C library.
 *
 * The functions are defined under other names in C and get theirs by assembler labels, because
 * the C library's headers declare some of them variadic or with attributes of their own.
 *
 * The environment, set by `skep run`: with SKEP_HIVE=DIR the kernel is the one of that hive's
 * server, otherwise this process's own, as bpf_kernel_opts() says.
 */
#include "bpf/calls_int.h"
#include "bpf/door.h"
#include "bpf/glue.h"
#include "core/known.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <skep/skep.h>

struct real_calls bpf_real;

static void resolve(void)
{
#define CALL_BOTH(ret, name, params, args)    *(void **)&bpf_real.name = dlsym(RTLD_NEXT, #name);
#define CALL_PRELOAD(ret, name, params, args) *(void **)&bpf_real.name = dlsym(RTLD_NEXT, #name);
#include "bpf/calls.def"
}

static struct skep_kernel *preload_kernel;

static void make_kernel(void)
{
	struct skep_kernel_opts opts;

	bpf_kernel_opts(&opts);
	if (skep_kernel_new(&opts, &preload_kernel))
		preload_kernel = NULL;
}

/* Made when the program first asks for it: most programs never do. */
struct skep_kernel *bpf_kernel_default(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (door_hive())
		return NULL;
	pthread_once(&once, make_kernel);
	return preload_kernel;
}

static atomic_bool prepared;

/* Also runs before main, but constructors of other libraries may call before that. */
__attribute__((constructor)) static void prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, resolve);
	known_start();
	atomic_store(&prepared, true);
}

/* For each call, most of which are none of ours. */
static inline void be_prepared(void)
{
	if (unlikely(!atomic_load_explicit(&prepared, memory_order_acquire)))
		prepare();
}

/* The hive lives while its members do, whether they ask it for anything or not. */
__attribute__((constructor)) static void join(void)
{
	door_knock();
}

#define PRELOAD(ret, name, params, args)                   \
	SKEP_API ret preload_##name params __asm__(#name); \
	ret preload_##name params                          \
	{                                                  \
		be_prepared();                             \
		return call_##name args;                   \
	}
#define CALL_BOTH(ret, name, params, args)    PRELOAD(ret, name, params, args)
#define CALL_PRELOAD(ret, name, params, args) PRELOAD(ret, name, params, args)
#include "bpf/calls.def"
