"""Maps: what they show is where it is, and what they say is what the range has."""

import re
import xml.etree.ElementTree as ET
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from kubectl_ipam.cli import run
from kubectl_ipam.output.console import Screen
from kubectl_ipam.output.grid import Gap, Row, grid_of
from kubectl_ipam.output.hilbert import point, rectangle
from kubectl_ipam.output.rowmap import print_map
from kubectl_ipam.output.shapes import drawing_of
from kubectl_ipam.output.svg import html_of, svg_of
from kubectl_ipam.sources.files import FileSource
from kubectl_ipam.views import RangeView, State
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_of, printed, range_, request, view_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("order", range(5))
def test_neighbours_on_the_curve_are_neighbours_on_the_square(order: int) -> None:
    points = [point(index, order) for index in range(4**order)]

    assert len(set(points)) == 4**order
    assert all(abs(x - u) + abs(y - v) == 1 for (x, y), (u, v) in pairwise(points))


@pytest.mark.parametrize("size_bits", range(7))
def test_an_aligned_block_is_a_rectangle_of_its_cells(size_bits: int) -> None:
    order = 3
    for index in range(0, 4**order, 1 << size_bits):
        x, y, width, height = rectangle(index, size_bits, order)

        cells = {point(index + each, order) for each in range(1 << size_bits)}
        assert cells == {(x + dx, y + dy) for dx in range(width) for dy in range(height)}


@pytest.fixture(name="view", scope="module")
def _view(tmp_path_factory: pytest.TempPathFactory) -> RangeView:
    box = cluster_of(
        range_("net", "10.0.0.0/22", chunkSize=28, excludes=["10.0.0.64-10.0.0.99"], network={"gateway": "10.0.0.1"}),
        *(request(f"web-{number}") for number in range(12)),
    )
    return view_of(box, tmp_path_factory.mktemp("view"))


def view_with(folder: Path, *manifests: Document, **spec: object) -> RangeView:
    return view_of(cluster_of(range_("net", **spec), *manifests), folder)  # type: ignore[arg-type]


def test_pieces_are_all_addresses_of_a_range_once(view: RangeView) -> None:
    assert sum(piece.address_count for piece in view.pieces) == 1024
    assert all(one.last + 1 == other.first for one, other in pairwise(view.pieces))
    states = {piece.state for piece in view.pieces}
    assert states == {State.FREE, State.HELD, State.RETIRED}


def test_a_row_map_is_readable_without_colour(view: RangeView) -> None:
    out = StringIO()

    print_map(Screen(out), view)

    lines = out.getvalue().splitlines()
    assert lines[:4] == [
        "10.0.0.0/24  xx######xxxxxx##################",
        "10.0.1.0/24  ................................",
        "10.0.2.0/24  ................................",
        "10.0.3.0/24  ................................",
    ]
    assert "# held: 192 addresses" in lines
    assert "x retired: excluded, a gateway, or closed: 37 addresses" in lines
    assert lines[-1].startswith("one cell is a /28, 16 addresses")


def test_a_map_with_colours_is_one_without_them_if_no_color_is_set(
    view: RangeView, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    print_map(Screen(coloured, width=100), view)
    monkeypatch.setenv("NO_COLOR", "1")
    print_map(Screen(plain, width=100), view)

    visible = re.sub("\x1b\\[[0-9;]*m", "", coloured.getvalue().splitlines()[0])
    assert "\x1b[38;2;0;114;178" in coloured.getvalue() or "48;2;0;114;178" in coloured.getvalue()
    assert "\x1b" not in plain.getvalue()
    assert len(visible) == len("10.0.0.0/24  ") + 32
    assert plain.getvalue().splitlines()[0] == "10.0.0.0/24  xx██████xxxxxx██████████████████"


@pytest.mark.parametrize(
    ("ranges", "length", "rows", "cell"),
    [
        ("10.0.0.0/8", 24, 32, 19),
        ("10.0.0.0/28", 32, 1, 32),
        ("10.0.0.0/24", 32, 16, 32),
        ("10.0.0.0/22", 28, 4, 28),
        ("10.0.0.0/30", 32, 1, 32),
    ],
)
def test_cells_are_the_finest_that_fit_on_a_screen(
    ranges: str, length: int, rows: int, cell: int, *, tmp_path: Path
) -> None:
    grid = grid_of(view_with(tmp_path, ranges=[ranges], chunkSize=length), 64)

    assert (len(grid.lines), grid.cell_length) == (rows, cell)


def test_ipv6_shows_what_is_in_use_and_how_much_is_free_in_between(tmp_path: Path) -> None:
    far = request("far", request="2001:db8:7000::/64")
    view = view_with(tmp_path, request("near", request="2001:db8::/64"), far, ranges=["2001:db8::/32"], chunkSize=64)

    lines = grid_of(view, 64).lines

    assert [str(each.prefix) for each in lines if isinstance(each, Row)] == ["2001:db8::/60", "2001:db8:7000::/60"]
    free = [each.free_cell_count for each in lines if isinstance(each, Gap)]
    assert sum(free) == 2**32 - 32
    assert len(drawing_of(view).labels) == 4


@pytest.mark.parametrize(
    ("older", "spec", "free"),
    [
        ([], {}, "65520 /64 free"),
        ([], {"closed": True}, "nothing free"),
        ([], {"excludes": ["fd00:0:0:8000::/49"]}, "32752 /64 free"),
        ([], {"excludes": ["fd00:0:0:8000::1"]}, "65519 /64 free"),
        ([], {"excludes": ["fd00:0:0:10::1e-fd00::ffff:ffff:ffff:ffff:ffff"]}, "30 free addresses"),
        (["fd00::/48"], {}, "nothing free"),
        (["fd00:0:0:ff00::/56"], {}, "65264 /64 free"),
    ],
    ids=["open", "closed", "half excluded", "an address excluded", "no cell free", "older", "a part older"],
)
def test_a_gap_says_how_much_of_it_is_free(
    older: list[str], spec: Document, free: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ranges = [range_("old", each, chunkSize=64) for each in older]
    dump = dump_of(cluster_of(*ranges, range_("net", "fd00::/48", chunkSize=64, **spec)), tmp_path)

    assert f"\n           ... {free}\n" in printed(capsys, "map", "net", "-f", dump)
    picture = printed(capsys, "map", "net", "-f", dump, "--svg", "-", "--no-hilbert")
    assert f'text-anchor="end">{free}</text>' in picture


def test_a_picture_is_one_well_formed_file_without_scripts(view: RangeView) -> None:
    for hilbert in (True, False):
        text = svg_of(view, hilbert=hilbert, marked="default/web-1")
        root = ET.fromstring(text)

        titles = [each.text or "" for each in root.iter(f"{SVG}title")]
        assert "10.0.0.16/28 is held by default/web-0" in titles
        assert any(title.endswith("is excluded") for title in titles)
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "<script" not in text
        assert "prefers-color-scheme:dark" in text


def test_a_hilbert_map_covers_its_square_without_overlaps(view: RangeView) -> None:
    shapes = drawing_of(view, hilbert=True).shapes

    area = sum(each.width * each.height for each in shapes)
    assert area == pytest.approx(1024 * 1024, rel=0.01)


def test_large_ranges_are_drawn_on_a_curve_and_small_ones_in_rows(view: RangeView, tmp_path: Path) -> None:
    large = view_with(tmp_path, request("a"), ranges=["10.0.0.0/8"], chunkSize=24)

    assert drawing_of(large).labels == []
    assert len(drawing_of(view).labels) == 4


def test_names_are_escaped(tmp_path: Path) -> None:
    dump = Path(dump_of(cluster_of(range_("net", "10.0.0.0/24"), request("web")), tmp_path))
    dump.write_text(dump.read_text().replace('"default/web"', '"default/<b>&"'))
    snapshot = FileSource([str(dump)]).read()
    view = RangeView(snapshot, snapshot.ranges["default/net"])

    assert "<b>" not in html_of(view)
    assert "is held by default/<b>&" in "".join(ET.fromstring(svg_of(view)).itertext())


def test_map_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/24"), request("web")), tmp_path)
    svg, page = tmp_path / "net.svg", tmp_path / "net.html"

    assert run(["map", "net", "-f", dump, "--svg", str(svg), "--html", str(page)]) == 0

    assert svg.read_text().startswith("<svg ")
    assert page.read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out == ""
    assert printed(capsys, "map", "net", "-f", dump, "--svg", "-") == svg.read_text()


def test_too_many_cells_are_refused_with_a_cell_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/8", chunkSize=24)), tmp_path)

    assert run(["map", "net", "-f", dump, "--cell", "/28"]) == 2
    assert "try --cell /24" in capsys.readouterr().err
    printed(capsys, "map", "net", "-f", dump, "--cell", "/24")
