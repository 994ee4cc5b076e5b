from jobs.estate.admin import database, instance, session, snapshot  # noqa: F401  they register
