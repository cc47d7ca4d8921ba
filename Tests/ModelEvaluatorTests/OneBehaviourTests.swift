import EvaluationProtocol
import ONNXRuntime
import Testing

@testable import ModelEvaluator

@Suite struct `One behaviour` {
    /// A model of one operator with two floating point columns in and out, over a few samples.
    private struct Case {
        let library: OnnxLibrary
        let session: OnnxSession
        let accuracy: AccuracyMeasurement
        let inputs: ModelInputs
        private let files: [TemporaryFile]

        init(_ operatorType: String, samples: Int = 100) throws {
            let values = OnnxModelBytes.Value(name: "x", elementType: OnnxModelBytes.float32, shape: [nil, 2])
            let model = try TemporaryFile(
                OnnxModelBytes.single(
                    operatorType, values, .init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil, 2])),
                suffix: ".onnx")
            var archive = NpzBytes()
            // Near one half, so that what is drawn with them as probabilities is never the same twice.
            let numbers = (0..<2 * samples).map { 0.4 + Float($0) / 1_000 }
            archive.add("x", "<f4", shape: "(\(samples), 2)", numbers)
            archive.add("label", "<f4", shape: "(\(samples), 2)", numbers)
            let dataset = try TemporaryFile(archive.archive(), suffix: ".npz")
            files = [model, dataset]
            let job = EvaluationJob(
                runtimePath: try TestFiles.runtimePath(), modelPath: model.path, datasetPath: dataset.path, topK: [],
                latency: LatencySettings(batchSize: 16))
            library = try OnnxLibrary(path: job.runtimePath)
            session = try OnnxSession(library: library, modelPath: model.path, threads: 1)
            let data = try TestData(job, inputs: ["x"])
            accuracy = AccuracyMeasurement(
                library: library, data: data, job: job, progress: { _, _, _ in })
            inputs = try data.inputs(library: library, session: session)
        }

        func fresh() throws -> OnnxSession {
            try OnnxSession(library: library, modelPath: files[0].path, threads: 1)
        }

        func run() throws -> OnnxRun {
            OnnxRun(session: session, inputs: try inputs.tensors(rows: 0..<1), outputNames: ["y"])
        }
    }

    private static let drawing = ["RandomUniformLike", "RandomNormalLike", "Bernoulli"]

    @Test(arguments: ["Identity", "Softmax", "Exp"])
    func `a model of one behaviour gives the same bits again`(type: String) throws {
        let subject = try Case(type)
        let answers = try subject.accuracy.answers(of: subject.session)
        #expect(answers.batches.count == 7)
        #expect(try subject.accuracy.requireSame(answers, from: subject.session, "the same session") == 2)
        #expect(try subject.accuracy.requireSame(answers, from: try subject.fresh(), "a fresh session") == 2)
        let watch = AnswerWatch()
        let measurement = LatencyMeasurement(run: try subject.run(), watch: watch)
        _ = try measurement.times(100, until: .max)
        try watch.requireOneAnswer()
    }

    @Test(arguments: drawing)
    func `answers that differ are seen when a part is run again`(type: String) throws {
        let subject = try Case(type)
        let answers = try subject.accuracy.answers(of: subject.session)
        for session in [subject.session, try subject.fresh()] {
            let failure = try #require(throws: EvaluationFailure.self) {
                _ = try subject.accuracy.requireSame(answers, from: session, "a session")
            }
            #expect(failure.kind == .nondeterministic)
            #expect(failure.message.contains("samples"))
        }
    }

    @Test func `answers that differ are seen while latency is measured`() throws {
        let watch = AnswerWatch()
        let measurement = LatencyMeasurement(run: try Case("RandomUniformLike").run(), watch: watch)
        _ = try measurement.times(200, until: .max)
        let failure = try #require(throws: EvaluationFailure.self) { try watch.requireOneAnswer() }
        #expect(failure.kind == .nondeterministic)
    }

    @Test(arguments: drawing)
    func `an operator that draws ends the evaluation before the data is read`(type: String) throws {
        let values = OnnxModelBytes.Value(name: "x", elementType: OnnxModelBytes.float32, shape: [nil, 2])
        let model = try TemporaryFile(
            OnnxModelBytes.single(
                type, values, .init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil, 2])),
            suffix: ".onnx")
        let job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: model.path, datasetPath: "/nowhere.npz")
        let failure = try #require(throws: EvaluationFailure.self) {
            try ModelEvaluation(job: job, progress: { _, _, _ in }).evaluate()
        }
        #expect(failure.kind == .nondeterministic)
        #expect(failure.message.contains(type))
    }
}
