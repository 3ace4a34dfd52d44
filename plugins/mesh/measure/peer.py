"""meshoptimizer as `cargo xtask prove mesh` runs it.

`peer.py models LIST OUT` unpacks models: a line of LIST is a name, a tab, an archive, a tab, a member.
`peer.py simplify IN.ply SHARE OUT.ply` simplifies as the compare example does, and prints how many
triangles are left and the milliseconds that took.
"""

import sys
import time
import zipfile
from pathlib import Path

import meshoptimizer
import numpy

ROUNDS = 5
POINT = numpy.dtype("<f4")
FACE = numpy.dtype([("many", "u1"), ("corners", "<u4", 3)])


def models(listed: str, out: str) -> None:
    for line in Path(listed).read_text().splitlines():
        name, archive, member = line.split("\t")
        with zipfile.ZipFile(archive) as file:
            Path(out, f"{name}.obj").write_bytes(file.read(member))


def read(path: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Positions and triangles of a binary PLY with nothing else in it."""
    head, body = Path(path).read_bytes().split(b"end_header\n", 1)
    many = {words[1]: int(words[2]) for line in head.decode().splitlines() if (words := line.split())[0] == "element"}
    positions = numpy.frombuffer(body, POINT, many["vertex"] * 3).reshape(-1, 3)
    faces = numpy.frombuffer(body, FACE, many["face"], positions.nbytes)["corners"]
    return positions.copy(), faces.astype(numpy.uint32)


def write(path: str, positions: numpy.ndarray, faces: numpy.ndarray) -> None:
    rows = numpy.empty(len(faces), FACE)
    rows["many"], rows["corners"] = 3, faces
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(positions)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar uint vertex_indices\nend_header\n"
    )
    Path(path).write_bytes(head.encode() + positions.tobytes() + rows.tobytes())


def simplify(path: str, share: str, out: str) -> None:
    positions, faces = read(path)
    wanted = int(len(faces) * float(share)) * 3
    times = []
    for _ in range(ROUNDS):
        made = numpy.empty(faces.size, numpy.uint32)
        begun = time.perf_counter()
        # The bound on the error is far above what any step costs: the number of triangles decides.
        many = meshoptimizer.simplify(made, faces.ravel(), positions, target_index_count=wanted, target_error=1e3)
        times.append(time.perf_counter() - begun)
    write(out, positions, made[:many].reshape(-1, 3))
    print(many // 3, sorted(times)[ROUNDS // 2] * 1000)


if __name__ == "__main__":
    {"models": models, "simplify": simplify}[sys.argv[1]](*sys.argv[2:])
