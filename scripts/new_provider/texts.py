"""The first texts of a provider, from the templates beside this file, with a TODO for each open question."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import jinja2

from scripts.generate.generators import Parsed
from scripts.lib.errors import PipelineError
from scripts.lib.files import copy_json, dump_json, json_text
from scripts.lib.openapi import limits, operation_name
from scripts.lib.project import Provider
from scripts.new_provider.draft import Action
from scripts.new_provider.infer import Guesses, Json, Operation, Poll
from scripts.new_provider.request import Request, read_request


def source_text(title: str, document: dict[str, Any], source: str, file: str, used: Sequence[str], *, cut: bool) -> str:
    """`source.toml`."""
    licence = document["info"].get("license")
    named = licence.get("name") if isinstance(licence, dict) else None
    return _render("source.toml", title=title, licence=named, source=source, file=file, used=used, cut=cut)


def overlay_text(title: str, actions: Sequence[Action], advice: str = "") -> str:
    """`overlay.yaml`: guidance, and the first actions; `advice` is what to do about a document that is refused."""
    return _render("overlay.yaml", title=title, actions=actions, advice=advice.splitlines())


@attrs.frozen(slots=False)
class Texts:
    """The files that a person completes: those of the client and of the tests."""

    provider: Provider
    guesses: Guesses
    """From the effective spec."""
    documented: Guesses
    """From the provider's own document."""
    listing: str
    """The operation that lists voices; empty if there is none."""
    parsed: Parsed
    poll: Poll | None

    @property
    def name(self) -> str:
        return self.provider.name

    @cached_property
    def title(self) -> str:
        return str(self.provider.source()["title"])

    @property
    def kind(self) -> str:
        """The name of the client's class; `voice_clone` finds the module by it."""
        plain = re.sub(r"\W", "", self.title, flags=re.ASCII)
        return plain if plain.lower() == self.name else self.name.capitalize()

    @property
    def operations(self) -> dict[str, Operation]:
        """The operations, by whether they cost something."""
        return {"paid": self.guesses.operation} | ({"free": self.poll.operation} if self.poll else {})

    @cached_property
    def request(self) -> Request:
        """The request that clones."""
        return read_request(self.parsed, self.guesses.operation, self.guesses)

    @property
    def schemas(self) -> dict[str, Json]:
        """The schema of each field and parameter of the request, by its name in the document."""
        listed = {each["name"]: each.get("schema", {}) for each in self.guesses.parameters}
        return {name: self.guesses.resolve(each) for name, each in (listed | self.guesses.body["properties"]).items()}

    def files(self) -> dict[Path, str]:
        """All of them, each with its place in the project."""
        shim, tests = self.provider.root / "src/voice_clone/providers", self.provider.root / "tests"
        errors = {tests / "errors" / self.name / f"{status}.json": text for status, text in self.errors()}
        return {
            shim / f"{self.name}.py": self.module(),
            shim / f"{self.name}.toml": self.table(),
            tests / "evidence" / f"{self.name}.yaml": self.evidence(),
            **errors,
        }

    def evidence(self) -> str:
        """`evidence/<name>.yaml`."""
        needed = [field for field in self.request.options if field.required]
        arguments = {field.ours: self._sample(self.schemas[field.wire]) for field in needed}
        arguments |= {"name": "Me"} if "name" in arguments else {}
        operation = self._id_of(self.guesses.operation)
        return _render("evidence.yaml", title=self.title, name=self.name, arguments=arguments, operation=operation)

    def table(self) -> str:
        """`providers/<name>.toml`."""
        operation = self.poll.operation if self.poll else self.guesses.operation
        answers = [schema for _, schema in self.guesses.answers(operation, good=True)]

        def path_to(*names: str) -> str | None:
            return next(iter(self.guesses.path_to(answers, names, {"string"})), None)

        voice = {
            "id": path_to("voice_id", "id") if self.poll else None,
            "name": path_to("voice_name", "display_name", "name"),
            "language": path_to("language", "lang_code", "language_code", "locale"),
            "preview_url": path_to("preview_url", "preview_audio_url", "demo_audio"),
            "created_at": path_to("created_at"),
        }
        return _render(
            "table.toml",
            title=self.title,
            name=self.name,
            guesses=self.guesses,
            listing=self.listing,
            names={field.wire: field.ours for field in self.request.fields if field.wire != field.ours},
            clone_id=self._id_of(self.guesses.operation),
            voice={field: path for field, path in voice.items() if path},
            status=self.guesses.status(self.guesses.operation),
            poll=self.poll,
            poll_id=self._id_of(operation),
            reason=path_to("failure_message", "failure_reason", "error_message", "message"),
            codes={code: self.class_of(int(status)) for code, status, _ in self.coded_errors()},
        )

    def _id_of(self, operation: Operation) -> str:
        """The id by which the client knows an operation."""
        return str(self._operation(operation).get("operationId", "TODO"))

    def _operation(self, operation: Operation) -> Json:
        method, path = operation
        found: Json = self.guesses.document["paths"][path][method]
        return found

    def module(self) -> str:
        """`providers/<name>.py`."""
        request = self.request
        if not request.fields:
            raise PipelineError(
                f"{operation_name(self.guesses.operation)}: its body has no fields for a signature; "
                "is it the operation that clones? Name another one with --operation"
            )
        audio, options = request.audio, request.options
        clip = audio.clip if audio else None
        look = read_request(self.parsed, self.poll.operation, self.guesses) if self.poll else None
        typed = [*options, *([audio] if audio and not clip else [])]
        words = {word for field in typed for word in re.findall(r"(?<![.\w])\w+", field.type)}
        checks = ["check_wait"] if look else []
        types = ["UNSET"] if any(field.default == "UNSET" for field in options) else []
        return _render(
            "module.py",
            title=self.title,
            name=self.name,
            kind=self.kind,
            form=self.guesses.media_type == "multipart/form-data",
            about=self._about(clip is not None),
            request=request,
            audio=audio,
            clip=clip,
            several=clip is not None and audio is not None and audio.is_list,
            look=look,
            words=words,
            checks=[*checks, *(["choice"] if any(field.choice for field in options) else [])],
            types=[*types, *(["File"] if (clip and clip.code.startswith("File")) or "File" in words else [])],
        )

    def _about(self, checks: bool) -> str:
        """The facts about the parameters, as lines of a docstring."""
        several = ", or a list of them" if self.request.audio and self.request.audio.is_list else ""
        facts = [f"`audio` is a path, bytes or a binary file object{several}."] if checks else []
        for field in self.request.options:
            # Patterns and values, which stand in backticks, may hold what ends a docstring.
            known = [limit for limit in limits(self.schemas[field.wire]) if "`" not in limit]
            known += [f"one of {field.choice}"] if field.choice else []
            facts += [f"`{field.ours}`: {', '.join(known)}."] if known else []
        facts += ["`check` False sends audio of a format that the spec does not list, too."] if checks else []
        return textwrap.fill(" ".join(facts), 112)

    def errors(self) -> Iterator[tuple[str, str]]:
        """For each documented status and code of a failure, a file with the error that it raises."""
        for status, schema in self.failures().items():
            yield status, self._error(status, self._sample(schema))
        for code, status, body in self.coded_errors():
            yield code, self._error(status, body)

    def failures(self) -> dict[str, Json]:
        """The schema of each documented status of a failure."""
        listed = self.operations.values()
        return {status: schema for each in listed for status, schema in self.guesses.answers(each, good=False)}

    def coded_errors(self) -> Iterator[tuple[str, str, Json]]:
        """Each documented code, with the first status that has it, and a body."""
        known: set[str] = set()
        for path in self.guesses.codes:
            for status, schema in self.failures().items():
                for value in self.guesses.values(path, [schema]):
                    if str(value) not in known and re.fullmatch(r"[\w.-]+", str(value)):
                        body = self._sample(schema)
                        _set(body, path, value)
                        yield str(value), status, body
                    known.add(str(value))

    def _sample(self, schema: Json) -> Any:
        from voice_clone.testing._spec import Spec

        return copy_json(Spec(self.name, self.guesses.document).sample(schema)) if schema else {}

    @staticmethod
    def class_of(status: int) -> str:
        """The name of the class that a status raises."""
        from voice_clone import errors
        from voice_clone._provider.responses import BY_STATUS

        return BY_STATUS.get(status, errors.ServerError if status >= 500 else errors.InvalidRequestError).__name__

    def _error(self, status: str, body: Any) -> str:
        """A file with a response and the error that it raises."""
        from voice_clone.errors import RawResponse

        asked = {cost: self._operation(each) for cost, each in self.operations.items()}
        responses = {cost: each["responses"][status] for cost, each in asked.items() if status in each["responses"]}
        raw = RawResponse(int(status), {}, b"", body)
        code, message_at = (
            next((path for path in paths if raw.at(path) not in (None, "")), "")
            for paths in (self.guesses.codes, self.guesses.messages)
        )
        meaning = str(self.guesses.resolve(next(iter(responses.values()))).get("description", "")).strip()
        if meaning and set(str(raw.at(message_at))) == {"x"}:  # a sample
            _set(body, message_at, re.split(r"(?<=[.!?])\s|\n", meaning)[0])
        is_documented = any(
            status in dict(self.documented.answers(each, good=False)) for each in self.operations.values()
        )
        source = "document" if is_documented else f"guessed, as {self.provider.shown(self.provider.overlay)} says"
        file: dict[str, Any] = {
            "source": f"{source}; the body is made up from the spec",
            "response": {"status": int(status), "headers": {}, "body": body},
            "error": {
                "class": self.class_of(int(status)),
                "code": str(raw.at(code)) if code else None,
                "message": raw.at(message_at) if message_at else "TODO",
                "request_id": None,
                "retry_after": None,
                "retryable": {cost: status == "429" or (cost == "free" and status[0] == "5") for cost in responses},
            },
        }
        return dump_json(file)


def _set(body: Any, path: str, value: Any) -> None:
    """Set the value at a dotted path."""
    *way, last = path.split(".")
    for key in way:
        body = body[int(key) if key.isdecimal() else key]
    body[last] = value


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML is made
    )
    environment.filters |= {"json": json_text, "key": _key, "scalar": _scalar}
    return environment.get_template(f"{template}.jinja").render(values).rstrip() + "\n"


def _key(name: str) -> str:
    """A key of TOML: bare if it can be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json_text(name)


def _scalar(text: str) -> str:
    """A scalar of YAML: plain if it can be."""
    return text if re.fullmatch(r"[\w$][\w$.'/{}\[\]?@=-]*(?: [\w.'/{}\[\]?@=-]+)*", text) else json_text(text)
