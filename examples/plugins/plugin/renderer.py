"""The plugin: turns a Markdown file into an HTML file with a package it brings along."""

import mistune

_render = mistune.create_markdown(plugins=["table", "strikethrough"])


def render(source, target):
    """Render the Markdown file ``source`` into the HTML file ``target``; return the number of characters written."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    html = _render(text)
    with open(target, "w", encoding="utf-8") as file:
        return file.write(html)
