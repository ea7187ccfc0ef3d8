/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eh.h - inside the room: how .eh_frame and .eh_frame_hdr describe the functions of a file (LSB,
 * "Exception Frames"; DWARF 5, 6.4).  The bytes may be anything: nothing is read outside of them.
 *
 *	.eh_frame_hdr: in order: function ──▶ FDE ──▶ CIE	what FDEs have in common
 *					       │       │
 *					       ▼       ▼
 *					   instructions (cfi.h)
 */
#ifndef SKEP_HOOK_EH_H
#define SKEP_HOOK_EH_H

#include "base/bytes.h"

/* Bytes that are read one after the other. */
struct eh_reader {
	struct bytes b;
	size_t at;
	bool bad; /* something was to be read that is not there; all else is 0 */
};

/** Most of what is read are single bytes. */
static inline uint8_t eh_byte(struct eh_reader *r)
{
	if (r->at < r->b.size)
		return r->b.data[r->at++];
	r->bad = true;
	return 0;
}
uint64_t eh_uint(struct eh_reader *r, size_t size);
uint64_t eh_uleb(struct eh_reader *r);
int64_t eh_sleb(struct eh_reader *r);
/** The next n bytes; empty and bad where there are fewer. */
struct bytes eh_take(struct eh_reader *r, uint64_t n);

#define EH_PARTS 16

/* A file; the bytes are borrowed. */
struct eh {
	struct bytes file;
	struct eh_part {
		uint64_t addr, off, size;
	} part[EH_PARTS]; /* of it that are loaded */
	uint32_t parts;
	uint64_t hdr;	    /* address of .eh_frame_hdr, which offsets in it count from */
	struct bytes table; /* its rows */
	uint32_t n;	    /* of them; 0: there are none, or they are written in no usual way */
	struct bytes build_id;
};

/* How frames look in a function. */
struct eh_function {
	uint64_t off, size; /* in the file */
	bool signal;	    /* it is no function, but where a signal's handler returns to */
	uint64_t code_align;
	int64_t data_align;
	struct bytes common, own; /* instructions */
};

/** -ENOEXEC: no ELF file for x86-64. */
int eh_open(struct eh *ret, struct bytes file);
/** Where in the file the function of that row begins; false: it is not loaded. */
bool eh_begin(const struct eh *eh, uint32_t row, uint64_t *ret_off);
/** What is said of it; false: nothing that can be read. */
bool eh_function(const struct eh *eh, uint32_t row, struct eh_function *ret);

#endif
