#!/usr/bin/env python3
"""Prints llama.cpp's prefill and decode speed for a model file, as JSON like that of alcove-bench.

    python3 -m venv venv && CMAKE_ARGS=-DGGML_NATIVE=ON venv/bin/pip install llama-cpp-python==0.3.36
    venv/bin/python bench_llama_cpp.py MODEL.gguf [--prompt-tokens 512] [--decode-tokens 64] [--threads 2] [--rounds 1]

The library is built on the machine that it is measured on, so that it uses what its processor has.
Prefill is one evaluation of the whole prompt; decoding is greedy, one token at a time.
"""

import argparse
import ctypes
import json
import os
import time

import llama_cpp


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--decode-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    start = time.perf_counter()
    llama = llama_cpp.Llama(
        args.model,
        n_ctx=args.prompt_tokens + args.decode_tokens + 64,
        n_batch=512,
        n_threads=args.threads,
        n_threads_batch=args.threads,
        verbose=False,
    )
    load_s = time.perf_counter() - start
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "bench_text.txt"), encoding="utf-8") as file:
        words = file.read().split()
    vocabulary = llama.n_vocab()
    prefill, decode = [], []
    for round_number in range(args.rounds):
        at = round_number * 97
        text = " ".join(words[(at + index) % len(words)] for index in range(args.prompt_tokens))
        tokens = llama.tokenize(text.encode(), add_bos=False)[: args.prompt_tokens]
        llama.reset()
        start = time.perf_counter()
        llama.eval(tokens)
        prefill.append(len(tokens) / (time.perf_counter() - start))
        start = time.perf_counter()
        for _ in range(args.decode_tokens - 1):
            logits = llama_cpp.llama_get_logits_ith(llama.ctx, -1)
            best = best_of(logits, vocabulary)
            llama.eval([best])
        decode.append((args.decode_tokens - 1) / (time.perf_counter() - start))
    with open("/proc/self/status", encoding="ascii") as file:
        resident = next(line for line in file if line.startswith("VmRSS:"))
    print(json.dumps({
        "engine": f"llama-cpp-python {llama_cpp.__version__}",
        "model": os.path.basename(args.model),
        "threads": args.threads,
        "prompt_tokens": args.prompt_tokens,
        "decode_tokens": args.decode_tokens,
        "load_s": load_s,
        "prefill_tokens_per_s": prefill,
        "decode_tokens_per_s": decode,
        "resident_bytes": int(resident.split()[1]) * 1024,
    }))


def best_of(logits, count):
    import numpy

    return int(numpy.ctypeslib.as_array(ctypes.cast(logits, ctypes.POINTER(ctypes.c_float)), (count,)).argmax())


main()
