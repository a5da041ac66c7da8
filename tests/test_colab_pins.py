"""The weekly job runs against the versions that Colab has that day."""

import colab_pins
import pytest

REQUIREMENTS = """# why
torch==2.13.0
numpy==2.1.3
xarray==2025.12.0
pandas==2.2.2
scikit-learn>=1.6
ipywidgets==7.7.1
jupyterlab-widgets==1.1.11
"""
FREEZE = """numpy==2.2.0
pandas==2.3.3
pandas-stubs==2.2.2.240909
scikit-learn==1.7.0
torch @ https://example.org/whl/cu126/torch-2.11.0%2Bcu126-cp313-cp313-linux_x86_64.whl
xarray==2026.1.0
xarray-einstats==0.10.0
torchvision @ https://example.org/whl/cu126/torchvision-0.26.0%2Bcu126-cp313-cp313-linux_x86_64.whl
jupyterlab_widgets==3.0.15
"""


def test_what_the_chapters_use_follows_the_list_and_everything_else_stays():
    assert colab_pins.update(REQUIREMENTS, FREEZE) == (
        "# why\ntorch==2.11.0\nnumpy==2.2.0\nxarray==2026.1.0\npandas==2.3.3\nscikit-learn>=1.6\n"
        "ipywidgets==7.7.1\njupyterlab-widgets==1.1.11\n"
    )


def test_a_local_build_is_pinned_without_its_suffix():
    assert "torch==2.11.0\n" in colab_pins.update(REQUIREMENTS, "torch==2.11.0+cpu\n")


def test_a_list_of_something_else_is_refused():
    with pytest.raises(ValueError, match="expected the output of `pip freeze`"):
        colab_pins.update(REQUIREMENTS, "<html>404</html>")
