import sys

import pytest

from metabot.setup.console import SetupError, run_logged


def test_failed_command_shows_the_end_of_its_log_and_names_it(tmp_path, capfd):
    code = "import sys; [print('line', i) for i in range(99)]; sys.exit(3)"
    log = tmp_path / "logs" / "it.log"
    with pytest.raises(SetupError, match=rf"exit code 3; the whole log is {log}"):
        run_logged([sys.executable, "-c", code], log)
    shown = capfd.readouterr().err
    assert "line 98" in shown
    assert "line 50" not in shown
    assert "line 0\n" in log.read_text()


def test_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SetupError, match="cannot run /nowhere/cmake"):
        run_logged(["/nowhere/cmake"], tmp_path / "log")


def test_command_asks_no_questions(tmp_path):
    run_logged([sys.executable, "-c", "import sys; assert sys.stdin.read() == ''"], tmp_path / "log")
