"""Opens a connection while it is loaded."""

from django.db import connection

connection.ensure_connection()
