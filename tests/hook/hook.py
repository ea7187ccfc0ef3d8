#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs at places in processes, attached by a libbpf tool that knows nothing of Skep.  TAP.

usage: hook.py BUILD [NAME...]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from nobody import become, folder_of_nobody
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-hook-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}


def place(name):
    return build / 'tests/hook' / name


skep, tool, target, obj = build / 'src/cli/skep', place('tool'), place('target'), place('probe.bpf.o')
every, usdt = place('every'), place('usdt')


def call(*argv, e=None):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          env=e or env, cwd=build)


def ptrace_permitted():
    """A child that lets itself be traced by its parent: what hooks need of the machine."""
    p = call(skep, 'run', '--', tool, obj, target, 1, 'x')
    if 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')


def sums(n):
    """What `work` is given, and returns, in n calls."""
    given = returned = 0
    for i in range(n):
        given += i
        returned += i - i // 2 if i % 7 == 3 else i * 3 + i // 2
    return given, returned


def seen(out):
    m = re.search(r'calls (-?\d+) sum (-?\d+) returns (-?\d+) sum (-?\d+) told (\w+) status (\d+)', out)
    assert m, out
    return [int(x) for x in m.groups()[:4]] + [m.group(5), int(m.group(6))]


def probed(n, how, runs, prefix=()):
    ptrace_permitted()
    p = call(*prefix, skep, 'run', '--', tool, obj, target, n, how)
    given, returned = sums(n)
    assert p.returncode == 0, p.stdout + p.stderr
    assert p.stdout.split('\n')[0] == str(returned), p.stdout
    assert seen(p.stdout) == [n * runs, given * runs, n * runs, returned * runs, 'yes', 0], p.stdout


@case
def a_function_is_probed():
    probed(5000, 'x', 1)


@case
def children_are_probed_too():
    probed(5000, 'fork', 2)


@case
def children_that_speak_are_probed_once():
    probed(5000, 'fork-talk', 2)


@case
def children_of_another_program_are_probed():
    """The parent is a new program, whose old probes are gone; the child has them still."""
    probed(5000, 'fork-exec', 2)


@case
def an_attachment_goes_alone():
    """Of two of one program at one place."""
    ptrace_permitted()
    for programs, times in ('enter,enter', 2), ('enter,enter,drop', 1), ('enter,drop', 0):
        p = call(skep, 'run', '--', tool, obj, target, 400, 'x', programs)
        assert seen(p.stdout)[0] == 400 * times, f'{programs}: {p.stdout}{p.stderr}'


def ends_elsewhere(how, calls, hits, left=0, others=()):
    """A function that ends by a jump to another one: all its calls, and what came back."""
    ptrace_permitted()
    only = f'enter@{how},ret:leave@{how}' + ''.join(f',{o}' for o in others)
    p = call(skep, 'run', '--', tool, obj, target, calls, how, only)
    assert p.returncode == 0, p.stdout + p.stderr
    total = int(p.stdout.split('\n')[0])
    entered, _, returned, summed = seen(p.stdout)[:4]
    assert (entered, returned) == (hits, hits - left), p.stdout
    return total, summed


@case
def a_tail_call_returns_where_it_was_called_from():
    total, summed = ends_elsewhere('hop', 3000, 3000)
    assert total == summed == sums(3000)[1]


@case
def both_of_a_tail_call_return():
    """The one that jumps and the one that it jumps to have one return address."""
    total, summed = ends_elsewhere('hop', 1000, 2000, others=('enter', 'ret:leave'))
    assert summed == 2 * total


@case
def stacks_begin_with_who_called():
    """At returns too, whether they are probed where they stand or by the return address."""
    ptrace_permitted()
    for how, function in ('x', 'work'), ('hop', 'hop'):
        p = call(skep, 'run', '--', tool, place('frames.bpf.o'), target, 1000, how,
                 f'enter@{function},ret:leave@{function}')
        assert p.returncode == 0, p.stdout + p.stderr
        assert seen(p.stdout)[:4] == [1000] * 4, f'{function}: {p.stdout}{p.stderr}'


@case
def an_arena_is_the_tools_memory():
    """A child of fork() has it too."""
    ptrace_permitted()
    for how, times in ('x', 1), ('fork', 2), ('threads', 5):
        p = call(skep, 'run', '--', place('arena'), place('arena.bpf.o'), target, 3000, how)
        given, _ = sums(3000)
        assert f'kept {3000 * times} sum {given * times} status 0' in p.stdout, p.stdout + p.stderr


@case
def objects_go_from_process_to_process():
    ptrace_permitted()
    for processes in 1, 4:
        p = call(skep, 'run', '--', place('kept'), place('kept.bpf.o'), 3000, processes)
        want = f'calls {3000 * processes} given {sum(range(3000)) * processes} failed 0 left 1 status 0'
        assert want in p.stdout, p.stdout + p.stderr


@case
def what_longjmp_leaves_does_not_return():
    total, summed = ends_elsewhere('leap', 3000, 3000, left=300)
    assert total == summed


@case
def exceptions_pass():
    """Of C++: through a frame whose return address was exchanged, too."""
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, place('throw'), 1000, 'x',
             'enter@thrower,ret:leave@thrower')
    total = sum(i * 3 + i // 2 for i in range(1000) if i % 10)
    assert p.stdout.split('\n')[0] == f'{total} caught 100', p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [1000, sum(range(1000)), 900, total], p.stdout


@case
def a_function_returns_from_its_own_calls():
    calls = 600
    ends_elsewhere('deep', calls, sum(i % 30 + 1 for i in range(calls)))


@case
def where_no_jump_fits():
    """An int3 is there instead, at the entry and where it returns from."""
    total, summed = ends_elsewhere('tight', 3000, 3000)
    assert total == summed == sum(3 * i + i // 2 for i in range(3000))


@case
def what_is_no_instruction():
    """In a function, behind what is probed."""
    total, summed = ends_elsewhere('odd', 1000, 1000)
    assert total == summed == sum(3 * i + i // 2 for i in range(1000))


# Where instructions of close_by() begin: a jump at the first one takes those at 1 and 4 with it, and
# the bytes of one at the last are no one's.
CLOSE = [0, 1, 4, 8, 11, 12]


def beside(offsets, calls, *others):
    only = ','.join([f'enter@close_by+{o}' for o in offsets] + list(others))
    p = call(skep, 'run', '--', tool, obj, target, calls, 'close', only)
    assert p.stdout.split('\n')[0] == str(sum(3 * i + i // 2 for i in range(calls))), p.stdout + p.stderr
    return seen(p.stdout)


@case
def instructions_side_by_side():
    """Each of them, in any order, whether a jump of one takes the others with it or not."""
    ptrace_permitted()
    for offsets in [CLOSE, CLOSE[::-1], [4, 0], [0, 4], [8, 1, 12], [12, 11], [11, 12, 0]]:
        hits = beside(offsets, 300)
        assert hits[0] == 300 * len(offsets), f'{offsets}: {hits}'
        hits = beside(offsets, 300, 'ret:leave@close_by')
        assert (hits[0], hits[2]) == (300 * len(offsets), 300), f'{offsets}: {hits}'
    # One goes, the others stay.
    assert beside([4, 0, 12], 300, 'drop')[0] == 600
    # The return first: its jump may be where others' come.
    only = 'ret:leave@close_by,' + ','.join(f'enter@close_by+{o}' for o in CLOSE)
    p = call(skep, 'run', '--', tool, obj, target, 300, 'close', only)
    assert seen(p.stdout)[:3:2] == [300 * len(CLOSE), 300], p.stdout


@case
def instructions_side_by_side_of_a_running_process():
    """What is there already gives way."""
    ptrace_permitted()
    for offsets in CLOSE, CLOSE[::-1], [0, 4, 12]:
        only = ','.join([f'enter@close_by+{o}' for o in offsets] + ['ret:leave@close_by'])
        p = call(skep, 'run', '--', 'bash', '-c', running(500, only=only, function='close'))
        assert seen(p.stdout)[0] == 500 * len(offsets) and seen(p.stdout)[2] == 500, p.stdout + p.stderr


@case
def instructions_side_by_side_of_a_child():
    """It was forked with the first tool's jump in it; the second one's instruction is in that."""
    ptrace_permitted()
    for first, second in (0, 4), (4, 0), (0, 1), (8, 0):
        p = call(skep, 'run', '--', 'bash', '-c', f'''
mkfifo {work}/in {work}/one {work}/two
{tool} {obj} {target} -p -1 enter@close_by+{first} < {work}/one > {work}/saw &
exec 6> {work}/one
until grep -q attached {work}/saw || ! kill -0 $!; do sleep 0.05; done
{target} 1000 fork-wait close < {work}/in > {work}/said &
pid=$!
exec 5> {work}/in
until grep -q ready {work}/said; do sleep 0.05; done
{tool} {obj} {target} -p -1 enter@close_by+{second} < {work}/two > {work}/saw2 &
exec 7> {work}/two
until grep -q attached {work}/saw2 || ! kill -0 $!; do sleep 0.05; done
echo >&5
sleep 0.5
echo >&6
echo >&7
sleep 0.5
echo >&5
wait
cat {work}/said {work}/saw {work}/saw2
rm {work}/in {work}/one {work}/two
''')
        assert p.stdout.startswith('ready\ntext same\n'), p.stdout + p.stderr
        assert re.findall(r'calls (\d+) sum (\d+)', p.stdout) == [('2000', '999000')] * 2, p.stdout


def libc_symbols():
    """Its path, and where each function is that others may call."""
    libc = next(l.split()[2] for l in subprocess.run(
        ['ldd', str(tool)], capture_output=True, text=True).stdout.splitlines() if 'libc.so' in l)
    out = subprocess.run(['nm', '-D', '--defined-only', libc], capture_output=True, text=True).stdout
    rows = (l.split() for l in out.splitlines())
    return libc, {name.split('@')[0]: at for at, kind, name in rows if kind in 'TW'}


@case
def beside_system_calls():
    """Functions that are little more than a system call, which all are looked at too."""
    ptrace_permitted()
    libc, names = libc_symbols()
    few = [names[n] for n in ('getppid', 'umask', 'getuid')]
    (work / 'functions').write_text('\n'.join(few) + '\n')
    count = [build / 'examples/counter', build / 'examples/counter.bpf.o']
    program = [sys.executable, '-c', 'import os\nfor i in range(1000): os.getppid(), os.umask(2)']
    probe = [every, '--multi', obj, libc, work / 'functions']

    def total(*argv):
        p = call(skep, 'run', '--', *argv)
        return int(re.search(r'total (\d+)', p.stdout)[1]), p.stderr

    alone, _ = total(*count, *program)
    assert alone > 2000, alone
    for argv in [*probe, *count, *program], [*count, *probe, *program]:
        calls, said = total(*argv)
        entries, returns = map(int, re.search(r'saw (\d+) (\d+)', said).groups())
        assert 2000 <= entries <= 2020 and returns == entries, said
        assert calls > alone - 20, (alone, calls)


@case
def around_a_system_call():
    """In the bytes of jumps before it and behind it, which are there first or come later."""
    ptrace_permitted()
    total = str(sum(3 * i + i // 2 for i in range(1000)))
    calls = ['call:bump_call@sys_enter']
    for offsets in [], [8], [15], [5, 8, 15, 21], [21, 15, 8, 0], [1, 5, 8, 25]:
        probes = [f'enter@ask+{o}' for o in offsets]
        for only in calls + probes, probes + calls:
            p = call(skep, 'run', '--', tool, obj, target, 1000, 'ask', ','.join(only))
            assert p.stdout.split('\n')[0] == total, f'{only}: {p.stdout}{p.stderr}'
            # The tool's own are seen too.
            assert 0 <= seen(p.stdout)[0] - 1000 * (len(offsets) + 1) < 900, f'{only}: {p.stdout}'
        p = call(skep, 'run', '--', 'bash', '-c', running(1000, only=','.join(
            [f'enter@ask+{o}' for o in offsets] + calls), function='ask'))
        assert f'\n{total}\n' in p.stdout, p.stdout + p.stderr
        assert 0 <= seen(p.stdout)[0] - 1000 * (len(offsets) + 1) < 900, f'{offsets}: {p.stdout}'


@case
def a_programs_start():
    """Nobody calls it: what stands on its stack is no return address."""
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, target, 10, 'x', 'enter@_start,ret:leave@_start')
    assert p.stdout.split('\n')[0] == str(sums(10)[1]), p.stdout + p.stderr
    assert seen(p.stdout)[0] == 1 and seen(p.stdout)[2] == 0 and seen(p.stdout)[5] == 0, p.stdout


@case
def all_functions_of_a_library():
    """Each function that the C library exports, entry and return, under real programs."""
    ptrace_permitted()
    libc, names = libc_symbols()
    offsets = sorted(set(names.values()))
    assert len(offsets) > 1000, names
    (work / 'functions').write_text('\n'.join(offsets) + '\n')
    p = call(skep, 'run', '--', every, obj, libc, work / 'functions', 'true')
    refused = re.findall(r'refused (\w+)', p.stderr)
    assert len(refused) < len(offsets) / 100, p.stderr
    offsets = [o for o in offsets if o.lstrip('0') not in refused]
    (work / 'functions').write_text('\n'.join(offsets) + '\n')
    programs = [[sys.executable, '-c', 'import json; print(json.dumps(list(range(99))))'],
                ['bash', '-c', 'for i in 1 2 3; do echo $i | cat; done'],
                ['sh', '-c', 'exit 7']]
    for name in ('perl', '-e', 'print join ",", sort keys %ENV'), ('awk', 'BEGIN { print sqrt(2) }'):
        if shutil.which(name[0]):
            programs.append(list(name))
    for argv in programs:
        plain = call(skep, 'run', '--', *argv)
        p = call(skep, 'run', '--', every, '--multi', obj, libc, work / 'functions', *argv)
        assert (p.returncode, p.stdout) == (plain.returncode, plain.stdout), f'{argv}: {p}'
        entries, returns, calls, backs = map(int, re.search(
            r'probed (\d+) (\d+) saw (\d+) (\d+)', p.stderr).groups())
        assert entries == returns == len(offsets), p.stderr
        assert calls > 100 and abs(calls - backs) < 100 + 0.05 * calls, p.stderr


def of_a_library(calls, how):
    """The tool attaches to it before anybody has it."""
    ptrace_permitted()
    late = place('late.so')
    p = call(skep, 'run', '--', tool, obj, target, calls, how,
             f'enter@late={late},ret:leave@late={late}')
    given, returned = sums(calls)
    assert p.returncode == 0 and p.stdout.split('\n')[0] == str(returned), p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [calls, given, calls, returned], p.stdout


@case
def a_library_that_comes_later():
    of_a_library(700, 'late')


@case
def a_library_that_comes_and_goes():
    """To the same address each time, where its jumps were."""
    of_a_library(60, 'again')


@case
def functions_that_look_at_their_caller():
    """Return where they are seen to, from the caller that they see."""
    ptrace_permitted()
    libc, names = libc_symbols()
    (work / 'functions').write_text(names['dlopen'] + '\n' + names['dlsym'] + '\n')
    p = call(skep, 'run', '--', every, '--multi', obj, libc, work / 'functions', target, 60, 'again')
    assert p.returncode == 0 and p.stdout.split('\n')[0] == str(sums(60)[1]), p.stdout + p.stderr
    entries, returns = map(int, re.search(r'probed 2 2 saw (\d+) (\d+)', p.stderr).groups())
    assert entries == returns >= 122, p.stderr


@case
def attached_and_detached_under_load():
    """HOOK_SECONDS of it, 30 unless the environment says otherwise; nothing is lost, or left."""
    ptrace_permitted()
    seconds = int(os.environ.get('HOOK_SECONDS', 30))
    script = f'''
mkfifo {work}/in
{target} 1000 busy < {work}/in > {work}/said &
pid=$!
exec 5> {work}/in
until grep -q ready {work}/said; do sleep 0.05; done
{tool} {obj} {target} churn {seconds}
echo >&5
wait $pid
echo status $?
cat {work}/said
for i in 1 2 3 4 5 6 7 8; do
    {skep} -j hive list > {work}/hives
    grep -q '"links":0' {work}/hives && grep -q '"programs":0' {work}/hives && break
    sleep 0.25
done
cat {work}/hives
rm {work}/in
'''
    p = subprocess.run([skep, 'run', '--', 'bash', '-c', script], capture_output=True, text=True,
                       timeout=seconds + 60, env={**env, 'HOOK_ROUNDS': str(work / 'rounds')})
    print('# ' + '\n# '.join(p.stdout.splitlines()))
    assert 'status 0\n' in p.stdout and '\ntext same after ' in p.stdout, p.stdout + p.stderr
    assert int(re.search(r'checked (\d+)', p.stdout).group(1)) > 1000, p.stdout
    rounds, calls, returns = map(int, re.search(
        r'rounds (\d+) calls (\d+) returns (\d+)', p.stdout).groups())
    assert rounds > seconds and calls > rounds * 1000, p.stdout
    # Entries are attached first, and detached last.
    assert calls / 4 < returns < calls, p.stdout
    assert '"links":0' in p.stdout and '"programs":0' in p.stdout and '"maps":0' in p.stdout, p.stdout


@case
def another_tool_comes_to_what_is_probed():
    """Its maps are where it is looked for before its programs run, at jumps that are there."""
    ptrace_permitted()
    script = f'''
mkfifo {work}/in {work}/first
{target} 1000 busy < {work}/in > {work}/said &
pid=$!
exec 5> {work}/in
until grep -q ready {work}/said; do sleep 0.05; done
{tool} {obj} {target} -p $pid < {work}/first > {work}/told &
exec 6> {work}/first
until grep -q attached {work}/told; do sleep 0.05; done
for i in 1 2 3 4 5; do (sleep 0.1; echo) | {tool} {obj} {target} -p $pid; done
echo >&6
wait %2
echo >&5
wait $pid
echo status $?
cat {work}/said
rm {work}/in {work}/first
'''
    p = call(skep, 'run', '--', 'bash', '-c', script)
    counts = [int(n) for n in re.findall(r'^calls (\d+)', p.stdout, re.M)]
    assert 'status 0\n' in p.stdout and '\ntext same after ' in p.stdout, p.stdout + p.stderr
    assert len(counts) == 5 and all(n > 1000 for n in counts), p.stdout + p.stderr


@case
def lines_of_programs():
    """bpf_printk() in other processes, with its arguments: on standard error, or from trace_pipe."""
    ptrace_permitted()
    line = re.compile(r'^ *target-\d+ +\[\d+\] \S+ +\d+\.\d+: bpf_trace_printk: work (\d+) of target$')

    def numbers(text):
        return [int(m.group(1)) for m in map(line.match, text.splitlines()) if m]

    p = call(skep, 'run', '-t', '--', tool, obj, target, 20, 'x', 'say')
    assert numbers(p.stderr) == list(range(20)), p.stderr
    for reader in ('cat /sys/kernel/tracing/trace_pipe', f'{skep} trace-pipe',
                   'cat /sys/kernel/debug/tracing/trace_pipe'):
        p = call(skep, 'run', '--', 'sh', '-c',
                 f'{tool} {obj} {target} 30 x say; timeout 1 {reader}')
        assert numbers(p.stdout) == list(range(30)), f'{reader}: {p.stdout}{p.stderr}'
    # By name, from outside, as they come.
    call(skep, 'run', '--keep', '--name', 'lines', '--', 'true')
    outside = subprocess.Popen([skep, 'trace-pipe', 'lines'], stdout=subprocess.PIPE, text=True,
                               env=env)
    call(skep, 'exec', 'lines', '--', tool, obj, target, 40, 'x', 'say')
    call(skep, 'hive', 'stop', 'lines')
    out, _ = outside.communicate(timeout=30)
    assert numbers(out) == list(range(40)) and outside.returncode == 0, out
    p = call(skep, 'trace-pipe', 'lines')
    assert p.returncode == 1 and 'skep hive list' in p.stderr, p.stderr


@case
def a_path_may_be_relative():
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, os.path.relpath(target, build), 300, 'x')
    assert p.returncode == 0 and seen(p.stdout)[0] == 300, p.stdout + p.stderr


@case
def threads_are_probed():
    probed(20000, 'threads', 5)


def running(how, program=target, only='', function=''):
    """A shell in a hive starts the target, then the tool, and lets go of them one after the other."""
    return f'''
mkfifo {work}/in {work}/stop
{program} {how} wait {function} < {work}/in > {work}/said &
pid=$!
exec 5> {work}/in
until grep -q ready {work}/said; do sleep 0.05; done
{tool} {obj} {program} -p $pid {only} < {work}/stop > {work}/saw &
tool=$!
exec 6> {work}/stop
until grep -q attached {work}/saw || ! kill -0 $tool; do sleep 0.05; done
echo >&5
wait $pid
echo >&6
wait $tool
cat {work}/said {work}/saw
rm {work}/in {work}/stop
'''


@case
def a_running_process_is_probed():
    ptrace_permitted()
    p = call(skep, 'run', '--', 'bash', '-c', running(3000))
    given, returned = sums(3000)
    assert f'\n{returned}\n' in p.stdout, p.stdout + p.stderr
    assert seen(p.stdout) == [3000, given, 3000, returned, 'yes', 0], p.stdout


@case
def a_function_is_left_out():
    """A program says what it returns instead."""
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, target, 700, 'x', 'refuse')
    total = sum(1000 if i % 7 == 3 else 3 * i + i // 2 for i in range(700))
    assert p.stdout.split('\n')[0] == str(total), p.stdout + p.stderr
    assert seen(p.stdout)[:2] == [700, 100], p.stdout


@case
def a_system_call_is_left_out():
    ptrace_permitted()
    script = running(10, target, 'body:deny@getppid').replace(
        'echo >&5', f'{sys.executable} -c "import os; print(os.getppid())"; echo >&5', 1)
    script = script.replace('-p $pid', '-p -1')
    p = call(skep, 'run', '--', 'bash', '-c', script)
    assert p.stdout.startswith('4711\n'), p.stdout + p.stderr
    assert seen(p.stdout)[0] == seen(p.stdout)[1] > 0, p.stdout
    p = call(skep, 'run', '--', sys.executable, '-c', 'import os; print(os.getppid())')
    assert p.stdout != '4711\n', p.stdout


@case
def signals_of_programs():
    """When the program is over, to the process or the thread; neither has a handler."""
    ptrace_permitted()
    for program, signal in ('stop', 10), ('stop_thread', 12):
        p = call(skep, 'run', '--', tool, obj, target, 700, 'x', program)
        assert seen(p.stdout)[:2] == [101, 1] and seen(p.stdout)[5] == signal, p.stdout + p.stderr


@case
def memory_is_written_where_it_may_be():
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, target, 300, 'x', 'poke')
    assert p.stdout.split('\n')[0] == str(sums(300)[1]), p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [300] * 4, p.stdout


@case
def functions_know_where_they_are():
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, target, 300, 'x', 'where,where@hop,where@tight')
    assert seen(p.stdout)[:2] == [300, 300], p.stdout + p.stderr


@case
def who_filters_its_system_calls_is_left_alone():
    """To bring anything into it would end it; others of the hive are probed."""
    ptrace_permitted()
    script = running(300).replace(f'{target} 300 wait', f'{place("acts")} filter-late').replace(
        '-p $pid', '-p -1').replace('echo >&5\nwait $pid', f'{target} 300 > {work}/sum; echo >&5\nwait $pid; echo status $?')
    p = call(skep, 'run', '--', 'bash', '-c', script)
    assert 'status 7\n' in p.stdout and p.stdout.count('written\n') == 100, p.stdout + p.stderr
    assert seen(p.stdout)[:3] == [300, sums(300)[0], 300], p.stdout


@case
def a_static_probe():
    """Its arguments, its cookie, and the semaphore by which a program knows that somebody probes."""
    ptrace_permitted()
    p = call(skep, 'run', '--', tool, obj, usdt, 1000, 'x', 'usdt')
    total = sum(range(1000))
    assert p.stdout.split('\n')[0] == f'sum {total} probed 1000', p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [1000, total, total, 5 * 1000], p.stdout
    plain = call(skep, 'run', '--', usdt, 1000)
    assert plain.stdout == f'sum {total} probed 0\n', plain.stdout


@case
def a_static_probe_of_a_running_process():
    ptrace_permitted()
    script = running(500, usdt, 'usdt').replace('wait $pid\n', 'sleep 0.3\n', 1).replace(
        'cat ', 'wait $pid\ncat ', 1)
    p = call(skep, 'run', '--', 'bash', '-c', script)
    total = sum(range(500))
    assert f'\nsum {total} probed 500\nprobed no more\n' in p.stdout, p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [500, total, total, 5 * 500], p.stdout


@case
def who_was_forked_before_is_probed():
    """Attached to all, a tool finds children that nobody heard of; and leaves no trace in any."""
    ptrace_permitted()
    script = f'''
mkfifo {work}/in {work}/stop
{target} 2000 fork-wait < {work}/in > {work}/said &
pid=$!
exec 5> {work}/in
until grep -q ready {work}/said; do sleep 0.05; done
{tool} {obj} {target} -p -1 < {work}/stop > {work}/saw &
tool=$!
exec 6> {work}/stop
until grep -q attached {work}/saw || ! kill -0 $tool; do sleep 0.05; done
echo >&5
sleep 0.5
echo >&6
wait $tool
sleep 0.5
echo >&5
wait $pid
cat {work}/said {work}/saw
rm {work}/in {work}/stop
'''
    p = call(skep, 'run', '--', 'bash', '-c', script)
    given, returned = sums(2000)
    assert '\ntext same\n' in p.stdout, p.stdout + p.stderr
    assert seen(p.stdout)[:4] == [4000, given * 2, 4000, returned * 2], p.stdout


@case
def system_calls():
    """Tracepoints, raw ones, kprobes and ksyscalls of one call: arguments, result, what may not be."""
    ptrace_permitted()
    p = call(skep, 'run', '--', place('calls_ctx'), place('calls_ctx.bpf.o'))
    assert p.returncode == 0, p.stdout + p.stderr
    lines = p.stdout.splitlines()
    for n, (when, args, ret) in enumerate((('wrapper', '1111 222 333 4', -9),
                                           ('syscall', '5555 666 777 5', -9),
                                           ('detached', '5555 666 777 5', -9))):
        times = min(n + 1, 2)
        for name in 'record', 'all', 'raw', 'call':
            assert f'{when} {name} times {times} nr 221 args {args} ret 0 stack 1' in lines, p.stdout
            assert (f'{when} {name}_exit times {times} nr 221 args 0 0 0 0 ret {ret} stack 0'
                    in lines), p.stdout
    assert 'wide Permission denied' in lines, p.stdout
    assert 'other Operation not supported' in lines, p.stdout


@case
def as_nobody():
    with folder_of_nobody(build, 'tests/hook/tool', 'tests/hook/target',
                          'tests/hook/probe.bpf.o') as there:
        at = there / 'tests/hook'
        p = call(*become, there / 'src/cli/skep', 'run', '--', at / 'tool', at / 'probe.bpf.o',
                 at / 'target', 1000, 'threads',
                 e={**env, 'XDG_RUNTIME_DIR': str(there), 'HOME': str(there)})
        given, returned = sums(1000)
        assert p.returncode == 0, p.stdout + p.stderr
        assert seen(p.stdout) == [5000, given * 5, 5000, returned * 5, 'yes', 0], p.stdout


@case
def without_a_hive_there_are_none():
    p = call(skep, 'run', '--private', '--', tool, obj, target, 1, 'x')
    assert p.returncode == 1 and 'not supported' in p.stderr.lower(), p.stdout + p.stderr


@case
def probes_go():
    """After the tool has ended the next one starts from nothing, and the program is what it was."""
    ptrace_permitted()
    script = f'{tool} {obj} {target} 500 x && sleep 0.6 && {target} 700 x && {tool} {obj} {target} 300 x'
    p = call(skep, 'run', '--', 'bash', '-c', script)
    lines = p.stdout.split('\n')
    assert lines[0] == str(sums(500)[1]) and lines[2] == str(sums(700)[1]), p.stdout + p.stderr
    assert seen(lines[3] + lines[4])[0] == 300, p.stdout


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
