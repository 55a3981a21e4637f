"""What is brought to AWX: surveys, the credential type, the playbook that imports them.

AWX's own rules are written down here a second time, from its API's validation: awx.awx can't be
installed where the tests run.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import jinja2.sandbox
import pytest
import yaml

from sandboxer_cli import surveys
from tests.awx import BIN, ROOT

COLLECTION = ROOT / "collections/ansible_collections/coulomb/sandboxer"
SURVEYS = ROOT / "awx/surveys"
NAMES = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))

TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "textarea": str,
    "password": str,
    "integer": int,
    "float": (float, int),
    "multiplechoice": str,
    "multiselect": str,
}
KEYS = {"question_name", "question_description", "variable", "required", "type", "default"} | {
    "choices",
    "min",
    "max",
}


def load(name: str) -> Any:
    return yaml.safe_load((SURVEYS / f"{name}.yml").read_text())


def refusals(survey: Any) -> list[str]:
    """What AWX would say no to, and what it would silently ignore."""
    found = []
    if survey.keys() != {"name", "description", "spec"} or not survey["spec"]:
        found.append(f"a survey is name, description and questions, not {sorted(survey)}")
    variables = [one["variable"] for one in survey["spec"]]
    found += [f"{name} is asked twice" for name in set(variables) if variables.count(name) > 1]
    for one in survey["spec"]:
        name = one["variable"]
        if unknown := one.keys() - KEYS:
            found.append(f"{name}: {unknown} would be ignored")
        if one.get("type") not in TYPES:
            found.append(f"{name}: {one.get('type')} is no type")
            continue
        for key, kind in (("question_name", str), ("variable", str), ("required", bool)):
            if not isinstance(one.get(key), kind):
                found.append(f"{name}: {key} is {one.get(key)!r}")
        if "default" in one and (
            not isinstance(one["default"], TYPES[one["type"]]) or one["default"] == ""
        ):
            found.append(f"{name}: its default is {one['default']!r}")
        if one["type"] in ("multiplechoice", "multiselect"):
            choices = one.get("choices", [])
            if not choices or not all(isinstance(choice, str) for choice in choices):
                found.append(f"{name}: its choices are {choices}")
            if "default" in one and one["default"] not in choices:
                found.append(f"{name}: {one['default']} is none of its choices")
    return found


def test_the_surveys_are_those_of_the_code() -> None:
    """A difference here: `make generate`."""
    written = {path.name: path.read_text() for path in SURVEYS.iterdir()}
    assert written == surveys.documents(COLLECTION)
    assert sorted(written) == [f"{name}.yml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_awx_would_take_each_survey(name: str) -> None:
    assert refusals(load(name)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"type": "dict"},
        {"default": ""},
        {"default": True},
        {"type": "multiplechoice"},
        {"type": "multiplechoice", "choices": [True, False]},
        {"type": "multiplechoice", "choices": ["true"], "default": "yes"},
        {"required": "true"},
        {"help": "x"},
    ],
    ids=str,
)
def test_the_rules_here_refuse(change: dict[str, Any]) -> None:
    survey = load("reap")
    survey["spec"][0] |= change
    assert refusals(survey) != []


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_asked_for(name: str) -> None:
    """Each that the playbook and its roles read, past what the surveys are generated from."""
    playbook = (COLLECTION / f"playbooks/{name}.yml").read_text()
    roles = re.findall(r"(?:role|  name): coulomb\.sandboxer\.(\w+)", playbook)
    texts = [playbook, *((COLLECTION / f"roles/{one}/tasks/main.yml").read_text() for one in roles)]
    used = set(re.findall(r"\bsandboxer_\w+", "".join(texts))) - {"sandboxer_result"}
    assert {one["variable"] for one in load(name)["spec"]} == used


def test_a_variable_without_a_flat_form_is_refused() -> None:
    for kind in ("dict", "list"):
        with pytest.raises(TypeError, match="flat form"):
            surveys.question("sandboxer_x", {"description": "x", "type": kind})


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        ({"type": "bool", "default": True}, {"type": "multiplechoice", "default": "true"}),
        ({"type": "bool", "default": False}, {"type": "multiplechoice", "default": "false"}),
        ({"type": "str", "no_log": True}, {"type": "password"}),
        ({"type": "str", "default": ""}, {"type": "text"}),
        ({"type": "int", "default": 3}, {"type": "integer", "default": 3}),
        ({"type": "raw", "default": {}}, {"type": "textarea"}),
    ],
    ids=str,
)
def test_options_become_questions(option: dict[str, Any], asked: dict[str, Any]) -> None:
    found = surveys.question("sandboxer_x", {"description": ["V(a) O(b)", "more"], **option})
    assert found["question_description"] == "a b"
    assert {key: found[key] for key in ("type", "default") if key in found} == asked


# -- the credential type -------------------------------------------------------------------------


def test_awx_would_take_the_credential_type() -> None:
    found = yaml.safe_load((ROOT / "awx/credential_types/sandboxer.yml").read_text())
    assert found.keys() == {"name", "description", "kind", "inputs", "injectors"}
    assert found["kind"] in ("cloud", "net")
    fields = found["inputs"]["fields"]
    allowed = {"id", "label", "type", "help_text", "multiline", "secret", "default"}
    assert all(field.keys() <= allowed and "label" in field for field in fields)
    ids = [field["id"] for field in fields]
    assert set(found["inputs"]["required"]) <= set(ids)
    # extra variables end up in the job's own page; variables of Ansible itself AWX refuses
    assert found["injectors"].keys() <= {"env", "file"}
    assert all(re.fullmatch(r"SANDBOXER_\w+", name) for name in found["injectors"]["env"])
    files = found["injectors"]["file"]
    assert all(re.fullmatch(r"template\.[a-zA-Z_]\w*", name) for name in files)
    known = {
        **dict.fromkeys(ids, "x"),
        "tower": {"filename": {name.removeprefix("template."): "/x" for name in files}},
    }
    strict = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for text in [*files.values(), *found["injectors"]["env"].values()]:
        strict.from_string(text).render(known)


# -- the playbook --------------------------------------------------------------------------------

# the options of awx.awx.job_template and awx.awx.credential_type that the playbook may use
OPTIONS = {
    "credential_type": ["name", "description", "kind", "inputs", "injectors"],
    "job_template": [
        "name",
        "description",
        "job_type",
        "organization",
        "project",
        "inventory",
        "playbook",
        "ask_credential_on_launch",
        "ask_job_type_on_launch",
        "allow_simultaneous",
        "survey_enabled",
        "survey_spec",
    ],
}
MODULE = """
import json
from ansible.module_utils.basic import AnsibleModule
spec = dict((name, dict(type="raw")) for name in {options})
module = AnsibleModule(spec)
with open({log!r}, "a") as log:
    log.write(json.dumps([{name!r}, module.params]) + "\\n")
module.exit_json()
"""


def test_the_playbook_brings_all_of_it(quiet_surroundings: None, tmp_path: Path) -> None:
    """Run for real, with modules in the place of awx.awx's that write down what they are given."""
    modules = tmp_path / "ansible_collections/awx/awx/plugins/modules"
    modules.mkdir(parents=True)
    log = tmp_path / "log"
    for name, options in OPTIONS.items():
        text = MODULE.format(options=options, log=str(log), name=name)
        (modules / f"{name}.py").write_text(text)
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", str(ROOT / "awx/import.yml")],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (kind, credential), *templates = [json.loads(line) for line in log.read_text().splitlines()]
    assert kind == "credential_type"
    wanted = yaml.safe_load((ROOT / "awx/credential_types/sandboxer.yml").read_text())
    assert credential == wanted
    made = {given["playbook"]: given["survey_spec"] for _, given in templates}
    assert made == {f"playbooks/{name}.yml": load(name) for name in NAMES}
    assert all(given["survey_enabled"] is True for _, given in templates)
