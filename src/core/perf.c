/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf.c - perf_event_open(2) and its descriptors, as far as programs write to them: software
 * events PERF_COUNT_SW_BPF_OUTPUT, one CPU each (kernel/events/core.c).
 *
 * A descriptor is an object like maps and programs; its memfd is the ring.  mmap(2) and ioctl(2)
 * on it come here first, from who stands between a program and its system calls.
 */
#include "core/core_int.h"
#include "core/probe.h"
#include "map/perf_event.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#define FLAGS_ALL \
	(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)

/* The caller's attributes, as perf_copy_attr() takes them: they have grown over time. */
static int copy_attr(uint64_t uattr, struct perf_event_attr *ret)
{
	uint32_t size;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (user_read(&size, uattr + offsetof(struct perf_event_attr, size), sizeof(size)))
		return -EFAULT;
	size = size ? size : PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0 || size > 4096) {
		size = sizeof(*ret);
		user_write(uattr + offsetof(struct perf_event_attr, size), &size, sizeof(size));
		return -E2BIG;
	}
	if (user_read(ret, uattr, MIN(size, sizeof(*ret))))
		return -EFAULT;
	err = size > sizeof(*ret) ? user_tail_zero(uattr, sizeof(*ret), size) : 0;
	return err;
}

/* Is it the kind that is here?  0, or -errno and the reason. */
static int check_attr(const struct call *c, const struct perf_event_attr *a, pid_t pid, int cpu,
		      unsigned long flags)
{
	if (flags & ~(unsigned long)FLAGS_ALL)
		return FAIL(c, -EINVAL, "flags 0x%lx are not for perf_event_open", flags);
	if (a->__reserved_2 || a->__reserved_3 || (pid == -1 && cpu == -1) || cpu < -1)
		return -EINVAL;
	if (cpu >= (int)c->k->vcpus->nr)
		return FAIL(c, -ENODEV, "there is no CPU %d", cpu);
	if (a->type != PERF_TYPE_SOFTWARE || a->config != PERF_COUNT_SW_BPF_OUTPUT)
		return FAIL(c, -EOPNOTSUPP, "perf events of type %u are not here", a->type);
	if (pid != -1 || cpu == -1 || flags & PERF_FLAG_PID_CGROUP)
		return FAIL(c, -EOPNOTSUPP, "events for programs' output are of a CPU, not a task");
	if (a->sample_type & ~(uint64_t)PERF_EVENT_SAMPLE_TYPES || a->sample_id_all ||
	    a->write_backward)
		return FAIL(c, -EOPNOTSUPP,
			    "samples have time, task, CPU and raw data, not sample_type 0x%llx",
			    (unsigned long long)a->sample_type);
	return 0;
}

long core_perf_event_open(struct skep_kernel *k, uint64_t uattr, pid_t pid, int cpu,
			  unsigned long flags)
{
	struct call c = { .k = k };
	_cleanup_(perf_event_put_p) struct perf_event *e = NULL;
	struct perf_event_opts opts;
	struct perf_event_attr a;
	int err = copy_attr(uattr, &a);
	long fd;

	if (!err && probe_is(&a)) {
		fd = probe_open(&c, &a, pid);
		if (fd >= 0 && !(flags & PERF_FLAG_FD_CLOEXEC))
			fcntl((int)fd, F_SETFD, 0);
		return fd;
	}
	if (!err)
		err = check_attr(&c, &a, pid, cpu, flags);
	if (err)
		return err;
	opts = (struct perf_event_opts){
		.cpu = cpu,
		.sample_type = a.sample_type,
		.wakeup = a.wakeup_events,
		.wakeup_bytes = a.watermark,
		.disabled = a.disabled,
	};
	err = perf_event_new(&opts, c.k->space, c.k->vcpus, &e);
	if (err)
		return err;
	fd = object_publish(&c, OBJ_PERF, e, e->area.fd, O_RDWR);
	if (fd < 0)
		return fd;
	TAKE_PTR(e);
	if (!(flags & PERF_FLAG_FD_CLOEXEC))
		fcntl((int)fd, F_SETFD, 0);
	return fd;
}

/* The event behind a descriptor; -ENOTTY for all others. */
static int find_event(struct skep_kernel *k, int fd, struct object_ref *ret)
{
	return object_get(k, fd, OBJ_PERF, ret) ? -ENOTTY : 0;
}

int core_perf_mmap(struct skep_kernel *k, int fd, size_t len, int prot, int flags, off_t off)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	int err = find_event(k, fd, &ref);

	if (err)
		return err;
	/* Of the parts that Linux knows, the AUX area is not here. */
	if (!(flags & MAP_SHARED) || off)
		return -EINVAL;
	return perf_event_map(ref.payload, len, prot & PROT_WRITE);
}

long core_perf_ioctl(struct skep_kernel *k, int fd, unsigned long request, uint64_t arg)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct perf_event *e;
	uint64_t id;
	struct call c = { .k = k };
	int err = find_event(k, fd, &ref);

	if (err && !object_get(k, fd, OBJ_PROBE, &ref))
		return probe_ioctl(&c, ref.payload, request, arg);
	if (err)
		return err;
	e = ref.payload;
	switch (request) {
	case PERF_EVENT_IOC_ENABLE:
	case PERF_EVENT_IOC_DISABLE:
		atomic_store(&e->enabled, request == PERF_EVENT_IOC_ENABLE);
		return 0;
	case PERF_EVENT_IOC_RESET:
		return 0;
	case PERF_EVENT_IOC_ID:
		id = e->id;
		return user_write(arg, &id, sizeof(id));
	case PERF_EVENT_IOC_PAUSE_OUTPUT:
		atomic_store(&e->paused, !!(uint32_t)arg);
		return 0;
	default:
		return -ENOTTY;
	}
}
