/// A signed word that a version may hold an alias although it misses one requirement: for a reason, until a time.
///
/// The predicate of a statement whose subject is the version. It names all that it is for, so that it waives nothing
/// anywhere else: not in another repository, for another version or alias, nor under another policy. Format:
/// docs/formats/attestations.md.
package struct Waiver: Sendable, Hashable, Codable {
    /// What nobody can waive: a version that is not signed, not there or not bound to what was signed has nothing that
    /// could be answered for; and what is withdrawn is reinstated first.
    package static let unwaivable: Set<String> = ["signature", "manifest", "content", "withdrawal"]

    /// What a waiver is for, and what a decision is about.
    package struct Scope: Sendable, Hashable {
        package let repository: RepositoryName
        /// Of the version's manifest.
        package let version: Digest
        package let alias: AliasName
        package let policy: Digest

        package init(repository: RepositoryName, version: Digest, alias: AliasName, policy: Digest) {
            self.repository = repository
            self.version = version
            self.alias = alias
            self.policy = policy
        }
    }

    package let repository: RepositoryName
    package let version: Digest
    package let alias: AliasName
    /// The policy that has the requirement.
    package let policy: Digest
    /// As the table of a promotion names it: `latency.p50.ratio`.
    package let requirement: String
    package let reason: String
    package let expiresAt: Timestamp

    package init(scope: Scope, requirement: String, reason: String, expiresAt: Timestamp) {
        repository = scope.repository
        version = scope.version
        alias = scope.alias
        policy = scope.policy
        self.requirement = requirement
        self.reason = reason
        self.expiresAt = expiresAt
    }

    package var scope: Scope { Scope(repository: repository, version: version, alias: alias, policy: policy) }

    private static let shape = KeyShape.object([
        "repository": .value, "version": .value, "alias": .value, "policy": .value, "requirement": .value,
        "reason": .value, "expires_at": .value,
    ])

    /// Reads a predicate, which has exactly the keys of a waiver. Throws `json-invalid`, and as `check`.
    package static func parse(_ predicate: [UInt8]) throws -> Waiver {
        if let fault = shape.fault(in: try JSONValue(parsing: predicate)) {
            throw AssayError(.jsonInvalid, "the waiver cannot be read", reason: fault.message, remedy: fault.remedy)
        }
        let waiver = try JSON.decode(Waiver.self, from: predicate)
        try waiver.check()
        return waiver
    }

    /// Throws `request-invalid` for a waiver that could never count.
    package func check() throws(AssayError) { try Self.check(requirement: requirement, reason: reason) }

    /// As `check` of a waiver of this requirement, for this reason.
    package static func check(requirement: String, reason: String) throws(AssayError) {
        guard !requirement.isEmpty, !Self.unwaivable.contains(requirement) else {
            throw AssayError(
                .requestInvalid, "the requirement \(Printable.quote(requirement)) cannot be waived",
                remedy: "name one of the table of: assay policy check NAME:NUMBER ALIAS")
        }
        try Reason.check(reason, of: "a waiver")
    }

    /// Throws `request-invalid` unless a policy could ever show the requirement, and lets somebody waive.
    package func check(against policy: Policy) throws(AssayError) {
        let names = policy.requirements
        guard names.contains(where: { $0.utf8.elementsEqual(requirement.utf8) }) else {
            let near = Suggestion.nearest(to: requirement, among: names)
            throw AssayError(
                .requestInvalid,
                "the policy of \(repository):\(alias) has no requirement \(Printable.quote(requirement, limit: 80))",
                reason: "it has \(Printable.escape(names.joined(separator: ", "), limit: 1_000))",
                remedy: near.map { "did you mean '\(Printable.escape($0))'?" }
                    ?? "name one of the table of: assay policy check \(repository)@\(version) \(alias)")
        }
        guard policy.waivers != nil else {
            throw AssayError(
                .requestInvalid, "the policy of \(repository):\(alias) lets nobody waive",
                remedy: "set one that names in waivers who may")
        }
    }
}
