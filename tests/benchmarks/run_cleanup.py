"""Asks for a run of `cleanup_logs` as a person does.

Prints its execution's id, and the moment of the request as `time.time()`.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    import django

    django.setup()
    from jobs.control import execution
    from jobs.control.audit import system_actor

    moment = time.time()
    asked = execution.run_now("cleanup_logs", actor=system_actor())
    sys.stdout.write(f"{asked.pk} {moment}\n")


if __name__ == "__main__":
    main()
