"""For authors of components: a harness for each kind, which tells the clause that is broken."""

from .callbacks import check_callback
from .columns import check_column
from .contract import BrokenContract
from .learners import check_learner
from .steps import check_step

__all__ = ["BrokenContract", "check_callback", "check_column", "check_learner", "check_step"]
