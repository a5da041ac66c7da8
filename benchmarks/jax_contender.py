"""jax.jit(scan(vmap(step))): the idiom that JAX users train many runs with.

Needs the extra `bench`.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from contenders import groups

from labs import data

RULES = {  # without their learning rate, which is an argument; torch.optim's constants
    "sgd": optax.identity(),
    "momentum": optax.trace(0.9),
    "nesterov": optax.trace(0.9, nesterov=True),
    "adagrad": optax.scale_by_rss(initial_accumulator_value=0.0, eps=1e-20),
    "rmsprop": optax.scale_by_rms(0.99, eps=1e-8, eps_in_sqrt=False),
    "adam": optax.scale_by_adam(),
    "adamw": optax.scale_by_adam(),
    "lion": optax.scale_by_lion(),
}


def linear(p, name, x):
    """torch's nn.Linear."""
    return x @ p[name + ".weight"].T + p[name + ".bias"]


def mlp(p, x):
    """labs.models.mlp with ReLU: layers 0, 2, 4, ..."""
    for layer in itertools.count(0, 2):
        x = linear(p, str(layer), x)
        if f"{layer + 2}.weight" not in p:
            return x
        x = jax.nn.relu(x)


def norm(p, name, x):
    """torch's nn.LayerNorm."""
    centred = x - x.mean(-1, keepdims=True)
    return (
        centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[name + ".weight"]
        + p[name + ".bias"]
    )


def transformer(p, x, heads=4):
    """workloads.Transformer."""
    h = linear(p, "embed", x.reshape(*x.shape[:-1], 8, 8)) + p["position"]
    for block in ("blocks.0.", "blocks.1."):
        n = norm(p, block + "norm1", h)
        q, k, v = (
            linear(p, block + part, n).reshape(*n.shape[:-1], heads, -1).swapaxes(-3, -2)
            for part in ("query", "key", "value")
        )
        weight = jax.nn.softmax(q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5, axis=-1)
        h = h + linear(p, block + "out", (weight @ v).swapaxes(-3, -2).reshape(h.shape))
        h = h + linear(
            p,
            block + "down",
            jax.nn.gelu(linear(p, block + "up", norm(p, block + "norm2", h)), approximate=False),
        )
    return linear(p, "head", h.mean(-2))


def binary_cross_entropy(outputs, y):
    """labs.tasks.binary_cross_entropy."""
    return optax.sigmoid_binary_cross_entropy(outputs[:, 0], y).mean()


def cross_entropy(outputs, y):
    """torch's."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()


class Jax:
    """All runs of a group as one jitted scan over steps of a vmapped step."""

    title = "jax.jit(scan(vmap(step)))"

    def __init__(self, workload):
        self.work, self.task = workload, workload.make_task()
        self.run_steps = workload.count * workload.steps
        forward = transformer if "transformer" in self.task.name else mlp
        loss = binary_cross_entropy if self.task.name == "spirals" else cross_entropy
        self.loss = lambda p, x, y: loss(forward(p, x), y)
        self.x, self.y = (
            jnp.asarray(tensor.numpy())
            for tensor in (self.task.data.train_x, self.task.data.train_y)
        )
        self.programs = {name: jax.jit(self.program(rule)) for name, rule in RULES.items()}

    def program(self, rule):
        """The function that trains a group.

        It takes parameters, rates (R,), batches (T, S, B) and seeds (R,), and returns parameters.
        """

        def step(p, state, lr, batch):
            gradient = jax.grad(self.loss)(p, self.x[batch], self.y[batch])
            change, state = rule.update(gradient, state, p)
            return jax.tree.map(lambda a, c: a - lr * c, p, change), state

        def train(parameters, rates_R, order_TSB, seed_R):
            def body(carry, order_SB):
                return jax.vmap(step)(*carry, rates_R, order_SB[seed_R]), None

            return jax.lax.scan(body, (parameters, jax.vmap(rule.init)(parameters)), order_TSB)[0][
                0
            ]

        return train

    def run(self):
        """Train the groups one after the other."""
        self.trained = [
            (self.train(name, batch_size, [setting for _, setting in members]), members)
            for name, batch_size, members in groups(self.work.grid.settings())
        ]
        jax.block_until_ready([parameters for parameters, _ in self.trained])

    def train(self, name, batch_size, settings):
        """The stacked parameters of one group after training."""
        seeds = sorted({setting["seed"] for setting in settings})
        seed_R = np.array([seeds.index(setting["seed"]) for setting in settings])
        starts = [self.task.model(seed).state_dict() for seed in seeds]
        parameters = {
            key: jnp.asarray(np.stack([start[key].numpy() for start in starts])[seed_R])
            for key in starts[0]
        }
        orders = [
            data.batches(len(self.x), batch_size, self.work.steps, seed).numpy() for seed in seeds
        ]
        rates_R = jnp.array([setting["learning_rate"] for setting in settings])
        return self.programs[name](
            parameters, rates_R, jnp.asarray(np.stack(orders, axis=1)), jnp.asarray(seed_R)
        )

    def losses(self):
        """Of all runs."""
        each = jax.jit(
            lambda parameters: jax.lax.map(lambda p: self.loss(p, self.x, self.y), parameters)
        )
        return {
            index: loss
            for parameters, members in self.trained
            for (index, _), loss in zip(members, each(parameters).tolist())
        }
