/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start.c - what helpers ask the kernel for once, before main: the vDSO's clock, and memory that a
 * fork empties.  Cold.
 *
 * Hot code must not enter libc, not even for the time: it may run inside malloc, or in a process
 * whose libc is another one.  The vDSO is mapped by the kernel and needs nothing.  In members of a
 * hive, agent/ is what this file is elsewhere.
 */
#include "helper/helper_int.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static long clock_by_syscall(clockid_t clock, struct timespec *ts)
{
	return sys_call6(SYS_clock_gettime, clock, (long)ts, 0, 0, 0, 0);
}

clock_fn helper_clock_gettime = clock_by_syscall;

__attribute__((constructor)) static void find_clock(void)
{
	clock_fn found = vdso_clock_gettime(getauxval(AT_SYSINFO_EHDR));

	if (found)
		helper_clock_gettime = found;
}

struct helper_process *helper_process;
_Atomic(copy_fn) helper_copy;

__attribute__((constructor)) static void map_process(void)
{
	const size_t size = sizeof(*helper_process);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	if (madvise(p, size, MADV_WIPEONFORK))
		munmap(p, size);
	else
		helper_process = p;
}
