import AssayDomain

/// An entry of the audit log and its place.
struct PlacedEntry: Sendable, Hashable {
    let index: Int64
    let entry: AuditEntry

    var at: Timestamp { entry.at }

    func digest(_ field: AuditEntry.Field) -> Digest? {
        entry.text(field).flatMap { try? Digest(parsing: $0) }  // What is no digest names nothing.
    }

    /// Of a deletion: the entries whose facts it took.
    var ends: [Int64] { (entry.text(.ends) ?? "").split(separator: ",").compactMap { Int64($0) } }
}

/// What the log has of an alias in a window, and of what its versions are made of: read from a part of the log without
/// gaps, so that nothing of it is missing.
///
/// The window is a part of the log's own order: it begins with the first entry that is not before `from`, and ends
/// before the first one that is after `to`.
struct DossierLog: Sendable {
    let scope: DossierScope
    /// The part of the log that was read.
    let part: Range<Int64>
    /// The entries of the window.
    let window: Range<Int64>
    /// Whether the part has an entry behind the window: then nothing can be added to the window any more.
    let isClosed: Bool
    /// The last move before the window, and those in it.
    let moves: [PlacedEntry]
    /// The last change of the policy before the window, and those in it.
    let policies: [PlacedEntry]
    /// What was attached to anything in the repository, up to the end of the window.
    let attestations: [PlacedEntry]
    /// The same by what it was attached to.
    private let bySubject: [Digest: [PlacedEntry]]
    let versions: [PlacedEntry]
    /// All changes of the trust root up to the end of the window, if none was left out before the part.
    let keys: [PlacedEntry]
    /// Deletions in the repository, in the part and behind it.
    let deletions: [PlacedEntry]
    /// The entries whose facts a deletion took.
    let ended: Set<Int64>

    /// The entries that stand for themselves: changes of keys before the part, deletions behind it.
    let single: [PlacedEntry]

    /// Whether an entry of another place than the part may be in a dossier.
    static func isSingle(_ item: PlacedEntry, beside part: Range<Int64>, of scope: DossierScope) -> Bool {
        switch item.entry.kind {
        case .key: item.index < part.lowerBound
        case .delete: item.index >= part.upperBound && scope.isOfRepository(item.entry)
        default: false
        }
    }

    /// Throws `log-inconsistent` for a part that does not tell all of the window, or more than it needs.
    init(
        _ scope: DossierScope, part: Range<Int64>, entries: [ArraySlice<UInt8>], single: [PlacedEntry], logSize: Int64
    ) throws(AssayError) {
        guard scope.from <= scope.to else { throw Self.incomplete("its window ends before it begins") }
        var reading = Reading(scope, part)
        for (offset, bytes) in entries.enumerated() { try reading.take(bytes, at: part.lowerBound + Int64(offset)) }
        let first = reading.first ?? part.upperBound
        guard reading.last != nil || part.upperBound == logSize else {
            throw Self.incomplete("the part of the log ends before the window does")
        }
        window = first..<(reading.last ?? part.upperBound)
        isClosed = reading.last != nil
        guard single.allSatisfy({ Self.isSingle($0, beside: part, of: scope) }) else {
            throw Self.incomplete("an entry of it belongs to something else")
        }
        self.scope = scope
        self.part = part
        self.single = single
        let end = window.upperBound
        let (aliases, policies) = (reading.of(.alias, before: end), reading.of(.policy, before: end))
        moves = try Self.since(window.lowerBound, aliases, part, "the move of the alias")
        self.policies = try Self.since(window.lowerBound, policies, part, "the change of the policy")
        attestations = reading.of(.attestation, before: end)
        bySubject = Dictionary(
            grouping: attestations.compactMap { item in item.digest(.subject).map { ($0, item) } }, by: \.0
        ).mapValues { $0.map(\.1) }
        versions = reading.of(.version, before: end)
        keys = single.filter { $0.entry.kind == .key } + reading.of(.key, before: end)
        deletions = reading.of(.delete, before: .max) + single.filter { $0.entry.kind == .delete }
        ended = Set(deletions.flatMap(\.ends))
    }

    /// The last item before a place and all behind it. Throws unless it is sure that there is no later one before.
    private static func since(
        _ place: Int64, _ items: [PlacedEntry], _ part: Range<Int64>, _ what: String
    ) throws(AssayError) -> [PlacedEntry] {
        let earlier = items.last { $0.index < place }
        guard earlier != nil || part.lowerBound == 0 else {
            throw incomplete("the part of the log begins behind \(what) that came last before the window")
        }
        return [earlier].compactMap(\.self) + items.filter { $0.index >= place }
    }

    static func incomplete(_ reason: String) -> AssayError {
        AssayError(
            .logInconsistent, "the dossier does not prove all of its window", reason: reason,
            remedy: "have it exported anew")
    }

    /// What was read so far.
    private struct Reading {
        let scope: DossierScope
        let part: Range<Int64>
        /// The first entry that is not before `from`, and the first after `to`.
        var first: Int64?
        var last: Int64?
        var found: [AuditEntry.Kind: [PlacedEntry]] = [:]

        init(_ scope: DossierScope, _ part: Range<Int64>) {
            self.scope = scope
            self.part = part
        }

        mutating func take(_ bytes: ArraySlice<UInt8>, at index: Int64) throws(AssayError) {
            guard last == nil else { throw incomplete("the part of the log goes on behind the window") }
            let entry = try AuditEntry(parsing: Array(bytes))
            if first == nil, scope.from <= entry.at { first = index }
            if first != nil, scope.to < entry.at { last = index }
            let isWanted =
                switch entry.kind {
                case .key: true
                case .alias, .policy: scope.isOfAlias(entry)
                case .version, .attestation, .delete: scope.isOfRepository(entry)
                // The statement that withdraws a version is among the evidence about it.
                case .manifest, .withdrawal: false
                }
            if isWanted { found[entry.kind, default: []].append(PlacedEntry(index: index, entry: entry)) }
        }

        func of(_ kind: AuditEntry.Kind, before end: Int64) -> [PlacedEntry] {
            (found[kind] ?? []).filter { $0.index < end }
        }
    }

    // MARK: What is asked of it

    /// The policy in force before an entry; nil if there was none.
    func policy(before index: Int64) -> Digest? { policies.last { $0.index < index }?.digest(.policy) }

    /// Verdicts that were attached in the window, on whatever alias.
    var verdicts: [PlacedEntry] {
        attestations.filter { window.contains($0.index) && $0.entry.text(.predicateType) == PredicateType.verdict }
    }

    /// Whether a version came under this number and digest.
    func hasVersion(_ number: Int64, _ digest: Digest) -> Bool {
        versions.contains { $0.entry.number(.number) == number && $0.digest(.digest) == digest }
    }

    /// What was attached to a version.
    func evidence(about version: Digest) -> [PlacedEntry] { bySubject[version] ?? [] }
}
