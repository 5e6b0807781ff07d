"""make_grid and save_image: torchvision's layout, values and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.utils import make_grid, save_image


def test_the_grid() -> None:
    images = torch.arange(1.0, 6.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 3)
    grid = make_grid(images, nrow=3, padding=1, pad_value=9.0)
    assert grid.shape == (3, 2 * 3 + 1, 3 * 4 + 1)
    assert (grid[0] == grid[2]).all()
    assert grid[0, 1].tolist() == [9, 1, 1, 1, 9, 2, 2, 2, 9, 3, 3, 3, 9]
    assert grid[0, 4].tolist() == [9, 4, 4, 4, 9, 5, 5, 5, 9, 9, 9, 9, 9]
    assert grid[0, 3].tolist() == [9] * 13


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (3, 4, 5), (1, 1, 4, 5)])
def test_one_image_comes_as_it_is(shape: tuple[int, ...]) -> None:
    assert make_grid(torch.ones(shape)).shape == (3, 4, 5)


def test_lists_and_values() -> None:
    images = [torch.full((1, 2, 2), v) for v in (-1.0, 0.0, 3.0)]
    grid = make_grid(images, padding=0, normalize=True)
    assert grid[0, 0].tolist() == [0, 0, 0.25, 0.25, 1, 1]
    assert make_grid(images, padding=0, normalize=True, value_range=(0.0, 1.0))[0, 0].tolist() == [0, 0, 0, 0, 1, 1]
    assert make_grid(torch.stack(images), padding=0, normalize=True, scale_each=True).max() == 0  # each is constant
    assert images[0][0, 0, 0] == -1
    assert make_grid(torch.zeros(2, 1, 2, 2, dtype=torch.uint8)).dtype == torch.uint8


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.ones(2, 5, 4, 4), r"one channel or three, .* got \(2, 5, 4, 4\)"),
        (torch.ones(3), r"got \(3,\)"),
        (torch.ones(0, 1, 4, 4), "got"),
        ([], "of one shape, got none"),
        ([torch.ones(1, 2, 2), torch.ones(1, 3, 3)], "of one shape"),
    ],
)
def test_what_is_no_images(images: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_grid(images)


def test_files(tmp_path: Path) -> None:
    from PIL import Image

    save_image(torch.tensor([[0.0, 0.5], [1.0, 2.0]]), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image)[:, :, 0].tolist() == [[0, 128], [255, 255]]
    save_image(torch.rand(4, 3, 8, 8), tmp_path / "b.jpg", nrow=2)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (22, 22)
    with pytest.raises(ValueError, match=r"must be one of png.*got 'xyz'"):
        save_image(torch.rand(1, 8, 8), tmp_path / "c.xyz")
    assert len(list(tmp_path.iterdir())) == 2
