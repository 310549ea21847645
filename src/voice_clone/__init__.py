"""Clone a voice at HeyGen, Retell AI, Cartesia or MiniMax: four services that behave as one, typed.

Importing this package loads no client: each public name is loaded when it is first used.
"""

from __future__ import annotations

from voice_clone._version import __version__ as __version__

TYPE_CHECKING = False  # to type checkers it is true; importing it from typing would take as long as all the rest
if TYPE_CHECKING:
    from typing import Any

    from voice_clone._connect import connect as connect, connect_async as connect_async
    from voice_clone.audio.sniff import AudioSource as AudioSource
    from voice_clone.errors import *  # noqa: F403 - all errors, RawResponse and CloneJob
    from voice_clone.models import Progress as Progress, Speech as Speech, Voice as Voice
    from voice_clone.providers.cartesia import AsyncCartesia as AsyncCartesia, Cartesia as Cartesia
    from voice_clone.providers.heygen import AsyncHeyGen as AsyncHeyGen, HeyGen as HeyGen
    from voice_clone.providers.minimax import AsyncMiniMax as AsyncMiniMax, MiniMax as MiniMax
    from voice_clone.providers.retell import AsyncRetell as AsyncRetell, Retell as Retell

_MODULES = {
    "AudioSource": "audio.sniff",
    "CloneJob": "errors",
    "Progress": "models",
    "Speech": "models",
    "Voice": "models",
    "connect": "_connect",
    "connect_async": "_connect",
}


def __getattr__(name: str) -> Any:
    """Load a public name: one of the table, an error, or a client from the module of its provider."""
    import importlib  # noqa: PLC0415 - only on first use

    if name == "__all__":  # `import *` and `help` ask for it
        return [public for public in __dir__() if public[0] != "_"]
    by_suffix = "errors" if name.endswith(("Error", "Response")) else None
    module = _MODULES.get(name) or by_suffix or f"providers.{name.removeprefix('Async').lower()}"
    path = f"{__name__}.{module}"
    try:
        value = getattr(importlib.import_module(path), name) if name.isidentifier() and name[0] != "_" else None
    except (ModuleNotFoundError, AttributeError) as error:
        if getattr(error, "name", path) not in (path, name):
            raise
        value = None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    import importlib  # noqa: PLC0415 - only on first use
    import pkgutil  # noqa: PLC0415

    from voice_clone import providers  # noqa: PLC0415

    names = {*_MODULES, *(name for name in globals() if name[:2] == "__")}
    for module in ("errors", *(f"providers.{info.name}" for info in pkgutil.iter_modules(providers.__path__))):
        members = vars(importlib.import_module(f"{__name__}.{module}"))
        names |= {name for name, item in members.items() if getattr(item, "__module__", "") == f"{__name__}.{module}"}
    return sorted(name for name in names if name[0] != "_" or name[:2] == "__")
