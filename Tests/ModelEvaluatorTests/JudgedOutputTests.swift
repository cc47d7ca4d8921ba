import EvaluationProtocol
import Testing

@testable import ModelEvaluator

/// Models that answer exactly what the data says, at as many outputs as are wanted.
@Suite struct `Judged outputs` {
    /// An output of a model that is fed with what it answers.
    private struct Output {
        let name: String
        let type: Int
        let code: String
        let shape: [Int?]
        let width: Int
        let bytes: [UInt8]

        /// A class per sample.
        static func list(_ name: String, _ classes: [Int], isColumn: Bool = false) -> Output {
            Output(
                name: name, type: OnnxModelBytes.int64, code: "<i8", shape: isColumn ? [nil, 1] : [nil],
                width: isColumn ? 1 : 0, bytes: classes.withUnsafeBytes { Array($0) })
        }

        /// Scores, or one score per sample.
        static func scores(_ name: String, _ rows: [[Float]]) -> Output {
            Output(
                name: name, type: OnnxModelBytes.float32, code: "<f4", shape: [nil, rows[0].count],
                width: rows[0].count, bytes: rows.flatMap(\.self).withUnsafeBytes { Array($0) })
        }
    }

    private func evaluate(
        _ outputs: [Output], labels: [Int], classes: [Int]? = nil, output: String? = nil, scores: ScoreKind? = nil,
        batch: Int = 1
    ) throws -> EvaluationResult {
        var model = OnnxModelBytes()
        var archive = NpzBytes()
        for output in outputs {
            model.operators.append(("Identity", ["in_\(output.name)"], [output.name]))
            model.inputs.append(.init(name: "in_\(output.name)", elementType: output.type, shape: output.shape))
            model.outputs.append(.init(name: output.name, elementType: output.type, shape: output.shape))
            let shape = output.width == 0 ? "(\(labels.count),)" : "(\(labels.count), \(output.width))"
            archive.add("in_\(output.name)", output.code, shape: shape, output.bytes)
        }
        archive.add("label", "<i8", shape: "(\(labels.count),)", labels)
        if let classes { archive.add("classes", "<i8", shape: "(\(classes.count),)", classes) }
        let file = try TemporaryFile(model.bytes, suffix: ".onnx")
        let data = try TemporaryFile(archive.archive(), suffix: ".npz")
        var job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: file.path, datasetPath: data.path, topK: [1, 2],
            latency: LatencySettings(batchSize: batch, warmUpRuns: 2, measuredRuns: 20))
        (job.output, job.scores) = (output, scores)
        return try ModelEvaluation(job: job) { _, _, _ in }.evaluate()
    }

    private static let tuned: [[Float]] = [[0.2, 0.8], [0.4, 0.6], [0.05, 0.95], [0.7, 0.3]]

    // MARK: Lists beside scores

    @Test func `what the model itself answers as class counts, and its scores serve what needs them`() throws {
        let result = try evaluate(
            [.list("label", [0, 0, 1, 0]), .scores("probabilities", Self.tuned)], labels: [1, 0, 1, 0])
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.metrics.values["roc_auc"] == 1)
        #expect(result.metrics.values["log_loss"] != nil)
        #expect(result.judged.predictions == ["label"] && result.judged.scores == "probabilities")
        #expect(result.judged.argmaxDiffers == 2)
        #expect(result.judged.scoreKind == .probabilities && result.judged.classesFrom == .numbers)
    }

    @Test func `who chooses the scores judges their best`() throws {
        let result = try evaluate(
            [.list("label", [0, 0, 1, 0]), .scores("probabilities", Self.tuned)], labels: [1, 0, 1, 0],
            output: "probabilities")
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.metrics.confusionMatrix?.counts == [[1, 1], [0, 2]])
        #expect(result.judged.predictions == ["probabilities"])
    }

    @Test func `columns that are the best where the list names a class are of that class`() throws {
        let rows: [[Float]] = [[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.3, 0.6, 0.1]]
        // Column 0 is class 5 and column 1 is class 3; the labels have no other one.
        let result = try evaluate([.list("label", [3, 5, 5, 3]), .scores("p", rows)], labels: [3, 5, 3, 3])
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.judged.classesFrom == .answers && result.judged.argmaxDiffers == 0)
        #expect(result.metrics.values["log_loss"] != nil)
        #expect(result.metrics.leftOut?["roc_auc"] != nil, "nobody is of the third class")
    }

    @Test func `columns that nobody can match leave out what needs them, and say so`() throws {
        // The best column of class 7 is once the first and once the second one.
        let rows: [[Float]] = [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]]
        let result = try evaluate([.list("label", [7, 7, 9]), .scores("p", rows)], labels: [7, 9, 9])
        #expect(result.metrics.values["accuracy"] == 2.0 / 3)
        #expect(result.metrics.values["roc_auc"] == nil && result.judged.scores == nil)
        #expect(result.metrics.leftOut?["log_loss"]?.contains("columns") == true)
        let named = try evaluate(
            [.list("label", [7, 7, 9]), .scores("p", rows)], labels: [7, 9, 9], classes: [7, 9])
        #expect(named.metrics.values["roc_auc"] == 1 && named.judged.classesFrom == .dataset)
    }

    @Test func `a list and one score each are the answers of an outlier detector`() throws {
        let result = try evaluate(
            [.list("label", [1, -1, 1, -1], isColumn: true), .scores("scores", [[0.2], [-0.3], [0.1], [-0.1]])],
            labels: [1, -1, -1, -1])
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.metrics.values["roc_auc"] == 1)
        #expect(result.judged.scoreKind == .logits && result.judged.argmaxDiffers == 0)
        #expect(result.metrics.leftOut?["log_loss"]?.contains("--scores logits") == true)
    }

    // MARK: Classes

    @Test(arguments: [
        ([1, 2, 3], [0, 1, 2]), ([1, 2, 1], [0, 1, 0]), ([-1, 1, 1], [0, 1, 1]), ([10, 20, 20], [0, 1, 1]),
    ])
    func `a list that counts otherwise than the labels is never measured as wrong`(labels: [Int], list: [Int]) throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate([.list("c", list)], labels: labels)
        }
        #expect(failure.kind == .shapeMismatch && failure.remedy?.contains("'classes'") == true)
        let classes = Set(labels).sorted()
        let result = try evaluate([.list("c", list)], labels: labels, classes: classes)
        #expect(result.metrics.values["accuracy"] == 1)
        #expect(result.metrics.classes?.map(\.name) == classes.map { "\($0)" })
    }

    @Test func `a list that is right most often names the labels, whatever else it names`() throws {
        let result = try evaluate([.list("c", [1, 1, 2, 2, 2, 3, 2])], labels: [1, 1, 2, 2, 2, 1, 1])
        #expect(abs((result.metrics.values["accuracy"] ?? 0) - 5.0 / 7) < 1e-12)
    }

    @Test(arguments: [[1, 2, 1], [1, 1, 1], [-1, 1, 1], [0, 3, 0]])
    func `columns are not taken for classes that nobody named`(labels: [Int]) throws {
        let rows: [[Float]] = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2]]
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate([.scores("p", rows)], labels: labels)
        }
        #expect(failure.kind == .shapeMismatch && failure.remedy?.contains("'classes'") == true)
    }

    @Test func `classes in another order than the dataset says are refused`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try evaluate(
                [.list("label", [3, 5, 5]), .scores("p", [[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]])], labels: [3, 5, 3],
                classes: [3, 5], output: "p")
        }
        #expect(failure.message.contains("own list of classes"))
    }

    // MARK: Several outputs

    @Test func `of several outputs that could be scores none is judged without a choice`() throws {
        let outputs: [Output] = [
            .scores("emb", [[9, 1, 0, 0], [9, 1, 0, 0], [0, 1, 9, 9]]),
            .scores("p", [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]),
        ]
        let failure = try #require(throws: EvaluationFailure.self) { try evaluate(outputs, labels: [0, 1, 2]) }
        #expect(failure.message.contains("'emb', 'p'") && failure.remedy?.contains("--output") == true)
        #expect(try evaluate(outputs, labels: [0, 1, 2], output: "p").metrics.values["accuracy"] == 1)
        let named = try evaluate(outputs, labels: [0, 1, 2], classes: [0, 1, 2])
        #expect(named.judged.predictions == ["p"], "three columns are named")
    }

    @Test func `two lists of classes are refused by name, and an output that is not there`() throws {
        let outputs: [Output] = [.list("label", [0, 1]), .list("count", [1, 0])]
        let failure = try #require(throws: EvaluationFailure.self) { try evaluate(outputs, labels: [0, 1]) }
        #expect(failure.message.contains("'label', 'count'"))
        #expect(try evaluate(outputs, labels: [0, 1], output: "label").metrics.values["accuracy"] == 1)
        let absent = try #require(throws: EvaluationFailure.self) {
            try evaluate(outputs, labels: [0, 1], output: "logits")
        }
        #expect(absent.message.contains("'logits'") && absent.message.contains("'count'"))
    }

    // MARK: Single scores

    @Test func `one number that is no probability is a logit`() throws {
        let result = try evaluate([.scores("z", [[-0.5], [1.5], [0.2], [-3]])], labels: [0, 1, 0, 0])
        #expect(result.metrics.values["accuracy"] == 0.75)
        #expect(result.metrics.values["roc_auc"] == 1)
        #expect(result.metrics.values["log_loss"] == nil && result.judged.scoreKind == .logits)
        let declared = try evaluate(
            [.scores("z", [[-0.5], [1.5], [0.2], [-3]])], labels: [0, 1, 0, 0], scores: .logits)
        // Mean of ln(1 + e^-0.5), ln(1 + e^-1.5), ln(1 + e^0.2), ln(1 + e^-3).
        #expect(abs((declared.metrics.values["log_loss"] ?? 0) - 0.38055412077954826) < 1e-6)
        #expect(throws: EvaluationFailure.self) {
            try evaluate([.scores("z", [[-0.5], [1.5]])], labels: [0, 1], scores: .probabilities)
        }
    }

    // MARK: Batches

    /// Subtracts the sum over the batch: alone, every sample gets zeros.
    private func batchDependent() -> OnnxModelBytes {
        OnnxModelBytes(
            operators: [("ReduceSum", ["x", "axes"], ["sum"]), ("Sub", ["x", "sum"], ["y"])],
            inputs: [.init(name: "x", elementType: OnnxModelBytes.float32, shape: [nil, 2])],
            outputs: [.init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil, 2])],
            constants: [("axes", [0])])
    }

    @Test func `accuracy is taken at the batch that is asked for, and other batches are told`() throws {
        var archive = NpzBytes()
        archive.add("x", "<f4", shape: "(4, 2)", [Float(1), 0, 0, 1, 0, 1, 0, 1])
        archive.add("label", "<i8", shape: "(4,)", [0, 1, 1, 1])
        let file = try TemporaryFile(batchDependent().bytes, suffix: ".onnx")
        let data = try TemporaryFile(archive.archive(), suffix: ".npz")
        func result(batch: Int) throws -> EvaluationResult {
            let job = EvaluationJob(
                runtimePath: try TestFiles.runtimePath(), modelPath: file.path, datasetPath: data.path,
                latency: LatencySettings(batchSize: batch, warmUpRuns: 2, measuredRuns: 20))
            return try ModelEvaluation(job: job) { _, _, _ in }.evaluate()
        }
        let alone = try result(batch: 1)
        #expect(alone.metrics.values["accuracy"] == 0.25, "zeros are of the first class")
        let found = try #require(alone.batchInvariance)
        #expect(!found.isExact && found.maxDifference == 3 && found.otherBatches == [4] && found.batch == 1)
        // Of all four the sums are 1 and 3, so that the first class is the best of each.
        #expect(try result(batch: 4).metrics.values["accuracy"] == 0.25)
        #expect(try result(batch: 4).batchInvariance?.otherBatches == [1, 4])
        #expect(try #require(alone.determinism).runs >= 2)
    }

    @Test func `a model of single samples is the same in every batch`() throws {
        let rows = (0..<100).map { [Float($0 % 7) / 10, Float($0 % 3) / 10] }
        let result = try evaluate(
            [.list("label", (0..<100).map { $0 % 2 }), .scores("p", rows)], labels: (0..<100).map { $0 % 2 }, batch: 8)
        let found = try #require(result.batchInvariance)
        #expect(found.isExact && found.maxDifference == 0 && found.samples == 64 && found.otherBatches == [1, 8])
    }

    // MARK: Inputs

    /// Adds a number, of which the graph tells the shape as `step`, to each sample.
    private func adding(_ step: [Int?], shape: String, _ values: [Float]) throws -> EvaluationResult {
        let model = OnnxModelBytes(
            operators: [("Add", ["x", "step"], ["y"])],
            inputs: [
                .init(name: "x", elementType: OnnxModelBytes.float32, shape: [nil]),
                .init(name: "step", elementType: OnnxModelBytes.float32, shape: step),
            ],
            outputs: [.init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil])])
        var archive = NpzBytes()
        archive.add("x", "<f4", shape: "(3,)", [Float(1), 2, 3])
        archive.add("step", "<f4", shape: shape, values)
        archive.add("label", "<f4", shape: "(3,)", [Float(3), 4, 5])
        let file = try TemporaryFile(model.bytes, suffix: ".onnx")
        let data = try TemporaryFile(archive.archive(), suffix: ".npz")
        let job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: file.path, datasetPath: data.path,
            latency: LatencySettings(batchSize: 2, warmUpRuns: 2, measuredRuns: 20))
        return try ModelEvaluation(job: job) { _, _, _ in }.evaluate()
    }

    @Test func `a number or a list of fixed length goes in beside the samples`() throws {
        #expect(try adding([], shape: "()", [2]).metrics.values["max_error"] == 0)
        #expect(try adding([1], shape: "(1,)", [2]).metrics.values["max_error"] == 0)
        let result = try adding([], shape: "()", [2])
        #expect(result.fed.map(\.input) == ["x", "step"] && result.batchInvariance?.isExact == true)
        let failure = try #require(throws: EvaluationFailure.self) { try adding([nil], shape: "(2,)", [2, 2]) }
        #expect(failure.kind == .invalidDataset)
    }

    @Test func `names that cannot be seen whole are shown escaped`() throws {
        let names = try ClassLabel.names([.text("a\u{200c}b"), .text(""), .text("ü")])
        #expect(names == ["a\\u{200c}b", "''", "ü"])
        #expect(throws: EvaluationFailure.self) { try ClassLabel.names([.text("\u{200c}"), .text("\\u{200c}")]) }
        #expect(throws: EvaluationFailure.self) { try ClassLabel.names([.text(String(repeating: "x", count: 101))]) }
    }
}
