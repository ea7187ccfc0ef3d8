/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c - the files through which libbpf and its users learn about the kernel, as our kernel
 * has them.
 *
 * Each open makes a memfd with the text of that moment: the reader gets an ordinary descriptor
 * that it can seek, map and stat, and nothing is kept here.
 */
#include "bpf/calls_int.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <skep/skep.h>

#include "base/alloc.h"
#include "bpf/door.h"
#include "bpf/glue.h"
#include "core/core.h"
#include "core/probe.h"
#include "helper/helper.h"
#include "model/event.h"

static int write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* /sys/kernel/btf/vmlinux */
static int fill_btf(int fd)
{
	struct skep_kernel *k = bpf_kernel();
	size_t size;
	const void *data = k ? core_kernel_btf(k, &size) : NULL;

	return data ? write_all(fd, data, size) : -ENOENT;
}

/* /boot/config-RELEASE, where libbpf looks up `extern ... CONFIG_X __kconfig`. */
static int fill_kconfig(int fd)
{
	static const char text[] = "CONFIG_64BIT=y\n"
				   "CONFIG_BPF=y\n"
				   "CONFIG_BPF_SYSCALL=y\n"
				   "CONFIG_BPF_JIT=y\n"
				   "CONFIG_BPF_EVENTS=y\n"
				   "CONFIG_DEBUG_INFO_BTF=y\n"
				   "CONFIG_NET=y\n"
				   "CONFIG_INET=y\n"
				   "CONFIG_HZ_250=y\n"
				   "CONFIG_HZ=250\n"
				   "CONFIG_LOCALVERSION=\"-skep\"\n";

	return write_all(fd, text, sizeof(text) - 1);
}

/*
 * /proc/kallsyms.  The kernel shows a helper call as an offset from __bpf_call_base, and readers
 * of `dump xlated` turn it into a name by this file.  Our instructions keep the helper's number,
 * so the symbol of helper n stands n bytes after the base.
 */
#define CALL_BASE UINT64_C(0xffffffff81000000)
#define FUNC_BASE (CALL_BASE + 0x10000)

typedef void (*put_fn)(FILE *f);

static int fill_by(int fd, put_fn put)
{
	FILE *f;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r;

	if (copy < 0)
		return -errno;
	f = fdopen(copy, "w");
	if (!f) {
		r = -errno;
		close(copy);
		return r;
	}
	put(f);
	return fclose(f) ? -EIO : 0;
}

/* The kernel's functions: where they are nobody may know, but that they are. */
static void put_symbols(FILE *f)
{
	struct skep_kernel *k = bpf_kernel();
	const char *name;
	uint32_t id = 0;

	fprintf(f, "%016llx T __bpf_call_base\n", (unsigned long long)CALL_BASE);
	for (uint32_t helper = 1; helper < helper_id_count(); helper++)
		if (helper_name(helper))
			fprintf(f, "%016llx T bpf_%s\n", (unsigned long long)CALL_BASE + helper,
				helper_name(helper));
	while (k && (name = core_kernel_function(k, &id)))
		fprintf(f, "%016llx T %s\n", (unsigned long long)FUNC_BASE + 16 * id, name);
}

static int fill_kallsyms(int fd)
{
	return fill_by(fd, put_symbols);
}

/* Those that kprobes may be at. */
static void put_probed(FILE *f)
{
	static const char calls[] = "__x64_sys_";
	struct skep_kernel *k = bpf_kernel();
	const char *name;
	uint32_t id = 0;

	while (k && (name = core_kernel_function(k, &id)))
		if (!strncmp(name, calls, sizeof(calls) - 1))
			fprintf(f, "%s\n", name);
}

static int fill_probed(int fd)
{
	return fill_by(fd, put_probed);
}

/* The dynamic PMU of uprobes. */
static int fill_uprobe_type(int fd)
{
	static const char text[] = { '0' + PROBE_UPROBE_TYPE, '\n' };

	return write_all(fd, text, sizeof(text));
}

static int fill_uprobe_retprobe(int fd)
{
	return write_all(fd, "config:0\n", 9);
}

static int fill_uprobe_ref_ctr(int fd)
{
	return write_all(fd, "config:32-63\n", 13);
}

static int fill_kprobe_type(int fd)
{
	static const char text[] = { '0' + PROBE_KPROBE_TYPE, '\n' };

	return write_all(fd, text, sizeof(text));
}

/* Nobody's: probes are made by perf_event_open(2); tools look here for what they would remove. */
static int fill_events(int fd)
{
	(void)fd;
	return 0;
}

#define TRACING	   "/sys/kernel/tracing/"
#define DEBUG	   "/sys/kernel/debug/tracing/"
#define KPROBE_PMU "/sys/bus/event_source/devices/kprobe/"
#define UPROBE_PMU "/sys/bus/event_source/devices/uprobe/"

static int open_trace(void)
{
	struct skep_kernel *k = bpf_kernel();

	return k ? core_trace_open(k) : -ENODEV;
}

static const struct kernel_file {
	const char *path;
	bool released;	     /* the name of the release follows */
	int (*fill)(int fd); /* writes the text; 0 or -errno */
	int (*open)(void);   /* instead: what it is */
} kernel_files[] = {
	{ "/sys/kernel/btf/vmlinux", false, fill_btf },
	{ "/boot/config-", true, fill_kconfig },
	{ "/proc/kallsyms", false, fill_kallsyms },
	{ TRACING "trace_pipe", false, NULL, open_trace },
	{ DEBUG "trace_pipe", false, NULL, open_trace },
	{ TRACING "available_filter_functions", false, fill_probed },
	{ DEBUG "available_filter_functions", false, fill_probed },
	{ TRACING "kprobe_events", false, fill_events },
	{ TRACING "uprobe_events", false, fill_events },
	{ DEBUG "kprobe_events", false, fill_events },
	{ DEBUG "uprobe_events", false, fill_events },
	{ KPROBE_PMU "type", false, fill_kprobe_type },
	{ KPROBE_PMU "format/retprobe", false, fill_uprobe_retprobe },
	{ UPROBE_PMU "type", false, fill_uprobe_type },
	{ UPROBE_PMU "format/retprobe", false, fill_uprobe_retprobe },
	{ UPROBE_PMU "format/ref_ctr_offset", false, fill_uprobe_ref_ctr },
};

static bool file_fits(const struct kernel_file *file, const char *path)
{
	const size_t n = strlen(file->path);

	if (!file->released || strncmp(path, file->path, n))
		return !strcmp(path, file->path);
	return door_release() && !strcmp(path + n, door_release());
}

static const struct kernel_file *file_find(const char *path)
{
	for (size_t i = 0; path && i < ARRAY_SIZE(kernel_files); i++)
		if (file_fits(&kernel_files[i], path))
			return &kernel_files[i];
	return NULL;
}

/* --- tracepoints ------------------------------------------------------------------------------ */

/* events/GROUP/NAME/FILE of tracefs: the event, and FILE; or NULL. */
static const char *find_event(const char *path, struct model_event *ret)
{
	static const char *const roots[] = { TRACING "events/", DEBUG "events/" };
	const char *end = path ? strrchr(path, '/') : NULL;

	for (size_t i = 0; end && i < ARRAY_SIZE(roots); i++) {
		const size_t n = strlen(roots[i]);

		if (!strncmp(path, roots[i], n) && end > path + n &&
		    model_event_by_name(path + n, (size_t)(end - path) - n, ret))
			return end + 1;
	}
	return NULL;
}

/* Those that are refused have an id, by which they are asked for, and no format. */
static bool is_of_event(const char *file, const struct model_event *e)
{
	return file &&
	       (!strcmp(file, "id") || (!strcmp(file, "format") && !model_event_refusal(e->id)));
}

static int fill_event(int fd, const struct model_event *e, const char *file)
{
	char text[4096];
	struct strbuf to = { text, sizeof(text), 0 };

	if (!strcmp(file, "id"))
		strbuf_add(&to, "%u\n", e->id);
	else
		model_event_format(e, &to);
	return write_all(fd, text, to.len);
}

/* Below one of these are all of ours: most files that are opened are elsewhere. */
static bool is_far(const char *path)
{
	static const char *const roots[] = { "/sys/", "/proc/", "/boot/" };

	for (size_t i = 0; path && i < ARRAY_SIZE(roots); i++)
		if (!strncmp(path, roots[i], strlen(roots[i])))
			return false;
	return true;
}

bool bpf_file_is(const char *path)
{
	struct model_event e;

	if (is_far(path))
		return false;
	return file_find(path) || is_of_event(find_event(path, &e), &e);
}

int bpf_file_open(const char *path)
{
	const struct kernel_file *file = file_find(path);
	_cleanup_(close_fd_p) int fd = -1;
	struct model_event e;
	const char *part = file ? NULL : find_event(path, &e);
	int r;

	if (!file && !is_of_event(part, &e))
		return -ENOENT;
	if (file && file->open)
		return file->open();
	fd = memfd_create(path, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = file ? file->fill(fd) : fill_event(fd, &e, part);
	if (r)
		return r;
	if (fchmod(fd, 0444) || lseek(fd, 0, SEEK_SET))
		return -errno;
	return TAKE_FD(fd);
}
