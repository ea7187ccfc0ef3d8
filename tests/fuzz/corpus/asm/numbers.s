r1 = -9223372036854775808 ll
r1 = 0xffffffffffffffff ll
r1 += -2147483648
r1 += 0xffffffff
*(u8 *)(r1 -32768) = 1
goto -32768
