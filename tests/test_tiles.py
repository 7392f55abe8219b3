import numpy as np

from simplebase.tiles import draw_tiles


def grey(level, height=20, width=30):
    return np.full((height, width, 3), level, np.uint8)


def test_tiles_stand_in_rows_in_their_order():
    levels = range(10, 130, 10)
    sheet = draw_tiles([grey(level) for level in levels], [""] * 12, title="", legend="")
    # Cells of 40 by 52 pixels: five in a row come nearest to 3:2.
    found = [sheet[64 + 52 * (place // 5), 10 + 40 * (place % 5), 0] for place in range(12)]
    assert found == list(levels)


def test_what_is_beside_has_room_of_its_own():
    sheet = draw_tiles([grey(50)], [""], title="", legend="", beside=grey(90, 200, 100))
    assert (sheet[64:264, 10:110] == 90).all() and sheet.shape[0] > 264
    assert (sheet[64:84, 130:160] == 50).all()


def test_the_paper_is_as_wide_as_its_title():
    short, long = (
        draw_tiles([grey(50)], [""], title=title, legend="") for title in ("a", "a long title")
    )
    assert long.shape[1] > short.shape[1]
    assert (long[:, -5:] == 255).all()


def test_a_caption_is_no_wider_than_its_tile():
    tiles = [grey(50, 20, 60)] * 2
    sheet = draw_tiles(tiles, ["a caption of many words", ""], title="", legend="")
    captions = sheet[64 + 20 : 64 + 42]
    assert (captions[:, 10:70] < 255).any() and (captions[:, 71:] == 255).all()
