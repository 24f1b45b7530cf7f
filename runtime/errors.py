"""What keeps the service from starting, said so that the reader knows what to do next."""


class SetupError(Exception):
    """Something outside the program is not as it has to be.

    Its text is one or more whole sentences for a person at a terminal; a command prints it, without a
    stack, and ends with a non-zero code. It never carries a secret or personal data.
    """
