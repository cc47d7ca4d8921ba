import AssayDomain
import AssayReport
import Testing

/// Reports as the page gets them.
enum Sample {
    static func report(
        microseconds: Double = 12, isConstant: Bool = false, classes: Int = 10, failure: String? = nil,
        result: String? = "PASSED", hostile: String? = nil, accuracy: Double = 0.958, requirement: String = "accuracy",
        waiver: String? = nil
    ) throws -> VersionReport {
        let measured = try Self.verification(
            microseconds: microseconds, isConstant: isConstant, classes: classes, failure: failure, hostile: hostile,
            accuracy: accuracy, paired: paired(hostile))
        let digest = try Digest(parsing: digest)
        let evidence = CheckedEvidence(
            manifestDigest: digest, predicateType: PredicateType.verificationReport,
            envelopeDigest: digest, status: .valid, signer: hostile ?? "0123456789abcdef", role: .registry,
            fault: nil, createdAt: Timestamp(milliseconds: 0))
        let refused = CheckedEvidence(
            manifestDigest: digest, predicateType: hostile ?? "x", envelopeDigest: digest,
            status: .untrusted, signer: nil, role: nil, fault: hostile ?? "by an unknown key", createdAt: nil)
        let verdict = result.map { result in
            VersionReport.Signed(
                VerdictSummary(
                    timeVerified: Timestamp(milliseconds: 0), policy: .init(uri: hostile ?? "urn:assay:policy:x"),
                    verificationResult: result, alias: hostile ?? "production",
                    outcomes: [
                        RequirementOutcome(
                            requirement: hostile ?? requirement, demanded: hostile ?? "at least 0.9",
                            measured: hostile ?? "0.95", confidence: hostile,
                            status: waiver == nil ? .passed : .waived, waiver: waiver)
                    ]),
                by: evidence)
        }
        return VersionReport(
            version: Version(
                repository: try RepositoryName(parsing: "team/digits"), kind: .model,
                number: try #require(VersionNumber(3)),
                manifestDigest: digest, createdAt: Timestamp(milliseconds: 0), contentBytes: 1, aliases: [],
                metadata: VersionMetadata(), model: nil, annotations: [:]),
            report: VersionReport.Signed(measured, by: evidence), verdict: verdict, evidence: [evidence, refused])
    }

    static func verification(
        microseconds: Double = 12, isConstant: Bool = false, classes: Int = 10, failure: String? = nil,
        hostile: String? = nil, accuracy: Double = 0.958, runtime: String = "ONNX Runtime 1.32.0", number: Int64 = 3,
        baseline: Int64 = 3, paired: VerificationReport.PairedFigures? = nil, threads: Int = 1
    ) throws -> VerificationReport {
        let subject = try Self.subject(number)
        let quantiles = (0...100).map { isConstant ? microseconds : microseconds * (0.8 + pow4(Double($0) / 100)) }
        let latency = VerificationReport.Latency(
            p50: quantiles[50], p90: quantiles[90], p95: quantiles[95], p99: quantiles[99], mean: microseconds,
            tail: quantiles[97], max: quantiles[100] * 9, throughput: 1e6 / microseconds, runs: 600,
            quantiles: quantiles)
        let names = (0..<classes).map { index in index == 0 ? hostile ?? "0" : "\(index)" }
        var settings = VerificationSettings()
        settings.maxRatios = ["p50": 1.1]
        settings.threads = threads
        var measured = VerificationReport.Measurements(
            metrics: ["accuracy": accuracy, hostile ?? "macro_f1": 0.95],
            confusionMatrix: (0..<classes).map { row in
                (0..<classes).map { $0 == row ? 40 : $0 == (row + 1) % classes ? 3 : 0 }
            }, classes: names, sampleCount: 500, latency: latency,
            comparison: .init(
                baseline: try Self.subject(baseline),
                figures: .init(
                    latency: latency, candidate: latency,
                    ratios: [
                        "p50": .init(ratio: 1.02, lower: 0.98, upper: 1.06, sessions: [1, 1.03, 1.05]),
                        "tail": .init(ratio: 90, lower: nil, upper: nil, sessions: [0.001, 90]),
                    ], confidence: 0.95, pairsPerSession: 30)),
            sweep: [1, 8, 32].map { .init(threads: 1, batch: $0, latency: latency) },
            loadMicroseconds: 1000, firstRunMicroseconds: 90, peakMemoryBytes: 40 << 20)
        measured.paired = paired
        return VerificationReport(
            verification: VerificationID(bits: 0xAA), subject: subject, dataset: try Self.subject(9),
            settings: settings,
            evaluator: "assay-evaluator 0.2.0",
            environment: .init(runtime: runtime, cpu: hostile ?? "A processor", isaFlags: ["avx2"], cores: 2),
            outcome: failure.map { .failure(.init("invalid-model", $0)) }
                ?? .success(measured),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1))
    }

    static func subject(_ number: Int64) throws -> VerificationReport.Subject {
        VerificationReport.Subject(
            repository: try RepositoryName(parsing: "team/digits"), number: try #require(VersionNumber(number)),
            digest: try Self.digest(number))
    }

    static func digest(_ number: Int64) throws -> Digest {
        try number == 3 ? Digest(parsing: digest) : digest(of: "\(number)")
    }

    /// A digest that no other text has: its bytes in hex, and zeros.
    static func digest(of text: String) throws -> Digest {
        let hex = text.utf8.prefix(32).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return try Digest(parsing: "sha256:" + hex + String(repeating: "0", count: 64 - hex.count))
    }

    /// Metrics of a version that got better in one, worse in another, and neither in a third.
    static func paired(_ hostile: String? = nil) -> VerificationReport.PairedFigures {
        func metric(_ difference: Double, _ bounds: ClosedRange<Double>) -> VerificationReport.PairedMetric {
            .init(
                baseline: 0.9, difference: difference,
                bounds: [0.9, 0.95, 0.99].map {
                    .init(confidence: $0, lower: bounds.lowerBound, upper: bounds.upperBound)
                })
        }
        return .init(
            resamples: 2000,
            metrics: [
                "accuracy": metric(0.01, 0.005...0.015), "log_loss": metric(0.3, 0.1...0.5),
                hostile ?? "macro_f1": metric(-0.01, -0.03...0.01), "mse": metric(1e300, -1e300...1.5e300),
            ], mcnemar: .init(n01: 5, n10: 9, pWorse: 0.2, pBetter: 0.9))
    }

    private static let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private static func pow4(_ value: Double) -> Double { value * value * value * value }
}
