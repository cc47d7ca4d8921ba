import AssayDomain

extension VersionComparison {
    /// Everything that there is to show, in the order in which it is read.
    package var sections: [ReportSection] {
        let data = [dataSection, MeasuredSections(self).all].flatMap { $0 }
        let contents = isSame ? [] : [metadataSection, filesSection, modelSection, operatorsSection, manifestSection]
        return ([versionsSection] + contents + (isSame ? [] : data + [verdictsSection, evidenceSection]))
            .filter { !$0.isEmpty }
    }

    /// `digits:1` and `digits:2`, the headings of what stands side by side.
    var names: [String] { ["\(from.version)", "\(to.version)"] }

    /// A table with a column for each version.
    static func table(_ caption: String, _ first: String, _ names: [String], _ rows: [[String]]) -> ReportTable {
        var table = ReportTable(caption, headings: [first] + names)
        for row in rows { table.add([.head(row[0])] + row.dropFirst().map { .text($0) }) }
        return table
    }

    private static func table(_ caption: String, _ names: [String], _ differences: [Difference]) -> ReportTable {
        table(caption, "Part", names, differences.map { [$0.name, $0.from ?? "-", $0.to ?? "-"] })
    }

    // MARK: What they are

    private var versionsSection: ReportSection {
        func list(_ aliases: [AliasName]) -> String {
            aliases.isEmpty ? "none" : aliases.map(\.text).joined(separator: ", ")
        }
        var section = ReportSection("versions", "Versions")
        section.note = equality
        let parts: [(String, (Side) -> String)] = [
            ("asked for", \.asked), ("digest", { "\($0.manifestDigest)" }), ("created", { "\($0.createdAt)" }),
            ("size", { Figure.bytes($0.contentBytes) }), ("aliases now", { list($0.aliases) }),
            ("aliases before", { list($0.earlierAliases) }),
        ]
        section.tables = [
            Self.table("The two versions", "Part", names, parts.map { [$0.0, $0.1(from), $0.1(to)] })
        ]
        return section
    }

    /// What is the same where much is; nil where the two differ.
    private var equality: String? {
        if isSame { return "Both are the same version: they are equal." }
        return hasSameContent ? "Both have the same digest: their files are equal." : nil
    }

    private var metadataSection: ReportSection {
        var section = ReportSection("metadata", "Metadata")
        section.note = metadata.isEmpty ? "No difference." : "What their publishers say differently."
        section.tables = [Self.table("Metadata that differs", names, metadata)]
        return section
    }

    private var manifestSection: ReportSection {
        var section = ReportSection("manifest", "Manifest")
        section.note = manifest.isEmpty ? "No difference besides the files." : nil
        section.tables = [Self.table("What the manifests say besides their files", names, manifest)]
        return section
    }

    private var filesSection: ReportSection {
        var section = ReportSection("files", "Files")
        func text(_ content: FileChange.Content?) -> String {
            content.map { "\(Figure.bytes($0.size)) \($0.digest.short)" } ?? "-"
        }
        func word(_ change: FileChange) -> String {
            if let moved = change.movedFrom { return "added, was \(moved)" }
            return change.from == nil ? "added" : change.to == nil ? "removed" : "changed"
        }
        func count(_ word: String, where fits: (FileChange) -> Bool) -> String? {
            let count = files.filter(fits).count
            return count == 0 ? nil : "\(count) \(word)"
        }
        let counts = [
            count("added") { $0.from == nil }, count("removed") { $0.to == nil },
            count("changed") { $0.from != nil && $0.to != nil }, "\(sameFiles) the same",
        ]
        section.note = counts.compactMap { $0 }.joined(separator: ", ") + "."
        section.tables = [
            Self.table(
                "Files that differ", "File", ["Change"] + names,
                files.map { [$0.path, word($0), text($0.from), text($0.to)] })
        ]
        return section
    }

    private var modelSection: ReportSection {
        var section = ReportSection("model", "Model")
        section.tables = [Self.table("What the models say of themselves", names, model)]
        return section
    }

    private var operatorsSection: ReportSection {
        var section = ReportSection("operators", "Operators")
        var table = ReportTable("How often each operator stands in the graph", headings: ["Operator"] + names)
        for item in operators { table.add([.head(item.name), .number("\(item.from)"), .number("\(item.to)")]) }
        section.tables = [table]
        return section
    }

    // MARK: Where they come from, and what is said of them

    private var dataSection: [ReportSection] {
        var section = ReportSection("data", "Data and origin")
        var rows: [[String]] = []
        for relation in LineageRelation.allCases {
            let sources = [from, to].map { side in
                side.sources.filter { $0.relation == relation }.map(\.name).sorted().joined(separator: ", ")
            }
            guard sources.contains(where: { !$0.isEmpty }) else { continue }
            rows.append([relation.rawValue] + sources.map { $0.isEmpty ? "-" : $0 })
        }
        section.note = rows.isEmpty ? "Neither says what it came from." : nil
        section.tables = [Self.table("What the versions came from", "Relation", names, rows)]
        return [section]
    }

    private var verdictsSection: ReportSection {
        var section = ReportSection("verdicts", "Verdicts")
        func text(_ side: Side, _ alias: String) -> String {
            guard let verdict = side.verdicts.first(where: { $0.alias.isExactly(alias) }) else { return "-" }
            return "\(verdict.word), \(verdict.timeVerified)"
        }
        let aliases = Set((from.verdicts + to.verdicts).map { ExactText($0.alias) }).sorted()
        section.note = aliases.isEmpty ? "No policy has decided on either." : "The latest for each alias."
        section.tables = [
            Self.table(
                "What policies decided", "Alias", names,
                aliases.map { [$0.text, text(from, $0.text), text(to, $0.text)] })
        ]
        return section
    }

    private var evidenceSection: ReportSection {
        var section = ReportSection("evidence", "Evidence")
        func text(_ count: EvidenceCount.Count) -> String {
            guard count.valid + count.others > 0 else { return "none" }
            return "\(count.valid)" + (count.others == 0 ? "" : ", and \(count.others) that do not count")
        }
        section.note = evidence.isEmpty ? "Neither has a signature or a statement." : nil
        section.tables = [
            Self.table(
                "Signatures and statements that count", "Statement", names,
                evidence.map { [$0.type, text($0.from), text($0.to)] })
        ]
        return section
    }
}

/// What was measured, as parts of a comparison.
private struct MeasuredSections {
    private let comparison: VersionComparison
    private var measured: MeasuredComparison { comparison.measured }

    init(_ comparison: VersionComparison) { self.comparison = comparison }

    var all: [ReportSection] {
        guard !measured.isEmpty else {
            var section = ReportSection("measured", "Measured")
            section.note = "Nothing was measured of either that counts."
            return [section]
        }
        return measured.together.enumerated().flatMap(together) + measured.apart.enumerated().map(apart)
            + [elsewhere, notCompared]
    }

    private func together(_ index: Int, _ together: MeasuredComparison.Together) -> [ReportSection] {
        guard let measurements = together.report.measurements else { return [] }
        let id = index == 0 ? "" : "-\(index + 1)"
        let data = "\(together.dataset.repository):\(together.dataset.number)"
        let subject = "\(together.subject.repository):\(together.subject.number)"
        let asked =
            " Measured in one run, verification \(together.verification), on \(data) at \(together.measuredAt)."
        var sections: [ReportSection] = []
        if var section = VersionReport.paired(measurements, subject: subject, id: id) {
            section.note = (section.note ?? "") + asked
            sections.append(section)
        }
        if let latency = measurements.comparison {
            var section = VersionReport.comparison(
                latency, settings: together.report.settings, subject: subject, id: id)
            section.note = (section.note ?? "") + asked
            sections.append(section)
        }
        if let agreement = measurements.agreement, agreement.teacher?.digest == together.baseline.digest {
            sections.append(VersionReport.agreement(agreement, id: id))
        }
        return sections
    }

    private func apart(_ index: Int, _ apart: MeasuredComparison.Apart) -> ReportSection {
        let data = "\(apart.dataset.repository):\(apart.dataset.number)"
        var section = ReportSection("apart-\(index + 1)", "Measured on \(data)")
        let names = comparison.names
        section.note =
            "Each by itself, with the same settings (verifications \(apart.from) and \(apart.to))."
        if !measured.together.contains(where: { $0.dataset.digest == apart.dataset.digest }) {
            section.note? +=
                " How sure a difference is, only one run of both tells: assay verify \(names[1]) --dataset \(data) "
                + "--baseline \(names[0])"
        }
        var table = ReportTable("Figures of both on the same data", headings: ["Figure"] + names + ["Difference"])
        for figure in apart.figures {
            func text(_ value: Double) -> String {
                figure.isTime ? Figure.duration(value) : Quantity.metric(value)
            }
            table.add([
                .head(figure.name), .number(text(figure.from)), .number(text(figure.to)),
                .number(figure.isTime ? "-" : Quantity.difference(figure.to - figure.from)),
            ])
        }
        section.tables = [table]
        return section
    }

    private var elsewhere: ReportSection {
        var section = ReportSection("measured-elsewhere", "Measured elsewhere")
        var table = ReportTable(
            "Figures that others measured of both on the same data", headings: ["Figure", "On"] + comparison.names)
        for figure in measured.elsewhere {
            table.add([
                .head(figure.name), .text(figure.dataset.short), .text(figure.from.text), .text(figure.to.text),
            ])
        }
        section.tables = [table]
        return section
    }

    private var notCompared: ReportSection {
        var section = ReportSection("not-compared", "Not compared")
        var table = ReportTable("What is not held side by side, and why", headings: ["What", "Why"])
        for item in measured.notCompared { table.add([.head(item.what), .text(item.reason)]) }
        section.tables = [table]
        return section
    }
}
