"""Three ways in which several processes train one GPT.

Shapes: `B` sequences, `T` tokens.

`Data`: each holds the whole model, reads its rows of the batch, and they average the gradients.
`Sharded`: the same, but each holds only a share of every parameter, of its gradient and of the
optimizer's state (Rajbhandari et al. 2020); a block is put together when it is about to compute.
`Tensor`: all read the same rows, and each computes some heads of attention and a part of the
feed-forward layer's width (Shoeybi et al. 2019). All are the same training, but for the rounding
of sums that are taken in another order.
"""

import contextlib
import os

import torch
import torch.distributed as dist

from labs.gpt.team import Alone, Team, refuse_float16, summed
from labs.gpt.tensor import Tensor


class Data(Team):
    """Each process reads its rows of the batch with a model of its own, and all stay the same.

    The gradients are sent when the backward pass is over. PyTorch's DistributedDataParallel sends
    them while it still runs, which hides that time, and so does FSDP2, below.
    """

    def refuse(self, shape, config, dtype):
        """Raise ValueError where the processes cannot have as many rows each."""
        parts = self.world * config.accumulate
        if config.batch_size % parts:
            raise ValueError(
                f"batch_size: expected a multiple of {parts}, {self.world} processes times "
                f"accumulate {config.accumulate}, got {config.batch_size}; each process reads as "
                "many rows of each part"
            )

    def rows(self, part_BT):
        """The sequences that this process reads."""
        return part_BT.chunk(self.world)[self.rank]

    def average(self, model, loss):
        """One sum over the processes of all gradients, and of the loss, end to end in a vector."""
        gradients = [parameter.grad for parameter in model.parameters()]
        flat = torch.cat([gradient.flatten() for gradient in gradients] + [loss.view(1)])
        dist.all_reduce(flat)
        flat /= self.world
        *means, loss = flat.split([gradient.numel() for gradient in gradients] + [1])
        for gradient, mean in zip(gradients, means):
            gradient.copy_(mean.view_as(gradient))
        return loss.squeeze()


class Sharded(Data):
    """Each process holds a share of every tensor: FSDP2 of PyTorch (Zhao et al. 2023).

    Before a block computes, its shares are gathered; after it, they are dropped. In the backward
    pass its gradients are averaged, and each process keeps its share of the average.
    """

    def refuse(self, shape, config, dtype):
        """Raise ValueError where rows do not divide, and for float16."""
        super().refuse(shape, config, dtype)
        refuse_float16(dtype, "sharded")

    def lay_out(self, model, device):
        """Cut the parameters: those of a block together, and the embeddings, which are first and
        last of all to be used, with the final norm.
        """
        from torch.distributed.device_mesh import init_device_mesh  # a second to import
        from torch.distributed.fsdp import fully_shard

        self.mesh = init_device_mesh(device.type, (self.world,))
        for module in (*model.blocks, model):
            fully_shard(module, mesh=self.mesh, reshard_after_forward=True)
        return model.to(device)

    def average(self, model, loss):
        """The loss alone: the backward pass has averaged the gradients."""
        return summed(loss) / self.world

    def whole(self, name, part):
        """All of a tensor, gathered."""
        return part.full_tensor()

    def own(self, name, whole):
        """The share of this process: some of the rows."""
        from torch.distributed.tensor import Shard, distribute_tensor

        return distribute_tensor(whole, self.mesh, [Shard(0)], src_data_rank=None)


WAYS = {"data": Data, "sharded": Sharded, "tensor": Tensor}


@contextlib.contextmanager
def joined(way=None):
    """The processes that `torchrun` started, as one team within the block.

    `way`: a name of WAYS; by default "data" where there are several. With one process it is
    `labs.gpt.team.Alone`. Raises ValueError for an unknown way, and for a way with one process.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if way not in (None, *WAYS):
        raise ValueError(f"parallel must be one of {list(WAYS)}, got {way!r}")
    if world == 1:
        if way:
            raise ValueError(
                f"parallel: expected several processes for {way!r}, got 1; start them with "
                "torchrun --nproc-per-node 2 -m labs.gpt …, or leave --parallel out"
            )
        yield Alone()
        return
    dist.init_process_group()  # gloo for the CPU, and NCCL where there is CUDA
    try:
        yield WAYS[way or "data"]()
    finally:
        dist.destroy_process_group()
