import AssayBundle
import AssayDomain

/// A promotion, or a rollback, as an entry of the audit log tells it: which version of which repository got which
/// alias, by which policy and with which verdict. What a promotion is demanded of is compared with all of it.
struct PromotionRecord: Sendable {
    let repository: RepositoryName
    let alias: AliasName
    let number: VersionNumber
    let digest: Digest
    let policy: Digest
    /// The digest of the signed verdict's bytes.
    let verdict: Digest

    /// Whether an entry is a move that a policy decided.
    static func isOne(_ entry: AuditEntry) -> Bool {
        entry.kind == .alias && entry.text(.cause).flatMap(AliasMove.Cause.init)?.isDecided ?? false
    }

    /// Nil for an entry that is no such move, or does not say all of it.
    init?(_ entry: AuditEntry) {
        guard Self.isOne(entry),
            let repository = entry.text(.repository).flatMap({ try? RepositoryName(parsing: $0) }),
            let alias = entry.text(.alias).flatMap({ try? AliasName(parsing: $0) }),
            let number = entry.number(.to).flatMap({ VersionNumber($0) }),
            let digest = entry.text(.digest).flatMap({ try? Digest(parsing: $0) }),
            let policy = entry.text(.policy).flatMap({ try? Digest(parsing: $0) }),
            let verdict = entry.text(.verdict).flatMap({ try? Digest(parsing: $0) })
        else { return nil }
        self.repository = repository
        self.alias = alias
        self.number = number
        self.digest = digest
        self.policy = policy
        self.verdict = verdict
    }

    /// Whether it is of exactly this version.
    func isOf(_ version: Version) -> Bool {
        repository == version.repository && number == version.number && digest == version.manifestDigest
    }

    /// Throws `signature-invalid` unless a verdict says yes to just this: its version, alias and policy.
    func check(verdict statement: Statement) throws(AssayError) {
        struct Body: Decodable {
            struct Descriptor: Decodable { let digest: [String: String] }
            let verificationResult: String
            let resourceUri: String
            let policy: Descriptor
            let alias: String?

            private enum CodingKeys: String, CodingKey { case verificationResult, resourceUri, policy }

            init(from decoder: any Decoder) throws {
                let standard = try decoder.container(keyedBy: CodingKeys.self)
                verificationResult = try standard.decode(String.self, forKey: .verificationResult)
                resourceUri = try standard.decode(String.self, forKey: .resourceUri)
                policy = try standard.decode(Descriptor.self, forKey: .policy)
                alias = try VerdictField.alias.value(String.self, in: decoder.container(keyedBy: VerdictField.self))
            }
        }
        // What cannot be read is no yes.
        let body = try? JSON.decodeVerbatim(Body.self, from: statement.predicate)
        guard let body, statement.predicateType == PredicateType.verdict, body.verificationResult == "PASSED",
            statement.subjects.contains(where: { $0.digest == digest })
        else { throw fault("it is no yes to \(digest)") }
        guard VerdictField.version(ofResource: body.resourceUri) == Reference(repository, number),
            body.alias == alias.text
        else {
            throw fault(
                "it is of \(Printable.escape(body.resourceUri)) as \(Printable.escape(body.alias ?? "none")), and the "
                    + "log has \(repository):\(number) as \(alias)")
        }
        guard body.policy.digest[policy.algorithm.rawValue] == policy.hex else {
            throw fault("it is by another policy than \(policy)")
        }
    }

    private func fault(_ reason: String) -> AssayError {
        AssayError(.signatureInvalid, "the verdict behind a promotion is not of that promotion", reason: reason)
    }
}
