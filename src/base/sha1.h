/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sha1.h - SHA-1 (FIPS 180-4), for program tags only: they must equal the kernel's.  Not for
 * anything that needs a secure hash.
 */
#ifndef SKEP_BASE_SHA1_H
#define SKEP_BASE_SHA1_H

#include "base/base.h"

#define SHA1_SIZE  20 /* bytes of a digest */
#define SHA1_BLOCK 64

struct sha1 {
	uint32_t state[5];
	uint64_t len;		   /* bytes so far */
	uint8_t block[SHA1_BLOCK]; /* the len % SHA1_BLOCK bytes that wait */
};

void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *data, size_t n);
void sha1_end(struct sha1 *s, uint8_t ret_digest[SHA1_SIZE]);

#endif
