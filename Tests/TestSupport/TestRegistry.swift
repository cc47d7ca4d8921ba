package import AssayAuditLog
package import AssayBlobStore
import AssayBundle
package import AssayCrypto
package import AssayDomain
package import AssayIndex
package import AssayRegistry
import Logging
package import NIOCore
import NIOPosix

/// A registry over a real store in a temporary folder, with a stand-in for the evaluator.
package struct TestRegistry: Sendable {
    package let folder: TemporaryFolder
    package let registry: Registry
    package let index: SQLiteIndex
    package let blobs: FileBlobStore
    /// The blob store as the registry sees it.
    package let hookedBlobs: HookedBlobStore
    package let keys: TestSigningKeys
    package let log: FileAuditLog
    package let logKey: Ed25519PrivateKey
    package let host: ScriptedHost
    /// The time of day.
    package let clock = SteppingClock()
    /// The time by which leases end.
    package let steadyClock = SteppingClock()
    package let registryKey: PrivateKey
    package let releaseKey: PrivateKey

    /// The release key is trusted from the start.
    package init(
        host: ScriptedHost = ScriptedHost(), evaluators: EvaluatorSettings = EvaluatorSettings()
    ) async throws {
        var settings = StoreSettings()
        settings.evaluators = evaluators
        folder = try TemporaryFolder()
        registryKey = try PrivateKey.generate()
        releaseKey = try PrivateKey.generate()
        let ids = SequentialIDs()
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        blobs = try FileBlobStore(root: folder.path, threads: threads, ids: ids, logger: Logger(label: "test"))
        logKey = try Ed25519PrivateKey.generate()
        keys = TestSigningKeys(registryKey, logKeyID: logKey.publicKey.id)
        log = try FileAuditLog(
            folder: folder.path + "/log", key: logKey, threads: threads, logger: Logger(label: "test"))
        index = try SQLiteIndex.open(path: folder.path + "/index.sqlite", log: log)
        self.host = host
        hookedBlobs = HookedBlobStore(blobs)
        registry = try Registry(
            blobs: hookedBlobs, index: index, log: log, evidence: SignedEvidence(signer: keys.signer),
            inspector: ONNXInspector(),
            host: host, clock: clock, steadyClock: steadyClock, ids: ids,
            codes: try MessageKey(secret: SecureRandom.bytes(32)),
            logger: Logger(label: "test"), settings: settings,
            keys: keys)
        try await trust(registryKey.publicKey.pem, as: .registry)
        try await trust(releaseKey.publicKey.pem, as: .release)
        try await trust(logKey.publicKey.pem, as: .log)
    }

    /// Trusts a key under the name of its role.
    package func trust(_ pem: String, as role: TrustedKey.Role) async throws {
        _ = try await registry.trust.trust(
            ManageTrust.Request(pem: pem, name: role.rawValue, role: role), by: .local)
    }

    /// Pushes a blob and gives its record.
    package func push(_ content: [UInt8], to repository: RepositoryName) async throws -> BlobRecord {
        let ticket = try await registry.blobs.begin(in: repository)
        let digest = Digest.sha256(of: content)
        try await registry.blobs.finish(ticket, appending: Chunks([content]), at: 0, as: digest)
        return BlobRecord(digest: digest, size: Int64(content.count))
    }

    /// Pushes files as a version, signed by `key` if there is one.
    package func publish(
        _ files: [String: String], to name: String, kind: Repository.Kind = .model, signedBy key: PrivateKey? = nil,
        tag: Tag? = nil, metadata: VersionMetadata = VersionMetadata(), lineage: [LineageDeclaration] = []
    ) async throws -> Publish.Outcome {
        let repository = try RepositoryName(parsing: name)
        var packed: [ModelFile] = []
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            let record = try await push(Array(text.utf8), to: repository)
            packed.append(ModelFile(path: path, digest: record.digest, size: record.size))
        }
        let documents = try ModelPack.build(packed, kind: kind)
        _ = try await push(documents.config, to: repository)
        let signed = packed.map { VersionFile(path: $0.path, digest: $0.digest, size: $0.size) }
        return try await registry.publish(
            Publish.Request(
                repository: repository, kind: kind, manifest: documents.manifest,
                mediaType: MediaType.imageManifest, intent: .version(tag), metadata: metadata, lineage: lineage,
                signatures: try key.map { [try ModelSignature.sign(signed, name: name, key: $0)] } ?? []),
            by: .local)
    }
}

/// A body in pieces.
package struct Chunks: AsyncSequence, Sendable {
    package typealias Failure = any Error

    private let pieces: [[UInt8]]
    private let failure: (any Error & Sendable)?

    /// After the pieces comes the failure, if there is one.
    package init(_ pieces: [[UInt8]], then failure: (any Error & Sendable)? = nil) {
        self.pieces = pieces
        self.failure = failure
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var rest: ArraySlice<[UInt8]>
        let failure: (any Error & Sendable)?

        package mutating func next() async throws -> ByteBuffer? {
            if let piece = rest.popFirst() { return ByteBuffer(bytes: piece) }
            if let failure { throw failure }
            return nil
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: pieces[...], failure: failure) }
}
