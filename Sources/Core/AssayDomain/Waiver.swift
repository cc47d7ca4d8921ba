/// A signed word that a version may hold an alias although it misses one requirement: for a reason, until a time.
///
/// The predicate of a statement whose subject is the version. Format: docs/formats/attestations.md.
package struct Waiver: Sendable, Hashable, Codable {
    package static let reasonBytesMax = 1_000
    /// What nobody can waive: a version that is not signed or not there has nothing that could be answered for.
    package static let unwaivable: Set<String> = ["signature", "manifest", "content"]

    package let alias: AliasName
    /// As the table of a promotion names it: `latency.p50.ratio`.
    package let requirement: String
    package let reason: String
    package let expiresAt: Timestamp

    package init(alias: AliasName, requirement: String, reason: String, expiresAt: Timestamp) {
        self.alias = alias
        self.requirement = requirement
        self.reason = reason
        self.expiresAt = expiresAt
    }

    /// Throws `request-invalid` for a waiver that could never count.
    package func check() throws(AssayError) {
        guard !requirement.isEmpty, !Self.unwaivable.contains(requirement) else {
            throw AssayError(
                .requestInvalid, "the requirement \(Printable.quote(requirement)) cannot be waived",
                remedy: "name one of the table of: assay policy check NAME:3 ALIAS")
        }
        guard !reason.isEmpty, reason.utf8.count <= Self.reasonBytesMax else {
            throw AssayError(
                .requestInvalid, "a waiver needs a reason of at most \(Self.reasonBytesMax) bytes")
        }
    }
}
