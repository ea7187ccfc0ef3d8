/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h - the tracepoints that the model has, and what their records hold.
 *
 * The records of the groups raw_syscalls and syscalls are one layout: 8 bytes that are common to
 * all, the number, then the arguments or what was returned, 8 bytes each.  Those of processes are
 * in helper/event.h.
 */
#ifndef SKEP_MODEL_EVENT_H
#define SKEP_MODEL_EVENT_H

#include "base/base.h"
#include "base/strbuf.h"

#define MODEL_SYSCALLS 512 /* numbers are below */

struct model_event {
	uint32_t id;	 /* of perf_event_open(2)'s PERF_TYPE_TRACEPOINT; never 0 */
	int32_t nr;	 /* the system call; -1: every one; or MODEL_... */
	bool exit;	 /* as it returns; else as it begins */
	uint8_t n;	 /* arguments; of a raw tracepoint: as its programs get them */
	uint8_t process; /* nr is MODEL_PROCESS: enum hive_event */
};
#define MODEL_REFUSED (-2) /* of model_event.nr: it is not here */
#define MODEL_PROCESS (-3) /* ...it is an event of processes */

/** Bytes of an event's record that programs may read where they stand. */
uint32_t model_event_size(const struct model_event *e);

/**
 * Why the event of that id, which Linux has, is not here; NULL: it is, or nobody has it.  Tools
 * find it by name, as they do others, and are told the reason when they attach.
 */
const char *model_event_refusal(uint32_t id);
/** The same by a raw tracepoint's name. */
const char *model_raw_refusal(const char *name);

/** The event that a raw tracepoint of that name is; false: there is none. */
bool model_event_raw(const char *name, struct model_event *ret);
/** The event of that id; false: there is none. */
bool model_event_by_id(uint32_t id, struct model_event *ret);
/** The event GROUP/NAME, refused ones too, of a name of n bytes, as in the folder events/ of
 * tracefs. */
bool model_event_by_name(const char *name, size_t n, struct model_event *ret);
/** The text of its file `format`, below 4 KiB. */
void model_event_format(const struct model_event *e, struct strbuf *ret);

/** The number of the system call that Linux's function is the body of, __x64_sys_NAME; -1: none. */
int32_t model_syscall_of(const char *function);
/** Its name, without prefix; NULL: there is none of that number. */
const char *model_syscall_name(int32_t nr);

#endif
