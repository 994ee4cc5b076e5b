"""Asks for runs, from a process of its own: run_now of every job once.

Prints a line for each: for when the run is due, by which its start is known, and the moment at
which its commit began; as `time.time()`.
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
            made = execution.run_now(f"job-{number}", actor=system_actor())
            moment = time.time()
        due = made.scheduled_for
        assert due is not None
        sys.stdout.write(f"{due.timestamp():.6f} {moment:.6f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
