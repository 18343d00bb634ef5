"""The command `dlx serve RUN`: a finished run that answers over HTTP."""

from __future__ import annotations

import argparse
import errno
import socket
from ipaddress import ip_address
from pathlib import Path

from ..config.extras import require_extra
from ..errors import Problem, UsageError
from ..search.winner import OR_BEST, find_answering
from .console import say, say_json, warn
from .hydra_flags import positive

EXAMPLES = """examples:
  dlx serve last
  dlx serve last --port 9000 --max-rows 100
  curl -H 'Content-Type: application/json' -d '{"rows": [{...}]}' localhost:8000/predict
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=OR_BEST)
    told = "address to listen at (default: 127.0.0.1, which only this machine reaches)"
    add("--host", default="127.0.0.1", metavar="HOST", help=told)
    add("--port", type=int, default=8000, metavar="PORT", help="default: 8000; 0: any free one")
    add("--max-rows", type=positive, default=1000, metavar="N", help="of a request (default: 1000)")
    told = "megabytes of a request (default: 10)"
    add("--max-body", type=positive, default=10, metavar="MB", help=told)
    told = "seconds until an answer (default: 30)"
    add("--timeout", type=positive, default=30, metavar="SECONDS", help=told)
    add("--weights", choices=["best", "last"], help="which checkpoint (default: as dlx test)")
    add("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="default: auto")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts: where it listens")


def run(args: argparse.Namespace) -> int:
    """Answers until a signal asks to stop."""
    folder = find_answering(Path(args.root), args.run)
    require_extra("dlx serve", "serve")
    from ..use.predicting import require_predicting

    require_predicting(folder, args.plugins)
    _require_free(args.host, args.port)
    from ..running.earlier import read_earlier
    from ..use.predictor import Predictor
    from ..use.serving.app import LOOPBACK, make_app
    from ..use.serving.limits import Limits
    from ..use.serving.server import listen
    from ..use.serving.service import Service

    predictor = Predictor.open(folder, args.device, args.weights, args.plugins)
    alone = _is_loopback(args.host)
    limits = Limits(body=args.max_body * 10**6, rows=args.max_rows, answer=float(args.timeout))
    hosts = (*LOOPBACK, args.host) if alone else ()
    app = make_app(Service(predictor, read_earlier(folder).data), folder.name, limits, hosts)
    if not alone:
        warn(f"whoever reaches {args.host} can ask: there is no password and no encryption")

    def tell(host: str, port: int) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if args.json:
            say_json({"run": folder.name, "address": address})
        else:
            say(f"run {folder.name} answers at {address} (a form)")
            say(f"what can be asked: {address}/docs; Ctrl-C stops it")

    listen(app, args.host, args.port, limits, tell)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_free(host: str, port: int) -> None:
    """Refuses an address that cannot be listened at, before torch is imported.

    Raises:
        UsageError: it is taken, or none of this machine's.
    """
    if not 0 <= port < 2**16:
        raise UsageError(Problem(f"there is no port {port}", "--port", "0 to 65535", "--port 8000"))
    try:
        (family, kind, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
    except socket.gaierror as error:
        what = f"{host} is no address: {error.strerror}"
        raise UsageError(Problem(what, "--host", "127.0.0.1", "--host 127.0.0.1")) from error
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = f"{host}:{port} cannot be listened at: {error.strerror}"
        hint = "--port 0 takes a free one" if taken else "--host 127.0.0.1"
        raise UsageError(Problem(what, "--port" if taken else "--host", "", hint)) from error
