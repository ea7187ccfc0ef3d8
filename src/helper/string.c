/* SPDX-License-Identifier: BSD-2-Clause */
/* string.c - numbers from text, comparison (kernel/bpf/helpers.c, lib/kstrtox.c) */
#include "helper/helper_int.h"

#define STRTOX_BASE_MASK 0x1f /* BPF_STRTOX_BASE_MASK */
#define STRTOX_CHARS	 63   /* characters that are looked at behind the sign */

/* A cursor over text that need not be terminated: reads NUL beyond its end. */
struct text {
	const char *p, *end;
};

static unsigned char text_at(const struct text *t, size_t i)
{
	return i < (size_t)(t->end - t->p) ? (unsigned char)t->p[i] : '\0';
}

static int digit_value(unsigned char c)
{
	unsigned char low = c | 0x20;

	if (char_is_digit(c))
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : INT16_MAX;
}

/* The base that a prefix names (0: any, octal by a leading 0), and past "0x". */
static unsigned fix_base(struct text *t, unsigned base)
{
	bool hex = text_at(t, 0) == '0' && (text_at(t, 1) | 0x20) == 'x';

	if (base == 0)
		base = text_at(t, 0) != '0' ? 10 : hex && digit_value(text_at(t, 2)) < 16 ? 16 : 8;
	if (base == 16 && hex)
		t->p += 2;
	return base;
}

/* Digits to *ret; how many there were, or -ERANGE. */
static int read_digits(struct text *t, unsigned base, uint64_t *ret)
{
	bool over = false;
	uint64_t v = 0;
	int n = 0, digit;

	while ((digit = digit_value(text_at(t, 0))) < (int)base) {
		over |= __builtin_mul_overflow(v, base, &v);
		over |= __builtin_add_overflow(v, (uint64_t)digit, &v);
		t->p++;
		n++;
	}
	*ret = v;
	return over ? -ERANGE : n;
}

/* Magnitude and sign of the number at buf; how many characters it took, or -errno. */
static int parse_number(const char *buf, size_t len, uint64_t flags, uint64_t *ret, bool *ret_minus)
{
	unsigned base = flags & STRTOX_BASE_MASK;
	struct text t;
	int n;

	if (!buf || !len || flags & ~(uint64_t)STRTOX_BASE_MASK)
		return -EINVAL;
	if (base != 0 && base != 8 && base != 10 && base != 16)
		return -EINVAL;

	t = (struct text){ buf, buf + len };
	while (t.p < t.end && char_is_space((unsigned char)*t.p))
		t.p++;
	*ret_minus = text_at(&t, 0) == '-';
	t.p += *ret_minus;
	if (t.p == t.end)
		return -EINVAL;

	t.end = t.p + MIN((size_t)(t.end - t.p), STRTOX_CHARS);
	base = fix_base(&t, base);
	n = read_digits(&t, base, ret);
	if (n < 0)
		return n;
	return n == 0 ? -EINVAL : (int)(t.p - buf);
}

HELPER_FN(strtol)
{
	int64_t *res = PTR(r4);
	uint64_t v;
	bool minus;
	int n;

	*res = 0;
	n = parse_number(PTR(r1), r2, r3, &v, &minus);
	if (n < 0)
		return RET(n);
	if (v > (uint64_t)INT64_MAX + minus)
		return RET(-ERANGE);
	*res = (int64_t)(minus ? -v : v);
	return RET(n);
}

HELPER_FN(strtoul)
{
	uint64_t *res = PTR(r4), v;
	bool minus;
	int n;

	*res = 0;
	n = parse_number(PTR(r1), r2, r3, &v, &minus);
	if (n < 0)
		return RET(n);
	if (minus)
		return RET(-EINVAL);
	*res = v;
	return RET(n);
}

HELPER_FN(strncmp)
{
	const unsigned char *a = PTR(r1), *b = PTR(r3);
	uint32_t n = (uint32_t)r2;

	for (uint32_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return RET(a[i] < b[i] ? -1 : 1);
		if (!a[i])
			break;
	}
	return 0;
}
