/* SPDX-License-Identifier: BSD-2-Clause */
/* landmark.c - see landmark.h */
#include "hook/landmark.h"
#include "hive/site.h"

static const struct {
	const char *path, *symbol;
	uint32_t means;
} rows[] = {
	/* Where debuggers learn of what was mapped, or unmapped (r_brk of <link.h>). */
	{ "/lib64/ld-linux-x86-64.so.2", "_dl_debug_state", HIVE_LOADS },
#define UNWINDER(symbol)                                                 \
	{ "/lib/x86_64-linux-gnu/libgcc_s.so.1", symbol, HIVE_UNWINDS }, \
	{                                                                \
		"/lib64/libgcc_s.so.1", symbol, HIVE_UNWINDS             \
	}
	UNWINDER("_Unwind_RaiseException"),
	UNWINDER("_Unwind_ForcedUnwind"),
	UNWINDER("_Unwind_Resume_or_Rethrow"),
	UNWINDER("_Unwind_Backtrace"),
};

static void find(struct landmark *l, const char *path, const char *symbol)
{
	struct function_file f = { 0 };
	struct image_symbol at;

	if (image_symbol(path, symbol, &at, NULL) || function_file_open(&f, path, NULL))
		return;
	if (!function_sites(&f, at.off, FUNCTION_HERE, &l->sites, NULL)) {
		l->file = f.id;
		l->off = at.off;
	}
	function_file_close(&f);
}

void landmarks_find(struct landmarks *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct landmark *l = vec_push(ret);

		if (!l)
			return;
		l->means = rows[i].means;
		find(l, rows[i].path, rows[i].symbol);
		if (!l->file.ino) {
			vec_free(&l->sites);
			ret->n--;
		}
	}
}
