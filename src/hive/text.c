/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - see text.h */
#include "hive/text.h"

static const struct text_pair *settled;
static size_t settled_n;

void text_settle(const struct text_pair *pairs, size_t n)
{
	settled = pairs;
	settled_n = n;
}

const void *text_at(const void *p)
{
	size_t lo = 0, hi = settled_n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;

		if ((uintptr_t)settled[mid].here < (uintptr_t)p)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < settled_n && settled[lo].here == p ? settled[lo].there : p;
}
