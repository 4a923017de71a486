r"""Java's regular expressions, which Iglu's validator uses, translated to those that jsonschema-rs accepts.

The result matches the same strings. What Java has and ECMAScript has not is written out: flags inside the pattern, quotes
(``\Q…\E``), possessive quantifiers, intersections of character classes, anchors, named groups; and what both have with
different meanings: ``$``, ``.``, ``\s``, ``\d``, ``\w``.
"""

import functools
import re
from collections.abc import Mapping

LINE_ENDS = r"\n\r\u0085\u2028\u2029"
FINAL_LINE_END = rf"(?:\r\n|[{LINE_ENDS}])?$"
"""Where Java's `$` matches: at the end, or before a line terminator that ends the text."""
HORIZONTAL = r" \t\u00A0\u1680\u180E\u2000-\u200A\u202F\u205F\u3000"
VERTICAL = r"\n\u000B\f\r\u0085\u2028\u2029"
WHITESPACE = r" \t\n\u000B\f\r"
CLASSES: Mapping[str, str] = {"d": "0-9", "w": "A-Za-z0-9_", "s": WHITESPACE, "h": HORIZONTAL, "v": VERTICAL}
"""Members of the classes that a letter names; the upper-case letter is the rest."""
CONTROLS: Mapping[str, int] = {"t": 9, "n": 10, "r": 13, "f": 12, "a": 7, "e": 27}
POSIX: Mapping[str, str] = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\u0000-\u007F",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Alnum": "A-Za-z0-9",
    "Punct": r"!-\/:-@\[-`\{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\u0000-\u001F\u007F",
    "XDigit": "0-9A-Fa-f",
    "Space": WHITESPACE,
}
"""ASCII classes that ``\\p{…}`` names in Java."""
JAVA_CLASSES: Mapping[str, str] = {
    "javaLowerCase": "Lowercase",
    "javaUpperCase": "Uppercase",
    "javaAlphabetic": "Alphabetic",
    "javaLetter": "L",
    "javaDigit": "Nd",
    "javaWhitespace": "White_Space",
}
PROPERTIES = frozenset({"Alphabetic", "Lowercase", "Uppercase", "White_Space", "Ideographic"})
QUANTIFIER = re.compile(r"[?*+]|\{[0-9]+(?:,[0-9]*)?\}")
GROUP_NAME = re.compile(r"\(\?<([a-zA-Z][a-zA-Z0-9]*)>")
FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
SPECIAL = frozenset("\\^$.*+?()[]{}|/")
ANY = r"[\s\S]"
MAX_ORIGINALS = 10_000


_originals: dict[str, str] = {}


def original(translated: str) -> str:
    """Return the pattern that a translation was made of, for messages."""
    return _originals.get(translated, translated)


@functools.lru_cache(maxsize=4096)
def translate(pattern: str) -> str:
    r"""Return an equivalent regular expression in the syntax of ECMAScript.

    Raises
    ------
    ValueError
        If it is not valid in Java, or uses something rare that cannot be translated.

    Examples
    --------
    >>> translate("^(?i)ab$")
    '^(?i:a)(?i:b)(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])?$'
    >>> translate(r"[a-z&&[^b]]")
    '(?:(?=[a-z])(?:[^b]))'
    """
    translated = _Translator(pattern).translate()
    if translated != pattern and len(_originals) < MAX_ORIGINALS:
        _originals[translated] = pattern
    return translated


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._depth = 0
        # numbers of the groups in the result, by number and by name in Java's pattern
        self._groups: dict[int | str, int] = {}
        self._java_groups = 0
        self._count = 0

    def translate(self) -> str:
        result = self._alternatives()
        if self._at < len(self._text):
            raise self._error("unmatched )")
        return result

    def _error(self, reason: str) -> ValueError:
        return ValueError(f"regular expression {self._text!r}: {reason} at {self._at}")

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        if self._peek(text):
            self._at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise self._error("unexpected end")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> str:
        parts = []
        while self._at < len(self._text) and not self._peek(")"):
            parts.append("|" if self._take("|") else self._quantified())
        return "".join(parts)

    def _quantified(self) -> str:
        flags = self._flags
        first_group = self._count
        atom, can_repeat = self._atom()
        if "x" in self._flags:
            self._skip_comments()
        match = QUANTIFIER.match(self._text, self._at)
        if match is None:
            return atom
        if not can_repeat or flags != self._flags:
            raise self._error("nothing to repeat")
        self._at = match.end()
        quantifier = match[0]
        if self._take("?"):
            return f"{atom}{quantifier}?"
        if self._take("+"):
            return self._atomic(f"{atom}{quantifier}", first_group)
        return atom + quantifier

    def _atomic(self, inner: str, first_group: int) -> str:
        """Match without giving back: a lookahead does not backtrack, and a reference repeats what it matched."""
        if self._count != first_group:
            raise self._error("groups inside a possessive quantifier or an atomic group")
        self._count += 1
        return rf"(?:(?=({inner}))\{self._count})"

    def _skip_comments(self) -> None:
        while self._at < len(self._text):
            if self._text[self._at] in " \t\n\x0b\f\r":
                self._at += 1
            elif self._take("#"):
                while self._at < len(self._text) and self._next() != "\n":
                    pass
            else:
                return

    def _atom(self) -> tuple[str, bool]:  # noqa: PLR0911 - a case for each kind
        """Return the next atom, and whether it can be repeated."""
        if "x" in self._flags:
            self._skip_comments()
            if self._at >= len(self._text) or self._peek(")") or self._peek("|"):
                return "", False
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._case(self._class()), True
        if character == "\\":
            return self._escape()
        if character == "^":
            return ("(?:^|(?<=[" + LINE_ENDS + "]))" if "m" in self._flags else "^"), True
        if character == "$":
            return self._end(), True
        if character == ".":
            return (ANY if "s" in self._flags else f"[^{LINE_ENDS}]"), True
        if character in "*+?{":
            raise self._error("nothing to repeat")
        return self._case(_literal(character)), True

    def _end(self) -> str:
        if "m" in self._flags:
            return f"(?=[{LINE_ENDS}]|$)"
        # the common case needs no lookahead, which is slower
        is_last = self._at == len(self._text) or (self._depth == 0 and self._peek("|"))
        return FINAL_LINE_END if is_last else f"(?={FINAL_LINE_END})"

    def _case(self, atom: str) -> str:
        return f"(?i:{atom})" if "i" in self._flags else atom

    def _group(self) -> tuple[str, bool]:
        start = self._at - 1
        if name := GROUP_NAME.match(self._text, start):
            self._at = name.end()
            return self._capture(name[1]), True
        for opening in ("?=", "?!", "?<=", "?<!", "?:"):
            if self._take(opening):
                return f"({opening}{self._inside()})", True
        if self._take("?>"):
            first_group = self._count
            return self._atomic(self._inside(), first_group), True
        if flags := FLAGS.match(self._text, start):
            self._at = flags.end()
            changed = (self._flags | set(flags[1])) - set(flags[2] or "")
            if changed - set("imsxdu"):
                raise self._error("unknown flag")
            if flags[3] == ")":
                self._flags = frozenset(changed)
                return "", False
            return f"(?:{self._inside(frozenset(changed))})", True
        if self._peek("?"):
            raise self._error("unknown group")
        return self._capture(None), True

    def _capture(self, name: str | None) -> str:
        self._count += 1
        self._java_groups += 1
        self._groups[self._java_groups] = self._count
        if name is not None:
            self._groups[name] = self._count
        return f"({self._inside()})"

    def _inside(self, flags: frozenset[str] | None = None) -> str:
        outer = self._flags
        if flags is not None:
            self._flags = flags
        self._depth += 1
        result = self._alternatives()
        self._depth -= 1
        self._flags = outer
        if not self._take(")"):
            raise self._error("unclosed group")
        return result

    def _escape(self) -> tuple[str, bool]:
        character = self._next()
        anchors = {"A": "^", "z": "$", "Z": f"(?={FINAL_LINE_END})", "b": r"\b", "B": r"\B"}
        if character in anchors:
            return anchors[character], True
        if character == "R":
            return rf"(?:\r\n|[{VERTICAL}])", True
        if character == "Q":
            return self._quote()
        if character == "k":
            if not self._take("<"):
                raise self._error("\\k without a name")
            end = self._text.find(">", self._at)
            name, self._at = self._text[self._at : end], end + 1
            return self._reference(name), True
        if character in "123456789":
            return self._reference(int(character)), True
        self._at -= 1
        return self._case(self._escaped_class() or _literal(chr(self._escaped_character()))), True

    def _reference(self, group: int | str) -> str:
        if group not in self._groups:
            raise self._error(f"unknown group {group}")
        return rf"(?:\{self._groups[group]})"

    def _quote(self) -> tuple[str, bool]:
        end = self._text.find("\\E", self._at)
        quoted = self._text[self._at :] if end < 0 else self._text[self._at : end]
        self._at = len(self._text) if end < 0 else end + 2
        literals = [self._case(_literal(character)) for character in quoted]
        # a quantifier after the quote repeats its last character only
        return "".join(literals), len(literals) == 1

    def _escaped_class(self) -> str | None:
        r"""Return the class of an escape such as ``\d`` or ``\p{Lu}``; None if it is a character."""
        character = self._next()
        members = CLASSES.get(character.lower())
        if members is not None:
            return f"[{'^' if character.isupper() else ''}{members}]"
        if character in "pP":
            return self._property(is_negated=character == "P")
        self._at -= 1
        return None

    def _property(self, *, is_negated: bool) -> str:
        if self._take("{"):
            end = self._text.find("}", self._at)
            if end < 0:
                raise self._error("unclosed property")
            name, self._at = self._text[self._at : end], end + 1
        else:
            name = self._next()
        if name in POSIX:
            return f"[{'^' if is_negated else ''}{POSIX[name]}]"
        name = JAVA_CLASSES.get(name, name)
        kind, _, value = name.partition("=")
        if kind in {"gc", "general_category"} and value:
            name = value
        elif kind in {"sc", "script"} and value:
            name = f"Script={value}"
        elif name.startswith("Is"):
            name = name[2:]
            if name not in PROPERTIES and len(name) > 2:  # noqa: PLR2004 - longer than a category's
                name = f"Script={name}"
        elif name.startswith(("In", "blk=", "block=")):
            raise self._error("blocks of Unicode")
        return rf"\{'P' if is_negated else 'p'}{{{name}}}"

    def _escaped_character(self) -> int:  # noqa: PLR0911 - a case for each kind
        """Return the code of the character that an escape stands for."""
        character = self._next()
        if character in CONTROLS:
            return CONTROLS[character]
        if character == "c":
            return ord(self._next()) ^ 64
        if character == "0":
            return self._digits("01234567", 1, 3, 8)
        if character == "x":
            if self._take("{"):
                code = self._digits("0123456789abcdefABCDEF", 1, 6, 16)
                if not self._take("}") or code > 0x10FFFF:  # noqa: PLR2004 - the last character of Unicode
                    raise self._error("invalid character")
                return code
            return self._digits("0123456789abcdefABCDEF", 2, 2, 16)
        if character == "u":
            code = self._digits("0123456789abcdefABCDEF", 4, 4, 16)
            if 0xD800 <= code < 0xDC00 and self._take("\\u"):  # noqa: PLR2004 - the first half of a pair
                low = self._digits("0123456789abcdefABCDEF", 4, 4, 16)
                return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            return code
        if character.isascii() and character.isalpha():
            raise self._error(f"unknown escape \\{character}")
        return ord(character)

    def _digits(self, alphabet: str, minimum: int, maximum: int, base: int) -> int:
        start = self._at
        while self._at - start < maximum and self._at < len(self._text) and self._text[self._at] in alphabet:
            self._at += 1
        if self._at - start < minimum:
            raise self._error("invalid character")
        return int(self._text[start : self._at], base)

    def _class(self) -> str:
        """Translate a character class, whose opening bracket was read; the result matches one character."""
        is_negated = self._take("^")
        unions = self._class_operands()
        if len(unions) == 1 and len(unions[0]) == 1:
            only = unions[0][0]
            if not is_negated:
                return only
            if only.startswith("[") and not only.startswith("[^"):
                return f"[^{only[1:]}"
        *lookaheads, last = [f"(?:{'|'.join(union)})" if len(union) > 1 else union[0] for union in unions]
        joined = "".join(f"(?={union})" for union in lookaheads) + (f"(?:{last})" if lookaheads else last)
        return f"(?:(?!{joined}){ANY})" if is_negated else f"(?:{joined})"

    def _class_operands(self) -> list[list[str]]:
        """Return what a class is the intersection of, each a union of classes."""
        operands: list[list[str]] = [[]]
        is_empty = True
        while not self._peek("]") or is_empty:
            is_empty = False
            if self._take("&&"):
                operands.append([])
            elif self._take("["):
                operands[-1].append(self._class())
            else:
                operands[-1].append(self._class_member())
        self._at += 1
        return [_join_members(union) for union in operands if union]

    def _class_member(self) -> str:
        """Return a character, a range or a class inside a class, as a class."""
        if self._take("\\Q"):
            end = self._text.find("\\E", self._at)
            quoted = self._text[self._at : end] if end >= 0 else self._text[self._at :]
            self._at = len(self._text) if end < 0 else end + 2
            return f"[{''.join(map(_member, map(ord, quoted)))}]"
        low = self._class_character()
        if isinstance(low, str):
            return low
        if self._peek("-") and not any(map(self._peek, ("-]", "-[", "-&&"))):
            self._at += 1
            high = self._class_character()
            if isinstance(high, str) or high < low:
                raise self._error("invalid range")
            return f"[{_member(low)}-{_member(high)}]"
        return f"[{_member(low)}]"

    def _class_character(self) -> int | str:
        """Return the code of a character, or a class."""
        character = self._next()
        if character != "\\":
            return ord(character)
        return self._escaped_class() or self._escaped_character()


def _join_members(union: list[str]) -> list[str]:
    """Join the simple classes of a union to one."""
    simple = [part for part in union if part.startswith("[") and not part.startswith("[^")]
    others = [part for part in union if part not in simple]
    return [f"[{''.join(part[1:-1] for part in simple)}]", *others] if simple else others


def _literal(character: str) -> str:
    return f"\\{character}" if character in SPECIAL else _visible(ord(character))


def _member(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and (character.isalnum() or character == "_") else _code(code)


def _visible(code: int) -> str:
    return chr(code) if chr(code).isprintable() else _code(code)


def _code(code: int) -> str:
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\u{{{code:X}}}"  # noqa: PLR2004 - four digits
