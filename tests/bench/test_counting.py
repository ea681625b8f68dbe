"""What is counted of a call is the same in each run."""

from bench.counting import instruction_count, peak_bytes


def test_instructions_are_counted_in_all_functions_that_a_call_enters() -> None:
    def inner() -> int:
        return sum(number for number in range(100))

    counts = [instruction_count(inner), instruction_count(lambda: inner() + inner())]

    assert counts[0] == instruction_count(inner) > 100
    assert 2 * counts[0] < counts[1] < 2 * counts[0] + 20


def test_the_peak_is_that_of_what_exists_at_one_time() -> None:
    def one_after_the_other() -> None:
        for _ in range(3):
            bytes(1_000_000)

    assert 1_000_000 <= peak_bytes(one_after_the_other) < 1_100_000
    assert 2_000_000 <= peak_bytes(lambda: [bytes(1_000_000), bytes(1_000_000)]) < 2_100_000
