import AssayDomain

extension VersionReport {
    // MARK: Context

    /// What the figures hold for. Settings and environment are listed as the report has them, whatever they are.
    func context(of report: VerificationReport) -> ReportSection {
        var section = ReportSection("context", "Context")
        section.note =
            "The figures hold for exactly these bytes, settings and machine. "
            + "Repeat the measurement with: assay verify --replay \(report.verification)"
        var table = ReportTable("What was measured, how and where", headings: ["Part", "Value"])
        func add(_ name: String, _ value: String) { table.add([.head(name), .text(value)]) }
        func add(_ name: String, _ subject: VerificationReport.Subject) {
            add(name, "\(subject.repository):\(subject.number)  \(subject.digest)")
        }
        add("model", report.subject)
        add("dataset", report.dataset)
        if let baseline = report.baseline ?? report.measurements?.comparison?.baseline { add("baseline", baseline) }
        add("verification", "\(report.verification)")
        add("started", "\(report.startedAt)")
        add("finished", "\(report.finishedAt)")
        let tree = (try? JSONTree(report))?.members ?? [:]  // What cannot be encoded was never decoded.
        for (name, value) in tree.sorted(by: { Self.order($0.key) < Self.order($1.key) })
        where !Self.told.contains(name) {
            for (path, text) in Self.lines(name, value) { add(path, text) }
        }
        section.tables = [table]
        return section
    }

    /// Parts of a report that are shown elsewhere.
    private static let told: Set<String> = [
        "format", "verification", "subject", "dataset", "baseline", "measurements", "failure", "started_at",
        "finished_at",
    ]

    private static func order(_ name: String) -> String {
        switch name {
        case "evaluator": "0"
        case "environment": "1"
        case "settings": "9"
        default: "5" + name
        }
    }

    /// A value as lines of name and text: lists of plain values in one line, objects by their members.
    private static func lines(_ name: String, _ value: JSONTree) -> [(String, String)] {
        switch value {
        case .object(let members):
            return members.sorted { $0.key < $1.key }.flatMap { key, value in
                // Members of these two are plain enough without their name.
                lines(["environment", "settings"].contains(name) ? plain(key) : "\(name) \(plain(key))", value)
            }
        case .list(let list):
            let scalars = list.compactMap(\.scalar)
            guard scalars.count == list.count else { return list.flatMap { lines(name, $0) } }
            return [(name, scalars.isEmpty ? "none" : scalars.joined(separator: " "))]
        default: return [(name, value.scalar ?? "")]
        }
    }

    private static func plain(_ key: String) -> String { key.replacing("_", with: " ") }

    // MARK: Other measurements

    /// Parts of the measurements that have a section of their own.
    private static let shown: Set<String> = [
        "metrics", "confusion_matrix", "classes", "sample_count", "latency", "comparison", "sweep", "agreement",
        "paired", "paired_failure",
        "load_microseconds", "first_run_microseconds", "peak_memory_bytes",
    ]

    /// Everything else that was measured, as tables by its form.
    static func others(_ measured: VerificationReport.Measurements) -> [ReportSection] {
        let tree = (try? JSONTree(measured))?.members ?? [:]  // What cannot be encoded was never decoded.
        return tree.filter { !shown.contains($0.key) }.sorted { $0.key < $1.key }.map { name, value in
            var section = ReportSection("more-\(name.filter { $0.isLetter || $0 == "_" })", title(of: name))
            if let text = value.scalar { section.note = text }
            section.tables = TreeTable.tables(of: value)
            return section
        }
    }

    private static func title(of key: String) -> String {
        let text = plain(key)
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}
