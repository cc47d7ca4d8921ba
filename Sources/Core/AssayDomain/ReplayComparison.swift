/// Two reports of the same measurement held against each other.
///
/// Where runtime, instructions of the processor and evaluator are the same, metrics must be equal bit for bit;
/// elsewhere within a relative tolerance. Times are of a machine at a moment: they are shown, and compared only where
/// somebody says how much slower they may be.
package struct ReplayComparison: Sendable, Hashable, Encodable {
    /// Rounding of float32 sums in another order, with room.
    package static let toleranceDefault = 1e-5

    package enum Status: String, Sendable, Hashable, Encodable {
        case equal
        /// Not equal, and no further apart than the tolerance.
        case close
        case differs
        /// A time, which nothing bounds.
        case notCompared = "not compared"
    }

    package struct Figure: Sendable, Hashable, Encodable {
        /// Its path in the report's measurements: `metrics.accuracy`.
        package let name: String
        /// Absent where only one of the reports has it.
        package let then: String?
        package let now: String?
        package let status: Status
        /// Now over then, of a time.
        package let ratio: Double?
    }

    /// A part of the context in which the reports differ.
    package struct Difference: Sendable, Hashable, Encodable {
        package let part: String
        package let then: String
        package let now: String
    }

    package let differences: [Difference]
    /// Within which metrics had to be; absent where they had to be equal.
    package let tolerance: Double?
    package let figures: [Figure]

    /// Figures that differ more than they may.
    package var faults: [Figure] { figures.filter { $0.status == .differs } }

    /// `maxRatios` bounds how much slower figures of latency may be, by the names of `Latency.statistics`.
    package init(
        then: VerificationReport, now: VerificationReport, tolerance: Double = toleranceDefault,
        maxRatios: [String: Double] = [:]
    ) throws {
        let isSame = Self.exactness(then) == Self.exactness(now)
        differences = Self.differences(then, now)
        self.tolerance = isSame ? nil : tolerance
        var figures = Self.outcomes(then, now)
        if let old = then.measurements, let new = now.measurements {
            figures += Self.metrics(try JSONTree(old), try JSONTree(new), tolerance: self.tolerance)
            figures += Self.times(old, new, maxRatios: maxRatios)
        }
        self.figures = figures
    }

    // MARK: Context

    /// What decides whether the same sums are added in the same order.
    private static func exactness(_ report: VerificationReport) -> [String] {
        guard let environment = report.environment else { return [report.evaluator] }
        return [report.evaluator, environment.runtime] + environment.isaFlags.sorted()
    }

    private static func differences(_ then: VerificationReport, _ now: VerificationReport) -> [Difference] {
        func text(_ report: VerificationReport) -> [(String, String)] {
            let environment = report.environment
            return [
                ("evaluator", report.evaluator), ("runtime", environment?.runtime ?? "-"),
                ("cpu", environment?.cpu ?? "-"), ("cores", environment.map { "\($0.cores)" } ?? "-"),
                ("instructions", environment?.isaFlags.sorted().joined(separator: " ") ?? "-"),
            ]
        }
        return zip(text(then), text(now)).compactMap { old, new in
            old.1 == new.1 ? nil : Difference(part: old.0, then: old.1, now: new.1)
        }
    }

    // MARK: Figures

    /// Parts of the measurements that are of a machine at a moment.
    private static let timed: Set<String> = [
        "latency", "comparison", "sweep", "load_microseconds", "first_run_microseconds", "peak_memory_bytes",
    ]

    private static let timedAgreement = "agreement.latency"

    /// Whether both were measured, or failed in the same way.
    private static func outcomes(_ then: VerificationReport, _ now: VerificationReport) -> [Figure] {
        guard then.failure != nil || now.failure != nil else { return [] }
        let (old, new) = (then.failure?.kind ?? "measured", now.failure?.kind ?? "measured")
        return [Figure(name: "outcome", then: old, now: new, status: old == new ? .equal : .differs, ratio: nil)]
    }

    private static func metrics(_ then: JSONTree, _ now: JSONTree, tolerance: Double?) -> [Figure] {
        func leaves(_ tree: JSONTree) -> [String: JSONTree] {
            let kept = tree.members.filter { !timed.contains($0.key) }
            let leaves = JSONTree.object(kept).leaves().filter { !$0.path.hasPrefix(timedAgreement) }
            return Dictionary(leaves.map { ($0.path, $0.value) }) { first, _ in first }
        }
        let (old, new) = (leaves(then), leaves(now))
        return Set(old.keys).union(new.keys).sorted().map { name in
            Figure(
                name: name, then: old[name]?.scalar, now: new[name]?.scalar,
                status: status(old[name], new[name], tolerance: tolerance), ratio: nil)
        }
    }

    private static func status(_ then: JSONTree?, _ now: JSONTree?, tolerance: Double?) -> Status {
        if then == now { return .equal }
        guard let tolerance, case .number(let old) = then, case .number(let new) = now else { return .differs }
        return abs(old - new) <= tolerance * max(abs(old), abs(new)) ? .close : .differs
    }

    private static func times(
        _ then: VerificationReport.Measurements, _ now: VerificationReport.Measurements, maxRatios: [String: Double]
    ) -> [Figure] {
        let statistics = VerificationReport.Latency.statistics.map { name in
            (name, "latency.\(name)", then.latency.microseconds(of: name), now.latency.microseconds(of: name))
        }
        let others: [(String, String, Double?, Double?)] = [
            ("load", "load", then.loadMicroseconds, now.loadMicroseconds),
            ("first run", "first run", then.firstRunMicroseconds, now.firstRunMicroseconds),
        ]
        return (statistics + others).compactMap { name, label, old, new in
            guard old != nil || new != nil || maxRatios[name] != nil else { return nil }
            let ratio = old.flatMap { old in new.flatMap { old > 0 ? $0 / old : nil } }
            let status: Status =
                maxRatios[name].map { bound in
                    ratio.map { $0 <= bound } ?? false ? .close : .differs
                } ?? .notCompared
            return Figure(
                name: label, then: old.map(AssayDomain.Figure.duration), now: new.map(AssayDomain.Figure.duration),
                status: status, ratio: ratio)
        }
    }
}
