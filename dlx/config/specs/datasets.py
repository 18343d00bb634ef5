"""Datasets by name: their columns, files, hashes and addresses. Readers are in `dlx.data`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..fields import Component, Table, option
from ..shapes import Sizes
from .cifar import Cifar10
from .dataset import Dataset as Dataset
from .dataset import File as File
from .environments import Gridworld, Gymnasium
from .generated import Posts, Stories
from .images import CatsVsDogs as CatsVsDogs
from .images import Images
from .multilabel import Scene, Yeast
from .named import OnePicture, TwoPictures
from .own_series import Series
from .series import BeijingPm25, BeijingWindows, JenaClimate
from .tables import Table as OwnTable
from .text import Text
from .texts import Texts


class Digits(Dataset):
    """Handwritten digits, 8 x 8 grey levels from 0 to 16 (UCI; embedded in scikit-learn)."""

    inputs = ("image",)
    shapes: ClassVar[dict[str, Sizes]] = {"image": (8, 8)}
    targets: ClassVar[dict[str, str]] = {"digit": "multiclass"}
    rows = "1,797"
    embedded = ("digits.csv.gz",)
    content_sha256 = "7e2154562293f338bbe14fbc274df5d2ea619377a2e06ef01d5fadc512876334"
    terms = "UCI, CC BY 4.0"


class DigitPairs(Dataset):
    """Pairs of those digits that differ, and which of both is the larger number."""

    inputs = ("left", "right")
    shapes: ClassVar[dict[str, Sizes]] = dict.fromkeys(inputs, (8, 8))
    targets: ClassVar[dict[str, str]] = {"right_is": "binary"}
    groups = ("block",)
    rows = "5,391"
    embedded = Digits.embedded
    content_sha256 = Digits.content_sha256
    terms = Digits.terms


@dataclass(frozen=True, kw_only=True)
class BreastCancer(Dataset):
    """Tumours, 30 measurements each, malignant or benign (UCI; embedded in scikit-learn)."""

    malignant: int | None = option(
        None,
        "malignant tumours that are kept, drawn at random, so that they are rare; null: all",
        ge=1,
        newer=True,
    )

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (30,)}
    targets: ClassVar[dict[str, str]] = {"diagnosis": "binary"}
    rows = "569"
    embedded = ("breast_cancer.csv",)
    content_sha256 = "46ea2809c5379254909b3a43fe625c8a7437b2b14117283017108dbd9354465c"
    terms = "UCI, CC BY 4.0"


class BreastCancerViews(Dataset):
    """The same tumours, with mean, standard error and worst value of 10 measurements apart."""

    inputs = ("mean", "error", "worst")
    targets = BreastCancer.targets
    shapes: ClassVar[dict[str, Sizes]] = dict.fromkeys(inputs, (10,))
    rows = BreastCancer.rows
    embedded = BreastCancer.embedded
    content_sha256 = BreastCancer.content_sha256
    terms = BreastCancer.terms


class Wine(Dataset):
    """Italian wines, 13 measurements each, from three cultivars (UCI; embedded in scikit-learn)."""

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (13,)}
    targets: ClassVar[dict[str, str]] = {"cultivar": "multiclass"}
    rows = "178"
    embedded = ("wine_data.csv",)
    content_sha256 = "1723716f187ad24ac779d83e3f6be4b54864843403cf09e677f1be7b0ef4cacb"
    terms = "UCI, CC BY 4.0"


class Diabetes(Dataset):
    """Patients, 10 measurements each, progression a year later (embedded in scikit-learn)."""

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (10,)}
    targets: ClassVar[dict[str, str]] = {"progression": "regression"}
    rows = "442"
    embedded = ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")
    content_sha256 = "ece3ba505f1dda3171c11ff4a6ae93ee038a96c18c2dad4215a570400a6b333d"
    terms = "Efron and others, 2004"


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"


class Mnist(Dataset):
    """Handwritten digits, 28 x 28 bytes (LeCun, Cortes and Burges)."""

    inputs = ("image",)
    shapes: ClassVar[dict[str, Sizes]] = {"image": (28, 28)}
    targets: ClassVar[dict[str, str]] = {"digit": "multiclass"}
    rows = "60,000 + 10,000"
    terms = "CC BY-SA 3.0"
    files = (
        File(
            name="train-images-idx3-ubyte.gz",
            sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            size=9_912_422,
            url=f"{_MNIST}/train-images-idx3-ubyte.gz",
        ),
        File(
            name="train-labels-idx1-ubyte.gz",
            sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            size=28_881,
            url=f"{_MNIST}/train-labels-idx1-ubyte.gz",
        ),
        File(
            name="t10k-images-idx3-ubyte.gz",
            sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            size=1_648_877,
            url=f"{_MNIST}/t10k-images-idx3-ubyte.gz",
        ),
        File(
            name="t10k-labels-idx1-ubyte.gz",
            sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            size=4_542,
            url=f"{_MNIST}/t10k-labels-idx1-ubyte.gz",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class WordIds(Dataset):
    """Options of texts as word ids, numbered from the most frequent word on."""

    num_words: int = option(
        10_000, "number of most frequent words kept; rarer ones become unknown (id 2)", ge=4
    )


class Imdb(WordIds):
    """Film reviews as word ids, positive or negative (Maas and others, 2011; Keras' files)."""

    inputs = ("review",)
    targets: ClassVar[dict[str, str]] = {"sentiment": "binary"}
    rows = "25,000 + 25,000"
    terms = "research use; cite Maas et al., ACL 2011"
    files = (
        File(
            name="imdb.npz",
            sha256="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
            size=17_464_789,
            url=f"{_KERAS}/imdb.npz",
        ),
        File(
            name="imdb_word_index.json",
            sha256="027313fe9a320280f3bf0fac5baf58c4a683cf39a7ed9c3d3d3912bde4284cf6",
            size=1_641_221,
            url=f"{_KERAS}/imdb_word_index.json",
        ),
    )


class ImdbRaw(Dataset):
    """Film reviews as text, positive or negative (Maas and others, 2011; the original archive)."""

    inputs = ("review",)
    targets: ClassVar[dict[str, str]] = {"sentiment": "binary"}
    rows = "25,000 + 25,000"
    terms = "research use; cite Maas et al., ACL 2011"
    content_sha256 = "9bc0f582a4710bd90242943c12bcbdae1ec3aeda4c4e602c4058e7730948c77e"
    files = (
        File(
            name="aclImdb_v1.tar.gz",
            sha256="",
            size=84_125_825,
            url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        ),
    )


class TwoSentences(Dataset):
    """Two sentences, which train and are tested on: for the shape of what is prepared of them."""

    inputs = ("text",)
    targets: ClassVar[dict[str, str]] = {"animal": "binary"}
    rows = "2 + the same 2"
    terms = "none"


@dataclass(frozen=True, kw_only=True)
class Nietzsche(Dataset):
    """Stretches of Nietzsche's "Beyond Good and Evil" as character ids, and the next character."""

    inputs = ("text",)
    targets: ClassVar[dict[str, str]] = {"next": "multiclass"}
    rows = "200,278"
    terms = "public domain"
    time: ClassVar[str] = "place"
    files = (
        File(
            name="nietzsche.txt",
            sha256="23cf69874ab69d3d256099ab530ea4be24d47d9675b673bcc67cbcd6298ec647",
            size=600_901,
            url="https://s3.amazonaws.com/text-datasets/nietzsche.txt",
        ),
    )

    length: int = option(60, "characters of a stretch, in lower case", ge=1, le=10_000)
    step: int = option(3, "every so many characters a stretch begins", ge=1)


class Reuters(WordIds):
    """Newswires as word ids, one of 46 topics (Reuters 1987; Keras' files)."""

    inputs = ("wire",)
    targets: ClassVar[dict[str, str]] = {"topic": "multiclass"}
    rows = "8,982 + 2,246"
    terms = "research use; Reuters and Carnegie Group"
    files = (
        File(
            name="reuters.npz",
            sha256="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
            size=2_110_848,
            url=f"{_KERAS}/reuters.npz",
        ),
        File(
            name="reuters_word_index.json",
            sha256="9b56000edc4b34a32e89fd5a23b2605594682c74efcf7d8f4e2a5514b771e633",
            size=550_378,
            url=f"{_KERAS}/reuters_word_index.json",
        ),
    )


class BostonHousing(Dataset):
    """Suburbs of Boston, 13 features, median house price in thousands of dollars (1978).

    The column B encodes race; the data are only for reproducing the book, not for pricing houses.
    """

    inputs = ("features",)
    shapes: ClassVar[dict[str, Sizes]] = {"features": (13,)}
    targets: ClassVar[dict[str, str]] = {"price": "regression"}
    rows = "404 + 102"
    terms = "StatLib; column B is ethically contested"
    files = (
        File(
            name="boston_housing.npz",
            sha256="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
            size=57_026,
            url=f"{_KERAS}/boston_housing.npz",
        ),
    )


class Glove(Dataset):
    """Vectors of English words, of 50 to 300 numbers, for `vectors: glove` in an embedding."""

    kind = "vectors"
    inputs = ()
    targets: ClassVar[dict[str, str]] = {}
    rows = "400,000"
    terms = "PDDL 1.0; cite Pennington et al., EMNLP 2014"
    files = (
        File(
            name="glove.6B.zip",
            size=862_182_613,
            url="https://nlp.stanford.edu/data/glove.6B.zip",
        ),
    )


_CODE = "dlx.data.readers"
DATASETS = Table(
    "dataset",
    {
        "digits": Component(Digits, f"{_CODE}.embedded:digits"),
        "digit_pairs": Component(DigitPairs, f"{_CODE}.pairs:digit_pairs"),
        "breast_cancer": Component(BreastCancer, f"{_CODE}.embedded:breast_cancer"),
        "breast_cancer_views": Component(BreastCancerViews, f"{_CODE}.embedded:views"),
        "wine": Component(Wine, f"{_CODE}.embedded:wine"),
        "diabetes": Component(Diabetes, f"{_CODE}.embedded:diabetes"),
        "mnist": Component(Mnist, f"{_CODE}.mnist:mnist"),
        "cifar10": Component(Cifar10, f"{_CODE}.cifar:cifar10"),
        "imdb": Component(Imdb, f"{_CODE}.keras:imdb"),
        "imdb_raw": Component(ImdbRaw, f"{_CODE}.imdb_raw:imdb_raw"),
        "two_sentences": Component(TwoSentences, f"{_CODE}.sentences:two_sentences"),
        "nietzsche": Component(Nietzsche, f"{_CODE}.nietzsche:nietzsche"),
        "text": Component(Text, f"{_CODE}.texts:text"),
        "glove": Component(Glove, f"{_CODE}.glove:glove"),
        "reuters": Component(Reuters, f"{_CODE}.keras:reuters"),
        "beijing_pm25": Component(BeijingPm25, f"{_CODE}.beijing:beijing_pm25"),
        "beijing_windows": Component(BeijingWindows, f"{_CODE}.beijing:beijing_windows"),
        "jena_climate": Component(JenaClimate, f"{_CODE}.jena:jena_climate"),
        "cats_vs_dogs": Component(CatsVsDogs, f"{_CODE}.cats_vs_dogs:cats_vs_dogs"),
        "images": Component(Images, f"{_CODE}.images:images"),
        "series": Component(Series, f"{_CODE}.series:series"),
        "texts": Component(Texts, f"{_CODE}.text_folders:texts"),
        "table": Component(OwnTable, f"{_CODE}.table:table"),
        "stories": Component(Stories, f"{_CODE}.stories:stories"),
        "posts": Component(Posts, f"{_CODE}.posts:posts"),
        "gridworld": Component(Gridworld, f"{_CODE}.environments:gridworld"),
        "gymnasium": Component(Gymnasium, f"{_CODE}.environments:gymnasium", ("gymnasium",), "rl"),
        "picture": Component(OnePicture, f"{_CODE}.named:picture"),
        "picture_pair": Component(TwoPictures, f"{_CODE}.named:picture_pair"),
        "yeast": Component(Yeast, f"{_CODE}.multilabel:yeast"),
        "scene": Component(Scene, f"{_CODE}.multilabel:scene"),
        "boston_housing": Component(BostonHousing, f"{_CODE}.keras:boston_housing"),
    },
)
