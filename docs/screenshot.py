"""The picture of a report: python -m docs.screenshot [FILE], in the root of the repository. It needs chromium."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.oracle.presentation.html.browser import browser, missing

ROOT = Path(__file__).parents[1]
TARGET = "examples/check_wrong.py::untransposed_carry"
WIDTH, HEIGHT = 1280, 1365  # pixels: down to the heat maps
COLOURS = 256


def main(picture: Path) -> None:
    if missing():
        sys.exit(missing())
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        command = [Path(sys.executable).with_name("bptt-oracle"), "check", TARGET, "--html", page]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)  # 1, for the program is wrong
        with browser() as chromium:
            chromium.open(page, WIDTH)
            image = Image.open(io.BytesIO(chromium.png(HEIGHT)))
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)  # half as large


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images" / "report.png")
