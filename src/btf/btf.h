/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.h - the door to BTF: parse, validate as strictly as kernel/bpf/btf.c, query.
 *
 * A struct skep_btf is immutable.  Split BTF is not needed here: the kernel's BTF_LOAD takes
 * self-contained blobs only.
 */
#ifndef SKEP_BTF_BTF_H
#define SKEP_BTF_BTF_H

#include "base/base.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/uapi.h"

struct skep_btf;

/* The log of BTF_LOAD (btf_log_buf): text goes to `write`, one call per piece; may be NULL. */
struct btf_log {
	void (*write)(void *arg, const char *text, size_t n);
	void *arg;
};

/**
 * Parses and validates size bytes (copied).
 *
 * Returns 0 and *ret with one reference, or -errno as Linux's BTF_LOAD: -EINVAL for malformed
 * data (the diagnostic names type id or byte), -E2BIG, -ENOTSUPP as the kernel, -ENOMEM.
 */
int btf_new(const void *data, uint32_t size, const struct btf_log *log, struct skep_btf **ret,
	    struct skep_diag *reterr_diag);
struct skep_btf *btf_get(struct skep_btf *b);
/** Accepts NULL. */
void btf_put(struct skep_btf *b);
DEFINE_CLEANUP(struct skep_btf, btf_put)

/** The raw bytes, as loaded. */
const void *btf_data(const struct skep_btf *b, uint32_t *ret_size);
/** Type ids run from 0 (void) below this. */
uint32_t btf_type_count(const struct skep_btf *b);
/** Type id, or NULL past the end; id 0 is a void type of all zeroes. */
const struct btf_type *btf_type(const struct skep_btf *b, uint32_t id);
/** The string at off; "" for 0; NULL past the end. */
const char *btf_str(const struct skep_btf *b, uint32_t off);
/** Bytes of a type through typedefs, qualifiers, arrays; -EINVAL for what has no size. */
int64_t btf_size(const struct skep_btf *b, uint32_t id);
/** Id without typedefs, qualifiers and tags. */
uint32_t btf_resolve(const struct skep_btf *b, uint32_t id);
/** First id of that name and BTF_KIND_*, or -ENOENT. */
int32_t btf_find(const struct skep_btf *b, const char *name, uint32_t kind);

/**
 * Checks key and value types of a map against its sizes, and finds special fields of the value
 * (offset of bpf_spin_lock, bpf_timer, or -1).  -errno as map_check_btf: -EINVAL, -ENOTSUPP.
 */
int btf_check_map(const struct skep_btf *b, uint32_t key_id, uint32_t value_id, uint32_t key_size,
		  uint32_t value_size, int32_t *ret_spin_lock, int32_t *ret_timer);

/*
 * Object facts that core keeps: id from 1, name for kernel BTF, who may see it.
 */
uint32_t btf_id(const struct skep_btf *b);
void btf_set_id(struct skep_btf *b, uint32_t id);

#endif
