"""The page Predict: pictures in, what the model says about them and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from apps.app_logic import local_data, pictures, settings
from apps.app_logic.inspection import Inspected
from apps.app_logic.pictures import Picture
from apps.app_logic.texts import plain, sentence
from apps.app_pages.canvas import canvas
from apps.app_pages.figures import figure, show_figures, show_probabilities
from apps.app_pages.model_choice import choose_model
from tinygrad_fm.errors import CheckpointError, DataError
from tinygrad_fm.training import RunFolder
from tinygrad_fm.viz.conv_features import mosaic

MOST = 24  # pictures at a time
SHOWN = 12  # test images to choose from
SOURCES = ["Upload", "Camera", "Draw", "Test images"]


def show() -> None:
    """The whole page."""
    st.title("Predict")
    st.write("Show the model a garment. Pictures are looked at on this machine, and forgotten when you leave.")
    if "source" in st.session_state:  # else it would be forgotten where there is no model for a moment
        st.session_state["source"] = st.session_state["source"]
    chosen = choose_model()
    if chosen is None:
        return
    model, run = chosen
    source = st.segmented_control("Where pictures come from", SOURCES, default=SOURCES[0], required=True, key="source")
    if source == "Upload":
        found = _uploaded()
    elif source == "Camera":
        found = _photographed()
    elif source == "Draw":
        found = _drawn()
    else:
        found = _tested(run, model)
    if not found:
        return
    try:
        probabilities = model.probabilities([picture.image for picture in found])
    except CheckpointError as error:
        st.error(sentence(error))
        return
    for picture, row in zip(found, probabilities, strict=True):
        _show_answer(picture, row, model)
    _look_inside(found, probabilities, model)


# -- where pictures come from ------------------------------------------------------------------------------------------


def _uploaded() -> list[Picture]:
    files = st.file_uploader(
        "Pictures of one garment each",
        accept_multiple_files=True,
        max_upload_size=settings.MAX_MEGABYTES,
        help="JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF and PPM, told by what is in them.",
        key="files",
    )
    if len(files) > MOST:
        st.warning(f"These are {len(files)} pictures; the first {MOST} are looked at.")
    return _read(files[:MOST])


def _photographed() -> list[Picture]:
    photo = st.camera_input("One garment, on a plain ground", key="camera")
    return _read([photo] if photo else [])


def _read(files: Iterable[Any]) -> list[Picture]:
    """Those of the files that are pictures; a sentence for each that is none."""
    known: dict[str, Picture] = st.session_state.get("pictures", {})  # every touch of the page runs it anew
    found: dict[str, Picture] = {}
    for file in files:
        try:
            found[file.file_id] = known.get(file.file_id) or pictures.from_file(file.getvalue(), file.name)
        except DataError as error:
            st.error(sentence(error))
    st.session_state["pictures"] = found
    return list(found.values())


def _drawn() -> list[Picture]:
    st.write("Draw one garment, as large as the canvas.")
    drawing = canvas("drawing")
    fill = st.toggle("Fill closed outlines", value=True, help="The models were trained on garments, not on outlines.")
    try:
        picture = pictures.from_drawing(drawing, fill)
    except DataError as error:
        st.error(sentence(error))
        return []
    return [picture] if picture else []


def _tested(run: Path, model: Inspected) -> list[Picture]:
    try:
        data = local_data.images_for(RunFolder(run.parent.parent if run.is_file() else run))
    except (CheckpointError, DataError, OSError) as error:
        st.error(f"The test images of this model cannot be had: {sentence(error)}")
        return []
    if data.classes != model.classes:
        st.error("This model tells other classes apart than the test images of its run have.")
        return []
    kind = st.selectbox("Which garments", ["all", *data.classes], key="garments")
    labels = np.asarray(data.targets)
    numbers = np.flatnonzero(labels == data.classes.index(kind)) if kind != "all" else np.arange(len(labels))
    if st.button("Show others"):
        st.session_state["first_shown"] = st.session_state.get("first_shown", 0) + SHOWN
    start = st.session_state.get("first_shown", 0) % max(1, len(numbers))
    shown = np.take(numbers, range(start, start + min(SHOWN, len(numbers))), mode="wrap")
    images = {int(number): np.asarray(data.data[number]) for number in shown}
    with st.container(horizontal=True):
        for number, image in images.items():
            with st.container(width=96):
                label = data.classes[int(labels[number])]
                show_figures([figure(image, f"Test image {number}: {label}", label, 84)])
                st.checkbox(f"{number}", key=f"test image {number}", value=number == shown[0])
    return [
        pictures.from_test_set(image, int(labels[number]), number)
        for number, image in images.items()
        if st.session_state[f"test image {number}"]
    ]


# -- what the model says ---------------------------------------------------------------------------------------------------


def _show_answer(picture: Picture, probabilities: Any, model: Inspected) -> None:
    best = int(np.argmax(probabilities))
    with st.container(border=True):
        st.subheader(f"{plain(model.classes[best])}, {probabilities[best]:.1%}")
        if picture.label is not None:
            right = "right" if picture.label == best else "wrong"
            st.write(f"The answer is {right}: this is of the class {plain(model.classes[picture.label])}.")
        if picture.doubt:
            st.warning(picture.doubt.capitalize() + ".")
        left, right_side = st.columns([3, 2])
        with left:
            show_figures(
                [
                    figure(picture.original, f"The picture {picture.name}", picture.name, 140),
                    figure(picture.cutout, "The garment, cut out of the picture", "cut out", 140),
                    figure(picture.image, "What the model saw: 28 by 28 pixels, light on dark", "seen at 28×28", 140),
                ],
                one_row=True,
            )
        with right_side:
            show_probabilities(probabilities.tolist(), model.classes, f"Probability of each class for {picture.name}")


def _look_inside(found: list[Picture], probabilities: Any, model: Inspected) -> None:
    """Saliency, Grad-CAM and feature maps of one of the pictures."""
    st.header("Why")
    numbers, order = range(len(found)), list(range(len(model.classes)))
    with st.container(horizontal=True):
        number = 0
        if len(found) > 1:
            number = st.selectbox("Picture", numbers, format_func=lambda i: f"{i + 1}: {found[i].name}", width=280) or 0
        order.sort(key=lambda k: -probabilities[number][k])
        target = st.selectbox("What speaks for", order, format_func=lambda k: model.classes[k], width=280)
        layer = None
        if model.convolutions:
            layer = st.selectbox("Grad-CAM looks at", list(reversed(model.convolutions)), width=280)
    target = order[0] if target is None else target
    picture, name = found[number], model.classes[target]
    try:
        explained = model.explain(picture.image, target, layer)
    except ValueError as error:
        st.error(sentence(error))
        return
    heat = pictures.coloured(explained.saliency, "magma", low=0.0)
    shown = [
        figure(picture.image, "What the model saw", "what the model saw", 168),
        figure(heat, f"Saliency: how much each pixel changes the score of {name}", "saliency", 168),
    ]
    if explained.grad_cam is not None:
        words = f"Grad-CAM: where the convolution {layer} finds what speaks for {name}"
        shown.append(figure(pictures.overlaid(picture.image, explained.grad_cam), words, f"Grad-CAM of {layer}", 168))
    show_figures(shown, one_row=True)
    if explained.grad_cam is None:
        st.write(f"{model.kind} has no convolutions: there are no feature maps and no Grad-CAM.")
        return
    if not explained.grad_cam.any():
        st.write(f"Nothing that {plain(layer)} finds speaks for {plain(name)}: Grad-CAM is 0 everywhere.")
    st.caption(
        "Saliency is bright where a small change of a pixel changes the score of the class most. Grad-CAM is warm where the "
        "maps of a convolution speak for the class."
    )
    st.header("Feature maps")
    for path, maps in explained.maps.items():
        count, height, width = maps.shape
        some = f", the first {_MOST_MAPS} shown" if count > _MOST_MAPS else ""
        caption = f"{path}: {count} maps of {height}×{width}{some}"
        tiles = mosaic(maps[:_MOST_MAPS], columns=16 if count > 32 else 8)
        with st.expander(plain(caption), expanded=len(explained.maps) <= 4):
            show_figures(
                [figure(pictures.coloured(tiles, "viridis"), f"Feature maps of {caption}", "dark low, bright high", 720)]
            )


_MOST_MAPS = 64

show()
