"""What a source holds, in git and outside of it; its digest and its stream."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import source as on_host
from sandboxer_cli import source
from sandboxer_cli.errors import SandboxerError


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    argv = ["git", *identity, "-c", "protocol.file.allow=always", *words]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return [entry.path for entry in source.listing(folder).entries]


def packed(folder: Path) -> bytes:
    file = io.BytesIO()
    source.archive(source.listing(folder), file)
    return file.getvalue()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    return write(folder, tracked="1", new="2", ignored="3", _dot_gitignore="ignored\n")


def test_what_git_would_take(repository: Path) -> None:
    git(repository, "add", "tracked", ".gitignore")
    assert names(repository) == [".gitignore", "new", "tracked"]
    git(repository, "commit", "-m", "x")
    (repository / "tracked").unlink()
    assert names(repository) == [".gitignore", "new"]


def test_a_folder_of_a_larger_repository(repository: Path) -> None:
    write(repository, part__a="1", part__ignored="2", other__b="3")
    assert names(repository / "part") == ["a"]


def test_a_folder_that_its_repository_ignores(repository: Path) -> None:
    """As in a home that is a repository which ignores all but a few files."""
    (repository / "ignored").unlink()
    write(repository, ignored__a="1")
    assert names(repository / "ignored") == ["a"]


def test_a_repository_that_ignores_everything(repository: Path) -> None:
    """What it ignores is not sent, even if that is all there is."""
    write(repository, _dot_gitignore="*\n", _dot_env="secret")
    assert names(repository) == []


def moved_worktree(repository: Path) -> Path:
    git(repository, "commit", "--allow-empty", "-m", "x")
    git(repository, "worktree", "add", "../tree")
    repository.rename(repository.with_name("moved"))
    return repository.with_name("tree")


def folder_of_a_moved_worktree(repository: Path) -> Path:
    return write(moved_worktree(repository) / "part", a="1")


def repository_without_a_head(repository: Path) -> Path:
    (repository / ".git/HEAD").unlink()
    return repository


def link_to_nowhere(repository: Path) -> Path:
    (repository / ".git").rename(repository / "elsewhere")
    (repository / ".git").symlink_to("nowhere")
    return repository


def with_a_submodule(repository: Path, broken: str) -> Path:
    inner = write(repository / "inner", tracked="1")
    git(inner, "init")
    git(inner, "add", "tracked")
    git(inner, "commit", "-m", "x")
    git(repository, "add", "inner")
    (inner / ".git").rename(repository.with_name("lost"))
    write(inner, **{broken: "gitdir: ../../nowhere"})
    return repository


def submodule_that_points_to_nowhere(repository: Path) -> Path:
    return with_a_submodule(repository, "_dot_git")


def submodule_without_a_head(repository: Path) -> Path:
    return with_a_submodule(repository, "_dot_git__config")


@pytest.mark.parametrize(
    "broken",
    [
        moved_worktree,
        folder_of_a_moved_worktree,
        repository_without_a_head,
        link_to_nowhere,
        submodule_that_points_to_nowhere,
        submodule_without_a_head,
    ],
)
def test_a_repository_that_can_not_be_read(
    repository: Path, broken: Callable[[Path], Path]
) -> None:
    """Nobody can tell what it ignores."""
    folder = write(broken(repository), _dot_env="secret")
    with pytest.raises(SandboxerError) as refused:
        source.listing(folder)
    assert refused.value.detail.code == "source_unreadable"
    assert "what is ignored is not sent" in refused.value.detail.hint


def test_submodules_and_repositories_inside(repository: Path, tmp_path: Path) -> None:
    library = write(tmp_path / "library", code="1")
    git(library, "init")
    git(library, "add", "code")
    git(library, "commit", "-m", "x")
    git(repository, "submodule", "add", str(library), "library")
    write(repository, library__new="2", inner__a="3")
    git(repository / "inner", "init")
    assert names(repository) == [
        ".gitignore",
        ".gitmodules",
        "inner/a",
        "library/code",
        "library/new",
        "new",
        "tracked",
    ]
    git(repository, "commit", "-m", "x")
    git(repository, "submodule", "deinit", "-f", "library")
    assert "library/code" not in names(repository)


def test_outside_of_git(tmp_path: Path) -> None:
    write(tmp_path, a__b__c="1", a_dot_txt="2", a___dot_git__config="3", sub___dot_git="4", x="5")
    (tmp_path / "empty").mkdir()
    assert names(tmp_path) == ["a.txt", "a/b/c", "x"]


def test_files_that_count_even_if_they_are_ignored(repository: Path) -> None:
    found = source.listing(repository, also=["ignored", "new"]).entries
    assert [entry.path for entry in found] == [".gitignore", "ignored", "new", "tracked"]


def test_git_is_asked_in_a_clean_environment(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook has GIT_DIR of another repository; a hostile one's own settings run nothing."""
    mark = tmp_path / "ran"
    git(repository, "config", "core.fsmonitor", f"touch {mark};false")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert names(repository) == [".gitignore", "new", "tracked"]
    assert not mark.exists()


def test_without_git(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxerError) as refused:
        source.listing(repository)
    assert refused.value.detail.code == "git_missing"
    plain = write(tmp_path / "plain", a="1")
    assert names(plain) == ["a"]


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    odd = os.fsdecode(b"b\xff\n'\"")
    for folder in (tmp_path / "plain", tmp_path / "git"):
        write(folder, a="1", c="2")
        (folder / odd).write_text("3")
    git(tmp_path / "git", "init")
    assert names(tmp_path / "plain") == names(tmp_path / "git") == ["a", odd, "c"]


def test_a_folder_that_has_become_a_link(repository: Path, tmp_path: Path) -> None:
    write(repository, folder__file="1")
    git(repository, "add", ".")
    write(tmp_path / "elsewhere", file="secret")
    (repository / "folder/file").unlink()
    (repository / "folder").rmdir()
    (repository / "folder").symlink_to(tmp_path / "elsewhere")
    assert names(repository) == [".gitignore", "folder", "new", "tracked"]


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", [make_fifo, make_socket])
def test_special_files_are_refused_by_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(SandboxerError) as refused:
        source.listing(tmp_path)
    assert refused.value.detail.code == "source_special_file"
    assert "odd" in str(refused.value)


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    write(tmp_path, big="12345", small="1")
    monkeypatch.setattr(source, limit, {"MOST_FILES": 2, "MOST_BYTES": 6}[limit])
    source.listing(tmp_path)
    write(tmp_path, more="")
    monkeypatch.setattr(source, "MOST_BYTES", 5)
    with pytest.raises(SandboxerError) as refused:
        source.listing(tmp_path)
    assert refused.value.detail.code == "source_too_large"
    assert "big" in str(refused.value)


def digest(folder: Path) -> str:
    return source.digest(source.listing(folder))


def test_the_digest_follows_names_modes_contents_and_links(tmp_path: Path) -> None:
    write(tmp_path, a="1", folder__b="2")
    (tmp_path / "link").symlink_to("a")
    seen = [digest(tmp_path)]

    def differs() -> None:
        seen.append(digest(tmp_path))
        assert len(set(seen)) == len(seen)

    write(tmp_path, a="2")
    differs()
    (tmp_path / "a").chmod(0o755)
    differs()
    (tmp_path / "folder/b").rename(tmp_path / "folder/c")
    differs()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("folder")
    differs()
    (tmp_path / "link").unlink()
    write(tmp_path, link="folder")
    differs()
    os.utime(tmp_path / "a", (1, 1))
    (tmp_path / "a").chmod(0o700)
    (tmp_path / "empty").mkdir()
    assert digest(tmp_path) == seen[-1]


def test_the_host_computes_the_same_of_what_it_unpacks(tmp_path: Path) -> None:
    folder = write(tmp_path / "from", a="1", a_dot_b="2", a0="3", long__x="4" * 3_000_000)
    (folder / os.fsdecode(b"\xff")).write_text("5")
    (folder / ("n" * 200)).mkdir()
    (folder / ("n" * 200) / ("m" * 200)).write_text("6")
    (folder / "run").write_text("7")
    (folder / "run").chmod(0o755)
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "odd").symlink_to(os.fsdecode(b".//\xfe"))
    with tarfile.open(
        fileobj=io.BytesIO(packed(folder)), encoding="utf-8", errors="surrogateescape"
    ) as tar:
        (tmp_path / "to").mkdir()
        on_host._extract(tar, str(tmp_path / "to"))
    assert on_host.digest_of(str(tmp_path / "to")) == digest(folder)
    assert (tmp_path / "to/odd").readlink() == (folder / "odd").readlink()


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, b="1", a__c="2")
    os.utime(tmp_path / "two/b", (1, 1))
    (tmp_path / "two/b").chmod(0o600)
    assert packed(tmp_path / "one") == packed(tmp_path / "two")


def test_a_file_that_shrinks_while_it_is_sent(tmp_path: Path) -> None:
    listing = source.listing(write(tmp_path, a="12345"))
    write(tmp_path, a="123")
    with pytest.raises(SandboxerError) as failed:
        source.archive(listing, io.BytesIO())
    assert failed.value.detail.code == "source_changed"
    assert failed.value.detail.retryable


def test_a_file_that_becomes_a_link_while_it_is_sent(tmp_path: Path) -> None:
    listing = source.listing(write(tmp_path, a="12345"))
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("/etc/passwd")
    with pytest.raises(SandboxerError):
        source.archive(listing, io.BytesIO())


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("a", None),
        (".", None),
        ("folder/../a", None),
        ("..", ".."),
        ("folder/../../a", "folder/../../a"),
        ("inside", None),
        ("inside/x", None),
        ("out", "out"),
        ("out/x", "out"),
        ("folder/up/etc", "folder/up"),
        ("absolute", "absolute"),
        ("through/passwd", "out"),
        ("circle", None),
        ("missing/x", None),
    ],
)
def test_what_leads_out(tmp_path: Path, path: str, link: str | None) -> None:
    write(tmp_path, a="1", folder__b="2")
    for name, target in {
        "inside": "folder/../folder",
        "out": "../elsewhere",
        "folder/up": "../..",
        "absolute": "/etc",
        "through": "./out",
        "circle": "circle",
    }.items():
        (tmp_path / name).symlink_to(target)
    assert source.leads_out(source.listing(tmp_path), path) == link


def test_thousands_of_files_are_quick(tmp_path: Path) -> None:
    """Seconds would be felt at each create; it is well below one."""
    git(tmp_path, "init")
    for folder in range(30):
        (tmp_path / f"{folder}").mkdir()
        for name in range(100):
            (tmp_path / f"{folder}/{name}").write_bytes(hashlib.sha256(b"%d" % name).digest() * 50)
    git(tmp_path, "add", ".")
    begun = time.monotonic()
    digest(tmp_path)
    assert time.monotonic() - begun < 5
