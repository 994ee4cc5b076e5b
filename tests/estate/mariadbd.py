"""A MariaDB server of one's own, for what nobody may do to one that others use."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymysql
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START_WITHIN_S = 60


class PrivateMariadb:
    """It has TLS, with a certificate for the name localhost alone, and writes a binary log."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
        self.data = self.folder / "data"
        self.socket = self.folder / "sock"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.ca = write_certificates(self.folder)
        user = f"--user={getpass.getuser()}"
        # A start removes whatever looks like a temporary table, also from under another server.
        env = {**os.environ, "TMPDIR": str(self.folder)}
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                user,
            ],
            env=env,
            check=True,
            capture_output=True,
        )
        self._process = subprocess.Popen(
            [
                shutil.which("mariadbd") or "/usr/sbin/mariadbd",
                "--no-defaults",
                user,
                f"--datadir={self.data}",
                f"--socket={self.socket}",
                f"--pid-file={self.folder / 'pid'}",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--ssl-ca={self.folder / 'ca.pem'}",
                f"--ssl-cert={self.folder / 'server.pem'}",
                f"--ssl-key={self.folder / 'server.key'}",
                "--log-bin=log",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-flush-method=nosync",
            ],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_until_it_listens()
            self._connection = self.connect()
        except BaseException:
            self._end()
            raise

    def connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)

    def execute(self, statement: str, *values: Any) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is reached, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._connection.close()
        self._end()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            with socket.socket(socket.AF_UNIX) as line:
                try:
                    line.connect(str(self.socket))
                except OSError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                else:
                    return

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder)


def write_certificates(folder: Path) -> str:
    """Those of a CA and of a server named localhost, as ca.pem, server.pem and server.key in
    `folder`; returns the first."""
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _certificate("Test CA", ca_key, "Test CA", ca_key, is_ca=True)
    server = _certificate("localhost", server_key, "Test CA", ca_key, is_ca=False)
    pem = ca.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem.decode()


def _certificate(name: str, key: Any, issuer: str, issuer_key: Any, *, is_ca: bool) -> Any:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
