/* SPDX-License-Identifier: BSD-2-Clause */
/* late.c - a library that target.c brings when it runs already. */
__attribute__((visibility("default"))) long late(long a, long b);

long late(long a, long b)
{
	return a % 7 == 3 ? a - b : a * 3 + b;
}
