"""The pages of staff. Django finds what is registered here by importing this package."""

from jobs.admin import audit, execution, job, login, people, site, token

__all__ = ["audit", "execution", "job", "login", "people", "site", "token"]
