/// Where a movable name points now.
package struct Alias: Sendable, Hashable, Codable {
    package let repository: RepositoryName
    package let name: AliasName
    package let version: VersionNumber
    /// The digest of the version, where several repositories are asked about; else nil.
    package var manifestDigest: Digest?
    package let movedAt: Timestamp
    /// The digest of the policy that protects it; nil if any pusher may move it.
    package let policyDigest: Digest?
    /// How the version stands under that policy; nil if there is none.
    package let standing: Standing?
    /// Whether its version is withdrawn; nil if not.
    package var isWithdrawn: Bool?

    /// What is said of an alias whose version the policy in force did not promote.
    package static let notPromotedText = "not promoted"

    /// How the version that a protected alias points to stands under the policy in force.
    package enum Standing: String, Sendable, Hashable, Codable {
        /// The last move of the alias was a promotion by just this policy.
        case promoted
        /// It got there in another way than by a policy.
        case undecided
        /// It was promoted by another policy.
        case otherPolicy = "other-policy"
        /// It was promoted before manifests had to be bound to their files, and nothing binds its own.
        case unbound
    }

    package init(
        repository: RepositoryName, name: AliasName, version: VersionNumber, movedAt: Timestamp, policyDigest: Digest?,
        standing: Standing? = nil
    ) {
        self.repository = repository
        self.name = name
        self.version = version
        self.movedAt = movedAt
        self.policyDigest = policyDigest
        self.standing = standing
    }
}

/// One entry of an alias's history, kept for ever.
package struct AliasMove: Sendable, Hashable, Codable {
    package enum Cause: String, Sendable, Codable, CaseIterable {
        /// A plain move of an unprotected alias, an OCI tag push included.
        case set
        /// A move that a policy decided.
        case promotion
        /// A move back to a version that held the alias by a promotion, decided by what the policy asks of such a one.
        case rollback
        case removal

        /// Whether a policy decided it, with a signed verdict.
        package var isDecided: Bool { self == .promotion || self == .rollback }
    }

    package let repository: RepositoryName
    package let name: AliasName
    /// Counts all moves of the store, so that history has one order whatever the clock does.
    package let sequence: Int64
    package let from: VersionNumber?
    package let to: VersionNumber?
    package let cause: Cause
    package let at: Timestamp
    package let actor: String
    /// The digest of the signed verdict behind a promotion or a rollback.
    package let verdictDigest: Digest?
    /// Why the alias went back; nil but for a rollback.
    package let reason: String?
    /// The requirements that were waived for a promotion; nil where none were, or nobody looked.
    package var waived: [String]?

    package init(
        repository: RepositoryName, name: AliasName, sequence: Int64, from: VersionNumber?, to: VersionNumber?,
        cause: Cause, at: Timestamp, actor: String, verdictDigest: Digest?, reason: String? = nil
    ) {
        self.repository = repository
        self.name = name
        self.sequence = sequence
        self.from = from
        self.to = to
        self.cause = cause
        self.at = at
        self.actor = actor
        self.verdictDigest = verdictDigest
        self.reason = reason
    }
}
