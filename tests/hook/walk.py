#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stacks of a program that was built without frame pointers, against what it says itself.  TAP.

usage: walk.py BUILD [NAME...]
"""
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-walk-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}
skep, tool, obj, target, library, rows = build / 'src/cli/skep', *(
    build / 'tests/hook' / name for name in ('walk', 'walk.bpf.o', 'walked', 'walked_lib.so', 'rows'))


def call(*argv):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env=env, cwd=work)


def lines_of(out, word):
    """(number, the rest) of each line that begins so."""
    return [(int(number), rest.split()) for number, rest in re.findall(rf'^{word} (\d+) \d+(.*)$', out, re.M)]


@functools.cache
def walked(probes):
    p = call(skep, 'run', '--', tool, obj, probes, target, library)
    if 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')
    assert p.returncode == 0, p
    return p.stdout


def stacks(probes):
    """What was seen, and what was to be seen: by number, without the function that was probed."""
    out = walked(probes)
    return lines_of(out, 'stack'), lines_of(out, 'expect')


def only(pairs, number):
    found = [rest for n, rest in pairs if n == number]
    assert len(found) == 1, (number, pairs)
    return found[0]


def same(number, least, probes='mark'):
    """The callers are those, and at least so many."""
    seen, told = stacks(probes)
    seen, told = only(seen, number)[1:], only(told, number)
    assert len(told) >= least and seen == told, f'\nseen {seen}\ntold {told}'


@case
def recursion():
    same(1, 14)


@case
def a_callback_of_the_c_library():
    same(2, 6)


@case
def frames_of_any_size():
    same(3, 4)


@case
def aligned_stacks():
    same(4, 4)


@case
def inside_of_stdio():
    same(5, 7)


@case
def a_signals_handler():
    """Also one that has a stack of its own."""
    same(6, 7)
    same(7, 6)


@case
def a_handler_of_what_the_agent_sees_first():
    same(8, 6)


@case
def another_thread():
    same(9, 3)


@case
def a_call_that_does_not_return():
    """Its return address is another function's."""
    same(12, 6)


@case
def a_library_that_came_later():
    same(15, 5)


@case
def exceptions():
    """As one passes, and where it is caught."""
    same(18, 6)
    same(19, 5)


@case
def a_child():
    same(17, 8)


@case
def code_without_tables_by_frame_pointer():
    seen, told = stacks('mark')
    made, beside = only(seen, 14), only(seen, 13)
    assert beside[1:] == only(told, 13)
    assert made[0] == beside[0] and made[3:] == beside[2:], f'\n{made}\n{beside}'
    assert 0 < int(made[2], 16) - int(beside[1], 16) < 64, f'\n{made}\n{beside}'


@case
def every_instruction_of_a_function():
    """Its callers are the same at all of them."""
    code = call('objdump', '-d', '--disassemble=leaf', target).stdout
    begin, *rest = (int(x, 16) for x in re.findall(r'^ +([0-9a-f]+):\t', code, re.M))
    offsets = [0, *(at - begin for at in rest)]
    assert len(offsets) == 10, code
    for offset in offsets:
        seen, told = stacks(f'30:leaf+{offset}')
        stack, told = only(seen, 30), only(told, 10)
        behind_call = int(told[0], 16)
        assert int(stack[0], 16) == behind_call - offsets[5] + offset, (offset, stack, told)
        assert stack[1:] == told[1:] and len(told) >= 6, f'at +{offset}\nseen {stack}\ntold {told}'


@case
def return_addresses_that_were_exchanged():
    """A function ends by a jump to another: both are seen by the one address, and it is in stacks."""
    seen, told = stacks('40:pass,ret:41:hop,ret:42:land,ret:43:pass')
    told = only(told, 11)
    below = only(seen, 40)
    behind = int(told[0], 16) - int(below[2], 16)
    assert below[3:] == told[1:] and len(told) >= 5 and 0 < behind < 64, (below, told)
    assert only(seen, 43) == below[1:], (seen, below)
    assert only(seen, 41) == only(seen, 42) == below[2:], (seen, below)


@case
def system_calls():
    """Deep in the C library: where a signal's handler sees that it has interrupted."""
    seen, told = stacks('call:read')
    told = only(told, 91)
    assert len(told) >= 7
    assert told in [rest for n, rest in seen if n == 91], f'\nseen {seen}\ntold {told}'


def maps_of(out):
    return [(int(s, 16), int(e, 16), int(o, 16), p)
            for s, e, o, p in re.findall(r'^map (\w+)-(\w+) (\w+) (.*)$', out, re.M)]


def places(probes, number):
    """A stack as bytes of files, which are the same in each run."""
    out = walked(probes)
    return [next((f'{path}+{int(ip, 16) - start + off:x}' for start, end, off, path in maps_of(out)
                  if start <= int(ip, 16) < end), ip)
            for ip in only(lines_of(out, 'stack'), number)]


@case
def handlers_that_come_in_a_call_that_is_looked_at():
    """The one of kill(2) is moved, and backtrace() knows not from where."""
    same(7, 6)
    want, got = places('mark', 7), places('mark,call:kill', 7)
    assert got == want, f'\n{got}\n{want}'


@functools.cache
def build_id(path):
    p = call('readelf', '-n', path)
    m = re.search(r'Build ID: (\w+)', p.stdout)
    return m.group(1).ljust(40, '0') if m else None


def name(ip, maps):
    for start, end, off, path in maps:
        if start <= ip < end and path[0] == '/' and build_id(path):
            return f'{build_id(path)}:{ip - start + off:x}'
    return f'ip:{ip:x}'


@case
def build_ids():
    """By bpf_get_stack() and by a map of stacks."""
    out = walked('mark')
    maps = maps_of(out)
    ips = [int(ip, 16) for ip in only(lines_of(out, 'stack'), 90)]
    names = [name(ip, maps) for ip in ips]
    assert len(names) >= 7 and not any(n.startswith('ip:') for n in names), names
    assert [n for _, n in lines_of(out, 'named')] == [names, names], out


# --- rows, against what readelf(1) makes of the same file ----------------------------------------

def frames_of(path):
    """(address, cfa, where %rbp is, where the return address is) of each row that readelf shows."""
    out = call('readelf', '--debug-dump=frames-interp', '-W', path).stdout
    columns, end, ret = [], None, []
    for line in out.splitlines():
        m = re.search(r' FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)', line)
        if m:
            begin, end = (int(x, 16) for x in m.groups())
        if ' CIE ' in line:
            end = None
        if line.strip().startswith('LOC'):
            columns = line.split()
        line = re.sub(r'r\d+ \(\w+\)', 'register', line)
        if end and re.match(r'[0-9a-f]{16} ', line):
            row = dict(zip(columns, line.split()))
            if begin <= int(row['LOC'], 16) < end:
                ret.append((int(row['LOC'], 16), row['CFA'], row.get('rbp', 'u'), row['ra']))
    return ret


def expected(cfa, rbp, ra):
    """Of a row: kind, cfa and %rbp, as hive/unwind.h has them; None: not to be compared."""
    if 'exp' in (cfa, rbp, ra):
        return None
    m, saved = re.fullmatch(r'(rsp|rbp)\+(\d+)', cfa), re.fullmatch(r'c-(\d+)', rbp)
    if ra != 'c-8' or not m or (not saved and rbp not in 'us'):
        return 1, 0, 0
    return 2 if m.group(1) == 'rsp' else 3, int(m.group(2)) // 8, int(saved.group(1)) // 8 if saved else 0


def offset_of(path):
    parts = [(int(v, 16), int(o, 16), int(n, 16)) for o, v, n in
             re.findall(r'^  LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)', call('readelf', '-lW', path).stdout, re.M)]
    return lambda at: next(at - v + o for v, o, n in parts if v <= at < v + n)


@case
def tables_say_what_readelf_says():
    libc = re.search(r'libc\.so\.6 => (\S+)', call('ldd', '/bin/sh').stdout).group(1)
    for path in target, libc, '/bin/bash':
        p = call(rows, path)
        assert p.returncode == 0, p
        table = [tuple(int(x) for x in line.split()) for line in p.stdout.splitlines()]
        assert table == sorted(table)
        offset, at, compared = offset_of(path), 0, 0
        for addr, cfa, rbp, ra in sorted(frames_of(path)):
            want = expected(cfa, rbp, ra)
            while at + 1 < len(table) and table[at + 1][0] <= offset(addr):
                at += 1
            if want and table[at][1] != 7:
                assert table[at][1:] == want, f'{path} at {addr:x}: {table[at]}, not {want}'
                compared += 1
        assert compared > (15000 if path != target else 40), (path, compared)


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
