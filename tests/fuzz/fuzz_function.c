/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_function.c - where probes go in a file that may be anything: eight bytes of an offset, then
 * the file.
 *
 * What is given lies in the file, and its bytes are the file's.
 */
#include "hook/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* What stands for it among others is its instruction alone. */
static void check_narrow(const struct site *s, const uint8_t *file, size_t size)
{
	struct site one;

	if (site_narrow(s, &one))
		return;
	must(one.trap && one.at == s->at && one.patch == s->at && !one.lead, "another place");
	must(one.size && one.at <= size && one.size <= size - one.at, "a site outside");
	must(!memcmp(one.text, file + one.at, one.size), "other bytes than the file's");
}

static void check(const struct sites *sites, const uint8_t *file, size_t size)
{
	vec_foreach (s, sites) {
		must(s->patch <= s->at && s->at - s->patch == s->lead, "a lead that is none");
		must(s->size >= site_bytes(s) && s->size <= SITE_TEXT && s->lead < s->size,
		     "a jump does not fit");
		must(s->patch <= size && s->size <= size - s->patch, "a site outside");
		must(!memcmp(s->text, file + s->patch, s->size), "other bytes than the file's");
		check_narrow(s, file, size);
	}
}

/* Around system calls: in the file, and none in another one's bytes within a function. */
static void look_at_calls(const char *path, const uint8_t *file, size_t size)
{
	struct text *t;

	if (text_read(path, &t, NULL))
		return;
	vec_foreach (s, &t->sites) {
		const struct site *b = &s->before, *a = &s->after;

		must(b->patch <= b->at && b->at - b->patch == b->lead, "a lead that is none");
		must(b->size >= site_bytes(b) && b->size <= SITE_TEXT, "a jump does not fit");
		must(b->at <= size && size - b->at >= 2 && file[b->at] == 0x0f &&
			     file[b->at + 1] == 5,
		     "no system call");
		must(b->around || b->size == b->lead, "what stays is not replaced");
		must(!memcmp(b->text, file + b->patch, b->size), "other bytes than the file's");
		check_narrow(b, file, size);
		if (!a->size)
			continue;
		must(a->at == b->at + 2 && a->patch == a->at, "not behind it");
		must(a->size >= JUMP_SIZE && a->patch <= size && a->size <= size - a->patch,
		     "a site outside");
	}
	text_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct function_file f = { 0 };
	uint64_t off[9];
	size_t n = 1;
	char path[40];
	int fd;

	if (size <= sizeof(off[0]))
		return 0;
	memcpy(off, data, sizeof(off[0]));
	data += sizeof(off[0]);
	size -= sizeof(off[0]);
	fd = memfd_create("file", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!function_file_open(&f, path, NULL)) {
		for (; n < ARRAY_SIZE(off) && n <= f.functions.n; n++)
			off[n] = f.functions.at[n - 1].off;
		for (size_t i = 0; i < n; i++) {
			for (int part = FUNCTION_HERE; part <= FUNCTION_RETURN_TRAPS; part++) {
				struct sites sites = { 0 };

				if (!function_sites(&f, off[i], (enum function_part)part, &sites,
						    NULL))
					check(&sites, data, size);
				vec_free(&sites);
			}
		}
		function_file_close(&f);
	}
	look_at_calls(path, data, size);
	close(fd);
	return 0;
}
