from jobs.estate.admin import (  # noqa: F401  they register
    account,
    account_change,
    aggregate,
    database,
    finding,
    instance,
    policy,
    session,
    snapshot,
)
