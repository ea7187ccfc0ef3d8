/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "tests/harness/test.h"

#include <sys/mman.h>
#include <unistd.h>

#define SIZE 100000

static int file_of(size_t size)
{
	const int fd = memfd_create("file", MFD_CLOEXEC);
	uint8_t byte = 1;

	if (fd >= 0 &&
	    (ftruncate(fd, (off_t)size) || (size && pwrite(fd, &byte, 1, size - 1) != 1)))
		return -1;
	return fd;
}

TEST(files_are_copied)
{
	_cleanup_(close_fd_p) int fd = file_of(SIZE);
	struct bytes b = { 0 };

	ASSERT(fd >= 0);
	ASSERT_EQ(file_read(fd, &b), 0);
	ASSERT_EQ(b.size, SIZE);
	/* What is left of the file: a mapping would end us here. */
	ASSERT_EQ(ftruncate(fd, 0), 0);
	ASSERT(bytes_zero(b.data, SIZE - 1) && b.data[SIZE - 1] == 1);
	file_free(&b);
	ASSERT(!b.data && !b.size);
	file_free(&b);
}

TEST(files_that_cannot_be_copied)
{
	_cleanup_(close_fd_p) int empty = file_of(0);
	_cleanup_(close_fd_p) int huge = memfd_create("huge", MFD_CLOEXEC);
	struct bytes b = { 0 };
	int ends[2];

	ASSERT(empty >= 0 && huge >= 0);
	ASSERT_EQ(file_read(empty, &b), -ENODATA);
	ASSERT_EQ(ftruncate(huge, INT64_C(1) << 50), 0);
	ASSERT_EQ(file_read(huge, &b), -ENOMEM);
	ASSERT_EQ(file_read(-1, &b), -EBADF);
	ASSERT_EQ(pipe(ends), 0);
	ASSERT_EQ(file_read(ends[0], &b), -ENODATA);
	close(ends[0]);
	close(ends[1]);
	ASSERT(!b.data);
}
