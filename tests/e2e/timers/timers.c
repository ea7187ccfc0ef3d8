/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.c - runs the programs of timers.bpf.c and waits for what they armed.  Plain libbpf: on
 * every kernel it must print the same.
 */
#include "tests/e2e/notes.h"

#include <time.h>
#include <unistd.h>

#define KEYS 16

static void sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static __u64 fired(__u32 key)
{
	return __atomic_load_n(&variable("fired")[key], __ATOMIC_ACQUIRE);
}

/* What was called, when that is as often as it should be, or, where nothing should be, when it
 * would have been. */
static void show(const __u64 want[KEYS])
{
	for (int ms = 0; want && ms < 5000; ms++) {
		__u32 key = 0;

		while (key < KEYS && fired(key) >= want[key])
			key++;
		if (key == KEYS)
			break;
		sleep_ms(1);
	}
	sleep_ms(want ? 10 : 300);
	for (__u32 key = 0; key < KEYS; key++)
		if (fired(key))
			printf("\tkey %u: called %llu times, saw %llu\n", key, fired(key),
			       variable("seen")[key]);
	memset(variable("fired"), 0, KEYS * sizeof(__u64));
}

int main(int argc, char **argv)
{
	static const __u64 once[KEYS] = { [1] = 1, 1, 1, 3, 1, 1, 1, 1 }, work[KEYS] = { [9] = 3 };

	if (!load_notes(argc, argv))
		return 1;
	run("refuses");
	run("fires");
	show(once);
	run("leaves");
	show(NULL);
	run("evicts");
	show(NULL);
	run("arms");
	for (__u32 key = 0; key < 4; key++)
		printf("deleted: %d\n", bpf_map_delete_elem(map_fd("hash"), &key));
	show(NULL);
	run("use_work");
	show(work);
	/* What is armed when everything goes. */
	run("arms");
	bpf_object__close(obj);
	return 0;
}
