#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Events of processes: births, other programs, ends, names, signals, of each task once.  TAP.

usage: events.py BUILD [NAME...]
"""
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / 'harness'))
from nobody import become, folder_of_nobody
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-events-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work), 'HOME': str(work)}
skep, tool, obj, lives = build / 'src/cli/skep', *(
    build / 'tests/hook' / name for name in ('events', 'events.bpf.o', 'lives'))

KILLED = signal.SIGKILL


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip(f'{name} is not installed')


def call(*argv, e=None):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env=e or env, cwd=work)


class Event:
    """A line of the tool's."""

    def __init__(self, line):
        self.line = line
        self.kind = line.split()[0]
        f = dict(re.findall(r'(\w+)=([^ ]*)', line))
        self.raw = f['raw'] == '1'
        self.tgid, self.tid = map(int, f['by'].split('/'))
        self.task = tuple(map(int, f['task'].split('/')))
        self.uid, self.ppid, self.age, self.code = (int(f[k]) for k in ('uid', 'ppid', 'age', 'code'))
        self.cookie, self.comm, self.path = int(f['cookie']), f['comm'], f['path']
        self.n = [int(n) for n in f['n'].split(',')]
        self.a, self.b = f['a'], f['b']


class Run:
    """A run of a program under the tool: what it said, and the events."""

    def __init__(self, *argv, kinds='on_', prefix=(), e=None):
        out = work / 'seen'
        out.unlink(missing_ok=True)
        self.p = call(*prefix, skep, 'run', '--', tool, obj, out, kinds, *argv, e=e)
        if 'Operation not permitted' in self.p.stderr and not out.exists():
            raise Skip('ptrace is not permitted here')
        assert out.exists(), self.p
        self.text = out.read_text()
        *lines, last = self.text.splitlines()
        self.first, lost = map(int, re.match(r'first (\d+) lost (\d+)$', last).groups())
        assert not lost, self.text
        self.events = [Event(l) for l in lines]
        for e in self.events:
            # Helpers and task_struct agree on who it is.
            assert e.task == (e.tgid, e.tid), e.line
            assert e.raw or e.cookie == 77, e.line

    def of(self, kind, **want):
        return [e for e in self.events
                if e.kind == kind and all(getattr(e, k) == v for k, v in want.items())]

    def whole(self):
        """Whoever was born, or was there first, ended, once, and nothing of it was seen before its
        birth, or after its end."""
        born = [self.first] + [e.n[1] for e in self.of('fork', raw=False)]
        ended = collections.Counter(e.tid for e in self.of('exit', raw=False))
        execs = collections.Counter(e.tid for e in self.of('exec', raw=False) if e.n[1] != e.tid)
        assert len(set(born)) == len(born), self.text
        others = set(born) ^ (set(ended) | {e.n[1] for e in self.of('exec', raw=False)})
        assert not others, '\n'.join(e.line for e in self.events
                                     if others & {e.tid, *e.n}) + f'\nonly born, or only ended: {others}'
        # The first thread's number ends twice where another one took it by exec.
        assert all(n == 1 + execs[tid] for tid, n in ended.items()), self.text
        alive = {self.first}
        for e in self.events:
            if e.kind == 'fork' and not e.raw:
                assert e.tid in alive, e.line + '\n' + self.text
                alive.add(e.n[1])
            elif e.kind == 'exec':
                alive.add(e.tid)
            elif e.kind in ('rename', 'signal', 'exit'):
                # Of names of its own, exec's comes where the number is another's before.
                assert e.tid in alive or e.kind == 'rename', e.line + '\n' + self.text
        return self


def straced(*argv):
    """What strace counts: tasks that were made, execs that succeeded, how tasks ended."""
    need('strace')
    out = work / 'strace'
    call('strace', '-f', '-o', out, *argv)
    text = out.read_text()
    made = len(re.findall(r'(?:clone|clone3|fork|vfork)(?:\(.*| resumed>.*)\) += [1-9]\d*$', text, re.M))
    execs = len(re.findall(r'(?:execve|execveat)(?:\(.*| resumed>.*)\) += 0$', text, re.M))
    ends = collections.Counter(int(c) << 8 for c in re.findall(r'\+\+\+ exited with (\d+) ', text))
    ends.update(int(getattr(signal, s)) for s in re.findall(r'\+\+\+ killed by (\w+)', text))
    return made, execs, ends


def counted(*argv):
    """As strace counts."""
    made, execs, ends = straced(*argv)
    r = Run(*argv, kinds='on_').whole()
    seen = collections.Counter(e.code & ~0x80 for e in r.of('exit'))
    assert len(r.of('fork')) == len(r.of('newtask')) == made, f'strace: {made}\n{r.text}'
    assert len(r.of('exec')) == execs, f'strace: {execs}\n{r.text}'
    assert seen == ends, f'strace: {ends}\n{r.text}'
    return r


# --- counts ----------------------------------------------------------------------------------------


@case
def a_shells_children():
    r = counted('sh', '-c', 'for i in 1 2 3 4 5; do ls / > /dev/null; (exit 3); done; exit 5')
    assert r.p.returncode == 5
    assert sum(e.code == 3 << 8 for e in r.of('exit')) == 5


@case
def pipes_and_substitutions():
    need('bash', 'cat')
    counted('bash', '-c', 'for i in 1 2 3; do echo $(echo $i | cat | cat); done > /dev/null')


@case
def a_failed_exec_is_none():
    r = counted('sh', '-c', '/nothing/here; exec /nothing/either')
    assert [e.path for e in r.of('exec')] == [shutil.which('sh')], r.text


@case
def many_at_once():
    r = counted(lives, 'many', 300)
    assert len(r.of('exit')) == 301


@case
def a_static_program():
    need('cc')
    src, exe = work / 'static.c', work / 'static'
    src.write_text('#include <unistd.h>\n#include <sys/wait.h>\n'
                   'int main(void) { if (!fork()) _exit(4); wait(0); return 6; }\n')
    if call('cc', '-static', '-o', exe, src).returncode:
        raise Skip('static programs cannot be linked here')
    r = counted('sh', '-c', f'{exe}; true')
    assert {e.code >> 8 for e in r.of('exit', comm='static')} == {4, 6}, r.text


@case
def a_program_in_go():
    need('go')
    src, exe = work / 'child.go', work / 'child'
    src.write_text('package main\nimport ("os"; "os/exec")\n'
                   'func main() { exec.Command("/bin/true").Run(); os.Exit(8) }\n')
    p = call('go', 'build', '-o', exe, src, e={**env, 'GOCACHE': str(work / 'go')})
    if p.returncode:
        raise Skip('go does not build here: ' + p.stderr.strip()[:100])
    # How many threads its runtime makes depends on time.
    r = Run(exe).whole()
    assert r.p.returncode == 8
    assert [e.comm for e in r.of('exec')] == ['child', 'true'], r.text
    assert all(e.code == 8 << 8 for e in r.of('exit', comm='child')), r.text
    assert [e.code for e in r.of('exit', comm='true')] == [0], r.text


# --- who they are ----------------------------------------------------------------------------------


@case
def records_and_arguments_agree():
    """Of a child that runs a program: each event by its record, and by the raw tracepoint."""
    r = Run('sh', '-c', 'ls / > /dev/null; exit 0', kinds='on_,raw').whole()
    for kind in 'fork', 'exec', 'exit', 'newtask', 'rename':
        record, raw = r.of(kind, raw=False), r.of(kind, raw=True)
        assert len(record) == len(raw) > 0, r.text
        for a, b in zip(record, raw):
            assert (a.tid, a.comm, a.n[0], a.a, a.b, a.path) == \
                (b.tid, b.comm, b.n[0], b.a, b.b, b.path), f'{a.line}\n{b.line}'
    fork, = r.of('fork', raw=True)
    child = fork.n[1]
    # The child's thread, process and parent, as its task_struct has them.
    assert fork.n[:4] == [r.first, child, child, r.first] and (fork.a, fork.b) == ('sh', 'sh'), fork.line
    assert fork.ppid != r.first and fork.tgid == r.first and fork.age >= 0, fork.line
    flags = r.of('newtask', raw=False)[0].n[1]
    assert flags == r.of('newtask', raw=True)[0].n[1] and not flags & 0xff, flags
    assert [e.n[1] for e in r.of('exit', raw=True)] == [0, 0], r.text
    for e in r.of('exit'):
        assert (e.uid, e.n[0]) == (os.geteuid(), e.tid), e.line
        assert e.raw or e.n[1] == 120 + os.nice(0), e.line
    ends = r.of('exit', raw=False)
    assert [(e.tid, e.ppid == r.first, e.comm) for e in ends] == \
        [(child, True, 'ls'), (r.first, False, 'sh')], r.text


@case
def the_programs_name():
    sh, ls = shutil.which('sh'), shutil.which('ls')
    r = Run('sh', '-c', f'{ls} / > /dev/null; exec {ls} / > /dev/null')
    assert [e.path for e in r.of('exec')] == [sh, ls, ls], r.text
    for e in r.of('exec'):
        assert e.n[:3] == [e.tid, e.tid, len(e.path) + 1], e.line
    # Its name changes before.
    names = [(e.a, e.b) for e in r.of('rename')]
    assert names == [('events', 'sh'), ('sh', 'ls'), ('sh', 'ls')], names


@case
def a_program_by_its_descriptor():
    r = Run(lives, 'by-descriptor', '/bin/true')
    assert [re.sub(r'\d+', 'N', e.path) for e in r.of('exec')][1] == '/dev/fd/N', r.text


@case
def names():
    r = Run(lives, 'names').whole()
    thread = int(re.search(r'tid (\d+)', r.p.stdout).group(1))
    want = [(r.first, 'lives', 'first'), (r.first, 'first', 'longer-than-any'),
            (thread, 'longer-than-any', 'a-thread'), (r.first, 'longer-than-any', '')]
    assert [(e.tid, e.a, e.b) for e in r.of('rename')[1:]] == want, r.text
    assert all(e.n[0] == e.tid and e.comm == e.a for e in r.of('rename')), r.text
    # The name by which a thread ends is the last one.
    assert [e.comm for e in r.of('exit') if e.tid == thread] == ['a-thread'], r.text


# --- ends ------------------------------------------------------------------------------------------


@case
def children_end_in_every_way():
    r = Run(lives, 'children', '/bin/true').whole()
    said = dict((int(a), int(b)) for a, b in re.findall(r'child (\d+) status (\d+)', r.p.stdout))
    assert len(said) == 7, r.p
    seen = {e.tid: e.code for e in r.of('exit') if e.tid != r.first}
    assert seen == said, f'{said}\n{r.text}'
    assert [e.n[1] for e in r.of('fork')] == list(said), r.text
    assert len(r.of('exec')) == 3, r.text
    assert all(e.ppid == r.first for e in r.of('exit') if e.tid != r.first), r.text


@case
def a_storm_of_ends():
    """Of processes with threads and without, that end themselves, or are killed at any moment."""
    r = Run(lives, 'storm', 400).whole()
    said = dict((int(a), int(b)) for a, b in re.findall(r'child (\d+) status (\d+)', r.p.stdout))
    assert len(said) == 400, r.p
    seen = {e.tid: e.code for e in r.of('exit') if e.tid in said}
    assert seen == said, sorted(set(said.items()) ^ set(seen.items()))
    # Threads end as their processes do.
    assert all(e.code == said[e.tgid] for e in r.of('exit') if e.tgid in said), r.text


@case
def threads_end_with_their_process():
    for how, code in ('exit', 7 << 8), ('abort', signal.SIGABRT):
        r = Run(lives, 'group', 5, how).whole()
        ends = r.of('exit')
        assert len(ends) == 6 and all(e.tgid == r.first for e in ends), r.text
        assert all(e.code & ~0x80 == code for e in ends), r.text
        assert sorted(e.comm for e in ends) == ['lives'] + ['waiter'] * 5, r.text


@case
def threads_end_by_themselves():
    """With what each of them gave exit(2); strace shows the first thread with its process's code."""
    r = Run(lives, 'leader').whole()
    assert r.p.returncode == 9
    assert [e.code for e in r.of('exit')] == [0] * 4 + [9 << 8], r.text


@case
def threads_that_give_their_stacks_back():
    """musl's detached ones end without one."""
    need('musl-gcc')
    to = work / 'acts-musl'
    p = call('musl-gcc', '-static', '-O2', '-pthread', '-o', to, here / 'acts.c')
    assert p.returncode == 0, p
    r = counted(to, 'detached', 20)
    order = [e.tid for e in r.of('exit', raw=False)]
    assert len(order) == 21 and order[-1] == r.first, r.text


@case
def a_killed_group():
    """It was born under the tool, and six are told of."""
    need('bash')
    script = f'''
coproc {lives} group 5 wait
read -u ${{COPROC[0]}} word pid
kill -9 $pid
wait $COPROC_PID 2> /dev/null
echo pid $pid
'''
    r = Run('bash', '-c', script).whole()
    pid = int(re.search(r'pid (\d+)', r.p.stdout).group(1))
    ends = [e for e in r.of('exit') if e.tgid == pid]
    assert len(ends) == 6 and all(e.code == KILLED for e in ends), r.text
    assert sorted(e.comm for e in ends) == ['lives'] + ['waiter'] * 5, r.text
    sent, = [e for e in r.of('signal') if e.n[0] == KILLED]
    assert sent.n[1:] == [0, 0, pid, 1, 0] and sent.a == 'lives' and sent.comm == 'bash', sent.line


@case
def who_was_there_before():
    """A group that ran before the tool attached, and is killed."""
    need('bash')
    out = work / 'before'
    script = f'''
coproc {lives} group 5 wait
read -u ${{COPROC[0]}} word pid
echo pid $pid
{tool} {obj} {out} on_ bash -c "kill -9 $pid"
'''
    p = call(skep, 'run', '--', 'bash', '-c', script)
    if not out.exists() and 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')
    pid = int(re.search(r'pid (\d+)', p.stdout).group(1))
    ends = [Event(l) for l in out.read_text().splitlines() if l.startswith('exit')]
    ends = [e for e in ends if e.tgid == pid]
    assert len(ends) == len({e.tid for e in ends}) == 6, out.read_text()
    assert all(e.code == KILLED and e.age >= 0 for e in ends), out.read_text()
    assert sorted(e.comm for e in ends) == ['lives'] + ['waiter'] * 5, out.read_text()


@case
def a_thread_becomes_another_program():
    r = Run(lives, 'thread-exec', '/bin/true').whole()
    tid = int(re.search(r'tid (\d+)', r.p.stdout).group(1))
    became, = [e for e in r.of('exec') if e.comm == 'true']
    assert became.n[:2] == [r.first, tid] and tid != r.first, became.line
    before = r.events[:r.events.index(became)]
    # The first thread and the two that waited, before; none under the number that is no more.
    assert sorted(e.comm for e in before if e.kind == 'exit') == ['lives', 'waiter', 'waiter'], r.text
    assert tid not in {e.tid for e in r.of('exit')}, r.text
    assert [e.comm for e in r.of('exit') if e.tid == r.first] == ['lives', 'true'], r.text


@case
def who_becomes_anothers_program():
    """One that would change its user is not followed, and its end is not missed."""
    exe = work / 'changes'
    shutil.copy(shutil.which('true'), exe)
    exe.chmod(0o4755)
    r = Run('sh', '-c', f'{exe}; {exe}; exit 3')
    children = [e.n[1] for e in r.of('fork')]
    assert len(children) == 2, r.text
    ends = [(e.tid, e.code) for e in r.of('exit')]
    assert sorted(ends) == sorted([(children[0], 0), (children[1], 0), (r.first, 3 << 8)]), r.text


# --- signals ---------------------------------------------------------------------------------------


@case
def signals():
    r = Run(lives, 'signals').whole()
    me, usr1, usr2, term = r.first, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM
    # sig, errno, code, whom, group, result: 0 delivered, 1 ignored, 2 pending already
    want = [
        (usr1, 0, 0, me, 1, 0), (usr2, 0, 0, me, 1, 1), (signal.SIGCHLD, 0, 0, me, 1, 1),
        (usr1, 0, -6, me, 0, 0),  # raise
        (usr1, 0, -6, me, 0, 0),  # tkill
        (usr1, 42, -1, me, 1, 0),  # rt_sigqueueinfo
        (usr1, 0, -60, me, 0, 0),  # rt_tgsigqueueinfo
        # Blocked ones are not ignored, and one of a kind waits.
        (usr2, 0, 0, me, 1, 0), (term, 0, 0, me, 1, 0), (term, 0, 0, me, 1, 2),
        (usr1, 0, 0, me, 1, 0),  # by pidfd
        (usr1, 0, 0, me, 1, 0), (usr1, 0, 0, me, 1, 0),  # the process group
        (KILLED, 0, 0, me, 1, 0),
    ]
    assert [tuple(e.n) for e in r.of('signal')] == want, r.text
    assert all(e.a == e.comm == 'lives' for e in r.of('signal')), r.text
    assert [e.code for e in r.of('exit')] == [KILLED], r.text
    raw = Run(lives, 'signals', kinds='raw_signal')
    assert [tuple(e.n[:3] + e.n[4:]) for e in raw.of('signal')] == [w[:3] + w[4:] for w in want], raw.text
    assert all(e.n[3] == raw.first and e.a == 'lives' for e in raw.of('signal')), raw.text


# --- who may ---------------------------------------------------------------------------------------


@case
def each_kind_alone():
    """Without the others, as each needs its own system calls to be looked at."""
    script = 'ls / > /dev/null; kill -CONT $$; exit 4'
    for kind, n in (('fork', 1), ('exec', 2), ('exit', 2), ('newtask', 1), ('rename', 2),
                    ('signal', 1)):
        r = Run('sh', '-c', script, kinds=f'on_{kind}')
        assert [e.kind for e in r.events] == [kind] * n, f'{kind}\n{r.text}'


@case
def as_nobody():
    with folder_of_nobody(build, 'tests/hook/events', 'tests/hook/events.bpf.o',
                          'tests/hook/lives') as there:
        at = there / 'tests/hook'
        p = call(*become, there / 'src/cli/skep', 'run', '--', at / 'events', at / 'events.bpf.o',
                 there / 'seen', 'on_', at / 'lives', 'children', '/bin/true',
                 e={**env, 'XDG_RUNTIME_DIR': str(there)})
        if 'Operation not permitted' in p.stderr:
            raise Skip('ptrace is not permitted to nobody here')
        said = dict((int(a), int(b)) for a, b in re.findall(r'child (\d+) status (\d+)', p.stdout))
        text = (there / 'seen').read_text()
        events = [Event(l) for l in text.splitlines()[:-1]]
        ends = {e.tid: e.code for e in events if e.kind == 'exit' and e.tid in said}
        assert ends == said and len(said) == 7, f'{said}\n{text}'
        assert all(e.uid == 65534 for e in events), p


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
