#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples that attach, as people run them: what they say against what happened.  TAP.

usage: examples.py BUILD [NAME...]
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
from tap import Skip, case, main

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-examples-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}
skep, examples = build / 'src/cli/skep', build / 'examples'
tools = ('funclatency', 'counter')


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


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: shutil.rmtree(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
