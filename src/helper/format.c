/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * format.c - the kernel's printf for programs: the rules of bpf_bprintf_prepare (kernel/bpf/
 * helpers.c) and the text of bstr_printf (lib/vsprintf.c).
 *
 * Two walks over the format with one parser.  The first checks all of it and fetches what the
 * arguments point at, so that an error leaves no half text; the second writes.
 *
 *	%[0 +-][width] d i u x X  with l, ll; c; s
 *	%p, %px, %pK      the address        %pB, %ps, %pS  the same as 0x...: no symbols here
 *	%pks, %pus        a string           %pi4, %pI4, %pi6, %pI6  an IP address in memory
 */
#include "helper/helper_int.h"

#define BIN_SIZE  512		  /* MAX_BPRINTF_BIN_ARGS: what fetched arguments may take */
#define WIDTH_MAX ((1 << 23) - 1) /* FIELD_WIDTH_MAX */

enum spec_kind {
	SPEC_NUMBER, /* by value */
	SPEC_CHAR,
	SPEC_STRING, /* fetched, padded to the width */
	SPEC_TEXT,   /* written out when fetched; its width is ignored, as the kernel does */
	SPEC_SYMBOL, /* an address as 0x..., padded */
};

/* One conversion, from behind its '%'. */
struct spec {
	uint8_t kind;	/* enum spec_kind */
	char conv;	/* the letter that decides; for SPEC_TEXT '4', '6' or 'B' */
	uint8_t size;	/* bytes of a number: 4 or 8 */
	uint8_t base;	/* of a number */
	bool is_signed; /* d, i */
	bool upper;	/* X */
	bool plain;	/* %pi: IP address in its wide form */
	bool left, plus, space, zero;
	int width;	   /* 0: none */
	const char *end;   /* where the check goes on */
	const char *after; /* where the text goes on: a pointer's letters are skipped as a whole */
};

/* A fetched argument. */
struct arg {
	uint64_t value; /* SPEC_NUMBER, _CHAR, _SYMBOL */
	uint16_t off;	/* SPEC_STRING, _TEXT: where in bin it stands */
	uint16_t len;	/* without its NUL */
};

struct fetched {
	struct arg arg[FORMAT_ARGS_MAX];
	size_t used;	    /* bytes of bin */
	char bin[BIN_SIZE]; /* strings, each with its NUL */
};

static bool ends_word(char c)
{
	return !c || char_is_space((unsigned char)c) || char_is_punct((unsigned char)c);
}

static const char *parse_flags(struct spec *s, const char *p)
{
	for (; *p == '0' || *p == '+' || *p == '-' || *p == ' '; p++) {
		s->zero |= *p == '0';
		s->plus |= *p == '+';
		s->left |= *p == '-';
		s->space |= *p == ' ';
	}
	for (; char_is_digit((unsigned char)*p); p++)
		s->width = MIN(s->width * 10 + (*p - '0'), WIDTH_MAX);
	return p;
}

/* What follows the p of %p. */
static int parse_pointer(struct spec *s, const char *p)
{
	s->kind = SPEC_NUMBER;
	s->size = 8;
	s->base = 16;
	s->conv = *p;
	if (ends_word(*p)) {
		s->end = p;
	} else if ((*p == 'k' || *p == 'u') && p[1] == 's') {
		if (!ends_word(p[2]))
			return -EINVAL;
		s->kind = SPEC_TEXT;
		s->conv = 's';
		s->end = p + 2;
	} else if (*p == 'x' || *p == 'K') {
		s->end = p + 1;
	} else if (*p == 's' || *p == 'S') {
		s->kind = SPEC_SYMBOL;
		s->end = p + 1;
	} else if (*p == 'B') {
		s->kind = SPEC_TEXT;
		s->end = p + 1;
	} else if ((*p == 'i' || *p == 'I') && (p[1] == '4' || p[1] == '6')) {
		s->kind = SPEC_TEXT;
		s->plain = *p == 'i';
		s->conv = p[1];
		s->end = p + 2;
	} else {
		return -EINVAL;
	}
	/* An address fills its 16 digits unless told otherwise. */
	if (s->kind == SPEC_NUMBER && !s->width) {
		s->width = 16;
		s->zero = true;
	}
	for (s->after = p; char_is_alnum((unsigned char)*s->after); s->after++)
		;
	return 0;
}

static int parse_integer(struct spec *s, const char *p)
{
	s->kind = SPEC_NUMBER;
	s->size = 4;
	for (int longs = 0; *p == 'l' && longs < 2; longs++, p++)
		s->size = 8;
	switch (*p) {
	case 'd':
	case 'i':
		s->is_signed = true;
		s->base = 10;
		break;
	case 'u':
		s->base = 10;
		break;
	case 'X':
		s->upper = true;
		s->base = 16;
		break;
	case 'x':
		s->base = 16;
		break;
	default:
		return -EINVAL;
	}
	s->end = s->after = p + 1;
	return 0;
}

/* The conversion whose '%' stands before p. */
static int parse_spec(struct spec *s, const char *p)
{
	memset(s, 0, sizeof(*s));
	p = parse_flags(s, p);
	if (*p == 'p')
		return parse_pointer(s, p + 1);
	if (*p != 's' && *p != 'c')
		return parse_integer(s, p);
	if (*p == 's' && !ends_word(p[1]))
		return -EINVAL;
	s->kind = *p == 's' ? SPEC_STRING : SPEC_CHAR;
	s->conv = *p;
	s->end = s->after = p + 1;
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put(struct format_out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

/* n times; what lies beyond the end is only counted. */
static void put_times(struct format_out *o, char c, int n)
{
	for (; n > 0 && o->len < o->size; n--)
		put(o, c);
	if (n > 0)
		o->len += (size_t)n;
}

void format_bytes(struct format_out *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(o, s[i]);
}

void format_digits(struct format_out *o, uint64_t v, unsigned base, int min, bool upper)
{
	char digits[20];
	int n = 0;

	for (; v || n == 0; v /= base)
		digits[n++] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[v % base];
	put_times(o, '0', min - n);
	while (n)
		put(o, digits[--n]);
}

static void put_number(struct format_out *o, const struct spec *s, uint64_t v)
{
	struct format_out count = { NULL, 0, 0 };
	bool minus = false;
	char sign = 0;
	int pad;

	if (s->size == 4)
		v = s->is_signed ? (uint64_t)(int64_t)(int32_t)v : (uint32_t)v;
	if (s->is_signed) {
		minus = (int64_t)v < 0;
		sign = minus ? '-' : s->plus ? '+' : s->space ? ' ' : 0;
	}
	if (minus)
		v = -v;
	format_digits(&count, v, s->base, 0, false);
	pad = s->width - (int)count.len - (sign != 0);

	if (!s->left && !s->zero)
		put_times(o, ' ', pad);
	if (sign)
		put(o, sign);
	if (!s->left && s->zero)
		put_times(o, '0', pad);
	format_digits(o, v, s->base, 0, s->upper);
	if (s->left)
		put_times(o, ' ', pad);
}

static void put_padded(struct format_out *o, const struct spec *s, const char *text, size_t n)
{
	int pad = s->width - (int)n;

	if (!s->left)
		put_times(o, ' ', pad);
	format_bytes(o, text, n);
	if (s->left)
		put_times(o, ' ', pad);
}

static void put_address(struct format_out *o, uint64_t v)
{
	format_bytes(o, "0x", 2);
	format_digits(o, v, 16, 0, false);
}

static void put_ip(struct format_out *o, const uint8_t *ip, bool v6, bool plain)
{
	int n = v6 ? 16 : 4;

	for (int i = 0; i < n; i++) {
		if (v6) {
			if (i && i % 2 == 0 && !plain)
				put(o, ':');
			format_digits(o, ip[i], 16, 2, false);
		} else {
			if (i)
				put(o, '.');
			format_digits(o, ip[i], 10, plain ? 3 : 0, false);
		}
	}
}

static void put_spec(struct format_out *o, const struct spec *s, const struct fetched *f,
		     const struct arg *a)
{
	const char *text = f->bin + a->off;
	struct format_out symbol;
	char buf[24], c;

	switch (s->kind) {
	case SPEC_NUMBER:
		put_number(o, s, a->value);
		break;
	case SPEC_CHAR:
		c = (char)a->value;
		put_padded(o, s, &c, 1);
		break;
	case SPEC_STRING:
		put_padded(o, s, text, a->len);
		break;
	case SPEC_TEXT:
		format_bytes(o, text, a->len);
		break;
	case SPEC_SYMBOL:
		symbol = (struct format_out){ buf, sizeof(buf), 0 };
		put_address(&symbol, a->value);
		put_padded(o, s, buf, symbol.len);
		break;
	}
}

/* --- fetching --------------------------------------------------------------------------------- */

/* Writes an address into bin as text; the kernel does so too, and counts the text's room. */
static int fetch_text(struct skep_run *run, const struct spec *s, struct fetched *f, struct arg *a)
{
	struct format_out o = { f->bin + f->used, BIN_SIZE - f->used, 0 };
	size_t n = s->conv == '4' ? 4 : s->conv == '6' ? 16 : 0;
	uint8_t ip[16];

	if (o.size < n)
		return -ENOSPC;
	if (n) {
		if (probe_copy(run, ip, a->value, n))
			memset(ip, 0, sizeof(ip));
		put_ip(&o, ip, n == 16, s->plain);
	} else {
		put_address(&o, a->value);
	}
	if (o.len >= o.size)
		return -ENOSPC;
	o.buf[o.len] = '\0';
	a->len = (uint16_t)o.len;
	f->used += o.len + 1;
	return 0;
}

static int fetch_string(struct skep_run *run, struct fetched *f, struct arg *a)
{
	char *dst = f->bin + f->used;
	long n;

	if (f->used == BIN_SIZE)
		return -ENOSPC;
	n = probe_string(run, dst, a->value, BIN_SIZE - f->used);
	if (n < 0) {
		*dst = '\0';
		n = 1;
	}
	a->len = (uint16_t)(n - 1);
	f->used += (size_t)n;
	return 0;
}

static int fetch_arg(struct skep_run *run, const struct spec *s, struct fetched *f, struct arg *a,
		     uint64_t raw)
{
	size_t size = s->kind == SPEC_CHAR ? 1 : s->kind == SPEC_SYMBOL ? 8 : s->size;

	a->off = (uint16_t)f->used;
	a->value = raw;
	if (s->kind == SPEC_STRING || (s->kind == SPEC_TEXT && s->conv == 's'))
		return fetch_string(run, f, a);
	if (s->kind == SPEC_TEXT)
		return fetch_text(run, s, f, a);

	/* The room that a number takes counts, so that limits are where the kernel has them. */
	if (s->kind != SPEC_CHAR)
		f->used = ALIGN_UP(f->used, 4);
	if (f->used > BIN_SIZE || BIN_SIZE - f->used < size)
		return -ENOSPC;
	f->used += size;
	return 0;
}

/* The first walk. */
static int fetch_all(struct skep_run *run, const char *fmt, struct fetched *f, const uint64_t *raw,
		     uint32_t n)
{
	struct spec s;
	uint32_t i = 0;
	int err;

	while (*fmt) {
		unsigned char c = (unsigned char)*fmt++;

		/* Bytes of UTF-8 pass; control characters do not. */
		if ((c < ' ' && !char_is_space(c)) || c == 0x7f)
			return -EINVAL;
		if (c != '%')
			continue;
		if (*fmt == '%') {
			fmt++;
			continue;
		}
		if (i >= n)
			return -EINVAL;
		err = parse_spec(&s, fmt);
		if (!err)
			err = fetch_arg(run, &s, f, &f->arg[i], raw[i]);
		if (err)
			return err;
		fmt = s.end;
		i++;
	}
	return 0;
}

int format_text(struct skep_run *run, struct format_out *out, const char *fmt, size_t fmt_size,
		const uint64_t *args, uint32_t n)
{
	struct fetched f;
	struct spec s;
	uint32_t i = 0;
	size_t len = 0;
	int err;

	while (len < fmt_size && fmt[len])
		len++;
	if (len == fmt_size)
		return -EINVAL;
	f.used = 0;
	memset(f.arg, 0, sizeof(f.arg));
	err = fetch_all(run, fmt, &f, args, n);
	if (err)
		return err;

	out->len = 0;
	while (*fmt) {
		if (*fmt != '%' || fmt[1] == '%') {
			fmt += *fmt == '%';
			put(out, *fmt++);
			continue;
		}
		parse_spec(&s, fmt + 1);
		put_spec(out, &s, &f, &f.arg[i++]);
		fmt = s.after;
	}
	if (out->size)
		out->buf[MIN(out->len, out->size - 1)] = '\0';
	return 0;
}
