/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cases.c - blobs written by hand: what is valid, and one for each error.
 *
 * The expected errno and text are read off the rules of kernel/bpf/btf.c; where the host permits
 * it, the same blob goes through its BPF_BTF_LOAD, and verdict, errno and the whole log must be
 * the same.  Strings: offsets 1, 3, 5, 7, 9 are the names a b c d e.
 */
#include "raw.h"

#include "tests/harness/test.h"

#define NAMES "\0a\0b\0c\0d\0e\0"
#define END   0xfeedbeefu
enum { A = 1, B = 3, C = 5, D = 7, E = 9 };
#define LONG_NAME                                                                                  \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnn"                                                                                     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* One case a line. */
/* clang-format off */
static const struct raw_case {
	const char *name;
	int err;	  /* 0 or -errno */
	const char *text; /* stands in the log */
	const char *str;  /* string section, NAMES where NULL */
	size_t str_len;	  /* its bytes */
	uint32_t types[80];
} cases[] = {
	/* --- the walk over types ------------------------------------------------------- */
	{ "int", 0, "[1] INT (anon) size=4 bits_offset=0 nr_bits=32 encoding=SIGNED", .types = { INT32, END } },
	{ "no types", -EINVAL, "No type found", .types = { END } },
	{ "type cut short", -EINVAL, "[2] meta_left:8 meta_needed:12", .types = { INT32, 0, 0, END } },
	{ "int cut short", -EINVAL, "[1] INT (anon) meta_left:0 meta_needed:4", .types = { TYPE(0, INFO(BTF_KIND_INT, 0, 0), 4), END } },
	{ "info bits", -EINVAL, "[1] Invalid btf_info:", .types = { TYPE(0, INFO(BTF_KIND_INT, 0, 0) | 1 << 16, 4), 32, END } },
	{ "kind 0", -EINVAL, "[1] Invalid kind:0", .types = { TYPE(0, 0, 0), END } },
	{ "kind 20", -EINVAL, "[1] Invalid kind:20", .types = { TYPE(0, INFO(20, 0, 0), 0), END } },
	{ "name outside", -EINVAL, "[1] Invalid name_offset:11", .types = { INT(11, 0, 0, 32, 4), END } },
	{ "name outside by far", -EINVAL, "[1] Invalid name_offset:16777216", .types = { INT(0x1000000, 0, 0, 32, 4), END } },
	/* --- int ----------------------------------------------------------------------- */
	{ "int encodings", 0, "encoding=BOOL", .types = { INT(A, BTF_INT_CHAR, 0, 8, 1), INT(B, BTF_INT_BOOL, 0, 8, 1), INT(C, 0, 0, 128, 16), END } },
	{ "int any name", 0, "[1] INT 9! ", .str = "\0009!\0", .str_len = 4, .types = { INT(1, 0, 0, 32, 4), END } },
	{ "int vlen", -EINVAL, "vlen != 0", .types = { TYPE(A, INFO(BTF_KIND_INT, 0, 1), 4), 32, END } },
	{ "int kflag", -EINVAL, "Invalid btf_info kind_flag", .types = { TYPE(A, INFO(BTF_KIND_INT, 1, 0), 4), 32, END } },
	{ "int data", -EINVAL, "Invalid int_data:10000020", .types = { TYPE(A, INFO(BTF_KIND_INT, 0, 0), 4), 0x10000020, END } },
	{ "int over 128 bits", -EINVAL, "nr_bits exceeds 128", .types = { INT(A, 0, 1, 128, 32), END } },
	{ "int over its size", -EINVAL, "nr_bits exceeds type_size", .types = { INT(A, 0, 1, 32, 4), END } },
	{ "int two encodings", -524, "Unsupported encoding", .types = { INT(A, 3, 0, 32, 4), END } },
	/* --- references ---------------------------------------------------------------- */
	{ "references", 0, "[5] CONST (anon) type_id=2", .types = { INT32, PTR(1), TYPEDEF(A, 5), VOLATILE(3), CONST(2), REF(BTF_KIND_RESTRICT, 0, 2), PTR(0), CONST(0), PTR(8), END } },
	{ "ptr name", -EINVAL, "Invalid name", .types = { INT32, REF(BTF_KIND_PTR, A, 1), END } },
	{ "ptr vlen", -EINVAL, "vlen != 0", .types = { INT32, TYPE(0, INFO(BTF_KIND_PTR, 0, 1), 1), END } },
	{ "ptr kflag", -EINVAL, "kind_flag", .types = { INT32, TYPE(0, INFO(BTF_KIND_PTR, 1, 0), 1), END } },
	{ "ptr far id", -EINVAL, "Invalid type_id", .types = { PTR(0x100000), END } },
	{ "ptr no such id", -EINVAL, "Invalid type_id", .types = { PTR(2), END } },
	{ "const name", -EINVAL, "Invalid name", .types = { INT32, REF(BTF_KIND_CONST, A, 1), END } },
	{ "const no such id", -EINVAL, "Invalid type_id", .types = { CONST(7), END } },
	{ "typedef no name", -EINVAL, "Invalid name", .types = { INT32, TYPEDEF(0, 1), END } },
	{ "typedef bad name", -EINVAL, "Invalid name", .str = "\0a-\0", .str_len = 4, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name of dots", 0, "TYPEDEF .a.b", .str = "\0.a.b\0", .str_len = 6, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name begins with digit", -EINVAL, "Invalid name", .str = "\0001a\0", .str_len = 4, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name of 512", 0, NULL, .str = "\0" LONG_NAME LONG_NAME LONG_NAME LONG_NAME, .str_len = 514, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name of 513", -EINVAL, "Invalid name", .str = "\0n" LONG_NAME LONG_NAME LONG_NAME LONG_NAME, .str_len = 515, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name of Latin-1", 0, NULL, .str = "\0\xc4\xd6_\0", .str_len = 5, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "name with Latin-1 sign", -EINVAL, "Invalid name", .str = "\0\xd7_\0", .str_len = 4, .types = { INT32, TYPEDEF(1, 1), END } },
	{ "typedef loop", -EEXIST, "Loop detected", .types = { TYPEDEF(A, 2), TYPEDEF(B, 1), END } },
	{ "const to itself", -EEXIST, "Loop detected", .types = { CONST(1), END } },
	{ "ptr to itself", -EEXIST, "Loop detected", .types = { PTR(1), END } },
	{ "ptr const ptr", -EEXIST, "Loop detected", .types = { PTR(2), CONST(1), END } },
	{ "struct ptr const ptr", -EEXIST, "Loop detected", .types = { STRUCT(A, 1, 8), MEMBER(B, 2, 0), CONST(3), PTR(2), END } },
	{ "var ptr loop", -EEXIST, "Loop detected", .types = { STRUCT(A, 1, 8), MEMBER(B, 2, 0), CONST(3), PTR(4), CONST(3), VAR(C, 2, 0), END } },
	{ "ptr to var", -EINVAL, "Invalid type_id", .types = { INT32, VAR(A, 1, 0), PTR(2), END } },
	{ "const to decl tag", -EINVAL, "Invalid type_id", .types = { STRUCT(A, 0, 1), DECL_TAG(B, 1, -1), CONST(2), END } },
	{ "ptr to func", -EINVAL, "Invalid type_id", .types = { PTR(3), PROTO(0, 0), FUNC(A, 2, 0), END } },
	{ "ptr to func, later", 0, NULL, .types = { PROTO(0, 0), FUNC(A, 1, 0), PTR(2), END } },
	{ "ptr to proto and fwd", 0, NULL, .types = { PROTO(0, 0), FWD(A, 0), PTR(1), PTR(2), CONST(2), CONST(1), END } },
	/* --- fwd, float, enum ----------------------------------------------------------- */
	{ "fwd", 0, "[2] FWD b union", .types = { FWD(A, 0), FWD(B, 1), END } },
	{ "fwd no name", -EINVAL, "Invalid name", .types = { FWD(0, 0), END } },
	{ "fwd type", -EINVAL, "type != 0", .types = { TYPE(A, INFO(BTF_KIND_FWD, 0, 0), 1), END } },
	{ "fwd vlen", -EINVAL, "vlen != 0", .types = { TYPE(A, INFO(BTF_KIND_FWD, 0, 1), 0), END } },
	{ "floats", 0, "[5] FLOAT e size=16", .types = { FLOAT(A, 2), FLOAT(B, 4), FLOAT(C, 8), FLOAT(D, 12), FLOAT(E, 16), END } },
	{ "float size", -EINVAL, "Invalid type_size", .types = { FLOAT(A, 6), END } },
	{ "float vlen", -EINVAL, "vlen != 0", .types = { TYPE(A, INFO(BTF_KIND_FLOAT, 0, 1), 4), END } },
	{ "float kflag", -EINVAL, "kind_flag", .types = { TYPE(A, INFO(BTF_KIND_FLOAT, 1, 0), 4), END } },
	{ "enum", 0, "\ta val=4294967295\n", .types = { ENUM(0, 2, 4), A, (uint32_t)-1, B, 1, END } },
	{ "enum signed", 0, "\ta val=-1\n", .types = { TYPE(0, INFO(BTF_KIND_ENUM, 1, 1), 4), A, (uint32_t)-1, END } },
	{ "enum size", -EINVAL, "Unexpected size", .types = { ENUM(A, 0, 3), END } },
	{ "enum size 0", -EINVAL, "Unexpected size", .types = { ENUM(A, 0, 0), END } },
	{ "enum size 16", -EINVAL, "Unexpected size", .types = { ENUM(A, 0, 16), END } },
	{ "enum name", -EINVAL, "Invalid name", .str = "\0?\0", .str_len = 3, .types = { ENUM(1, 0, 4), END } },
	{ "enumerator no name", -EINVAL, "Invalid name", .types = { ENUM(A, 1, 4), 0, 0, END } },
	{ "enumerator name outside", -EINVAL, "\tInvalid name_offset:99", .types = { ENUM(A, 1, 4), 99, 0, END } },
	{ "enum cut short", -EINVAL, "meta_left:8 meta_needed:16", .types = { ENUM(A, 2, 4), B, 0, END } },
	{ "enum64", 0, "\tb val=4294967298\n", .types = { ENUM64(A, 1, 8), B, 2, 1, END } },
	{ "enum64 signed", 0, "\tb val=-1\n", .types = { TYPE(A, INFO(BTF_KIND_ENUM64, 1, 1), 8), B, (uint32_t)-1, (uint32_t)-1, END } },
	{ "enum64 size", -EINVAL, "Unexpected size", .types = { ENUM64(A, 0, 12), END } },
	/* --- array ------------------------------------------------------------------------ */
	{ "arrays", 0, "[3] ARRAY (anon) type_id=2 index_type_id=1 nr_elems=0", .types = { INT32, ARRAY(1, 1, 5), ARRAY(2, 1, 0), ARRAY(5, 6, 2), PTR(0), CONST(1), END } },
	{ "array name", -EINVAL, "Invalid name", .types = { INT32, TYPE(A, INFO(BTF_KIND_ARRAY, 0, 0), 0), 1, 1, 1, END } },
	{ "array vlen", -EINVAL, "vlen != 0", .types = { INT32, TYPE(0, INFO(BTF_KIND_ARRAY, 0, 1), 0), 1, 1, 1, END } },
	{ "array kflag", -EINVAL, "kind_flag", .types = { INT32, TYPE(0, INFO(BTF_KIND_ARRAY, 1, 0), 0), 1, 1, 1, END } },
	{ "array size", -EINVAL, "size != 0", .types = { INT32, TYPE(0, INFO(BTF_KIND_ARRAY, 0, 0), 4), 1, 1, 1, END } },
	{ "array of void", -EINVAL, "Invalid elem", .types = { INT32, ARRAY(0, 1, 1), END } },
	{ "array indexed by void", -EINVAL, "Invalid index", .types = { INT32, ARRAY(1, 0, 1), END } },
	{ "array of const void", -EINVAL, "Invalid elem", .types = { INT32, CONST(0), ARRAY(2, 1, 1), END } },
	{ "array of fwd", -EINVAL, "Invalid elem", .types = { INT32, FWD(A, 0), ARRAY(2, 1, 1), END } },
	{ "array of no such type", -EINVAL, "Invalid elem", .types = { INT32, ARRAY(9, 1, 1), END } },
	{ "array indexed by ptr", -EINVAL, "Invalid index", .types = { INT32, PTR(1), ARRAY(1, 2, 1), END } },
	{ "array indexed by odd int", -EINVAL, "Invalid index", .types = { INT32, INT(0, 0, 0, 31, 4), ARRAY(1, 2, 1), END } },
	{ "array of odd int", -EINVAL, "Invalid array of int", .types = { INT32, INT(0, 0, 0, 31, 4), ARRAY(2, 1, 1), END } },
	{ "array too large", -EINVAL, "Array size overflows U32_MAX", .types = { INT32, ARRAY(1, 1, 0x40000000), END } },
	{ "array in itself", -EEXIST, "Loop detected", .types = { INT32, ARRAY(2, 1, 1), END } },
	/* --- struct, union -------------------------------------------------------------------- */
	{ "struct", 0, "\tc type_id=3 bits_offset=64\n", .types = { INT32, STRUCT(A, 3, 16), MEMBER(B, 1, 0), MEMBER(0, 1, 32), MEMBER(C, 3, 64), PTR(2), END } },
	{ "union", 0, "UNION a size=8 vlen=2", .types = { INT32, UNION(A, 2, 8), MEMBER(B, 1, 0), MEMBER(C, 3, 0), PTR(2), END } },
	{ "empty struct", 0, NULL, .types = { STRUCT(0, 0, 0), END } },
	{ "struct of every kind", 0, NULL, .types = { INT32, STRUCT(A, 7, 64), MEMBER(B, 1, 0), MEMBER(B, 3, 64), MEMBER(B, 4, 128), MEMBER(B, 5, 192), MEMBER(B, 6, 256), MEMBER(B, 7, 320), MEMBER(B, 8, 384), PTR(2), ARRAY(1, 1, 2), ENUM(C, 0, 4), FLOAT(D, 8), CONST(1), UNION(E, 0, 4), END } },
	{ "struct name", -EINVAL, "Invalid name", .str = "\0%\0", .str_len = 3, .types = { STRUCT(1, 0, 0), END } },
	{ "struct cut short", -EINVAL, "meta_left:12 meta_needed:24", .types = { STRUCT(A, 2, 4), MEMBER(B, 1, 0), END } },
	{ "member name outside", -EINVAL, "Invalid member name_offset:50", .types = { INT32, STRUCT(A, 1, 4), MEMBER(50, 1, 0), END } },
	{ "member name", -EINVAL, "Invalid name", .str = "\0\\\0", .str_len = 3, .types = { INT32, STRUCT(0, 1, 4), MEMBER(1, 1, 0), END } },
	{ "member of void", -EINVAL, "Invalid type_id", .types = { STRUCT(A, 1, 4), MEMBER(B, 0, 0), END } },
	{ "member of no such type", -EINVAL, "Invalid member", .types = { STRUCT(A, 1, 4), MEMBER(B, 5, 0), END } },
	{ "member of fwd", -EINVAL, "Invalid member", .types = { STRUCT(A, 1, 4), MEMBER(B, 2, 0), FWD(C, 0), END } },
	{ "member of const void", -EINVAL, "Invalid member", .types = { STRUCT(A, 1, 4), MEMBER(B, 2, 0), CONST(0), END } },
	{ "member of var", -EINVAL, "Invalid member", .types = { INT32, VAR(A, 1, 0), STRUCT(A, 1, 4), MEMBER(B, 2, 0), END } },
	{ "union at an offset", -EINVAL, "Invalid member bits_offset", .types = { INT32, UNION(A, 1, 8), MEMBER(B, 1, 8), END } },
	{ "members out of order", -EINVAL, "Invalid member bits_offset", .types = { INT32, STRUCT(A, 2, 8), MEMBER(B, 1, 32), MEMBER(C, 1, 0), END } },
	{ "member begins outside", -EINVAL, "Member bits_offset exceeds its struct size", .types = { INT32, STRUCT(A, 1, 4), MEMBER(B, 1, 64), END } },
	{ "int ends outside", -EINVAL, "Member exceeds struct_size", .types = { INT32, STRUCT(A, 1, 4), MEMBER(B, 1, 8), END } },
	{ "int at a bit", 0, NULL, .types = { INT(0, 0, 0, 3, 4), STRUCT(A, 1, 4), MEMBER(B, 1, 5), END } },
	{ "int copies too much", -EINVAL, "nr_copy_bits exceeds 128", .types = { INT(0, 0, 0, 128, 16), STRUCT(A, 1, 32), MEMBER(B, 1, 1), END } },
	{ "int over U32_MAX", -EINVAL, "bits_offset exceeds U32_MAX", .types = { INT(0, 0, 8, 8, 4), STRUCT(A, 1, 0xffffffff), MEMBER(B, 1, 0xffffffff), END } },
	{ "ptr at a bit", -EINVAL, "Member is not byte aligned", .types = { PTR(0), STRUCT(A, 1, 16), MEMBER(B, 1, 4), END } },
	{ "ptr ends outside", -EINVAL, "Member exceeds struct_size", .types = { PTR(0), STRUCT(A, 1, 8), MEMBER(B, 1, 8), END } },
	{ "array at a bit", -EINVAL, "Member is not byte aligned", .types = { INT32, ARRAY(1, 1, 1), STRUCT(A, 1, 16), MEMBER(B, 2, 4), END } },
	{ "array ends outside", -EINVAL, "Member exceeds struct_size", .types = { INT32, ARRAY(1, 1, 3), STRUCT(A, 1, 8), MEMBER(B, 2, 0), END } },
	{ "const array ends outside", -EINVAL, "Member exceeds struct_size", .types = { INT32, ARRAY(1, 1, 3), CONST(2), STRUCT(A, 1, 8), MEMBER(B, 3, 0), END } },
	{ "struct at a bit", -EINVAL, "Member is not byte aligned", .types = { STRUCT(A, 0, 4), STRUCT(B, 1, 8), MEMBER(C, 1, 4), END } },
	{ "struct ends outside", -EINVAL, "Member exceeds struct_size", .types = { STRUCT(A, 0, 9), STRUCT(B, 1, 8), MEMBER(C, 1, 0), END } },
	{ "enum at a bit", -EINVAL, "Member is not byte aligned", .types = { ENUM(A, 0, 4), STRUCT(B, 1, 8), MEMBER(C, 1, 4), END } },
	{ "enum ends outside", -EINVAL, "Member exceeds struct_size", .types = { ENUM(A, 0, 8), STRUCT(B, 1, 4), MEMBER(C, 1, 0), END } },
	{ "float at an odd place", -EINVAL, "Member is not properly aligned", .types = { FLOAT(A, 4), STRUCT(B, 1, 8), MEMBER(C, 1, 16), END } },
	{ "float ends outside", -EINVAL, "Member exceeds struct_size", .types = { FLOAT(A, 8), STRUCT(B, 1, 8), MEMBER(C, 1, 64), END } },
	{ "struct in itself", -EEXIST, "Loop detected", .types = { STRUCT(A, 1, 8), MEMBER(B, 1, 0), END } },
	{ "struct in its array", -EEXIST, "Loop detected", .types = { INT32, STRUCT(A, 1, 8), MEMBER(B, 3, 0), ARRAY(2, 1, 1), END } },
	{ "struct in its typedef", -EEXIST, "Loop detected", .types = { STRUCT(A, 1, 8), MEMBER(B, 2, 0), TYPEDEF(C, 1), END } },
	/* --- bitfields ------------------------------------------------------------------------ */
	{ "bitfields", 0, "\tc type_id=1 bitfield_size=3 bits_offset=5\n", .types = { INT32, KSTRUCT(A, 4, 16), BITS(B, 1, 0, 5), BITS(C, 1, 5, 3), BITS(D, 3, 32, 7), BITS(E, 4, 64, 0), ENUM(0, 0, 4), PTR(0), END } },
	{ "bitfield of const", 0, NULL, .types = { INT32, KSTRUCT(A, 1, 4), BITS(B, 3, 1, 5), CONST(1), END } },
	{ "bitfield wider than its int", -EINVAL, "Invalid member bitfield_size", .types = { INT32, KSTRUCT(A, 1, 8), BITS(B, 1, 0, 33), END } },
	{ "bitfield of odd int", -EINVAL, "Invalid member base type", .types = { INT(0, 0, 0, 31, 4), KSTRUCT(A, 1, 8), BITS(B, 1, 0, 3), END } },
	{ "kflag int at a bit", -EINVAL, "Invalid member offset", .types = { INT32, KSTRUCT(A, 1, 8), BITS(B, 1, 3, 0), END } },
	{ "bitfield copies too much", -EINVAL, "nr_copy_bits exceeds 128", .types = { INT(0, 0, 0, 128, 16), KSTRUCT(A, 1, 32), BITS(B, 1, 7, 128), END } },
	{ "bitfield ends outside", -EINVAL, "Member exceeds struct_size", .types = { INT32, KSTRUCT(A, 1, 4), BITS(B, 1, 30, 3), END } },
	{ "bitfield of enum", -EINVAL, "Invalid member bitfield_size", .types = { ENUM(A, 0, 8), KSTRUCT(A, 1, 8), BITS(B, 1, 0, 33), END } },
	{ "kflag enum at a bit", -EINVAL, "Member is not byte aligned", .types = { ENUM(A, 0, 4), KSTRUCT(A, 1, 8), BITS(B, 1, 1, 0), END } },
	{ "kflag enum ends outside", -EINVAL, "Member exceeds struct_size", .types = { ENUM(A, 0, 1), KSTRUCT(A, 1, 2), BITS(B, 1, 0, 0), END } },
	{ "bitfield of ptr", -EINVAL, "Invalid member bitfield_size", .types = { PTR(0), KSTRUCT(A, 1, 8), BITS(B, 1, 0, 3), END } },
	{ "bitfield of struct", -EINVAL, "Invalid member bitfield_size", .types = { STRUCT(A, 0, 4), KSTRUCT(A, 1, 8), BITS(B, 1, 0, 3), END } },
	{ "bitfield of float", -EINVAL, "Invalid member bitfield_size", .types = { FLOAT(A, 4), KSTRUCT(A, 1, 8), BITS(B, 1, 0, 3), END } },
	{ "bitfield of array", -EINVAL, "Invalid member bitfield_size", .types = { INT32, ARRAY(1, 1, 1), KSTRUCT(A, 1, 8), BITS(B, 2, 0, 3), END } },
	/* --- functions --------------------------------------------------------------------------- */ { "functions", 0, "[2] FUNC_PROTO (anon) return=1 args=(1 a, 3 b, vararg)", .types = { INT32, PROTO(1, 3), ARG(A, 1), ARG(B, 3), ARG(0, 0), PTR(1), FUNC(A, 2, BTF_FUNC_GLOBAL), PROTO(0, 0), FUNC(B, 5, BTF_FUNC_STATIC), PROTO(0, 1), ARG(0, 0), END } },
	{ "proto name", -EINVAL, "Invalid name", .types = { TYPE(A, INFO(BTF_KIND_FUNC_PROTO, 0, 0), 0), END } },
	{ "proto kflag", -EINVAL, "kind_flag", .types = { TYPE(0, INFO(BTF_KIND_FUNC_PROTO, 1, 0), 0), END } },
	{ "proto cut short", -EINVAL, "meta_left:8 meta_needed:16", .types = { PROTO(0, 2), ARG(0, 0), END } },
	{ "proto returns nothing known", -EINVAL, "Invalid return type", .types = { PROTO(9, 0), END } },
	{ "proto returns var", -EINVAL, "Invalid return type", .types = { INT32, VAR(A, 1, 0), PROTO(2, 0), END } },
	{ "proto returns fwd", -EINVAL, "Invalid return type", .types = { FWD(A, 0), PROTO(1, 0), END } },
	{ "proto returns const void", -EINVAL, "Invalid return type", .types = { CONST(0), PROTO(1, 0), END } },
	{ "vararg with a name", -EINVAL, "Invalid arg#1", .types = { PROTO(0, 1), ARG(A, 0), END } },
	{ "void in the middle", -EINVAL, "Invalid arg#1", .types = { INT32, PROTO(0, 2), ARG(A, 0), ARG(B, 1), END } },
	{ "no such argument", -EINVAL, "Invalid arg#2", .types = { INT32, PROTO(0, 2), ARG(A, 1), ARG(B, 9), END } },
	{ "argument of proto", -EINVAL, "Invalid arg#1", .types = { PROTO(0, 1), ARG(A, 1), END } },
	{ "argument's name outside", -EINVAL, "Invalid arg#1", .types = { INT32, PROTO(0, 1), ARG(77, 1), END } },
	{ "argument's name", -EINVAL, "Invalid arg#1", .str = "\0()\0", .str_len = 4, .types = { INT32, PROTO(0, 1), ARG(1, 1), END } },
	{ "argument loops", -EEXIST, "Loop detected", .types = { PROTO(0, 1), ARG(A, 2), CONST(2), END } },
	{ "func no name", -EINVAL, "Invalid name", .types = { PROTO(0, 0), FUNC(0, 1, 0), END } },
	{ "func linkage", -EINVAL, "Invalid func linkage", .types = { PROTO(0, 0), FUNC(A, 1, BTF_FUNC_EXTERN), END } },
	{ "func kflag", -EINVAL, "kind_flag", .types = { PROTO(0, 0), TYPE(A, INFO(BTF_KIND_FUNC, 1, 0), 1), END } },
	{ "func of int", -EINVAL, "Invalid type_id", .types = { INT32, FUNC(A, 1, 0), END } },
	{ "func with nameless argument", -EINVAL, "Invalid arg#1", .types = { INT32, PROTO(0, 1), ARG(0, 1), FUNC(A, 2, 0), END } },
	/* --- var, datasec --------------------------------------------------------------------------- */ { "vars", 0, "[3] DATASEC c size=8 vlen=1", .types = { INT32, VAR(A, 1, BTF_VAR_GLOBAL_ALLOCATED), DATASEC(C, 1, 8), VSI(2, 4, 4), END } },
	{ "var vlen", -EINVAL, "vlen != 0", .types = { INT32, TYPE(A, INFO(BTF_KIND_VAR, 0, 1), 1), 0, END } },
	{ "var kflag", -EINVAL, "kind_flag", .types = { INT32, TYPE(A, INFO(BTF_KIND_VAR, 1, 0), 1), 0, END } },
	{ "var no name", -EINVAL, "Invalid name", .types = { INT32, VAR(0, 1, 0), END } },
	{ "var of void", -EINVAL, "Invalid type_id", .types = { VAR(A, 0, 0), END } },
	{ "var of const void", -EINVAL, "Invalid type_id", .types = { CONST(0), VAR(A, 1, 0), END } },
	{ "var of fwd", -EINVAL, "Invalid type_id", .types = { FWD(A, 0), VAR(A, 1, 0), END } },
	{ "var of var", -EINVAL, "Invalid type_id", .types = { INT32, VAR(A, 1, 0), VAR(A, 2, 0), END } },
	{ "var extern", -EINVAL, "Linkage not supported", .types = { INT32, VAR(A, 1, BTF_VAR_GLOBAL_EXTERN), END } },
	{ "var cut short", -EINVAL, "meta_left:0 meta_needed:4", .types = { INT32, TYPE(A, INFO(BTF_KIND_VAR, 0, 0), 1), END } },
	{ "datasec empty", -EINVAL, "size == 0", .types = { DATASEC(A, 0, 0), END } },
	{ "datasec kflag", -EINVAL, "kind_flag", .types = { TYPE(A, INFO(BTF_KIND_DATASEC, 1, 0), 1), END } },
	{ "datasec no name", -EINVAL, "Invalid name", .types = { DATASEC(0, 0, 1), END } },
	{ "datasec any name", 0, "DATASEC ?. x/ size", .str = "\0?. x/\0", .str_len = 7, .types = { DATASEC(1, 0, 1), END } },
	{ "datasec name", -EINVAL, "Invalid name", .str = "\0\t\0", .str_len = 3, .types = { DATASEC(1, 0, 1), END } },
	{ "datasec of void", -EINVAL, "Invalid type_id", .types = { DATASEC(A, 1, 4), VSI(0, 0, 4), END } },
	{ "datasec overlap", -EINVAL, "Invalid offset", .types = { INT32, VAR(A, 1, 0), VAR(B, 1, 0), DATASEC(C, 2, 8), VSI(2, 0, 4), VSI(3, 3, 4), END } },
	{ "datasec offset", -EINVAL, "Invalid offset", .types = { INT32, VAR(A, 1, 0), DATASEC(C, 1, 8), VSI(2, 8, 4), END } },
	{ "datasec var size", -EINVAL, "Invalid size", .types = { INT32, VAR(A, 1, 0), DATASEC(C, 1, 8), VSI(2, 0, 0), END } },
	{ "datasec var end", -EINVAL, "Invalid offset+size", .types = { INT32, VAR(A, 1, 0), DATASEC(C, 1, 8), VSI(2, 6, 4), END } },
	{ "datasec of int", -EINVAL, "Not a VAR kind member", .types = { INT32, DATASEC(C, 1, 8), VSI(1, 0, 4), END } },
	{ "datasec var too small", -EINVAL, "Invalid size", .types = { INT32, VAR(A, 1, 0), DATASEC(C, 1, 8), VSI(2, 0, 2), END } },
	{ "datasec var too small, not known yet", 0, NULL, .types = { INT32, DATASEC(C, 1, 8), VSI(3, 0, 2), VAR(A, 1, 0), END } },
	{ "datasec cut short", -EINVAL, "meta_left:8 meta_needed:12", .types = { DATASEC(C, 1, 8), 1, 0, END } },
	/* --- tags -------------------------------------------------------------------------------------- */ { "tags", 0, "DECL_TAG e type=2 component_idx=0", .types = { INT32, STRUCT(A, 1, 4), MEMBER(B, 1, 0), DECL_TAG(E, 2, 0), DECL_TAG(E, 2, -1), PROTO(0, 1), ARG(A, 1), FUNC(A, 5, 0), DECL_TAG(E, 6, 0), TYPEDEF(B, 1), DECL_TAG(E, 8, -1), VAR(C, 1, 0), DECL_TAG(E, 10, -1), TYPE_TAG(D, 1), PTR(12), END } },
	{ "tags with kind_flag", 0, NULL, .types = { STRUCT(A, 0, 1), TYPE(B, INFO(BTF_KIND_DECL_TAG, 1, 0), 1), (uint32_t)-1, TYPE(B, INFO(BTF_KIND_TYPE_TAG, 1, 0), 1), PTR(3), END } },
	{ "decl tag no value", -EINVAL, "Invalid value", .types = { STRUCT(A, 0, 1), DECL_TAG(0, 1, -1), END } },
	{ "decl tag any value", 0, NULL, .str = "\0\1 9\0", .str_len = 5, .types = { STRUCT(0, 0, 1), DECL_TAG(1, 1, -1), END } },
	{ "decl tag vlen", -EINVAL, "vlen != 0", .types = { STRUCT(A, 0, 1), TYPE(B, INFO(BTF_KIND_DECL_TAG, 0, 1), 1), 0, END } },
	{ "decl tag part -2", -EINVAL, "Invalid component_idx", .types = { STRUCT(A, 0, 1), DECL_TAG(B, 1, -2), END } },
	{ "decl tag part outside", -EINVAL, "Invalid component_idx", .types = { STRUCT(A, 0, 1), DECL_TAG(B, 1, 0), END } },
	{ "decl tag part of var", -EINVAL, "Invalid component_idx", .types = { INT32, VAR(A, 1, 0), DECL_TAG(B, 2, 0), END } },
	{ "decl tag part of func", -EINVAL, "Invalid component_idx", .types = { PROTO(0, 0), FUNC(A, 1, 0), DECL_TAG(B, 2, 0), END } },
	{ "decl tag of int", -EINVAL, "Invalid type_id", .types = { INT32, DECL_TAG(B, 1, -1), END } },
	{ "decl tag of nothing", -EINVAL, "Invalid type_id", .types = { DECL_TAG(B, 9, -1), END } },
	{ "type tag no value", -EINVAL, "Invalid name", .types = { INT32, TYPE_TAG(0, 1), END } },
	{ "type tag vlen", -EINVAL, "vlen != 0", .types = { INT32, TYPE(A, INFO(BTF_KIND_TYPE_TAG, 0, 1), 1), END } },
	{ "type tag behind const", -EINVAL, "Type tags don't precede modifiers", .types = { INT32, TYPE_TAG(A, 1), CONST(2), END } },
	{ "type tag before const", 0, NULL, .types = { INT32, CONST(1), TYPE_TAG(A, 2), TYPE_TAG(B, 3), PTR(4), END } },
	{ "type tag behind typedef", -EINVAL, "Type tags don't precede modifiers", .types = { INT32, TYPE_TAG(A, 1), TYPEDEF(B, 2), END } },
};

/* clang-format on */
static void compare_with_host(const char *name, const struct raw *r, const struct verdict *ours)
{
	static struct verdict host;
	const char *why;

	if (!judge_host(r->data, r->size, &host, &why))
		return;
	ASSERT_MSG(ours->err == host.err && !strcmp(ours->log, host.log),
		   "%s: ours %d, host %d\n--- ours\n%s\n--- host\n%s", name, ours->err, host.err,
		   ours->log, host.log);
}

static struct raw blob;
static struct verdict ours;

TEST(every_raw_case_has_its_verdict)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct raw_case *k = &cases[i];
		size_t n = 0;

		while (k->types[n] != END)
			n++;
		raw_make(&blob, k->types, n, k->str ? k->str : NAMES,
			 k->str ? k->str_len : sizeof(NAMES) - 1);
		judge_ours(blob.data, blob.size, &ours, NULL);
		ASSERT_MSG(ours.err == k->err, "%s: %d instead of %d\n%s", k->name, ours.err,
			   k->err, ours.log);
		ASSERT_MSG(!k->text || strstr(ours.log, k->text), "%s: no \"%s\" in\n%s", k->name,
			   k->text, ours.log);
		compare_with_host(k->name, &blob, &ours);
	}
}

/* A chain of modifiers of n links: depth of resolution and length of a chain. */
static int chain(uint32_t n)
{
	uint32_t types[64 * 3 + 4] = { INT32 };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t t[] = { CONST(i + 3) };

		if (i == n - 1)
			t[2] = 1;
		memcpy(&types[4 + i * 3], t, sizeof(t));
	}
	raw_make(&blob, types, 4 + n * 3, NAMES, sizeof(NAMES) - 1);
	judge_ours(blob.data, blob.size, &ours, NULL);
	compare_with_host("chain", &blob, &ours);
	return ours.err;
}

TEST(chains_of_modifiers_end_at_32)
{
	ASSERT_EQ(chain(32), 0);
	ASSERT_EQ(chain(33), -E2BIG);
	ASSERT_STRHAS(ours.log, "Exceeded max resolving depth:32");
	ASSERT_EQ(chain(60), -E2BIG);
}

TEST(chains_that_resolve_in_parts_end_at_32_too)
{
	uint32_t types[64 * 3] = { 0 };

	/* Each link refers to the one before it, so resolution is never deep. */
	for (uint32_t i = 0; i < 40; i++) {
		uint32_t t[] = { CONST(i) };

		memcpy(&types[i * 3], t, sizeof(t));
	}
	raw_make(&blob, types, 40 * 3, NAMES, sizeof(NAMES) - 1);
	judge_ours(blob.data, blob.size, &ours, NULL);
	compare_with_host("backward chain", &blob, &ours);
	ASSERT_EQ(ours.err, 0);
}

/* --- header and sections ------------------------------------------------------------------- */

static const struct hdr_case {
	const char *name;
	int err;
	const char *text;
	uint32_t off;	/* byte of the header that is set */
	uint32_t bytes; /* its size: 1, 2, 4 */
	uint32_t value;
} hdr_cases[] = {
	{ "magic", -EINVAL, "Invalid magic", 0, 2, 0x9feb },
	{ "version", -524, "Unsupported version", 2, 1, 2 },
	{ "flags", -524, "Unsupported flags", 3, 1, 1 },
	{ "hdr_len beyond", -EINVAL, "btf_header not found", 4, 4, 1000 },
	{ "hdr_len longer", -E2BIG, "Unsupported btf_header", 4, 4, 32 },
	{ "hdr_len longer by zeroes", -EINVAL, "Total section length too long", 4, 4, 28 },
	{ "hdr_len shorter", -EINVAL, NULL, 4, 4, 20 },
	{ "hdr_len 0", -EINVAL, NULL, 4, 4, 0 },
	{ "type_off gap", -EINVAL, "Unsupported section found", 8, 4, 4 },
	{ "type_off far", -EINVAL, "Unsupported section found", 8, 4, 100000 },
	{ "str_off far", -EINVAL, "Invalid section offset", 16, 4, 100000 },
	{ "type_off negative", -EINVAL, NULL, 8, 4, 0x80000000 },
	{ "type_len short", -EINVAL, "Unsupported section found", 12, 4, 12 },
	{ "type_len long", -EINVAL, "Section overlap found", 12, 4, 20 },
	{ "type_len far", -EINVAL, "Total section length too long", 12, 4, 100000 },
	{ "type_len 0", -EINVAL, NULL, 12, 4, 0 },
	{ "str_off gap", -EINVAL, NULL, 16, 4, 20 },
	{ "str_off overlap", -EINVAL, "Section overlap found", 16, 4, 12 },
	{ "str_len long", -EINVAL, "Total section length too long", 20, 4, 100 },
	{ "str_len short", -EINVAL, "Unsupported section found", 20, 4, 5 },
	{ "str_len 0", -EINVAL, NULL, 20, 4, 0 },
};

TEST(every_header_case_has_its_verdict)
{
	static const uint32_t types[] = { INT32 };

	for (size_t i = 0; i < ARRAY_SIZE(hdr_cases); i++) {
		const struct hdr_case *k = &hdr_cases[i];

		raw_make(&blob, types, ARRAY_SIZE(types), NAMES, sizeof(NAMES) - 1);
		memcpy(blob.data + k->off, &k->value, k->bytes);
		judge_ours(blob.data, blob.size, &ours, NULL);
		ASSERT_MSG(ours.err == k->err, "%s: %d instead of %d\n%s", k->name, ours.err,
			   k->err, ours.log);
		ASSERT_MSG(!k->text || strstr(ours.log, k->text), "%s: no \"%s\" in\n%s", k->name,
			   k->text, ours.log);
		compare_with_host(k->name, &blob, &ours);
	}
}

TEST(every_truncation_is_refused_as_on_the_host)
{
	static const uint32_t types[] = { INT32, STRUCT(A, 1, 4), MEMBER(B, 1, 0) };

	raw_make(&blob, types, ARRAY_SIZE(types), NAMES, sizeof(NAMES) - 1);
	for (uint32_t n = blob.size; n-- > 0;) {
		blob.size = n;
		judge_ours(blob.data, n, &ours, NULL);
		ASSERT_EQ(ours.err, -EINVAL);
		compare_with_host("truncated", &blob, &ours);
	}
}

TEST(strings_must_be_framed_by_nuls)
{
	static const uint32_t types[] = { INT32 };
	static const struct {
		const char *str;
		size_t n;
	} bad[] = { { "", 0 }, { "a\0", 2 }, { "\0a", 2 } };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		raw_make(&blob, types, ARRAY_SIZE(types), bad[i].str, bad[i].n);
		judge_ours(blob.data, blob.size, &ours, NULL);
		ASSERT_EQ(ours.err, -EINVAL);
		ASSERT_STRHAS(ours.log, "Invalid string section");
		compare_with_host("strings", &blob, &ours);
	}
}

/* A header of hdr_len bytes, strings first or last. */
static void reframe(uint32_t hdr_len, bool strings_first)
{
	static const uint32_t types[] = { INT32, PTR(1) };
	struct btf_header h = { BTF_MAGIC,     BTF_VERSION,   0, hdr_len, 0,
				sizeof(types), sizeof(types), 4 };

	if (strings_first) {
		h.str_off = 0;
		h.type_off = 4;
	}
	memset(blob.data, 0, sizeof(blob.data));
	memcpy(blob.data, &h, sizeof(h));
	memcpy(blob.data + hdr_len + h.type_off, types, sizeof(types));
	blob.size = hdr_len + (uint32_t)sizeof(types) + 4;
	judge_ours(blob.data, blob.size, &ours, NULL);
	compare_with_host("frame", &blob, &ours);
}

TEST(headers_of_any_length_and_order)
{
	for (uint32_t len = sizeof(struct btf_header); len < 60; len++) {
		reframe(len, false);
		ASSERT_EQ(ours.err, 0);
		reframe(len, true);
		ASSERT_EQ(ours.err, -EINVAL);
		ASSERT_STRHAS(ours.log, "String section is not at the end");
	}
}

TEST(more_than_16_mib_is_e2big)
{
	static uint8_t big[(16 << 20) + 1];
	static struct verdict host;
	struct skep_btf *b = NULL;
	const char *why;

	ASSERT_EQ(btf_new(big, sizeof(big), NULL, NULL, &b, NULL), -E2BIG);
	ASSERT_EQ(btf_new(big, sizeof(big) - 1, NULL, NULL, &b, NULL), -EINVAL);
	ASSERT(!b);
	if (!judge_host(big, sizeof(big), &host, &why))
		test_skip("%s", why);
	ASSERT_EQ(host.err, -E2BIG);
}

TEST(the_host_agrees_or_is_absent)
{
	static const uint32_t types[] = { INT32 };
	static struct verdict host;
	const char *why;

	raw_make(&blob, types, ARRAY_SIZE(types), NAMES, sizeof(NAMES) - 1);
	if (!judge_host(blob.data, blob.size, &host, &why))
		test_skip("%s: verdicts were held against the table alone", why);
	ASSERT_EQ(host.err, 0);
}
