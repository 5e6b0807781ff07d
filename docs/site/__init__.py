"""The documentation site: ``python -m docs.site`` builds it from docs/, the notebooks and the docstrings (extra ``docs``)."""
