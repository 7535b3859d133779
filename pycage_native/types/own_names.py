"""The names that the implementation of C types follows: nobody's class may have others under them."""

# Problem.  A program writes classes of C types, and the implementation calls methods and reads attributes of them:
# where an object's bytes are, how one is stored.  A sandbox that defines these in a class body, or assigns them later,
# or inherits them from a class that it mixes in, is called by the host with what only the host should have: the memory
# of other objects, the link to an executor.
#
# Things that do not work:
#
# - To look each name up in our own classes: every attribute of every object would cost twice.
# - To refuse all names like `_x_`: programs for ctypes have such names of their own.
#
# Idea.  The names are read off our own classes when all of them are there.  A class body, or an assignment to a class,
# that has one of them is an error.  A class with parents that are no C types gets our own definitions once more, in its
# own dictionary: they come before those of its parents, now and later.
#
# What still fails.  An object of a class that only claims to be a C type (`__class__`) can have all of these names.
# It is asked for values, and is never handed what is not the caller's already; above all not a link (handles.py).

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a program for ctypes says in class bodies, or reads.
_OF_PROGRAMS: Final = frozenset(
    ("_fields_", "_pack_", "_align_", "_anonymous_", "_type_", "_length_", "_argtypes_", "_restype_", "_flags_",
     "_as_parameter_", "_layout_", "_swappedbytes_", "_objects")
)  # fmt: skip
# They are asked for every name, or change where names are found.
_ALWAYS: Final = frozenset(("__getattribute__", "__bases__", "__class__"))
# Read once, when a class is made; what is set later is set unread.
_ONCE: Final = frozenset(("_type_", "_length_", "_argtypes_", "_restype_"))
# Of all C types: name -> nothing, in the order found.  These are made later; the others are read off.
_LATER: Final = ("_pointer_type_", "_pointers_found_", "_promoted_")
# Asked of one class and not of its parents, so nobody's parents can answer.
_NOT_INHERITED: Final = frozenset(("_abstract_", "_pointer_type_", "_pointers_found_"))
_ours: dict[str, None] = {}


def read_off(classes: Iterable[type]) -> None:
    """Note the names of our own classes; from now on nobody else may define them."""
    _ours.update(dict.fromkeys(_LATER))
    for kind in classes:
        for name in vars(kind):
            if name.startswith("_") and name.endswith("_") and not name.startswith("__") and name not in _OF_PROGRAMS:
                _ours[name] = None


def free(name: object) -> bool:
    """Say whether a program may define a name in a class: in its body, or as a field."""
    return type(name) is str and name not in _ours and name not in _ALWAYS


def _shown(name: object) -> str:
    return name[:40] if type(name) is str else "what is no plain str"


def refuse_to_set(kind: type, name: object) -> None:
    """Return if a program may set an attribute of a class.

    Raises:
        TypeError: The name is none of its own.
    """
    if not free(name) or name in _ONCE:
        message = f"{kind.__name__}.{_shown(name)} belongs to the implementation of C types; choose another name"
        raise TypeError(message)


def refuse_metaclass(name: str) -> None:
    """Return unless a sandbox derives a metaclass.

    Raises:
        TypeError: It does: whatever the implementation asks a class would be asked there.
    """
    if _ours and _core.snapshot() is not None:
        message = f"a sandbox cannot derive {name} from a type of C types; derive classes from Structure or Union"
        raise TypeError(message)


def checked(name: str, bases: tuple[type, ...], namespace: dict[str, Any], metaclass: type) -> dict[str, Any]:
    """Return the dictionary to make a class of.

    Args:
        name: Of the class.
        bases: Its parents.
        namespace: What its body defined.
        metaclass: What C types are objects of.

    Raises:
        TypeError: The body defines a name that is not the program's to define.
    """
    made = dict(namespace)
    for key in made:
        if not free(key):
            message = f"class {name}: {_shown(key)} belongs to the implementation of C types; choose another name"
            raise TypeError(message)
    if "__slots__" in made:
        slots = made["__slots__"]
        made["__slots__"] = slots = (slots,) if isinstance(slots, str) else tuple(slots)
        for slot in slots:
            if not free(slot):
                message = f"class {name}: {_shown(slot)} belongs to the implementation of C types; choose another name"
                raise TypeError(message)
    # By exact class: one of somebody's own metaclass is the host's.
    if any(not issubclass(type(kind), metaclass) and kind is not object for base in bases for kind in base.__mro__):
        _pin(made, [kind for base in bases for kind in base.__mro__ if issubclass(type(kind), metaclass)])
    return made


def _pin(namespace: dict[str, Any], ours: list[type]) -> None:
    """Put what our classes define in front of what their siblings may."""
    namespace["__getattribute__"] = object.__getattribute__
    for name in _ours.keys() - _NOT_INHERITED:
        for kind in ours:
            if name in vars(kind):
                namespace[name] = vars(kind)[name]
                break
