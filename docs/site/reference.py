"""The reference: a page to each module, an entry to each public name, made of the code's own docstrings.

An entry has the signature, the docstring (shapes, errors, formula, source, example), for an operation the kernel and the
backward rules as they stand in the code, the name in PyTorch, and a link to the file and line.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import tinygrad_fm
from tinygrad_fm.ops import functions
from tinygrad_fm.torch_compat import out

from . import docstrings, public_names
from .docstrings import code_block, first_sentence, indented, inline
from .only_here import ONLY_HERE
from .public_names import MODULES
from .source_lines import Definition, definition_of, definitions

ENTRIES_ON_A_PAGE = 60  # a module with more is split by the files that define its names


class Entry(NamedTuple):
    """A public name: of which module's page, what it is, and where it is defined."""

    module: str
    name: str
    value: Any
    definition: Definition | None

    @property
    def full(self) -> str:
        return ".".join(filter(None, ("tinygrad_fm", self.module, self.name)))

    @property
    def in_pytorch(self) -> str | None:
        """The name of PyTorch's counterpart."""
        theirs = MODULES.get(self.module, "torch.Tensor")
        full = f"{theirs}.{self.name}"
        return None if theirs is None or full in ONLY_HERE else full

    @property
    def doc(self) -> str:
        """The docstring, where it is the name's own."""
        if not callable(self.value):
            return VALUES.get(self.name, "")
        return inspect.getdoc(self.value) or ""


VALUES = {
    "e": "Euler's number.",
    "pi": "π, the ratio of a circle's circumference to its diameter.",
    "inf": "Infinity.",
    "nan": "Not a number: the result of 0 / 0.",
    "newaxis": "None: ``x[torch.newaxis]`` adds a dimension of size 1.",
    "default_generator": "The generator that draws where none is given; :func:`manual_seed` seeds it.",
    "CLASSES": "The names of Fashion-MNIST's ten classes, by label.",
    "CHOICES": "What ``load_splits`` may be asked for.",
}


def entries() -> dict[str, list[Entry]]:
    """Every public name by its module, without those of ``Tensor``."""
    found: dict[str, list[Entry]] = {}
    for dotted in MODULES:
        module = public_names.module(dotted)
        values = [(name, getattr(module, name)) for name in public_names.offered(dotted)]
        found[dotted] = [Entry(dotted, name, value, definition_of(value, name)) for name, value in values]
    return found


# ---- signatures


def parameter_text(parameter: inspect.Parameter) -> str:
    """A parameter with its type, unless that is Any, and its default."""
    text = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "") + parameter.name
    annotation = parameter.annotation
    typed = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    typed = "" if annotation is parameter.empty or typed == "Any" else typed
    text += f": {typed}" if typed else ""
    if parameter.default is not parameter.empty:
        default = parameter.default
        value = getattr(default, "__name__", None) or repr(default)
        text += (" = " if typed else "=") + ("..." if "<" in value or "\n" in value else value)
    return text


def list_of_parameters(parameters: Iterable[inspect.Parameter]) -> str:
    """All parameters, with ``/`` and ``*`` where they belong."""
    texts, kinds = [], [p.kind for p in parameters]
    for number, parameter in enumerate(parameters):
        named_only = parameter.kind is parameter.KEYWORD_ONLY
        if named_only and not any(k in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY) for k in kinds[:number]):
            texts.append("*")
        texts.append(parameter_text(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY and kinds[number + 1 : number + 2] != [parameter.POSITIONAL_ONLY]:
            texts.append("/")
    return ", ".join(texts)


def inputs_of(op: Any) -> list[inspect.Parameter]:
    """The parameters of a primitive: its inputs under PyTorch's names, and its kernel's options."""
    Parameter = inspect.Parameter
    inputs = [name for name in op.primitive.inputs if name != "*"]
    named = [PYTORCHS[at] if at < 2 and len(inputs) <= 2 else name for at, name in enumerate(inputs)]
    found = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in named]
    return [*found, Parameter("out", Parameter.KEYWORD_ONLY, default=None)]


PYTORCHS = ("input", "other")


def signature(value: Any, name: str = "", method: bool = False) -> str:
    """What follows the name: the arguments in parentheses and the type of the result, if it is told."""
    if hasattr(value, "primitive"):
        parameters = inputs_of(value)
        if method:
            parameters = parameters[1:-1]
        return f"({list_of_parameters(parameters)}) -> Tensor"
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "()" if callable(value) else ""
    parameters = [p for p in found.parameters.values() if not p.name.startswith("_")]
    if method and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        parameters = parameters[1:]
    if not method and name in out.WITH_OUT.split() and all(p.name != "out" for p in parameters):
        given = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
        at = next((n for n, p in enumerate(parameters) if p.kind is p.VAR_KEYWORD), len(parameters))
        parameters.insert(at, given)
    result = found.return_annotation
    result = result if isinstance(result, str) else getattr(result, "__name__", "")
    told = "" if isinstance(value, type) or result in ("Any", "None", "_empty", "") else f" -> {result}"
    return f"({list_of_parameters(parameters)}){told}"


# ---- entries


class Links:
    """Which entry a name in a docstring means: of the same module first, then of the first module that has it."""

    def __init__(self, found: dict[str, list[Entry]]) -> None:
        self.by_module = {module: {entry.name for entry in listed} for module, listed in found.items()}
        self.methods = set(public_names.methods())

    def within(self, module: str) -> docstrings.Link:
        def link(code: str) -> str | None:
            code = re.sub(r"\(.*\)$", "", code.removeprefix("~").removeprefix("torch.").removeprefix("tinygrad_fm."))
            dotted, _, name = code.rpartition(".")
            if code.startswith("."):  # an attribute of something
                return None
            if dotted == "Tensor" and name in self.methods:
                return f"tinygrad_fm.Tensor.{name}"
            if dotted:
                places = [place for place in self.by_module if place == dotted or place.endswith(f".{dotted}")]
            else:
                places = [module, *self.by_module]
            at = next((place for place in places if name in self.by_module.get(place, ())), None)
            if at is None or len(name) < 3 or (name.islower() and not dotted and name in COMMON_WORDS):
                return None
            return ".".join(filter(None, ("tinygrad_fm", at, name)))

        return link


# names that stand in docstrings as words of Python or as arguments, seldom as the function
COMMON_WORDS = {"input", "out", "dim", "int", "bool", "float", "dtype", "device", "size", "inf", "nan", "all", "any", "range"}


def directive(kind: str, full: str, arguments: str, body: list[str], options: Iterable[str] = ()) -> list[str]:
    """A definition of Sphinx's Python domain."""
    return [f".. py:{kind}:: {full}{arguments}", *(f"   {option}" for option in options), "", *indented(body), ""]


def source_field(definition: Definition | None) -> list[str]:
    if definition is None:
        return []
    shown = definition.path.removeprefix("tinygrad_fm/")
    return [f":Source code: `{shown}:{definition.line} <repo:{definition.path}#L{definition.line}>`__"]


def rules_of(entry: Entry) -> list[str]:
    """The definitions of the primitives that an operation is, or calls: kernel and backward rules as they stand in the code."""
    value, at = inspect.unwrap(entry.value), entry.definition
    if at is None or not at.path.startswith("tinygrad_fm/ops/") or not inspect.isfunction(value):
        return []
    if hasattr(value, "primitive"):
        return code_block("python", at.text().split("\n"), "Kernel and backward rules")
    module = sys.modules[at.module]
    called = [name for name in value.__code__.co_names if hasattr(vars(module).get(name), "primitive")]
    lines: list[str] = []
    for name in dict.fromkeys(called):
        found = definitions(at.module).get(name)
        text = found.text().split("\n") if found else []
        if 0 < len(text) <= LONGEST_RULE and any(maker in text[0] for maker in MAKERS):
            lines += text
    return code_block("python", lines, "Kernel and backward rules") if lines else []


LONGEST_RULE = 16
MAKERS = ("pointwise(", "unary_float(", "primitive(")


def body_of(entry: Entry, links: Links) -> list[str]:
    """What stands below the signature of an entry."""
    doc = docstrings.rendered(entry.doc, links.within(entry.module))
    rules = rules_of(entry) if not isinstance(entry.value, type) else []
    fields = [f":In PyTorch: ``{entry.in_pytorch}``" if entry.in_pytorch else ":In PyTorch: there is none"]
    fields += source_field(entry.definition)
    return [*doc, "", *rules, *fields]


def members_of(entry: Entry, links: Links) -> list[str]:
    """The public methods that a class itself defines."""
    lines: list[str] = []
    for name, member in vars(entry.value).items():
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        doc = inspect.getdoc(function)
        if name.startswith("_") or name == "forward" or not doc:
            continue
        rendered = docstrings.rendered(doc, links.within(entry.module))
        if isinstance(member, property):
            lines += directive("property", f"{entry.full}.{name}", "", rendered)
        elif inspect.isfunction(function):
            kind = {classmethod: ":classmethod:", staticmethod: ":staticmethod:"}.get(type(member))
            arguments = signature(function, method=not isinstance(member, staticmethod))
            lines += directive("method", f"{entry.full}.{name}", arguments, rendered, [kind] if kind else ())
    return lines


def entry_lines(entry: Entry, links: Links, first: dict[int, Entry]) -> list[str]:
    """The entry of a name. Of a thing with several names the first has the text, and the others say which that is."""
    value = entry.value
    known = first.setdefault(id(value), entry) if callable(value) else entry
    if known is not entry:
        text = [f"The same as :py:obj:`{known.full.removeprefix('tinygrad_fm.')} <{known.full}>`.", ""]
        theirs = [f":In PyTorch: ``{entry.in_pytorch}``"] if entry.in_pytorch else []
        return directive(
            "function" if not isinstance(value, type) else "class", entry.full, signature(value, entry.name), [*text, *theirs]
        )
    if value is tinygrad_fm.Tensor:
        return directive("class", entry.full, "", [":doc:`All of it </reference/Tensor>`"])
    if isinstance(value, type):
        kind = "exception" if issubclass(value, BaseException) else "class"
        shown = "" if kind == "exception" else signature(value)
        return directive(kind, entry.full, shown, [*body_of(entry, links), "", *members_of(entry, links)])
    if callable(value):
        return directive("function", entry.full, signature(value, entry.name), body_of(entry, links))
    return directive("data", entry.full, "", [f"``{value!r}``", "", *body_of(entry, links)])


# ---- pages


def heading(text: str, mark: str = "=") -> list[str]:
    text = docstrings.escaped(text)
    return [text, mark * (len(text) + 2), ""]


def overview(listed: list[Entry]) -> list[str]:
    """A table of the names and what each does."""
    lines = [".. list-table::", "   :widths: 30 70", "   :class: names", ""]
    for entry in listed:
        said = first_sentence(entry.doc) if entry.doc else repr(entry.value) if not callable(entry.value) else ""
        lines += [f"   * - :py:obj:`{entry.name} <{entry.full}>`", f"     - {inline(said.removesuffix('.'))}"]
    return [*lines, ""]


def page(title: str, about: str, listed: list[Entry], links: Links, first: dict[int, Entry]) -> str:
    """A page of entries: what the module is, a table of the names, the entries."""
    lines = [*heading(title), *docstrings.rendered(about), *overview(listed)]
    for entry in listed:
        lines += entry_lines(entry, links, first)
    return "\n".join(lines)


def file_of(entry: Entry) -> str:
    """What the entries of a long module are grouped by: the file that defines the name."""
    if entry.name.endswith("_") and inspect.isfunction(entry.value) and "in_place" in entry.value.__qualname__:
        return "in_place"
    return re.sub(r"(^tinygrad_fm/|\.py$)", "", entry.definition.path) if entry.definition else "values"


GROUPS = {"in_place": "Operations that write into their first argument", "values": "Dtypes and numbers"}
ABOUT = {
    "in_place": "``torch.exp_(x)`` writes the exponentials into ``x`` and returns it, as the method ``x.exp_()`` does.",
    "values": "",
}


def parts_of(listed: list[Entry]) -> dict[str, list[Entry]]:
    """The entries by file, small groups of the same folder together."""
    groups: dict[str, list[Entry]] = {}
    last = {"others", *GROUPS}
    for entry in listed:
        groups.setdefault(file_of(entry), []).append(entry)
    few = [name for name, group in groups.items() if len(group) < 3 and name not in GROUPS]
    if few:
        rest = sorted((entry for name in few for entry in groups.pop(name)), key=lambda entry: entry.name)
        groups["others"] = rest
    return dict(sorted(groups.items(), key=lambda group: (group[0] in last, not group[0].startswith("ops/"), group[0])))


def title_and_about(group: str) -> tuple[str, str]:
    """The title of a group of entries, and what the head of its file says."""
    if group in GROUPS:
        return GROUPS[group], ABOUT[group]
    if group == "others":
        return "Others", ""
    path = "tinygrad_fm." + group.replace("/", ".").removesuffix(".__init__")
    doc = inspect.cleandoc(sys.modules[path].__doc__ or "")
    title = re.split(r"[:.;,](?:\s|$)| \(", first_sentence(doc).replace("`", ""))[0]
    return title, doc


def write(stage: Path) -> list[str]:
    """Write the reference's pages into ``stage``; the names of those that belong into the table of contents."""
    folder = stage / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    found = entries()
    links, first = Links(found), {}
    names = []
    for dotted, listed in found.items():
        doc = inspect.cleandoc(public_names.module(dotted).__doc__ or "")
        name = dotted or "torch"
        title = f"torch.{dotted}" if dotted else "torch"
        names.append(f"reference/{name}.rst")
        if len(listed) <= ENTRIES_ON_A_PAGE:
            (folder / f"{name}.rst").write_text(page(title, doc, listed, links, first), encoding="utf-8")
        else:
            (folder / f"{name}.rst").write_text(write_parts(folder, name, title, doc, listed, links, first), encoding="utf-8")
        if not dotted:
            (folder / "Tensor.rst").write_text(tensor_page(links), encoding="utf-8")
            names.append("reference/Tensor.rst")
    return names


def write_parts(
    folder: Path, name: str, title: str, doc: str, listed: list[Entry], links: Links, first: dict[int, Entry]
) -> str:
    """Write a page for each group of a long module; the page that lists them."""
    (folder / name).mkdir(exist_ok=True)
    lines = [*heading(title), *docstrings.rendered(doc)]
    inside = []
    for group, part in parts_of(listed).items():
        file = f"{name}/{group.replace('/', '.')}"
        head, about = title_and_about(group)
        (folder / f"{file}.rst").write_text(page(head, about, part, links, first), encoding="utf-8")
        inside.append(file)
        named = ", ".join(f":py:obj:`{entry.name} <{entry.full}>`" for entry in part)
        lines += [f":doc:`{head} <{file}>`", f"   {named}", ""]
    return "\n".join([*lines, ".. toctree::", "   :hidden:", "", *(f"   {file}" for file in inside), ""])


def tensor_page(links: Links) -> str:
    """Class Tensor: what only it has in full, and the methods that are operations with a link to them."""
    tensor = tinygrad_fm.Tensor
    doc = docstrings.rendered(inspect.getdoc(tensor) or "", links.within(""))
    own: list[str] = []
    shared: list[str] = []
    at_top = set(public_names.top_level())
    functional = set(public_names.names_of(tinygrad_fm.nn.functional))
    for name in public_names.methods():
        member = inspect.getattr_static(tensor, name)
        full = f"tinygrad_fm.Tensor.{name}"
        op = name.removesuffix("_") if name.endswith("_") else name
        home = "" if op in at_top else "nn.functional" if op in functional else None
        operation = hasattr(member, "primitive") or getattr(functions, name, None) is member
        in_place = inspect.isfunction(member) and member.__qualname__.startswith("in_place")
        if (operation or in_place) and home is not None:
            target = ".".join(filter(None, ("tinygrad_fm", home, op)))
            said = f"As :py:obj:`{target.removeprefix('tinygrad_fm.')} <{target}>` of this tensor" + (
                ", written into it." if in_place else "."
            )
            arguments = signature(getattr(functions, op, member) if in_place else member, method=True)
            shared += directive("method", full, arguments, [said])
        elif isinstance(member, property):
            own += directive("property", full, "", docstrings.rendered(inspect.getdoc(member) or "", links.within("")))
        elif callable(member) or isinstance(member, (staticmethod, classmethod)):
            found = definition_of_method(name)
            function = getattr(tensor, name)
            own += directive(
                "method",
                full,
                signature(function, method=not isinstance(member, (staticmethod, classmethod))),
                [*docstrings.rendered(inspect.getdoc(function) or "", links.within("")), *source_field(found)],
            )
        else:
            own += directive("attribute", full, "", [f"``{member!r}`` for every tensor."])
    return "\n".join(
        [
            *heading("torch.Tensor"),
            *doc,
            *heading("Attributes and methods", "-"),
            *own,
            *heading("Operations as methods", "-"),
            *shared,
        ]
    )


def definition_of_method(name: str) -> Definition | None:
    """Where a method of tensors is defined."""
    return definition_of(getattr(tinygrad_fm.Tensor, name), name)
