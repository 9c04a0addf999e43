import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from metabot.bringup.domain import DOMAINS, DomainError, DomainLease


def test_two_leases_are_two_domains(tmp_path: Path) -> None:
    with DomainLease(folder=tmp_path) as one, DomainLease(folder=tmp_path) as other:
        assert one.domain != other.domain
        assert one.domain in DOMAINS and other.domain in DOMAINS


def test_a_domain_in_use_is_refused_with_its_owner_and_free_again_after(tmp_path: Path) -> None:
    with DomainLease(folder=tmp_path) as lease:
        wanted = lease.domain
        with pytest.raises(
            DomainError, match=rf"domain: {wanted} is in use by another run of metabot \(process {os.getpid()}\)"
        ):
            DomainLease(wanted, folder=tmp_path)
    DomainLease(wanted, folder=tmp_path).release()


def test_a_domain_whose_port_is_taken_by_another_program_is_refused(tmp_path: Path) -> None:
    with DomainLease(folder=tmp_path) as lease:
        free = lease.domain
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("", 7400 + 250 * free))
        with pytest.raises(DomainError, match=f"domain: {free} is in use by another ROS program"):
            DomainLease(free, folder=tmp_path)
        with DomainLease(folder=tmp_path) as other:
            assert other.domain != free


@pytest.mark.parametrize("domain", [-1, 233])
def test_an_impossible_domain_is_refused(domain: int, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=f"domain: {domain} is not between 0 and 232"):
        DomainLease(domain, folder=tmp_path)


def test_a_killed_owner_gives_its_domain_back(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from metabot.bringup.domain import DomainLease\n"
        "lease = DomainLease(folder=Path(sys.argv[1])); print(lease.domain, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    domain = int(owner.stdout.readline())
    with pytest.raises(DomainError, match=f"process {owner.pid}"):
        DomainLease(domain, folder=tmp_path)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    DomainLease(domain, folder=tmp_path).release()
