/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw.h - for the tests of BTF: blobs written by hand, and the two who judge them: ours and, by
 * raw BPF_BTF_LOAD, the host's kernel.
 */
#ifndef SKEP_TESTS_BTF_RAW_H
#define SKEP_TESTS_BTF_RAW_H

#include "btf/btf.h"

/* A type is 3 words; what follows it depends on its kind. */
#define INFO(kind, kflag, vlen)	 ((uint32_t)(kflag) << 31 | (uint32_t)(kind) << 24 | (vlen))
#define TYPE(name, info, value)	 (name), (info), (uint32_t)(value)
#define INT_DATA(enc, off, bits) ((uint32_t)(enc) << 24 | (uint32_t)(off) << 16 | (bits))
#define INT(name, enc, off, bits, size) \
	TYPE(name, INFO(BTF_KIND_INT, 0, 0), size), INT_DATA(enc, off, bits)
#define INT32			    INT(0, BTF_INT_SIGNED, 0, 32, 4)
#define REF(kind, name, to)	    TYPE(name, INFO(kind, 0, 0), to)
#define PTR(to)			    REF(BTF_KIND_PTR, 0, to)
#define CONST(to)		    REF(BTF_KIND_CONST, 0, to)
#define VOLATILE(to)		    REF(BTF_KIND_VOLATILE, 0, to)
#define TYPEDEF(name, to)	    REF(BTF_KIND_TYPEDEF, name, to)
#define TYPE_TAG(name, to)	    REF(BTF_KIND_TYPE_TAG, name, to)
#define FWD(name, is_union)	    TYPE(name, INFO(BTF_KIND_FWD, is_union, 0), 0)
#define ARRAY(elem, index, n)	    TYPE(0, INFO(BTF_KIND_ARRAY, 0, 0), 0), (elem), (index), (n)
#define STRUCT(name, n, size)	    TYPE(name, INFO(BTF_KIND_STRUCT, 0, n), size)
#define KSTRUCT(name, n, size)	    TYPE(name, INFO(BTF_KIND_STRUCT, 1, n), size)
#define UNION(name, n, size)	    TYPE(name, INFO(BTF_KIND_UNION, 0, n), size)
#define MEMBER(name, type, off)	    (name), (type), (off)
#define BITS(name, type, off, bits) (name), (type), ((uint32_t)(bits) << 24 | (off))
#define ENUM(name, n, size)	    TYPE(name, INFO(BTF_KIND_ENUM, 0, n), size)
#define ENUM64(name, n, size)	    TYPE(name, INFO(BTF_KIND_ENUM64, 0, n), size)
#define FUNC(name, proto, linkage)  TYPE(name, INFO(BTF_KIND_FUNC, 0, linkage), proto)
#define PROTO(ret, n)		    TYPE(0, INFO(BTF_KIND_FUNC_PROTO, 0, n), ret)
#define ARG(name, type)		    (name), (type)
#define VAR(name, type, linkage)    TYPE(name, INFO(BTF_KIND_VAR, 0, 0), type), (linkage)
#define DATASEC(name, n, size)	    TYPE(name, INFO(BTF_KIND_DATASEC, 0, n), size)
#define VSI(type, off, size)	    (type), (off), (size)
#define FLOAT(name, size)	    TYPE(name, INFO(BTF_KIND_FLOAT, 0, 0), size)
#define DECL_TAG(name, type, part)  TYPE(name, INFO(BTF_KIND_DECL_TAG, 0, 0), type), (uint32_t)(part)

/* A blob under construction. */
struct raw {
	uint8_t data[1 << 16];
	uint32_t size; /* bytes */
};

/** Header, n words of types, then the strings. */
void raw_make(struct raw *r, const uint32_t *types, size_t n, const char *str, size_t str_len);

/* What a judge said. */
struct verdict {
	int err;	   /* 0 or -errno */
	char log[1 << 18]; /* its text, terminated */
};

/* What kptrs may point into, for our judgement; NULL: nothing. */
extern struct skep_btf *judge_kernel;
/** Our judgement; the object where it is good and ret is not NULL. */
void judge_ours(const void *data, uint32_t size, struct verdict *v, struct skep_btf **ret);
/** The host's; false, with the reason in *why, where it may not be asked. */
bool judge_host(const void *data, uint32_t size, struct verdict *v, const char **why);

#endif
