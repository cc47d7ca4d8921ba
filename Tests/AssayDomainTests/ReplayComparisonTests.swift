import AssayDomain
import Testing

@Suite struct ReplayComparisonTests {
    private func report(
        accuracy: Double = 0.958, matrix: [[Int]] = [[9, 1], [0, 10]], runtime: String = "ONNX Runtime 1.32.0",
        flags: [String] = ["avx2", "fma"], p50: Double = 10, failure: String? = nil
    ) throws -> VerificationReport {
        let subject = VerificationReport.Subject(
            repository: try RepositoryName(parsing: "team/digits"), number: try #require(VersionNumber(1)),
            digest: try Digest(parsing: "sha256:" + String(repeating: "a", count: 64)))
        let latency = VerificationReport.Latency(
            p50: p50, p90: p50, p95: nil, p99: nil, mean: p50, tail: nil, max: nil, throughput: 1, runs: 10,
            quantiles: nil)
        return VerificationReport(
            verification: VerificationID(bits: 1), subject: subject, dataset: subject,
            settings: VerificationSettings(), evaluator: "assay-evaluator 0.2.0",
            environment: .init(runtime: runtime, cpu: "x", isaFlags: flags, cores: 2),
            outcome: failure.map { .failure(.init($0, "…")) }
                ?? .success(
                    .init(
                        metrics: ["accuracy": accuracy], confusionMatrix: matrix, classes: ["a", "b"], sampleCount: 20,
                        latency: latency, comparison: nil, loadMicroseconds: p50, firstRunMicroseconds: p50,
                        peakMemoryBytes: 1)),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1))
    }

    @Test func `equal metrics are equal, and times are not compared`() throws {
        let comparison = try ReplayComparison(then: report(), now: report(p50: 99))
        #expect(comparison.faults.isEmpty && comparison.tolerance == nil && comparison.differences.isEmpty)
        #expect(comparison.figures.first { $0.name == "latency.p50" }?.status == .notCompared)
        #expect(comparison.figures.contains { $0.name == "confusion_matrix[0][1]" && $0.status == .equal })
    }

    @Test func `one bit is a difference in the same context`() throws {
        let comparison = try ReplayComparison(then: report(), now: report(accuracy: 0.958.nextUp))
        #expect(comparison.faults.map(\.name) == ["metrics.accuracy"])
    }

    @Test(arguments: [(1e-6, true), (1e-4, false)])
    func `in another context the tolerance decides`(share: Double, isClose: Bool) throws {
        for other in [
            try report(accuracy: 0.958 * (1 + share), runtime: "ONNX Runtime 1.99.0"),
            try report(accuracy: 0.958 * (1 + share), flags: ["avx512f"]),
        ] {
            let comparison = try ReplayComparison(then: report(), now: other)
            #expect(comparison.faults.isEmpty == isClose)
            #expect(comparison.tolerance == ReplayComparison.toleranceDefault && comparison.differences.count == 1)
        }
    }

    @Test func `the order of instruction sets does not matter`() throws {
        let comparison = try ReplayComparison(then: report(), now: report(flags: ["fma", "avx2"]))
        #expect(comparison.tolerance == nil)
    }

    @Test func `a count that changed, or is missing, is found`() throws {
        let changed = try ReplayComparison(then: report(), now: report(matrix: [[8, 2], [0, 10]]))
        #expect(changed.faults.map(\.name) == ["confusion_matrix[0][0]", "confusion_matrix[0][1]"])
        let missing = try ReplayComparison(then: report(), now: report(matrix: [[9, 1]]))
        #expect(missing.faults.count == 2)
    }

    @Test(arguments: [(1.5, true), (0.9, false)])
    func `a bound of latency is kept or not`(bound: Double, isKept: Bool) throws {
        let comparison = try ReplayComparison(then: report(), now: report(p50: 12), maxRatios: ["p50": bound])
        #expect(comparison.faults.isEmpty == isKept)
    }

    @Test func `a bound on a figure that nobody measured is not kept`() throws {
        let comparison = try ReplayComparison(then: report(), now: report(), maxRatios: ["p99": 2])
        #expect(comparison.faults.map(\.name) == ["latency.p99"])
    }

    @Test func `equal failures are equal, and a failure is no measurement`() throws {
        #expect(
            try ReplayComparison(then: report(failure: "invalid-model"), now: report(failure: "invalid-model")).faults
                .isEmpty)
        #expect(try !ReplayComparison(then: report(failure: "time-limit"), now: report()).faults.isEmpty)
    }
}
