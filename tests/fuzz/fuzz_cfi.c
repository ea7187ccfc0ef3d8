/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_cfi.c - how stacks are walked by a file that may be anything.
 *
 * Rows are in order, and each is one that who walks knows.
 */
#include "hook/cfi.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes file = { data, size };
	struct cfi cfi = { 0 };
	const struct unwind_row *last = NULL;

	if (cfi_read(file, &cfi))
		return 0;
	must(cfi.n <= CFI_ROWS_MAX, "too many rows");
	vec_foreach (r, &cfi) {
		must(!last || last->off < r->off, "out of order");
		must(r->off <= size, "behind the file");
		must(r->kind < _UNWIND_KINDS, "a kind that nobody knows");
		must(r->kind != UNWIND_PLT || r->cfa < 16, "no byte of a PLT's entry");
		must((r->kind != UNWIND_SP && r->kind != UNWIND_FP) || r->cfa,
		     "a frame of nothing");
		must(r->kind > UNWIND_END || (!r->cfa && !r->fp), "an end with a frame");
		last = r;
	}
	must(!cfi.build_id.size || (cfi.build_id.data >= data &&
				    cfi.build_id.size <= size - (size_t)(cfi.build_id.data - data)),
	     "a build id outside");
	vec_free(&cfi);
	return 0;
}
