"""Makes reference_all-minilm-l6-v2.json: sentence vectors of all-MiniLM-L6-v2 by a forward pass in numpy,
with the model's own tokenizer.json. Needs numpy and tokenizers, and the folder of the model.

    python make_embedding_reference.py MODEL_FOLDER > reference_all-minilm-l6-v2.json
"""

import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

TEXTS = [
    "Hello, world!",
    "The cat sits on the mat.",
    "A feline rests upon a rug.",
    "What is 2**200 + 7?",
    "Ein Füllhorn voller Äpfel: naïve café, ŁÓDŹ!",
    "東京は日本の首都です。 emoji 🦀 and\ttabs\n\nand lines",
    "Search the web for a question and give the best hits with title, address and text.",
    "unbelievabletransmogrificationism " + "x" * 120 + " don't e-mail me@example.com",
    "Long text that goes over the limit of pieces. " * 60,
]

folder = Path(sys.argv[1])
raw = (folder / "model.safetensors").read_bytes()
size = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8 : 8 + size])


def weight(name):
    entry = header[name]
    begin, end = entry["data_offsets"]
    assert entry["dtype"] == "F32"
    data = np.frombuffer(raw[8 + size + begin : 8 + size + end], dtype="<f4")
    return data.reshape(entry["shape"]).astype(np.float64)


def linear(x, name):
    return x @ weight(f"{name}.weight").T + weight(f"{name}.bias")


def norm(x, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * weight(f"{name}.weight") + weight(f"{name}.bias")


def forward(ids, heads=12):
    n = len(ids)
    x = weight("embeddings.word_embeddings.weight")[ids]
    x = x + weight("embeddings.position_embeddings.weight")[:n]
    x = norm(x + weight("embeddings.token_type_embeddings.weight")[0], "embeddings.LayerNorm")
    dim = x.shape[1] // heads
    layer = 0
    while f"encoder.layer.{layer}.attention.self.query.weight" in header:
        at = f"encoder.layer.{layer}"
        q, k, v = (
            linear(x, f"{at}.attention.self.{part}").reshape(n, heads, dim).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(dim)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ v).transpose(1, 0, 2).reshape(n, heads * dim)
        x = norm(x + linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        wide = linear(x, f"{at}.intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + linear(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        layer += 1
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
out = []
for text in TEXTS:
    ids = tokenizer.encode(text).ids
    out.append({"text": text, "ids": ids, "vector": [round(float(v), 6) for v in forward(ids)]})
print("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in out) + "\n]")
