"""The options of `clone`, from the typed signature of each provider's own `clone` and what its spec says of them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import attrs
import typer

from voice_clone._client import connect as _connect
from voice_clone._client.base import SyncClient
from voice_clone.audio import rules

NOT_SPECIFIED = {"timeout": "Seconds to wait until the clone is done."}
"""Help for what is of this package, not of a provider."""


@attrs.frozen
class Option:
    """One keyword of a provider's `clone`."""

    name: str
    kind: Any
    """`str`, `bool`, `int` or `float`, or a generated model, which is typed as JSON."""
    required: bool
    default: Any
    choices: tuple[str, ...]
    help: str

    @property
    def flag(self) -> str:
        """How it is typed."""
        return "--" + self.name.replace("_", "-")

    def parameter(self) -> inspect.Parameter:
        """The parameter of a command."""
        about: dict[str, Any] = {"help": self.help}
        if self.choices:
            about |= {"autocompletion": self._completed, "metavar": "CHOICE"}
        if hasattr(self.kind, "from_dict"):
            about |= {"parser": self._from_json, "metavar": "JSON"}
        kind: Any = self.kind if self.required else self.kind | None
        default = inspect.Parameter.empty if self.required else self.default
        flags = [self.flag] if self.default is False else []  # what is not done anyhow needs no switch against it
        annotation = Annotated[kind, typer.Option(*flags, **about)]
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    def _completed(self, incomplete: str) -> list[str]:
        return [choice for choice in self.choices if choice.startswith(incomplete)]

    def _from_json(self, text: str) -> Any:
        try:
            return self.kind.from_dict(json.loads(text))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise typer.BadParameter(f"no {self.kind.__name__} in JSON: {error!r}") from None


@attrs.frozen
class Signature:
    """What a provider's `clone` takes."""

    provider: str
    title: str
    """The provider's name as it is written."""
    key_variable: str
    options: dict[str, Option]
    audio: str
    """What the audio may be, for help."""
    takes_many: bool
    takes_urls: bool
    takes_ids: bool
    polled: bool
    """Whether a clone is not done when it is answered, so that it is waited for."""

    def source(self, text: str) -> Path | str | bytes | int:
        """What an argument means: a file, what a pipe holds, or audio that is elsewhere: an address or a number."""
        path = Path(text)
        if path.is_fifo():  # it can be read only once
            return path.read_bytes()
        if self.takes_ids and text.isdecimal() and not path.exists():
            return int(text)
        return text if text.lower().startswith(("http://", "https://")) else path


def signature(provider: str) -> Signature:
    """Read the signature of a provider's `clone`; raises InvalidRequestError for a name that is no provider's."""
    client: Any = _connect.find(provider, SyncClient)
    hints = get_type_hints(client.clone)
    fields: Mapping[str, Mapping[str, Any]] = client.provider.request.fields
    prose = inspect.getdoc(client.start_clone) or ""
    options = [
        option
        for each in inspect.signature(client.clone).parameters.values()
        if each.kind is each.KEYWORD_ONLY
        and (option := _option(each, hints[each.name], fields.get(each.name, {}), _sentence(prose, each.name)))
    ]
    sources = get_args(hints["audio"])
    many, ids = any(get_origin(each) is Sequence for each in sources), int in sources
    urls = any("url" in getattr(each, "__annotations__", ()) for each in sources)
    theirs = rules(provider)
    taken = [str(theirs) or "any format", *(["an https address"] if urls else [])]
    taken += ["the id of an uploaded file"] if ids else []
    audio = "; or ".join(taken) + (f". {fields['audio']['description']}" if many and "audio" in fields else "")
    better = theirs.advised
    return Signature(
        provider,
        client.__name__,
        client.provider.key_variable,
        {option.name: option for option in options},
        audio + (f". Best: {better} ({better.reason})" if better else ""),
        many,
        urls,
        ids,
        client.provider.poll is not None,
    )


def _option(parameter: inspect.Parameter, hint: Any, field: Mapping[str, Any], prose: str) -> Option | None:
    """The option for a keyword; None for what can't be typed, such as a function to call."""
    kinds = [kind for kind in (get_args(hint) or [hint]) if kind is not type(None)]
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
    kind = next((kind for kind in kinds if kind in (bool, int, float, str) or hasattr(kind, "from_dict")), None)
    if kind is None:
        return None
    required = parameter.default is parameter.empty
    choices = tuple(str(each.value) for enum in enums for each in enum)
    name, told = parameter.name, [_told(field) or NOT_SPECIFIED.get(parameter.name, prose)]
    least, most = field.get("minLength", 0), field.get("maxLength")
    if most and str(most) not in told[0]:
        told.append(f"{least} to {most:,} characters." if least else f"Up to {most:,} characters.")
    if hasattr(kind, "from_dict"):
        told.append(f"An object with {' and '.join(field.get('properties', ()))}.")
    if choices:
        told.append(f"One of {', '.join(choices)}.")
    return Option(name, kind, required, None if required else parameter.default, choices, " ".join(filter(None, told)))


def _sentence(prose: str, name: str) -> str:
    """The last sentence of a docstring that speaks of a parameter."""
    told = [each for each in re.split(r"(?<=\.)\s+", prose) if f"`{name}`" in each]
    return told[-1].replace("`", "").replace("\n", " ") if told else ""


def _told(field: Mapping[str, Any]) -> str:
    """The first sentence of what a spec says of a field."""
    first = re.split(r"(?<=\.)\s+(?=[A-Z])|\n", str(field.get("description", "")))[0]
    text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", first).replace("`", "").rstrip(".")
    return text and f"{text}."
