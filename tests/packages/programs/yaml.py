"""Documents in and out: anchors, tags, dates, classes of one's own, errors."""

import datetime

import yaml

DOCUMENT = """
title: Example
when: 2024-02-29
at: 2024-02-29T10:20:30Z
list: [1, 2.5, yes, null, 0x1f, 1_000]
base: &base {a: 1, b: two}
derived:
  <<: *base
  c: |
    line one
    line two
folded: >
  some
  text
"quoted\\u00e9": 'it''s'
point: !point [3, 4]
binary: !!binary aGVsbG8=
set: !!set {x, y}
"""


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    __hash__ = None


class Monster(yaml.YAMLObject):
    yaml_tag = "!monster"
    yaml_loader = yaml.SafeLoader

    def __init__(self, name):
        self.name = name


def main():
    yaml.SafeLoader.add_constructor("!point", lambda loader, node: Point(*loader.construct_sequence(node)))
    yaml.SafeDumper.add_representer(
        Point, lambda dumper, point: dumper.represent_sequence("!point", [point.x, point.y])
    )
    data = yaml.safe_load(DOCUMENT)
    assert data["when"] == datetime.date(2024, 2, 29)
    assert data["list"] == [1, 2.5, True, None, 31, 1000]
    assert data["derived"] == {"a": 1, "b": "two", "c": "line one\nline two\n"}
    assert data["point"] == Point(3, 4)
    assert data["binary"] == b"hello"
    assert data["set"] == {"x", "y"}
    assert yaml.safe_load(yaml.safe_dump(data)) == data
    monster = yaml.safe_load("!monster {name: Ogre}")
    try:
        yaml.safe_load("a: [1, 2\nb: 3")
    except yaml.YAMLError as error:
        where = (error.problem_mark.line, error.problem_mark.column)
    try:
        yaml.safe_load("!!python/object/apply:os.system ['true']")
    except yaml.constructor.ConstructorError as error:
        refused = error.problem[:40]
    shared = [1, 2]
    return {
        "dump": yaml.safe_dump({"b": [1, {"c": None}], "a": "x: y", "s": shared, "t": shared}, sort_keys=True),
        "flow": yaml.dump([1, "two", 3.5], default_flow_style=True),
        "all": list(yaml.safe_load_all("--- 1\n--- [a]\n...\n")),
        "monster": monster.name,
        "dumped": yaml.dump(monster),
        "where": where,
        "refused": refused,
        "tokens": [type(token).__name__ for token in yaml.scan("a: 1")],
        "events": [type(event).__name__ for event in yaml.parse("[x]")],
        "folded": data["folded"],
        "keys": list(data)[-5:],
        "bytes": yaml.safe_load("caf\u00e9: \u2713".encode()),
        "full": yaml.full_load("[1, 2]"),
    }
