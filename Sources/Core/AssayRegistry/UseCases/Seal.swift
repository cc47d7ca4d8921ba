package import AssayDomain

/// Completes the evidence of a version with what can be derived at any time: its bill of materials, and proofs that it
/// and its promotions are in the audit log. So a bundle of it proves itself.
package struct Seal: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let log: any AuditLog
    let evidence: any EvidenceFormat
    let inspector: any ModelInspector
    let clock: any WallClock

    /// The most referrers that are read from the index at a time.
    private static let referrersMax = 1_000
    /// No proof is larger.
    private static let proofBytesMax: Int64 = 256 << 10

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
    /// A bill comes with a statement of it, so that somebody vouches for its bytes. Only what a trusted registry's key
    /// signed says that there is one, and only a proof that leads to this log's own checkpoint, or for the version to
    /// that of a trusted log, that an entry is proven: annotations and strangers say nothing. A bill is made anew only
    /// if evidence came after the last one and changed it.
    ///
    /// What was brought here from elsewhere stays as it was there as long as nobody who is trusted here speaks for it
    /// and nothing was decided on it: see `isForeign`.
    package func callAsFunction(_ reference: Reference) async throws -> Int {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        let logIndexes = try await index.logIndexes(of: version.number, in: version.repository)
        let isForeign = try await isForeign(version, manifest, logIndexes)
        var made = 0
        if try await needsBill(version, manifest, isForeign: isForeign) {
            let bill = try await bill(of: version, manifest)
            made += try await attach(bill, type: MediaType.cycloneDX, [:], to: manifest, in: version.repository)
            let (_, statement) = try await writer.attest(
                bill, as: PredicateType.bill, about: manifest, name: "\(version.reference)")
            made += try await attach(statement, to: manifest, in: version.repository)
        }
        let proven = try await proven(of: version, manifest, isForeign: isForeign)
        let origin = String(decoding: log.head.checkpoint.prefix { $0 != 0x0A }, as: UTF8.self)
        for entryIndex in logIndexes where !proven.indexes.contains(entryIndex) {
            guard let bytes = try await log.entries(from: entryIndex, limit: 1).first else { continue }
            let entry = try AuditEntry(parsing: bytes)
            guard entry.kind != .version || !proven.isVersion else { continue }
            made += try await attach(
                try await log.proof(of: entryIndex), type: MediaType.logProof,
                [
                    Annotation.logOrigin: origin, Annotation.logIndex: String(entryIndex),
                    Annotation.logKind: entry.kind.rawValue, Annotation.logSubject: "\(version.reference)",
                ], to: manifest, in: version.repository)
        }
        return made
    }

    /// Whether a version is only kept here: nobody who is trusted signed it or speaks of it, it was never promoted, and
    /// its repository has no policies. Then nothing is asked of what hangs on it, nor could this registry judge it.
    private func isForeign(_ version: Version, _ manifest: Manifest, _ logIndexes: [Int64]) async throws -> Bool {
        guard logIndexes.count <= 1, try await index.policies(in: version.repository).isEmpty,
            try await reader.statements(about: manifest.digest, in: version.repository).isEmpty
        else { return false }
        do {
            return try await reader.signers(of: manifest, in: version.repository).ids.isEmpty
        } catch let error as AssayError where error.code == .pathUnsafe {
            return true  // Nobody can sign files without names.
        }
    }

    // MARK: Proofs

    /// What hangs on a version as proof.
    private struct Proven {
        /// The entries of this log.
        var indexes: Set<Int64> = []
        /// Whether a log proves that the version is one under its name.
        var isVersion = false
    }

    private func proven(of version: Version, _ manifest: Manifest, isForeign: Bool) async throws -> Proven {
        let keys = try await reader.root().keys(.log, for: version.repository, at: clock.now())
        var proven = Proven()
        var cursor: Int64?
        repeat {
            let page = try await index.referrers(
                of: manifest.digest, in: version.repository, artifactType: MediaType.logProof, after: cursor,
                limit: Self.referrersMax)
            for referrer in page.items {
                guard let bytes = try await proof(in: referrer, to: manifest, in: version.repository),
                    let shown = log.evidence(in: bytes, trusted: keys), shown.signer != .unknown || isForeign,
                    // What is no entry of ours shows nothing.
                    let entry = try? AuditEntry(parsing: shown.entry)
                else { continue }
                if shown.signer == .own { proven.indexes.insert(shown.index) }
                let isOfVersion =
                    entry.kind == .version && entry.text(.digest) == manifest.digest.description
                    && entry.text(.repository) == version.repository.text
                    && entry.number(.number) == version.number.value
                if isOfVersion { proven.isVersion = true }
            }
            cursor = page.next.flatMap { Int64($0) }
        } while cursor != nil
        return proven
    }

    /// The document of a referrer that has just the form in which proofs are attached here; nil for any other, which a
    /// reader of bundles may take in another way.
    private func proof(
        in referrer: Descriptor, to manifest: Manifest, in repository: RepositoryName
    ) async throws -> [UInt8]? {
        guard let stored = try await index.manifest(.digest(referrer.digest), in: repository),
            let layer = try stored.parsed().layers.first, layer.size <= Self.proofBytesMax,
            try evidence.documentReferrer(
                BlobRecord(digest: layer.digest, size: layer.size), type: MediaType.logProof,
                annotations: referrer.annotations ?? [:], subject: manifest.descriptor) == stored.bytes
        else { return nil }
        do {
            return try await reader.content(of: layer.digest)
        } catch let error as AssayError where error.code.kind != .storage {
            return nil
        }
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
                Self.add(report, to: &reports)
            }
        }
        let files = try evidence.files(of: manifest)
        let inspect = InspectFiles(blobs: blobs, index: index, evidence: evidence, inspector: inspector)
        return try evidence.bill(
            of: version, files: files, inspections: try await inspect.inspect(files), sources: sources,
            known: try await known(of: sources, reports), reports: reports)
    }

    /// Keeps one report on each dataset, the newest main measurement: one with fewer timed runs, as policies take
    /// for metrics alone, is none beside one of the same evaluator with more.
    private static func add(_ report: VerificationReport, to reports: inout [VerificationReport]) {
        let before = reports.first { $0.dataset == report.dataset }
        if let old = before?.measurements?.latency.runs, let new = report.measurements?.latency.runs,
            before?.evaluator == report.evaluator, new < old
        {
            return
        }
        reports.removeAll { $0.dataset == report.dataset }
        reports.append(report)
    }

    /// What the versions that a bill names say of themselves, as far as they are here.
    private func known(
        of sources: [LineageSource], _ reports: [VerificationReport]
    ) async throws -> [Digest: VersionMetadata] {
        var known: [Digest: VersionMetadata] = [:]
        let named =
            sources.map { ($0.name, $0.digest) }
            + reports.map { ("\($0.dataset.repository):\($0.dataset.number)", Optional($0.dataset.digest)) }
        for (name, digest) in named {
            // A name of another form is that of a run, or of something that is not here.
            guard let digest, let reference = try? Reference(parsing: name),
                let version = try await index.version(reference), version.manifestDigest == digest
            else { continue }
            known[digest] = version.metadata
        }
        return known
    }

    private func needsBill(_ version: Version, _ manifest: Manifest, isForeign: Bool) async throws -> Bool {
        let told = [PredicateType.provenance, PredicateType.verificationReport]
        let signed = try await bills(of: manifest, in: version.repository, isForeign: isForeign)
            .map { try referrer(ofBill: $0, to: manifest) }
        guard !signed.isEmpty else { return true }
        let newest = try await index.attestations(of: manifest.digest, in: version.repository)
            .last { $0.predicateType.map(told.contains) ?? false }
        let present = try referrer(ofBill: try await bill(of: version, manifest), to: manifest)
        var cursor: Int64?
        var isBilled = false
        // In the order in which they came.
        repeat {
            let page = try await index.referrers(
                of: manifest.digest, in: version.repository, artifactType: nil, after: cursor, limit: Self.referrersMax)
            for referrer in page.items
            where signed.contains(referrer.digest) || referrer.digest == newest?.manifestDigest {
                // One that would be made just so again stays the newest.
                if referrer.digest == present, signed.contains(present) { return false }
                isBilled = referrer.digest != newest?.manifestDigest
            }
            cursor = page.next.flatMap { Int64($0) }
        } while cursor != nil
        return !isBilled
    }

    /// The bills that a trusted registry's key signed; for a version that is only kept here, those that anybody did.
    private func bills(
        of manifest: Manifest, in repository: RepositoryName, isForeign: Bool
    ) async throws -> [[UInt8]] {
        guard !isForeign else {
            return try await reader.unverifiedStatements(about: manifest.digest, in: repository)
                .filter { $0.predicateType == PredicateType.bill }.map(\.predicate)
        }
        return try await reader.statements(about: manifest.digest, in: repository)
            .filter { $0.signer.role == .registry && $0.predicateType == PredicateType.bill }.map(\.predicate)
    }

    /// The digest of the referrer that carries a bill.
    private func referrer(ofBill bill: [UInt8], to manifest: Manifest) throws -> Digest {
        let record = BlobRecord(digest: evidence.digest(of: bill), size: Int64(bill.count))
        return evidence.digest(
            of: try evidence.documentReferrer(
                record, type: MediaType.cycloneDX, annotations: [:], subject: manifest.descriptor))
    }

    // MARK: Referrers

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
