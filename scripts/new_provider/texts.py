"""The first texts of a provider, from the templates beside this file, with a TODO for each open question."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import jinja2

from scripts.generate.generators import Parsed
from scripts.lib.files import copy_json, dump_json, json_text
from scripts.lib.openapi import limits
from scripts.lib.project import Provider
from scripts.new_provider.draft import Action
from scripts.new_provider.infer import WORDS, Guesses, Json
from scripts.new_provider.request import Request, read_request
from voice_clone import errors
from voice_clone._provider.responses import BY_STATUS
from voice_clone.testing._spec import Spec

Failure = tuple[str, Any]
"""The status and the body of a response."""


def source_text(title: str, document: Json, source: str, file: str, used: Sequence[str], *, cut: bool) -> str:
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
    documented: Json
    """The provider's own document."""
    listing: str
    """The operation that lists voices; empty if there is none."""
    parsed: Parsed
    poll: Guesses | None
    """The operation that polls, from the effective spec."""

    @cached_property
    def title(self) -> str:
        return str(self.provider.source()["title"])

    @property
    def kind(self) -> str:
        """The name of the client's class; `voice_clone` finds the module by it."""
        plain = re.sub(r"\W", "", self.title, flags=re.ASCII)
        return plain if plain.lower() == self.provider.name else self.provider.name.capitalize()

    @property
    def operations(self) -> dict[str, Guesses]:
        """The operations, by whether they cost something."""
        return {"paid": self.guesses} | ({"free": self.poll} if self.poll else {})

    @cached_property
    def request(self) -> Request:
        """The request that clones."""
        return read_request(self.parsed, self.guesses)

    @property
    def polling(self) -> Request | None:
        """The request that polls."""
        return read_request(self.parsed, self.poll) if self.poll else None

    @property
    def schemas(self) -> dict[str, Json]:
        """The schema of each field and parameter of the request, by its name in the document."""
        listed = {each["name"]: each.get("schema", {}) for each in self.guesses.parameters}
        return {name: self.guesses.resolve(each) for name, each in (listed | self.guesses.body["properties"]).items()}

    def files(self) -> dict[Path, str]:
        """All of them, each with its place in the project."""
        name, root = self.provider.name, self.provider.root
        shim, tests = root / "src/voice_clone/providers", root / "tests"
        failures = self.by_status() | self.by_code()
        return {
            shim / f"{name}.py": _render("module.py", texts=self, name=name, request=self.request),
            shim / f"{name}.toml": _render("table.toml", texts=self, name=name, guesses=self.guesses),
            tests / "evidence" / f"{name}.yaml": _render("evidence.yaml", texts=self, name=name),
            **{tests / "errors" / name / f"{code}.json": self._error(*each) for code, each in failures.items()},
        }

    def arguments(self) -> Json:
        """Arguments for a clone."""
        needed = [field for field in self.request.options if field.required]
        return {each.ours: "Me" if each.ours == "name" else self._sample(self.schemas[each.wire]) for each in needed}

    def path_to(self, *names: str) -> str:
        """The path to a text in the response that has the voice when it is done; empty if there is none."""
        done = self.poll or self.guesses
        return next(iter(done.path_to(done.successes.values(), names, "string")), "")

    @property
    def reason(self) -> str:
        """The path to the reason of a failure; empty if there is none."""
        return self.path_to(*WORDS["fields"]["failure_reason"])

    def voice(self) -> dict[str, str]:
        """The paths to the facts about a voice."""
        paths = {fact: self.path_to(*names) for fact, names in WORDS["voice"].items() if self.poll or fact != "id"}
        return {fact: path for fact, path in paths.items() if path}

    def about(self) -> str:
        """The facts about the parameters, as lines of a docstring."""
        facts: list[str] = []
        for field in self.request.options:
            # Patterns and values, which stand in backticks, may hold what ends a docstring.
            known = [limit for limit in limits(self.schemas[field.wire]) if "`" not in limit]
            known += [f"one of {field.choice}"] if field.choice else []
            facts += [f"`{field.ours}`: {', '.join(known)}."] if known else []
        if (audio := self.request.audio) and audio.clip:
            several = ", or a list of them" if audio.is_list else ""
            facts.insert(0, f"`audio` is a path, bytes or a binary file object{several}.")
            facts.append("`check` False sends audio of a format that the spec does not list, too.")
        return textwrap.fill(" ".join(facts), 112)

    def by_status(self) -> dict[str, Failure]:
        """A failure of each documented status."""
        operations = self.operations.values()
        return {status: (status, self._sample(each)) for known in operations for status, each in known.failures.items()}

    def by_code(self) -> dict[str, Failure]:
        """A failure of each documented code, with the first status that has it."""
        found: dict[str, Failure] = {}
        for path in self.guesses.codes:
            for known in self.operations.values():
                for status, schema in known.failures.items():
                    for code in self.guesses.values(path, schema):
                        if str(code) not in found and re.fullmatch(r"[\w.-]+", str(code)):
                            body = self._sample(schema)
                            _set(body, path, code)
                            found[str(code)] = status, body
        return found

    def _sample(self, schema: Json) -> Any:
        return copy_json(Spec(self.provider.name, self.guesses.document).sample(schema)) if schema else {}

    @staticmethod
    def class_of(status: str) -> str:
        """The name of the class that a status raises."""
        vague = errors.ServerError if status >= "500" else errors.InvalidRequestError
        return BY_STATUS.get(int(status), vague).__name__

    def _error(self, status: str, body: Any) -> str:
        """A file with a response and the error that it raises."""
        asked = {cost: each for cost, each in self.operations.items() if status in each.failures}
        raw = errors.RawResponse(int(status), {}, b"", body)
        code, message = (
            next((path for path in paths if raw.at(path) not in (None, "")), "")
            for paths in (self.guesses.codes, self.guesses.messages)
        )
        response = self.guesses.resolve(next(iter(asked.values())).said["responses"][status])
        meaning = str(response.get("description", "")).strip()
        if meaning and set(str(raw.at(message))) == {"x"}:  # a sample
            _set(body, message, re.split(r"(?<=[.!?])\s|\n", meaning)[0])
        is_documented = any(
            status in Guesses(self.documented, each.operation).failures for each in self.operations.values()
        )
        source = "document" if is_documented else f"guessed, as {self.provider.shown(self.provider.overlay)} says"
        return dump_json(
            {
                "source": f"{source}; the body is made up from the spec",
                "response": {"status": int(status), "headers": {}, "body": body},
                "error": {
                    "class": self.class_of(status),
                    "code": str(raw.at(code)) if code else None,
                    "message": raw.at(message) if message else "TODO",
                    "request_id": None,
                    "retry_after": None,
                    "retryable": {cost: status == "429" or (cost == "free" and status[0] == "5") for cost in asked},
                },
            }
        )


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
