/* SPDX-License-Identifier: BSD-2-Clause */
/* rows.c - prints what hook/cfi.c makes of a file: OFFSET KIND CFA FP a row. */
#include "hook/cfi.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	const int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct cfi cfi = { 0 };
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return 2;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED || cfi_read((struct bytes){ p, (size_t)st.st_size }, &cfi))
		return 1;
	vec_foreach (r, &cfi)
		printf("%u %u %u %u\n", r->off, r->kind, r->cfa, r->fp);
	vec_free(&cfi);
	return 0;
}
