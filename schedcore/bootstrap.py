"""Makes .venv, keeps it as the requirements say, then starts a command in it. For the Makefile.

    python3 schedcore/bootstrap.py [--dev] [manage.py quickstart]

It runs under whatever Python the machine has, before anything is installed: standard library
only, and only what Python 3.6 can read, so that a too old one gets a sentence and no traceback.
"""

import errno
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, Tuple

NEEDED = (3, 11)
RUN = "requirements.txt"
DEV = "requirements-dev.txt"
INSTALLING = "installing"
"""A file in .venv for as long as something is installed: if it is found, that was interrupted."""


class Stop(Exception):
    """Why it cannot go on, in one sentence for the person at the terminal."""


def main(arguments: List[str]) -> int:
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    dev = arguments[:1] == ["--dev"]
    command = arguments[1:] if dev else arguments
    try:
        python = prepare(root, DEV if dev else RUN)
    except Stop as reason:
        print("schedcore: {}".format(reason), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("schedcore: interrupted; the next make goes on.", file=sys.stderr)
        return 130
    if command:
        os.chdir(root)
        os.execv(python, [python] + command)
    return 0


def prepare(root: str, requirements: str) -> str:
    """The Python of a .venv that has what `requirements` names; raises Stop."""
    venv = os.path.join(root, ".venv")
    try:
        with one_at_a_time(root):
            if not is_whole(venv):
                make_venv(venv)
            install(root, venv, requirements)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Stop("cannot make .venv: {}.".format(error))
        raise Stop(
            "the folder {} cannot be written ({}). Clone the project to a place "
            "where you may write, or make it yours.".format(root, error.strerror)
        )
    return python_of(venv)


def python_of(venv: str) -> str:
    return os.path.join(venv, "bin", "python")


def is_whole(venv: str) -> bool:
    """Whether its Python still starts, is new enough, has pip, and no installation broke off."""
    if os.path.exists(os.path.join(venv, INSTALLING)):
        return False
    test = "import sys, pip; sys.exit(sys.version_info < {})".format(NEEDED)
    try:
        done = subprocess.run([python_of(venv), "-c", test], stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode == 0


def make_venv(venv: str) -> None:
    require_python(sys.version_info[:3])
    require_modules()
    if os.path.lexists(venv):
        print("schedcore: .venv is incomplete and is made again.")
        shutil.rmtree(venv)
    os.mkdir(venv)
    with marked(venv):
        call([sys.executable, "-m", "venv", venv], "python -m venv could not make .venv")


def require_python(version: Tuple[int, ...]) -> None:
    if version[:2] < NEEDED:
        raise Stop(
            "Python 3.11 or newer is needed, and {} is {}. Install a newer one and "
            "name it: make run PYTHON=python3.11".format(
                sys.executable, ".".join(str(part) for part in version)
            )
        )


def require_modules() -> None:
    """Debian ships Python without these two."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Stop(
                "{} has no module {}. On Debian and Ubuntu, install it with: "
                "sudo apt install python3-venv".format(sys.executable, module)
            )


def install(root: str, venv: str, requirements: str) -> None:
    """Run pip, unless the same requirements have been installed already."""
    stamp = os.path.join(venv, requirements + ".sha256")
    wanted = fingerprint(root, requirements)
    if read(stamp) == wanted:
        return
    print(
        "schedcore: installing {} into .venv; the first time takes a minute.".format(requirements)
    )
    sys.stdout.flush()
    with marked(venv):
        call(
            [python_of(venv), "-m", "pip", "install", "-r", os.path.join(root, requirements)],
            "pip could not install {}. Look at its last lines above; often the network or "
            "a proxy is the cause. Then call make again".format(requirements),
        )
    with open(stamp, "w") as file:
        file.write(wanted)


def fingerprint(root: str, requirements: str) -> str:
    """Changes with the file, and with requirements.txt, which the other one includes."""
    digest = hashlib.sha256()
    for name in sorted({requirements, RUN}):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


@contextmanager
def marked(venv: str) -> Iterator[None]:
    """Leaves its mark when it is killed or interrupted, not when a command fails properly."""
    marker = os.path.join(venv, INSTALLING)
    with open(marker, "w"):
        pass
    try:
        yield
    except Stop:
        os.remove(marker)
        raise
    os.remove(marker)


@contextmanager
def one_at_a_time(root: str) -> Iterator[None]:
    """Two calls of make in one folder wait for each other; needs no right to write."""
    with open(os.path.join(root, RUN)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def call(command: List[str], complaint: str) -> None:
    """Run it silently; if it fails show its last lines and raise Stop."""
    unwanted = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME")
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode < 0:
        raise KeyboardInterrupt
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        print("\n".join("    " + line for line in lines[-15:]), file=sys.stderr)
        raise Stop(complaint + ".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
