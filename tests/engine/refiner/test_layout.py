import json

import pytest

from engine.refiner.graph_lifter import GraphLifterConfig
from engine.refiner.layout import GraphLayout
from engine.refiner.network import RefinerConfig

PUBLISHED = {"hidden": 96, "layers": 5, "heads": 4, "dropout": 0.25, "attention_dropout": 0.1, "conv_dropout": 0.1}


@pytest.mark.parametrize("kind", [GraphLifterConfig, RefinerConfig])
def test_both_networks_have_the_published_layers_unless_told(kind: type[GraphLayout]) -> None:
    assert {name: kind().to_dict()[name] for name in PUBLISHED} == PUBLISHED
    assert list(kind().to_dict())[:6] == list(PUBLISHED)  # they may be given by place


@pytest.mark.parametrize("config", [GraphLifterConfig(8, 2, 2), RefinerConfig(8, guide_signs=(-1.0, 1.0, 1.0), released=True)])
def test_a_header_gives_the_same_layout_back(config: GraphLayout) -> None:
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="unknown settings: use_cce, width"):
        GraphLifterConfig.from_dict({"hidden": 8, "width": 3, "use_cce": True})
