"""The public face: each provider's methods have the parameters of its spec, under the spec's names."""

from __future__ import annotations

import inspect
from typing import Any

from openapi_python_client.strings import PythonIdentifier

import voice_clone
from tests.contract.cases import each_document, for_each
from tests.contract.documents import Document
from tests.contract.failures import breach
from tests.contract.wire import KEY, NOBODY, Method, methods
from voice_clone import connect, connect_async

DO = "mend the method's signature, `names` in the provider's TOML, or the overlay if the spec is wrong"
each_method = for_each("method", methods)


def parameters(kind: Any, name: str) -> dict[str, inspect.Parameter]:
    """The parameters of a method except `self`."""
    return dict(list(inspect.signature(getattr(kind, name)).parameters.items())[1:])


def classes(document: Document) -> tuple[Any, Any]:
    """The sync and the async client class."""
    return (
        type(connect(document.name, api_key=KEY, transport=NOBODY)),
        type(connect_async(document.name, api_key=KEY, transport=NOBODY)),
    )


@each_document
def test_clients_have_their_own_names(document: Document) -> None:
    """`voice_clone` exports the class that `connect` uses, and its async counterpart."""
    for kind in classes(document):
        assert kind.provider.name == document.name
        if getattr(voice_clone, kind.__name__, None) is not kind:
            breach("src/voice_clone/__init__.py", f"voice_clone.{kind.__name__} is another class", do="export it there")


@each_document
def test_both_clients_have_the_same_methods(document: Document) -> None:
    """The sync and async clients have the same methods with the same signatures."""
    kind, twin = classes(document)
    for name in {name for name in (*dir(kind), *dir(twin)) if not name.startswith("_")} - {"close", "aclose"}:
        if callable(getattr(kind, name)):
            assert parameters(kind, name) == parameters(twin, name)


@each_document
def test_clone_has_the_parameters_of_start_and_wait(document: Document) -> None:
    """`clone` has `start_clone`'s parameters and, if it polls, those of `wait`."""
    kind, _ = classes(document)
    waiting = dict(list(parameters(kind, "wait").items())[1:]) if kind.provider.poll else {}
    assert parameters(kind, "clone") == parameters(kind, "start_clone") | waiting


@each_method
def test_parameters_are_those_of_the_spec(method: Method) -> None:
    """Each property of the body is a parameter, required or with the default as in the spec."""
    arguments, body = parameters(method.kind, method.name), method.operation.body
    assert body
    needed = {str(PythonIdentifier(each.get("name"), "field_")) for each in method.operation.parameters}
    for child in body.inside("properties"):
        name = "audio" if child.key == method.audio else method.kind.provider.names.get(child.key, child.key)
        if name not in arguments:
            breach(child, f"{method}: nothing says {child.key}", do=DO, parameters=list(arguments))
        default = arguments.pop(name).default
        documented = child.get("default")
        required = child.key in body.get("required", [])
        # Generated values may be omitted, and so may a value with one good choice.
        good = (inspect.Parameter.empty, None) if required else (documented, None)
        if default not in good and not (required and default in [child.get("const"), *child.get("enum", [])]):
            breach(child, f"{method}: the default of {name} is {default!r}, not {documented!r}", do=DO)
        if default is inspect.Parameter.empty and not required:
            breach(child, f"{method}: {name} is required, though the spec does without", do=DO)
    if set(arguments) - {"name", "check", *needed}:
        breach(body, f"{method}: takes {sorted(arguments)}, which the spec does not know", do=DO)
