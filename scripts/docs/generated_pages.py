"""The parts of the documentation that are generated from data: facts on each provider, the tree of errors.

Such a part stands between two marks; all around it is written by hand.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from enum import EnumMeta
from pathlib import Path
from typing import Any

import attrs

from scripts.compare.rules import RULES
from scripts.docs import architecture
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path, objects_in, read_json
from scripts.lib.openapi import METHODS, limits
from scripts.lib.project import Provider, find_providers
from voice_clone import VoiceCloneError, connect, connect_async, errors
from voice_clone.audio import Rules

DOCS = ROOT / "docs"
MARKS = "<!-- {name}: written by nox -s {by} -->\n", "<!-- end of {name} -->"
PROVIDER_PAGE = """\
# {title}

## At a glance

<!-- facts: written by nox -s docs -->
<!-- end of facts -->
"""
API_PAGE = """\
# {title}: the API

The [effective spec](../../generated/voice_clone_api/{name}/openapi.json) of `{client}`: the provider's own document
with the corrections and additions of [its overlay](../../specs/{name}/overlay.yaml). To use it from Python, see
[{title}](../providers/{name}.md).

<div class="openapi" data-spec="{name}"></div>
"""
REFERENCE = """\
## {title}

```{{eval-rst}}
.. autoclass:: voice_clone.{client}
   :members:
   :inherited-members:
   :exclude-members: client

   .. py:property:: client
      :type: ~voice_clone_api.{name}.AuthenticatedClient

      {about_client}

.. autoclass:: voice_clone.Async{client}

   It has the methods of :class:`voice_clone.{client}`. Await them; {differences}.
```"""
CONNECT = """\
.. py:function:: {function}(provider: str, **options) -> {clients}

{about}
"""
TYPES = """\
## {title}

Import them from `voice_clone_api.{name}.models`.

```{{eval-rst}}
{classes}
.. py:class:: AuthenticatedClient
   :module: voice_clone_api.{name}

   The generated client. Pass it to the generated functions, as :doc:`../clients` shows.
```"""
MODELS = re.compile(r"\bmodels\.(\w+)")
OPERATIONS = {
    "clone a voice": ("clone", "start_clone"),
    "wait for a clone, or poll it once": ("wait", "poll"),
    "clone a voice only if there is none": ("get_or_clone",),
    "upload audio before a clone": ("upload_asset", "upload_file"),
    "list voices": ("list_voices",),
    "find your own voices by name": ("find_voices",),
    "get a voice by its ID": ("get_voice",),
    "change a voice": ("update_voice",),
    "speak a text": ("speak",),
    "delete a voice": ("delete_voice",),
}
"""What can be done with a voice, and the methods for it."""
RULE_KINDS = {
    "schema": "Schemas",
    "operation": "Operations",
    "document": "Documents",
    "python": "Python names and types",
    "": "These clients",
}
"""The parts of a document that rules are about, and their headings."""
FIRST = {"heygen": 0, "retell": 1, "cartesia": 2, "minimax": 3}
"""The order in which the four are listed everywhere; others follow."""


def pages() -> dict[Path, str]:
    """All pages that hold something made from data, as they should be."""
    known = [Facts(provider) for provider in sorted(find_providers(), key=lambda p: (FIRST.get(p.name, 9), p.name))]
    texts = {DOCS / "api" / f"{each.name}.md": API_PAGE.format(**vars(each)) for each in known}
    for each in known:
        path = DOCS / "providers" / f"{each.name}.md"
        text = path.read_text("utf-8") if path.exists() else PROVIDER_PAGE.format(title=each.title)
        texts[path] = between(path, text, "facts", each.text())
    lists = {
        (ROOT / "README.md", "operations"): _matrix(known),
        (DOCS / "voices.md", "operations"): _matrix(known),
        (DOCS / "audio.md", "accepted"): _table(("", "binding", "reported", "recommended"), _accepted(known)),
        (DOCS / "providers" / "index.md", "overview"): _overview(known),
        (DOCS / "errors.md", "tree"): _tree(known),
        (DOCS / "architecture.md", "rooms"): architecture.section(),
        (DOCS / "compare-rules.md", "rules"): "\n\n".join(_rules()),
        (DOCS / "reference" / "clients.md", "clients"): _reference(known),
        (DOCS / "reference" / "types.md", "models"): "\n\n".join(each.types() for each in known),
    }
    for (path, part), text in lists.items():
        texts[path] = between(path, path.read_text("utf-8"), part, text)
    return texts


class Facts:
    """The facts about one provider: its data, its effective spec, its client, its known errors."""

    def __init__(self, provider: Provider) -> None:
        self.name = provider.name
        self._source = provider.source()
        self.title: str = self._source["title"]
        self._class: Any = type(connect(self.name, api_key="any-key"))
        self.client = self._class.__name__
        self.data = self._class.provider
        self._operations = {
            operation["operationId"]: (f"{method.upper()} {path}", operation)
            for path, item in self.data.spec["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }
        folder = ROOT / "tests" / "errors" / self.name
        self.errors = [read_json(path) for path in sorted(folder.glob("*.json"), key=_by_number)]

    def text(self) -> str:
        """The part of the provider's page that is made from data."""
        head = ("option", "type", "default", "limits of the spec")
        speech: list[str] = []
        if self.data.speech:
            speech += [f"## Options of `{self.client}.speak`"]
            speech += ["The first two arguments are `text` and `voice`, a `Voice` or its ID. Pass the others by name:"]
            speech += [_table(head, self._options("speak", self.data.speech.operation))]
        return "\n\n".join(
            (
                _table(("", ""), self._at_a_glance()),
                f"## Options of `{self.client}.clone`",
                f"The first argument is `audio`: `{_type(self._parameters()['audio'])}`. Pass the others by name:",
                _table(head, self._options("clone", self.data.clone.operation)),
                *speech,
                "## Errors",
                "The tests send each of these responses to the client. [Errors](../errors.md) says what to do.",
                _table(("HTTP", "code", "example message", "raises"), self._errors()),
            )
        )

    def reference(self) -> str:
        """The reference of both clients."""
        differences = "close it with `aclose` or `async with`"
        if self.data.voices:
            differences = f"iterate over `list_voices` with `async for`; {differences}"
        about = inspect.getdoc(self._class.client)
        return REFERENCE.format(**vars(self), about_client=about, differences=differences)

    def types(self) -> str:
        """The reference of the generated types that occur in signatures."""
        methods = [method for name, method in inspect.getmembers(self._class, callable) if name[0] != "_"]
        annotations = [str(annotation) for method in methods for annotation in method.__annotations__.values()]
        package = f"voice_clone_api.{self.name}"
        names = sorted(set(MODELS.findall(" ".join(annotations))))
        classes = [_class(f"{package}.models", name) for name in names]
        if any("Unset" in annotation for annotation in annotations):
            classes.append(_class(f"{package}.types", "Unset"))
        return TYPES.format(**vars(self), classes="\n".join(classes))

    def can(self, methods: Iterable[str]) -> bool:
        """Whether the client has one of some methods."""
        return any(hasattr(self._class, method) for method in methods)

    def overview(self) -> tuple[str, ...]:
        """A row of the table of all providers."""
        _, *names = self._parameters()
        done = "after polling" if self.data.poll else "at once"
        link = f"[{self.title}]({self.name}.md)"
        return link, f"`{self.client}`", _listed(names), done, f"`{self.data.key_variable}`"

    def _at_a_glance(self) -> Iterator[tuple[str, str]]:
        data = self.data
        shown, clone = self._operations[data.clone.operation]
        where = f", or the value of `{data.host_variable}`" if data.host_variable else ""
        how = f"`{data.auth_header}: {data.auth_prefix}…`"
        yield "client", f"`{self.client}`, `Async{self.client}`, `connect({self.name!r})`".replace("'", '"')
        yield "API key", f"`{data.key_variable}`, sent as {how}"
        yield "base URL", f"`{data.spec['servers'][0]['url']}`{where}, or `base_url`"
        yield "clone request", f"`{shown}`, {' or '.join(f'`{kind}`' for kind in clone['requestBody']['content'])}"
        if poll := data.poll:
            request, (good, bad) = self._operations[poll.operation][0], map(_listed, (poll.success, poll.failure))
            yield "done", f"when `{request}` returns {good} at `{poll.status}`; {bad} raises `CloneFailedError`"
        else:
            yield "done", "with the response; there is nothing to poll"
        if data.voices:
            pages = "page by page" if data.voices.more else "all at once"
            yield "list request", f"`{self._operations[data.voices.operation][0]}`, {pages}"
        if data.speech:
            formats = f"formats {_listed(data.speech.formats)}, default `{data.speech.default}`"
            chosen = formats if "format" in self._parameters("speak") else f"{self.title} chooses the format"
            yield "speech request", f"`{self._operations[data.speech.operation][0]}`; {chosen}"
        if data.clone.unused_days:
            yield "unused voices", f"are deleted after {data.clone.unused_days} days"
        if types := self._media_types():
            yield "media types sent", _listed(types)
        for use, rules in self.audio().items():
            yield from _audio(rules, "" if use == "clone" else f" of `{use}`")
        named = [f"the header `{data.errors.request_id_header}`"] if data.errors.request_id_header else []
        named += [f"`{path}` in the body" for path in data.errors.request_id]
        yield "request ID", ", or ".join(named) or "unknown"
        yield "after a lost response", data.clone.recovery
        documents = [page for page in self._source["pages"] if page.get("url")]
        yield "provider's page", ", ".join(f"<{page['url']}>" for page in documents)
        yield "effective spec", f"[{self.title}: the API](../api/{self.name}.md)"

    def audio(self) -> dict[str, Rules]:
        """The requirements for audio, for each use of it."""
        uses = {use for each in objects_in(self.data.spec) for use in each.get("x-audio", ())}
        return {use: Rules.of(self.data.spec, use) for use in ("clone", *sorted(uses - {"clone"}))}

    def _media_types(self) -> list[str]:
        contents = (
            content
            for _, operation in self._operations.values()
            for content in operation.get("requestBody", {}).get("content", {}).values()
        )
        parts = [part for content in contents for part in content.get("encoding", {}).values()]
        kinds = (kind.strip() for part in parts for kind in part.get("contentType", "").split(","))
        return sorted({kind for kind in kinds if kind.startswith("audio/")})

    def _parameters(self, method: str = "clone") -> dict[str, inspect.Parameter]:
        """The parameters of a method: of `clone`, the audio first."""
        _, *parameters = inspect.signature(getattr(self._class, method)).parameters.items()
        return dict(parameters)

    def _options(self, method: str, operation: str) -> Iterator[tuple[str, ...]]:
        schema = self.data.schema_of(operation)
        (body,) = schema.bodies
        inner = [schema._properties(field) for field in body["properties"].values()]
        properties: dict[str, Any] = dict(item for fields in (body["properties"], *inner) for item in fields.items())
        names = {self.data.names.get(field, field): field for field in properties}
        for name, parameter in self._parameters(method).items():
            if parameter.kind is not parameter.KEYWORD_ONLY:
                continue
            default = "required" if parameter.default is parameter.empty else f"`{parameter.default}`"
            field = names.get(name)
            needed = body.get("dependentRequired", {}).get(field)
            wants = [*limits(properties[field]), *([f"needs {_listed(needed)}"] if needed else [])] if field else []
            shown = ", ".join(wants) or ("–" if field else "is not sent")
            yield f"`{name}`", _cell(f"`{_type(parameter)}`"), default, shown

    def _errors(self) -> Iterable[tuple[str, ...]]:
        rows: dict[tuple[int, str], tuple[str, ...]] = {}  # a code may be known from more than one answer
        for known in self.errors:
            status = known["response"]["status"]
            error = {name: _at_clone(value) for name, value in known["error"].items()}
            code = f"`{error['code']}`" if error["code"] else "–"
            row = (str(status), code, _cell(error["message"]), _linked(error["class"], "../errors.md"))
            rows.setdefault((status, code), row)
        return (rows[key] for key in sorted(rows, key=lambda key: key[0]))


def _raised(known: dict[str, Any]) -> Any:
    """The name of the class that a file of tests/errors ends in."""
    return _at_clone(known["error"]["class"])


def _at_clone(value: Any) -> Any:
    """The value for a paid request in a file of tests/errors, if it differs from a free one."""
    return value.get("paid") if isinstance(value, dict) else value


def _type(parameter: inspect.Parameter) -> str:
    return str(parameter.annotation).replace("models.", "")


def _class(module: str, name: str) -> str:
    """The directive for a generated class; an enumeration lists its values."""
    directive = f".. autoclass:: {module}.{name}\n"
    values = getattr(importlib.import_module(module), name)
    return directive + (f"\n   Values: {_listed(values)}.\n" if isinstance(values, EnumMeta) else "")


def _reference(known: Sequence[Facts]) -> str:
    """The reference of `connect` and of all clients. Its overloads, one for each provider, are not shown."""
    functions = [
        CONNECT.format(
            function=function.__name__,
            clients=" | ".join(f"{prefix}{facts.client}" for facts in known),
            about=textwrap.indent(inspect.getdoc(function) or "", "   "),
        )
        for function, prefix in ((connect, ""), (connect_async, "Async"))
    ]
    head = "\n".join(("```{eval-rst}", ".. py:currentmodule:: voice_clone", "", *functions, "```"))
    return "\n\n".join((head, *(facts.reference() for facts in known)))


def _overview(known: Iterable[Facts]) -> str:
    return _table(("provider", "client", "options of `clone`", "done", "API key"), [f.overview() for f in known])


def _matrix(known: Sequence[Facts]) -> str:
    """The table of all operations and providers."""
    rows = [
        (f"{purpose}: {_listed(methods)}", *("yes" if facts.can(methods) else "–" for facts in known))
        for purpose, methods in OPERATIONS.items()
    ]
    return _table(("", *(facts.title for facts in known)), rows)


def _tree(known: Sequence[Facts]) -> str:
    """The tree of classes, then each class with its meaning, remedy and causes."""
    branches = list(_branch(VoiceCloneError, 0))
    tree = "\n".join(f"{'  ' * depth}- {_linked(kind.__name__, '')}" for kind, depth in branches)
    return "\n\n".join((tree, *(_about(kind, known) for kind, _ in branches)))


def _branch(kind: type[VoiceCloneError], depth: int) -> Iterator[tuple[type[VoiceCloneError], int]]:
    yield kind, depth
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _branch(each, depth + 1)


def _about(kind: type[VoiceCloneError], known: Sequence[Facts]) -> str:
    advice = kind("").advice
    parts = [f"### `{kind.__name__}`", inspect.getdoc(kind) or "", *([f"**What to do**: {advice}."] if advice else [])]
    raised_for = [
        f"[{each.title}](providers/{each.name}.md) {named}"
        for each in known
        if (named := _listed(_named(error) for error in each.errors if _raised(error) == kind.__name__))
    ]
    return "\n\n".join(parts + ([f"**Raised for**: {'; '.join(raised_for)}."] if raised_for else []))


def _audio(rules: Rules, use: str) -> Iterator[tuple[str, str]]:
    """Requirements for audio in words, with their sources."""
    documented = attrs.evolve(rules, reported=None)
    if str(documented):
        yield f"audio{use}", f"{documented}. Source: {rules.source}"
    if rules.reported:
        yield f"audio{use}, reported by users", f"{rules.reported}. Source: {rules.reported.source}"
    if rules.advised and str(rules.advised):
        yield f"recommended audio{use}", f"{rules.advised}. Source: {rules.advised.source}"


def _accepted(known: Sequence[Facts]) -> Iterator[Sequence[str]]:
    """One row for each provider and use: the requirements of each level."""
    for facts in known:
        for use, rules in facts.audio().items():
            levels = attrs.evolve(rules, reported=None), rules.reported or Rules(), rules.advised or Rules()
            yield f"{facts.title}: `{use}`", *(str(level) or "–" for level in levels)


def _rules() -> Iterator[str]:
    """The rules of the comparison, a table for each part of a document."""
    for kind, title in RULE_KINDS.items():
        yield f"## {title}"
        rows = [
            (
                f"`{rule.id}`",
                _cell(rule.change),
                rule.request,
                rule.response,
                " → ".join(map(_code, filter(None, rule.example))),
            )
            for rule in RULES.values()
            if rule.kind == kind
        ]
        yield _table(("rule", "change", "request", "response", "example"), rows)


def _code(text: str) -> str:
    return _cell(f"`{text}`")


def _named(error: Any) -> str:
    """The label of an error: its code, or else its HTTP status."""
    return str(error["error"]["code"] or error["response"]["status"])


def _linked(kind: str, page: str) -> str:
    return f"[`{kind}`]({page}#{kind.lower()})"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(f"`{value}`" for value in values))


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.stem) if path.stem.isdecimal() else 10**9, path.stem)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def between(path: Path, text: str, name: str, part: str, *, by: str = "docs") -> str:
    """The text of a page with the part between two marks replaced; `by` is the session that writes it."""
    begin, end = (mark.format(name=name, by=by) for mark in MARKS)
    new, count = re.subn(f"(?s)(?<={re.escape(begin)}).*?(?={re.escape(end)})", lambda _: f"\n{part}\n\n", text)
    if count != 1:
        raise PipelineError(f"{display_path(path)}: {begin.strip()} … {end} must occur exactly once")
    return new
