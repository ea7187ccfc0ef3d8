#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What programs read of their task by CO-RE is what the task knows of itself.  TAP.

usage: own.py BUILD [NAME...]
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
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-own-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}
skep, own, obj = build / 'src/cli/skep', build / 'tests/hook/own', build / 'tests/hook/own.bpf.o'


def agree(how, times, program=own, here=None):
    """Lines of tasks and of programs are the same; they come back."""
    p = subprocess.run([skep, 'run', '--', program, obj, how], capture_output=True, text=True, timeout=60,
                       stdin=subprocess.DEVNULL, env=env, cwd=build)
    if 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')
    skip = re.search(r'^skip (.*)$', p.stdout, re.M)
    if skip:
        raise Skip(skip.group(1))
    said, seen = (re.findall(rf'^{who} (.*)$', p.stdout, re.M) for who in ('own', 'seen'))
    assert p.returncode == 0 and len(said) == times, p.stdout + p.stderr
    assert said == seen, p.stdout + p.stderr
    calls, = re.findall(r'^calls (\d+)$', p.stdout, re.M)
    # Without a cgroup nothing is stored for one.
    assert int(calls) == (here or times) or all('cgroup 0 ' in line for line in seen), p.stdout
    return [line.split() for line in seen]


@case
def a_process():
    f, = agree('plain', 1)
    assert all(int(n) for n in f[2:5]), f


@case
def a_child_knows_nothing_of_its_parents():
    parent, child = agree('fork', 2)
    assert parent[0] != child[0]


@case
def a_thread():
    process, thread = agree('thread', 2)
    assert process[0] != thread[0] and process[2:11] == thread[2:11]


@case
def another_namespace_within_a_second():
    before, after = agree('unshare', 2)
    assert before[2] != after[2] and before[3:5] == after[3:5]


@case
def another_cgroup_within_a_second():
    before, after = agree('cgroup', 2, here=1)
    at = before.index('cgroup')
    assert before[at + 1] != after[at + 1] and int(before[at + 3]) + 1 == int(after[at + 3]), after


@case
def a_program_whose_file_is_gone():
    copy = work / 'gone'
    shutil.copy(own, copy)
    f, = agree('gone', 1, copy)
    assert 'gone' in f and not copy.exists(), f


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
