/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - reading memory that may not be there (bpf_probe_read and its kin).
 *
 * In members of a hive the agent does, by plain loads whose faults it catches (agent/fault.c).
 * Elsewhere the kernel reads our own address space for us: process_vm_readv() on ourselves fails
 * with -EFAULT where a load would trap, needs no signal handler and no privilege.  Memory that the
 * run knows to be there is copied outright.  User and kernel addresses are one space here.
 */
#include "helper/cgroup.h"
#include "helper/files.h"
#include "helper/helper_int.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#define PAGE 4096u /* the smallest: what lies in one page is there as a whole or not at all */

/*
 * True where the 8 bytes around addr can be read: the kernel looks at the new mask before it
 * refuses the unknown `how`.
 */
static bool readable(uint64_t addr)
{
	return sys_call6(SYS_rt_sigprocmask, ~0L, (long)(addr & ~UINT64_C(7)), 0, 8, 0, 0) !=
	       -EFAULT;
}

/* For where process_vm_readv is forbidden: looks at each page, then copies. */
static long copy_checked(uint8_t *dst, uint64_t addr, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t in_page = PAGE - ((addr + done) & (PAGE - 1));
		size_t len = MIN(n - done, in_page);

		if (!readable(addr + done))
			return -EFAULT;
		memcpy(dst + done, PTR(addr + done), len);
		done += len;
	}
	return 0;
}

/* The kernel does. */
static long copy_far(struct skep_run *run, void *dst, uint64_t addr, size_t n)
{
	const struct iovec to = { dst, n }, from = { PTR(addr), n };
	const long r =
		sys_call6(SYS_process_vm_readv, task_tgid(run), (long)&to, 1, (long)&from, 1, 0);

	if (r == -ENOSYS || r == -EPERM)
		return copy_checked(dst, addr, n);
	return r == (long)n ? 0 : -EFAULT;
}

/* What is there only for who reads it. */
static long read_made(struct skep_run *run, void *dst, uint64_t addr, size_t n)
{
	if (addr >= CGROUPS_AT)
		return cgroups_read(run, dst, addr, n);
	/* Open are those of this process. */
	return run->as ? -EFAULT : files_read(dst, addr, n);
}

long probe_copy(struct skep_run *run, void *dst, uint64_t addr, size_t n)
{
	const copy_fn copy = atomic_load_explicit(&helper_copy, memory_order_relaxed);
	long err = -EAGAIN;

	if (n == 0)
		return 0;
	if (run_region_has(run, addr, n)) {
		memcpy(dst, PTR(addr), n);
		return 0;
	}
	if (likely(copy != NULL))
		err = copy(run, dst, PTR(addr), n);
	if (unlikely(err == -EAGAIN))
		err = copy_far(run, dst, addr, n);
	return likely(!err) ? 0 : read_made(run, dst, addr, n);
}

uint64_t helper_probe_load(struct skep_run *run, uint64_t addr, uint32_t how)
{
	const unsigned size = how & ~PROBE_SIGNED, shift = (64 - 8 * size) & 63;
	uint64_t v = 0;

	if (probe_copy(run, &v, addr, size))
		return 0;
	return how & PROBE_SIGNED ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

long probe_string(struct skep_run *run, char *dst, uint64_t addr, size_t n)
{
	char piece[256];

	/* Piece by piece, none across a page: behind the NUL nothing need be there. */
	for (size_t done = 0; done < n;) {
		size_t in_page = PAGE - ((addr + done) & (PAGE - 1));
		size_t len = MIN(MIN(n - done, in_page), sizeof(piece));
		long err = probe_copy(run, piece, addr + done, len);

		if (err)
			return err;
		for (size_t i = 0; i < len; i++) {
			dst[done + i] = piece[i]; /* NOLINT(*.Assign): the kernel wrote piece */
			if (!piece[i])
				return (long)(done + i + 1);
		}
		done += len;
	}
	if (n)
		dst[n - 1] = '\0';
	return (long)n;
}

HELPER_FN(probe_read)
{
	uint32_t n = (uint32_t)r2;
	long err = probe_copy(run, PTR(r1), r3, n);

	if (err)
		memset(PTR(r1), 0, n);
	return RET(err);
}

HELPER_FN(probe_read_str)
{
	uint32_t n = (uint32_t)r2;
	long len = probe_string(run, PTR(r1), r3, n);

	if (len < 0)
		memset(PTR(r1), 0, n);
	return RET(len);
}
