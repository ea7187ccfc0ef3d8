/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - runs a fuzz target on the files of a folder: the corpus as a regression test.
 *
 * One TAP line a file.  A file that crashes the target ends the process; its name is the last
 * that was printed.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool replay(const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st)) {
		perror(path);
		return false;
	}
	/* exactly as long as the file, so that a sanitizer sees a step beyond it */
	data = malloc((size_t)st.st_size + !st.st_size);
	if (!data)
		abort();
	n = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return true;
}

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entry;
	char path[4096];
	bool ok = true;
	int n;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	n = scandir(argv[1], &entry, is_file, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no files\n", argv[1]);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		bool good;

		snprintf(path, sizeof(path), "%s/%s", argv[1], entry[i]->d_name);
		good = replay(path);
		printf("%sok %d %s\n", good ? "" : "not ", i + 1, entry[i]->d_name);
		ok &= good;
		free(entry[i]);
	}
	free(entry);
	return ok ? 0 : 1;
}
