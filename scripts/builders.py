"""The two generators, run in this process on one effective spec. Neither writes outside of a temporary folder."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts import common, generate
from scripts.amendments import amended_templates
from scripts.common import PipelineError, Provider
from scripts.vendor import METHODS

RUFF = ("--isolated", "--no-cache", "--no-respect-gitignore", "--target-version=py311", "--quiet")
CONTRACT_OPTIONS = (
    "--input-file-type=openapi",
    "--openapi-scopes", "schemas", "paths", "parameters",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--strict-nullable",
    "--use-missing-sentinel",
    "--strict-types", "str", "int", "bool",
    "--extra-fields=forbid",
    "--use-annotated",
    "--field-constraints",
    "--collapse-root-models",
    "--reuse-model",
    "--enum-field-as-literal=all",
    "--use-operation-id-as-name",
    "--use-status-code-in-response-name",
    "--disable-timestamp",
    "--disable-warnings",
    "--no-formatters",
    "--ignore-pyproject",
)  # fmt: skip


def client(provider: Provider, spec: dict[str, Any]) -> generate.Files:
    """The typed client package, by openapi-python-client with amended templates."""
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError
    from openapi_python_client.strings import PythonIdentifier

    with tempfile.TemporaryDirectory() as folder:
        templates, out = Path(folder, "templates"), Path(folder, "out")
        options = ConfigFile(post_hooks=[], class_overrides=provider.source().get("class_overrides"))
        config = Config.from_sources(options, MetaType.NONE, out, "utf-8", False, out)
        document = with_enum_names(spec)
        parsed = GeneratorData.from_dict(document, config=config)
        if isinstance(parsed, GeneratorError):
            raise PipelineError(f"{provider.name}: openapi-python-client: {parsed.header}\n    {parsed.detail}")
        project = Project(openapi=parsed, custom_template_path=amended_templates(templates), config=config)
        with contextlib.redirect_stdout(io.StringIO()):
            errors = project.build()
        if errors:
            listed = "\n".join(f"    {error.header}: {error.detail}".rstrip(": ") for error in errors)
            raise PipelineError(f"{provider.name}: openapi-python-client left something out:\n{listed}")
        _check_overrides(provider, {item.class_info.name for item in (*parsed.models, *parsed.enums)})
        made = [
            (tag, str(PythonIdentifier(endpoint.name, config.field_prefix)), endpoint)
            for tag, collection in parsed.endpoint_collections_by_tag.items()
            for endpoint in collection.endpoints
        ]
        _check_modules(provider, [f"api/{tag}/{module}.py" for tag, module, _ in made])
        operations = {(endpoint.method, _template(endpoint.path.get_untrusted_value())) for _, _, endpoint in made}
        check_complete(provider, spec, operations, [_values(enum.values) for enum in parsed.enums])
        note = f"# {generate.marker(provider, 'openapi-python-client')}\n".encode()
        return _formatted(out, f"voice_clone_api/{provider.name}", note)


def contracts(provider: Provider, spec: dict[str, Any]) -> generate.Files:
    """The contract models, by datamodel-code-generator."""
    from datamodel_code_generator.__main__ import Exit, main

    with tempfile.TemporaryDirectory() as folder:
        document, out = Path(folder, "openapi.json"), Path(folder, "out", f"{provider.name}.py")
        document.write_text(common.dump_json(spec), encoding="utf-8")
        out.parent.mkdir()
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            status = main([f"--input={document}", f"--output={out}", "--custom-file-header=#", *CONTRACT_OPTIONS])
        if "Models not found" in printed.getvalue():
            out.write_text("", encoding="utf-8")  # a spec whose operations take and answer nothing
        elif status != Exit.OK or not out.is_file():
            raise PipelineError(f"{provider.name}: datamodel-code-generator failed\n{printed.getvalue()}")
        note = f"# {generate.marker(provider, 'datamodel-code-generator')}\n".encode()
        return _formatted(out.parent, "voice_clone_contracts", note)


def with_enum_names(spec: dict[str, Any]) -> dict[str, Any]:
    """A copy of the spec in which enum values that would share one member name get names of their own.

    The client generator keeps the last of them and silently loses the others.
    """
    from openapi_python_client.strings import snake_case

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        copy = {key: walk(value) for key, value in node.items()}
        values = node.get("enum")
        if (
            isinstance(values, list)
            and values
            and all(isinstance(value, str) for value in values)
            and "x-enum-varnames" not in node
        ):
            copy["x-enum-varnames"] = names(values)
        return copy

    def names(values: list[str]) -> list[str]:
        taken: dict[str, str] = {}
        for index, value in enumerate(values):
            plain = snake_case(value.upper()).upper() if value and value[0].isalpha() else ""
            plain = plain if plain.isidentifier() else f"VALUE_{index}"
            name = plain if plain not in taken else f"{plain}_VALUE_{index}"
            while name in taken:
                name = f"{name}_{index}"
            taken[name] = value
        return list(taken)

    result: dict[str, Any] = walk(spec)
    return result


def _check_overrides(provider: Provider, classes: set[str]) -> None:
    for name, override in provider.source().get("class_overrides", {}).items():
        if override.get("class_name", name) not in classes:
            raise PipelineError(
                f"{provider.shown(provider.folder / 'source.toml')}: class_overrides: there is no class {name} "
                "that could be renamed. Changed upstream? Then correct or delete the entry"
            )


def _check_modules(provider: Provider, modules: list[str]) -> None:
    if twice := sorted({module for module in modules if modules.count(module) > 1}):
        raise PipelineError(f"{provider.name}: several operations would all be {', '.join(twice)}; name them apart")


def check_complete(provider: Provider, spec: dict[str, Any], made: set[tuple[str, str]], enums: list[set[str]]) -> None:
    """Fail where an operation has no function, or an enum value no member."""
    from openapi_python_client.strings import in_double_quote_literal

    for path, item in spec["paths"].items():
        for part in (item, *(item[method] for method in item if method in METHODS)):
            for parameter in part.get("parameters", []):
                if "$ref" not in parameter and "schema" not in parameter:
                    what = f"parameter {parameter['name']}, which has no `schema`"
                    raise PipelineError(f"{provider.name}: {path}: the client generator drops {what}")
    wanted = {(method, path) for path, item in spec["paths"].items() for method in item if method in METHODS}
    if lost := sorted(pair for pair in wanted if (pair[0], _template(pair[1])) not in made):
        listed = ", ".join(f"{method.upper()} {path}" for method, path in lost)
        raise PipelineError(f"{provider.name}: the client generator made no function for {listed}")
    for values in _enums(spec):
        expected = {in_double_quote_literal(v) if isinstance(v, str) else str(v) for v in values if v is not None}
        if expected and expected not in enums:
            raise PipelineError(f"{provider.name}: the client generator lost values of the enum {values}")


def _values(values: dict[str, str | int] | set[str | int]) -> set[str]:
    return {str(value) for value in (values.values() if isinstance(values, dict) else values)}


def _template(path: str) -> str:
    """A path without the names of its parameters, which the client generator spells its own way."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _enums(node: Any) -> Iterator[list[Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("enum"), list):
            yield node["enum"]
        for value in node.values():
            yield from _enums(value)
    elif isinstance(node, list):
        for item in node:
            yield from _enums(item)


def _formatted(folder: Path, below: str, note: bytes) -> generate.Files:
    """Run ruff over what was generated, without the settings of any project, and mark each file."""
    for command in (("check", "--fix-only", "--extend-select=I"), ("format",)):
        done = subprocess.run(
            [sys.executable, "-EP", "-m", "ruff", *command, *RUFF, "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PipelineError(f"ruff {command[0]} failed on generated code:\n{done.stdout}{done.stderr}")
    return {
        f"{below}/{path.relative_to(folder).as_posix()}": note + path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
    }
