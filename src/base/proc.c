/* SPDX-License-Identifier: BSD-2-Clause */
/* proc.c - see proc.h.  Hot. */
#include "base/proc.h"
#include "base/sys.h"

#include <fcntl.h>

void proc_task_path(char path[PROC_PATH], uint32_t tid, const char *file)
{
	static const char before[] = "/proc/";
	char digits[10], *to = path + sizeof(before) - 1;
	uint32_t n = 0;

	do
		digits[n++] = (char)('0' + tid % 10);
	while (tid /= 10);
	memcpy(path, before, sizeof(before));
	while (n)
		*to++ = digits[--n];
	*to++ = '/';
	while (*file && to < path + PROC_PATH - 1)
		*to++ = *file++;
	*to = '\0';
}

long proc_read(const char *path, char *text, size_t size)
{
	const long fd = sys_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long len;

	if (fd < 0)
		return fd;
	len = sys_call6(SYS_read, fd, (long)text, (long)size, 0, 0, 0);
	sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	return len;
}

/* Field 2 is the name: it may hold anything, but its parenthesis is the last one. */
int64_t proc_stat_field(const char *text, long len, int field)
{
	long at = len - 1;
	int64_t n = 0;

	while (at >= 0 && text[at] != ')')
		at--;
	for (int f = 2; at >= 0 && f < field; f++) {
		at++;
		while (at < len && text[at] != ' ')
			at++;
	}
	if (at < 0 || ++at >= len)
		return -1;
	for (; at < len && text[at] >= '0' && text[at] <= '9'; at++)
		n = n * 10 + (text[at] - '0');
	return at < len ? n : -1;
}
