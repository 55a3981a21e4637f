"""From a folder to one tree: several files, their variables, what they extend and include."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.load import LoadOptions, Project, load
from sandboxer_cli.compose.tree import ListNode, MapNode, Node, ScalarNode, plain
from sandboxer_cli.errors import Usage

IMAGE = "image: docker.io/x/y"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def project(folder: Path, texts: dict[str, str], /, **options: Any) -> Project:
    return load(write(folder, texts), LoadOptions(**options))


def services(folder: Path, texts: dict[str, str], /, **options: Any) -> Any:
    return plain(project(folder, texts, **options).tree)["services"]


def refusal(folder: Path, texts: dict[str, str], /, **options: Any) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        project(folder, texts, **options)
    return error.value.detail.code, error.value.detail.message


# files


def test_one_file(tmp_path: Path) -> None:
    text = f"name: shop\nversion: '3.8'\nx-a: 1\nservices:\n  web: {{{IMAGE}}}\n"
    found = project(tmp_path, {"compose.yml": text})
    assert plain(found.tree) == {
        "name": "shop",
        "version": "3.8",
        "x-a": 1,
        "services": {"web": {"image": "docker.io/x/y"}},
    }
    assert [file.name for file in found.files] == ["compose.yml"]
    assert found.notes == ()


TWO = {
    "compose.yml": f"services: {{web: {{{IMAGE}, ports: ['80:80']}}}}\n",
    "compose.override.yml": "services: {web: {ports: ['81:81'], command: a}}\n",
    "prod.yml": "services: {web: {ports: !override ['443:443']}}\n",
}


@pytest.mark.parametrize(
    ("files", "read", "ports"),
    [
        ((), ["compose.yml", "compose.override.yml"], ["80:80", "81:81"]),
        (("compose.yml",), ["compose.yml"], ["80:80"]),
        (("compose.yml", "prod.yml"), ["compose.yml", "prod.yml"], ["443:443"]),
        (("./prod.yml", "compose.yml"), ["prod.yml", "compose.yml"], ["443:443", "80:80"]),
    ],
)
def test_which_files(
    tmp_path: Path, files: tuple[str, ...], read: list[str], ports: list[str]
) -> None:
    found = project(tmp_path, TWO, files=files)
    assert [file.name for file in found.files] == read
    assert plain(found.tree)["services"]["web"]["ports"] == ports


def test_a_file_may_be_named_from_the_root(tmp_path: Path) -> None:
    assert services(tmp_path, TWO, files=(f"{tmp_path}/compose.yml",))["web"]["ports"] == ["80:80"]


@pytest.mark.parametrize(
    ("env", "ports"),
    [
        ("COMPOSE_FILE=compose.yml:prod.yml\n", ["443:443"]),
        ("COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yml,prod.yml\n", ["443:443"]),
        ("COMPOSE_FILE=\n", ["80:80", "81:81"]),
    ],
)
def test_files_that_variables_name(tmp_path: Path, env: str, ports: list[str]) -> None:
    assert services(tmp_path, {**TWO, ".env": env})["web"]["ports"] == ports


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"files": ("no.yml",)}, "source_file_missing", "there is no file no.yml in {}"),
        ({"env_files": ("no.env",)}, "source_file_missing", "there is no file no.env in {}"),
        ({"files": ("../a.yml",)}, "source_outside", "../a.yml lies outside of the source {}"),
        (
            {"env_files": ("/etc/passwd",)},
            "source_outside",
            "/etc/passwd lies outside of the source {}",
        ),
    ],
)
def test_files_that_can_not_be_read(
    tmp_path: Path, options: dict[str, Any], code: str, message: str
) -> None:
    assert refusal(tmp_path, TWO, **options) == (code, message.format(tmp_path))


@pytest.mark.parametrize("word", ["files", "env_files"])
def test_where_an_option_is_looked_for_is_said(tmp_path: Path, word: str) -> None:
    with pytest.raises(Usage) as error:
        project(tmp_path, TWO, **{word: ("no.yml",)})
    assert error.value.detail.hint.startswith("it goes from the source folder")
    with pytest.raises(Usage) as error:
        project(tmp_path, {"compose.yml": "include: [no.yml]\n"})
    assert error.value.detail.hint.startswith("it goes from the folder of the first compose file")


# variables

SHOWN = f"services: {{web: {{{IMAGE}, command: ['$A', '$B', '$C', '$COMPOSE_PROJECT_NAME']}}}}\n"


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({}, ["env", "env", "", "shop"]),
        ({"env_files": ("x.env",)}, ["x", "x", "", "shop"]),
        ({"env_files": ("x.env", "y.env")}, ["x", "y", "x y", "shop"]),
        ({"env_files": ("y.env", "x.env")}, ["x", "x", " y", "shop"]),
        ({"variables": {"B": "set"}}, ["env", "set", "", "shop"]),
        ({"variables": {"COMPOSE_PROJECT_NAME": "mine"}}, ["env", "env", "", "mine"]),
    ],
)
def test_where_variables_come_from(
    tmp_path: Path, options: dict[str, Any], command: list[str]
) -> None:
    files = {
        "compose.yml": SHOWN,
        ".env": "A=env\nB=env\n",
        "x.env": "A=x\nB=x\n",
        "y.env": 'B=y\nC="${A:-} $B"\n',
    }
    assert services(write(tmp_path / "Shop!", files), {}, **options)["web"]["command"] == command


def test_nothing_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("A", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"):
        monkeypatch.setenv(name, "environment")
    (tmp_path / "shop").mkdir()
    found = project(tmp_path / "shop", {"compose.yml": SHOWN})
    assert plain(found.tree)["services"]["web"]["command"] == ["", "", "", "shop"]
    assert "environment" not in found.variables.values()
    assert [(note.path, str(note.place)) for note in found.notes] == [
        (f"services.web.command[{index}]", f"compose.yml:1:{column}")
        for index, column in enumerate((50, 56, 62))
    ]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"compose.yml": "name: My Shop\n"}, "myshop"),
        ({"compose.yml": "name: ${N:-x}\n", ".env": "N=y\n"}, "y"),
        ({"compose.yml": "name: a\n", "compose.override.yml": "name: b\n"}, "b"),
        ({"compose.yml": "name: a\n", ".env": "COMPOSE_PROJECT_NAME=c\n"}, "c"),
        ({"compose.yml": "x-a: 1\n"}, "folder"),
    ],
)
def test_the_project_has_a_name(tmp_path: Path, files: dict[str, str], name: str) -> None:
    found = project(tmp_path / "folder", files)
    assert found.variables["COMPOSE_PROJECT_NAME"] == name


def test_an_environment_names_variables_without_a_value(tmp_path: Path) -> None:
    text = (
        f"services:\n  a: {{{IMAGE}, environment: [A, B, C=$$A]}}\n"
        f"  b: {{{IMAGE}, environment: {{A: , B: , C: ''}}}}\n"
    )
    found = services(tmp_path, {"compose.yml": text, ".env": "A=1\n"})
    assert found["a"]["environment"] == ["A=1", "B", "C=$A"]
    assert found["b"]["environment"] == {"A": "1", "B": None, "C": ""}


# paths


def scalars(node: Node | None) -> list[str]:
    if isinstance(node, MapNode):
        return [text for _, value in node.entries for text in scalars(value)]
    if isinstance(node, ListNode):
        return [text for item in node.items for text in scalars(item)]
    return [node.text] if isinstance(node, ScalarNode) else []


@pytest.mark.parametrize(
    ("written", "rebased"),
    [
        ("build: .", ["sub"]),
        ("build: ..", ["."]),
        ("build: ../..", [".."]),
        ("build: {context: ./app, dockerfile: Dockerfile}", ["sub/app", "Dockerfile"]),
        ("build: https://h/x.git", ["https://h/x.git"]),
        (
            "build: {context: ., additional_contexts: {a: ., b: 'service:c'}}",
            ["sub", "sub", "service:c"],
        ),
        ("build: {context: ., additional_contexts: [a=.]}", ["sub", "a=sub"]),
        ("env_file: x.env", ["sub/x.env"]),
        ("env_file: [{path: ../x.env, required: false}]", ["x.env", "false"]),
        ("label_file: [x]", ["sub/x"]),
        ("volumes: ['./d:/d:ro', '.:/e', '../f:/f']", ["./sub/d:/d:ro", "./sub:/e", "./f:/f"]),
        ("volumes: ['../../d:/d']", ["../d:/d"]),
        ("volumes: ['d:/d', '/d', '/d:/e', '~/d:/e']", ["d:/d", "/d", "/d:/e", "~/d:/e"]),
        ("volumes: [{type: bind, source: d, target: /d}]", ["bind", "sub/d", "/d"]),
        ("volumes: [{type: volume, source: d, target: /d}]", ["volume", "d", "/d"]),
        ("volumes: ['${D:-./d}:/d']", ["./sub/d:/d"]),
    ],
)
@pytest.mark.parametrize("way", ["file", "extends", "include"])
def test_paths_go_from_the_source(
    tmp_path: Path, way: str, written: str, rebased: list[str]
) -> None:
    files = {"sub/x.yml": f"services: {{web: {{{written}}}}}\n"}
    options: dict[str, Any] = {}
    if way == "file":
        options["files"] = ("sub/x.yml",)
    elif way == "extends":
        files["compose.yml"] = "services: {web: {extends: {file: sub/x.yml, service: web}}}\n"
    else:
        files["compose.yml"] = "include: [sub/x.yml]\n"
    found = project(tmp_path, files, **options).tree.get("services")
    assert scalars(found) == rebased


@pytest.mark.parametrize("section", ["secrets", "configs"])
def test_files_of_secrets_go_from_the_source(tmp_path: Path, section: str) -> None:
    files = {"sub/x.yml": f"{section}: {{a: {{file: ./a.txt}}, b: {{file: /b}}}}\n"}
    found = project(tmp_path, files, files=("sub/x.yml",))
    assert plain(found.tree)[section] == {"a": {"file": "sub/a.txt"}, "b": {"file": "/b"}}


def test_the_folder_is_that_of_the_first_file(tmp_path: Path) -> None:
    files = {
        "one/a.yml": "services: {web: {build: ., env_file: $E}}\n",
        "two/b.yml": "services: {web: {build: {args: {A: b}}, env_file: b.env}}\n",
        "one/.env": "E=e.env\n",
        ".env": "E=no\n",
    }
    assert services(tmp_path, files, files=("one/a.yml", "two/b.yml"))["web"] == {
        "build": {"context": "one", "args": {"A": "b"}},
        "env_file": ["one/e.env", "one/b.env"],
    }


DEEPER = {
    "sub/x.yml": "services: {web: {build: {target: dev}}}\n",
    "sub/context.yml": "services: {web: {build: {context: app}}}\n",
    "inline.yml": "services: {web: {build: {dockerfile_inline: FROM scratch}}}\n",
    "sub/extending.yml": "services: {web: {extends: {file: ../other/x.yml, service: web}}}\n",
    "other/x.yml": "services: {web: {build: {target: dev}}}\n",
    "including.yml": "include: [sub/x.yml]\n",
    "including-at.yml": "include: [{path: sub/x.yml, project_directory: other}]\n",
    "overriding.yml": "include: [{path: [sub/x.yml, sub/context.yml]}]\n",
    "over.yml": "services: {web: {build: {args: {A: b}}}}\n",
}


@pytest.mark.parametrize(
    ("files", "build"),
    [
        (["sub/x.yml"], {"target": "dev", "context": "sub"}),
        (["inline.yml"], {"dockerfile_inline": "FROM scratch", "context": "."}),
        (
            ["sub/x.yml", "inline.yml"],
            {"target": "dev", "dockerfile_inline": "FROM scratch", "context": "sub"},
        ),
        (["sub/x.yml", "sub/context.yml"], {"target": "dev", "context": "sub/app"}),
        (["sub/context.yml", "other/x.yml"], {"target": "dev", "context": "sub/app"}),
        (["sub/extending.yml"], {"target": "dev", "context": "sub"}),
        (["including.yml"], {"target": "dev", "context": "sub"}),
        (["including-at.yml"], {"target": "dev", "context": "other"}),
        (["overriding.yml"], {"target": "dev", "context": "sub/app"}),
        (["including.yml", "over.yml"], {"target": "dev", "context": "sub", "args": {"A": "b"}}),
    ],
)
def test_a_build_without_a_context_has_the_folder_of_its_file(
    tmp_path: Path, files: list[str], build: dict[str, Any]
) -> None:
    assert services(tmp_path, DEEPER, files=tuple(files))["web"]["build"] == build


# extends


@pytest.mark.parametrize(
    ("text", "web"),
    [
        (f"a: {{{IMAGE}, command: b}}\n  web: {{extends: a}}", {"command": "b"}),
        (f"a: {{{IMAGE}}}\n  web: {{extends: {{service: a}}, command: b}}", {"command": "b"}),
        (
            "web: {extends: b, environment: {A: 1}}\n"
            "  b: {extends: c, environment: [A=2, B=2]}\n"
            f"  c: {{{IMAGE}, environment: [C=3]}}",
            {"environment": {"C": "3", "A": 1, "B": "2"}},
        ),
        (
            f"a: {{{IMAGE}, ports: [1], labels: {{x: y}}}}\n"
            "  web: {extends: a, ports: !override [2], labels: !reset {}}",
            {"ports": [2]},
        ),
        (
            f"a: {{{IMAGE}, depends_on: [d], networks: [n]}}\n  web: {{extends: a}}",
            {"depends_on": ["d"], "networks": ["n"]},
        ),
    ],
)
def test_extends_in_the_same_file(tmp_path: Path, text: str, web: dict[str, Any]) -> None:
    found = services(tmp_path, {"compose.yml": f"services:\n  {text}\n"})
    assert found["web"] == {"image": "docker.io/x/y", **web}


def test_extends_from_files_of_files(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services: {web: {extends: {file: a/a.yml, service: a}, ports: [3]}}\n",
        "a/a.yml": "services:\n"
        "  a: {extends: {file: ../b/b.yml, service: b}, ports: [2], build: .}\n",
        "b/b.yml": "services:\n  b: {extends: c, ports: [1], env_file: b.env}\n"
        "  c: {image: $I}\nvolumes: {v: }\n",
        ".env": "I=docker.io/x/y\n",
        "b/.env": "I=no\n",
    }
    found = project(tmp_path, files)
    assert plain(found.tree) == {
        "services": {
            "web": {
                "image": "docker.io/x/y",
                "ports": [1, 2, 3],
                "env_file": "b/b.env",
                "build": "a",
            }
        }
    }


def test_a_tag_counts_in_the_file_that_has_it(tmp_path: Path) -> None:
    files = {
        "compose.yml": f"services: {{web: {{{IMAGE}, ports: [1]}}}}\n",
        "compose.override.yml": "services:\n  a: {ports: [2]}\n"
        "  web: {extends: a, ports: !override [3]}\n",
    }
    assert services(tmp_path, files)["web"]["ports"] == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{extends: web}", "services.web.extends: a circle, web -> web, compose.yml:2:18"),
        (
            "{extends: a}\n  a: {extends: b}\n  b: {extends: a}",
            "services.b.extends: a circle, a -> b -> a, compose.yml:4:16",
        ),
        (
            "{extends: {file: x.yml, service: a}}",
            "services.b.extends: a circle, a -> b -> a, x.yml:1:68",
        ),
        (
            "{extends: no}",
            "services.web.extends: there is no service no in compose.yml, compose.yml:2:18",
        ),
        (
            "{extends: {file: x.yml, service: no}}",
            "services.web.extends: there is no service no in x.yml, compose.yml:2:25",
        ),
        (
            "{extends: }",
            "services.web.extends: wants a service's name, or a mapping, compose.yml:2:17",
        ),
        (
            "{extends: [a]}",
            "services.web.extends: wants a service's name, or a mapping, compose.yml:2:18",
        ),
        (
            "{extends: {file: x.yml}}",
            "services.web.extends: wants the name of a service, compose.yml:2:18",
        ),
        (
            "{extends: {a: b}}",
            "services.web.extends.a: extends has service and file, compose.yml:2:19",
        ),
        ("{extends: {file: [x]}}", "services.web.extends.file: wants text, compose.yml:2:25"),
    ],
)
def test_what_can_not_be_extended(tmp_path: Path, text: str, message: str) -> None:
    files = {
        "compose.yml": f"services:\n  web: {text}\n",
        "x.yml": "services: {a: {extends: {file: ./x.yml, service: b}}, b: {extends: a}}\n",
    }
    assert refusal(tmp_path, files) == ("compose_invalid", message)


def test_a_file_that_extends_needs_is_named(tmp_path: Path) -> None:
    def using(path: str) -> dict[str, str]:
        text = f"services: {{web: {{extends: {{file: {path}, service: a}}}}}}\n"
        return {"sub/compose.yml": text}

    write(tmp_path, {"outside.yml": "services: {a: {}}\n"})
    source = tmp_path / "source"
    write(source, {"sub/x": ""})
    (source / "link.yml").symlink_to("../outside.yml")
    files = ("sub/compose.yml",)
    assert refusal(source, using("no.yml"), files=files) == (
        "source_file_missing",
        f"there is no file sub/no.yml in {source}, sub/compose.yml:1:34",
    )
    for path, named in (("../../outside.yml", "../outside.yml"), ("../link.yml", "link.yml")):
        assert refusal(source, using(path), files=files) == (
            "source_outside",
            f"{named} lies outside of the source {source}, sub/compose.yml:1:34",
        )


def test_a_long_chain_is_refused(tmp_path: Path) -> None:
    chain = "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(2000))
    files = {"compose.yml": f"services:\n{chain}  s2000: {{{IMAGE}}}\n"}
    code, message = refusal(tmp_path, files)
    assert code == "compose_invalid"
    assert message.startswith("services.s50.extends: a chain of more than 50, compose.yml:")


def test_lists_that_grow_by_extends_have_an_end(tmp_path: Path) -> None:
    items = ", ".join("a" for _ in range(5000))
    users = "".join(f"  s{n}: {{extends: base, tmpfs: [b]}}\n" for n in range(40))
    files = {"compose.yml": f"services:\n  base: {{security_opt: [{items}]}}\n{users}"}
    assert refusal(tmp_path, files)[1].startswith("more than 100000 values in all, compose.yml:")


# include


INCLUDED = {
    "sub/x.yml": "services: {x: {image: $I, build: .}}\nvolumes: {v: }\nname: no\n",
    "sub/.env": "I=docker.io/x/sub\n",
    "sub/more.yml": "services: {x: {command: more}}\n",
    "other/x.env": "I=docker.io/x/other\n",
}


@pytest.mark.parametrize(
    ("include", "x"),
    [
        ("[sub/x.yml]", {"image": "docker.io/x/sub", "build": "sub"}),
        ("[{path: sub/x.yml}]", {"image": "docker.io/x/sub", "build": "sub"}),
        (
            "[{path: [sub/x.yml, sub/more.yml]}]",
            {"image": "docker.io/x/sub", "build": "sub", "command": "more"},
        ),
        ("[{path: sub/x.yml, project_directory: other}]", {"image": "", "build": "other"}),
        (
            "[{path: sub/x.yml, env_file: other/x.env}]",
            {"image": "docker.io/x/other", "build": "sub"},
        ),
        ("[{path: sub/x.yml, env_file: [/dev/null]}]", {"image": "", "build": "sub"}),
    ],
)
def test_include(tmp_path: Path, include: str, x: dict[str, Any]) -> None:
    files = {**INCLUDED, "compose.yml": f"include: {include}\nservices: {{web: {{{IMAGE}}}}}\n"}
    assert plain(project(tmp_path, files).tree) == {
        "services": {"web": {"image": "docker.io/x/y"}, "x": x},
        "volumes": {"v": None},
    }


def test_the_variables_of_who_includes_win(tmp_path: Path) -> None:
    files = {**INCLUDED, "compose.yml": "include: [sub/x.yml]\n", ".env": "I=docker.io/x/mine\n"}
    assert services(tmp_path, files)["x"]["image"] == "docker.io/x/mine"


def test_an_included_file_includes_and_is_extended(tmp_path: Path) -> None:
    files = {
        "compose.yml": "include: [a/a.yml]\nservices: {web: {extends: b, command: web}}\n",
        "a/a.yml": "include: [{path: ../b/b.yml, env_file: b.env}]\n",
        "a/b.env": "B=docker.io/x/b\n",
        "b/b.yml": "services: {b: {image: $B, env_file: x.env}}\n",
    }
    b = {"image": "docker.io/x/b", "env_file": "b/x.env"}
    assert services(tmp_path, files) == {"b": b, "web": {**b, "command": "web"}}


def test_two_may_include_the_same(tmp_path: Path) -> None:
    files = {
        "compose.yml": "include: [a.yml, b.yml]\nnetworks: {n: }\n",
        "a.yml": "include: [c.yml]\n",
        "b.yml": "include: [c.yml]\n",
        "c.yml": f"services: {{c: {{{IMAGE}}}}}\nnetworks: {{n: }}\n",
    }
    assert list(services(tmp_path, files)) == ["c"]


def test_an_included_secret_has_its_own_variables(tmp_path: Path) -> None:
    files = {
        "compose.yml": "include: [sub/x.yml]\nsecrets: {b: {environment: B}}\n",
        "sub/x.yml": "secrets: {a: {environment: A}, c: {environment: C}}\n",
        "sub/.env": "A=aa\n",
        ".env": "B=bb\n",
    }
    assert plain(project(tmp_path, files).tree)["secrets"] == {
        "a": {"content": "aa"},
        "b": {"environment": "B"},
        "c": {"environment": "C"},
    }


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ("x.yml", "include: wants a list, compose.yml:1:10"),
        ("[[x.yml]]", "include[0]: wants a path, or a mapping, compose.yml:1:11"),
        ("[~]", "include[0]: wants a path, compose.yml:1:11"),
        ("[{path: }]", "include[0].path: wants a path, compose.yml:1:17"),
        ("[{path: []}]", "include[0].path: an empty list, compose.yml:1:18"),
        ("[{env_file: x}]", "include[0]: wants a path, compose.yml:1:11"),
        (
            "[{path: x.yml, env: a}]",
            "include[0].env: include has path, project_directory, env_file, compose.yml:1:25",
        ),
        ("[self.yml]", "include: a circle, self.yml -> self.yml, self.yml:1:11"),
        ("[compose.yml]", "include: a circle, compose.yml -> compose.yml, compose.yml:1:11"),
        (
            "[x.yml]",
            "services.web is declared in an included file, too: x.yml:1:12, compose.yml:2:12",
        ),
    ],
)
def test_what_can_not_be_included(tmp_path: Path, include: str, message: str) -> None:
    files = {
        "compose.yml": f"include: {include}\nservices: {{web: {{{IMAGE}}}}}\n",
        "x.yml": "services: {web: {image: docker.io/x/other}}\n",
        "self.yml": "include: [self.yml]\n",
    }
    assert refusal(tmp_path, files) == ("compose_invalid", message)


@pytest.mark.parametrize(
    ("include", "code", "message"),
    [
        ("no.yml", "source_file_missing", "there is no file no.yml in {}, compose.yml:1:11"),
        ("../x.yml", "source_outside", "../x.yml lies outside of the source {}, compose.yml:1:11"),
        (
            "{path: x.yml, env_file: no.env}",
            "source_file_missing",
            "there is no file no.env in {}, compose.yml:1:35",
        ),
        (
            "{path: x.yml, project_directory: ..}",
            "source_outside",
            ".. lies outside of the source {}, compose.yml:1:44",
        ),
        (
            "https://h/x.yml",
            "compose_unsupported",
            "not supported yet: include[0]: a file from elsewhere, compose.yml:1:11",
        ),
    ],
)
def test_files_that_can_not_be_included(
    tmp_path: Path, include: str, code: str, message: str
) -> None:
    files = {"compose.yml": f"include: [{include}]\n", "x.yml": "x-a: 1\n"}
    assert refusal(tmp_path, files) == (code, message.format(tmp_path))


def test_includes_that_double_have_an_end(tmp_path: Path) -> None:
    files = {f"{n}.yml": f"include: [{n + 1}.yml, ./{n + 1}.yml]\n" for n in range(11)}
    files["11.yml"] = "x-a: 1\n"
    files["compose.yml"] = "include: [0.yml]\n"
    assert refusal(tmp_path, files)[1].startswith("more than 200 files, counted as often as used, ")


# profiles


PROFILES = (
    f"services:\n  web: {{{IMAGE}}}\n  a: {{{IMAGE}, profiles: [one]}}\n"
    f"  b: {{{IMAGE}, profiles: [two, three]}}\n"
)


@pytest.mark.parametrize(
    ("profiles", "env", "active"),
    [
        ((), "", ["web"]),
        (("one",), "", ["web", "a"]),
        (("three",), "", ["web", "b"]),
        (("one", "two"), "", ["web", "a", "b"]),
        (("*",), "", ["web", "a", "b"]),
        (("none",), "", ["web"]),
        ((), "COMPOSE_PROFILES=one, two\n", ["web", "a", "b"]),
        ((), "COMPOSE_PROFILES=*\n", ["web", "a", "b"]),
        (("one",), "COMPOSE_PROFILES=two\n", ["web", "a"]),
    ],
)
def test_profiles(tmp_path: Path, profiles: tuple[str, ...], env: str, active: list[str]) -> None:
    files = {"compose.yml": PROFILES, ".env": env}
    found = services(tmp_path, files, profiles=profiles)
    assert list(found) == active
    assert all("profiles" not in service for service in found.values())


@pytest.mark.parametrize("depends_on", ["[b]", "{b: {condition: service_started}}"])
def test_a_service_can_not_need_one_that_does_not_run(tmp_path: Path, depends_on: str) -> None:
    text = f"{PROFILES}  c: {{{IMAGE}, depends_on: {depends_on}}}\n"
    with pytest.raises(Usage) as error:
        project(tmp_path, {"compose.yml": text})
    detail = error.value.detail
    assert detail.message == (
        "services.c.depends_on: b runs only with the profile two or three, compose.yml:5:42"
    )
    assert detail.hint == "give --compose-profile two"
    assert list(services(tmp_path, {}, profiles=("two",))) == ["web", "b", "c"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("links", "[b]"),
        ("links", "['b:db']"),
        ("volumes_from", "['b:ro']"),
        ("network_mode", "service:b"),
        ("ipc", "service:b"),
        ("pid", "service:b"),
    ],
)
def test_nor_hold_on_to_it(tmp_path: Path, key: str, value: str) -> None:
    text = f"{PROFILES}  c: {{{IMAGE}, {key}: {value}}}\n"
    with pytest.raises(Usage) as error:
        project(tmp_path, {"compose.yml": text})
    detail = error.value.detail
    assert detail.message.startswith(
        f"services.c.{key}: b runs only with the profile two or three, compose.yml:5:"
    )
    assert detail.hint == "give --compose-profile two"
    assert list(services(tmp_path, {}, profiles=("two",))) == ["web", "b", "c"]


@pytest.mark.parametrize("name", ["b", "none"])
def test_what_is_not_required_is_left_out(tmp_path: Path, name: str) -> None:
    on = f"{{{name}: {{condition: service_started, required: false}}, web: {{condition: x}}}}"
    text = f"{PROFILES}  c: {{{IMAGE}, depends_on: {on}}}\n"
    found = project(tmp_path, {"compose.yml": text})
    assert plain(found.tree)["services"]["c"]["depends_on"] == {"web": {"condition": "x"}}
    [note] = found.notes
    assert (note.path, str(note.place)) == (f"services.c.depends_on.{name}", "compose.yml:5:42")


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ("one", "services.web.profiles: wants a list, compose.yml:1:28"),
        ("[[a]]", "services.web.profiles: wants names, compose.yml:1:29"),
    ],
)
def test_profiles_that_are_none(tmp_path: Path, profiles: str, message: str) -> None:
    files = {"compose.yml": f"services: {{web: {{profiles: {profiles}}}}}\n"}
    assert refusal(tmp_path, files) == ("compose_invalid", message)


# bounds


def test_tags_are_taken_in_compose_files_only_those_two(tmp_path: Path) -> None:
    files = {"compose.yml": "a: !other 1\n"}
    assert refusal(tmp_path, files) == (
        "compose_unsupported",
        "not supported yet: the YAML tag !other, compose.yml:1:4",
    )
    files = {"compose.yml": "!reset a: 1\n"}
    assert refusal(tmp_path, files)[0] == "compose_unsupported"


def test_a_list_entry_that_is_reset_is_left_out(tmp_path: Path) -> None:
    files = {"compose.yml": "services: {web: {ports: [1, !reset 2, !override 3]}}\n"}
    assert services(tmp_path, files)["web"]["ports"] == [1, 3]


def test_merge_keys_bring_their_tags(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services: {web: {ports: [1]}, b: {ports: [1]}}\n",
        "compose.override.yml": "x-a: &a {ports: !override [2]}\n"
        "services: {web: {<<: *a}, b: {ports: [2]}}\n",
    }
    found = services(tmp_path, files)
    assert (found["web"]["ports"], found["b"]["ports"]) == ([2], [1, 2])
