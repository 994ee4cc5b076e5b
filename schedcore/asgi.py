"""The web application, for servers that speak ASGI."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from schedcore.start import stop_on_problems

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")

stop_on_problems()
application = get_asgi_application()
