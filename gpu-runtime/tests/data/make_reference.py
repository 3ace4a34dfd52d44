#!/usr/bin/env python3
"""Writes reference_<model id>.json: what llama.cpp computes for ten texts, 64 positions each.

    python3 -m venv venv && venv/bin/pip install --only-binary :all: xllamacpp==2026.10.11549 numpy
    venv/bin/python make_reference.py MODEL_ID MODEL.gguf

The wheel's extension module exports llama.cpp's C interface, which is called here directly. Each text
(prompts.json) is tokenised by llama.cpp, cut to at most 96 tokens and evaluated in one batch; the last
64 positions are kept: the token with the largest logit, the margin to the second, and the eight
largest log-probabilities.
"""

import ctypes
import glob
import hashlib
import json
import os
import sys

import numpy as np

POSITIONS = 64
TOKENS = 96
TOP = 8


class Opaque(ctypes.Structure):
    """Parameters by value; larger than any of llama.cpp's, which read only their own part."""

    _fields_ = [("bytes", ctypes.c_uint8 * 512)]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.POINTER(ctypes.c_float)),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


def library():
    import xllamacpp

    path = glob.glob(os.path.join(os.path.dirname(xllamacpp.__file__), "*.so"))[0]
    lib = ctypes.CDLL(path)
    pointer = ctypes.c_void_p
    lib.llama_model_default_params.restype = Opaque
    lib.llama_context_default_params.restype = Opaque
    lib.llama_model_load_from_file.restype = pointer
    lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Opaque]
    lib.llama_init_from_model.restype = pointer
    lib.llama_init_from_model.argtypes = [pointer, Opaque]
    lib.llama_model_get_vocab.restype = pointer
    lib.llama_model_get_vocab.argtypes = [pointer]
    lib.llama_vocab_n_tokens.argtypes = [pointer]
    lib.llama_tokenize.argtypes = [
        pointer, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32,
        ctypes.c_bool, ctypes.c_bool,
    ]
    lib.llama_batch_init.restype = Batch
    lib.llama_decode.argtypes = [pointer, Batch]
    lib.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
    lib.llama_get_logits_ith.argtypes = [pointer, ctypes.c_int32]
    lib.llama_get_memory.restype = pointer
    lib.llama_get_memory.argtypes = [pointer]
    lib.llama_memory_clear.argtypes = [pointer, ctypes.c_bool]
    return lib


def main():
    model_id, path = sys.argv[1], sys.argv[2]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "prompts.json"), encoding="utf-8") as file:
        prompts = json.load(file)
    lib = library()
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
    context = lib.llama_init_from_model(model, lib.llama_context_default_params())
    vocab = lib.llama_model_get_vocab(model)
    size = lib.llama_vocab_n_tokens(vocab)
    cases = []
    for text in prompts:
        data = text.encode()
        buffer = (ctypes.c_int32 * (len(data) + 8))()
        count = lib.llama_tokenize(vocab, data, len(data), buffer, len(buffer), False, False)
        all_tokens = list(buffer[:count])
        tokens = all_tokens[:TOKENS]
        assert len(tokens) >= POSITIONS, (len(tokens), text)
        batch = lib.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = index >= len(tokens) - POSITIONS
        lib.llama_memory_clear(lib.llama_get_memory(context), True)
        assert lib.llama_decode(context, batch) == 0
        positions = []
        for index in range(len(tokens) - POSITIONS, len(tokens)):
            logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), (size,)).astype(np.float64)
            top = np.argsort(-logits, kind="stable")[:TOP]
            log_sum = logits.max() + np.log(np.exp(logits - logits.max()).sum())
            positions.append({
                "margin": round(float(logits[top[0]] - logits[top[1]]), 4),
                "top": [[int(token), round(float(logits[token] - log_sum), 4)] for token in top],
            })
        cases.append({"text": text, "all_tokens": all_tokens, "tokens": len(tokens), "positions": positions})
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    from importlib.metadata import version

    result = {
        "model": model_id,
        "provenance": {
            "package": f"xllamacpp {version('xllamacpp')} (llama.cpp, x86-64 with AVX2)",
            "numpy": np.__version__,
            "file_sha256": digest.hexdigest(),
            "command": f"python make_reference.py {model_id} {os.path.basename(path)}",
        },
        "cases": cases,
    }
    out = os.path.join(here, f"reference_{model_id}.json")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    print(out, os.path.getsize(out))


main()
