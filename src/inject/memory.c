/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - pages of a process that stands still, held for a moment; see tracee_hold().
 *
 * A patch reads a few bytes of text and writes a few; a thousand of them are in a few hundred
 * pages.  Who has no memory for a page reads and writes directly.
 */
#include "base/alloc.h"
#include "inject/tracee_int.h"

#include <unistd.h>

#define PAGE	4096u
#define BUCKETS 128u

struct page {
	struct page *next;
	uint64_t at;
	uint32_t from, to; /* what was written of it: [from, to) */
	uint8_t bytes[PAGE];
};

struct memory {
	struct page *bucket[BUCKETS];
};

void tracee_hold(struct tracee *t)
{
	if (!t->held)
		t->held = skep_alloc(sizeof(*t->held));
}

int memory_flush(struct tracee *t)
{
	int err = 0;

	for (size_t i = 0; t->held && i < BUCKETS; i++) {
		struct page *p;

		while ((p = t->held->bucket[i])) {
			const ssize_t n = (ssize_t)p->to - (ssize_t)p->from;

			if (n > 0 && pwrite(t->mem, p->bytes + p->from, (size_t)n,
					    (off_t)(p->at + p->from)) != n)
				err = -EFAULT;
			t->held->bucket[i] = p->next;
			skep_free(p);
		}
	}
	return err;
}

int tracee_release(struct tracee *t)
{
	const int err = memory_flush(t);

	skep_free(t->held);
	t->held = NULL;
	return err;
}

/* The page at that address, read where it was not yet; NULL: it cannot be, or memory is out. */
static struct page *page_at(const struct tracee *t, uint64_t at)
{
	struct page **first = &t->held->bucket[at / PAGE % BUCKETS], *p = *first;

	while (p && p->at != at)
		p = p->next;
	if (p)
		return p;
	p = skep_alloc(sizeof(*p));
	if (!p)
		return NULL;
	p->at = at;
	if (pread(t->mem, p->bytes, PAGE, (off_t)at) != PAGE) {
		skep_free(p);
		return NULL;
	}
	p->from = PAGE;
	p->next = *first;
	return *first = p;
}

int memory_read(const struct tracee *t, uint64_t at, void *to, size_t n)
{
	for (size_t done = 0, len; done < n; done += len) {
		const uint64_t off = (at + done) % PAGE;
		const struct page *p = page_at(t, at + done - off);

		len = MIN(n - done, (size_t)(PAGE - off));
		if (p)
			memcpy((uint8_t *)to + done, p->bytes + off, len);
		else if (pread(t->mem, (uint8_t *)to + done, len, (off_t)(at + done)) !=
			 (ssize_t)len)
			return -EFAULT;
	}
	return 0;
}

int memory_write(const struct tracee *t, uint64_t at, const void *from, size_t n)
{
	for (size_t done = 0, len; done < n; done += len) {
		const uint32_t off = (uint32_t)((at + done) % PAGE);
		struct page *p = page_at(t, at + done - off);

		len = MIN(n - done, (size_t)(PAGE - off));
		if (p) {
			memcpy(p->bytes + off, (const uint8_t *)from + done, len);
			p->from = MIN(p->from, off);
			p->to = MAX(p->to, off + (uint32_t)len);
		} else if (pwrite(t->mem, (const uint8_t *)from + done, len, (off_t)(at + done)) !=
			   (ssize_t)len) {
			return -EFAULT;
		}
	}
	return 0;
}
