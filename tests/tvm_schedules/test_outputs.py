"""Geometry of the blocks of channels that a register tile writes."""

from tvm_schedules.outputs import ChannelBlock


def test_channels_of_a_block():
    block = ChannelBlock(index=2, blocks=3, vectors=4, lanes=4, channels=48)
    assert [block.first(vector) for vector in range(4)] == [32, 36, 40, 44]
    assert not block.is_ragged
    assert ChannelBlock(index=2, blocks=3, vectors=4, lanes=4, channels=47).is_ragged
