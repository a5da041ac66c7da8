"""Many copies of one network as the rows of a matrix: what the batched trainer runs on.

Shapes: `R` runs, `P` parameters of one run, `B` batch, `N` samples, `D` features, `M` points of a
view. A row of `theta_RP` holds all parameters of one run, in the order of `model.parameters()`.
"""

import torch
from torch.func import functional_call, grad_and_value, vmap


class Ensemble:
    """The functions of a task's network, with the parameters as an argument.

    There is each for one run and for many. It holds no data. The idiom is PyTorch's own for model
    ensembles (torch.func). One thing differs: the parameters travel as one matrix and are cut into
    weights and biases inside, so that an update rule is a few operations however many layers there
    are.
    """

    def __init__(self, task, device):
        self.task_loss, self.task_metric = task.loss, task.metric
        self.view = task.view
        self.model = task.model(0).to(device)
        self.names = [name for name, _ in self.model.named_parameters()]
        self.shapes = [parameter.shape for parameter in self.model.parameters()]
        self.sizes = [parameter.numel() for parameter in self.model.parameters()]

    def forward(self, theta_P, x_BD):
        """The outputs of one run's network."""
        pieces = theta_P.split(self.sizes)
        parameters = {n: p.view(shape) for n, p, shape in zip(self.names, pieces, self.shapes)}
        return functional_call(self.model, parameters, (x_BD,))

    def loss(self, theta_P, x_BD, y_B):
        """The loss of one run on one batch."""
        return self.task_loss(self.forward(theta_P, x_BD), y_B)

    def gradients(self, theta_RP, x_RBD, y_RB):
        """The gradient (R, P) and the loss (R,) of every run on its own batch."""
        return vmap(grad_and_value(self.loss))(theta_RP, x_RBD, y_RB)

    def scores(self, theta_RP, train_x, train_y, val_x, val_y):
        """What `_scores` says of every run: (3, R), or (2, R) without a metric."""
        everything = train_x, train_y, val_x, val_y
        with torch.no_grad():
            return torch.stack(vmap(lambda theta_P: self._scores(theta_P, *everything))(theta_RP))

    def _scores(self, theta_P, train_x, train_y, val_x, val_y):
        """Training loss, validation loss and, where there is one, validation metric of one run,
        over all samples."""
        outputs = self.forward(theta_P, val_x)
        losses = self.loss(theta_P, train_x, train_y), self.task_loss(outputs, val_y)
        return (*losses, self.task_metric(outputs, val_y)) if self.task_metric else losses

    def pictures(self, theta_RP, x_MD):
        """What the task's view shows of every run (R, V); pictures as whole 255ths."""

        def see(theta_P):
            return self.view.see(lambda inputs: self.forward(theta_P, inputs), theta_P, x_MD)

        with torch.no_grad():
            values = vmap(see)(theta_RP)
        if self.view.dtype == "f4":
            return values.float()
        return (values.nan_to_num() * 255).round().to(torch.uint8)

    def bytes_per_run(self, x_BD, y_B, slots):
        """What one run needs, in bytes.

        Parameters, gradient, state and temporaries, and what backpropagation keeps of one batch.
        """
        # sizes alone: a hook that hands back the tensor would close a circle, and nothing would
        # free it
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes), kept.count):
            self.task_loss(self.model(x_BD), y_B)
        return 4 * sum(self.sizes) * (4 + slots) + 2 * sum(kept)


def vector_of(model):
    """The parameters of a network in a row (P,)."""
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()
