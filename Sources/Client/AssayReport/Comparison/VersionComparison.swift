package import AssayDomain

/// What became of one version in another: what differs between them, and what of each can be held against the other.
///
/// Made of what is known of both, and of nothing else: the same two give the same comparison.
package struct VersionComparison: Sendable, Encodable {
    /// One of the two.
    package struct Side: Sendable, Encodable {
        /// As it was asked for.
        package let asked: String
        package let version: Reference
        package let manifestDigest: Digest
        package let createdAt: Timestamp
        package let contentBytes: Int64
        package let aliases: [AliasName]
        package let earlierAliases: [AliasName]
        package let sources: [ComparedVersion.Source]
        package let verdicts: [VerdictSummary]
    }

    /// Something that both may say, and say differently; nil where one does not say it.
    package struct Difference: Sendable, Hashable, Encodable {
        package let name: String
        package let from: String?
        package let to: String?
    }

    package struct FileChange: Sendable, Hashable, Encodable {
        package struct Content: Sendable, Hashable, Encodable {
            package let digest: Digest
            package let size: Int64
        }

        package let path: String
        /// Nil for a file that is new.
        package let from: Content?
        /// Nil for one that is gone.
        package let to: Content?
        /// For a file that is new: where the same bytes were, if that one is gone.
        package let movedFrom: String?
    }

    /// How often an operator stands in the graph of each.
    package struct OperatorCount: Sendable, Hashable, Encodable {
        package let name: String
        package let from: Int
        package let to: Int
    }

    /// How many statements of a type each has.
    package struct EvidenceCount: Sendable, Hashable, Encodable {
        package struct Count: Sendable, Hashable, Encodable {
            package let valid: Int
            package let others: Int
        }

        package let type: String
        package let from: Count
        package let to: Count
    }

    package let from: Side
    package let to: Side
    /// Whether both are one version.
    package let isSame: Bool
    /// Whether both have the same manifest, and with it the same files.
    package let hasSameContent: Bool
    package let metadata: [Difference]
    package let manifest: [Difference]
    /// Files that differ, by path.
    package let files: [FileChange]
    /// How many files are the same in both.
    package let sameFiles: Int
    /// What differs in what the models say of themselves, without their operators.
    package let model: [Difference]
    package let operators: [OperatorCount]
    package let measured: MeasuredComparison
    package let evidence: [EvidenceCount]

    package init(from: ComparedVersion, to: ComparedVersion) {
        self.from = Side(from)
        self.to = Side(to)
        isSame = from.version.repository == to.version.repository && from.version.number == to.version.number
        hasSameContent = from.version.manifestDigest == to.version.manifestDigest
        metadata = Difference.between(from.version.metadataFacts, to.version.metadataFacts)
        manifest = Difference.between(from.manifest.facts, to.manifest.facts)
        (files, sameFiles) = FileChange.between(from.files, to.files)
        model = Difference.between(from.modelFacts, to.modelFacts)
        operators = OperatorCount.between(
            from.version.model?.operators ?? [:], to.version.model?.operators ?? [:])
        measured = MeasuredComparison(from: from, to: to)
        evidence = EvidenceCount.between(from.evidence, to.evidence)
    }
}

extension VersionComparison.Side {
    fileprivate init(_ compared: ComparedVersion) {
        let version = compared.version
        self.init(
            asked: compared.asked, version: version.reference, manifestDigest: version.manifestDigest,
            createdAt: version.createdAt, contentBytes: version.contentBytes, aliases: version.aliases,
            earlierAliases: compared.earlierAliases, sources: compared.sources, verdicts: compared.verdicts)
    }
}

extension VersionComparison.Difference {
    /// What differs of named texts, in the order of the first that have it. Texts are equal if their bytes are.
    static func between(_ from: [(String, String)], _ to: [(String, String)]) -> [Self] {
        func byName(_ facts: [(String, String)]) -> [ExactText: String] {
            Dictionary(facts.map { (ExactText($0.0), $0.1) }) { "\($0), \($1)" }
        }
        let (old, new) = (byName(from), byName(to))
        var seen: Set<ExactText> = []
        return (from + to).compactMap { name, _ in
            let key = ExactText(name)
            guard seen.insert(key).inserted else { return nil }
            let (before, after) = (old[key], new[key])
            if let before, let after, before.isExactly(after) { return nil }
            return Self(name: name, from: before, to: after)
        }
    }
}

extension VersionComparison.FileChange {
    /// The files that differ in byte order of their paths, and how many do not.
    static func between(_ from: [VersionFile], _ to: [VersionFile]) -> (changes: [Self], same: Int) {
        func content(_ file: VersionFile) -> Content { Content(digest: file.digest, size: file.size) }
        let old = Dictionary(from.map { (ExactText($0.path), $0) }) { first, _ in first }
        let new = Dictionary(to.map { (ExactText($0.path), $0) }) { first, _ in first }
        let gone = old.filter { new[$0.key] == nil }
        let places = Dictionary(grouping: gone.values, by: \.digest)
        var same = 0
        let changes = Set(old.keys).union(new.keys).sorted().compactMap { path -> Self? in
            let (before, after) = (old[path], new[path])
            if let before, let after, before.digest == after.digest {
                same += 1
                return nil
            }
            let moved = before == nil ? after.flatMap { places[$0.digest] }?.map { ExactText($0.path) }.min() : nil
            return Self(
                path: path.text, from: before.map(content), to: after.map(content), movedFrom: moved?.text)
        }
        return (changes, same)
    }
}

extension VersionComparison.OperatorCount {
    static func between(_ from: [String: Int], _ to: [String: Int]) -> [Self] {
        Set(from.keys).union(to.keys).sorted().compactMap { name in
            let (before, after) = (from[name] ?? 0, to[name] ?? 0)
            return before == after ? nil : Self(name: name, from: before, to: after)
        }
    }
}

extension VersionComparison.EvidenceCount {
    static func between(_ from: [CheckedEvidence], _ to: [CheckedEvidence]) -> [Self] {
        func count(_ all: [CheckedEvidence], _ type: String) -> Count {
            let valid = all.filter { $0.predicateType == type && $0.status == .valid }.count
            return Count(valid: valid, others: all.filter { $0.predicateType == type }.count - valid)
        }
        return Set((from + to).map(\.predicateType)).map { type in
            Self(type: PredicateType.short(type), from: count(from, type), to: count(to, type))
        }.sorted { ExactText($0.type) < ExactText($1.type) }
    }
}

// MARK: What versions say

extension Version {
    /// What its publisher and others say of it, each with a name; what training claims is claimed.
    fileprivate var metadataFacts: [(String, String)] {
        let texts: [(String, String?)] = [
            ("description", metadata.description), ("framework", metadata.framework), ("license", metadata.license),
            ("run", metadata.runId), ("git commit", metadata.gitCommit),
        ]
        return [("kind", kind.rawValue)] + texts.compactMap { name, text in text.map { (name, $0) } }
            + (metadata.metrics ?? [:]).sorted { $0.key < $1.key }
            .map { ("claimed \($0.key)", JSONTree.text(of: $0.value)) }
            + (metadata.hyperparameters ?? [:]).sorted { $0.key < $1.key }.map { ("parameter \($0.key)", $0.value) }
            + annotations.sorted { $0.key < $1.key }.map { ("annotation \($0.key)", $0.value) }
    }
}

extension Manifest {
    /// What it says beside its files.
    fileprivate var facts: [(String, String)] {
        let texts: [(String, String?)] = [
            ("media type", mediaType), ("artifact type", artifactType), ("config type", config?.mediaType),
            ("config", config.map { "\($0.digest)" }), ("subject", subject.map { "\($0.digest)" }),
            ("layers", "\(layers.count)"), ("manifests", children.isEmpty ? nil : "\(children.count)"),
        ]
        return texts.compactMap { name, text in text.map { (name, $0) } }
            + annotations.sorted { $0.key < $1.key }.map { ("annotation \($0.key)", $0.value) }
    }
}

extension ComparedVersion {
    /// What the summarised graph and the other files say of themselves.
    fileprivate var modelFacts: [(String, String)] {
        var facts: [(String, String)] = []
        if let model = version.model {
            facts = [("model file", model.path)] + (model.producer.map { [("producer", $0)] } ?? [])
            facts += model.opsets.sorted { $0.key < $1.key }.map { ("opset \($0.key)", "\($0.value)") }
            facts += model.inputs.map { ("input \($0.name)", $0.typeText) }
            facts += model.outputs.map { ("output \($0.name)", $0.typeText) }
            facts += [
                ("parameters", "\(model.parameterCount)"), ("precision", model.precision.joined(separator: ", ")),
            ]
        }
        for file in inspections ?? [] where !(version.model.map { file.path.isExactly($0.path) } ?? false) {
            facts += file.lines.map { ("\(file.path): \($0.name)", $0.text) }
        }
        return facts
    }
}
