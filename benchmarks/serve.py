"""A bounded load test of `dlx serve` on loopback: requests a second, and how long one takes.

    python benchmarks/serve.py                    # trains wine, serves it, 5,000 requests of a row
    python benchmarks/serve.py --run RUN --requests 20000 --connections 32

Aims, on two quiet cores with a small model: 500 requests a second, of which 99 % take less than
50 ms. The client takes part of the two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

RATE, P99 = 500.0, 0.050
ROW = {
    "alcohol": 13.2, "malic_acid": 1.78, "ash": 2.14, "alcalinity_of_ash": 11.2, "magnesium": 100,
    "total_phenols": 2.65, "flavanoids": 2.76, "nonflavanoid_phenols": 0.26,
    "proanthocyanins": 1.28, "color_intensity": 4.38, "hue": 1.05,
    "od280/od315_of_diluted_wines": 3.4, "proline": 1050,
}  # fmt: skip


async def ask_often(host: str, port: int, request: bytes, many: int, times: list[float]) -> None:
    """Sends a request so often on one connection, one after another."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(many):
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace"))
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - begun)
    writer.close()


async def load(
    address: str, row: dict[str, object], requests: int, connections: int
) -> list[float]:
    """The seconds of each request."""
    host, port = address.removeprefix("http://").split(":")
    body = json.dumps({"rows": [row]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    await ask_often(host, int(port), request, 20, [])  # the first ones find nothing in any cache
    times: list[float] = []
    each = requests // connections
    asked = (ask_often(host, int(port), request, each, times) for _ in range(connections))
    await asyncio.gather(*asked)
    return times


def processor(address: str) -> float:
    """Seconds of processor time that a server has taken so far."""
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(one.split()[1]) for one in lines if one.startswith("process_cpu_seconds"))


def train(root: Path) -> str:
    """A small model: wines, 13 numbers a row."""
    words = ["task=wine", "trainer.epochs=20", "trainer.threads=1", f"run.root={root}", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "dlx", "train", *words], check=True, capture_output=True, text=True
    )
    assert done.stdout
    return "last"


def measure(
    run: str, root: Path, row: dict[str, object], args: argparse.Namespace
) -> dict[str, float]:
    """Serves a run, and loads it with requests of one row."""
    words = [run, "--root", str(root), "--port", "0", "--json"]
    server = subprocess.Popen(
        [sys.executable, "-m", "dlx", "serve", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = server.stdout.readline()
            if not line:
                raise RuntimeError("the server did not start")
            text += line
        address = json.loads(text)["address"]
        busy, begun = processor(address), time.perf_counter()
        times = sorted(asyncio.run(load(address, row, args.requests, args.connections)))
        took, busy = time.perf_counter() - begun, processor(address) - busy
    finally:
        server.terminate()
        server.wait(30)
    share = {"p50": 0.5, "p99": 0.99}
    found = {name: 1000 * times[int(len(times) * part)] for name, part in share.items()}
    told = {"requests": len(times), "requests_per_s": len(times) / took, **found}
    return {**told, "server_ms_per_request": 1000 * busy / len(times)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="a run to serve (default: wine is trained)")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--row", type=json.loads, default=ROW, help="the row that is sent, as JSON")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=16)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = args.root if args.run else Path(folder) / "runs"
        found = measure(args.run or train(root), root, args.row, args)
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))
    right = found["requests_per_s"] >= RATE and found["p99"] < 1000 * P99
    print(
        "within the aims" if right else f"aims: {RATE:g} requests a second, p99 {1000 * P99:g} ms"
    )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
