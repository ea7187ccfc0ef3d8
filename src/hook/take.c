/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * take.c - see take.h
 *
 * Who leaves must not have a thread that is in what goes, or comes back to it.  There it is by its
 * address; in a program's run, whose vCPU says so; or in the handler of a signal that came between,
 * whose frame on the stack says where it returns to.  Return addresses of ours are taken back
 * first.
 */
#include "hook/take.h"
#include "agent/agent.h"
#include "hive/place.h"
#include "inject/permit.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* --- whose it is ------------------------------------------------------------------------------ */

static bool read_head(int mem, uint64_t at, struct hive_head *ret)
{
	return pread(mem, ret, sizeof(*ret), (off_t)at) == sizeof(*ret) &&
	       ret->magic == HIVE_MEM_MAGIC;
}

bool memory_is_ours(int mem, struct space *space)
{
	struct hive_head head;
	int32_t server;

	/* A hive that ended may have been at the same place. */
	return read_head(mem, space_base(space) + HIVE_META_AT, &head) &&
	       head.base == space_base(space) &&
	       pread(mem, &server, sizeof(server),
		     (off_t)(space_base(space) + HIVE_META_AT +
			     offsetof(struct hive_meta, server))) == sizeof(server) &&
	       server == getpid();
}

static int open_memory(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool process_is_ours(const struct process *p, struct space *space)
{
	_cleanup_(close_fd_p) int mem = open_memory(p->pid);

	return mem >= 0 && memory_is_ours(mem, space);
}

/* Does that process have the file mapped?  A server does, as long as it lives. */
static bool maps_file(pid_t pid, const struct image_file *file)
{
	struct images m = { 0 };
	bool ret = false;

	if (!images_read(&m, pid, NULL))
		vec_foreach (i, &m)
			ret |= i->file.dev == file->dev && i->file.ino == file->ino;
	images_fini(&m);
	return ret;
}

/* The server of a hive whose memory the process has, as a member that asked for it has; 0. */
static pid_t server_by_memory(pid_t pid, struct space *space)
{
	_cleanup_(close_fd_p) int mem = open_memory(pid);
	struct images m = { 0 };
	struct hive_head head;
	int32_t server, ret = 0;

	if (mem < 0 || images_read(&m, pid, NULL))
		return 0;
	vec_foreach (i, &m) {
		if (ret || i->start < HIVE_BASE_LOW || !i->shared ||
		    !read_head(mem, i->start, &head) || head.segment != HIVE_META ||
		    pread(mem, &server, sizeof(server),
			  (off_t)(i->start + offsetof(struct hive_meta, server))) != sizeof(server))
			continue;
		if (server != getpid() && server > 0 && maps_file(server, &i->file))
			ret = server;
	}
	images_fini(&m);
	return ret;
}

/* The folder of the hive that its environment names; "" where it names none. */
static void hive_of(pid_t pid, char *ret, size_t n)
{
	static const char name[] = "SKEP_HIVE=";
	_cleanup_(skep_free_p) char *line = NULL;
	char path[32];
	size_t cap = 0;
	FILE *f;

	*ret = '\0';
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	f = fopen(path, "re");
	while (f && getdelim(&line, &cap, '\0', f) > 0)
		if (!strncmp(line, name, sizeof(name) - 1))
			snprintf(ret, n, "%s", line + sizeof(name) - 1);
	if (f)
		fclose(f);
}

static int elsewhere(pid_t pid, const char *name, struct skep_diag *d)
{
	diag_set(d, -EEXIST, SKEP_AT_NONE, 0, "process %d is in hive %s already", pid, name);
	diag_hint(d, "skep hive enter %s leads there; a process is in one hive", name);
	return -EEXIST;
}

int take_look(pid_t pid, struct space *space, const char *dir, unsigned flags,
	      struct skep_diag *reterr_diag)
{
	int err = permit_look(pid, flags, reterr_diag), fd;
	char other[PATH_MAX], name[HIVE_NAME_MAX + 1] = "?";
	pid_t server;

	if (err)
		return err;
	hive_of(pid, other, sizeof(other));
	if (*other && strcmp(other, dir)) {
		fd = hive_connect(other);
		if (fd >= 0) {
			close(fd);
			return elsewhere(pid, strrchr(other, '/') + 1, reterr_diag);
		}
	}
	server = server_by_memory(pid, space);
	if (!server)
		return 0;
	hive_name_of(server, name);
	return elsewhere(pid, name, reterr_diag);
}

/* --- leaving ---------------------------------------------------------------------------------- */

#define STACK_MAX  ((uint64_t)1 << 20) /* of a thread, as far as signals' frames are sought */
#define STACK_PART ((size_t)4096)

/* What goes: rows of the process's memory. */
static bool goes(const struct still *s, const struct image *i, uint64_t base)
{
	if (i->start >= base && i->end <= base + HIVE_RANGE)
		return i->shared || i->end <= base + HIVE_DATA_AT ||
		       i->start >= base + HIVE_DESK_AT;
	if (i->file.ino || i->write || !i->exec || i->name[0])
		return false;
	return patches_in(&s->p->patches, i->start, i->end);
}

static bool is_in_it(const struct still *s, uint64_t at, uint64_t base)
{
	const struct image *i = images_at(&s->images, at);

	return i && goes(s, i, base);
}

/* The C library's way out of a handler: mov $15,%rax; syscall.  Its address begins a frame. */
static bool is_restorer(const struct still *s, uint64_t at)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	const struct image *i = images_at(&s->images, at);
	uint8_t there[sizeof(code)];

	return i && i->exec && !tracee_read(&s->t, at, there, sizeof(there)) &&
	       !memcmp(there, code, sizeof(code));
}

/* Does the frame of a signal begin there, whose handler came while the thread was in what goes? */
static bool interrupted(const struct still *s, uint64_t frame, uint64_t base)
{
	const uint64_t regs = frame + 8 + offsetof(ucontext_t, uc_mcontext.gregs);
	uint64_t rip = 0, rsp = 0;

	tracee_read(&s->t, regs + REG_RIP * sizeof(greg_t), &rip, sizeof(rip));
	tracee_read(&s->t, regs + REG_RSP * sizeof(greg_t), &rsp, sizeof(rsp));
	return is_in_it(s, rip, base) || is_in_it(s, rsp, base);
}

static bool stack_leads_back(const struct still *s, uint64_t sp, uint64_t base)
{
	const struct image *stack = images_at(&s->images, sp);
	const uint64_t end = stack ? MIN(stack->end, sp + STACK_MAX) : 0;
	uint64_t part[STACK_PART / 8], restorer = 0;

	for (uint64_t at = sp & ~UINT64_C(7); at < end; at += sizeof(part)) {
		const size_t n = MIN(sizeof(part), end - at) / 8;

		if (tracee_read(&s->t, at, part, n * 8))
			return true;
		for (size_t i = 0; i < n; i++) {
			if (part[i] != restorer && !is_restorer(s, part[i]))
				continue;
			restorer = part[i];
			if (restorer && interrupted(s, at + i * 8, base))
				return true;
		}
	}
	return false;
}

/* Is a thread of it in a run, or was it in one that nobody ended? */
static bool is_running(const struct still *s, struct space *space)
{
	const struct vcpus *v = &space_meta(space)->vcpus;
	const struct hive_data *d = space_data(space);

	for (uint32_t i = 0; i < v->nr; i++) {
		const uint32_t m = vcpu_who_member(atomic_load(&v->slot[i].owner));

		if (m && m <= HIVE_MEMBERS && atomic_load(&d->member[m - 1]) == (uint32_t)s->p->pid)
			return true;
	}
	return false;
}

bool still_is_inside(const struct still *s, struct space *space)
{
	const uint64_t base = space_base(space);

	vec_foreach (th, &s->t)
		if (is_in_it(s, th->regs.rip, base) || is_in_it(s, th->regs.rsp, base) ||
		    stack_leads_back(s, th->regs.rsp, base))
			return true;
	return false;
}

static int unmap(struct still *s, uint64_t start, uint64_t end)
{
	const uint64_t args[6] = { start, end - start };
	int64_t ret = 0;
	int err = tracee_syscall(&s->t, SYS_munmap, args, &ret, NULL);

	return err ? err : (int)ret;
}

int still_leave(struct still *s, struct space *space)
{
	const struct agent_door *door = agent_of(space);
	uint64_t ret = 0;
	int err;

	if (is_running(s, space) || still_is_inside(s, space))
		return -EAGAIN;
	err = tracee_call(&s->t, (uintptr_t)door->leave, 0, 0, &ret, NULL);
	vec_foreach (i, &s->images)
		if (!err && goes(s, i, space_base(space)))
			err = unmap(s, i->start, i->end);
	return err;
}
