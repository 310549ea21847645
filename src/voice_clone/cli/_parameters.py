"""The options of `clone` and `speak`, from the signatures of each provider's own methods and from its spec."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import attrs
import typer

from voice_clone._client.base import SyncClient
from voice_clone._connect import find
from voice_clone.audio import rules
from voice_clone.cli._sources import Source

TIMEOUT_HELP = "Timeout for the whole clone."
_METAVARS = {str: "TEXT", float: "NUMBER", int: "NUMBER"}


@attrs.frozen
class Option:
    """One keyword argument of a provider's method."""

    name: str
    kind: Any
    """`str`, `bool`, `int` or `float`, or a generated model, which the user writes as JSON."""
    required: bool
    default: Any
    choices: tuple[str, ...]
    is_negatable: bool
    """Whether a switch has a flag --no-…, too; none is needed for a default of False."""
    brief: str
    """Help without the choices."""
    help: str
    panel: str | None = None
    """The panel of the help; None for that of all options."""

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")

    def parameter(self) -> inspect.Parameter:
        """The parameter for Typer."""
        settings: dict[str, Any] = {"help": self.help, "rich_help_panel": self.panel}
        if metavar := "SECONDS" if self.name == "timeout" else _METAVARS.get(self.kind):
            settings["metavar"] = metavar
        if self.choices:
            settings |= {"autocompletion": self._complete, "metavar": "CHOICE"}
        if hasattr(self.kind, "from_dict"):
            settings |= {"parser": self._from_json, "metavar": "JSON"}
        kind: Any = self.kind if self.required else self.kind | None
        default = inspect.Parameter.empty if self.required else self.default
        switches = self.kind is bool and self.is_negatable
        flags = f"{self.flag}/--no-{self.flag.removeprefix('--')}" if switches else self.flag
        annotation = Annotated[kind, typer.Option(flags, **settings)]
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    def _complete(self, incomplete: str) -> list[str]:
        return [choice for choice in self.choices if choice.startswith(incomplete)]

    def _from_json(self, text: str) -> Any:
        try:
            return self.kind.from_dict(json.loads(text))
        except KeyError as error:
            raise typer.BadParameter(f"invalid JSON for {self.kind.__name__}: missing field {error}") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise typer.BadParameter(f"invalid JSON for {self.kind.__name__}: {error}") from None


@attrs.frozen
class Signature:
    """The arguments of a provider's `clone` method."""

    provider: str
    title: str
    """The provider's name, capitalised."""
    key_variable: str
    options: dict[str, Option]
    audio: str
    """Requirements for the audio, for help."""
    takes_many: bool
    takes_urls: bool
    takes_ids: bool
    polled: bool
    """Whether a started clone is polled until it is done."""
    reused_by: tuple[str, ...]
    """The options by which `get_or_clone` finds a voice, and those that it needs to clone."""

    def accepted(self, source: Source) -> Source | int:
        """A source as the provider takes it: the ID of an uploaded file is a number, unless a file has this name."""
        is_id = self.takes_ids and isinstance(source, Path) and str(source).isdecimal() and not source.exists()
        return int(str(source)) if is_id else source


@functools.cache
def signature_of(provider: str) -> Signature:
    """Read the signature of a provider's `clone` method; raises InvalidRequestError for an unknown provider."""
    required = rules(provider)
    client: Any = find(provider, SyncClient)
    hints = get_type_hints(client.clone)
    fields: Mapping[str, Mapping[str, Any]] = client.provider.request_schema.fields
    kinds = get_args(hints["audio"])
    takes_many, takes_ids = any(get_origin(kind) is Sequence for kind in kinds), int in kinds
    takes_urls = any("url" in getattr(kind, "__annotations__", ()) for kind in kinds)
    sources = [str(required) or "any format"]
    sources += ["an https URL"] if takes_urls else []
    sources += ["the ID of an uploaded file"] if takes_ids else []
    audio = "; or ".join(sources)
    if takes_many and "audio" in fields:
        audio += f". {fields['audio']['description'].rstrip('.')}"
    if required.advised and str(required.advised):
        audio += f". Recommended: {required.advised} ({required.advised.source})"
    return Signature(
        provider,
        client.__name__,
        client.provider.key_variable,
        _clone_options(client, fields),
        audio,
        takes_many,
        takes_urls,
        takes_ids,
        client.provider.poll is not None,
        tuple(each.name for each in _keywords(client, "get_or_clone") if each.default is each.empty),
    )


def _clone_options(client: Any, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Option]:
    options = _options(client, "clone", fields, inspect.getdoc(client.start_clone) or "")
    del options["check"]  # each command has --no-check
    return options


@functools.cache
def speech_options(provider: str) -> dict[str, Option]:
    """The options of a provider's `speak` method."""
    client: Any = find(provider, SyncClient)
    fields = client.provider.schema_of(client.provider.speech.operation).fields
    options = _options(client, "speak", fields, (inspect.getdoc(client.speak) or "").replace("`to`", "FILE"))
    del options["to"]  # the file, which each command has
    return options


def flags_of(options: Mapping[str, Option]) -> dict[str, str]:
    """The flag of each parameter."""
    return {name: option.flag for name, option in options.items()}


def _keywords(client: Any, method: str) -> list[inspect.Parameter]:
    """The keyword parameters of a method; none if the client lacks it."""
    parameters = inspect.signature(getattr(client, method, list)).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def _options(client: Any, method: str, fields: Mapping[str, Mapping[str, Any]], doc: str) -> dict[str, Option]:
    """The options for the keyword arguments of a method, described by the fields of a spec or else by a docstring."""
    hints = get_type_hints(getattr(client, method))
    options = [_option(each, hints[each.name], fields.get(each.name, {}), doc) for each in _keywords(client, method)]
    return {option.name: option for option in options if option}


def _option(parameter: inspect.Parameter, hint: Any, field: Mapping[str, Any], doc: str) -> Option | None:
    """The option for a keyword argument; None for one that has no text form, such as a callback."""
    kinds = [kind for kind in (get_args(hint) or [hint]) if kind is not type(None)]
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
    kind = next((kind for kind in kinds if kind in (bool, int, float, str) or hasattr(kind, "from_dict")), None)
    if kind is None:
        return None
    required = parameter.default is parameter.empty
    choices = tuple(str(member.value) for enum in enums for member in enum)
    name = parameter.name
    texts = [_description(field) or (TIMEOUT_HELP if name == "timeout" else _sentence(doc, name))]
    min_length, max_length = field.get("minLength", 0), field.get("maxLength")
    if max_length and str(max_length) not in texts[0]:
        limit = f"{min_length} to {max_length:,}" if min_length else f"Up to {max_length:,}"
        texts.append(f"{limit} characters.")
    if "maximum" in field:
        above = "Above " if "exclusiveMinimum" in field else ""
        minimum = field.get("minimum", field.get("exclusiveMinimum"))
        texts.append(f"{above}{minimum:g} to {field['maximum']:g}.")
    if hasattr(kind, "from_dict"):
        texts.append(f"JSON object with {' and '.join(field.get('properties', ()))}.")
    brief = " ".join(filter(None, texts))
    full = " ".join(filter(None, [brief, f"One of {', '.join(choices)}." if choices else ""]))
    default = None if required else parameter.default
    return Option(name, kind, required, default, choices, default is not False, brief, full)


def _sentence(doc: str, name: str) -> str:
    """The last sentence of a docstring that mentions a parameter."""
    sentences = [sentence for sentence in re.split(r"(?<=\.)\s+", doc) if f"`{name}`" in sentence]
    return sentences[-1].replace("`", "").replace("\n", " ") if sentences else ""


def _description(field: Mapping[str, Any]) -> str:
    """The first sentence of a field's description in the spec."""
    first = re.split(r"(?<=\.)\s+(?=[A-Z])|\n", str(field.get("description", "")))[0]
    text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", first).replace("`", "").rstrip(".")
    return text and f"{text}."
