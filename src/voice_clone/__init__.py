"""Clone a voice at HeyGen, Retell AI, Cartesia or MiniMax: four services that behave as one, typed.

Importing this package costs nothing until a provider is named, and naming one loads that one only.
"""

from __future__ import annotations

__version__ = "0.1.0"

# `typing` would cost more than all the rest; where `False` stood, jedi, which many editors ask, would not look below.
TYPE_CHECKING = bool()  # noqa: UP018  # pyright: ignore[reportConstantRedefinition]
if TYPE_CHECKING:
    from typing import Any

    from voice_clone._connect import connect as connect, connect_async as connect_async
    from voice_clone.audio.sniff import AudioSource as AudioSource
    from voice_clone.errors import *  # noqa: F403 - all of them, and RawResponse
    from voice_clone.jobs import CloneJob as CloneJob, Progress as Progress, Voice as Voice
    from voice_clone.providers.cartesia import AsyncCartesia as AsyncCartesia, Cartesia as Cartesia
    from voice_clone.providers.heygen import AsyncHeyGen as AsyncHeyGen, HeyGen as HeyGen
    from voice_clone.providers.minimax import AsyncMiniMax as AsyncMiniMax, MiniMax as MiniMax
    from voice_clone.providers.retell import AsyncRetell as AsyncRetell, Retell as Retell

_HOMES = {
    **dict.fromkeys(("connect", "connect_async"), "_connect"),
    **dict.fromkeys(("CloneJob", "Progress", "Voice"), "jobs"),
    "AudioSource": "audio.sniff",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used; a client's name leads to the module of its provider."""
    import importlib  # noqa: PLC0415 - this module imports nothing

    if name == "__all__":  # `import *` and `help` ask for it
        return [each for each in __dir__() if each[0] != "_"]
    provider = f"providers.{name.removeprefix('Async').lower()}"
    home = f"{__name__}.{_HOMES.get(name) or ('errors' if name.endswith(('Error', 'Response')) else provider)}"
    try:
        value = getattr(importlib.import_module(home), name) if name[0] != "_" else None
    except (ModuleNotFoundError, AttributeError) as error:
        if getattr(error, "name", home) not in (home, name):
            raise
        value = None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    import importlib  # noqa: PLC0415 - this module imports nothing
    import pkgutil  # noqa: PLC0415

    from voice_clone import providers  # noqa: PLC0415

    names = {*_HOMES, *(name for name in globals() if name[:2] == "__")}
    for home in ("errors", *(f"providers.{info.name}" for info in pkgutil.iter_modules(providers.__path__))):
        module = vars(importlib.import_module(f"{__name__}.{home}"))
        names |= {name for name, item in module.items() if getattr(item, "__module__", "") == f"{__name__}.{home}"}
    return sorted(name for name in names if name[0] != "_" or name[:2] == "__")
