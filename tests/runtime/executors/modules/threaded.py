"""Starts a thread while it is loaded."""

import threading

threading.Thread(target=threading.Event().wait, name="left-by-import", daemon=True).start()
