/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt.c - a program with a static probe, skep:hit, that it comes to a number of times.
 *
 *	usdt CALLS	prints the sum of what it hands the probe, and how often somebody probed
 *	usdt CALLS wait	first says "ready" and waits for a byte; then waits until nobody does
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned short skep_hit_semaphore __attribute__((section(".probes")));

static int is_probed(void)
{
	return *(volatile unsigned short *)&skep_hit_semaphore;
}

int main(int argc, char **argv)
{
	const long calls = argc > 1 ? atol(argv[1]) : 1;
	const int waits = argc > 2 && !strcmp(argv[2], "wait");
	long sum = 0, probed = 0;
	char c;

	if (waits) {
		puts("ready");
		fflush(stdout);
		if (read(0, &c, 1) != 1)
			return 1;
	}
	for (long i = 0; i < calls; i++) {
		probed += is_probed();
		DTRACE_PROBE2(skep, hit, i, (short)-i);
		sum += i;
	}
	printf("sum %ld probed %ld\n", sum, probed);
	fflush(stdout);
	for (int i = 0; i < 100 && waits && is_probed(); i++)
		usleep(50000);
	if (waits)
		puts(is_probed() ? "probed still" : "probed no more");
	return 0;
}
