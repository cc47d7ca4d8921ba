import AssayBundle
import AssayDomain

/// One document about a version, read and checked as of when the log has it.
struct DossierEvidence {
    let item: PlacedEntry
    let digest: Digest
    let status: Dossier.EvidenceRecord.Status
    /// The trusted key that signed, and what it is trusted as.
    var signer: String?
    var role: TrustedKey.Role?
    /// Why it does not count.
    var fault: String?
    /// What it says; nil for a signature over files, and for what cannot be read.
    var statement: Statement?

    var type: String { statement?.predicateType ?? item.entry.text(.predicateType) ?? "" }
    var isValid: Bool { status == .valid }

    /// Whether a key of a registry says it that counted then.
    var isOfRegistry: Bool { isValid && role == .registry }

    /// What the statement says, whether or not that counts.
    var result: StatementWord.Result?

    var record: Dossier.EvidenceRecord {
        Dossier.EvidenceRecord(
            entry: item.index, at: item.at, type: type, digest: digest, status: status, signer: signer, role: role,
            result: result)
    }

    /// Reads the document of an entry; nil for an entry that names none.
    ///
    /// `manifest` is that of the version; nil if it is gone: a signature over its files says nothing then. Keys count
    /// by `root` as of the time of the entry.
    static func read(
        _ item: PlacedEntry, of manifest: Manifest?, scope: DossierScope, root: TrustRoot,
        from sources: inout DossierSources
    ) throws -> DossierEvidence? {
        guard let digest = item.digest(.envelope) else { return nil }
        guard let bytes = try sources.document(digest, of: item.index) else {
            let isDeleted = sources.log.ended.contains(item.index)
            return DossierEvidence(item: item, digest: digest, status: isDeleted ? .deleted : .missing)
        }
        let type = item.entry.text(.artifactType) ?? ""
        let envelope = EvidenceCheck.foreignBundle(bytes, artifactType: type)?.envelope ?? bytes
        let statement = try? DSSEEnvelope(parsing: envelope).unverifiedStatement()  // Else it says nothing.
        let check = manifest.flatMap { manifest in
            // A manifest of which nobody can make files is no version's: then nothing says what was signed.
            try? EvidenceCheck(repository: scope.repository, manifest: manifest, root: root, time: item.at)
        }
        guard let check else {
            let signer = signer(of: envelope, item, scope: scope, root: root)
            return DossierEvidence(
                item: item, digest: digest, status: signer == nil ? .unchecked : .valid, signer: signer?.id,
                role: signer?.role, statement: statement,
                result: statement.map {
                    StatementWord.of($0.predicate, type: $0.predicateType, subject: item.digest(.subject) ?? digest)
                        .result
                })
        }
        let checked = check.check(
            bytes, artifactType: type, manifestDigest: item.digest(.digest) ?? digest, createdAt: item.at)
        let status: Dossier.EvidenceRecord.Status =
            switch checked.status {
            case .valid: .valid
            case .untrusted: .untrusted
            case .invalid: .invalid
            }
        return DossierEvidence(
            item: item, digest: digest, status: status, signer: checked.signer, role: checked.role,
            fault: checked.fault, statement: statement, result: checked.result)
    }

    /// Who signed a statement about a version whose manifest is gone, by the digest that the log has of it; nil if no
    /// key that counted then did.
    private static func signer(
        of envelope: [UInt8], _ item: PlacedEntry, scope: DossierScope, root: TrustRoot
    ) -> TrustedKey? {
        let roles: [TrustedKey.Role] = [.registry, .training, .release, .evaluation]
        let keys = roles.flatMap { root.keys($0, for: scope.repository, at: item.at) }
        // What cannot be opened was signed by nobody who counts.
        guard let signers = try? TrustedSigners(keys), let opened = try? signers.open(envelope),
            opened.statement.subjects.contains(where: { $0.digest == item.digest(.subject) }),
            opened.signer.role == .registry || !PredicateType.ofRegistry.contains(opened.statement.predicateType)
        else { return nil }
        return opened.signer
    }
}

/// What a verdict says, so far as it is read here.
struct DossierVerdict: Decodable {
    private struct Descriptor: Decodable { let digest: [String: String] }

    private struct Rollback: Decodable { let reason: String? }

    private enum CodingKeys: String, CodingKey { case resourceUri, policy }

    private let resourceUri: String
    private let policy: Descriptor?
    private let alias: String?
    let outcomes: [RequirementOutcome]
    let rollbackReason: String?

    init(from decoder: any Decoder) throws {
        let standard = try decoder.container(keyedBy: CodingKeys.self)
        resourceUri = try standard.decode(String.self, forKey: .resourceUri)
        policy = try standard.decodeIfPresent(Descriptor.self, forKey: .policy)
        let own = try decoder.container(keyedBy: VerdictField.self)
        alias = try VerdictField.alias.value(String.self, in: own)
        outcomes = try VerdictField.outcomes.value([RequirementOutcome].self, in: own) ?? []
        rollbackReason = try VerdictField.rollback.value(Rollback.self, in: own)?.reason
    }

    /// Nil for a statement that is no verdict of a registry such as this one.
    init?(_ statement: Statement?) {
        guard let statement, statement.predicateType == PredicateType.verdict,
            let verdict = try? JSON.decodeVerbatim(DossierVerdict.self, from: statement.predicate)
        else { return nil }
        self = verdict
    }

    var policyDigest: Digest? {
        policy?.digest["sha256"].flatMap { try? Digest(parsing: "sha256:\($0)") }  // Else it names no policy of ours.
    }

    /// The number of the version, if it is of the repository; nil for a verdict on something else.
    func number(on scope: DossierScope) -> Int64? {
        guard DossierScope.same(alias, scope.alias.text),
            let reference = VerdictField.version(ofResource: resourceUri), reference.repository == scope.repository,
            case .tag(.number(let number)) = reference.selector
        else { return nil }
        return number.value
    }
}
