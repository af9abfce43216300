"""Develops a render into a photograph: depth of field from the depth pass, grain, vignette, JPEG.

    develop.py colour.png depth.png out.jpg --focus NEAR FAR --aperture PX [--turn] [--quality N]

From NEAR to FAR, in mm from the lens, all is sharp, as in a focus-stacked exposure.
`--turn` stores the picture a quarter turn to the left, as a camera held upright does (Orientation 6 shows it
upright again). The thumbnail that a camera would embed is written beside it, as out.thumb.jpg. Needs numpy and Pillow. Written for Hallmark. Licence: Apache-2.0 OR MIT.
"""

import argparse

import numpy
from PIL import Image

FOG_MM = 100  # as in studio.inc
BLURS_PX = [0, 0.8, 1.6, 3, 5, 8, 12, 18, 26]


def linear(srgb):
    return numpy.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def encoded(light):
    light = numpy.clip(light, 0, 1)
    return numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def disc_blur(plane, radius):
    """A disc of `radius` pixels with a soft edge, by FFT; the border is mirrored."""
    pad = int(radius) + 2
    padded = numpy.pad(plane, pad, mode="reflect")
    height, width = padded.shape
    y = numpy.minimum(numpy.arange(height), height - numpy.arange(height))[:, None]
    x = numpy.minimum(numpy.arange(width), width - numpy.arange(width))[None, :]
    kernel = numpy.clip(radius + 0.5 - numpy.hypot(y, x), 0, 1)
    kernel /= kernel.sum()
    blurred = numpy.fft.irfft2(numpy.fft.rfft2(padded) * numpy.fft.rfft2(kernel), s=padded.shape)
    return blurred[pad:-pad, pad:-pad]


def depth_of_field(light, distance, near, far, aperture):
    """What lies behind the focus never takes colour from what is sharper than itself."""
    off = numpy.maximum(numpy.maximum(near - distance, distance - far), 0)
    circle = numpy.minimum(aperture * off / distance, BLURS_PX[-1])
    out = light.copy()
    for low, high in zip(BLURS_PX, BLURS_PX[1:]):
        here = (circle > low) & (circle <= high)
        if not here.any():
            continue
        layers = []
        for radius in (low, high):
            if radius == 0:
                layers.append(light)
                continue
            # light comes from what is about as blurred as this layer, or more
            weight = numpy.clip((circle - 0.15 * low) / (0.7 * low + 0.01), 0, 1)
            total = numpy.maximum(disc_blur(weight, radius), 1e-6)
            layers.append(
                numpy.dstack([disc_blur(light[:, :, c] * weight, radius) / total for c in range(3)])
            )
        share = ((circle - low) / (high - low))[:, :, None]
        mixed = layers[0] * (1 - share) + layers[1] * share
        out = numpy.where(here[:, :, None], mixed, out)
    return out


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("colour")
    arguments.add_argument("depth")
    arguments.add_argument("out")
    arguments.add_argument("--focus", type=float, nargs=2, required=True, help="mm from the lens")
    arguments.add_argument("--aperture", type=float, required=True, help="blur in pixels at infinity")
    arguments.add_argument("--turn", action="store_true")
    arguments.add_argument("--quality", type=int, default=88)
    a = arguments.parse_args()

    light = linear(numpy.asarray(Image.open(a.colour).convert("RGB"), dtype=float) / 255)
    depth = numpy.asarray(Image.open(a.depth), dtype=float)
    if depth.ndim == 3:
        depth = depth[:, :, 0]
    depth /= 65535 if depth.max() > 255 else 255
    distance = -FOG_MM * numpy.log(1 - numpy.clip(depth, 0.001, 0.999))

    light = depth_of_field(light, distance, *a.focus, a.aperture)
    glow = numpy.dstack([disc_blur(numpy.clip(light[:, :, c] - 0.75, 0, None), 22) for c in range(3)])
    light = light + 0.35 * glow
    height, width, _ = light.shape
    y, x = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light *= (1 - 0.16 * (x * x + y * y) / 2)[:, :, None]

    picture = encoded(light)
    picture = picture + 0.10 * picture * (1 - picture) * (2 * picture - 1) * 2  # a little contrast
    dice = numpy.random.default_rng(750)
    grain = dice.normal(0, 1.5 / 255, (height, width, 1)) + dice.normal(0, 0.7 / 255, (height, width, 3))
    picture = numpy.clip(picture + grain, 0, 1)

    image = Image.fromarray((picture * 255 + 0.5).astype("uint8"), "RGB")
    if a.turn:
        image = image.transpose(Image.Transpose.ROTATE_90)
    image.save(a.out, quality=a.quality, subsampling=1, optimize=True)
    image.resize((160, 120), Image.Resampling.LANCZOS).save(a.out.removesuffix(".jpg") + ".thumb.jpg", quality=72)


if __name__ == "__main__":
    main()
