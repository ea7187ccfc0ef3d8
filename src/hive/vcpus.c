/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpus.c - the making of slots, see vcpu.h.  Cold. */
#include "hive/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define HWCAP2_RDFSBASE (1ul << 1) /* of x86: <asm/hwcap2.h> */

uint32_t vcpus_possible(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	unsigned first = 0, last = 0;
	uint32_t nr = 0;

	/* A list of ranges such as "0-1" or "0,2-3". */
	while (f && fscanf(f, "%u", &first) == 1) {
		last = first;
		if (fscanf(f, "-%u", &last) < 0)
			last = first;
		nr = last + 1;
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
	if (nr == 0) {
		long n = sysconf(_SC_NPROCESSORS_CONF);

		nr = n > 0 ? (uint32_t)n : 1;
	}
	return nr;
}

/* What the machine lets user space ask itself. */
static void find_ways(struct vcpus *v)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;

	v->rdpid = __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & bit_RDPID;
	v->fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_RDFSBASE;
#endif
}

int vcpus_init(struct vcpus *v, struct space *space, uint32_t nr)
{
	const size_t size = nr * sizeof(struct vcpu);
	struct vcpu *slot = space ? space_alloc(space, HIVE_DATA, size)
				  : aligned_alloc(_Alignof(struct vcpu), size);

	if (!slot)
		return -ENOMEM;
	memset(slot, 0, size);
	for (uint32_t i = 0; i < nr; i++) {
		atomic_store_explicit(&slot[i].epoch, 2, memory_order_relaxed);
		slot[i].prandom[0] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
		slot[i].prandom[1] = (uint64_t)(uintptr_t)&slot[i] | 1;
	}
	find_ways(v);
	v->asked = space ? &space_data(space)->asked : NULL;
	v->bell = space ? &space_data(space)->bell : NULL;
	v->slot = slot;
	v->nr = nr;
	return 0;
}

void vcpus_fini(struct vcpus *v, struct space *space)
{
	if (space)
		space_give(space, HIVE_DATA, v->slot, v->nr * sizeof(struct vcpu));
	else
		free(v->slot);
	v->slot = NULL;
	v->nr = 0;
}
