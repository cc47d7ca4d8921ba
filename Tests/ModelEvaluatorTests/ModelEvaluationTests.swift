import EvaluationProtocol
import Testing

@testable import ModelEvaluator

@Suite struct `Model evaluation` {
    private let fewRuns = LatencySettings(warmUpRuns: 2, measuredRuns: 120)

    private func evaluate(
        model: String, baseline: String? = nil, dataset: String, task: EvaluationTask = .auto,
        latency: LatencySettings? = nil, progress: @escaping (EvaluationStage, Int, Int) -> Void = { _, _, _ in }
    ) throws -> EvaluationResult {
        let job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: model, baselineModelPath: baseline,
            datasetPath: dataset, task: task, latency: latency ?? fewRuns)
        return try ModelEvaluation(job: job, progress: progress).evaluate()
    }

    private func evaluate(
        model: [UInt8], task: EvaluationTask = .auto, latency: LatencySettings? = nil,
        _ build: (inout NpzBytes) -> Void
    ) throws -> EvaluationResult {
        var archive = NpzBytes()
        build(&archive)
        let model = try TemporaryFile(model, suffix: ".onnx")
        let dataset = try TemporaryFile(archive.archive(), suffix: ".npz")
        return try evaluate(model: model.path, dataset: dataset.path, task: task, latency: latency)
    }

    private func identity(_ type: Int, input: [Int?], output: [Int?]) -> [UInt8] {
        OnnxModelBytes.single(
            "Identity", .init(name: "x", elementType: type, shape: input),
            .init(name: "y", elementType: type, shape: output))
    }

    @Test(arguments: [
        ("digits-1.onnx", 0.958, 0.9581418678680652), ("digits-2.onnx", 0.854, 0.8481722011120987),
        ("digits-3.onnx", 0.978, 0.9779689296267808),
    ])
    func `the digits get the figures that scikit-learn computed`(name: String, accuracy: Double, f1: Double) throws {
        let result = try evaluate(model: TestFiles.digits(name), dataset: TestFiles.digits("test.npz"))
        let metrics = result.metrics
        #expect(metrics.kind == .classification)
        #expect(result.samples == 500)
        #expect(abs(try #require(metrics.values["accuracy"]) - accuracy) < 1e-12)
        #expect(abs(try #require(metrics.values["macro_f1"]) - f1) < 1e-9)
        #expect(metrics.confusionMatrix?.labels == (0...9).map { "\($0)" })
        #expect(metrics.confusionMatrix?.counts.joined().reduce(0, +) == 500)
        #expect(metrics.classes?.map(\.samples).reduce(0, +) == 500)
        #expect(try #require(metrics.values["top_5"]) >= accuracy)
        #expect(metrics.slices == nil && metrics.paired == nil)
    }

    @Test func `a baseline is compared over fresh sessions until every bound is decided`() throws {
        var latency = fewRuns
        latency.maxRatios = [.p50: 100]
        let result = try evaluate(
            model: TestFiles.digits("digits-3.onnx"), baseline: TestFiles.digits("digits-1.onnx"),
            dataset: TestFiles.digits("test.npz"), latency: latency)
        let comparison = try #require(result.comparison)
        let ratio = try #require(comparison.ratios[.p50])
        // With 0.95 over four looks the first one is after eight pairs of sessions, and 100 is far away.
        #expect(ratio.sessions.count == 8)
        #expect(try #require(ratio.lower) <= ratio.ratio && ratio.ratio <= #require(ratio.upper))
        let sorted = ratio.sessions.sorted()
        #expect((sorted[3] + sorted[4]) / 2 == ratio.ratio)
        #expect((0.1...10).contains(ratio.ratio), "the models are of one size")
        #expect(comparison.baseline.runs == 8 * comparison.pairsPerSession)
        #expect(comparison.candidate.runs == comparison.baseline.runs)
        #expect(result.latency.runs == 120)
        #expect(result.latency.p99 == nil, "120 runs are too few")
        #expect(result.latency.min <= result.latency.p50 && result.latency.p50 <= result.latency.tail)
        #expect(result.loadMicroseconds > 0 && result.firstRunMicroseconds > 0 && result.peakMemoryBytes > 0)
        #expect(result.runtime.version.hasPrefix("1."))
        let paired = try #require(result.metrics.paired)
        let accuracy = try #require(paired.metrics["accuracy"])
        let test = try #require(paired.mcNemar)
        #expect(accuracy.baseline == 0.958)
        #expect(abs(accuracy.difference - Double(test.n01 - test.n10) / 500) < 1e-12)
        #expect(test.pBetter < 0.05 && test.pWorse > 0.95)
        #expect(paired.metrics.keys.sorted() == result.metrics.values.keys.sorted())
        #expect(paired.resamples == 2_000)
    }

    @Test func `a baseline whose answers cannot be judged is no reason to fail`() throws {
        let result = try evaluate(
            model: TestFiles.digits("digits-3.onnx"), baseline: TestFiles.digits("damaged/nan-outputs.onnx"),
            dataset: TestFiles.digits("test.npz"))
        #expect(result.metrics.paired == nil)
        #expect(result.metrics.pairedFailure?.hasPrefix("the baseline model: the model answers NaN") == true)
        #expect(result.comparison != nil)
    }

    @Test func `strings go in, come out, and are classes`() throws {
        let result = try evaluate(model: identity(OnnxModelBytes.string, input: [nil], output: [nil])) {
            $0.add("x", "<U1", shape: "(3,)", [0x61, 0x62, 0x62] as [UInt32])
            $0.add("label", "|S1", shape: "(3,)", Array("aab".utf8))
            $0.add("group_half", "|b1", shape: "(3,)", [1, 0, 0] as [UInt8])
        }
        #expect(result.metrics.confusionMatrix == ConfusionMatrix(labels: ["a", "b"], counts: [[1, 1], [0, 1]]))
        #expect(result.metrics.slices?["half"]?["1"]?.samples == 1)
        #expect(result.metrics.slices?["half"]?["0"]?.metrics["accuracy"] == 0.5)
    }

    @Test func `an array names the columns of scores`() throws {
        func accuracy(classes: String) throws -> Double? {
            try evaluate(model: identity(OnnxModelBytes.float32, input: [nil, 2], output: [nil, 2])) {
                $0.add("x", "<f4", shape: "(2, 2)", [Float(1), 0, 0, 1])
                $0.add("label", "|S1", shape: "(2,)", Array("yn".utf8))
                if !classes.isEmpty { $0.add("classes", "|S1", shape: "(\(classes.count),)", Array(classes.utf8)) }
            }.metrics.values["accuracy"]
        }
        #expect(try accuracy(classes: "yn") == 1)
        #expect(try accuracy(classes: "ny") == 0)
        for classes in ["", "ynm", "yy", "ab"] {
            let failure = try #require(throws: EvaluationFailure.self) { try accuracy(classes: classes) }
            #expect([.unsupportedType, .shapeMismatch, .invalidDataset].contains(failure.kind), "\(failure)")
        }
    }

    @Test(arguments: [
        ("<f4", "(2,)", [UInt8](repeating: 0, count: 8)), ("|u1", "(3,)", [1, 2, 3]), ("|u1", "(2, 2)", [1, 2, 3, 4]),
        ("|S101", "(2,)", [UInt8](repeating: 65, count: 202)),
    ])
    func `a group that does not fit is refused`(type: String, shape: String, bytes: [UInt8]) throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: identity(OnnxModelBytes.int64, input: [nil], output: [nil])) {
                $0.add("x", "<i8", shape: "(2,)", [1, 2])
                $0.add("label", "<i8", shape: "(2,)", [1, 2])
                $0.add("group_g", type, shape: shape, bytes)
            }
        }
        #expect(failure.kind == .invalidDataset)
        #expect(failure.message.contains("'group_g'"))
    }

    @Test func `a comparison without time left is reported as far as it came`() throws {
        var latency = fewRuns
        latency.budgetSeconds = 1
        latency.measuredRuns = 1_000_000
        latency.maxRatios = [.p50: 1]
        let result = try evaluate(
            model: TestFiles.digits("digits-1.onnx"), baseline: TestFiles.digits("digits-1.onnx"),
            dataset: TestFiles.digits("test.npz"), latency: latency)
        #expect(result.latency.runs < 1_000_000)
        let sessions = try #require(result.comparison?.ratios[.p50]).sessions.count
        #expect((1...26).contains(sessions))
    }

    @Test func `a sweep has a point for every pair of threads and batch size`() throws {
        var latency = fewRuns
        latency.sweepBatchSizes = [1, 16]
        latency.sweepThreads = [1, 2]
        let points = try evaluate(
            model: TestFiles.digits("digits-1.onnx"), dataset: TestFiles.digits("test.npz"), latency: latency
        ).sweep
        #expect(points.map(\.threads) == [1, 1, 2, 2])
        #expect(points.map(\.batchSize) == [1, 16, 1, 16])
        #expect(points.allSatisfy { $0.latency.p50 > 0 && $0.latency.throughput > 0 })
    }

    @Test func `progress ends with the whole of each stage`() throws {
        var last: [EvaluationStage: [Int]] = [:]
        _ = try evaluate(model: TestFiles.digits("digits-1.onnx"), dataset: TestFiles.digits("test.npz")) {
            last[$0] = [$1, $2]
        }
        #expect(last == [.loading: [3, 3], .accuracy: [500, 500], .latency: [120, 120]])
    }

    @Test(arguments: [
        ("empty.onnx", EvaluationFailure.Kind.invalidModel), ("text.onnx", .invalidModel),
        ("truncated.onnx", .invalidModel), ("unknown-operator.onnx", .unsupportedOperator),
        ("wrong-input-name.onnx", .shapeMismatch), ("nan-outputs.onnx", .nonFiniteOutput),
        ("absent.onnx", .invalidModel),
    ])
    func `a damaged model gets its kind of failure`(name: String, kind: EvaluationFailure.Kind) throws {
        let path = try TestFiles.digits("damaged/\(name)")
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: path, dataset: TestFiles.digits("test.npz"))
        }
        #expect(failure.kind == kind)
        #expect(!failure.message.contains(path))
    }

    @Test(arguments: Array(stride(from: 1, to: 7_684, by: 512)))
    func `a model cut at any place is invalid`(length: Int) throws {
        let whole = try TestFiles.bytes(TestFiles.digits("digits-1.onnx"))
        let file = try TemporaryFile(Array(whole.prefix(length)))
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: file.path, dataset: TestFiles.digits("test.npz"))
        }
        #expect(failure.kind == .invalidModel)
    }

    @Test(arguments: [
        ("labels-missing.npz", EvaluationFailure.Kind.invalidDataset), ("objects.npz", .invalidDataset),
        ("wrong-shape.npz", .shapeMismatch), ("zero-rows.npz", .invalidDataset),
    ])
    func `a damaged dataset gets its kind of failure`(name: String, kind: EvaluationFailure.Kind) throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(
                model: TestFiles.digits("digits-1.onnx"), dataset: TestFiles.digits("damaged/\(name)"))
        }
        #expect(failure.kind == kind)
    }

    @Test func `outputs that are no tensors are refused by name`() throws {
        let model = OnnxModelBytes.single(
            "SequenceConstruct", .init(name: "x", elementType: OnnxModelBytes.float32, shape: [nil, 2]),
            .init(name: "scores", elementType: OnnxModelBytes.float32, shape: [nil, 2], isSequence: true))
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: model) {
                $0.add("x", "<f4", shape: "(1, 2)", [Float(1), 0])
                $0.add("label", "<i8", shape: "(1,)", [0])
            }
        }
        #expect(failure.kind == .unsupportedType)
        #expect(failure.message.contains("'scores'"))
    }

    @Test func `a damaged baseline is told from a damaged model`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(
                model: TestFiles.digits("digits-1.onnx"), baseline: TestFiles.digits("damaged/text.onnx"),
                dataset: TestFiles.digits("test.npz"))
        }
        #expect(failure.kind == .invalidModel)
        #expect(failure.message.hasPrefix("the baseline model cannot be loaded"))
    }

    @Test func `a wrong input name is answered with both names`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(
                model: TestFiles.digits("damaged/wrong-input-name.onnx"), dataset: TestFiles.digits("test.npz"))
        }
        #expect(failure.message.contains("'pixels'") && failure.message.contains("'input'"))
    }

    @Test func `a missing library is answered with a remedy`() throws {
        let job = EvaluationJob(runtimePath: "/nowhere/lib.so", modelPath: "/m", datasetPath: "/d")
        let failure = try #require(throws: EvaluationFailure.self) {
            try ModelEvaluation(job: job) { _, _, _ in }.evaluate()
        }
        #expect(failure.kind == .runtimeMissing)
        #expect(failure.message.contains("install the library"))
    }

    @Test func `scores decide by the best and of equal ones by the first`() throws {
        let result = try evaluate(model: identity(OnnxModelBytes.float32, input: [nil, 3], output: [nil, 3])) {
            $0.add("x", "<f4", shape: "(3, 3)", [Float(1), 1, 0, 0, 2, 1, 0, 1, 1])
            $0.add("label", "<i8", shape: "(3,)", [0, 1, 2])
        }
        #expect(result.metrics.values["accuracy"] == 2.0 / 3)
        #expect(
            result.metrics.confusionMatrix
                == ConfusionMatrix(labels: ["0", "1", "2"], counts: [[1, 0, 0], [0, 1, 0], [0, 1, 0]]))
    }

    @Test(arguments: [[nil, 1] as [Int?], [nil]])
    func `one number per sample is the probability of the second class`(shape: [Int?]) throws {
        let result = try evaluate(model: identity(OnnxModelBytes.float32, input: shape, output: shape)) {
            $0.add("x", "<f4", shape: shape.count == 2 ? "(4, 1)" : "(4,)", [Float(0.9), 0.25, 0.75, 0.5])
            $0.add("label", "<i8", shape: "(4,)", [1, 0, 0, 0])
        }
        #expect(result.metrics.values["accuracy"] == 0.75, "a half is the first class")
        // Of the pairs of the one second and the three first, the second scores higher in all.
        #expect(result.metrics.values["roc_auc"] == 1)
        #expect(result.metrics.values["log_loss"] != nil)
    }

    @Test func `integer outputs are the predicted classes`() throws {
        let result = try evaluate(model: identity(OnnxModelBytes.int64, input: [nil], output: [nil])) {
            $0.add("x", "<i8", shape: "(4,)", [7, 7, 9, 9])
            $0.add("label", "<u2", shape: "(4,)", [7, 9, 9, 9] as [UInt16])
        }
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.metrics.values["top_5"] == nil)
    }

    @Test(arguments: [EvaluationTask.auto, .regression])
    func `floating point labels are a regression`(task: EvaluationTask) throws {
        let result = try evaluate(
            model: identity(OnnxModelBytes.float32, input: [nil, 1], output: [nil, 1]), task: task
        ) {
            $0.add("x", "<f4", shape: "(2, 1)", [Float(1), 3])
            $0.add("label", "<f8", shape: "(2,)", [1.0, 2.0])
        }
        #expect(result.metrics.kind == .regression)
        #expect(
            result.metrics.values
                == ["mse": 0.5, "rmse": 0.5.squareRoot(), "mae": 0.5, "max_error": 1, "r2": -1])
    }

    @Test func `a fixed batch is run as it is, the last one from the end of the dataset`() throws {
        let result = try evaluate(model: identity(OnnxModelBytes.float32, input: [2, 2], output: [2, 2])) {
            $0.add("x", "<f4", shape: "(3, 2)", [Float(1), 0, 0, 1, 1, 0])
            $0.add("label", "<i4", shape: "(3, 1)", [0, 1, 1] as [Int32])
        }
        #expect(result.settings.batchSize == 2)
        #expect(result.samples == 3)
        #expect(abs(try #require(result.metrics.values["accuracy"]) - 2.0 / 3) < 1e-12)
    }

    @Test(arguments: [
        ("<f8", "(2, 2)", "<i8", "(2,)", EvaluationFailure.Kind.unsupportedType, "takes float32"),
        ("<f4", "(2, 3)", "<i8", "(2,)", .shapeMismatch, "[any, 2]"),
        ("<f4", "(2,)", "<i8", "(2,)", .shapeMismatch, "[any, 2]"),
        ("<f4", "(2, 2)", "<i8", "(3,)", .invalidDataset, "3 labels"),
        ("<f4", "(2, 2)", "<i8", "(2, 2)", .invalidDataset, "shape [2]"),
        ("<f4", "(2, 2)", "<i8", "()", .invalidDataset, "no rows"),
        ("<f4", "(2, 2)", "<f4", "(2,)", .shapeMismatch, "[1] is expected"),
    ])
    func `arrays that do not fit are answered with what was expected`(
        type: String, shape: String, labelType: String, labelShape: String, kind: EvaluationFailure.Kind, words: String
    ) throws {
        func zeros(_ type: String, _ shape: String) -> [UInt8] {
            let sizes = shape.split { !$0.isNumber }.compactMap { Int($0) }
            return [UInt8](repeating: 0, count: sizes.reduce(type.hasSuffix("8") ? 8 : 4, *))
        }
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: identity(OnnxModelBytes.float32, input: [nil, 2], output: [nil, 2])) {
                $0.add("x", type, shape: shape, zeros(type, shape))
                $0.add("label", labelType, shape: labelShape, zeros(labelType, labelShape))
            }
        }
        #expect(failure.kind == kind)
        #expect(failure.message.contains(words), "\(failure.message)")
    }

    @Test func `a label without a score is answered with the classes that have one`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: identity(OnnxModelBytes.float32, input: [nil, 2], output: [nil, 2])) {
                $0.add("x", "<f4", shape: "(1, 2)", [Float(1), 0])
                $0.add("label", "<i8", shape: "(1,)", [2])
            }
        }
        #expect(failure.kind == .shapeMismatch && failure.message.contains("0 to 1"))
        #expect(failure.remedy?.contains("'classes'") == true)
    }

    @Test func `a batch larger than the dataset is refused`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(
                model: TestFiles.digits("digits-1.onnx"), dataset: TestFiles.digits("test.npz"),
                latency: LatencySettings(batchSize: 501))
        }
        #expect(failure.message == "a batch has 501 samples, the dataset has only 500")
    }

    @Test func `labels that are not finite are refused`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(model: identity(OnnxModelBytes.float32, input: [nil, 1], output: [nil, 1])) {
                $0.add("x", "<f4", shape: "(1, 1)", [Float(1)])
                $0.add("label", "<f4", shape: "(1,)", [Float.infinity])
            }
        }
        #expect(failure.kind == .invalidDataset)
    }
}
