package import AssayDomain

/// Where a version comes from and where it is in use, for the head of its report: told by the registry, signed by
/// nobody.
package struct ReportBackground: Sendable, Encodable {
    /// The move that brought an alias to the version, which it holds since then.
    package struct Move: Sendable, Encodable {
        package let alias: AliasName
        package let cause: AliasMove.Cause
        package let at: Timestamp
        package let actor: String
        /// The number of the move's entry in the audit log; nil where none was found.
        package let logEntry: Int64?

        package init(alias: AliasName, cause: AliasMove.Cause, at: Timestamp, actor: String, logEntry: Int64?) {
            self.alias = alias
            self.cause = cause
            self.at = at
            self.actor = actor
            self.logEntry = logEntry
        }
    }

    /// What keys are called, by their ids.
    package var keyNames: [String: String] = [:]
    package var sources: [ComparedVersion.Source] = []
    package var moves: [Move] = []

    package init() {}

    /// A key for people: its name, and how its id begins.
    func name(ofKey id: String?) -> String {
        guard let id else { return "-" }
        let short = String(id.prefix(12))
        return keyNames[id].map { "\(Printable.escape($0, limit: 80)) (\(short))" } ?? short
    }
}

extension VersionReport {
    /// What is looked for before anything else, each with a name: data, code, keys, aliases, waivers.
    package var facts: [(name: String, text: String)] {
        var facts: [(String, String)] = []
        func add(_ name: String, _ text: String) { facts.append((name, text)) }
        // Its text says since when, by whom and why.
        if let withdrawn = version.withdrawn { add("not to be used", withdrawn.text) }
        if let data = report?.content.dataset { add("measured on", "\(data.repository):\(data.number)") }
        for relation in LineageRelation.allCases where relation != .producedBy {
            let sources = background.sources.filter { $0.relation == relation }.map(\.name).sorted()
            if !sources.isEmpty { add(relation.rawValue.replacing("-", with: " "), sources.joined(separator: ", ")) }
        }
        if let commit = version.metadata.gitCommit { add("code", commit) }
        if let run = version.metadata.runId { add("training run", run) }
        let signers = evidence.filter { $0.predicateType == PredicateType.modelSignature && $0.status == .valid }
            .compactMap(\.signer)
        let names = Set(signers).sorted().map(background.name)
        add("signed by", names.isEmpty ? "nobody whose key counts" : names.joined(separator: ", "))
        if let report { add("measured by", background.name(ofKey: report.evidence.signer)) }
        if let verdict { add("decided by", background.name(ofKey: verdict.evidence.signer)) }
        for move in background.moves {
            let entry = move.logEntry.map { ", log entry \($0)" } ?? ""
            add("\(move.alias)", "since \(move.at), \(move.cause.rawValue) by \(move.actor)\(entry)")
        }
        for outcome in verdict?.content.waived ?? [] {
            add("waived", "\(outcome.requirement): \(outcome.waiver ?? "nobody says why")")
        }
        return facts
    }
}
