"""Cannot be loaded."""

raise ZeroDivisionError("a module that cannot be loaded")
