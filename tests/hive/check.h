/* SPDX-License-Identifier: BSD-2-Clause */
/* check.h - what a case of a hive's processes demands: else it says so, and has failed. */
#ifndef SKEP_TESTS_HIVE_CHECK_H
#define SKEP_TESTS_HIVE_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("# %s:%d: %s (%s)\n", __func__, __LINE__, #cond, strerror(errno)); \
			return 1;                                                                 \
		}                                                                                 \
	} while (0)

#endif
