import AssayBundle
import AssayCrypto
import AssayDomain
import TransparencyLog

/// What a bundle proves to somebody with a trust root, without any registry.
struct BundleProof: Encodable, Sendable {
    /// What must be proven, whatever else is there.
    enum Demand: Sendable, Hashable {
        case signature
        /// Also that the version was promoted: to this alias, or to any.
        case promotion(AliasName?)
    }

    /// A promotion that the log of a trusted key holds, with the verdict behind it.
    struct Promotion: Encodable, Sendable {
        let repository: RepositoryName
        let alias: String
        let index: Int64
        let at: Timestamp
        let policyDigest: Digest
        let verdictDigest: String
    }

    /// Where the time comes from at which keys and certificates had to count.
    enum TimeSource: String, Encodable, Sendable {
        /// An entry that the audit log proves.
        case log
        /// The clock of this machine.
        case clock
    }

    /// The release key, or the authority, whose signature covers exactly the files.
    let signer: String
    /// What ties the manifest to just these files.
    let binding: ManifestBinding
    let evidence: [CheckedEvidence]
    let promotions: [Promotion]
    /// The log that proves the version's repository and number; nil if nothing proves them.
    let origin: String?
    /// Whether a bill of materials is in it, and a trusted registry vouches for its bytes.
    let hasBill: Bool
    /// That a registry withdrew the version and did not let it be used again; nil if none says so in the bundle.
    let withdrawn: Version.Withdrawn?
    let time: Timestamp
    let timeSource: TimeSource

    /// Checks everything that is in a bundle. Fails closed: evidence that is damaged, falsely signed or of something
    /// else refuses the bundle; what an unknown key signed does not count.
    ///
    /// `demandsLog` demands that a trusted log proves the repository and the number that the bundle states, and that
    /// no other log is called upon. Throws `unsigned`, `untrusted-key`, `signature-invalid`, `digest-mismatch`,
    /// `expired`, `manifest-ambiguous`, `manifest-unbound`, `log-inconsistent`, `bundle-invalid`, and
    /// `log-entry-not-found` for a promotion that is demanded.
    static func check(
        _ bundle: OpenBundle, repository: RepositoryName?, root: TrustRoot, demandsLog: Bool, demand: Demand
    ) throws -> BundleProof {
        let stated = bundle.contents.label?.repository ?? repository
        let proofs = try LogProofs(bundle, of: stated, root: root, demandsLog: demandsLog)
        if demandsLog { try proofs.demandLabel() }
        let (time, source) = proofs.time.map { ($0, TimeSource.log) } ?? (.now, .clock)
        let check = try EvidenceCheck(
            repository: stated, manifest: bundle.contents.manifest, root: root, time: time)
        let evidence = try bundle.contents.referrers.compactMap { referrer -> CheckedEvidence? in
            guard let type = referrer.evidenceType else { return nil }
            return check.check(
                try bundle.document(of: referrer), artifactType: type, manifestDigest: referrer.digest)
        }
        if let bad = evidence.first(where: { $0.status == .invalid }) {
            throw AssayError(
                .signatureInvalid, "evidence in the bundle is not valid: \(bad.manifestDigest.short)", reason: bad.fault
            )
        }
        let signer = try signer(among: evidence, of: bundle, check: check)
        let envelopes = try bundle.contents.referrers
            .filter { MediaType.envelopes.contains($0.effectiveArtifactType ?? "") }.map(bundle.document)
        let binding = check.binding(config: try config(of: bundle), envelopes: envelopes)
        try check.require(binding)
        let promotions = try proofs.promotions.compactMap { try Self.promotion($0, evidence: evidence, bundle: bundle) }
        if case .promotion(let alias) = demand {
            guard promotions.contains(where: { alias == nil || $0.alias == alias?.text }) else {
                let isJudged = promotions.count < proofs.promotions.count
                throw AssayError(
                    .logEntryNotFound, "the bundle proves no promotion\(alias.map { " to \($0)" } ?? "")",
                    reason: isJudged ? "one that it holds was decided by no registry key that counts now" : nil,
                    remedy: isJudged
                        ? "promote the version again under the registry's key of today, and export it"
                        : "name a trust root with the log's key, and export the version after it was promoted")
            }
        }
        return BundleProof(
            signer: signer, binding: binding, evidence: evidence, promotions: promotions, origin: proofs.labelOrigin,
            hasBill: try hasBill(bundle, vouchedBy: evidence),
            withdrawn: try withdrawn(check, by: evidence, in: bundle), time: time, timeSource: source)
    }

    /// What the registries that are trusted say of using the version.
    private static func withdrawn(
        _ check: EvidenceCheck, by evidence: [CheckedEvidence], in bundle: OpenBundle
    ) throws -> Version.Withdrawn? {
        let words = try evidence.compactMap { item -> Withdrawal.Word? in
            guard item.status == .valid, item.role == .registry, item.predicateType == PredicateType.withdrawal,
                let signer = item.signer
            else { return nil }
            return Withdrawal.Word(predicate: try statement(item, of: bundle).predicate, signer: signer)
        }
        return Withdrawal.inForce(among: words, of: check.manifest.digest, in: check.repository)
    }

    /// Throws `version-withdrawn` for a version that a registry withdrew.
    func requireInUse(_ name: String) throws(AssayError) {
        if let withdrawn { throw Version.isWithdrawn(name, withdrawn) }
    }

    /// The config of a version that may be of a plain form.
    private static func config(of bundle: OpenBundle) throws -> [UInt8]? {
        guard let config = bundle.contents.manifest.config, PlainForm.isPossible(bundle.contents.manifest) else {
            return nil
        }
        return try bundle.bytes(of: config)
    }

    /// Whether the bundle holds a bill of materials that a trusted registry vouches for. One that none of them vouches
    /// for does not count.
    ///
    /// Throws `signature-invalid` where a bill stands in the place of one that is vouched for.
    private static func hasBill(_ bundle: OpenBundle, vouchedBy evidence: [CheckedEvidence]) throws -> Bool {
        let bills = Set(
            bundle.contents.referrers.filter { $0.effectiveArtifactType == MediaType.cycloneDX }
                .flatMap(\.layers).map(\.digest))
        var vouched: Set<Digest> = []
        for item in evidence
        where item.status == .valid && item.role == .registry && item.predicateType == PredicateType.bill {
            vouched.insert(.sha256(of: try statement(item, of: bundle).predicate))
        }
        guard vouched.isSubset(of: bills) || bills.isSubset(of: vouched) else {
            throw AssayError(
                .signatureInvalid, "the bill of materials in the bundle is not the one that the registry signed")
        }
        return !vouched.isDisjoint(with: bills)
    }

    /// What an envelope that was checked says.
    private static func statement(_ item: CheckedEvidence, of bundle: OpenBundle) throws -> Statement {
        guard let referrer = bundle.contents.referrers.first(where: { $0.digest == item.manifestDigest }) else {
            throw AssayError(.bundleInvalid, "a referrer is missing in the bundle")
        }
        let bytes = try bundle.document(of: referrer)
        let foreign = EvidenceCheck.foreignBundle(bytes, artifactType: referrer.evidenceType ?? "")
        return try DSSEEnvelope(parsing: foreign?.envelope ?? bytes).unverifiedStatement()
    }

    /// What the version is said to be, by provenance of those who are trusted: of the files' signer before a
    /// registry, and of a registry before others.
    func metadata(of bundle: OpenBundle) throws -> VersionMetadata? {
        let provenance = evidence.filter { $0.status == .valid && $0.predicateType == PredicateType.provenance }
        let ranked =
            provenance.filter { $0.signer == signer } + provenance.filter { $0.role == .registry } + provenance
        for item in ranked {
            let statement = try Self.statement(item, of: bundle)
            guard let metadata = try? ProvenancePredicate.decode(statement.predicate).metadata else {
                continue  // What is no SLSA provenance tells nothing.
            }
            if metadata != VersionMetadata() { return metadata }
        }
        return nil
    }

    private static func signer(
        among evidence: [CheckedEvidence], of bundle: OpenBundle, check: EvidenceCheck
    ) throws -> String {
        let signatures = evidence.filter { $0.predicateType == PredicateType.modelSignature }
        if let signer = signatures.first(where: { $0.status == .valid })?.signer { return signer }
        guard let refused = signatures.first else {
            throw AssayError(.unsigned, "the bundle holds no model signature")
        }
        // Checked once more for its own error, which says most.
        for referrer in bundle.contents.referrers where referrer.digest == refused.manifestDigest {
            _ = try check.signer(of: try bundle.document(of: referrer))
        }
        throw AssayError(.untrustedKey, "no trusted key signed the version", reason: refused.fault)
    }

    /// A promotion counts if the verdict that it names is there, by a registry's key, and says yes to just this.
    ///
    /// Nil for one whose verdict is there, by a key that is not trusted or not any more: it proves nothing, and a later
    /// one may. Throws `signature-invalid` for a verdict that is missing or no verdict.
    private static func promotion(
        _ proven: LogProofs.Proven, evidence: [CheckedEvidence], bundle: OpenBundle
    ) throws -> Promotion? {
        guard let record = PromotionRecord(proven.entry) else {
            throw AssayError(
                .logInconsistent, "a promotion in the audit log does not say what was promoted, and by which policy",
                reason: "entry \(proven.index)")
        }
        guard let found = evidence.first(where: { $0.envelopeDigest == record.verdict }),
            found.predicateType == PredicateType.verdict
        else {
            throw AssayError(
                .signatureInvalid, "the verdict behind a promotion is missing",
                reason: "entry \(proven.index) of the audit log names \(record.verdict)",
                remedy: "export the version again: assay bundle export")
        }
        guard found.status == .valid else { return nil }
        try record.check(verdict: try Self.statement(found, of: bundle))
        return Promotion(
            repository: record.repository, alias: record.alias.text, index: proven.index, at: proven.entry.at,
            policyDigest: record.policy, verdictDigest: record.verdict.description)
    }
}

/// The log proofs of a bundle that a trusted log signed.
struct LogProofs {
    struct Proven {
        let entry: AuditEntry
        let index: Int64
        let origin: String
    }

    /// That the version is a version.
    private let versions: [Proven]
    let promotions: [Proven]
    private let label: BundleContents.Label?

    /// `demandsLog`: a proof by a log that the root does not name, and a log's key that does not count, are refused,
    /// and not only passed over.
    ///
    /// `repository` is the one that the bundle is of, if that is known: promotions elsewhere say nothing of it. Throws
    /// as `prove`, and `expired` or `untrusted-key` for the keys.
    init(_ bundle: OpenBundle, of repository: RepositoryName?, root: TrustRoot, demandsLog: Bool) throws {
        let trust = try Self.trust(root, repository: bundle.contents.label?.repository, isDemanded: demandsLog)
        var proven: [Proven] = []
        for referrer in bundle.contents.referrers where referrer.effectiveArtifactType == MediaType.logProof {
            let bytes = try bundle.document(of: referrer)
            do throws(AssayError) {
                proven.append(try Self.prove(bytes, about: bundle.contents.manifest.digest, to: trust))
            } catch {
                // To who demands no log, every log is that of somebody else: it proves nothing, and refutes nothing.
                guard error.code == .untrustedKey, !demandsLog else { throw error }
            }
        }
        self.init(proven, of: repository, label: bundle.contents.label)
    }

    init(_ proven: [Proven], of repository: RepositoryName?, label: BundleContents.Label?) {
        versions = proven.filter { $0.entry.kind == .version }
        // The same files may be promoted in another repository, or be another version; that says nothing of this one.
        promotions = proven.filter {
            $0.entry.kind == .alias && $0.entry.text(.repository) == repository?.text
                && (label == nil || $0.entry.number(.to) == label?.number.value)
        }
        self.label = label
    }

    /// What a proof proves of a version. Throws `untrusted-key` for one by a log that nobody named, and
    /// `signature-invalid` or `log-inconsistent` for one that proves nothing, or something else.
    static func prove(_ bytes: [UInt8], about digest: Digest, to trust: LogTrust) throws(AssayError) -> Proven {
        let proof = try LogProof(parsing: bytes)
        let (entry, opened) = try trust.prove(proof)
        guard entry.text(.digest) == digest.description else {
            throw AssayError(.logInconsistent, "a log proof in the bundle is of something else than the version")
        }
        guard entry.kind == .version || PromotionRecord.isOne(entry) else {
            throw AssayError(.logInconsistent, "a log proof in the bundle is of no version and no promotion")
        }
        return Proven(entry: entry, index: proof.index, origin: opened.checkpoint.origin)
    }

    /// Whether a proof is of a version by its own checkpoint, whether or not the key of that counts: one of some logs,
    /// or whoever signed it where none are given.
    static func isProof(_ bytes: [UInt8], of digest: Digest, byAnyOf logs: [LogTrust.Key]?) -> Bool {
        do {
            let proof = try LogProof(parsing: bytes)
            let checkpoint =
                if let logs {
                    try Checkpoint.open(proof.checkpoint, trusted: logs.map(\.publicKey)).checkpoint
                } else {
                    try Checkpoint(parsing: SignedNote(parsing: proof.checkpoint).text)
                }
            return try proof.entry(provenBy: checkpoint).text(.digest) == digest.description
        } catch {
            return false
        }
    }

    /// The keys of logs that count; none where nobody demands a log and none of those named counts.
    static func trust(
        _ root: TrustRoot, repository: RepositoryName?, isDemanded: Bool
    ) throws(AssayError) -> LogTrust {
        let none = LogTrust(keys: [], isOfRegistry: false)
        do throws(AssayError) {
            return try LogTrust.named(in: root, for: repository) ?? none
        } catch {
            guard !isDemanded else { throw error }
            return none
        }
    }

    /// The latest time that the log proves: when the version was promoted, or else when it came.
    var time: Timestamp? { promotions.map(\.entry.at).max() ?? versions.map(\.entry.at).max() }

    /// The log that proves what the bundle says of itself.
    var labelOrigin: String? {
        guard let label else { return nil }
        return versions.first {
            $0.entry.text(.repository) == label.repository.text && $0.entry.number(.number) == label.number.value
        }?.origin
    }

    /// Throws `unsigned`, and `log-inconsistent` for a bundle that states another name than the log.
    func demandLabel() throws(AssayError) {
        guard let first = versions.first else {
            throw AssayError(
                .unsigned, "no trusted log proves where the bundle's version comes from",
                remedy: "name the trust root of the registry that exported it")
        }
        guard labelOrigin != nil else {
            let proven = "\(first.entry.text(.repository) ?? ""):\(first.entry.number(.number) ?? 0)"
            throw AssayError(
                .logInconsistent, "the bundle says that it is another version than the log proves",
                reason: "the log has it as \(Printable.escape(proven))")
        }
    }
}
