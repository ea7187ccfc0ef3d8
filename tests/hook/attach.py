#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Processes that run already are taken into a hive, as people do it: skep attach -p PID.  TAP.

usage: attach.py BUILD [NAME...]
"""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from nobody import become, folder_of_nobody, own
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-attach-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}
env.pop('SKEP_HIVE', None)
skep, at = build / 'src/cli/skep', build / 'tests/hook'
tool, target, obj = at / 'tool', at / 'target', at / 'probe.bpf.o'


def call(*argv, prefix=(), **kw):
    return subprocess.run([str(a) for a in (*prefix, *argv)], capture_output=True, text=True,
                          timeout=60, env=kw.pop('e', env), cwd='/', **kw)


class Running:
    """A process of ours, outside of any hive, that says it is ready; it ends with the case."""

    def __init__(self, *argv, ready='ready', prefix=()):
        self.p = subprocess.Popen([str(a) for a in (*prefix, *argv)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env=env)
        self.pid = self.p.pid
        if ready:
            line = self.p.stdout.readline()
            assert line.strip() == ready, line

    def __enter__(self):
        return self

    def tell(self):
        self.p.stdin.write('x')
        self.p.stdin.flush()

    def __exit__(self, *why):
        if self.p.poll() is None:
            self.p.kill()
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


def until(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'{what}: not within {seconds} s'
        time.sleep(0.05)


def attach(*args, status=0):
    p = call(skep, 'attach', *args)
    if status == 0 and 'ptrace_scope' in p.stderr:
        raise Skip(p.stderr.strip())
    assert p.returncode == status, f'{args}: {p.returncode} {p.stdout}{p.stderr}'
    return p.stdout if status == 0 else p.stderr


def tool_in(hive, *args):
    """A tool in the hive, attached to all."""
    t = Running(skep, 'exec', hive, '--', tool, obj, target, '-p', '-1', *args, ready='attached')
    return t


def seen(text):
    m = re.search(r'calls (-?\d+) sum (-?\d+) returns (-?\d+) sum (-?\d+)', text)
    assert m, text
    return [int(x) for x in m.groups()]


def stop(hive):
    p = call(skep, 'hive', 'stop', hive)
    assert p.returncode == 0, p.stderr


def sums(n):
    given = sum(range(n))
    return given, sum(i - i // 2 if i % 7 == 3 else i * 3 + i // 2 for i in range(n))


def maps(pid):
    return pathlib.Path(f'/proc/{pid}/maps').read_text()


def status_of(pid):
    return pathlib.Path(f'/proc/{pid}/status').read_text()


def text_of(pid):
    """The bytes of the program's executable mappings, as they are in memory now."""
    out = b''
    with open(f'/proc/{pid}/mem', 'rb') as mem:
        for line in maps(pid).splitlines():
            if ' r-xp ' in line and ('/target' in line or '/libc' in line or '/ld-' in line):
                a, b = (int(x, 16) for x in line.split()[0].split('-'))
                mem.seek(a)
                out += mem.read(b - a)
    return out


@case
def a_running_process_is_taken_in():
    """A new hive; a tool that is attached to all of its processes sees it, threads and all."""
    with Running(target, 3000, 'wait') as t:
        out = attach('-v', '-n', 'one', '-p', t.pid)
        assert f'process {t.pid} is in hive one\n' in out and 'skep exec one' in out, out
        ms = float(re.search(r'stood still for ([\d.]+) ms', out).group(1))
        print(f'# stood still for {ms} ms')
        with tool_in('one') as tool:
            t.tell()
            assert t.p.wait(20) == 0
            tool.tell()
            given, returned = sums(3000)
            assert seen(tool.p.stdout.read()) == [3000, given, 3000, returned]
    until('the hive ends with them', lambda: call(skep, 'hive', 'show', 'one').returncode == 1)


@case
def its_system_calls_are_seen_until_the_hive_ends():
    """By a tool that is still there when it does: then its text is what it was, and it goes on."""
    with Running(target, 3000, 'wait') as t:
        before, where = text_of(t.pid), maps(t.pid)
        attach('-n', 'calls', '-p', t.pid)
        with tool_in('calls', 'call:bump_call@sys_enter,call:bump_call@sys_exit'):
            assert text_of(t.pid) != before
            stop('calls')
            until('the text is what it was', lambda: text_of(t.pid) == before)
            until('nothing is left', lambda: maps(t.pid) == where)
        t.tell()
        assert t.p.stdout.read() == f'{sums(3000)[1]}\n' and t.p.wait(20) == 0


@case
def it_stands_still_for_a_moment_only():
    """Twenty of them, and what they say of it; how long is printed, as machines are noisy."""
    many = [Running(target, 1000, 'wait') for _ in range(20)]
    try:
        out = json.loads(attach('-j', '-n', 'many', '-p', *[t.pid for t in many]))
        assert [o['pid'] for o in out] == [t.pid for t in many]
        assert all(o['threads'] == 1 and not o['known'] for o in out), out
        times = sorted(o['stopped_us'] for o in out)
        print(f'# stopped: median {times[10]} us, most {times[-1]} us')
        assert times[0] > 0, times
        st = json.loads(call(skep, '-j', 'hive', 'show', 'many').stdout)[0]
        assert (st['members'], st['taken']) == (20, 20), st
        again = json.loads(attach('-j', '-n', 'many', '-p', many[0].pid))
        assert again[0]['known'] is True, again
    finally:
        stop('many')
        for t in many:
            t.__exit__()


@case
def children_come_along():
    """Those that are forked, and what they become by exec(2), which nobody tells the server of."""
    script = f'echo ready; read -n 1; {target} 2000 wait <<<x >/dev/null; for i in 1 2; do ' \
             f'(sleep 1; echo x) | {target} 4000 wait >/dev/null; done; echo over; read -n 1'
    with Running('bash', '-c', script) as t:
        attach('-n', 'kids', '-p', t.pid)
        with tool_in('kids') as tool:
            t.tell()
            assert t.p.stdout.readline() == 'over\n'
            tool.tell()
            calls = seen(tool.p.stdout.read())[0]
            # The first one may be too quick to be seen.
            assert calls in (8000, 10000), calls
        stop('kids')


def told_to_end(hive):
    """As who shuts a machine down tells the server."""
    os.kill(json.loads(call(skep, '-j', 'hive', 'show', hive).stdout)[0]['pid'], signal.SIGTERM)
    until('the hive ends', lambda: hive not in call(skep, 'hive', 'list').stdout)


@case
def nothing_is_left_behind():
    """When the hive ends, under load: the text is what it was, and no memory of ours is there."""
    for end in stop, told_to_end:
        with Running(target, 1000, 'busy') as t:
            before, was = maps(t.pid), text_of(t.pid)
            attach('-n', 'gone', '-p', t.pid)
            assert 'memfd:skep' in maps(t.pid)
            with tool_in('gone') as tool:
                time.sleep(0.5)
                assert text_of(t.pid) != was
                end('gone')
                assert text_of(t.pid) == was
                assert 'memfd:skep' not in maps(t.pid), maps(t.pid)
                code = [l for l in maps(t.pid).splitlines() if ' r-xp ' in l]
                assert code == [l for l in before.splitlines() if ' r-xp ' in l], code
            t.tell()
            out = t.p.stdout.read()
            assert t.p.wait(20) == 0 and 'text same' in out, out


@case
def a_hive_may_be_ended_and_founded_again():
    """The same process, ten times over, while its threads run."""
    with Running(target, 1000, 'busy') as t:
        for i in range(10):
            attach('-n', 'again', '-p', t.pid)
            with tool_in('again', 'enter,ret:leave') as tool:
                time.sleep(0.1)
                tool.tell()
                assert seen(tool.p.stdout.read())[0] > 1000
            stop('again')
        assert 'memfd:skep' not in maps(t.pid), maps(t.pid)
        t.tell()
        out = t.p.stdout.read()
        assert t.p.wait(20) == 0 and 'text same' in out, out


@case
def the_hive_that_we_are_in():
    with Running(target, 500, 'wait') as t:
        p = call(skep, 'run', '-n', 'here', '--', 'sh', '-c',
                 f'{skep} attach -p {t.pid} && {skep} -j hive show here')
        assert f'process {t.pid} is in hive here\n' in p.stdout, p.stdout + p.stderr
        assert json.loads(p.stdout.splitlines()[-1])[0]['taken'] == 1, p.stdout
        stop('here')


@case
def errors_say_what_is_in_the_way():
    assert 'there is no process 4194303' in attach('-p', 4194303, status=1)
    assert 'a process id' in attach('-p', 'x', status=2)
    assert 'skep attach -p PID' in attach(status=2)
    comm = pathlib.Path('/proc/2/comm')
    if comm.exists() and comm.read_text() == 'kthreadd\n':
        assert 'a thread of the kernel' in attach('-p', 2, status=1)
    with Running(target, 10, 'busy') as t:
        tid = next(x for x in os.listdir(f'/proc/{t.pid}/task') if int(x) != t.pid)
        assert f'{tid} is a thread of process {t.pid}' in attach('-p', tid, status=1)
        attach('-n', 'first', '-p', t.pid)
        err = attach('-n', 'second', '-p', t.pid, status=1)
        assert f'process {t.pid} is in hive first already' in err, err
        stop('first')


@case
def a_traced_process_is_another_tracers():
    code = ('import ctypes,os,sys; l=ctypes.CDLL(None,use_errno=True); '
            f'r=l.ptrace(0x4206,int(sys.argv[1]),0,0); print("traced" if r==0 else "failed",flush=True); '
            'sys.stdin.read(1)')
    with Running(target, 10, 'wait') as t:
        with Running(sys.executable, '-c', code, t.pid, ready=None) as tracer:
            if tracer.p.stdout.readline() != 'traced\n':
                raise Skip('ptrace is not permitted here')
            err = attach('-p', t.pid, status=1)
            assert f'is traced already, by process {tracer.pid} (' in err, err


@case
def code_made_before_is_seen():
    """Its system calls, until the hive ends; it has handlers as before then."""
    with Running(at / 'made', 'waits') as t:
        attach('-n', 'made', '-p', t.pid)
        with tool_in('made', 'call:bump_call@sys_enter') as tool:
            t.tell()
            assert t.p.stdout.read() == 'calls 200\n' and t.p.wait(20) == 7
            tool.tell()
            said = tool.p.stdout.read()
            if seen(said)[0] < 400 and ctypes.CDLL(None).prctl(59, 2, 4096, 4096, 0):
                raise Skip('the kernel has no Syscall User Dispatch for a stretch of addresses')
            assert seen(said)[0] >= 400, said
    with Running(at / 'made', 'waits') as t:
        attach('-n', 'made', '-p', t.pid)
        with tool_in('made', 'call:bump_call@sys_enter'):
            caught = int(re.search(r'SigCgt:\s*(\w+)', status_of(t.pid)).group(1), 16)
            assert caught >> 30 & 1, caught
            stop('made')
        assert 'memfd:skep' not in maps(t.pid), maps(t.pid)
        assert re.search(r'SigCgt:\s*0+\n', status_of(t.pid)), status_of(t.pid)
        t.tell()
        assert t.p.stdout.read() == 'calls 200\n' and t.p.wait(20) == 7


@case
def seccomp_filters_are_respected():
    """A filter that ends whoever calls openat: taking it in by force would; it is asked for first."""
    code = ('import ctypes,struct,os,sys; l=ctypes.CDLL(None); '
            'f=struct.pack("HBBIHBBIHBBIHBBI",0x20,0,0,0,0x15,0,1,257,0x06,0,0,0x80000000,'
            '0x06,0,0,0x7fff0000); b=ctypes.create_string_buffer(f); '
            'p=struct.pack("HxxxxxxQ",4,ctypes.addressof(b)); l.prctl(38,1,0,0,0); '
            'q=ctypes.create_string_buffer(p); r=l.prctl(22,2,q,0,0); '
            'os.write(1,b"ready\\n" if r==0 else b"no\\n"); os.read(0,1); os._exit(7)')
    with Running(sys.executable, '-c', code) as t:
        err = attach('-p', t.pid, status=1)
        assert 'seccomp filters of its own' in err and '--force' in err, err
        t.tell()
        assert t.p.wait(10) == 7


@case
def seccomp_filters_that_let_us_are_read():
    """By who may: then it is taken in unasked, and its system calls are seen."""
    with Running(at / 'sandbox', 'waits') as t:
        status = status_of('self')
        if int(re.search(r'CapPrm:\s*(\w+)', status).group(1), 16) >> 21 & 1 == 0 or 'Seccomp:\t0' not in status:
            err = attach('-p', t.pid, status=1)
            assert 'seccomp filters of its own (2)' in err, err
            raise Skip('only who has CAP_SYS_ADMIN and no filter may read the filters of others')
        attach('-n', 'filtered', '-p', t.pid)
        with tool_in('filtered', 'call:bump_call@sys_enter') as tool:
            t.tell()
            assert t.p.stdout.read() == 'calls 200\n' and t.p.wait(20) == 7
            tool.tell()
            said = tool.p.stdout.read()
            assert seen(said)[0] >= 200, said


@case
def another_users_process():
    if os.geteuid():
        raise Skip('only root can become somebody else')
    prefix = become
    with Running('sh', '-c', 'echo ready; read x', prefix=prefix) as t:
        err = attach('-p', t.pid, status=1)
        assert "is user nobody's" in err and 'sudo -u' in err, err
        p = call(skep, 'doctor', '-p', t.pid)
        assert p.returncode == 1 and "user nobody's" in p.stdout, p.stdout + p.stderr


@case
def as_nobody():
    """All of it without any right."""
    with folder_of_nobody(build, 'tests/hook/tool', 'tests/hook/target',
                          'tests/hook/probe.bpf.o') as there:
        harness = pathlib.Path(__file__).resolve().parent.parent / 'harness'
        (there / 'x/hook').mkdir(parents=True)
        shutil.copy(__file__, there / 'x/hook/attach.py')
        shutil.copytree(harness, there / 'x/harness')
        own(there)
        p = call(shutil.which('python3', path='/usr/bin'), there / 'x/hook/attach.py', there,
                 'a_running_process_is_taken_in', 'nothing_is_left_behind', prefix=become,
                 e={**env, 'HOME': str(there), 'XDG_RUNTIME_DIR': str(there)})
        assert p.returncode == 0 and p.stdout.count('\nok ') == 2, p.stdout + p.stderr
        if 'SKIP' in p.stdout:
            raise Skip(p.stdout.split('SKIP', 1)[1].splitlines()[0].strip())


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
