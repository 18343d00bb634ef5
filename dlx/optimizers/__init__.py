"""torch's optimizers, with the options of `dlx` and the fastest of their kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, optim
from torch.nn import Parameter

from ..config.specs import optimizers as specs
from ..errors import Problem, UsageError


def _leave_compiler_out() -> None:
    """Keeps torch's optimizers from importing its compiler.

    Their bookkeeping is marked as not to be compiled, and the mark imports the whole compiler,
    1.3 s, when first used. dlx compiles nothing; a torch without the mark is left as it is.
    """
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        marked = getattr(getattr(optim.Optimizer, name), "__wrapped__", None)
        if marked is not None and not hasattr(marked, "__dynamo_disable"):
            setattr(marked, "__dynamo_disable", marked)


_leave_compiler_out()


def step_of(optimizer: optim.Optimizer) -> Callable[..., object]:
    """What moves the weights once: torch's own arithmetic without what torch wraps around it.

    The wrapper imports the compiler (1.5 s) to tell it of a graph that nobody compiles, and runs
    hooks that nobody sets. An optimizer that is not torch's keeps its `step` as it is.
    """
    if not type(optimizer).__module__.startswith("torch.optim"):
        return optimizer.step
    bare = unwrap(type(optimizer).step)

    def step(*evaluate: Callable[[], Tensor]) -> None:
        with torch.no_grad():
            bare(optimizer, *evaluate)

    return step


def rmsprop(options: specs.RMSprop, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Divides each gradient by a running root mean square (Hinton, Coursera lecture 6e)."""
    return optim.RMSprop(
        parameters,
        lr=options.lr,
        alpha=options.rho,
        eps=options.eps,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
    )


def sgd(options: specs.SGD, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Stochastic gradient descent, with momentum if asked.

    Raises:
        UsageError: nesterov without momentum.
    """
    if options.nesterov and options.momentum == 0:
        raise UsageError(
            Problem(
                "nesterov is true, but momentum is 0: Nesterov momentum needs momentum",
                where="optimizer.nesterov",
                accepted="nesterov: true with momentum > 0",
                hint="optimizer.momentum=0.9",
            )
        )
    found = list(parameters)
    return optim.SGD(
        found,
        lr=options.lr,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        # without momentum a step is one addition, which the plain loop does fastest
        fused=_use_fused(found) if options.momentum > 0 else None,
    )


def adam(options: specs.Adam, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Adam (Kingma and Ba, arXiv:1412.6980)."""
    found = list(parameters)
    return optim.Adam(found, **_moments(options), fused=_use_fused(found))


def adamw(options: specs.AdamW, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101)."""
    found = list(parameters)
    return optim.AdamW(found, **_moments(options), fused=_use_fused(found))


def nadam(options: specs.Nadam, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Adam with Nesterov momentum (Dozat, 2016)."""
    return optim.NAdam(parameters, **_moments(options))


def _moments(options: specs.Adam) -> dict[str, Any]:
    """The options that Adam and its kin share."""
    betas, decay = (options.beta1, options.beta2), options.weight_decay
    return {"lr": options.lr, "betas": betas, "eps": options.eps, "weight_decay": decay}


def adagrad(options: specs.Adagrad, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Divides each gradient by the root of all its squares so far (Duchi and others, 2011)."""
    found = list(parameters)
    return optim.Adagrad(
        found,
        lr=options.lr,
        eps=options.eps,
        weight_decay=options.weight_decay,
        fused=_use_fused(found),
    )


def lbfgs(options: specs.LBFGS, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """Limited-memory BFGS (Liu and Nocedal, 1989): each step moves several times."""
    return optim.LBFGS(
        parameters,
        lr=options.lr,
        max_iter=options.max_iter,
        max_eval=options.max_evals,
        tolerance_grad=options.tolerance_grad,
        tolerance_change=options.tolerance_change,
        history_size=options.history,
        line_search_fn=None if options.line_search == "none" else options.line_search,
    )


def _use_fused(parameters: list[Parameter]) -> bool | None:
    """Whether one kernel does the whole step: on a CPU, where it takes a third of the time.

    Elsewhere torch chooses (None). The bits of a fused step differ from those of a plain one, and
    are the same every time.
    """
    on_cpu = all(p.is_cpu and torch.is_floating_point(p) for p in parameters)
    return True if on_cpu else None
