import AssayDomain

/// A start for a policy: what a version reached when it was measured, as bounds that the next ones must hold.
///
/// Only known names and numbers of the report go into it, and texts in quotes: whoever wrote the report writes no line.
struct PolicyDraft {
    let version: Version
    let report: VerificationReport
    /// What the version's provenance tells of it.
    let relations: [LineageRelation]

    /// How sure the interval of a share is.
    private static let confidence = 0.95
    /// The quantile of the normal distribution for it.
    private static let quantile = 1.959964
    /// What a figure whose interval is not known may get worse by, as a share of it.
    private static let slack = 0.1
    /// How much of memory and size the next versions may take, as a multiple.
    private static let room = 2.0
    /// The metrics that decide best, of each kind of model; the first that was measured is demanded.
    private static let principal = ["accuracy", "r2", "argmax_agreement", "cosine", "rmse", "mae"]
    /// Shares of samples that were right, whose interval follows from their number.
    private static let shares: Set<String> = ["accuracy", "argmax_agreement"]

    /// The policy as YAML, each demand with a comment above it. Throws `verification-failed` for a report without
    /// measurements.
    func text() throws -> String {
        guard let measured = report.measurements else {
            throw AssayError(
                .verificationFailed, "\(version.reference) has no measurements to start from",
                remedy: "measure it with: assay verify \(version.reference) --dataset REF")
        }
        let blocks = [
            [
                "# A start for a policy, from what was measured of \(version.reference)",
                "# (verification \(report.verification)).",
                "# Change the bounds to what the job needs, then: assay policy set NAME ALIAS FILE",
                "# A signature by a trusted release key is always demanded.", "version: 1",
            ],
            [
                "# What is measured on, by number, so that nobody changes the policy by moving an alias.",
                "dataset: \(report.dataset.repository):\(report.dataset.number)",
            ], try choices, metrics(measured), latency(measured), resources(measured), lineage,
        ]
        return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    /// What was chosen for the measurement, without which another one would be made.
    private var choices: [String] {
        get throws {
            let settings = report.settings
            var lines: [String] = []
            if let file = settings.file { lines.append("file: \(try Self.quoted(file))") }
            if let output = settings.output { lines.append("output: \(try Self.quoted(output))") }
            if let scores = settings.scores { lines.append("scores: \(scores.rawValue)") }
            if let inputs = settings.inputs, !inputs.isEmpty {
                lines.append("inputs: [\(try inputs.map(Self.quoted).joined(separator: ", "))]")
            }
            return lines.isEmpty ? [] : ["# What goes in, and what is judged, as in that verification."] + lines
        }
    }

    private func metrics(_ measured: VerificationReport.Measurements) -> [String] {
        let known = measured.metrics.filter { Metric.directions[$0.key] != nil && $0.value.isFinite }
        guard let main = Self.principal.first(where: { known[$0] != nil }) else { return [] }
        let others = known.keys.filter { $0 != main }.sorted()
        var lines = ["metrics:"] + Self.lines(main, known[main] ?? 0, samples: measured.sampleCount, isDemanded: true)
        if !others.isEmpty { lines.append("  # Measured too; take away the sign before one to demand it.") }
        for name in others {
            lines += Self.lines(name, known[name] ?? 0, samples: measured.sampleCount, isDemanded: false)
        }
        return lines
    }

    private static func lines(_ name: String, _ value: Double, samples: Int, isDemanded: Bool) -> [String] {
        let isHigher = Metric.directions[name] == .higherIsBetter
        let share = shares.contains(name) ? interval(of: value, samples: samples) : nil
        let bound = share?.lowerBound ?? (isHigher ? value - slack * abs(value) : value + slack * abs(value))
        let (key, text) = isHigher ? ("min", number(bound, up: false)) : ("max", number(bound, up: true))
        guard isDemanded else { return ["  # \(name): {\(key): \(text)}   # measured \(Figure.metric(value))"] }
        let from =
            share.map {
                "\(Figure.metric($0.lowerBound)) to \(Figure.metric($0.upperBound)) at "
                    + "\(Figure.percent(confidence)): this is its lower end"
            } ?? "this is a tenth \(isHigher ? "below" : "above")"
        return [
            "  # \(isHigher ? "At least" : "At most") this. Measured \(Figure.metric(value)) on \(samples) samples;",
            "  # \(from).",
            "  # max_drop: at most so much worse than the version that holds the alias, on the same data.",
            "  \(name): {\(key): \(text), max_drop: \(number(slack * slack * abs(value), up: true))}",
        ]
    }

    private func latency(_ measured: VerificationReport.Measurements) -> [String] {
        let p50 = measured.latency.p50Microseconds
        guard p50.isFinite, p50 > 0 else { return [] }
        return [
            "latency:", "  # How it is run: threads of the executor, and samples per run.",
            "  threads: \(report.settings.threads)", "  batch: \(measured.batch(asked: report.settings))",
            "  # The median of a run is at most this, twice what was measured (\(Figure.duration(p50))),",
            "  # and at most this multiple of the holder's, by the whole interval of the ratio.",
            "  p50: {max_milliseconds: \(Self.number(2 * p50 / 1_000, up: true)), max_ratio: 1.1}",
        ]
    }

    private func resources(_ measured: VerificationReport.Measurements) -> [String] {
        let memory = Self.number(Self.room * Double(measured.peakMemoryBytes))
        let size = Self.number(Self.room * Double(version.contentBytes))
        var lines = [
            "# Twice the memory that it took at its peak, data and runtime included",
            "# (\(Figure.bytes(measured.peakMemoryBytes))).",
            "memory: {max_bytes: \(memory)}",
            "# Twice the size of its files (\(Figure.bytes(version.contentBytes))).", "size: {max_bytes: \(size)}",
        ]
        if report.cage?.isFull == true {
            lines += ["# The process that measures is confined by every layer of its cage.", "cage: full"]
        }
        return lines
    }

    private var lineage: [String] {
        guard !relations.isEmpty else {
            return ["# Demand provenance, signed by a trusted key:", "# lineage: [trained-on]"]
        }
        let names = Set(relations.map(\.rawValue)).sorted().joined(separator: ", ")
        return ["# Provenance signed by a trusted key tells this of it.", "lineage: [\(names)]"]
    }

    /// The interval of a share by Wilson's score, which holds for few samples and shares near 1 too.
    static func interval(of share: Double, samples: Int) -> ClosedRange<Double>? {
        guard samples > 0, 0...1 ~= share else { return nil }
        let (n, z) = (Double(samples), quantile)
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, middle - half)...min(1, middle + half)
    }

    /// A number with four decimals, never on the wrong side of what it stands for.
    private static func number(_ value: Double, up: Bool) -> String {
        Figure.fixed((value * 10_000).rounded(up ? .up : .down) / 10_000, 4)
    }

    /// A whole number of bytes.
    private static func number(_ bytes: Double) -> String { String(Int64(min(max(bytes, 0), 9e15))) }

    /// A text in quotes, as JSON has it, which YAML reads as the same text.
    private static func quoted(_ text: String) throws -> String {
        String(decoding: try JSON.encode(text), as: UTF8.self)
    }
}
