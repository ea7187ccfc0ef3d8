/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h - files whose owners may change them at any time.
 */
#ifndef SKEP_BASE_FILE_H
#define SKEP_BASE_FILE_H

#include "base/bytes.h"

/**
 * A copy of the file, to be freed by file_free().  Not a mapping: who reads one of a file that is
 * cut off meanwhile gets SIGBUS (mmap(2)).  What is written meanwhile may be in it or not.
 *
 * 0; -ENODATA: it is empty; -ENOMEM; -EIO: it became shorter; the errors of fstat(2), pread(2).
 */
int file_read(int fd, struct bytes *ret);

/** Frees it, and makes it empty.  Of an empty one nothing. */
void file_free(struct bytes *b);

#endif
