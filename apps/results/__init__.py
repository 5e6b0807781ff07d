"""docs/results.md: training its rows (`launch`), what is kept of each run (`records`), and the page made of that (`page`)."""
