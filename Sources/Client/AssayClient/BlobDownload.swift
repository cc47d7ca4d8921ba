import AssayCrypto
import AssayDomain
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One blob on its way from the server into a file.
final class BlobDownload {
    /// How many bytes are gathered before they are hashed and written in one job.
    private static let batchBytes = 1 << 20

    private let client: AssayClient
    private let blob: Descriptor
    private let repository: RepositoryName
    private let draft: DraftFile
    private let progress: @Sendable (Int64) -> Void
    private var digest: StreamingDigest
    /// How many bytes are in the file and in the digest.
    private var position: Int64 = 0

    init(
        client: AssayClient, blob: Descriptor, repository: RepositoryName, draft: DraftFile,
        progress: @escaping @Sendable (Int64) -> Void
    ) {
        self.client = client
        self.blob = blob
        self.repository = repository
        self.draft = draft
        self.progress = progress
        digest = StreamingDigest(blob.digest.algorithm)
    }

    static func mismatch(_ digest: Digest) -> AssayError {
        AssayError(
            .digestMismatch, "the server sent other bytes than those of \(digest)",
            remedy: "try again; if it stays so, the server's copy or the way to it is damaged")
    }

    /// Downloads what an earlier try left out, and checks the whole; throws `digest-mismatch`.
    func run(continuing earlier: LocalFile?) async throws {
        if let earlier, 0 < earlier.size, earlier.size <= blob.size {
            try await client.files.update(digest, with: earlier, range: 0..<earlier.size, progress: progress)
            position = earlier.size
        } else if draft.initialSize > 0 {
            try await restart()
        }
        let hadEarlierBytes = position > 0
        try await receive()
        if digest.finalize() == blob.digest { return }
        guard hadEarlierBytes else { throw Self.mismatch(blob.digest) }
        // What the earlier try left may be the fault.
        try await restart()
        try await receive()
        guard digest.finalize() == blob.digest else { throw Self.mismatch(blob.digest) }
    }

    private func restart() async throws {
        try await client.files.run { [draft] in try draft.truncate() }
        digest = StreamingDigest(blob.digest.algorithm)
        position = 0
    }

    private func receive() async throws {
        try await client.transport.retry.run(position: { position }) {
            if position < blob.size || blob.size == 0 { try await receiveOnce() }
        }
    }

    private func receiveOnce() async throws {
        let transport = client.transport
        var request = transport.request(.GET, "/v2/\(repository)/blobs/\(blob.digest)")
        if position > 0 { request.headers.add(name: "Range", value: "bytes=\(position)-") }
        let response = try await transport.send(request)
        switch response.status {
        case .ok: if position > 0 { try await restart() }
        case .partialContent: try checkRange(of: response)
        default: throw await transport.ociError(response, doing: "to give \(blob.digest)")
        }
        try await Transport.translating(transport.endpoint, transport.retry.patience) {
            try await self.take(response.body)
        }
        guard position == blob.size else {
            throw AssayError(.serverUnreachable, "the connection to \(transport.endpoint) ended too early")
        }
    }

    private func checkRange(of response: HTTPClientResponse) throws {
        let text = response.headers.first(name: "Content-Range") ?? ""
        guard text.hasPrefix("bytes \(position)-") else {
            throw AssayError(.serverRefused, "the server sent another part of \(blob.digest) than was asked for")
        }
    }

    /// Writes and hashes a batch while the next one is received.
    ///
    /// Batches are copied together: a chunk may hold far more memory than bytes, and many of them would add up.
    private func take(_ body: HTTPClientResponse.Body) async throws {
        var batch = Self.emptyBatch
        var writing: EventLoopFuture<Void>?
        var pace = Pace(client.transport.retry.patience)
        do {
            for try await var chunk in body {
                try pace.took(chunk.readableBytes, from: client.transport.endpoint)
                batch.writeBuffer(&chunk)
                guard batch.readableBytes >= Self.batchBytes else { continue }
                try await finish(&writing)
                writing = try start(batch)
                batch = Self.emptyBatch
            }
        } catch {
            // What has arrived whole is worth keeping: the next try goes on behind it.
            try await finish(&writing)
            throw error
        }
        try await finish(&writing)
        if batch.readableBytes > 0 {
            writing = try start(batch)
            try await finish(&writing)
        }
    }

    private static var emptyBatch: ByteBuffer {
        ByteBufferAllocator().buffer(capacity: batchBytes + AssayClient.receiveBytesMax)
    }

    private func start(_ batch: ByteBuffer) throws -> EventLoopFuture<Void> {
        let offset = position
        guard Int64(batch.readableBytes) <= blob.size - offset else { throw Self.mismatch(blob.digest) }
        position += Int64(batch.readableBytes)
        return client.files.start { [draft, digest] in
            try batch.withUnsafeReadableBytes { bytes in
                digest.update(bytes)
                try draft.write(bytes, at: offset)
            }
        }
    }

    private func finish(_ writing: inout EventLoopFuture<Void>?) async throws {
        guard let pending = writing else { return }
        writing = nil
        try await pending.get()
        progress(position)
    }
}
