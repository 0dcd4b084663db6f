"""Joined batch norm equals torch's own in a group of one; `test_ranks` trains with two."""

import pytest
import torch
import torch.distributed
from torch import nn

from models.training.synchronised_norm import SynchronisedBatchNorm2d, synchronise_batch_norm


@pytest.fixture
def group(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def _norm():
    norm = nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.usefixtures("group")
def test_alone_it_is_batch_norm():
    torch.manual_seed(0)
    plain = _norm()
    joined = synchronise_batch_norm(nn.Sequential(_norm()), torch.device("cpu"))
    joined[0].load_state_dict(plain.state_dict())
    x = (torch.randn(4, 3, 5, 6) * 3 + 100).requires_grad_()
    other = x.detach().clone().requires_grad_()
    for _ in range(2):
        expected, got = plain(x), joined(other)
        upstream = torch.randn_like(expected)
        expected.backward(upstream)
        got.backward(upstream)
        # float32 sums of 120 values around 100 in another order
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(other.grad, x.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(joined[0].weight.grad, plain.weight.grad, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(joined[0].running_var, plain.running_var, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(joined[0].running_mean, plain.running_mean)
    assert joined[0].num_batches_tracked == 2
    torch.testing.assert_close(joined.eval()(x), plain.eval()(x), rtol=1e-4, atol=1e-4)


def test_parameters_buffers_and_names_stay():
    model = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Sequential(_norm(), nn.ReLU()))
    before = dict(model.named_parameters())
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model = synchronise_batch_norm(model, torch.device("cpu"))
    assert isinstance(model[1][0], SynchronisedBatchNorm2d)
    assert all(before[name] is parameter for name, parameter in model.named_parameters())
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in state.items()
    }
