"""Recipes for the files of the corpus, and the tools that follow them: ffmpeg, sox and Python."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Protocol

import attrs

from scripts.lib.files import ROOT

SPEECH = ROOT / "tests" / "data" / "speech.wav"
INSTALL = "install ffmpeg and sox, on Debian and Ubuntu with `apt-get install ffmpeg sox`"
SECONDS = 12.5
"""The length of a clip, unless its recipe says another."""
RATE = 8000
"""Hertz to which audio is decoded to measure its length."""
_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5")


class Recipe(Protocol):
    """A way to make a file."""

    @property
    def bases(self) -> Sequence[str]:
        """The names of the samples that it starts from."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """The tools, and the encoders of ffmpeg, as `ffmpeg:libopus`."""
        ...

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Write the file."""
        ...


@attrs.frozen
class Ffmpeg:
    """An ffmpeg command that reads the speech, again and again."""

    options: str
    """The options of the output; BASE stands for the path of the first other sample."""
    seconds: float = SECONDS
    video: float = 0
    """Seconds of a test picture, which is the first stream; 0 for none."""
    sound: bool = True
    pipe: bool = False
    """Whether ffmpeg writes to a pipe, and cannot go back to its header."""
    repeat: bool = False
    """Whether the other samples are repeated without end."""

    bases: Sequence[str] = ()

    @property
    def needs(self) -> Sequence[str]:
        """The program, and the encoders that its options name."""
        encoders = re.findall(r"-c(?::[av])? (\S+)", self.options)
        return ("ffmpeg", *(f"ffmpeg:{name}" for name in encoders if name != "copy"))

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Run the command in the folder of the file, where ffmpeg may write more files."""
        command = [*_FFMPEG]
        if self.video:
            command += [*_PICTURE[:2], "-t", str(self.video), *_PICTURE[2:]]
        if self.sound:
            command += ["-stream_loop", "-1", "-t", str(self.seconds), "-i", str(SPEECH)]
        for base in bases:
            command += [*(["-stream_loop", "-1"] if self.repeat else []), "-i", str(base)]
        # "-strict -2" allows experimental encoders.
        options = (str(bases[0]) if option == "BASE" else option for option in self.options.split())
        command += ["-strict", "-2", *options]
        if self.pipe:
            path.write_bytes(run(*command, "-"))
        else:
            run(*command, str(path))


@attrs.frozen
class Sox:
    """A sox command that reads the speech, repeated."""

    options: str
    """The options of the output."""
    seconds: float = SECONDS

    bases: Sequence[str] = ()
    needs: Sequence[str] = ("sox",)

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Run the command."""
        effects = ("repeat", "1", "trim", "0", str(self.seconds))
        run("sox", "-D", "-V1", "-G", str(SPEECH), *self.options.split(), str(path), *effects)


@attrs.frozen
class Written:
    """A function that returns the content; it needs no tool."""

    content: Callable[[], bytes]

    bases: Sequence[str] = ()
    needs: Sequence[str] = ()

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Write the content."""
        path.write_bytes(self.content())


@attrs.frozen
class Edited:
    """A function of the contents of other samples."""

    bases: Sequence[str]
    edit: Callable[..., bytes]
    needs: Sequence[str] = ()

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Write the content."""
        path.write_bytes(self.edit(*(base.read_bytes() for base in bases)))


@attrs.frozen
class Header:
    """Another sample up to its first packet of sound."""

    base: str
    needs: Sequence[str] = ("ffmpeg",)

    @property
    def bases(self) -> Sequence[str]:
        """The other sample."""
        return (self.base,)

    def make(self, path: Path, bases: Sequence[Path]) -> None:
        """Ask ffprobe for the position of the packet."""
        (base,) = bases
        packet = ("-select_streams", "a:0", "-read_intervals", "%+#1", "-show_entries", "packet=pos", "-of", "csv=p=0")
        position = run("ffprobe", "-v", "error", *packet, str(base)).split(b",")[0]
        path.write_bytes(base.read_bytes()[: int(position)])


_FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-y")


class UnsupportedError(Exception):
    """This version of a tool cannot write a file."""


def run(*command: str) -> bytes:
    """Run a command; its output. Raises UnsupportedError, and RuntimeError with the errors of the command."""
    done = subprocess.run(command, capture_output=True, check=False)
    if b"currently unsupported" in done.stderr:
        raise UnsupportedError(f"this version of {command[0]} cannot write such a file: {command[-1]}")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


@functools.cache
def encoders() -> frozenset[str]:
    """The encoders of the installed ffmpeg."""
    listed = run("ffmpeg", "-hide_banner", "-encoders").decode()
    return frozenset(re.findall(r"^ [AV]\S{5} (\S+)", listed, re.MULTILINE))


def missing(needs: Iterable[str]) -> str:
    """Why a file cannot be made here; empty if it can."""
    for tool in needs:
        program, _, encoder = tool.partition(":")
        if not shutil.which(program):
            return f"{program} is not installed: {INSTALL}"
        if encoder and encoder not in encoders():
            return f"ffmpeg has no encoder {encoder}: install an ffmpeg that has it"
    return ""


@attrs.frozen
class Decoded:
    """The sound that ffmpeg decodes from a file."""

    seconds: float
    """0 if there is none."""
    codec: str
    """Empty if there is none."""


def decode(path: Path) -> Decoded:
    """Decode a file, and count the samples: its header may be wrong."""
    command = ("ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-i", str(path), "-vn", "-sn", "-dn")
    # ffmpeg fails if a file is cut off, but has decoded its first part by then.
    done = subprocess.run([*command, "-f", "u8", "-ac", "1", "-ar", str(RATE), "-"], capture_output=True, check=False)
    codec = re.search(rb"^  Stream #0:\d.*: Audio: (\w+)", done.stderr, re.MULTILINE)
    return Decoded(len(done.stdout) / RATE, codec[1].decode() if codec and done.stdout else "")


class Workshop:
    """A folder where each file is made once, several at a time."""

    def __init__(self, folder: Path, recipes: Mapping[str, Recipe], workers: int) -> None:
        self._folder, self._recipes = folder, recipes
        self._locks = {name: Lock() for name in recipes}
        self._pool = ThreadPoolExecutor(workers)
        self._futures: dict[str, Future[tuple[Path, Decoded | None]]] = {}

    def order(self, names: Iterable[str]) -> None:
        """Begin to make files, and to decode them."""
        for name in names:
            if name not in self._futures and not missing(self.needs(name)):
                self._futures[name] = self._pool.submit(self._make_and_decode, name)

    def get(self, name: str) -> tuple[Path, Decoded | None]:
        """A file, and what ffmpeg decodes from it; None without ffmpeg."""
        self.order([name])
        return self._futures[name].result()

    def path(self, name: str) -> Path:
        """A file, which is not decoded."""
        return self._make(name)

    def needs(self, name: str) -> list[str]:
        """The tools for a file and its bases."""
        recipe = self._recipes[name]
        return [*recipe.needs, *(tool for base in recipe.bases for tool in self.needs(base))]

    def close(self) -> None:
        """Stop the work."""
        self._pool.shutdown(cancel_futures=True)

    def _make_and_decode(self, name: str) -> tuple[Path, Decoded | None]:
        path = self._make(name)
        return path, None if missing(["ffmpeg"]) else decode(path)

    def _make(self, name: str) -> Path:
        recipe = self._recipes[name]
        # Each file has its own folder, because ffmpeg writes the segments of a stream beside its playlist.
        path = self._folder / str([*self._recipes].index(name)) / name
        with self._locks[name]:
            if not path.parent.exists():
                bases = [self._make(base) for base in recipe.bases]
                path.parent.mkdir()
                recipe.make(path, bases)
        return path
