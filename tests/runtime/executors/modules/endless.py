"""Takes for ever to load."""

import threading

threading.Event().wait()
