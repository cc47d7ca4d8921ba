import APIProtocol
import AssayDomain
import Testing

@testable import AssayCommands

struct ReplayTests {
    /// Everything that can be set is set, so that a setting that a replay forgets is found.
    private func report() throws -> VerificationReport {
        let digest = try Digest(parsing: "sha256:" + String(repeating: "a", count: 64))
        let subject = VerificationReport.Subject(
            repository: try RepositoryName(parsing: "team/a"), number: try #require(VersionNumber(1)), digest: digest)
        var settings = VerificationSettings(
            threads: 3, batch: 5, warmupRuns: 7, measuredRuns: 11, deadlineSeconds: 13)
        settings.maxRatios = ["p50": 1.2]
        settings.confidence = 0.9
        settings.sweepBatches = [2, 4]
        settings.sweepThreads = [1, 2]
        settings.inputs = ["image"]
        settings.file = "m.onnx"
        settings.output = "p"
        settings.scores = .logits
        settings.teacher = subject
        settings.teacherMaxRatios = ["p50": 0.5]
        settings.labels = [try WorkerLabel(parsing: "gpu=none")]
        var report = VerificationReport(
            verification: VerificationID(bits: 1), subject: subject, dataset: subject, settings: settings,
            evaluator: "x", environment: nil, outcome: .failure(.init("time-limit", "…")),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1))
        report.baseline = subject
        return report
    }

    @Test func `a repeated request has every setting of the report`() throws {
        let report = try report()
        let unset = Mirror(reflecting: report.settings).children.filter { child in
            let value = Mirror(reflecting: child.value)
            return value.displayStyle == .optional && value.children.isEmpty
        }
        #expect(unset.isEmpty, "this test must set \(unset.compactMap(\.label))")
        #expect(VerifyRequest(repeating: report).settings(teacher: report.settings.teacher) == report.settings)
    }

    @Test func `a repeated request names everything by digest, the baseline of a failed run too`() throws {
        let request = VerifyRequest(repeating: try report())
        for reference in [request.reference, request.dataset, request.baseline, request.teacher] {
            #expect(reference?.description == "team/a@sha256:" + String(repeating: "a", count: 64))
        }
    }
}
