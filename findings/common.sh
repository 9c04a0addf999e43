# Read by every script here: a temporary folder, a fresh environment in it, and the versions that came.

export OMP_NUM_THREADS=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python

# install PACKAGE==VERSION ...: makes the environment, fills it and prints the versions.
install() {
    "$(command -v python3.11 || command -v python3)" -m venv "$folder/venv"
    "$python" -m pip install --quiet --quiet "$@"
    "$python" - "$@" <<'PY'
import platform, re, sys
from importlib.metadata import version

names = [re.split(r"[\[=<>!~]", word)[0] for word in sys.argv[1:]]
print("versions: Python", platform.python_version(), *(f"{name} {version(name)}" for name in names))
PY
}
