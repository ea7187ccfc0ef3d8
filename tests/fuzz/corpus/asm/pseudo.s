r1 = map[id:5]
r1 = map[id:5][0]+8
r1 = map[idx:5]
r1 = map[idx:5]+8
r1 = btf[id:5][fd:3]
call kernel-function#5[fd:-1]
callx r3
r1 = addr_space_cast(r2, 1, 0)
