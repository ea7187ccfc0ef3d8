# SPDX-License-Identifier: BSD-2-Clause
# Atomic operations: RFC 9669 section 5.3, load-acquire and store-release (Linux 6.15).
# 32-bit operations leave the rest of the memory word and zero-extend what they fetch.

case lock += on u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) += r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x88776655ba875421

case lock += on u32 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) += r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_add on u32, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_add((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x88776655ba875421

case fetch_add on u32, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_add((u32 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x44332211

case lock |= on u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) |= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665576773211

case lock |= on u32 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) |= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_or on u32, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_or((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665576773211

case fetch_or on u32, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_or((u32 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x44332211

case lock &= on u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) &= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544102210

case lock &= on u32 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) &= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_and on u32, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_and((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544102210

case fetch_and on u32, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_and((u32 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x44332211

case lock ^= on u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) ^= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665532671001

case lock ^= on u32 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u32 *)(r10 -8) ^= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_xor on u32, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_xor((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665532671001

case fetch_xor on u32, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_fetch_xor((u32 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x44332211

case xchg on u32, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_xchg((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665576543210

case xchg on u32, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic_xchg((u32 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x44332211

case cmpxchg on u32, equal, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877995544332211 ll
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665576543210

case cmpxchg on u32, equal, r0 is the old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877995544332211 ll
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)
	exit
r0 0x44332211

case cmpxchg on u32, different, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332210 ll
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544332211

case cmpxchg on u32, different, r0 is the old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332210 ll
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)
	exit
r0 0x44332211

case cmpxchg on u32 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 1
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)
	r0 = r2
	exit
r0 0xfedcba9876543210

case cmpxchg on u32 whose source is r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332211 ll
	r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r0)
	r2 = *(u64 *)(r10 -8)
	r0 ^= r2
	exit
r0 0x8877665500000000

case lock += on u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) += r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x875420edba875421

case lock += on u64 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) += r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_add on u64, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x875420edba875421

case fetch_add on u64, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x8877665544332211

case lock |= on u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) |= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xfefffedd76773211

case lock |= on u64 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) |= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_or on u64, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_or((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xfefffedd76773211

case fetch_or on u64, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_or((u64 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x8877665544332211

case lock &= on u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) &= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8854221044102210

case lock &= on u64 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) &= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_and on u64, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_and((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8854221044102210

case fetch_and on u64, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_and((u64 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x8877665544332211

case lock ^= on u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) ^= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x76abdccd32671001

case lock ^= on u64 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	lock *(u64 *)(r10 -8) ^= r2
	r0 = r2
	exit
r0 0xfedcba9876543210

case fetch_xor on u64, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_xor((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x76abdccd32671001

case fetch_xor on u64, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_fetch_xor((u64 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x8877665544332211

case xchg on u64, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_xchg((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xfedcba9876543210

case xchg on u64, old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r2 = atomic64_xchg((u64 *)(r10 -8), r2)
	r0 = r2
	exit
r0 0x8877665544332211

case cmpxchg on u64, equal, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332211 ll
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xfedcba9876543210

case cmpxchg on u64, equal, r0 is the old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332211 ll
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
	exit
r0 0x8877665544332211

case cmpxchg on u64, different, memory
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332210 ll
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544332211

case cmpxchg on u64, different, r0 is the old value
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332210 ll
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
	exit
r0 0x8877665544332211

case cmpxchg on u64 leaves the source
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 1
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
	r0 = r2
	exit
r0 0xfedcba9876543210

case cmpxchg on u64 whose source is r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x8877665544332211 ll
	r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r0)
	r2 = *(u64 *)(r10 -8)
	r0 ^= r2
	exit
r0 0x0

# the and, or and xor that fetch are loops around cmpxchg on x86, where r0 is rax
case fetch_add on u32 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic_fetch_add((u32 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_add on u32 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic_fetch_add((u32 *)(r10 -8), r0)
	exit
r0 0x44332211

case fetch_add on u32 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic_fetch_add((u32 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x88776655ba875421

case fetch_add on u64 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_add on u64 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic64_fetch_add((u64 *)(r10 -8), r0)
	exit
r0 0x8877665544332211

case fetch_add on u64 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic64_fetch_add((u64 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x875420edba875421

case fetch_or on u32 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic_fetch_or((u32 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_or on u32 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic_fetch_or((u32 *)(r10 -8), r0)
	exit
r0 0x44332211

case fetch_or on u32 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic_fetch_or((u32 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x8877665576773211

case fetch_or on u64 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic64_fetch_or((u64 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_or on u64 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic64_fetch_or((u64 *)(r10 -8), r0)
	exit
r0 0x8877665544332211

case fetch_or on u64 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic64_fetch_or((u64 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0xfefffedd76773211

case fetch_and on u32 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic_fetch_and((u32 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_and on u32 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic_fetch_and((u32 *)(r10 -8), r0)
	exit
r0 0x44332211

case fetch_and on u32 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic_fetch_and((u32 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x8877665544102210

case fetch_and on u64 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic64_fetch_and((u64 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_and on u64 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic64_fetch_and((u64 *)(r10 -8), r0)
	exit
r0 0x8877665544332211

case fetch_and on u64 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic64_fetch_and((u64 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x8854221044102210

case fetch_xor on u32 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic_fetch_xor((u32 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_xor on u32 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic_fetch_xor((u32 *)(r10 -8), r0)
	exit
r0 0x44332211

case fetch_xor on u32 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic_fetch_xor((u32 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x8877665532671001

case fetch_xor on u64 keeps r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = 0x1122334455667788 ll
	r2 = atomic64_fetch_xor((u64 *)(r10 -8), r2)
	exit
r0 0x1122334455667788

case fetch_xor on u64 of r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r2
	r0 = atomic64_fetch_xor((u64 *)(r10 -8), r0)
	exit
r0 0x8877665544332211

case fetch_xor on u64 at r0
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = r10
	r2 = atomic64_fetch_xor((u64 *)(r0 -8), r2)
	r0 = *(u64 *)(r0 -8)
	exit
r0 0x76abdccd32671001

# each register as base and source
case fetch_add at r0 of r3
	r0 = r10
	*(u64 *)(r10 -8) = 40
	r3 = 2
	r3 = atomic64_fetch_add((u64 *)(r0 -8), r3)
	r0 = *(u64 *)(r10 -8)
	r0 <<= 8
	r0 |= r3
	exit
r0 0x2a28

case lock xor at r0 of r3
	r0 = r10
	*(u64 *)(r10 -8) = 0xf0
	r3 = 0xff
	lock *(u32 *)(r0 -8) ^= r3
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r1 of r4
	r1 = r10
	*(u64 *)(r10 -8) = 40
	r4 = 2
	r4 = atomic64_fetch_add((u64 *)(r1 -8), r4)
	r1 = *(u64 *)(r10 -8)
	r1 <<= 8
	r1 |= r4
	r0 = r1
	exit
r0 0x2a28

case lock xor at r1 of r4
	r1 = r10
	*(u64 *)(r10 -8) = 0xf0
	r4 = 0xff
	lock *(u32 *)(r1 -8) ^= r4
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r2 of r5
	r2 = r10
	*(u64 *)(r10 -8) = 40
	r5 = 2
	r5 = atomic64_fetch_add((u64 *)(r2 -8), r5)
	r2 = *(u64 *)(r10 -8)
	r2 <<= 8
	r2 |= r5
	r0 = r2
	exit
r0 0x2a28

case lock xor at r2 of r5
	r2 = r10
	*(u64 *)(r10 -8) = 0xf0
	r5 = 0xff
	lock *(u32 *)(r2 -8) ^= r5
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r3 of r6
	r3 = r10
	*(u64 *)(r10 -8) = 40
	r6 = 2
	r6 = atomic64_fetch_add((u64 *)(r3 -8), r6)
	r3 = *(u64 *)(r10 -8)
	r3 <<= 8
	r3 |= r6
	r0 = r3
	exit
r0 0x2a28

case lock xor at r3 of r6
	r3 = r10
	*(u64 *)(r10 -8) = 0xf0
	r6 = 0xff
	lock *(u32 *)(r3 -8) ^= r6
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r4 of r7
	r4 = r10
	*(u64 *)(r10 -8) = 40
	r7 = 2
	r7 = atomic64_fetch_add((u64 *)(r4 -8), r7)
	r4 = *(u64 *)(r10 -8)
	r4 <<= 8
	r4 |= r7
	r0 = r4
	exit
r0 0x2a28

case lock xor at r4 of r7
	r4 = r10
	*(u64 *)(r10 -8) = 0xf0
	r7 = 0xff
	lock *(u32 *)(r4 -8) ^= r7
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r5 of r8
	r5 = r10
	*(u64 *)(r10 -8) = 40
	r8 = 2
	r8 = atomic64_fetch_add((u64 *)(r5 -8), r8)
	r5 = *(u64 *)(r10 -8)
	r5 <<= 8
	r5 |= r8
	r0 = r5
	exit
r0 0x2a28

case lock xor at r5 of r8
	r5 = r10
	*(u64 *)(r10 -8) = 0xf0
	r8 = 0xff
	lock *(u32 *)(r5 -8) ^= r8
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r6 of r9
	r6 = r10
	*(u64 *)(r10 -8) = 40
	r9 = 2
	r9 = atomic64_fetch_add((u64 *)(r6 -8), r9)
	r6 = *(u64 *)(r10 -8)
	r6 <<= 8
	r6 |= r9
	r0 = r6
	exit
r0 0x2a28

case lock xor at r6 of r9
	r6 = r10
	*(u64 *)(r10 -8) = 0xf0
	r9 = 0xff
	lock *(u32 *)(r6 -8) ^= r9
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r7 of r0
	r7 = r10
	*(u64 *)(r10 -8) = 40
	r0 = 2
	r0 = atomic64_fetch_add((u64 *)(r7 -8), r0)
	r7 = *(u64 *)(r10 -8)
	r7 <<= 8
	r7 |= r0
	r0 = r7
	exit
r0 0x2a28

case lock xor at r7 of r0
	r7 = r10
	*(u64 *)(r10 -8) = 0xf0
	r0 = 0xff
	lock *(u32 *)(r7 -8) ^= r0
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r8 of r1
	r8 = r10
	*(u64 *)(r10 -8) = 40
	r1 = 2
	r1 = atomic64_fetch_add((u64 *)(r8 -8), r1)
	r8 = *(u64 *)(r10 -8)
	r8 <<= 8
	r8 |= r1
	r0 = r8
	exit
r0 0x2a28

case lock xor at r8 of r1
	r8 = r10
	*(u64 *)(r10 -8) = 0xf0
	r1 = 0xff
	lock *(u32 *)(r8 -8) ^= r1
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case fetch_add at r9 of r2
	r9 = r10
	*(u64 *)(r10 -8) = 40
	r2 = 2
	r2 = atomic64_fetch_add((u64 *)(r9 -8), r2)
	r9 = *(u64 *)(r10 -8)
	r9 <<= 8
	r9 |= r2
	r0 = r9
	exit
r0 0x2a28

case lock xor at r9 of r2
	r9 = r10
	*(u64 *)(r10 -8) = 0xf0
	r2 = 0xff
	lock *(u32 *)(r9 -8) ^= r2
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xf

case load_acquire u8
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = load_acquire((u8 *)(r10 -8))
	exit
r0 0x11

case store_release u8
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	store_release((u8 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544332210

case load_acquire u16
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = load_acquire((u16 *)(r10 -8))
	exit
r0 0x2211

case store_release u16
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	store_release((u16 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665544333210

case load_acquire u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = load_acquire((u32 *)(r10 -8))
	exit
r0 0x44332211

case store_release u32
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	store_release((u32 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0x8877665576543210

case load_acquire u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	r0 = load_acquire((u64 *)(r10 -8))
	exit
r0 0x8877665544332211

case store_release u64
	r2 = 0x8877665544332211 ll
	*(u64 *)(r10 -8) = r2
	r2 = 0xfedcba9876543210 ll
	store_release((u64 *)(r10 -8), r2)
	r0 = *(u64 *)(r10 -8)
	exit
r0 0xfedcba9876543210
