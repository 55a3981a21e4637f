"""Short names of images in Dockerfiles, made full."""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.dockerfile import qualify

ALPINE = "docker.io/library/alpine"


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("FROM alpine\n", f"FROM {ALPINE}:latest\n"),
        ("from alpine:3 as base", f"from {ALPINE}:3 as base"),
        ("FROM --platform=$BUILDPLATFORM  alpine:3\r\n", None),
        ("FROM a/b@sha256:" + "0" * 64, "FROM docker.io/a/b@sha256:" + "0" * 64),
        ("FROM scratch\nFROM ghcr.io/a/b\nFROM localhost/a:1\n", ""),
        ("FROM ghcr.io/a AS Base\nFROM base\nCOPY --from=base /a /a\nCOPY --from=0 /b /b\n", ""),
        ("FROM scratch\nCOPY --chown=1:1 --from=alpine:3 /a /a\n", None),
        ("FROM scratch\nRUN --mount=type=bind,from=alpine:3,target=/a \\\n  true\n", None),
        ("FROM scratch\nRUN a \\\n # one more\n\n  --mount=from=alpine:3 b\n", None),
        ("FROM scratch\nRUN echo \\\nFROM alpine\n", ""),
        ("# escape=`\nFROM scratch\nRUN echo `\nFROM alpine\n", ""),
        ("FROM scratch\nRUN cat <<-EOF\n\tFROM alpine\n\tEOF\nCOPY --from=alpine:3 /a /a\n", None),
        ("FROM scratch\nCOPY <<'A' <<B /x\nFROM alpine\nA\nFROM alpine\nB\n", ""),
        ("# FROM alpine\n", ""),
        ("ARG V=3\nARG I=alpine W\nFROM ${I}:$V\n", f"ARG V=3\nARG I=alpine W\nFROM {ALPINE}:3\n"),
        ("ARG A='x'\nFROM alpine:$A", f"ARG A='x'\nFROM {ALPINE}:given"),
        (
            'ARG P=""\nFROM "${P}alpine" AS a\nFROM "a"',
            f'ARG P=""\nFROM {ALPINE}:latest AS a\nFROM "a"',
        ),
        ("FROM alpine:${NONE:-3}", f"FROM {ALPINE}:3"),
        ("FROM alpine:$NONE\nFROM alpine:${A:+x}\nFROM $\n", ""),
        ("FROM ghcr.io/x\nARG B=3\nFROM alpine:$B\n", ""),
        ("FROM NotAName\nFROM\n", ""),
        ("FROM alpine \\\n  AS b\nCOPY --from=b /x /y\n", ""),
        ("FROM scratch\nRUN cat <<EOF\n  EOF\nFROM alpine\nEOF\n", ""),
        ("FROM scratch\nRUN echo $((1<<x))\nCOPY --from=alpine:3 /a /a\n", None),
    ],
)
def test_names(text: str, full: str | None) -> None:
    """None: the one alpine:3 has its registry; empty: nothing changes."""
    wanted = text.replace("alpine:3", f"{ALPINE}:3") if full is None else full or text
    assert qualify(text, "docker.io", {"A": "given"})[0] == wanted


def test_which_they_were() -> None:
    text = "FROM alpine AS a\nFROM quay.io/b:1\nCOPY --from=c/d:1 / /\n"
    assert qualify(text, "mirror.example", {})[1] == {
        "alpine": "mirror.example/alpine:latest",
        "c/d:1": "mirror.example/c/d:1",
    }
