"""The corpus: audio files as people have them, the truth about each, and what each provider does with it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial

import attrs

from tests.audio import handmade
from tests.audio.recipes import SECONDS, Edited, Ffmpeg, Header, Recipe, Sox, Written

MIB = 1024 * 1024


@attrs.frozen
class Sample:
    """A file, and the truth about it."""

    name: str
    source: str
    """Where people get it from."""
    recipe: Recipe
    format: str = ""
    """A name of `voice_clone.audio.formats.known.FORMATS`; empty if nothing can be heard, so that it is refused."""
    codec: str = ""
    """As ffmpeg names it; empty where ffmpeg, in some versions, decodes it wrong or in part."""
    seconds: float | None = None
    """The length; None for what ffmpeg decodes."""
    video: bool = False
    cut: bool = False
    """Whether it ends before its own header says."""

    def __str__(self) -> str:
        return self.name


FORMATS: dict[str, Sequence[str] | None] = {
    "heygen": None,
    "retell": ("wav", "mp3", "m4a"),
    "cartesia": ("flac", "mp3", "mp2", "ogg", "wav", "webm"),
    "minimax": ("mp3", "m4a", "wav"),
}
"""The formats that each provider takes for a clone, as its documents say; None for all.
HeyGen's list is that of uploaded assets, which does not bind audio within the request. `mpga` and `mpeg`, in Cartesia's
list, are names of layer II, too."""
ADVISED = {"heygen": ("wav", "mp3")}
"""The formats that a provider recommends."""
WITHOUT_VIDEO = ("cartesia",)
LENGTHS = {"minimax": (10, 300)}
"""Seconds."""
SIZES = {"minimax": 20 * MIB}


def takes(provider: str, sample: Sample, size: int, seconds: float | None) -> bool:
    """Whether a provider takes a file of a size and a length; an unknown length is taken."""
    formats, (least, most) = FORMATS[provider], LENGTHS.get(provider, (0, float("inf")))
    return (
        bool(sample.format)
        and (formats is None or sample.format in formats)
        and not (sample.video and provider in WITHOUT_VIDEO)
        and size <= SIZES.get(provider, size)
        # 9.9996 s is 10 s.
        and (seconds is None or least <= round(seconds, 2) <= most)
    )


# Options of ffmpeg

H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 50k"
AAC = "-c:a aac -b:a 32k -ar 44100"
ALAC = "-c:a alac -sample_fmt s16p"
OPUS = "-c:a libopus -b:a 16k"
VORBIS = "-c:a libvorbis -b:a 48k -ar 44100"
MP3 = "-c:a libmp3lame -b:a 32k"
VARIABLE = "-c:a libmp3lame -q:a 7"
MP2 = "-c:a mp2 -b:a 32k"
AC3 = "-c:a ac3 -b:a 64k -ar 48000"
FRAGMENTS = "-f mp4 -frag_duration 2000000 -movflags frag_keyframe+empty_moov+default_base_moof"
ATTACHED = f"{AAC} -map 0 -attach BASE -metadata:s:t mimetype=image/png"
CHAPTERS = f"{AAC} -map 0 -map_metadata 1 -f ipod"
LONG = 20


# Kinds of samples


def sound(
    name: str, source: str, options: str, format_name: str, codec: str, seconds: float = SECONDS, *, pipe: bool = False
) -> Sample:
    """Sound that ffmpeg writes."""
    return Sample(name, source, Ffmpeg(options, seconds, pipe=pipe), format_name, codec)


def movie(
    name: str, source: str, options: str, format_name: str, codec: str, seconds: float = SECONDS, *, pipe: bool = False
) -> Sample:
    """A picture with sound of the same length or shorter."""
    return Sample(name, source, Ffmpeg(options, seconds, SECONDS, pipe=pipe), format_name, codec, video=True)


def picture_only(name: str, source: str, options: str) -> Sample:
    """A moving picture without sound."""
    return Sample(name, source, Ffmpeg(options, video=3, sound=False))


def nothing(name: str, source: str, content: Callable[[], bytes]) -> Sample:
    """Content without anything to hear."""
    return Sample(name, source, Written(content))


def written(
    name: str,
    source: str,
    content: Callable[[], bytes],
    format_name: str,
    codec: str,
    seconds: float,
    *,
    cut: bool = False,
) -> Sample:
    """Sound that Python writes."""
    return Sample(name, source, Written(content), format_name, codec, seconds, cut=cut)


def mp3_by_hand(name: str, source: str, content: Callable[[float], bytes]) -> Sample:
    """MP3 that Python writes."""
    return written(name, source, partial(content, 12.504), "mp3", "mp3", 12.504)


def sox(name: str, source: str, options: str, format_name: str, codec: str, seconds: float = SECONDS) -> Sample:
    """Sound that sox writes."""
    return Sample(name, source, Sox(options, seconds), format_name, codec, seconds)


def edited(
    name: str, source: str, edit: Callable[..., bytes], base: str, format_name: str = "", codec: str = ""
) -> Sample:
    """An edit of another sample."""
    return Sample(name, source, Edited([base], edit), format_name, codec)


def remuxed(name: str, source: str, base: str, format_name: str, codec: str) -> Sample:
    """The sound of another sample in another container."""
    return Sample(name, source, Ffmpeg("-c:a copy", sound=False, bases=[base]), format_name, codec)


def covered(name: str, source: str, options: str, format_name: str, codec: str) -> Sample:
    """Sound with a picture, which is no video."""
    picture = "-map 0 -map 1 -c:v copy -disposition:v attached_pic"
    return Sample(name, source, Ffmpeg(f"{options} {picture}", bases=["screenshot.png"]), format_name, codec)


# Edits


def same(content: bytes) -> bytes:
    """The content."""
    return content


def half(content: bytes) -> bytes:
    """The first half of the content."""
    return content[: len(content) // 2]


def first(count: int, content: bytes) -> bytes:
    """The first bytes of the content."""
    return content[:count]


def second_half(content: bytes) -> bytes:
    """The content from its middle on."""
    return content[len(content) // 2 :]


def joined(*contents: bytes) -> bytes:
    """The contents, one after the other."""
    return b"".join(contents)


def after(front: Callable[[], bytes], content: bytes) -> bytes:
    """The content after something else."""
    return front() + content


def before(back: Callable[[], bytes], content: bytes) -> bytes:
    """The content before something else."""
    return content + back()


def with_explicit_sbr(content: bytes) -> bytes:
    """Declare in the configuration that AAC of 16 kHz is the core of HE-AAC of 32 kHz."""
    plain, extended = bytes.fromhex("140856e500"), bytes.fromhex("2c0a880000")
    assert content.count(plain) == 1
    return content.replace(plain, extended)


def without_moov(content: bytes) -> bytes:
    """An MP4 file of a recorder that crashed before it wrote the index."""
    return content[: content.rindex(b"moov") - 4]


def with_sizes(riff: int, data: int, content: bytes) -> bytes:
    """A WAV file with other sizes in its header."""
    position = content.index(b"data") + 4
    sizes = struct.pack("<I", riff), struct.pack("<I", data)
    return content[:4] + sizes[0] + content[8:position] + sizes[1] + content[position + 4 :]


def without_first_boxes(content: bytes) -> bytes:
    """The fragments of an MP4 file, without `ftyp` and `moov`."""
    return content[content.index(b"moof") - 4 :]


def only_first_boxes(content: bytes) -> bytes:
    """The `ftyp` and `moov` of an MP4 file in fragments."""
    return content[: content.index(b"moof") - 4]


def first_fragment(content: bytes) -> bytes:
    """An MP4 file in fragments up to its second fragment."""
    second = content.index(b"moof", content.index(b"moof") + 4)
    return content[: second - 4]


def without(count: int, content: bytes) -> bytes:
    """The content without its first bytes."""
    return content[count:]


# The samples

PHONES = [
    sound("memo.m4a", "voice memo of an iPhone", f"{AAC} -f ipod", "m4a", "aac"),
    sound("memo-lossless.m4a", "lossless voice memo of an iPhone", f"{ALAC} -f ipod", "m4a", "alac"),
    sound("memo-short.m4a", "short voice memo", f"{AAC} -f ipod", "m4a", "aac", 3),
    sound("memo-16k.m4a", "voice memo of an Android phone", "-c:a aac -b:a 24k -brand mp42", "m4a", "aac"),
    edited("memo-he-aac.m4a", "recorder with HE-AAC", with_explicit_sbr, "memo-16k.m4a", "m4a", "aac"),
    sound("memo-stereo.m4a", "stereo recorder of a phone", f"{AAC} -ac 2 -movflags faststart", "m4a", "aac", LONG),
    sound("faststart.m4a", "voice memo of an app", f"{AAC} -movflags faststart", "m4a", "aac"),
    edited("memo-large.m4a", "recorder that reserves 64-bit sizes", handmade.with_large_mdat, "memo.m4a", "m4a", "aac"),
    sound("memo.caf", "recorder of an iPhone", f"{ALAC} -f caf", "caf", "alac"),
    sound("memo-pcm.caf", "recorder of a Mac", "-c:a pcm_s16le -f caf", "caf", "pcm_s16le"),
    sound("memo-float.caf", "Logic, GarageBand", "-c:a pcm_f32le -ar 44100 -f caf", "caf", "pcm_f32le", 3),
    sound("memo-ima4.caf", "old app of an iPhone", "-c:a adpcm_ima_qt -f caf", "caf", "adpcm_ima_qt"),
    sound("memo-mulaw.caf", "telephone app of a Mac", "-c:a pcm_mulaw -ar 8000 -f caf", "caf", "pcm_mulaw"),
    sox("memo.amr", "recorder of an old phone", "-r 8000 -t amr-nb", "amr", ""),
    written("memo-low.amr", "old phone, lowest quality", partial(handmade.amr, 12.5), "amr", "amr_nb", 12.5),
    written("memo-wide.amr", "phone with HD voice", partial(handmade.wide_amr, 12.5), "amr", "amr_wb", 12.5),
    remuxed("memo.3gp", "recorder of an old phone", "memo-low.amr", "3gp", "amr_nb"),
    # AAC in 3GP differs from M4A by the brand alone, and Android uses either.
    sound("memo-aac.3gp", "recorder of an Android phone", "-c:a aac -b:a 24k", "m4a", "aac"),
    sound("memo-cdma.3g2", "recorder of a CDMA phone", "-c:a aac -b:a 24k", "m4a", "aac"),
    sound("memo.aac", "recorder of an Android phone", AAC, "aac", "aac"),
    sound("memo-8k.aac", "intercom", "-c:a aac -b:a 12k -ar 8000", "aac", "aac", LONG),
    sound("dictation.wav", "dictation machine", "-c:a adpcm_ima_wav", "wav", "adpcm_ima_wav"),
    sound("voicemail.wav", "voice mail", "-c:a pcm_mulaw -ar 8000", "wav", "pcm_mulaw"),
    sound("voicemail-gsm.wav", "voice mail with GSM", "-c:a libgsm_ms -ar 8000", "wav", "gsm_ms"),
]

CHATS = [
    sound("whatsapp.opus", "WhatsApp", f"{OPUS} -f ogg", "ogg", "opus"),
    sound("telegram.oga", "Telegram", f"{OPUS} -ar 48000 -f oga", "ogg", "opus", LONG),
    sound("short.ogg", "short chat note", OPUS, "ogg", "opus", 3),
    sound("signal.aac", "Signal", "-c:a aac -b:a 32k -ac 2 -ar 48000", "aac", "aac"),
    sound("signal.m4a", "Signal on an iPhone", f"{AAC} -movflags faststart", "m4a", "aac"),
    sound("messenger.mp4", "Facebook Messenger: an .mp4 without a picture", f"{AAC} -f mp4", "m4a", "aac"),
    sound("imessage.caf", "iMessage", "-c:a libopus -b:a 24k -ar 24000 -f caf", "caf", "opus"),
    sox("wechat.amr", "WeChat", "-r 8000 -t amr-nb", "amr", "", 3),
    sound("discord.ogg", "Discord", f"{OPUS} -ac 2 -application voip", "ogg", "opus", LONG),
    sound("game.ogg", "game chat with Speex", "-c:a libspeex -f ogg", "ogg", "speex"),
]

BROWSERS = [
    sound("chrome.webm", "MediaRecorder of Chrome", f"{OPUS} -f webm -live 1", "webm", "opus", pipe=True),
    sound("chrome-short.webm", "MediaRecorder of Chrome", f"{OPUS} -f webm -live 1", "webm", "opus", 3, pipe=True),
    sound("firefox.ogg", "MediaRecorder of Firefox", f"{OPUS} -f ogg", "ogg", "opus", pipe=True),
    sound("safari.mp4", "MediaRecorder of Safari", f"{AAC} {FRAGMENTS}", "m4a", "aac", pipe=True),
    sound("whole.webm", "MediaRecorder, mended by a library", f"{OPUS} -f webm", "webm", "opus", LONG),
    sound("vorbis.webm", "old web recorder", f"{VORBIS} -f webm", "webm", "vorbis"),
    movie("camera.webm", "MediaRecorder with a camera", f"{VP8} {OPUS} -f webm", "webm", "opus"),
    movie("camera-live.webm", "camera in Chrome", f"{VP8} {OPUS} -f webm -live 1", "webm", "opus", pipe=True),
    picture_only("camera-muted.webm", "MediaRecorder without a microphone", VP8),
    sound("web-audio.wav", "Web Audio API: 32-bit float", "-c:a pcm_f32le -ar 48000", "wav", "pcm_f32le"),
]

SCREENS = [
    movie("obs.mkv", "OBS Studio", f"{H264} {AAC}", "matroska", "aac"),
    movie("obs.mp4", "OBS Studio, MP4", f"{H264} {AAC}", "mp4", "aac"),
    movie("obs-fragments.mp4", "OBS Studio, fragmented MP4", f"{H264} {AAC} {FRAGMENTS}", "mp4", "aac"),
    movie("obs.mov", "OBS Studio, MOV", f"{H264} {AAC}", "mov", "aac"),
    movie("obs.flv", "OBS Studio, FLV", f"{H264} {AAC}", "flv", "aac"),
    movie("obs.ts", "OBS Studio, TS", f"{H264} {AAC}", "mpegts", "aac"),
    movie("quicktime.mov", "QuickTime Player", f"{H264} -c:a pcm_s16le", "mov", "pcm_s16le"),
    movie("faststart.mp4", "Zoom, Teams", f"{H264} {AAC} -movflags faststart", "mp4", "aac"),
    movie("screen.avi", "old screen recorder", "-c:v mpeg4 -c:a pcm_s16le", "avi", "pcm_s16le"),
    movie("screen-mp3.avi", "old screen recorder with MP3", f"-c:v mpeg4 {MP3}", "avi", "mp3"),
    movie("screen.wmv", "old screen recorder of Windows", "-c:v wmv2 -c:a wmav2 -b:a 32k", "wma", "wmav2"),
    movie("screen-opus.mkv", "screen recorder of Linux", f"{VP8} {OPUS}", "matroska", "opus"),
    movie("two-tracks.mkv", "OBS Studio with two tracks", f"{H264} {AAC} -map 0 -map 1 -map 1", "matroska", "aac"),
    movie("two-tracks.mp4", "OBS Studio with two tracks", f"{H264} {AAC} -map 0 -map 1 -map 1", "mp4", "aac"),
    *(
        movie(f"muted-early.{suffix}", "microphone switched off early", f"{codecs} {audio}", name, codec, 4)
        for suffix, codecs, audio, name, codec in [
            ("mp4", H264, AAC, "mp4", "aac"),
            ("mov", H264, AAC, "mov", "aac"),
            ("mkv", H264, AAC, "matroska", "aac"),
            ("webm", VP8, OPUS, "webm", "opus"),
            ("avi", "-c:v mpeg4", MP3, "avi", "mp3"),
            ("flv", H264, AAC, "flv", "aac"),
            ("ts", H264, AAC, "mpegts", "aac"),
            ("wmv", "-c:v wmv2", "-c:a wmav2", "wma", "wmav2"),
        ]
    ),
    *(
        picture_only(f"muted.{suffix}", "screen recording without sound", codec)
        for suffix, codec in [
            ("mp4", H264),
            ("mov", H264),
            ("mkv", H264),
            ("avi", "-c:v mpeg4"),
            ("flv", H264),
            ("ts", H264),
            ("wmv", "-c:v wmv2"),
            ("mpg", "-c:v mpeg1video -r 25"),
        ]
    ),
    picture_only("muted-fragments.mp4", "screen recording without sound", f"{H264} {FRAGMENTS}"),
]

VIDEOS = [
    movie("camera.mts", "AVCHD camera", f"{H264} {AC3} -f mpegts -mpegts_m2ts_mode 1", "mpegts", "ac3"),
    movie("camera.3gp", "video of an old phone", f"{H264} -c:a aac -b:a 24k", "3gp", "aac"),
    movie("camera.mpg", "MPEG-1 video", f"-c:v mpeg1video -r 25 {MP2} -ar 44100", "mpegps", "mp2"),
    movie("dvd.vob", "DVD", f"-c:v mpeg2video -r 25 {AC3}", "mpegps", "ac3"),
    movie("wikipedia.ogv", "Wikimedia Commons", f"-c:v libtheora {VORBIS}", "ogg", "vorbis"),
    movie("itunes.m4v", "video of iTunes", f"{H264} {AAC} -f ipod", "mp4", "aac"),
    movie("youtube.mkv", "yt-dlp", f"{VP8} {VORBIS}", "matroska", "vorbis"),
    sound("youtube.m4a", "yt-dlp, audio only", f"{AAC} {FRAGMENTS}", "m4a", "aac", LONG),
    sound("youtube.webm", "yt-dlp, audio only", f"{OPUS} -f webm", "webm", "opus"),
    sound("flash.flv", "Flash recorder", "-c:a nellymoser -ar 8000", "flv", "nellymoser"),
    sound("telephone.flv", "web conference", "-c:a aac -b:a 12k -ar 8000", "flv", "aac"),
    sound("flash-mp3.flv", "Flash video without a picture", f"{MP3} -ar 44100", "flv", "mp3"),
    sound("sound-only.mov", "sound of QuickTime Player", AAC, "mov", "aac"),
    sound("sound-only.avi", "sound in AVI", "-c:a pcm_s16le", "avi", "pcm_s16le"),
    sound("sound-only.ts", "sound of digital television", f"{MP2} -ar 48000", "mpegts", "mp2"),
    sound("sound-only.mkv", "ffmpeg, sound of a video", f"{MP3} -ar 44100", "matroska", "mp3"),
    sound("lossless.mka", "mkvtoolnix", "-c:a flac", "matroska", "flac"),
    sound("pcm.mka", "mkvtoolnix, PCM", "-c:a pcm_s16le", "matroska", "pcm_s16le"),
    sound("ac3.mka", "mkvtoolnix, sound of a film", AC3, "matroska", "ac3"),
]

WAVS = [
    *(
        sound(f"{codec}.wav", "export of an editor", f"-c:a {codec} {options}", "wav", codec, seconds)
        for codec, options, seconds in [
            ("pcm_u8", "-ar 8000", SECONDS),
            ("pcm_s16le", "-ar 44100 -ac 2", SECONDS),
            ("pcm_s24le", "-ar 48000", 3),
            ("pcm_s32le", "-ar 48000 -ac 2", 3),
            ("pcm_f32le", "-ar 44100", SECONDS),
            ("pcm_f64le", "-ar 44100", 3),
            ("pcm_alaw", "-ar 8000", LONG),
        ]
    ),
    written("plain.wav", "Python's wave module", partial(handmade.wav, 12.5), "wav", "pcm_s16le", 12.5),
    written("take.wav", "field recorder, broadcast wave", partial(handmade.broadcast_wav, 3), "wav", "pcm_s24le", 3),
    written("surround.wav", "export in 5.1", partial(handmade.extensible_wav, 12.5, 6), "wav", "pcm_s16le", 12.5),
    sound("surround-float.wav", "export in 5.1 of 32-bit float", "-c:a pcm_f32le -ac 6", "wav", "pcm_f32le", 3),
    sound("ms-adpcm.wav", "Windows Sound Recorder", "-c:a adpcm_ms", "wav", "adpcm_ms"),
    sound("yamaha.wav", "synthesizer", "-c:a adpcm_yamaha", "wav", "adpcm_yamaha"),
    sound("g722.wav", "conference system with G.722", "-c:a g722", "wav", "adpcm_g722"),
    sound("g726.wav", "conference system with G.726", "-c:a g726 -ar 8000", "wav", "adpcm_g726"),
    sound("g723.wav", "conference system with G.723.1", "-c:a g723_1 -ar 8000 -b:a 6300", "wav", "g723_1"),
    sound("mp3-in.wav", "MP3 in WAV, of a radio station", MP3, "wav", "mp3"),
    sound("mp2-in.wav", "MP2 in WAV, of a radio station", MP2, "wav", "mp2"),
    sound("ac3-in.wav", "AC-3 in WAV", AC3, "wav", "ac3"),
    sound("rf64.wav", "recorder of long takes: RF64", "-c:a pcm_s16le -rf64 always", "wav", "pcm_s16le"),
    written("bw64.wav", "studio: BW64", partial(handmade.large_wav, 12.5, b"BW64"), "wav", "pcm_s16le", 12.5),
    sox("rifx.wav", "big-endian WAV", "-B -t wav", "wav", ""),
    sound("take.w64", "Sony Wave64", "-c:a pcm_s24le -f w64", "w64", "pcm_s24le", 3),
]

EDITORS = [
    sound("logic.aiff", "Logic", "-c:a pcm_s24be -ar 48000", "aiff", "pcm_s24be", 3),
    sound("16bit.aiff", "Mac", "-c:a pcm_s16be -ac 2", "aiff", "pcm_s16be"),
    sound("8bit.aif", "old Mac", "-c:a pcm_s8 -f aiff", "aiff", "pcm_s8"),
    sound("sowt.aifc", "QuickTime: AIFC, little-endian", "-c:a pcm_s16le -f aiff", "aiff", "pcm_s16le"),
    sound("float.aifc", "AIFC of 32-bit float", "-c:a pcm_f32be -f aiff", "aiff", "pcm_f32be", 3),
    sound("double.aifc", "AIFC of 64-bit float", "-c:a pcm_f64be -f aiff", "aiff", "pcm_f64be", 3),
    sound("mulaw.aifc", "AIFC with mu-law", "-c:a pcm_mulaw -ar 8000 -f aiff", "aiff", "pcm_mulaw"),
    sound("ima4.aifc", "AIFC with IMA ADPCM", "-c:a adpcm_ima_qt -f aiff", "aiff", "adpcm_ima_qt"),
    sound("sun.au", "Unix", "-c:a pcm_s16be", "au", "pcm_s16be"),
    written("java.au", "Java", partial(handmade.au, 12.5), "au", "pcm_mulaw", 12.5),
    written("next.snd", "old Unix", partial(handmade.au, 12.5, handmade.UNKNOWN), "au", "pcm_mulaw", 12.5),
    sound("export.flac", "Audacity", "-c:a flac", "flac", "flac"),
    sound("short.flac", "short export", "-c:a flac", "flac", "flac", 4),
    sound("24bit.flac", "FLAC of 24 bits", "-c:a flac -sample_fmt s32 -ar 48000 -ac 2", "flac", "flac", 3),
    sound("8k.flac", "FLAC of 8 kHz", "-c:a flac -ar 8000", "flac", "flac", LONG),
    sound("flac.oga", "FLAC in Ogg", "-c:a flac -f oga", "ogg", "flac"),
    sound("export.ogg", "Audacity, Vorbis", VORBIS, "ogg", "vorbis"),
    sound("16k.ogg", "Vorbis of 16 kHz", "-c:a libvorbis", "ogg", "vorbis", LONG),
    sound("export.wv", "WavPack", "-c:a wavpack", "wavpack", "wavpack"),
    sound("stereo.wv", "WavPack, stereo", "-c:a wavpack -ac 2 -ar 44100", "wavpack", "wavpack", 3),
    sound("export.tta", "True Audio", "-c:a tta", "tta", "tta"),
    sound("film.ac3", "sound of a film", AC3, "ac3", "ac3"),
    sound("film.eac3", "sound of a film, Dolby Digital Plus", "-c:a eac3 -b:a 64k -ar 48000", "ac3", "eac3"),
    sound("film.dts", "sound of a disc", "-c:a dca -ar 48000 -ac 2", "dts", "dts"),
    sound("radio.mp2", "radio station", f"{MP2} -ar 48000", "mp2", "mp2"),
    sound("radio-16k.mp2", "MPEG-2 layer II", MP2, "mp2", "mp2"),
    sound("export.wma", "Windows Media Player", "-c:a wmav2 -b:a 32k", "wma", "wmav2"),
    sound("old.wma", "old Windows Media Player", "-c:a wmav1 -b:a 32k", "wma", "wmav1"),
    sound("book.m4b", "audio book", f"{AAC} -f ipod", "m4a", "aac", LONG),
    sound("opus.m4a", "Opus in MP4", f"{OPUS} -f mp4", "m4a", "opus"),
    sound("flac.m4a", "FLAC in MP4", "-c:a flac -f mp4", "m4a", "flac"),
    sound("mp3.m4a", "MP3 in MP4", f"{MP3} -f mp4", "m4a", "mp3"),
    sound("pcm.mov", "Final Cut", "-c:a pcm_s24le -ar 48000", "mov", "pcm_s24le", 3),
    sox("blaster.voc", "Sound Blaster", "-t voc", "voc", "pcm_s16le"),
    sox("timit.sph", "corpus of speech", "-t sph", "sphere", "pcm_s16le"),
    written("studio.dsf", "DSD recorder", partial(handmade.dsf, 3), "dsf", "dsd_lsbf_planar", 2.9957),
    sound("helix.ra", "RealPlayer", "-c:a real_144 -ar 8000 -f rm", "real", "ra_144"),
]

MP3S = [
    *(
        sound(f"{rate}.mp3", f"MP3 of {rate:,} Hz", f"-c:a libmp3lame -b:a {bitrate}k -ar {rate}", "mp3", "mp3")
        for rate, bitrate in zip(
            (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000), (8, 16, 24, 32, 32, 48, 64, 64), strict=True
        )
    ),
    sound("short.mp3", "short text-to-speech", f"{MP3} -ar 44100", "mp3", "mp3", 3),
    sound("stereo.mp3", "music editor", "-c:a libmp3lame -b:a 128k -ac 2 -ar 44100", "mp3", "mp3", LONG),
    sound("variable.mp3", "LAME, variable bitrate", f"{VARIABLE} -ar 44100", "mp3", "mp3"),
    sound("average.mp3", "LAME, average bitrate", f"{MP3} -abr 1", "mp3", "mp3"),
    sound("plain.mp3", "encoder without a Xing header", f"{MP3} -write_xing 0", "mp3", "mp3"),
    sound("variable-plain.mp3", "variable bitrate, no header", f"{VARIABLE} -write_xing 0", "mp3", "mp3", LONG),
    mp3_by_hand("silence-first.mp3", "silence, then speech, without a header", handmade.variable_mp3),
    mp3_by_hand("frames.mp3", "hardware encoder", handmade.mp3),
    mp3_by_hand("xing.mp3", "Xing header", handmade.mp3_with_xing),
    mp3_by_hand("info.mp3", "Info header", partial(handmade.mp3_with_xing, name=b"Info")),
    mp3_by_hand("vbri.mp3", "Fraunhofer encoder", handmade.mp3_with_vbri),
]

FRAGMENTED = [
    sound("dash.mp4", "DASH stream, whole", f"{AAC} {FRAGMENTS}+dash", "m4a", "aac"),
    sound("indexed.mp4", "CMAF stream with its index", f"{AAC} {FRAGMENTS}+global_sidx", "m4a", "aac"),
    edited("init.mp4", "DASH: only the initialization segment", only_first_boxes, "dash.mp4"),
    edited("segment.m4s", "DASH: only one media segment", without_first_boxes, "dash.mp4"),
    edited("init-and-segment.mp4", "DASH: the first two segments", first_fragment, "dash.mp4", "m4a", "aac"),
    sound("segment.ts", "HLS segment", f"{AAC} -f mpegts", "mpegts", "aac", 4),
    sound("segment.aac", "HLS segment of packed audio", AAC, "aac", "aac", 4),
    edited("timed.aac", "HLS packed audio with its time", partial(after, handmade.id3), "segment.aac", "aac", "aac"),
    sound("live.latm", "digital radio", "-c:a aac -b:a 32k -f latm", "latm", "aac_latm"),
    sound("dash.webm", "DASH stream of WebM", f"{OPUS} -f webm -dash 1", "webm", "opus"),
    nothing("index.m3u8", "HLS playlist", handmade.hls_playlist),
]

BASES = {
    sample.name: sample
    for section in (PHONES, CHATS, BROWSERS, SCREENS, VIDEOS, WAVS, EDITORS, MP3S, FRAGMENTED)
    for sample in section
}


def again(name: str, source: str, edit: Callable[..., bytes], *bases: str, cut: bool = False) -> Sample:
    """An edit that leaves the kind of content as it is."""
    base = BASES[bases[0]]
    return Sample(name, source, Edited(bases, edit), base.format, base.codec, None, base.video, cut)


def tagged(name: str, source: str, tag: Callable[[], bytes], base: str) -> Sample:
    """Another sample after a tag or other bytes."""
    return again(name, source, partial(after, tag), base)


def followed(name: str, source: str, tag: Callable[[], bytes], base: str) -> Sample:
    """Another sample before a tag or other bytes."""
    return again(name, source, partial(before, tag), base)


JOINED = [
    *(
        again(f"joined{suffix}", "sentences of text-to-speech, joined by `cat`", joined, *bases)
        for suffix, bases in [
            (".mp3", ["short.mp3"] * 4),
            ("-long.mp3", ["variable.mp3", "variable.mp3"]),
            ("-plain.mp3", ["plain.mp3", "plain.mp3"]),
            ("-rates.mp3", ["short.mp3", "48000.mp3"]),
            (".opus", ["short.ogg"] * 4),
            (".ogg", ["export.ogg", "export.ogg"]),
            (".wav", ["plain.wav", "plain.wav"]),
            (".aac", ["segment.aac"] * 4),
            (".flac", ["export.flac", "export.flac"]),
            (".m4a", ["memo-short.m4a"] * 4),
            (".webm", ["chrome-short.webm"] * 4),
            (".amr", ["memo-low.amr", "memo-low.amr"]),
            (".ts", ["segment.ts"] * 3),
            (".aiff", ["16bit.aiff", "16bit.aiff"]),
            (".ac3", ["film.ac3", "film.ac3"]),
            (".mp2", ["radio.mp2", "radio.mp2"]),
            (".wv", ["export.wv", "export.wv"]),
            ("-fragments.mp4", ["safari.mp4", "safari.mp4"]),
        ]
    ),
    Sample(
        "joined-mixed.ogg",
        "radio plays, joined by `cat`",
        Edited(["export.ogg", "16k.ogg"], joined),
        "ogg",
        seconds=32.5,
    ),
]

CUT = [
    again(f"half-{base}", "upload that broke off in the middle", half, base, cut=True)
    for base in (
        "memo-stereo.m4a", "safari.mp4", "memo-pcm.caf", "memo-low.amr", "memo.aac", "whatsapp.opus", "export.ogg",
        "flac.oga", "chrome.webm", "whole.webm", "camera.webm", "obs.mkv", "faststart.mp4", "obs.flv", "obs.ts",
        "screen.avi", "screen.wmv", "camera.mpg", "plain.wav", "mp3-in.wav", "ms-adpcm.wav", "rf64.wav", "take.w64",
        "logic.aiff", "sowt.aifc", "sun.au", "export.flac", "export.wv", "export.tta", "film.ac3", "film.eac3",
        "film.dts", "radio.mp2", "export.wma", "blaster.voc", "timit.sph", "studio.dsf", "helix.ra", "live.latm",
        "44100.mp3", "variable.mp3", "plain.mp3", "vbri.mp3",
    )
]  # fmt: skip
WITHOUT_INDEX = [
    edited(f"half-{base}", "upload that broke off before the index", half, base)
    for base in ("memo.m4a", "obs.mp4", "quicktime.mov", "memo.3gp", "memo.caf")
]
PARTS = [
    again("most.mp3", "upload that broke off near its end", partial(first, 40_000), "variable.mp3", cut=True),
    again("most.wav", "recorder without power", partial(first, 390_000), "plain.wav", cut=True),
    again("end.mp3", "second half of a file", second_half, "44100.mp3"),
    again("end.aac", "second half of a file", second_half, "memo.aac"),
    again("end.ts", "second half of a file", second_half, "obs.ts"),
    again("end.mp2", "second half of a file", second_half, "radio.mp2"),
    again("half-8k.flv", "upload that broke off in the middle", half, "telephone.flv", cut=True),
    edited("end.webm", "MediaRecorder: a later chunk alone", second_half, "chrome.webm"),
]

HEADERS = [
    Sample(f"header-{base}", "file without anything after its header", Header(base))
    for base in (
        "whatsapp.opus", "export.ogg", "flac.oga", "game.ogg", "chrome.webm", "whole.webm", "camera.webm", "obs.mkv",
        "faststart.mp4", "memo-stereo.m4a", "safari.mp4", "obs.flv", "obs.ts", "screen.avi", "export.wma",
        "memo-pcm.caf", "plain.wav", "take.wav", "rf64.wav", "take.w64", "logic.aiff", "sowt.aifc", "sun.au",
        "export.flac", "memo-low.amr", "export.tta", "variable.mp3", "studio.dsf", "timit.sph", "blaster.voc",
        "helix.ra",
    )
]  # fmt: skip
BEGINNINGS = [
    edited(f"begin-{base}", "upload that broke off after 10 bytes", partial(first, 10), base)
    for base in (
        "memo.m4a", "chrome.webm", "export.ogg", "export.flac", "plain.wav", "16bit.aiff", "memo.caf", "export.wma",
        "44100.mp3", "memo.aac", "obs.ts", "obs.flv", "screen.avi", "film.ac3", "memo-low.amr", "export.wv",
    )
]  # fmt: skip

STREAMED = [
    *(
        again(f"{name}.wav", f"streamed, {source}", partial(with_sizes, riff, data), "plain.wav")
        for name, source, riff, data in [
            ("unknown-sizes", "sizes of FFFFFFFF", handmade.UNKNOWN, handmade.UNKNOWN),
            ("zero-sizes", "sizes of 0", 0, 0),
            ("zero-data", "one size of 0", 400_036, 0),
            ("large-sizes", "sizes of 2 GB", 0x7FFFFFFF, 0x7FFFFFFF - 36),
            ("large-riff", "one size of FFFFFFFF", handmade.UNKNOWN, 400_000),
        ]
    ),
    *(
        sound(f"pipe{suffix}", "ffmpeg in a pipe", f"{options} -f {muxer}", format_name, codec, pipe=True)
        for suffix, options, muxer, format_name, codec in [
            (".wav", "-c:a pcm_s16le", "wav", "wav", "pcm_s16le"),
            ("-mulaw.wav", "-c:a pcm_mulaw -ar 8000", "wav", "wav", "pcm_mulaw"),
            (".mp3", MP3, "mp3", "mp3", "mp3"),
            ("-variable.mp3", VARIABLE, "mp3", "mp3", "mp3"),
            (".aac", AAC, "adts", "aac", "aac"),
            (".ogg", VORBIS, "ogg", "ogg", "vorbis"),
            (".oga", "-c:a flac", "oga", "ogg", "flac"),
            (".opus", OPUS, "opus", "ogg", "opus"),
            (".webm", OPUS, "webm", "webm", "opus"),
            (".mka", AAC, "matroska", "matroska", "aac"),
            ("-pcm.mka", "-c:a pcm_s16le -ar 44100 -ac 2", "matroska", "matroska", "pcm_s16le"),
            ("-lossless.mka", "-c:a wavpack", "matroska", "matroska", "wavpack"),
            (".flac", "-c:a flac", "flac", "flac", "flac"),
            (".caf", "-c:a pcm_s16le", "caf", "caf", "pcm_s16le"),
            (".au", "-c:a pcm_s16be", "au", "au", "pcm_s16be"),
            (".wma", "-c:a wmav2 -b:a 32k", "asf", "wma", "wmav2"),
            (".flv", f"{MP3} -ar 44100", "flv", "flv", "mp3"),
            (".ts", AAC, "mpegts", "mpegts", "aac"),
            (".wv", "-c:a wavpack", "wv", "wavpack", "wavpack"),
            (".ac3", AC3, "ac3", "ac3", "ac3"),
        ]
    ),
    movie("pipe.mkv", "ffmpeg in a pipe", f"{H264} {AAC} -f matroska", "matroska", "aac", pipe=True),
    movie("pipe.avi", "ffmpeg in a pipe", f"-c:v mpeg4 {MP3} -f avi", "avi", "mp3", pipe=True),
]

TAGGED = [
    tagged("cover.mp3", "music store: picture of 2 MB", partial(handmade.cover, 2 * MIB), "44100.mp3"),
    tagged("cover-24.mp3", "tagger: ID3v2.4 with a picture", partial(handmade.cover, 60_000, 4), "plain.mp3"),
    tagged("old-tag.mp3", "old tagger: ID3v2.2", handmade.old_id3, "plain.mp3"),
    tagged("two-tags.mp3", "two taggers, one after the other", handmade.two_tags, "plain.mp3"),
    tagged("padded.mp3", "tagger that leaves space", partial(handmade.id3, padding=100_000), "44100.mp3"),
    tagged("footer.mp3", "ID3v2.4 with a footer", handmade.id3_with_footer, "44100.mp3"),
    followed("id3v1.mp3", "ID3v1", handmade.id3v1, "plain.mp3"),
    followed("ape.mp3", "MP3Gain: APE tag", handmade.ape_tag, "plain.mp3"),
    tagged("ape-first.mp3", "APE tag in front", handmade.ape_tag, "plain.mp3"),
    followed("all-tags.mp3", "four tags", handmade.end_tags, "44100.mp3"),
    tagged("id3.aac", "tagger, AAC", handmade.id3, "memo.aac"),
    followed("id3v1.aac", "tagger, AAC", handmade.id3v1, "memo.aac"),
    tagged("id3.ogg", "tagger, Ogg", handmade.id3, "export.ogg"),
    tagged("id3.tta", "tagger, True Audio", handmade.id3, "export.tta"),
    tagged("id3.ac3", "tagger, AC-3", handmade.id3, "film.ac3"),
    followed("id3v1.flac", "tagger, FLAC", handmade.id3v1, "export.flac"),
    followed("ape.wv", "foobar2000", handmade.ape_tag, "export.wv"),
    followed("tags.wav", "editor: tags after the samples", handmade.list_chunk, "plain.wav"),
    covered("cover.m4a", "music store: cover in MP4", f"{AAC} -f ipod", "m4a", "aac"),
    covered("cover.flac", "music store: cover in FLAC", "-c:a flac", "flac", "flac"),
    Sample("cover.mka", "mkvmerge: cover in Matroska", Ffmpeg(ATTACHED, bases=["screenshot.png"]), "matroska", "aac"),
    covered("cover.aiff", "iTunes: cover in AIFF", "-c:a pcm_s16be -write_id3v2 1", "aiff", "pcm_s16be"),
    sound("cover.ogg", "music store: cover in Ogg", f"{VORBIS} -metadata picture={'A' * 90_000}", "ogg", "vorbis"),
    Sample("chapters.m4b", "audio book with chapters", Ffmpeg(CHAPTERS, LONG, bases=["chapters.txt"]), "m4a", "aac"),
    tagged("garbage-first.mp3", "recording of an Internet radio", partial(handmade.noise, 1000), "44100.mp3"),
    again("mid-frame.mp3", "recording of an Internet radio", partial(without, 137), "plain.mp3"),
    again("mid-frame.aac", "recording of an Internet radio", partial(without, 137), "memo.aac"),
    followed("zeros-last.mp3", "download with reserved space", partial(bytes, 100_000), "plain.mp3"),
    followed("zeros-last.wav", "download with reserved space", partial(bytes, 100_000), "plain.wav"),
    followed("zeros-last.m4a", "download with reserved space", partial(bytes, 100_000), "memo.m4a"),
    followed("zeros-last.aac", "download with reserved space", partial(bytes, 100_000), "memo.aac"),
    followed("page-last.mp3", "server that adds its page", handmade.html, "plain.mp3"),
]

BROKEN = [
    nothing("empty.wav", "upload of nothing", bytes),
    nothing("zero-seconds.wav", "recorder stopped at once", partial(handmade.wav, 0)),
    nothing("zero-seconds.aiff", "recorder stopped at once", partial(handmade.aiff, 0)),
    nothing("zero-seconds.au", "recorder stopped at once", partial(handmade.au, 0)),
    nothing("zero-seconds.amr", "recorder stopped at once", partial(handmade.amr, 0)),
    nothing("only-tags.wav", "editor: tags without samples", handmade.tags_only_wav),
    nothing("no-channels.wav", "broken program", handmade.wav_without_channels),
    nothing("claims.au", "file without anything after its header", partial(handmade.au, 0, 100_000)),
    nothing("zeros.mp3", "disk error", partial(bytes, 20_000)),
    nothing("zeros.wav", "disk error", partial(bytes, 20_000)),
    nothing("random.mp3", "encrypted file", handmade.random_bytes),
    nothing("random.wav", "encrypted file", handmade.random_bytes),
    nothing("random.m4a", "encrypted file", handmade.random_bytes),
    nothing("random", "encrypted file", handmade.random_bytes),
    nothing("ff.aac", "erased flash memory", partial(handmade.repeated, b"\xff")),
    nothing("picture-only.mp3", "music store: a picture and nothing else", partial(handmade.cover, 200_000)),
    nothing("id3v1-only.mp3", "tag and nothing else", handmade.id3v1),
    nothing("ape-only.mp3", "tag and nothing else", handmade.ape_tag),
    nothing("ftyp-only.m4a", "recorder that crashed at once", partial(handmade.box, b"ftyp", b"M4A \0\0\2\0isomiso2")),
    nothing("free.m4a", "recorder that crashed at once", handmade.reserved_mp4),
    edited("lost-index.mov", "camera that crashed", without_moov, "quicktime.mov"),
    edited("lost-index.mp4", "screen recorder that crashed", without_moov, "obs.mp4"),
]

OTHER_FILES = [
    nothing("photo.jpg", "photo", handmade.jpeg),
    nothing("photo.wav", "photo with a wrong name", handmade.jpeg),
    nothing("photo.heic", "photo of an iPhone", handmade.heic),
    nothing("photo.m4a", "photo of an iPhone with a wrong name", handmade.heic),
    nothing("photo.webp", "photo of a web page", handmade.webp),
    nothing("screenshot.png", "screenshot", handmade.png),
    nothing("screenshot.mp3", "screenshot with a wrong name", handmade.png),
    nothing("moving.gif", "moving picture", handmade.gif),
    nothing("contract.pdf", "document", handmade.pdf),
    nothing("contract.mp3", "document with a wrong name", handmade.pdf),
    nothing("takes.zip", "archive of takes", partial(handmade.zipped, "take.wav", handmade.wav(1))),
    nothing("contract.docx", "document of Word", partial(handmade.zipped, "word/document.xml", b"<w:document/>")),
    edited("plain.wav.gz", "compressed take", handmade.gzipped, "plain.wav"),
    edited("compressed.wav", "compressed take with a wrong name", handmade.gzipped, "plain.wav"),
    nothing("expired.mp3", "page of an expired link", handmade.html),
    nothing("error.mp3", "error of a server, saved as audio", handmade.error_json),
    nothing("error.wav", "error of a server, saved as audio", handmade.error_json),
    edited("data-url.mp3", "audio as text, of a browser", handmade.data_url, "frames.mp3"),
    nothing("notes.txt", "text of Windows in UTF-16", handmade.utf16),
    nothing("notes.mp3", "text of Windows with a wrong name", handmade.utf16),
    nothing("song.mid", "MIDI", handmade.midi),
    nothing("song.wav", "MIDI with a wrong name", handmade.midi),
    nothing("takes.m3u", "playlist", handmade.playlist),
    nothing("playlist.mp3", "playlist with a wrong name", handmade.playlist),
    nothing("takes.db", "database", handmade.database),
    nothing("database.m4a", "database with a wrong name", handmade.database),
    nothing("recorder.bin", "program", handmade.program),
    nothing("._memo.m4a", "macOS on a USB stick", handmade.resource_fork),
    nothing("lfs.wav", "Git LFS, not fetched", handmade.pointer),
    nothing("subtitles.vtt", "subtitles", handmade.subtitles),
    nothing("chapters.txt", "list of chapters", handmade.chapters),
]

WRONG_NAMES = [
    again(name, "renamed file", same, base)
    for name, base in [
        ("was-mp3.wav", "44100.mp3"), ("was-m4a.mp3", "memo.m4a"), ("was-wav.mp3", "plain.wav"),
        ("was-aac.m4a", "memo.aac"), ("was-aac.mp3", "memo.aac"), ("was-webm.wav", "chrome.webm"),
        ("was-webm.mp3", "whole.webm"), ("was-webm.ogg", "chrome.webm"), ("was-ogg.mp3", "export.ogg"),
        ("was-opus.wav", "whatsapp.opus"), ("was-mkv.webm", "obs.mkv"), ("was-mp4.mp3", "obs.mp4"),
        ("was-mp4.wav", "faststart.mp4"), ("was-flac.wav", "export.flac"), ("was-amr.mp3", "memo-low.amr"),
        ("was-caf.m4a", "memo.caf"), ("was-mov.mp4", "quicktime.mov"), ("was-wma.mp3", "export.wma"),
        ("was-ts.mp4", "obs.ts"), ("was-avi.mp4", "screen.avi"), ("was-aiff.wav", "16bit.aiff"),
        ("was-mp2.mp3", "radio.mp2"), ("was-ac3.mp3", "film.ac3"), ("was-w64.wav", "take.w64"),
        ("was-mp3.txt", "44100.mp3"), ("was-wav.bin", "plain.wav"), ("UPPER.MP3", "44100.mp3"),
        ("part.mp3.crdownload", "44100.mp3"), ("radio.mpga", "44100.mp3"), ("radio.mpeg", "44100.mp3"),
        ("layer2.mpga", "radio.mp2"),
    ]
]  # fmt: skip
WITHOUT_SUFFIX = [
    again(base.replace(".", "-"), "temporary file without a suffix", same, base)
    for base in (
        "44100.mp3", "memo.m4a", "plain.wav", "memo.aac", "whatsapp.opus", "chrome.webm", "export.flac", "16bit.aiff",
        "memo.caf", "memo-low.amr", "export.wma", "obs.ts", "screen.avi", "film.ac3", "export.wv", "radio.mp2",
        "sun.au",
    )
]  # fmt: skip

LIMITS = [
    written("nearly-10-s.wav", "clip cut to 10 s", partial(handmade.wav, 9.9996, 44100), "wav", "pcm_s16le", 9.9996),
    written("10-s.wav", "clip cut to 10 s", partial(handmade.wav, 10), "wav", "pcm_s16le", 10),
    written("9-s.wav", "clip that is too short", partial(handmade.wav, 9), "wav", "pcm_s16le", 9),
    written("299-s.wav", "lecture", partial(handmade.wav, 299, 8000, 1, 8), "wav", "pcm_u8", 299),
    written("310-s.wav", "long lecture", partial(handmade.wav, 310, 8000, 1, 8), "wav", "pcm_u8", 310),
    written("320-s.mp3", "long podcast", partial(handmade.mp3, 320.016), "mp3", "mp3", 320.016),
    written("large.wav", "studio take of 22 MB", partial(handmade.wav, 80, 48000, 2, 24), "wav", "pcm_s24le", 80),
    written("19-mb.wav", "studio take of 19 MB", partial(handmade.wav, 69, 48000, 2, 24), "wav", "pcm_s24le", 69),
    written("half-second.wav", "notification", partial(handmade.wav, 0.5), "wav", "pcm_s16le", 0.5),
]

CASES = [
    written("adts-named.m4a", "recorder app, HLS", partial(handmade.adts, 12.492), "aac", "aac", 12.492),
    written("voice.aac", "recorder of an Android phone", partial(handmade.adts, 12.492), "aac", "aac", 12.492),
    tagged("flac-behind-id3.flac", "tagger, FLAC", handmade.id3, "short.flac"),
    written("joined-4x3s.mp3", "sentences of text-to-speech, joined", handmade.joined_mp3, "mp3", "mp3", 12.072),
    written("cut-half.mp3", "upload that broke off in the middle", handmade.cut_mp3, "mp3", "mp3", 6.288, cut=True),
    again("cut-faststart.m4a", "download that broke off", partial(first, 18_000), "faststart.m4a", cut=True),
    nothing("no-moov.m4a", "recorder that crashed", handmade.mp4_without_moov),
    nothing("header-only.wav", "first chunk of a browser", partial(handmade.wav, 0)),
    nothing("header-claims-12s.wav", "first chunk of a browser", partial(handmade.streamed_wav, 0, 400_036, 400_000)),
    written(
        "data-size-0-3s.wav", "streamed, sizes of 0", partial(handmade.streamed_wav, 3, 0, 0), "wav", "pcm_s16le", 3
    ),
    nothing("id3-only.mp3", "export that failed", handmade.id3),
    nothing("ff-bytes.mp3", "erased flash memory", partial(handmade.repeated, b"\xff", 5000)),
    nothing("picture.mp3", "photo with a wrong name", handmade.jpeg),
    picture_only("video-only.mp4", "screen recording without sound", H264),
    movie("screen.mkv", "OBS Studio", f"{H264} {AAC}", "matroska", "aac"),
    movie("video.webm", "recording of a browser", f"{VP8} {OPUS}", "webm", "opus"),
    written("rf64-mulaw.wav", "recorder of long takes", handmade.rf64_mulaw, "wav", "pcm_mulaw", 12.5),
    written("zeros-in-front.mp3", "encoder's delay", handmade.mp3_behind_zeros, "mp3", "mp3", 12.6),
    written("voice.aiff", "Mac", partial(handmade.aiff, 4), "aiff", "pcm_s16be", 4),
    Sample("voice.caf", "recorder of an iPhone", Ffmpeg(f"{ALAC} -f caf", 4), "caf", seconds=4),
    written("voice.amr", "recorder of an old phone", partial(handmade.amr, 12.44), "amr", "amr_nb", 12.44),
    sound("voice.wma", "Windows", "-c:a wmav2 -b:a 32k", "wma", "wmav2", 6),
]

SECTIONS = {
    "Cases that were judged wrongly": CASES,
    "Voice memos of phones": PHONES,
    "Notes of chats": CHATS,
    "Browsers": BROWSERS,
    "Screen recordings": SCREENS,
    "Other videos": VIDEOS,
    "WAV": WAVS,
    "Exports of editors": EDITORS,
    "MP3": MP3S,
    "Parts of streams": FRAGMENTED,
    "Joined files": JOINED,
    "Files that are cut off": [*CUT, *WITHOUT_INDEX, *PARTS],
    "Headers without sound": [*HEADERS, *BEGINNINGS],
    "Written to a pipe": STREAMED,
    "Tags, pictures and garbage": TAGGED,
    "Broken files": BROKEN,
    "No audio files": OTHER_FILES,
    "Names": [*WRONG_NAMES, *WITHOUT_SUFFIX],
    "Lengths and sizes": LIMITS,
}
SAMPLES: dict[str, Sample] = {sample.name: sample for samples in SECTIONS.values() for sample in samples}
