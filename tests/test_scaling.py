"""The arithmetic of large runs, against the figures that their papers print."""

import dataclasses

import pytest

from labs import scaling
from labs.scaling import Shape

GPT2 = Shape(12, 768, 12, vocab=50257, context=1024)
GPT3 = Shape(96, 12288, 96, vocab=50257, context=2048)
LLAMA = dict(tied=False, bias=False, norm="rms", positions="rotary", gated=True)
LLAMA_7B = Shape(32, 4096, 32, vocab=32000, context=4096, ffn=11008, **LLAMA)
LLAMA_13B = Shape(40, 5120, 40, vocab=32000, context=4096, ffn=13824, **LLAMA)
LLAMA3_8B = Shape(32, 4096, 32, vocab=128256, context=8192, kv_heads=8, ffn=14336, **LLAMA)


@pytest.mark.parametrize(
    "shape, count",
    [
        (GPT2, 124_439_808),
        (dataclasses.replace(GPT2, layers=24, width=1024, heads=16), 354_823_168),
        (dataclasses.replace(GPT2, layers=36, width=1280, heads=20), 774_030_080),
        (dataclasses.replace(GPT2, layers=48, width=1600, heads=25), 1_557_611_200),
        (GPT3, 174_604_259_328),
        (LLAMA_7B, 6_738_415_616),
        (LLAMA_13B, 13_015_864_320),
        (LLAMA3_8B, 8_030_261_248),
    ],
)
def test_parameters_of_published_models_are_exact(shape, count):
    assert shape.parameters() == count


@pytest.mark.parametrize(
    "width, layers, billions",
    [(2304, 24, 1.7), (4096, 36, 7.5), (12288, 80, 145.6), (25600, 128, 1008.0)],
)
def test_parameters_as_the_megatron_paper_counts_them(width, layers, billions):
    shape = Shape(layers, width, heads=width // 128, vocab=51200, context=2048)
    found = scaling.megatron_parameters(shape) / 1e9
    assert f"{found:.1f}" == f"{billions:.1f}"


@pytest.mark.parametrize(
    "millions, flops",
    [
        (125, "2.25e+20"),
        (356, "6.41e+20"),
        (760, "1.37e+21"),
        (1320, "2.38e+21"),
        (2650, "4.77e+21"),
        (6660, "1.20e+22"),
        (12850, "2.31e+22"),
        (174600, "3.14e+23"),
    ],
)
def test_training_flops_are_those_of_gpt_3s_table(millions, flops):
    assert f"{scaling.training_flops(millions * 1e6, 300e9):.2e}" == flops


@pytest.mark.parametrize(
    "parameters, tokens, flops",
    [
        (400e6, 8.0e9, 1.92e19),
        (1e9, 20.2e9, 1.21e20),
        (10e9, 205.1e9, 1.23e22),
        (175e9, 3.7e12, 3.85e24),
        (1e12, 21.2e12, 1.27e26),
    ],
)
def test_training_flops_are_those_of_chinchillas_table(parameters, tokens, flops):
    # the tokens are printed with two digits, where there are few
    assert scaling.training_flops(parameters, tokens) == pytest.approx(flops, rel=0.01)


def test_flops_of_a_step_are_those_that_nangpt_and_the_megatron_paper_count():
    assert scaling.step_flops(GPT2, 1, 1024) == 874_944_921_600
    shape = Shape(80, 12288, 96, vocab=51200, context=2048)
    B, s, L, h, V = 3, 2048, 80, 12288, 51200
    paper = 96 * B * s * L * h**2 * (1 + s / (6 * h) + V / (16 * L * h))
    assert scaling.step_flops(shape, B, s, recomputation=True) == pytest.approx(paper, rel=1e-12)


@pytest.mark.parametrize("stage, gigabytes", [(0, "120"), (1, "31.4"), (2, "16.6"), (3, "1.88")])
def test_zero_divides_what_its_paper_says(stage, gigabytes):
    assert f"{scaling.zero_bytes(7.5e9, 64, stage) / 1e9:.3g}" == gigabytes


def test_activations_are_those_of_korthikantis_table():
    s, b, a, h, t, L = 2048, 4, 96, 12288, 8, 96
    of = lambda **options: scaling.activation_bytes(GPT3, b, s, **options) / (s * b * h * L)
    assert of() == pytest.approx(34 + 5 * a * s / h)
    assert of(tensor_parallel=t) == pytest.approx(10 + 24 / t + 5 * a * s / (h * t))
    both = {"tensor_parallel": t, "sequence_parallel": True}
    assert of(**both) == pytest.approx((34 + 5 * a * s / h) / t)
    assert of(**both, recomputation="selective") == pytest.approx(34 / t)
    assert of(tensor_parallel=t, recomputation="selective") == pytest.approx(10 + 24 / t)
    assert of(recomputation="full") == of(**both, recomputation="full") == 2


def test_a_token_of_cache():
    assert scaling.kv_cache_bytes(LLAMA_7B, 1) == 524_288
    assert scaling.kv_cache_bytes(LLAMA3_8B, 1) == 131_072
    assert scaling.kv_cache_bytes(LLAMA3_8B, 1000, bytes_per_value=1) == 65_536_000


@pytest.mark.parametrize("sequences, milliseconds", [(1, "4.98"), (8, "12.13"), (16, "20.30")])
def test_a_step_of_writing_takes_what_how_to_scale_your_model_says(sequences, milliseconds):
    # its figures: 13e9 weights of two bytes, 6.7 GB of cache for 8,192 tokens
    cache = scaling.kv_cache_bytes(LLAMA_13B, 8192)
    assert f"{cache / 1e9:.1f}" == "6.7"
    seconds = scaling.decode_seconds(13e9, sequences, 6.7e9, "TPU v5e", 8, bytes_per_weight=2)
    assert f"{1e3 * seconds:.2f}" == milliseconds


def test_many_sequences_wait_for_arithmetic_and_few_for_the_memory():
    chip = scaling.CHIPS["H100"]
    few, many = (scaling.decode_seconds(8e9, n, 0, chip) for n in (1, 10_000))
    assert few == pytest.approx(16e9 / chip.bandwidth)
    assert many == pytest.approx(2 * 10_000 * 8e9 / chip.flops)


@pytest.mark.parametrize(
    "parameters, tokens, hours, chip, percent",
    [
        (6.7e9, 1.0e12, 82_432, "A100", 43.4),
        (65.2e9, 1.4e12, 1_022_362, "A100", 47.7),
        (6.738e9, 2.0e12, 184_320, "A100", 39.1),
        (13.016e9, 2.0e12, 368_640, "A100", 37.7),
        (68.98e9, 2.0e12, 1_720_320, "A100", 42.8),
        (405.85e9, 15.6e12, 30.84e6, "H100", 34.6),
        (176.247e9, 366e9, 1_082_990, "A100", 31.8),
    ],
)
def test_mfu_of_published_runs(parameters, tokens, hours, chip, percent):
    found = scaling.mfu(parameters, tokens, 3600 * hours, 1, chip)
    assert f"{100 * found:.1f}" == f"{percent:.1f}"


def test_days_of_the_megatron_papers_example():
    days = scaling.training_days(175e9, 300e9, 1024, 140e12, recomputation=True)
    assert f"{days:.0f}" == "34"
    assert scaling.training_days(175e9, 300e9, 1024, 140e12) == pytest.approx(0.75 * days)


@pytest.mark.parametrize("fit", scaling.FITS)
def test_the_optimum_is_lower_than_what_lies_beside_it(fit):
    best = scaling.compute_optimal(5.76e23, fit)
    assert scaling.training_flops(best.parameters, best.tokens) == pytest.approx(5.76e23)
    for share in (0.8, 0.99, 1.01, 1.25):
        loss = scaling.FITS[fit].loss(best.parameters * share, best.tokens / share)
        assert loss > best.loss


def test_rounding_the_exponents_moves_the_optimum_by_a_quarter():
    one, other = (
        scaling.compute_optimal(5.76e23, f) for f in ("chinchilla", "chinchilla unrounded")
    )
    assert other.parameters / one.parameters == pytest.approx(1.25, abs=0.02)
    ratio = scaling.compute_optimal(5.76e23, "epoch")
    assert ratio.tokens / ratio.parameters == pytest.approx(20, rel=0.15)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: Shape(2, 10, 3, 100, 8), "heads must divide width, got 3 and 10"),
        (lambda: Shape(2, 12, 4, 100, 8, kv_heads=3), "kv_heads must divide heads, got 3 and 4"),
        (lambda: Shape(0, 12, 4, 100, 8), "layers must be a whole number of at least 1, got 0"),
        (
            lambda: Shape(1, 12, 4, 100, 8, ffn=-1),
            "ffn must be a whole number of at least 1, got -1",
        ),
        (lambda: Shape(1, 12, 4, 100, 8, norm="batch"), "norm must be one of .*, got 'batch'"),
        (lambda: Shape(1, 12, 4, 100, 8, positions="?"), "positions must be one of .*, got '?'"),
        (lambda: scaling.zero_bytes(1e9, 0, 1), "devices must be a whole number .*, got 0"),
        (lambda: scaling.zero_bytes(1e9, 8, 4), r"stage must be one of \[0, 1, 2, 3\], got 4"),
        (lambda: scaling.mfu(1e9, 1e9, 1, 1, "H1000"), "chip must be one of .*, got 'H1000'"),
        (
            lambda: scaling.mfu(1e9, 1e9, 0, 1, "H100"),
            "seconds must be positive, and finite, got 0",
        ),
        (lambda: scaling.compute_optimal(1e21, "mine"), "fit must be one of .*, got 'mine'"),
        (lambda: scaling.compute_optimal(0), "flops must be positive, and finite, got 0"),
        (lambda: scaling.training_days(1e9, 1e9, 1.5, 1e12), "chips must be a whole .*, got 1.5"),
        (
            lambda: scaling.activation_bytes(GPT2, 1, 8, 5),
            "tensor_parallel must divide heads, got 5",
        ),
        (
            lambda: scaling.activation_bytes(GPT2, 1, 8, recomputation="some"),
            "recomputation must be",
        ),
        (lambda: scaling.activation_bytes(GPT2, 0, 8), "batch must be a whole number .*, got 0"),
    ],
)
def test_the_impossible_is_refused_with_what_was_expected_and_what_came(call, said):
    with pytest.raises(ValueError, match=said):
        call()
