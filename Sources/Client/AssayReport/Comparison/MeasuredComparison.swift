package import AssayDomain

/// What was measured of two versions, side by side only where that says something, and why the rest does not.
package struct MeasuredComparison: Sendable, Encodable {
    /// Both in one run: the second of two, its subject, beside the first, its baseline.
    package struct Together: Sendable, Encodable {
        package let verification: VerificationID
        package let measuredAt: Timestamp
        package let dataset: VerificationReport.Subject
        package let subject: VerificationReport.Subject
        package let baseline: VerificationReport.Subject
        package let metrics: [Metric]
        package let latency: [Latency]
        /// The report itself, for pictures.
        let report: VerificationReport

        /// A metric of both, and between what the difference lies.
        package struct Metric: Sendable, Hashable, Encodable {
            package let name: String
            package let subject: Double?
            package let baseline: Double
            /// Subject minus baseline.
            package let difference: Double
            /// Of `confidence`, each bound on its own; absent without any.
            package let bound: VerificationReport.DifferenceBound?
        }

        /// A time of the subject over the baseline's.
        package struct Latency: Sendable, Hashable, Encodable {
            package let name: String
            package let ratio: Double
            package let lower: Double?
            package let upper: Double?
            package let confidence: Double?
        }

        private enum CodingKeys: CodingKey {
            case verification, measuredAt, dataset, subject, baseline, metrics, latency
        }
    }

    /// Both on the same data with the same settings, at two times.
    package struct Apart: Sendable, Encodable {
        package struct Figure: Sendable, Hashable, Encodable {
            package let name: String
            /// Times are in microseconds.
            package let from: Double
            package let to: Double
            package let isTime: Bool
        }

        package let dataset: VerificationReport.Subject
        package let from: VerificationID
        package let to: VerificationID
        package let figures: [Figure]
    }

    /// Figures that others measured of both on the same data, as they state them.
    package struct Elsewhere: Sendable, Hashable, Encodable {
        package let name: String
        package let dataset: Digest
        package let from: MeasuredFigures.Value
        package let to: MeasuredFigures.Value
    }

    /// What one of the two has, or both, that is not held against the other.
    package struct NotCompared: Sendable, Hashable, Encodable {
        package let what: String
        package let reason: String
    }

    package let together: [Together]
    package let apart: [Apart]
    package let elsewhere: [Elsewhere]
    package let notCompared: [NotCompared]

    init(from: ComparedVersion, to: ComparedVersion) {
        together = Self.together(from, to)
        let pairs = Pairing(from, to)
        apart = pairs.apart
        let (elsewhere, others) = Self.elsewhere(from, to)
        self.elsewhere = elsewhere
        notCompared = pairs.notCompared + others
    }

    /// Whether anything was measured of one of the two.
    var isEmpty: Bool { together.isEmpty && apart.isEmpty && elsewhere.isEmpty && notCompared.isEmpty }

    // MARK: In one run

    /// The confidence of the intervals that are shown.
    static let confidence = 0.95

    /// The newest report of each direction and dataset that has both.
    private static func together(_ from: ComparedVersion, _ to: ComparedVersion) -> [Together] {
        var found: [Together] = []
        for (subject, baseline) in [(to, from), (from, to)] {
            for report in subject.reports {
                guard let comparison = report.measurements?.comparison,
                    comparison.baseline.digest == baseline.version.manifestDigest,
                    !found.contains(where: {
                        $0.dataset.digest == report.dataset.digest && $0.subject.digest == report.subject.digest
                    })
                else { continue }
                found.append(Together(report, comparison))
            }
            // Of two with the same content each report is of both already.
            if from.version.manifestDigest == to.version.manifestDigest { break }
        }
        return found
    }

    // MARK: By others

    private static func elsewhere(
        _ from: ComparedVersion, _ to: ComparedVersion
    ) -> (figures: [Elsewhere], others: [NotCompared]) {
        struct Key: Hashable {
            let dataset: Digest
            let name: ExactText
        }
        /// The newest value of each name on each dataset.
        func newest(_ compared: ComparedVersion) -> [Key: (value: MeasuredFigures.Value, data: String)] {
            var values: [Key: (MeasuredFigures.Value, String)] = [:]
            for figures in compared.figures {
                for (name, value) in figures.metrics {
                    let key = Key(dataset: figures.dataset.digest, name: ExactText(name))
                    if values[key] == nil { values[key] = (value, figures.dataset.name) }
                }
            }
            return values
        }
        let (old, new) = (newest(from), newest(to))
        var (figures, others): ([Elsewhere], [NotCompared]) = ([], [])
        let keys = Set(old.keys).union(new.keys).sorted {
            ($0.name, $0.dataset.description) < ($1.name, $1.dataset.description)
        }
        for key in keys {
            guard let before = old[key], let after = new[key] else {
                let (has, data) = old[key].map { (from, $0.data) } ?? (to, new[key]?.data ?? "")
                others.append(
                    NotCompared(
                        what: "\(key.name.text), measured elsewhere",
                        reason: "stated of \(has.name) alone on \(data) (\(key.dataset.short))"))
                continue
            }
            guard before.value.unit == after.value.unit else {
                others.append(
                    NotCompared(
                        what: "\(key.name.text), measured elsewhere",
                        reason: "the units differ: \(before.value.unit ?? "none") and \(after.value.unit ?? "none")"))
                continue
            }
            figures.append(
                Elsewhere(name: key.name.text, dataset: key.dataset, from: before.value, to: after.value))
        }
        return (figures, others)
    }
}

extension MeasuredComparison.Together {
    fileprivate init(_ report: VerificationReport, _ comparison: VerificationReport.Comparison) {
        let ratios = comparison.figures.ratios ?? [:]
        self.init(
            verification: report.verification, measuredAt: report.finishedAt, dataset: report.dataset,
            subject: report.subject, baseline: comparison.baseline,
            metrics: (report.measurements?.paired?.metrics ?? [:]).sorted { $0.key < $1.key }.map { name, paired in
                Metric(
                    name: name, subject: report.measurements?.metrics[name], baseline: paired.baseline,
                    difference: paired.difference, bound: paired.bound(confidence: MeasuredComparison.confidence))
            },
            latency: VerificationReport.Latency.statistics.compactMap { name in
                ratios[name].map {
                    Latency(
                        name: name, ratio: $0.ratio, lower: $0.lower, upper: $0.upper,
                        confidence: comparison.figures.confidence)
                }
            }, report: report)
    }
}

/// Finds reports of two versions that can be held against each other.
private struct Pairing {
    private(set) var apart: [MeasuredComparison.Apart] = []
    private(set) var notCompared: [MeasuredComparison.NotCompared] = []

    init(_ from: ComparedVersion, _ to: ComparedVersion) {
        var known: Set<Digest> = []
        for report in from.reports + to.reports where known.insert(report.dataset.digest).inserted {
            let data = report.dataset
            let old = from.reports.filter { $0.dataset.digest == data.digest }
            let new = to.reports.filter { $0.dataset.digest == data.digest }
            guard let before = old.first, let after = new.first else {
                let has = old.isEmpty ? to : from
                notCompared.append(
                    .init(what: "figures on \(data.repository):\(data.number)", reason: "only \(has.name) has any"))
                continue
            }
            let pairs = old.flatMap { before in new.map { (before, $0) } }
            let best =
                pairs.first { $0.timeFaults(beside: $1).isEmpty } ?? pairs.first { $0.metricFaults(beside: $1).isEmpty }
            add(best ?? (before, after))
        }
    }

    private mutating func add(_ pair: (from: VerificationReport, to: VerificationReport)) {
        guard let old = pair.from.measurements, let new = pair.to.measurements else { return }
        let data = "\(pair.from.dataset.repository):\(pair.from.dataset.number)"
        let (metricFaults, timeFaults) = (
            pair.from.metricFaults(beside: pair.to), pair.from.timeFaults(beside: pair.to)
        )
        var figures: [MeasuredComparison.Apart.Figure] = []
        if metricFaults.isEmpty {
            figures += old.metrics.sorted { $0.key < $1.key }.compactMap { name, value in
                new.metrics[name].map { .init(name: name, from: value, to: $0, isTime: false) }
            }
            for name in Set(old.metrics.keys).symmetricDifference(new.metrics.keys).sorted() {
                let has = old.metrics[name] == nil ? pair.to.subject : pair.from.subject
                notCompared.append(
                    .init(what: "\(name) on \(data)", reason: "measured of \(has.repository):\(has.number) alone"))
            }
        } else {
            notCompared.append(.init(what: "metrics on \(data)", reason: metricFaults.joined(separator: "; ")))
        }
        if timeFaults.isEmpty {
            figures += VerificationReport.Latency.statistics.compactMap { name in
                guard let before = old.latency.microseconds(of: name), let after = new.latency.microseconds(of: name)
                else { return nil }
                return .init(name: "latency \(name)", from: before, to: after, isTime: true)
            }
        } else {
            notCompared.append(.init(what: "latency on \(data)", reason: timeFaults.joined(separator: "; ")))
        }
        guard !figures.isEmpty else { return }
        apart.append(
            .init(
                dataset: pair.from.dataset, from: pair.from.verification, to: pair.to.verification, figures: figures))
    }
}

extension VerificationReport {
    /// Why metrics of two reports on the same data are not of the same question; empty if they are.
    fileprivate func metricFaults(beside other: VerificationReport) -> [String] {
        Self.faults([
            ("evaluator", evaluator, other.evaluator),
            ("inputs", Self.text(settings.inputs), Self.text(other.settings.inputs)),
            ("output", settings.output ?? "the only one", other.settings.output ?? "the only one"),
            ("scores", settings.scores?.rawValue ?? "as they are", other.settings.scores?.rawValue ?? "as they are"),
        ])
    }

    /// Why times of two reports were not measured alike; empty if they were.
    fileprivate func timeFaults(beside other: VerificationReport) -> [String] {
        func machine(_ report: VerificationReport) -> String {
            guard let environment = report.environment else { return "not told" }
            let cpus = environment.cpuSet.map { ", CPUs \($0)" } ?? ""
            return "\(environment.cpu), \(environment.cores) cores\(cpus)"
        }
        func batch(_ report: VerificationReport) -> String {
            "\(report.measurements?.batch(asked: report.settings) ?? report.settings.batch)"
        }
        return metricFaults(beside: other)
            + Self.faults([
                ("batch", batch(self), batch(other)),
                ("threads", "\(settings.threads)", "\(other.settings.threads)"),
                ("warm-up runs", "\(settings.warmupRuns)", "\(other.settings.warmupRuns)"),
                ("runs", "\(settings.measuredRuns)", "\(other.settings.measuredRuns)"),
                ("runtime", environment?.runtime ?? "not told", other.environment?.runtime ?? "not told"),
                ("machine", machine(self), machine(other)),
            ])
    }

    private static func text(_ names: [String]?) -> String { names?.joined(separator: ", ") ?? "by the dataset" }

    private static func faults(_ parts: [(name: String, from: String, to: String)]) -> [String] {
        parts.filter { !$0.from.isExactly($0.to) }.map { "\($0.name): \($0.from) and \($0.to)" }
    }
}
