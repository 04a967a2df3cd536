"""What a sweep trains: keys, values, names and chains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.errors import DlicError
from dlic.studies.search_grid import chains, parse_axis, short_keys, split_outside, trials_of

STAGES = "model.network.init_args.stage=gdn,dct"
LAMBDAS = "model.lmbda=0.013,0.0067,0.0035"


def trials(*texts: str, chain: str | None = None):
    return trials_of([parse_axis(text) for text in texts], chain)


def test_every_combination_has_a_name():
    assert [trial.name for trial in trials(STAGES, "model.lmbda=0.0067,0.013")] == [
        "stage=gdn+lmbda=0.0067", "stage=gdn+lmbda=0.013", "stage=dct+lmbda=0.0067", "stage=dct+lmbda=0.013",
    ]  # fmt: skip


def test_keys_can_change_together():
    pairs = trials("model.distortion:model.lmbda=mse:0.013,ms-ssim:16")
    assert [trial.settings for trial in pairs] == [
        {"model.distortion": "mse", "model.lmbda": "0.013"},
        {"model.distortion": "ms-ssim", "model.lmbda": "16"},
    ]


@pytest.mark.parametrize("order", [(STAGES, LAMBDAS), (LAMBDAS, STAGES)])
def test_a_chain_starts_each_value_from_the_one_before(order):
    made = chains(trials(*order, chain="model.lmbda"))
    assert [[trial.settings["model.lmbda"] for trial in chain] for chain in made] == [["0.013", "0.0067", "0.0035"]] * 2
    for first, *rest in made:
        assert first.start is None
        assert [trial.start for trial in rest] == [trial.name for trial in [first, *rest[:-1]]]
        assert list(first.settings) == [order[0].partition("=")[0], order[1].partition("=")[0]]
        assert {trial.settings["model.network.init_args.stage"] for trial in (first, *rest)} < {"gdn", "dct"}


def test_values_may_hold_commas_within_brackets_and_quotes():
    axis = parse_axis("model.schedule={name: cosine, hold: 0.5},{name: constant}")
    assert axis.values == (("{name: cosine, hold: 0.5}",), ("{name: constant}",))
    assert split_outside("'a,b',[1,[2,3]],c", ",") == ["'a,b'", "[1,[2,3]]", "c"]


def test_keys_are_as_short_as_tells_them_apart():
    assert short_keys(["model.optimizer.name", "model.schedule.name", "model.l1"]) == {
        "model.optimizer.name": "optimizer.name", "model.schedule.name": "schedule.name", "model.l1": "l1",
    }  # fmt: skip


@given(st.lists(st.text("abz019.-+/ é{}", min_size=1, max_size=200), min_size=1, max_size=4, unique=True))
def test_names_are_those_of_different_folders_or_refused(values):
    try:
        names = [trial.name for trial in trials("data.train_dir=" + ",".join(values))]
    except DlicError:
        return
    assert len(set(names)) == len(names)
    assert all(name and "/" not in name and "," not in name and len(name.encode()) < 256 for name in names)


@pytest.mark.parametrize(
    "bad", [["model.lmbda"], ["=1,2"], ["model.lmbda="], ["model.lmbda=1,,2"], ["model.lmbda=1,1"], ["a:b=1:2,3"],
            ["model lmbda=1"], ["model.lmbda=1", "model.lmbda=2"], ["a=1/2,1 2"]],
)  # fmt: skip
def test_what_is_no_grid_is_refused(bad):
    with pytest.raises(DlicError, match=r"grid"):
        trials(*bad)


def test_a_chain_needs_a_key_of_the_grid():
    with pytest.raises(DlicError, match=r"model\.l1 is no key"):
        trials(STAGES, chain="model.l1")
