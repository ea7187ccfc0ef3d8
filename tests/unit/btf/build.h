/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.h - BTF put together by name at run time, where raw.h's tables would need string offsets.
 *
 * Every function returns the new type's id; members, variables and the like are added to the
 * type that was added last.
 */
#ifndef SKEP_TESTS_BTF_BUILD_H
#define SKEP_TESTS_BTF_BUILD_H

#include "raw.h"

#include "tests/harness/test.h"

struct build {
	uint32_t word[8192]; /* [words] type section */
	size_t words;
	char str[8192]; /* [str_len] string section */
	size_t str_len;
	uint32_t types; /* added so far */
	size_t last;	/* word at which the last one begins */
};

static inline uint32_t build_str(struct build *b, const char *s)
{
	size_t at, n = strlen(s) + 1;

	if (!b->str_len)
		b->str_len = 1;
	if (n == 1)
		return 0;
	at = b->str_len;
	ASSERT_LE(at + n, sizeof(b->str));
	memcpy(b->str + at, s, n);
	b->str_len += n;
	return (uint32_t)at;
}

static inline void build_words(struct build *b, const uint32_t *w, size_t n)
{
	ASSERT_LE(b->words + n, ARRAY_SIZE(b->word));
	memcpy(&b->word[b->words], w, n * 4);
	b->words += n;
}

static inline uint32_t build_type(struct build *b, uint32_t kind, const char *name, uint32_t value)
{
	uint32_t w[] = { build_str(b, name), INFO(kind, 0, 0), value };

	b->last = b->words;
	build_words(b, w, 3);
	return ++b->types;
}

static inline uint32_t build_int(struct build *b, const char *name, uint32_t size)
{
	uint32_t id = build_type(b, BTF_KIND_INT, name, size), data = size * 8;

	build_words(b, &data, 1);
	return id;
}

static inline uint32_t build_array(struct build *b, uint32_t elem, uint32_t index, uint32_t n)
{
	uint32_t id = build_type(b, BTF_KIND_ARRAY, "", 0), w[] = { elem, index, n };

	build_words(b, w, 3);
	return id;
}

/* A member of a struct (value: bit offset), an argument, a variable of a section. */
static inline void build_part(struct build *b, const char *name, uint32_t type, uint32_t value)
{
	uint32_t w[] = { build_str(b, name), type, value };

	b->word[b->last + 1]++;
	build_words(b, w, 3);
}

static inline void build_arg(struct build *b, const char *name, uint32_t type)
{
	uint32_t w[] = { build_str(b, name), type };

	b->word[b->last + 1]++;
	build_words(b, w, 2);
}

static inline void build_vsi(struct build *b, uint32_t var, uint32_t off, uint32_t size)
{
	uint32_t w[] = { var, off, size };

	b->word[b->last + 1]++;
	build_words(b, w, 3);
}

static inline uint32_t build_var(struct build *b, const char *name, uint32_t type)
{
	uint32_t id = build_type(b, BTF_KIND_VAR, name, type), linkage = BTF_VAR_GLOBAL_ALLOCATED;

	build_words(b, &linkage, 1);
	return id;
}

static inline uint32_t build_decl_tag(struct build *b, const char *value, uint32_t type, int part)
{
	uint32_t id = build_type(b, BTF_KIND_DECL_TAG, value, type), w = (uint32_t)part;

	build_words(b, &w, 1);
	return id;
}

static inline void build_done(struct build *b, struct raw *r)
{
	build_str(b, "");
	raw_make(r, b->word, b->words, b->str, b->str_len);
}

#endif
