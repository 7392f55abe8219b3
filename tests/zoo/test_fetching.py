"""Files come whole, with the right hash and once; else a sentence says what to do."""

import errno
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from model_hub import (
    WEIGHTS,
    Answer,
    Hub,
    cut,
    halting,
    log_in_page,
    no_http,
    nothing,
    redirecting,
    sending,
    serving,
    status,
    without_length,
)

from simplebase.errors import ArgumentError, DownloadError
from simplebase.progress import Progress
from simplebase.zoo import connection
from simplebase.zoo.fetching import RemoteFile, fetch, is_offline


def digits(content: bytes) -> str:
    """As they stand in the row of a file."""
    return sha256(content).hexdigest()[:8]


HASH = digits(WEIGHTS)
OTHER = b"weights of somebody else"
ELSEWHERE = (
    " If this machine cannot reach the server, run `simplebase models get person` on another "
    "machine and set SIMPLEBASE_MIRROR to a folder that has the file."
)
AGAIN = " The received part is kept, and the next attempt continues from there."
FETCH = """
import sys
from simplebase.zoo.fetching import RemoteFile, fetch
address, digits = sys.argv[1:]
file = RemoteFile("person.pth", (address + "/person.pth",), digits, "person", "Apache-2.0")
fetch(file, announce=lambda line: print(line, flush=True))
"""


def fetched(file: RemoteFile, **options: Any) -> Path:
    return fetch(file, announce=lambda line: None, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refusal(file: RemoteFile, **options: Any) -> str:
    """Of a download that fails."""
    with pytest.raises(DownloadError) as caught:
        fetched(file, **options)
    return str(caught.value)


class Interrupting:
    """A progress bar at whose first step the user presses Ctrl-C."""

    @contextmanager
    def __call__(self, label: str) -> Iterator[Progress]:
        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        yield stop


def test_one_line_says_what_comes_and_the_bar_counts_bytes(hub: Hub, models: Path) -> None:
    lines: list[str] = []
    steps: list[tuple[int, int]] = []

    @contextmanager
    def bar(label: str) -> Iterator[Progress]:
        assert label == "fetching person"
        assert len(lines) == 1
        yield lambda done, total: steps.append((done, total))

    path = fetch(hub.row(), announce=lines.append, progress=bar)
    assert path == models / "person.pth"
    assert path.read_bytes() == WEIGHTS
    assert lines == [
        f"Fetching person: person.pth, 0.5 MB, from {hub.address}/person.pth. Licence: Apache-2.0."
    ]
    assert steps[-1] == (512_000, 512_000)
    assert len(steps) == 8
    assert names(models) == ["person.pth"]


def test_what_is_there_is_not_asked_for_again(hub: Hub) -> None:
    fetched(hub.row())
    fetched(hub.row())
    fetched(hub.row(), offline=True)
    assert hub.asked == [("/person.pth", None)]


def test_a_file_damaged_later_is_fetched_again(hub: Hub, models: Path) -> None:
    path = fetched(hub.row())
    path.write_bytes(WEIGHTS[:-1] + b"x")
    assert refusal(hub.row(), offline=True).startswith(f"{path} is damaged, and downloads are off")
    lines: list[str] = []
    fetch(hub.row(), announce=lines.append)
    assert lines[0] == f"{path} is damaged and is fetched again."
    assert path.read_bytes() == WEIGHTS
    assert names(models) == ["person.pth"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "ADDRESS/person.pth does not exist (status 404)."),
        (status(403), "HOST does not allow the download (status 403)."),
        (status(500), "HOST does not deliver it at the moment (status 500)."),
        (
            log_in_page,
            "HOST sent a web page instead of the file; if this network requires a log-in, open "
            "any page in a browser first.",
        ),
        (
            sending(OTHER),
            "ADDRESS/person.pth is another file, which was not kept: its SHA-256 begins with "
            f"{digits(OTHER)} in place of {HASH}.",
        ),
        (redirecting("/person.pth"), "HOST redirects more than 5 times."),
        (
            redirecting("file:///etc/passwd"),
            "ADDRESS/person.pth leads to something that is not a valid http or https address.",
        ),
        (nothing, "HOST cannot be reached (Remote end closed connection without response)."),
        (no_http, "HOST cannot be reached (?[31mred)."),
    ],
)
def test_another_answer_than_the_file_leaves_nothing(
    hub: Hub, models: Path, answer: Answer, reason: str
) -> None:
    hub.answers = [answer] * 6
    host = hub.address.removeprefix("http://")
    reason = reason.replace("ADDRESS", hub.address).replace("HOST", host)
    assert refusal(hub.row()) == f"person.pth cannot be fetched: {reason}{ELSEWHERE}"
    assert names(models) == []


def test_a_file_of_another_size_is_refused_before_it_comes(hub: Hub, models: Path) -> None:
    assert "has a file of 512000 bytes, but 511999 are expected." in refusal(hub.row(size=511_999))
    # Without a length it is noticed while it comes.
    hub.answers = [without_length]
    assert "sends more than 0.5 MB." in refusal(hub.row(size=511_999))
    assert names(models) == []


def test_a_server_may_not_say_how_large_the_file_is(hub: Hub) -> None:
    hub.answers = [without_length]
    lines: list[str] = []
    assert fetch(hub.row(), announce=lines.append).read_bytes() == WEIGHTS
    assert "person.pth, of unknown size, from" in lines[0]


def test_a_transfer_that_is_cut_goes_on(hub: Hub, models: Path) -> None:
    hub.answers = [cut(131_072)]
    lines: list[str] = []
    assert fetch(hub.row(), announce=lines.append).read_bytes() == WEIGHTS
    assert [part for _, part in hub.asked] == [None, "bytes=131072-"]
    assert len(lines) == 1
    assert names(models) == ["person.pth"]


def test_a_transfer_that_is_cut_each_time_never_counts_as_done(hub: Hub, models: Path) -> None:
    hub.answers = [cut(100_000)] * 3
    host = hub.address.removeprefix("http://")
    assert refusal(hub.row()) == (
        f"person.pth cannot be fetched: {host} ended the transfer early.{AGAIN}{ELSEWHERE}"
    )
    assert len(hub.asked) == 3
    assert names(models) == ["person.pth.partial", "person.pth.partial.json"]


def test_what_no_later_run_can_go_on_with_is_removed(hub: Hub, models: Path) -> None:
    hub.etag = ""
    hub.answers = [cut(100_000)] * 3
    assert f"ended the transfer early.{ELSEWHERE}" in refusal(hub.row())
    assert names(models) == []


def test_a_server_that_falls_silent_is_given_up(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_TIMEOUTS", (5, 0.1))
    hub.answers = [halting(100_000)] * 3
    assert f"does not respond in time.{AGAIN}" in refusal(hub.row())
    assert names(models) == ["person.pth.partial", "person.pth.partial.json"]


def test_the_next_run_goes_on_after_an_interruption(hub: Hub, models: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetched(hub.row(), progress=Interrupting())
    there = (models / "person.pth.partial").stat().st_size
    assert 0 < there < len(WEIGHTS)
    lines: list[str] = []
    assert fetch(hub.row(), announce=lines.append).read_bytes() == WEIGHTS
    assert hub.asked[1] == ("/person.pth", f"bytes={there}-")
    assert "person.pth, 0.5 MB (65.5 kB of it is already there), from http" in lines[0]
    assert names(models) == ["person.pth"]


@pytest.mark.parametrize("answer", [log_in_page, status(404), status(503)])
def test_a_fault_in_between_keeps_what_came(hub: Hub, answer: Answer) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetched(hub.row(), progress=Interrupting())
    hub.answers = [answer]
    assert AGAIN in refusal(hub.row())
    assert fetched(hub.row()).read_bytes() == WEIGHTS
    assert hub.asked[-1] == ("/person.pth", "bytes=65536-")


@pytest.mark.parametrize("etag", ['"second"', 'W/"first"', ""])
def test_a_server_that_cannot_confirm_its_file_sends_it_anew(hub: Hub, etag: str) -> None:
    if etag != '"second"':
        hub.etag = etag
    with pytest.raises(KeyboardInterrupt):
        fetched(hub.row(), progress=Interrupting())
    hub.etag = etag
    assert fetched(hub.row()).read_bytes() == WEIGHTS


@pytest.mark.parametrize("damaged", [b"x" * 70_000, WEIGHTS + b"x"], ids=["inside", "too long"])
def test_a_part_that_is_no_use_is_dropped(hub: Hub, models: Path, damaged: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetched(hub.row(), progress=Interrupting())
    (models / "person.pth.partial").write_bytes(damaged)
    assert fetched(hub.row()).read_bytes() == WEIGHTS
    assert [part is None for _, part in hub.asked] == [True, False, True]


def test_the_second_address_serves_where_the_first_does_not(hub: Hub) -> None:
    hub.files["/other.pth"] = b"something else"
    first, second = f"{hub.address}/other.pth", f"{hub.address}/person.pth"
    assert fetched(hub.row(urls=(first, second))).read_bytes() == WEIGHTS
    hub.files["/person.pth"] = b""
    assert fetched(hub.row(urls=(first, second))).read_bytes() == WEIGHTS  # it is there


def test_all_addresses_are_named_where_none_serves(hub: Hub) -> None:
    urls = (f"{hub.address}/a.pth", f"{hub.address}/b.pth")
    assert refusal(hub.row(urls=urls)).startswith(
        f"person.pth cannot be fetched: {hub.address}/a.pth does not exist (status 404); "
        f"{hub.address}/b.pth does not exist (status 404). "
    )


def test_without_a_network_the_way_out_is_named(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert refusal(hub.row(urls=(f"http://127.0.0.1:{port}/person.pth",))) == (
        f"person.pth cannot be fetched: 127.0.0.1:{port} cannot be reached (Connection refused)."
        f"{ELSEWHERE}"
    )

    def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert refusal(hub.row(urls=("https://files.invalid/person.pth",))) == (
        "person.pth cannot be fetched: the name files.invalid cannot be looked up (is there a "
        f"network?).{ELSEWHERE}"
    )
    assert names(models) == []


def test_offline_nothing_is_asked(hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = (
        f"{models / 'person.pth'} is not in the cache, and downloads are off (--offline or "
        "SIMPLEBASE_OFFLINE). Run `simplebase models get person` on a machine with a "
        "network, or set SIMPLEBASE_MIRROR to a folder with the file."
    )
    assert refusal(hub.row(), offline=True) == expected
    monkeypatch.setenv("SIMPLEBASE_OFFLINE", "1")
    assert refusal(hub.row()) == expected
    monkeypatch.setenv("SIMPLEBASE_MIRROR", hub.address)
    assert refusal(hub.row()) == expected
    assert hub.asked == []
    assert not models.exists()
    monkeypatch.setenv("SIMPLEBASE_OFFLINE", "0")
    assert not is_offline()
    assert is_offline(True)


@pytest.mark.parametrize("as_address", [False, True])
def test_a_folder_takes_the_place_of_the_hub(
    hub: Hub, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_address: bool
) -> None:
    mirror = tmp_path / "our mirror"
    mirror.mkdir()
    monkeypatch.setenv("SIMPLEBASE_MIRROR", mirror.as_uri() if as_address else str(mirror))
    advice = " Look at SIMPLEBASE_MIRROR, or unset it to use the original address."
    assert refusal(hub.row(), offline=True) == (
        f"person.pth cannot be fetched: {mirror / 'person.pth'} does not exist.{advice}"
    )
    (mirror / "person.pth").write_bytes(b"half")
    assert refusal(hub.row()) == (
        f"person.pth cannot be fetched: {mirror / 'person.pth'} is another file, which was not "
        f"kept: its SHA-256 begins with {digits(b'half')} in place of {HASH}.{advice}"
    )
    assert names(models) == []
    (mirror / "person.pth").write_bytes(WEIGHTS)
    lines: list[str] = []
    path = fetch(hub.row(), offline=True, announce=lines.append)
    assert lines == [f"Fetching person: person.pth, 0.5 MB, from {mirror}. Licence: Apache-2.0."]
    assert hub.asked == []
    # The model stays when the mirror goes.
    shutil.rmtree(mirror)
    assert fetched(hub.row()).read_bytes() == path.read_bytes() == WEIGHTS


def test_an_address_takes_the_place_of_the_hub_and_its_password_is_not_shown(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = hub.address.removeprefix("http://")
    monkeypatch.setenv("SIMPLEBASE_MIRROR", f"http://me:secret@{host}/models/?key=secret")
    message = refusal(hub.row(urls=("https://nowhere.invalid/person.pth",)))
    assert message == (
        f"person.pth cannot be fetched: {hub.address}/models/person.pth does not exist (status "
        "404). Look at SIMPLEBASE_MIRROR, or unset it to use the original address."
    )
    hub.files["/models/person.pth?key=secret"] = WEIGHTS
    lines: list[str] = []

    def listening(line: str) -> None:
        lines.extend((line, (models / "person.pth.partial.json").read_text()))

    with pytest.raises(KeyboardInterrupt):
        fetched(hub.row(), progress=Interrupting())
    fetch(hub.row(), announce=listening)
    assert hub.asked[-1][1] == "bytes=65536-"
    assert "secret" not in "".join(lines)


def test_other_kinds_of_mirrors_are_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEBASE_MIRROR", "s3://bucket/models")
    with pytest.raises(ArgumentError, match=r"begins with https://, .* Received: 's3://bucket/"):
        fetched(hub.row())


def test_the_proxy_of_the_environment_is_used(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    far = "http://files.invalid/person.pth"
    hub.files[far] = WEIGHTS
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fetched(hub.row(urls=(far,)))
    # A proxy is asked for the whole address, a server for its path.
    fetched(hub.row(name="own.pth"))
    assert [path for path, _ in hub.asked] == [far, "/person.pth"]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (
        "the proxy that the environment names for files.invalid fails (Connection refused)."
    ) in refusal(hub.row(urls=(far,), name="far.pth"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"]
        + ["ec_paramgen_curve:P-256", "-keyout", key, "-out", certificate, "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_a_certificate_has_to_be_trusted(
    certificate: tuple[Path, Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(*certificate) as hub:
        host = hub.address.removeprefix("https://")
        assert refusal(hub.row()) == (
            f"person.pth cannot be fetched: the certificate of {host} is not trusted (self-signed "
            "certificate); if a proxy of your network issues its own, set SSL_CERT_FILE or "
            f"REQUESTS_CA_BUNDLE to the file that verifies it.{ELSEWHERE}"
        )
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
        assert "SSL_CERT_FILE names /nowhere.pem, which does not exist." in refusal(hub.row())
        assert hub.asked == []
        assert names(models) == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert fetched(hub.row()).read_bytes() == WEIGHTS


def test_a_redirect_from_https_to_http_is_not_followed(
    certificate: tuple[Path, Path], hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with serving(*certificate) as safe:
        host = safe.address.removeprefix("https://")
        safe.answers = [redirecting(f"{hub.address}/person.pth")]
        assert (
            f": {host} redirects from https to {hub.address}/person.pth, which is not followed."
        ) in refusal(safe.row())
        assert hub.asked == []
        assert names(models) == []
        # To https, and from http to anywhere, it is.
        hub.answers = [redirecting(f"{safe.address}/person.pth")]
        assert fetched(hub.row()).read_bytes() == WEIGHTS


def test_a_full_disk_is_noticed_before_the_download(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 1000))
    assert refusal(hub.row()) == (
        f"{models}: person.pth takes 0.5 MB, but only 1.0 kB is free on the disk. Free some "
        "space, or set SIMPLEBASE_CACHE to a folder on another disk."
    )
    assert names(models) == []


def test_a_disk_that_fills_up_meanwhile_is_left_as_it_was(hub: Hub, models: Path) -> None:
    # To a process, the limit of its files' size is as good as a full disk.
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    done = subprocess.run(
        [sys.executable, "-c", limited + FETCH, hub.address, HASH], capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == (
        f"simplebase.errors.DownloadError: {models}: the disk is full, so "
        "person.pth was not stored. "
        "Free some space, or set SIMPLEBASE_CACHE to a folder on another disk."
    )
    assert names(models) == []


def test_a_cache_that_cannot_be_written_says_where_to_put_it(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.parent.write_bytes(b"")
    assert refusal(hub.row()) == (
        f"{models}: person.pth cannot be stored there, because the folder cannot be written (Not a "
        "directory). Set SIMPLEBASE_CACHE to another folder."
    )
    models.parent.unlink()

    def refuse(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "(Read-only file system). Set SIMPLEBASE_CACHE" in refusal(hub.row())
    assert hub.asked == []


def started(hub: Hub) -> "subprocess.Popen[str]":
    """A process that fetches."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, hub.address, HASH],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, size: int) -> None:
    for _ in range(1000):
        if path.exists() and path.stat().st_size >= size:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} has not grown to {size} bytes")


def test_two_processes_at_once_fetch_once(hub: Hub, models: Path) -> None:
    hub.answers = [halting(200_000)]
    first = started(hub)
    wait_for(models / "person.pth.partial", 131_072)
    second = started(hub)
    # It says for whom it waits.
    assert second.stderr is not None
    assert f"waiting for person.pth: process {first.pid} on" in second.stderr.readline()
    hub.released.set()
    lines = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert lines[0].startswith("Fetching person: ")
    assert lines[1] == ""
    assert len(hub.asked) == 1
    assert names(models) == ["person.pth"]


def test_a_process_killed_in_the_middle_leaves_what_the_next_goes_on_with(
    hub: Hub, models: Path
) -> None:
    hub.answers = [halting(300_000)]
    process = started(hub)
    wait_for(models / "person.pth.partial", 262_144)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "person.pth" not in names(models)
    there = (models / "person.pth.partial").stat().st_size
    assert fetched(hub.row()).read_bytes() == WEIGHTS
    assert hub.asked[1] == ("/person.pth", f"bytes={there}-")
    assert names(models) == ["person.pth"]


def test_nothing_is_imported_before_something_is_downloaded() -> None:
    program = (
        "import sys, simplebase.zoo.cache, simplebase.zoo.fetching\n"
        "print(sorted({'requests', 'urllib3', 'keras', 'tensorflow', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../person.pth"},
        {"name": ".person.pth"},
        {"sha256": "abc"},
        {"sha256": "A" * 64},
        {"urls": ()},
        {"licence": ""},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_right_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=re.escape(str(wrong.get("name", "person.pth")))):
        Hub("https://files.invalid").row(**wrong)


def test_a_file_may_be_known_by_the_hash_that_git_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(b"hello\n")
    # What `git hash-object` prints of it.
    digest = "ce013625030ba8dba906f756967f9e9ca394464a"
    file = RemoteFile("hello", ("https://x.invalid",), None, "hello", "none", git_sha1=digest)
    assert file.digest == file.digest_of(path) == digest
    path.write_bytes(b"Hello\n")
    assert file.digest_of(path) != digest
