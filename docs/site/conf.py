"""Sphinx's settings. The pages come from a folder that ``python -m docs.site`` fills."""

from docs.site.address import repository
from tinygrad_fm.version import __version__

project = "tinygrad_fm"
author = "The tinygrad_fm developers"
project_copyright = "The tinygrad_fm developers, MIT licence"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.githubpages", "sphinx_copybutton", "docs.site.repository"]
root_doc = "index"
language = "en"
default_role = "code"
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}

myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "repo", "site"]
nb_execution_mode = "off"  # the notebooks are committed with their outputs
nb_merge_streams = True

add_function_parentheses = True
toc_object_entries = False  # thousands: each page has a table of its names instead
maximum_signature_line_length = 88
python_display_short_literal_types = True

html_theme = "furo"
html_title = "tinygrad_fm"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
if repository():
    html_theme_options["footer_icons"] = [{"name": "Repository", "url": repository(), "html": "Source code", "class": ""}]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
pygments_style = "friendly"
pygments_dark_style = "github-dark"
