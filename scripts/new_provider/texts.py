"""The first texts of a provider, from the templates beside this file, with a TODO for each open question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import jinja2

from scripts.generate.generators import Parsed
from scripts.lib.errors import PipelineError
from scripts.lib.files import copy_json, dump_json, json_text
from scripts.lib.openapi import operation_name
from scripts.lib.project import Provider
from scripts.new_provider.draft import Action
from scripts.new_provider.infer import Guesses, Json, Poll
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
    title: str
    guesses: Guesses
    """From the effective spec."""
    listing: str
    """The operation that lists voices; empty if there is none."""
    known_key: bool
    """Whether the provider's own document says how the key is sent."""
    parsed: Parsed
    poll: Poll | None

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def kind(self) -> str:
        """The name of the client's class; `voice_clone` finds the module by it."""
        plain = re.sub(r"\W", "", self.title, flags=re.ASCII)
        return plain if plain.lower() == self.name else self.name.capitalize()

    @cached_property
    def request(self) -> Request:
        """The request that clones."""
        return read_request(self.parsed, self.guesses.operation, self.guesses)

    def files(self) -> dict[Path, str]:
        """All of them, each with its place in the project."""
        shim, tests = self.provider.root / "src/voice_clone/providers", self.provider.root / "tests"
        errors = {tests / "errors" / self.name / f"{status}.json": text for status, text in self.errors()}
        evidence = _render("evidence.yaml", title=self.title, request=self.request)
        return {
            shim / f"{self.name}.toml": self.table(),
            shim / f"{self.name}.py": self.module(),
            tests / "evidence" / f"{self.name}.yaml": evidence,
            **errors,
        }

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
            scheme=self.guesses.scheme,
            known_key=self.known_key,
            names={field.wire: field.ours for field in self.request.fields if field.wire != field.ours},
            clone_id=self._id_of(self.guesses.operation),
            voice={field: path for field, path in voice.items() if path},
            poll=self.poll,
            poll_id=self._id_of(operation),
            reason=path_to("failure_message", "failure_reason", "error_message", "message"),
            codes={code: self.class_of(int(status)) for code, status, _ in self.coded_errors()},
        )

    def _id_of(self, operation: tuple[str, str]) -> str:
        """The id by which the client knows an operation."""
        method, path = operation
        return str(self.guesses.document["paths"][path][method].get("operationId", "TODO"))

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
            request=request,
            audio=audio,
            clip=clip,
            several=clip is not None and audio is not None and audio.is_list,
            look=look,
            words=words,
            checks=[*checks, *(["choice"] if any(field.choice for field in options) else [])],
            types=[*types, *(["File"] if (clip and clip.code.startswith("File")) or "File" in words else [])],
        )

    def errors(self) -> Iterator[tuple[str, str]]:
        """For each documented status and code of a failure, a file with the error that it raises."""
        for status, schema in self.failures().items():
            yield status, self._error(int(status), self._sample(schema))
        for code, status, body in self.coded_errors():
            yield code, self._error(int(status), body)

    def failures(self) -> dict[str, Json]:
        """The schema of each documented status of a failure."""
        operations = [self.guesses.operation, *([self.poll.operation] if self.poll else [])]
        return {status: each for listed in operations for status, each in self.guesses.answers(listed, good=False)}

    def coded_errors(self) -> Iterator[tuple[str, str, Json]]:
        """Each documented code, with the first status that has it, and a body."""
        known: set[str] = set()
        for path in self.guesses.codes:
            for status, schema in self.failures().items():
                for value in self.guesses.values(path, [schema]):
                    body = self._sample(schema)
                    *way, last = path.split(".")
                    holder = body
                    for key in way:
                        holder = holder[int(key) if key.isdecimal() else key]
                    holder[last] = value
                    if str(value) not in known and re.fullmatch(r"[\w.-]+", str(value)):
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

    def _error(self, status: int, body: Any) -> str:
        """A file with a response and the error that it raises."""
        from voice_clone.errors import RawResponse

        operations = {"paid": self.guesses.operation} | ({"free": self.poll.operation} if self.poll else {})
        answers = {cost: dict(self.guesses.answers(each, good=False)) for cost, each in operations.items()}
        asked = [cost for cost in operations if str(status) in answers[cost]]
        again = {"paid": status == 429, "free": status in (429, *range(500, 600))}
        raw = RawResponse(status, {}, b"", body)
        code, message = (
            next((raw.at(path) for path in paths if raw.at(path) not in (None, "")), None)
            for paths in (self.guesses.codes, self.guesses.messages)
        )
        file: dict[str, Any] = {
            "source": "TODO: where such an answer is known from; the body is made up from the spec",
            "response": {"status": status, "headers": {}, "body": body},
            "error": {
                "class": self.class_of(status),
                "code": None if code is None else str(code),
                "message": message or "TODO",
                "request_id": None,
                "retry_after": None,
                "retryable": {cost: again[cost] for cost in asked},
            },
        }
        return dump_json(file)


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
