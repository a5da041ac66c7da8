"""Landmark models, from 1987 on: parameters, data and compute of training, as their makers print
them.

Each row names its sources by their keys in the book's bibliography. Where a paper rounds and its
model is open, the parameters are counted from the published configuration (GPT-2, Llama 2 70B,
Llama 3.1 405B). A number that no source states is None; of compute, `Landmark.flops` then says what
follows from what is stated, and `Landmark.counted` how. Chosen are models that were large for their
time and whose makers published numbers: much of what was trained in private since 2023 is missing,
because its size is not known.
"""

import dataclasses
import datetime

from labs import scaling

AS_OF = "2026-11"
"""When the table was put together."""


@dataclasses.dataclass(frozen=True)
class Landmark:
    """One model. `published`: its first paper, YYYY-MM. `parameters`: all of them. `active`: of a
    mixture of experts, those that a token meets; `sparse` says that it is one. `seen`: tokens or
    images in training, each pass counted; `unit` says which. `products`: multiplications with
    weights for one image, where a weight is used at several places. `stated`: operations of
    training (FLOPs), where a source gives them. `sources`: keys of the bibliography.
    """

    name: str
    maker: str
    published: str
    parameters: float | None
    seen: float | None
    sources: tuple
    active: float | None = None
    products: float | None = None
    stated: float | None = None
    unit: str = "tokens"
    sparse: bool = False

    @property
    def year(self):
        """The middle of the month of publication, in years: 2020.375 for May 2020."""
        day = datetime.date.fromisoformat(f"{self.published}-01")
        return day.year + (day.month - 0.5) / 12

    @property
    def used(self):
        """The parameters that take part in one token: all, or of a mixture those that are active;
        None where that is not stated.
        """
        return self.active if self.sparse else self.parameters

    @property
    def counted(self):
        """How `flops` was found: "stated" by a source, "6ND" (6 for each parameter used and each
        token: Kaplan et al. 2020), "6MD" with the products of an image in place of the parameters;
        or None.
        """
        if self.stated:
            return "stated"
        if self.seen and self.products:
            return "6MD"
        return "6ND" if self.seen and self.used else None

    @property
    def flops(self):
        """Operations of the training run, stated or counted, or None."""
        if self.counted is None:
            return None
        return self.stated or scaling.training_flops(self.products or self.used, self.seen)


def _images(name, maker, published, parameters, seen, source, products=None):
    """A network that looks at images: each weight meets an image at several places."""
    rest = {"products": products, "unit": "images"}
    return Landmark(name, maker, published, parameters, seen, (source,), **rest)


def _dense(name, maker, published, parameters, seen, *sources, stated=None):
    return Landmark(name, maker, published, parameters, seen, sources, stated=stated)


def _mixture(name, maker, published, parameters, active, seen, source):
    return Landmark(name, maker, published, parameters, seen, (source,), active, sparse=True)


LANDMARKS = [
    _dense("NETtalk", "Johns Hopkins", "1987-06", 18_629, None, "sejnowski1987"),
    # 23 passes over 7,291 images; connections are products
    _images("Zip codes", "AT&T", "1989-12", 9_760, 23 * 7_291, "lecun1989", 64_660),
    _images("LeNet-5", "AT&T", "1998-11", 60_000, 20 * 60_000, "lecun1998", 340_908),
    # products: counted from the layers in the paper, see tests/test_landmarks.py
    _images("AlexNet", "Toronto", "2012-12", 60e6, 90 * 1.2e6, "krizhevsky2012", 724_406_816),
    _dense("seq2seq", "Google", "2014-09", 384e6, None, "sutskever2014"),
    # 600,000 steps of 256 images; parameters are not stated
    _images("ResNet-152", "Microsoft", "2015-12", None, 256 * 600e3, "he2016", 11.3e9),
    _dense("Transformer", "Google", "2017-06", 213e6, None, "vaswani2017", stated=2.3e19),
    # tokens and compute of BERT, RoBERTa and T5: table D.1 of the GPT-3 paper, which counts 6 for
    # each parameter and token, and 3 for T5; BERT's paper says 1e6 steps of at most 128,000 tokens
    _dense("BERT", "Google", "2018-10", 340e6, 250e9, "devlin2019", "brown2020", stated=5.33e20),
    # the paper prints 1542M; the model that its makers released has this many
    _dense("GPT-2", "OpenAI", "2019-02", 1_557_611_200, None, "radford2019"),
    _dense("RoBERTa", "Meta", "2019-07", 355e6, 2e12, "liu2019", "brown2020", stated=4.26e21),
    _dense("Megatron-LM", "NVIDIA", "2019-09", 8.3e9, None, "shoeybi2019"),
    _dense("T5", "Google", "2019-10", 11e9, 1e12, "raffel2020", "brown2020", stated=3.30e22),
    _dense("GPT-3", "OpenAI", "2020-05", 174.6e9, 300e9, "brown2020", stated=3.14e23),
    _mixture("GShard", "Google", "2020-06", 600e9, None, None, "lepikhin2021"),
    _mixture("Switch", "Google", "2021-01", 1.571e12, None, None, "fedus2022"),
    _dense("Gopher", "DeepMind", "2021-12", 280e9, 300e9, "rae2021", stated=6.31e23),
    _dense("MT-NLG", "NVIDIA", "2022-01", 530e9, 270e9, "smith2022"),
    _dense("Chinchilla", "DeepMind", "2022-03", 70e9, 1.4e12, "hoffmann2022", stated=5.76e23),
    _dense("PaLM", "Google", "2022-04", 540e9, 780e9, "chowdhery2023", stated=2.56e24),
    _dense("OPT", "Meta", "2022-05", 175e9, 180e9, "zhang2022opt"),
    _dense("GLM-130B", "Zhipu", "2022-10", 130e9, 400e9, "zeng2023"),
    _dense("BLOOM", "BigScience", "2022-11", 176.247e9, 366e9, "scao2022"),
    _dense("Galactica", "Meta", "2022-11", 120e9, 450e9, "taylor2022"),
    _dense("LLaMA 65B", "Meta", "2023-02", 65.2e9, 1.4e12, "touvron2023"),
    _dense("Llama 2 70B", "Meta", "2023-07", 68.977e9, 2.0e12, "touvron2023llama2"),
    # 43,500 PF-days
    _dense("Falcon 180B", "TII", "2023-11", 180e9, 3.5e12, "almazrouei2023", stated=3.76e24),
    _dense("DeepSeek 67B", "DeepSeek", "2024-01", 67e9, 2e12, "bi2024"),
    _mixture("DeepSeek-V2", "DeepSeek", "2024-05", 236e9, 21e9, 8.1e12, "deepseek2024v2"),
    _dense("Nemotron-4", "NVIDIA", "2024-06", 340e9, 9e12, "nvidia2024"),
    _dense("Qwen2 72B", "Alibaba", "2024-07", 72.7e9, 7e12, "qwen2024"),
    _dense(
        "Llama 3.1 405B", "Meta", "2024-07", 405.853e9, 15.6e12, "grattafiori2024", stated=3.8e25
    ),
    _mixture("Hunyuan-Large", "Tencent", "2024-11", 389e9, 52e9, 7e12, "sun2024"),
    _dense("Qwen2.5 72B", "Alibaba", "2024-12", 72.7e9, 18e12, "qwen2024b"),
    _mixture("DeepSeek-V3", "DeepSeek", "2024-12", 671e9, 37e9, 14.8e12, "deepseek2024v3"),
    _dense("Pangu Ultra", "Huawei", "2025-04", 135e9, 13.2e12, "yin2025"),
    _mixture("Qwen3 235B", "Alibaba", "2025-05", 235e9, 22e9, 36e12, "qwen2025"),
    _mixture("Kimi K2", "Moonshot", "2025-07", 1.04e12, 32e9, 15.5e12, "kimi2025"),
    _mixture("GLM-4.5", "Zhipu", "2025-08", 355e9, 32e9, 23e12, "glm2025"),
    _dense("Apertus 70B", "Swiss AI", "2025-09", 70e9, 15e12, "apertus2025"),
    _mixture("GLM-5", "Zhipu", "2026-02", 744e9, 40e9, 28.5e12, "glm2026"),
    # V4-Pro: 33T tokens; the abstract's "more than 32T" is of both models
    _mixture("DeepSeek-V4", "DeepSeek", "2026-04", 1.6e12, 49e9, 33e12, "deepseek2026"),
]
"""The rows, by date of publication."""
