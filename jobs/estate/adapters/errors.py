"""What can go wrong with an instance: one class a kind, each with its sentence.

No sentence ever holds a password; what a server or driver said goes through `redacted`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.utils.translation import gettext as _

from jobs.errors import Unavailable


class InstanceError(Unavailable):
    """Base of all kinds; on its own, what a server said that has no kind of its own."""

    code = "instance_error"


class NameNotFound(InstanceError):
    code = "name_not_found"

    def __init__(self, host: str) -> None:
        super().__init__(
            _("The host name “%(host)s” was not found. Check its spelling and the DNS.")
            % {"host": host}
        )


class Refused(InstanceError):
    code = "connection_refused"

    def __init__(self, host: str, port: int | None) -> None:
        super().__init__(
            _("%(host)s refuses connections on port %(port)s. Is the server running there?")
            % {"host": host, "port": port}
        )


class Unreachable(InstanceError):
    code = "unreachable"

    def __init__(self, host: str) -> None:
        super().__init__(
            _("There is no route to %(host)s. Check the network and firewalls.") % {"host": host}
        )


class DidNotAnswer(InstanceError):
    code = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(_("It did not answer within %(seconds)g s.") % {"seconds": seconds})


class TlsFailed(InstanceError):
    code = "tls_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _("No TLS connection could be made. Check TLS mode and CA. The reason: %(reason)s")
            % {"reason": reason}
        )


class LoginFailed(InstanceError):
    code = "login_failed"

    def __init__(self, username: str, reason: str) -> None:
        super().__init__(
            _("The login of “%(username)s” failed. The server says: %(reason)s")
            % {"username": username, "reason": reason}
        )


class DatabaseNotFound(InstanceError):
    code = "database_not_found"

    def __init__(self, database: str) -> None:
        super().__init__(
            _("The database “%(database)s” does not exist on this server.") % {"database": database}
        )


class RightsMissing(InstanceError):
    """`right` in the server's own words, as in `CONNECT on database sales`."""

    code = "rights_missing"

    def __init__(self, username: str, right: str) -> None:
        super().__init__(
            _("“%(username)s” lacks a right that is needed: %(right)s.")
            % {"username": username, "right": right}
        )


class TooOld(InstanceError):
    """`oldest` is the first version that is supported."""

    code = "too_old"

    def __init__(self, product: str, version: str, oldest: str) -> None:
        super().__init__(
            _("%(product)s %(version)s is too old; %(oldest)s is the oldest that is supported.")
            % {"product": product, "version": version, "oldest": oldest}
        )


class LockNotGranted(InstanceError):
    code = "lock_not_granted"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            _("A table in it is locked, and was not let go within %(seconds)g s.")
            % {"seconds": seconds}
        )


class HoldsUp(InstanceError):
    """Of a change that locks a table for too long."""

    code = "holds_up"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            _(
                "It was given up after %(seconds)g s, in which others had to wait for the table. "
                "If its default partition holds many rows, they are what takes so long: move them "
                "out, or make the partition by hand at a quiet time."
            )
            % {"seconds": seconds}
        )


class NotReached(InstanceError):
    """Of a database whose turn did not come."""

    code = "not_reached"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            _("It was not reached within the %(seconds)g s that a visit may take.")
            % {"seconds": seconds}
        )


class NameTooLong(InstanceError):
    code = "name_too_long"

    def __init__(self, name: str, limit: str) -> None:
        super().__init__(
            _("The name “%(name)s” is too long; the server takes %(limit)s.")
            % {"name": name, "limit": limit}
        )


class BoundUnsuitable(InstanceError):
    """A bound that the table's partitions cannot have."""

    code = "bound_unsuitable"

    def __init__(self, table: str, kind: str, bound: object) -> None:
        super().__init__(
            _("“%(table)s” cannot be divided at %(bound)s: its bounds are of the kind “%(kind)s”.")
            % {"table": table, "kind": kind, "bound": bound}
        )


class ConnectionLost(InstanceError):
    code = "connection_lost"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _("The server closed the connection. The reason: %(reason)s") % {"reason": reason}
        )


class EmptyListing(InstanceError):
    """No database at all is an error: taken at its word it would mark every one as dropped."""

    code = "empty_listing"

    def __init__(self) -> None:
        super().__init__(_("The server listed no database, which cannot be right."))


class WrongProtocol(InstanceError):
    code = "wrong_protocol"

    def __init__(self, host: str, port: int | None, product: str) -> None:
        super().__init__(
            _("What answers at %(host)s, port %(port)s, does not speak as %(product)s does.")
            % {"host": host, "port": port, "product": product}
        )


class NothingMeasured(InstanceError):
    code = "nothing_measured"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _("Not one database could be measured. The reason: %(reason)s") % {"reason": reason}
        )


class EmptyAccountListing(EmptyListing):
    def __init__(self) -> None:
        InstanceError.__init__(self, _("The server listed no account, which cannot be right."))


class NotOffered(InstanceError):
    """The engine has nothing of the kind."""

    code = "not_offered"

    def __init__(self, what: str) -> None:
        super().__init__(_("This engine has no %(what)s.") % {"what": what})


class HostNotPermitted(InstanceError):
    code = "host_not_permitted"

    def __init__(self, host: str, permitted: Iterable[str]) -> None:
        super().__init__(
            _(
                "“%(host)s” is not among the permitted hosts (%(hosts)s). "
                "Permit it in the setting SCHEDCORE_INSTANCE_HOSTS."
            )
            % {"host": host, "hosts": ", ".join(permitted)}
        )


class FolderNotPermitted(InstanceError):
    code = "folder_not_permitted"

    def __init__(self, path: str, folders: Iterable[Path]) -> None:
        names = ", ".join(str(folder) for folder in folders) or _("none")
        super().__init__(
            _(
                "“%(path)s” does not lie below a permitted folder (%(folders)s). "
                "Permit its folder in the setting SCHEDCORE_SQLITE_FOLDERS."
            )
            % {"path": path, "folders": names}
        )


class FileMissing(InstanceError):
    code = "file_missing"

    def __init__(self, path: str) -> None:
        super().__init__(_("There is no file “%(path)s”.") % {"path": path})


class FileNotReadable(InstanceError):
    code = "file_not_readable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            _("“%(path)s” cannot be opened. The reason: %(reason)s")
            % {"path": path, "reason": reason}
        )


class NotADatabase(InstanceError):
    code = "not_a_database"

    def __init__(self, path: str) -> None:
        super().__init__(_("“%(path)s” is not an SQLite database.") % {"path": path})


class Locked(InstanceError):
    code = "locked"

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(
            _("“%(path)s” stayed locked by another program for %(seconds)g s.")
            % {"path": path, "seconds": seconds}
        )


def redacted(text: object, password: str) -> str:
    """What a driver said, on one line and without the password."""
    line = " ".join(str(text).split())
    return line.replace(password, "***") if password else line
