"""A stream on a link that only records: acknowledgements, pieces, ends."""

from __future__ import annotations

import asyncio

import pytest

from android_runner.emulator.protocol import Command, Message, ProtocolError
from android_runner.emulator.stream import MAX_UNREAD_BYTES, Stream, StreamClosedError


class RecordingLink:
    """Keeps what would have been sent."""

    max_payload_bytes = 4

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def post(self, message: Message) -> None:
        self.sent.append(message)

    async def send(self, message: Message) -> None:
        self.post(message)


def test_reading_across_payloads_acknowledges_each_once() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        stream = Stream(link, 5, 7)
        for payload in (b"ab", b"cdef", b"gh"):
            stream.on_data(payload)
        assert await stream.read_exactly(3) == b"abc"
        assert link.sent == [Message(Command.OKAY, 5, 7)] * 2
        # What is left of a payload comes first, and was acknowledged already.
        assert await stream.read() == b"def"
        assert len(link.sent) == 2
        assert await stream.read_exactly(0) == b""
        assert await stream.read() == b"gh"

    asyncio.run(scenario())


def test_writing_waits_for_each_acknowledgement() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        stream = Stream(link, 5, 7)
        writing = asyncio.create_task(stream.write(b"0123456789"))
        for count, chunk in enumerate((b"0123", b"4567", b"89"), start=1):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert link.sent[-1] == Message(Command.WRTE, 5, 7, chunk)
            assert len(link.sent) == count
            assert not writing.done()
            stream.on_okay(7)
        await writing

    asyncio.run(scenario())


def test_two_writers_do_not_mix_their_pieces() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        stream = Stream(link, 5, 7)
        tasks = [asyncio.create_task(stream.write(text)) for text in (b"aaaaaa", b"bbbbbb")]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            stream.on_okay(7)
        assert [message.payload for message in link.sent] == [b"aaaa", b"aa", b"bbbb", b"bb"]

    asyncio.run(scenario())


def test_a_closed_stream_gives_what_arrived_before_and_then_the_end() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        stream = Stream(link, 5, 7)
        stream.accept()
        stream.on_data(b"last")
        stream.close()
        stream.close()
        stream.on_data(b"too late")
        assert link.sent == [Message(Command.OKAY, 5, 7), Message(Command.CLSE, 5, 7)]
        assert await stream.read() == b"last"
        assert await stream.read() == b""
        with pytest.raises(StreamClosedError):
            await stream.read_exactly(1)
        with pytest.raises(StreamClosedError):
            await stream.write(b"x")

    asyncio.run(scenario())


def test_a_stream_never_accepted_is_refused_by_closing() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        Stream(link, 5, 7).close()
        assert link.sent == [Message(Command.CLSE, 0, 7)]

    asyncio.run(scenario())


def test_a_lost_connection_wakes_everyone_and_says_nothing() -> None:
    async def scenario() -> None:
        link = RecordingLink()
        stream = Stream(link, 5, 0)
        waiting = [
            asyncio.create_task(call)
            for call in (stream.wait_accepted(), stream.write(b"x"), stream.read_exactly(1))
        ]
        closed = asyncio.create_task(stream.wait_closed())
        await asyncio.sleep(0)
        sent = len(link.sent)
        stream.on_connection_lost()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await closed
        assert [type(result) for result in results] == [StreamClosedError] * 3
        assert len(link.sent) == sent

    asyncio.run(scenario())


def test_a_flood_is_a_breach_of_the_protocol() -> None:
    async def scenario() -> None:
        stream = Stream(RecordingLink(), 5, 7)
        stream.on_data(bytes(MAX_UNREAD_BYTES))
        with pytest.raises(ProtocolError, match="wait for OKAY"):
            stream.on_data(b"x")

    asyncio.run(scenario())
