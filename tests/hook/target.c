/* SPDX-License-Identifier: BSD-2-Clause */
/* target.c - a program that is probed: target CALLS [wait | fork | threads] */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

long work(long a, long b);

__attribute__((noinline)) long work(long a, long b)
{
	__asm__ volatile("");
	if (a % 7 == 3)
		return a - b;
	return a * 3 + b;
}

static long calls;

static void *run(void *arg)
{
	long sum = 0;

	for (long i = 0; i < calls; i++)
		sum += work(i, i / 2);
	return (void *)sum;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	pthread_t t[4];
	void *sum;
	char c;

	calls = argc > 1 ? atol(argv[1]) : 1;
	if (!strcmp(how, "wait")) {
		printf("ready\n");
		fflush(stdout);
		if (read(0, &c, 1) != 1)
			return 1;
	}
	if (!strcmp(how, "fork")) {
		if (fork() == 0) {
			run(NULL);
			_exit(0);
		}
		wait(NULL);
	}
	for (int i = 0; i < 4 && !strcmp(how, "threads"); i++)
		pthread_create(&t[i], NULL, run, NULL);
	for (int i = 0; i < 4 && !strcmp(how, "threads"); i++)
		pthread_join(t[i], NULL);
	sum = run(NULL);
	printf("%ld\n", (long)sum);
	return 0;
}
