"""Asks for runs, from a process of its own: run_now of every job once.

Prints the moments at which the commits began, one a line, as `time.time()`.
"""

from __future__ import annotations

import random
import sys
import time


def main(count: int) -> None:
    import django

    django.setup()
    from django.db import transaction

    from jobs.control import execution
    from jobs.control.audit import system_actor

    for number in range(count):
        # At any moment between two polls, and not in step with them.
        time.sleep(random.uniform(0.2, 0.7))
        with transaction.atomic():
            execution.run_now(f"job-{number}", actor=system_actor())
            moment = time.time()
        sys.stdout.write(f"{moment}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
