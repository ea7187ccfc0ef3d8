/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stacks.c - ways that lead to malloc(), through frames with frame pointers: 1,000 times 100 bytes
 * by outer() and inner(), 500 times 10 by inner() alone, once stdin ended.  Built as
 * it is written: each call is one, each function has a frame.
 */
#include <stdio.h>
#include <stdlib.h>

static void *volatile last;

static void inner(size_t n)
{
	last = malloc(n);
	free(last);
}

static void outer(size_t n)
{
	inner(n);
}

int main(void)
{
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (int i = 0; i < 1000; i++)
		outer(100);
	for (int i = 0; i < 500; i++)
		inner(10);
	return 0;
}
