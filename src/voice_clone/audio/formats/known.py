"""The formats that are recognised, and how each is sent."""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """A file format."""

    title: str
    """For people, as in `is an AMR recording`."""
    media_type: str
    extensions: tuple[str, ...]
    """The first one is given to a name that has none of them."""


FORMATS = {
    "wav": Format("WAV", "audio/x-wav", (".wav", ".wave")),
    "mp3": Format("MP3", "audio/mpeg", (".mp3", ".mpeg", ".mpga")),
    "m4a": Format("M4A", "audio/mp4", (".m4a", ".mp4", ".m4b")),
    "flac": Format("FLAC", "audio/flac", (".flac",)),
    "ogg": Format("Ogg", "audio/ogg", (".ogg", ".oga", ".opus")),
    "webm": Format("WebM", "audio/webm", (".webm",)),
    "aac": Format("AAC in ADTS", "audio/aac", (".aac",)),
    "mp2": Format("MPEG audio layer II", "audio/mpeg", (".mp2", ".mpga", ".mpeg")),
    "mp4": Format("MP4 video", "video/mp4", (".mp4", ".m4v")),
    "mov": Format("QuickTime", "video/quicktime", (".mov", ".qt")),
    "3gp": Format("3GP", "audio/3gpp", (".3gp", ".3g2")),
    "matroska": Format("Matroska", "video/x-matroska", (".mkv", ".mka")),
    "aiff": Format("AIFF", "audio/aiff", (".aiff", ".aif", ".aifc")),
    "caf": Format("CAF", "audio/x-caf", (".caf",)),
    "amr": Format("AMR", "audio/amr", (".amr", ".awb")),
    "wma": Format("Windows Media", "audio/x-ms-wma", (".wma", ".asf", ".wmv")),
    "au": Format("AU", "audio/basic", (".au", ".snd")),
    "w64": Format("Wave64", "audio/x-w64", (".w64",)),
    "wavpack": Format("WavPack", "audio/x-wavpack", (".wv",)),
    "ac3": Format("AC-3", "audio/ac3", (".ac3", ".eac3", ".ec3")),
    "dts": Format("DTS", "audio/vnd.dts", (".dts",)),
    "latm": Format("AAC in LATM", "audio/aac", (".latm", ".loas")),
    "mpegts": Format("MPEG transport stream", "video/mp2t", (".ts", ".mts", ".m2ts")),
    "mpegps": Format("MPEG program stream", "video/mpeg", (".mpg", ".vob")),
    "avi": Format("AVI", "video/x-msvideo", (".avi",)),
    "flv": Format("Flash video", "video/x-flv", (".flv",)),
    "ape": Format("Monkey's Audio", "audio/x-ape", (".ape",)),
    "tta": Format("True Audio", "audio/x-tta", (".tta",)),
    "musepack": Format("Musepack", "audio/x-musepack", (".mpc",)),
    "dsf": Format("DSD", "audio/x-dsf", (".dsf", ".dff")),
    "voc": Format("Creative Voice", "audio/x-voc", (".voc",)),
    "real": Format("RealMedia", "audio/x-pn-realaudio", (".ra", ".rm")),
    "sphere": Format("NIST SPHERE", "audio/x-nist", (".sph",)),
}
