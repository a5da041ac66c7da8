"""Many copies of one network as the rows of a matrix: what the batched trainer runs on.

Shapes: `R` runs, `P` parameters of one run, `B` batch, `N` samples, `D` features. A row of `theta_RP` holds all
parameters of one run, in the order of `model.parameters()`.
"""
import torch
from torch.func import functional_call, grad_and_value, vmap


class Stack:
    """The functions of `task`'s network with the parameters as an argument, for many runs at once.

    The idiom is PyTorch's own for model ensembles (torch.func). One thing differs: the parameters travel as one matrix
    and are cut into weights and biases inside, so that an update rule is a few operations however many layers there are.
    """

    def __init__(self, task, device):
        self.task, self.programs = task, {}         # programs: see labs.program
        self.model = task.model(0).to(device)
        self.names = [name for name, _ in self.model.named_parameters()]
        self.shapes = [parameter.shape for parameter in self.model.parameters()]
        self.sizes = [parameter.numel() for parameter in self.model.parameters()]

    def start(self, seeds, device):
        """The initial parameters (len(seeds), P)."""
        rows = [torch.nn.utils.parameters_to_vector(self.task.model(seed).parameters()).detach() for seed in seeds]
        return torch.stack(rows).to(device)

    def forward(self, theta_P, x_BD):
        """The outputs of one run's network."""
        pieces = theta_P.split(self.sizes)
        parameters = {name: piece.view(shape) for name, piece, shape in zip(self.names, pieces, self.shapes)}
        return functional_call(self.model, parameters, (x_BD,))

    def loss(self, theta_P, x_BD, y_B):
        """The loss of one run on one batch."""
        return self.task.loss(self.forward(theta_P, x_BD), y_B)

    def gradients(self, theta_RP, x_RBD, y_RB):
        """The gradient (R, P) and the loss (R,) of every run on its own batch."""
        return vmap(grad_and_value(self.loss))(theta_RP, x_RBD, y_RB)

    def scores(self, theta_RP, train_x, train_y, val_x, val_y):
        """Training loss, validation loss and validation metric (3, R) of every run over all samples."""
        def one(theta_P):
            outputs = self.forward(theta_P, val_x)
            return self.loss(theta_P, train_x, train_y), self.task.loss(outputs, val_y), self.task.metric(outputs, val_y)
        with torch.no_grad():
            return torch.stack(vmap(one)(theta_RP))

    def view(self, theta_RP, x_MD):
        """What the task's view shows of every run: probabilities (R, M), as whole 255ths."""
        with torch.no_grad():
            values = vmap(lambda theta_P: self.task.view.value(self.forward(theta_P, x_MD)))(theta_RP)
        return (values.nan_to_num() * 255).round().to(torch.uint8)

    def bytes_per_run(self, x_BD, y_B, slots):
        """What one run needs: parameters, gradient, state and temporaries, and what backpropagation keeps of one batch."""
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
            self.task.loss(self.model(x_BD), y_B)
        return 4 * sum(self.sizes) * (4 + slots) + 2 * sum(kept)
