"""The Hilbert curve: addresses on a square, so that neighbours stay together and every aligned block is a rectangle."""


def point(index: int, order: int) -> tuple[int, int]:
    """Where the curve is after this many cells, on a square of 2^order by 2^order of them; it starts at (0, 0)."""
    x = y = 0
    side = 1
    while side < 1 << order:
        right, up = index >> 1 & 1, (index ^ index >> 1) & 1
        if up == 0:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        x, y = x + side * right, y + side * up
        index >>= 2
        side *= 2
    return x, y


def rectangle(index: int, size_bits: int, order: int) -> tuple[int, int, int, int]:
    """The rectangle of an aligned block of 2^size_bits cells: x, y, width and height in cells.

    A block of 4^n cells is a square, one of 2 * 4^n two of them side by side.
    """
    half = size_bits // 2
    first = _square(index, half, order)
    if size_bits % 2 == 0:
        return (*first, 1 << half, 1 << half)
    second = _square(index + (1 << 2 * half), half, order)
    x, y = min(first[0], second[0]), min(first[1], second[1])
    is_wide = first[1] == second[1]
    return x, y, (2 if is_wide else 1) << half, (1 if is_wide else 2) << half


def _square(index: int, half: int, order: int) -> tuple[int, int]:
    """The corner of the square of 4^half cells that begins at an index."""
    x, y = point(index >> 2 * half, order - half)
    return x << half, y << half
