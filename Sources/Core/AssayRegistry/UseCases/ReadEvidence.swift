import AssayDomain

/// Reads signed evidence from the store and believes none of it before its signature, subject and bytes are checked.
///
/// Whose signatures count is the trust root's to say: by role, for the repository, and at the time when the registry
/// recorded the evidence. So a key that has expired since still speaks for what was recorded before, and a revoked one
/// for nothing.
struct ReadEvidence: Sendable {
    /// The most bytes of one signature bundle or envelope.
    static let envelopeBytesMax: Int64 = 16 << 20
    /// The most bytes of one model signature.
    static let signatureBytesMax: Int64 = 4 << 20
    /// From how many attached signatures and statements on nothing is decided about a version: the index gives no more.
    static let attachedMax = 10_000

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    /// What was read before, so that everything that is decided together rests on one state of the index.
    var known: Known?

    struct Known: Sendable {
        let root: TrustRoot
        let subject: Digest
        /// Signed statements about the subject.
        let attestations: [AttestationRecord]
    }

    // MARK: The registry's own statements

    /// The report in an envelope that a trusted registry key signed for this subject.
    /// Throws `digest-mismatch`, `signature-invalid`, `untrusted-key`, `blob-not-found`.
    func report(envelope digest: Digest, of subject: VerificationReport.Subject, at time: Timestamp) async throws
        -> VerificationReport
    {
        let statement = try await registryStatement(digest, by: try await root(), for: subject.repository, at: time)
        guard statement.subjects == [subject.digest], let report = try Self.report(in: statement) else {
            throw AssayError(
                .signatureInvalid, "the envelope \(digest) is no verification report of \(subject.digest)")
        }
        guard report.subject.digest == subject.digest else {
            throw AssayError(.signatureInvalid, "the report in \(digest) speaks of another version")
        }
        return report
    }

    /// The policy by which a verdict in an envelope was given. Throws as `report(envelope:of:at:)`.
    func policy(
        ofVerdict digest: Digest, on subject: Digest, in repository: RepositoryName, at time: Timestamp
    ) async throws -> Digest? {
        let statement = try await registryStatement(digest, by: try await root(), for: repository, at: time)
        guard statement.predicateType == PredicateType.verdict, statement.subjects == [subject] else { return nil }
        let verdict = try JSON.decodeVerbatim(VerdictPolicy.self, from: statement.predicate)
        return try verdict.policy.digest[Digest.Algorithm.sha256.rawValue].map { try Digest(parsing: "sha256:\($0)") }
    }

    private func registryStatement(
        _ digest: Digest, by root: TrustRoot, for repository: RepositoryName, at time: Timestamp
    ) async throws -> VerifiedStatement {
        try evidence.openStatement(
            try await content(of: digest), trusted: root.keys(.registry, for: repository, at: time))
    }

    /// The requirements that the verdict behind a move passed as waived; nil if there are none.
    ///
    /// A verdict that is gone or no longer counts tells nothing: it is a history that is read, not a decision.
    func waivedRequirements(of move: AliasMove, by root: TrustRoot) async throws -> [String]? {
        guard let digest = move.verdictDigest else { return nil }
        do {
            let statement = try await registryStatement(digest, by: root, for: move.repository, at: move.at)
            guard statement.predicateType == PredicateType.verdict else { return nil }
            let verdict = try JSON.decodeVerbatim(VerdictOutcomes.self, from: statement.predicate)
            let waived = verdict.outcomes.filter { $0.status == .waived }.map(\.requirement)
            return waived.isEmpty ? nil : waived
        } catch let error as AssayError where error.code.kind != .storage {
            return nil
        }
    }

    /// The part of a verdict that names its policy.
    private struct VerdictPolicy: Decodable {
        let policy: Verdict.PolicyDescriptor
    }

    /// The part of a verdict that says what became of each requirement.
    private struct VerdictOutcomes: Decodable {
        let outcomes: [RequirementOutcome]

        init(from decoder: any Decoder) throws {
            outcomes =
                try VerdictField.outcomes.required(
                    [RequirementOutcome].self, in: decoder.container(keyedBy: VerdictField.self))
        }
    }

    /// The report that a statement holds; nil if it holds something else, or a report of another format.
    static func report(in statement: VerifiedStatement) throws -> VerificationReport? {
        guard statement.predicateType == PredicateType.verificationReport else { return nil }
        let report = try JSON.decode(VerificationReport.self, from: statement.predicate)
        return report.format == VerificationReport.formatVersion ? report : nil
    }

    // MARK: Statements about a version

    /// Statements about exactly this manifest by trusted keys of any role but a log's, oldest first.
    ///
    /// What cannot be read, is of another subject, or is signed by nobody who is trusted does not count. The same words
    /// by the same key stand where they were recorded first, in whatever envelope and whether or not they counted then:
    /// attached once more, old evidence does not become new. Throws `too-many-entries` as `distinct`.
    func statements(about subject: Digest, in repository: RepositoryName) async throws -> [VerifiedStatement] {
        let root = try await root()
        var statements: [VerifiedStatement] = []
        var said: Set<Saying> = []
        for record in try await envelopes(of: subject, in: repository) {
            let trusted = [TrustedKey.Role.registry, .training, .release, .evaluation].flatMap {
                root.keys($0, for: repository, at: record.createdAt)
            }
            do {
                let envelope = evidence.envelope(in: try await content(of: record.envelope.digest))
                let content = try evidence.readStatement(envelope)
                guard content.subjects.contains(subject) else { continue }
                let ids = try speakers(of: envelope, among: root)
                let new = Set(
                    ids.map { Saying(statement: content, signer: $0) }.filter { said.insert($0).inserted })
                // Each who signed says it: whoever put two signatures into one envelope hides neither.
                for key in trusted where new.contains(Saying(statement: content, signer: key.id)) {
                    guard key.role == .registry || !PredicateType.ofRegistry.contains(content.predicateType) else {
                        continue
                    }
                    var statement = try evidence.openStatement(envelope, trusted: [key])
                    (statement.recordedAt, statement.envelope) = (record.createdAt, record.envelope.digest)
                    statements.append(statement)
                }
            } catch let error as AssayError where error.code.kind != .storage {
                continue
            }
        }
        return statements
    }

    /// Statements of figures by keys that are known and do not count, with why: for people alone.
    func uncountedFigures(about subject: Digest, in repository: RepositoryName) async throws -> [Evidence.Uncounted] {
        let root = try await root()
        var found: [Evidence.Uncounted] = []
        for record in try await envelopes(of: subject, in: repository) {
            do {
                let envelope = evidence.envelope(in: try await content(of: record.envelope.digest))
                let content = try evidence.readStatement(envelope)
                guard content.predicateType == PredicateType.figures, content.subjects.contains(subject) else {
                    continue
                }
                let signers = Set(try speakers(of: envelope, among: root))
                for key in root.keys where signers.contains(key.id) && key.role != .log {
                    guard let reason = Self.refusal(of: key, for: repository, at: record.createdAt) else { continue }
                    found.append(
                        Evidence.Uncounted(predicate: content.predicate, signer: key.id, reason: reason))
                }
            } catch let error as AssayError where error.code.kind != .storage {
                continue
            }
        }
        return found
    }

    /// Why a key does not speak for a repository at a time; nil if it does.
    private static func refusal(of key: TrustedKey, for repository: RepositoryName, at time: Timestamp) -> String? {
        if let revoked = key.revokedAt { return "was revoked as of \(revoked)" }
        if let until = key.validUntil, until < time { return "had ended at \(until) when that was recorded" }
        if let from = key.validFrom, time < from { return "counted only from \(from) on when that was recorded" }
        return key.covers(repository) ? nil : "does not speak for \(repository)"
    }

    /// Ids of the keys, of any time, that signed an envelope: those that it names, and one that it does not.
    ///
    /// Throws `signature-invalid` for an envelope that names a known key falsely.
    private func speakers(of envelope: [UInt8], among root: TrustRoot) throws -> [String] {
        let named = try evidence.claims(ofEnvelope: envelope, known: root.keys).compactMap { claim -> String? in
            if case .key(let id) = claim { id } else { nil }
        }
        let known = root.keys.filter { $0.role != .log }
        // Signed by nobody who is known: nobody said it yet.
        guard let found = try? evidence.openStatement(envelope, trusted: known).signer.id else { return named }
        return named.contains(found) ? named : named + [found]
    }

    /// Words as one key says them.
    private struct Saying: Hashable {
        let statement: VerifiedStatement.Statement
        let signer: String
    }

    /// What statements about a manifest say, whoever signed them.
    func unverifiedStatements(
        about subject: Digest, in repository: RepositoryName
    ) async throws -> [VerifiedStatement.Statement] {
        var statements: [VerifiedStatement.Statement] = []
        for record in try await envelopes(of: subject, in: repository) {
            do {
                statements.append(try evidence.readStatement(try await content(of: record.envelope.digest)))
            } catch let error as AssayError where error.code.kind != .storage {
                continue
            }
        }
        return statements.filter { $0.subjects.contains(subject) }
    }

    /// The waivers for exactly what is decided on among checked statements that have not expired at a time.
    func waivers(
        in statements: [VerifiedStatement], for scope: Waiver.Scope, at time: Timestamp
    ) -> [Evidence.SignedWaiver] {
        statements.compactMap { statement in
            guard statement.predicateType == PredicateType.waiver, statement.signer.role != .evaluation,
                // What cannot be read waives nothing.
                let waiver = try? Waiver.parse(statement.predicate), waiver.scope == scope, time < waiver.expiresAt
            else { return nil }
            return Evidence.SignedWaiver(waiver: waiver, signer: statement.signer.id, role: statement.signer.role)
        }
    }

    /// What keeps a version from being used, among checked statements: the word of a registry that is trusted here.
    func withdrawal(
        of subject: Digest, in repository: RepositoryName, among statements: [VerifiedStatement]
    ) -> Version.Withdrawn? {
        let words = statements.filter { $0.predicateType == PredicateType.withdrawal && $0.signer.role == .registry }
        return Withdrawal.inForce(
            among: words.map { .init(predicate: $0.predicate, signer: $0.signer.id) }, of: subject, in: repository)
    }

    /// The relations that the newest provenance of each signer among checked statements tells, each with one who says
    /// so.
    func relations(in statements: [VerifiedStatement]) throws -> [LineageRelation: String] {
        var relations: [LineageRelation: String] = [:]
        for (signer, provenance) in newestProvenance(in: statements) {
            for relation in provenance.relations { relations[relation] = relations[relation] ?? signer }
        }
        return relations
    }

    /// What the newest provenance of each signer among checked statements tells that a version came from in a way. What
    /// the registry signed for a pusher without a key is that pusher's word, and chooses nothing.
    func sources(of relation: LineageRelation, in statements: [VerifiedStatement]) throws -> [LineageSource] {
        newestProvenance(in: statements.filter { $0.signer.role != .registry }).flatMap {
            $0.provenance.sources.filter { $0.relation == relation }
        }
    }

    /// A key for figures tells no lineage, and what cannot be read tells nothing.
    private func newestProvenance(
        in statements: [VerifiedStatement]
    ) -> [(signer: String, provenance: Provenance)] {
        var newest: [String: VerifiedStatement] = [:]
        for statement in statements
        where statement.predicateType == PredicateType.provenance && statement.signer.role != .evaluation {
            newest[statement.signer.id] = statement
        }
        return newest.sorted { $0.key < $1.key }.compactMap { signer, statement in
            (try? evidence.provenance(statement.predicate)).map { (signer, $0) }
        }
    }

    private func envelopes(of subject: Digest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        try await distinct(of: subject, in: repository).filter { $0.envelope.size <= Self.envelopeBytesMax }
    }

    /// All evidence about a manifest in the order in which it came, the same bytes once.
    ///
    /// None of it is left out for being too much: whoever may push could bury a no so, or a yes. Throws
    /// `too-many-entries` where there is more than is looked at; then nothing is decided.
    private func distinct(of subject: Digest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        let all = try await attestations(of: subject, in: repository)
        guard all.count < Self.attachedMax else {
            throw AssayError(
                .tooManyEntries, "over \(Self.attachedMax - 1) signatures and statements are attached to \(subject)",
                reason: "nothing is decided by a part of them",
                remedy: "delete those that nobody needs: they are the referrers of the version")
        }
        var seen: Set<Digest> = []
        return all.filter { seen.insert($0.envelope.digest).inserted }
    }

    // MARK: Manifests

    /// What ties a manifest to its files, by checked statements about it.
    func binding(of manifest: Manifest, by statements: [VerifiedStatement]) async throws -> ManifestBinding {
        var config: [UInt8]?
        if let descriptor = manifest.config, evidence.canBePlain(manifest) {
            do {
                config = try await content(of: descriptor.digest)
            } catch let error as AssayError where error.code.kind != .storage {
                config = nil  // A config that is gone or damaged makes no form; that content is missing is told apart.
            }
        }
        return evidence.binding(of: manifest, config: config, statements: statements)
    }

    // MARK: Model signatures

    /// Ids of the trusted release keys whose signature over exactly the version's files is valid.
    /// `bundles` are the digests of what they signed with.
    func signers(
        of manifest: Manifest, in repository: RepositoryName
    ) async throws -> (ids: [String], bundles: [Digest], fault: String?) {
        let root = try await root()
        let bundles = try await bundles(of: manifest, in: repository)
        let files = try evidence.files(of: manifest)
        var ids: [String] = []
        var counted: [Digest] = []
        var fault = bundles.isEmpty ? Policy.noSignature : nil
        for bundle in bundles {
            do {
                let bytes = try await content(of: bundle.envelope.digest)
                let id = try evidence.signer(
                    ofModelSignature: bytes, over: files,
                    trusted: root.keys(.release, for: repository, at: bundle.createdAt) + root.revoked
                        + root.outOfTime(.release, for: repository, at: bundle.createdAt),
                    at: bundle.createdAt)
                if !ids.contains(id) { ids.append(id) }
                counted.append(bundle.envelope.digest)
            } catch let error as AssayError {
                fault =
                    switch error.code {
                    case .untrustedKey where error.message == TrustedKey.revokedText: "by a key that was revoked"
                    case .untrustedKey: "by a key that is not trusted"
                    case .expired: error.reason ?? error.message
                    default: error.message
                    }
            }
        }
        return (ids, counted, ids.isEmpty ? fault : nil)
    }

    /// What the registry trusts.
    func root() async throws -> TrustRoot {
        if let known { return known.root }
        return TrustRoot(keys: try await index.trustedKeys())
    }

    private func attestations(of subject: Digest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        if let known, known.subject == subject { return known.attestations }
        return try await index.attestations(of: subject, in: repository)
    }

    private func bundles(of manifest: Manifest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        try await distinct(of: manifest.digest, in: repository).filter {
            $0.artifactType == MediaType.sigstoreBundle && $0.envelope.size <= Self.signatureBytesMax
        }
    }

    /// The bytes of an envelope. Throws `digest-mismatch`, `blob-not-found`, `body-too-large`.
    func content(of digest: Digest) async throws -> [UInt8] {
        let bytes = try await blobs.content(of: digest, bytesMax: Self.envelopeBytesMax)
        guard evidence.digest(of: bytes, algorithm: digest.algorithm) == digest else {
            throw AssayError(.digestMismatch, "the stored bytes of \(digest) are damaged")
        }
        return bytes
    }
}
