package import AssayDomain

/// The one way a version comes to be, whichever door the push came by.
package struct Publish: Sendable {
    /// What a caller wants to publish; the blobs were pushed before.
    package struct Request: Sendable {
        package var repository: RepositoryName
        package var kind: Repository.Kind?
        package var manifest: [UInt8]
        package var mediaType: String?
        /// Set where the caller named the manifest by digest.
        package var expectedDigest: Digest?
        package var intent: Publication.Intent
        /// Nil takes what the manifest's annotations say.
        package var metadata: VersionMetadata?
        package var lineage: [LineageDeclaration]
        package var signatures: [[UInt8]]
        /// Envelopes with statements about the manifest, such as provenance that the pusher signed.
        package var attestations: [[UInt8]]
        /// Whether the registry signs what the pusher says of the version, where no provenance comes along.
        package var makesProvenance: Bool

        package init(
            repository: RepositoryName, kind: Repository.Kind? = nil, manifest: [UInt8], mediaType: String?,
            expectedDigest: Digest? = nil, intent: Publication.Intent, metadata: VersionMetadata? = nil,
            lineage: [LineageDeclaration] = [], signatures: [[UInt8]] = [], attestations: [[UInt8]] = [],
            makesProvenance: Bool = true
        ) {
            self.repository = repository
            self.kind = kind
            self.manifest = manifest
            self.mediaType = mediaType
            self.expectedDigest = expectedDigest
            self.intent = intent
            self.metadata = metadata
            self.lineage = lineage
            self.signatures = signatures
            self.attestations = attestations
            self.makesProvenance = makesProvenance
        }
    }

    package struct Outcome: Sendable {
        package let manifest: Manifest
        /// Nil if the manifest was only stored.
        package let version: Version?
        package let isNew: Bool
    }

    /// The most signatures, and the most statements, that come with one push.
    package static let signaturesMax = 16
    /// The most sources that one push declares.
    package static let lineageMax = 256

    private static let referrerAnnotationBytesMax = 64 << 10

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let inspector: any ModelInspector
    let clock: any WallClock
    /// The largest manifest that is accepted, in bytes.
    package let manifestBytesMax: Int

    /// Stores the manifest, and with it a version, its signatures and its lineage, or nothing of it.
    ///
    /// Throws `manifest-invalid`, `manifest-too-large`, `digest-mismatch`, `metadata-invalid`, `signature-invalid`,
    /// `dataset-unsupported` for a model named as data, and what `Index.publish` throws. Repeating it gives the same
    /// version.
    package func callAsFunction(_ request: Request, by principal: Principal) async throws -> Outcome {
        let manifest = try parse(request)
        try request.metadata?.check()
        guard request.lineage.count <= Self.lineageMax, request.signatures.count <= Self.signaturesMax,
            request.attestations.count <= Self.signaturesMax
        else {
            throw AssayError(
                .tooManyEntries, "the push declares too much",
                reason: "at most \(Self.lineageMax) sources, \(Self.signaturesMax) signatures and as many statements "
                    + "fit in one push")
        }
        let sources = try await sources(of: request.lineage)
        for blob in manifest.requiredBlobs where try await blobs.size(of: blob.digest) == nil {
            throw AssayError(
                .blobUnknown, "blob \(blob.digest) is not there", remedy: "push the blob, then the manifest")
        }
        let isVersion = request.intent != .content
        let files = isVersion ? try evidence.files(of: manifest) : []
        var attachments = try await attachSignatures(
            request.signatures, to: manifest, files: files, in: request.repository)
        let metadata = request.metadata ?? VersionMetadata(annotations: manifest.annotations)
        let statements = StatementAttachments(blobs: blobs, index: index, evidence: evidence)
        let before =
            request.attestations.isEmpty
            ? [] : try await index.attestations(of: manifest.digest, in: request.repository)
        let attached = try await statements.attach(request.attestations, to: manifest, besides: before)
        attachments += attached.attachments
        var origins = attached.origins
        if isVersion {
            origins += try await statements.origins(of: manifest.digest, in: request.repository)
            if request.makesProvenance, origins.isEmpty, request.metadata != nil || !sources.isEmpty {
                let provenance = Provenance(
                    builderID: Provenance.registryBuilderID, metadata: metadata, sources: sources)
                attachments += try await statements.sign(provenance, of: manifest, in: request.repository)
            }
        } else {
            origins += try await statements.origin(in: manifest, of: request.repository)
        }
        let outcome = try await index.publish(
            Publication(
                repository: request.repository, kind: request.kind, manifest: manifest, intent: request.intent,
                metadata: metadata, model: isVersion ? try await inspect(files, in: request.repository) : nil,
                lineage: request.lineage, attachments: attachments, origins: origins, actor: principal.name,
                at: clock.now()))
        return Outcome(manifest: manifest, version: outcome.version, isNew: outcome.isNew)
    }

    /// The declared sources by digest. Throws `version-not-found`, and `dataset-unsupported` for a model named as data.
    private func sources(of lineage: [LineageDeclaration]) async throws -> [LineageSource] {
        var sources: [LineageSource] = []
        for declaration in lineage {
            let version = try await Catalog(index: index).version(declaration.source)
            if declaration.relation.isOfData { try Verify.requireDataset(version) }
            sources.append(
                LineageSource(
                    relation: declaration.relation, name: "\(version.reference)", digest: version.manifestDigest))
        }
        return sources
    }

    /// Makes an empty repository, or finds the one there is. Throws `kind-conflict`.
    package func createRepository(_ name: RepositoryName, kind: Repository.Kind) async throws -> Repository {
        try await index.createRepository(name, kind: kind, at: clock.now())
    }

    private func parse(_ request: Request) throws -> Manifest {
        guard request.manifest.count <= manifestBytesMax else {
            throw AssayError(
                .manifestTooLarge, "the manifest has \(request.manifest.count) bytes",
                reason: "at most \(manifestBytesMax) are accepted")
        }
        let algorithm = request.expectedDigest?.algorithm ?? .sha256
        let digest = evidence.digest(of: request.manifest, algorithm: algorithm)
        if let expected = request.expectedDigest, expected != digest {
            throw AssayError(
                .digestMismatch, "the manifest is not \(expected)", reason: "its bytes hash to \(digest)",
                remedy: "send the bytes that the digest was made of")
        }
        let manifest = try evidence.readManifest(request.manifest, digest: digest, contentType: request.mediaType)
        // Every list of referrers repeats their annotations.
        let annotationBytes = manifest.annotations.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard manifest.subject == nil || annotationBytes <= Self.referrerAnnotationBytesMax else {
            throw AssayError(
                .manifestTooLarge, "the annotations of a referrer have \(annotationBytes) bytes",
                reason: "at most \(Self.referrerAnnotationBytesMax) are accepted", remedy: "put the content in a layer")
        }
        return manifest
    }

    /// What the first ONNX file says of itself. A broken one says nothing, and can still be stored.
    private func inspect(_ files: [VersionFile], in repository: RepositoryName) async throws -> ModelSummary? {
        guard let file = files.first(where: { ONNXFileName.isModel($0.path) }),
            try await index.blobSize(file.digest, in: repository) != nil
        else { return nil }
        return try await blobs.withLocalFile(of: file.digest) { path in
            try await inspector.inspect(localFile: path, as: file.path)
        }
    }

    /// The signatures that say something new: a second valid one by a trusted key over the same files does not.
    private func attachSignatures(
        _ signatures: [[UInt8]], to manifest: Manifest, files: [VersionFile], in repository: RepositoryName
    ) async throws -> [Attachment] {
        guard !signatures.isEmpty else { return [] }
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        let writer = WriteEvidence(blobs: blobs, evidence: evidence)
        let now = clock.now()
        let root = try await reader.root()
        let trusted = root.keys(.release, for: repository, at: now)
        var signers = Set(try await reader.signers(of: manifest, in: repository).ids)
        var attachments: [Attachment] = []
        for bundle in signatures {
            try evidence.checkForm(ofModelSignature: bundle, over: files)
            try evidence.checkClaim(ofModelSignature: bundle, known: root.keys)
            // A key that is not trusted yet may be trusted later, so its signature is kept.
            let signer = try? evidence.signer(
                ofModelSignature: bundle, over: files, trusted: trusted, at: now)
            if let signer, !signers.insert(signer).inserted { continue }
            attachments.append(try await writer.attach(modelSignature: bundle, to: manifest))
        }
        return attachments
    }
}
