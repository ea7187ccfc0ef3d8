# SPDX-License-Identifier: BSD-2-Clause
# Jumps, loops, may_goto, and distances around the limits of machine code and of the fields:
# RFC 9669 section 4.3.

case goto over nothing
	r0 = 7
	goto +0
	exit
r0 7

case forwards and backwards
	r0 = 0
	goto middle
end:
	r0 += 1
	exit
middle:
	r0 += 2
	goto end
r0 3

case gotol forwards and backwards
	r0 = 0
	gotol middle
end:
	r0 += 1
	exit
middle:
	r0 += 2
	gotol end
r0 3

case several exits
	r0 = *(u8 *)(r1 +0)
	if r0 == 1 goto one
	exit
one:
	r0 = 11
	exit
mem 01
r0 11

case a counted loop
	r0 = 0
	r1 = 1
loop:
	r0 += r1
	r1 += 1
	if r1 != 101 goto loop
	exit
r0 5050

case nested loops
	r0 = 0
	r1 = 0
outer:
	r2 = 0
inner:
	r0 += 1
	r2 += 1
	if r2 < 7 goto inner
	r1 += 1
	if r1 < 5 goto outer
	exit
r0 35

case may_goto within its budget
	r0 = 0
loop:
	may_goto out
	r0 += 1
	if r0 != 1000 goto loop
out:
	exit
r0 1000

case may_goto ends a loop that does not end
	r0 = 0
loop:
	may_goto out
	goto loop
out:
	r0 = 5
	exit
r0 5

case two may_gotos
	r0 = 0
	r6 = 0
first:
	may_goto second
	r0 += 1
	if r0 != 10 goto first
second:
	may_goto out
	r6 += 1
	if r6 != 20 goto second
out:
	r0 += r6
	exit
r0 30

case forwards over 1 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 1 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 1 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 1 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 2

case backwards over 1 instructions
	r0 = 0
	r1 = 0
back:
	repeat 1 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 2

case forwards over 20 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 20 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 20 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 20 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 21

case backwards over 20 instructions
	r0 = 0
	r1 = 0
back:
	repeat 20 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 40

case forwards over 29 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 29 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 29 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 29 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 30

case backwards over 29 instructions
	r0 = 0
	r1 = 0
back:
	repeat 29 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 58

case forwards over 30 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 30 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 30 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 30 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 31

case backwards over 30 instructions
	r0 = 0
	r1 = 0
back:
	repeat 30 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 60

case forwards over 31 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 31 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 31 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 31 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 32

case backwards over 31 instructions
	r0 = 0
	r1 = 0
back:
	repeat 31 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 62

case forwards over 32 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 32 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 32 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 32 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 33

case backwards over 32 instructions
	r0 = 0
	r1 = 0
back:
	repeat 32 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 64

case forwards over 33 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 33 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 33 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 33 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 34

case backwards over 33 instructions
	r0 = 0
	r1 = 0
back:
	repeat 33 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 66

case forwards over 34 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 34 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 34 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 34 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 35

case backwards over 34 instructions
	r0 = 0
	r1 = 0
back:
	repeat 34 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 68

case forwards over 60 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 60 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 60 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 60 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 61

case backwards over 60 instructions
	r0 = 0
	r1 = 0
back:
	repeat 60 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 120

case forwards over 200 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 200 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 200 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 200 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 201

case backwards over 200 instructions
	r0 = 0
	r1 = 0
back:
	repeat 200 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 400

case forwards over 3000 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 3000 r0 += 1
out:
	r0 += 1
	exit
mem 01
r0 1

case not taken over 3000 instructions
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto out
	repeat 3000 r0 += 1
out:
	r0 += 1
	exit
mem 02
r0 3001

case backwards over 3000 instructions
	r0 = 0
	r1 = 0
back:
	repeat 3000 r0 += 1
	r1 += 1
	if r1 < 2 goto back
	exit
r0 6000

case gotol beyond the reach of goto
	r0 = 1
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto jump
	goto body
jump:
	gotol far
body:
	repeat 40000 r0 += 1
far:
	r0 += 5
	exit
mem 01
r0 6

case over the gotol that reaches beyond goto
	r0 = 1
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto jump
	goto body
jump:
	gotol far
body:
	repeat 40000 r0 += 1
far:
	r0 += 5
	exit
mem 02
r0 40006

case gotol back beyond the reach of goto
	r0 = 0
	r2 = 0
back:
	repeat 40000 r0 += 1
	r2 += 1
	if r2 == 2 goto out
	gotol back
out:
	exit
r0 80000

case the longest goto
	r0 = 0
	r1 = *(u8 *)(r1 +0)
	if r1 == 1 goto far
	repeat 32766 r0 += 1
	r0 = 3
far:
	exit
mem 01
r0 0
