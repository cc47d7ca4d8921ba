import AssayDomain

/// What a dossier is about: one alias, from one moment to another, both of them included.
struct DossierScope: Codable, Sendable, Hashable {
    let repository: RepositoryName
    let alias: AliasName
    let from: Timestamp
    let to: Timestamp

    var reference: Reference { Reference(repository, alias) }

    /// Whether an entry of the audit log is about the alias.
    func isOfAlias(_ entry: AuditEntry) -> Bool {
        [.alias, .policy].contains(entry.kind) && isOfRepository(entry)
            && Self.same(entry.text(.alias), alias.text)
    }

    func isOfRepository(_ entry: AuditEntry) -> Bool { Self.same(entry.text(.repository), repository.text) }

    /// Whether two texts have the same bytes: one that only looks the same is another one.
    static func same(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return false }
        return left.utf8.elementsEqual(right.utf8)
    }
}
