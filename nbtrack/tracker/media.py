"""Typed events and entities of Snowplow's media schemas."""

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from nbtrack.tracker import EventOptions, SelfDescribing, SelfDescribingJson

__all__ = [
    "Ad",
    "AdBreak",
    "MediaAdBreakEnd",
    "MediaAdBreakStart",
    "MediaAdClick",
    "MediaAdComplete",
    "MediaAdPause",
    "MediaAdQuartile",
    "MediaAdResume",
    "MediaAdSkip",
    "MediaAdStart",
    "MediaBufferEnd",
    "MediaBufferStart",
    "MediaEnd",
    "MediaError",
    "MediaFullscreenChange",
    "MediaPause",
    "MediaPercentProgress",
    "MediaPictureInPictureChange",
    "MediaPing",
    "MediaPlay",
    "MediaPlaybackRateChange",
    "MediaPlayer",
    "MediaQualityChange",
    "MediaReady",
    "MediaSeekEnd",
    "MediaSeekStart",
    "MediaVolumeChange",
    "Session",
]


class Ad(SelfDescribingJson):
    """An advertisement inside a video.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0

    Parameters
    ----------
    ad_id : str
        Ad identifier. At most 256 characters.
    creative_id : str | None, optional
        Creative identifier. At most 4096 characters.
    duration : float | None, optional
        Duration. 0 to 2147483647.
    name : str | None, optional
        Name, of the ad. At most 4096 characters.
    pod_position : int | None, optional
        Pod position. 1 to 65535.
    skippable : bool | None, optional
        Skippable: yes or no.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        ad_id: str,
        creative_id: str | None = None,
        duration: float | None = None,
        name: str | None = None,
        pod_position: int | None = None,
        skippable: bool | None = None,
    ) -> None:
        given: dict[str, object] = {
            "adId": ad_id,
        }
        if creative_id is not None:
            given["creativeId"] = creative_id
        if duration is not None:
            given["duration"] = duration
        if name is not None:
            given["name"] = name
        if pod_position is not None:
            given["podPosition"] = pod_position
        if skippable is not None:
            given["skippable"] = skippable
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0",
            given,
        )


class AdBreak(SelfDescribingJson):
    """A pause for advertisements.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0

    Parameters
    ----------
    break_id : str
        Break identifier. At most 256 characters.
    start_time : float
        Start time. 0 to 2147483647.
    break_type : Literal["linear", "nonlinear", "companion"] | None, optional
        Break type: one of the listed values.
    name : str | None, optional
        Name, of the ad break. At most 4096 characters.
    pod_size : int | None, optional
        Pod size. 0 to 65535.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        break_id: str,
        start_time: float,
        break_type: Literal["linear", "nonlinear", "companion"] | None = None,
        name: str | None = None,
        pod_size: int | None = None,
    ) -> None:
        given: dict[str, object] = {
            "breakId": break_id,
            "startTime": start_time,
        }
        if break_type is not None:
            given["breakType"] = break_type
        if name is not None:
            given["name"] = name
        if pod_size is not None:
            given["podSize"] = pod_size
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0",
            given,
        )


class MediaPlayer(SelfDescribingJson):
    """State of a player of audio or video.

    Schema: iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0

    Parameters
    ----------
    current_time : float
        Current time. 0 to 2147483647.
    ended : bool
        Ended: yes or no.
    paused : bool
        Paused: yes or no.
    duration : float | None, optional
        Duration. 0 to 2147483647.
    fullscreen : bool | None, optional
        Fullscreen: yes or no.
    label : str | None, optional
        Label, of the media player. At most 4096 characters.
    livestream : bool | None, optional
        Livestream: yes or no.
    loop : bool | None, optional
        Loop: yes or no.
    media_type : Literal["video", "audio"] | None, optional
        Media type: one of the listed values.
    muted : bool | None, optional
        Muted: yes or no.
    picture_in_picture : bool | None, optional
        Picture in picture: yes or no.
    playback_rate : float | None, optional
        Playback rate. 0 to 16.
    player_type : str | None, optional
        Player type. At most 4096 characters.
    quality : str | None, optional
        Quality. At most 4096 characters.
    volume : int | None, optional
        Volume. 0 to 100.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        current_time: float,
        ended: bool,
        paused: bool,
        duration: float | None = None,
        fullscreen: bool | None = None,
        label: str | None = None,
        livestream: bool | None = None,
        loop: bool | None = None,
        media_type: Literal["video", "audio"] | None = None,
        muted: bool | None = None,
        picture_in_picture: bool | None = None,
        playback_rate: float | None = None,
        player_type: str | None = None,
        quality: str | None = None,
        volume: int | None = None,
    ) -> None:
        given: dict[str, object] = {
            "currentTime": current_time,
            "ended": ended,
            "paused": paused,
        }
        if duration is not None:
            given["duration"] = duration
        if fullscreen is not None:
            given["fullscreen"] = fullscreen
        if label is not None:
            given["label"] = label
        if livestream is not None:
            given["livestream"] = livestream
        if loop is not None:
            given["loop"] = loop
        if media_type is not None:
            given["mediaType"] = media_type
        if muted is not None:
            given["muted"] = muted
        if picture_in_picture is not None:
            given["pictureInPicture"] = picture_in_picture
        if playback_rate is not None:
            given["playbackRate"] = playback_rate
        if player_type is not None:
            given["playerType"] = player_type
        if quality is not None:
            given["quality"] = quality
        if volume is not None:
            given["volume"] = volume
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0",
            given,
        )


class Session(SelfDescribingJson):
    """Totals of one viewing.

    Schema: iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0

    Parameters
    ----------
    media_session_id : str
        Media session identifier. At most 256 characters.
    ad_breaks : int | None, optional
        Ad breaks. 0 to 65535.
    ads : int | None, optional
        Ads, of the session. 0 to 65535.
    ads_clicked : int | None, optional
        Ads clicked. 0 to 65535.
    ads_skipped : int | None, optional
        Ads skipped. 0 to 65535.
    avg_playback_rate : float | None, optional
        Avg playback rate. 0 to 16.
    content_watched : float | None, optional
        Content watched. 0 to 2147483647.
    ping_interval : int | None, optional
        Ping interval. 0 to 65535.
    started_at : str | None, optional
        Started at (date-time). Format date-time.
    time_buffering : float | None, optional
        Time buffering. 0 to 2147483647.
    time_paused : float | None, optional
        Time paused. 0 to 2147483647.
    time_played : float | None, optional
        Time played. 0 to 2147483647.
    time_played_muted : float | None, optional
        Time played muted. 0 to 2147483647.
    time_spent_ads : float | None, optional
        Time spent ads. 0 to 2147483647.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        media_session_id: str,
        ad_breaks: int | None = None,
        ads: int | None = None,
        ads_clicked: int | None = None,
        ads_skipped: int | None = None,
        avg_playback_rate: float | None = None,
        content_watched: float | None = None,
        ping_interval: int | None = None,
        started_at: str | None = None,
        time_buffering: float | None = None,
        time_paused: float | None = None,
        time_played: float | None = None,
        time_played_muted: float | None = None,
        time_spent_ads: float | None = None,
    ) -> None:
        given: dict[str, object] = {
            "mediaSessionId": media_session_id,
        }
        if ad_breaks is not None:
            given["adBreaks"] = ad_breaks
        if ads is not None:
            given["ads"] = ads
        if ads_clicked is not None:
            given["adsClicked"] = ads_clicked
        if ads_skipped is not None:
            given["adsSkipped"] = ads_skipped
        if avg_playback_rate is not None:
            given["avgPlaybackRate"] = avg_playback_rate
        if content_watched is not None:
            given["contentWatched"] = content_watched
        if ping_interval is not None:
            given["pingInterval"] = ping_interval
        if started_at is not None:
            given["startedAt"] = started_at
        if time_buffering is not None:
            given["timeBuffering"] = time_buffering
        if time_paused is not None:
            given["timePaused"] = time_paused
        if time_played is not None:
            given["timePlayed"] = time_played
        if time_played_muted is not None:
            given["timePlayedMuted"] = time_played_muted
        if time_spent_ads is not None:
            given["timeSpentAds"] = time_spent_ads
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0",
            given,
        )


class MediaAdBreakEnd(SelfDescribing):
    """Media: ad break end.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_break_end_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_break_end_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdBreakStart(SelfDescribing):
    """Media: ad break start.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_break_start_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_break_start_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdClick(SelfDescribing):
    """Media: ad click.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_click_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int | None, optional
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if percent_progress is not None:
            given["percentProgress"] = percent_progress
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_click_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdComplete(SelfDescribing):
    """Media: ad complete.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_complete_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_complete_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdPause(SelfDescribing):
    """Media: ad pause.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_pause_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int | None, optional
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if percent_progress is not None:
            given["percentProgress"] = percent_progress
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_pause_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdQuartile(SelfDescribing):
    """Media: ad quartile.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_quartile_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {
            "percentProgress": percent_progress,
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_quartile_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdResume(SelfDescribing):
    """Media: ad resume.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_resume_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int | None, optional
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if percent_progress is not None:
            given["percentProgress"] = percent_progress
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_resume_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdSkip(SelfDescribing):
    """Media: ad skip.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_skip_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int | None, optional
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if percent_progress is not None:
            given["percentProgress"] = percent_progress
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_skip_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaAdStart(SelfDescribing):
    """Media: ad start.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ad_start_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ad_start_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaBufferEnd(SelfDescribing):
    """Media: buffer end.

    Schema: iglu:com.snowplowanalytics.snowplow.media/buffer_end_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/buffer_end_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaBufferStart(SelfDescribing):
    """Media: buffer start.

    Schema: iglu:com.snowplowanalytics.snowplow.media/buffer_start_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/buffer_start_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaEnd(SelfDescribing):
    """Media: end.

    Schema: iglu:com.snowplowanalytics.snowplow.media/end_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/end_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaError(SelfDescribing):
    """Media: error.

    Schema: iglu:com.snowplowanalytics.snowplow.media/error_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    error_code : str | None, optional
        Error code. At most 256 characters.
    error_description : str | None, optional
        Error description. At most 4096 characters.
    error_name : str | None, optional
        Error name. At most 256 characters.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        error_code: str | None = None,
        error_description: str | None = None,
        error_name: str | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        error_code: str | None = None,
        error_description: str | None = None,
        error_name: str | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        error_code: str | None = None,
        error_description: str | None = None,
        error_name: str | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if error_code is not None:
            given["errorCode"] = error_code
        if error_description is not None:
            given["errorDescription"] = error_description
        if error_name is not None:
            given["errorName"] = error_name
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/error_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaFullscreenChange(SelfDescribing):
    """Media: fullscreen change.

    Schema:
    iglu:com.snowplowanalytics.snowplow.media/fullscreen_change_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    fullscreen : bool
        Fullscreen: yes or no.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        fullscreen: bool,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        fullscreen: bool,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        fullscreen: bool,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {
            "fullscreen": fullscreen,
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/fullscreen_change_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPause(SelfDescribing):
    """Media: pause.

    Schema: iglu:com.snowplowanalytics.snowplow.media/pause_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/pause_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPercentProgress(SelfDescribing):
    """Media: percent progress.

    Schema:
    iglu:com.snowplowanalytics.snowplow.media/percent_progress_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    percent_progress : int | None, optional
        Percent progress. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        percent_progress: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if percent_progress is not None:
            given["percentProgress"] = percent_progress
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/percent_progress_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPictureInPictureChange(SelfDescribing):
    """Media: picture in picture change.

    Schema:
    iglu:com.snowplowanalytics.snowplow.media/picture_in_picture_change_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    picture_in_picture : bool
        Picture in picture: yes or no.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        picture_in_picture: bool,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        picture_in_picture: bool,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        picture_in_picture: bool,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {
            "pictureInPicture": picture_in_picture,
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/picture_in_picture_change_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPing(SelfDescribing):
    """Media: ping.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ping_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ping_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPlay(SelfDescribing):
    """Media: play.

    Schema: iglu:com.snowplowanalytics.snowplow.media/play_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/play_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaPlaybackRateChange(SelfDescribing):
    """Media: playback rate change.

    Schema:
    iglu:com.snowplowanalytics.snowplow.media/playback_rate_change_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    new_rate : float
        New rate. 0 to 16.
    previous_rate : float | None, optional
        Previous rate. 0 to 16.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        new_rate: float,
        previous_rate: float | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        new_rate: float,
        previous_rate: float | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        new_rate: float,
        previous_rate: float | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {
            "newRate": new_rate,
        }
        if previous_rate is not None:
            given["previousRate"] = previous_rate
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/playback_rate_change_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaQualityChange(SelfDescribing):
    """Media: quality change.

    Schema: iglu:com.snowplowanalytics.snowplow.media/quality_change_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    automatic : bool | None, optional
        Automatic: yes or no.
    bitrate : int | None, optional
        Bitrate. 0 to 9007199254740991.
    frames_per_second : int | None, optional
        Frames per second. 0 to 65535.
    new_quality : str | None, optional
        New quality. At most 4096 characters.
    previous_quality : str | None, optional
        Previous quality. At most 4096 characters.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        automatic: bool | None = None,
        bitrate: int | None = None,
        frames_per_second: int | None = None,
        new_quality: str | None = None,
        previous_quality: str | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        automatic: bool | None = None,
        bitrate: int | None = None,
        frames_per_second: int | None = None,
        new_quality: str | None = None,
        previous_quality: str | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        automatic: bool | None = None,
        bitrate: int | None = None,
        frames_per_second: int | None = None,
        new_quality: str | None = None,
        previous_quality: str | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        if automatic is not None:
            given["automatic"] = automatic
        if bitrate is not None:
            given["bitrate"] = bitrate
        if frames_per_second is not None:
            given["framesPerSecond"] = frames_per_second
        if new_quality is not None:
            given["newQuality"] = new_quality
        if previous_quality is not None:
            given["previousQuality"] = previous_quality
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/quality_change_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaReady(SelfDescribing):
    """Media: ready.

    Schema: iglu:com.snowplowanalytics.snowplow.media/ready_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/ready_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaSeekEnd(SelfDescribing):
    """Media: seek end.

    Schema: iglu:com.snowplowanalytics.snowplow.media/seek_end_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/seek_end_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaSeekStart(SelfDescribing):
    """Media: seek start.

    Schema: iglu:com.snowplowanalytics.snowplow.media/seek_start_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/seek_start_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MediaVolumeChange(SelfDescribing):
    """Media: volume change.

    Schema: iglu:com.snowplowanalytics.snowplow.media/volume_change_event/jsonschema/1-0-0
    Entities: exactly 1 MediaPlayer
    (iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0)
    Entities: at most 1 Session
    (iglu:com.snowplowanalytics.snowplow.media/session/jsonschema/1-0-0)
    Entities: at most 1 Ad (iglu:com.snowplowanalytics.snowplow.media/ad/jsonschema/1-0-0)
    Entities: at most 1 AdBreak
    (iglu:com.snowplowanalytics.snowplow.media/ad_break/jsonschema/1-0-0)

    Parameters
    ----------
    new_volume : int
        New volume. 0 to 100.
    previous_volume : int | None, optional
        Previous volume. 0 to 100.
    media_player : MediaPlayer
        Exactly 1.
    session : Session, optional
        At most 1.
    ad : Ad, optional
        At most 1.
    ad_break : AdBreak, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        new_volume: int,
        previous_volume: int | None = None,
        media_player: MediaPlayer,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        new_volume: int,
        previous_volume: int | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        new_volume: int,
        previous_volume: int | None = None,
        media_player: MediaPlayer | None = None,
        session: Session | None = None,
        ad: Ad | None = None,
        ad_break: AdBreak | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, media_player, session, ad, ad_break)
        given: dict[str, object] = {
            "newVolume": new_volume,
        }
        if previous_volume is not None:
            given["previousVolume"] = previous_volume
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.media/volume_change_event/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


def _join(
    context: Sequence[SelfDescribingJson] | None,
    *given: SelfDescribingJson | Sequence[SelfDescribingJson] | None,
) -> list[SelfDescribingJson]:
    entities: list[SelfDescribingJson] = []
    for one in (*given, context):
        if isinstance(one, SelfDescribingJson):
            entities.append(one)
        elif one is not None:
            entities.extend(one)
    return entities
