"""Choosing a ROS domain that nobody else on this machine uses."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType

DOMAINS = range(1, 102)
"""Domains whose DDS ports lie below Linux' ephemeral ports."""


class DomainError(ValueError):
    """The wanted domain is taken or impossible; the message is one line."""


class DomainLease:
    """Holds a ROS domain for one run of a fleet.

    A lock file keeps two runs of metabot apart; a look at the domain's discovery port keeps
    away from other ROS programs. The kernel drops the lock when the process ends, however.
    """

    def __init__(self, wanted: int | None = None, folder: Path | None = None) -> None:
        """Take a domain.

        Args:
            wanted: the domain to take; any free one if None.
            folder: where lock files lie.

        Raises:
            DomainError: if the wanted domain, or every domain, is taken.
        """
        self._folder = folder or Path(tempfile.gettempdir()) / "metabot-domains"
        self._folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            self._folder.chmod(0o1777)  # like the temporary folder: runs of other users lock here too
        if wanted is not None:
            if not 0 <= wanted <= 232:
                raise DomainError(f"domain: {wanted} is not between 0 and 232")
            problem = self._take(wanted)
            if problem:
                raise DomainError(f"domain: {wanted} is {problem}; choose another, or none to have a free one picked")
            return
        # Starting at a place of its own spares two simultaneous runs most collisions.
        start = os.getpid() % len(DOMAINS)
        for offset in range(len(DOMAINS)):
            if not self._take(DOMAINS[(start + offset) % len(DOMAINS)]):
                return
        raise DomainError(f"domain: all of {DOMAINS.start} to {DOMAINS.stop - 1} are in use on this machine")

    def _take(self, domain: int) -> str:
        """Lock a domain; returns why not, or ""."""
        path = self._folder / f"{domain}.lock"
        try:
            descriptor = _open_lock(path)
        except OSError as error:
            return f"not lockable ({path}: {error.strerror})"
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            return f"in use by another run of metabot (process {owner or 'unknown'})"
        if not _ports_free(domain):
            os.close(descriptor)
            return "in use by another ROS program on this machine"
        with contextlib.suppress(OSError):  # another user's file can be locked, not written
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        self._descriptor: int | None = descriptor
        self.domain = domain
        return ""

    def release(self) -> None:
        """Give the domain back."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> DomainLease:
        """The lease itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the domain back."""
        self.release()


def _open_lock(path: Path) -> int:
    """Open a lock file; one that another user made for reading, which is enough to lock it."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o666)  # whatever the umask: other users lock it too
        return descriptor
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _ports_free(domain: int) -> bool:
    """Whether no program is bound to the domain's discovery ports.

    A participant of a domain d binds 7400 + 250 d for discovery by multicast (shared among
    participants) and 7410 + 250 d for its own (DDS-RTPS 2.5, section 9.6.2).
    """
    for port in (7400 + 250 * domain, 7410 + 250 * domain):
        if port > 65535:
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True
