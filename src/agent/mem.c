/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.c - the functions that a compiler takes for granted (C17 7.24, and clang bcmp(3)).  Words for
 * what is short, which nearly everything is; the string instructions beyond.
 */
#include "base/base.h"

#define SHORT 128 /* bytes; a string instruction takes as long to begin */

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

/* In every loop here, or a compiler sees what it does and calls the very function. */
#define OPAQUE() __asm__ volatile("")

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int bcmp(const void *a, const void *b, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	if (n > SHORT) {
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n)::"memory");
		return to;
	}
	for (; n >= 8; n -= 8, d += 8, s += 8) {
		*(word *)d = *(const word *)s;
		OPAQUE();
	}
	for (; n; n--) {
		*d++ = *s++;
		OPAQUE();
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(to, from, n);
	while (n--) {
		d[n] = s[n];
		OPAQUE();
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	const uint64_t all = (uint8_t)c * UINT64_C(0x0101010101010101);
	uint8_t *d = to;

	if (n > SHORT) {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
		return to;
	}
	for (; n >= 8; n -= 8, d += 8) {
		*(word *)d = all;
		OPAQUE();
	}
	for (; n; n--) {
		*d++ = (uint8_t)c;
		OPAQUE();
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n >= 8 && *(const word *)x == *(const word *)y; n -= 8)
		x += 8, y += 8;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

int bcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
}
