"""The request that clones a voice, as the client generator's parser reads it."""

from __future__ import annotations

import re
from typing import Any

import attrs
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.string import StringProperty

from scripts.generate.generators import Parsed
from scripts.lib.errors import PipelineError
from scripts.lib.files import json_text
from scripts.lib.openapi import operation_name, path_shape
from scripts.new_provider.infer import WORDS, Guesses, sounds_like

_OUR_NAMES = frozenset({
    "audio", "body", "cast", "check", "choice", "clone_voice", "file", "files", "get_voice", "job", "models",
    "on_poll", "operation", "response", "self", "source", "sources", "timeout",
})  # fmt: skip
"""Names in the code of a method, which no parameter of the provider may have."""


@attrs.frozen
class Clip:
    """How an open file becomes a value of the body."""

    code: str
    type: str


@attrs.frozen
class Field:
    """A field of the request's body, under its Python name."""

    name: str
    wire: str
    """Its name in the document."""
    type: str
    """The annotation, without `Unset`."""
    default: str
    """Its Python code; empty if the field is required."""
    choice: str = ""
    """The enum of its values."""
    is_audio: bool = False
    clip: Clip | None = None
    """How audio becomes a value, or an item, of this field; None if that is not known."""
    ours: str = ""
    """Its name in our methods: `name` is `name` everywhere, the audio is `audio`."""

    @classmethod
    def of(cls, property_: Any, classes: set[str]) -> Field:
        """The field that the generated model declares for a property; `classes` are those of the package's models."""
        code = property_.get_type_string(no_optional=True).as_unembedded_code().replace('"', "")
        code = re.sub(
            r"(?<![.\w])[A-Za-z_]\w*", lambda word: f"models.{word[0]}" if word[0] in classes else word[0], code
        )
        default = "" if property_.required else "UNSET"
        if property_.default is not None:
            default = property_.default.python_code.as_unembedded_code()
        alternatives = (property_, *getattr(property_, "inner_properties", ()))
        enums = (each for each in alternatives if isinstance(each, EnumProperty))
        choice = next((f"models.{each.class_info.name}" for each in enums), "")
        if choice and re.match(r"[A-Za-z_]\w*\.", default):
            default = f"models.{default}"
        return cls(str(property_.python_name), _wire(property_), code.replace("datetime.", "dt."), default, choice)

    @property
    def required(self) -> bool:
        return not self.default

    @property
    def is_list(self) -> bool:
        return "list[" in self.type

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
        if self.clip:
            return "files" if self.is_list else self.clip.code
        value = f"choice({self.choice}, {self.ours}, {json_text(self.ours)})" if self.choice else self.ours
        return f"UNSET if {self.ours} is None else {value}" if self.default == "UNSET" else value


def _wire(property_: Any) -> str:
    return str(property_.name.get_untrusted_value())


def _clip(property_: Any, schema: Any, guesses: Guesses) -> Clip | None:
    """How an open file becomes a value of a property: as a file, as base64, or as an object with base64."""
    schema = guesses.resolve(schema)
    if isinstance(property_, ListProperty):
        return _clip(property_.inner_property, schema.get("items"), guesses)
    if isinstance(property_, FileProperty):
        return Clip("File(file.stream, file.name, file.media_type)", "File")
    if isinstance(property_, StringProperty):
        text = f"{schema.get('format')} {schema.get('contentEncoding')} {schema.get('description')}"
        return Clip("Base64File(file.stream)", "str") if sounds_like("base64", text) else None
    if not isinstance(property_, ModelProperty):
        return None
    given: dict[str, str] = {}
    for each in _properties(property_):
        inner = _clip(each, schema.get("properties", {}).get(_wire(each)), guesses)
        if inner and inner.type == "str" and inner.code not in given.values():
            given[str(each.python_name)] = inner.code
        elif each.required and sounds_like("media_type", _wire(each)):
            given[str(each.python_name)] = "file.media_type"
        elif each.required and each.default is None:
            return None
    kind = f"models.{property_.class_info.name}"
    arguments = ", ".join(f"{name}={code}" for name, code in given.items())
    return Clip(f"{kind}({arguments})", kind) if "file.stream" in arguments else None


def _properties(model: ModelProperty) -> list[Any]:
    return [*(model.required_properties or ()), *(model.optional_properties or ())]


@attrs.frozen
class Request:
    """One operation of the generated package."""

    package: str
    """The package of its module, named by the tag."""
    module: str
    body: str
    """The model of its body."""
    fields: list[Field]
    parameters: list[Field]
    """The other required arguments of its function."""

    @property
    def audio(self) -> Field | None:
        return next((field for field in self.fields if field.is_audio), None)

    @property
    def renamed(self) -> list[Field]:
        """The fields with another name in our methods."""
        return [field for field in self.fields if field.wire != field.ours]

    @property
    def options(self) -> list[Field]:
        """The parameters besides the audio, required ones first."""
        listed = [*self.parameters, *(field for field in self.fields if not field.is_audio)]
        return sorted(listed, key=lambda field: not field.required)


def read_request(parsed: Parsed, guesses: Guesses) -> Request:
    """The request of an operation, and the field that is the audio."""
    tag, module, endpoint = _endpoint(parsed, *guesses.operation)
    model = endpoint.bodies[0].prop if endpoint.bodies else None
    if model is not None and not isinstance(model, ModelProperty):
        raise PipelineError(f"{operation_name(guesses.operation)}: its body is no object; a signature needs one object")
    listed = [*endpoint.path_parameters, *endpoint.query_parameters, *endpoint.header_parameters]
    needed = [Field.of(each, parsed.classes) for each in listed if each.required and each.default is None]
    fields: list[Field] = []
    for each in _properties(model) if model is not None else ():
        field = Field.of(each, parsed.classes)
        if field.wire == guesses.audio:
            clip = _clip(each, guesses.body["properties"][field.wire], guesses)
            field = attrs.evolve(field, is_audio=True, clip=clip)
        fields.append(field)
    fields.sort(key=lambda field: bool(field.default))  # attrs wants defaults last
    named = _renamed([*fields, *needed])
    body = "" if model is None else f"models.{model.class_info.name}"
    return Request(tag, module, body, named[: len(fields)], named[len(fields) :])


def _renamed(fields: list[Field]) -> list[Field]:
    """The fields under their names in our methods, which are the same at all providers and hide nothing."""
    names = [field.name for field in fields if not field.is_audio]
    ours = {name: f"{name}_" for name in _OUR_NAMES}
    ours |= dict.fromkeys([name for name in WORDS["fields"]["our_name"] if name in names][:1], "name")
    return [
        attrs.evolve(field, ours="audio" if field.is_audio else ours.get(field.name, field.name)) for field in fields
    ]


def _endpoint(parsed: Parsed, method: str, path: str) -> tuple[str, str, Endpoint]:
    for tag, module, endpoint in parsed.endpoints:
        if endpoint.method == method and path_shape(endpoint.path.get_untrusted_value()) == path_shape(path):
            return tag, module, endpoint
    raise PipelineError(f"{operation_name((method, path))}: no function was generated for it")
