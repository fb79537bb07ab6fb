"""What stands in for something that could not be imported, until it is used."""

from __future__ import annotations

from types import ModuleType


class NotImported(ImportError):
    """Something was used that could not be imported where the file asked for it."""


class Placeholder:
    """Complains when it is called, computed with, subclassed or looked into; its attributes are placeholders too."""

    def __init__(self, complaint: str) -> None:
        self.__dict__["_complaint"] = complaint

    def __getattr__(self, name: str) -> Placeholder:
        if name.startswith("__") and name.endswith("__"):  # whoever asks wants to know what kind of object this is
            raise AttributeError(name)
        return Placeholder(self._complaint)

    def __repr__(self) -> str:
        return f"<{self._complaint}>"

    def __mro_entries__(self, bases: tuple) -> tuple[type]:
        """The base of a class that can be defined, because nobody may need it, but not made use of."""
        complaint = self._complaint

        class Missing:
            def __new__(cls, *args, **kwargs):
                raise NotImported(complaint)

        return (Missing,)


def _complain(self, *args, **kwargs):
    raise NotImported(self._complaint)


for _name in (
    "call setattr delattr getitem setitem delitem contains iter next len bool int float complex index array enter exit "
    "instancecheck add radd iadd sub rsub isub mul rmul imul matmul rmatmul imatmul truediv rtruediv itruediv floordiv "
    "rfloordiv ifloordiv mod rmod pow rpow neg pos abs invert eq ne lt le gt ge"
).split():
    setattr(Placeholder, f"__{_name}__", _complain)


class Overlay(ModuleType):
    """A module with some of its attributes replaced, the module itself left alone."""

    def __init__(self, module: object, replaced: dict[str, object]) -> None:
        super().__init__(getattr(module, "__name__", "module"))
        self.__dict__.update({**vars(module), **replaced})
        self.__dict__["_overlaid_"] = module

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["_overlaid_"], name)
