"""What readers get by mail: digests, alerts and the operator's notices, from stored facts to bytes.

Pure: what is known goes in, frozen messages come out; the store, the clock and the mail server are the
application's.
"""

from monitor.digest.compose import digest_message
from monitor.digest.known import Known, chosen
from monitor.digest.letters import Attachment, Letter, frozen, message_id
from monitor.digest.links import unsubscribe_link, unsubscribe_token
from monitor.digest.links import verify as unsubscribe_verify
from monitor.digest.slots import Slot, due, newest, upcoming
from monitor.digest.values import DigestContent, Flood, House

__all__ = [
    "Attachment",
    "DigestContent",
    "Flood",
    "House",
    "Known",
    "Letter",
    "Slot",
    "chosen",
    "digest_message",
    "due",
    "frozen",
    "message_id",
    "newest",
    "unsubscribe_link",
    "unsubscribe_token",
    "unsubscribe_verify",
    "upcoming",
]
