/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_cpu.h - what this CPU has.  Probed once at start (x86.c); tests take features away.
 */
#ifndef SKEP_JIT_X86_CPU_H
#define SKEP_JIT_X86_CPU_H

#include "base/base.h"

struct x86_cpu {
	bool bmi2;	  /* shlx, shrx, sarx, rorx, mulx */
	bool movbe;	  /* loads in big-endian order */
	bool jcc_erratum; /* jumps that touch a 32-byte boundary are not cached (SKX102) */
};

extern struct x86_cpu x86_cpu;

#endif
