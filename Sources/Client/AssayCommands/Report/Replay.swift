import APIProtocol
import AssayClient
import AssayDomain

/// Repeats the measurement of a report and holds the two against each other.
struct Replay {
    /// What is printed as JSON.
    struct Document: Encodable, Sendable {
        let report: VerificationReport
        let repeated: VerificationReport
        let comparison: ReplayComparison
    }

    /// How many differing figures of one kind are listed.
    private static let faultsShownMax = 20

    let source: ReplaySource
    let tolerance: Double
    let maxRatios: [String: Double]

    /// Measures once more. Throws `version-not-found` where something is no longer there.
    func run(_ client: AssayClient, display: ProgressDisplay) async throws -> Document {
        let report = try await source.report(from: client)
        var request = VerifyRequest(repeating: report)
        request.reference = try await present(report.subject, "the version", client)
        request.dataset = try await present(report.dataset, "the dataset", client)
        if let baseline = report.baseline ?? report.measurements?.comparison?.baseline {
            request.baseline = try await present(baseline, "the baseline", client)
        }
        if let teacher = report.settings.teacher {
            request.teacher = try await present(teacher, "the teacher", client)
        }
        let queued = try await client.verify(request)
        let verification = try await VerificationWatch(client: client, display: display).finish(queued)
        let repeated = try await client.report(of: verification)
        return Document(
            report: report, repeated: repeated,
            comparison: try ReplayComparison(
                then: report, now: repeated, tolerance: tolerance, maxRatios: maxRatios))
    }

    /// The exact name of what a report names, if it is there.
    private func present(
        _ subject: VerificationReport.Subject, _ what: String, _ client: AssayClient
    ) async throws -> Reference {
        let reference = Reference(subject.repository, .digest(subject.digest))
        do {
            _ = try await client.version(reference)
            return reference
        } catch let error as AssayError where error.code.kind == .notFound {
            throw AssayError(
                .versionNotFound, "\(what) of the report is not there: \(subject.repository):\(subject.number)",
                reason: "no version has the digest \(subject.digest)",
                remedy: "push its files again; equal files have the same digest", cause: error)
        }
    }

    // MARK: Output

    /// What was compared and what became of it.
    static func print(_ document: Document, on console: Console) throws {
        let comparison = document.comparison
        let subject = document.report.subject
        try console.print(
            "\(subject.repository):\(subject.number), verification \(document.report.verification) repeated as "
                + "\(document.repeated.verification)", "")
        try console.print(table(of: comparison))
        if !comparison.differences.isEmpty {
            var table = Table("CONTEXT", "THEN", "NOW")
            for difference in comparison.differences { table.add(difference.part, difference.then, difference.now) }
            try console.print("")
            try console.print(table)
        }
        try console.print("", summary(of: comparison))
    }

    /// Figures that belong to one list share a row as long as they agree.
    private static func table(of comparison: ReplayComparison) -> Table {
        var table = Table("FIGURE", "THEN", "NOW", "EQUAL")
        var (groups, order): ([String: [ReplayComparison.Figure]], [String]) = ([:], [])
        for figure in comparison.figures {
            let group = String(figure.name.prefix { $0 != "[" })
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(figure)
        }
        for group in order {
            let figures = groups[group] ?? []
            let agreeing = figures.filter { $0.status == .equal }
            if figures.count > 1, !agreeing.isEmpty {
                table.add(group, "\(agreeing.count) values", "", "yes")
            }
            for figure in figures.filter({ figures.count == 1 || $0.status != .equal }).prefix(faultsShownMax) {
                table.add(figure.name, figure.then ?? "-", figure.now ?? "-", word(of: figure))
            }
        }
        return table
    }

    private static func word(of figure: ReplayComparison.Figure) -> String {
        let ratio = figure.ratio.map { " (\(Figure.ratio($0)))" } ?? ""
        return switch figure.status {
        case .equal: "yes"
        case .close: figure.ratio == nil ? "within tolerance" : "within bound\(ratio)"
        case .differs: "NO\(ratio)"
        case .notCompared: "not compared\(ratio)"
        }
    }

    private static func summary(of comparison: ReplayComparison) -> String {
        let rule =
            comparison.tolerance.map { "the context differs, so metrics may differ by \($0) of their value" }
            ?? "runtime, instructions and evaluator are the same, so metrics must be equal bit for bit"
        return comparison.faults.isEmpty
            ? "equal: \(rule)" : "not equal: \(comparison.faults.count) figure(s) differ; \(rule)"
    }

    /// The failure to end with; nil where everything agrees.
    static func error(of document: Document) -> AssayError? {
        guard let fault = document.comparison.faults.first else { return nil }
        return AssayError(
            .replayDiffers, "the measurement does not come to what the report says",
            reason: "\(fault.name) was \(fault.then ?? "absent") and is \(fault.now ?? "absent")"
                + (fault.ratio.map { ", \(Figure.ratio($0)) and above the --max-ratio" } ?? ""),
            remedy: fault.ratio != nil
                ? "measure again on a machine that does nothing else, or allow more with --max-ratio"
                : "compare the contexts of both reports; with another runtime or processor state what may differ "
                    + "with --tolerance")
    }
}
