"""Prints the median time of ONNX Runtime's own Python interface as JSON.

Usage: onnxruntime_latency.py MODEL DATASET THREADS BATCH WARM_UP RUNS
"""

import json
import statistics
import sys
import time

import numpy as np
import onnxruntime


def main(model, dataset, threads, batch, warm_up, runs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    arrays = np.load(dataset)
    feed = {wanted.name: np.ascontiguousarray(arrays[wanted.name][:batch]) for wanted in session.get_inputs()}
    outputs = [output.name for output in session.get_outputs()]
    for _ in range(warm_up):
        session.run(outputs, feed)
    times = []
    for _ in range(runs):
        started = time.perf_counter_ns()
        session.run(outputs, feed)
        times.append(time.perf_counter_ns() - started)
    print(json.dumps({"p50_microseconds": statistics.median_low(times) / 1000, "version": onnxruntime.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:7]))
