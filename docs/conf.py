"""How the pages become a site: `make docs`."""

from importlib.metadata import version as version_of

project = "bptt-oracle"
version = release = version_of("bptt-oracle")
html_title = "bptt-oracle"

extensions = ["myst_parser"]
myst_heading_anchors = 3  # links such as checking.md#safety lead where they lead on GitHub
nitpicky = True  # with -W a link that leads nowhere fails the build
suppress_warnings = ["myst.header"]  # pages that programs write may go from # to ###
highlight_language = "none"  # what is indented is output

html_theme = (
    "furo"  # its scripts and styles are files of its own, and it loads no fonts: nothing comes from the network
)
html_show_copyright = html_show_sphinx = html_copy_source = False
