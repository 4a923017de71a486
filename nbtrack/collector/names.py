"""Names that the server and its clients share."""

TOKEN_HEADER = "X-Nbtrack-Token"  # noqa: S105 - the name of a header
# a client that sends this header is told the verdict for each event
VERDICT_HEADER = "Nbtrack-Verdict"
