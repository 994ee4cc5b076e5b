from __future__ import annotations

import ctypes
import os
import threading

from django.apps import AppConfig


class WatchedConfig(AppConfig):
    name = "tests.runtime.watched"

    def ready(self) -> None:
        from jobs.runtime import service, watchdog
        from jobs.runtime.scheduler import SchedcoreScheduler

        if "QUICK" in os.environ:
            watchdog.LOOK_S = 0.1
            watchdog.CUT_AFTER_S = 1.0
            watchdog.STUCK_AFTER_S = 5.0
            watchdog.CLOCK_DELAY_S = 2.0
            service.END_LIMIT_S = 5.0
        genuine = SchedcoreScheduler._step

        def step(scheduler: SchedcoreScheduler) -> float:
            wait_s = genuine(scheduler)
            if scheduler.membership.is_leader:
                if os.environ.get("LOOP") == "hangs":
                    threading.Event().wait()
                if os.environ.get("LOOP") == "dies":
                    raise SystemExit
            return wait_s

        if "LOOP" in os.environ:
            SchedcoreScheduler._step = step  # type: ignore[method-assign]

        def end(_scheduler: SchedcoreScheduler, *, grace_s: float) -> int:
            if os.environ["END"] == "holds Python's lock":
                ctypes.PyDLL(None).sleep(1000)
            threading.Event().wait()
            return 0

        if "END" in os.environ:
            SchedcoreScheduler.end = end  # type: ignore[method-assign]
