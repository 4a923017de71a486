"""The classes and methods of snowplow-tracker that events, trackers and emitters do not need themselves."""
