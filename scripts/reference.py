"""The pages of docs/reference that are generated from the code: reference.py FOLDER.

`make generate` writes them, and a test compares. Schemas and exit codes are the contract's own;
modules and roles are rendered by antsibull-docs when the site is built.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.cli
from pydantic import BaseModel

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import maker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from sandboxer_cli import contract, errors, surveys
from sandboxer_cli.cli.main import app
from sandboxer_cli.compose import differences
from sandboxer_cli.compose import makers as made_by
from sandboxer_cli.compose.keys import KEYS
from sandboxer_cli.profiles import schema
from sandboxer_cli.profiles.layers import built_in
from sandboxer_cli.profiles.load import load
from sandboxer_cli.profiles.trust import FOR_OTHERS
from sandboxer_cli.reporting import result
from sandboxer_cli.result import span
from sandboxer_cli.validation import schema as e2e_schema
from sandboxer_cli.validation import trust as e2e_trust
from tests.corpus.projects import Project, projects

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "sandboxer_cli"
COLLECTION = ROOT / "collections/ansible_collections/coulomb/sandboxer"


def documents() -> dict[str, str]:
    """File name below docs/reference/ -> its whole text."""
    pages = {
        "program": program(),
        "profiles": profiles(),
        "e2e": e2e(),
        "playbooks": playbooks(),
        "objects": objects(),
        "error-codes": error_codes(),
        "compose": compose_keys(),
        "makers": makers(),
        "corpus": corpus(),
    }
    found = {f"{name}.md": "\n".join(lines) + "\n" for name, lines in pages.items()}
    schemas = {
        "profile.schema.json": schema.document(),
        "e2e.schema.json": e2e_schema.document(),
    }
    return {**found, **schemas}


def write(folder: Path) -> None:
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def program() -> Iterator[str]:
    """As `typer utils docs` has it."""
    command = typer.main.get_command(app)
    context = typer.Context(command)
    said = typer.cli.get_docs_for_click(obj=command, ctx=context, name="sandboxer")
    yield "# The program"
    yield ""
    yield "Generated: what `--help` says. Its examples are parsed by a test, not run."
    yield ""
    said = said.partition("\n")[2].strip().replace("```console\n$ ", "```text\n")
    yield re.sub(r"\n+Examples:\n((?:  .+\n)+)", r"\n\n**Examples**:\n\n```text\n\1```\n", said)


def profiles() -> Iterator[str]:
    yield "# Profiles"
    yield ""
    yield "Generated from `sandboxer_cli/profiles`. [How to write one](../how-to/profiles.md)."
    known = built_in()
    for name in known.names():
        profile = load(name, known).profile
        yield from ["", f"## {name}", "", profile.summary, ""]
        yield f"- made by `{profile.extension}`"
        yield f"- lives {span(profile.ttl)} once it is ready"
        yield f"- its ports listen on {profile.publish}"
        yield "- takes a folder with a compose file" if profile.source else "- takes no source"
        if profile.parameters:
            rows = [
                [f"`{key}`", one.type, f"`{one.default!r}`", one.summary]
                for key, one in profile.parameters.items()
            ]
            yield from ["", *_table(("`--set`", "type", "default", ""), rows)]
    yield from ["", "## What a file says", ""]
    yield "JSON Schema: [profile.schema.json](profile.schema.json); `sandboxer profile schema`"
    yield "prints it, too."
    whole = schema.schema()
    yield from ["", *_keys(whole)]
    for name in (
        "ComposeOptions",
        "Probe",
        "HttpGet",
        "HttpHeader",
        "TcpSocket",
        "Exec",
        "Parameter",
    ):
        yield from ["", f"### {name}", "", whole["$defs"][name]["description"], ""]
        yield from _keys(whole["$defs"][name])
    yield from ["", "## What a project's own profile may not say", ""]
    rows = [[f"`{key}`", says] for key, says in FOR_OTHERS.items()]
    yield from _table(("key", "who says it"), rows)


def e2e() -> Iterator[str]:
    yield "# e2e/e2e.yml"
    yield ""
    yield "Generated from `sandboxer_cli/validation`. [How to write one](../how-to/contract.md)."
    yield ""
    yield "JSON Schema: [e2e.schema.json](e2e.schema.json); `validate schema` prints it, too. Other"
    yield "keys are refused, but for those that begin with `x-`, which are for other programs. Keys"
    yield "that are given twice are refused, and so are YAML's tags."
    whole = e2e_schema.schema()
    yield from ["", *_keys(whole)]
    for name in (
        "Sandbox",
        "HealthProbe",
        "HttpGet",
        "HttpHeader",
        "TcpSocket",
        "Exec",
        "Step",
        "Timeouts",
        "Reports",
    ):
        yield from ["", f"## {name}", "", whole["$defs"][name]["description"], ""]
        yield from _keys(whole["$defs"][name])
    yield from ["", "## What a contract may not say", ""]
    yield "A repository grants itself nothing. At the root and below `sandbox` these are refused:"
    yield ""
    rows = [[f"`{key}`", says] for key, says in e2e_trust.FOR_OTHERS.items()]
    yield from _table(("key", "who says it"), rows)


def _keys(found: schema.Schema) -> Iterator[str]:
    rows = [
        [f"`{key}`", _kind(one), one.get("description", "")]
        for key, one in found["properties"].items()
    ]
    yield from _table(("key", "", ""), rows)


def _kind(found: schema.Schema) -> str:
    """A schema's type, in words."""
    if "anyOf" in found:
        return " or ".join(_kind(one) for one in found["anyOf"] if one != {"type": "null"})
    if "$ref" in found:
        name = found["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in found or "const" in found:
        return " or ".join(f"`{one}`" for one in found.get("enum", [found.get("const")]))
    if found.get("type") == "array":
        return f"list of {_kind(found['items'])}"
    if "additionalProperties" in found and "properties" not in found:
        return "mapping"
    words = {"string": "text", "integer": "whole number", "object": "mapping"}
    return words.get(found["type"], str(found["type"]))


def makers() -> Iterator[str]:
    yield "# Makers"
    yield ""
    yield "Generated from `sandboxer_cli/compose/makers.py`."
    yield ""
    yield "A stack's containers are made by the engine, `podman create` or `docker create`, or by"
    yield "the compose program that `SANDBOXER_COMPOSE_CMD` names. Both are given the same, and"
    yield "both only make: what is made before and all that comes after is the same code."
    yield ""
    yield "## Keys that podman-compose does not pass on"
    yield ""
    yield "Read in the code of these versions. What the engine shows afterwards decides. docker"
    yield "compose leaves none out."
    yield ""
    rows = [[f"`{one.key}`", one.versions, one.then] for one in made_by.LEFT_OUT]
    yield from _table(("key", "podman-compose", ""), rows)
    yield ""
    yield "## Where they differ"
    yield ""
    yield "Fields of `podman inspect`, between the engine maker and podman-compose. Tests have both"
    yield "make documents that use each key that is kept, and files of the shape of real ones, and"
    yield "want these and no other. `make compose-corpus` says what it finds:"
    yield ""
    yield from _table(("field", "podman-compose", "why"), _disputed(made_by.DIFFERENCES))
    yield ""
    yield "And fields of `docker inspect`, between the engine maker and docker compose. docker can"
    yield "be asked for a mount in two ways, and each takes another one: `HostConfig.Mounts` is"
    yield "compared in the words of `HostConfig.Binds`. Networks go by their names, not by ids:"
    yield ""
    yield from _table(("field", "docker compose", "why"), _disputed(made_by.DOCKERS))
    yield ""
    yield "## podman and docker"
    yield ""
    yield "The engine maker asks both for the same, but for this. What `create` is given:"
    yield ""
    rows = [
        [f"`{key}`" if key else "each", *(f"`{said}`" for said in asked), made_by.ARGUMENTS[key]]
        for key, asked in engine_arguments().items()
    ]
    yield from _table(("key", "podman", "docker", ""), rows)
    yield ""
    yield "What is around it:"
    yield ""
    around = [[one.what, one.podman, one.docker] for one in made_by.ENGINES]
    yield from _table(("", "podman", "docker"), around)
    yield ""
    yield "And on both:"
    yield ""
    yield from (f"- {one}" for one in made_by.SAME)


def _disputed(rows: Iterable[made_by.Difference]) -> list[list[str]]:
    return [["`" + one.field.replace("|", "\\|") + "`", one.versions, one.reason] for one in rows]


# what a document always says of a service
_PLAIN: dict[str, Any] = {
    "command": None,
    "entrypoint": None,
    "environment": {},
    "labels": {},
    "network_mode": "none",
}
# keys whose value isn't one text, and those that are not in the table of arguments
_SAMPLES: dict[str, Any] = {
    **dict.fromkeys(maker.ARGUMENTS, "x"),
    **{key: ["x"] for key in maker.LISTED},
    **{key: {"x": "y"} for key in ("annotations", "sysctls")},
    "ulimits": {"nofile": {"soft": 1, "hard": 1}},
    "expose": [{"target": 80, "protocol": "tcp"}],
    "extra_hosts": {"x": ["10.1.1.1"]},
    "networks": {"front": {"aliases": ["www"]}, "back": {}},
    "network_mode": "service:other",
    "entrypoint": ["run", "web"],
    "hostname": "x",
    "domainname": "example.org",
    "ipc": "shareable",
    "pid": "service:other",
    "stop_grace": 1.0,
}


def engine_arguments() -> dict[str, tuple[str, str]]:
    """Key -> what podman's `create` is given for it and docker's is not, and what docker's is. The
    empty key is what each container is given."""
    always = [_created(engine, _PLAIN) for engine in (Podman(), Docker())]
    found = {"": (_without(always[0], always[1]), _without(always[1], always[0]))}
    for key, value in _SAMPLES.items():
        spec = {**_PLAIN, key: value}
        if key == "networks":
            del spec["network_mode"]
        podman, docker = (_created(engine, spec) for engine in (Podman(), Docker()))
        if {*podman} - {*always[0]} != {*docker} - {*always[1]}:
            found[key] = (
                _without(podman, docker + always[0]),
                _without(docker, podman + always[1]),
            )
    return found


def _created(engine: Engine, service: dict[str, Any]) -> list[str]:
    """Its arguments: an option with its value each, then the image with its command."""
    one = maker.Wanted("web", "web", service, "IMAGE", gateway="10.1.1.2")
    argv = maker.create_argv(engine, "sbx-a", 1, one, None)
    end = argv.index("--")
    return [*re.split(r" (?=--)", " ".join(argv[:end])), " ".join(argv[end + 1 :])]


def _without(asked: list[str], others: list[str]) -> str:
    return " ".join(one for one in asked if one not in others)


def playbooks() -> Iterator[str]:
    yield "# Playbooks"
    yield ""
    yield "Generated from the roles' argument specs and the modules' documentation, as AWX's"
    yield "surveys are. Variables are flat, so that `-e`, an inventory and a survey can set each."
    for path in sorted((COLLECTION / "playbooks").glob("*.yml")):
        survey = surveys.survey(COLLECTION, path)
        rows = [
            [
                f"`{one['variable']}`",
                "yes" if one["required"] else "",
                f"`{one['default']}`" if "default" in one else "",
                one["question_description"],
            ]
            for one in survey["spec"]
        ]
        yield from ["", f"## coulomb.sandboxer.{path.stem}", "", f"{survey['name']}.", ""]
        yield from _table(("variable", "needed", "default", ""), rows)


def objects() -> Iterator[str]:
    yield "# What comes back, as JSON"
    yield ""
    yield "Generated from `sandboxer_cli/contract.py`. A field may be added; one that is there"
    yield "keeps its name, its type and its meaning."
    for name, model in contract.SCHEMAS.items():
        yield from _model(model, f" JSON Schema: [{name}.schema.json]({name}.schema.json)")
    for model in _parts(contract.SCHEMAS.values()):
        yield from _model(model, "")
    whole = result.json_schema()
    said = f"{whole['description']} JSON Schema: [result.schema.json](result.schema.json)"
    yield from ["", "## RunResult", "", said, "", *_keys(whole)]
    for name, part in whole["$defs"].items():
        yield from ["", f"### {name}", "", part["description"], "", *_keys(part)]


def error_codes() -> Iterator[str]:
    yield "# Error codes"
    yield ""
    yield "Generated from the code. `error.code` names the exact cause; the status is that of its"
    yield "kind in [the exit codes](exit-codes.md)."
    yield ""
    rows = sorted(
        (f"`{code}`", str(kind.exit_status), f"`{kind.code}`") for code, kind in _causes()
    )
    yield from _table(("code", "status", "kind"), rows)


def compose_keys() -> Iterator[str]:
    yield "# Compose files, key by key"
    yield ""
    yield "Generated from `sandboxer_cli/compose/keys.py`, the table that the reader goes by."
    yield "`sandboxer compose show` says what becomes of a file of yours."
    yield ""
    yield "- **kept**: the container, network or volume has it."
    yield "- **changed**: something else stands for it, to the same end. `compose show` says so."
    yield "- **left out**: what runs is without it. `create`, a playbook and `compose show` say so."
    yield "- **refused**: nothing is made; the error names file, line and column. A key that asks"
    yield "  for nothing, as `privileged: false` does, is not refused."
    yield ""
    yield "`*` is a name of your own, `[]` an item of a list. Keys that begin with `x-` are passed"
    yield "over, as compose does; any other key that stands in no table here is an error."
    fates = {"left_out": "left out"}
    for level, keys in KEYS.items():
        yield from ["", f"## {f'`{level}`' if level else 'The file'}", ""]
        rows = [
            [
                f"`{name}`",
                fates.get(key.fate, key.fate),
                key.text + (f"; other values are refused: {key.refuses}" if key.refuses else ""),
            ]
            for name, key in sorted(keys.items())
        ]
        yield from _table(("key", "what becomes of it", ""), rows)
    yield ""
    yield "## Where docker compose says otherwise"
    yield ""
    yield "A test asks `docker compose config` about files of the shape of real ones, and about one"
    yield "with every key, and compares all that it says with what is made here. Besides what is"
    yield "changed or left out above, these differ and no other:"
    yield ""
    rows = [[f"`{one.field}`", one.reason] for one in differences.DIFFERENCES]
    yield from _table(("field", "why"), rows)
    yield ""
    yield "And these are refused, although compose takes them:"
    yield ""
    yield from _table(("what", "why"), differences.REFUSED)


def corpus() -> Iterator[str]:
    yield "# Compose files of real projects"
    yield ""
    yield "Generated from `tests/corpus/projects.yml`. A row is a compose file of a public project,"
    yield "read at that commit, and a shape of it: a stack written anew with the same keys, which"
    yield "is kept and tried. The files themselves are not kept here."
    yield ""
    yield "- **comes up**: it is made on a host, is ready, made again without a change, taken away,"
    yield "  and nothing is left. Where its services **speak**, a row that is written through one"
    yield "  of them is read through another."
    yield "- **renders**: `sandboxer compose show` says what would run. Why it is not made stands"
    yield "  beside that."
    yield "- **refused**: by this key, with the reason of [the table of keys](compose.md), or since"
    yield "  a file or a variable is missing. *With* says what was written first, as the project's"
    yield "  own page asks for, and what becomes of it then."
    yield ""
    yield "Their images are stood in for, under their true names, by ones that are built here from"
    yield "Debian's packages. `make compose-corpus` tries the shapes, `python -m tests.corpus"
    yield "originals CLONES HOST` the files themselves, out of a folder with clones."
    yield ""
    yield from _table(
        ("shape", "source", "commit", "licence", "what is in it", "original", "shape's outcome"),
        [
            [
                f"`{one.name}`",
                f"{one.source} `{one.path}`",
                f"[{one.commit[:7]}](https://github.com/{one.source}/blob/{one.commit}/{one.path})",
                one.licence,
                one.special.strip(),
                _original(one),
                _outcome(one.shape, speaks=one.put is not None),
            ]
            for one in projects()
        ],
    )


def _original(project: Project) -> str:
    speaks = project.original_put is not None
    said = _outcome(project.original, speaks)
    if names := sorted(project.first.names):
        written = (
            ", ".join(f"`{name}`" for name in names) if len(names) < 3 else f"{len(names)} files"
        )
        said += f"; with {written}: {_outcome(project.prepared, speaks)}"
    return said + (f"; {project.why}" if project.why else "")


def _outcome(outcome: str, speaks: bool) -> str:
    if outcome == "comes_up":
        return "comes up and speaks" if speaks else "comes up"
    return f"refused: `{outcome.split(' ', 2)[2]}`" if outcome.startswith("refused") else outcome


def _causes() -> set[tuple[str, type[errors.SandboxerError]]]:
    """What a host answers, and what the program and the actions give as `code=` to an error."""
    found = set(errors.HOST_ERRORS.items())
    for path in [*PROGRAM.rglob("*.py"), *COLLECTION.glob("plugins/*/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            kind = getattr(errors, ast.unparse(node.func).rpartition(".")[2], None)
            for word in node.keywords:
                if kind and word.arg == "code" and isinstance(word.value, ast.Constant):
                    found.add((word.value.value, kind))
    return found


def _model(model: type[BaseModel], more: str) -> Iterator[str]:
    rows = [
        [f"`{field.alias or key}`", f"`{_type(field.annotation)}`", field.description or ""]
        for key, field in model.model_fields.items()
    ]
    yield from ["", f"## {model.__name__}", "", f"{(model.__doc__ or '').strip()}{more}", ""]
    yield from _table(("field", "type", ""), rows)


def _parts(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """The models that these are made of, and they in turn."""
    found = [*models]
    for model in found:  # it grows
        for field in model.model_fields.values():
            named = re.findall(r"contract\.(\w+)", str(field.annotation))
            found += [
                one for one in (getattr(contract, name) for name in named) if one not in found
            ]
    return [model for model in found if model not in contract.SCHEMAS.values()]


def _type(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    text = re.sub(r"typing\.|sandboxer_cli\.contract\.|<class '(.+)'>", r"\1", text)
    text = re.sub(r"Literal\[(.+?)\]", lambda found: found[1].replace(", ", " or "), text)
    return text.replace(" | ", " or ").replace("None", "null")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
