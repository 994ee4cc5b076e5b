"""Can be loaded when a file is there."""

import os
from pathlib import Path

if not Path(os.environ["SAMPLE_MARK"]).exists():
    raise RuntimeError("not yet")
