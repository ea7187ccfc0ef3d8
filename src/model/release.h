/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * release.h - which release of Linux brought what, for programs that are judged for one.
 *
 * Availability is a matter of the release: commands, types, flags, helpers, kinds of BTF, and the
 * few rules below that changed what programs may be at all.  How values are followed is always
 * that of the newest release.
 *
 * A kernel lacks what came `since` a version above its own.
 */
#ifndef SKEP_MODEL_RELEASE_H
#define SKEP_MODEL_RELEASE_H

#include "base/base.h"

#define RELEASE(major, minor)  ((major) << 8 | (minor)) /* as ISA_LINUX() */
#define RELEASE_MAJOR(version) ((version) >> 8)
#define RELEASE_MINOR(version) ((version)&0xff)
#define RELEASE_FIRST	       RELEASE(4, 4) /* the oldest that is told apart */
#define RELEASE_NEWEST	       0xfffe	     /* has all that is known */

/* The lists of <linux/bpf.h>: numbers, or bits of flags. */
enum release_list {
	RELEASE_COMMAND,
	RELEASE_MAP_TYPE,
	RELEASE_MAP_FLAG,
	RELEASE_PROG_TYPE,
	RELEASE_PROG_FLAG,
	RELEASE_ATTACH_TYPE,
	RELEASE_HELPER,
	RELEASE_BTF_KIND,
	_RELEASE_LIST_MAX,
};

/* Rules that later releases relaxed: since when. */
#define RELEASE_FUNC_INFO	 RELEASE(5, 0)	/* PROG_LOAD takes BTF */
#define RELEASE_LARGE		 RELEASE(5, 2)	/* more than 4096 instructions */
#define RELEASE_LOOPS		 RELEASE(5, 3)	/* jumps backwards */
#define RELEASE_GLOBAL_FUNCS	 RELEASE(5, 6)	/* global functions stand for themselves */
#define RELEASE_MIXED_TAIL_CALLS RELEASE(5, 10) /* tail calls beside subprograms */

/** The version that first had entry `nr` of a list; 0: always, or in none that is known. */
uint16_t release_since(enum release_list list, uint32_t nr);
/** The version that first had all bits of `flags`. */
uint16_t release_since_flags(enum release_list list, uint32_t flags);
/** "6.12", "6.12.3", "6.12.0-1-amd64" to a version; -EINVAL: it is none, or before the first. */
int release_parse(const char *text, uint16_t *ret);

#endif
