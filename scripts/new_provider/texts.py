"""The first texts of a provider: module, table, errors and evidence, with a TODO for each open question."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from scripts.generate.generators import Files
from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json, json_text
from scripts.lib.openapi import operation_name
from scripts.lib.project import Provider
from scripts.new_provider.infer import Guesses, Poll


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
            f"auth_header = {json_text(scheme.header)}",
            f"auth_prefix = {json_text(scheme.prefix)}",
            *self._names(),
            "",
            "[clone]",
            f"operation = {json_text(self.id_of(guesses.operation))}",
            *_line(
                "voice_id", guesses.voice_id, "which path leads to the voice's id in the answer? Leave it out if none"
            ),
            f"# TODO: does this show a voice whose answer was lost?{'' if find else ' The document lists no voices.'}",
            f"find = {json_text(find or 'TODO')}",
            "",
            "[voice]",
            *(f"{field} = {json_text(path)}" for field, path in self._voice().items()),
            "",
            *self._poll(),
            "[errors]",
            *([f"failed = {json_text(guesses.failed)}  # no success has it"] if guesses.failed else []),
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
            [f"names = {{ {', '.join(f'{_key(name)} = {json_text(ours)}' for name, ours in named.items())} }}"]
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
            f"operation = {json_text(self.id_of(poll.operation))}",
            *(
                f"voice_id = {json_text(path)}"
                for path in self.guesses.path_to(answers, ("voice_id", "id"), {"string"})[:1]
            ),
            f"status = {json_text(poll.status)}",
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
        raise PipelineError(f"{operation_name(operation)}: no function was generated for it")

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
                f"{operation_name(self.guesses.operation)}: its body has no fields that a signature could be made of; "
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
            *(["from voice_clone._audio import Audio, AudioSource"] if files else []),
            "from voice_clone._clients import AsyncClient, Awaited, Client, Plain, Result, SyncClient, X, provided",
            f"from voice_clone._flows import Flow, {'Open, ' if files else ''}operation",
            *([f"from voice_clone._options import {', '.join(checks)}"] if checks else []),
            "from voice_clone._policy import PAID",
            f"from voice_clone.jobs import CloneJob{', Progress, Voice' if look else ''}",
            f"{voices} import AuthenticatedClient",
            f"{voices}.api.{tag} import {clone}",
            *([f"{voices}.api.{look[0]} import {look[1]}"] if look else []),
            f"{voices}.models import {', '.join(sorted(used))}",
            *([f"{voices}.types import {', '.join(kinds)}"] if kinds else []),
            "",
            "",
            f"class _{self.kind}(Client[AuthenticatedClient, X, Result]):",
            f"    provider: ClassVar[provided] = provided({json_text(self.name)}" + (f", {look[1]})" if look else ")"),
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
        from voice_clone._answers import _BY_STATUS
        from voice_clone.testing._spec import Spec

        samples = Spec(self.name, self.spec)
        for status, schema in self.guesses.answers(self.guesses.operation, good=False):
            body: Any = samples.sample(schema) if schema else {}
            number = int(status)
            kind = _BY_STATUS.get(number, errors.ServerError if number >= 500 else errors.InvalidRequestError)
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
            yield status, dump_json(file)

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
        value = f"choice({self.choice}, {self.ours}, {json_text(self.ours)})" if self.choice else self.ours
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
    return [f"{key} = {json_text(value)}"] if value else [f"# TODO: {key}: {question}."]


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(json_text, values))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json_text(name)
