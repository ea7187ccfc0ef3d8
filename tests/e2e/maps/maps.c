/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs maps.bpf.c step by step and prints what every program returned and saw: whatever kernel is
 * below, the text is to be the same.  An ordinary user of libbpf.
 *
 * usage: maps OBJECT
 */
#include "tests/e2e/notes.h"

/* Numbers from `first` on, each with its square behind it; 0: a sample is discarded. */
static void produce(struct user_ring_buffer *rb, __u64 first, int n)
{
	for (int i = 0; i < n; i++) {
		__u64 *sample = user_ring_buffer__reserve(rb, 16);

		if (!sample) {
			printf("full: %d\n", errno);
			return;
		}
		sample[0] = first + i;
		sample[1] = (first + i) * (first + i);
		if (first + i)
			user_ring_buffer__submit(rb, sample);
		else
			user_ring_buffer__discard(rb, sample);
	}
}

static void ring(void)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(map_fd("samples"), NULL);

	if (!rb) {
		printf("no ring: %d\n", errno);
		return;
	}
	run("drain");
	produce(rb, 0, 6);
	/* It stops at 3, with one discarded before. */
	run("drain");
	run("drain");
	*variable("flags") = 4;
	run("drain");
	*variable("flags") = BPF_RB_FORCE_WAKEUP;
	/* Round the end, where a header may stand alone. */
	for (int i = 0; i < 40; i++)
		produce(rb, 10, 7), run("drain");
	produce(rb, 100, 171);
	produce(rb, 300, 1);
	for (int i = 0; i < 5; i++)
		run("drain");
	/* Told of the room that there is again. */
	printf("blocking: %d\n", !user_ring_buffer__reserve_blocking(rb, 4000, 1000));
	user_ring_buffer__free(rb);
}

/* The loopback interface, and a queue on the first CPU. */
static void targets(void)
{
	const __u32 key = 1, value[2] = { 1, 0 };

	printf("targets: %d", bpf_map_update_elem(map_fd("devices"), &key, value, 0));
	printf(" %d", bpf_map_update_elem(map_fd("devices_hash"), &key, value, 0));
	printf(" %d\n", bpf_map_update_elem(map_fd("sockets"), &key, value, 0));
	run("use_devices");
	run("use_devices_hash");
	run("use_cpus");
	run("use_sockets");
	run("see_devices");
}

int main(int argc, char **argv)
{
	if (!load_notes(argc, argv))
		return 1;
	run("use_queue");
	run("use_stack");
	run("use_bloom");
	run("use_trie");
	targets();
	ring();
	bpf_object__close(obj);
	return 0;
}
