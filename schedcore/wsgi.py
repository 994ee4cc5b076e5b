"""The web application, for gunicorn and its like."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from schedcore.start import stop_on_problems

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")

stop_on_problems()
application = get_wsgi_application()
