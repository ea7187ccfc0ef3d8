/* SPDX-License-Identifier: BSD-2-Clause */
/* release.c - see release.h; the rows are releases.def. */
#include "model/release.h"

#include <stdlib.h>

#define NONE (-1)

static const struct row {
	uint16_t version;
	int16_t last[_RELEASE_LIST_MAX]; /* last number of each list, -1: it is empty */
} rows[] = {
#define LINUX(major, minor, ...) { RELEASE(major, minor), { __VA_ARGS__ } },
#include "model/releases.def"
};

uint16_t release_since(enum release_list list, uint32_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((int64_t)nr <= rows[i].last[list])
			return rows[i].version;
	return 0;
}

uint16_t release_since_flags(enum release_list list, uint32_t flags)
{
	return flags ? release_since(list, 31 - (uint32_t)__builtin_clz(flags)) : 0;
}

int release_parse(const char *text, uint16_t *ret)
{
	unsigned long major, minor;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	major = strtoul(text, &end, 10);
	if (end[0] != '.' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	minor = strtoul(end + 1, &end, 10);
	if (major >= 0xff || minor > 0xff || (*end && !strchr(".-+", *end)) ||
	    RELEASE(major, minor) < RELEASE_FIRST)
		return -EINVAL;
	*ret = (uint16_t)RELEASE(major, minor);
	return 0;
}
