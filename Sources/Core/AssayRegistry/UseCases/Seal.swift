package import AssayDomain

/// Completes the evidence of a version with what can be derived at any time: its bill of materials, and proofs that it
/// and its promotions are in the audit log. So a bundle of it proves itself.
package struct Seal: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let log: any AuditLog
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// The most referrers of one kind that are looked through.
    private static let referrersMax = 1_000

    private var reader: ReadEvidence { ReadEvidence(blobs: blobs, index: index, evidence: evidence) }
    private var writer: WriteEvidence { WriteEvidence(blobs: blobs, evidence: evidence) }

    /// The bill of materials as it stands now (CycloneDX 1.6). Throws as `Catalog.version`.
    package func bill(of reference: Reference) async throws -> [UInt8] {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        return try await bill(of: version, manifest)
    }

    /// Attaches what is missing; gives how many documents that were. Safe to repeat; `SealQueue` has it run once at a
    /// time.
    ///
    /// A bill comes with a statement of it, so that somebody vouches for its bytes. It is made anew only if evidence
    /// came after the last one, or no statement is of that; a proof that the version is a version only if
    /// no log proves it under its name: so what was brought here from elsewhere stays as it was there.
    package func callAsFunction(_ reference: Reference) async throws -> Int {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        var made = 0
        if try await needsBill(manifest, in: version.repository) {
            let bill = try await bill(of: version, manifest)
            made += try await attach(bill, type: MediaType.cycloneDX, [:], to: manifest, in: version.repository)
            let (_, statement) = try await writer.attest(
                bill, as: PredicateType.bill, about: manifest, name: "\(version.reference)")
            made += try await attach(statement, to: manifest, in: version.repository)
        }
        let proofs = try await referrers(of: manifest, type: MediaType.logProof, in: version.repository)
        let origin = String(decoding: log.head.checkpoint.prefix { $0 != 0x0A }, as: UTF8.self)
        for entryIndex in try await index.logIndexes(of: version.number, in: version.repository) {
            guard let bytes = try await log.entries(from: entryIndex, limit: 1).first else { continue }
            let entry = try AuditEntry(parsing: bytes)
            let isProven = proofs.contains { annotations in
                let isSame =
                    annotations[Annotation.logOrigin] == origin
                    && annotations[Annotation.logIndex] == String(entryIndex)
                let isOfVersion =
                    annotations[Annotation.logKind] == AuditEntry.Kind.version.rawValue
                    && annotations[Annotation.logSubject] == "\(version.reference)"
                return isSame || entry.kind == .version && isOfVersion
            }
            guard !isProven else { continue }
            made += try await attach(
                try await log.proof(of: entryIndex), type: MediaType.logProof,
                [
                    Annotation.logOrigin: origin, Annotation.logIndex: String(entryIndex),
                    Annotation.logKind: entry.kind.rawValue, Annotation.logSubject: "\(version.reference)",
                ], to: manifest, in: version.repository)
        }
        return made
    }

    // MARK: Bills of materials

    private func bill(of version: Version, _ manifest: Manifest) async throws -> [UInt8] {
        let statements = try await reader.statements(about: manifest.digest, in: version.repository)
        var sources: [LineageSource] = []
        var reports: [VerificationReport] = []
        for statement in statements {
            if statement.predicateType == PredicateType.provenance,
                let provenance = try? evidence.provenance(statement.predicate)  // A malformed one tells nothing.
            {
                sources += provenance.sources.filter { !sources.contains($0) }
            }
            // One that cannot be read tells nothing.
            if statement.signer.role == .registry, let report = try? ReadEvidence.report(in: statement) {
                // The newest measurement on a dataset is the one that is told.
                reports.removeAll { $0.dataset == report.dataset }
                reports.append(report)
            }
        }
        return try evidence.bill(
            of: version, files: try evidence.files(of: manifest), sources: sources, reports: reports)
    }

    private func needsBill(_ manifest: Manifest, in repository: RepositoryName) async throws -> Bool {
        let told = [PredicateType.provenance, PredicateType.verificationReport]
        let signed = try await reader.unverifiedStatements(about: manifest.digest, in: repository)
            .filter { $0.predicateType == PredicateType.bill }.map { try referrer(ofBill: $0.predicate, to: manifest) }
        let newest = try await index.attestations(of: manifest.digest, in: repository)
            .last { $0.predicateType.map(told.contains) ?? false }
        var cursor: Int64?
        var isBilled = false
        // In the order in which they came.
        repeat {
            let page = try await index.referrers(
                of: manifest.digest, in: repository, artifactType: nil, after: cursor, limit: Self.referrersMax)
            for referrer in page.items {
                if signed.contains(referrer.digest) { isBilled = true }
                if referrer.digest == newest?.manifestDigest { isBilled = false }
            }
            cursor = page.next.flatMap { Int64($0) }
        } while cursor != nil
        return !isBilled
    }

    /// The digest of the referrer that carries a bill.
    private func referrer(ofBill bill: [UInt8], to manifest: Manifest) throws -> Digest {
        let record = BlobRecord(digest: evidence.digest(of: bill), size: Int64(bill.count))
        return evidence.digest(
            of: try evidence.documentReferrer(
                record, type: MediaType.cycloneDX, annotations: [:], subject: manifest.descriptor))
    }

    // MARK: Referrers

    /// The annotations of a manifest's referrers of a type.
    private func referrers(
        of manifest: Manifest, type: String, in repository: RepositoryName
    ) async throws -> [[String: String]] {
        try await index.referrers(
            of: manifest.digest, in: repository, artifactType: type, after: nil, limit: Self.referrersMax
        ).items.map { $0.annotations ?? [:] }
    }

    private func attach(
        _ document: [UInt8], type: String, _ annotations: [String: String], to manifest: Manifest,
        in repository: RepositoryName
    ) async throws -> Int {
        let attachment = try await writer.attach(
            document: document, type: type, annotations: annotations, to: manifest)
        return try await attach(attachment, to: manifest, in: repository)
    }

    private func attach(
        _ attachment: Attachment, to manifest: Manifest, in repository: RepositoryName
    ) async throws -> Int {
        try await index.attach(
            attachment, to: manifest.digest, in: repository, origin: nil, actor: Principal.registry.name,
            at: clock.now())
        return 1
    }
}
