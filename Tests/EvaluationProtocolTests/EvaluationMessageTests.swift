import EvaluationProtocol
import Testing

@Suite struct `Evaluation message` {
    private static let latency = LatencyFigures(
        p50: 1, p90: 2, p95: 2.5, p99: nil, mean: 1.5, tail: 3, min: 0.5, max: 4, throughput: 1_000, runs: 4,
        quantiles: [0.5, 1, 4])

    private let result = EvaluationResult(
        evaluator: .init(version: "1.2.3"), runtime: .init(name: "onnxruntime", version: "1.32.0"),
        machine: .init(cpuModel: "A CPU", isaFlags: ["avx2"], cores: 8),
        settings: .init(threads: 1, batchSize: 2, warmUpRuns: 3, measuredRuns: 4, seed: 5), samples: 6,
        fed: [.init(input: "image", array: "image")], inputsNamedBy: ["dataset"],
        judged: .init(labels: "label", classes: "classes", predictions: ["scores"], scores: "scores"),
        metrics: EvaluationMetrics(
            kind: .classification, values: ["accuracy": 0.5, "top_5": 1],
            classes: [ClassFigures(name: "0", samples: 3, precision: 0.25, recall: 0.5, f1: 0.75)],
            confusionMatrix: ConfusionMatrix(labels: ["0", "7"], counts: [[1, 2], [3, 4]]),
            slices: ["region": ["north": SliceFigures(samples: 2, metrics: ["accuracy": 1])]],
            paired: PairedFigures(
                resamples: 2_000,
                metrics: [
                    "accuracy": PairedMetric(
                        baseline: 0.25, difference: 0.25,
                        bounds: [DifferenceBound(confidence: 0.95, lower: -0.5, upper: 0.75)])
                ],
                mcNemar: McNemarFigures(n01: 3, n10: 1, pWorse: 0.9375, pBetter: 0.3125))),
        latency: Self.latency,
        comparison: ComparisonFigures(
            baseline: Self.latency, candidate: Self.latency,
            ratios: [
                .p50: RatioFigures(ratio: 1, lower: 0.9, upper: 1.1, sessions: [0.9, 1, 1.1]),
                .tail: RatioFigures(ratio: 2, lower: nil, upper: nil, sessions: [2]),
            ], confidence: 0.95, pairsPerSession: 30),
        sweep: [SweepPoint(threads: 2, batchSize: 8, latency: Self.latency)],
        loadMicroseconds: 100, firstRunMicroseconds: 10, peakMemoryBytes: 1 << 20)

    @Test func `a cage survives its line, with layers that are not known`() throws {
        let message = EvaluationMessage.cage(
            EvaluationCage(layers: [.seccomp, .init(rawValue: "moat")], absent: [.landlockTCP]))
        #expect(try EvaluationMessage(line: message.line()) == message)
    }

    @Test func `a result survives its line`() throws {
        let message = EvaluationMessage.result(result)
        #expect(try EvaluationMessage(line: message.line()) == message)
    }

    @Test func `a result without baseline and matrix survives its line`() throws {
        var result = result
        result.comparison = nil
        result.metrics = EvaluationMetrics(kind: .regression, values: ["mse": 1, "r2": -3])
        result.metrics.pairedFailure = "the baseline model: the model answers NaN"
        let message = EvaluationMessage.result(result)
        #expect(try EvaluationMessage(line: message.line()) == message)
    }

    @Test func `a message is one line with a newline at its end`() throws {
        let line = try EvaluationMessage.failure(EvaluationFailure(.invalidModel, "two\nlines")).line()
        #expect(line.firstIndex(of: UInt8(ascii: "\n")) == line.count - 1)
    }

    @Test func `the wire form of progress and failure is fixed`() throws {
        #expect(
            String(decoding: try EvaluationMessage.progress(stage: .accuracy, done: 1, total: 2).line(), as: UTF8.self)
                == #"{"done":1,"protocol":5,"stage":"accuracy","total":2,"type":"progress"}"# + "\n")
        #expect(
            String(decoding: try EvaluationMessage.failure(.init(.timeLimit, "late")).line(), as: UTF8.self)
                == #"{"kind":"time-limit","message":"late","protocol":5,"type":"failure"}"# + "\n")
    }

    @Test func `kinds and stages that are not known yet are kept`() throws {
        let line = #"{"protocol":5,"type":"failure","kind":"new-kind","message":"m"}"#
        #expect(
            try EvaluationMessage(line: Array(line.utf8))
                == .failure(EvaluationFailure(.init(rawValue: "new-kind"), "m")))
    }

    @Test func `another protocol is refused before the rest is read`() {
        #expect(throws: EvaluationProtocolError("the message is of protocol 7; only protocol 5 is known")) {
            try EvaluationMessage(line: Array(#"{"protocol":7,"type":"new"}"#.utf8))
        }
    }

    @Test func `a figure that is not finite cannot be written`() {
        var result = result
        result.loadMicroseconds = .nan
        #expect(throws: EvaluationProtocolError.self) { try EvaluationMessage.result(result).line() }
    }
}
