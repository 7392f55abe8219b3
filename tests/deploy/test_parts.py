"""The libraries of the C++ demos against what they repeat: OpenCV's pixels, our decoding."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from deploy_programs import Programs
from PIL import Image
from pipeline_datasets import encoded

from simplebase import Crop, HeatmapCodec, read_image
from simplebase.errors import DataError
from simplebase.images import DepthRange, warp_image
from simplebase.pose import Box

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (30, 45, 4), dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    """`(height, width, 3)` uint8 of large blots."""
    blots = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)


def cropped(
    programs: Programs, path: Path, box: Box, crop: Crop, size: tuple[int, int]
) -> np.ndarray:
    out = path.with_suffix(".raw")
    numbers = ",".join(map(str, box))
    programs.probe("crop", path, numbers, crop.padding, crop.center_shift, *size, out)
    return np.fromfile(out, np.uint8).reshape(*size, 3)


@pytest.mark.parametrize("size", [(64, 96), (256, 192)])
@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 301, 407),
        (-40.5, -30, 200, 250),
        (120, 77, 33.3, 60.7),
        (250, 350, 400, 300),
        (3, 4, 2, 1),
    ],
)
@pytest.mark.parametrize("factor", [1, 3, 12])
def test_crops_are_those_of_warp_image(
    programs: Programs, tmp_path: Path, box: Box, size: tuple[int, int], factor: int
) -> None:
    image = smooth(407 * factor, 301 * factor)
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), image[..., ::-1])
    box = tuple(factor * side for side in box)
    crop = Crop(padding=1.3, center_shift=15)
    expected = warp_image(image, crop.matrix(*crop.around_box(np.array(box), size), size), size)
    found = cropped(programs, path, box, crop, size)
    difference = np.abs(found.astype(int) - expected)
    # OpenCV 5 computes in float32, as we do, but fuses multiply-adds where the processor can: now
    # and then that is the next level. OpenCV 4 computes in fixed point.
    assert difference.max() <= (1 if cv2.__version__ >= "5" else 2)
    assert (difference > 0).mean() <= (0.002 if cv2.__version__ >= "5" else 0.3)


def test_a_thin_image_is_averaged_down_along_its_length_alone(
    programs: Programs, tmp_path: Path
) -> None:
    image = smooth(2000, 3)
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), image[..., ::-1])
    # Beside the image, so that the line it becomes lies on a column of the crop.
    size, crop, box = (64, 96), Crop(), (-19.53125, 0, 3, 2000)
    expected = warp_image(image, crop.box_matrix(np.array(box), size), size)
    found = cropped(programs, path, box, crop, size)
    assert np.abs(found.astype(int) - expected).max() <= (1 if cv2.__version__ >= "5" else 2)
    assert found.any()


def saved(folder: Path, name: str) -> Path:
    """An image file of a kind that phones, scanners and editors write."""
    path = folder / name
    colours, grey = NOISE[..., :3], NOISE[..., 0]
    turned = Image.Exif()
    turned[0x0112] = int(name[-5]) if "turned" in name else 1
    images = {
        "baseline.jpg": (Image.fromarray(smooth(97, 131)), {"quality": 91}),
        "progressive.jpg": (Image.fromarray(smooth(64, 80)), {"progressive": True}),
        "full_chroma.jpg": (Image.fromarray(colours), {"subsampling": 0}),
        "grey.jpg": (Image.fromarray(grey), {}),
        "cmyk.jpg": (Image.fromarray(NOISE, "CMYK"), {"quality": 95}),
        "colours.png": (Image.fromarray(colours), {}),
        "alpha.png": (Image.fromarray(NOISE), {}),
        "grey.png": (Image.fromarray(grey), {"transparency": 5}),
        "grey_alpha.png": (Image.fromarray(NOISE[..., :2]), {}),
        "palette.png": (Image.fromarray(colours).quantize(200), {"transparency": 3}),
        "sixteen_colours.png": (Image.fromarray(colours).quantize(16), {"bits": 4}),
        "bits.png": (Image.fromarray(grey > 128), {}),
        "colours.bmp": (Image.fromarray(colours), {}),
        "palette.bmp": (Image.fromarray(colours).quantize(200), {}),
        "grey.bmp": (Image.fromarray(grey), {}),
        "bits.bmp": (Image.fromarray(grey > 128), {}),
        "alpha.bmp": (Image.fromarray(NOISE), {}),
    }
    if "turned" in name:
        Image.fromarray(smooth(40, 56)).save(path, exif=turned)
    elif name == "deep.png":
        cv2.imwrite(str(path), RANDOM.integers(0, 65536, (20, 31, 3), dtype=np.uint16))
    else:
        image, options = images[name]
        image.save(path, **options)
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("baseline.jpg", "progressive.jpg", "full_chroma.jpg", "grey.jpg", "cmyk.jpg"),
        *("colours.png", "alpha.png", "grey.png", "grey_alpha.png", "palette.png", "deep.png"),
        *("sixteen_colours.png", "bits.png", "turned6.png"),
        *("colours.bmp", "palette.bmp", "grey.bmp", "bits.bmp", "alpha.bmp"),
        *(f"turned{orientation}.jpg" for orientation in range(1, 9)),
    ],
)
def test_an_image_is_read_as_python_reads_it(programs: Programs, tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, name)
    expected = read_image(path)
    programs.probe("read", path, tmp_path / "raw")
    raw = (tmp_path / "raw").read_bytes()
    width, height = np.frombuffer(raw, np.int32, 2)
    assert (height, width) == expected.shape[:2]
    assert np.array_equal(np.frombuffer(raw[8:], np.uint8).reshape(expected.shape), expected)


@pytest.mark.parametrize("text", ["0,4095", "29000.5,31000", "file"])
def test_sixteen_bits_are_reduced_as_python_reduces_them(
    programs: Programs, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), RANDOM.integers(0, 65536, (37, 41, 4), dtype=np.uint16))
    programs.probe("read", path, tmp_path / "raw", text)
    found = np.frombuffer((tmp_path / "raw").read_bytes()[8:], np.uint8)
    np.testing.assert_array_equal(found, read_image(path, DepthRange.parse(text)).ravel())


def damaged(name: str) -> bytes:
    """An image file that is damaged in its middle, or only looks so."""
    kind = "png" if name.startswith("png") else "jpeg"
    data = encoded(smooth(97, 131), kind, **({} if kind == "png" else {"quality": 91}))
    middle = len(data) // 2
    return {
        "png checksum": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "png profile": data[:33] + b"\0\0\0\1iCCP\0\0\0\0\0" + data[33:],
        "hole": data[:middle] + data[middle + 300 :],
        "left over": data[:-2] + data[middle : middle + 60] + data[-2:],
        "filled": data[:-2] + b"\0\xff" * 8 + data[-2:],
        "revision": data[:11] + b"\5" + data[12:],
        "cut": data[:middle],
    }[name]


@pytest.mark.parametrize(
    "name", ["png checksum", "png profile", "hole", "left over", "filled", "revision", "cut"]
)
def test_damage_is_judged_as_python_judges_it(
    programs: Programs, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"a.{name.split()[0]}"
    path.write_bytes(damaged(name))
    command = [programs.folder / "tests" / "probe", "read", path, tmp_path / "raw"]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    try:
        read_image(path)
    except DataError:
        assert ended.returncode == 1 and ended.stderr.startswith(f"{path} ")
        assert "damaged" in ended.stderr or "cut off" in ended.stderr
    else:
        assert (ended.returncode, ended.stderr) == (0, "")


def heatmaps(codec: HeatmapCodec) -> np.ndarray:
    """`(1, h, w, 40)`: Gaussians anywhere, also at the border, with noise; two of noise alone."""
    height, width = codec.input_size
    points = RANDOM.uniform(-1, 1, (1, 40, 3)) * [width / 2 + 2, height / 2 + 2, 0]
    points += [width / 2, height / 2, 2]
    maps = codec.encode(points.astype(np.float32))[0]
    maps[..., -2:] = 0
    return (maps + RANDOM.normal(0, 0.03, maps.shape)).astype(np.float32)


@pytest.mark.parametrize("method", ["argmax", "quarter", "dark"])
@pytest.mark.parametrize("alignment", ["center", "corner", "upstream"])
@pytest.mark.parametrize("sigma", [1.0, 1.25, 2.0, 3.4])
def test_heatmaps_are_decoded_to_the_same_numbers(
    programs: Programs, tmp_path: Path, method: str, alignment: str, sigma: float
) -> None:
    codec = HeatmapCodec((64, 96), sigma=sigma, alignment=alignment)
    maps = heatmaps(codec)
    maps.tofile(tmp_path / "maps")
    points, scores = codec.decode(maps, method)
    words = (*maps.shape[1:], codec.stride, sigma, alignment, method)
    lines = programs.probe("decode", tmp_path / "maps", *words).split()
    found = np.array(lines, np.float32).reshape(40, 3)
    np.testing.assert_allclose(found[:, :2], points[0], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(found[:, 2], scores[0])
