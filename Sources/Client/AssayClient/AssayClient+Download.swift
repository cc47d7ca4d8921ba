package import APIProtocol
import AssayCrypto
package import AssayDomain
import AsyncHTTPClient
package import NIOCore
import NIOHTTP1

/// Where a download goes: a name in a folder that is already open.
package struct DownloadTarget: Sendable {
    let folder: FolderHandle
    let name: String
    let isReplacing: Bool

    /// `isReplacing` says whether a file that has the name may be replaced.
    package init(folder: FolderHandle, name: String, isReplacing: Bool) {
        self.folder = folder
        self.name = name
        self.isReplacing = isReplacing
    }

    /// The name of the unfinished file, which says what it will be, so that a later pull can go on with it; files of
    /// equal content each have their own.
    func draftName(for digest: Digest) -> String {
        ".assay-\(digest.hex.prefix(32))-\(Digest.sha256(of: Array(name.utf8)).hex.prefix(8)).part"
    }
}

extension AssayClient {
    /// Brings a blob into a file; the file has its name only after its bytes hash to the digest.
    ///
    /// A download that was cut goes on where it ended, also one of an earlier process. Throws `digest-mismatch` if the
    /// bytes are wrong, and leaves nothing then; `file-exists` if the name is taken.
    package func download(
        _ blob: Descriptor, from repository: RepositoryName, to target: DownloadTarget,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws {
        let draftName = target.draftName(for: blob.digest)
        let draft = try await files.run { try target.folder.draft(draftName) }
        let download = BlobDownload(
            client: self, blob: blob, repository: repository, draft: draft, progress: progress)
        do {
            try await download.run(continuing: try await files.run { try draft.reader() })
        } catch {
            let kind = (error as? AssayError)?.code.kind
            if !draft.isResumable || kind == .integrity || kind == .storage { target.folder.remove(draft.name) }
            throw error
        }
        try await files.run {
            try target.folder.publish(draft, as: target.name, replacing: target.isReplacing)
        }
    }

    /// Hands over the bytes of a blob in order, going on behind the last ones after a cut.
    ///
    /// The receiver gets each byte once and checks the digest itself. Throws `server-unreachable` if a blob ends early.
    package func read(
        _ blob: Descriptor, from repository: RepositoryName, to receive: (ByteBuffer) async throws -> Void
    ) async throws {
        var position: Int64 = 0
        try await transport.retry.run(position: { position }) {
            guard position < blob.size else { return }
            let response = try await answer(for: blob.digest, in: repository, from: position)
            try await Transport.translating(transport.endpoint, transport.retry.patience) {
                var pace = Pace(transport.retry.patience)
                for try await chunk in response.body {
                    try pace.took(chunk.readableBytes, from: transport.endpoint)
                    guard Int64(chunk.readableBytes) <= blob.size - position else {
                        throw BlobDownload.mismatch(blob.digest)
                    }
                    try await receive(chunk)
                    position += Int64(chunk.readableBytes)
                }
            }
            guard position == blob.size else {
                throw AssayError(.serverUnreachable, "the connection to \(transport.endpoint) ended too early")
            }
        }
    }

    /// The answer that carries a blob from a position on; a server that sends all of it again is refused.
    private func answer(
        for digest: Digest, in repository: RepositoryName, from position: Int64
    ) async throws -> HTTPClientResponse {
        var request = transport.request(.GET, "/v2/\(repository)/blobs/\(digest)")
        if position > 0 { request.headers.add(name: "Range", value: "bytes=\(position)-") }
        let response = try await transport.send(request)
        guard response.status == (position > 0 ? .partialContent : .ok) else {
            throw await transport.ociError(response, doing: "to give \(digest)")
        }
        return response
    }

    /// Attaches a manifest that refers to another one; safe to repeat.
    package func attach(_ manifest: Manifest, in repository: RepositoryName) async throws {
        var request = transport.request(.PUT, "/v2/\(repository)/manifests/\(manifest.digest)")
        request.headers.add(name: "Content-Type", value: manifest.mediaType)
        request.body = .bytes(ByteBuffer(bytes: manifest.bytes))
        try await transport.retry.run {
            let response = try await transport.send(request)
            guard response.status == .created else {
                throw await transport.ociError(response, doing: "the manifest \(manifest.digest)")
            }
            if let told = response.headers.first(name: "Docker-Content-Digest") {
                try AnswerCheck.demand(
                    told == manifest.digest.description, asked: "\(manifest.digest)", answered: told)
            }
        }
    }

    /// A small blob in memory, checked against its digest; throws `body-too-large` above the limit.
    package func content(
        of digest: Digest, in repository: RepositoryName, bytesMax: Int = Manifest.bytesMax
    ) async throws -> [UInt8] {
        try await document(
            "/v2/\(repository)/blobs/\(digest)", digest: digest, accept: [MediaType.octetStream], bytesMax: bytesMax)
    }

    /// A manifest by its digest, checked against it and read.
    package func manifest(_ digest: Digest, in repository: RepositoryName) async throws -> Manifest {
        let accepted = [
            MediaType.imageManifest, MediaType.imageIndex, MediaType.dockerManifest, MediaType.dockerManifestList,
        ]
        let bytes = try await document(
            "/v2/\(repository)/manifests/\(digest)", digest: digest, accept: accepted, bytesMax: Manifest.bytesMax)
        return try Manifest(parsing: bytes, digest: digest, contentType: nil)
    }

    /// The manifests that refer to a digest, perhaps only those of one type.
    package func referrers(
        of digest: Digest, in repository: RepositoryName, artifactType: String? = nil
    ) async throws -> [Descriptor] {
        var found: [Descriptor] = []
        var last: String?
        var walk = PageWalk()
        repeat {
            let (bytes, link) = try await answer(
                "/v2/\(repository)/referrers/\(digest)", query: ["artifactType": artifactType, "last": last],
                accept: [MediaType.imageIndex], bytesMax: Manifest.bytesMax)
            let index = try Manifest(parsing: bytes, digest: .sha256(of: bytes), contentType: MediaType.imageIndex)
            found += index.children
            guard found.count <= Self.referrersMax else {
                throw AssayError(.tooManyEntries, "\(repository)@\(digest) has over \(Self.referrersMax) referrers")
            }
            last = index.children.isEmpty ? nil : try walk.step(to: link.flatMap(Self.cursor))
        } while last != nil
        // A server may leave the filter to the client (distribution-spec 1.1.1, "Listing Referrers").
        return found.filter { artifactType == nil || $0.artifactType == artifactType }
    }

    /// The first manifests that refer to a digest, perhaps only those of one type, read and compared with it.
    ///
    /// Throws `answer-mismatch` for one that refers to something else.
    package func referrerManifests(
        of digest: Digest, in repository: RepositoryName, artifactType: String? = nil, countMax: Int
    ) async throws -> [Manifest] {
        let list = try await referrers(of: digest, in: repository, artifactType: artifactType)
        var manifests: [Manifest] = []
        for descriptor in list.prefix(countMax) {
            guard let manifest = try await referrerManifest(descriptor.digest, of: digest, in: repository) else {
                continue
            }
            manifests.append(manifest)
        }
        return manifests
    }

    /// A manifest that refers to another one, read and compared with it. Nil where it is gone or cannot be read:
    /// whoever may push can attach it, and it must not stop those who look for something else.
    ///
    /// Throws `answer-mismatch` for one that refers to something else.
    package func referrerManifest(
        _ referrer: Digest, of digest: Digest, in repository: RepositoryName
    ) async throws -> Manifest? {
        let manifest: Manifest
        do {
            manifest = try await self.manifest(referrer, in: repository)
        } catch let error as AssayError where Self.unreadable.contains(error.code.kind) {
            return nil
        }
        try AnswerCheck.demand(
            manifest.subject?.digest == digest, asked: "what refers to \(digest)",
            answered: "\(referrer), which refers to \(manifest.subject?.digest.description ?? "nothing")")
        return manifest
    }

    /// How content that somebody attached can be missing: gone, damaged, too large, malformed, or on a bad disk.
    private static let unreadable: Set<ErrorCode.Kind> = [.notFound, .integrity, .tooLarge, .invalid, .storage]

    /// What is attached to a version, each compared with the manifest that carries it: the list does not say of what it
    /// is. Throws `answer-mismatch`.
    package func attestations(about version: Version) async throws -> ListResponse<AttestationResponse> {
        let list = try await attestations(of: version.reference)
        for item in list.items {
            let carrier: Manifest
            do {
                carrier = try await manifest(item.manifestDigest, in: version.repository)
            } catch let error as AssayError where Self.unreadable.contains(error.code.kind) {
                continue  // It was deleted meanwhile, or cannot be read.
            }
            try AnswerCheck.demand(
                carrier.subject?.digest == version.manifestDigest
                    && carrier.layers.contains { $0.digest == item.envelopeDigest },
                asked: "what is attached to \(version.manifestDigest)",
                answered: "\(item.manifestDigest), which is attached to "
                    + (carrier.subject?.digest.description ?? "nothing"))
        }
        return list
    }

    /// What is attached to a version, by its digest. Nil where it is too large, gone or damaged: such a thing proves
    /// nothing, and whoever may push can attach it.
    package func attachedContent(
        _ digest: Digest, in repository: RepositoryName, bytesMax: Int
    ) async throws -> [UInt8]? {
        do {
            return try await content(of: digest, in: repository, bytesMax: bytesMax)
        } catch let error as AssayError where Self.unreadable.contains(error.code.kind) {
            return nil
        }
    }

    /// The most referrers that are read, so that no server can keep a client reading for ever.
    private static let referrersMax = 100_000

    /// Where the next page of a list begins, as the answer's Link says; nil on the last page.
    private static func cursor(in link: String) -> String? {
        guard let start = link.firstRange(of: "last=")?.upperBound else { return nil }
        return String(link[start...].prefix { !"&>".contains($0) })
    }

    private func document(
        _ path: String, digest: Digest, accept: [String], bytesMax: Int
    ) async throws -> [UInt8] {
        let (bytes, _) = try await answer(path, accept: accept, bytesMax: bytesMax)
        guard Digest.of(bytes, algorithm: digest.algorithm) == digest else { throw BlobDownload.mismatch(digest) }
        return bytes
    }

    /// The body of an answer, and its Link header.
    private func answer(
        _ path: String, query: Query = [:], accept: [String], bytesMax: Int
    ) async throws -> (bytes: [UInt8], link: String?) {
        var request = transport.request(.GET, path, query: query)
        request.headers.add(name: "Accept", value: accept.joined(separator: ", "))
        return try await transport.retry.run {
            let response = try await transport.send(request)
            guard response.status == .ok else { throw await transport.ociError(response, doing: "to give \(path)") }
            let bytes = try await transport.body(of: response, bytesMax: bytesMax)
            return (bytes, response.headers.first(name: "Link"))
        }
    }
}
