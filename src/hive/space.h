/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.h - the server's side of a hive's memory (layout.h): who makes it, and gives parts of it
 * to maps, programs and compiled code.  Cold; safe from several threads.
 *
 * A kernel without a hive has no space: NULL, and what is asked of it comes from the heap.
 */
#ifndef SKEP_HIVE_SPACE_H
#define SKEP_HIVE_SPACE_H

#include "hive/layout.h"

struct space;

/**
 * Makes a hive's memory and maps it: 0 and *ret, or -ENOMEM, -EMFILE, -ENFILE, -EEXIST where no
 * range is free.
 */
int space_new(struct space **ret);
/** Unmaps all of it.  Accepts NULL. */
void space_free(struct space *s);

struct hive_meta *space_meta(struct space *s);
struct hive_data *space_data(struct space *s);
uintptr_t space_base(const struct space *s);
/** The memfd of a segment; borrowed. */
int space_fd(const struct space *s, enum hive_segment seg);
/** Where in its memfd the address of a segment is. */
uint64_t space_offset(const struct space *s, enum hive_segment seg, uintptr_t at);
/** Where the server writes what runs at base + HIVE_TEXT_AT. */
uint8_t *space_text_alias(const struct space *s);

/**
 * Zeroed memory of that segment (HIVE_META, HIVE_DATA) on a cache line of its own; of the heap
 * where s is NULL; NULL when memory is out.
 */
void *space_alloc(struct space *s, enum hive_segment seg, size_t size);
/** Gives back what space_alloc gave, with the same size.  Accepts NULL. */
void space_give(struct space *s, enum hive_segment seg, void *p, size_t size);

/**
 * Whole pages of data, zero, committed where they are touched; of memory that forked processes
 * share where s is NULL; NULL when memory is out.
 */
void *space_pages(struct space *s, size_t size);
void space_give_pages(struct space *s, void *p, size_t size);
/** What space_pages() gave of a space is zero again: 0 or -errno. */
int space_zero_pages(struct space *s, void *p, size_t size);

/** Addresses for size bytes, whole pages, that nothing is mapped at; 0: there are none. */
uintptr_t space_place(struct space *s, size_t size);
/** Gives them back; nothing is mapped there any more. */
void space_unplace(struct space *s, uintptr_t at, size_t size);

/**
 * Lets members map [at, at + size), which is of a descriptor from `off` on: the number of its row,
 * or -ENOSPC.  The descriptor stays open as long.
 */
int space_show(struct space *s, const struct hive_area *area);
/** Members map it for reading from now on; what they have mapped stays as it is. */
void space_protect(struct space *s, int row);
/** No longer. */
void space_hide(struct space *s, int row);

#endif
