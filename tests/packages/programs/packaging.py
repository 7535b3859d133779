"""Versions, specifiers, requirements, markers, names of files."""

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, canonicalize_version, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version, parse


def failing(function, *arguments):
    try:
        function(*arguments)
    except (InvalidVersion, InvalidSpecifier, InvalidRequirement, InvalidMarker) as error:
        return type(error).__name__
    return None


def main():
    versions = [parse(text) for text in ("1.0", "1.0.dev1", "1.0rc1", "1.0.post2", "1!0.5", "1.0+local.1", "0.9")]
    ordered = [str(version) for version in sorted(versions)]
    assert ordered[0] == "0.9"
    assert Version("1.2.3") < Version("1.10")
    assert Version("2.0b3").is_prerelease
    spec = SpecifierSet(">=1.0,<2,!=1.5")
    assert "1.4" in spec
    assert "1.5" not in spec
    assert list(spec.filter(["0.9", "1.2", "2.0", "1.9"])) == ["1.2", "1.9"]
    assert Version("2.2.1") in SpecifierSet("~=2.2")
    need = Requirement('requests[security,tests]>=2.8.1,==2.8.* ; python_version < "2.7" and extra == "x"')
    assert need.marker.evaluate({"python_version": "2.6", "extra": "x"})
    assert not need.marker.evaluate({"python_version": "3.12", "extra": "x"})
    assert Marker("sys_platform == 'linux'").evaluate()
    assert Marker("implementation_name == 'cpython' and os_name == 'posix'").evaluate()
    name, version, build, tags = parse_wheel_filename("Foo_Bar-1.0-1-py3-none-any.whl")
    return {
        "ordered": ordered,
        "parts": (versions[3].release, versions[3].post, versions[4].epoch, versions[5].local, versions[5].public),
        "need": (need.name, sorted(need.extras), str(need.specifier), str(need.marker)),
        "wheel": (name, str(version), build, sorted(map(str, tags))),
        "sdist": tuple(map(str, parse_sdist_filename("foo-2.0.tar.gz"))),
        "names": [canonicalize_name(text) for text in ("Foo.Bar", "a__b")],
        "canonical": canonicalize_version("1.4.0.0"),
        "url": Requirement("pip @ https://example.org/pip.zip").url,
        "failing": [
            failing(Version, "one"),
            failing(SpecifierSet, ">>1"),
            failing(Requirement, "a b c"),
            failing(Marker, "x =="),
        ],
        "marker": str(Marker('(a_b == "c") or python_version > "3"'.replace("a_b", "os_name"))),
    }
