# SPDX-License-Identifier: BSD-2-Clause
"""What runs without any right: copies of files of the build in a folder of user nobody's."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from tap import Skip, remove

become = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']


@contextlib.contextmanager
def folder_of_nobody(build, *names):
    """The folder, with skep, its preload library and these files where the build has them.  What is
    put there before `own(folder)` is nobody's too."""
    if os.geteuid():
        raise Skip('only root can become nobody')
    if not shutil.which(become[0]):
        raise Skip(f'{become[0]} is not installed')
    there = pathlib.Path(tempfile.mkdtemp(prefix='skep-nobody-', dir='/tmp'))
    try:
        for name in ('src/cli/skep', 'src/bpf/libskep-bpf.so', *names):
            to = there / name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(build / name, to)
        own(there)
        yield there
    finally:
        remove(there)


def own(folder):
    subprocess.run(['chown', '-R', '65534:65534', folder], check=True)
