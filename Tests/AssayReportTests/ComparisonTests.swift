import AssayDomain
import Foundation
import Testing

@testable import AssayReport

@Suite struct ComparisonTests {
    private func compared(
        _ number: Int64, files: [String: String] = ["model.onnx": "a"], metadata: VersionMetadata = .init(),
        operators: [String: Int] = [:], reports: [VerificationReport] = [], verdicts: [VerdictSummary] = [],
        hostile: String? = nil
    ) throws -> ComparedVersion {
        let digest = try Sample.digest(number)
        let version = Version(
            repository: try RepositoryName(parsing: "team/digits"), kind: .model,
            number: try #require(VersionNumber(number)), manifestDigest: digest,
            createdAt: Timestamp(milliseconds: number), contentBytes: 1, aliases: [], metadata: metadata,
            model: ModelSummary(
                path: hostile ?? "model.onnx", producer: nil, opsets: ["ai.onnx": 17], inputs: [], outputs: [],
                operators: operators, parameterCount: number, precision: ["float32"]),
            annotations: hostile.map { [$0: $0] } ?? [:])
        let text = #"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}"#
        return ComparedVersion(
            asked: "team/digits:\(number)", version: version,
            manifest: try Manifest(parsing: Array(text.utf8), digest: digest, contentType: nil),
            files: try files.map { VersionFile(path: $0.key, digest: try Sample.digest(of: $0.value), size: 1) },
            inspections: nil, sources: [.init(relation: .trainedOn, name: hostile ?? "team/data:\(number)")],
            evidence: [
                CheckedEvidence(
                    manifestDigest: digest, predicateType: hostile ?? PredicateType.verdict, envelopeDigest: digest,
                    status: .valid, signer: nil, role: nil, fault: nil, createdAt: nil)
            ], reports: reports, verdicts: verdicts, figures: [], earlierAliases: [])
    }

    @Test func `files are told by path and digest, and where one moved to`() throws {
        let comparison = VersionComparison(
            from: try compared(1, files: ["a": "1", "b": "2", "gone": "3", "same": "4"]),
            to: try compared(2, files: ["a": "1", "b": "9", "new": "5", "moved": "3", "same": "4"]))
        #expect(comparison.files.map(\.path) == ["b", "gone", "moved", "new"] && comparison.sameFiles == 2)
        #expect(comparison.files.map { $0.from == nil } == [false, false, true, true])
        #expect(comparison.files.map { $0.to == nil } == [false, true, false, false])
        #expect(comparison.files.map(\.movedFrom) == [nil, nil, "gone", nil])
    }

    @Test func `two forms of one name are two files`() throws {
        let comparison = VersionComparison(
            from: try compared(1, files: ["\u{E9}": "1"]), to: try compared(2, files: ["e\u{301}": "1"]))
        #expect(comparison.files.count == 2 && comparison.sameFiles == 0)
    }

    @Test func `only what differs is told`() throws {
        var old = VersionMetadata(framework: "pytorch", license: "MIT")
        old.metrics = ["f1": 0.123_456_1]
        var new = old
        new.license = nil
        new.metrics = ["f1": 0.123_456_2]
        let comparison = VersionComparison(
            from: try compared(1, metadata: old, operators: ["Conv": 3, "Relu": 2]),
            to: try compared(2, metadata: new, operators: ["Conv": 4, "Relu": 2, "Add": 1]))
        #expect(
            comparison.metadata == [
                .init(name: "license", from: "MIT", to: nil),
                .init(name: "claimed f1", from: "0.1234561", to: "0.1234562"),
            ])
        #expect(comparison.operators.map(\.name) == ["Add", "Conv"] && comparison.operators.map(\.from) == [0, 3])
        #expect(comparison.model == [.init(name: "parameters", from: "1", to: "2")])
    }

    @Test func `one version is equal to itself`() throws {
        let comparison = VersionComparison(from: try compared(1), to: try compared(1))
        #expect(comparison.isSame && comparison.hasSameContent && comparison.files.isEmpty)
        #expect(comparison.sections.map(\.title) == ["Versions"])
        #expect(comparison.sections[0].note?.contains("equal") ?? false)
    }

    @Test func `figures of the same data and settings stand side by side`() throws {
        let comparison = VersionComparison(
            from: try compared(1, reports: [try Sample.verification(accuracy: 0.9, number: 1)]),
            to: try compared(2, reports: [try Sample.verification(accuracy: 0.8, number: 2)]))
        let apart = try #require(comparison.measured.apart.first)
        let accuracy = try #require(apart.figures.first { $0.name == "accuracy" })
        #expect(accuracy.from == 0.9 && accuracy.to == 0.8 && apart.figures.contains { $0.isTime })
        #expect(comparison.measured.together.isEmpty && comparison.measured.notCompared.isEmpty)
    }

    @Test func `times on other settings are not compared, and metrics are`() throws {
        let comparison = VersionComparison(
            from: try compared(1, reports: [try Sample.verification(number: 1)]),
            to: try compared(2, reports: [try Sample.verification(number: 2, threads: 2)]))
        #expect(comparison.measured.apart.first?.figures.allSatisfy { !$0.isTime } ?? false)
        #expect(comparison.measured.notCompared.map(\.reason) == ["threads: 1 and 2"])
    }

    @Test func `reports with the same settings are taken before newer ones with others`() throws {
        let comparison = VersionComparison(
            from: try compared(1, reports: [try Sample.verification(number: 1)]),
            to: try compared(
                2,
                reports: [
                    try Sample.verification(number: 2, threads: 2), try Sample.verification(accuracy: 0.5, number: 2),
                ]))
        #expect(comparison.measured.apart.first?.figures.first { $0.name == "accuracy" }?.to == 0.5)
        #expect(comparison.measured.notCompared.isEmpty)
    }

    @Test func `what only one was measured on is told`() throws {
        let comparison = VersionComparison(
            from: try compared(1, reports: [try Sample.verification(number: 1)]), to: try compared(2))
        #expect(comparison.measured.apart.isEmpty)
        #expect(comparison.measured.notCompared.map(\.reason) == ["only team/digits:1 has any"])
    }

    @Test func `a run of both gives differences with their intervals`() throws {
        let report = try Sample.verification(number: 2, baseline: 1, paired: Sample.paired())
        let comparison = VersionComparison(from: try compared(1), to: try compared(2, reports: [report]))
        let together = try #require(comparison.measured.together.first)
        let accuracy = try #require(together.metrics.first { $0.name == "accuracy" })
        #expect(accuracy.difference == 0.01 && accuracy.bound?.lower == 0.005 && accuracy.bound?.confidence == 0.95)
        #expect(together.latency.first?.lower == 0.98)
        // With a third version as the baseline it is no run of both.
        let other = try Sample.verification(number: 2, baseline: 7, paired: Sample.paired())
        #expect(
            VersionComparison(from: try compared(1), to: try compared(2, reports: [other])).measured.together.isEmpty)
    }

    @Test func `a verdict with a waiver is told as one`() throws {
        let waived = RequirementOutcome(
            requirement: "accuracy", demanded: "x", measured: "y", status: .waived, waiver: "key a until b: c")
        let verdict = VerdictSummary(
            timeVerified: Timestamp(milliseconds: 0), policy: .init(uri: "urn:x"), verificationResult: "PASSED",
            alias: "production", outcomes: [waived])
        let comparison = VersionComparison(from: try compared(1), to: try compared(2, verdicts: [verdict]))
        let rows = try #require(comparison.sections.first { $0.title == "Verdicts" }).tables[0].rows
        #expect(rows.map { $0.map(\.text) }.first?[2].hasPrefix("passed with 1 waiver") ?? false)
    }

    @Test(arguments: ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style>", "a\u{7}\u{202E}b"])
    func `hostile text is escaped on the page`(text: String) throws {
        let report = try Sample.verification(
            hostile: text, number: 2, baseline: 1, paired: Sample.paired(text))
        let comparison = VersionComparison(
            from: try compared(1, files: [text: text], operators: [text: 1], reports: [report], hostile: text),
            to: try compared(2, reports: [report]))
        let page = try ReportPage(comparison).html()
        #expect(
            !page.contains("<script") && !page.contains("<img") && page.components(separatedBy: "</style>").count == 2)
        #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{202E}" })
        #expect(page.contains("difference-chart-title") && page.contains("comparison-chart-title"))
    }
}
