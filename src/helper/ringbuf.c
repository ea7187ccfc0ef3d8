/* SPDX-License-Identifier: BSD-2-Clause */
/* ringbuf.c - helpers on ring buffers; the protocol is in map/ringbuf.c */
#include "map/map.h"
#include "helper/helper_int.h"

HELPER_FN(ringbuf_output)
{
	return RET(ringbuf_output(PTR(r1), PTR(r2), r3, r4));
}

HELPER_FN(ringbuf_reserve)
{
	return (uintptr_t)ringbuf_reserve(PTR(r1), r2, r3);
}

HELPER_FN(ringbuf_submit)
{
	ringbuf_commit(PTR(r1), r2, false);
	return 0;
}

HELPER_FN(ringbuf_discard)
{
	ringbuf_commit(PTR(r1), r2, true);
	return 0;
}

HELPER_FN(ringbuf_query)
{
	return ringbuf_query(PTR(r1), r2);
}
