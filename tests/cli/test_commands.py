"""A command is added by its own modules, without the others."""

import os
import subprocess
import sys

# In a new process, in which no command has been asked for yet.
PROGRAM = """
from simplebase.cli import app, commands

def added():
    names = {each.name or each.callback.__name__ for each in app.app.registered_commands}
    return names | {each.name for each in app.app.registered_groups}

def ask(*arguments):
    before = added()
    commands.add_commands(arguments)
    return added() - before

assert added() == set()
assert ask("--debug", "demo", "--input", "train") == {"demo"}
for name, modules in commands._MODULES.items():
    sharing = {other for other, its in commands._MODULES.items() if set(its) & set(modules)}
    assert ask(name, "eval") <= sharing, name
    assert name in added(), name
assert added() == set(commands._MODULES)
"""


def test_each_command_is_added_by_its_own_modules() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_shows_every_command_in_a_group() -> None:
    program = "import sys; from simplebase.cli import main; sys.argv[1:] = ['--help']; main()"
    environment = os.environ | {"COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    groups = [line for line in done.stdout.splitlines() if line.startswith("╭")]
    titles = [group.strip("╭─╮ ") for group in groups]
    assert titles == ["Options", "Use a model", "Train", "Data", "Deploy", "Help"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_and_unknown_names_add_all() -> None:
    for arguments in ("['--help']", "['demoo']", "[]"):
        program = (
            "from simplebase.cli import app, commands\n"
            f"commands.add_commands({arguments})\n"
            "names = len(app.app.registered_commands) + len(app.app.registered_groups)\n"
            "assert names == len(commands._MODULES)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
