"""Section 5.4 of vault/FORMAT.md: whether content begins as its stated media type does."""

RATES = (44100, 48000, 32000)
KBPS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def frame(head, at):
    """(version, rate, length) of an MPEG audio frame header, or None."""
    header = head[at:at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, sampling, index = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or sampling == 3 or not 1 <= index <= 14:
        return None
    rate = RATES[sampling] // {3: 1, 2: 2, 0: 4}[version]
    factor = 144000 if version == 3 else 72000
    length = factor * KBPS[version == 3][index - 1] // rate + (header[2] >> 1 & 1)
    return version, rate, length


def is_mpeg_audio(head):
    first = frame(head, 0)
    if not first:
        return False
    if len(head) < first[2] + 4:
        return True
    second = frame(head, first[2])
    return bool(second) and second[:2] == first[:2]


def brand(head):
    size = int.from_bytes(head[:4], "big")
    brands = head[8:min(size, len(head))] if size > 8 else b""
    groups = [brands[i:i + 4] for i in range(0, len(brands) - 3, 4)]
    if not groups:
        return None
    major, compatible = groups[0], groups[2:]
    avif = (b"avif", b"avis")
    if major in avif or (major in (b"mif1", b"msf1") and any(b in avif for b in compatible)):
        return "avif"
    if major in (b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"):
        return "heic"
    return None if major in (b"crx ", b"jp2 ", b"jpx ", b"jxl ", b"jpm ") else "mp4"


def kind_of(head):
    starts = [
        (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"OggS", "ogg"),
        (b"fLaC", "flac"), (b"%PDF-", "pdf"),
    ]
    for start, kind in starts:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE"):
        return "webp" if head[8:12] == b"WEBP" else "wav"
    if head.startswith(b"ID3") or is_mpeg_audio(head):
        return "mp3"
    if head[4:8] == b"ftyp":
        return brand(head)
    return "mp4" if head[4:8] in (b"moov", b"mdat", b"wide") else None


TYPES = {
    "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "image/heic": "heic",
    "image/avif": "avif", "video/mp4": "mp4", "audio/mp4": "mp4", "video/quicktime": "mp4",
    "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/flac": "flac", "audio/wav": "wav",
    "application/pdf": "pdf",
}


def media_type_fits(stated, content):
    head = content[:4096]
    if stated == "application/octet-stream":
        return True
    if stated in ("text/plain", "text/markdown"):
        try:
            head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":  # else cut inside a well-formed character
                return False
        return b"\0" not in head
    return stated in TYPES and kind_of(head) == TYPES[stated]
