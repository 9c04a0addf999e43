import json

from metabot.setup import doctor
from metabot.setup.doctor import Finding, can_demo
from metabot.setup.probes import run_probe

NAMES = {
    "Python",
    "C++ compiler",
    "environment",
    "disk",
    "cores",
    "memory",
    "ROS 2",
    "metabot_interfaces",
    "launch, launch_ros",
    "MuJoCo",
    "off-screen GL, osmesa",
    "off-screen GL, egl",
    "GPU",
    "ONNX Runtime",
}


def test_json_names_every_check_and_the_demo_can_run_where_tests_can(capfd):
    code = doctor.run_doctor(as_json=True)
    report = json.loads(capfd.readouterr().out)
    assert set(report) == {"ok", "checks"}
    assert {check["name"] for check in report["checks"]} == NAMES
    for check in report["checks"]:
        assert set(check) == {"name", "ok", "found", "mend", "needed"}
        assert check["ok"] or check["mend"], f"{check['name']} is missing and nothing says how to mend it"
    assert report["ok"], [check for check in report["checks"] if not check["ok"]]
    assert code == 0


def test_before_set_up_it_says_what_will_be(clone):
    done = clone.run("doctor")
    assert "not made yet" in done.stdout
    assert "will be ROS 2 from wheels" in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr


def test_before_set_up_a_missing_compiler_stops_the_demo(clone, tmp_path):
    (tmp_path / "bin").mkdir()
    done = clone.run("doctor", "--json", PATH=str(tmp_path / "bin"))
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [check["name"] for check in report["checks"] if check["needed"] and not check["ok"]] == ["C++ compiler"]


def test_only_what_is_needed_stops_the_demo():
    assert can_demo([Finding("GPU", False, "none"), Finding("Python", True, "3.11", needed=True)])
    assert not can_demo([Finding("ROS 2", False, "none", needed=True)])


def test_probe_that_crashes_or_talks_gives_an_answer():
    import sys

    noisy = run_probe(sys.executable, "print('noise'); answer['x'] = 1")
    assert (noisy.ok, noisy.found) == (True, {"x": 1})
    assert "exit code" in run_probe(sys.executable, "os.abort()").error
    assert run_probe(sys.executable, "import nothing_of_this_name").error == "No module named 'nothing_of_this_name'"
