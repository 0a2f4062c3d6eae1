"""Errors a user can cause. The command line prints each as one line and exits with 2."""


class GdbenchError(Exception):
    """Base of all errors that gdbench raises on purpose; the text is one line for a person."""


class InputError(GdbenchError):
    """Something from outside (file, flag, field, caption, image) is not what was expected."""


class UnknownNameError(InputError):
    """A model, task or suite that is not registered; the text lists near matches."""


class MissingExtraError(GdbenchError):
    """An optional dependency is needed and not installed; the text names the extra."""


class ModelOutputError(GdbenchError):
    """A model returned scores of the wrong shape, or NaN or infinity."""


class RunMismatchError(GdbenchError):
    """A run directory belongs to another model, settings or data; nothing is ever mixed."""


class SetAsideError(GdbenchError):
    """Some items failed again and again; everything else is done, and the run can go on.

    The command line ends with 1.
    """


class DataProblemsError(InputError):
    """A data tree has problems; `problems` lists all of them, the text says how many."""

    def __init__(self, message: str, problems: list[dict[str, str]]) -> None:
        super().__init__(message)
        self.problems = problems
