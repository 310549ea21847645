"""What type checkers must refuse. Never run: an ignore here that is not needed is an error of its own."""

from __future__ import annotations

from voice_clone import AsyncHeyGen, Cartesia, HeyGen, MiniMax, Retell, connect
from voice_clone.testing import Mock


async def wrong(cartesia: Cartesia, heygen: HeyGen, retell: Retell, minimax: MiniMax, awaited: AsyncHeyGen) -> None:
    """Each line is one mistake."""
    cartesia.clone("me.wav", name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cartesia.clone("me.wav", name="Me", language=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cartesia.clone("me.wav", name="Me", language="en", gender="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cartesia.clone(3, name="Me", language="en")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.clone("me.wav", "Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.clone("me.wav", voice_name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.wait("token")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    retell.clone("me.wav", name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    minimax.clone("me.wav", language="en")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    (await awaited.clone("me.wav", name="Me")).voice_id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    awaited.clone("me.wav", name="Me").id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    connect("heygen", key="k")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    Mock().fail("heygen", "sunspots")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
