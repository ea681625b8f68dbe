"""The one error of the plugin: a question that can't be answered, with what to do about it."""


class Unanswerable(Exception):
    """What was asked can't be answered: a wrong argument, an unreadable source, an object that does not exist.

    The message quotes what was wrong, and ends with what to type instead.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
