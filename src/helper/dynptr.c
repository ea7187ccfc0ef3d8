/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynptr.c - helpers and kfuncs on dynptrs (kernel/bpf/helpers.c, kernel/bpf/ringbuf.c,
 * net/core/filter.c, kernel/trace/bpf_trace.c).
 *
 * A dynptr keeps the size that it was made with.  A packet may have become shorter since, so each
 * access to one asks the packet.  It is one piece, so every slice is a pointer into it.  The
 * caller's buffer is never given back, not even where Linux would copy what is left of an XDP
 * packet: the verifier goes on knowing what is in it, whatever a slice there may do.
 */
#include "helper/dynptr.h"
#include "helper/helper_int.h"
#include "map/map.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"

#define PIECE 256 /* what is copied at once where source and destination are not at hand */

static uint64_t make_none(struct dynptr_kern *d, int err)
{
	*d = (struct dynptr_kern){ 0 };
	return RET(err);
}

static bool is_rdonly(const struct dynptr_kern *d)
{
	return d->size & DYNPTR_RDONLY;
}

static int check_range(const struct dynptr_kern *d, uint32_t off, uint32_t n)
{
	const uint32_t size = dynptr_size(d);

	return n > size || off > size - n ? -E2BIG : 0;
}

/* --- where the bytes are ---------------------------------------------------------------------- */

/* The n bytes at off, counted from where data begins: 0, or -errno where they are not there. */
static int memory_bytes(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	*ret = (uint8_t *)d->data + off;
	return 0;
}

static int skb_packet(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	return skb_bytes(d->data, off, n, ret);
}

static int xdp_packet(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	return xdp_bytes(d->data, off, n, ret);
}

static int skb_metadata(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	const struct skb_ctx *c = d->data;
	const size_t size = (size_t)(c->data - c->data_meta);

	if (n > size || off > size - n)
		return -EFAULT;
	*ret = c->data_meta + off;
	return 0;
}

static int no_bytes(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	return -EFAULT;
}

static int locate(const struct dynptr_kern *d, uint32_t off, uint32_t n, uint8_t **ret)
{
	static int (*const kinds[8])(const struct dynptr_kern *, uint32_t, uint32_t, uint8_t **) = {
		[DYNPTR_NONE] = no_bytes,
		[DYNPTR_LOCAL] = memory_bytes,
		[DYNPTR_RINGBUF] = memory_bytes,
		[DYNPTR_SKB] = skb_packet,
		[DYNPTR_XDP] = xdp_packet,
		[DYNPTR_SKB_META] = skb_metadata,
		[6] = no_bytes,
		[7] = no_bytes,
	};

	return kinds[dynptr_kind(d)](d, d->offset + off, n, ret);
}

static void *slice(const struct dynptr_kern *d, uint32_t off, uint32_t n)
{
	uint8_t *p;

	return d->data && !check_range(d, off, n) && !locate(d, off, n, &p) ? p : NULL;
}

static void *slice_rdwr(const struct dynptr_kern *d, uint32_t off, uint32_t n)
{
	return is_rdonly(d) ? NULL : slice(d, off, n);
}

/* --- copies ----------------------------------------------------------------------------------- */

static long read(void *dst, uint32_t n, const struct dynptr_kern *d, uint32_t off, uint64_t flags)
{
	uint8_t *p;
	long err;

	if (!d->data || flags)
		return -EINVAL;
	err = check_range(d, off, n);
	if (err)
		return err;
	err = locate(d, off, n, &p);
	if (!err)
		memmove(dst, p, n);
	else if (dynptr_kind(d) == DYNPTR_SKB)
		memset(dst, 0, n);
	return err;
}

static long write(const struct dynptr_kern *d, uint32_t off, const void *src, uint32_t n,
		  uint64_t flags, struct skep_run *run)
{
	uint8_t *p;
	long err;

	if (!d->data || is_rdonly(d))
		return -EINVAL;
	err = check_range(d, off, n);
	if (err)
		return err;
	if (dynptr_kind(d) == DYNPTR_SKB) /* checksum and hash follow */
		return (long)helper_skb_store_bytes((uintptr_t)d->data, d->offset + off,
						    (uintptr_t)src, n, flags, run);
	if (flags)
		return -EINVAL;
	err = locate(d, off, n, &p);
	if (!err)
		memmove(p, src, n);
	return err;
}

HELPER_FN(dynptr_from_mem)
{
	const uint32_t size = (uint32_t)r2;

	if (size > DYNPTR_MAX_SIZE)
		return make_none(PTR(r4), -E2BIG);
	if (r3)
		return make_none(PTR(r4), -EINVAL);
	dynptr_make(PTR(r4), DYNPTR_LOCAL, PTR(r1), size);
	return 0;
}

HELPER_FN(dynptr_read)
{
	return RET(read(PTR(r1), (uint32_t)r2, PTR(r3), (uint32_t)r4, r5));
}

HELPER_FN(dynptr_write)
{
	return RET(write(PTR(r1), (uint32_t)r2, PTR(r3), (uint32_t)r4, r5, run));
}

HELPER_FN(dynptr_data)
{
	const struct dynptr_kern *d = PTR(r1);

	/* Packets have kfuncs: what those give ends when the packet moves. */
	return dynptr_is_memory(d) ? (uintptr_t)slice_rdwr(d, (uint32_t)r2, (uint32_t)r3) : 0;
}

/* --- records of ring buffers ------------------------------------------------------------------ */

HELPER_FN(ringbuf_reserve_dynptr)
{
	const uint32_t size = (uint32_t)r2;
	void *record;

	if (r3)
		return make_none(PTR(r4), -EINVAL);
	if (size > DYNPTR_MAX_SIZE)
		return make_none(PTR(r4), -E2BIG);
	run->ring = PTR(r1);
	record = ringbuf_reserve(run->ring, size, 0, run->cpu);
	if (!record)
		return make_none(PTR(r4), -EINVAL);
	dynptr_make(PTR(r4), DYNPTR_RINGBUF, record, size);
	return 0;
}

static uint64_t give_back(struct dynptr_kern *d, uint64_t flags, bool discard,
			  const struct skep_run *run)
{
	if (d->data)
		ringbuf_commit(run->ring, d->data, flags, discard);
	return make_none(d, 0);
}

HELPER_FN(ringbuf_submit_dynptr)
{
	return give_back(PTR(r1), r2, false, run);
}

HELPER_FN(ringbuf_discard_dynptr)
{
	return give_back(PTR(r1), r2, true, run);
}

/* --- packets ---------------------------------------------------------------------------------- */

KFUNC_FN(bpf_dynptr_from_skb)
{
	const struct skb_ctx *c = PTR(r1);
	struct dynptr_kern *d = PTR(r3);

	if (r2)
		return make_none(d, -EINVAL);
	dynptr_make(d, DYNPTR_SKB, PTR(r1), c->len);
	if (!run->prog->kind->pkt_write)
		d->size |= DYNPTR_RDONLY;
	return 0;
}

KFUNC_FN(bpf_dynptr_from_skb_meta)
{
	const struct skb_ctx *c = PTR(r1);

	if (r2)
		return make_none(PTR(r3), -EINVAL);
	dynptr_make(PTR(r3), DYNPTR_SKB_META, PTR(r1), (uint32_t)(c->data - c->data_meta));
	return 0;
}

KFUNC_FN(bpf_dynptr_from_xdp)
{
	const struct xdp_ctx *c = PTR(r1);

	if (r2)
		return make_none(PTR(r3), -EINVAL);
	dynptr_make(PTR(r3), DYNPTR_XDP, PTR(r1), (uint32_t)(c->data_end - c->data));
	return 0;
}

/* --- slices ----------------------------------------------------------------------------------- */

KFUNC_FN(bpf_dynptr_slice)
{
	return (uintptr_t)slice(PTR(r1), (uint32_t)r2, (uint32_t)r4);
}

KFUNC_FN(bpf_dynptr_slice_rdwr)
{
	return (uintptr_t)slice_rdwr(PTR(r1), (uint32_t)r2, (uint32_t)r4);
}

/* --- the dynptr itself ------------------------------------------------------------------------ */

KFUNC_FN(bpf_dynptr_adjust)
{
	struct dynptr_kern *d = PTR(r1);
	const uint32_t start = (uint32_t)r2, end = (uint32_t)r3, size = dynptr_size(d);

	if (!d->data || start > end)
		return RET(-EINVAL);
	if (end > size)
		return RET(-ERANGE);
	d->offset += start;
	d->size = (d->size & ~DYNPTR_MAX_SIZE) | (end - start);
	return 0;
}

KFUNC_FN(bpf_dynptr_is_null)
{
	const struct dynptr_kern *d = PTR(r1);

	return !d->data;
}

KFUNC_FN(bpf_dynptr_is_rdonly)
{
	const struct dynptr_kern *d = PTR(r1);

	return d->data && is_rdonly(d);
}

KFUNC_FN(bpf_dynptr_size)
{
	const struct dynptr_kern *d = PTR(r1);

	return d->data ? dynptr_size(d) : (uint32_t)-EINVAL;
}

KFUNC_FN(bpf_dynptr_clone)
{
	const struct dynptr_kern *d = PTR(r1);
	struct dynptr_kern *to = PTR(r2);

	if (!d->data)
		return make_none(to, -EINVAL);
	*to = *d;
	return 0;
}

/* --- kfuncs that copy ------------------------------------------------------------------------- */

static long copy_pieces(const struct dynptr_kern *dst, uint32_t dst_off,
			const struct dynptr_kern *src, uint32_t src_off, uint32_t n,
			struct skep_run *run)
{
	uint8_t piece[PIECE];
	long err = 0;

	for (uint32_t done = 0; done < n && !err; done += PIECE) {
		const uint32_t len = MIN(n - done, PIECE);

		err = read(piece, len, src, src_off + done, 0);
		err = err ? err : write(dst, dst_off + done, piece, len, 0, run);
	}
	return err;
}

KFUNC_FN(bpf_dynptr_copy)
{
	const struct dynptr_kern *dst = PTR(r1), *src = PTR(r3);
	const uint32_t dst_off = (uint32_t)r2, src_off = (uint32_t)r4, n = (uint32_t)r5;
	void *from = slice(src, src_off, n), *to = slice_rdwr(dst, dst_off, n);

	if (from && to) {
		memmove(to, from, n);
		return 0;
	}
	if (from)
		return RET(write(dst, dst_off, from, n, 0, run));
	if (to)
		return RET(read(to, n, src, src_off, 0));
	if (check_range(dst, dst_off, n) || check_range(src, src_off, n))
		return RET(-E2BIG);
	return RET(copy_pieces(dst, dst_off, src, src_off, n, run));
}

KFUNC_FN(bpf_dynptr_memset)
{
	const struct dynptr_kern *d = PTR(r1);
	const uint32_t off = (uint32_t)r2, n = (uint32_t)r3;
	void *to = slice_rdwr(d, off, n);
	uint8_t piece[PIECE];
	long err;

	if (to) {
		memset(to, (int)(r4 & 0xff), n);
		return 0;
	}
	err = is_rdonly(d) ? -EINVAL : check_range(d, off, n);
	memset(piece, (int)(r4 & 0xff), sizeof(piece));
	for (uint32_t done = 0; done < n && !err; done += PIECE)
		err = write(d, off + done, piece, MIN(n - done, PIECE), 0, run);
	return RET(err);
}

KFUNC_FN(bpf_probe_read_kernel_dynptr)
{
	const struct dynptr_kern *d = PTR(r1);
	const uint32_t off = (uint32_t)r2, n = (uint32_t)r3;
	void *to = slice_rdwr(d, off, n);
	uint8_t piece[PIECE];
	long err;

	if (to)
		return RET(probe_copy(run, to, r4, n));
	err = check_range(d, off, n);
	for (uint32_t done = 0; done < n && !err; done += PIECE) {
		const uint32_t len = MIN(n - done, PIECE);

		err = probe_copy(run, piece, r4 + done, len);
		err = err ? err : write(d, off + done, piece, len, 0, run);
	}
	return RET(err);
}

KFUNC_FN(bpf_probe_read_kernel_str_dynptr)
{
	const struct dynptr_kern *d = PTR(r1);
	const uint32_t off = (uint32_t)r2, n = (uint32_t)r3;
	void *to = slice_rdwr(d, off, n);
	uint32_t done = 0, len;
	char piece[PIECE];
	long got, err;

	if (to) {
		got = probe_string(run, to, r4, n);
		if (got < 0)
			*(char *)to = '\0';
		return RET(got);
	}
	if (check_range(d, off, n))
		return RET(-E2BIG);
	/* Each piece ends with a NUL, which the next one overwrites. */
	for (; done < n; done += len - 1) {
		len = MIN(n - done, PIECE);
		got = probe_string(run, piece, r4 + done, len);
		if (got < 0)
			return RET(got);
		err = write(d, off + done, piece, (uint32_t)got, 0, run);
		if (err)
			return RET(err);
		if (got < len || len == 1)
			return done + (uint32_t)got;
	}
	return done;
}

/* User and kernel addresses are one space here. */
KFUNC_FN(bpf_probe_read_user_dynptr)
{
	return kfunc_bpf_probe_read_kernel_dynptr(r1, r2, r3, r4, r5, run);
}

KFUNC_FN(bpf_probe_read_user_str_dynptr)
{
	return kfunc_bpf_probe_read_kernel_str_dynptr(r1, r2, r3, r4, r5, run);
}
