start:
	r0 = 0
loop: r0 += 1
	if r0 < 10 goto loop
	gotol end
	call sub
end: exit
sub: r0 = subprog[sub]
exit
