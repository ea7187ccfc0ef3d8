r1 += 0x1ffffffff
r1 ?= 2
goto nowhere
