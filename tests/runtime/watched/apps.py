from __future__ import annotations

import os
import threading

from django.apps import AppConfig


class WatchedConfig(AppConfig):
    name = "tests.runtime.watched"

    def ready(self) -> None:
        from jobs.runtime import watchdog
        from jobs.runtime.scheduler import SchedcoreScheduler

        if "QUICK" in os.environ:
            watchdog.LOOK_S = 0.1
            watchdog.CUT_AFTER_S = 1.0
            watchdog.STUCK_AFTER_S = 5.0
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
