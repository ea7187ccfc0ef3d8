/* SPDX-License-Identifier: BSD-2-Clause */
/* time.c - clocks */
#include "helper/helper_int.h"

#define NSEC 1000000000u
#define HZ   250 /* of the kernel that programs see: CONFIG_HZ */
/* The kernel's counter starts five minutes before it wraps 32 bits (INITIAL_JIFFIES). */
#define JIFFIES_AT_BOOT (uint64_t)(uint32_t)(-300 * HZ)

HELPER_FN(ktime_get_ns)
{
	return clock_ns(CLOCK_MONOTONIC);
}

HELPER_FN(ktime_get_boot_ns)
{
	return clock_ns(CLOCK_BOOTTIME);
}

HELPER_FN(ktime_get_tai_ns)
{
	return clock_ns(CLOCK_TAI);
}

HELPER_FN(ktime_get_coarse_ns)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

HELPER_FN(jiffies64)
{
	return JIFFIES_AT_BOOT + clock_ns(CLOCK_MONOTONIC_COARSE) / (NSEC / HZ);
}
