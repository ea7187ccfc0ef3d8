/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.c - see entry.h */
#include "bpf/entry.h"
#include "bpf/calls_int.h"
#include "bpf/glue.h"
#include "core/caller.h"
#include "core/core.h"
#include "core/view.h"

enum gives { GIVES_NO, GIVES_FD, GIVES_COPY, GIVES_BY_COMMAND };

typedef long (*entry_fn)(struct skep_kernel *k, const uint64_t a[ENTRY_ARGS], const char *path);

static long run_bpf(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_bpf(k, (int)a[0], a[1], (uint32_t)a[2], a[3], a[4]);
}

static long run_perf_open(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_perf_event_open(k, a[0], (pid_t)a[1], (int)a[2], a[3]);
}

static long run_perf_mmap(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_perf_mmap(k, (int)a[0], a[1], (int)a[2], (int)a[3], (off_t)a[4]);
}

static long run_perf_ioctl(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_perf_ioctl(k, (int)a[0], a[1], a[2]);
}

static long run_arena_mmap(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_arena_mmap(k, (int)a[0], a[1], a[2], (off_t)a[3]);
}

static long run_wait_fd(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return skep_kernel_wait_fd(k, (int)a[0]);
}

static long run_file(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return bpf_file_open(path);
}

static long run_iter(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_iter_open(k, path);
}

static long run_pin_type(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_pin_type(k, path);
}

static long run_pin_remove(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_unpin(k, path);
}

static long run_pin_mkdir(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_pin_mkdir(k, path);
}

static long run_pin_rmdir(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_pin_rmdir(k, path);
}

static long run_map_view(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_map_view(k, (int)a[0], a[1]);
}

static long run_closed(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	core_attachments_look(k);
	return 0;
}

static long run_segment(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_segment(k, a[0]);
}

static long run_prog_at(struct skep_kernel *k, const uint64_t *a, const char *path)
{
	return core_prog_at(k, (int)a[0]);
}

static const struct {
	entry_fn run;
	enum gives gives;
} entries[] = {
#define ENTRY(name, function, gives) [ENTRY_##name] = { run_##function, gives },
#include "bpf/entries.def"
#undef ENTRY
};

long entry_run(unsigned nr, const uint64_t a[ENTRY_ARGS], const char *path)
{
	struct skep_kernel *k = bpf_kernel();

	if (nr >= _ENTRY_MAX)
		return -EINVAL;
	return k ? entries[nr].run(k, a, path) : -ENOMEM;
}

bool entry_gives_fd(unsigned nr, const uint64_t a[ENTRY_ARGS], bool *ret_keep)
{
	const enum gives gives = nr < _ENTRY_MAX ? entries[nr].gives : GIVES_NO;

	*ret_keep = gives == GIVES_COPY;
	return gives == GIVES_BY_COMMAND ? core_gives_fd((int)a[0]) : gives != GIVES_NO;
}
