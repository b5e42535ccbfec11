"""Claims about which cells a table needs, their settings, and how processes share them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rbvae.errors import ConfigError
from training.table1.bench import locked
from training.table1.controls import TITLES
from training.table1.plan import Address, Plan
from training.table1.settings import LADDER, ROWS, Settings, base, choose, grid_of, kind_of


def settings_of(dataset: str) -> Settings:
    preset = "codes" if kind_of(dataset) == "codes" else "small"
    return Settings(dataset, base(dataset, preset, None, None), [])


def plan_of(made: dict, **options) -> Plan:
    return Plan({"vae": 2, "beta": 1}, {"constant": 1}, higher=False, known=made.get, **options)


@pytest.mark.parametrize("text", ["srb:3", "beta:0:4", "srb-paper:0:0.1:long", "vae:1:long", "control/pixels_e:0"])
def test_an_address_is_read_as_it_is_written(text):
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize("text", ["srb", "gan:0", "beta:0:5", "srb:0:2", "control/srb:0", "srb:-1"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(ConfigError, match="--cell"):
        Address.parse(text)


def test_addresses_have_folders_of_their_own():
    addresses = [Address("beta", 0), Address("beta", 0, 4.0), Address("beta", 0, 4.0, True), Address("beta", 1)]
    assert len({address.folder for address in addresses}) == 4


def test_a_tuned_row_gets_its_seeds_once_its_grid_is_known_and_its_best_value():
    made = {Address("beta", 0, float(value)): {"validation": abs(value - 4)} for value in (1, 2, 4, 6, 8)}
    plan = plan_of(made, tuned=("beta",))
    assert plan.chosen("beta") is None and Address("beta", 0, 16.0) in plan.needed()
    made[Address("beta", 0, 16.0)] = {"stopped": "diverged"}
    assert plan.chosen("beta") == 4.0
    assert Address("beta", 0, 4.0) in plan.needed() and Address("vae", 1) in plan.needed()


def test_a_variant_has_the_value_that_its_model_was_tuned_to():
    made = {Address("rb", 0, value): {"validation": value} for value in grid_of("rb")[1]}
    plan = Plan({"rb": 1, "rb-plain": 2}, {}, higher=False, tuned=("rb",), known=made.get)
    assert Address("rb-plain", 1, 0.03) in plan.needed()
    config = settings_of("digits").of("rb-plain", 1, 0.03)
    assert config.objective.laplace_scale == 0.03 and not config.pretraining_steps


def test_the_longer_run_waits_for_the_run_it_is_compared_with():
    made: dict = {}
    plan = plan_of(made, long=("vae", "beta"))
    assert not any(address.long for address in plan.needed())
    made[Address("vae", 0)], made[Address("beta", 0)] = {"steps": 1000}, {"stopped": "diverged"}
    assert [str(address) for address in plan.needed() if address.long] == ["vae:0:long"]


def test_a_cell_is_made_by_one_process_at_a_time_and_a_dead_ones_is_free(tmp_path):
    hold = "import sys, fcntl; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); "
    hold += "sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"
    with locked(tmp_path) as free:
        assert not free
    other.kill()
    other.communicate()
    with locked(tmp_path) as free:
        assert free


def test_the_papers_rows_use_nothing_of_ours():
    for name in ("rb-paper", "srb-paper"):
        config = settings_of("digits").of(name, 0)
        assert config.extension_names == [] and (config.lr, config.beta1, config.beta2) == (1e-4, 0.5, 0.99)
        objective = config.objective
        assert (objective.form, objective.image_weight, objective.latent_z_weight) == ("raw", 1.0, 1.0)


def test_each_rung_of_the_ladder_adds_to_the_one_below():
    settings = settings_of("digits")
    names = [set(settings.of(name, 0).extension_names) for name in LADDER]
    assert all(below < above for below, above in zip(names[:-1], names[1:], strict=True))
    assert {ROWS[name].method for name in LADDER} == {"srb"}


def test_all_rows_of_a_table_have_the_same_number_of_features():
    for dataset in ("digits", "fer", "lfw-codes"):
        models = [settings_of(dataset).of(name, 0).model for name in choose("", dataset)]
        assert len({(model.dim_z, model.dim_e, model.width, model.hidden) for model in models}) == 1


def test_rows_that_would_be_the_same_on_codes_are_not_run_twice():
    settings = settings_of("fer-codes")
    configs = [str({**vars(settings.of(name, 0)), "preset": ""}) for name in choose("", "fer-codes")]
    assert len(set(configs)) == len(configs)


def test_every_cell_has_a_folder_of_its_own():
    tuned = [Address(name, 0, float(value)) for name in ROWS for value in grid_of(name)[1]]
    rest = [Address(name, 0, long=long) for name in ROWS for long in (False, True)]
    controls = [Address(name, 0, control=True) for name in TITLES]
    folders = [address.folder for address in (*tuned, *rest, *controls)]
    assert len(set(folders)) == len(folders)  # the ladder has a row "srb-1", and the grid of "srb" a value 1
