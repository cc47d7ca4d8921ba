import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What is to become a version.
struct PushPlan: Sendable {
    let repository: RepositoryName
    let kind: Repository.Kind?
    let files: [ScannedFile]
    let key: (any MessageSigner)?
    /// Who ran the training, for provenance that the key signs.
    let builderID: String
    let tag: String?
    let metadata: VersionMetadata
    let lineage: [LineageDeclaration]
    let run: TrainingRun
    /// A signature that lies beside the files.
    var brought: BroughtSignature?
}

/// What a push came to.
struct PushResult: Encodable, Sendable {
    let version: Version
    let isNew: Bool
    let fileCount: Int
    let sentBytes: Int64
    /// What did not have to be sent, because the registry had it.
    let savedBytes: Int64
}

/// A blob that may have to be sent.
struct PendingBlob: Sendable {
    let digest: Digest
    let size: Int64
    /// Opens where its bytes are.
    let open: @Sendable () throws -> UploadSource
}

/// Makes local files a version: hash, send what is missing, publish.
struct Publisher: Sendable {
    /// How many blobs are on their way at a time.
    static let concurrentTransfers = 4

    let client: AssayClient
    let journal: UploadJournal
    /// Digests of files that were pushed before.
    let digests: DigestCache
    /// Whether every file is read, whatever is remembered of it.
    let rehashes: Bool
    let display: ProgressDisplay

    /// A file as it was when it was hashed; it is opened again when it is sent, so that few are open at a time.
    private struct HashedFile: Sendable {
        let path: String
        let localPath: String
        let digest: Digest
        let identity: FileIdentity

        func open() throws -> UploadSource {
            let file = try LocalFile(opening: localPath)
            guard file.identity == identity else {
                throw AssayError(
                    .changedWhileReading, "\(Printable.quote(localPath)) changed while it was read",
                    remedy: "try again when nothing writes to it")
            }
            return UploadSource(file, digest: digest)
        }
    }

    func push(_ plan: PushPlan) async throws -> PushResult {
        let (files, brought) = try await choose(among: try await hash(plan.files), plan)
        let kind = try await kind(of: plan)
        let documents = try await documents(of: files, kind: kind, in: plan.repository)
        try await checkLimit(documents.manifest)
        var signatures = brought.map { [String(decoding: $0, as: UTF8.self)] }
        var attestations: [String] = []
        if let key = plan.key {
            let signed = files.map { VersionFile(path: $0.path, digest: $0.digest, size: $0.identity.size) }
            let signing = Signing(signer: key, client: client)
            let signature = try await signing.sign(signed, name: plan.repository.text)
            signatures = (signatures ?? []) + [String(decoding: signature, as: UTF8.self)]
            let manifest = try Manifest(
                parsing: documents.manifest, digest: .sha256(of: documents.manifest),
                contentType: MediaType.imageManifest)
            let binding = try BindingPredicate.statement(binding: manifest, name: plan.repository.text)
            attestations += try await say(binding, of: plan.repository, manifest.digest, by: signing)
            attestations += try await provenance(of: manifest.digest, plan, by: signing)
            if let fault = try await signing.uncounted(in: plan.repository) { display.note(fault) }
        }
        let config = UploadSource(documents.config)
        let blobs = files.map { PendingBlob(digest: $0.digest, size: $0.identity.size, open: $0.open) }
        let sent = try await send(
            blobs + [PendingBlob(digest: config.digest, size: config.size) { config }], to: plan.repository)
        let response = try await client.publish(
            PublishRequest(
                repository: plan.repository, kind: plan.kind,
                manifest: String(decoding: documents.manifest, as: UTF8.self), mediaType: MediaType.imageManifest,
                tag: plan.tag, metadata: plan.metadata, lineage: plan.lineage,
                signatures: signatures, attestations: attestations.isEmpty ? nil : attestations))
        let total = files.map(\.identity.size).saturatingSum()
        return PushResult(
            version: response.version, isNew: response.isNew, fileCount: files.count, sentBytes: sent,
            savedBytes: max(0, total - sent))
    }

    /// Throws `manifest-too-large` before anything is sent, where the server would refuse the manifest at the end.
    private func checkLimit(_ manifest: [UInt8]) async throws {
        guard manifest.count > Manifest.bytesMaxDefault else { return }
        let limit = try await client.limits().manifestBytesMax
        guard manifest.count <= limit else {
            throw AssayError(
                .manifestTooLarge, "the manifest has \(manifest.count) bytes, because of so many files",
                reason: "the server takes at most \(limit)",
                remedy: "pack small files into an archive, or have the server started with a larger --manifest-limit")
        }
    }

    /// The files that become the version, and the signature beside them if it is theirs; what stays behind is told.
    private func choose(
        among files: [HashedFile], _ plan: PushPlan
    ) async throws -> (files: [HashedFile], signature: [UInt8]?) {
        guard let brought = plan.brought else { return (files, nil) }
        let known = try await client.keys().items
        let choice = try await client.files.run {
            try brought.choose(among: files, known: known) {
                VersionFile(path: $0.path, digest: $0.digest, size: $0.identity.size)
            }
        }
        for note in choice.notes { display.note(note) }
        return (choice.files, choice.signature)
    }

    /// Manifest and config of the files: those of a version that was pushed in an older form, if there is one.
    private func documents(
        of files: [HashedFile], kind: Repository.Kind, in repository: RepositoryName
    ) async throws -> ModelPackDocuments {
        let listed = files.map { ModelFile(path: $0.path, digest: $0.digest, size: $0.identity.size) }
        for form in PlainForm.allCases where form != .current {
            let older = try ModelPack.build(
                listed, kind: kind, properties: Self.properties(of: files), form: form, repository: repository)
            if try await isVersion(.sha256(of: older.manifest), in: repository) { return older }
        }
        return try ModelPack.build(listed, kind: kind, properties: Self.properties(of: files))
    }

    private func isVersion(_ digest: Digest, in repository: RepositoryName) async throws -> Bool {
        do {
            return try await client.version(Reference(repository, .digest(digest))).manifestDigest == digest
        } catch let error as AssayError where error.code.kind == .notFound {
            return false
        }
    }

    /// What the pusher says of the version's origin, signed with the same key as its files; nothing if that is nothing,
    /// or was said before.
    private func provenance(of digest: Digest, _ plan: PushPlan, by signing: Signing) async throws -> [String] {
        guard plan.metadata != VersionMetadata() || !plan.lineage.isEmpty else { return [] }
        var sources: [LineageSource] = []
        for declaration in plan.lineage {
            let version = try await client.version(declaration.source)
            sources.append(
                LineageSource(
                    relation: declaration.relation, name: "\(version.reference)", digest: version.manifestDigest))
        }
        let provenance = Provenance(
            builderID: plan.builderID, metadata: plan.metadata, sources: sources, run: plan.run)
        let statement = Statement(
            subjects: [.init(name: plan.repository.text, digest: digest)],
            predicateType: PredicateType.provenance, predicate: try ProvenancePredicate.encode(provenance))
        return try await say(statement, of: plan.repository, digest, by: signing)
    }

    /// The envelope of a statement; none if the same was said before.
    private func say(
        _ statement: Statement, of repository: RepositoryName, _ digest: Digest, by signing: Signing
    ) async throws -> [String] {
        guard case .now(let envelope) = try await signing.say(statement, of: Reference(repository, .digest(digest)))
        else { return [] }
        return [String(decoding: envelope, as: UTF8.self)]
    }

    /// Sends blobs that the registry does not have, each once; gives the number of bytes sent.
    func send(_ blobs: [PendingBlob], to repository: RepositoryName) async throws -> Int64 {
        var seen: Set<Digest> = []
        let unique = blobs.filter { seen.insert($0.digest).inserted }
        let meter = TransferMeter(display, label: "sending", total: unique.map(\.size).saturatingSum())
        defer { display.end() }
        return try await Transfers.run(unique, width: Self.concurrentTransfers) { index, blob in
            let source = try await client.files.run { try blob.open() }
            return try await client.upload(
                source, to: repository, journal: journal, progress: meter.reporter(of: index))
        }.reduce(0, +)
    }

    private func hash(_ files: [ScannedFile]) async throws -> [HashedFile] {
        let sizes = try await client.files.run { try files.map { try LocalFile(opening: $0.localPath).size } }
        let meter = TransferMeter(display, label: "reading", total: sizes.saturatingSum())
        defer { display.end() }
        var hashed: [HashedFile] = []
        for (index, file) in files.enumerated() {
            let local = try await client.files.run { try LocalFile(opening: file.localPath) }
            let digest = try await digest(of: local, progress: meter.reporter(of: index))
            hashed.append(
                HashedFile(path: file.path, localPath: file.localPath, digest: digest, identity: local.identity))
        }
        return hashed
    }

    private func digest(of file: LocalFile, progress: @Sendable (Int64) -> Void) async throws -> Digest {
        if !rehashes, let known = try await client.files.run({ digests.digest(of: file) }) {
            progress(file.size)
            return known
        }
        let digest = try await client.files.hash(file, progress: progress)
        try await client.files.run { digests.remember(digest, of: file) }
        return digest
    }

    /// The kind that was asked for, or that of the repository; a new one holds models.
    private func kind(of plan: PushPlan) async throws -> Repository.Kind {
        if let kind = plan.kind { return kind }
        do {
            return try await client.repository(plan.repository).kind
        } catch let error as AssayError where error.code.kind == .notFound {
            return .model
        }
    }

    private static func properties(of files: [HashedFile]) -> ModelProperties {
        ModelProperties(format: files.contains { ONNXFileName.isModel($0.path) } ? "onnx" : nil)
    }
}
