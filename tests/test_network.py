"""Nothing phones home: what the processes of a whole job connect to, by `strace`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 240

pytestmark = pytest.mark.xdist_group("runtimes")

# How `strace` writes an address that is connected or sent to.
_CALL = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(")
_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")
_NAME_SERVICE = 53
# The sockets by which the system's own services look up names.
_RESOLVERS = re.compile(r"io\.systemd\.Resolve|mdns|avahi")


def calls_to_others(trace: str) -> list[str]:
    """The lines of a trace by which a process looks up a name or reaches another machine."""
    found = []
    for line in trace.splitlines():
        if not _CALL.search(line):
            continue
        address = _ADDRESS.search(line)
        port = _PORT.search(line)
        outside = address is not None and not _LOOPBACK.match(address[1] or address[2])
        asks = port is not None and int(port[1]) == _NAME_SERVICE
        if outside or asks or _RESOLVERS.search(line):
            found.append(line)
    return found


def traced(folder: Path, *line: object) -> str:
    """Runs Python on `line` in empty temporary and home folders; what it did on the network."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    trace = folder / "trace"
    strace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(trace)]
    if subprocess.run([*strace, "true"], capture_output=True).returncode != 0:
        pytest.skip("strace may not trace processes here")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    # As a user has it, who may even have asked for telemetry.
    environment |= {"ORT_DISABLE_TELEMETRY": "0"}
    for name in ("TMPDIR", "HOME"):
        (folder / name).mkdir()
        environment[name] = str(folder / name)
    done = subprocess.run(
        [*strace, sys.executable, *map(str, line)],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return trace.read_text(errors="replace")


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_training_measuring_exporting_and_showing_reach_no_other_machine(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'simplebase[web]'")
    (tmp_path / "job").mkdir()
    trace = traced(tmp_path, "whole_job.py", tmp_path / "job")
    assert calls_to_others(trace) == []
    # The page was there, so the trace is not empty.
    assert "127.0.0.1" in trace
    # TensorFlow leaves what it compiled of the functions that it traced.
    left = [name for name in files_below(tmp_path / "TMPDIR") if "__autograph_" not in name]
    assert left == []
    kept = [name for name in files_below(tmp_path / "HOME") if "matplotlib" not in name]
    assert kept in ([], [".keras/keras.json"])


def test_a_look_up_and_a_connection_would_be_seen(tmp_path: Path) -> None:
    # Addresses that are set aside for documentation; connecting a datagram socket sends nothing.
    program = """
import socket
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        other.connect_ex((address, 443))
for address in (("127.0.0.1", 53), ("127.0.0.1", 9)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect(address)
"""
    found = calls_to_others(traced(tmp_path, "-c", program))
    assert [re.findall(r"192\.0\.2\.1|2001:db8::1|htons\(53\)", line) for line in found] == [
        ["192.0.2.1"],
        ["2001:db8::1"],
        ["htons(53)"],
    ]
