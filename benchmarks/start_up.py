"""Time until the command line answers, and whether TensorFlow was imported for it.

python benchmarks/start_up.py
"""

import subprocess
import sys
import time

JOBS = {
    "python, nothing": "pass",
    "import simplebase": "import simplebase",
    "simplebase --help": "import sys; sys.argv = ['simplebase', '--help']\n"
    "from simplebase.cli import main\n"
    "try:\n    main()\nexcept SystemExit:\n    pass",
}
REPORT = "\nimport sys; print('tensorflow' in sys.modules, file=sys.stderr)"
RUNS = 7


def main() -> None:
    """Prints the fastest of some runs of each."""
    for name, code in JOBS.items():
        times, imported = [], ""
        for _ in range(RUNS):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code + REPORT], capture_output=True, text=True, check=True
            )
            times.append(time.perf_counter() - started)
            imported = done.stderr.strip()
        print(f"{name:20} {min(times):.3f} s   TensorFlow imported: {imported}")


if __name__ == "__main__":
    main()
