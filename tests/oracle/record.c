/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - loads one program alone and says what the kernel made of it.
 *
 * The verdict is that of a load whose log holds statistics alone, because a log that does not fit
 * its buffer turns any verdict into ENOSPC; a second load brings the log of a rejected one.
 */
#include "oracle.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif

#define LOG_BYTES (8u << 20)
#define BIT(n)	  (UINT64_C(1) << (n))

/* BPF_LOG_*, which the UAPI lacks. */
#define LOG_FAILED_PATH 1
#define LOG_ALL_PATHS	2
#define LOG_STATS	4

#define LOG_US		"verification time "
#define LOG_INSNS	"\nprocessed "

int record_rounds;
const char *record_logs;

/* The linker's names for the function and its wrapper (--wrap=syscall). */
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

/* What the wrapped bpf(2) saw of the program of interest. */
static struct {
	const char *want; /* its name; the kernel keeps 15 bytes of it */
	int loads;	  /* PROG_LOAD calls */
	int err;	  /* errno of the first one, 0 when it was accepted */
	long us;	  /* what its verification took, by the log; -1: it does not say */
	long insns;	  /* instructions walked, likewise */
} seen;

/* The number behind the last `key` of a log. */
static long cost(const char *log, const char *key)
{
	const char *at = NULL;

	for (const char *next = log; (next = strstr(next, key)); next++)
		at = next;
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static int by_value(const void *a, const void *b)
{
	return (int)(*(const long *)a - *(const long *)b);
}

/* The median of so many more loads of what was just loaded: the first one finds caches cold. */
static long time_again(union bpf_attr *attr, long size, int rounds)
{
	long us[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		const long fd = __real_syscall(SYS_bpf, BPF_PROG_LOAD, attr, size);

		if (fd >= 0)
			close((int)fd);
		us[i] = cost((const char *)(uintptr_t)attr->log_buf, LOG_US);
	}
	qsort(us, (size_t)rounds, sizeof(us[0]), by_value);
	return us[rounds / 2];
}

static void first_load(union bpf_attr *attr, long size, int err)
{
	const char *log = (const char *)(uintptr_t)attr->log_buf;

	seen.err = err;
	seen.us = seen.insns = -1;
	if (!log || !attr->log_level)
		return;
	seen.us = cost(log, LOG_US);
	seen.insns = cost(log, LOG_INSNS);
	if (seen.us >= 0 && record_rounds)
		seen.us = time_again(attr, size, record_rounds);
}

long __wrap_syscall(long n, ...)
{
	long a[6], r;
	va_list ap;
	int e;

	va_start(ap, n);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	r = __real_syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
	e = errno;
	if (n == SYS_bpf && a[0] == BPF_PROG_LOAD && seen.want &&
	    !strncmp(((const union bpf_attr *)a[1])->prog_name, seen.want, BPF_OBJ_NAME_LEN - 1) &&
	    !seen.loads++)
		first_load((union bpf_attr *)a[1], a[2], r < 0 ? e : 0);
	errno = e;
	return r;
}

void json_quote(FILE *out, const char *s, size_t n)
{
	fputc('"', out);
	for (size_t i = 0; i < n && s[i]; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static int keep_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	uint64_t caps;

	if (__real_syscall(SYS_capget, &head, data))
		return -1;
	caps = (data[0].effective | (uint64_t)data[1].effective << 32) & keep;
	data[0].effective = (uint32_t)caps;
	data[1].effective = (uint32_t)(caps >> 32);
	return (int)__real_syscall(SYS_capset, &head, data);
}

/* The map types and flags that need no more than CAP_BPF, as the selftests' loader has them. */
static bool plain_map(const struct bpf_map *m)
{
	switch (bpf_map__type(m)) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return !(bpf_map__map_flags(m) & BPF_F_ZERO_SEED);
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_USER_RINGBUF:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		return true;
	default:
		return false;
	}
}

/* The object with item `nr`, and what it needs, to be loaded; NULL: libbpf will not. */
static struct bpf_object *open_for(const struct object *o, int nr, enum mode mode, char *log,
				   uint32_t level)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = o->item[nr].spec.btf_path);
	struct bpf_object *obj = bpf_object__open_file(o->path, &opts);
	struct bpf_program *p;
	struct bpf_map *m;
	int i = 0;

	if (!obj)
		return NULL;
	bpf_object__for_each_map(m, obj)
	{
		if (mode == MODE_BPF && !plain_map(m))
			bpf_map__set_autocreate(m, false);
	}
	bpf_object__for_each_program(p, obj)
	{
		const bool it = i == nr;

		bpf_program__set_autoload(p, it || (i < o->n && o->item[i].spec.aux[mode]));
		if (it) {
			bpf_program__set_log_buf(p, log, LOG_BYTES);
			bpf_program__set_log_level(p, level);
			bpf_program__set_flags(p, bpf_program__flags(p) | o->item[nr].spec.flags);
		}
		i++;
	}
	*log = '\0';
	return obj;
}

/* The last line of a log before the statistics. */
static void write_message(FILE *out, char *log)
{
	static const char *const stats[] = { "processed ", "verification time", "stack depth",
					     "insns processed" };
	const char *last = "";

	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		bool stat = false;

		for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
			stat |= !strncmp(line, stats[i], strlen(stats[i]));
		if (!stat)
			last = line;
	}
	fprintf(out, ",\"msg\":");
	json_quote(out, last, 400);
}

static const char *const mode_names[] = { "priv", "cap_bpf_only" };

/* The capabilities that a mode leaves; some tests are about one that the others have. */
static uint64_t mode_caps(const struct object *o, int nr, enum mode mode)
{
	if (mode == MODE_BPF)
		return ~(BIT(CAP_SYS_ADMIN) | BIT(CAP_PERFMON) | BIT(CAP_NET_ADMIN));
	if (!strcmp(o->base, "verifier_mtu.bpf.o"))
		return ~(BIT(CAP_SYS_ADMIN) | BIT(CAP_PERFMON));
	return o->item[nr].spec.tested[MODE_PRIV] || o->item[nr].spec.tested[MODE_BPF]
		       ? ~BIT(CAP_SYS_ADMIN)
		       : ~UINT64_C(0);
}

static const char *expectation(const struct spec *sp, enum mode mode)
{
	if (sp->is_aux)
		return "auxiliary";
	if (mode == MODE_PRIV && !sp->tested[mode])
		return "none";
	return sp->fail[mode] ? "reject" : "accept";
}

/* EPERM without a word: refused before verification, which says nothing of the program. */
static const char *verdict(int load_err, const char *log)
{
	if (!seen.loads)
		return load_err ? "prereq_fail" : "not_loaded";
	if (!seen.err)
		return "accept";
	return seen.err == EPERM && !*log ? "refused" : "reject";
}

/* The log of all paths, or its end, to DIR/object.program.mode. */
static void write_log(const struct object *o, int nr, enum mode mode, char *log)
{
	struct bpf_object *obj = open_for(o, nr, mode, log, LOG_ALL_PATHS);
	char path[512];
	FILE *f;

	bpf_object__load(obj);
	bpf_object__close(obj);
	snprintf(path, sizeof(path), "%s/%s.%s.%s", record_logs, o->base, o->item[nr].name,
		 mode_names[mode]);
	f = fopen(path, "w");
	if (!f || fputs(log, f) < 0 || fclose(f))
		perror(path);
}

void record(FILE *out, const struct object *o, int nr, enum mode mode)
{
	const struct item *it = &o->item[nr];
	char *log = calloc(1, LOG_BYTES);
	struct bpf_object *obj = log ? open_for(o, nr, mode, log, LOG_STATS) : NULL;
	int err;

	fprintf(out, "{\"file\":");
	json_quote(out, o->base, SIZE_MAX);
	fprintf(out, ",\"prog\":");
	json_quote(out, it->name, SIZE_MAX);
	fprintf(out, ",\"mode\":\"%s\",\"expected\":\"%s\"", mode_names[mode],
		expectation(&it->spec, mode));
	if (it->spec.other_arch || !obj) {
		fprintf(out, ",\"verdict\":\"%s\"}\n", obj ? "skip_arch" : "open_fail");
		return;
	}
	seen.want = it->name;
	if (keep_caps(mode_caps(o, nr, mode)))
		perror("capset");
	err = bpf_object__load(obj);
	fprintf(out, ",\"verdict\":\"%s\",\"errno\":%d", verdict(err, log),
		seen.loads ? seen.err : -err);
	if (seen.loads && seen.us >= 0)
		fprintf(out, ",\"us\":%ld,\"insns\":%ld", seen.us, seen.insns);
	if (seen.loads && seen.err) {
		struct bpf_object *again = open_for(o, nr, mode, log, LOG_FAILED_PATH | LOG_STATS);

		bpf_object__load(again);
		bpf_object__close(again);
		write_message(out, log);
	}
	fprintf(out, "}\n");
	bpf_object__close(obj);
	if (record_logs && seen.loads)
		write_log(o, nr, mode, log);
	free(log);
}
