"""Clusters: what scikit-learn finds, kept as numbers; rules, refusals, and rows of no cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import cluster, mixture
from small import built, loaded, trained
from threadpoolctl import threadpool_limits

from dlx.config.specs.clusters import METHODS
from dlx.errors import RunError, UsageError
from dlx.learning import cluster_number
from dlx.learning.cluster_rivals import DRAWS, rivals_of
from dlx.learning.clusterings import Clustering, Dbscan, KMeans
from dlx.learning.learner import Learner
from dlx.runs.artifacts import list_artifacts
from dlx.sources.fold import FoldData
from dlx.testing import check_learner

WINE = ("task=wine_clusters", "dataset.sample=true")
THREE = ("learner.choose=null", "learner.method.clusters=3")
BATCHES = (*THREE, "learner.method.fit=batches")
FOUND = ("learner.choose=null", "~protocol")
MIXTURE = ("learner.method.name=mixture",)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """scikit-learn by one thread, as the learner has it."""
    with threadpool_limits(1):
        yield


def three_groups(rows: int = 90, numbers: int = 4) -> Any:
    """Rows around three places."""
    drawn = np.random.default_rng(0)
    places = 6 * np.eye(3, numbers)
    return places[np.arange(rows) % 3] + drawn.normal(size=(rows, numbers))


def method(name: str, **options: Any) -> Any:
    """A method, fitted to nothing."""
    chosen = METHODS.default(name, **options)()
    return chosen.load()(chosen.options)


def reloaded(found: Clustering) -> Clustering:
    """A fresh one with the same numbers, as after `dlx test`."""
    fresh = found.again()
    fresh.take(found.state_dict())
    return fresh


def test_k_means_assigns_as_scikit_learn_does() -> None:
    rows = three_groups()
    oracle = cluster.KMeans(5, n_init=10, random_state=3).fit(rows)
    found = method("kmeans", clusters=5)

    found.fit(rows, 5, 3)

    others = three_groups(60) + 0.5
    groups, losses = reloaded(found).assign(torch.from_numpy(others))
    order = np.argsort(-np.bincount(oracle.labels_), kind="stable")
    assert order[groups.numpy()].tolist() == oracle.predict(others).tolist()
    assert float(losses.sum()) == pytest.approx(-oracle.score(others), rel=1e-9)
    assert sorted(found.sizes.tolist(), reverse=True) == found.sizes.tolist()


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_mixture_assigns_as_scikit_learn_does(covariance: str) -> None:
    rows = np.column_stack([three_groups(), np.full(90, 7.0)])  # what never varies is left out
    how: dict[str, Any] = {"covariance_type": covariance, "n_init": 3, "max_iter": 300}
    oracle = mixture.GaussianMixture(3, random_state=3, **how).fit(rows[:, :4])
    one = mixture.GaussianMixture(1, random_state=3, **how).fit(rows[:, :4])
    found = method("mixture", covariance=covariance)

    found.fit(rows, 3, 3)
    alone = found.again()
    alone.fit_one(rows)

    others = rows[:50] + 0.5
    groups, losses = reloaded(found).assign(torch.from_numpy(others))
    order = np.argsort(-np.bincount(oracle.predict(rows[:, :4])), kind="stable")
    assert order[groups.numpy()].tolist() == oracle.predict(others[:, :4]).tolist()
    assert losses.numpy() == pytest.approx(-oracle.score_samples(others[:, :4]), rel=1e-9)
    assert found.criterion(rows, 3, 3) == pytest.approx(oracle.bic(rows[:, :4]))
    groups, losses = alone.assign(torch.from_numpy(others))
    assert losses.numpy() == pytest.approx(-one.score_samples(others[:, :4]), rel=1e-6)
    assert not groups.any()


def test_regions_are_those_of_scikit_learn_largest_first() -> None:
    rows = np.concatenate([three_groups(), 40 * np.ones((2, 4))])
    oracle = cluster.HDBSCAN(min_cluster_size=6, copy=True).fit_predict(rows)
    found = method("hdbscan", smallest=6)

    found.fit(rows, 0, 0)

    groups, losses = reloaded(found).assign(torch.from_numpy(rows))
    order = np.append(np.argsort(-np.bincount(oracle[oracle >= 0]), kind="stable"), -1)
    assert order[groups.numpy()].tolist() == oracle.tolist()
    assert losses is None
    assert groups[-2:].tolist() == [-1, -1]


def test_the_radius_of_dbscan_leaves_out_the_share_of_noise() -> None:
    rows = three_groups()
    found = method("dbscan", neighbours=4, noise=0.2)
    assert isinstance(found, Dbscan)

    found.fit(rows, 0, 0)

    apart = np.sort(np.linalg.norm(rows[:, None] - rows, axis=2), axis=1)[:, 3]
    radius = float(np.quantile(apart, 0.8))
    assert float(found.get_buffer("radius")) == pytest.approx(radius)
    oracle = cluster.DBSCAN(eps=radius, min_samples=4).fit_predict(rows)
    assert ((oracle < 0) == (found.assign(torch.from_numpy(rows))[0] < 0).numpy()).all()
    with pytest.raises(RunError) as caught:
        method("dbscan").fit(np.repeat(rows[:9], 10, axis=0), 0, 0)
    told = "the radius would be 0: most rows have 4 others that are equal"
    assert caught.value.problems[0].what == told


def test_centres_moved_by_batches_are_means_of_the_rows_that_were_nearest() -> None:
    rows = torch.from_numpy(three_groups())
    found = method("kmeans", clusters=3)
    found.begin(rows[:30].numpy(), 3, 0)
    sums, counts = torch.zeros(3, 4, dtype=torch.float64), torch.zeros(3)

    for batch in rows.split(30):
        groups = found.assign(batch)[0]
        sums.index_add_(0, groups, batch)
        counts += torch.bincount(groups, minlength=3)
        found.move(batch, groups)

    assert found.centres.numpy() == pytest.approx((sums / counts[:, None]).numpy())
    assert found.sizes.tolist() == counts.tolist()


def test_where_no_number_and_no_rule_is_said_the_silhouette_chooses() -> None:
    options = loaded("learner.choose=null", base=WINE).config.learner.options
    assert (options.choose, options.rule.name) == (None, "silhouette")
    assert loaded(*THREE, base=WINE).config.learner.options.rule is None
    found = ("learner.choose=null", "learner.method.name=hdbscan", "~protocol")
    assert loaded(*found, base=WINE).config.learner.options.rule is None


def test_what_another_method_found_is_not_taken() -> None:
    with pytest.raises(RuntimeError):
        method("kmeans").take(method("mixture").state_dict())


@pytest.mark.parametrize("rule", ["silhouette", "stability", "bic"])
def test_each_rule_finds_groups_that_there_are(rule: str) -> None:
    draws = {"draws": 4} if rule == "stability" else {}
    chosen = cluster_number_choice(rule, **draws)
    found = method("mixture" if rule == "bic" else "kmeans", starts=2)

    assert cluster_number.choose(chosen, found, three_groups(), 0) == 3
    assert found.tried.tolist() == [2, 3, 4, 5]
    best = found.told.argmin() if rule == "bic" else found.told.argmax()
    assert int(best) == 1


def cluster_number_choice(rule: str, **options: Any) -> Any:
    """A rule that tries 2 to 5."""
    return loaded(
        f"learner.choose={{name: {rule}, most: 5}}",
        *(f"learner.choose.{name}={value}" for name, value in options.items()),
        *(MIXTURE if rule == "bic" else ()),
        base=WINE,
    ).config.learner.options.choose


def test_rivals_have_sizes_and_losses_of_their_own() -> None:
    rows = torch.from_numpy(three_groups())
    found = method("kmeans")
    assert isinstance(found, KMeans)
    found.fit(rows.numpy(), 3, 0)
    groups, losses = found.assign(rows)

    one, drawn, start = rivals_of(found, rows, rows, groups, 0)

    assert one.losses is not None
    assert float(one.losses.mean()) == pytest.approx(float(rows.var(0, correction=0).sum()))
    assert all(one.bincount().equal(groups.bincount()) for one in drawn.groups)
    assert not any(one.equal(groups) for one in drawn.groups)
    assert len(drawn.groups) == len(start.groups) == DRAWS
    assert drawn.losses is None
    assert start.losses is not None
    assert float(losses.mean()) < float(start.losses.mean())
    again = rivals_of(found, rows, rows, groups, 0)
    assert all(a.groups.equal(b.groups) for a, b in zip(again, (one, drawn, start), strict=True))
    others = rivals_of(method("hdbscan"), rows, rows, groups, 0)
    assert [other.losses for other in others] == [None, None, None]


HARNESS = {
    "kmeans": ("learner.choose.most=4",),
    "batches": BATCHES,
    "mixture": ("learner.method.name=mixture", *THREE),
    "dbscan": (*FOUND, "learner.method.name=dbscan"),
    "hdbscan": (*FOUND, "learner.method.name=hdbscan"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HARNESS)
def test_every_method_keeps_the_contract_of_learners(name: str) -> None:
    check_learner(*WINE, *HARNESS[name], *("trainer.epochs=1",) * (name != "batches"))


def test_a_run_tells_its_rule_its_agreement_and_leaves_what_it_found() -> None:
    run = trained("learner.choose.most=4", base=WINE)

    number, agreement = run.facts["told"]
    assert number.startswith(("2 clusters", "3 clusters", "4 clusters"))
    assert ": of 2 to 4, they have the largest silhouette of training rows (0." in number
    told = "agreement with cultivar, from which nothing was learnt: adjusted Rand index "
    assert agreement.startswith(told)
    names = [(one.kind, one.name) for one in list_artifacts(run.folder)]
    assert sorted(names) == [
        *(("cards", "middle"), ("lines", "choice"), ("points", "plane")),
        *(("table", "agreement"), ("table", "clusters"), ("table", "confusion")),
    ]
    scores = [score["name"] for score in run.facts["scores"]]
    assert scores[4:] == [
        *("test/silhouette", "test/loss", "test/adjusted_rand", "test/mutual_information"),
    ]
    answer = run.facts["answer"]
    assert (answer["score"], answer["direction"]) == ("test/silhouette", "max")


@pytest.mark.slow
def test_scores_that_only_the_end_has_are_told_of_folds_too() -> None:
    run = trained(*THREE, "protocol=kfold", "protocol.k=2", base=WINE)

    each = run.facts["fold_summary"]["val/adjusted_rand"]
    assert len(each["each"]) == 2
    assert each["kept"]
    told = {score["name"]: score for score in run.facts["scores"]}
    assert [*told] == [
        f"val/{n}" for n in ["silhouette", "loss", "adjusted_rand", "mutual_information"]
    ]
    assert told["val/adjusted_rand"]["value"] == each["mean"]
    assert told["val/adjusted_rand"]["baseline"]["name"] == "random rows as centres"


def test_digits_in_the_middle_of_clusters_are_pictures() -> None:
    run = trained("learner.method.clusters=4", base=("task=digits_clusters", "dataset.sample=true"))

    kinds = {one.name: one.kind for one in list_artifacts(run.folder)}
    assert kinds["middle"] == "pictures"


def fitted(*overrides: str) -> tuple[FoldData, Learner]:
    """A learner after its step."""
    *_, fold, training = built(*overrides, base=WINE)
    training.step(next(training.source.epoch(0)))
    return fold, training.learner


def test_where_nothing_is_found_there_is_no_silhouette() -> None:
    fold, learner = fitted(*FOUND, "learner.method={name: dbscan, radius: 0.001}")
    silhouette, rand, _ = learner.evaluations(fold, "clustering")

    assert (silhouette.score, rand.own.value()) == ("clustering/silhouette", 0)
    assert all(np.isnan(one.value()) for one in (silhouette.own, *silhouette.baselines))
    told = ["dbscan found no cluster, so there is no silhouette", "90 of 90 rows are in no cluster"]
    assert learner.tell()[:2] == told
    fold, learner = fitted(*FOUND, "learner.method={name: dbscan, radius: 100}")
    learner.evaluations(fold, "clustering")
    assert learner.tell()[0] == "dbscan found one cluster, so there is no silhouette"


def test_labels_move_nothing() -> None:
    (fold, learner), (_, without) = fitted(), fitted("learner.labels=null")

    every = learner.state().tensors
    assert all(every[name].equal(one) for name, one in without.state().tensors.items())
    scores = [one.score for one in without.evaluations(fold, "val")]
    assert scores == ["val/silhouette", "val/loss"]


@pytest.mark.slow
def test_clusters_of_learnt_features_are_judged_beside_those_of_raw_inputs() -> None:
    digits = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
    learnt = trained("task=digits_autoencoder", *digits, base=())
    steps = f"prepare.steps=[{{name: run_features, run: {learnt.folder}}}]"
    run = trained(steps, "task=digits_clusters", *digits, base=())

    table = (run.folder / "artifacts" / "agreement.csv").read_text().splitlines()
    raw = next(line for line in table if line.startswith("raw inputs,"))
    alone = trained("task=digits_clusters", *digits, base=())
    value = next(s for s in alone.facts["scores"] if s["name"] == "test/adjusted_rand")["value"]
    assert float(raw.split(",")[1]) == pytest.approx(value)  # as all columns have one scale
    assert " to " in raw.split(",")[-1]


def refusal(*overrides: str, base: tuple[str, ...] = WINE) -> tuple[str, str]:
    """What is wrong with a config or its rows, and what to type."""
    with pytest.raises(UsageError) as caught:
        built(*overrides, base=base)
    (problem,) = caught.value.problems
    return problem.what, problem.hint


SMALL = "{name: scale, divide_by: 1e38}"
REFUSED = [
    (
        ("learner.labels=features",),
        "`learner.labels` is features, but that is an input: labels that the learner sees cannot "
        "judge it (leak)",
        "learner.labels=cultivar",
    ),
    (
        ("learner.method.clusters=3",),
        "how many clusters is said twice: `learner.method.clusters` is 3, and `learner.choose` is "
        "silhouette",
        "learner.choose=null",
    ),
    (
        ("learner.choose.least=9",),
        "`learner.choose.least` is 9, above `learner.choose.most`, which is 8",
        "learner.choose.least=8",
    ),
    (
        ("learner.choose.name=bic",),
        "`learner.choose` is bic, but kmeans has no likelihood",
        "learner.choose.name=silhouette",
    ),
    (
        ("learner.method.name=dbscan", "~protocol"),
        "`learner.choose` is silhouette, but dbscan finds how many there are",
        "learner.choose=null",
    ),
    (
        ("learner.method.name=hdbscan", "learner.choose=null"),
        "learner clusters does not read `protocol`: its method cannot assign new rows, so all are "
        "clustered and none is held out",
        "'~protocol'",
    ),
    (
        (*BATCHES, "learner.method.clusters=200"),
        "a batch of 128 rows cannot start 200 clusters",
        "trainer.batch_size=200",
    ),
    (
        ("learner.method.fit=batches",),
        "`learner.method.fit` is batches, but how many clusters there are is chosen by all rows",
        "learner.method.fit=whole",
    ),
    (
        ("from_run=last",),
        "learner clusters has no weights that could start from a run",
        "from_run.run=",
    ),
    (
        (*THREE, "learner.method.clusters=5000"),
        "`learner.method.clusters` is 5,000, but there are 58 training rows",
        "learner.method.clusters=58",
    ),
    (
        ("learner.choose.most=500",),
        "`learner.choose.most` is 500, but there are 58 training rows",
        "learner.choose.most=58",
    ),
    (
        (*FOUND, "learner.method={name: hdbscan, smallest: 500}"),
        "`learner.method.smallest` is 500, but there are 90 training rows",
        "learner.method.smallest=90",
    ),
    (
        (f"prepare.steps=[{SMALL}, {SMALL}]",),
        "all 58 training rows are the same: there is nothing to tell apart",
        "",
    ),
]


@pytest.mark.parametrize(("overrides", "what", "hint"), REFUSED)
def test_what_cannot_be_clustered_is_refused(
    overrides: tuple[str, ...], what: str, hint: str
) -> None:
    assert refusal(*overrides) == (what, hint)


def test_words_are_no_numbers() -> None:
    told = "learner clusters works on rows of numbers, but those of review are positions that are "
    words = ("dataset={name: imdb, sample: true}", "prepare.steps=[{name: multi_hot}]")
    assert refusal(*words, "learner.labels=null", base=WINE[:1])[0] == f"{told}set"
