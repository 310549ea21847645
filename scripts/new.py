"""New: lay down the files of a provider that is not there yet, with what its document says filled in.

    python -m scripts.new acme https://docs.acme.example/openapi.json
    python -m scripts.new acme whole.yaml --operation "POST /v1/voices/add"

SOURCE is a page, or a whole document, as a file or an https URL. What can't be read from it is marked TODO, in the
place where it belongs; `nox -s contract -- acme` fails until no such mark is left. Nothing that is there is
overwritten, and whatever stops this command leaves nothing behind.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from scripts import common, generate, journal, overlay, vendor
from scripts.builders import Files
from scripts.common import PipelineError, Provider
from scripts.fetch import fetch
from scripts.guess import Guesses, Poll, choose
from scripts.slice import operations_of, read_operations, shown

_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_TITLE = re.compile(r"[\w.-]+(?: [\w.-]+)*\Z")
_LARGE = 64 * 1024
"""Bytes of a document from which on `pages/` keeps the slice of it alone."""


def layout(provider: Provider) -> list[Path]:
    """Everything that belongs to a provider alone, folders before what is in them."""
    root, name = provider.root, provider.name
    shim = root / "src" / "voice_clone"
    return [
        provider.folder,
        provider.package,
        provider.contracts,
        shim / "providers" / f"{name}.py",
        shim / "providers" / f"{name}.toml",
        shim / "testing" / "providers" / f"{name}.py",
        root / "tests" / "errors" / name,
        root / "tests" / "evidence" / f"{name}.yaml",
    ]


@attrs.frozen
class New:
    """A provider that is laid down."""

    provider: Provider
    title: str
    guesses: Guesses
    spec: dict[str, Any]
    """The effective spec."""
    generated: Files
    poll: Poll | None

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def kind(self) -> str:
        """The name of the client's class; `voice_clone` finds the module by it."""
        plain = re.sub(r"\W", "", self.title, flags=re.ASCII)
        return plain if plain.lower() == self.name else self.name.capitalize()

    def files(self) -> dict[Path, str]:
        """The files that people go on with: the shim's, the tests' and their texts."""
        shim, tests = self.provider.root / "src/voice_clone/providers", self.provider.root / "tests"
        errors = {tests / "errors" / self.name / f"{status}.json": text for status, text in self.errors()}
        return {
            shim / f"{self.name}.toml": self.table(),
            shim / f"{self.name}.py": self.module(),
            tests / "evidence" / f"{self.name}.yaml": self.evidence(),
            **errors,
        }

    # The table

    def table(self) -> str:
        """`providers/<name>.toml`."""
        guesses, scheme = self.guesses, self.guesses.scheme
        lists = f"look at your voices there before you ask again: {guesses.listing} lists them"
        find = lists if guesses.listing else ""
        messages, codes = guesses.messages, guesses.codes
        lines = [
            f"# {self.title} as data. Paths are dotted keys into a JSON body; classes are those of voice_clone.errors.",
            f'key_variable = "{self.name.upper()}_API_KEY"',
            *([] if scheme.known else ["# TODO: how is the key sent? The document has no security scheme for it."]),
            f"auth_header = {_text(scheme.header)}",
            f"auth_prefix = {_text(scheme.prefix)}",
            *self._names(),
            "",
            "[clone]",
            f"operation = {_text(self.id_of(guesses.operation))}",
            *_line(
                "voice_id", guesses.voice_id, "which path leads to the voice's id in the answer? Leave it out if none"
            ),
            f"# TODO: does this show a voice whose answer was lost?{'' if find else ' The document lists no voices.'}",
            f"find = {_text(find or 'TODO')}",
            "",
            "[voice]",
            *(f"{field} = {_text(path)}" for field, path in self._voice().items()),
            "",
            *self._poll(),
            "[errors]",
            *([f"failed = {_text(guesses.failed)}  # no success has it"] if guesses.failed else []),
            *([f"code = {_texts(codes)}"] if codes else []),
            *([] if messages else ["# TODO: where does an error say what is wrong? The document does not tell."]),
            f"message = {_texts(messages)}",
        ]
        if values := [value for path in codes for value in guesses.values(path)]:
            lines += ["", "[errors.codes]", *(f'{_key(value)} = "VoiceCloneError"  # TODO: which?' for value in values)]
        return "\n".join(lines) + "\n"

    def id_of(self, operation: tuple[str, str]) -> str:
        """The id by which the shim knows an operation."""
        method, path = operation
        return str(self.spec["paths"][path][method].get("operationId", "TODO"))

    def _names(self) -> list[str]:
        named = {field.name: field.ours for field in self.fields() if field.name != field.ours}
        return (
            [f"names = {{ {', '.join(f'{_key(name)} = {_text(ours)}' for name, ours in named.items())} }}"]
            if named
            else []
        )

    def _voice(self) -> dict[str, str]:
        operation = self.poll.operation if self.poll else self.guesses.operation
        answers = [schema for _, schema in self.guesses.answers(operation, good=True)]
        wanted = {
            "name": ("name", "voice_name"),
            "language": ("language",),
            "preview_url": ("preview_url", "preview_audio_url", "demo_audio"),
            "created_at": ("created_at",),
        }
        found = {field: self.guesses.path_to(answers, names, {"string"})[:1] for field, names in wanted.items()}
        return {field: paths[0] for field, paths in found.items() if paths}

    def _poll(self) -> list[str]:
        if self.poll is None:
            return []
        poll, answers = self.poll, [schema for _, schema in self.guesses.answers(self.poll.operation, good=True)]
        reason = self.guesses.path_to(
            answers, ("failure_message", "failure_reason", "error_message", "message"), {"string"}
        )
        return [
            "[poll]",
            "# TODO: is this what each status means?",
            f"operation = {_text(self.id_of(poll.operation))}",
            *(
                f"voice_id = {_text(path)}"
                for path in self.guesses.path_to(answers, ("voice_id", "id"), {"string"})[:1]
            ),
            f"status = {_text(poll.status)}",
            f"success = {_texts(poll.success)}",
            f"failure = {_texts(poll.failure)}",
            f"pending = {_texts(poll.pending)}",
            *_line("reason", next(iter(reason), None), "which path leads to the reason of a failure?"),
            *([] if reason else ['reason = "TODO"']),
            "",
        ]

    # The module

    def endpoint(self, operation: tuple[str, str]) -> tuple[str, str, ast.FunctionDef]:
        """The package and module of an operation's generated function, and how its request is built."""
        for name, code in self.generated.items():
            parts = name.split("/")
            if parts[2:3] != ["api"] or parts[-1] == "__init__.py" or len(parts) != 5:
                continue
            function = next(each for each in ast.parse(code).body if isinstance(each, ast.FunctionDef))
            constants = {node.value for node in ast.walk(function) if isinstance(node, ast.Constant)}
            path = re.sub(r"\{[^}]*\}", "{}", operation[1])
            urls = {re.sub(r"\{[^}]*\}", "{}", each) for each in constants if isinstance(each, str)}
            if operation[0] in constants and path in urls:
                return parts[3], parts[4].removesuffix(".py"), function
        raise PipelineError(f"{shown(operation)}: no function was generated for it")

    def body(self) -> str:
        """The name of the model of the request's body; empty where there is none."""
        _, _, function = self.endpoint(self.guesses.operation)
        for argument in function.args.kwonlyargs:
            if argument.arg == "body" and argument.annotation:
                known = [name for name in ast.unparse(argument.annotation).split(" | ") if name != "Unset"]
                return known[0]
        return ""

    def fields(self) -> list[Field]:
        """The fields of the request's body, as its generated model has them; the audio first."""
        for name, code in self.generated.items():
            classes = (
                [each for each in ast.parse(code).body if isinstance(each, ast.ClassDef)] if "/models/" in name else []
            )
            for each in classes:
                if each.name == self.body():
                    fields = [
                        Field.of(statement, self.models(enums=True))
                        for statement in each.body
                        if isinstance(statement, ast.AnnAssign) and "field(init=False" not in ast.unparse(statement)
                    ]
                    audio = next((field for field in fields if "File" in field.type), None) or next(
                        (field for field in fields if field.required and self.guesses.is_audio(field.name)), None
                    )
                    return [attrs.evolve(field, is_audio=field is audio) for field in fields]
        return []

    def models(self, *, enums: bool = False) -> set[str]:
        """The classes of the generated package, or those that are enums."""
        found: set[str] = set()
        for name, code in self.generated.items():
            if "/models/" in name:
                for each in (node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)):
                    if not enums or "StrEnum" in map(ast.unparse, each.bases):
                        found.add(each.name)
        return found

    def module(self) -> str:
        """`providers/<name>.py`."""
        fields, body = self.fields(), self.body()
        if not body or not fields:
            raise PipelineError(
                f"{shown(self.guesses.operation)}: its body has no fields that a signature could be made of; "
                "is it the operation that clones? Say another by --operation"
            )
        audio = next((field for field in fields if field.is_audio), None)
        several = audio is not None and "list[" in audio.type
        files = audio is not None and "File" in audio.type
        given = sorted((field for field in fields if field is not audio), key=lambda field: not field.required)
        unset = any(not field.required and field.default == "UNSET" for field in given)
        tag, clone, _ = self.endpoint(self.guesses.operation)
        look = self.endpoint(self.poll.operation) if self.poll else None
        checks = ["checked_callback", "checked_seconds"] * bool(look) + ["choice"] * any(
            field.choice for field in given
        )
        said = " ".join([*(field.type for field in given), "" if files or audio is None else audio.type])
        known = {
            "dt": "import datetime as dt",
            "UUID": "from uuid import UUID",
            "Any": "from typing import Any",
            "Literal": "from typing import Literal",
        }
        imports = [line for name, line in known.items() if re.search(rf"\b{name}\b", said)]
        imports += ["from collections.abc import Callable"] if look else []
        imports += ["from collections.abc import Sequence", "from typing import cast"] if several else []
        used = set(re.findall(r"\w+", said)) & self.models() | {body}
        kinds = [*(["UNSET"] if unset else []), *(["File"] if files or re.search(r"\bFile\b", said) else [])]
        voices, api = f"from voice_clone_api.{self.name}", "AuthenticatedClient"
        lines = [
            f'"""{self.title}: TODO: one sentence: what is sent, and when the voice is done."""',
            "",
            "from __future__ import annotations",
            "",
            *imports,
            "from typing import ClassVar",
            "import httpx",
            *(["from voice_clone.audio.sniff import Audio, AudioSource"] if files else []),
            "from voice_clone._client.base import AsyncClient, Awaited, Client, Plain, Result, SyncClient, X, provided",
            f"from voice_clone._flow.driver import Flow, {'Open, ' if files else ''}operation",
            *([f"from voice_clone._client.options import {', '.join(checks)}"] if checks else []),
            "from voice_clone._flow.policy import PAID",
            f"from voice_clone.models import CloneJob{', Progress, Voice' if look else ''}",
            f"{voices} import AuthenticatedClient",
            f"{voices}.api.{tag} import {clone}",
            *([f"{voices}.api.{look[0]} import {look[1]}"] if look else []),
            f"{voices}.models import {', '.join(sorted(used))}",
            *([f"{voices}.types import {', '.join(kinds)}"] if kinds else []),
            "",
            "",
            f"class _{self.kind}(Client[AuthenticatedClient, X, Result]):",
            f"    provider: ClassVar[provided] = provided({_text(self.name)}" + (f", {look[1]})" if look else ")"),
            "",
            "    @operation",
            *_signature("start_clone", audio, given, "CloneJob"),
            f'        """{"Start a clone; `wait` for the job that this returns." if look else _DONE}',
            "",
            "        TODO: what may `audio` be, how long, in which formats? What do the others mean? Their limits?",
            f"        Raises InvalidRequestError before anything is sent for what {self.title} would refuse.",
            '        """',
            *(f"        # TODO: the request needs {other} too; what is it?" for other in self._others()),
            *_opened(audio),
            f"        body = {body}(",
            *(f"            {field.name}={field.sent}," for field in fields),
            "        )",
            "        self.provider.check(body.to_dict())",
            f"        answer = yield from self._call({clone}._get_kwargs, PAID, body=body)",
            f"        return self._started(answer, {'name' if any(f.ours == 'name' for f in given) else 'None'})",
            "",
            *(self._whole_clone(audio, given) if look else _THEN_WAIT),
            "",
            "",
            f"class {self.kind}(_{self.kind}[httpx.BaseTransport, Plain], SyncClient[{api}]):",
            f'    """{self.title}. The key comes from `api_key` or {self.name.upper()}_API_KEY."""',
            "",
            "",
            f"class Async{self.kind}(_{self.kind}[httpx.AsyncBaseTransport, Awaited], AsyncClient[{api}]):",
            f'    """{self.title}, awaited. The key comes from `api_key` or {self.name.upper()}_API_KEY."""',
        ]
        return "\n".join(lines) + "\n"

    def _others(self) -> list[str]:
        """What the request needs besides its body."""
        _, _, function = self.endpoint(self.guesses.operation)
        needed = [each.arg for each in function.args.args]
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            needed += [argument.arg] if default is None and argument.arg != "body" else []
        return needed

    def _whole_clone(self, audio: Field | None, given: list[Field]) -> list[str]:
        names = "".join(f", {field.ours}={field.ours}" for field in given)
        return [
            "    @operation",
            *_signature("clone", audio, given, "Voice", "timeout: float = 600.0",
                        "on_poll: Callable[[Progress], Result] | None = None"),
            '        """Clone a voice: `start_clone`, then `wait`, whose `timeout` (seconds) and `on_poll` these are.',
            "",
            "        An error that is raised after the start carries the job in `error.job`.",
            '        """',
            "        checked_seconds(timeout)  # before it costs anything",
            "        checked_callback(on_poll, self._awaits)",
            f"        job = yield from _{self.kind}.start_clone(self, audio{names})",
            f"        return (yield from _{self.kind}.wait(self, job, timeout=timeout, on_poll=on_poll))",
        ]  # fmt: skip

    # The tests

    def errors(self) -> Iterator[tuple[str, str]]:
        """For each documented failure a file that says what is to come of it."""
        from voice_clone import errors
        from voice_clone._provider.responses import BY_STATUS
        from voice_clone.testing._spec import Spec

        samples = Spec(self.name, self.spec)
        for status, schema in self.guesses.answers(self.guesses.operation, good=False):
            body: Any = samples.sample(schema) if schema else {}
            number = int(status)
            kind = BY_STATUS.get(number, errors.ServerError if number >= 500 else errors.InvalidRequestError)
            error = {
                "class": kind.__name__,
                "code": None,
                "message": "TODO: the message that this answer's body holds",
                "request_id": None,
                "retry_after": None,
                "retryable": {
                    "paid": number == 429,
                    **({"free": number in (429, *range(500, 600))} if self.poll else {}),
                },
            }
            file = {
                "source": "TODO: where such an answer is known from; the body is made up from the spec",
                "response": {"status": number, "headers": {}, "body": body},
                "error": error,
            }
            yield status, common.dump_json(file)

    def evidence(self) -> str:
        """What is known of the provider apart from its spec: nothing yet, but the form is there."""
        given = [field for field in self.fields() if field.required and not field.is_audio]
        lines = [
            f"# What is known of {self.title}, kept apart from its spec.",
            "sources:",
            "  document: TODO the address of the provider's document",
            "",
            "# The arguments with which our own `clone` is called where an answer says what voice it makes.",
            f"clone: {{{', '.join(f'{field.ours}: TODO' for field in given)}}}",
            "",
            "# TODO: what is true of each operation whatever its overlay says; like the files beside this one.",
            "operations: {}",
            "",
            "enums: {}",
            "",
            "requests: []",
            "",
            "answers: []",
        ]
        return "\n".join(lines) + "\n"


_DONE = "Clone a voice; the job that this returns is done."
_THEN_WAIT = [
    "    @start_clone.then_wait",
    "    def clone(self) -> None:",
    '        """Clone a voice; the arguments are those of `start_clone`."""',
]


@attrs.frozen
class Field:
    """A field of the request's body."""

    name: str
    type: str
    """The annotation of the generated model, without `Unset`."""
    default: str
    """As the generated model has it; empty where the field is required."""
    choice: str = ""
    """The enum that its values are of."""
    is_audio: bool = False

    @classmethod
    def of(cls, statement: ast.AnnAssign, enums: set[str]) -> Field:
        """The field that a generated model declares."""
        annotation = re.sub(r"\bdatetime\.", "dt.", ast.unparse(statement.annotation))
        kinds = [kind for kind in annotation.split(" | ") if kind != "Unset"]
        choice = next((kind for kind in kinds if kind in enums), "")
        return cls(
            ast.unparse(statement.target),
            " | ".join(kinds),
            ast.unparse(statement.value) if statement.value else "",
            choice,
        )

    @property
    def required(self) -> bool:
        return not self.default

    @property
    def ours(self) -> str:
        """Its name here: `name` is `name` everywhere, the audio is `audio`."""
        return "audio" if self.is_audio else "name" if self.name in ("voice_name", "title") else self.name

    @property
    def parameter(self) -> str:
        """As a parameter of a method."""
        kinds = [kind for kind in self.type.split(" | ") if kind != "None"] + (["str"] if self.choice else [])
        if self.required or self.default in ("True", "False") or not self.default.startswith("UNSET"):
            default = "" if self.required else f" = {self.default}"
            return f"{self.ours}: {' | '.join(dict.fromkeys(kinds))}{default}"
        return f"{self.ours}: {' | '.join(dict.fromkeys([*kinds, 'None']))} = None"

    @property
    def sent(self) -> str:
        """What the body gets."""
        if self.is_audio and "File" in self.type:
            clip = "File(clip.stream, clip.name, clip.media_type)"
            return f"[{clip} for clip in clips]" if "list[" in self.type else clip
        value = f"choice({self.choice}, {self.ours}, {_text(self.ours)})" if self.choice else self.ours
        return f"UNSET if {self.ours} is None else {value}" if self.default == "UNSET" else value


def _signature(method: str, audio: Field | None, given: list[Field], result: str, *more: str) -> list[str]:
    kind = "object" if audio is None else audio.type
    if audio and "File" in audio.type:
        kind = "AudioSource | Sequence[AudioSource]" if "list[" in audio.type else "AudioSource"
    parameters = [field.parameter for field in given] + list(more)
    return [
        f"    def {method}(",
        "        self,",
        f"        audio: {kind},",
        *(["        *,"] if parameters else []),
        *(f"        {parameter}," for parameter in parameters),
        f"    ) -> Flow[{result}]:",
    ]


def _opened(audio: Field | None) -> list[str]:
    """The statements that open the caller's audio."""
    if audio is None or "File" not in audio.type:
        return ["        # TODO: make of a path, bytes or a file what the body needs, as HeyGen's module does."]
    if "list[" not in audio.type:
        return ["        clip: Audio = yield Open(audio)"]
    return [
        '        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])',
        "        clips: list[Audio] = []",
        "        for source in sources:",
        "            clips.append((yield Open(source)))",
    ]


def _line(key: str, value: str | None, question: str) -> list[str]:
    return [f"{key} = {_text(value)}"] if value else [f"# TODO: {key}: {question}."]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


# Specs


def source_text(title: str, document: dict[str, Any], source: str, file: str, used: Sequence[str], *, cut: bool) -> str:
    """`source.toml`."""
    licence = document["info"].get("license")
    named = licence.get("name") if isinstance(licence, dict) else None
    what = f"which names `{named}`" if named else "which names no licence; kept to interoperate with its service"
    note = f"{title}'s own document, {what}"
    listed = "".join(f"    {_text(operation)},\n" for operation in used)
    address = f"url = {_text(source)}" if "://" in source else f"# TODO: url = the https address of {Path(source).name}"
    return (
        f"# Where {title}'s document comes from.\n"
        f"title = {_text(title)}\n"
        f"licence = {_text(note)}\n"
        + (f"# What is used of it; all else is left out.\noperations = [\n{listed}]\n" if used else "")
        + f"\n[[pages]]\nfile = {_text(file)}\n{address}\n"
        + ('# The whole document is large: pages/ keeps what is used of it.\nkeep = "slice"\n' if cut else "")
    )


_GUIDE = """\
# What is true of {title} beyond its document. An action has `description`, why; `x-source`, where it is known from;
# and, where it takes away or replaces what the provider wrote, `x-expect`, what the document says there today:
#
#   - target: $.components.schemas.SomeAnswer.properties.language
#     description: Languages are added without notice. A voice in a new one must not be lost.
#     x-source: Response enums are open by our policy.
#     x-expect: {{enum: [en, de]}}
#     remove: true
overlay: 1.0.0
info:
  title: What is true of {title} beyond its document
  version: 1.0.0
extends: openapi.json
actions:{actions}
"""


def overlay_text(title: str, guesses: Guesses) -> str:
    """`overlay.yaml`: guidance, and what the shim can't do without where the document lacks it."""
    method, path = guesses.operation
    document, scheme, actions = guesses.document, guesses.scheme, ""
    at = f"$.paths[{_quoted(path)}].{method}"
    key = _scalar(scheme.parameter)
    source = _scalar(f"The header parameter {scheme.parameter}.")
    parameter = _scalar(f"{at}.parameters[?@.name == {_quoted(scheme.parameter)}]")
    if not document.get("servers"):
        actions += f"""
  # TODO: where is the server? The document names none.
  - target: $
    description: The document names no server.
    x-source: TODO
    update:
      servers: [{{url: 'https://{re.sub(r"[^a-z0-9]", "", title.lower())}.invalid'}}]"""
    if scheme.parameter:
        actions += f"""
  # TODO: is this parameter the key?
  - target: {parameter}
    description: This parameter is the key, which the client sends with each request; nobody gives it to an operation.
    x-source: The parameter's own name.
    x-expect: {{in: header}}
    remove: true
  - target: $
    description: The key as a security scheme.
    x-source: {source}
    update:
      components:
        securitySchemes:
          api_key: {{type: apiKey, in: header, name: {key}}}
  - target: {_scalar(at)}
    description: The key is needed.
    x-source: {source}
    update:
      security: [{{api_key: []}}]"""
    elif "security" not in guesses.said and document.get("security"):
        actions += f"""
  - target: {_scalar(at)}
    description: The key is needed; the client generator reads the security of an operation, not that of the document.
    x-source: The document's own top-level `security`.
    update:
      security: {json.dumps(document["security"])}"""
    return _GUIDE.format(title=title, actions=actions or " []")


def _scalar(text: str) -> str:
    """A text as a scalar of YAML: plain where it can be."""
    return text if re.fullmatch(r"[\w$][\w$.'/{}\[\]?@=-]*(?: [\w.'/{}\[\]?@=-]+)*", text) else _text(text)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# The command


def lay_down(name: str, source: str, operation: str | None, title: str | None, root: Path) -> Iterator[str]:
    """Make everything aside, then put it in place at once."""
    if not _NAME.match(name):
        raise PipelineError(
            f"{name!a}: a provider's name is a Python package: small letters and digits, a letter first"
        )
    provider = Provider(root, name)
    if there := [path for path in layout(provider) if path.exists()]:
        raise PipelineError(f"{name}: is there already: {', '.join(map(provider.shown, there))}. Nothing was written")
    file, data = fetch(source)
    page = vendor.read_page(source, data)
    chosen = read_operations([operation], "--operation")[0] if operation else choose(page.spec, source)
    whole = Guesses(page.spec, chosen)
    if chosen not in operations_of(page.spec):
        vendor.sliced(page, [chosen], [page])  # says what is like it
    title = title or _title(name, page.spec)
    if not _TITLE.match(title):
        raise PipelineError(f"{title!a}: a title is words of letters and digits")
    poll = whole.poll
    used = list(dict.fromkeys([chosen, *([poll.operation] if poll else [])]))
    with tempfile.TemporaryDirectory() as folder:
        aside = Provider(Path(folder), name)
        (aside.folder / "pages").mkdir(parents=True)
        listed = [shown(each) for each in used] if page.is_whole else []
        cut = page.is_whole and len(data) > _LARGE
        kept_as = f"pages/{file if Path(file).suffix else f'{file or name}.json'}"
        if cut:
            kept_as = str(Path(kept_as).with_suffix(".json"))
        text = source_text(title, page.spec, source, kept_as, listed, cut=cut)
        (aside.folder / "source.toml").write_text(text, encoding="utf-8")
        kept = vendor.kept(vendor.Page(kept_as, data, page.spec), aside)
        (aside.folder / kept_as).write_bytes(kept.data)
        document = vendor.merge([kept], used if page.is_whole else None)
        aside.overlay.write_text(overlay_text(title, Guesses(document, chosen)), encoding="utf-8")
        yield from vendor.run([name], aside.root)
        yield from generate.run([name], aside.root)
        spec = overlay.effective_spec(aside)
        made = New(aside, title, attrs.evolve(whole, document=page.spec), spec, generate.committed(aside), poll)
        for path, text in made.files().items():
            common.write(path, text.encode())
        tidy(list(made.files()), root)
        lock = common.read_lock(aside.root)[name]
        yield from _put(aside, provider, lock)
    yield f"{name}: what is left to do is marked TODO; `nox -s contract -- {name}` says where, and what holds"


def _title(name: str, document: dict[str, Any]) -> str:
    """The provider's name as the document writes it; the package's, where it does not."""
    words = str(document["info"].get("title", "")).split()
    spans = (" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return next((span for span in spans if span.replace(" ", "").lower() == name), name.capitalize())


def tidy(files: Sequence[Path], root: Path) -> None:
    """Order the imports of modules and format them, by the settings of the project."""
    import subprocess
    import sys

    modules = [str(path) for path in files if path.suffix == ".py"]
    for command in (("check", "--fix-only", "--select=I"), ("format",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache", f"--config={root / 'pyproject.toml'}"]
        done = subprocess.run([*ruff, *modules], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PipelineError(f"ruff {command[0]} failed on what was written:\n{done.stdout}{done.stderr}")


def _put(aside: Provider, provider: Provider, lock: dict[str, Any]) -> Iterator[str]:
    """Put what was made aside in its place, all of it or nothing."""
    files: dict[str, journal.Change] = {}
    for made in layout(aside):
        paths = [made] if made.is_file() else [path for path in sorted(made.rglob("*")) if path.is_file()]
        files |= {aside.shown(path): (None, path.read_bytes()) for path in paths}
        if made.exists():
            yield f"{provider.name}: writing: {aside.shown(made)}"
    place = common.lock_path(provider.root)
    known = common.read_lock(provider.root) | {provider.name: lock}
    after = common.dump_json({name: known[name] for name in sorted(known)}).encode()
    files[provider.shown(place)] = (place.read_bytes() if place.exists() else None, after)
    journal.install(provider.root, f"the making of {provider.name}", files)


def run(arguments: Sequence[str], root: Path = common.ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="nox -s new --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", help="the provider's name: small letters and digits")
    parser.add_argument("source", help="its page or whole document: a file or an https URL")
    parser.add_argument("--operation", help='the operation that clones, such as "POST /v1/voices/add"')
    parser.add_argument("--title", help="how the provider writes its name")
    options = parser.parse_args(arguments)
    yield from lay_down(options.name, options.source, options.operation, options.title, root)


if __name__ == "__main__":
    common.main(run)
