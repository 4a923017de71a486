"""Subjects: who or what an event is about."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from nbtrack.protocol import PLATFORMS
from nbtrack.template import Col
from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import IntLike, StrLike, SupportedPlatform
from nbtrack.tracker.compat.renamed import Renamed, without_renamed
from nbtrack.tracker.rendering import fill

_DEFAULT_PLATFORM = "pc"


class Subject:
    """Who or what events are about: user, device, session.

    Every setter accepts None to clear the value and a `col` placeholder for a backfill, checks its argument
    while contracts are on (ValueError), and returns the subject.

    Attributes
    ----------
    standard_nv_pairs : dict
        Payload keys and values, live.

    Examples
    --------
    >>> Subject().set_platform("srv").set_user_id("alice").standard_nv_pairs
    {'p': 'srv', 'uid': 'alice'}
    """

    def __init__(self) -> None:
        self.standard_nv_pairs: dict[str, Any] = {"p": _DEFAULT_PLATFORM}
        self._platform_is_given = False

    def set_platform(self, value: SupportedPlatform | Col | None) -> Self:
        """Set the platform; None goes back to ``"pc"``."""
        if value is not None:
            contracts.one_of(value, PLATFORMS, "value")
        self._platform_is_given = value is not None
        return self._set("p", _DEFAULT_PLATFORM if value is None else value, "value")

    def set_user_id(self, user_id: StrLike | None) -> Self:
        """Set the user's id in your own systems."""
        return self._set("uid", user_id, "user_id")

    def set_screen_resolution(self, width: IntLike | None, height: IntLike | None = None) -> Self:
        """Set width and height of the screen in pixels."""
        return self._set_size("res", width, height)

    def set_viewport(self, width: IntLike | None, height: IntLike | None = None) -> Self:
        """Set width and height of the viewport in pixels."""
        return self._set_size("vp", width, height)

    def set_document_size(self, width: IntLike | None, height: IntLike | None = None) -> Self:
        """Set width and height of the document in pixels."""
        return self._set_size("ds", width, height)

    def set_color_depth(self, depth: IntLike | None) -> Self:
        """Set the colour depth in bits."""
        return self._set("cd", depth, "depth")

    def set_timezone(self, timezone: StrLike | None) -> Self:
        """Set the device's time zone, such as ``"Europe/London"``."""
        return self._set("tz", timezone, "timezone")

    def set_lang(self, lang: StrLike | None) -> Self:
        """Set the language, such as ``"en"``."""
        return self._set("lang", lang, "lang")

    def set_domain_user_id(self, duid: StrLike | None) -> Self:
        """Set the first-party user id, as a web tracker keeps it in a cookie."""
        return self._set("duid", duid, "duid")

    def set_domain_session_id(self, sid: StrLike | None) -> Self:
        """Set the session id, a UUID: pipelines fail events with anything else."""
        return self._set("sid", sid, "sid")

    def set_domain_session_index(self, vid: IntLike | None) -> Self:
        """Set how many sessions the user has had."""
        return self._set("vid", vid, "vid")

    def set_ip_address(self, ip: StrLike | None) -> Self:
        """Set the user's IP address; by default the sender's."""
        return self._set("ip", ip, "ip")

    def set_useragent(self, ua: StrLike | None) -> Self:
        """Set the user agent; by default the sender's."""
        return self._set("ua", ua, "ua")

    def set_network_user_id(self, nuid: StrLike | None) -> Self:
        """Set the third-party user id; by default from the collector's cookie."""
        return self._set("tnuid", nuid, "nuid")

    def set_page_url(self, url: StrLike | None) -> Self:
        """Set the page's URL, for events without one."""
        return self._set("url", url, "url")

    def set_page_title(self, title: StrLike | None) -> Self:
        """Set the page's title, for events without one."""
        return self._set("page", title, "title")

    def set_referrer(self, referrer: StrLike | None) -> Self:
        """Set the URL of the previous page, for events without one."""
        return self._set("refr", referrer, "referrer")

    def set_charset(self, charset: StrLike | None) -> Self:
        """Set the document's character set, such as ``"UTF-8"``."""
        return self._set("cs", charset, "charset")

    def set_cookies_enabled(self, enabled: bool | Col | None) -> Self:
        """Set whether the browser accepts cookies."""
        if isinstance(enabled, bool):
            return self._set("cookie", "1" if enabled else "0", "enabled")
        contracts.satisfies(enabled, lambda value: value is None, "enabled", "True or False")
        return self._set("cookie", enabled, "enabled")

    def combine_subject(self, subject: "Subject | None") -> dict[str, Any]:
        """Return a new dict of the other subject's values, overridden by those set here.

        The platform of a new subject counts as not set: it does not override the other's.
        """
        if subject is None:
            return dict(self.standard_nv_pairs)
        combined = {**subject.standard_nv_pairs, **self.standard_nv_pairs}
        implicit = not self._platform_is_given and self.standard_nv_pairs.get("p") is _DEFAULT_PLATFORM
        if implicit and "p" in subject.standard_nv_pairs:
            combined["p"] = subject.standard_nv_pairs["p"]
        return combined

    def substitute(self, row: Mapping[str, Any]) -> Self:
        """Return a copy with the placeholders replaced by a row's values."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, standard_nv_pairs=fill(self.standard_nv_pairs, row))
        return copy

    def _set(self, key: str, value: Any, name: str) -> Self:
        contracts.warn_misfit(key, value, name)
        if value is None:
            self.standard_nv_pairs.pop(key, None)
        else:
            self.standard_nv_pairs[key] = value
        return self

    def _set_size(self, key: str, width: Any, height: Any) -> Self:
        if height is None and (width is None or isinstance(width, Col)):
            return self._set(key, width, "width")  # one column holds both, as WIDTHxHEIGHT
        if isinstance(width, Col) or isinstance(height, Col):
            raise TypeError("pass one column with strings such as 1920x1080, and no height")
        contracts.greater_than(width, 0, "width")
        contracts.greater_than(height, 0, "height")
        return self._set(key, f"{width}x{height}", "width")

    if not TYPE_CHECKING:  # for a type checker, what is not here is an error
        set_user_agent = Renamed("set_useragent")
        set_network_userid = Renamed("set_network_user_id")
        set_color_deph = Renamed("set_color_depth")

    def __dir__(self) -> list[str]:
        return without_renamed(super().__dir__(), Subject)

    def __repr__(self) -> str:
        """Show the pairs."""
        return f"Subject({self.standard_nv_pairs!r})"
