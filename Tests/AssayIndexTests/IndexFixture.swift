import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import Testing

/// A database in a folder of its own, and short ways to fill it.
final class IndexFixture {
    let index: SQLiteIndex
    let path: String
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-index-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appending(path: "index.sqlite").path
        index = try SQLiteIndex.open(path: path, log: CountingLog())
    }

    deinit {
        // A folder that stays behind in the temporary directory hurts no other test.
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Opens an index in its own folder for one test.
func withIndex(_ body: (SQLiteIndex) async throws -> Void) async throws {
    let fixture = try IndexFixture()
    try await body(fixture.index)
    try fixture.index.close()
}

/// A clock reading of the tests.
func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

func repositoryName(_ text: String) throws -> RepositoryName { try RepositoryName(parsing: text) }

func number(_ value: Int64) throws -> VersionNumber { try #require(VersionNumber(value)) }

func aliasName(_ text: String) throws -> AliasName { try AliasName(parsing: text) }

/// Digests need no hash here: the index never looks at content.
func digest(_ seed: Int) -> Digest {
    Digest(algorithm: .sha256, bytes: (0..<32).map { UInt8(truncatingIfNeeded: seed >> (8 * ($0 % 8))) })
}

/// The error code that a call ends with; nil if it succeeds.
func code(of body: () async throws -> Void) async -> ErrorCode? {
    do {
        try await body()
        return nil
    } catch let error as AssayError {
        return error.code
    } catch {
        Issue.record(error)
        return nil
    }
}

/// Manifests with made-up digests.
enum Sample {
    static let layerBytes: Int64 = 100

    /// A manifest of one layer, both named by `seed`.
    static func manifest(
        _ seed: Int, layer: Int? = nil, subject: Digest? = nil, artifactType: String? = nil,
        annotations: [String: String] = [:], size: Int64 = layerBytes
    ) throws -> Manifest {
        var fields: [String: Any] = [
            "schemaVersion": 2, "mediaType": MediaType.imageManifest, "annotations": annotations,
            "layers": [
                ["mediaType": MediaType.octetStream, "digest": digest(layer ?? seed).description, "size": size]
            ],
        ]
        if let artifactType { fields["artifactType"] = artifactType }
        if let subject {
            fields["subject"] = ["mediaType": MediaType.imageManifest, "digest": subject.description, "size": 1]
        }
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys))
        return try Manifest(parsing: bytes, digest: digest(1_000_000 + seed), contentType: nil)
    }

    /// An attested statement about a manifest, as the registry stores it.
    static func attachment(_ seed: Int, about subject: Digest) throws -> AssayRegistry.Attachment {
        AssayRegistry.Attachment(
            blobs: [BlobRecord(digest: digest(seed), size: layerBytes)],
            referrer: try manifest(
                seed, subject: subject, artifactType: MediaType.dsseEnvelope,
                annotations: [Annotation.predicateType: PredicateType.verdict]))
    }
}

extension SQLiteIndex {
    /// Links the layer of a sample manifest and publishes it as a version.
    @discardableResult
    func push(
        _ seed: Int, to name: String = "team/fraud", tag: String? = nil, metadata: VersionMetadata = VersionMetadata(),
        model: ModelSummary? = nil, lineage: [(LineageRelation, String)] = [], kind: Repository.Kind? = nil,
        attachments: [AssayRegistry.Attachment] = [], at: Int64 = 1
    ) async throws -> PublicationOutcome {
        let name = try repositoryName(name)
        if let kind { _ = try await createRepository(name, kind: kind, at: time(at)) }
        try await linkBlob(digest(seed), size: Sample.layerBytes, to: name, at: time(at), leasedUntil: time(at))
        let publication = Publication(
            repository: name, kind: kind, manifest: try Sample.manifest(seed),
            intent: .version(try tag.map { try Tag(parsing: $0) }), metadata: metadata, model: model,
            lineage: try lineage.map { LineageDeclaration(relation: $0, source: try Reference(parsing: $1)) },
            attachments: attachments, actor: "tester", at: time(at))
        return try await publish(publication)
    }

    /// The relations that start at a version.
    func relations(of version: LineageNode) async throws -> Set<LineageRelation> {
        let graph = try await lineage(of: version, direction: .ancestors, depth: 1, edgesMax: 100)
        return Set(graph.edges.map(\.relation))
    }

    /// The version of a reference, which must be there.
    func found(_ reference: String) async throws -> Version {
        try #require(try await version(try Reference(parsing: reference)))
    }

    func setAlias(
        _ name: String, to target: Int64?, expecting: AliasMoveRequest.Expectation = .anything,
        in repository: String = "team/fraud", at: Int64 = 5
    ) async throws -> AliasMove {
        try await moveAlias(
            AliasMoveRequest(
                repository: try repositoryName(repository), name: try aliasName(name), target: try target.map(number),
                expectation: expecting, cause: .set, actor: "tester", at: time(at)))
    }
}
