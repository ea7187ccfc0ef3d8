#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples that attach, as people run them: what they say against what happened.  TAP.

usage: examples.py BUILD [NAME...]
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-examples-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work),
       'PATH': '/usr/bin:/bin:/usr/sbin:/sbin'}
skep, examples, target = build / 'src/cli/skep', build / 'examples', build / 'tests/hook/stacks'
tools = ('funclatency', 'counter', 'execsnoop', 'exitsnoop', 'opensnoop', 'hello', 'sslsniff', 'mallocstacks')


def call(*argv):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          env=env, cwd=work, stdin=subprocess.DEVNULL)


def run(tool, *argv, skep_options=()):
    """An example in a new hive: its exit status and all that it and CMD wrote."""
    p = call(skep, 'run', *skep_options, '--', examples / tool, examples / f'{tool}.bpf.o', *argv)
    if 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')
    return p


@case
def each_says_how_it_is_used():
    for tool in tools:
        for argv, status in ((), 2), (('--help',), 0), (('x.bpf.o',), 2), (('x.bpf.o', '-?'), 2):
            p = call(examples / tool, *argv)
            said = (p.stderr if status else p.stdout).splitlines()
            assert p.returncode == status, f'{tool} {argv}: {p}'
            assert len(said) == 1 and said[0].startswith(f'usage: {tool} OBJECT '), f'{tool} {argv}: {p}'
        p = call(examples / tool, work / 'none.bpf.o', 'true', 'true', 'true')
        assert p.returncode == 1 and 'none.bpf.o' in p.stderr, p


def total(p):
    return int(re.search(r'^total (\d+)$', p.stdout, re.M).group(1))


@case
def counter_counts_system_calls():
    for n in 1000, 20000:
        p = run('counter', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1', f'count={n}')
        assert p.returncode == 0, p
        assert 2 * n <= total(p) < 2 * n + 600, p
        last = re.findall(rf'^ *{os.geteuid()} +\S+ +(\d+)$', p.stdout, re.M)[-1]
        assert int(last) == total(p), p


@case
def counter_tells_of_the_time_between():
    p = run('counter', '-i', '0.1', 'sh', '-c', 'sleep 1; exit 5')
    sums = [int(n) for n in re.findall(rf'^ *{os.geteuid()} +\S+ +(\d+)$', p.stdout, re.M)]
    assert p.returncode == 5 and 4 <= len(sums) <= 12, p
    assert sums == sorted(sums) and sums[0] < sums[-1] == total(p), p


def execs(p):
    """(PID, PPID, COMM, RET, ARGS) of each line."""
    lines = [l.split(maxsplit=4) for l in p.stdout.splitlines()
             if re.match(r'\d+ +\d+ +\S+ +-?\d+ ', l)]
    return [(int(pid), int(ppid), comm, int(ret), args) for pid, ppid, comm, ret, args in lines]


@case
def execsnoop_tells_of_each_execve():
    """Once, in their order, with what became of it."""
    many = ' '.join(map(str, range(25)))
    p = run('execsnoop', '/usr/bin/bash', '-c', f"""/usr/bin/true a 'b c' ''
/no/such x
(exec /etc/passwd)
/usr/bin/env -i /usr/bin/env X=1 /usr/bin/true -i
/usr/bin/true {many}
for i in 1 2 3; do /usr/bin/expr $i + 1; done
exit 3""")
    seen = execs(p)
    bash = seen.pop(0)
    assert p.returncode == 3 and bash[2:4] == ('bash', 0), p
    assert bash[4].startswith("/usr/bin/bash -c /usr/bin/true a 'b c' ''"), p
    assert [(comm, ret, args) for _, _, comm, ret, args in seen] == [
        ('true', 0, '/usr/bin/true a b c '),
        ('bash', -2, '/no/such x'),
        ('bash', -13, '/etc/passwd'),
        ('env', 0, '/usr/bin/env -i /usr/bin/env X=1 /usr/bin/true -i'),
        ('env', 0, '/usr/bin/env X=1 /usr/bin/true -i'),
        ('true', 0, '/usr/bin/true -i'),
        ('true', 0, '/usr/bin/true ' + ' '.join(map(str, range(19))) + ' ...'),
        *[('expr', 0, f'/usr/bin/expr {i} + 1') for i in (1, 2, 3)]], p
    assert {ppid for _, ppid, *_ in seen} == {bash[0]}, p
    assert len({pid for pid, *_ in seen}) == len(seen) - 2, p   # env becomes env, then true


@case
def execsnoop_sees_children_that_share_memory():
    """vfork(2), and a thread that is not the first."""
    p = run('execsnoop', sys.executable, '-c', """if True:
        import os, threading
        for i in range(20):
            pid = os.posix_spawn('/usr/bin/true', ['true', f'spawned-{i}'], os.environ)
            os.waitpid(pid, 0)
        threading.Thread(target=os.execv, args=('/usr/bin/true', ['true', 'thread'])).start()""")
    seen = execs(p)
    python = seen.pop(0)
    assert p.returncode == 0, p
    assert [e[2:] for e in seen] == [
        *[('true', 0, f'/usr/bin/true spawned-{i}') for i in range(20)],
        ('true', 0, '/usr/bin/true thread')], p
    assert seen[-1][0] == python[0] and {e[1] for e in seen[:-1]} == {python[0]}, p


@case
def exitsnoop_tells_how_processes_end():
    """By a code, by a signal, and the last of all itself; threads are none."""
    p = run('exitsnoop', sys.executable, '-c', """if True:
        import os, signal, subprocess, sys, threading
        def tell(p, status):
            print('truth', p, status, file=sys.stderr, flush=True)
        for code in 0, 3, 255:
            pid = os.posix_spawn('/bin/sh', ['sh', '-c', f'exit {code}'], os.environ)
            tell(*os.waitpid(pid, 0))
        for sig in signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV:
            child = subprocess.Popen(['sleep', '60'])
            child.send_signal(sig)
            child.wait()
            tell(child.pid, sig)
        t = threading.Thread(target=lambda: None)
        t.start()
        t.join()
        os.kill(os.getpid(), signal.SIGUSR1)""")
    assert p.returncode == 128 + signal.SIGUSR1, p
    truth = {int(pid): int(status) & 0x7f or int(status) for pid, status in
             re.findall(r'^truth (\d+) (\d+)$', p.stderr, re.M)}
    rows = re.findall(r'^(\d+) +(\d+) +(\S+) +(\d+\.\d\d) (?:signal (\d+).*|(\d+))$', p.stdout, re.M)
    seen = {int(pid): int(sig) if sig else int(code) << 8 for pid, _, _, _, sig, code in rows}
    assert len(rows) == len(seen) == 7 and len(truth) == 6, p
    python, = set(seen) - set(truth)
    assert {pid: seen[pid] for pid in truth} == truth and seen[python] == signal.SIGUSR1, p
    assert all(int(ppid) == python for pid, ppid, *_ in rows if int(pid) != python), p
    assert [comm for pid, _, comm, *_ in rows if int(pid) in truth][:3] == ['sh'] * 3, p


@case
def opensnoop_tells_of_each_file():
    program = f"""if True:
        import ctypes, os, sys, threading
        def tell(path, fd):
            print('truth', os.getpid(), fd, path, file=sys.stderr, flush=True)
        def attempt(path, flags):
            try:
                tell(path, os.open(path, flags, 0o600))
            except OSError as e:
                tell(path, -e.errno)
        comm = open('/proc/self/comm').read().strip()
        print('comm', comm, file=sys.stderr)
        os.chdir({str(work)!r})
        attempt('snoop-new', os.O_CREAT | os.O_WRONLY)
        attempt('snoop-new', os.O_RDONLY)
        attempt('snoop-missing', os.O_RDONLY)
        attempt('snoop-new/x', os.O_RDONLY)
        attempt('snoop-new', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        t = threading.Thread(target=attempt, args=('snoop-new', os.O_RDWR))
        t.start()
        t.join()
        path = b'snoop-new'
        tell('snoop-new', ctypes.CDLL(None).syscall(2, path, 0, 0))
        if os.fork() == 0:
            attempt({str(work / 'snoop-child')!r}, os.O_CREAT | os.O_RDWR)
            os._exit(0)
        os.wait()"""
    p = run('opensnoop', sys.executable, '-c', program)
    truth = [(int(pid), int(ret), path) for pid, ret, path in re.findall(
        r'^truth (\d+) (-?\d+) (\S+)$', p.stderr, re.M)]
    seen = [(int(pid), comm, int(fd), int(err), path) for pid, comm, fd, err, path in re.findall(
        r'^(\d+) +(\S+) +(-?\d+) +(\d+) (\S*snoop-\S+)$', p.stdout, re.M)]
    comm = re.search(r'^comm (\S+)$', p.stderr, re.M).group(1)
    assert p.returncode == 0 and len(truth) == 8, p
    assert [ret for _, ret, _ in truth if ret < 0] == [-2, -20, -17], p
    assert seen == [(pid, comm, max(ret, -1), max(-ret, 0), path) for pid, ret, path in truth], p


@case
def hello_greets_each_program():
    """On standard error, and in trace_pipe."""
    greets = re.compile(r'^ *\S+-\d+ +\[\d+\] \S+ +\d+\.\d+: bpf_trace_printk: hello, (\S+)$', re.M)
    names = ['/bin/sh', '/usr/bin/env', '/usr/bin/true', '/usr/bin/false']
    argv = ['/bin/sh', '-c', '/usr/bin/env /usr/bin/true; /usr/bin/false; exit 4']
    p = run('hello', *argv, skep_options=('-t',))
    assert p.returncode == 4 and greets.findall(p.stderr) == names, p
    for reader in f'{skep} trace-pipe', 'cat /sys/kernel/tracing/trace_pipe':
        p = call(skep, 'run', '--', 'sh', '-c', f'"$@"; timeout 1 {reader}', 'sh', examples / 'hello',
                 examples / 'hello.bpf.o', *argv)
        greeted = greets.findall(p.stdout)
        # What a tool that has ended attached goes a moment later: the reader may be greeted too.
        after = ['/usr/bin/timeout', shutil.which(reader.split()[0])]
        assert greeted[:4] == names and greeted[4:] == after[:len(greeted) - 4], f'{reader}: {p}'


def library_of(program, name):
    """The file of a library that a program is linked with."""
    out = subprocess.run(['ldd', shutil.which(program)], capture_output=True, text=True).stdout
    found = re.search(rf'{re.escape(name)} => (\S+)', out)
    if not found:
        raise Skip(f'{program} is not linked with {name}')
    return found.group(1)


class TlsServer:
    """openssl s_server in its own folder, outside of all hives, at .port."""

    def __enter__(self):
        made = call('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
                    '/CN=localhost', '-keyout', work / 'key.pem', '-out', work / 'cert.pem')
        assert made.returncode == 0, made
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(
            ['openssl', 's_server', '-accept', f'127.0.0.1:{self.port}', '-cert', 'cert.pem', '-key',
             'key.pem', '-WWW'], cwd=work, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if line.startswith('ACCEPT'):
                return self
        raise AssertionError('openssl s_server did not start')

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def conversation(p, comm):
    """What a program sent and what it received."""
    told = {'sends': '', 'receives': ''}
    parts = re.split(r'^--- (\d+) (\S+) (sends|receives) \d+ bytes\n', p.stdout, flags=re.M)
    for who, way, text in zip(parts[2::4], parts[3::4], parts[4::4]):
        if who == comm:
            assert text[-1] == '\n', p
            told[way] += text[:-1]
    return told['sends'], told['receives']


@case
def sslsniff_reads_what_is_encrypted():
    """Requests and answers of two programs."""
    secret = 'the secret of the page: ' + ' '.join(map(str, range(500)))
    (work / 'page.txt').write_text(secret + '\n')
    libssl = library_of('openssl', 'libssl.so.3')
    with TlsServer() as server:
        p = run('sslsniff', libssl, 'curl', '-sk', '--http1.1', '-o', '/dev/null',
                f'https://127.0.0.1:{server.port}/page.txt')
        sent, received = conversation(p, 'curl')
        assert p.returncode == 0 and sent.startswith('GET /page.txt HTTP/1.1\nHost: 127.0.0.1'), p
        assert received.startswith('HTTP/1.0 200 ok\n') and secret in received, p
        p = run('sslsniff', libssl, 'sh', '-c',
                '(echo "GET /page.txt HTTP/1.0"; echo; sleep 1) | '
                f'openssl s_client -quiet -connect 127.0.0.1:{server.port} > {work}/got')
        sent, received = conversation(p, 'openssl')
        assert sent == 'GET /page.txt HTTP/1.0\n\n', p
        assert received == (work / 'got').read_text().replace('\r', ''), p
        assert secret in received, p


def stacks_of(out):
    """(bytes, calls, functions) of each stack that is shown."""
    parts = re.split(r'^(\d+) bytes in (\d+) calls\n', out, flags=re.M)
    return [(int(size), int(calls), [f.split('+')[0] for f in re.findall(r'^    (\S+)', text, re.M)])
            for size, calls, text in zip(parts[1::3], parts[2::3], parts[3::3])]


def run_stacks(seconds, *argv):
    """What the target's stacks are said to be; it goes on some time after it began."""
    libc, tool = library_of('true', 'libc.so.6'), examples / 'mallocstacks'
    argv = [str(a) for a in (skep, 'run', '--', tool, f'{tool}.bpf.o', libc, *argv)]
    if argv[-1] == 'shell':
        argv[3:] = ['sh', '-c', f'exec 3<&0; {target} <&3 & exec "$@" -p $! 2', 'sh', *argv[3:-1]]
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env=env)
    ready = p.stdout.readline()
    time.sleep(seconds)
    out, err = p.communicate(timeout=60)
    if 'Operation not permitted' in err:
        raise Skip('ptrace is not permitted here')
    assert ready == 'ready\n' and p.returncode == 0, (ready, out, err)
    seen = {(size, calls): functions for size, calls, functions in stacks_of(out)}
    assert seen.get((100000, 1000), [])[:4] == ['malloc', 'inner', 'outer', 'main'], out + err
    assert seen.get((5000, 500), [])[:3] == ['malloc', 'inner', 'main'], out + err
    assert all(seen[which][-1] == '_start' for which in ((100000, 1000), (5000, 500))), out
    size, calls = map(int, re.search(r'^total: (\d+) bytes in (\d+) calls', out, re.M).groups())
    assert size >= 105000 and 1500 <= calls < 1600, out
    assert all(functions[0] == 'malloc' for functions in seen.values()), out


@case
def mallocstacks_shows_who_asks():
    run_stacks(0.3, target)


@case
def mallocstacks_of_a_process_that_runs():
    run_stacks(1, 'shell')


@case
def mallocstacks_of_programs_without_frame_pointers():
    """The stacks that ask for most lead to where programs and threads begin."""
    thread = 'import json,threading;t=threading.Thread(target=lambda:[json.dumps(i) for i in range(9999)]);t.start();t.join()'
    for program, argv in ('bash', ('-c', 'for i in {1..99}; do a=$(echo $i); done')), ('python3', ('-c', thread)):
        if not shutil.which(program, path=env['PATH']):
            print(f'# {program} is not installed')
            continue
        path = shutil.which(program, path=env['PATH'])
        p = run('mallocstacks', library_of(path, 'libc.so.6'), path, *argv)
        stacks = [functions for _, _, functions in stacks_of(p.stdout)]
        ends = [s[-1] for s in stacks]
        assert p.returncode == 0 and len(stacks) == 10, p
        assert sum(e in ('_start', 'clone', 'clone3') for e in ends) >= 9, p.stdout
        assert sum(len(s) for s in stacks) > 60, p.stdout


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
