package import AssayDomain
package import AssayRegistry
import Foundation
import Synchronization

/// An evaluator host that answers by the content of the model file, so that tests say what a model measures.
///
/// A model file reads `accuracy=0.95 p50=120`, or `fail=time-limit`.
package final class ScriptedHost: EvaluatorHost {
    package let build = "scripted 1"
    private let runs = Mutex<[CPUSet?]>([])
    private let interlude = Mutex<(@Sendable () async throws -> Void)?>(nil)

    package init() {}

    /// How many evaluations ran.
    package var runCount: Int { cpus.count }

    /// The CPUs of each evaluation, in the order in which they began.
    package var cpus: [CPUSet?] { runs.withLock { $0 } }

    /// Has something happen while the next evaluation runs.
    package func duringNextRun(_ body: @escaping @Sendable () async throws -> Void) {
        interlude.withLock { $0 = body }
    }

    package func checkAvailable() throws {}

    package func evaluate(
        _ request: EvaluationRequest, progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> EvaluationOutcome {
        runs.withLock { $0.append(request.cpus) }
        try await interlude.withLock { $0.take() }?()
        progress(.init(stage: "accuracy", done: 1, total: 1))
        let environment = VerificationReport.Environment(
            runtime: "none", cpu: "none", isaFlags: [], cores: 1)
        let script = try Self.script(at: request.model.path)
        if let kind = script["fail"] {
            return EvaluationOutcome(environment: nil, result: .failure(.init(kind, "as the script says")))
        }
        let comparison = try request.baseline.map {
            try Self.comparison(Self.latency(script), with: Self.latency(Self.script(at: $0.path)))
        }
        return EvaluationOutcome(
            environment: environment, cage: .init(layers: ["scripted"], absent: script["absent"].map { [$0] } ?? []),
            result: .success(
                .init(
                    metrics: ["accuracy": Double(script["accuracy"] ?? "") ?? 0], confusionMatrix: nil, classes: nil,
                    sampleCount: 1, latency: Self.latency(script), comparison: comparison, loadMicroseconds: 1,
                    firstRunMicroseconds: 1, peakMemoryBytes: 1)))
    }

    private static func script(at path: String) throws -> [String: String] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.split(separator: " ").reduce(into: [:]) { script, pair in
            let parts = pair.split(separator: "=")
            if parts.count == 2 { script[String(parts[0])] = String(parts[1]) }
        }
    }

    private static func latency(_ script: [String: String]) -> VerificationReport.Latency {
        let p50 = Double(script["p50"] ?? "") ?? 100
        return .init(
            p50: p50, p90: p50, p95: p50, p99: p50, mean: p50, tail: p50, max: p50, throughput: 1e6 / p50, runs: 600,
            quantiles: nil)
    }

    /// Sessions that all agree.
    private static func comparison(
        _ latency: VerificationReport.Latency, with baseline: VerificationReport.Latency
    ) -> VerificationReport.ComparisonFigures {
        let ratio = latency.p50Microseconds / baseline.p50Microseconds
        let figures = VerificationReport.Ratio(
            ratio: ratio, lower: ratio, upper: ratio, sessions: [Double](repeating: ratio, count: 9))
        return .init(
            latency: baseline, candidate: latency,
            ratios: Dictionary(uniqueKeysWithValues: VerificationReport.Latency.statistics.map { ($0, figures) }),
            confidence: 0.95, pairsPerSession: 30)
    }
}
