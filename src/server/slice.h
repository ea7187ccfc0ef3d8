/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slice.h - how soon the server gets a CPU.
 */
#ifndef SKEP_SERVER_SLICE_H
#define SKEP_SERVER_SLICE_H

/**
 * The calling thread, and those that it makes from then on, come before threads that keep CPUs
 * busy, which have longer slices: whoever asks the server waits for it, and it is brief.  Its share
 * of the CPUs stays what it was.  Where the kernel does not do that (before Linux 6.12), or the
 * thread is not one of SCHED_OTHER, nothing happens.  sched_setattr(2), sched_runtime.
 */
void slice_take_short(void);

#endif
