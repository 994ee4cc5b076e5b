"""Starts a thread while it is loaded, which ends soon."""

import threading

threading.Thread(target=threading.Event().wait, args=[0.3]).start()
