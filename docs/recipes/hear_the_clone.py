"""Hear a clone before you keep it: clone a voice, get a recording of it, and delete the voice if nobody likes it.

    python hear_the_clone.py cartesia me.wav Me hello.wav
    python hear_the_clone.py heygen me.wav Me hello.mp3

The arguments are the provider, the clip, the name of the voice, and the file for the recording. HeyGen and Retell
record mp3.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from voice_clone import Cartesia, HeyGen, MiniMax, Retell, Voice, VoiceCloneError

TEXT = "Hello. This is what I sound like."
Client = HeyGen | Retell | Cartesia | MiniMax
CLIENTS: Mapping[str, type[Client]] = {"heygen": HeyGen, "retell": Retell, "cartesia": Cartesia, "minimax": MiniMax}


def clone(client: Client, audio: str, name: str) -> Voice:
    """Clone a voice, with the options of its provider."""
    match client:
        case HeyGen():
            return client.clone(audio, name=name, on_poll=lambda progress: print(progress, file=sys.stderr))
        case Retell():
            return client.clone(audio, name=name, voice_provider="elevenlabs")
        case Cartesia():
            return client.clone(audio, name=name, language="en")
        case MiniMax():
            return client.clone(audio, name=name)


def record(client: Client, voice: Voice, to: Path) -> None:
    """Write a recording of the voice to a file; at MiniMax this activates the voice, and its fee falls due."""
    if isinstance(client, Retell):
        download_preview(client, voice, to)
    else:
        client.speak(TEXT, voice, to=to)


def download_preview(retell: Retell, voice: Voice, to: Path, *, timeout: float = 60, interval: float = 2) -> None:
    """Download Retell's preview, which appears seconds after the clone; raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while not voice.preview_url:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{voice.id} has no preview after {timeout:g} s")
        time.sleep(interval)
        voice = retell.get_voice(voice)
    to.write_bytes(httpx.get(voice.preview_url, follow_redirects=True).raise_for_status().content)  # without the key


def main(provider: str, audio: str, name: str, to: str) -> None:
    """Clone, record, ask."""
    with CLIENTS[provider]() as client:
        voice = clone(client, audio, name)
        print(f"{voice.id}: made")
        record(client, voice, Path(to))
        if isinstance(client, Retell):
            print(f"listen to {to}; Retell has no request to delete a voice")
        elif input(f"listen to {to}; keep the voice? [y/n] ").strip().lower() == "n":
            client.delete_voice(voice, missing_ok=True)
            print(f"{voice.id}: deleted")


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in CLIENTS:
        sys.exit(f"usage: python hear_the_clone.py {'|'.join(CLIENTS)} CLIP NAME FILE")
    try:
        main(*sys.argv[1:])
    except VoiceCloneError as error:
        sys.exit(f"{error}\n{error.advice}")
