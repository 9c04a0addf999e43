"""Requests to end: the first is answered by cleaning up, impatience does not cut that short."""

import signal
import subprocess
import sys
import time

import pytest

WAITS = """
import sys, threading, time
import typer
import metabot.cli
metabot.cli.PATIENCE_S = 0.5
import metabot.cli.app
from metabot.cli import main
from metabot.cli.errors import one_line_errors

app = typer.Typer()

@app.command()
def wait():
    with one_line_errors():
        try:
            if "hang" in given:
                threading.Thread(target=time.sleep, args=(60,)).start()
            print("ready", flush=True)
            if "deleting" in given:
                class Slow:
                    def __del__(self):
                        time.sleep(1.0)
                Slow()
                time.sleep(30.0)
            time.sleep(1.0)
        finally:
            time.sleep(0.3)
            print("cleaned up", flush=True)

metabot.cli.app.app = app
sys.argv[1:], given = [], sys.argv[1:]
main()
"""


def heard() -> None:
    """What runs the tests may be shielded itself, and would hand that on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(*prefix: str, arguments: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", WAITS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_a_request_that_comes_while_an_object_is_deleted_is_answered_all_the_same() -> None:
    process = start(arguments=("deleting",))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130 and out == "cleaned up\n" and err == "metabot: stopped\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_cleans_up_once_however_often_it_comes(number: signal.Signals) -> None:
    process = start()
    while process.poll() is None:
        process.send_signal(number)
        time.sleep(0.005)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "cleaned up\n", "metabot: stopped\n")


def test_what_hangs_on_its_way_out_is_ended_by_a_request_after_a_while() -> None:
    process = start(arguments=("hang",))
    process.send_signal(signal.SIGTERM)
    time.sleep(0.6)
    assert process.poll() is None
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    process.kill()
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "cleaned up\n", "metabot: stopped\n")


def test_what_nohup_shields_from_is_ignored() -> None:
    process = start("nohup")
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "cleaned up\n"), err


WHILE_A_CLASS_IS_MADE = """
import os, signal, sys, types
from metabot.cli import main

def app(prog_name):
    # As dataclasses are made: by running the code of a string.
    exec("os.kill(os.getpid(), signal.SIGINT)\\nfor _ in range(1000): pass")

sys.modules["metabot.cli.app"] = types.SimpleNamespace(app=app)
main()
"""


def test_ctrl_c_in_the_code_of_a_string_is_answered_like_any_other(tmp_path) -> None:
    (tmp_path / "as_module.py").write_text(WHILE_A_CLASS_IS_MADE)
    # Only a module that is run by its name would die of the signal after all.
    command = [sys.executable, "-m", "as_module"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, preexec_fn=heard)
    assert (ended.returncode, ended.stderr) == (130, "metabot: stopped\n")
