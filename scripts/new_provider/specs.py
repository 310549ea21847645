"""The first `source.toml` and `overlay.yaml` of a provider."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.lib.files import json_text
from scripts.new_provider.infer import Guesses


def source_text(title: str, document: dict[str, Any], source: str, file: str, used: Sequence[str], *, cut: bool) -> str:
    """`source.toml`."""
    licence = document["info"].get("license")
    named = licence.get("name") if isinstance(licence, dict) else None
    what = f"which names `{named}`" if named else "which names no licence; kept to interoperate with its service"
    note = f"{title}'s own document, {what}"
    listed = "".join(f"    {json_text(operation)},\n" for operation in used)
    address = (
        f"url = {json_text(source)}" if "://" in source else f"# TODO: url = the https address of {Path(source).name}"
    )
    return (
        f"# Where {title}'s document comes from.\n"
        f"title = {json_text(title)}\n"
        f"licence = {json_text(note)}\n"
        + (f"# What is used of it; all else is left out.\noperations = [\n{listed}]\n" if used else "")
        + f"\n[[pages]]\nfile = {json_text(file)}\n{address}\n"
        + ('# The whole document is large: pages/ keeps what is used of it.\nkeep = "slice"\n' if cut else "")
    )


_GUIDE = """\
# What is true of {title} beyond its document. An action has `description`, why; `x-source`, where it is known from;
# and, where it takes away or replaces what the provider wrote, `x-expect`, what the document says there today:
#
#   - target: $.components.schemas.SomeAnswer.properties.language
#     description: Languages are added without notice. A voice in a new one must not be lost.
#     x-source: Response enums are open by our policy.
#     x-expect: {{enum: [en, de]}}
#     remove: true
overlay: 1.0.0
info:
  title: What is true of {title} beyond its document
  version: 1.0.0
extends: openapi.json
actions:{actions}
"""


def overlay_text(title: str, guesses: Guesses) -> str:
    """`overlay.yaml`: guidance, and what the shim can't do without where the document lacks it."""
    method, path = guesses.operation
    document, scheme, actions = guesses.document, guesses.scheme, ""
    at = f"$.paths[{_path_key(path)}].{method}"
    key = _scalar(scheme.parameter)
    source = _scalar(f"The header parameter {scheme.parameter}.")
    parameter = _scalar(f"{at}.parameters[?@.name == {_path_key(scheme.parameter)}]")
    if not document.get("servers"):
        actions += f"""
  # TODO: where is the server? The document names none.
  - target: $
    description: The document names no server.
    x-source: TODO
    update:
      servers: [{{url: 'https://{re.sub(r"[^a-z0-9]", "", title.lower())}.invalid'}}]"""
    if scheme.parameter:
        actions += f"""
  # TODO: is this parameter the key?
  - target: {parameter}
    description: This parameter is the key, which the client sends with each request; nobody gives it to an operation.
    x-source: The parameter's own name.
    x-expect: {{in: header}}
    remove: true
  - target: $
    description: The key as a security scheme.
    x-source: {source}
    update:
      components:
        securitySchemes:
          api_key: {{type: apiKey, in: header, name: {key}}}
  - target: {_scalar(at)}
    description: The key is needed.
    x-source: {source}
    update:
      security: [{{api_key: []}}]"""
    elif "security" not in guesses.said and document.get("security"):
        actions += f"""
  - target: {_scalar(at)}
    description: The key is needed; the client generator reads the security of an operation, not that of the document.
    x-source: The document's own top-level `security`.
    update:
      security: {json.dumps(document["security"])}"""
    return _GUIDE.format(title=title, actions=actions or " []")


def _scalar(text: str) -> str:
    """A text as a scalar of YAML: plain where it can be."""
    return text if re.fullmatch(r"[\w$][\w$.'/{}\[\]?@=-]*(?: [\w.'/{}\[\]?@=-]+)*", text) else json_text(text)


def _path_key(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
