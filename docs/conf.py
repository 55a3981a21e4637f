"""How `make docs` builds these pages: with warnings as errors, and nothing from the network."""

from pygments.lexers import TextLexer
from sphinx.application import Sphinx

from sandboxer_cli import __version__

project = "sand-boxer"
release = __version__

extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "furo"
html_show_copyright = False
html_title = f"sand-boxer {release}"
# what a heading is called can be linked to: page.md#heading
myst_heading_anchors = 3
nitpicky = True
# pages of Ansible itself that the collection's pages name
nitpick_ignore = [
    ("std:ref", "action_plugins"),
    ("std:ref", "ansible_configuration_settings"),
    ("std:ref", "common_return_values"),
]


def setup(app: Sphinx) -> None:
    app.add_lexer("crontab", TextLexer)  # Pygments has none
