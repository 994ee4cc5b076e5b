"""Takes for ever to load, and leaves a mark when it begins to, if somebody wants to know."""

import os
import threading
from pathlib import Path

if "SAMPLE_MARK" in os.environ:
    Path(os.environ["SAMPLE_MARK"]).touch()
threading.Event().wait()
