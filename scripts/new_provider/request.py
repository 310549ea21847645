"""The request that clones a voice, as the client generator's parser reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty

from scripts.generate.generators import Parsed
from scripts.lib.errors import PipelineError
from scripts.lib.files import json_text
from scripts.lib.openapi import operation_name, path_shape
from scripts.new_provider.infer import Guesses


@attrs.frozen
class Field:
    """A field of the request's body, under its Python name."""

    name: str
    type: str
    """The annotation, without `Unset`."""
    default: str
    """Its Python code; empty if the field is required."""
    choice: str = ""
    """The enum of its values."""
    is_audio: bool = False

    @classmethod
    def of(cls, property_: Any) -> Field:
        """The field that the generated model declares for a property."""
        code = property_.get_type_string(no_optional=True).as_unembedded_code().replace('"', "")
        default = "" if property_.required else "UNSET"
        if property_.default is not None:
            default = property_.default.python_code.as_unembedded_code()
        enums = (each for each in _alternatives(property_) if isinstance(each, EnumProperty))
        choice = next((str(each.class_info.name) for each in enums), "")
        return cls(str(property_.python_name), code.replace("datetime.", "dt."), default, choice)

    @property
    def required(self) -> bool:
        return not self.default

    @property
    def is_file(self) -> bool:
        return "File" in self.type

    @property
    def is_list(self) -> bool:
        return "list[" in self.type

    @property
    def ours(self) -> str:
        """Its name in our methods: `name` is `name` everywhere, the audio is `audio`."""
        return "audio" if self.is_audio else "name" if self.name in ("voice_name", "title") else self.name

    @property
    def parameter(self) -> str:
        """Its declaration as a parameter of a method."""
        types = [part for part in self.type.split(" | ") if part != "None"] + (["str"] if self.choice else [])
        default = f" = {self.default}" if self.default else ""
        if self.default.startswith("UNSET"):
            types, default = [*types, "None"], " = None"
        return f"{self.ours}: {' | '.join(dict.fromkeys(types))}{default}"

    @property
    def sent(self) -> str:
        """The code of the value that the body gets."""
        if self.is_audio and self.is_file:
            clip = "File(clip.stream, clip.name, clip.media_type)"
            return f"[{clip} for clip in clips]" if self.is_list else clip
        value = f"choice({self.choice}, {self.ours}, {json_text(self.ours)})" if self.choice else self.ours
        return f"UNSET if {self.ours} is None else {value}" if self.default == "UNSET" else value


def _alternatives(property_: Any) -> Iterator[Any]:
    yield property_
    yield from getattr(property_, "inner_properties", ())


@attrs.frozen
class Request:
    """One operation of the generated package."""

    package: str
    """The package of its module, named by the tag."""
    module: str
    body: str
    """The model of its body."""
    fields: list[Field]
    others: list[str]
    """The other required arguments of its function."""

    @property
    def audio(self) -> Field | None:
        return next((field for field in self.fields if field.is_audio), None)

    @property
    def options(self) -> list[Field]:
        """The fields besides the audio, required ones first."""
        return sorted((field for field in self.fields if not field.is_audio), key=lambda field: not field.required)


def read_request(parsed: Parsed, operation: tuple[str, str], guesses: Guesses) -> Request:
    """The request of an operation; the audio is its first file, or the first required field that sounds like audio."""
    tag, module, endpoint = _endpoint(parsed, operation)
    prop = endpoint.bodies[0].prop if endpoint.bodies else None
    parameters = [*endpoint.path_parameters, *endpoint.query_parameters, *endpoint.header_parameters]
    others = [str(each.python_name) for each in parameters if each.required and each.default is None]
    if not isinstance(prop, ModelProperty):
        return Request(tag, module, "", [], others)
    fields = [Field.of(each) for each in (*(prop.required_properties or ()), *(prop.optional_properties or ()))]
    fields.sort(key=lambda field: bool(field.default))  # attrs wants defaults last
    audio = next((field for field in fields if field.is_file), None) or next(
        (field for field in fields if field.required and guesses.is_audio(field.name)), None
    )
    fields = [attrs.evolve(field, is_audio=field is audio) for field in fields]
    return Request(tag, module, str(prop.class_info.name), fields, others)


def _endpoint(parsed: Parsed, operation: tuple[str, str]) -> tuple[str, str, Endpoint]:
    method, path = operation
    for tag, module, endpoint in parsed.endpoints:
        if endpoint.method == method and path_shape(endpoint.path.get_untrusted_value()) == path_shape(path):
            return tag, module, endpoint
    raise PipelineError(f"{operation_name(operation)}: no function was generated for it")
