"""As on a system that has as many processes as it may have."""

import errno
import os


def fork() -> int:
    raise OSError(errno.EAGAIN, "try again")


os.fork = fork
