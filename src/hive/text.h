/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - where the functions and tables of hot rooms lie that compiled programs, and maps, refer
 * to: in this program, or in the text of the hive that this process serves, where members have them
 * too.
 */
#ifndef SKEP_HIVE_TEXT_H
#define SKEP_HIVE_TEXT_H

#include "base/base.h"

/* The same thing, here and in a hive's text. */
struct text_pair {
	const void *here, *there;
};

/**
 * From now on, for the whole process: pairs[n], which stay the caller's and as they are, are
 * sorted by `here`.
 */
void text_settle(const struct text_pair *pairs, size_t n);
/** Where that function or table is to be referred to: p itself where nothing was settled. */
const void *text_at(const void *p);

#endif
