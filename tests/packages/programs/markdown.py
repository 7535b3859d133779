"""Pages with lists, code, HTML, tables, footnotes, and an extension of one's own."""

import markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import SimpleTagInlineProcessor

PAGE = """
# Title {#top}

A *paragraph* with **bold**, `code` and a [link](http://example.org "there").

> quoted
> lines

* one
* two
    1. nested

<div class="raw">kept & raw</div>

Some &amp; entities, <b>inline</b> html.

    indented = code

| a | b |
|---|--:|
| 1 | 2 |

Text[^1] with ~~gone~~ words.

[^1]: The note.
"""


# The short names of extensions come from what is installed, and nothing is installed in a sandbox.
NAMES = ("tables", "footnotes", "attr_list", "fenced_code", "toc")


class Strike(Extension):
    def extendMarkdown(self, md):
        md.inlinePatterns.register(SimpleTagInlineProcessor(r"()~~(.*?)~~", "del"), "del", 175)


def main():
    md = markdown.Markdown(extensions=[*map("markdown.extensions.{}".format, NAMES), Strike()])
    html = md.convert(PAGE)
    for part in (
        '<h1 id="top">Title</h1>',
        "<em>paragraph</em>",
        '<a href="http://example.org" title="there">link</a>',
        "<blockquote>",
        "<ol>",
        '<div class="raw">kept & raw</div>',
        "<pre><code>indented = code",
        '<td style="text-align: right;">2</td>',
        "<del>gone</del>",
        'class="footnote"',
    ):
        assert part in html, (part, html)
    md.reset()
    fenced = md.convert("```python\nprint(1 < 2)\n```\n")
    assert 'class="language-python"' in fenced
    meta = markdown.Markdown(extensions=["markdown.extensions.meta"])
    meta.convert("Author: ann\nTags: a\n      b\n\ntext")
    return {
        "html": html,
        "fenced": fenced,
        "toc": md.toc,
        "meta": meta.Meta,
        "short": markdown.markdown("*a* _b_ <script>x</script>\n\n---\n1. x\n2. y"),
    }
