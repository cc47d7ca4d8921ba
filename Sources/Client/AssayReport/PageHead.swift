package import AssayDomain

/// What stands above the parts of a page.
struct PageHead: Sendable {
    /// A figure that somebody looks for first.
    struct Tile: Sendable {
        let label: String
        let figure: String
        let remark: String
    }

    let name: String
    let headline: String
    /// A class of the style sheet: `passed`, `failed`, `open` or `plain`.
    let look: String
    let sign: String
    let lead: String
    var tiles: [Tile] = []
    var facts: [(name: String, text: String)] = []
    let foot: String
}

extension VersionComparison {
    var head: PageHead {
        PageHead(
            name: "\(from.version) and \(to.version)",
            headline: isSame ? "The same version" : hasSameContent ? "The same content" : "Compared", look: "plain",
            sign: isSame || hasSameContent ? "=" : "↔", lead: isSame || hasSameContent ? "" : changes,
            foot: "Versions \(from.manifestDigest) and \(to.manifestDigest), from evidence that was checked when this "
                + "page was written.")
    }

    private var changes: String {
        let count = files.count
        return count == 0 ? "no file differs" : count == 1 ? "1 file differs" : "\(count) files differ"
    }
}

extension VersionReport {
    var head: PageHead {
        let (headline, look, sign) = outcome
        return PageHead(
            name: name, headline: headline, look: look, sign: sign, lead: lead, tiles: tiles, facts: facts,
            foot: "Version \(version.manifestDigest), from evidence that was checked when this page was written.")
    }

    private var outcome: (headline: String, look: String, sign: String) {
        if version.withdrawn != nil { return ("Withdrawn", "failed", "✕") }
        if let verdict = verdict?.content {
            if !verdict.isPassed { return ("Refused", "failed", "✕") }
            return verdict.waived.isEmpty ? ("Passed", "passed", "✓") : (verdict.word.capitalizedFirst, "open", "!")
        }
        return report?.content.failure == nil
            ? ("Measured", "plain", "•") : ("Could not be measured", "failed", "✕")
    }

    private var lead: String {
        var parts: [String] = []
        if let verdict = verdict?.content { parts.append("\(verdict.isPassed ? "for" : "as") \(verdict.alias)") }
        if let measured = report?.content {
            parts.append(
                "\(measured.failure == nil ? "measured" : "tried") on \(measured.dataset.repository):"
                    + "\(measured.dataset.number) at \(measured.finishedAt)")
        }
        return parts.joined(separator: ", ")
    }

    private var tiles: [PageHead.Tile] {
        guard let report = report?.content, let measured = report.measurements else { return [] }
        var tiles: [PageHead.Tile] = []
        let batch = measured.batch(asked: report.settings)
        if let first = metricNames(of: measured).first, let value = measured.metrics[first] {
            tiles.append(
                .init(
                    label: first, figure: Quantity.metric(value),
                    remark: "\(Quantity.grouped(measured.sampleCount)) samples"))
        }
        tiles += [
            .init(
                label: "latency, median", figure: Figure.duration(measured.latency.p50Microseconds),
                remark: "p90 \(Figure.duration(measured.latency.p90Microseconds))"),
            .init(
                label: "throughput", figure: Quantity.rate(measured.latency.throughput) + "/s",
                remark: "batch \(batch), \(Quantity.threads(report.settings.threads))"),
            .init(
                label: "memory, peak", figure: Figure.bytes(measured.peakMemoryBytes), remark: "of the whole process"),
        ]
        return tiles
    }

    /// The names of metrics as they are looked for: those that the policy bounds, those that most people ask for
    /// first, and the others by name.
    func metricNames(of measured: VerificationReport.Measurements) -> [String] {
        let outcomes = (verdict?.content.outcomes ?? []).map(\.requirement)
        func rank(_ name: String) -> Int {
            let bounded = outcomes.firstIndex { $0.isExactly(name) || $0.hasPrefix("\(name).") }
            return bounded ?? outcomes.count + (["accuracy", "r2"].contains(name) ? 0 : 1)
        }
        return measured.metrics.keys.map { (rank($0), $0) }.sorted { $0 < $1 }.map(\.1)
    }
}

extension VerdictSummary {
    /// The requirements that somebody waived.
    package var waived: [RequirementOutcome] { outcomes.filter { $0.status == .waived } }

    /// `passed`, `passed with 2 waivers` or `refused`.
    package var word: String {
        guard isPassed else { return "refused" }
        return waived.isEmpty ? "passed" : "passed with \(waived.count) waiver\(waived.count == 1 ? "" : "s")"
    }
}

extension String {
    /// The text as it begins a sentence.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
