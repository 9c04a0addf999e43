"""Entry of `python3 -m metabot.setup [doctor|lock]`; runs on Python 3.6 and newer.

Without a command it makes `.venv` ready. Exit codes: 0 done, 1 the doctor
found the demo cannot run, 2 something the user can mend, 130 stopped.
"""

import os
import sys

from metabot.setup import preflight

USAGE = "usage: python3 -m metabot.setup [--this-python] | doctor [--json] | lock [--upgrade]"


def main(arguments: list) -> int:
    """Runs one command and returns its exit code.

    Args:
        arguments: Command-line words after the program.
    """
    problem = preflight.python_problem(sys.version_info[:2])
    if problem:
        newer = preflight.newer_python()
        if not newer:
            print("metabot set-up: " + problem, file=sys.stderr)
            return 2
        print("  this Python is {}.{}: going on with {}".format(sys.version_info[0], sys.version_info[1], newer))
        sys.stdout.flush()
        # Nobody asked for that one, so it does not replace what .venv was made from.
        words = [word for word in arguments if word != "--this-python"]
        os.execv(newer, [newer, "-m", "metabot.setup", *words])
    # Imported only now: an old Python could not.
    from metabot.setup.command import run

    return run(arguments, USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
