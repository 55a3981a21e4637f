"""What JUnit files say, whoever wrote them: counted to the last one, and without harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandboxer_cli.reporting import junit_reader
from sandboxer_cli.reporting.case import Case, Tally
from sandboxer_cli.reporting.result import Counts, NotCounted


def read(folder: Path, text: str | bytes, name: str = "a.xml") -> Tally:
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return junit_reader.read(folder, [f"files/{name}"])


SUITE = '<testsuite name="shop">{}</testsuite>'
ERROR = "<testcase><error/></testcase>"
RED = Counts(failed=1)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("<testsuites/>", Counts()),
        ("<testsuite/>", Counts()),
        ("<testsuite><testcase/><testcase><skipped/></testcase></testsuite>", Counts(1, 0, 0, 1)),
        ("<testsuites><testsuite><testcase><failure/></testcase></testsuite></testsuites>", RED),
        ("<testsuite><testcase><error/><system-out/></testcase></testsuite>", Counts(0, 0, 1)),
        ("<testsuite><testcase><failure/><error/></testcase></testsuite>", Counts(0, 1)),
        ("<testsuite><testcase><skipped/><failure/></testcase></testsuite>", Counts(0, 1)),
        ("<testsuite><testcase><failure/><skipped/></testcase></testsuite>", Counts(0, 1)),
        ("<testsuite><testcase status='notrun'/></testsuite>", Counts(0, 0, 0, 1)),
        ("<testsuite><error/><testcase/></testsuite>", Counts(1)),
        ("<testsuite><testsuite><testcase/></testsuite><testcase/></testsuite>", Counts(2)),
        ("<n:testsuite xmlns:n='u:n'><n:testcase><n:failure/></n:testcase></n:testsuite>", RED),
        # it says that some have failed, and shows none of them
        ("<testsuite failures='2' errors='1'><testcase/></testsuite>", Counts(1, 3)),
        ("<testsuites failures='2'><testsuite failures='2'/></testsuites>", Counts(0, 2)),
        ("<testsuite failures='1'><testcase><failure/></testcase></testsuite>", Counts(0, 1)),
        (f"<testsuite failures='2'>{SUITE.format(ERROR)}</testsuite>", Counts(0, 0, 1)),
        ("<testsuite failures='-1' errors='1e9'><testcase/></testsuite>", Counts(1)),
    ],
)
def test_counts(tmp_path: Path, text: str, counts: Counts) -> None:
    found = read(tmp_path, text)
    assert (found.counts, found.unread, found.not_counted) == (counts, (), ())


def test_a_case_is_read_whole(tmp_path: Path) -> None:
    text = """<testsuites><testsuite name="shop">
        <testcase name=" t[1] " classname="tests.T" time="1,234.5">
        <failure type="AssertionError" message="1 != 2">trace &lt;1&gt;
<![CDATA[and <more>]]></failure><system-out>printed</system-out><system-err>, and told</system-err>
        </testcase><testcase time="nan"><error>first line
second</error></testcase><testcase name="ok"><system-out>dropped</system-out></testcase>
        </testsuite></testsuites>"""
    first, second, third = read(tmp_path, text).cases
    assert first == Case(
        "t[1]",
        "shop",
        "failed",
        1234.5,
        "tests.T",
        "AssertionError",
        "1 != 2",
        "trace <1>\nand <more>",
        "printed, and told",
    )
    assert (second.name, second.message, second.seconds) == ("unnamed", "first line", 0.0)
    assert (third.status, third.output) == ("passed", "")


EXTERNAL = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/"><testsuite/>'
KLINGON = '<?xml version="1.0" encoding="klingon"?><testsuite/>'
NAMES = "".join(f"<a{n}/>" for n in range(5000))
ATTRIBUTES = "".join(f"<a a{n}=''/>" for n in range(5000))
DOCTYPE = '<!DOCTYPE a [{}]><testsuite name="&a;"><testcase name="t"/></testsuite>'
BOMB = "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "empty": ("", "no element found"),
    "cut off": ("<testsuite><testcase>", "no element found"),
    "no XML": ("all passed", "syntax error"),
    "a bomb": (DOCTYPE.format('<!ENTITY a "aaaaaaaaaa">' + BOMB), "document type"),
    "an external entity": (DOCTYPE.format('<!ENTITY a SYSTEM "/etc/passwd">'), "document type"),
    "a document type elsewhere": (EXTERNAL, "document type"),
    "an unknown entity": ("<testsuite>&nbsp;</testsuite>", "undefined entity"),
    "not the encoding that it says": (b"<testsuite name='\xff'/>", "not well-formed"),
    "an encoding that nobody knows": (KLINGON, "klingon"),
    "another root": ("<html><testsuite/></html>", "its root is html"),
    "a control character": ("<testsuite>\x00</testsuite>", "not well-formed"),
    "too deep": ("<testsuite>" * 100_000, "nested too deep"),
    "an endless name": ("<testsuite " + "a" * 3_000_000, "one tag of it is too long"),
    "an endless value": (f"<testsuite name='{'a' * 3_000_000}'/>", "one tag of it is too long"),
    "endless names": (SUITE.format(NAMES), "too many kinds"),
    "endless attributes": (SUITE.format(ATTRIBUTES), "too many kinds"),
}


@pytest.mark.parametrize(("text", "why"), HOSTILE.values(), ids=HOSTILE)
def test_what_can_not_be_read_is_named(tmp_path: Path, text: str | bytes, why: str) -> None:
    found = read(tmp_path, text)
    assert (found.counts, found.cases, found.unread) == (Counts(), (), ("a.xml",))
    [said] = found.not_counted
    assert said.path == "a.xml" and said.why.startswith("it can't be read: ") and why in said.why


def test_none_spoils_another(tmp_path: Path) -> None:
    read(tmp_path, "no XML", "a.xml")
    read(tmp_path, "<testsuite><testcase/></testsuite>", "b.xml")
    stale = NotCounted("old.xml", "it is older than the test")
    paths = ["files/a.xml", "files/none.xml", "files/b.xml"]
    found = junit_reader.read(tmp_path, paths, [stale])
    assert found.counts == Counts(1)
    assert found.unread == ("a.xml", "none.xml")
    assert [one.path for one in found.not_counted] == ["old.xml", "a.xml", "none.xml"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    text = (
        f"<?xml version='1.0' encoding='{encoding}'?><testsuite><testcase name='grün'/></testsuite>"
    )
    assert read(tmp_path, text.encode(encoding)).cases[0].name == "grün"


def test_a_file_of_100_mb_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with (tmp_path / "files/a.xml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    [said] = junit_reader.read(tmp_path, ["files/a.xml"]).not_counted
    assert "104857600 bytes are more than" in said.why


def test_texts_keep_their_beginning_and_their_end(tmp_path: Path) -> None:
    text = "<testcase><failure>first\n" + "x" * 1_000_000 + "\nlast</failure></testcase>"
    [case] = read(tmp_path, SUITE.format(text)).cases
    assert case.text.startswith("first\nx") and case.text.endswith("x\nlast")
    assert "characters are left out here" in case.text
    assert len(case.text) < 25_000


def test_all_texts_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit_reader, "MOST_TEXT", 100)
    texts = "".join(f"<testcase><failure>{'x' * 60}</failure></testcase>" for _ in range(3))
    found = read(tmp_path, SUITE.format(texts))
    assert [len(one.text) for one in found.cases] == [60, 0, 0]
    assert found.counts == Counts(0, 3)


def test_of_many_the_red_ones_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit_reader, "MOST_CASES", 3)
    monkeypatch.setattr(junit_reader, "MOST_RED", 2)
    red = "<testcase><failure/></testcase>"
    found = read(tmp_path, SUITE.format("<testcase/>" * 5 + red * 5))
    assert [one.status for one in found.cases] == ["passed"] * 3 + ["failed"] * 2
    assert (found.counts, found.left_out) == (Counts(5, 5), 5)


MEASURED = """
import re, sys
from pathlib import Path
from sandboxer_cli.reporting import junit_reader
found = junit_reader.read(Path(sys.argv[1]), ["a.xml"])
print(found.counts.passed, found.counts.failed, len(found.unread))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SUITE.format("<testcase/>" * 1_000_000), "1000000 0 0"),
        (SUITE.format("<testcase><error/></testcase>" * 500_000), "0 0 0"),
        ("<testsuite><a>" * 1_000_000, "0 0 1"),
        ("<testsuite " + " ".join(f"a{n}=''" for n in range(1_000_000)) + "/>", "0 0 1"),
        (SUITE.format("".join(f"<a{n}/>" for n in range(1_000_000))), "0 0 1"),
    ],
    ids=["a million", "red ones", "deep", "attributes", "names"],
)
def test_memory_is_bounded(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    argv = [sys.executable, "-c", MEASURED, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    counts, most = done.stdout.splitlines()
    assert counts == said
    assert int(most) < 200 * 1024
