/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_verifier.c - what the verifier knows is true, on programs that the input chooses.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/verifier_check.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gen_source src = { .data = data, .size = size, .seed = size + 1 };
	struct gen_prog p;
	struct check_result r;

	gen_program(&src, &p);
	check_program(&p, size, 3, &r);
	if (r.verdict == CHECK_WRONG) {
		fprintf(stderr, "%s\n", r.msg);
		check_print(&p);
		abort();
	}
	return 0;
}
