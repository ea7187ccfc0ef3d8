/* SPDX-License-Identifier: BSD-2-Clause */
/* cfi.h - inside the room: what .eh_frame says of a file's functions, as rows (hive/unwind.h). */
#ifndef SKEP_HOOK_CFI_H
#define SKEP_HOOK_CFI_H

#include "base/bytes.h"
#include "base/vec.h"
#include "hive/unwind.h"

struct cfi {
	VEC(struct unwind_row); /* by offset */
	struct bytes build_id;	/* in the file */
};

#define CFI_ROWS_MAX (UINT32_C(1) << 21)

/**
 * Of an ELF file: 0 and *ret, the caller's to free with vec_free(); none where it says nothing.
 * -ENOEXEC: no ELF file for x86-64; -E2BIG: more than CFI_ROWS_MAX; -ENOMEM.
 */
int cfi_read(struct bytes file, struct cfi *ret);

#endif
