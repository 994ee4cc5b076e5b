"""Takes longer to load than the timeout of the run that waits for it."""

import threading

threading.Event().wait(1.2)
