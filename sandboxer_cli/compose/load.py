"""From a source folder to one tree: all its compose files, as compose puts them together.

For each file: read, `!reset` and `!override` noted, variables put in, paths written from the
source folder on, what it includes, what its services extend; then merged into those before it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import refusal
from .active import keep_active
from .dotenv import parse_dotenv
from .extends import Extends, Loaded
from .include import Include, join_included, read_includes
from .interpolation import Interpolation
from .merge import merge
from .notes import Note
from .parse import parse
from .paths import join, rebase
from .read import ComposeFile, SourceFolder
from .tags import Marks, read_marks
from .tree import ListNode, MapNode, Node, Place, ScalarNode

_ENV = ".env"
_NAME = "COMPOSE_PROJECT_NAME"
_MOST_FILES = 200
_MOST_NODES = 100_000


@dataclass(frozen=True)
class LoadOptions:
    """What compose takes on its command line. `variables` win over those of files.

    Paths go from the source folder. Without `files` they are those of COMPOSE_FILE, or the
    default ones; without `env_files` it is `.env`; without `profiles` those of COMPOSE_PROFILES.
    """

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """The merged tree without anything that is to be interpolated, looked up or put together;
    paths in it go from the source folder. `files` is all that was read of the folder."""

    tree: MapNode
    files: tuple[ComposeFile, ...]
    variables: Mapping[str, str]
    notes: tuple[Note, ...]


def load(source: Path, options: LoadOptions) -> Project:
    """The project of the folder `source`. Nothing outside of it is read, no environment either.

    Raises Usage: `source_missing`, `source_outside`, `compose_missing`, `source_file_missing`,
    `compose_invalid`, `compose_unsupported`.
    """
    loading = _Loading(SourceFolder(source), options)
    return loading.project()


@dataclass(frozen=True)
class _Model:
    """Files that are merged, the folder that their paths go from, and their variables."""

    files: tuple[str, ...]
    folder: str
    variables: Mapping[str, str]
    included: tuple[str, ...] = ()


class _Loading:
    def __init__(self, source: SourceFolder, options: LoadOptions) -> None:
        self._source = source
        self._options = options
        self._parsed: dict[str, tuple[MapNode, Marks]] = {}
        self._noted: dict[str, Note] = {}
        self._loads = 0

    def project(self) -> Project:
        given = dict(self._options.variables)
        files = tuple(self._source.inside(path) for path in self._options.files)
        variables = self._variables(given, posixpath.dirname(files[0]) if files else "")
        if not files:
            files = self._named_files(variables) or self._source.compose_files()
            # files that variables name may have variables of their own beside them
            beside = self._variables(given, posixpath.dirname(files[0]))
            variables = {**beside, **variables}
        folder = posixpath.dirname(files[0])
        variables.setdefault(_NAME, self._name(files, variables))
        tree = self._model(_Model(files, folder, variables))
        tree, notes = keep_active(tree, self._profiles(variables))
        return Project(tree, self._source.files, variables, (*self._noted.values(), *notes))

    def _named_files(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
        words = variables.get("COMPOSE_FILE", "").split(separator)
        return tuple(self._source.inside(word) for word in words if word)

    def _variables(self, given: Mapping[str, str], folder: str) -> dict[str, str]:
        """What files say of variables, and over it what was given."""
        default = join(folder, _ENV)
        paths = [self._source.inside(path) for path in self._options.env_files]
        if not paths and self._source.has(default):
            paths = [default]
        return self._env_files(given, [(path, None) for path in paths])

    def _env_files(
        self, given: Mapping[str, str], paths: Sequence[tuple[str, Place | None]]
    ) -> dict[str, str]:
        values: dict[str, str] = {}
        for path, place in paths:
            file = self._source.read(path, place)
            values = parse_dotenv(file.content, file.name, values, given, self._noted)
        return {**values, **given}

    def _profiles(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        if self._options.profiles:
            return self._options.profiles
        words = variables.get("COMPOSE_PROFILES", "").split(",")
        return tuple(word.strip() for word in words if word.strip())

    def _name(self, files: Sequence[str], variables: Mapping[str, str]) -> str:
        """What the files call the project, else the folder's name: only files ask for it."""
        names = [self._parse(file, None)[0].get("name") for file in files]
        found = [name for name in names if isinstance(name, ScalarNode) and not name.is_null]
        folder = posixpath.basename(posixpath.dirname(files[0])) or self._source.name
        name = folder
        if found:
            interpolation = Interpolation(variables, self._noted)
            name = interpolation.text(found[-1].text, "name", found[-1].place)
        return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")

    def _model(self, model: _Model) -> MapNode:
        extends = Extends(lambda path, place: self._elsewhere(path, place, model.variables))
        tree: MapNode | None = None
        for name in model.files:
            file = self._file(name, None, model.folder, model.variables)
            with_included = self._including(
                file.tree, replace(model, included=(*model.included, name))
            )
            resolved = extends.resolve(Loaded(name, with_included, file.marks))
            _check_size(resolved)
            tree = merge(tree, resolved, file.marks) if tree is not None else resolved
            _check_size(tree)
        assert tree is not None  # noqa: S101
        return _with_values(_with_contexts(tree, model.folder), model)

    def _file(
        self, name: str, place: Place | None, folder: str, variables: Mapping[str, str]
    ) -> Loaded:
        self._loads += 1
        if self._loads > _MOST_FILES:
            raise refusal.invalid(f"more than {_MOST_FILES} files, counted as often as used", name)
        tree, marks = self._parse(name, place)
        tree = Interpolation(variables, self._noted).tree(tree)
        return Loaded(name, rebase(tree, folder), marks)

    def _elsewhere(self, path: str, place: Place, variables: Mapping[str, str]) -> Loaded:
        name = self._source.read(path, place).name
        return self._file(name, place, posixpath.dirname(name), variables)

    def _parse(self, name: str, place: Place | None) -> tuple[MapNode, Marks]:
        if name not in self._parsed:
            content = self._source.read(name, place).content
            self._parsed[name] = read_marks(parse(content, name, tags=True))
        return self._parsed[name]

    def _including(self, tree: MapNode, model: _Model) -> MapNode:
        """The tree of one of the model's files with what it includes."""
        for include in read_includes(tree):
            tree = join_included(tree, self._included(include, model))
        return tree.without("include")

    def _included(self, include: Include, model: _Model) -> MapNode:
        files = []
        for path in include.paths:
            file = self._source.read(join(model.folder, path.text), path.place)
            if file.name in model.included:
                circle = [*model.included[model.included.index(file.name) :], file.name]
                raise refusal.invalid(f"include: a circle, {' -> '.join(circle)}", path.place)
            files.append(file.name)
        folder = posixpath.dirname(files[0])
        if include.folder is not None:
            folder = join(model.folder, include.folder.text)
            folder = self._source.inside(folder, include.folder.place)
        env_files: list[tuple[str, Place | None]] = [
            (join(model.folder, one.text), one.place)
            for one in include.env_files
            if one.text != "/dev/null"  # that is how people say: none
        ]
        default = join(folder, _ENV)
        if not include.env_files and self._source.has(default):
            env_files = [(default, include.paths[0].place)]
        variables = self._env_files(model.variables, env_files)
        return self._model(_Model(tuple(files), folder, variables, model.included))


def _with_contexts(tree: MapNode, folder: str) -> MapNode:
    """A build that names no context has the folder of these files. Said last of all: what is merged
    in may name one, and an extended service has that of the files which extend it."""
    services = tree.get("services")
    if not isinstance(services, MapNode):
        return tree
    entries = tuple((key, _with_context(value, folder)) for key, value in services.entries)
    return tree.having("services", replace(services, entries=entries))


def _with_context(service: Node, folder: str) -> Node:
    build = service.get("build") if isinstance(service, MapNode) else None
    if not isinstance(service, MapNode) or not isinstance(build, MapNode) or build.get("context"):
        return service
    context = ScalarNode(folder or ".", False, build.place)
    return service.having("build", build.having("context", context))


def _with_values(tree: MapNode, model: _Model) -> MapNode:
    """What the files leave to the variables: an environment's names without a value, and in an
    included file secrets and configs, whose variables nobody else knows."""
    services = tree.get("services")
    if isinstance(services, MapNode):
        filled = tuple((key, _filled(value, model.variables)) for key, value in services.entries)
        tree = tree.having("services", replace(services, entries=filled))
    for section in ("secrets", "configs") if model.included else ():
        found = tree.get(section)
        if isinstance(found, MapNode):
            contents = tuple(
                (key, _content(value, model.variables)) for key, value in found.entries
            )
            tree = tree.having(section, replace(found, entries=contents))
    return tree


def _filled(service: Node, variables: Mapping[str, str]) -> Node:
    environment = service.get("environment") if isinstance(service, MapNode) else None
    if not isinstance(service, MapNode):
        return service
    if isinstance(environment, MapNode):
        entries = tuple(
            (key, replace(value, text=variables[key.text], plain=False))
            if isinstance(value, ScalarNode) and value.is_null and key.text in variables
            else (key, value)
            for key, value in environment.entries
        )
        return service.having("environment", replace(environment, entries=entries))
    if isinstance(environment, ListNode):
        items = tuple(
            replace(item, text=f"{item.text}={variables[item.text]}", plain=False)
            if isinstance(item, ScalarNode) and item.text in variables
            else item
            for item in environment.items
        )
        return service.having("environment", replace(environment, items=items))
    return service


def _content(node: Node, variables: Mapping[str, str]) -> Node:
    name = node.get("environment") if isinstance(node, MapNode) else None
    if not isinstance(node, MapNode) or not isinstance(name, ScalarNode):
        return node
    if name.text not in variables:
        return node
    value = replace(name, text=variables[name.text], plain=False)
    return node.without("environment").having("content", value)


def _check_size(tree: MapNode) -> None:
    left = _MOST_NODES
    nodes: list[Node] = [tree]
    while nodes:
        node = nodes.pop()
        left -= 1
        if left < 0:
            raise refusal.invalid(f"more than {_MOST_NODES} values in all", tree.place)
        if isinstance(node, MapNode):
            nodes.extend(value for _, value in node.entries)
        elif isinstance(node, ListNode):
            nodes.extend(node.items)
