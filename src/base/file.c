/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c - see file.h */
#include "base/file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fill(int fd, uint8_t *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		const ssize_t n = pread(fd, to + at, size - at, (off_t)at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int file_read(int fd, struct bytes *ret)
{
	struct stat st;
	size_t size;
	void *p;
	int err;

	if (fstat(fd, &st))
		return -errno;
	size = (size_t)st.st_size;
	if (!size)
		return -ENODATA;
	/* Pages, which go back to the machine: there are files of a hundred megabytes. */
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	err = fill(fd, p, size);
	if (err)
		munmap(p, size);
	else
		*ret = (struct bytes){ p, size };
	return err;
}

void file_free(struct bytes *b)
{
	if (b->size)
		munmap((void *)b->data, b->size);
	*b = (struct bytes){ 0 };
}
