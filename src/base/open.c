/* SPDX-License-Identifier: BSD-2-Clause */
/* open.c - descriptors of other processes, see sys.h.  Hot. */
#include "base/sys.h"

#include <fcntl.h>

static char *put_number(char *to, uint32_t n)
{
	char digits[10];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while (n /= 10);
	while (i)
		*to++ = digits[--i];
	return to;
}

int sys_open_of(uint32_t pid, int fd, int flags)
{
	char path[40], *to = path;

	memcpy(to, "/proc/", 6);
	to = put_number(to + 6, pid);
	memcpy(to, "/fd/", 4);
	*put_number(to + 4, (uint32_t)fd) = '\0';
	return (int)sys_call6(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0, 0);
}
