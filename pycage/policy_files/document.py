"""What a policy file says: profiles, plugins, and how they are merged into what one sandbox gets."""

# The order of merging, from what is weakest to what is strongest:
#
#     [default]  <  what a profile extends, from left to right  <  the profile itself  <  the plugin  <  command line
#
# - Permissions add up, and so do denials.  A denial beats every permission, wherever either of them stands.
# - Rules about imports are put one behind the other; the last that matches decides, so what is stronger decides.
# - A single value (`imports_default`) is taken from the strongest that has one.
#
# A profile that is extended twice counts once, where it was met first.

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.policy_files.notation import Refused
from pycage.policy_files.variables import PLUGIN_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pycage.permissions import Permission
    from pycage.policy_files.notation import Entry
    from pycage.policy_files.variables import Variables

__all__ = ["COMMAND_LINE", "Document", "Effective", "Line", "Plugin", "Profile", "Rule"]

COMMAND_LINE: Final = "command line"


@final
@attrs.frozen
class Line:
    """One permission of a file, and where it stands there."""

    entry: Entry
    where: str


@final
@attrs.frozen
class Profile:
    """A named set of permissions, denials and rules about imports, as it is written.

    Attributes:
        name: Its name; ``""`` for ``[default]``.
        where: File, line and key.
        extends: The profiles that it takes over, from left to right.
        allow: What it allows.
        deny: What it denies.
        imports: Rules about modules of the host, as `pycage.rules` reads them.
        imports_default: What holds for modules that no rule names: ``vetted``, ``deny``, ``allow``, or None: unsaid.
        own: Rules about the sandbox's own modules.
        description: For people.
    """

    name: str
    where: str
    extends: tuple[str, ...] = ()
    allow: tuple[Line, ...] = ()
    deny: tuple[Line, ...] = ()
    imports: tuple[str, ...] = ()
    imports_default: str | None = None
    own: tuple[str, ...] = ()
    description: str = ""


@final
@attrs.frozen
class Plugin:
    """A manifest: a profile of one's own, and the code that it is for.

    Attributes:
        name: Its name.
        profile: What it may do; ``extends`` names the profiles of the file.
        path: The absolute path of its code, a file or the directory of a package; None: the host loads it otherwise.
        module: The name under which the sandbox loads it.
        sha256: What the code must hash to, in lower-case hexadecimal; None: it is not pinned.
        packages: Installed packages that the sandbox loads as its own modules.
    """

    name: str
    profile: Profile
    path: str | None = None
    module: str = ""
    sha256: str | None = None
    packages: tuple[str, ...] = ()

    @property
    def directory(self) -> str | None:
        """The directory of its code, ``${plugin_dir}``."""
        return None if self.path is None else self.path.rpartition("/")[0] or "/"


@final
@attrs.frozen
class Rule:
    """A permission that is allowed or denied, and where that is said."""

    permission: Permission
    where: str


@final
@attrs.frozen
class Effective:
    """What one profile or plugin amounts to, after merging."""

    allow: tuple[Rule, ...]
    deny: tuple[Rule, ...]
    imports: tuple[str, ...]
    imports_default: str
    own: tuple[str, ...]

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """What is allowed."""
        return tuple(rule.permission for rule in self.allow)

    @property
    def denials(self) -> tuple[Permission, ...]:
        """What is denied, whatever is allowed."""
        return tuple(rule.permission for rule in self.deny)

    def with_more(
        self, allow: Iterable[Permission] = (), deny: Iterable[Permission] = (), imports: Iterable[str] = ()
    ) -> Effective:
        """Return this with what the command line adds, which is stronger than all that a file says."""
        return attrs.evolve(
            self,
            allow=(*self.allow, *(Rule(permission, COMMAND_LINE) for permission in allow)),
            deny=(*self.deny, *(Rule(permission, COMMAND_LINE) for permission in deny)),
            imports=(*self.imports, *imports),
        )


@final
@attrs.frozen
class Document:
    """All that a policy file says.  Valid once it exists: names are known, profiles do not extend themselves.

    Attributes:
        source: How messages name the file.
        default: What every profile starts from.
        profiles: By name, in the order of the file.
        plugins: By name, in the order of the file.
        variables: What names may contain.
    """

    source: str
    default: Profile
    profiles: Mapping[str, Profile]
    plugins: Mapping[str, Plugin]
    variables: Variables = attrs.field(eq=False)

    def layers(self, name: str) -> tuple[Profile, ...]:
        """Return what is merged for a plugin or profile (``""``: for ``[default]``), the weakest first."""
        if name == "":
            return (self.default,)
        plugin = self.plugins.get(name)
        last = self.profiles[name] if plugin is None else plugin.profile
        return (self.default, *self._linear(last, (), {}))

    def effective(self, name: str, *, plugin_dir: str | None = None) -> Effective:
        """Return what a plugin or profile amounts to.

        Args:
            name: Its name.
            plugin_dir: What ``${plugin_dir}`` stands for where no plugin is meant.

        Raises:
            Refused: A name cannot be filled in: ``${plugin_dir}`` where no plugin is meant.
        """
        plugin = self.plugins.get(name)
        variables = self.variables
        if plugin is not None and plugin.directory is not None:
            plugin_dir = plugin.directory
        if plugin_dir is not None:
            variables = variables.with_value(PLUGIN_DIR, plugin_dir)
        layers = self.layers(name)
        defaults = [layer.imports_default for layer in layers if layer.imports_default is not None]
        return Effective(
            _rules((line for layer in layers for line in layer.allow), variables),
            _rules((line for layer in layers for line in layer.deny), variables),
            tuple(line for layer in layers for line in layer.imports),
            defaults[-1] if defaults else "vetted",
            tuple(line for layer in layers for line in layer.own),
        )

    def _linear(self, profile: Profile, above: tuple[str, ...], met: dict[str, None]) -> Iterator[Profile]:
        for name in profile.extends:
            if name in above:
                circle = " -> ".join([*above[above.index(name) :], name])
                raise Refused("circle", f"profiles extend each other in a circle: {circle}", "take one of them out")
            if name not in met:
                yield from self._linear(self.profiles[name], (*above, name), met)
                met[name] = None
        yield profile


def _rules(lines: Iterable[Line], variables: Variables) -> tuple[Rule, ...]:
    made = []
    for line in lines:
        try:
            made.append(Rule(line.entry.permission(variables.expand), line.where))
        except Refused as refused:
            raise Refused(refused.code, f"{line.where}: {refused}", refused.fix) from None
    return tuple(made)
