#!/usr/bin/env python3
"""Writes sample_images.h: files of odd kinds, as bytes. Needs Pillow (Debian: python3-pil).

    tests/datasets/sample_images.py > tests/datasets/sample_images.h
"""
import io
import struct
import zlib

from PIL import Image

COLORS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (220, 220, 60)]


def quadrants(width, height):
    """Red and green above blue and yellow."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            image.putpixel((x, y), COLORS[(y >= height // 2) * 2 + (x >= width // 2)])
    return image


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def jpeg(image, **options):
    return saved(image, format="JPEG", quality=80, optimize=True, **options)


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, depth, color, data, interlace=0, metadata=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + metadata
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def interlaced():
    """5x3 of 8 bits, pixel (x, y) = (40 x, 80 y, 7), in the seven passes of Adam7, with a text before them"""
    data = b""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                           (0, 1, 1, 2)]:
        for y in range(y0, 3, dy):
            data += b"\0" + b"".join(bytes([40 * x, 80 * y, 7]) for x in range(x0, 5, dx))
    return png(5, 3, 8, 2, data, interlace=1, metadata=chunk(b"tEXt", b"Comment\0a text"))


def segment(code, data):
    return struct.pack(">BBH", 0xff, code, 2 + len(data)) + data


def one_scan():
    """8x8, grey and progressive; the 11 bytes before the end are a scan of the one DC coefficient, 0."""
    return (b"\xff\xd8" + segment(0xdb, bytes([0] + [1] * 64))
            + segment(0xc2, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
            + segment(0xc4, bytes([0, 1] + [0] * 15 + [0]))  # one code: "0" means a difference of 0
            + segment(0xda, bytes([1, 1, 0, 0, 0, 0])) + b"\x7f" + b"\xff\xd9")


def decoded(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def show_bytes(name, what, data):
    text = data.hex()
    print(f"\n/// {what}\ninline constexpr std::string_view {name} =")
    lines = [text[i:i + 92] for i in range(0, len(text), 92)]
    print("\n".join(f'    "{line}"' for line in lines) + ";")


def samples():
    picture = quadrants(16, 16)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    cmyk = jpeg(picture.convert("CMYK"))
    adobe = cmyk.index(b"Adobe")
    yield "kBaselineJpeg", "16x16 quadrants", jpeg(picture, subsampling=0)
    yield "kSubsampledJpeg", "13x11 quadrants, chroma of half the size each way", jpeg(
        quadrants(13, 11), subsampling="4:2:0")
    yield "kOneScanJpeg", one_scan.__doc__, one_scan()
    yield "kProgressiveJpeg", "the same", jpeg(picture, subsampling=0, progressive=True)
    yield "kGreyJpeg", "the same, one component", jpeg(picture.convert("L"))
    yield "kCmykJpeg", "the same", cmyk
    yield "kYcckJpeg", "the bytes of the one before, said to be YCCK", (
        cmyk[:adobe + 11] + b"\x02" + cmyk[adobe + 12:])
    yield "kCmykWithoutAdobe", "the same without its Adobe marker", cmyk[:2] + cmyk[adobe + 12:]
    # Stored on its side, 32x16: upright it is 16x32.
    yield "kRotatedJpeg", "32x16, EXIF orientation 6", jpeg(
        quadrants(16, 32).transpose(Image.ROTATE_90), subsampling=0, exif=rotated)
    yield "kPalettePng", "16x16 quadrants", saved(
        picture.convert("P", palette=Image.ADAPTIVE, colors=4), format="PNG", optimize=True)
    yield "kAlphaPng", "2x1: (10, 20, 30, 40), (50, 60, 70, 0)", png(
        2, 1, 8, 6, bytes([0, 10, 20, 30, 40, 50, 60, 70, 0]))
    yield "kDeepPng", "1x1 of 16 bits: 0x1234, 0x56ff, 0x9abc", png(
        1, 1, 16, 2, bytes([0, 0x12, 0x34, 0x56, 0xff, 0x9a, 0xbc]))
    yield "kInterlacedPng", interlaced.__doc__, interlaced()
    yield "kHugePng", "says 15000x15000, holds 1 row of nothing", png(15000, 15000, 8, 2, bytes(1))
    yield "kBombPng", "says 8x8, unpacks to 1 MB", png(8, 8, 8, 2, bytes(1 << 20))


print("#pragma once\n\n#include <string_view>\n\nnamespace quench::datasets {\n")
print("// Written by sample_images.py, in hexadecimal.")
for name, what, data in samples():
    show_bytes(name, what, data)
    if name == "kSubsampledJpeg":
        show_bytes("kSubsampledPixels", "Its pixels as Pillow decodes them (H, W, C).",
                   decoded(data).tobytes())
    if name == "kYcckJpeg":
        pixel = decoded(data).getpixel((3, 3))
        print(f"/// Its pixel (3, 3) as Pillow decodes it.\ninline constexpr int kYcckPixel[] = "
              f"{{{pixel[0]}, {pixel[1]}, {pixel[2]}}};")
print("\n}  // namespace quench::datasets")
