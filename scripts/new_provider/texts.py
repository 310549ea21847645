"""The first texts of a provider, from the templates beside this file, with a TODO for each open question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import jinja2

from scripts.generate.generators import Parsed
from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json, json_text
from scripts.lib.openapi import operation_name
from scripts.lib.project import Provider
from scripts.new_provider.infer import Guesses, Poll
from scripts.new_provider.names import name_actions, path_key
from scripts.new_provider.request import Request, read_request


def source_text(title: str, document: dict[str, Any], source: str, file: str, used: Sequence[str], *, cut: bool) -> str:
    """`source.toml`."""
    licence = document["info"].get("license")
    named = licence.get("name") if isinstance(licence, dict) else None
    return _render("source.toml", title=title, licence=named, source=source, file=file, used=used, cut=cut)


def overlay_text(title: str, guesses: Guesses, names: Mapping[tuple[str, str], str]) -> str:
    """`overlay.yaml`: guidance, the names of operations, and the additions that the client needs."""
    method, path = guesses.operation
    document = guesses.document
    return _render(
        "overlay.yaml",
        title=title,
        names=list(name_actions(document, names)),
        host=re.sub(r"[^a-z0-9]", "", title.lower()),
        at=f"$.paths[{path_key(path)}].{method}",
        scheme=guesses.scheme,
        needs_server=not document.get("servers"),
        security=document.get("security") if "security" not in guesses.said else None,
    )


@attrs.frozen(slots=False)
class Texts:
    """The files that a person completes: those of the client and of the tests."""

    provider: Provider
    title: str
    guesses: Guesses
    spec: dict[str, Any]
    """The effective spec."""
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
            "name": path_to("name", "voice_name"),
            "language": path_to("language"),
            "preview_url": path_to("preview_url", "preview_audio_url", "demo_audio"),
            "created_at": path_to("created_at"),
        }
        return _render(
            "table.toml",
            title=self.title,
            name=self.name,
            guesses=self.guesses,
            scheme=self.guesses.scheme,
            names={field.name: field.ours for field in self.request.fields if field.name != field.ours},
            clone_id=self._id_of(self.guesses.operation),
            voice={field: path for field, path in voice.items() if path},
            poll=self.poll,
            poll_id=self._id_of(operation),
            reason=path_to("failure_message", "failure_reason", "error_message", "message"),
            codes=[value for path in self.guesses.codes for value in self.guesses.values(path)],
        )

    def _id_of(self, operation: tuple[str, str]) -> str:
        """The id by which the client knows an operation."""
        method, path = operation
        return str(self.spec["paths"][path][method].get("operationId", "TODO"))

    def module(self) -> str:
        """`providers/<name>.py`."""
        request = self.request
        if not request.fields:
            raise PipelineError(
                f"{operation_name(self.guesses.operation)}: its body has no fields for a signature; "
                "is it the operation that clones? Name another one with --operation"
            )
        audio, options = request.audio, request.options
        opened = audio is not None and audio.is_file
        look = read_request(self.parsed, self.poll.operation, self.guesses) if self.poll else None
        typed = [*options, *([audio] if audio and not opened else [])]
        words = {word for field in typed for word in re.findall(r"\w+", field.type)}
        checks = ["check_wait"] if look else []
        types = ["UNSET"] if any(field.default == "UNSET" for field in options) else []
        return _render(
            "module.py",
            title=self.title,
            name=self.name,
            kind=self.kind,
            request=request,
            audio=audio,
            opened=opened,
            several=opened and audio is not None and audio.is_list,
            look=look,
            words=words,
            models=sorted(words & self.parsed.classes | {request.body}),
            checks=[*checks, *(["choice"] if any(field.choice for field in options) else [])],
            types=[*types, *(["File"] if opened or "File" in words else [])],
        )

    def errors(self) -> Iterator[tuple[str, str]]:
        """For each documented failure its status, and a file with the error that it raises."""
        from voice_clone import errors
        from voice_clone._provider.responses import BY_STATUS
        from voice_clone.testing._spec import Spec

        samples = Spec(self.name, self.spec)
        for status, schema in self.guesses.answers(self.guesses.operation, good=False):
            body: Any = samples.sample(schema) if schema else {}
            number = int(status)
            kind = BY_STATUS.get(number, errors.ServerError if number >= 500 else errors.InvalidRequestError)
            retryable = {"paid": number == 429}
            if self.poll:
                retryable["free"] = number in (429, *range(500, 600))
            file = {
                "source": "TODO: where such an answer is known from; the body is made up from the spec",
                "response": {"status": number, "headers": {}, "body": body},
                "error": {
                    "class": kind.__name__,
                    "code": None,
                    "message": "TODO: the message that this answer's body holds",
                    "request_id": None,
                    "retry_after": None,
                    "retryable": retryable,
                },
            }
            yield status, dump_json(file)


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML is made
    )
    environment.filters |= {"json": json_text, "key": _key, "path_key": path_key, "scalar": _scalar}
    return environment.get_template(f"{template}.jinja").render(values).rstrip() + "\n"


def _key(name: str) -> str:
    """A key of TOML: bare if it can be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json_text(name)


def _scalar(text: str) -> str:
    """A scalar of YAML: plain if it can be."""
    return text if re.fullmatch(r"[\w$][\w$.'/{}\[\]?@=-]*(?: [\w.'/{}\[\]?@=-]+)*", text) else json_text(text)
