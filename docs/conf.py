"""How Sphinx builds the documentation, by `nox -s docs`. The rest: scripts/docs/sphinx_extension.py."""

from voice_clone import __version__

project = "voice-clone-clients"
author = "the voice-clone-clients contributors"
version = release = __version__
copyright = "the voice-clone-clients contributors, MIT licensed"  # noqa: A001 - the name in Sphinx
language = "en"

extensions = ["sphinx.ext.autodoc", "myst_parser", "sphinx_copybutton", "scripts.docs.sphinx_extension"]
exclude_patterns = ["adding-a-provider/*"]

# The pages are plain Markdown, which a code-hosting site shows as well.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
# `wait` is in every example; what is asked for is a page of prose, so that a word in it leads there.
highlight_language = "text"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_type_aliases = {  # signatures name these instead of their unions
    "AudioSource": "voice_clone.AudioSource",
    "AudioTarget": "voice_clone.audio.sink.AudioTarget",
    "Clip": "voice_clone.audio.checks.Clip",
    "Kind": "voice_clone.testing.Kind",
}
nitpicky = True  # every type in a signature must have a link
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
default_role = "code"

pygments_dark_style = "a11y-high-contrast-dark"  # furo's own underlines modules as if they were links
html_theme = "furo"
html_title = f"voice-clone-clients {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
