"""The exceptions that dateline raises on bad input.

Every one derives from :class:`DatelineError`, whose message says what was found,
where, what was expected and what to do next; the command line prints it as one
line and exits with 2.
"""


class DatelineError(Exception):
    """Base of everything that dateline raises on purpose."""


class TaxonomyError(DatelineError):
    """A taxonomy file cannot be used."""


class UnknownLabelError(DatelineError):
    """A name is no label of the axis that it was looked up on."""


class LexiconError(DatelineError):
    """A lexicon table cannot be used."""


class SampleError(DatelineError):
    """A labelled sample cannot be used."""
