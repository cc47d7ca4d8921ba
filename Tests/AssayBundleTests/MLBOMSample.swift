import AssayBundle
import AssayCrypto
import AssayDomain
import Foundation
import Testing

extension MLBOM {
    static let manifestSample = Digest.sha256(of: Array("manifest".utf8))
    static let dataSample = Digest.sha256(of: Array("data".utf8))
    static let parentSample = Digest.sha256(of: Array("parent".utf8))

    /// A version of which nothing is known.
    static func bare(kind: Repository.Kind = .model) throws -> MLBOM {
        MLBOM(
            repository: try RepositoryName(parsing: "team/digits"), number: try #require(VersionNumber(3)), kind: kind,
            manifestDigest: manifestSample, files: [])
    }

    /// A model of which everything is known.
    static func full() throws -> MLBOM {
        var bom = try bare()
        bom.files = [.sample("model.onnx"), .sample("README.md")]
        bom.metadata = VersionMetadata(
            description: "Handwritten digits", framework: "scikit-learn", license: "CC-BY-4.0",
            metrics: ["accuracy": 0.9776, "auc": 1], hyperparameters: ["epochs": "15", "rate": "0.01"],
            runId: "run-1", gitCommit: "4b825dc")
        bom.model = ModelSummary(
            path: "model.onnx", producer: "skl2onnx 1.17", opsets: ["ai.onnx": 17, "ai.onnx.ml": 3],
            inputs: [ModelSummary.Tensor(name: "input", elementType: "float32", shape: ["batch", "64"])],
            outputs: [
                ModelSummary.Tensor(name: "label", elementType: "int64", shape: []),
                ModelSummary.Tensor(name: "probabilities", elementType: "float32", shape: ["batch", "10"]),
            ],
            operators: ["Gemm": 2], parameterCount: 1_810, precision: ["float32", "int8"])
        bom.sources = [
            Source(relation: .trainedOn, name: "team/payments:4", digest: dataSample),
            Source(relation: .quantizedFrom, name: "team/digits:2", digest: parentSample),
            Source(relation: .evaluatedOn, name: "team/digits-test:1", digest: nil),
            Source(relation: .producedBy, name: "run run-1", digest: nil),
        ]
        bom.measurements = [try .sample("team/digits-test")]
        return bom
    }
}

extension MLBOM.Measurement {
    static func sample(_ dataset: String, accuracy: Double = 0.958) throws -> Self {
        MLBOM.Measurement(
            dataset: VerificationReport.Subject(
                repository: try RepositoryName(parsing: dataset), number: try #require(VersionNumber(1)),
                digest: MLBOM.dataSample),
            measurements: VerificationReport.Measurements(
                metrics: ["accuracy": accuracy, "macro_f1": 0.9581418678680652], confusionMatrix: nil, classes: nil,
                sampleCount: 500,
                latency: VerificationReport.Latency(
                    p50: 12.5, p90: 20, p95: nil, p99: 31, mean: 14, tail: nil, max: nil, throughput: 80_000,
                    runs: 100, quantiles: nil),
                comparison: nil, loadMicroseconds: 900, firstRunMicroseconds: 80, peakMemoryBytes: 1 << 20),
            evaluator: "assay-evaluator 1")
    }
}

extension VersionFile {
    /// A file whose content is its path.
    static func sample(_ path: String) -> VersionFile {
        VersionFile(path: path, digest: Digest.sha256(of: path.utf8), size: Int64(path.utf8.count))
    }
}

/// A bill as plain JSON.
struct BOMReader {
    let root: [String: Any]

    init(_ bom: MLBOM) throws {
        root = try #require(try JSONSerialization.jsonObject(with: Data(bom.encoded())) as? [String: Any])
    }

    var subject: [String: Any] { (root["metadata"] as? [String: Any])?["component"] as? [String: Any] ?? [:] }
    var components: [[String: Any]] { root["components"] as? [[String: Any]] ?? [] }
    var dependencies: [[String: Any]] { root["dependencies"] as? [[String: Any]] ?? [] }
    var refs: [String] { ([subject] + components).compactMap { $0["bom-ref"] as? String } }
    var parameters: [String: Any] { card["modelParameters"] as? [String: Any] ?? [:] }

    var metrics: [[String: String]] {
        allMetrics.map { $0.compactMapValues { $0 as? String } }
    }

    var allMetrics: [[String: Any]] {
        (card["quantitativeAnalysis"] as? [String: Any])?["performanceMetrics"] as? [[String: Any]] ?? []
    }

    var limitations: [String] {
        (card["considerations"] as? [String: Any])?["technicalLimitations"] as? [String] ?? []
    }

    /// The values of each property of the version.
    var properties: [String: [String]] {
        let pairs = (subject["properties"] as? [[String: String]] ?? []).map { ($0["name"] ?? "", [$0["value"] ?? ""]) }
        return Dictionary(pairs, uniquingKeysWith: +)
    }

    func component(_ ref: String) -> [String: Any]? { components.first { $0["bom-ref"] as? String == ref } }

    private var card: [String: Any] { subject["modelCard"] as? [String: Any] ?? [:] }
}
