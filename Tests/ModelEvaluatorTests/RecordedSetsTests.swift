import EvaluationProtocol
import Foundation
import Testing

@testable import ModelEvaluator

@Suite struct `Recorded sets` {
    private static func tensor(_ values: [Float], name: String = "", shape: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x0A, UInt8(shape.count)] + shape + [0x10, 1]
        if !name.isEmpty { bytes += [0x42, UInt8(name.utf8.count)] + Array(name.utf8) }
        return bytes + [0x4A, UInt8(4 * values.count)] + values.withUnsafeBytes { Array($0) }
    }

    private func evaluate(_ files: [String: [UInt8]], batchSize: Int = 1) throws -> EvaluationResult {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)")
        // A folder that stays behind is no reason to fail a test.
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, bytes) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file)
        }
        let model = try TemporaryFile(
            OnnxModelBytes.single(
                "Identity", .init(name: "x", elementType: OnnxModelBytes.float32, shape: [nil, 2]),
                .init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil, 2])), suffix: ".onnx")
        let job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: model.path, datasetPath: folder.path(),
            latency: LatencySettings(batchSize: batchSize, warmUpRuns: 1, measuredRuns: 20))
        return try ModelEvaluation(job: job) { _, _, _ in }.evaluate()
    }

    @Test func `every set is run as it is and compared`() throws {
        let result = try evaluate([
            "test_data_set_0/input_0.pb": Self.tensor([1, 2], shape: [1, 2]),
            "test_data_set_0/output_0.pb": Self.tensor([1, 2], name: "y", shape: [1, 2]),
            "test_data_set_11/input_0.pb": Self.tensor([3, 4, 5, 6], name: "x", shape: [2, 2]),
            "test_data_set_11/output_0.pb": Self.tensor([4, 3.5, 5, 8], shape: [2, 2]),
            "README.md": [1],
        ])
        #expect(result.samples == 2)
        #expect(result.metrics.kind == .golden)
        #expect(result.metrics.values["max_absolute_error"] == 2)
        #expect(result.metrics.values["max_relative_error"] == 0.25)
        #expect(result.metrics.values["argmax_agreement"] == 2.0 / 3)
        #expect(result.latency.runs == 20)
        #expect(result.settings.batchSize == 1)
    }

    private static let input = ["test_data_set_0/input_0.pb": tensor([1, 2], shape: [1, 2])]
    private static let output = ["test_data_set_0/output_0.pb": tensor([1, 2], shape: [1, 2])]

    @Test(
        arguments: [
            ([:], EvaluationFailure.Kind.invalidDataset), (input, .shapeMismatch), (output, .shapeMismatch),
            (["test_data_set_0/input_0.pb": tensor([1], shape: [1, 1])].merging(output) { $1 }, .shapeMismatch),
            (["test_data_set_0/input_0.pb": [1, 2, 3]].merging(output) { $1 }, .invalidDataset),
            (["test_data_set_0/input_0.pb": []].merging(output) { $1 }, .invalidDataset),
            (["test_data_set_0/input_1.pb": [1, 2, 3]].merging(output) { $1 }, .shapeMismatch),
            (input.merging(["test_data_set_0/output_0.pb": tensor([1], shape: [1])]) { $1 }, .shapeMismatch),
            (
                input.merging(["test_data_set_0/output_0.pb": tensor([.nan, 1], shape: [1, 2])]) { $1 },
                .nonFiniteOutput
            ),
            (
                input.merging(["test_data_set_0/output_0.pb": [0x0A, 2, 1, 2, 0x10, 6, 0x28, 1, 0x28, 2]]) { $1 },
                .unsupportedType
            ),
        ] as [([String: [UInt8]], EvaluationFailure.Kind)])
    func `sets that do not fit get their kind of failure`(
        files: [String: [UInt8]], kind: EvaluationFailure.Kind
    ) throws {
        let failure = try #require(throws: EvaluationFailure.self) { try evaluate(files) }
        #expect(failure.kind == kind, "\(failure.message)")
    }
}
